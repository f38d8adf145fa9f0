wins(P, board(A, B, C, D, E, F, G, H, I)) :-
    ( A == P, B == P, C == P -> true ; D == P, E == P, F == P -> true ; G == P, H == P, I == P -> true
    ; A == P, D == P, G == P -> true ; B == P, E == P, H == P -> true ; C == P, F == P, I == P -> true
    ; A == P, E == P, I == P -> true ; C == P, E == P, G == P ).
moves(P, board(n, B, C, D, E, F, G, H, I), board(P, B, C, D, E, F, G, H, I)).
moves(P, board(A, n, C, D, E, F, G, H, I), board(A, P, C, D, E, F, G, H, I)).
moves(P, board(A, B, n, D, E, F, G, H, I), board(A, B, P, D, E, F, G, H, I)).
moves(P, board(A, B, C, n, E, F, G, H, I), board(A, B, C, P, E, F, G, H, I)).
moves(P, board(A, B, C, D, n, F, G, H, I), board(A, B, C, D, P, F, G, H, I)).
moves(P, board(A, B, C, D, E, n, G, H, I), board(A, B, C, D, E, P, G, H, I)).
moves(P, board(A, B, C, D, E, F, n, H, I), board(A, B, C, D, E, F, P, H, I)).
moves(P, board(A, B, C, D, E, F, G, n, I), board(A, B, C, D, E, F, G, P, I)).
moves(P, board(A, B, C, D, E, F, G, H, n), board(A, B, C, D, E, F, G, H, P)).
other(x, o).
other(o, x).
value(P, B, _, -1) :- other(P, Q), wins(Q, B), !.
value(_, _, 0, 0) :- !.
value(P, B, N, V) :- findall(M, moves(P, B, M), L), best(L, P, N, -2, V).
best([], _, _, V, V).
best([B|T], P, N, S, V) :-
    other(P, Q), M is N - 1, value(Q, B, M, W), X is -W, ( X > S -> best(T, P, N, X, V) ; best(T, P, N, S, V) ).
start(9, board(n, n, n, n, n, n, n, n, n)).
start(8, board(n, n, n, n, x, n, n, n, n)).
start(7, board(o, n, n, n, x, n, n, n, n)).
start(6, board(o, x, n, n, x, n, n, n, n)).
start(5, board(o, x, n, n, x, n, n, o, n)).
player(N, x) :- N mod 2 =:= 1, !.
player(_, o).
main :- start(@N@, B), player(@N@, P), value(P, B, @N@, V), writeln(V).

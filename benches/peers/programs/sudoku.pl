digit(1). digit(2). digit(3). digit(4).
apart(A, B, C, D) :- A =\= B, A =\= C, A =\= D, B =\= C, B =\= D, C =\= D.
row(row(A, B, C, D)) :- digit(A), digit(B), digit(C), digit(D), apart(A, B, C, D).
boxes(row(A, B, C, D), row(E, F, G, H)) :- apart(A, B, E, F), apart(C, D, G, H).
columns(row(A, B, C, D), row(E, F, G, H), row(I, J, K, L), row(M, N, O, P)) :-
    apart(A, E, I, M), apart(B, F, J, N), apart(C, G, K, O), apart(D, H, L, P).
grid(grid(A, B, C, D)) :- row(A), row(B), boxes(A, B), row(C), row(D), boxes(C, D), columns(A, B, C, D).
grids(0, S, S) :- !.
grids(N, S, R) :- findall(G, grid(G), L), length(L, C), M is N - 1, T is S + C, grids(M, T, R).
main :- grids(@N@, 0, S), writeln(S).

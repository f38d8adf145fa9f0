numbers(0, []) :- !.
numbers(N, [N|T]) :- M is N - 1, numbers(M, T).
sel(X, [X|T], T).
sel(Y, [X|T], [X|R]) :- sel(Y, T, R).
safe([], _, _).
safe([P|T], Q, D) :- Q =\= P + D, Q =\= P - D, E is D + 1, safe(T, Q, E).
place([], B, B) :- !.
place(L, B, R) :- sel(Q, L, T), safe(B, Q, 1), place(T, [Q|B], R).
main :- numbers(@N@, L), findall(B, place(L, [], B), S), length(S, C), writeln(C).

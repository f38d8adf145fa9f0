numbers(0, []) :- !.
numbers(N, [N|T]) :- M is N - 1, numbers(M, T).
sel(X, [X|T], T).
sel(Y, [X|T], [X|R]) :- sel(Y, T, R).
perm([], []) :- !.
perm(L, [X|P]) :- sel(X, L, R), perm(R, P).
main :- numbers(@N@, L), findall(P, perm(L, P), S), length(S, C), writeln(C).

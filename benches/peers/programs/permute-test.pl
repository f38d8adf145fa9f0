numbers(0, []) :- !.
numbers(N, [N|T]) :- M is N - 1, numbers(M, T).
sel(X, [X|T], T).
sel(Y, [X|T], [X|R]) :- sel(Y, T, R).
perm([], []) :- !.
perm(L, [X|P]) :- sel(X, L, R), perm(R, P).
attacks([P|_], Q, D) :- Q =:= P + D, !.
attacks([P|_], Q, D) :- Q =:= P - D, !.
attacks([_|T], Q, D) :- E is D + 1, attacks(T, Q, E).
safe([]).
safe([Q|T]) :- \+ attacks(T, Q, 1), safe(T).
main :- numbers(@N@, L), findall(B, (perm(L, B), safe(B)), S), length(S, C), writeln(C).

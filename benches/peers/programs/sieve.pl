range(F, T, []) :- F > T, !.
range(F, T, [F|R]) :- G is F + 1, range(G, T, R).
without([], _, []).
without([N|T], P, R) :- N mod P =:= 0, !, without(T, P, R).
without([N|T], P, [N|R]) :- without(T, P, R).
sieve([], []).
sieve([P|T], [P|R]) :- without(T, P, W), sieve(W, R).
count([], N, N).
count([_|T], N, C) :- M is N + 1, count(T, M, C).
main :- range(2, @N@, L), sieve(L, S), count(S, 0, C), writeln(C).

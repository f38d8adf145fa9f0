twice(F, X, R) :- call(F, X, Y), call(F, Y, R).
numeral(z, _, X, X).
numeral(s(N), F, X, R) :- numeral(N, F, X, Y), call(F, Y, R).
peano(0, z) :- !.
peano(N, s(P)) :- M is N - 1, peano(M, P).
increment(N, M) :- M is N + 1.
grow(X, R) :- peano(100, N), numeral(N, increment, X, R).
steps(0, X, X) :- !.
steps(N, X, R) :- twice(grow, X, Y), M is N - 1, steps(M, Y, R).
main :- steps(@N@, 0, R), writeln(R).

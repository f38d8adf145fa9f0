type(z, nat).
type(s(X), nat) :- type(X, nat).
nat(0, X, X) :- !.
nat(N, X, R) :- M is N - 1, nat(M, s(X), R).
main :- nat(@N@, z, T), type(T, R), writeln(R).

plus_(z, Y, Y).
plus_(s(X), Y, s(R)) :- plus_(X, Y, R).
times(z, _, z).
times(s(X), Y, R) :- times(X, Y, T), plus_(Y, T, R).
from_int(0, z) :- !.
from_int(N, s(X)) :- M is N - 1, from_int(M, X).
to_int(z, N, N).
to_int(s(X), A, N) :- B is A + 1, to_int(X, B, N).
main :- from_int(@N@, A), times(A, A, P), to_int(P, 0, R), writeln(R).

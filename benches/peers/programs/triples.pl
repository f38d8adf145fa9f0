from(A, B, A) :- A =< B.
from(A, B, C) :- A < B, D is A + 1, from(D, B, C).
triple(N, t(X, Y, Z)) :- from(1, N, X), from(X, N, Y), from(Y, N, Z), X*X + Y*Y =:= Z*Z.
main :- findall(T, triple(@N@, T), S), length(S, C), writeln(C).

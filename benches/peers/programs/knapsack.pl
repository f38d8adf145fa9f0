items(0, []) :- !.
items(N, [item(W, V)|T]) :- W is 1 + (N * 7) mod 11, V is 1 + (N * 13) mod 17, M is N - 1, items(M, T).
larger(A, B, A) :- A > B, !.
larger(_, B, B).
best([], _, 0).
best([item(W, _)|T], R, B) :- W > R, !, best(T, R, B).
best([item(W, V)|T], R, B) :- best(T, R, X), S is R - W, best(T, S, Y), Z is V + Y, larger(X, Z, B).
main :- items(@N@, L), R is 3 * @N@, best(L, R, B), writeln(B).

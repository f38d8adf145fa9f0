:- use_module(library(apply)).
double(X, Y) :- Y is X * 2.
kept(X) :- 0 =:= X mod 3.
add(X, A, B) :- B is A + X.
main :- numlist(1, @N@, L), maplist(double, L, D), include(kept, D, K), foldl(add, K, 0, R), writeln(R).

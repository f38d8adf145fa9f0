numbers(A, B, []) :- A > B, !.
numbers(A, B, [A|T]) :- C is A + 1, numbers(C, B, T).
map(_, [], []).
map(F, [X|T], [Y|R]) :- call(F, X, Y), map(F, T, R).
filter(_, [], []).
filter(F, [X|T], R) :- call(F, X), !, R = [X|S], filter(F, T, S).
filter(F, [_|T], R) :- filter(F, T, R).
fold(_, A, [], A).
fold(F, A, [X|T], R) :- call(F, A, X, B), fold(F, B, T, R).
double(X, Y) :- Y is X * 2.
kept(X) :- 0 =:= X mod 3.
add(X, Y, Z) :- Z is X + Y.
main :- numbers(1, @N@, L), map(double, L, D), filter(kept, D, K), fold(add, 0, K, R), writeln(R).

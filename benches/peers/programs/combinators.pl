step(a(i, X), X) :- !.
step(a(a(k, X), _), X) :- !.
step(a(a(a(s, F), G), X), a(a(F, X), a(G, X))) :- !.
step(a(F, X), a(G, X)) :- step(F, G), !.
step(a(F, X), a(F, Y)) :- step(X, Y).
normal(T, R) :- ( step(T, U) -> normal(U, R) ; R = T ).
numeral(0, a(k, i)) :- !.
numeral(N, a(a(s, a(a(s, a(k, s)), k)), C)) :- M is N - 1, numeral(M, C).
count(z, 0).
count(a(su, T), N) :- count(T, M), N is M + 1.
main :- numeral(@N@, C), normal(a(a(C, su), z), R), count(R, N), writeln(N).

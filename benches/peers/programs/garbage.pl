turn(0, pair(A, B), R) :- !, R is A + B.
turn(N, pair(A, B), R) :- C is N - A, M is N - 1, turn(M, pair(B, C), R).
main :- turn(@N@, pair(0, 0), R), writeln(R).

hanoi(0, _, _, _, 0) :- !.
hanoi(N, F, T, B, C) :- M is N - 1, hanoi(M, F, B, T, X), hanoi(M, B, T, F, Y), C is X + 1 + Y.
main :- hanoi(@N@, left, right, middle, C), writeln(C).

tak(X, Y, Z, Z) :- Y >= X, !.
tak(X, Y, Z, R) :-
    X1 is X - 1, Y1 is Y - 1, Z1 is Z - 1,
    tak(X1, Y, Z, A), tak(Y1, Z, X, B), tak(Z1, X, Y, C), tak(A, B, C, R).
main :- tak(@N@, @N2@, @N3@, R), writeln(R).

loop(0, X, X) :- !.
loop(I, _, R) :- answer(key@LAST@, Y), J is I - 1, loop(J, Y, R).
main :- loop(@Q@, 0, R), writeln(R).

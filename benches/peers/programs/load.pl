:- dynamic edge/2.
main :- edge(7, Y), writeln(Y).

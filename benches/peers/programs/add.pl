:- dynamic edge/2.
fill(@N@) :- !.
fill(I) :- J is I + 1, assertz(edge(I, J)), fill(J).
main :- fill(0), edge(7, Y), writeln(Y).

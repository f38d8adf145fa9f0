:- dynamic edge/2.
main :- findall(p(X, Z), (edge(X, Y), edge(Y, Z)), S), length(S, C), writeln(C).

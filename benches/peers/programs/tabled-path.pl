:- table path/2.
path(X, Y) :- edge(X, Y).
path(X, Y) :- path(X, Z), edge(Z, Y).
main :- findall(Y, path(1, Y), L), length(L, N), writeln(N).

:- table path/2.
path(X, Y) :- edge(X, Y).
path(X, Y) :- edge(X, Z), path(Z, Y).
main :- findall(X-Y, path(X, Y), L), length(L, N), writeln(N).

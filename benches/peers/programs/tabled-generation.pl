:- table same/2.
same(X, X).
same(X, Y) :- parent(X, P), same(P, Q), parent(Y, Q).
main :- findall(Y, same(@N@, Y), L), length(L, C), writeln(C).

child(X, Y) :- parent(X, Y).
cousin(X, C) :- parent(P, X), parent(G, P), child(G, U), U \== P, child(U, C).
below(X, Y) :- child(X, Y).
below(X, Z) :- child(X, Y), below(Y, Z).
main :- findall(C, (parent(_, X), cousin(X, C)), L), length(L, A), findall(Y, below(1, Y), M), length(M, B), S is A + B, writeln(S).

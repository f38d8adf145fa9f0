:- dynamic axiom/2, implies/4.
axiom(stop, path(at(@N@, @N@), at(@N@, @N@))).
implies(trans, edge(X, Y), path(Y, Z), path(X, Z)).
prove(G, proved(N, G)) :- axiom(N, G).
prove(G, proved(t(N, P, Q), G)) :-
    implies(N, A, B, G), prove(A, proved(P, A)), prove(B, proved(Q, B)).
main :- findall(P, prove(path(at(0, 0), at(@N@, @N@)), P), S), length(S, C), writeln(C).

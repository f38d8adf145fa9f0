:- table ways/3.
ways(0, _, 1) :- !.
ways(_, 0, 1) :- !.
ways(X, Y, W) :- A is X - 1, B is Y - 1, ways(A, Y, P), ways(X, B, Q), W is (P + Q) mod 1000007.
main :- ways(@N@, @N@, W), writeln(W).

:- table fib/2.
fib(N, N) :- N < 2, !.
fib(N, F) :- A is N - 1, B is N - 2, fib(A, X), fib(B, Y), F is (X + Y) mod 1000007.
main :- fib(@N@, X), writeln(X).

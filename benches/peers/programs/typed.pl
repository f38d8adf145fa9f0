fib(N, N) :- N < 2, !.
fib(N, R) :- A is N - 1, B is N - 2, fib(A, X), fib(B, Y), R is X + Y.
main :- fib(@N@, R), writeln(R).

power(0, 1) :- !.
power(N, P) :- M is N - 1, power(M, Q), P is 2 * Q.
collatz(1, S, S) :- !.
collatz(N, S, R) :- N mod 2 =:= 0, !, M is N // 2, T is S + 1, collatz(M, T, R).
collatz(N, S, R) :- M is 3 * N + 1, T is S + 1, collatz(M, T, R).
main :- power(@N@, P), N is P - 1, collatz(N, 0, S), writeln(S).

is_even(0, true) :- !.
is_even(N, R) :- M is N - 1, is_odd(M, R).
is_odd(0, false) :- !.
is_odd(N, R) :- M is N - 1, is_even(M, R).
main :- is_even(@N@, R), writeln(R).

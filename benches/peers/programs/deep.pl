count(0, 0) :- !.
count(N, R) :- M is N - 1, count(M, S), R is S + 1.
main :- count(@N@, R), writeln(R).

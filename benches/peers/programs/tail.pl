count(0, S, S) :- !.
count(N, S, R) :- M is N - 1, T is S + 1, count(M, T, R).
main :- count(@N@, 0, R), writeln(R).

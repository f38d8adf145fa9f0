numbers(0, []) :- !.
numbers(N, [N|T]) :- M is N - 1, numbers(M, T).
subset([], []).
subset([_|R], S) :- subset(R, S).
subset([X|R], [X|S]) :- subset(R, S).
total([], 0).
total([X|R], S) :- total(R, T), S is X + T.
hit(N, S) :- numbers(N, L), subset(L, S), total(S, T), T =:= 2 * N.
main :- findall(S, hit(@N@, S), L), length(L, C), writeln(C).

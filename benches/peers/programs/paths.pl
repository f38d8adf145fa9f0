numbers(0, []) :- !.
numbers(N, [N|T]) :- M is N - 1, numbers(M, T).
mem(X, [X|_]).
mem(X, [_|T]) :- mem(X, T).
visited([X|_], X) :- !.
visited([_|T], X) :- visited(T, X).
walk(T, T, _, S, [T|S]) :- !.
walk(A, T, N, S, P) :- mem(X, N), \+ visited([A|S], X), walk(X, T, N, [A|S], P).
main :- numbers(@N@, L), findall(P, walk(1, @N@, L, [], P), S), length(S, C), writeln(C).

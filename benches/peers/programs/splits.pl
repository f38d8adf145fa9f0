joined([], Y, Y).
joined([A|X], Y, [A|Z]) :- joined(X, Y, Z).
count(0, []) :- !.
count(N, [N|T]) :- M is N - 1, count(M, T).
middle(L, B) :- joined(_, R, L), joined(B, _, R).
main :- count(@N@, L), findall(B, middle(L, B), A), length(A, C), writeln(C).

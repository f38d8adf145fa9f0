among(X, [X|_]).
among(X, [_|R]) :- among(X, R).
right_of(A, B, [B, A|_]).
right_of(A, B, [_|R]) :- right_of(A, B, R).
beside(A, B, R) :- right_of(A, B, R).
beside(A, B, R) :- right_of(B, A, R).
owner(W) :-
    R = [house(norwegian, _, _, _, _), house(_, blue, _, _, _), house(_, _, _, milk, _), house(_, _, _, _, _), house(_, _, _, _, _)],
    among(house(english, red, _, _, _), R), among(house(spanish, _, dog, _, _), R), among(house(_, green, _, coffee, _), R),
    among(house(ukrainian, _, _, tea, _), R), right_of(house(_, green, _, _, _), house(_, ivory, _, _, _), R),
    among(house(_, _, snails, _, gold), R), among(house(_, yellow, _, _, kools), R),
    beside(house(_, _, _, _, chester), house(_, _, fox, _, _), R), beside(house(_, _, _, _, kools), house(_, _, horse, _, _), R),
    among(house(_, _, _, juice, lucky), R), among(house(japanese, _, _, _, parliament), R), among(house(W, _, zebra, _, _), R).
times(0, S, S) :- !.
times(N, S, R) :- findall(W, owner(W), L), length(L, C), S1 is S + C, M is N - 1, times(M, S1, R).
main :- times(@N@, 0, S), writeln(S).

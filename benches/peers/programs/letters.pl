draw([X|R], X, R).
draw([X|R], Y, [X|S]) :- draw(R, Y, S).
solve(sum(S, E, N, D, M, O, R, Y)) :-
    draw([0, 1, 2, 3, 4, 5, 6, 7, 8, 9], D, L1), draw(L1, E, L2), draw(L2, Y, L3), Y =:= (D + E) mod 10,
    draw(L3, N, L4), draw(L4, R, L5), 10 * E + Y =:= (10 * (N + R) + D + E) mod 100,
    draw(L5, O, L6), draw(L6, S, L7), draw(L7, M, _), M =\= 0,
    1000 * S + 100 * E + 10 * N + D + 1000 * M + 100 * O + 10 * R + E =:= 10000 * M + 1000 * O + 100 * N + 10 * E + Y.
times(0, S, S) :- !.
times(N, S, R) :- findall(X, solve(X), L), length(L, C), S1 is S + C, M is N - 1, times(M, S1, R).
main :- times(@N@, 0, S), writeln(S).

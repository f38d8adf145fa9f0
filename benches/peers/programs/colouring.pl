colour(red). colour(green). colour(blue). colour(yellow).
map(map(WA, NT, SA, Q, NSW, V, T)) :- colour(WA), colour(NT), WA \== NT, colour(SA), WA \== SA, NT \== SA, colour(Q), Q \== NT, Q \== SA,
    colour(NSW), NSW \== Q, NSW \== SA, colour(V), V \== NSW, V \== SA, colour(T).
times(0, S, S) :- !.
times(N, S, R) :- findall(M, map(M), L), length(L, C), S1 is S + C, M1 is N - 1, times(M1, S1, R).
main :- times(@N@, 0, S), writeln(S).

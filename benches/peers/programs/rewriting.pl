word(0, []) :- !.
word(N, [c,b,a|T]) :- M is N - 1, word(M, T).
step([], done).
step([b,a|T], changed([a,b|T])) :- !.
step([c,a|T], changed([a,c|T])) :- !.
step([c,b|T], changed([b,c|T])) :- !.
step([a|T], R) :- step(T, S), after(S, a, R).
step([b], done) :- !.
step([b,b|T], R) :- !, step([b|T], S), after(S, b, R).
step([b,c|T], R) :- step([c|T], S), after(S, b, R).
step([c], done) :- !.
step([c,c|T], R) :- step([c|T], S), after(S, c, R).
after(done, _, done).
after(changed(T), L, changed([L|T])).
normal(W, N, C) :- step(W, S), normal_(S, N, C).
normal_(done, N, N).
normal_(changed(W), N, C) :- M is N + 1, normal(W, M, C).
main :- word(@N@, W), normal(W, 0, C), writeln(C).

known(X, T, [X-T|_]).
known(X, T, [Y-_|R]) :- X \== Y, known(X, T, R).
infer(S, var(X), T) :- known(X, T, S).
infer(S, lam(X, B), to(A, T)) :- infer([X-A|S], B, T).
infer(S, app(F, X), B) :- infer(S, F, to(A, B)), infer(S, X, A).
applied(0, var(z)) :- !.
applied(N, app(var(s), T)) :- M is N - 1, applied(M, T).
church(N, lam(s, lam(z, T))) :- applied(N, T).
plus(lam(m, lam(n, lam(s, lam(z, app(app(var(m), var(s)), app(app(var(n), var(s)), var(z)))))))).
times(0, S, S) :- !.
times(N, S, R) :- findall(T, (plus(P), church(20, A), church(30, B), infer([], app(app(P, A), B), T)), L), length(L, C), S1 is S + C, M is N - 1, times(M, S1, R).
main :- times(@N@, 0, S), writeln(S).

next(a, b). next(a, c).
next(b, c). next(b, d).
next(c, d). next(c, e).
next(d, e). next(d, a).
next(e, a). next(e, b).
walks(A, 0, A) :- !.
walks(A, N, R) :- next(A, B), M is N - 1, walks(B, M, R).
main :- findall(R, walks(a, @N@, R), S), length(S, C), writeln(C).

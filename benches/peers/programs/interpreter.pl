rule(app(ifib, N), if(less(N, num(2)), N, add(call(ifib, sub(N, num(1))), call(ifib, sub(N, num(2)))))).
ev(num(N), N).
ev(add(A, B), R) :- ev(A, X), ev(B, Y), R is X + Y.
ev(sub(A, B), R) :- ev(A, X), ev(B, Y), R is X - Y.
ev(less(A, B), R) :- ev(A, X), ev(B, Y), ( X < Y -> R = true ; R = false ).
ev(if(C, A, B), R) :- ev(C, X), ( X == true -> ev(A, R) ; ev(B, R) ).
ev(call(F, A), R) :- ev(A, V), rule(app(F, num(V)), B), ev(B, R).
main :- ev(call(ifib, num(@N@)), R), writeln(R).

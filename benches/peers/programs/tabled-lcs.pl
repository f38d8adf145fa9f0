:- table common/3.
left(I, X) :- X is (I * I) mod 7.
right(I, X) :- X is (I * (I + 3)) mod 11.
common(0, _, 0) :- !.
common(_, 0, 0) :- !.
common(I, J, N) :- left(I, X), right(J, X), !, A is I - 1, B is J - 1, common(A, B, M), N is M + 1.
common(I, J, N) :- A is I - 1, B is J - 1, common(A, J, P), common(I, B, Q), N is max(P, Q).
main :- common(@N@, @N@, N), writeln(N).

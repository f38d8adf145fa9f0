:- table term/2, sum/2.
token(I, number) :- I mod 2 =:= 0, !.
token(I, times) :- I mod 6 =:= 3, !.
token(_, plus).
factor(I, J) :- sign(I, number, J).
sign(I, T, J) :- I < @N@, token(I, T), J is I + 1.
term(I, J) :- factor(I, J).
term(I, J) :- term(I, K), sign(K, times, L), factor(L, J).
sum(I, J) :- term(I, J).
sum(I, J) :- sum(I, K), sign(K, plus, L), term(L, J).
main :- findall(J, sum(0, J), L), length(L, C), writeln(C).

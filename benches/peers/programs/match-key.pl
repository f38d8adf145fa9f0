:- dynamic edge/2.
ask(K, Y) :- edge(K, Y), !.
loop(0, K, K) :- !.
loop(I, K, R) :- ask(K, Y), J is I - 1, loop(J, Y, R).
main :- loop(@Q@, 0, R), writeln(R).

:- dynamic sample/2.
decide(V, act(fault0, V)) :- V >= 0, V < 50.
decide(V, act(fault1, V)) :- V >= 50, V < 100.
decide(V, act(fault2, V)) :- V >= 100, V < 150.
decide(V, act(fault3, V)) :- V >= 150, V < 200.
decide(V, act(fault4, V)) :- V >= 200, V < 250.
decide(V, act(fault5, V)) :- V >= 250, V < 300.
decide(V, act(fault6, V)) :- V >= 300, V < 350.
decide(V, act(fault7, V)) :- V >= 350, V < 400.
decide(V, act(fault8, V)) :- V >= 400, V < 450.
decide(V, act(fault9, V)) :- V >= 450, V < 500.
decide(V, act(fault10, V)) :- V >= 500, V < 550.
decide(V, act(fault11, V)) :- V >= 550, V < 600.
decide(V, act(fault12, V)) :- V >= 600, V < 650.
decide(V, act(fault13, V)) :- V >= 650, V < 700.
decide(V, act(fault14, V)) :- V >= 700, V < 750.
decide(V, act(fault15, V)) :- V >= 750, V < 800.
decide(V, act(fault16, V)) :- V >= 800, V < 850.
decide(V, act(fault17, V)) :- V >= 850, V < 900.
decide(V, act(fault18, V)) :- V >= 900, V < 950.
decide(V, act(fault19, V)) :- V >= 950, V < 1000.
fill(@W@) :- !.
fill(I) :- V is (I * 7) mod 1000, assertz(sample(I, V)), J is I + 1, fill(J).
step(@Q@, S, S) :- !.
step(I, S, R) :-
    New is I + @W@, V is (New * 7) mod 1000, assertz(sample(New, V)),
    sample(I, Old), !, retract(sample(I, Old)), !,
    findall(A, decide(V, A), [act(_, Value)|_]),
    T is S + Value, J is I + 1, step(J, T, R).
main :- fill(0), step(0, 0, R), writeln(R).

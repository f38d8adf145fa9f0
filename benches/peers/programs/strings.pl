same(0, S, S) :- !.
same(N, S, R) :-
    format(string(T), "item-~w-of-~w", [N, @N@]),
    ( T == "item-1-of-@N@" -> S1 is S + 1000 ; S1 is S + 1 ),
    M is N - 1, same(M, S1, R).
main :- same(@N@, 0, R), writeln(R).

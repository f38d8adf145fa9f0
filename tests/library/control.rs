//! `control`: functions without names, the first results, folds.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chimera::{Atom, Budget, Engine, Operation};

use crate::check;

#[test]
fn functions_without_names_are_called_passed_and_returned() {
    check(
        &["control"],
        "
        !((|-> ($x) (+ $x 1)) 5) => 6
        !((|-> () 7)) => 7
        !((|-> ($x $y) ($y $x)) 1 2) => (2 1)
        (= (adder $n) (|-> ($m) (+ $m $n)))
        !((adder 3) 4) => 7
        !(let $f (adder 10) (($f 1) ($f 2))) => (11 12)
        (= (is-sum $n $m) (let $f (adder $n) (== ($f $m) (+ $m $n))))
        !(is-sum 1 2) => True
        !(is-sum 1 \"a\") => (Error (+ \"a\" 1) (BadArgType 1 Number String))
        (= (twice $f $v) ($f ($f $v)))
        !(twice (|-> ($w) (* $w $w)) 3) => 81
        !(map-atom (1 2 3) $e ((|-> ($x) (* 2 $x)) $e)) => (2 4 6)
        !((|-> (($a $b)) (+ $a $b)) (3 4)) => 7
        !((|-> ((pair $a $b)) $a) (single 4)) =>
        !((|-> ($x) (let $y (* $x 2) $y)) 5) => 10
        !(let $f (|-> ($x) (let $y (* $x 2) $y)) (($f 1) ($f 2))) => (2 4)
        !((|-> ($x) (superpose (1 $x))) 5) => 1 | 5
        !(((|-> ($x) (|-> ($y) (- $x $y))) 10) 3) => 7
        (= (mapped $f $list) (map-atom $list $x ($f $x)))
        (= (folded $f $from $list) (foldl-atom $list $from $so-far $x ($f $so-far $x)))
        (= (composed $f $g) (|-> ($x) ($f ($g $x))))
        (= (scaled $n) (|-> ($x) (let $y (* $x $n) (+ $y 1))))
        !((scaled 2) 5) => 11
        !((scaled 3) 5) => 16
        !(mapped (scaled 2) (1 2 3)) => (3 5 7)
        !(mapped (|-> ($x) (pair $x $x)) (1 a)) => ((pair 1 1) (pair a a))
        (= (bound $z) (let $z 7 $z))
        !(let $list ((bound $z) 2) (mapped (|-> ($x) ($x $z)) $list)) => ((7 7) (2 7))
        !(folded (|-> ($sum $x) (+ $sum $x)) 0 (1 2 3)) => 6
        !((composed (scaled 2) (scaled 3)) 1) => 9
        !(map-atom ((1 2) (3 4)) $row (mapped (scaled 10) $row)) => ((11 21) (31 41))
        !((if True (scaled 2) none) 4) => 9
        !(((|-> ($f) (|-> ($x) ($f ($f $x)))) (scaled 2)) 1) => 7
        !(|-> ($x) (+ 1 2)) => (|-> ($x) (+ 1 2))
        ; Of what they give nothing is known, so that it may be an argument of any type.
        !(if ((|-> ($x) (> $x 1)) 3) yes no) => yes
        !(+ 1 ((|-> ($x) (+ $x 1)) 3)) => 5
        !(not ((|-> ($x) (> $x 1)) 3)) => False
        !(+ 1 ((|-> ($x) \"a\") 3)) => (Error \"a\" (BadType Number String))
        (= (kept $f Nil) Nil)
        (= (kept $f (Cons $h $t)) (if ($f $h) (Cons $h (kept $f $t)) (kept $f $t)))
        !(kept (|-> ($x) (> $x 1)) (Cons 1 (Cons 2 (Cons 3 Nil)))) => (Cons 2 (Cons 3 Nil))
        !(get-type ((|-> ($x) (> $x 1)) 3)) => %Undefined%
        ; Several that share a variable's name are called beside and inside of one another.
        (= (doubly $f) (|-> ($x) ($f ($f $x))))
        !((doubly (|-> ($x) (+ $x 1))) 1) => 3
        !((doubly (doubly (|-> ($x) (* $x 2)))) 1) => 16
        !((composed (|-> ($x) (+ $x 1)) (|-> ($x) (* $x 2))) 5) => 11
        !((|-> ($x) ((|-> ($y) (+ $y 1)) ((|-> ($y) (* $y $x)) $x))) 3) => 10
        !(((|-> ($x) ($x 1)) (|-> ($x) (pair $x))) ((|-> ($x) $x) 2)) => ((pair 1) 2)
        !((|-> ($x) (((|-> ($y) ($y $x)) 1) ((|-> ($y) ($x $y)) 2))) 0) => ((1 0) (0 2))
        (= (beside $n) (((|-> ($z) (let $w $z (+ $w $n))) 1) ((|-> ($z) (let $w $z (* $w $n))) 4)))
        !(beside 5) => (6 20)
        ",
    );
}

#[test]
fn a_function_without_a_name_says_what_is_wrong_with_its_call() {
    check(
        &["control"],
        "
        !((|-> ($x) $x) 1 2) => (Error ((|-> ($x) $x) 1 2) IncorrectNumberOfArguments)
        !((|-> $x $x) 1) => (Error ((|-> $x $x) 1) |-> expects an expression of parameters)
        !((|-> ($x) (+ $x 1)) \"a\") => (Error (+ \"a\" 1) (BadArgType 1 Number String))
        ",
    );
}

#[test]
fn once_and_limit_give_the_first_results() {
    check(
        &["control"],
        "
        !(once (superpose (1 2 3))) => 1
        !(once (empty)) =>
        !(limit 2 (superpose (1 2 3))) => 1 | 2
        !(limit 0 (superpose (1 2 3))) =>
        !(limit 9 (superpose (1 2 3))) => 1 | 2 | 3
        !(collapse (limit 2 (superpose (a b c)))) => (a b)
        !(limit -1 (superpose (1 2))) => (Error (limit -1 (superpose (1 2))) limit expects a whole number, 0 or more, as the first argument)
        !((once (superpose (1 2))) (superpose (a b))) => (1 a) | (1 b)
        !(limit 2 ((superpose (1 2)) (once (superpose (a b))))) => (1 a) | (2 a)
        (age ann 5) (age bob 7)
        !(let $n (once (match &self (age $who $n) $n)) ($who $n)) => (ann 5)
        (= (f) (Error x y)) (= (f) 1)
        !(once (f)) => 1
        !(once (Error x y)) => (Error x y)
        ",
    );
}

#[test]
fn once_in_a_rule_binds_what_its_first_result_does_and_drops_errors_that_waited_for_others() {
    check(
        &["control"],
        "
        (par a b) (par a c)
        (= (gen) 1) (= (gen) 2)
        (= (bad) (Error x y)) (= (bad) 3)
        (= (first-of $x) (once (match &self (par $x $y) $y)))
        !(first-of a) => b
        !(first-of d) =>
        (= (bound-by $k) (let $_ (once (match &self (par $k $v) ok)) $v))
        !(bound-by a) => b
        (= (without-errors) (+ 1 (once (bad))))
        !(without-errors) => 4
        (= (with-errors) (+ 1 (once (superpose ((Error a b) (Error c d))))))
        !(with-errors) => (Error a b)
        (= (for-each) (collapse (let* (($x (gen)) ($y (once (bad)))) ($x $y))))
        !(for-each) => ((1 3) (2 3))
        (= (among-others) (superpose ((once (gen)) (once (bad)) 7)))
        !(among-others) => 1 | 3 | 7
        (= (none) (case (once (empty)) ((Empty none) ($x $x))))
        !(none) => none
        (= (nested) (let $x (once (let $y (gen) (once (superpose ($y 9))))) (if (> $x 0) (once (gen)) no)))
        !(nested) => 1
        (= (loop $n) (if (== $n 0) done (let $_ (once (par (gen) $n)) (loop (- $n 1)))))
        !(loop 1000) => done
        ",
    );
}

#[test]
fn once_and_limit_leave_the_rest_undone() {
    for (atom, calls) in [
        ("(once (probe (superpose (1 2 3 4))))", 1),
        ("(limit 3 (probe (superpose (1 2 3 4))))", 3),
        ("(once (endless 0))", 1),
        ("(limit 5 (endless 0))", 5),
        ("(forall (probe (superpose (1 2 3 4))) False)", 1),
    ] {
        let count = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&count);
        let mut engine = Engine::builder().build();
        engine.register(Operation::new(
            "probe",
            "(-> Number Number)",
            move |arguments, _| {
                counted.fetch_add(1, Ordering::Relaxed);
                Ok(vec![arguments[0].clone()])
            },
        ));
        let rules = "!(import! &self control)
            (= (endless $n) (probe $n)) (= (endless $n) (endless (+ $n 1)))";
        engine.load(rules, "rules").unwrap();
        let atom = engine.parse(atom).unwrap();
        let budget = Budget::default().reductions(100_000);
        let found = engine.evaluate(&atom, &budget).atoms();
        assert!(!found.iter().any(Atom::is_error), "{found:?}");
        assert_eq!(count.load(Ordering::Relaxed), calls, "{atom}");
    }
}

#[test]
fn the_first_solutions_of_a_query_are_had_without_the_others() {
    use std::fmt::Write;
    let mut program = String::from("!(import! &self control)");
    for number in 0..5_000 {
        write!(program, "(n {number})").unwrap();
    }
    let mut engine = Engine::builder().build();
    engine.load(&program, "facts").unwrap();
    let budget = Budget::default().reductions(2_000);
    let mut ask = |text: &str, budget: &Budget| {
        let atom = engine.parse(text).unwrap();
        let found = engine.evaluate(&atom, budget).atoms();
        found.iter().map(ToString::to_string).collect::<Vec<_>>()
    };
    assert_eq!(ask("(once (match &self (n $x) $x))", &budget), ["0"]);
    assert_eq!(
        ask(
            "(limit 2 (let $x (match &self (n $x) $x) (if (> $x 4) $x (empty))))",
            &budget
        ),
        ["5", "6"]
    );
    // What is wanted may come after the first ones.
    let far = "(once (let $x (match &self (n $x) $x) (if (> $x 40) $x (empty))))";
    assert_eq!(ask(far, &Budget::default()), ["41"]);
    let none = "(once (let $x (match &self (n $x) $x) (if (> $x 9000) $x (empty))))";
    assert_eq!(ask(none, &Budget::default()), [""; 0]);
    // What is tried may change the space; the solutions are those from before.
    let change = "(collapse (limit 40 (let $x (match &self (n $x) $x)
        (let $u (add-atom &self (n new)) (let $v (remove-atom &self (n $x)) $x)))))";
    let all: Vec<String> = (0..40).map(|number| number.to_string()).collect();
    assert_eq!(
        ask(change, &Budget::default()),
        [format!("({})", all.join(" "))]
    );
}

#[test]
fn folds_conditions_and_sequences() {
    check(
        &["control"],
        "
        !(foldall + (superpose (1 2 3)) 0) => 6
        !(foldall + (empty) 5) => 5
        !(foldall (|-> ($so-far $next) (cons-atom $next $so-far)) (superpose (a b c)) ()) => (c b a)
        (age ann 5) (age bob 7)
        !(forall (match &self (age $who $n) $n) (> $n 4)) => True
        !(forall (match &self (age $who $n) $n) (> $n 5)) => False
        !(forall (empty) False) => True
        !(forall (superpose (1 2)) (superpose (False True))) => True
        !(forall (superpose (1 2)) (empty)) => False
        !(forall (superpose (1 2)) (+ 1 \"a\")) => (Error (+ 1 \"a\") (BadArgType 2 Number String))
        (= (small $n) (< $n 6))
        !(forall (match &self (age $who $n) $n) small) => False
        !(forall (superpose (1 2)) small) => True
        !(forall (superpose (False False)) not) => True
        !(forall (match &self (age $who $n) $n) (|-> ($n) (> $n 4))) => True
        !(let $above (|-> ($n) (> $n 5)) (forall (match &self (age $who $n) $n) $above)) => False
        !(forall (superpose (1 2)) nobody) => False
        !(progn (+ 1 2) (+ 3 4)) => 7
        !(progn (superpose (1 2)) done) => done | done
        !(let $s (new-state 1) (progn (change-state! $s 2) (get-state $s))) => 2
        !(progn) => (Error (progn) IncorrectNumberOfArguments)
        ",
    );
}

#[test]
fn nothing_of_it_is_there_before_the_import() {
    check(
        &[],
        "
        !((|-> ($x) (+ $x 1)) 5) => ((|-> ($x) (+ $x 1)) 5)
        !(once (superpose (1 2))) => (once 1) | (once 2)
        !(progn 1 2) => (progn 1 2)
        !(append (1) (2)) => (append (1) (2))
        !(now) => (now)
        !(set-of (1 2)) => (set-of (1 2))
        ",
    );
}

//! `parallel`: alternatives at the same time, with results as if one came after
//! the other.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use chimera::{Atom, Budget, Engine, Operation};

use crate::{answers, check};

#[test]
fn results_come_in_the_order_of_the_alternatives() {
    check(
        &["parallel"],
        "
        (= (count $n) (if (== $n 0) done (count (- $n 1))))
        (fact 1) (fact 2)
        !(collapse (hyperpose ((count 2000) (+ 1 2) (superpose (a b)) (empty) (match &self (fact $x) $x)))) => (done 3 a b 1 2)
        !(hyperpose ()) =>
        !(hyperpose ((+ 1 \"a\") 5)) => 5
        !(hyperpose ((+ 1 \"a\"))) => (Error (+ 1 \"a\") (BadArgType 2 Number String))
        !(hyperpose 5) => (Error (hyperpose 5) (BadArgType 1 Expression Number))
        !(collapse (hyperpose ((hyperpose ((+ 1 1) (+ 1 2))) (hyperpose ((+ 2 2)))))) => (2 3 4)
        ",
    );
}

#[test]
fn an_alternative_changes_nothing() {
    check(
        &["parallel"],
        "
        !(let $e (hyperpose ((add-atom &self (fact 1)))) $e) => (Error (add-atom ModuleSpace(GroundingSpace-top) (fact 1)) ReadOnly)
        !(get-atoms &self) =>
        !(let $s (new-state 1) (hyperpose ((let $d (change-state! $s 2) ok) (get-state $s)))) => 1
        ",
    );
}

#[test]
fn alternatives_run_at_the_same_time_where_there_are_cores() {
    if std::thread::available_parallelism().map_or(1, usize::from) < 2 {
        return;
    }
    // Each alternative waits a while for the other. Other tests may hold the helping
    // threads, so there is more than one try.
    let met = (0..50).any(|_| {
        let inside = Arc::new(AtomicUsize::new(0));
        let mut engine = Engine::builder().build();
        engine.register(Operation::new("meet", "(-> Bool)", move |_, _| {
            inside.fetch_add(1, Ordering::SeqCst);
            let started = Instant::now();
            let mut both = false;
            while !both && started.elapsed() < Duration::from_millis(200) {
                both = inside.load(Ordering::SeqCst) == 2;
                std::thread::yield_now();
            }
            Ok(vec![Atom::boolean(both)])
        }));
        let found = answers(engine, &["parallel"], "!(hyperpose ((meet) (meet)))");
        found == [["True", "True"]]
    });
    assert!(met);
}

#[test]
fn alternatives_share_the_budget() {
    let mut engine = Engine::builder().build();
    let program = "!(import! &self parallel) (= (on) (on))";
    engine.load(program, "on").unwrap();
    let call = engine.parse("(hyperpose ((on) (on) (+ 1 2)))").unwrap();
    let budget = Budget::default().reductions(30_000);
    let found = engine.evaluate(&call, &budget).atoms();
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(found[0].to_string(), "3");
    let call = engine.parse("(hyperpose ((on)))").unwrap();
    let found = engine.evaluate(&call, &budget).atoms();
    assert!(found[0].to_string().contains("ReductionLimit"), "{found:?}");
}

#[test]
fn what_alternatives_spend_counts() {
    let mut engine = Engine::builder().build();
    let program = "!(import! &self parallel)
        (= (count $n) (if (== $n 0) done (count (- $n 1))))
        (= (again) (let $done (hyperpose ((count 100))) (again)))";
    engine.load(program, "again").unwrap();
    let call = engine.parse("(again)").unwrap();
    let evaluation = engine.evaluate(&call, &Budget::default().reductions(20_000));
    assert!(evaluation.atoms()[0].to_string().contains("ReductionLimit"));
    assert!(evaluation.reductions < 30_000, "{}", evaluation.reductions);
}

#[test]
fn what_one_directive_spends_is_not_charged_to_the_next() {
    let mut engine = Engine::builder().build();
    let program = "!(import! &self parallel)
        (= (count $n) (if (== $n 0) done (count (- $n 1))))
        (= (twice $n) (hyperpose ((count $n) (count $n))))";
    engine.load(program, "twice").unwrap();
    let budget = Budget::default().reductions(1_000_000);
    let heavy = engine.parse("(twice 20000)").unwrap();
    assert_eq!(engine.evaluate(&heavy, &budget).atoms().len(), 2);
    let light = engine.parse("(hyperpose ((+ 1 2)))").unwrap();
    let evaluation = engine.evaluate(&light, &Budget::default().reductions(2_000));
    assert_eq!(evaluation.atoms()[0].to_string(), "3");
    assert!(evaluation.reductions < 2_000);
}

//! Engines over what all spaces held at one moment.

use std::sync::mpsc;
use std::time::Duration;

use chimera::{Atom, Budget, Engine, LoadError, Operation, Space};

/// Compiled code, and the plain evaluator.
fn engines(check: impl Fn(Engine)) {
    check(Engine::builder().build());
    check(Engine::builder().plain().build());
}

fn load(engine: &mut Engine, source: &str) {
    for directive in engine.load(source, "test.metta").expect("it is MeTTa") {
        assert!(!directive.is_error(), "{directive:?}");
    }
}

fn ask(engine: &mut Engine, question: &str) -> String {
    let question = engine.parse(question).expect("it is one atom");
    let results = engine.evaluate(&question, &Budget::default()).atoms();
    let results: Vec<String> = results.iter().map(ToString::to_string).collect();
    results.join(" ")
}

#[track_caller]
fn check(engine: &mut Engine, question: &str, expected: &str) {
    assert_eq!(ask(engine, question), expected, "{question}");
}

#[test]
fn a_snapshot_sees_no_later_change_of_any_space() {
    engines(|mut live| {
        let samples = Space::anonymous();
        live.bind("&samples", Atom::space(samples.clone()));
        load(
            &mut live,
            "(limit 10) (inner 1)
             !(bind! &outer (new-space))
             !(let $nested (new-space) (add-atom &outer (holds $nested)))
             !(match &outer (holds $nested) (add-atom $nested (deep 1)))
             !(add-atom &samples (sample 1))
             (= (seen) (match &samples (sample $x) $x))
             (= (deep) (match &outer (holds $nested) (match $nested (deep $x) $x)))
             (= (over $x) (match &self (limit $l) (> $x $l)))",
        );
        let mut then = live.snapshot();
        let everything = [
            ("(seen)", "1"),
            ("(deep)", "1"),
            ("(over 11)", "True"),
            ("(collapse (get-atoms &samples))", "((sample 1))"),
            ("(match &self (, (limit $x) (inner $y)) ($x $y))", "(10 1)"),
            ("(match &self (later $x) $x)", ""),
        ];
        for (question, expected) in everything {
            check(&mut then, question, expected);
        }
        load(
            &mut live,
            "!(add-atom &samples (sample 2))
             !(match &outer (holds $nested) (add-atom $nested (deep 2)))
             !(match &outer (holds $nested) (remove-atom $nested (deep 1)))
             !(remove-atom &self (limit 10)) !(remove-atom &self (inner 1))
             (limit 20) (inner 2) (later 1)",
        );
        samples.remove(&live.parse("(sample 1)").unwrap());
        for (question, expected) in everything {
            check(&mut then, question, expected);
            check(&mut then.snapshot(), question, expected);
        }
        for mut now in [live.snapshot(), live] {
            check(&mut now, "(seen)", "2");
            check(&mut now, "(deep)", "2");
            check(&mut now, "(over 11)", "False");
            check(&mut now, "(match &self (later $x) $x)", "1");
        }
    });
}

#[test]
fn a_space_first_asked_after_its_change_is_as_it_was_before() {
    engines(|mut live| {
        load(&mut live, "(a 1) (a 2)");
        let mut then = live.snapshot();
        load(
            &mut live,
            "!(remove-atom &self (a 1)) (a 3) !(remove-atom &self (a 2))",
        );
        check(&mut then, "(collapse (match &self (a $x) $x))", "(1 2)");
        assert_eq!(then.self_space().len(), 2 + live.self_space().len() - 1);
        check(&mut live, "(collapse (match &self (a $x) $x))", "(3)");
    });
}

#[test]
fn rules_and_types_are_those_of_the_moment() {
    engines(|mut live| {
        load(
            &mut live,
            "(= (f) one) (: g (-> Number Number)) (= (g $x) (* 2 $x))",
        );
        check(&mut live, "(f)", "one");
        let mut first = live.snapshot();
        load(
            &mut live,
            "(= (f) two) !(remove-atom &self (: g (-> Number Number)))
             (: g (-> Atom Atom)) !(remove-atom &self (= (g $x) (* 2 $x))) (= (g $x) (got $x))",
        );
        let mut second = live.snapshot();
        load(
            &mut live,
            "!(remove-atom &self (= (f) one)) !(remove-atom &self (= (g $x) (got $x)))",
        );
        // In turn, since they share what was compiled.
        for _ in 0..3 {
            check(&mut live, "(f)", "two");
            check(&mut first, "(f)", "one");
            check(&mut second, "(f)", "one two");
            check(&mut first, "(g (+ 1 2))", "6");
            check(&mut second, "(g (+ 1 2))", "(got (+ 1 2))");
            check(&mut live, "(g (+ 1 2))", "(g (+ 1 2))");
        }
    });
}

#[test]
fn a_snapshot_takes_no_change() {
    engines(|mut live| {
        load(&mut live, "(a 1) (= (grow) (add-atom &self (a 2)))");
        let mut then = live.snapshot();
        assert!(matches!(
            then.load("(a 3)", "late.metta"),
            Err(LoadError::Snapshot { file }) if file == "late.metta"
        ));
        assert!(!then.write_refused());
        check(
            &mut then,
            "(grow)",
            "(Error (add-atom ModuleSpace(GroundingSpace-top) (a 2)) ReadOnly)",
        );
        assert!(then.write_refused());
        check(&mut live, "(collapse (match &self (a $x) $x))", "(1)");
    });
}

#[test]
fn the_clock_of_a_snapshot_stands_still() {
    let ticks = std::sync::atomic::AtomicU64::new(0);
    let mut live = Engine::builder()
        .clock(move || ticks.fetch_add(1, std::sync::atomic::Ordering::Relaxed) as f64)
        .build();
    live.register(Operation::new("now", "(-> Number)", |_, context| {
        Ok(vec![Atom::float(context.now())])
    }));
    check(&mut live, "(now)", "0.0");
    let mut then = live.snapshot();
    check(&mut then, "(now)", "1.0");
    check(&mut live, "(now)", "2.0");
    check(&mut then.snapshot(), "(now)", "1.0");
}

/// Between the matches of one query all samples are exchanged, by a thread that waits for
/// nobody: the query sees the same ones in each.
#[test]
fn a_query_of_several_matches_sees_one_moment_and_holds_nobody_up() {
    engines(|mut live| {
        let samples = Space::anonymous();
        live.bind("&samples", Atom::space(samples.clone()));
        let (asked, ticks) = mpsc::channel::<()>();
        let (done, ticked) = mpsc::channel::<()>();
        let (asked, ticked) = (std::sync::Mutex::new(asked), std::sync::Mutex::new(ticked));
        live.register(Operation::new("tick", "(-> Bool)", move |_, _| {
            asked.lock().unwrap().send(()).unwrap();
            let ticked = ticked.lock().unwrap();
            let in_time = ticked.recv_timeout(Duration::from_secs(30)).is_ok();
            Ok(vec![Atom::boolean(in_time)])
        }));
        let sample = move |tick: i64, n: i64| {
            Atom::expression([
                Atom::symbol("sample"),
                Atom::integer(n),
                Atom::integer(tick),
            ])
        };
        let exchange = move |samples: &Space, tick: i64| {
            for n in 0..100 {
                samples.remove(&sample(tick, n));
                samples.add(sample(tick + 1, n));
            }
        };
        (0..100).for_each(|n| samples.add(sample(0, n)));
        load(
            &mut live,
            "(= (all) (collapse (match &samples (sample $n $t) ($n $t))))
             (= (twice) (let* (($a (all)) ($ticked (tick)) ($b (all)) ($again (tick)) ($c (all)))
                  ($ticked $again (== $a $b) (== $b $c) (size-atom $c) (car-atom $c))))
             (= (during) (match &samples (sample $n $t) (if (== $n 50) (let $x (tick) $t) $t)))",
        );
        std::thread::scope(|scope| {
            let samples = &samples;
            scope.spawn(move || {
                for (tick, ()) in ticks.iter().enumerate() {
                    exchange(samples, tick as i64);
                    done.send(()).unwrap();
                }
            });
            let mut then = live.snapshot();
            check(&mut then, "(twice)", "(True True True True 100 (0 0))");
            let mut later = live.snapshot();
            check(&mut later, "(twice)", "(True True True True 100 (0 2))");
            check(&mut then, "(twice)", "(True True True True 100 (0 0))");
            let threes = vec!["6"; 100].join(" ");
            check(&mut live.snapshot(), "(during)", &threes);
            drop((then, later));
            drop(live);
        });
        assert_eq!(samples.len(), 100);
    });
}

#[test]
fn snapshots_that_come_and_go_leave_nothing_behind() {
    let mut live = Engine::builder().build();
    load(&mut live, "(= (sum) (collapse (match &self (n $x) $x)))");
    let space = live.self_space().clone();
    let mut held = std::collections::VecDeque::new();
    let n = |n: i64| Atom::expression([Atom::symbol("n"), Atom::integer(n)]);
    for step in 0..2000 {
        space.add(n(step));
        if step >= 10 {
            space.remove(&n(step - 10));
        }
        held.push_back((step, live.snapshot()));
        if held.len() > step as usize % 7 {
            let (then, mut snapshot) = held.pop_front().unwrap();
            let expected: Vec<String> = ((then - 9).max(0)..=then).map(|n| n.to_string()).collect();
            check(&mut snapshot, "(sum)", &format!("({})", expected.join(" ")));
        }
    }
}

#[test]
fn what_was_prepared_answers_as_it_would_have() {
    let mut engine = Engine::builder().build();
    let rules = "(= (start $n) (if (> $n 0) (go $n) (stop)))
        (= (go $n) (match &self (fact $n $x) (seen $x)))
        (= (stop) stopped)
        (fact 1 a) (fact 1 b)";
    engine.load(rules, "rules.metta").expect("it is MeTTa");
    let question = engine.parse("(start 1)").expect("it is one atom");
    for proving in [false, true] {
        engine.snapshot().prepare(&question, proving);
    }
    engine
        .load("(fact 1 c)", "more.metta")
        .expect("it is MeTTa");
    let mut now = engine.snapshot();
    let plain = now.evaluate(&question, &Budget::default()).atoms();
    assert_eq!(format!("{plain:?}"), "[(seen a), (seen b), (seen c)]");
    let proved = now.evaluate_proving(&question, &Budget::default()).results;
    let rules = proved[2].proof.as_ref().expect("asked for").rules();
    assert_eq!(rules.len(), 2, "{rules:?}");
    engine
        .load("(= (stop) again)", "more.metta")
        .expect("it is MeTTa");
    let stop = engine.parse("(start 0)").expect("it is one atom");
    let stopped = engine
        .snapshot()
        .evaluate(&stop, &Budget::default())
        .atoms();
    assert_eq!(format!("{stopped:?}"), "[stopped, again]");
}

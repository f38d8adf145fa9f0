//! Profiles, traces and listings: what they tell of programs.

#![expect(
    clippy::unwrap_used,
    reason = "what tests share may unwrap as tests do"
)]

use std::fs;
use std::path::Path;
use std::sync::{Arc, Mutex};

use chimera::{Budget, Engine, Profile, Watch};

/// The profile and the trace of a program.
fn watched(source: &str) -> (Profile, String) {
    let lines = Arc::new(Mutex::new(String::new()));
    let told = Arc::clone(&lines);
    let watch = Watch::trace(1000, move |line| {
        *told.lock().unwrap() += &format!("{line}\n");
    });
    let mut engine = Engine::builder().build();
    engine.watch(Some(watch.clone()));
    for directive in engine.load(source, "p.metta").unwrap() {
        assert!(!directive.is_error(), "{directive:?}");
    }
    let lines = lines.lock().unwrap().clone();
    (watch.profiled(), lines)
}

/// Calls, exits and choices of the rule in each line of `p.metta`.
#[track_caller]
fn check_counts(source: &str, expected: &[(u32, u64, u64, u64)]) {
    let mut found: Vec<_> = watched(source)
        .0
        .rules
        .iter()
        .filter(|rule| rule.rule.file.as_deref() == Some("p.metta"))
        .map(|rule| {
            (
                rule.rule.line.unwrap(),
                rule.calls,
                rule.exits,
                rule.choices,
            )
        })
        .collect();
    found.sort_unstable();
    assert_eq!(found, expected, "{source}");
}

#[track_caller]
fn check_trace(source: &str, expected: &[&str]) {
    let trace = watched(source).1;
    let found: Vec<&str> = trace.lines().collect();
    assert_eq!(found, expected, "{trace}");
}

#[test]
fn calls_and_exits_of_a_recursion_are_counted() {
    check_counts(
        "(= (fib $n) (if (< $n 2) $n (+ (fib (- $n 1)) (fib (- $n 2)))))\n!(fib 10)",
        &[(1, 177, 177, 0)],
    );
}

#[test]
fn a_last_call_exits_with_what_it_calls() {
    check_counts(
        "(= (down $n) (if (== $n 0) done (down (- $n 1))))\n(= (none $x) (gone $x))\n(= (gone a) b)\n(= (gone c) (empty))\n!(down 99)\n!(none c)\n!(none a)",
        &[(1, 100, 100, 0), (2, 2, 1, 0), (3, 1, 1, 0), (4, 1, 0, 0)],
    );
}

#[test]
fn ways_to_go_on_are_counted_for_the_rule_that_leaves_them() {
    check_counts(
        "(= (color) red)\n(= (color) blue)\n(= (both) (superpose (1 2 3)))\n(= (pair) ((color) (both)))\n!(collapse (pair))",
        // Each color is paired with each number: they leave the ways to go on.
        &[(1, 1, 1, 1), (2, 1, 1, 0), (3, 2, 6, 2), (4, 1, 6, 0)],
    );
}

#[test]
fn facts_that_a_match_finds_are_ways_to_go_on() {
    check_counts(
        "(edge a b)\n(edge a c)\n(edge b d)\n(= (next $x) (match &self (edge $x $y) $y))\n!(next a)\n!(next b)",
        &[(4, 2, 3, 1)],
    );
}

#[test]
fn what_the_plain_evaluator_does_is_counted_too() {
    // A type that depends on others, a minimal instruction, a lambda around.
    check_counts(
        "(: f (-> Number Number))\n(: f (-> Bool Bool))\n(= (f $x) (g $x))\n(= (g $x) (k $x))\n(= (g $x) 0)\n(= (k $x) (+ $x 1))\n!(f 1)\n!(eval (g 5))",
        &[(3, 1, 2, 0), (4, 2, 2, 2), (5, 2, 2, 0), (6, 1, 1, 0)],
    );
}

#[test]
fn reductions_and_time_are_charged_to_where_they_were_spent() {
    let (profile, _) = watched(
        "(= (work $n) (if (== $n 0) done (work (- $n 1))))\n(= (call $n) (work $n))\n!(call 50000)",
    );
    assert_eq!(profile.rules[0].rule.line, Some(1), "{profile}");
    assert!(profile.rules[0].reductions >= 50_000, "{profile}");
    assert!(profile.rules[1].reductions < 10, "{profile}");
    assert!(profile.rules[0].time > profile.rules[1].time, "{profile}");
    let shown = profile.to_string();
    assert!(shown.contains("(work $n)  p.metta:1"), "{shown}");
    assert!(
        shown.starts_with("        ms     %   reductions"),
        "{shown}"
    );
}

#[test]
fn watching_changes_no_answer_and_ends_with_the_watch() {
    let source = "(= (d $n) (superpose ($n (+ $n 1)))) (= (e) (d (d 1))) (= (bad) (+ 1 \"a\"))";
    let mut engine = Engine::builder().build();
    engine.load(source, "p.metta").unwrap();
    let ask = |engine: &mut Engine, question: &str| {
        let question = engine.parse(question).unwrap();
        let results = engine.evaluate(&question, &Budget::default()).atoms();
        format!("{results:?}")
    };
    let questions = ["(e)", "(bad)", "(d (e))", "(unknown 1)"];
    let before: Vec<String> = questions.iter().map(|q| ask(&mut engine, q)).collect();
    let watch = Watch::profile();
    engine.watch(Some(watch.clone()));
    let during: Vec<String> = questions.iter().map(|q| ask(&mut engine, q)).collect();
    engine.watch(None);
    let calls = |watch: &Watch| {
        watch
            .profiled()
            .rules
            .iter()
            .map(|rule| rule.calls)
            .sum::<u64>()
    };
    let counted = calls(&watch);
    let after: Vec<String> = questions.iter().map(|q| ask(&mut engine, q)).collect();
    assert_eq!(before, during);
    assert_eq!(before, after);
    assert!(counted > 0);
    assert_eq!(calls(&watch), counted);
}

#[test]
fn a_trace_shows_calls_indented_with_their_places_and_results() {
    check_trace(
        "(= (fact 0) 1)\n(= (fact $n)\n  (if (> $n 0) (* $n (fact (- $n 1))) 0))\n!(fact 2)",
        &[
            "(fact 2)    p.metta:2",
            "  (fact 1)    p.metta:2",
            "    (fact 0)    p.metta:1",
            "    = 1",
            "  = 1",
            "= 2",
            "    (fact 0)    p.metta:2",
            "    = 0",
            "  = 0",
            "= 0",
        ],
    );
}

#[test]
fn a_trace_of_the_plain_evaluator_has_the_same_form() {
    check_trace(
        "(: f (-> Number Number))\n(: f (-> Bool Bool))\n(= (f $x) (g $x))\n(= (g $x) ($x))\n(= (top) (f 1))\n!(top)",
        &[
            "(top)    p.metta:5",
            "  (f 1)    p.metta:3",
            "    (g 1)    p.metta:4",
            "    = (1)",
            "  = (1)",
            "= (1)",
        ],
    );
}

#[test]
fn a_trace_is_bounded_in_lines_and_in_width() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&lines);
    let watch = Watch::trace(50, move |line| told.lock().unwrap().push(line.to_owned()));
    let mut engine = Engine::builder().build();
    engine.watch(Some(watch.clone()));
    let source = "(= (grow $n $list) (if (== $n 0) $list (grow (- $n 1) (cons $n $list))))\n!(let $list (grow 200000 ()) (size-atom $list))";
    let directives = engine.load(source, "p.metta").unwrap();
    assert_eq!(directives[0].results[0].to_string(), "3");
    let lines = lines.lock().unwrap();
    assert_eq!(lines.len(), 50);
    assert_eq!(watch.skipped(), 400_002 - 50);
    assert!(
        lines[49].starts_with(&("  ".repeat(30) + "[49] (grow 199951 (cons")),
        "{}",
        lines[49]
    );
    assert!(lines[49].contains('…') && lines[49].chars().count() < 260);
}

#[test]
fn a_loop_of_millions_of_last_calls_is_profiled_in_bounded_memory() {
    let (profile, _) = {
        let watch = Watch::profile();
        let mut engine = Engine::builder().build();
        engine.watch(Some(watch.clone()));
        let source = "(= (loop $n) (if (== $n 0) done (loop (- $n 1))))\n!(loop 2000000)";
        let directives = engine.load(source, "p.metta").unwrap();
        assert_eq!(directives[0].results[0].to_string(), "done");
        (watch.profiled(), ())
    };
    assert_eq!(profile.rules[0].calls, 2_000_001);
    assert_eq!(profile.rules[0].exits, 2_000_001);
}

#[test]
fn directives_tell_reductions_and_memory() {
    let mut engine = Engine::builder().build();
    let source = "(= (deep $n) (if (== $n 0) () (cons $n (deep (- $n 1))))) !(deep 3) !(let $x (deep 100000) done)";
    let directives = engine.load(source, "p.metta").unwrap();
    let [small, large] = directives.as_slice() else {
        panic!("two directives")
    };
    assert!(small.reductions > 3 && small.reductions < 100, "{small:?}");
    assert!(large.reductions > 100_000, "{large:?}");
    assert!(small.peak_bytes < 100_000, "{small:?}");
    assert!(large.peak_bytes > 2_000_000, "{large:?}");
}

#[track_caller]
fn check_listing(name: &str, source: &str) {
    let mut engine = Engine::builder().build();
    engine.load(source, "p.metta").unwrap();
    let listing = engine.listing(name).unwrap();
    let path = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden/listings")
        .join(format!("{name}.txt"));
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, &listing).unwrap();
    }
    let expected = fs::read_to_string(&path).unwrap();
    assert!(
        listing == expected,
        "{} differs; UPDATE_EXPECT=1 writes it anew:\n{listing}",
        path.display()
    );
}

#[test]
fn a_function_of_numbers_is_listed() {
    check_listing(
        "fib",
        "(= (fib $n) (if (< $n 2) $n (+ (fib (- $n 1)) (fib (- $n 2)))))",
    );
}

#[test]
fn steps_of_calls_are_listed() {
    check_listing(
        "stepped",
        "(= (g $n) (+ $n 1))\n(= (stepped $n) (function (chain (eval (g $n)) $x (return (got $x)))))",
    );
}

#[test]
fn rules_that_take_terms_apart_are_listed() {
    check_listing(
        "append",
        "(= (append () $list) $list)\n(= (append (cons $x $more) $list) (cons $x (append $more $list)))",
    );
}

#[test]
fn a_query_with_several_results_is_listed() {
    check_listing(
        "grandparent",
        "(= (grandparent $x)\n  (collapse (match &self (, (parent $x $y) (parent $y $z)) $z)))",
    );
}

#[test]
fn a_query_of_one_pattern_is_listed_with_it() {
    check_listing(
        "uncle",
        "(= (uncle $x $k) (match &self (uncle-of $x ($k 2.5 $y) $y $_) (found $k $y)))",
    );
}

#[test]
fn what_the_plain_evaluator_does_is_listed_as_such() {
    check_listing(
        "either",
        "(: either (-> Atom Number)) (: either (-> Bool Bool)) (= (either $x) $x)",
    );
}

#[test]
fn the_listing_that_the_language_is_taught_with_is_one() {
    let text = include_str!("../docs/language.md");
    let (_, shown) = text.split_once("`:code fib` lists").unwrap();
    let shown = shown.split("```").nth(1).unwrap();
    let shown = shown.strip_prefix("text\n").unwrap();
    let mut engine = Engine::builder().build();
    let source = "(= (fib $n) (if (< $n 2) $n (+ (fib (- $n 1)) (fib (- $n 2)))))";
    engine.load(source, "fib.metta").unwrap();
    let listing = engine.listing("fib").unwrap();
    assert!(
        listing.contains(shown),
        "docs/language.md shows\n{shown}of\n{listing}"
    );
}

#[test]
fn what_has_no_rules_has_no_listing() {
    let mut engine = Engine::builder().build();
    engine.load("(fact 1)", "p.metta").unwrap();
    for (name, message) in [
        ("fact", "no rule `(= (fact …) …)` is in this space"),
        ("+", "`+` is an operation of the engine"),
        ("(f 1)", "`(f 1)` is no name of rules"),
        ("a b", "a listing is of one name"),
    ] {
        let error = engine.listing(name).unwrap_err().to_string();
        assert!(error.contains(message), "{name}: {error}");
    }
}

//! The language from outside: programs and their results.

use chimera::{Atom, Engine, Operation};

#[track_caller]
fn check(program: &str, expected: &[&str]) {
    let mut engine = Engine::builder().build();
    let directives = engine
        .load(program, "test.metta")
        .expect("the program is MeTTa");
    let mut found: Vec<String> = directives
        .last()
        .expect("the program has a directive")
        .results
        .iter()
        .map(ToString::to_string)
        .collect();
    let mut expected: Vec<String> = expected.iter().map(|text| (*text).to_owned()).collect();
    found.sort();
    expected.sort();
    assert_eq!(found, expected, "{program}");
}

#[test]
fn rules_reduce_and_every_rule_answers() {
    check("(= (f a) 1) (= (f b) 2) !(f $x)", &["1", "2"]);
    check("(= (f a) 1) (= (f b) 2) !((f $x) $x)", &["(1 a)", "(2 b)"]);
    check("(= (f $x $x) same) !(f a b)", &["(f a b)"]);
    check(
        "(= (fact $n) (if (== $n 0) 1 (* $n (fact (- $n 1))))) !(fact 20)",
        &["2432902008176640000"],
    );
}

#[test]
fn argument_types_decide_what_is_evaluated() {
    check(
        "(: f (-> Atom Atom)) (= (f $x) $x) !(f (+ 1 2))",
        &["(+ 1 2)"],
    );
    check(
        "(: f (-> Atom %Undefined%)) (= (f $x) $x) !(f (+ 1 2))",
        &["3"],
    );
    check(
        "!(+ 1 \"2\")",
        &["(Error (+ 1 \"2\") (BadArgType 2 Number String))"],
    );
    check("!(+ 1)", &["(Error (+ 1) IncorrectNumberOfArguments)"]);
}

#[test]
fn successes_win_over_errors() {
    check("(= (f) (Error x y)) (= (f) 1) !(f)", &["1"]);
    check(
        "(= (f) (Error x y)) (= (f) (Error x z)) !(f)",
        &["(Error x y)", "(Error x z)"],
    );
    check("!(collapse (superpose (1 (Error a b) 2)))", &["(1 2)"]);
}

#[test]
fn bindings_flow_out_of_matches() {
    check(
        "(a 1) (a 2) !(let $r (match &self (a $x) $x) ($x $r))",
        &["(1 1)", "(2 2)"],
    );
    check("!(case (empty) ((Empty none) ($_ other)))", &["none"]);
    check("!(let ($x 2) (1 $y) ($x $y))", &["(1 2)"]);
}

#[test]
fn a_tail_loop_runs_in_constant_stack() {
    check(
        "(= (loop $n) (if (== $n 0) done (loop (- $n 1)))) !(loop 20000)",
        &["done"],
    );
}

#[test]
fn a_proof_names_what_led_to_gathered_results() {
    let mut engine = Engine::builder().build();
    let program = "(hot 7)\n(= (found) (match &self (hot $x) $x))\n(= (all) (let $l (collapse (found)) (size-atom $l)))";
    engine.load(program, "p.metta").expect("it is MeTTa");
    let call = engine.parse("(all)").expect("one atom");
    let answers = engine
        .evaluate_proving(&call, &chimera::Budget::default())
        .results;
    let proof = answers[0].proof.as_ref().expect("asked for");
    let rules: Vec<_> = proof.rules().iter().map(|rule| rule.line).collect();
    assert_eq!(rules, [Some(3), Some(2)]);
    assert_eq!(proof.facts()[0].atom.to_string(), "(hot 7)");
    assert!(proof.operations().contains(&"size-atom".to_owned()));
}

#[test]
fn words_are_tokens_and_symbols_of_what_self_sees() {
    let mut engine = chimera::Engine::builder().build();
    engine
        .load("(colour sea blue) (: tide (-> Moon Level))", "words.metta")
        .unwrap();
    let words = engine.words(100_000);
    for known in ["match", "if", "blue", "tide", "Moon", "&self"] {
        assert!(words.iter().any(|word| word == known), "{known} is missing");
    }
    assert!(words.is_sorted());
    let bounded = engine.words(1);
    assert!(bounded.iter().any(|word| word == "blue"));
    assert!(bounded.iter().all(|word| word != "tide"));
}

#[test]
fn a_join_ends_at_the_bounds_of_its_budget() {
    let mut engine = Engine::builder().build();
    for number in 0..3000 {
        engine
            .self_space()
            .add(engine.parse(&format!("(n {number})")).expect("one atom"));
    }
    let join = engine
        .parse("(match &self (, (n $x) (n $y) (n $z)) ok)")
        .expect("one atom");
    for (budget, bound) in [
        (
            chimera::Budget::default().reductions(100_000),
            "ReductionLimit",
        ),
        (chimera::Budget::default().bytes(1 << 20), "MemoryLimit"),
    ] {
        let results = engine.evaluate(&join, &budget).atoms();
        let last = results.last().expect("at least the bound");
        assert!(last.to_string().ends_with(&format!("{bound})")), "{last}");
        assert!(results.len() < 200_000, "{} results", results.len());
    }
    // The engine is as usable as before.
    assert_eq!(
        engine
            .evaluate(&Atom::integer(1), &chimera::Budget::default())
            .atoms()
            .len(),
        1
    );
}

#[test]
fn operations_that_evaluate_do_not_exhaust_the_native_stack() {
    let mut engine = Engine::builder().build();
    engine.register(Operation::new(
        "nested",
        "(-> Atom %Undefined%)",
        |arguments, context| Ok(context.evaluate(&arguments[0])),
    ));
    let program =
        "(= (down $n) (if (== $n 0) done (nested (down (- $n 1))))) !(down 5) !(down 5000)";
    let directives = engine.load(program, "test.metta").expect("it is MeTTa");
    assert_eq!(directives[0].results[0].to_string(), "done");
    assert!(directives[1].is_error());
    assert!(
        directives[1].results[0]
            .to_string()
            .contains("StackOverflow")
    );
}

#[test]
fn assertions_inside_assertions_do_not_exhaust_the_native_stack() {
    check(
        "(= (down $n) (if (== $n 0) () (assertEqual (down (- $n 1)) ()))) !(down 3000)",
        &["()"],
    );
}

#[test]
fn a_state_that_holds_itself_is_printed() {
    let state = "!(bind! &st (new-state A)) !(change-state! &st (&st b))";
    check(state, &["(State ((State …) b))"]);
    check(
        &format!("{state} !(get-state &st)"),
        &["((State ((State …) b)) b)"],
    );
}

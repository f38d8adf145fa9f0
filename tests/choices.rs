//! How calls find their rules: compiled code decides by what stands where, the plain
//! evaluator tries rule by rule, and both come to the same results in the same order.

#[path = "generated/cases.rs"]
mod cases;

use chimera::{Atom, Engine, alpha_equal};
use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};
use proptest::test_runner::TestCaseError;

/// Results of a program's last directive, by the plain evaluator or by compiled code.
fn results(source: &str, plain: bool) -> Vec<Atom> {
    let builder = Engine::builder();
    let builder = if plain {
        builder.plain()
    } else {
        builder.compiled()
    };
    let mut engine = builder.build();
    let directives = engine.load(source, "test.metta").expect("it is MeTTa");
    directives
        .last()
        .expect("it asks something")
        .results
        .clone()
}

#[track_caller]
fn check(source: &str, expected: &str) {
    for plain in [false, true] {
        let found: Vec<String> = results(source, plain).iter().map(Atom::to_string).collect();
        assert_eq!(found.join(" "), expected, "plain: {plain}, {source}");
    }
}

/// Whether both evaluators agree on programs that are drawn from a fixed seed.
fn agree(programs: impl Strategy<Value = String>) {
    let seed = b"chimera: the same cases each run";
    cases::try_all(programs, 200, seed, |source| {
        let (fast, plain) = (results(source, false), results(source, true));
        let same =
            fast.len() == plain.len() && fast.iter().zip(&plain).all(|(a, b)| alpha_equal(a, b));
        if same {
            Ok(())
        } else {
            let shown =
                |atoms: &[Atom]| -> Vec<String> { atoms.iter().map(Atom::to_string).collect() };
            Err(TestCaseError::fail(format!(
                "{source}\ncompiled: {:?}\nplain: {:?}",
                shown(&fast),
                shown(&plain)
            )))
        }
    });
}

fn leaves(variables: &'static [&'static str]) -> impl Strategy<Value = String> {
    let constants = &["a", "b", "c", "0", "1", "1.0", "True", "()", "\"t\""];
    prop_oneof![
        3 => proptest::sample::select(constants).prop_map(String::from),
        2 => proptest::sample::select(variables).prop_map(String::from),
    ]
}

/// Patterns and arguments: few of a kind, so that they often match.
fn terms(variables: &'static [&'static str]) -> impl Strategy<Value = String> {
    leaves(variables).prop_recursive(3, 12, 3, |inner| {
        vec(inner, 1..4).prop_map(|parts| format!("({})", parts.join(" ")))
    })
}

const IN_RULES: &[&str] = &["$x", "$y", "$z"];
const IN_CALLS: &[&str] = &["$u", "$v"];

#[test]
fn calls_find_the_same_rules() {
    let rules = vec((terms(IN_RULES), terms(IN_RULES)), 1..8);
    let calls = (terms(IN_CALLS), terms(IN_CALLS));
    agree((rules, calls).prop_map(|(rules, (first, second))| {
        let mut source = String::new();
        for (number, (a, b)) in rules.iter().enumerate() {
            source += &format!("(= (f {a} {b}) (rule {number} $x $y))\n");
        }
        format!("{source}!(f {first} {second})")
    }));
}

#[test]
fn cases_are_found_by_key() {
    let cases = vec(terms(IN_RULES), 1..6);
    agree((cases, terms(IN_CALLS)).prop_map(|(cases, value)| {
        let cases: Vec<String> = cases
            .iter()
            .enumerate()
            .map(|(number, pattern)| format!("({pattern} (case {number} $x))"))
            .collect();
        format!(
            "(= (choose $value) (case $value ({})))\n!(choose {value})",
            cases.join(" ")
        )
    }));
}

#[test]
fn gathered_results_outlive_what_they_were_made_of() {
    check(
        "(= (each) (superpose (1 2 3)))
         (= (pair) (let* (($x (each)) ($y (each))) (pair $x ($y 2.5 \"t\"))))
         (= (open $x) (superpose ((seen $x) (also $x $y))))
         (= (all) (collapse (pair)))
         !(let $found (all) (size-atom $found))",
        "9",
    );
    check(
        "(= (each) (superpose (1 2)))
         !(collapse (let $x (each) (t $x 2.5 \"s\" (n $x))))",
        "((t 1 2.5 \"s\" (n 1)) (t 2 2.5 \"s\" (n 2)))",
    );
}

#[test]
fn a_call_in_last_place_of_a_value_takes_no_room() {
    check(
        "(= (apply $f $n) ($f $n))
         (= (down $n) (if (== $n 0) done (apply down (- $n 1))))
         !(down 300000)",
        "done",
    );
}

#[test]
fn comparing_what_is_no_number_is_left_to_the_plain_way() {
    let rules = "(= (off $q $d $p) (if (== $q (+ $p $d)) yes no))\n";
    check(&format!("{rules}!(off 3 1 2)"), "yes");
    check(&format!("{rules}!(off 3 1.0 2)"), "yes");
    check(&format!("{rules}!(off 3 1 5)"), "no");
    check(&format!("{rules}!(off $free 1 5)"), "no");
    check(
        &format!("{rules}!(off 3 a 5)"),
        &results(&format!("{rules}!(off 3 a 5)"), true)
            .iter()
            .map(Atom::to_string)
            .collect::<Vec<_>>()
            .join(" "),
    );
}

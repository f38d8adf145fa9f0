//! Rules that come and go between calls, and while calls wait for their other rules: the
//! compiled evaluator gives what the plain one gives. Cases are drawn from a fixed seed.

mod both;
#[path = "generated/cases.rs"]
mod cases;
#[path = "both/unnamed.rs"]
mod unnamed;

use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;

use chimera::{Atom, Space};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use unnamed::unnamed;

#[track_caller]
fn check(program: &str) {
    let fast = both::results(program, false, unnamed);
    assert_eq!(fast, both::results(program, true, unnamed), "{program}");
    assert!(fast.iter().any(|results| results.len() > 1), "{program}");
}

/// Six rules of `f`, of which two match anything.
const RULES: &str = "(= (f 1) one) (= (f $x) (any $x)) (= (f (g $x)) (inside $x))
    (= (f 2) two) (= (f $x) (again $x)) (= (f 1) uno)\n";

#[test]
fn a_call_goes_on_with_the_rules_that_there_were() {
    check(&format!(
        "{RULES}
         (: drop (-> Atom %Undefined% %Undefined%))
         (: put (-> Atom %Undefined% %Undefined%))
         (= (drop $rule $value) (let $done (remove-atom &self $rule) $value))
         (= (put $rule $value) (let $done (add-atom &self $rule) $value))
         !(f 1)
         !(let $r (f 1) (drop (= (f 1) uno) $r))
         !(f 1)
         !(let $r (f 2) (put (= (f 2) zwei) $r))
         !(f 2)
         !(let $r (f 2) (f 2))
         !(let $r (f $any) (drop (= (f $x) (again $x)) ($any $r)))
         !(f $any)"
    ));
}

#[test]
fn all_rules_may_go_and_others_come() {
    let mut program = String::from(RULES);
    for rule in [
        "(f 1) one",
        "(f $x) (any $x)",
        "(f (g $x)) (inside $x)",
        "(f 2) two",
        "(f $x) (again $x)",
        "(f 1) uno",
    ] {
        program.push_str(&format!(
            "!(f 1) !(f (g 3)) !(f $v)\n!(remove-atom &self (= {rule}))\n"
        ));
    }
    program.push_str("!(f 1) (= (f 1) new) !(f 1) !(f $v) (= (f $x) newer) !(f 1) !(f 9)");
    check(&program);
}

/// A step of a program that changes the rules of `f` and calls it.
fn steps() -> impl Strategy<Value = String> {
    let rule = || {
        let head = prop_oneof![
            4 => (0..6_u8).prop_map(|n| n.to_string()),
            1 => Just("$x".to_owned()),
            1 => (0..3_u8).prop_map(|n| format!("(g {n})")),
            1 => Just("(g $x)".to_owned()),
        ];
        (head, 0..3_u8).prop_map(|(head, result)| format!("(= (f {head}) r{result})"))
    };
    let call = || {
        prop_oneof![
            4 => (0..7_u8).prop_map(|n| format!("(f {n})")),
            1 => Just("(f $v)".to_owned()),
            1 => (0..3_u8).prop_map(|n| format!("(f (g {n}))")),
        ]
    };
    prop_oneof![
        3 => rule().prop_map(|rule| format!("{rule}\n")),
        2 => rule().prop_map(|rule| format!("!(remove-atom &self {rule})\n")),
        3 => call().prop_map(|call| format!("!(collapse {call})\n")),
        1 => (call(), rule()).prop_map(|(call, rule)| {
            format!("!(collapse (let $r {call} (let $d (remove-atom &self {rule}) $r)))\n")
        }),
        1 => (call(), rule(), call()).prop_map(|(call, rule, other)| {
            format!("!(collapse (let $r {call} (let $d (add-atom &self {rule}) (then $r {other}))))\n")
        }),
    ]
}

#[test]
fn generated_changes_are_seen_as_by_the_plain_evaluator() {
    let programs = vec(steps(), 10..60).prop_map(|steps| steps.concat());
    let seed = b"chimera: the same changes always";
    cases::try_all(programs, 60, seed, |steps| {
        check(&format!("{RULES}!(f 1)\n{steps}"));
        Ok(())
    });
}

/// What another engine of the process stores, while an evaluation runs, is none of its business.
#[test]
fn what_is_stored_elsewhere_meanwhile_does_not_show() {
    let program = "(: Nil (List $t))
        (: Cons (-> $t (List $t) (List $t)))
        (= (list ()) Nil)
        (= (list $l)
          (if (== $l ()) Nil (let ($h $t) (decons-atom $l) (Cons $h (list $t)))))
        (= (count Nil) 0)
        (= (count (Cons $h $t)) (+ 1 (count $t)))
        !(let $l (list (3.5 True)) $l)
        !(let $l (list (3.5 True)) (count $l))
        !(let $l (list (1 2 \"three\" 4)) $l)";
    let alone = both::results(program, false, unnamed);
    let is_over = AtomicBool::new(false);
    let meanwhile: Vec<_> = thread::scope(|scope| {
        scope.spawn(|| {
            let elsewhere = Space::anonymous();
            let kind = Atom::expression([":", "a", "B"].map(Atom::symbol));
            while !is_over.load(Ordering::Relaxed) {
                elsewhere.add(kind.clone());
                elsewhere.remove(&kind);
            }
        });
        let found = (0..300).map(|_| both::results(program, false, unnamed));
        let found = found.collect();
        is_over.store(true, Ordering::Relaxed);
        found
    });
    for found in meanwhile {
        assert_eq!(found, alone);
    }
}

//! Forms deep within each other, more than are compiled at once: the compiled evaluator gives what
//! the plain one gives. Programs are drawn from a fixed seed.

mod both;
#[path = "generated/cases.rs"]
mod cases;
#[path = "both/unnamed.rs"]
mod unnamed;

use proptest::collection::vec;
use proptest::prop_assert_eq;
use proptest::strategy::Strategy;
use unnamed::unnamed;

const RULES: &str = "
(= (pair $x $y) ($x $y))
(= (same $x) $x)
(: inc (-> Number Number))
(= (inc $x) (+ $x 1))
(= (data $x) (k $x))
";

/// Forms around a place where `@` is; `#` is their number, `$` a variable known there.
const FORMS: &[(&str, &str)] = &[
    ("(let $v# (+ $ 1) ", ")"),
    ("(let $v# (same $) ", ")"),
    ("(let ($v# $w#) (pair $ 5) ", ")"),
    (
        "(let $v# (data $) (let (k $u#) $v# (let $v# (data $u#) ",
        ")))",
    ),
    ("(let* (($v# (inc $)) ($u# $v#)) ", ")"),
    ("(if (== $ 100000) no (let $v# $ ", "))"),
    ("(case (same $) ((-1 zero) ($v# ", ")))"),
    ("(chain (+ $ 1) $v# ", ")"),
    ("(+ 1 (let $v# $ ", "))"),
    ("(inc (let $v# $ ", "))"),
    ("(unify $v# $ ", " none)"),
    ("(let $v# (superpose ($)) ", ")"),
];

/// A nest of the forms with these numbers, in the midst of which is the variable that is bound there.
fn nest(forms: &[usize], known: &str) -> String {
    let (mut text, mut end) = (String::new(), String::new());
    let mut last = known.to_owned();
    for (number, form) in forms.iter().enumerate() {
        let (before, after) = FORMS[form % FORMS.len()];
        // What is taken apart is bound anew.
        let own = ["$v#", "$w#", "$u#"].map(|own| own.replace('#', &number.to_string()));
        let mut before = before.to_owned();
        for (name, own) in ["$v#", "$w#", "$u#"].iter().zip(&own) {
            before = before.replace(name, &own.replace('$', "%"));
        }
        let before = before.replace('$', &last.replace('$', "%"));
        text.push_str(&before.replace('%', "$"));
        end.insert_str(0, after);
        last.clone_from(&own[0]);
    }
    format!("{text}{last}{end}")
}

/// Pairs of a `let*`, each about the one before it.
fn pairs(forms: &[usize], known: &str) -> String {
    let mut text = String::new();
    let mut last = known.to_owned();
    for (number, form) in forms.iter().enumerate() {
        let own = format!("$x{number}");
        text.push_str(&match form % 8 {
            0 => format!("(({own} $y{number}) (pair {last} {number})) "),
            1 => format!("({own} (same {last})) "),
            2 => format!("({own} {last}) "),
            _ => format!("({own} (+ {last} 1)) "),
        });
        last = own;
    }
    format!("(let* ({text}) ({known} {last}))")
}

/// Whether both give the same of a rule and of an expression as it is written, which `forms` are made to.
fn compare(
    made: fn(&[usize], &str) -> String,
    forms: impl Strategy<Value = Vec<usize>>,
    calls: &str,
    seed: &[u8; 32],
) {
    let programs = forms.prop_map(|forms| {
        let (rule, written) = (made(&forms, "$a"), made(&forms, "5"));
        format!("{RULES}(= (f $a) {rule})\n{calls}\n!{written}")
    });
    cases::try_all(programs, 12, seed, |program| {
        let fast = both::results(program, false, unnamed);
        prop_assert_eq!(fast, both::results(program, true, unnamed));
        Ok(())
    });
}

#[test]
fn deep_nests_are_evaluated_as_by_the_plain_evaluator() {
    let forms = vec(0..FORMS.len(), 90..260);
    compare(
        nest,
        forms,
        "!(f 1)\n!(f 2)",
        b"forms within others, many levels",
    );
}

#[test]
fn long_lists_of_pairs_are_evaluated_as_by_the_plain_evaluator() {
    let forms = vec(0..8_usize, 90..330);
    compare(
        pairs,
        forms,
        "!(f 1)\n!(f zero)",
        b"pairs of let*, each of the last.",
    );
}

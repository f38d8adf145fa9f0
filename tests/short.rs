//! Conditions that call a short rule, which compiled code decides where they stand: as the plain
//! evaluator does it, whatever the values are, and also once the rule is another one.

mod both;
#[path = "both/unnamed.rs"]
mod unnamed;

use unnamed::unnamed;

/// Results by both evaluators, which are to be the same.
#[track_caller]
fn check(program: &str) -> Vec<Vec<String>> {
    let fast = both::results(program, false, unnamed);
    let plain = both::results(program, true, unnamed);
    assert_eq!(fast, plain, "{program}");
    fast
}

const RULES: &str = "
    (= (near $a $b $c)
      (if (== $a $b) True (if (< $a $c) (== $b 7) (if (== $c (+ $a $b)) False (other $b $c)))))
    (= (other $p $q) (if (== $p 2) True (== $q a)))
    (= (use $x $y $z) (if (near $x $y $z) (yes $x $y) (no $z)))
    (= (unless $x $y $z) ((if (near $x $y $z) no yes) (if (near $z $y 3) 1 2)))\n";

#[test]
fn values_of_all_kinds_lead_where_the_call_would() {
    let values = [
        "1",
        "2",
        "7",
        "1.0",
        "a",
        "b",
        "True",
        "()",
        "\"t\"",
        "(g 1)",
        "(+ 1 1)",
        "(superpose (1 7 a))",
        "(empty)",
        "(Error here why)",
        "$free",
    ];
    let mut program = RULES.to_owned();
    for x in values {
        for y in values {
            for z in ["2", "3", "a", "(superpose (0 8))", "$other"] {
                for called in ["use", "unless"] {
                    program.push_str(&format!(
                        "!(let* (($x {x}) ($y {y}) ($z {z})) ({called} $x $y $z))\n"
                    ));
                }
            }
            program.push_str(&format!("!(use {x} {y} 2)\n"));
        }
    }
    let found = check(&program);
    let has = |text: &str| found.iter().flatten().any(|result| result == text);
    assert!(has("(yes 1 1)") && has("(yes 1 7)") && has("(no 2)") && has("(no 1)"));
}

#[test]
fn a_rule_that_becomes_another_is_asked_again() {
    let found = check(
        "(= (near $a $b) (== $a $b))
         (= (use $x $y) (if (near $x $y) yes no))
         (= (use-other $x $y) (if (other $x $y) yes no))
         (= (within $x $y)
           (let $first (if (near $x $y) yes no)
             (let $done (add-atom &self (= (near $p $q) True))
               ($first (if (near $x $y) yes no)))))
         !(use 1 1) !(use 1 2)
         !(within 2 3)
         !(use 2 3)
         !(remove-atom &self (= (near $a $b) (== $a $b)))
         !(use 1 False) !(use 1 True)
         !(use-other 1 2)
         (= (other $a $b) (< $a $b))
         !(use-other 1 2) !(use-other 2 1)
         !(remove-atom &self (= (other $a $b) (< $a $b)))
         !(add-atom &self (= (other $a $b) (> $a $b)))
         !(use-other 1 2) !(use-other 2 1)",
    );
    assert_eq!(found[2], ["(no no)", "(no yes)"]);
    assert_eq!(found[3], ["no", "yes"]);
    assert_eq!(found[found.len() - 6..found.len() - 4], [["yes"], ["no"]]);
    assert_eq!(found[found.len() - 2..], [["no"], ["yes"]]);
}

#[test]
fn variables_of_the_same_name_are_apart() {
    let found = check(
        "(= (swapped $x $y) (< $y $x))
         (= (use $x $y) (if (swapped $y $x) (up $x $y) (down $x $y)))
         (= (same $x $x) True)
         (= (use-same $x $y) (if (same $x $y) yes no))
         (= (left $x $y) (if (== $x 1) (== $z 1) False))
         (= (use-left $x) (if (left $x $x) yes no))
         !(use 1 2) !(use 2 1) !(use-same 1 1) !(use-same 1 2) !(use-left 1) !(use-left 2)",
    );
    assert_eq!(found[..2], [["(up 1 2)"], ["(down 2 1)"]]);
}

//! Tabled functions: the compiled evaluator gives what the plain one gives. Cases are drawn from
//! a fixed seed.

mod both;
#[path = "both/unnamed.rs"]
mod unnamed;

use std::fmt::Write;

use unnamed::unnamed;

/// Directives of a program, each with its results sorted.
fn sorted(program: &str, plain: bool) -> Vec<Vec<String>> {
    let program = format!("!(import! &self tabling)\n{program}");
    let mut all = both::results(&program, plain, unnamed);
    all.iter_mut().for_each(|results| results.sort());
    all
}

#[track_caller]
fn check(program: &str) {
    assert_eq!(sorted(program, false), sorted(program, true), "{program}");
}

/// As [`check`], against what is said behind the last directive.
#[track_caller]
fn gives(program: &str, last: &[&str]) {
    check(program);
    assert_eq!(
        sorted(program, false).pop().as_deref(),
        Some(&last.iter().map(ToString::to_string).collect::<Vec<_>>()[..]),
        "{program}"
    );
}

const EDGES: &str =
    "(edge a b) (edge b c) (edge c a) (edge c d) (edge d d) (edge e (f 1)) (edge (f 1) \"g\")
    (edge \"g\" 2.5) (edge 2.5 e)\n";

#[test]
fn calls_with_and_without_variables_have_tables_of_their_own() {
    for rules in [
        "(= (path $x $y) (let True (path $x $z) (match &self (edge $z $y) True)))
         (= (path $x $y) (match &self (edge $x $y) True))",
        "(= (path $x $y) (match &self (edge $x $y) True))
         (= (path $x $y) (match &self (edge $x $z) (path $z $y)))",
        "(= (path $x $y) (match &self (edge $x $y) True))
         (= (path $x $y) (let True (path $x $z) (path $z $y)))",
    ] {
        check(&format!(
            "{EDGES} !(table! path) {rules}
             !(path a d) !(path d a) !(path a $y) !(path $x d) !(path $x $x) !(path $x $y)
             !(let True (path e $y) $y) !(let True (path $x $y) ($x $y))
             !(let True (path a $y) (path $y $z)) !(collapse (path $x $x))
             !(case (path d a) ((Empty none) ($r $r)))"
        ));
    }
}

#[test]
fn answers_may_have_variables() {
    check(
        "!(table! g)
         (= (g $x) ($x $y $x)) (= (g $x) ($x $z $x)) (= (g $x) (pair $y $z)) (= (g (a $b)) (was $b $c))
         (= (g $x) $new)
         !(g 1) !(g $v) !(g (a $v)) !(g ($u $v $u)) !(let ($p $q) ((g 1) (g 2)) ($p $q))
         !(let* (($r (g $v)) ($v 5)) $r) !(collapse (g ($u $v)))
         !(table! same)
         (= (same $x $x) yes) (= (same $x (b $y)) (other $y))
         !(same $p $q) !(let $r (same $p $q) ($r $p $q)) !(let $r (same (b 1) $q) ($r $q)) !(same ($p 2) (1 $q))",
    );
}

#[test]
fn results_are_told_apart_as_the_plain_evaluator_does() {
    check(
        "!(table! g)
         (= (g $x) (superpose (1 1.0 2.0 2 \"a\" \"a\" a (a) (a) () () True (S 1) (S 1.0) 0.1 0.1 -0.0 0)))
         !(g 1) !(g 1.0) !((g 1) (g 1.0))
         !(table! h)
         (= (h $x) ($x of h))
         !(superpose ((h 1) (h 1.0))) !(superpose ((h 1.0) (h 1))) !(superpose ((h \"s\") (h s) (h (s)) (h 0.5)))
         !(table! big)
         (= (big $n) (if (== $n 0) 1 (* 2 (big (- $n 1)))))
         !(big 200) !(== (big 100) (* (big 50) (big 50)))",
    );
}

#[test]
fn errors_and_empty_results_are_answers_as_any() {
    check(
        "!(table! f)
         (= (f $x) (+ $x \"a\")) (= (f 2) two) (= (f 3) (empty)) (= (f 4) (superpose ()))
         (= (f 5) (Error (f 5) odd)) (= (f 5) (f 6)) (= (f 6) (f 5)) (= (f 6) six)
         !(f 1) !(f 2) !(f 3) !(f 4) !(f 5) !(f 6) !(f $x) !(case (f 3) ((Empty none) ($x $x)))
         !(collapse (f 5)) !((f 2) (f 5))
         (: typed (-> Number Number))
         !(table! typed)
         (= (typed $n) (if (== $n 0) zero (typed (- $n 1))))
         !(typed 3)",
    );
}

#[test]
fn functions_of_one_knot_are_complete_together() {
    check(
        "!(table! p) !(table! q) !(table! r)
         (= (p $m) 1) (= (p $m) (q $m)) (= (p $m) (r (% (+ $m 1) 3)))
         (= (q $m) (r $m)) (= (q $m) (% (+ 1 (p (% (+ $m 1) 3))) 5))
         (= (r $m) (q (% (+ $m 2) 3))) (= (r 1) (% (* 10 (p 2)) 7)) (= (r $m) (size-atom (collapse (done $m))))
         (= (done $m) (superpose (1 2 $m)))
         !(p 0) !(q 1) !(r 2) !(superpose ((p 0) (q 0) (r 0))) !(collapse ((p 1) (q 1)))",
    );
}

#[test]
fn tables_are_one_evaluation_s() {
    gives(
        "!(table! seen)
         (= (seen $n) (let $u (add-atom &self (asked $n)) (if (== $n 0) none (seen (- $n 1)))))
         !(seen 3) !(collapse (superpose ((seen 3) (seen 3) (seen 2))))
         !(let $all (collapse (match &self (asked $n) $n)) (size-atom $all))",
        &["8"],
    );
}

#[test]
fn what_is_tabled_may_change_between_calls_and_within_one() {
    check(
        "(= (f $x) 1) (= (f $x) 1) (= (g) (f 0)) (= (apart $a $b) (if (== $a $b) False True))
         (= (apart $a $b) (if (== $a $b) False True))
         !(g) !(table! f) !(g) !(untable! f) !(g) !(let $u (table! f) (g)) !(let $u (untable! f) (g))
         !(if (apart 1 2) yes no) !(table! (apart 2)) !(if (apart 1 2) yes no) !(table! (f 2)) !(f 1)
         !(map-atom (1 2) $x (f $x)) !(let $h (superpose (f g)) ($h 3))",
    );
}

#[test]
fn rules_and_facts_may_change_while_tables_are_filled() {
    check(
        "!(table! f)
         (= (f 0) zero) (= (f 1) (let $u (add-atom &self (= (f 0) more)) (f 0)))
         (= (f 2) (let $r (f 0) (let $u (add-atom &self (= (f 3) late)) ($r (f 3)))))
         !(f 0) !(f 1) !(f 0) !(f 2) !(f 3)
         !(table! h)
         (= (h) (match &self (fact $x) $x)) (= (h) (let $x (h) (if (< $x 4) (let $u (add-atom &self (fact (+ $x 1))) (+ $x 1)) (empty))))
         (fact 1)
         !(h)",
    );
}

#[test]
fn what_is_not_compiled_may_call_what_is_tabled() {
    // Without tables that stay, each level would do all below it again.
    gives(
        "!(import! &self control)
         !(table! f)
         (= (f $n) (if (< $n 2) $n (+ (limit 1 (f (- $n 1))) (limit 1 (f (- $n 2))))))
         !(f 60)",
        &["1548008755920"],
    );
    check(
        "!(table! p) !(table! q)
         (= (p $x) (let $y (q $x) (metta (p $y) %Undefined% &self))) (= (p $x) $x)
         (= (q $x) (eval (step $x))) (= (step $x) (superpose (a b))) (= (q c) (p c))
         !(p a) !(p c) !(q c) !(eval (p a)) !(chain (eval (q c)) $x (pair $x)) !(evalc (q c) &self)",
    );
}

#[test]
fn large_terms_are_told_apart() {
    check(
        "!(table! tree)
         (= (tree $n) (if (== $n 0) Leaf (let $t (tree (- $n 1)) (Node $t $t))))
         !(table! leaves)
         (= (leaves Leaf) 1) (= (leaves (Node $a $b)) (+ (leaves $a) (leaves $b)))
         !(leaves (tree 14)) !(== (tree 13) (tree 13))
         !(table! list)
         (= (list $n) (if (== $n 0) Nil (Cons $n (list (- $n 1)))))
         !(table! last)
         (= (last (Cons $x Nil)) $x) (= (last (Cons $x (Cons $y $r))) (last (Cons $y $r)))
         !(last (list 1500))
         !(table! open)
         (= (open $n $x) (if (== $n 0) ($x $y) (let $t (open (- $n 1) $x) ($t $t))))
         !(let ($a $b) (open 13 $v) (== $a $b)) !(let $t (open 12 $v) (let $v 1 (== $t (open 12 1))))",
    );
}

#[test]
fn the_collector_finds_what_tables_being_filled_need() {
    gives(
        "!(table! f)
         (= (numbers $n) (if (== $n 0) Nil (Cons (box $n) (numbers (- $n 1)))))
         (= (sum Nil) 0) (= (sum (Cons (box $n) $rest)) (+ $n (sum $rest)))
         (= (f (box $n) $y) (if (== $n 0) (let $y (end 0) 0)
             (let $l (numbers 400) (let $r (f (box (- $n 1)) $z) (let $y (end $n) (% (+ $r (sum $l)) 1009))))))
         !(let $r (f (box 100) $y) ($r $y))",
        &["(468 (end 100))"],
    );
}

/// Random functions of each other.
#[test]
fn random_knots_have_the_same_results() {
    let mut state = 5_u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..40 {
        let functions = 1 + random(5);
        let mut program = String::new();
        for function in 0..functions {
            let _ = writeln!(program, "!(table! p{function})");
            if random(4) == 0 {
                let _ = writeln!(program, "(: p{function} (-> Number Number))");
            }
            for rule in 0..1 + random(3) {
                // A call that no rule is for would be data, of which there is no end.
                let argument = match rule {
                    0 => "$x",
                    _ => ["$x", "1", "2"][random(3)],
                };
                let mut call = || {
                    let value =
                        ["(% (+ $x 1) 3)", argument, "0"][random(3)].replace("$x", argument);
                    format!("(p{} {value})", random(functions))
                };
                let (a, b) = (call(), call());
                let body = match random(9) {
                    0 | 1 => format!("{}", random(5)),
                    2 => format!("(% (+ (* 3 {a}) 1) 5)"),
                    3 => format!("(% (+ {a} {b}) 5)"),
                    4 => format!("(if (< {a} 2) {b} 3)"),
                    5 => format!("(let $v {a} (if (== $v 1) (empty) $v))"),
                    6 => format!("(case {a} ((1 {b}) (2 3)))"),
                    7 => format!("(superpose (1 {a}))"),
                    _ => format!("(let ($v $w) ({a} {b}) (% (* $v $w) 5))"),
                };
                let _ = writeln!(program, "(= (p{function} {argument}) {body})");
            }
        }
        for value in ["0", "1", "(superpose (0 1 2))"] {
            let _ = writeln!(program, "!(p{} {value})", random(functions));
        }
        check(&program);
    }
}

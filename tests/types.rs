//! Polymorphic functions, functions without names and states: the compiled evaluator gives
//! what the plain one gives. Calls are drawn from a fixed seed.

mod both;
#[path = "generated/cases.rs"]
mod cases;
#[path = "both/unnamed.rs"]
mod unnamed;

use proptest::collection::vec;
use proptest::prelude::{BoxedStrategy, Just, Strategy, prop_oneof};
use proptest::sample::select;
use unnamed::unnamed;

const RULES: &str = r#"
!(import! &self control)
(: Nil (List $a)) (: Cons (-> $a (List $a) (List $a)))
(: Nothing (Maybe $a)) (: Just (-> $a (Maybe $a)))
(: Leaf (Tree $a)) (: Node (-> (Tree $a) $a (Tree $a) (Tree $a)))
(: Pair (-> $a $b (Both $a $b)))
(: map (-> (-> $a $b) (List $a) (List $b)))
(= (map $f Nil) Nil)
(= (map $f (Cons $h $t)) (Cons ($f $h) (map $f $t)))
(: append (-> (List $a) (List $a) (List $a)))
(= (append Nil $y) $y)
(= (append (Cons $h $t) $y) (Cons $h (append $t $y)))
(: zip (-> (List $a) (List $b) (List (Both $a $b))))
(= (zip Nil $y) Nil)
(= (zip (Cons $a $x) Nil) Nil)
(= (zip (Cons $a $x) (Cons $b $y)) (Cons (Pair $a $b) (zip $x $y)))
(: head (-> (List $a) (Maybe $a)))
(= (head Nil) Nothing)
(= (head (Cons $h $t)) (Just $h))
(: or-else (-> (Maybe $a) $a $a))
(= (or-else Nothing $d) $d)
(= (or-else (Just $x) $d) $x)
(: insert (-> (Tree Number) Number (Tree Number)))
(= (insert Leaf $x) (Node Leaf $x Leaf))
(= (insert (Node $l $v $r) $x)
   (if (< $x $v) (Node (insert $l $x) $v $r) (Node $l $v (insert $r $x))))
(: size (-> (Tree $a) Number))
(= (size Leaf) 0)
(= (size (Node $l $v $r)) (+ 1 (+ (size $l) (size $r))))
(: sum (-> (List Number) Number))
(= (sum Nil) 0)
(= (sum (Cons $h $t)) (+ $h (sum $t)))
(: inc (-> Number Number))
(= (inc $x) (+ $x 1))
(: shout (-> Number String))
(= (shout $x) "x")
(= (twice $f $x) ($f ($f $x)))
(: each (-> (-> $a $b) $a $a (Both $b $b)))
(= (each $f $x $y) (Pair ($f $x) ($f $y)))
(= (same $x) $x)
(= (stuck $x) (apart $x))
(= (mixed $x) (if (== $x 1) "s" (if (== $x 2) (Just $x) $x)))
(= (listed $x) (Cons $x Nil))
(= (add-to $n) (|-> ($x) (+ $x $n)))
(p 1 a) (p 2 b) (p 2 c)
!(bind! &n (new-state 1))
!(bind! &s (new-state a))
(= (bump $state $by) (change-state! $state (+ $by (get-state $state))))
"#;

fn leaves() -> BoxedStrategy<String> {
    select(
        &[
            "0", "1", "2", "a", "\"s\"", "True", "Nil", "Leaf", "Nothing", "$v",
        ][..],
    )
    .prop_map(str::to_owned)
    .boxed()
}

fn lists() -> BoxedStrategy<String> {
    let numbers = vec(select(&["0", "1", "2"][..]), 0..4);
    let mixed = vec(select(&["0", "\"s\"", "a", "Nil", "(inc 1)"][..]), 0..3);
    prop_oneof![4 => numbers, 1 => mixed]
        .prop_map(|elements| {
            elements.iter().fold("Nil".to_owned(), |rest, element| {
                format!("(Cons {element} {rest})")
            })
        })
        .boxed()
}

fn functions() -> BoxedStrategy<String> {
    select(
        &[
            "inc",
            "shout",
            "listed",
            "Just",
            "+",
            "same",
            "stuck",
            "mixed",
            "(|-> ($x) $x)",
            "(|-> ($x) (mixed $x))",
            "(|-> ($x) (Cons $x Nil))",
            "(|-> ($x) (+ $x 1))",
            "(|-> ($x) ($x $x))",
            "(|-> ($x) (let $y (p $x) $y))",
            "(|-> ($x) (match &self (p $x $y) $y))",
            "(|-> ($x) (superpose ($x 7)))",
            "(|-> (1) one)",
            "(|-> ($x) $free)",
            "(|-> ($x) (Error $x bad))",
            "(|-> ($x) Empty)",
            "(|-> ($x) (get-state &n))",
            "(|-> ($x $y) $y)",
            "(|-> () 7)",
            "(add-to 2)",
        ][..],
    )
    .prop_map(str::to_owned)
    .boxed()
}

fn calls() -> BoxedStrategy<String> {
    let of_lists = prop_oneof![
        (functions(), lists()).prop_map(|(f, list)| format!("(map {f} {list})")),
        (lists(), lists()).prop_map(|(left, right)| format!("(append {left} {right})")),
        (lists(), lists()).prop_map(|(left, right)| format!("(zip {left} {right})")),
        (leaves(), lists()).prop_map(|(x, list)| format!("(append (listed {x}) {list})")),
        lists(),
    ]
    .boxed();
    let of_trees = vec(select(&["0", "1", "2", "a", "(inc 1)"][..]), 0..4).prop_map(|elements| {
        elements
            .iter()
            .fold("Leaf".to_owned(), |tree, x| format!("(insert {tree} {x})"))
    });
    let of_states = prop_oneof![
        (select(&["&n", "&s", "5", "$q"][..]), leaves())
            .prop_map(|(state, x)| format!("(change-state! {state} {x})")),
        select(&["&n", "&s"][..]).prop_map(|state| format!("(bump {state} 1)")),
        select(&["&n", "&s"][..]).prop_map(|state| format!("(+ 1 (get-state {state}))")),
        (leaves()).prop_map(|x| format!("(get-state (new-state {x}))")),
        Just("(change-state! &n (superpose (5 6)))".to_owned()),
    ];
    let of_functions = prop_oneof![
        (functions(), leaves()).prop_map(|(f, x)| format!("({f} {x})")),
        (functions(), leaves()).prop_map(|(f, x)| format!("(twice {f} {x})")),
        (functions(), leaves(), leaves()).prop_map(|(f, x, y)| format!("(each {f} {x} {y})")),
        (functions(), leaves()).prop_map(|(f, x)| format!("(let $f {f} ($f {x}))")),
        (functions(), leaves()).prop_map(|(f, x)| format!("(let $k {x} ((|-> ($z) ({f} $k)) $z))")),
        functions(),
    ];
    prop_oneof![
        3 => of_lists.clone(),
        1 => of_lists.clone().prop_map(|list| format!("(sum {list})")),
        1 => of_lists.clone().prop_map(|list| format!("(head {list})")),
        1 => (of_lists, leaves()).prop_map(|(list, x)| format!("(or-else (head {list}) {x})")),
        2 => of_trees.prop_map(|tree| format!("(size {tree})")),
        2 => of_states,
        3 => of_functions,
        1 => (leaves(), leaves()).prop_map(|(a, b)| format!("(== {a} {b})")),
        1 => leaves().prop_map(|x| format!("(let $t {x} (== $t Leaf))")),
    ]
    .boxed()
}

fn programs() -> impl Strategy<Value = String> {
    vec(calls(), 1..6).prop_map(|calls| {
        let asked: Vec<String> = calls.iter().map(|call| format!("!{call}")).collect();
        format!("{RULES}{}", asked.join("\n"))
    })
}

/// For each directive its results, without the names of variables: which of those that
/// stand for the same thing is written is not told.
fn results(program: &str, plain: bool) -> Vec<Vec<String>> {
    both::results(program, plain, unnamed)
}

#[test]
fn generated_calls_answer_as_by_the_plain_evaluator() {
    cases::try_all(
        programs(),
        300,
        b"chimera: the same types each run",
        |program| {
            assert_eq!(results(program, false), results(program, true), "{program}");
            Ok(())
        },
    );
}

fn reductions(program: &str, plain: bool) -> u64 {
    let builder = chimera::Engine::builder();
    let builder = if plain {
        builder.plain()
    } else {
        builder.compiled()
    };
    let mut spent = 0;
    builder
        .build()
        .run(
            program,
            "program",
            &chimera::Budget::default(),
            |directive| {
                spent = directive.reductions;
                assert!(!directive.is_error(), "{:?}", directive.results);
                true
            },
        )
        .expect("the program is MeTTa");
    spent
}

/// What is left to the plain evaluator spends as many reductions as there.
#[track_caller]
fn check_stays_compiled(rules: &str, call: &str) {
    let program = format!(
        "{RULES}{rules}
(= (rounds $n) (if (== $n 0) done (let $q {call} (rounds (- $n 1)))))
!(rounds 1000)"
    );
    let (compiled, plain) = (reductions(&program, false), reductions(&program, true));
    assert!(compiled * 2 < plain, "{compiled} of {plain} reductions");
}

#[test]
fn literal_lists_leave_a_loop_compiled() {
    check_stays_compiled("", "(cons-atom 1 (2 3))");
    check_stays_compiled("", "(size-atom (1 2 3))");
}

#[test]
fn long_lists_leave_a_loop_compiled() {
    let rules = "(= (long) (1 2 3 4 5 6 7 8 9 10 11 12))";
    let call = "(let $l (long) (let ($h $t) (decons-atom $l) (let $m (cons-atom $n $t) $m)))";
    check_stays_compiled(rules, call);
}

#[test]
fn polymorphic_constructors_leave_a_loop_compiled() {
    check_stays_compiled("", "(or-else (head (Cons $n Nil)) 0)");
    check_stays_compiled("", "(size (insert Leaf $n))");
}

#[test]
fn calls_in_data_of_open_types_leave_a_loop_compiled() {
    let rules = "(: pair (-> $a $b (P $a $b))) (= (twice $n) (* 2 $n))
        (= (several $n) (let $m (twice $n) (+ $m 1)))
        (= (upto $n) (if (< $n 1) Nil (Cons (twice $n) (upto (- $n 1)))))";
    check_stays_compiled(rules, "(Cons (twice $n) Nil)");
    check_stays_compiled(rules, "(pair (several $n) (let $k 1 (twice $k)))");
    check_stays_compiled(rules, "(new-state (twice $n))");
    check_stays_compiled(rules, "(upto 3)");
}

#[test]
fn several_function_types_leave_a_loop_compiled() {
    let rules = "(: times (-> Number Number)) (: times (-> String String))
        (= (times $n) (if (< $n 2) $n (+ 1 (times (- $n 1)))))";
    check_stays_compiled(rules, "(times 4)");
}

#[test]
fn a_rule_for_calls_of_any_name_leaves_a_loop_compiled() {
    let rules = "(= ($f again $x) ($f ($f $x))) (= (double $n) (* 2 $n))";
    check_stays_compiled(rules, "(double $n)");
    check_stays_compiled(rules, "(double again $n)");
}

#[test]
fn functions_without_names_leave_a_loop_compiled() {
    check_stays_compiled("", "((|-> ($x) (inc $x)) $n)");
    check_stays_compiled("(= (ap $f $x) ($f $x))", "(ap (|-> ($x) (+ $x $n)) 1)");
}

#[test]
fn states_leave_a_loop_compiled() {
    check_stays_compiled("", "(change-state! &n (+ 1 (get-state &n)))");
    check_stays_compiled("", "(bump &n 1)");
}

//! Data around calls, made before them, and calls of what a variable stands for: the compiled
//! evaluator gives what the plain one gives. Programs are drawn from a fixed seed.

mod both;
#[path = "generated/cases.rs"]
mod cases;
#[path = "both/unnamed.rs"]
mod unnamed;

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, Weak};

use chimera::{Atom, Grounded, Operation};
use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};
use proptest::sample::select;
use unnamed::unnamed;

const RULES: &str = "
(= (both $x) $x)
(= (both $x) (pair $x))
(= (odd 1) True)
(= (odd 2) False)
(= (bad 1) (Error 1 bad))
(= (bad 2) two)
(= (mixed $x) (Error $x mixed))
(= (mixed $x) (fine $x))
(= (none 2) Empty)
(: inc (-> Number Number))
(= (inc $x) (+ $x 1))
(: as-is (-> Atom Atom))
(= (as-is $x) (odd $x))
(= (open $x) (with $x $y))
(= (apply $f $x) ($f $x))
(= (each $f Nil) Nil)
(= (each $f (Cons $x $rest)) (Cons ($f $x) (each $f $rest)))
(= (keep $f Nil) Nil)
(= (keep $f (Cons $x $rest)) (if ($f $x) (Cons $x (keep $f $rest)) (keep $f $rest)))
(= (fold $f $acc Nil) $acc)
(= (fold $f $acc (Cons $x $rest)) (fold $f ($f $acc $x) $rest))
(= (times Z $f $x) $x)
(= (times (S $n) $f $x) ($f (times $n $f $x)))
";

/// What types what is grown.
const TYPES: &[&str] = &[
    "",
    "(: Nil L)\n(: Cons (-> %Undefined% L L))\n(: f (-> L L))\n(: g (-> L L))",
    "(: Nil L)\n(: Cons (-> Number L L))\n(: S (-> L L))\n(: f (-> L L))\n(: keep (-> (-> $a Bool) L L))",
    "(: Nil (List $t))\n(: Cons (-> $t (List $t) (List $t)))\n(: f (-> (List $t) (List $t)))\n\
     (: each (-> (-> $a $b) (List $a) (List $b)))\n(: keep (-> (-> $a Bool) (List $a) (List $a)))",
    "(: Nil (List Number))\n(: Cons (-> Number (List Number) (List Number)))\n\
     (: f (-> (List Number) (List Number)))\n(: g (-> (List Number) %Undefined%))",
    "(: Nil L)\n(: Cons (-> Atom L L))\n(: g (-> L L))\n(: apply (-> Symbol Number %Undefined%))",
];

/// What may be applied to one argument.
const FUNCTIONS: &[&str] = &[
    "both",
    "odd",
    "bad",
    "mixed",
    "none",
    "inc",
    "as-is",
    "open",
    "unknown",
    "Cons",
    "Error",
    "Empty",
    "not",
    "(odd 1)",
    "(|-> ($a) (+ $a 1))",
    "(|-> ($a) (Cons $a (both $a)))",
    "superpose",
    "f",
    "7",
    "$free",
];

fn functions() -> impl Strategy<Value = String> {
    select(FUNCTIONS).prop_map(String::from)
}

/// What stands before the last element.
fn elements() -> impl Strategy<Value = String> {
    let leaf = select(&["$x", "1", "a", "(+ $x 1)", "$y", "()"][..]).prop_map(String::from);
    let called = (functions(), select(&["$x", "2", "(both $x)"][..]))
        .prop_map(|(f, argument)| format!("({f} {argument})"));
    prop_oneof![2 => leaf, 1 => called]
}

/// What ends a list.
fn ends() -> impl Strategy<Value = String> {
    let ends = &[
        "Nil",
        "End",
        "(superpose (Nil End))",
        "(Error Nil end)",
        "(superpose ((Error Nil end) Nil))",
        "Empty",
        "(open 1)",
        "(quote (f Nil))",
        "(as-is 1)",
        "()",
        "3",
        "$y",
    ];
    select(&ends[..]).prop_map(String::from)
}

/// A body for a rule about `(Cons $x $rest)`.
fn bodies() -> impl Strategy<Value = String> {
    let calls = select(&["(f $rest)", "(g $rest)", "(each both $rest)", "($h $rest)"][..])
        .prop_map(|call| call.replace("$h", "g"));
    calls.prop_recursive(3, 12, 2, |inner| {
        prop_oneof![
            3 => (elements(), inner.clone()).prop_map(|(x, rest)| format!("(Cons {x} {rest})")),
            1 => inner.clone().prop_map(|rest| format!("(S {rest})")),
            1 => (elements(), elements(), inner.clone())
                .prop_map(|(x, y, rest)| format!("(Node {x} {y} {rest})")),
            1 => (inner.clone(), inner.clone())
                .prop_map(|(yes, no)| format!("(if (odd $x) {yes} {no})")),
            1 => (elements(), inner.clone()).prop_map(|(x, rest)| format!("(let $y {x} {rest})")),
            1 => (inner.clone(), inner).prop_map(|(a, b)| format!("(superpose ({a} {b}))")),
        ]
    })
}

fn lists() -> impl Strategy<Value = String> {
    vec(select(&["0", "1", "2", "a", "(p 1)"][..]), 0..4).prop_map(|elements| {
        elements
            .iter()
            .rev()
            .fold("Nil".to_owned(), |rest, x| format!("(Cons {x} {rest})"))
    })
}

fn questions() -> impl Strategy<Value = String> {
    let about = prop_oneof![
        3 => lists().prop_map(|list| format!("(f {list})")),
        2 => lists().prop_map(|list| format!("(g {list})")),
        2 => (functions(), lists()).prop_map(|(f, list)| format!("(each {f} {list})")),
        2 => (functions(), lists()).prop_map(|(f, list)| format!("(keep {f} {list})")),
        1 => (select(&["+", "both", "pair", "(|-> ($a $b) (Cons $b $a))"][..]), lists())
            .prop_map(|(f, list)| format!("(fold {f} 0 {list})")),
        1 => functions().prop_map(|f| format!("(times (S (S Z)) {f} 1)")),
        1 => functions().prop_map(|f| format!("(apply {f} (both 1))")),
    ];
    let around = select(&["ASKED", "(collapse ASKED)", "(let $r ASKED (got $r $r))"][..]);
    (about, around).prop_map(|(about, around)| around.replace("ASKED", &about))
}

fn programs() -> impl Strategy<Value = String> {
    let rules = (bodies(), bodies(), ends(), ends(), select(TYPES));
    (rules, vec(questions(), 1..5)).prop_map(|((f, g, f_ends, g_ends, types), questions)| {
        let asked: Vec<String> = questions.iter().map(|asked| format!("!{asked}")).collect();
        format!(
            "{RULES}{types}\n(= (f Nil) {f_ends})\n(= (f (Cons $x $rest)) {f})\n(= (g Nil) {g_ends})\n\
             (= (g (Cons $x $rest)) {g})\n{}",
            asked.join("\n")
        )
    })
}

/// For each directive its results, without the names of variables.
fn results(program: &str, plain: bool) -> Vec<Vec<String>> {
    both::results(program, plain, unnamed)
}

#[test]
fn generated_lists_grow_as_by_the_plain_evaluator() {
    let seed = b"chimera: lists that grow, always";
    cases::try_all(programs(), 600, seed, |program| {
        assert_eq!(results(program, false), results(program, true), "{program}");
        Ok(())
    });
}

#[track_caller]
fn check(program: &str, expected: &[&str]) {
    for plain in [false, true] {
        let found = results(program, plain).concat();
        assert_eq!(found, expected, "plain: {plain}, {program}");
    }
}

/// Rules for what was data when the list was begun are asked when it ends.
#[test]
fn rules_that_come_while_a_list_grows_count() {
    let rules = "
(= (from $n $to) (if (> $n $to) (ended) (Cons $n (from (+ $n 1) $to))))
";
    check(
        &format!(
            "{rules}(= (ended) (let $_ (add-atom &self (= (Cons 3 Nil) three)) Nil))
!(from 1 3)
!(from 2 3)"
        ),
        &[
            "(Cons 1 (Cons 2 three))",
            "(Cons 2 three)",
            "(Cons 2 three)",
        ],
    );
    check(
        &format!(
            "{rules}(= (ended) (let $_ (add-atom &self (= (Cons 2 $x) $x)) (superpose (Nil End))))
!(from 1 3)"
        ),
        &["(Cons 1 (Cons 3 Nil))", "(Cons 1 (Cons 3 End))"],
    );
}

/// Names that had no types and rules get some between calls of the same place.
#[test]
fn what_is_applied_may_change() {
    check(
        "
(= (apply $f $x) (pair ($f $x) end))
!(apply late 1)
(= (late $x) (early $x))
!(apply late 1)
(: late (-> String Atom))
!(apply late \"text\")
!(add-atom &self (= (other $x) (gone $x)))
!(apply other 1)
!(remove-atom &self (= (other $x) (gone $x)))
!(apply other 1)",
        &[
            "(pair (late 1) end)",
            "(pair (early 1) end)",
            "(pair (early \"text\") end)",
            "()",
            "(pair (gone 1) end)",
            "()",
            "(pair (other 1) end)",
        ],
    );
}

/// A list is made in stack that does not grow with it, also by calls of each other.
#[test]
fn long_lists_grow_in_little_room() {
    let program = "
(= (from $n $to) (if (> $n $to) Nil (Cons $n (back $n $to))))
(= (back $n $to) (Step (from (+ $n 1) $to)))
(= (length Nil $n) $n)
(= (length (Cons $x (Step $rest)) $n) (length $rest (+ $n 1)))
!(length (from 1 200000) 0)";
    let mut engine = chimera::Engine::builder().build();
    let budget = chimera::Budget::default().bytes(64 << 20);
    let mut found = Vec::new();
    let done = engine.run(program, "program", &budget, |directive| {
        found.extend(directive.results.iter().map(ToString::to_string));
        true
    });
    assert!(done.is_ok());
    assert_eq!(found, ["200000"]);
}

/// Texts that a loop made and no longer needs are given back while it runs.
#[test]
fn texts_that_nothing_holds_are_given_back_while_a_loop_runs() {
    const LENGTH: usize = 100_000;
    let made: Arc<Mutex<Vec<Weak<str>>>> = Arc::default();
    let most = Arc::new(AtomicUsize::new(0));
    let mut engine = chimera::Engine::builder().build();
    let (texts, alive_at_once) = (made.clone(), most.clone());
    engine.register(Operation::new(
        "longer",
        "(-> %Undefined% String)",
        move |_, _| {
            let text: Arc<str> = "x".repeat(LENGTH).into();
            let mut texts = texts.lock().expect("no other thread");
            texts.push(Arc::downgrade(&text));
            texts.retain(|text| text.strong_count() > 0);
            alive_at_once.fetch_max(texts.len(), Ordering::Relaxed);
            Ok(vec![Atom::Grounded(Grounded::Text(text))])
        },
    ));
    let program = "
(= (loop $n $text) (if (== $n 0) done (let $next (longer $text) (loop (- $n 1) $next))))
!(loop 2000 none)";
    let budget = chimera::Budget::default();
    let done = engine.run(program, "program", &budget, |_| true);
    assert!(done.is_ok());
    let most = most.load(Ordering::Relaxed) * LENGTH;
    assert!(most > 0 && most < 32 << 20, "{most} bytes at once");
}

#[test]
fn a_frame_that_waits_beside_no_case_is_collected() {
    // The mark of a case is written only where the case begins; what other frames left
    // in its place is nothing to follow.
    let program = "
(= (hanoi 0 $f $t $v) ())
(= (hanoi $n $f $t $v)
  (if (> $n 0)
    (let* (($a (hanoi (- $n 1) $f $v $t)) ($b (hanoi (- $n 1) $v $t $f)) ($m (union-atom $a (($f $t)))))
      (union-atom $m $b))
    (empty)))
!(collapse (hanoi 3 A C (superpose (B 2))))
(= (h $n $a $b $c)
  (case $n ((0 Done) ($_ (seq (h (- $n 1) $a $c $b) (move $a $c) (h (- $n 1) $b $a $c))))))
!(let $moves (h 16 a b c) ended)";
    let mut engine = chimera::Engine::builder().build();
    let budget = chimera::Budget::default();
    let mut found = Vec::new();
    let ended = engine.run(program, "program", &budget, |directive| {
        found = directive.results.iter().map(ToString::to_string).collect();
        true
    });
    assert!(ended.is_ok());
    assert_eq!(found, ["ended"]);
}

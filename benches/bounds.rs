//! One kernel under one regime, for counting instructions: what budgets, cancellation and
//! the recording of rules cost. `benches/kernels/bounds.py` runs all and compares.
//!
//! `bounds KERNEL start|bare|bounded|recording`; `start` evaluates nothing.
#![expect(clippy::print_stdout, reason = "a bench prints what it measures")]

use std::time::Duration;

use chimera::{Budget, CancelToken, Engine};

const KERNELS: [(&str, &str, &str, &str); 6] = [
    (
        "fib",
        "(= (fib $n) (if (< $n 2) $n (+ (fib (- $n 1)) (fib (- $n 2)))))",
        "(fib 20)",
        "6765",
    ),
    (
        "queens",
        "(= (upto $n) (if (> $n 0) (superpose ($n (upto (- $n 1)))) (empty)))
         (= (safe $q $d Nil) True)
         (= (safe $q $d (Cons $x $more))
           (if (or (== $q $x) (or (== $q (+ $x $d)) (== $q (- $x $d)))) False (safe $q (+ $d 1) $more)))
         (= (place $n 0) Nil)
         (= (place $n $k) (if (> $k 0) (let $board (place $n (- $k 1)) (let $q (upto $n)
           (if (safe $q 1 $board) (Cons $q $board) (empty)))) (empty)))
         (= (queens $n) (let $all (collapse (place $n $n)) (size-atom $all)))",
        "(queens 6)",
        "4",
    ),
    (
        "match",
        "(= (ask $n) (if (== $n 0) done (let $y (match &self (edge $n $x) $x) (ask (- $n 1)))))",
        "(ask 2000)",
        "done",
    ),
    (
        "again",
        "(= (ask $n) (if (== $n 0) done
           (let* (($k (% $n 100)) ($y (match &self (edge $k $x) $x))) (ask (- $n 1)))))",
        "(ask 4000)",
        "done",
    ),
    (
        "join",
        "(= (ask $n) (if (== $n 0) done
           (let $all (collapse (match &self (, (edge $n $x) (edge $x $y)) $y)) (ask (- $n 1)))))",
        "(ask 1000)",
        "done",
    ),
    (
        "lists",
        "(= (upto $n $list) (if (== $n 0) $list (let $more (cons-atom $n $list) (upto (- $n 1) $more))))
         (= (double $x) (* 2 $x))
         (= (sum $list) (let* (($twice (map-atom $list $x (double $x)))
                               ($some (filter-atom $twice $x (> $x 100))))
           (foldl-atom $some 0 $a $b (+ $a $b))))
         (= (start) (let $list (upto 2000 ()) (sum $list)))",
        "(start)",
        "3999450",
    ),
];

fn main() {
    let words: Vec<String> = std::env::args().skip(1).collect();
    let [kernel, regime] = words.as_slice() else {
        let names = KERNELS.map(|kernel| kernel.0).join(", ");
        println!("bounds KERNEL start|bare|bounded|recording; kernels: {names}");
        return;
    };
    let (_, program, question, expected) = KERNELS
        .into_iter()
        .find(|known| known.0 == kernel)
        .expect("a kernel of the list");
    let mut engine = Engine::builder().build();
    let mut source = program.to_owned();
    if matches!(kernel.as_str(), "match" | "again" | "join") {
        for node in 0..5000 {
            source += &format!("(edge {node} {})\n", node * 7 % 5000);
        }
    }
    engine.load(&source, "kernel.metta").expect("it is MeTTa");
    let question = engine.parse(question).expect("it is one atom");
    let bounded = Budget::default()
        .reductions(1 << 40)
        .depth(1 << 30)
        .bytes(1 << 40)
        .deadline(Duration::from_secs(3600))
        .cancel(CancelToken::new());
    if regime == "start" {
        return;
    }
    // As decisions and queries are made.
    let mut engine = engine.snapshot();
    let evaluation = match regime.as_str() {
        "bare" => engine.evaluate(&question, &Budget::default()),
        "bounded" => engine.evaluate(&question, &bounded),
        "recording" => engine.evaluate_proving(&question, &bounded),
        other => panic!("{other} is no regime"),
    };
    let [answer] = evaluation.results.as_slice() else {
        panic!("one answer, not {:?}", evaluation.results)
    };
    assert_eq!(answer.atom.to_string(), expected);
    println!("{} reductions", evaluation.reductions);
}

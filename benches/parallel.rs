//! What a second core brings: `hyperpose`, and snapshots asked by several threads, each
//! against the same work one after the other.
//!
//! `cargo bench --bench parallel` runs all; `-- key join` only those. The best of several rounds counts, since other work on
//! the machine can only lengthen one. Figures of record stand in `numbers.md`.
#![expect(clippy::print_stdout, reason = "a bench prints what it measures")]

use std::time::{Duration, Instant};

use chimera::{Budget, Engine};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// Times that each is measured.
const ROUNDS: usize = 5;

const PROGRAM: &str = "
!(import! &self parallel)
(= (fib $n) (if (< $n 2) $n (+ (fib (- $n 1)) (fib (- $n 2)))))
(= (make $n $list) (if (== $n 0) $list (make (- $n 1) (Cons (f $n a) $list))))
(= (length Nil) 0)
(= (length (Cons $x $more)) (+ 1 (length $more)))
(= (lists $n) (if (== $n 0) done (let $l (length (make 1000 Nil)) (lists (- $n 1)))))
(= (ask $n) (if (== $n 0) done (let $d (match &self (edge $n $y) $y) (ask (- $n 1)))))
(= (walk) (let $all (collapse (match &self (, (edge $x $y) (edge $y $z)) $z)) (size-atom $all)))
(= (words $n) (if (== $n 0) done (let $w (concat \"word \" $n) (words (- $n 1)))))
!(import! &self strings)
";

/// Jobs that take some tenths of a second each.
const JOBS: [(&str, &str); 5] = [
    ("numbers: fib", "(fib 31)"),
    ("terms: lists built and taken apart", "(lists 1500)"),
    ("queries by a key", "(ask 299999)"),
    ("a join of two patterns", "(walk)"),
    ("strings made by an operation", "(words 1500000)"),
];

fn main() {
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    println!("{cores} cores; two jobs of each kind, best of {ROUNDS} rounds\n");
    println!(
        "{:36} {:>10} {:>10} {:>6} {:>10} {:>6}",
        "job", "in turn", "hyperpose", "times", "snapshots", "times"
    );
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let mut engine = engine();
    for (name, job) in JOBS {
        if !wanted.is_empty() && !wanted.iter().any(|word| name.contains(word.as_str())) {
            continue;
        }
        let job_twice = |form: &str| format!("(collapse ({form} ({job} {job})))");
        let (turn, together) = (job_twice("superpose"), job_twice("hyperpose"));
        let mut best = [Duration::MAX; 3];
        for _ in 0..ROUNDS {
            best[0] = best[0].min(evaluate(&mut engine, &turn));
            best[1] = best[1].min(evaluate(&mut engine, &together));
            best[2] = best[2].min(on_snapshots(&engine, job));
        }
        let [turn, hyperpose, snapshots] = best.map(|time| time.as_secs_f64());
        println!(
            "{name:36} {turn:>8.3} s {hyperpose:>8.3} s {:>6.2} {snapshots:>8.3} s {:>6.2}",
            turn / hyperpose,
            turn / snapshots
        );
    }
}

fn engine() -> Engine {
    let mut engine = Engine::builder().build();
    let mut source = PROGRAM.to_owned();
    for node in 0..300_000 {
        source += &format!("(edge {node} {})\n", node * 7 % 300_000);
    }
    for directive in engine.load(&source, "parallel.metta").expect("it is MeTTa") {
        assert!(!directive.is_error(), "{directive:?}");
    }
    engine
}

fn evaluate(engine: &mut Engine, expression: &str) -> Duration {
    let expression = engine.parse(expression).expect("it is one atom");
    let started = Instant::now();
    let results = engine.evaluate(&expression, &Budget::default());
    let elapsed = started.elapsed();
    for atom in results.atoms() {
        assert!(!atom.to_string().contains("Error"), "{atom}");
    }
    elapsed
}

/// Two snapshots that are asked by a thread each.
fn on_snapshots(engine: &Engine, job: &str) -> Duration {
    let mut snapshots = [engine.snapshot(), engine.snapshot()];
    let started = Instant::now();
    std::thread::scope(|scope| {
        for snapshot in &mut snapshots {
            scope.spawn(move || evaluate(snapshot, job));
        }
    });
    started.elapsed()
}

//! What loading, querying and churning facts costs: CPU time of this thread, and peak memory.
//!
//! `cargo bench --bench store` runs all; `-- load churn` only those. Figures of record
//! stand in `numbers.md`.
#![expect(clippy::print_stdout, reason = "a bench prints what it measures")]

use std::fmt::Write;
use std::hint::black_box;

use chimera::{Atom, Bindings, Budget, Engine, Space};

#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

const MILLION: usize = 1_000_000;

fn main() {
    let wanted: Vec<String> = std::env::args()
        .skip(1)
        .filter(|word| !word.starts_with('-'))
        .collect();
    let benches: [(&str, fn()); 5] = [
        ("load", load),
        ("query", query),
        ("churn", churn),
        ("rules", rules),
        ("snapshots", snapshots),
    ];
    for (name, bench) in benches {
        if wanted.is_empty() || wanted.iter().any(|word| word == name) {
            bench();
        }
    }
}

/// Seconds that this thread has run.
fn cpu() -> f64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    let nanoseconds = text
        .split(' ')
        .next()
        .and_then(|word| word.parse::<f64>().ok());
    nanoseconds.unwrap_or(0.0) / 1e9
}

/// Resident memory in bytes.
fn resident() -> f64 {
    let text = std::fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = text
        .split(' ')
        .nth(1)
        .and_then(|word| word.parse::<f64>().ok());
    pages.unwrap_or(0.0) * 4096.0
}

fn report(what: &str, count: usize, work: impl FnOnce()) {
    let (time, memory) = (cpu(), resident());
    work();
    let (time, memory) = (cpu() - time, resident() - memory);
    println!(
        "{what:<44} {time:>7.3} s  {:>9.1} ns each  {:>7.1} B each",
        time * 1e9 / count as f64,
        memory / count as f64
    );
}

/// A sequence of numbers that looks like chance.
struct Chance(u64);

impl Chance {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) as usize % bound
    }
}

fn edges(count: usize) -> String {
    let mut chance = Chance(7);
    let mut text = String::new();
    for _ in 0..count {
        let (from, to) = (chance.below(count), chance.below(count));
        writeln!(text, "(edge n{from} n{to})").expect("memory");
    }
    text
}

fn engine_with(text: &str) -> Engine {
    let mut engine = Engine::builder().build();
    engine.load(text, "facts.metta").expect("it is MeTTa");
    engine
}

fn load() {
    let (mut samples, mut strings) = (String::new(), String::new());
    let mut chance = Chance(7);
    for n in 0..MILLION {
        let value = chance.below(5_000) as f64 / 10.0;
        writeln!(samples, "(sample memory-mb {value:.1} {}.25)", 1000 + n).expect("memory");
        writeln!(strings, "(event e{} \"text number {n}\" {n})", n % 50).expect("memory");
    }
    let texts = [
        ("edges", edges(MILLION), "(edge n7 $x)"),
        ("samples", samples, "(sample memory-mb $x 1042.25)"),
        ("strings", strings, "(event $e \"text number 777\" $n)"),
    ];
    for (name, text, first) in texts {
        let mut engine = Engine::builder().build();
        report(
            &format!("load a million {name}, first index"),
            MILLION,
            || {
                engine.load(&text, "facts.metta").expect("it is MeTTa");
                let first = engine.parse(first).expect("one atom");
                black_box(engine.self_space().query(&first).len());
            },
        );
        report(&format!("drop a million {name}"), MILLION, || drop(engine));
    }
}

fn query() {
    let mut engine = engine_with(&edges(MILLION));
    let mut chance = Chance(3);
    let mut patterns = |text: &dyn Fn(usize) -> String| -> Vec<Atom> {
        let engine = Engine::builder().build();
        (0..10_000)
            .map(|_| {
                engine
                    .parse(&text(chance.below(MILLION)))
                    .expect("one atom")
            })
            .collect()
    };
    let keys = patterns(&|n| format!("(edge n{n} $x)"));
    let joins = patterns(&|n| format!("(, (edge n{n} $x) (edge $x $y))"));
    let backward = patterns(&|n| format!("(edge $x n{n})"));
    let space = engine.self_space().clone();
    let ask = |patterns: &[Atom]| {
        let found: usize = patterns
            .iter()
            .map(|pattern| space.query(pattern).len())
            .sum();
        black_box(found);
    };
    ask(&keys[..1]);
    report("exact key in a million", keys.len(), || ask(&keys));
    report("two patterns from a key", joins.len(), || ask(&joins));
    report("second index made", MILLION, || ask(&backward[..1]));
    report("exact key, second argument", backward.len(), || {
        ask(&backward)
    });
    let all = engine.parse("(edge $x $y)").expect("one atom");
    report("scan with bindings", MILLION, || {
        ask(std::slice::from_ref(&all))
    });
    let join = engine
        .parse("(, (edge $x $y) (edge $y $z))")
        .expect("one atom");
    let solutions = space.query(&join).len();
    report("every solution of a join", solutions, || {
        ask(std::slice::from_ref(&join))
    });
    let call = engine
        .parse("(match &self (edge n7 $x) $x)")
        .expect("one atom");
    report("exact key, evaluated", 10_000, || {
        for _ in 0..10_000 {
            black_box(engine.evaluate(&call, &Budget::default()));
        }
    });
}

fn sample(n: usize) -> Atom {
    Atom::expression([
        Atom::symbol("sample"),
        Atom::symbol("memory-mb"),
        Atom::float(n as f64 / 7.0),
        Atom::float(n as f64 / 4.0),
    ])
}

fn fresh(n: usize) -> Atom {
    Atom::expression([
        Atom::symbol("event"),
        Atom::symbol(&format!("fresh-{n}")),
        Atom::string(&format!("text {n}")),
    ])
}

/// A kind of atoms: its name, the n-th of them, and the first query.
type Kind = (&'static str, fn(usize) -> Atom, &'static str);

fn churn() {
    let kinds: [Kind; 2] = [
        ("samples", sample, "(sample memory-mb $v 3.0)"),
        ("fresh names and strings", fresh, "(event fresh-12 $text)"),
    ];
    for (kind, make, first) in kinds {
        for window in [1_000, MILLION] {
            let space = Space::anonymous();
            for n in 0..window {
                space.add(make(n));
            }
            let engine = Engine::builder().build();
            let first = engine.parse(first).expect("one atom");
            let step = |n: usize| {
                space.add(make(n));
                assert!(space.remove(&make(n - window)));
            };
            step(window);
            black_box(space.query(&first));
            for n in 1..window {
                step(window + n);
            }
            let before = resident();
            let steps = 2 * MILLION;
            report(&format!("window of {window} {kind}, a step"), steps, || {
                for n in 2 * window..2 * window + steps {
                    step(n);
                }
            });
            println!("{:>60.2} MiB grown", (resident() - before) / 1_048_576.0);
        }
    }
}

fn rules() {
    let count = 100_000;
    let one: String = (0..count)
        .map(|n| format!("(= (f k{n}) (g {n}))\n"))
        .collect();
    let many: String = (0..count)
        .map(|n| format!("(= (f{n} $x) (+ $x {n}))\n"))
        .collect();
    for (name, text, call) in [
        ("100,000 rules of a function", one, "(f k99999)"),
        ("100,000 functions", many, "(f99999 1)"),
    ] {
        let mut engine = Engine::builder().build();
        report(&format!("load {name}"), count, || {
            engine.load(&text, "rules.metta").expect("it is MeTTa");
        });
        let call = engine.parse(call).expect("one atom");
        report(&format!("call the last of {name}"), 1, || {
            black_box(engine.evaluate(&call, &Budget::default()));
        });
    }
}

fn snapshots() {
    let space = Space::anonymous();
    for n in 0..MILLION {
        space.add(sample(n));
    }
    report("snapshot of a million, made and dropped", 100_000, || {
        for _ in 0..100_000 {
            black_box(space.snapshot());
        }
    });
    report("fork of a million, with one change", 100_000, || {
        for n in 0..100_000 {
            let fork = space.fork();
            fork.add(sample(n));
            black_box(fork);
        }
    });
    let unify: Vec<Bindings> = space.snapshot().query(&sample(5));
    assert_eq!(unify.len(), 1);
    report("a step beside a snapshot each ten", MILLION, || {
        let mut kept = Vec::new();
        for n in 0..MILLION {
            space.add(sample(MILLION + n));
            assert!(space.remove(&sample(n)));
            if n % 10 == 0 {
                kept.push(space.snapshot());
                if kept.len() > 3 {
                    kept.remove(0);
                }
            }
        }
    });
}

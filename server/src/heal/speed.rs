//! How long decisions take: `benches/decisions/run.sh` prints it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::time::{Duration, Instant};

use super::decision::{self, Asking};
use super::facts::Facts;
use super::rules::RuleTexts;
use super::scenarios::{Server, harm};
use super::virtual_time::{Fixed, Run, shipped_texts};

const ROUNDS: usize = 40;
const REPEATS: usize = 20_000;

/// What was measured of one kind of tick, in microseconds.
#[derive(Default)]
struct Times(Vec<u64>);

impl Times {
    fn told(&mut self) -> String {
        self.0.sort_unstable();
        let at = |share: f64| {
            let place = ((self.0.len().max(1) - 1) as f64 * share).round() as usize;
            self.0.get(place).copied().unwrap_or(0)
        };
        format!(
            "n {:5}  p50 {:5}  p90 {:5}  p99 {:5}  max {:6}",
            self.0.len(),
            at(0.5),
            at(0.9),
            at(0.99),
            at(1.0)
        )
    }
}

/// The shipped rules with more of them in the first file.
fn with_more(more: &str) -> RuleTexts {
    shipped_texts(|text| {
        if text.contains("(sample-interval 1)") {
            format!("{text}\n{more}")
        } else {
            text.to_owned()
        }
    })
}

/// Rules for 10,000 more faults that nothing shows now, as many functions that nothing calls,
/// and facts for as many more metrics.
fn ten_thousand() -> [(&'static str, String); 3] {
    let all = |rule: fn(usize) -> String| (0..10_000).map(rule).collect::<Vec<_>>().join("\n");
    [
        (
            "10,000 more rules that see faults",
            all(|n| {
                format!(
                    "(= (present fault-{n}) (match &samples (latest m-{n} $v) (seen level m-{n} (because $v))))"
                )
            }),
        ),
        (
            "10,000 more functions",
            all(|n| format!("(= (rule-{n} $x) (if (> $x {n}) (rule-{n} (- $x 1)) done))")),
        ),
        ("10,000 more facts", all(|n| format!("(hold m-{n} {n})"))),
    ]
}

/// The four faults in turn; ticks by what was decided in them.
fn measure(name: &str, texts: &RuleTexts) -> String {
    let began = Instant::now();
    let mut run = Run::new(texts, Server::new(1));
    let loaded = began.elapsed();
    let [mut idle, mut open, mut acting, mut whole] = [(); 4].map(|()| Times::default());
    let mut by_fault: BTreeMap<String, Times> = BTreeMap::new();
    for round in 0..ROUNDS {
        let now = run.seconds;
        harm(&mut run.world, round % 4, now);
        for _ in 0..60 {
            let (before, actions) = (run.core.status.decision_times.sum_micros, run.log.len());
            let faults = run.core.status.open_faults.len();
            let began = decision::clock();
            run.tick();
            whole.0.push(micros(decision::clock() - began));
            let took = run.core.status.decision_times.sum_micros - before;
            if run.log.len() > actions {
                acting.0.push(took);
                let faults: BTreeSet<&str> = run.log[actions..]
                    .iter()
                    .map(|(_, fault, _)| fault.as_str())
                    .collect();
                let done = run.log.len() - actions;
                let what = format!("    {} of {:?}", done, faults);
                by_fault.entry(what).or_default().0.push(took);
            } else if faults + run.core.status.open_faults.len() > 0 {
                open.0.push(took);
            } else {
                idle.0.push(took);
            }
        }
    }
    let mut told = format!("{name} (loaded in {} ms)\n", loaded.as_millis());
    let mut all = Times([&idle.0[..], &open.0, &acting.0].concat());
    for (name, times) in [
        ("decisions, all", &mut all),
        ("  nothing is wrong", &mut idle),
        ("  an episode is open", &mut open),
        ("  something is done", &mut acting),
        ("whole ticks", &mut whole),
    ] {
        writeln!(told, "  {name:22} {}", times.told()).expect("strings take all writes");
    }
    for (what, times) in &mut by_fault {
        writeln!(told, "  {what:22} {}", times.told()).expect("strings take all writes");
    }
    told
}

/// One decision to act, again and again.
fn measure_acting(name: &str, texts: &RuleTexts, repeats: usize) -> String {
    let world = Fixed::new(&[
        ("memory-mb", 480.0),
        ("cache-mb", 470.0),
        ("reclaimable.allocator-mb", 5.0),
        ("cpu-percent", 5.0),
    ]);
    let mut run = Run::new(texts, world);
    run.go(10.0);
    run.core.reset();
    for text in [
        "(state memory-leak detected 5)",
        "(using memory-leak fit)",
        "(evidence memory-leak memory-mb)",
    ] {
        run.remember(text);
    }
    let asking = Asking::by(&Facts::default());
    let mut times = Times::default();
    for _ in 0..repeats {
        let began = decision::clock();
        let decided = decision::decide(run.core.engine(), &asking);
        times.0.push(micros(decision::clock() - began));
        assert_eq!(decided.decisions.len(), 1, "{:?}", decided.misshapen);
    }
    format!("{name}\n  a decision to act      {}\n", times.told())
}

fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

#[test]
#[ignore = "decisions to act for a profiler; a release build tells"]
fn decisions_to_act() {
    measure_acting("the shipped rules", &shipped_texts(str::to_owned), 200);
}

#[test]
#[ignore = "a scenario for a profiler; a release build tells"]
fn decisions_of_a_scenario() {
    measure("the shipped rules", &shipped_texts(str::to_owned));
}

#[test]
#[expect(clippy::print_stdout, reason = "figures are what it is for")]
#[ignore = "prints how long decisions take; a release build tells"]
fn decisions_in_numbers() {
    println!("microseconds of CPU time");
    let shipped = shipped_texts(str::to_owned);
    print!("{}", measure("the shipped rules", &shipped));
    print!("{}", measure_acting("the shipped rules", &shipped, REPEATS));
    for (name, more) in ten_thousand() {
        let (name, texts) = (format!("with {name}"), with_more(&more));
        print!("{}", measure_acting(&name, &texts, REPEATS));
        print!("{}", measure(&name, &texts));
    }
    println!();
}

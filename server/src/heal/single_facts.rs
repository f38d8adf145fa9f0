//! Each fact of the shipped rules changed, and taken away: only what depends on it changes.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Mutex;

use super::rules::RuleTexts;
use super::scenarios::Server;
use super::virtual_time::{Run, shipped_texts};
use crate::status::Verdict;

const MEMORY: &str = "memory-leak";
const CPU: &str = "cpu-overload";
const CONNECTIONS: &str = "connection-issues";
const REQUESTS: &str = "request-failures";
const ALL: [&str; 4] = [MEMORY, CPU, CONNECTIONS, REQUESTS];

/// What was decided about each fault, what came of it, and when it was over: with the time.
type Told = BTreeMap<&'static str, Vec<(f64, String)>>;

/// Says of a told line that an action was found to have failed, that a fault was given
/// up, that there is a verdict, that an episode is over.
const FAILED: &str = " failed";
const GIVEN_UP: &str = "(alert";
const JUDGED: &str = " was ";
const OVER: &str = "over";

/// A server that suffers all that the shipped rules know of, one thing after the other.
struct Life {
    run: Run<Server>,
    told: Told,
    judged: BTreeSet<u64>,
    open: Vec<String>,
    decided: usize,
}

impl Life {
    fn go(&mut self, seconds: f64) {
        let end = self.run.seconds + seconds;
        while self.run.seconds < end - 1e-9 {
            self.run.tick();
            self.tell();
        }
    }

    fn note(&mut self, fault: &str, text: String) {
        let fault = ALL.into_iter().find(|known| *known == fault);
        let fault = fault.expect("there are no other faults");
        let lines = self.told.entry(fault).or_default();
        lines.push((self.run.seconds, text));
    }

    /// Takes note of what the last tick brought.
    fn tell(&mut self) {
        let status = &self.run.core.status;
        let now = status.open_faults.clone();
        let mut news: Vec<(String, String)> = Vec::new();
        for record in &status.actions {
            if record.verdict != Verdict::Pending && self.judged.insert(record.id) {
                let text = format!("{}{JUDGED}{}", record.call, record.verdict.name());
                news.push((record.fault.clone(), text));
            }
        }
        let over = self.open.iter().filter(|fault| !now.contains(fault));
        news.extend(over.map(|fault| (fault.clone(), OVER.to_owned())));
        let decided = self.run.log[self.decided..].iter();
        news.extend(decided.map(|(_, fault, call)| (fault.clone(), call.clone())));
        self.decided = self.run.log.len();
        self.open = now;
        for (fault, text) in news {
            self.note(&fault, text);
        }
    }

    /// Something happens, lasts, and is gone.
    fn suffer(&mut self, seconds: f64, harm: impl FnOnce(&mut Server, f64), rest: f64) {
        let now = self.run.seconds;
        harm(&mut self.run.world, now);
        self.go(seconds);
        let world = &mut self.run.world;
        world.placebo = false;
        (world.cache_mb, world.retained_mb, world.history_mb) = (0.0, 5.0, 0.0);
        (world.threads, world.requests) = (0.0, 0.0);
        (world.pool_idle, world.inbound_idle) = (2.0, 0.0);
        (world.failing, world.latency_ms, world.level_needed) = (0.0, 20.0, 1.0);
        self.go(rest);
    }

    fn leak(&mut self) {
        self.suffer(6.0, |server, _| server.cache_mb = 480.0, 3.0);
        self.suffer(5.0, |server, _| server.retained_mb = 440.0, 3.0);
        self.suffer(12.0, |server, _| server.cache_mb = 150.0, 3.0);
        self.suffer(8.0, |server, _| server.history_mb = 450.0, 3.0);
        for second in 0..7 {
            self.run.world.cache_mb = 60.0 * f64::from(second);
            self.go(1.0);
        }
        let in_vain = |server: &mut Server, _| {
            server.placebo = true;
            server.cache_mb = 480.0;
            server.retained_mb = 60.0;
            server.history_mb = 20.0;
        };
        self.suffer(100.0, in_vain, 6.0);
    }

    fn overload(&mut self) {
        let burn = |seconds: f64, placebo: bool| {
            move |server: &mut Server, now: f64| {
                server.placebo = placebo;
                server.threads = 4.0;
                server.threads_until = now + seconds;
            }
        };
        self.suffer(10.0, burn(10.0, false), 6.0);
        self.suffer(30.0, burn(30.0, true), 8.0);
        self.suffer(20.0, |server, _| server.requests = 150.0, 15.0);
        let told = |server: &mut Server, _| {
            for _ in 0..6 {
                server.tell_of("processing timeout");
            }
            server.tell_of("thread exhaustion");
            server.tell_of("thread exhaustion");
        };
        self.suffer(6.0, told, 8.0);
    }

    fn connect(&mut self) {
        self.suffer(6.0, |server, _| server.pool_idle = 90.0, 3.0);
        self.suffer(8.0, |server, _| server.inbound_idle = 150.0, 3.0);
        let in_vain = |server: &mut Server, _| {
            server.placebo = true;
            server.pool_idle = 90.0;
            server.inbound_idle = 90.0;
        };
        self.suffer(25.0, in_vain, 5.0);
        let told = |server: &mut Server, _| {
            for _ in 0..6 {
                server.tell_of("connection pool exhausted");
            }
        };
        self.suffer(6.0, told, 8.0);
    }

    fn fail(&mut self) {
        let failing = |share: f64, level: f64, seconds: f64| {
            move |server: &mut Server, now: f64| {
                server.failing = share;
                server.failing_until = now + seconds;
                server.level_needed = level;
            }
        };
        self.suffer(16.0, failing(0.45, 1.0, 16.0), 12.0);
        self.suffer(34.0, failing(0.9, 2.0, 34.0), 22.0);
        self.suffer(18.0, |server, _| server.latency_ms = 4000.0, 12.0);
        let in_vain = move |server: &mut Server, now: f64| {
            failing(0.9, 1.0, 56.0)(server, now);
            server.placebo = true;
        };
        self.suffer(56.0, in_vain, 10.0);
    }
}

fn live(texts: &RuleTexts) -> Told {
    let mut life = Life {
        run: Run::new(texts, Server::new(11)),
        told: Told::new(),
        judged: BTreeSet::new(),
        open: Vec::new(),
        decided: 0,
    };
    life.go(3.0);
    life.leak();
    life.overload();
    life.connect();
    life.fail();
    life.told
}

/// What may change with a fact.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Bears {
    /// No decision: how much is kept, how the server's own parts and demos are set, bounds
    /// that are not reached here.
    OnNothing,
    /// What is decided about these faults.
    On(&'static [&'static str]),
    /// What is decided about any fault after a line with this word was told of it.
    OnAllAfter(&'static str),
}
use Bears::{On, OnAllAfter, OnNothing};

/// The fault that an effector is for.
fn of_effector(name: &str) -> Bears {
    match name {
        "evict-cache" | "release-free-memory" | "trim-history" | "reclaim" => On(&[MEMORY]),
        "duty-cycle" | "cancel" | "slow-sampling" => On(&[CPU]),
        "shed" | "limit-requests" => On(&[CPU, REQUESTS]),
        "close-idle" | "close-inbound" | "recreate-pool" => On(&[CONNECTIONS]),
        "breaker" | "probe" | "degrade" => On(&[CPU, REQUESTS]),
        "run-command" | "signal-process" => OnNothing,
        _ => panic!("what is the effector {name} for?"),
    }
}

/// The fault that a word of a fact tells of.
fn of_word(word: &str) -> Option<Bears> {
    Some(match word {
        MEMORY | "memory-mb" | "cache-mb" => On(&[MEMORY]),
        CPU
        | "cpu-percent"
        | "cpu-wanted-percent"
        | "throttled-percent"
        | "background-duty"
        | "sampling-intensity"
        | "processing-timeout"
        | "events.processing-timeout"
        | "thread-exhaustion"
        | "events.thread-exhaustion" => On(&[CPU]),
        CONNECTIONS | "connection-count" | "pool-exhaustion" | "events.pool-exhaustion" => {
            On(&[CONNECTIONS])
        }
        REQUESTS | "error-rate" | "client-visible-error-rate" | "request-latency-ms" => {
            On(&[REQUESTS])
        }
        _ => return None,
    })
}

fn bears(fact: &str) -> Bears {
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
    let words: Vec<&str> = fact
        .split(|c| !is_part(c))
        .filter(|word| !word.is_empty())
        .collect();
    match words[0] {
        "sample-interval"
        | "slowest-sampling"
        | "rescan-seconds"
        | "effector-patience-ms"
        | "cpu-window-ms"
        | "posted-metrics"
        | "posted-seconds"
        | "stale-intervals"
        | "request-window"
        | "request-window-max"
        | "latency-confidence"
        | "case-seconds"
        | "events-waiting"
        | "event-text"
        | "injected-seconds"
        | "burst-requests"
        | "broken-connections"
        | "connect-patience-ms"
        | "half-open-share"
        | "retry-share"
        | "retry-burst"
        | "retry-after-seconds"
        | "verdict-seconds-max"
        | "answers-max"
        | "pool-connections"
        | "background-threads-max" => OnNothing,
        head if ["keep-", "stress-", "question-", "loading-"]
            .iter()
            .any(|of| head.starts_with(of)) =>
        {
            OnNothing
        }
        "backoff" | "backoff-max" | "jitter" | "seed" => OnAllAfter(FAILED),
        "patience" | "give-up-seconds" | "give-up-factor" | "give-up-max" => OnAllAfter(GIVEN_UP),
        "forecast-window" => OnAllAfter(JUDGED),
        "fading" | "curiosity" | "slow-recovery" => OnAllAfter(OVER),
        "reclaimable" | "worth-reclaiming" | "worth-releasing" => On(&[MEMORY]),
        "busy-rate" | "busy-window" | "busy-limit" => On(&[CPU]),
        "event-window" | "events-counted" => On(&[CPU, CONNECTIONS]),
        "calm-seconds" => On(&[CPU, REQUESTS]),
        "long-idle-seconds" => On(&[CONNECTIONS]),
        "stale-seconds"
        | "request-volume"
        | "breaker-probes"
        | "breaker-open-seconds"
        | "breaker-idle-seconds"
        | "usual-deadline-ms"
        | "tight-deadline-ms"
        | "retry-below"
        | "retries" => On(&[REQUESTS]),
        "touches" | "class" | "effect" => of_effector(words[1]),
        "tokens" => match words[1..3] {
            ["effector", name] => of_effector(name),
            ["class", _] => On(&[CPU, CONNECTIONS]),
            ["target", "self"] => On(&[MEMORY, CPU]),
            ["target", "upstream"] => On(&[CONNECTIONS, REQUESTS]),
            _ => panic!("what is {fact} about?"),
        },
        _ => {
            let mut known = words[1..].iter().filter_map(|word| of_word(word));
            let first = known.next();
            let first = first.unwrap_or_else(|| panic!("what is {fact} about?"));
            assert!(known.all(|other| other == first), "{fact} is about several");
            first
        }
    }
}

/// Lines told before the first with `word` of either.
fn until<'t>(
    word: &str,
    one: &'t [(f64, String)],
    other: &'t [(f64, String)],
) -> [&'t [(f64, String)]; 2] {
    let lines = one.iter().chain(other);
    let first = lines
        .filter(|(_, text)| text.contains(word))
        .map(|(at, _)| *at)
        .fold(f64::INFINITY, f64::min);
    [one, other].map(|lines| &lines[..lines.partition_point(|(at, _)| *at < first)])
}

/// The facts of the shipped files, a line each.
fn facts() -> Vec<&'static str> {
    let of_rules = [
        include_str!("../../../metta/healing/episode.metta"),
        include_str!("../../../metta/healing/learning.metta"),
        include_str!("../../../metta/healing/permission.metta"),
        include_str!("../../../metta/healing/seeing.metta"),
        include_str!("../../../metta/healing/verdict.metta"),
    ];
    // Rules begin with `(=`, what documents them with `(@`.
    let is_fact =
        |line: &&str| line.starts_with('(') && !line.starts_with("(=") && !line.starts_with("(@");
    assert!(
        !of_rules
            .iter()
            .any(|text| text.lines().any(|line| is_fact(&line)))
    );
    let text = include_str!("../../../metta/healing.metta");
    text.lines().filter(is_fact).collect()
}

/// Lives with a fact as something else: whether anything changed that may, and what changed
/// that must not.
fn check(usual: &Told, fact: &str, edited: &str) -> (bool, Vec<String>) {
    let edit = |text: &str| text.replace(&format!("\n{fact}\n"), &format!("\n{edited}\n"));
    let now = live(&shipped_texts(edit));
    let bears = bears(fact);
    let mut wrong = Vec::new();
    for fault in ALL {
        let (was, is) = (
            &usual[fault][..],
            now.get(fault).map_or(&[][..], Vec::as_slice),
        );
        let [was, is] = match bears {
            On(faults) if faults.contains(&fault) => continue,
            OnAllAfter(word) => until(word, was, is),
            _ => [was, is],
        };
        if was != is {
            let first = was.iter().zip(is).find(|(was, is)| was != is);
            wrong.push(format!("{fact} as {edited:?}, {fault}: {first:?}"));
        }
    }
    (now != *usual, wrong)
}

/// Some five hundred runs of every fault: `.ci/run` has them optimised.
#[test]
#[cfg_attr(debug_assertions, ignore = "minutes without optimisation")]
fn a_changed_fact_changes_only_what_depends_on_it() {
    let usual = live(&shipped_texts(str::to_owned));
    for fault in ALL {
        for word in [FAILED, GIVEN_UP, OVER, " verified"] {
            let has = usual[fault].iter().any(|(_, text)| text.contains(word));
            assert!(has, "{fault} was never {word}: {:?}", usual[fault]);
        }
    }
    let left = Mutex::new(facts());
    let tried = left.lock().unwrap().len();
    assert!(tried >= 250, "{tried}");
    let (wrong, unseen) = (Mutex::new(Vec::new()), Mutex::new(Vec::new()));
    let work = || {
        loop {
            let next = left.lock().expect("no other thread failed").pop();
            let Some(fact) = next else { return };
            // Its number another, if it ends with one; and the fact gone.
            let (head, last) = fact.trim_end_matches(')').rsplit_once(' ').unwrap();
            let other = last.parse::<f64>();
            let other = other.map(|number| format!("{head} {:?})", number * 0.6));
            let mut seen = false;
            for edited in other.iter().map(String::as_str).chain([""]) {
                let (changed, breaches) = check(&usual, fact, edited);
                seen |= changed;
                wrong
                    .lock()
                    .expect("no other thread failed")
                    .extend(breaches);
            }
            if !seen && bears(fact) != OnNothing {
                unseen.lock().expect("no other thread failed").push(fact);
            }
        }
    };
    std::thread::scope(|scope| {
        scope.spawn(work);
        work();
    });
    let (wrong, unseen) = (wrong.into_inner().unwrap(), unseen.into_inner().unwrap());
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    // Bounds that nothing here reaches, holds between two samples, rungs that are not climbed.
    assert!(
        unseen.len() <= 170,
        "{} of {tried}: {unseen:#?}",
        unseen.len()
    );
}

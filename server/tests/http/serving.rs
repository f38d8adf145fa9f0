//! A shell under test, on a free port of loopback.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use chimera::{Atom, Engine, Operation, Space};
use chimera_server::events::Events;
use chimera_server::front::Front;
use chimera_server::http::{Limits, Settings, Shell, run_within};
use chimera_server::inbound::Inbound;
use chimera_server::logging::LogLevel;
use chimera_server::status::{
    ActionRecord, Because, Command, EpisodeRecord, EpisodeState, IngestError, Keeper, Kept, Loop,
    Mode, ModeRecord, Reading, RuleRecord, RulesError, RulesStatus, Status, StrategyRecord,
    Verdict,
};
use chimera_server::stress::Stress;
use chimera_server::work::{Background, Sessions, Upstream};
use tokio::net::TcpListener;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

/// The longest that anything is waited for.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// What the healing loop does with what it is asked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mailbox {
    /// Answers.
    Answers,
    /// Takes nothing and answers nothing.
    Deaf,
    /// Has ended.
    Gone,
}

/// The nap that the operation `nap` takes.
#[derive(Default)]
pub(crate) struct Nap {
    pub(crate) begun: AtomicBool,
    /// Ends it.
    pub(crate) over: AtomicBool,
}

pub(crate) struct Serving {
    pub(crate) address: SocketAddr,
    pub(crate) status: Arc<ArcSwap<Status>>,
    pub(crate) samples: Space,
    pub(crate) nap: Arc<Nap>,
    pub(crate) sessions: Sessions,
    pub(crate) background: Background,
    pub(crate) upstream: Upstream,
    pub(crate) front: Front,
    pub(crate) inbound: Inbound,
    /// What came in the mailbox, in words.
    pub(crate) asked: Arc<Mutex<Vec<String>>>,
    pub(crate) shutdown: CancellationToken,
    pub(crate) running: JoinHandle<std::io::Result<()>>,
    /// Keeps the mailbox of a deaf loop open.
    _mailbox: Option<mpsc::Receiver<Command>>,
}

pub(crate) fn unix_now() -> f64 {
    let since = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH);
    since.unwrap().as_secs_f64()
}

pub(crate) fn reading(seconds: f64, unix: f64, memory_mb: f64) -> Reading {
    let metrics = [
        ("memory-mb", memory_mb),
        ("cpu-percent", 12.5),
        ("connection-count", 3.0),
        ("errors-in-window", 2.0),
        ("latency-p50-ms", 0.5),
        ("request-latency-ms", 2.25),
        ("latency-p99-ms", 9.0),
        ("error-rate", 0.05),
    ];
    Reading {
        seconds,
        unix,
        metrics: metrics.map(|(name, value)| (name.to_owned(), value)).into(),
    }
}

pub(crate) fn kept(reading: &Reading) -> Arc<Kept> {
    Arc::new(Keeper::default().keep(reading))
}

pub(crate) fn action(id: u64, fault: &str, verdict: Verdict) -> ActionRecord {
    let unix = unix_now() - 10.0;
    ActionRecord {
        id,
        fault: fault.to_owned(),
        call: "(evict-cache sessions 0.5)".to_owned(),
        reason: "memory-mb is 512.5 over 400".to_owned(),
        rule: "level".to_owned(),
        strategy: "fit".to_owned(),
        rung: 1,
        permission: "enforce",
        expected: "verified".to_owned(),
        unix,
        outcome: Ok("evicted 4 sessions".to_owned()),
        before: kept(&reading(1.0, unix, 512.5)),
        after: (verdict != Verdict::Pending).then(|| kept(&reading(4.0, unix + 3.0, 200.0))),
        verdict,
        because: vec![
            Because {
                kind: "rule",
                text: "(decide)".to_owned(),
                place: Some("healing.metta:90".to_owned()),
                source: Some("(= (decide) (heal))".into()),
            },
            Because {
                kind: "fact",
                text: "(threshold memory-mb 400)".to_owned(),
                place: Some("healing.metta:10".to_owned()),
                source: None,
            },
            Because {
                kind: "operation",
                text: "held-above".to_owned(),
                place: None,
                source: None,
            },
        ],
        decided_micros: 87,
    }
}

pub(crate) fn rules_error() -> RulesError {
    RulesError {
        file: "healing.metta".to_owned(),
        line: 3,
        column: 7,
        message: "unclosed `(`".to_owned(),
        drawn: "(= (f $x)\n^".to_owned(),
    }
}

fn listed(rule: &str, place: &str, named: &[(&str, &str)]) -> RuleRecord {
    let own = |(fault, rule): &(&str, &str)| ((*fault).to_owned(), (*rule).to_owned());
    RuleRecord {
        rule: rule.to_owned(),
        place: place.to_owned(),
        named: named.iter().map(own).collect(),
    }
}

/// A loop that has run for five seconds, healed once and is healing now.
pub(crate) fn status() -> Status {
    let now = unix_now();
    let readings: Vec<Reading> = (0..5)
        .map(|second| {
            let second = f64::from(second);
            reading(second, now - 4.0 + second, 100.0 + second)
        })
        .collect();
    Status {
        reading: readings.last().unwrap().clone(),
        history: readings.iter().map(kept).collect(),
        thresholds: BTreeMap::from([
            ("memory-mb".to_owned(), 400.0),
            ("cpu-percent".to_owned(), 75.0),
            ("request-latency-ms".to_owned(), 3000.0),
            ("error-rate".to_owned(), 0.1),
        ]),
        open_faults: vec!["memory-leak".to_owned()],
        episodes: vec![EpisodeRecord {
            fault: "memory-leak".to_owned(),
            state: EpisodeState::Verifying,
            since_unix: now - 1.0,
            opened_unix: now - 4.0,
            strategy: "fit".to_owned(),
            rung: 1,
            reason: "memory-mb is 512.5 over 400".to_owned(),
            metrics: vec!["memory-mb".to_owned()],
            verdict_in: Some(2.0),
            gave_up: 0,
        }],
        modes: vec![ModeRecord {
            fault: "memory-leak".to_owned(),
            rule: "level".to_owned(),
            mode: Mode::Canary(25.0),
            live: true,
        }],
        strategies: vec![StrategyRecord {
            fault: "memory-leak".to_owned(),
            strategy: "fit".to_owned(),
            mean: 0.9,
            evidence: 20.0,
            learned: false,
            verified: 1,
            failed: 0,
            inconclusive: 0,
        }],
        actions: vec![
            Arc::new(action(1, "memory-leak", Verdict::Verified)),
            Arc::new(action(2, "memory-leak", Verdict::Pending)),
        ],
        events: Vec::new(),
        event_counts: BTreeMap::new(),
        rules: RulesStatus {
            generation: "abc123".to_owned(),
            files: vec!["healing.metta".to_owned()],
            loaded_unix: now - 5.0,
            error: None,
        },
        rule_list: [
            listed("(decide)", "healing.metta:90", &[]),
            listed(
                "(seen level $fault)",
                "healing.metta:95",
                &[("memory-leak", "level")],
            ),
        ]
        .into(),
        rule_decisions: Arc::new(vec![2, 0]),
        ticks: 5,
        interval: 1.0,
        misshapen_decisions: 0,
        last_rule_error: None,
        ..Status::default()
    }
}

/// An engine with facts, rules, a live space, and operations that panic
/// and that nap until they are woken.
fn engine(samples: &Space, nap: &Arc<Nap>) -> Engine {
    let mut engine = Engine::builder().build();
    engine.bind("&samples", Atom::space(samples.clone()));
    engine.register(Operation::new("boom", "(-> Atom)", |_, _| {
        panic!("an operation panics on purpose")
    }));
    let nap = Arc::clone(nap);
    engine.register(Operation::new("nap", "(-> Atom)", move |_, _| {
        nap.begun.store(true, Ordering::SeqCst);
        let began = Instant::now();
        while !nap.over.load(Ordering::SeqCst) && began.elapsed() < PATIENCE {
            std::thread::sleep(Duration::from_millis(5));
        }
        Ok(vec![Atom::unit()])
    }));
    engine
        .load(
            "(threshold memory-mb 400) (threshold cpu-percent 75)\n\
             (= (double $x) (* 2 $x)) (= (loop) (loop)) (= (grow) (add-atom &self (grown)))",
            "healing.metta",
        )
        .unwrap();
    engine
}

/// Limits that tests need not wait long for.
pub(crate) fn limits() -> Limits {
    Limits {
        ask: Duration::from_millis(300),
        shutdown: Duration::from_secs(10),
        ..Limits::default()
    }
}

impl Serving {
    /// A shell with limits of the test's choice.
    pub(crate) async fn within(limits: Limits) -> Serving {
        Serving::with(limits, Settings::default(), Mailbox::Answers).await
    }

    /// A shell with the usual status and settings.
    pub(crate) async fn start() -> Serving {
        Serving::with(limits(), Settings::default(), Mailbox::Answers).await
    }

    pub(crate) async fn with(limits: Limits, settings: Settings, mailbox: Mailbox) -> Serving {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let samples = Space::anonymous();
        let nap = Arc::default();
        let (sender, receiver) = mpsc::channel(1);
        let status = Arc::new(ArcSwap::from_pointee(status()));
        let sessions = Sessions::new(64);
        let background = Background::new();
        let upstream = Upstream::start(Events::default()).await.unwrap();
        let front = Front::new();
        let inbound = Inbound::default();
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let kept = match mailbox {
            Mailbox::Answers => {
                tokio::spawn(answer(receiver, Arc::clone(&status), Arc::clone(&asked)));
                None
            }
            Mailbox::Deaf => Some(receiver),
            Mailbox::Gone => None,
        };
        let shell = Shell {
            healing: Loop {
                status: Arc::clone(&status),
                engine: Arc::new(ArcSwap::from_pointee(engine(&samples, &nap))),
                commands: sender,
            },
            sessions: sessions.clone(),
            background: background.clone(),
            upstream: upstream.clone(),
            front: front.clone(),
            inbound: inbound.clone(),
            stress: Stress::default(),
            events: Events::default(),
            log: LogLevel::new("info", |_| Ok(())),
            settings,
        };
        let shutdown = CancellationToken::new();
        let running = tokio::spawn(run_within(limits, listener, shell, shutdown.clone()));
        Serving {
            address,
            status,
            samples,
            nap,
            sessions,
            background,
            upstream,
            front,
            inbound,
            asked,
            shutdown,
            running,
            _mailbox: kept,
        }
    }

    /// Publishes the status with a change.
    pub(crate) fn publish(&self, change: impl FnOnce(&mut Status)) {
        let mut status = Status::clone(&self.status.load());
        change(&mut status);
        self.status.store(Arc::new(status));
    }

    pub(crate) fn asked(&self) -> Vec<String> {
        self.asked.lock().unwrap().clone()
    }

    /// Ends it in good order, within the time there is.
    pub(crate) async fn end(self) {
        self.shutdown.cancel();
        tokio::time::timeout(PATIENCE, self.running)
            .await
            .expect("the server ends")
            .expect("it does not panic")
            .expect("it ends well");
    }
}

/// The loop's side of the mailbox.
async fn answer(
    mut receiver: mpsc::Receiver<Command>,
    status: Arc<ArcSwap<Status>>,
    asked: Arc<Mutex<Vec<String>>>,
) {
    while let Some(command) = receiver.recv().await {
        let text = match command {
            Command::Reload(answer) => {
                let _ = answer.send(status.load().rules.clone());
                "reload".to_owned()
            }
            Command::Reset(answer) => {
                let _ = answer.send(());
                "reset".to_owned()
            }
            Command::Ingest(samples, answer) => {
                let told: Vec<(&str, f64)> = samples
                    .iter()
                    .map(|sample| (&sample.metric[..], sample.value))
                    .collect();
                let told = format!("ingest {told:?}");
                let too_many = IngestError::TooMany {
                    most: 256,
                    kept_seconds: 60.0,
                };
                let taken = !samples.iter().any(|sample| sample.metric == "one-too-many");
                let _ = answer.send(taken.then_some(()).ok_or(too_many));
                told
            }
            Command::Evaluate { atom, answer, .. } => {
                let _ = answer.send(vec![Atom::symbol("written")]);
                format!("evaluate {atom}")
            }
            Command::SetMode(set, answer) => {
                let _ = answer.send(Ok(status.load().modes.clone()));
                format!("mode {set:?}")
            }
        };
        asked.lock().unwrap().push(text);
    }
}

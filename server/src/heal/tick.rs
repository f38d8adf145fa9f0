//! The loop itself: one owner, one clock reading a tick, one direction.

use std::collections::{BTreeMap, VecDeque};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use chimera::{Atom, Engine};
use tokio::sync::mpsc;
use tokio::time::{Instant as TokioInstant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::decision::{self, Decision};
use super::rules::{RuleSource, Workbench};
use super::series::Series;
use super::spaces::Spaces;
use super::watch::{self, Watch};
use crate::effect::{Action, Effectors, Envelope};
use crate::events::{Event, Events};
use crate::sample::{SensorError, Sensors, Sources};
use crate::status::{
    ActionRecord, Command, EventRecord, Loop, Reading, RulesError, RulesStatus, Status, Verdict,
};

/// Readings and actions kept for people.
const HISTORY_MAX: usize = 900;
const ACTIONS_MAX: usize = 200;
const EVENTS_MAX: usize = 100;
/// Metrics from outside that are kept, and how long each counts as current.
const EXTERNAL_MAX: usize = 256;
const EXTERNAL_SECONDS: f64 = 60.0;
/// How often the rule files are looked at without a hint.
const RESCAN: Duration = Duration::from_secs(2);
const COMMANDS_MAX: usize = 64;

/// How the loop is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the rules come from.
    pub rules: RuleSource,
    /// Seconds between ticks; by default what the rules say.
    pub interval: Option<f64>,
}

/// Why there is no healing loop.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum HealerError {
    /// Nothing can be measured.
    #[error(transparent)]
    Sensors(#[from] SensorError),
    /// The rules cannot be loaded, and there are none to fall back on.
    #[error("{}:{}:{}: {}\n{}", .0.file, .0.line, .0.column, .0.message, .0.drawn)]
    Rules(RulesError),
}

/// An action whose verdict is open.
struct Open {
    id: u64,
    fault: String,
    call: Atom,
    /// When it is due, in seconds.
    due: f64,
}

/// The healing loop.
pub struct Healer {
    settings: Settings,
    workbench: Workbench,
    /// The rules in force.
    engine: Engine,
    decide_seconds: Arc<AtomicU64>,
    spaces: Spaces,
    series: Series,
    sensors: Sensors,
    events: Events,
    effectors: Effectors,
    envelope: Envelope,
    started: Instant,
    /// Metrics from outside with the time they came, in seconds.
    external: BTreeMap<String, (f64, f64)>,
    /// Those that came since the last tick.
    ingested: Vec<(String, f64)>,
    open: Vec<Open>,
    next_id: u64,
    history: VecDeque<Arc<Reading>>,
    status: Status,
    /// The generation that was tried last, in force or not.
    tried_generation: String,
    published: Loop,
    commands: mpsc::Receiver<Command>,
}

fn unix_now() -> f64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

impl Healer {
    /// A loop with its rules loaded, and what the HTTP shell needs of it.
    ///
    /// # Errors
    /// If nothing can be measured, or the rules cannot be loaded: at the start
    /// there are no last good ones to stay with.
    pub fn new(settings: Settings, sources: Sources) -> Result<(Healer, Loop), HealerError> {
        let envelope = Envelope::default();
        let spaces = Spaces::new(envelope.atoms());
        let series = Series::default();
        let decide_seconds = Arc::new(AtomicU64::new(0));
        let clock = Arc::clone(&decide_seconds);
        let workbench = Workbench {
            tokens: spaces.tokens(),
            clock: Arc::new(move || f64::from_bits(clock.load(Ordering::Relaxed))),
            series: series.clone(),
        };
        let texts = settings.rules.read().map_err(HealerError::Rules)?;
        let mut engine = workbench.engine();
        texts.load(&mut engine).map_err(HealerError::Rules)?;
        let effectors = Effectors::new(
            sources.sessions.clone(),
            sources.background.clone(),
            sources.upstream.clone(),
        );
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let published = Loop {
            status: Arc::new(ArcSwap::from_pointee(Status::default())),
            engine: Arc::new(ArcSwap::from_pointee(engine.reader())),
            commands: sender,
        };
        let status = Status {
            rules: RulesStatus {
                generation: texts.generation.clone(),
                files: texts.names(),
                loaded_unix: unix_now(),
                error: None,
            },
            ..Status::default()
        };
        let mut healer = Healer {
            settings,
            workbench,
            engine,
            decide_seconds,
            spaces,
            series,
            events: sources.events.clone(),
            sensors: Sensors::new(sources)?,
            effectors,
            envelope,
            started: Instant::now(),
            external: BTreeMap::new(),
            ingested: Vec::new(),
            open: Vec::new(),
            next_id: 1,
            history: VecDeque::new(),
            status,
            tried_generation: texts.generation,
            published: published.clone(),
            commands,
        };
        healer.take_over_rules();
        healer
            .published
            .status
            .store(Arc::new(healer.status.clone()));
        Ok((healer, published))
    }

    /// Ticks until `shutdown`.
    pub async fn run(mut self, shutdown: CancellationToken) {
        let mut hints = self.watch();
        let mut next_tick = TokioInstant::now();
        let mut next_scan = TokioInstant::now() + RESCAN;
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = sleep_until(next_tick) => {
                    let began = TokioInstant::now();
                    self.tick().await;
                    next_tick = began + Duration::from_secs_f64(self.status.interval);
                }
                Some(()) = hint(&mut hints) => self.reload(false),
                () = sleep_until(next_scan) => {
                    self.reload(false);
                    next_scan = TokioInstant::now() + RESCAN;
                }
                Some(command) = self.commands.recv() => match command {
                    Command::Reload(answer) => {
                        self.reload(true);
                        // The asker may have gone.
                        let _ = answer.send(self.status.rules.clone());
                    }
                    Command::Reset(answer) => {
                        self.reset();
                        let _ = answer.send(());
                    }
                    Command::Ingest(samples) => self.ingested.extend(samples),
                    Command::Evaluate { atom, budget, answer } => {
                        let results = self.engine.evaluate(&atom, &budget).atoms();
                        // What it wrote may be what the server itself goes by.
                        self.take_over_rules();
                        self.publish();
                        let _ = answer.send(results);
                    }
                },
            }
        }
    }

    fn watch(&self) -> Option<(Watch, mpsc::Receiver<()>)> {
        let RuleSource::Directory(directory) = &self.settings.rules else {
            return None;
        };
        watch::watch(Path::new(directory))
            .inspect_err(|error| {
                tracing::warn!(
                    %error,
                    "rule files are not watched; they are looked at every {} s",
                    RESCAN.as_secs()
                );
            })
            .ok()
    }

    /// One tick. `now` is its only clock reading.
    async fn tick(&mut self) {
        let now = Instant::now();
        let seconds = now.duration_since(self.started).as_secs_f64();
        let seconds = (seconds * 1000.0).round() / 1000.0;
        self.decide_seconds
            .store(seconds.to_bits(), Ordering::Relaxed);
        match self.sensors.read(now, seconds, unix_now()) {
            Ok(reading) => self.observe(reading),
            Err(error) => {
                tracing::error!(%error, "no reading in this tick");
                self.status.last_rule_error = Some(error.to_string());
                return;
            }
        }
        self.take_up_events(seconds);
        self.judge(seconds);
        for fault in self.spaces.open_faults() {
            let pending = self.open.iter().any(|open| open.fault == fault);
            if !pending && decision::is_settled(&self.engine, &fault) {
                tracing::info!(%fault, "recovered");
                self.spaces.close_episode(&fault);
            }
        }
        let decisions = decision::decide(&self.engine);
        for text in decisions.misshapen {
            tracing::warn!(result = %text, "the rules decided something that is no (act …)");
            self.status.misshapen_decisions += 1;
            self.status.last_rule_error = Some(text);
        }
        for decision in decisions.decisions {
            self.act(decision, now, seconds, decisions.took).await;
        }
        self.status.open_faults = self.spaces.open_faults();
        self.status.ticks += 1;
        self.publish();
    }

    /// Turns a reading into atoms and series.
    fn observe(&mut self, mut reading: Reading) {
        let seconds = reading.seconds;
        for (metric, value) in std::mem::take(&mut self.ingested) {
            if self.external.len() < EXTERNAL_MAX || self.external.contains_key(&metric) {
                reading.metrics.insert(metric.clone(), value);
                self.external.insert(metric, (value, seconds));
            } else {
                tracing::warn!(%metric, "too many metrics from outside; this one is dropped");
            }
        }
        self.external
            .retain(|_, (_, came)| seconds - *came <= EXTERNAL_SECONDS);
        for (metric, value) in &reading.metrics {
            self.series.push(metric, seconds, *value);
        }
        let mut current = reading.metrics.clone();
        for (metric, (value, _)) in &self.external {
            current.entry(metric.clone()).or_insert(*value);
        }
        self.spaces
            .assert_reading(seconds, &reading.metrics, &current);
        if self.history.len() >= HISTORY_MAX {
            self.history.pop_front();
        }
        self.history.push_back(Arc::new(reading.clone()));
        self.status.reading = reading;
    }

    /// Asserts what was told since the last tick, and asks the rules what it is.
    fn take_up_events(&mut self, seconds: f64) {
        let (events, dropped) = self.events.take();
        if dropped > 0 {
            *self
                .status
                .event_counts
                .entry("dropped".to_owned())
                .or_default() += dropped;
        }
        // The same text is the same to the rules.
        let mut classes: BTreeMap<String, Option<String>> = BTreeMap::new();
        for Event { severity, text } in events {
            self.spaces.assert_event(severity.name(), &text, seconds);
            let class = classes
                .entry(text.clone())
                .or_insert_with(|| decision::classify(&self.engine, &text))
                .clone();
            let counted = class.clone().unwrap_or_else(|| "unknown".to_owned());
            *self.status.event_counts.entry(counted).or_default() += 1;
            if self.status.events.len() >= EVENTS_MAX {
                self.status.events.remove(0);
            }
            self.status.events.push(Arc::new(EventRecord {
                unix: self.status.reading.unix,
                severity: severity.name(),
                text,
                class,
            }));
        }
    }

    /// Takes the verdicts that are due from the rules.
    fn judge(&mut self, seconds: f64) {
        let (due, open): (Vec<Open>, Vec<Open>) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|open| open.due <= seconds);
        self.open = open;
        for Open {
            id, fault, call, ..
        } in due
        {
            let verdict = decision::judge(&self.engine, &fault).unwrap_or_else(|said| {
                tracing::warn!(%fault, %said, "judge gave no verdict");
                self.status.last_rule_error = Some(format!("(judge {fault}) gave {said}"));
                Verdict::Inconclusive
            });
            let after = self.status.reading.clone();
            let Some(record) = self
                .status
                .actions
                .iter_mut()
                .rev()
                .find(|record| record.id == id)
            else {
                continue;
            };
            let record = Arc::make_mut(record);
            record.verdict = verdict;
            record.after = Some(after);
            tracing::info!(id, %fault, call = %record.call, verdict = verdict.name(), "verdict");
            let record = record.clone();
            self.spaces.assert_verdict(&record, &call, seconds);
        }
    }

    /// Carries a decision out, if the envelope lets it through.
    async fn act(&mut self, decision: Decision, now: Instant, seconds: f64, took: Duration) {
        let Decision {
            fault,
            call,
            reason,
            verdict_in,
            because,
        } = decision;
        let id = self.next_id;
        self.next_id += 1;
        let admitted = Action::from_atom(&call)
            .map_err(|error| error.to_string())
            .and_then(|action| {
                self.envelope
                    .admit(action, now)
                    .map_err(|refusal| format!("refused by the envelope: {refusal}"))
            });
        let outcome = match admitted {
            Ok(admitted) => self.effectors.apply(admitted).await,
            Err(refused) => Err(refused),
        };
        match &outcome {
            Ok(done) => tracing::info!(id, %fault, %call, %reason, %done, "acted"),
            Err(refused) => tracing::warn!(id, %fault, %call, %reason, %refused, "not acted"),
        }
        let record = ActionRecord {
            id,
            verdict: if outcome.is_ok() {
                Verdict::Pending
            } else {
                Verdict::Inconclusive
            },
            fault,
            call: call.to_string(),
            reason,
            unix: self.status.reading.unix,
            outcome,
            before: self.status.reading.clone(),
            after: None,
            because,
            decided_micros: u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
        };
        self.spaces.assert_action(&record, &call, seconds);
        if record.verdict == Verdict::Pending {
            self.open.push(Open {
                id,
                fault: record.fault.clone(),
                call,
                due: seconds + verdict_in,
            });
        }
        if self.status.actions.len() >= ACTIONS_MAX {
            self.status.actions.remove(0);
        }
        self.status.actions.push(Arc::new(record));
    }

    fn reset(&mut self) {
        for Open { id, .. } in std::mem::take(&mut self.open) {
            if let Some(record) = self
                .status
                .actions
                .iter_mut()
                .find(|record| record.id == id)
            {
                let record = Arc::make_mut(record);
                record.verdict = Verdict::Inconclusive;
                record.after = Some(self.status.reading.clone());
            }
        }
        self.spaces.reset_episodes();
        self.status.open_faults.clear();
        self.publish();
    }

    /// Loads the rule files if they are not those tried last, or if `asked`.
    /// What cannot be loaded leaves the rules in force as they are.
    fn reload(&mut self, asked: bool) {
        let texts = match self.settings.rules.read() {
            Ok(texts) => texts,
            Err(error) => {
                // Not said again on every look.
                if asked || self.status.rules.error.is_none() {
                    self.refuse_rules(error);
                }
                return;
            }
        };
        let unread_before = self
            .status
            .rules
            .error
            .as_ref()
            .is_some_and(|error| error.line == 0);
        if texts.generation == self.tried_generation && !asked && !unread_before {
            return;
        }
        self.tried_generation.clone_from(&texts.generation);
        let mut engine = self.workbench.engine();
        if let Err(error) = texts.load(&mut engine) {
            self.refuse_rules(error);
            return;
        }
        self.engine = engine;
        self.status.rules = RulesStatus {
            generation: texts.generation.clone(),
            files: texts.names(),
            loaded_unix: unix_now(),
            error: None,
        };
        tracing::info!(generation = %texts.generation, files = ?texts.names(), "rules are in force");
        self.take_over_rules();
        self.publish();
    }

    fn refuse_rules(&mut self, error: RulesError) {
        tracing::error!(
            "{}:{}:{}: {}; the last good rules stay in force\n{}",
            error.file,
            error.line,
            error.column,
            error.message,
            error.drawn
        );
        self.status.rules.error = Some(error);
        self.publish();
    }

    /// Reads from the rules in force what the server itself goes by.
    fn take_over_rules(&mut self) {
        self.status.thresholds = decision::numbers(&self.engine, "threshold");
        self.status.interval = self
            .settings
            .interval
            .or_else(|| decision::sample_interval(&self.engine))
            .unwrap_or(1.0);
        self.published.engine.store(Arc::new(self.engine.reader()));
    }

    fn publish(&mut self) {
        self.status.history = self.history.iter().cloned().collect();
        self.published.status.store(Arc::new(self.status.clone()));
    }
}

async fn hint(hints: &mut Option<(Watch, mpsc::Receiver<()>)>) -> Option<()> {
    match hints {
        Some((_, receiver)) => receiver.recv().await,
        None => std::future::pending().await,
    }
}

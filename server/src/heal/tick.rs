//! The loop itself: one owner, one clock reading a tick, one direction.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwap;
use tokio::runtime::{Builder, Handle};
use tokio::sync::mpsc;
use tokio::task::JoinSet;
use tokio::time::{Instant as TokioInstant, sleep_until};
use tokio_util::sync::CancellationToken;

use super::core::{Core, Order, Outcome};
use super::learned::{self, LearnedError, Weights};
use super::rules::{RuleSource, Stamp};
use super::watch::{self, QUIET, Watch};
use crate::effect::{Action, Applied, Effectors, Envelope};
use crate::events::Events;
use crate::reclaimable::{FreePages, Reclaimable, Registry};
use crate::sample::{SensorError, Sensors, Sources};
use crate::status::{Command, Loop, RulesError, Status};
use crate::work::Ratio;

const COMMANDS_MAX: usize = 64;
/// How long before a tick the sensors read what takes long.
const AHEAD: Duration = Duration::from_millis(20);

/// How the loop is set up.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where the rules come from.
    pub rules: RuleSource,
    /// Seconds between ticks; by default what the rules say.
    pub interval: Option<f64>,
    /// Where what is learned is kept; by default nowhere.
    pub learned: Option<PathBuf>,
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
    /// What was learned cannot be read.
    #[error("what was learned: {0}")]
    Learned(#[from] LearnedError),
}

/// The healing loop.
pub struct Healer {
    settings: Settings,
    core: Core,
    sensors: Sensors,
    events: Events,
    effectors: Effectors,
    started: Instant,
    /// Effectors that did not end within their tick, with the actions' numbers.
    working: JoinSet<(u64, Outcome)>,
    /// Where they, and all else that waits for others, go on.
    beside: Handle,
    /// How much more seldom than usual samples are taken.
    slowness: Ratio,
    /// The generation that was tried last, in force or not.
    tried_generation: String,
    /// What the rule files were like from outside when they were looked at last.
    stamp: Option<Vec<Stamp>>,
    /// How late the newest tick began.
    lag: Duration,
    published: Loop,
    commands: mpsc::Receiver<Command>,
}

fn unix_now() -> f64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

impl Healer {
    /// A loop with its rules loaded, and what the HTTP shell needs of it. What waits for
    /// others goes on `beside` the loop.
    ///
    /// # Errors
    /// If nothing can be measured, or the rules or what was learned cannot be loaded: at
    /// the start there are no last good ones to stay with.
    pub fn new(
        settings: Settings,
        sources: Sources,
        beside: Handle,
    ) -> Result<(Healer, Loop), HealerError> {
        let texts = settings.rules.read().map_err(HealerError::Rules)?;
        let weights = match &settings.learned {
            Some(path) => {
                if let RuleSource::Directory(rules) = &settings.rules {
                    learned::check_not_among(path, rules)?;
                }
                Weights::of_file(path)?
            }
            None => Weights::default(),
        };
        let config = sources.outside.config();
        let envelope = Envelope::new(config.limits()).with_grants(config.grants());
        let core = Core::new(&texts, envelope, weights, unix_now()).map_err(HealerError::Rules)?;
        let mut resources: Vec<Box<dyn Reclaimable>> = vec![
            Box::new(sources.sessions.clone()),
            Box::new(sources.upstream.connections().clone()),
            Box::new(FreePages),
        ];
        resources.extend(core.reclaimable());
        let effectors = Effectors {
            sessions: sources.sessions.clone(),
            background: sources.background.clone(),
            upstream: sources.upstream.clone(),
            front: sources.front.clone(),
            inbound: sources.inbound.clone(),
            outside: sources.outside.clone(),
            registry: Registry::new(resources),
        };
        let (sender, commands) = mpsc::channel(COMMANDS_MAX);
        let published = Loop {
            status: Arc::new(ArcSwap::from_pointee(Status::default())),
            engine: Arc::new(ArcSwap::from_pointee(core.engine().snapshot())),
            commands: sender,
        };
        let mut healer = Healer {
            settings,
            core,
            events: sources.events.clone(),
            sensors: Sensors::new(sources)?,
            effectors,
            started: Instant::now(),
            working: JoinSet::new(),
            beside,
            slowness: Ratio::NONE,
            tried_generation: texts.generation,
            stamp: None,
            lag: Duration::ZERO,
            published: published.clone(),
            commands,
        };
        healer.take_over_rules();
        healer.publish();
        Ok((healer, published))
    }

    /// Ticks until `shutdown`, on the present thread.
    ///
    /// # Errors
    /// If the system gives no timer.
    pub fn run(self, shutdown: CancellationToken) -> std::io::Result<()> {
        // With a timer of its own no other thread stands between a tick's time and the tick.
        let own = Builder::new_current_thread().enable_time().build()?;
        own.block_on(self.go_on(shutdown));
        Ok(())
    }

    async fn go_on(mut self, shutdown: CancellationToken) {
        {
            let _on = self.beside.enter();
            self.effectors.outside.start();
        }
        let mut hints = self.watch();
        let mut read_at = None;
        let mut next_tick = TokioInstant::now();
        let mut look_at = None;
        let mut next_scan = TokioInstant::now() + self.rescan();
        loop {
            tokio::select! {
                biased;
                () = shutdown.cancelled() => return,
                () = sleep_until(next_tick) => {
                    let began = TokioInstant::now();
                    self.lag = began.saturating_duration_since(next_tick);
                    self.tick().await;
                    // Samples keep their rhythm: a late one does not put off those after it. One
                    // that waited long for effectors leaves time for commands all the same.
                    let interval = Duration::from_secs_f64(self.core.status.interval);
                    next_tick = (next_tick + interval).max(TokioInstant::now() + interval / 2);
                    look_at = Some(next_tick - AHEAD.min(interval / 4));
                }
                () = at(look_at) => {
                    look_at = None;
                    self.sensors.look_ahead(Instant::now());
                }
                Some(done) = self.working.join_next() => {
                    if let Ok((id, outcome)) = done {
                        let seconds = self.seconds();
                        self.core.carried_out(id, outcome, seconds);
                        self.publish();
                    }
                }
                Some(()) = hint(&mut hints) => read_at = Some(TokioInstant::now() + QUIET),
                () = at(read_at) => {
                    read_at = None;
                    self.reload(false);
                }
                () = sleep_until(next_scan) => {
                    self.reload_if_touched();
                    next_scan = TokioInstant::now() + self.rescan();
                }
                Some(command) = self.commands.recv() => self.obey(command),
            }
        }
    }

    fn obey(&mut self, command: Command) {
        // Whoever asked may have gone; then nobody hears the answer.
        match command {
            Command::Reload(answer) => {
                self.reload(true);
                let _ = answer.send(self.core.status.rules.clone());
            }
            Command::Reset(answer) => {
                self.core.reset();
                self.slowness = Ratio::NONE;
                self.set_interval();
                self.publish();
                let _ = answer.send(());
            }
            Command::Ingest(samples, answer) => {
                let measured = |metric: &str| self.sensors.measures(metric);
                let _ = answer.send(self.core.ingest(samples, measured));
            }
            Command::Evaluate {
                atom,
                budget,
                answer,
            } => {
                let results = self.core.evaluate(&atom, &budget);
                // What it wrote may be what the server itself goes by.
                self.take_over_rules();
                self.publish();
                let _ = answer.send(results);
            }
            Command::SetMode(set, answer) => {
                let modes = self.core.set_mode(set);
                self.publish();
                let _ = answer.send(modes);
            }
        }
    }

    /// How often the rule files are looked at without a hint.
    fn rescan(&self) -> Duration {
        Duration::from_secs_f64(self.core.status.facts.get("rescan-seconds"))
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
                    self.rescan().as_secs_f64()
                );
            })
            .ok()
    }

    fn seconds(&self) -> f64 {
        (self.started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0
    }

    /// One tick. `now` is its only clock reading.
    async fn tick(&mut self) {
        let now = Instant::now();
        let seconds = now.duration_since(self.started).as_secs_f64();
        let seconds = (seconds * 1000.0).round() / 1000.0;
        let mut reading = match self.sensors.read(now, seconds, unix_now()) {
            Ok(reading) => reading,
            Err(error) => {
                tracing::error!(%error, "no reading in this tick");
                self.core.status.last_rule_error = Some(error.to_string());
                return;
            }
        };
        let lag_ms = (self.lag.as_secs_f64() * 1e5).round() / 100.0;
        let own = [
            ("loop-lag-ms", lag_ms),
            ("sampling-intensity", self.slowness.get()),
            ("history-readings", self.core.history().len() as f64),
        ];
        for (metric, value) in own {
            reading.metrics.insert(metric.to_owned(), value);
        }
        let held = self.effectors.registry.readings();
        for one in &held {
            let mib = (one.held_bytes as f64 / 1_048_576.0 * 100.0).round() / 100.0;
            let metric = format!("reclaimable.{}-mb", one.name);
            reading.metrics.insert(metric, mib);
        }
        self.core.status.reclaimable = held;
        let (events, dropped) = self.events.take();
        let orders = self.core.tick(reading, events, dropped);
        for order in orders {
            self.carry_out(order, seconds).await;
        }
        self.publish();
    }

    /// Carries an order out. An effector that takes long goes on beside the loop, which
    /// hears of its end later.
    async fn carry_out(&mut self, order: Order, seconds: f64) {
        let Order { id, admitted } = order;
        let outcome = match admitted.action() {
            Action::SlowSampling(share) => {
                self.slowness = *share;
                self.set_interval();
                let interval = self.core.status.interval;
                Ok(format!("samples are {interval} s apart"))
            }
            _ => {
                let work = match self.effectors.apply(admitted) {
                    Applied::Done(outcome) => {
                        self.core.carried_out(id, outcome, seconds);
                        return;
                    }
                    Applied::UnderWay(work) => work,
                };
                let mut work = self.beside.spawn(work);
                let patience = self.core.status.facts.get("effector-patience-ms") / 1000.0;
                match tokio::time::timeout(Duration::from_secs_f64(patience), &mut work).await {
                    Ok(done) => ended(done),
                    Err(_) => {
                        let ending = async move { (id, ended(work.await)) };
                        self.working.spawn_on(ending, &self.beside);
                        return;
                    }
                }
            }
        };
        self.core.carried_out(id, outcome, seconds);
    }

    /// Looks at the rule files from outside, which costs next to nothing, and reads them
    /// only if they may have changed, or the last reading failed.
    fn reload_if_touched(&mut self) {
        let stamp = self.settings.rules.stamp();
        let as_before = stamp.is_some() && stamp == self.stamp;
        if as_before && self.core.status.rules.error.is_none() {
            return;
        }
        self.stamp = stamp;
        self.reload(false);
    }

    /// Loads the rule files if they are not those tried last, or if `asked`.
    /// What cannot be loaded leaves the rules in force as they are.
    fn reload(&mut self, asked: bool) {
        let status = &self.core.status;
        let texts = match self.settings.rules.read() {
            Ok(texts) => texts,
            Err(error) => {
                // Not said again on every look.
                if asked || status.rules.error.is_none() {
                    self.refuse_rules(error);
                }
                return;
            }
        };
        let unread_before = status
            .rules
            .error
            .as_ref()
            .is_some_and(|error| error.line == 0);
        if texts.generation == self.tried_generation && !asked && !unread_before {
            return;
        }
        self.tried_generation.clone_from(&texts.generation);
        if let Err(error) = self.core.load(&texts, unix_now()) {
            self.refuse_rules(error);
            return;
        }
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
        self.core.status.rules.error = Some(error);
        self.publish();
    }

    /// Reads from the rules in force what the server itself goes by.
    fn take_over_rules(&mut self) {
        self.set_interval();
        let facts = &self.core.status.facts;
        let (front, upstream) = (&self.effectors.front, &self.effectors.upstream);
        front.set_window(facts);
        upstream.layer().set_bounds(facts);
        upstream.injector().set_stay(facts.get("injected-seconds"));
        upstream
            .connections()
            .set_patience(facts.get("connect-patience-ms"));
        let connections = facts.count("pool-connections");
        upstream.connections().set_size_max(connections);
        let background = &self.effectors.background;
        background.set_threads_max(facts.count("background-threads-max"));
        let retry_after = Duration::from_secs_f64(facts.get("retry-after-seconds"));
        front.gate().set_retry_after(retry_after);
        let outside = &self.effectors.outside;
        outside.set_stale_intervals(facts.get("stale-intervals"));
        self.events.set_bounds(facts);
        self.sensors.set_bounds(facts);
    }

    fn set_interval(&mut self) {
        let facts = &self.core.status.facts;
        let usual = self.settings.interval;
        let usual = usual.unwrap_or_else(|| facts.get("sample-interval"));
        let factor = 1.0 + (facts.get("slowest-sampling") - 1.0) * self.slowness.get();
        self.core.status.interval = (usual * factor * 1000.0).round() / 1000.0;
    }

    fn publish(&mut self) {
        self.core.status.history = self.core.history().readings();
        let status = Arc::new(self.core.status.clone());
        self.published.status.store(status);
        let engine = self.core.engine().snapshot();
        self.published.engine.store(Arc::new(engine));
    }
}

fn ended(done: Result<Outcome, tokio::task::JoinError>) -> Outcome {
    done.unwrap_or_else(|failed| Err(format!("the effector failed: {failed}")))
}

async fn at(when: Option<TokioInstant>) {
    match when {
        Some(when) => sleep_until(when).await,
        None => std::future::pending().await,
    }
}

async fn hint(hints: &mut Option<(Watch, mpsc::Receiver<()>)>) -> Option<()> {
    match hints {
        Some((_, receiver)) => receiver.recv().await,
        None => std::future::pending().await,
    }
}

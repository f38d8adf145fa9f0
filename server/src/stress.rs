//! The stress test: each fault in turn, sized by the thresholds in force, with a
//! report of when it was detected, dealt with and verified.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio_util::sync::CancellationToken;

use crate::front::{Answered, Front};
use crate::heal::Facts;
use crate::status::{Loop, Verdict};
use crate::work::{Background, ConnectionFault, Ratio, Served, Sessions, Upstream};

const POLL: Duration = Duration::from_millis(100);
/// Reports that are kept.
const REPORTS_MAX: usize = 20;

/// What the test acts on.
#[derive(Clone)]
pub struct Subjects {
    /// The healing loop.
    pub healing: Loop,
    /// The session cache.
    pub sessions: Sessions,
    /// The background threads.
    pub background: Background,
    /// The service that requests depend on.
    pub upstream: Upstream,
    /// What counts requests.
    pub front: Front,
}

/// One fault of a run.
#[derive(Clone, Debug, Default)]
pub struct Phase {
    /// The fault's name as rules write it.
    pub fault: &'static str,
    /// What was done to cause it; empty while it has not been.
    pub injected: String,
    /// Seconds from the injection to the first action against it.
    pub detected_after: Option<f64>,
    /// Seconds from the injection to a verified action.
    pub healed_after: Option<f64>,
    /// The action that was verified, or the newest.
    pub action: Option<u64>,
    /// Whether a verdict said that it is gone.
    pub verified: bool,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Report {
    /// Counts from 1.
    pub id: u64,
    /// How far it is.
    pub stage: Stage,
    /// Its phases in order.
    pub phases: Vec<Phase>,
}

/// How far a run is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Stage {
    /// Its phases go on.
    Running,
    /// Each phase had its time.
    Finished,
    /// It was ended before that.
    Cancelled,
}

impl Stage {
    /// The word for it.
    pub fn name(self) -> &'static str {
        match self {
            Stage::Running => "running",
            Stage::Finished => "finished",
            Stage::Cancelled => "cancelled",
        }
    }
}

/// The runs. Clones are the same.
#[derive(Clone, Default)]
pub struct Stress(Arc<Mutex<Runs>>);

#[derive(Default)]
struct Runs {
    reports: Vec<Report>,
    /// Ends the run that is under way.
    cancel: CancellationToken,
}

/// A run is under way already.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("stress test {0} is running")]
pub struct Running(pub u64);

const FAULTS: [&str; 4] = [
    "memory-leak",
    "cpu-overload",
    "connection-issues",
    "request-failures",
];

impl Stress {
    fn lock(&self) -> MutexGuard<'_, Runs> {
        self.0.lock().expect("no panic while reports are locked")
    }

    /// The report of a run, if it is kept.
    pub fn report(&self, id: u64) -> Option<Report> {
        let runs = self.lock();
        runs.reports.iter().find(|report| report.id == id).cloned()
    }

    /// Ends the run that is under way, if there is one; it has ended when this returns.
    /// What it caused is still there, for whoever ended it to end and to count.
    pub async fn cancel(&self) {
        self.lock().cancel.cancel();
        while self.running().is_some() {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    fn running(&self) -> Option<u64> {
        let runs = self.lock();
        let mut reports = runs.reports.iter();
        let running = reports.find(|report| report.stage == Stage::Running);
        running.map(|report| report.id)
    }

    /// Starts a run on the present runtime; returns its id.
    ///
    /// # Errors
    /// If one is under way.
    pub fn start(&self, subjects: Subjects) -> Result<u64, Running> {
        let cancel = CancellationToken::new();
        let id = {
            let mut runs = self.lock();
            let reports = &mut runs.reports;
            if let Some(running) = reports.iter().find(|one| one.stage == Stage::Running) {
                return Err(Running(running.id));
            }
            let id = reports.last().map_or(1, |report| report.id + 1);
            if reports.len() >= REPORTS_MAX {
                reports.remove(0);
            }
            reports.push(Report {
                id,
                stage: Stage::Running,
                phases: FAULTS
                    .map(|fault| Phase {
                        fault,
                        ..Phase::default()
                    })
                    .to_vec(),
            });
            runs.cancel = cancel.clone();
            id
        };
        let stress = self.clone();
        tokio::spawn(async move {
            for index in 0..FAULTS.len() {
                if !cancel.is_cancelled() {
                    stress.run_phase(id, index, &subjects, &cancel).await;
                }
            }
            let stage = if cancel.is_cancelled() {
                Stage::Cancelled
            } else {
                restore(&subjects).await;
                Stage::Finished
            };
            stress.update(id, |report| report.stage = stage);
        });
        Ok(id)
    }

    fn update(&self, id: u64, change: impl FnOnce(&mut Report)) {
        let mut runs = self.lock();
        if let Some(report) = runs.reports.iter_mut().find(|report| report.id == id) {
            change(report);
        }
    }

    async fn run_phase(
        &self,
        id: u64,
        index: usize,
        subjects: &Subjects,
        cancel: &CancellationToken,
    ) {
        let fault = FAULTS[index];
        let newest = newest_id(subjects);
        let began = Instant::now();
        let patience = patience(&subjects.healing.status.load().facts);
        let injected = inject(fault, subjects).await;
        self.update(id, |report| report.phases[index].injected = injected);
        while began.elapsed() < patience && !cancel.is_cancelled() {
            if fault == "request-failures" {
                ask(subjects).await;
            }
            let status = subjects.healing.status.load();
            let mut actions = status
                .actions
                .iter()
                .filter(|action| action.fault == fault && action.id > newest);
            let after = (began.elapsed().as_secs_f64() * 100.0).round() / 100.0;
            if let Some(first) = actions.clone().next() {
                let first = first.id;
                self.update(id, |report| {
                    let phase = &mut report.phases[index];
                    phase.detected_after.get_or_insert(after);
                    phase.action.get_or_insert(first);
                });
            }
            if let Some(verified) = actions.find(|action| action.verdict == Verdict::Verified) {
                let verified = verified.id;
                self.update(id, |report| {
                    let phase = &mut report.phases[index];
                    phase.healed_after = Some(after);
                    phase.action = Some(verified);
                    phase.verified = true;
                });
                break;
            }
            drop(status);
            tokio::time::sleep(POLL).await;
        }
        if cancel.is_cancelled() {
            return;
        }
        if fault == "cpu-overload" {
            subjects.background.cancel();
        }
        subjects.upstream.injector().clear();
    }
}

fn newest_id(subjects: &Subjects) -> u64 {
    let status = subjects.healing.status.load();
    status.actions.last().map_or(0, |action| action.id)
}

/// The longest that a phase waits to be detected and verified.
fn patience(facts: &Facts) -> Duration {
    Duration::from_secs_f64(facts.get("stress-patience"))
}

/// Causes the fault, as far beyond its threshold as facts say. Without a threshold
/// there is nothing to be beyond.
async fn inject(fault: &str, subjects: &Subjects) -> String {
    let status = subjects.healing.status.load_full();
    let facts = &status.facts;
    let threshold = |metric: &str| status.thresholds.get(metric).copied();
    match fault {
        "memory-leak" => {
            let Some(limit) = threshold("memory-mb") else {
                return "nothing: the rules have no threshold of memory-mb".to_owned();
            };
            let used = status.reading.metrics.get("memory-mb").copied();
            let missing = facts.get("stress-memory") * limit - used.unwrap_or(0.0);
            let each = facts.count("stress-session-mb");
            let count = (missing / each as f64).ceil().clamp(1.0, 1000.0) as usize;
            match subjects.sessions.fill(each, count).await {
                Ok(_) => format!("{count} sessions of {each} MiB"),
                Err(error) => format!("nothing: {error}"),
            }
        }
        "cpu-overload" => {
            let Some(limit) = threshold("cpu-percent") else {
                return "nothing: the rules have no threshold of cpu-percent".to_owned();
            };
            let cores = (limit / 100.0).ceil().max(1.0);
            let threads = (cores * facts.get("stress-threads")) as usize;
            match subjects.background.start(patience(facts), threads) {
                Ok(()) => format!("{threads} background threads"),
                Err(error) => format!("nothing: {error}"),
            }
        }
        "connection-issues" => {
            let Some(limit) = threshold("connection-count") else {
                return "nothing: the rules have no threshold of connection-count".to_owned();
            };
            // Both ends of each count.
            let count = (limit * facts.get("stress-connections") / 2.0).ceil() as usize;
            let harm = (ConnectionFault::Reset, facts.get("broken-connections"));
            let opened = subjects.upstream.connections().open(count, harm).await;
            format!("{} connections", opened.total)
        }
        _ => {
            let share = facts.get("stress-failing");
            subjects.upstream.injector().fail(share);
            format!("{share} of the calls of the upstream service fail")
        }
    }
}

/// One request as a client would make it, counted as one.
async fn ask(subjects: &Subjects) {
    let share = subjects.healing.status.load().facts.get("stress-failing");
    subjects.upstream.injector().fail(share);
    let in_flight = subjects.front.begin();
    let served = subjects.upstream.layer().serve().await;
    in_flight.finish(match served {
        Served::Fresh(_) | Served::Degraded(_) => Answered::Well,
        Served::Refused(_) => Answered::RefusedByHealing,
        Served::Failed(_) => Answered::Failed,
    });
}

/// Leaves things as they were: what the test started is gone, and what rules set
/// against it is for rules to lift.
async fn restore(subjects: &Subjects) {
    subjects.background.cancel();
    subjects.upstream.injector().clear();
    subjects.upstream.connections().recreate();
    let sessions = subjects.sessions.clone();
    let freed = tokio::task::spawn_blocking(move || {
        sessions.evict(Ratio::FULL);
        chimera_reclaim::release_free_memory()
    });
    match freed.await {
        Ok(Ok(())) => {}
        Ok(Err(error)) => tracing::warn!(%error, "the stress test left memory behind"),
        Err(error) => tracing::warn!(%error, "the stress test left memory behind"),
    }
}

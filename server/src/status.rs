//! What the healing loop publishes and the HTTP shell shows; no logic here.

mod kept;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use chimera::{Atom, Budget, Engine};
use tokio::sync::{mpsc, oneshot};

use crate::heal::Facts;
use crate::reclaimable::Held;
pub use kept::{Keeper, Kept};

/// One reading of everything that is measured, taken at one instant.
#[derive(Clone, Debug, Default)]
pub struct Reading {
    /// Seconds since the server started; the `$t` of `(sample <metric> <value> $t)`.
    pub seconds: f64,
    /// Unix time of the reading, in seconds.
    pub unix: f64,
    /// Values by metric name as rules see it (`memory-mb`, `cpu-percent`, …);
    /// a metric without a value now is absent.
    pub metrics: BTreeMap<String, f64>,
}

/// What later samples said about an action.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Its time has not come yet.
    Pending,
    /// The fault was gone when the verdict was due.
    Verified,
    /// The fault was still there.
    Failed,
    /// The samples do not say.
    Inconclusive,
}

impl Verdict {
    /// The word for it, in rules and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            Verdict::Pending => "pending",
            Verdict::Verified => "verified",
            Verdict::Failed => "failed",
            Verdict::Inconclusive => "inconclusive",
        }
    }
}

/// One link of an action's explanation.
#[derive(Clone, Debug)]
pub struct Because {
    /// `rule`, `fact` or `operation`.
    pub kind: &'static str,
    /// The rule's head, the fact, or the operation's name.
    pub text: String,
    /// Where it stands, `file:line`, if it comes from a file.
    pub place: Option<String>,
    /// A rule's text there when it decided.
    pub source: Option<Arc<str>>,
}

/// Where an episode is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EpisodeState {
    /// The fault was seen; nothing is under way.
    Detected,
    /// An action is being carried out.
    Acting,
    /// An action was carried out and its verdict is waited for.
    Verifying,
    /// No step is left; it is tried again later.
    GivenUp,
    /// What was done before still stands and keeps the fault away: nothing more is to be done.
    Held,
}

impl EpisodeState {
    /// The word for it, in rules and in JSON.
    pub fn name(self) -> &'static str {
        match self {
            EpisodeState::Detected => "detected",
            EpisodeState::Acting => "acting",
            EpisodeState::Verifying => "verifying",
            EpisodeState::GivenUp => "given-up",
            EpisodeState::Held => "held",
        }
    }
}

/// An open episode.
#[derive(Clone, Debug)]
pub struct EpisodeRecord {
    /// The fault's name as rules write it.
    pub fault: String,
    /// Where it is.
    pub state: EpisodeState,
    /// Unix time since when it is there, in seconds.
    pub since_unix: f64,
    /// Unix time at which the fault was seen, in seconds.
    pub opened_unix: f64,
    /// The ladder that is climbed; `none` if rules named none.
    pub strategy: String,
    /// The rung of its newest action, from 1; 0 before any.
    pub rung: u32,
    /// Why the fault was seen.
    pub reason: String,
    /// The metrics that told of it.
    pub metrics: Vec<String>,
    /// Seconds until the verdict that is waited for.
    pub verdict_in: Option<f64>,
    /// How often in a row it was given up.
    pub gave_up: u32,
}

/// Whether a rule acts.
#[derive(Clone, Debug, PartialEq)]
pub enum Mode {
    /// It does.
    Enforce,
    /// It only records what it would have done.
    Shadow,
    /// It does in this many of a hundred cases.
    Canary(f64),
}

impl std::fmt::Display for Mode {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Mode::Enforce => f.write_str("enforce"),
            Mode::Shadow => f.write_str("shadow"),
            Mode::Canary(percent) => write!(f, "canary {percent}"),
        }
    }
}

/// `enforce`, `shadow` or `canary <percent>`.
impl std::str::FromStr for Mode {
    type Err = String;

    fn from_str(text: &str) -> Result<Mode, String> {
        let percent = |text: &str| {
            let percent: f64 = text.trim().trim_end_matches('%').parse().ok()?;
            (0.0..=100.0).contains(&percent).then_some(percent)
        };
        match text.trim() {
            "enforce" => Ok(Mode::Enforce),
            "shadow" => Ok(Mode::Shadow),
            other => other
                .strip_prefix("canary")
                .and_then(percent)
                .map(Mode::Canary)
                .ok_or_else(|| {
                    format!("a mode is enforce, shadow or canary with a percentage from 0 to 100, not {text}")
                }),
        }
    }
}

/// The mode of one rule.
#[derive(Clone, Debug, PartialEq)]
pub struct ModeRecord {
    /// The fault that the rule is about.
    pub fault: String,
    /// The rule's name: `level`, `growth`, `unused`, `lift`.
    pub rule: String,
    /// Its mode.
    pub mode: Mode,
    /// Whether it was switched live; else it stands in the rules.
    pub live: bool,
}

/// One rule of the files in force.
#[derive(Clone, Debug)]
pub struct RuleRecord {
    /// Its head.
    pub rule: String,
    /// Where it stands, `file:line`.
    pub place: String,
    /// The rules with a mode that it has part in, by fault and name.
    pub named: Vec<(String, String)>,
}

/// What is known of one ladder of a fault.
#[derive(Clone, Debug)]
pub struct StrategyRecord {
    /// The fault.
    pub fault: String,
    /// The ladder.
    pub strategy: String,
    /// Mean of the rewards of its episodes, 0 to 1.
    pub mean: f64,
    /// How many episodes that is worth, older ones counting less.
    pub evidence: f64,
    /// Whether it was learned; else it is what the rules begin with.
    pub learned: bool,
    /// Actions of it that were verified, since start.
    pub verified: u64,
    /// Actions of it that failed, since start.
    pub failed: u64,
    /// Actions of it of which nothing can be said, since start.
    pub inconclusive: u64,
}

/// An action that the rules decided, from decision to verdict.
#[derive(Clone, Debug)]
pub struct ActionRecord {
    /// Counts from 1, never used twice in a process.
    pub id: u64,
    /// The fault's name as rules write it, e.g. `memory-leak`.
    pub fault: String,
    /// The effector call as an atom, e.g. `(evict-cache sessions 0.5)`.
    pub call: String,
    /// The reason atom of the rule, as printed.
    pub reason: String,
    /// The name of the rule that wanted it: `level`, `growth`, `unused`, `lift`,
    /// `undo`, `give-up`; empty if the rules gave none.
    pub rule: String,
    /// The ladder that it is a step of; `none` if of none.
    pub strategy: String,
    /// The rung of the ladder, from 1; 0 if of none.
    pub rung: u32,
    /// `enforce`, `shadow` or `refused`.
    pub permission: &'static str,
    /// The verdict that its known effect lets one expect: `verified`, `failed` or
    /// `unknown`.
    pub expected: String,
    /// Unix time of the decision, in seconds.
    pub unix: f64,
    /// What the effector reported, or why it was refused or went wrong.
    pub outcome: Result<String, String>,
    /// Metrics in the sample that was decided on.
    pub before: Arc<Kept>,
    /// Metrics in the sample that the verdict was taken from.
    pub after: Option<Arc<Kept>>,
    /// What came of it.
    pub verdict: Verdict,
    /// Which rules, facts and operations led to the decision.
    pub because: Vec<Because>,
    /// What the decision cost, in microseconds, proof included.
    pub decided_micros: u64,
}

/// An event with what rules make of it.
#[derive(Clone, Debug)]
pub struct EventRecord {
    /// Unix time at which the loop took it up, in seconds.
    pub unix: f64,
    /// `error` or `warning`.
    pub severity: &'static str,
    /// What happened.
    pub text: String,
    /// The fault that rules see in it; `None` if they see none.
    pub class: Option<String>,
}

/// Why the rules on disk are not in force.
#[derive(Clone, Debug)]
pub struct RulesError {
    /// The file.
    pub file: String,
    /// Line from 1; 0 if the error has no place.
    pub line: u32,
    /// Column in characters from 1; 0 if the error has no place.
    pub column: u32,
    /// What is wrong, in words.
    pub message: String,
    /// The text drawn with a caret below it.
    pub drawn: String,
}

/// Which rules are in force.
#[derive(Clone, Debug, Default)]
pub struct RulesStatus {
    /// Content hash of the rules in force.
    pub generation: String,
    /// Files they were loaded from.
    pub files: Vec<String>,
    /// Unix time at which they came into force.
    pub loaded_unix: f64,
    /// What is wrong with the files on disk, if they could not be loaded.
    pub error: Option<RulesError>,
}

/// A histogram of what decisions took.
#[derive(Clone, Debug, Default)]
pub struct DecisionTimes {
    /// How many took no longer than each of [`DecisionTimes::ENDS_MICROS`] and longer
    /// than the one before; the last is of those that took longer than all.
    pub counts: [u64; 13],
    /// All of them together, in microseconds.
    pub sum_micros: u64,
}

impl DecisionTimes {
    /// The upper ends of the counts, in microseconds.
    pub const ENDS_MICROS: [u64; 12] = [
        25, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 50_000, 100_000, 500_000,
    ];

    /// Counts one.
    pub fn record(&mut self, took: Duration) {
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let index = Self::ENDS_MICROS.partition_point(|end| *end < micros);
        self.counts[index] += 1;
        self.sum_micros = self.sum_micros.saturating_add(micros);
    }
}

/// Everything the HTTP shell shows, replaced as a whole once per tick.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The newest reading.
    pub reading: Reading,
    /// Earlier readings, oldest first, newest included; bounded.
    pub history: Vec<Arc<Kept>>,
    /// `(threshold <metric> <value>)` atoms now in force.
    pub thresholds: BTreeMap<String, f64>,
    /// Numbers that the server itself goes by, as the rules say.
    pub facts: Facts,
    /// What holds memory that the process can do without.
    pub reclaimable: Vec<Held>,
    /// Faults whose episode is open now.
    pub open_faults: Vec<String>,
    /// Their episodes.
    pub episodes: Vec<EpisodeRecord>,
    /// The modes of the rules that have one by name.
    pub modes: Vec<ModeRecord>,
    /// The ladders and what is known of them.
    pub strategies: Vec<StrategyRecord>,
    /// Actions, oldest first; bounded.
    pub actions: Vec<Arc<ActionRecord>>,
    /// Events, oldest first; bounded.
    pub events: Vec<Arc<EventRecord>>,
    /// Events by what rules make of them, since start; those of no class under
    /// `unknown`, and those that were too many to be looked at under `dropped`.
    pub event_counts: BTreeMap<String, u64>,
    /// The rules in force.
    pub rules: RulesStatus,
    /// What each decision took, since start.
    pub decision_times: DecisionTimes,
    /// Actions by fault and by the verdict on them, since start.
    pub verdict_counts: BTreeMap<(String, &'static str), u64>,
    /// Every rule of the files in force, in their order.
    pub rule_list: Arc<[RuleRecord]>,
    /// How many decisions each of them led to since start.
    pub rule_decisions: Arc<Vec<u64>>,
    /// Ticks since start.
    pub ticks: u64,
    /// Seconds between ticks.
    pub interval: f64,
    /// Results of `(decide)` that were no `(act …)`, since start.
    pub misshapen_decisions: u64,
    /// The newest of them or the newest error of `(decide)`, if any.
    pub last_rule_error: Option<String>,
}

/// A switch of a rule's mode.
#[derive(Clone, Debug)]
pub struct SetMode {
    /// The fault that the rule is about.
    pub fault: String,
    /// The rule.
    pub rule: String,
    /// Its mode from now on.
    pub mode: Option<Mode>,
}

/// Why readings from outside are not taken.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum IngestError {
    /// There would be more of them than are kept.
    #[error(
        "at most {most} metrics from outside are kept; one that is not sent for {kept_seconds} s makes room for another"
    )]
    TooMany {
        /// How many are kept.
        most: usize,
        /// How long one is kept after it came.
        kept_seconds: f64,
    },
    /// The server measures that itself, and healing goes by what it measured.
    #[error("{0} is measured by the server itself; post the sample under another name")]
    Measured(String),
}

/// A reading from outside.
#[derive(Clone, Debug, PartialEq)]
pub struct Posted {
    /// What was measured.
    pub metric: String,
    /// What it was.
    pub value: f64,
    /// When, in Unix seconds: of two readings the one that was measured later counts.
    pub unix: f64,
}

/// What the HTTP shell asks the loop to do.
pub enum Command {
    /// Load the rules from disk now.
    Reload(oneshot::Sender<RulesStatus>),
    /// Forget episodes and what is open; the history of actions stays.
    Reset(oneshot::Sender<()>),
    /// Readings from outside; all of them are taken, or none.
    Ingest(Vec<Posted>, oneshot::Sender<Result<(), IngestError>>),
    /// Evaluate an atom that may change the live spaces; answers with its results.
    Evaluate {
        /// What is evaluated.
        atom: Atom,
        /// What it may spend.
        budget: Budget,
        /// Takes the results.
        answer: oneshot::Sender<Vec<Atom>>,
    },
    /// Switch the mode of a rule until the next switch or start; `None` goes back to
    /// what the rules say. Answers with all modes, or why there is no such rule.
    SetMode(SetMode, oneshot::Sender<Result<Vec<ModeRecord>, String>>),
}

/// The HTTP shell's side of the healing loop. Cheap to clone.
#[derive(Clone)]
pub struct Loop {
    /// What it published last.
    pub status: Arc<ArcSwap<Status>>,
    /// The rules in force over all spaces, as of what was published last: clone it out with
    /// `Engine::snapshot`, evaluate under a budget.
    pub engine: Arc<ArcSwap<Engine>>,
    /// Its mailbox; bounded.
    pub commands: mpsc::Sender<Command>,
}

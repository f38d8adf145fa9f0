//! What the healing loop publishes and the HTTP shell shows; no logic here.

use std::collections::BTreeMap;
use std::sync::Arc;

use arc_swap::ArcSwap;
use chimera::{Atom, Budget, Engine};
use tokio::sync::{mpsc, oneshot};

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
    /// Unix time of the decision, in seconds.
    pub unix: f64,
    /// What the effector reported, or why it was refused or went wrong.
    pub outcome: Result<String, String>,
    /// Metrics in the sample that was decided on.
    pub before: Reading,
    /// Metrics in the sample that the verdict was taken from.
    pub after: Option<Reading>,
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

/// Everything the HTTP shell shows, replaced as a whole once per tick.
#[derive(Clone, Debug, Default)]
pub struct Status {
    /// The newest reading.
    pub reading: Reading,
    /// Earlier readings, oldest first, newest included; bounded.
    pub history: Vec<Arc<Reading>>,
    /// `(threshold <metric> <value>)` atoms now in force.
    pub thresholds: BTreeMap<String, f64>,
    /// Faults whose episode is open now.
    pub open_faults: Vec<String>,
    /// Actions, oldest first; bounded.
    pub actions: Vec<Arc<ActionRecord>>,
    /// Events, oldest first; bounded.
    pub events: Vec<Arc<EventRecord>>,
    /// Events by what rules make of them, since start; those of no class under
    /// `unknown`, and those that were too many to be looked at under `dropped`.
    pub event_counts: BTreeMap<String, u64>,
    /// The rules in force.
    pub rules: RulesStatus,
    /// Ticks since start.
    pub ticks: u64,
    /// Seconds between ticks.
    pub interval: f64,
    /// Results of `(decide)` that were no `(act …)`, since start.
    pub misshapen_decisions: u64,
    /// The newest of them or the newest error of `(decide)`, if any.
    pub last_rule_error: Option<String>,
}

/// What the HTTP shell asks the loop to do.
pub enum Command {
    /// Load the rules from disk now.
    Reload(oneshot::Sender<RulesStatus>),
    /// Forget episodes and what is open; the history of actions stays.
    Reset(oneshot::Sender<()>),
    /// Readings from outside, as `(metric, value)`.
    Ingest(Vec<(String, f64)>),
    /// Evaluate an atom that may change the live spaces; answers with its results.
    Evaluate {
        /// What is evaluated.
        atom: Atom,
        /// What it may spend.
        budget: Budget,
        /// Takes the results.
        answer: oneshot::Sender<Vec<Atom>>,
    },
}

/// The HTTP shell's side of the healing loop. Cheap to clone.
#[derive(Clone)]
pub struct Loop {
    /// What it published last.
    pub status: Arc<ArcSwap<Status>>,
    /// An engine over the live spaces and the rules in force that cannot write:
    /// clone it out with `Engine::reader`, evaluate under a budget.
    pub engine: Arc<ArcSwap<Engine>>,
    /// Its mailbox; bounded.
    pub commands: mpsc::Sender<Command>,
}

//! JSON shapes that several routes share.

use std::collections::BTreeMap;
use std::time::{Duration, SystemTime};

use serde::Serialize;

use crate::reclaimable::Held;
use crate::status::{ActionRecord, RulesStatus, Verdict};

/// A Unix time as RFC 3339 text in UTC, with milliseconds.
pub(super) fn timestamp(unix: f64) -> String {
    let time = Duration::try_from_secs_f64(unix)
        .ok()
        .and_then(|since| SystemTime::UNIX_EPOCH.checked_add(since))
        .unwrap_or(SystemTime::UNIX_EPOCH);
    humantime::format_rfc3339_millis(time).to_string()
}

/// Now, as Unix time in seconds.
pub(super) fn unix_now() -> f64 {
    SystemTime::now()
        .duration_since(SystemTime::UNIX_EPOCH)
        .map_or(0.0, |time| time.as_secs_f64())
}

/// Metrics before and after an action.
#[derive(Serialize)]
pub(super) struct Evidence {
    before: BTreeMap<String, f64>,
    after: Option<BTreeMap<String, f64>>,
}

/// One link of an explanation.
#[derive(Serialize)]
pub(super) struct Because {
    kind: &'static str,
    text: String,
    place: Option<String>,
    /// A rule as it is written, where one action is told in full.
    #[serde(skip_serializing_if = "Option::is_none")]
    source: Option<String>,
}

/// One healing action.
#[derive(Serialize)]
pub(super) struct Action {
    id: u64,
    timestamp: String,
    unix: f64,
    error_type: String,
    detection_method: String,
    healing_strategy: String,
    success: bool,
    details: String,
    reason: String,
    outcome: String,
    applied: bool,
    evidence: Evidence,
    verdict: &'static str,
    decision_trace_url: String,
    duration_ms: Option<f64>,
    decided_us: u64,
    /// The rule that wanted it, the ladder and rung that it is a step of.
    rule: String,
    strategy: String,
    rung: u32,
    /// `enforce`, `shadow` or `refused`.
    mode: &'static str,
    /// The verdict that its known effect let one expect.
    expected: String,
    because: Vec<Because>,
}

impl Action {
    /// The action with the texts of the rules that decided it.
    pub(super) fn in_full(record: &ActionRecord) -> Action {
        let mut action = Action::from(record);
        for (told, link) in action.because.iter_mut().zip(&record.because) {
            told.source = link.source.as_deref().map(str::to_owned);
        }
        action
    }
}

impl From<&ActionRecord> for Action {
    fn from(record: &ActionRecord) -> Action {
        let (applied, outcome) = match &record.outcome {
            Ok(done) => (true, done.clone()),
            Err(refused) => (false, refused.clone()),
        };
        // The rule that saw the fault: the one whose head names it, else the first.
        let rules = record.because.iter().filter(|link| link.kind == "rule");
        let detector = rules
            .clone()
            .find(|rule| rule.text.starts_with("(present "))
            .or_else(|| rules.clone().next());
        let detection_method = match detector {
            Some(rule) => match &rule.place {
                Some(place) => format!("rule {} at {place}", rule.text),
                None => format!("rule {}", rule.text),
            },
            None => "no rule is recorded".to_owned(),
        };
        Action {
            id: record.id,
            timestamp: timestamp(record.unix),
            unix: record.unix,
            error_type: record.fault.replace('-', "_"),
            detection_method,
            healing_strategy: record.call.clone(),
            success: record.verdict == Verdict::Verified,
            details: format!("{}; {outcome}", record.reason),
            reason: record.reason.clone(),
            outcome,
            applied,
            evidence: Evidence {
                before: record.before.metrics(),
                after: record.after.as_ref().map(|after| after.metrics()),
            },
            verdict: record.verdict.name(),
            decision_trace_url: format!("/healing/actions/{}", record.id),
            duration_ms: record
                .after
                .as_ref()
                .map(|after| ((after.unix - record.unix) * 1000.0).round()),
            decided_us: record.decided_micros,
            rule: record.rule.clone(),
            strategy: record.strategy.clone(),
            rung: record.rung,
            mode: record.permission,
            expected: record.expected.clone(),
            because: record
                .because
                .iter()
                .map(|link| Because {
                    kind: link.kind,
                    text: link.text.clone(),
                    place: link.place.clone(),
                    source: None,
                })
                .collect(),
        }
    }
}

/// Which rules are in force.
#[derive(Serialize)]
pub(super) struct Rules {
    generation: String,
    files: Vec<String>,
    loaded: String,
    error: Option<RulesError>,
}

/// What is wrong with the files on disk.
#[derive(Serialize)]
struct RulesError {
    file: String,
    line: u32,
    column: u32,
    message: String,
    source: String,
}

impl From<&RulesStatus> for Rules {
    fn from(rules: &RulesStatus) -> Rules {
        Rules {
            generation: rules.generation.clone(),
            files: rules.files.clone(),
            loaded: timestamp(rules.loaded_unix),
            error: rules.error.as_ref().map(|error| RulesError {
                file: error.file.clone(),
                line: error.line,
                column: error.column,
                message: error.message.clone(),
                source: error.drawn.clone(),
            }),
        }
    }
}

/// Something that holds memory that can be reclaimed.
#[derive(Serialize)]
pub(super) struct Holding {
    name: &'static str,
    held_mb: f64,
    /// How often it was reclaimed from since start, and what it gave back in all.
    reclaims: u64,
    reclaimed_mb: f64,
}

impl From<&Held> for Holding {
    fn from(held: &Held) -> Holding {
        let mib = |bytes: f64| (bytes / 1_048_576.0 * 100.0).round() / 100.0;
        Holding {
            name: held.name,
            held_mb: mib(held.held_bytes as f64),
            reclaims: held.calls,
            reclaimed_mb: mib(held.reclaimed_bytes as f64),
        }
    }
}

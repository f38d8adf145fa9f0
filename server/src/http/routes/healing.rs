//! `/healing/…`: what healing does, did, and goes by.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;

use super::health::{success_rate, word};
use super::mailbox::ask;
use super::wire::{Action, Holding, Rules, timestamp, unix_now};
use crate::effect::SPECS;
use crate::http::answer::{Answer, Failure};
use crate::http::service::Service;
use crate::http::table::Request;
use crate::status::{ActionRecord, Command, ModeRecord, Status, StrategyRecord, Verdict};

/// Events that `/healing/status` shows.
const RECENT_EVENTS: usize = 20;

#[derive(Serialize)]
struct Event {
    timestamp: String,
    severity: &'static str,
    text: String,
    class: Option<String>,
}

#[derive(Serialize)]
struct HealingStatus {
    status: &'static str,
    in_progress: Vec<String>,
    timestamp: String,
    armed: bool,
    ticks: u64,
    sample_interval_s: f64,
    success_rate: Option<f64>,
    by_fault: BTreeMap<String, Tally>,
    /// By effector.
    by_strategy: BTreeMap<String, Tally>,
    open_verdicts: Vec<u64>,
    misshapen_decisions: u64,
    last_rule_error: Option<String>,
    /// How many events of each class there were since start.
    events_by_class: BTreeMap<String, u64>,
    /// The newest events, newest first.
    recent_events: Vec<Event>,
    /// What holds memory that the process can do without.
    reclaimable: Vec<Holding>,
    /// Numbers that the server itself goes by, as the rules say.
    facts: BTreeMap<&'static str, f64>,
    /// Open episodes.
    episodes: Vec<Episode>,
    /// The modes of rules.
    modes: Vec<Mode>,
    /// The ladders and what is known of them.
    strategies: Vec<Strategy>,
    rules: Rules,
}

/// An open episode.
#[derive(Serialize)]
struct Episode {
    error_type: String,
    state: &'static str,
    since: String,
    opened: String,
    strategy: String,
    rung: u32,
    reason: String,
    metrics: Vec<String>,
    verdict_in_s: Option<f64>,
    gave_up: u32,
}

/// The mode of a rule.
#[derive(Serialize)]
pub(super) struct Mode {
    fault: String,
    rule: String,
    mode: String,
    /// Whether it was switched live.
    live: bool,
}

impl From<&ModeRecord> for Mode {
    fn from(record: &ModeRecord) -> Mode {
        Mode {
            fault: record.fault.clone(),
            rule: record.rule.clone(),
            mode: record.mode.to_string(),
            live: record.live,
        }
    }
}

/// A ladder of a fault.
#[derive(Serialize)]
pub(super) struct Strategy {
    fault: String,
    strategy: String,
    mean: f64,
    evidence: f64,
    learned: bool,
    verified: u64,
    failed: u64,
    inconclusive: u64,
    success_rate: Option<f64>,
}

impl From<&StrategyRecord> for Strategy {
    fn from(record: &StrategyRecord) -> Strategy {
        let judged = record.verified + record.failed;
        Strategy {
            fault: record.fault.clone(),
            strategy: record.strategy.clone(),
            mean: record.mean,
            evidence: record.evidence,
            learned: record.learned,
            verified: record.verified,
            failed: record.failed,
            inconclusive: record.inconclusive,
            success_rate: (judged > 0).then(|| record.verified as f64 / judged as f64),
        }
    }
}

/// Actions in the history, by verdict.
#[derive(Default, Serialize)]
struct Tally {
    actions: u64,
    verified: u64,
    failed: u64,
    inconclusive: u64,
    pending: u64,
    success_rate: Option<f64>,
}

impl Tally {
    fn count(&mut self, verdict: Verdict) {
        self.actions += 1;
        match verdict {
            Verdict::Pending => self.pending += 1,
            Verdict::Verified => self.verified += 1,
            Verdict::Failed => self.failed += 1,
            Verdict::Inconclusive => self.inconclusive += 1,
        }
        let judged = self.verified + self.failed;
        self.success_rate = (judged > 0).then(|| self.verified as f64 / judged as f64);
    }
}

fn tallies(
    actions: &[Arc<ActionRecord>],
    key: impl Fn(&ActionRecord) -> &str,
) -> BTreeMap<String, Tally> {
    let mut tallies: BTreeMap<String, Tally> = BTreeMap::new();
    for record in actions {
        tallies
            .entry(key(record).to_owned())
            .or_default()
            .count(record.verdict);
    }
    tallies
}

/// The name of the effector in a call such as `(evict-cache sessions 0.5)`.
fn effector(call: &str) -> &str {
    call.trim_start_matches('(')
        .split([' ', ')'])
        .next()
        .unwrap_or(call)
}

pub(in crate::http) async fn status(service: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    let status = service.shell.healing.status.load();
    let open = |record: &&Arc<ActionRecord>| record.verdict == Verdict::Pending;
    Ok(Answer::json(&HealingStatus {
        status: word(&status),
        in_progress: status.open_faults.clone(),
        timestamp: timestamp(unix_now()),
        armed: status.ticks > 0,
        ticks: status.ticks,
        sample_interval_s: status.interval,
        success_rate: success_rate(&status),
        by_fault: tallies(&status.actions, |record| &record.fault),
        by_strategy: tallies(&status.actions, |record| effector(&record.call)),
        open_verdicts: status
            .actions
            .iter()
            .filter(open)
            .map(|record| record.id)
            .collect(),
        misshapen_decisions: status.misshapen_decisions,
        last_rule_error: status.last_rule_error.clone(),
        events_by_class: status.event_counts.clone(),
        recent_events: status
            .events
            .iter()
            .rev()
            .take(RECENT_EVENTS)
            .map(|event| Event {
                timestamp: timestamp(event.unix),
                severity: event.severity,
                text: event.text.clone(),
                class: event.class.clone(),
            })
            .collect(),
        reclaimable: status.reclaimable.iter().map(Holding::from).collect(),
        facts: status.facts.iter().collect(),
        episodes: status
            .episodes
            .iter()
            .map(|episode| Episode {
                error_type: episode.fault.replace('-', "_"),
                state: episode.state.name(),
                since: timestamp(episode.since_unix),
                opened: timestamp(episode.opened_unix),
                strategy: episode.strategy.clone(),
                rung: episode.rung,
                reason: episode.reason.clone(),
                metrics: episode.metrics.clone(),
                verdict_in_s: episode.verdict_in,
                gave_up: episode.gave_up,
            })
            .collect(),
        modes: status.modes.iter().map(Mode::from).collect(),
        strategies: status.strategies.iter().map(Strategy::from).collect(),
        rules: Rules::from(&status.rules),
    }))
}

#[derive(Serialize)]
struct Actions {
    actions: Vec<Action>,
}

pub(in crate::http) async fn actions(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let status = service.shell.healing.status.load();
    let since = request.values.number("since");
    let fault = request.values.text("fault");
    let fault = fault.map(|fault| fault.replace('_', "-"));
    let verdict = request.values.text("verdict");
    let wanted = |record: &&Arc<ActionRecord>| {
        since.is_none_or(|since| record.unix > since)
            && fault.as_ref().is_none_or(|fault| record.fault == *fault)
            && verdict.is_none_or(|verdict| record.verdict.name() == verdict)
    };
    Ok(Answer::json(&Actions {
        actions: status
            .actions
            .iter()
            .filter(wanted)
            .map(|record| Action::from(&**record))
            .collect(),
    }))
}

pub(in crate::http) async fn action(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let status = service.shell.healing.status.load();
    let missing = || {
        Failure::not_found(format!(
            "there is no action {}; /healing/actions lists those that are kept",
            request.tail
        ))
    };
    let id: u64 = request.tail.parse().map_err(|_| missing())?;
    let record = status
        .actions
        .iter()
        .find(|record| record.id == id)
        .ok_or_else(missing)?;
    Ok(Answer::json(&Action::in_full(record)))
}

#[derive(Serialize)]
struct RulesAndWords {
    #[serde(flatten)]
    generation: Rules,
    thresholds: BTreeMap<String, f64>,
    /// Every rule of the files, in their order.
    rules: Vec<Rule>,
    /// Those that led to decisions since start, the most frequent first.
    hits: Vec<Hits>,
    modes: Vec<Mode>,
    effectors: Vec<Effector>,
}

/// One rule of the files.
#[derive(Serialize)]
struct Rule {
    rule: String,
    place: String,
    /// Decisions that it led to since start.
    decisions: u64,
    /// `enforce` for what no mode is about; `mixed` where several are and differ.
    mode: String,
    /// The modes that it goes by.
    modes: Vec<Mode>,
}

fn listed(status: &Status) -> Vec<Rule> {
    let counted = status.rule_list.iter().zip(status.rule_decisions.iter());
    counted
        .map(|(record, decisions)| {
            let goes_by = |mode: &&ModeRecord| {
                let mut named = record.named.iter();
                named.any(|(fault, rule)| *fault == mode.fault && *rule == mode.rule)
            };
            let modes: Vec<Mode> = status
                .modes
                .iter()
                .filter(goes_by)
                .map(Mode::from)
                .collect();
            let mode = match modes.split_first() {
                None => "enforce",
                Some((first, others)) if others.iter().all(|one| one.mode == first.mode) => {
                    &first.mode
                }
                Some(_) => "mixed",
            };
            Rule {
                rule: record.rule.clone(),
                place: record.place.clone(),
                decisions: *decisions,
                mode: mode.to_owned(),
                modes,
            }
        })
        .collect()
}

/// How often a rule led to a decision.
#[derive(Serialize)]
struct Hits {
    rule: String,
    place: String,
    decisions: u64,
}

fn hits(rules: &[Rule]) -> Vec<Hits> {
    let mut hits: Vec<Hits> = rules
        .iter()
        .filter(|rule| rule.decisions > 0)
        .map(|rule| Hits {
            rule: rule.rule.clone(),
            place: rule.place.clone(),
            decisions: rule.decisions,
        })
        .collect();
    hits.sort_by_key(|one| std::cmp::Reverse(one.decisions));
    hits
}

/// What rules may call.
#[derive(Serialize)]
struct Effector {
    call: String,
    description: &'static str,
    scope: &'static str,
    compensator: Option<&'static str>,
}

pub(in crate::http) async fn rules(service: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    let status = service.shell.healing.status.load();
    let rules = listed(&status);
    Ok(Answer::json(&RulesAndWords {
        generation: Rules::from(&status.rules),
        thresholds: status.thresholds.clone(),
        hits: hits(&rules),
        rules,
        modes: status.modes.iter().map(Mode::from).collect(),
        effectors: SPECS
            .iter()
            .map(|spec| Effector {
                call: spec.usage(),
                description: spec.description,
                scope: spec.scope,
                compensator: spec.compensator,
            })
            .collect(),
    }))
}

#[derive(Serialize)]
struct Reloaded {
    #[serde(flatten)]
    rules: Rules,
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
}

/// 200 with the rules in force, 422 if the files cannot be loaded.
pub(in crate::http) async fn reload(service: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    let rules = ask(&service, Command::Reload).await?;
    let detail = rules.error.as_ref().map(|error| {
        format!(
            "{}:{}:{}: {}; the last good rules stay in force",
            error.file, error.line, error.column, error.message
        )
    });
    let status = match detail {
        None => StatusCode::OK,
        Some(_) => StatusCode::UNPROCESSABLE_ENTITY,
    };
    let rules = Rules::from(&rules);
    Ok(Answer::json(&Reloaded { rules, detail }).with_status(status))
}

#[derive(Serialize)]
struct HealingReset {
    status: &'static str,
    message: &'static str,
    healing_states: HealingStates,
    timestamp: String,
}

#[derive(Serialize)]
struct HealingStates {
    memory_healing_ready: bool,
    cpu_healing_ready: bool,
    connection_healing_ready: bool,
    healing_history_cleared: bool,
}

/// The loop has forgotten its episodes when this answers, so all are ready.
pub(in crate::http) async fn reset(service: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    ask(&service, Command::Reset).await?;
    Ok(Answer::json(&HealingReset {
        status: "success",
        message: "Open episodes are forgotten; every fault can be healed again, as always",
        healing_states: HealingStates {
            memory_healing_ready: true,
            cpu_healing_ready: true,
            connection_healing_ready: true,
            healing_history_cleared: false,
        },
        timestamp: timestamp(unix_now()),
    }))
}

#[cfg(test)]
mod tests {
    use super::{Tally, effector};
    use crate::status::Verdict;

    #[test]
    fn strategies_are_named_by_their_effector() {
        assert_eq!(effector("(evict-cache sessions 0.5)"), "evict-cache");
        assert_eq!(effector("(release-free-memory)"), "release-free-memory");
    }

    #[test]
    fn success_is_of_what_was_judged() {
        let mut tally = Tally::default();
        tally.count(Verdict::Pending);
        tally.count(Verdict::Inconclusive);
        assert_eq!(tally.success_rate, None);
        tally.count(Verdict::Verified);
        tally.count(Verdict::Failed);
        assert_eq!((tally.actions, tally.success_rate), (4, Some(0.5)));
    }
}

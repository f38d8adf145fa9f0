//! Asking the rules: which episodes begin and end, what to do, what came of an
//! action, what is learned.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;
#[cfg(not(test))]
use std::sync::LazyLock;
use std::time::Duration;
#[cfg(not(test))]
use std::time::Instant;

use chimera::{Answer, Atom, Budget, Engine, Proof, Space};

use super::facts::Facts;
use crate::status::{Because, Mode, ModeRecord, Verdict};

/// Tests are not to fail on a busy machine.
const SECONDS_MIN: f64 = if cfg!(test) { 60.0 } else { 0.0 };

/// How the rules are asked: what one question may spend, and how much of an answer counts.
#[derive(Clone, Debug)]
pub(super) struct Asking {
    budget: Budget,
    /// Longest time that a verdict may be put off.
    verdict_seconds_max: f64,
    /// Changes and decisions taken from one tick; the rest is counted as misshapen.
    answers_max: usize,
}

impl Asking {
    pub(super) fn by(facts: &Facts) -> Asking {
        let seconds = facts.get("question-seconds").max(SECONDS_MIN);
        Asking {
            budget: Budget::default()
                .deadline(Duration::from_secs_f64(seconds))
                .reductions(facts.count("question-reductions") as u64)
                .depth(facts.count("question-depth"))
                .bytes(facts.count("question-mb") << 20),
            verdict_seconds_max: facts.get("verdict-seconds-max"),
            answers_max: facts.count("answers-max"),
        }
    }

    fn ask(&self, engine: &Engine, question: &Atom) -> Vec<Atom> {
        engine.snapshot().evaluate(question, &self.budget).atoms()
    }
}

/// `(act <fault> <call> <reason> (verdict-in <seconds>))`, with its proof; at its end
/// may stand `(by <rule> <strategy> <rung> <permission> <expected>)`.
pub(super) struct Decision {
    pub(super) fault: String,
    pub(super) call: Atom,
    pub(super) reason: String,
    pub(super) verdict_in: f64,
    pub(super) by: By,
    /// What led to it.
    pub(super) proof: Option<Proof>,
}

/// Which rule wants an action, as what, and whether it may.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct By {
    pub(super) rule: String,
    pub(super) strategy: String,
    pub(super) rung: u32,
    pub(super) permission: Permission,
    pub(super) expected: String,
}

/// Whether an action may be carried out.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Permission {
    Enforce,
    /// Only recorded.
    Shadow,
    /// Not now, and why.
    RefusedForNow(String),
    /// Not at all, and why: the next rung may.
    RefusedForGood(String),
}

impl Permission {
    pub(super) fn name(&self) -> &'static str {
        match self {
            Permission::Enforce => "enforce",
            Permission::Shadow => "shadow",
            Permission::RefusedForNow(_) | Permission::RefusedForGood(_) => "refused",
        }
    }
}

/// A change of an episode.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Transition {
    Detected {
        fault: String,
        strategy: String,
        metrics: Vec<String>,
        reason: String,
    },
    Recovered {
        fault: String,
        reason: String,
    },
    GivenUp {
        fault: String,
        reason: String,
    },
}

/// What `!(decide)` gave.
#[derive(Default)]
pub(super) struct Decisions {
    pub(super) decisions: Vec<Decision>,
    /// Results that are no `(act …)`, as printed.
    pub(super) misshapen: Vec<String>,
    pub(super) took: Duration,
}

fn question(name: &str, arguments: Vec<Atom>) -> Atom {
    super::atom(name, arguments)
}

/// Compiles what the rules are asked and what their ladders name, so that no tick has to
/// wait for that.
pub(super) fn prepare(engine: &Engine) {
    let then = engine.snapshot();
    then.prepare(&question("decide", Vec::new()), true);
    let some = |count: usize| vec![Atom::unit(); count];
    for (name, arguments) in [
        ("transitions", 0),
        ("classify", 1),
        ("kind-of", 1),
        ("judge", 3),
        ("learn", 4),
    ] {
        then.prepare(&question(name, some(arguments)), false);
    }
    // What facts say is called when an action is decided: nothing else names it.
    let named = |head: &str, arity: usize, place: usize| {
        let facts = facts(engine.self_space(), head, arity);
        facts
            .into_iter()
            .map(move |mut fact| fact.swap_remove(place))
    };
    for call in named("rung", 5, 3).chain(named("effect", 3, 2)) {
        then.prepare(&call, true);
    }
}

/// Evaluates `!(transitions)`: the changes, and results that are none, as printed.
pub(super) fn transitions(engine: &Engine, asking: &Asking) -> (Vec<Transition>, Vec<String>) {
    let asked = question("transitions", Vec::new());
    let mut found = Vec::new();
    let mut misshapen = Vec::new();
    for result in asking.ask(engine, &asked) {
        // Without a rule the question comes back: no episode begins or ends by itself.
        if result == asked {
            continue;
        }
        match transition(&result) {
            Some(transition) if found.len() < asking.answers_max => found.push(transition),
            _ => misshapen.push(result.to_string()),
        }
    }
    (found, misshapen)
}

fn transition(result: &Atom) -> Option<Transition> {
    let [enter, fault, state, rest @ ..] = result.as_expression()? else {
        return None;
    };
    if enter.as_symbol() != Some("enter") {
        return None;
    }
    let fault = fault.as_symbol()?.to_owned();
    match (state.as_symbol()?, rest) {
        ("detected", [strategy, seen]) => {
            let mut metrics: Vec<String> = Vec::new();
            let mut reason = None;
            for one in seen.as_expression()? {
                let [word, _rule, metric, because] = one.as_expression()? else {
                    return None;
                };
                if word.as_symbol() != Some("seen") {
                    return None;
                }
                let metric = metric.as_symbol()?.to_owned();
                if !metrics.contains(&metric) {
                    metrics.push(metric);
                }
                reason.get_or_insert_with(|| in_words(because));
            }
            Some(Transition::Detected {
                fault,
                strategy: strategy.as_symbol()?.to_owned(),
                metrics,
                reason: reason?,
            })
        }
        ("recovered", [reason]) => Some(Transition::Recovered {
            fault,
            reason: in_words(reason),
        }),
        ("given-up", [reason]) => Some(Transition::GivenUp {
            fault,
            reason: in_words(reason),
        }),
        _ => None,
    }
}

/// Evaluates `!(decide)`.
pub(super) fn decide(engine: &Engine, asking: &Asking) -> Decisions {
    let started = clock();
    let asked = question("decide", Vec::new());
    let answers = engine
        .snapshot()
        .evaluate_proving(&asked, &asking.budget)
        .results;
    let mut found = Decisions::default();
    for answer in answers {
        // Without a rule the question comes back: nothing is decided.
        if answer.atom == asked {
            continue;
        }
        match decision(&answer, asking) {
            Some(decision) if found.decisions.len() < asking.answers_max => {
                found.decisions.push(decision);
            }
            _ => found.misshapen.push(answer.atom.to_string()),
        }
    }
    found.took = clock().saturating_sub(started);
    found
}

/// Where a stretch of time begins or ends.
#[cfg(not(test))]
fn clock() -> Duration {
    static BEGAN: LazyLock<Instant> = LazyLock::new(Instant::now);
    BEGAN.elapsed()
}

/// In tests the CPU time of the thread: what else the machine does is not measured.
#[cfg(test)]
pub(super) fn clock() -> Duration {
    let time = rustix::time::clock_gettime(rustix::time::ClockId::ThreadCPUTime);
    Duration::new(
        u64::try_from(time.tv_sec).unwrap_or(0),
        u32::try_from(time.tv_nsec).unwrap_or(0),
    )
}

fn decision(answer: &Answer, asking: &Asking) -> Option<Decision> {
    let [act, fault, call, reason, verdict_in, rest @ ..] = answer.atom.as_expression()? else {
        return None;
    };
    if act.as_symbol() != Some("act") {
        return None;
    }
    let [verdict_word, seconds] = verdict_in.as_expression()? else {
        return None;
    };
    if verdict_word.as_symbol() != Some("verdict-in") {
        return None;
    }
    let verdict_in = seconds
        .as_f64()
        .filter(|seconds| (0.0..=asking.verdict_seconds_max).contains(seconds))?;
    call.as_expression()?;
    let by = match rest {
        [] => By {
            rule: String::new(),
            strategy: "none".to_owned(),
            rung: 0,
            permission: Permission::Enforce,
            expected: "unknown".to_owned(),
        },
        [by] => by_whom(by)?,
        _ => return None,
    };
    Some(Decision {
        fault: fault.as_symbol()?.to_owned(),
        call: call.clone(),
        reason: in_words(reason),
        verdict_in,
        by,
        proof: answer.proof.clone(),
    })
}

fn by_whom(by: &Atom) -> Option<By> {
    let [word, rule, strategy, rung, permission, expected] = by.as_expression()? else {
        return None;
    };
    if word.as_symbol() != Some("by") {
        return None;
    }
    let rung = rung
        .as_f64()
        .filter(|rung| rung.fract() == 0.0 && (0.0..=1000.0).contains(rung))?;
    let permission = match (permission.as_symbol(), permission.as_expression()) {
        (Some("enforce"), _) => Permission::Enforce,
        (Some("shadow"), _) => Permission::Shadow,
        (_, Some([refused, how, why])) if refused.as_symbol() == Some("refused") => {
            match how.as_symbol()? {
                "for-now" => Permission::RefusedForNow(in_words(why)),
                "for-good" => Permission::RefusedForGood(in_words(why)),
                _ => return None,
            }
        }
        _ => return None,
    };
    Some(By {
        rule: rule.as_symbol()?.to_owned(),
        strategy: strategy.as_symbol()?.to_owned(),
        rung: rung as u32,
        permission,
        expected: expected.as_symbol()?.to_owned(),
    })
}

/// A reason as people read it: `(because a is 1)` is `a is 1`, a string its text.
fn in_words(reason: &Atom) -> String {
    if let Some(text) = reason.as_text() {
        return text.to_owned();
    }
    match reason.as_expression() {
        Some([word, rest @ ..]) if word.as_symbol() == Some("because") => {
            let mut words = String::with_capacity(128);
            for atom in rest {
                if !words.is_empty() {
                    words.push(' ');
                }
                match (atom.as_symbol(), atom.as_text()) {
                    (Some(text), _) | (None, Some(text)) => words.push_str(text),
                    _ => write!(words, "{atom}").expect("strings take all writes"),
                }
            }
            words
        }
        _ => reason.to_string(),
    }
}

/// A proof as people read it.
pub(super) fn because(proof: &Proof) -> Vec<Because> {
    let place = |file: &Option<Arc<str>>, line: Option<u32>| match (file, line) {
        (Some(file), Some(line)) => Some(format!("{file}:{line}")),
        _ => None,
    };
    let rules = proof.rules().into_iter().map(|rule| Because {
        kind: "rule",
        text: rule.head.to_string(),
        place: place(&rule.file, rule.line),
        source: None,
    });
    let facts = proof.facts().into_iter().map(|fact| Because {
        kind: "fact",
        text: fact.atom.to_string(),
        place: place(&fact.file, fact.line),
        source: None,
    });
    let operations = proof.operations().into_iter().map(|name| Because {
        kind: "operation",
        text: name,
        place: None,
        source: None,
    });
    rules.chain(facts).chain(operations).collect()
}

/// The fault that `(classify <text>)` sees in the text of an event; the first if
/// there are several, `None` if there is none.
pub(super) fn classify(engine: &Engine, asking: &Asking, text: &str) -> Option<String> {
    asking
        .ask(engine, &question("classify", vec![Atom::string(text)]))
        .iter()
        .find_map(|result| result.as_symbol().map(str::to_owned))
}

/// The kinds that `(kind-of <text>)` counts the text of an event under.
pub(super) fn kinds_of(engine: &Engine, asking: &Asking, text: &str) -> Vec<String> {
    asking
        .ask(engine, &question("kind-of", vec![Atom::string(text)]))
        .iter()
        .filter_map(|result| result.as_symbol().map(str::to_owned))
        .collect()
}

/// What `(judge <id> <fault> <call>)` says of an action whose verdict is due.
///
/// # Errors
/// What it said, if that is no verdict.
pub(super) fn judge(
    engine: &Engine,
    asking: &Asking,
    id: u64,
    fault: &str,
    call: &Atom,
) -> Result<Verdict, String> {
    let id = Atom::integer(i64::try_from(id).unwrap_or(i64::MAX));
    let asked = question("judge", vec![id, Atom::symbol(fault), call.clone()]);
    let results = asking.ask(engine, &asked);
    match results.as_slice() {
        [result] => match result.as_symbol() {
            Some("verified") => Ok(Verdict::Verified),
            Some("failed") => Ok(Verdict::Failed),
            Some("inconclusive") => Ok(Verdict::Inconclusive),
            // No rule judges: nobody can say.
            _ if *result == asked => Ok(Verdict::Inconclusive),
            _ => Err(result.to_string()),
        },
        _ => Err(format!("{results:?}")),
    }
}

/// The weights that `(learn <fault> <strategy> <how> <seconds>)` gives: strategy, mean,
/// evidence.
pub(super) fn learn(
    engine: &Engine,
    asking: &Asking,
    fault: &str,
    strategy: &str,
    how: &str,
    seconds: f64,
) -> Vec<(String, f64, f64)> {
    let asked = question(
        "learn",
        vec![
            Atom::symbol(fault),
            Atom::symbol(strategy),
            Atom::symbol(how),
            Atom::float(seconds),
        ],
    );
    asking
        .ask(engine, &asked)
        .iter()
        .filter_map(|result| match result.as_expression()? {
            [word, of, strategy, mean, n]
                if word.as_symbol() == Some("weight") && of.as_symbol() == Some(fault) =>
            {
                let finite = |atom: &Atom| atom.as_f64().filter(|number| number.is_finite());
                Some((strategy.as_symbol()?.to_owned(), finite(mean)?, finite(n)?))
            }
            _ => None,
        })
        .collect()
}

/// The facts `(<head> …)` in `space`: their arguments.
pub(super) fn facts(space: &Space, head: &str, arity: usize) -> Vec<Vec<Atom>> {
    let mut pattern = vec![Atom::symbol(head)];
    pattern.extend((0..arity).map(|index| Atom::variable(&format!("x{index}"))));
    let pattern = Atom::expression(pattern);
    space
        .query(&pattern)
        .iter()
        .filter_map(|bindings| Some(bindings.apply(&pattern).as_expression()?[1..].to_vec()))
        .collect()
}

/// How far the budgets of the rules look back: the longest of their `(tokens <kind> <name>
/// <count> <seconds>)`.
pub(super) fn budgets_seconds(engine: &Engine) -> f64 {
    facts(engine.self_space(), "tokens", 4)
        .iter()
        .filter_map(|fact| fact[3].as_f64())
        .fold(0.0, f64::max)
}

/// The target that `(target <fault> <target>)` names; `self` without one.
pub(super) fn target(engine: &Engine, fault: &str) -> String {
    let named = facts(engine.self_space(), "target", 2)
        .into_iter()
        .find(|fact| fact[0].as_symbol() == Some(fault))
        .and_then(|fact| fact[1].as_symbol().map(str::to_owned));
    named.unwrap_or_else(|| "self".to_owned())
}

fn mode(atom: &Atom) -> Option<Mode> {
    match (atom.as_symbol(), atom.as_expression()) {
        (Some("enforce"), _) => Some(Mode::Enforce),
        (Some("shadow"), _) => Some(Mode::Shadow),
        (_, Some([word, percent])) if word.as_symbol() == Some("canary") => percent
            .as_f64()
            .filter(|percent| (0.0..=100.0).contains(percent))
            .map(Mode::Canary),
        _ => None,
    }
}

/// The modes that stand in the rules, those switched in `live` before them.
pub(super) fn modes(engine: &Engine, live: &Space) -> Vec<ModeRecord> {
    let mut modes: Vec<ModeRecord> = Vec::new();
    let written = facts(engine.self_space(), "mode", 3)
        .into_iter()
        .map(|fact| (fact, false));
    let switched = facts(live, "mode", 3).into_iter().map(|fact| (fact, true));
    for (fact, live) in written.chain(switched) {
        let (Some(fault), Some(rule), Some(mode)) =
            (fact[0].as_symbol(), fact[1].as_symbol(), mode(&fact[2]))
        else {
            continue;
        };
        modes.retain(|known| known.fault != fault || known.rule != rule || !live);
        modes.push(ModeRecord {
            fault: fault.to_owned(),
            rule: rule.to_owned(),
            mode,
            live,
        });
    }
    modes.sort_by(|a, b| (&a.fault, &a.rule).cmp(&(&b.fault, &b.rule)));
    modes
}

/// `(threshold <metric> <value>)` and the like: numbers by metric.
pub(super) fn numbers(engine: &Engine, fact: &str) -> BTreeMap<String, f64> {
    facts(engine.self_space(), fact, 2)
        .iter()
        .filter_map(|fact| Some((fact[0].as_symbol()?.to_owned(), fact[1].as_f64()?)))
        .collect()
}

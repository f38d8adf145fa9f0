//! Asking the rules: what to do, whether a fault is gone, what came of an action.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use chimera::{Answer, Atom, Budget, Engine};

use crate::status::{Because, Verdict};

/// What one question to the rules may spend.
const DEADLINE: Duration = Duration::from_millis(500);
const REDUCTIONS: u64 = 5_000_000;
const DEPTH: usize = 100_000;
const BYTES: usize = 64 << 20;
/// Longest time that a verdict may be put off.
const VERDICT_SECONDS_MAX: f64 = 3600.0;
/// Decisions taken from one tick; the rest is counted as misshapen.
const DECISIONS_MAX: usize = 64;

/// `(act <fault> <call> <reason> (verdict-in <seconds>))`, with its proof.
pub(super) struct Decision {
    pub(super) fault: String,
    pub(super) call: Atom,
    pub(super) reason: String,
    pub(super) verdict_in: f64,
    pub(super) because: Vec<Because>,
}

/// What `!(decide)` gave.
#[derive(Default)]
pub(super) struct Decisions {
    pub(super) decisions: Vec<Decision>,
    /// Results that are no `(act …)`, as printed.
    pub(super) misshapen: Vec<String>,
    pub(super) took: Duration,
}

fn budget() -> Budget {
    Budget::default()
        .deadline(DEADLINE)
        .reductions(REDUCTIONS)
        .depth(DEPTH)
        .bytes(BYTES)
}

/// Evaluates `!(decide)`.
pub(super) fn decide(engine: &Engine) -> Decisions {
    let started = Instant::now();
    let question = Atom::expression(vec![Atom::symbol("decide")]);
    let answers = engine
        .reader()
        .evaluate_proving(&question, &budget())
        .results;
    let mut found = Decisions::default();
    for answer in answers {
        // Without a rule the question comes back: nothing is decided.
        if answer.atom == question {
            continue;
        }
        match decision(&answer) {
            Some(decision) if found.decisions.len() < DECISIONS_MAX => {
                found.decisions.push(decision);
            }
            _ => found.misshapen.push(answer.atom.to_string()),
        }
    }
    found.took = started.elapsed();
    found
}

fn decision(answer: &Answer) -> Option<Decision> {
    let [act, fault, call, reason, verdict_in] = answer.atom.as_expression()? else {
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
        .filter(|seconds| (0.0..=VERDICT_SECONDS_MAX).contains(seconds))?;
    call.as_expression()?;
    Some(Decision {
        fault: fault.as_symbol()?.to_owned(),
        call: call.clone(),
        reason: in_words(reason),
        verdict_in,
        because: because(answer),
    })
}

/// A reason as people read it: `(because a is 1)` is `a is 1`, a string its text.
fn in_words(reason: &Atom) -> String {
    if let Some(text) = reason.as_text() {
        return text.to_owned();
    }
    match reason.as_expression() {
        Some([word, rest @ ..]) if word.as_symbol() == Some("because") => rest
            .iter()
            .map(|atom| {
                atom.as_text()
                    .map_or_else(|| atom.to_string(), str::to_owned)
            })
            .collect::<Vec<_>>()
            .join(" "),
        _ => reason.to_string(),
    }
}

fn because(answer: &Answer) -> Vec<Because> {
    let Some(proof) = &answer.proof else {
        return Vec::new();
    };
    let place = |file: &Option<String>, line: Option<u32>| match (file, line) {
        (Some(file), Some(line)) => Some(format!("{file}:{line}")),
        _ => None,
    };
    let rules = proof.rules.iter().map(|rule| Because {
        kind: "rule",
        text: rule.head.to_string(),
        place: place(&rule.file, rule.line),
    });
    let facts = proof.facts.iter().map(|fact| Because {
        kind: "fact",
        text: fact.atom.to_string(),
        place: place(&fact.file, fact.line),
    });
    let operations = proof.operations.iter().map(|name| Because {
        kind: "operation",
        text: name.clone(),
        place: None,
    });
    rules.chain(facts).chain(operations).collect()
}

/// Whether `(settled <fault>)` is True: its episode is over.
pub(super) fn is_settled(engine: &Engine, fault: &str) -> bool {
    let question = Atom::expression(vec![Atom::symbol("settled"), Atom::symbol(fault)]);
    let results = engine.reader().evaluate(&question, &budget()).atoms();
    !results.is_empty() && results.iter().all(|result| result.as_bool() == Some(true))
}

/// The fault that `(classify <text>)` sees in the text of an event; the first if
/// there are several, `None` if there is none.
pub(super) fn classify(engine: &Engine, text: &str) -> Option<String> {
    let question = Atom::expression(vec![Atom::symbol("classify"), Atom::string(text)]);
    let results = engine.reader().evaluate(&question, &budget()).atoms();
    results
        .iter()
        .find_map(|result| result.as_symbol().map(str::to_owned))
}

/// What `(judge <fault>)` says of an action whose verdict is due.
///
/// # Errors
/// What it said, if that is no verdict.
pub(super) fn judge(engine: &Engine, fault: &str) -> Result<Verdict, String> {
    let question = Atom::expression(vec![Atom::symbol("judge"), Atom::symbol(fault)]);
    let results = engine.reader().evaluate(&question, &budget()).atoms();
    match results.as_slice() {
        [result] => match result.as_symbol() {
            Some("verified") => Ok(Verdict::Verified),
            Some("failed") => Ok(Verdict::Failed),
            Some("inconclusive") => Ok(Verdict::Inconclusive),
            // No rule judges: nobody can say.
            _ if *result == question => Ok(Verdict::Inconclusive),
            _ => Err(result.to_string()),
        },
        _ => Err(format!("{results:?}")),
    }
}

/// `(threshold <metric> <value>)` and the like: numbers by metric.
pub(super) fn numbers(engine: &Engine, fact: &str) -> BTreeMap<String, f64> {
    let pattern = Atom::expression(vec![
        Atom::symbol(fact),
        Atom::variable("metric"),
        Atom::variable("value"),
    ]);
    let mut numbers = BTreeMap::new();
    for bindings in engine.self_space().query(&pattern) {
        let atom = bindings.apply(&pattern);
        if let Some([_, metric, value]) = atom.as_expression()
            && let (Some(metric), Some(value)) = (metric.as_symbol(), value.as_f64())
        {
            numbers.insert(metric.to_owned(), value);
        }
    }
    numbers
}

/// The seconds between ticks by `(sample-interval <seconds>)`, if they are sane.
pub(super) fn sample_interval(engine: &Engine) -> Option<f64> {
    let value = Atom::variable("seconds");
    let pattern = Atom::expression(vec![Atom::symbol("sample-interval"), value.clone()]);
    let found = engine.self_space().query(&pattern);
    let seconds = found.first()?.apply(&value).as_f64()?;
    (super::INTERVAL_MIN..=super::INTERVAL_MAX)
        .contains(&seconds)
        .then_some(seconds)
}

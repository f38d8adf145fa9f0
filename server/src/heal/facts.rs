//! Numbers that the server itself goes by: how much is kept, how long, how large. Each
//! stands once, as a fact `(<name> <number>)` of the rules. Where the rules in force have
//! none, what the shipped rules say holds: an empty rule file decides nothing, but
//! buffers keep their bounds.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use chimera::Engine;

use super::decision;
use super::rules;

/// The names, with the range in which each makes sense.
const KNOWN: [(&str, f64, f64); 53] = [
    ("sample-interval", super::INTERVAL_MIN, super::INTERVAL_MAX),
    ("keep-readings", 1.0, 100_000.0),
    ("keep-actions", 1.0, 10_000.0),
    ("keep-samples", 1.0, 10_000.0),
    ("keep-series-seconds", 10.0, 86_400.0),
    ("keep-events", 1.0, 10_000.0),
    ("posted-seconds", 1.0, 86_400.0),
    ("stale-seconds", 1.0, 86_400.0),
    ("request-window", 0.5, 3600.0),
    ("request-volume", 1.0, 1e9),
    ("request-window-max", 0.5, 3600.0),
    ("latency-confidence", 0.5, 0.999_999),
    ("event-window", 0.1, 3600.0),
    ("events-waiting", 1.0, 100_000.0),
    ("event-text", 10.0, 10_000.0),
    ("long-idle-seconds", 0.0, 3600.0),
    ("usual-deadline-ms", 1.0, 60_000.0),
    ("half-open-share", 0.001, 1.0),
    ("retry-share", 0.0, 1.0),
    ("retry-burst", 0.0, 10_000.0),
    ("retry-after-seconds", 1.0, 3600.0),
    ("connect-patience-ms", 1.0, 60_000.0),
    ("keep-spent-seconds", 1.0, 86_400.0),
    ("case-seconds", 0.0, 86_400.0),
    ("stale-intervals", 1.0, 1000.0),
    ("slowest-sampling", 1.0, 100.0),
    ("rescan-seconds", 0.1, 3600.0),
    ("effector-patience-ms", 0.0, 10_000.0),
    ("injected-seconds", 0.1, 3600.0),
    ("burst-requests", 1.0, 1000.0),
    ("stress-patience", 1.0, 600.0),
    ("stress-memory", 1.0, 10.0),
    ("stress-session-mb", 1.0, 1000.0),
    ("stress-threads", 1.0, 64.0),
    ("stress-connections", 1.0, 10.0),
    ("broken-connections", 0.0, 1.0),
    ("stress-failing", 0.0, 1.0),
    ("stress-reports", 1.0, 1000.0),
    ("cpu-window-ms", 10.0, 60_000.0),
    ("keep-series-points", 10.0, 100_000.0),
    ("keep-spent", 10.0, 100_000.0),
    ("posted-metrics", 1.0, 10_000.0),
    ("events-counted", 1.0, 1e6),
    ("question-seconds", 0.01, 10.0),
    ("question-reductions", 1000.0, 1e9),
    ("question-depth", 100.0, 1e7),
    ("question-mb", 1.0, 1024.0),
    ("verdict-seconds-max", 1.0, 86_400.0),
    ("answers-max", 1.0, 1000.0),
    ("loading-seconds", 0.1, 60.0),
    ("loading-reductions", 1000.0, 1e9),
    ("pool-connections", 1.0, 10_000.0),
    ("background-threads-max", 1.0, 1024.0),
];

/// The numbers in force.
#[derive(Clone, Debug, PartialEq)]
pub struct Facts(BTreeMap<&'static str, f64>);

/// What the shipped rules say.
static SHIPPED: LazyLock<BTreeMap<&'static str, f64>> = LazyLock::new(|| {
    let text = rules::shipped_facts();
    let said = |name: &str| {
        text.lines().find_map(|line| {
            let rest = line.strip_prefix('(')?.strip_prefix(name)?;
            rest.strip_prefix(' ')?.split(')').next()?.parse().ok()
        })
    };
    KNOWN
        .iter()
        .map(|(name, least, most)| {
            let number = said(name).filter(|number| (*least..=*most).contains(number));
            (*name, number.expect("the shipped rules have every number"))
        })
        .collect()
});

impl Default for Facts {
    /// What the shipped rules say.
    fn default() -> Facts {
        Facts(SHIPPED.clone())
    }
}

impl Facts {
    /// The numbers that the rules of `engine` say, and in words what they say that
    /// cannot be; there the shipped number holds.
    pub(super) fn of(engine: &Engine) -> (Facts, Vec<String>) {
        let mut facts = Facts::default();
        let mut wrong = Vec::new();
        for (name, least, most) in KNOWN {
            let Some(said) = decision::facts(engine.self_space(), name, 1).pop() else {
                continue;
            };
            match said[0].as_f64() {
                Some(number) if (least..=most).contains(&number) => {
                    facts.0.insert(name, number);
                }
                _ => {
                    let shipped = facts.get(name);
                    wrong.push(format!(
                        "({name} {}) must be a number from {least} to {most}; {shipped} holds instead",
                        said[0]
                    ));
                }
            }
        }
        (facts, wrong)
    }

    /// The number of this name.
    pub fn get(&self, name: &str) -> f64 {
        *self.0.get(name).expect("the name is one of those known")
    }

    /// The same as a number of things.
    pub fn count(&self, name: &str) -> usize {
        self.get(name) as usize
    }

    /// All of them, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, f64)> {
        self.0.iter().map(|(name, number)| (*name, *number))
    }
}

#[cfg(test)]
mod tests {
    use chimera::Engine;

    use super::{Facts, KNOWN};

    fn of(text: &str) -> (Facts, Vec<String>) {
        let mut engine = Engine::builder().build();
        engine.load(text, "facts").unwrap();
        Facts::of(&engine)
    }

    #[test]
    fn what_the_rules_do_not_say_the_shipped_ones_do() {
        let (facts, wrong) = of("(keep-actions 7)");
        assert_eq!((facts.get("keep-actions"), wrong.len()), (7.0, 0));
        let shipped = Facts::default();
        for (name, _, _) in KNOWN.iter().filter(|(name, _, _)| *name != "keep-actions") {
            assert_eq!(facts.get(name), shipped.get(name), "{name}");
        }
    }

    #[test]
    fn what_cannot_be_is_told_and_does_not_hold() {
        let (facts, wrong) = of("(keep-actions 0) (event-text long)");
        assert_eq!(facts, Facts::default());
        assert_eq!(wrong.len(), 2);
        assert!(
            wrong[0].starts_with("(keep-actions 0) must be a number from 1 to 10000"),
            "{wrong:?}"
        );
    }
}

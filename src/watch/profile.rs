//! What a watch has counted, and the table of it.

use std::fmt;
use std::time::Duration;

use crate::evaluate::RuleUse;

/// What evaluations spent, by rule; printed as a table, the most time first.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Each rule that was applied, the most time first.
    pub rules: Vec<RuleProfile>,
    /// Reductions outside all rules: in directives themselves.
    pub outside_reductions: u64,
    /// Time outside all rules.
    pub outside_time: Duration,
}

/// What one rule did. What the rules that it calls did is counted for them.
#[derive(Clone, Debug)]
pub struct RuleProfile {
    /// The rule and its place.
    pub rule: RuleUse,
    /// How often its head matched a call.
    pub calls: u64,
    /// How often its body came to an end with a result. A last call some million
    /// frames deep counts as an end.
    pub exits: u64,
    /// How often it left something to come back to: other rules for the same call, or
    /// other results inside its body.
    pub choices: u64,
    /// Reductions in its body.
    pub reductions: u64,
    /// Time in its body.
    pub time: Duration,
}

impl RuleProfile {
    pub(super) fn new(rule: RuleUse) -> RuleProfile {
        RuleProfile {
            rule,
            calls: 0,
            exits: 0,
            choices: 0,
            reductions: 0,
            time: Duration::ZERO,
        }
    }

    /// Where the rule was written.
    pub(super) fn place(&self) -> String {
        match (&self.rule.file, self.rule.line) {
            (Some(file), Some(line)) => format!("{file}:{line}"),
            (Some(file), None) => file.to_string(),
            (None, _) => "(added while running)".to_owned(),
        }
    }
}

impl Profile {
    pub(super) fn new(mut rules: Vec<RuleProfile>, outside: (u64, Duration)) -> Profile {
        rules.retain(|rule| rule.calls > 0);
        rules.sort_by(|one, other| {
            (other.time, other.reductions, other.calls).cmp(&(one.time, one.reductions, one.calls))
        });
        Profile {
            rules,
            outside_reductions: outside.0,
            outside_time: outside.1,
        }
    }

    /// All time that was counted.
    pub fn time(&self) -> Duration {
        self.outside_time + self.rules.iter().map(|rule| rule.time).sum::<Duration>()
    }
}

/// Longest head that the table shows.
const HEAD: usize = 60;

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let whole = self.time().as_secs_f64().max(f64::MIN_POSITIVE);
        let spent = |f: &mut fmt::Formatter<'_>, time: Duration| {
            let share = time.as_secs_f64() / whole * 100.0;
            write!(f, "{:>10.3} {share:>5.1}", time.as_secs_f64() * 1e3)
        };
        writeln!(
            f,
            "{:>10} {:>5} {:>12} {:>12} {:>12} {:>12}  rule",
            "ms", "%", "reductions", "calls", "exits", "choices"
        )?;
        for rule in &self.rules {
            spent(f, rule.time)?;
            let head = rule.rule.head.to_string();
            let head = match head.char_indices().nth(HEAD) {
                Some((end, _)) => format!("{}…", &head[..end]),
                None => head,
            };
            writeln!(
                f,
                " {:>12} {:>12} {:>12} {:>12}  {head}  {}",
                rule.reductions,
                rule.calls,
                rule.exits,
                rule.choices,
                rule.place()
            )?;
        }
        spent(f, self.outside_time)?;
        writeln!(
            f,
            " {:>12} {:>12} {:>12} {:>12}  outside all rules",
            self.outside_reductions, "", "", ""
        )
    }
}

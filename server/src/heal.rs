//! The healing loop: samples in, decisions by rules, actions out, verdicts.
//!
//! One task owns everything and goes straight through each tick (`tick`): a reading
//! becomes atoms (`spaces`, `series`), verdicts that are due are judged, the
//! rules begin and end episodes (`episodes`) and decide (`decision`), what passes the
//! envelope is carried out, and a new [`Status`](crate::status::Status) is published.
//! What happens in a tick without clock, sensors and effectors is `core`; `learned`
//! keeps the weights of strategies, `quotes` the rules as they are written, `census` how often each decided. `rules` and
//! `watch` bring in new generations of the rules between ticks.

/// Shortest time between ticks, in seconds.
pub const INTERVAL_MIN: f64 = 0.05;
/// Longest time between ticks, in seconds.
pub const INTERVAL_MAX: f64 = 3600.0;

/// What the rules call the server's spaces by.
pub const SPACES: [&str; 6] = [
    "&episodes",
    "&events",
    "&limits",
    "&modes",
    "&samples",
    "&weights",
];

mod census;
mod core;
mod decision;
mod episodes;
mod facts;
mod history;
mod learned;
#[cfg(test)]
mod learning;
#[cfg(test)]
mod long;
mod quotes;
mod rules;
#[cfg(test)]
mod scenarios;
mod series;
#[cfg(test)]
mod shipped_rules;
#[cfg(test)]
mod single_facts;
mod spaces;
#[cfg(test)]
mod speed;
mod tick;
mod told;
#[cfg(test)]
mod virtual_time;
mod watch;

pub use facts::Facts;
pub use learned::LearnedError;
pub use rules::RuleSource;
pub use tick::{Healer, HealerError, Settings};

/// `(head argument …)`.
fn atom(head: &str, arguments: Vec<chimera::Atom>) -> chimera::Atom {
    let mut children = vec![chimera::Atom::symbol(head)];
    children.extend(arguments);
    chimera::Atom::expression(children)
}

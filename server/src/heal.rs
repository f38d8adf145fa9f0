//! The healing loop: samples in, decisions by rules, actions out, verdicts.
//!
//! One task owns everything and goes straight through each tick: a reading
//! becomes atoms (`spaces`, `series`), verdicts that are due are judged, the
//! rules decide (`decision`), what passes the envelope is carried out, and a
//! new [`Status`](crate::status::Status) is published (`tick`). `rules` and
//! `watch` bring in new generations of the rules between ticks.

/// Shortest time between ticks, in seconds.
pub const INTERVAL_MIN: f64 = 0.05;
/// Longest time between ticks, in seconds.
pub const INTERVAL_MAX: f64 = 3600.0;

mod decision;
mod rules;
mod series;
#[cfg(test)]
mod shipped_rules;
mod spaces;
mod tick;
mod watch;

pub use rules::RuleSource;
pub use tick::{Healer, HealerError, Settings};

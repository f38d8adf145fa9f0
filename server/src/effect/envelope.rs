//! The envelope: limits on actions that rules can see and never change.

use chimera::Atom;
use std::collections::{HashMap, VecDeque};

use super::action::{Action, SPECS};

const MINUTE: f64 = 60.0;

/// What an effector may do at most.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Limit {
    /// Calls in any 60 seconds.
    pub per_minute: usize,
    /// The largest share that it may be called with.
    pub share_max: f64,
}

/// An action that the envelope let through. Only [`Envelope::admit`] makes one,
/// and it is not `Clone`: no effector runs without its limits checked, or twice.
#[derive(Debug)]
pub struct Admitted(Action);

impl Admitted {
    /// What was let through.
    pub fn action(&self) -> &Action {
        &self.0
    }

    pub(super) fn into_action(self) -> Action {
        self.0
    }
}

/// Why an action was not let through.
#[derive(Clone, Debug, PartialEq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// It was called too often.
    #[error("{effector} may be called {per_minute} times a minute")]
    Rate {
        /// The effector.
        effector: &'static str,
        /// Its limit.
        per_minute: usize,
    },
    /// It reaches too far.
    #[error("{effector} may be called with a share of at most {share_max}")]
    Share {
        /// The effector.
        effector: &'static str,
        /// Its limit.
        share_max: f64,
    },
}

/// Holds every action against its effector's limit.
pub struct Envelope {
    limits: HashMap<&'static str, Limit>,
    admitted: HashMap<&'static str, VecDeque<f64>>,
}

impl Default for Envelope {
    /// The limits that the server starts with.
    fn default() -> Envelope {
        let limits = SPECS.iter().map(|spec| {
            let per_minute = match spec.name {
                "duty-cycle" | "lift-throttle" | "degrade" | "breaker" | "deadline" | "retry"
                | "shed" | "limit-requests" | "slow-sampling" => 30,
                _ => 12,
            };
            (
                spec.name,
                Limit {
                    per_minute,
                    share_max: 1.0,
                },
            )
        });
        Envelope::new(limits.collect())
    }
}

impl Envelope {
    /// An envelope of these limits; an effector without one has none.
    pub fn new(limits: HashMap<&'static str, Limit>) -> Envelope {
        Envelope {
            limits,
            admitted: HashMap::new(),
        }
    }

    /// An envelope that lets everything through, for scenarios.
    #[cfg(test)]
    pub(crate) fn unlimited() -> Envelope {
        Envelope::new(HashMap::new())
    }

    /// The limits as rules see them: `(limit <effector> per-minute <n>)` and
    /// `(limit <effector> share-max <share>)`.
    pub fn atoms(&self) -> Vec<Atom> {
        let mut atoms = Vec::new();
        for spec in SPECS {
            if let Some(limit) = self.limits.get(spec.name) {
                for (what, value) in [
                    ("per-minute", Atom::integer(limit.per_minute as i64)),
                    ("share-max", Atom::float(limit.share_max)),
                ] {
                    atoms.push(Atom::expression(vec![
                        Atom::symbol("limit"),
                        Atom::symbol(spec.name),
                        Atom::symbol(what),
                        value,
                    ]));
                }
            }
        }
        atoms
    }

    /// Lets `action` through at `seconds`, or says why not. An action let through
    /// counts against its rate.
    ///
    /// # Errors
    /// If a limit stands against it.
    pub fn admit(&mut self, action: Action, seconds: f64) -> Result<Admitted, Refusal> {
        let effector = action.effector();
        let Some(limit) = self.limits.get(effector) else {
            return Ok(Admitted(action));
        };
        match &action {
            Action::EvictSessions(share) if share.get() > limit.share_max => {
                return Err(Refusal::Share {
                    effector,
                    share_max: limit.share_max,
                });
            }
            Action::EvictSessions(_)
            | Action::ReleaseFreeMemory
            | Action::DutyCycleBackground(_)
            | Action::LiftBackgroundThrottle
            | Action::CancelBackground
            | Action::TrimHistory(_)
            | Action::SlowSampling(_)
            | Action::Shed(_)
            | Action::LimitRequests(_)
            | Action::CloseIdle(_)
            | Action::CloseIdleInbound(_)
            | Action::RecreatePool
            | Action::Degrade(_)
            | Action::Breaker(_)
            | Action::Deadline(_)
            | Action::Retry(_)
            | Action::Alert(_) => {}
        }
        let calls = self.admitted.entry(effector).or_default();
        while calls.front().is_some_and(|at| seconds - at >= MINUTE) {
            calls.pop_front();
        }
        if calls.len() >= limit.per_minute {
            return Err(Refusal::Rate {
                effector,
                per_minute: limit.per_minute,
            });
        }
        calls.push_back(seconds);
        Ok(Admitted(action))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Envelope, Limit, Refusal};
    use crate::effect::Action;
    use crate::work::Ratio;

    #[test]
    fn the_rate_is_a_sliding_minute() {
        let limit = Limit {
            per_minute: 2,
            share_max: 1.0,
        };
        let mut envelope = Envelope::new(HashMap::from([("cancel", limit)]));
        assert!(envelope.admit(Action::CancelBackground, 0.0).is_ok());
        assert!(envelope.admit(Action::CancelBackground, 30.0).is_ok());
        assert!(envelope.admit(Action::CancelBackground, 59.0).is_err());
        assert!(envelope.admit(Action::CancelBackground, 60.0).is_ok());
        assert!(envelope.admit(Action::CancelBackground, 61.0).is_err());
    }

    #[test]
    fn a_share_over_the_limit_is_refused_and_does_not_count() {
        let limit = Limit {
            per_minute: 1,
            share_max: 0.5,
        };
        let mut envelope = Envelope::new(HashMap::from([("evict-cache", limit)]));
        let now = 7.0;
        let refused = envelope.admit(Action::EvictSessions(Ratio::FULL), now);
        assert!(matches!(refused, Err(Refusal::Share { .. })));
        let half = Action::EvictSessions(Ratio::new(0.5).unwrap());
        assert!(envelope.admit(half, now).is_ok());
    }
}

//! The envelope: limits on actions that rules can see and never change.

use chimera::Atom;
use std::collections::{HashMap, VecDeque};

use super::action::Action;
use super::specs::SPECS;
use crate::outside::Deed;

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
    /// The configuration does not grant it.
    #[error("{effector} {name} is not granted by the configuration; granted are {granted}")]
    NotGranted {
        /// The effector.
        effector: &'static str,
        /// What it was to be called with.
        name: String,
        /// What it may be called with.
        granted: String,
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
    /// What may be done to other programs: effector, name, times a minute.
    grants: Vec<(&'static str, String, usize)>,
    /// When each effector, and each grant of one, was let through.
    admitted: HashMap<(&'static str, String), VecDeque<f64>>,
}

impl Envelope {
    /// An envelope of these limits; an effector without one has none.
    pub fn new(limits: HashMap<&'static str, Limit>) -> Envelope {
        Envelope {
            limits,
            grants: Vec::new(),
            admitted: HashMap::new(),
        }
    }

    /// The same, with what may be done to other programs.
    #[must_use]
    pub fn with_grants(mut self, grants: Vec<(&'static str, String, usize)>) -> Envelope {
        self.grants = grants;
        self
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
        for (effector, name, per_minute) in &self.grants {
            let mut children = vec![Atom::symbol("limit"), Atom::symbol(effector)];
            children.extend(name.split(' ').map(Atom::symbol));
            children.push(Atom::symbol("per-minute"));
            children.push(Atom::integer(*per_minute as i64));
            atoms.push(Atom::expression(children));
        }
        atoms
    }

    /// How often what an action does to another program may be done.
    fn granted(&self, effector: &'static str, deed: &Deed) -> Result<(String, usize), Refusal> {
        let name = match deed {
            Deed::Run(name) | Deed::Request(name) | Deed::Notify(name, _) => name.clone(),
            Deed::Signal(name, signal) => format!("{name} {signal}"),
        };
        let mut of_effector = self.grants.iter().filter(|grant| grant.0 == effector);
        match of_effector.clone().find(|grant| grant.1 == name) {
            Some(grant) => Ok((name, grant.2)),
            None => {
                let granted: Vec<&str> = of_effector.by_ref().map(|grant| &*grant.1).collect();
                Err(Refusal::NotGranted {
                    effector,
                    name,
                    granted: if granted.is_empty() {
                        "none".to_owned()
                    } else {
                        granted.join(", ")
                    },
                })
            }
        }
    }

    /// Lets `action` through at `seconds`, or says why not. An action let through
    /// counts against its rate.
    ///
    /// # Errors
    /// If a limit stands against it.
    pub fn admit(&mut self, action: Action, seconds: f64) -> Result<Admitted, Refusal> {
        let effector = action.effector();
        let mut keys = Vec::new();
        if let Action::Outside(deed) = &action {
            let (name, per_minute) = self.granted(effector, deed)?;
            keys.push(((effector, name), per_minute));
        }
        if let Some(limit) = self.limits.get(effector) {
            if let Action::EvictSessions(share)
            | Action::TrimHistory(share)
            | Action::Reclaim(_, share)
            | Action::CancelBackground(share)
            | Action::SlowSampling(share)
            | Action::Shed(share) = &action
                && share.get() > limit.share_max
            {
                return Err(Refusal::Share {
                    effector,
                    share_max: limit.share_max,
                });
            }
            keys.push(((effector, String::new()), limit.per_minute));
        }
        for (key, per_minute) in &keys {
            let calls = self.admitted.entry(key.clone()).or_default();
            while calls.front().is_some_and(|at| seconds - at >= MINUTE) {
                calls.pop_front();
            }
            if calls.len() >= *per_minute {
                return Err(Refusal::Rate {
                    effector,
                    per_minute: *per_minute,
                });
            }
        }
        for (key, _) in keys {
            self.admitted.entry(key).or_default().push_back(seconds);
        }
        Ok(Admitted(action))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::{Envelope, Limit, Refusal};
    use crate::effect::Action;
    use crate::outside::Deed;
    use crate::work::Ratio;

    #[test]
    fn the_rate_is_a_sliding_minute() {
        let limit = Limit {
            per_minute: 2,
            share_max: 1.0,
        };
        let mut envelope = Envelope::new(HashMap::from([("cancel", limit)]));
        let mut may = |now| {
            let cancel = Action::CancelBackground(Ratio::FULL);
            envelope.admit(cancel, now).is_ok()
        };
        assert!(may(0.0));
        assert!(may(30.0));
        assert!(!may(59.0));
        assert!(may(60.0));
        assert!(!may(61.0));
    }

    #[test]
    fn other_programs_are_touched_only_as_granted() {
        let grants = vec![
            ("run-command", "restart".to_owned(), 1),
            ("signal-process", "worker TERM".to_owned(), 5),
        ];
        let mut envelope = Envelope::new(HashMap::new()).with_grants(grants);
        let run = |name: &str| Action::Outside(Deed::Run(name.to_owned()));
        assert!(envelope.admit(run("restart"), 0.0).is_ok());
        let often = envelope.admit(run("restart"), 1.0);
        assert!(matches!(often, Err(Refusal::Rate { per_minute: 1, .. })));
        let refused = envelope.admit(run("rm"), 1.0).unwrap_err();
        assert_eq!(
            refused.to_string(),
            "run-command rm is not granted by the configuration; granted are restart"
        );
        let signal =
            |name: &str| Action::Outside(Deed::Signal("worker".to_owned(), name.to_owned()));
        assert!(envelope.admit(signal("TERM"), 0.0).is_ok());
        assert!(envelope.admit(signal("KILL"), 0.0).is_err());
        let atoms: Vec<String> = envelope.atoms().iter().map(ToString::to_string).collect();
        assert!(atoms.contains(&"(limit signal-process worker TERM per-minute 5)".to_owned()));
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

//! The effectors that rules can call, and reading a call of one from its atom.

use std::collections::BTreeMap;

use chimera::Atom;

use super::specs::{Parameter, SPECS, Spec};
use crate::outside::Deed;
use crate::work::{Breaker, Ratio};

/// A call of an effector with checked arguments.
#[derive(Clone, Debug, PartialEq)]
pub enum Action {
    /// `(evict-cache sessions <share>)`
    EvictSessions(Ratio),
    /// `(release-free-memory)`
    ReleaseFreeMemory,
    /// `(duty-cycle background <share>)`
    DutyCycleBackground(Ratio),
    /// `(lift-throttle background)`
    LiftBackgroundThrottle,
    /// `(cancel background <share>)`
    CancelBackground(Ratio),
    /// `(reclaim <resource> <share>)`
    Reclaim(&'static str, Ratio),
    /// `(trim-history <share>)`
    TrimHistory(Ratio),
    /// `(slow-sampling self <share>)`
    SlowSampling(Ratio),
    /// `(shed requests <share>)`
    Shed(Ratio),
    /// `(limit-requests requests <count>)`
    LimitRequests(u32),
    /// `(close-idle upstream <keep>)`
    CloseIdle(u32),
    /// `(close-inbound <keep> <seconds>)`
    CloseInbound {
        /// How many of them are left.
        keep: u32,
        /// For how long one must have been idle.
        idle_seconds: u32,
    },
    /// `(recreate-pool upstream)`
    RecreatePool,
    /// `(degrade requests <level>)`
    Degrade(u32),
    /// `(breaker upstream closed|half-open|open)`
    Breaker(Breaker),
    /// `(probe upstream <times>)`
    Probe(u32),
    /// `(deadline upstream <milliseconds>)`
    Deadline(u32),
    /// `(retry upstream <times>)`
    Retry(u32),
    /// `(run-command <name>)` and what else is done to other programs.
    Outside(Deed),
    /// `(alert <text>)`
    Alert(String),
}

/// Why an atom calls no effector.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// It is no expression with a name first.
    #[error("{0} is no call of an effector; write (<effector> <argument> …)")]
    NoCall(String),
    /// There is no such effector.
    #[error("there is no effector {name}; there are {known}")]
    Unknown {
        /// The name.
        name: String,
        /// The names of all.
        known: String,
    },
    /// It takes another number of arguments.
    #[error("{name} takes {expected} arguments, not {found}")]
    Arity {
        /// The effector.
        name: &'static str,
        /// How many it takes.
        expected: usize,
        /// How many there are.
        found: usize,
    },
    /// An argument is of the wrong kind.
    #[error("argument {position} of {name} must be {expected}, not {found}")]
    Argument {
        /// The effector.
        name: &'static str,
        /// From 1.
        position: usize,
        /// What it must be.
        expected: String,
        /// What it is.
        found: String,
    },
}

impl Spec {
    fn argument_error(&self, index: usize, expected: &str, found: &Atom) -> CallError {
        CallError::Argument {
            name: self.name,
            position: index + 1,
            expected: expected.to_owned(),
            found: found.to_string(),
        }
    }
}

impl Action {
    /// Reads the call of an effector.
    ///
    /// # Errors
    /// If there is no such effector or its arguments are not what it takes.
    pub fn from_atom(atom: &Atom) -> Result<Action, CallError> {
        let no_call = || CallError::NoCall(atom.to_string());
        let (head, arguments) = atom
            .as_expression()
            .and_then(<[Atom]>::split_first)
            .ok_or_else(no_call)?;
        let name = head.as_symbol().ok_or_else(no_call)?;
        let spec =
            SPECS
                .iter()
                .find(|spec| spec.name == name)
                .ok_or_else(|| CallError::Unknown {
                    name: name.to_owned(),
                    known: SPECS
                        .iter()
                        .map(|spec| spec.name)
                        .collect::<Vec<_>>()
                        .join(", "),
                })?;
        if arguments.len() != spec.parameters.len() {
            return Err(CallError::Arity {
                name: spec.name,
                expected: spec.parameters.len(),
                found: arguments.len(),
            });
        }
        let mut share = Ratio::FULL;
        let (mut first_count, mut count) = (0, 0);
        let mut named = "";
        let mut text = String::new();
        let mut granted: Vec<String> = Vec::new();
        for (index, (parameter, argument)) in spec.parameters.iter().zip(arguments).enumerate() {
            match parameter {
                Parameter::Name(names) => {
                    named = argument
                        .as_symbol()
                        .and_then(|name| names.iter().find(|known| **known == name))
                        .ok_or_else(|| {
                            let expected = format!("one of {}", names.join(", "));
                            spec.argument_error(index, &expected, argument)
                        })?;
                }
                Parameter::Count(most) => {
                    first_count = count;
                    count = argument
                        .as_f64()
                        .filter(|number| {
                            number.fract() == 0.0 && (0.0..=f64::from(*most)).contains(number)
                        })
                        .ok_or_else(|| {
                            let expected = format!("a whole number from 0 to {most}");
                            spec.argument_error(index, &expected, argument)
                        })? as u32;
                }
                Parameter::Share => {
                    share = argument
                        .as_number()
                        .and_then(|number| Ratio::new(number.to_f64()))
                        .ok_or_else(|| {
                            spec.argument_error(index, "a number from 0 to 1", argument)
                        })?;
                }
                Parameter::Granted => {
                    let name = argument.as_symbol().ok_or_else(|| {
                        spec.argument_error(index, "a name from the configuration", argument)
                    })?;
                    granted.push(name.to_owned());
                }
                Parameter::Text => {
                    text = argument
                        .as_text()
                        .map_or_else(|| argument.to_string(), ToOwned::to_owned);
                }
            }
        }
        let mut granted = granted.into_iter();
        let mut next = || granted.next().expect("the parameters are counted");
        Ok(match spec.name {
            "run-command" => Action::Outside(Deed::Run(next())),
            "signal-process" => Action::Outside(Deed::Signal(next(), next())),
            "http-request" => Action::Outside(Deed::Request(next())),
            "notify" => Action::Outside(Deed::Notify(next(), text)),
            "evict-cache" => Action::EvictSessions(share),
            "release-free-memory" => Action::ReleaseFreeMemory,
            "duty-cycle" => Action::DutyCycleBackground(share),
            "lift-throttle" => Action::LiftBackgroundThrottle,
            "cancel" => Action::CancelBackground(share),
            "reclaim" => Action::Reclaim(named, share),
            "trim-history" => Action::TrimHistory(share),
            "slow-sampling" => Action::SlowSampling(share),
            "shed" => Action::Shed(share),
            "limit-requests" => Action::LimitRequests(count),
            "close-inbound" => Action::CloseInbound {
                keep: first_count,
                idle_seconds: count,
            },
            "close-idle" => Action::CloseIdle(count),
            "recreate-pool" => Action::RecreatePool,
            "degrade" => Action::Degrade(count),
            "breaker" => {
                Action::Breaker(Breaker::of_name(named).expect("the parameter allows its names"))
            }
            "probe" => Action::Probe(count),
            "deadline" => Action::Deadline(count),
            "retry" => Action::Retry(count),
            "alert" => Action::Alert(text),
            other => unreachable!("{other} stands in SPECS"),
        })
    }

    /// The name of the effector.
    pub fn effector(&self) -> &'static str {
        match self {
            Action::EvictSessions(_) => "evict-cache",
            Action::ReleaseFreeMemory => "release-free-memory",
            Action::DutyCycleBackground(_) => "duty-cycle",
            Action::LiftBackgroundThrottle => "lift-throttle",
            Action::CancelBackground(_) => "cancel",
            Action::Reclaim(..) => "reclaim",
            Action::TrimHistory(_) => "trim-history",
            Action::SlowSampling(_) => "slow-sampling",
            Action::Shed(_) => "shed",
            Action::LimitRequests(_) => "limit-requests",
            Action::CloseIdle(_) => "close-idle",
            Action::CloseInbound { .. } => "close-inbound",
            Action::RecreatePool => "recreate-pool",
            Action::Degrade(_) => "degrade",
            Action::Breaker(_) => "breaker",
            Action::Probe(_) => "probe",
            Action::Deadline(_) => "deadline",
            Action::Retry(_) => "retry",
            Action::Outside(Deed::Run(_)) => "run-command",
            Action::Outside(Deed::Signal(..)) => "signal-process",
            Action::Outside(Deed::Request(_)) => "http-request",
            Action::Outside(Deed::Notify(..)) => "notify",
            Action::Alert(_) => "alert",
        }
    }

    /// The call that would set back what this one changes, by the settings as they are
    /// in `metrics`; `None` if nothing can or the settings are not known.
    pub fn undo(&self, metrics: &BTreeMap<String, f64>) -> Option<Atom> {
        let now = |metric: &str| metrics.get(metric).copied();
        let whole = |number: f64| Atom::integer(number.round() as i64);
        let (target, setting) = match self {
            Action::DutyCycleBackground(_) => ("background", Atom::float(now("background-duty")?)),
            Action::SlowSampling(_) => ("self", Atom::float(now("sampling-intensity")?)),
            Action::Shed(_) => ("requests", Atom::float(now("shed-share")?)),
            Action::LimitRequests(_) => ("requests", whole(now("request-limit")?)),
            Action::Degrade(_) => ("requests", whole(now("degradation-level")?)),
            Action::Deadline(_) => ("upstream", whole(now("upstream-deadline-ms")?)),
            Action::Retry(_) => ("upstream", whole(now("upstream-retries")?)),
            Action::Breaker(_) => {
                let state = match now("breaker-open")? {
                    0.0 => "closed",
                    1.0 => "open",
                    _ => "half-open",
                };
                ("upstream", Atom::symbol(state))
            }
            Action::EvictSessions(_)
            | Action::ReleaseFreeMemory
            | Action::LiftBackgroundThrottle
            | Action::CancelBackground(_)
            | Action::Reclaim(..)
            | Action::TrimHistory(_)
            | Action::Probe(_)
            | Action::CloseIdle(_)
            | Action::CloseInbound { .. }
            | Action::RecreatePool
            | Action::Outside(_)
            | Action::Alert(_) => return None,
        };
        Some(Atom::expression(vec![
            Atom::symbol(self.effector()),
            Atom::symbol(target),
            setting,
        ]))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use chimera::Engine;

    use super::super::specs::SPECS;
    use super::Action;
    use crate::work::Ratio;

    #[track_caller]
    fn check(call: &str, expected: Result<Action, &str>) {
        let atom = Engine::builder().build().parse(call).unwrap();
        let found = Action::from_atom(&atom).map_err(|error| error.to_string());
        assert_eq!(found, expected.map_err(ToOwned::to_owned));
    }

    #[test]
    fn calls_are_checked_argument_by_argument() {
        let half = Ratio::new(0.5).unwrap();
        check(
            "(evict-cache sessions 0.5)",
            Ok(Action::EvictSessions(half)),
        );
        check(
            "(cancel background 0.5)",
            Ok(Action::CancelBackground(half)),
        );
        check(
            "(alert \"no rung left\")",
            Ok(Action::Alert("no rung left".to_owned())),
        );
        check(
            "(evict-cache sessions 2)",
            Err("argument 2 of evict-cache must be a number from 0 to 1, not 2"),
        );
        check(
            "(evict-cache pages 1)",
            Err("argument 1 of evict-cache must be one of sessions, not pages"),
        );
        check(
            "(degrade requests 4)",
            Err("argument 2 of degrade must be a whole number from 0 to 3, not 4"),
        );
        check(
            "(cancel background)",
            Err("cancel takes 2 arguments, not 1"),
        );
        check(
            "cancel",
            Err("cancel is no call of an effector; write (<effector> <argument> …)"),
        );
        check(
            "(reboot)",
            Err(
                "there is no effector reboot; there are evict-cache, release-free-memory, \
                 reclaim, trim-history, slow-sampling, shed, limit-requests, duty-cycle, lift-throttle, \
                 cancel, close-idle, close-inbound, recreate-pool, degrade, breaker, probe, deadline, retry, \
                 run-command, signal-process, http-request, notify, alert",
            ),
        );
    }

    #[track_caller]
    fn check_undo(call: &str, metric: &str, value: f64, expected: Option<&str>) {
        let atom = Engine::builder().build().parse(call).unwrap();
        let metrics = BTreeMap::from([(metric.to_owned(), value)]);
        let undo = Action::from_atom(&atom).unwrap().undo(&metrics);
        assert_eq!(undo.map(|undo| undo.to_string()).as_deref(), expected);
        if let Some(undo) = expected {
            let undo = Engine::builder().build().parse(undo).unwrap();
            assert!(Action::from_atom(&undo).is_ok());
        }
    }

    #[test]
    fn what_can_be_taken_back_is_taken_back_to_what_was() {
        let call = "(duty-cycle background 0.1)";
        let back = "(duty-cycle background 0.5)";
        check_undo(call, "background-duty", 0.5, Some(back));
        check_undo(call, "other", 0.5, None);
        let call = "(breaker upstream open)";
        let back = "(breaker upstream half-open)";
        check_undo(call, "breaker-open", 0.5, Some(back));
        let back = "(deadline upstream 3000)";
        check_undo(
            "(deadline upstream 9)",
            "upstream-deadline-ms",
            3000.0,
            Some(back),
        );
        check_undo("(cancel background 1)", "background-threads", 4.0, None);
    }

    #[test]
    fn every_effector_can_be_called_as_its_usage_says() {
        let engine = Engine::builder().build();
        for spec in SPECS {
            let call = spec
                .usage()
                .replace("<share>", "0.5")
                .replace("<text>", "\"t\"")
                .replace("<granted>", "worker")
                .replace("closed|half-open|open", "half-open")
                .replace("sessions|history|events|buffers|allocator", "history")
                .replace("<0–20>", "3")
                .replace("<0–100000>", "7")
                .replace("<0–1000>", "7")
                .replace("<0–3600>", "7")
                .replace("<0–3>", "2")
                .replace("<0–60000>", "1500");
            let action = Action::from_atom(&engine.parse(&call).unwrap()).unwrap();
            assert_eq!(action.effector(), spec.name);
        }
    }
}

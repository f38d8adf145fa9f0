//! The effectors that rules can call, and reading a call of one from its atom.

use chimera::Atom;

use crate::work::{Breaker, Ratio};

/// What an effector is, for the rules' author.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The name that calls it.
    pub name: &'static str,
    /// Its parameters in order.
    pub parameters: &'static [Parameter],
    /// What it does.
    pub description: &'static str,
    /// How far it reaches: so far always this process.
    pub scope: &'static str,
    /// Whether it can be undone, and by which effector.
    pub compensator: Option<&'static str>,
}

/// One parameter of an effector.
#[derive(Clone, Copy, Debug)]
pub enum Parameter {
    /// One of these names.
    Name(&'static [&'static str]),
    /// A share, `0` to `1`.
    Share,
    /// A whole number from 0 to this.
    Count(u32),
    /// A string, or a word.
    Text,
}

/// Every effector, in the order of the documentation.
pub const SPECS: &[Spec] = &[
    Spec {
        name: "evict-cache",
        parameters: &[Parameter::Name(&["sessions"]), Parameter::Share],
        description: "takes out the oldest sessions until the share of the cache's bytes is gone, \
                      and returns the pages to the system",
        scope: "node",
        compensator: None,
    },
    Spec {
        name: "release-free-memory",
        parameters: &[],
        description: "returns pages that hold nothing live to the system",
        scope: "node",
        compensator: None,
    },
    Spec {
        name: "duty-cycle",
        parameters: &[Parameter::Name(&["background"]), Parameter::Share],
        description: "lets background threads run for the share of the time",
        scope: "node",
        compensator: Some("lift-throttle"),
    },
    Spec {
        name: "lift-throttle",
        parameters: &[Parameter::Name(&["background"])],
        description: "lets background threads run all the time again",
        scope: "node",
        compensator: None,
    },
    Spec {
        name: "cancel",
        parameters: &[Parameter::Name(&["background"])],
        description: "ends all background work",
        scope: "node",
        compensator: None,
    },
    Spec {
        name: "close-idle",
        parameters: &[Parameter::Name(&["upstream"]), Parameter::Count(1000)],
        description: "closes idle connections of the pool, the broken first and then the oldest, \
                      until the number is left; those in use are not touched",
        scope: "target",
        compensator: None,
    },
    Spec {
        name: "recreate-pool",
        parameters: &[Parameter::Name(&["upstream"])],
        description: "closes all idle connections of the pool; those in use when they come back",
        scope: "target",
        compensator: None,
    },
    Spec {
        name: "degrade",
        parameters: &[Parameter::Name(&["requests"]), Parameter::Count(3)],
        description: "sets the degradation level: 0 as it is, 1 older answers stand in for failed \
                      ones, 2 the same without asking upstream, 3 refuse",
        scope: "node",
        compensator: Some("degrade"),
    },
    Spec {
        name: "breaker",
        parameters: &[
            Parameter::Name(&["upstream"]),
            Parameter::Name(&["closed", "half-open", "open"]),
        ],
        description: "sets the circuit breaker before the upstream service",
        scope: "target",
        compensator: Some("breaker"),
    },
    Spec {
        name: "deadline",
        parameters: &[Parameter::Name(&["upstream"]), Parameter::Count(60_000)],
        description: "sets how many milliseconds a call of the upstream service may take",
        scope: "target",
        compensator: Some("deadline"),
    },
    Spec {
        name: "alert",
        parameters: &[Parameter::Text],
        description: "tells the operator, in the log and on the dashboard, that rules have given up",
        scope: "node",
        compensator: None,
    },
];

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
    /// `(cancel background)`
    CancelBackground,
    /// `(close-idle upstream <keep>)`
    CloseIdle(u32),
    /// `(recreate-pool upstream)`
    RecreatePool,
    /// `(degrade requests <level>)`
    Degrade(u32),
    /// `(breaker upstream closed|half-open|open)`
    Breaker(Breaker),
    /// `(deadline upstream <milliseconds>)`
    Deadline(u32),
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

    /// The call as rules write it, e.g. `(evict-cache sessions <share>)`.
    pub fn usage(&self) -> String {
        let mut text = format!("({}", self.name);
        for parameter in self.parameters {
            text.push(' ');
            text.push_str(&match parameter {
                Parameter::Name(names) => names.join("|"),
                Parameter::Share => "<share>".to_owned(),
                Parameter::Count(most) => format!("<0–{most}>"),
                Parameter::Text => "<text>".to_owned(),
            });
        }
        text + ")"
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
        let mut count = 0;
        let mut named = "";
        let mut text = String::new();
        for (index, (parameter, argument)) in spec.parameters.iter().zip(arguments).enumerate() {
            match parameter {
                Parameter::Name(names) => {
                    named = argument
                        .as_symbol()
                        .filter(|name| names.contains(name))
                        .ok_or_else(|| {
                            let expected = format!("one of {}", names.join(", "));
                            spec.argument_error(index, &expected, argument)
                        })?;
                }
                Parameter::Count(most) => {
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
                Parameter::Text => {
                    text = argument
                        .as_text()
                        .map_or_else(|| argument.to_string(), ToOwned::to_owned);
                }
            }
        }
        Ok(match spec.name {
            "evict-cache" => Action::EvictSessions(share),
            "release-free-memory" => Action::ReleaseFreeMemory,
            "duty-cycle" => Action::DutyCycleBackground(share),
            "lift-throttle" => Action::LiftBackgroundThrottle,
            "cancel" => Action::CancelBackground,
            "close-idle" => Action::CloseIdle(count),
            "recreate-pool" => Action::RecreatePool,
            "degrade" => Action::Degrade(count),
            "breaker" => {
                Action::Breaker(Breaker::of_name(named).expect("the parameter allows its names"))
            }
            "deadline" => Action::Deadline(count),
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
            Action::CancelBackground => "cancel",
            Action::CloseIdle(_) => "close-idle",
            Action::RecreatePool => "recreate-pool",
            Action::Degrade(_) => "degrade",
            Action::Breaker(_) => "breaker",
            Action::Deadline(_) => "deadline",
            Action::Alert(_) => "alert",
        }
    }
}

#[cfg(test)]
mod tests {
    use chimera::Engine;

    use super::{Action, SPECS};
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
        check("(cancel background)", Ok(Action::CancelBackground));
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
        check("(cancel)", Err("cancel takes 1 arguments, not 0"));
        check(
            "cancel",
            Err("cancel is no call of an effector; write (<effector> <argument> …)"),
        );
        check(
            "(reboot)",
            Err(
                "there is no effector reboot; there are evict-cache, release-free-memory, \
                 duty-cycle, lift-throttle, cancel, close-idle, recreate-pool, degrade, breaker, \
                 deadline, alert",
            ),
        );
    }

    #[test]
    fn every_effector_can_be_called_as_its_usage_says() {
        let engine = Engine::builder().build();
        for spec in SPECS {
            let call = spec
                .usage()
                .replace("<share>", "0.5")
                .replace("<text>", "\"t\"")
                .replace("closed|half-open|open", "half-open")
                .replace("<0–1000>", "7")
                .replace("<0–3>", "2")
                .replace("<0–60000>", "1500");
            let action = Action::from_atom(&engine.parse(&call).unwrap()).unwrap();
            assert_eq!(action.effector(), spec.name);
        }
    }
}

//! What the effectors are that rules can call: names, parameters, reach.

/// What an effector is, for the rules' author.
#[derive(Clone, Copy, Debug)]
pub struct Spec {
    /// The name that calls it.
    pub name: &'static str,
    /// Its parameters in order.
    pub parameters: &'static [Parameter],
    /// What it does.
    pub description: &'static str,
    /// How far it reaches: `node` is this process, `target` what it depends on or watches.
    pub scope: &'static str,
    /// Whether it can be undone, and by which effector.
    pub compensator: Option<&'static str>,
    /// How often a minute the envelope lets it through, unless the configuration says
    /// otherwise.
    pub per_minute: usize,
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
    /// The name of something that the configuration grants.
    Granted,
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
        per_minute: 12,
    },
    Spec {
        name: "release-free-memory",
        parameters: &[],
        description: "returns pages that hold nothing live to the system",
        scope: "node",
        compensator: None,
        per_minute: 12,
    },
    Spec {
        name: "reclaim",
        parameters: &[
            Parameter::Name(&["sessions", "history", "events", "buffers", "allocator"]),
            Parameter::Share,
        ],
        description: "has something that holds memory give back the share of what it holds: \
                      sessions, metric history, kept events, buffers of the pool's idle \
                      connections, free pages of the allocator",
        scope: "node",
        compensator: None,
        per_minute: 12,
    },
    Spec {
        name: "trim-history",
        parameters: &[Parameter::Share],
        description: "drops the oldest readings until the share of those kept is gone",
        scope: "node",
        compensator: None,
        per_minute: 12,
    },
    Spec {
        name: "slow-sampling",
        parameters: &[Parameter::Name(&["self"]), Parameter::Share],
        description: "takes samples more seldom: at 0 as usual, at 1 each fifth",
        scope: "node",
        compensator: Some("slow-sampling"),
        per_minute: 30,
    },
    Spec {
        name: "shed",
        parameters: &[Parameter::Name(&["requests"]), Parameter::Share],
        description: "turns the share of requests away with 503 and Retry-After; what shows health \
                      and what resets are never shed",
        scope: "node",
        compensator: Some("shed"),
        per_minute: 30,
    },
    Spec {
        name: "limit-requests",
        parameters: &[Parameter::Name(&["requests"]), Parameter::Count(100_000)],
        description: "lets at most so many requests run at once, 0 for any number; the others are \
                      turned away with 429 and Retry-After",
        scope: "node",
        compensator: Some("limit-requests"),
        per_minute: 30,
    },
    Spec {
        name: "duty-cycle",
        parameters: &[Parameter::Name(&["background"]), Parameter::Share],
        description: "lets background threads run for the share of the time",
        scope: "node",
        compensator: Some("duty-cycle"),
        per_minute: 30,
    },
    Spec {
        name: "lift-throttle",
        parameters: &[Parameter::Name(&["background"])],
        description: "lets background threads run all the time again",
        scope: "node",
        compensator: None,
        per_minute: 30,
    },
    Spec {
        name: "cancel",
        parameters: &[Parameter::Name(&["background"]), Parameter::Share],
        description: "ends the share of the background threads, rounded up, the youngest first",
        scope: "node",
        compensator: None,
        per_minute: 12,
    },
    Spec {
        name: "close-idle",
        parameters: &[Parameter::Name(&["upstream"]), Parameter::Count(1000)],
        description: "closes idle connections of the pool, the broken first and then the oldest, \
                      until the number is left; those in use are not touched",
        scope: "target",
        compensator: None,
        per_minute: 12,
    },
    Spec {
        name: "close-inbound",
        parameters: &[Parameter::Count(100_000), Parameter::Count(3600)],
        description: "closes clients' connections that have been idle for at least so many \
                      seconds (the second number), the longest idle first, until the first \
                      number of them is left",
        scope: "node",
        compensator: None,
        per_minute: 12,
    },
    Spec {
        name: "recreate-pool",
        parameters: &[Parameter::Name(&["upstream"])],
        description: "closes all idle connections of the pool; those in use when they come back",
        scope: "target",
        compensator: None,
        per_minute: 12,
    },
    Spec {
        name: "degrade",
        parameters: &[Parameter::Name(&["requests"]), Parameter::Count(3)],
        description: "sets the degradation level: 0 as it is, 1 older answers stand in for failed \
                      ones, 2 the same without asking upstream and expensive routes off, 3 refuse",
        scope: "node",
        compensator: Some("degrade"),
        per_minute: 30,
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
        per_minute: 30,
    },
    Spec {
        name: "probe",
        parameters: &[Parameter::Name(&["upstream"]), Parameter::Count(20)],
        description: "tries the upstream service so many times for its own sake; what comes of \
                      it counts as probes of the breaker",
        scope: "target",
        compensator: None,
        per_minute: 30,
    },
    Spec {
        name: "deadline",
        parameters: &[Parameter::Name(&["upstream"]), Parameter::Count(60_000)],
        description: "sets how many milliseconds a call of the upstream service may take",
        scope: "target",
        compensator: Some("deadline"),
        per_minute: 30,
    },
    Spec {
        name: "retry",
        parameters: &[Parameter::Name(&["upstream"]), Parameter::Count(3)],
        description: "has a failing call of the upstream service tried again so often, within a \
                      budget of a fifth of all calls",
        scope: "target",
        compensator: Some("retry"),
        per_minute: 30,
    },
    Spec {
        name: "run-command",
        parameters: &[Parameter::Granted],
        description: "runs a command that the configuration grants, without a shell, within its time",
        scope: "target",
        compensator: None,
        per_minute: 12,
    },
    Spec {
        name: "signal-process",
        parameters: &[Parameter::Granted, Parameter::Granted],
        description: "sends a watched process a signal that the configuration grants",
        scope: "target",
        compensator: None,
        per_minute: 12,
    },
    Spec {
        name: "http-request",
        parameters: &[Parameter::Granted],
        description: "makes an HTTP request that the configuration grants",
        scope: "target",
        compensator: None,
        per_minute: 12,
    },
    Spec {
        name: "notify",
        parameters: &[Parameter::Granted, Parameter::Text],
        description: "tells a webhook that the configuration grants",
        scope: "target",
        compensator: None,
        per_minute: 12,
    },
    Spec {
        name: "alert",
        parameters: &[Parameter::Text],
        description: "tells the operator, in the log and on the dashboard, that rules have given up",
        scope: "node",
        compensator: None,
        per_minute: 12,
    },
];

impl Spec {
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
                Parameter::Granted => "<granted>".to_owned(),
            });
        }
        text + ")"
    }
}

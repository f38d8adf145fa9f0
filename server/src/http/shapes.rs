//! What each route answers, as JSON schemas. The tests hold real answers against
//! them: a field that is missing here, or there, fails.

use serde_json::{Value, json};

use super::schema::{boolean, integer, list, map, nullable, number, object, one_of, string};

fn verdict() -> Value {
    one_of(&["pending", "verified", "failed", "inconclusive"])
}

fn health_word() -> Value {
    one_of(&["healthy", "degraded", "unhealthy"])
}

/// Which rules are in force, and what is wrong with the files.
fn rules_fields() -> Vec<(&'static str, Value)> {
    let error = object(&[
        ("file", string()),
        ("line", integer()),
        ("column", integer()),
        ("message", string()),
        ("source", string()),
    ]);
    vec![
        ("generation", string()),
        ("files", list(string())),
        ("loaded", string()),
        ("error", nullable(error)),
    ]
}

pub(super) fn action() -> Value {
    let because = object(&[
        ("kind", one_of(&["rule", "fact", "operation"])),
        ("text", string()),
        ("place", nullable(string())),
        ("source?", string()),
    ]);
    object(&[
        ("id", integer()),
        ("timestamp", string()),
        ("unix", number()),
        ("error_type", string()),
        ("detection_method", string()),
        ("healing_strategy", string()),
        ("success", boolean()),
        ("details", string()),
        ("reason", string()),
        ("outcome", string()),
        ("applied", boolean()),
        (
            "evidence",
            object(&[
                ("before", map(number())),
                ("after", nullable(map(number()))),
            ]),
        ),
        ("verdict", verdict()),
        ("decision_trace_url", string()),
        ("duration_ms", nullable(number())),
        ("decided_us", integer()),
        ("rule", string()),
        ("strategy", string()),
        ("rung", integer()),
        ("mode", one_of(&["enforce", "shadow", "refused"])),
        ("expected", string()),
        ("because", list(because)),
    ])
}

pub(super) fn actions() -> Value {
    object(&[("actions", list(action()))])
}

fn holding() -> Value {
    object(&[
        ("name", string()),
        ("held_mb", number()),
        ("reclaims", integer()),
        ("reclaimed_mb", number()),
    ])
}

pub(super) fn health() -> Value {
    let metrics = object(&[
        ("timestamp", string()),
        ("memory_usage_mb", number()),
        ("cpu_percent", number()),
        ("connection_count", integer()),
        ("request_latency_ms", number()),
        ("error_count", integer()),
        ("active_requests", integer()),
        ("latency_p50_ms", nullable(number())),
        ("latency_p95_ms", nullable(number())),
        ("latency_p99_ms", nullable(number())),
        ("error_rate", nullable(number())),
        ("memory_trend_mb_per_minute", nullable(number())),
        ("all", map(number())),
    ]);
    let thresholds = object(&[
        ("memory_mb", nullable(number())),
        ("cpu_percent", nullable(number())),
        ("connection_count", nullable(number())),
        ("request_latency_ms", nullable(number())),
        ("error_rate", nullable(number())),
    ]);
    let breaker = object(&[
        ("failures", integer()),
        ("last_failure", nullable(string())),
        ("state", one_of(&["closed", "open", "half-open"])),
        ("since_s", number()),
        ("probes", integer()),
        ("probes_failed", integer()),
    ]);
    let route = object(&[
        ("total", integer()),
        ("failed", integer()),
        ("refused_by_healing", integer()),
        ("error_rate", nullable(number())),
        ("latency_p95_ms", nullable(number())),
        ("by_cause", map(integer())),
    ]);
    let requests = object(&[
        ("window_s", number()),
        ("volume_min", integer()),
        ("total", integer()),
        ("failed", integer()),
        ("refused_by_healing", integer()),
        ("by_cause", map(integer())),
        ("by_route", map(route)),
    ]);
    let system_info = object(&[
        ("active_requests", integer()),
        ("circuit_breakers", map(breaker)),
        ("thresholds", thresholds),
        ("version", string()),
        ("uptime_s", number()),
        ("degradation_level", integer()),
        (
            "throttle",
            object(&[
                ("background_duty", number()),
                ("background_threads", integer()),
                ("degradation_level", integer()),
            ]),
        ),
        ("requests", requests),
        ("reclaimable", list(holding())),
        (
            "healing",
            object(&[
                ("armed", boolean()),
                ("in_progress", list(string())),
                (
                    "held",
                    list(object(&[
                        ("error_type", string()),
                        ("reason", string()),
                        ("since", string()),
                    ])),
                ),
                ("success_rate", nullable(number())),
                ("misshapen_decisions", integer()),
                ("last_rule_error", nullable(string())),
            ]),
        ),
        ("rules", object(&rules_fields())),
    ]);
    object(&[
        ("status", health_word()),
        ("timestamp", string()),
        ("metrics", metrics),
        ("recent_healing_actions", list(action())),
        ("system_info", system_info),
        ("detail?", string()),
    ])
}

fn episode() -> Value {
    object(&[
        ("error_type", string()),
        (
            "state",
            one_of(&["detected", "acting", "verifying", "given-up", "held"]),
        ),
        ("since", string()),
        ("opened", string()),
        ("strategy", string()),
        ("rung", integer()),
        ("reason", string()),
        ("metrics", list(string())),
        ("verdict_in_s", nullable(number())),
        ("gave_up", integer()),
    ])
}

fn mode() -> Value {
    object(&[
        ("fault", string()),
        ("rule", string()),
        ("mode", string()),
        ("live", boolean()),
    ])
}

fn strategy() -> Value {
    object(&[
        ("fault", string()),
        ("strategy", string()),
        ("mean", number()),
        ("evidence", number()),
        ("learned", boolean()),
        ("verified", integer()),
        ("failed", integer()),
        ("inconclusive", integer()),
        ("success_rate", nullable(number())),
    ])
}

pub(super) fn healing_status() -> Value {
    let tally = object(&[
        ("actions", integer()),
        ("verified", integer()),
        ("failed", integer()),
        ("inconclusive", integer()),
        ("pending", integer()),
        ("success_rate", nullable(number())),
    ]);
    let event = object(&[
        ("timestamp", string()),
        ("severity", one_of(&["error", "warning"])),
        ("text", string()),
        ("class", nullable(string())),
    ]);
    object(&[
        ("status", health_word()),
        ("in_progress", list(string())),
        ("timestamp", string()),
        ("armed", boolean()),
        ("ticks", integer()),
        ("sample_interval_s", number()),
        ("success_rate", nullable(number())),
        ("by_fault", map(tally.clone())),
        ("by_strategy", map(tally)),
        ("open_verdicts", list(integer())),
        ("misshapen_decisions", integer()),
        ("last_rule_error", nullable(string())),
        ("events_by_class", map(integer())),
        ("recent_events", list(event)),
        ("reclaimable", list(holding())),
        ("facts", map(number())),
        ("episodes", list(episode())),
        ("modes", list(mode())),
        ("strategies", list(strategy())),
        ("rules", object(&rules_fields())),
    ])
}

pub(super) fn healing_rules() -> Value {
    let effector = object(&[
        ("call", string()),
        ("description", string()),
        ("scope", string()),
        ("compensator", nullable(string())),
    ]);
    let mut fields = rules_fields();
    fields.push(("thresholds", map(number())));
    let hits = object(&[
        ("rule", string()),
        ("place", string()),
        ("decisions", integer()),
    ]);
    let rule = object(&[
        ("rule", string()),
        ("place", string()),
        ("decisions", integer()),
        ("mode", string()),
        ("modes", list(mode())),
    ]);
    fields.push(("rules", list(rule)));
    fields.push(("hits", list(hits)));
    fields.push(("modes", list(mode())));
    fields.push(("effectors", list(effector)));
    object(&fields)
}

pub(super) fn modes() -> Value {
    object(&[("modes", list(mode()))])
}

pub(super) fn strategies() -> Value {
    object(&[("strategies", list(strategy()))])
}

pub(super) fn reloaded() -> Value {
    let mut fields = rules_fields();
    fields.push(("detail?", string()));
    object(&fields)
}

pub(super) fn healing_reset() -> Value {
    object(&[
        ("status", string()),
        ("message", string()),
        (
            "healing_states",
            object(&[
                ("memory_healing_ready", boolean()),
                ("cpu_healing_ready", boolean()),
                ("connection_healing_ready", boolean()),
                ("healing_history_cleared", boolean()),
            ]),
        ),
        ("timestamp", string()),
    ])
}

pub(super) fn live() -> Value {
    object(&[("status", one_of(&["live"]))])
}

pub(super) fn ready() -> Value {
    object(&[
        ("status", one_of(&["ready", "not ready"])),
        ("generation", string()),
        ("detail?", string()),
    ])
}

pub(super) fn log_level() -> Value {
    object(&[("level", string())])
}

pub(super) fn test() -> Value {
    object(&[("status", string()), ("timestamp", string())])
}

pub(super) fn history() -> Value {
    let point = json!({
        "type": "array",
        "description": "Unix time in seconds, and the value",
        "items": number(),
        "minItems": 2,
        "maxItems": 2,
    });
    object(&[("interval_s", number()), ("series", map(list(point)))])
}

pub(super) fn query() -> Value {
    object(&[
        ("results", list(string())),
        ("bindings", list(map(string()))),
        ("generation", string()),
        ("truncated", boolean()),
        ("error", nullable(string())),
    ])
}

pub(super) fn ingested() -> Value {
    object(&[("accepted", integer()), ("events", integer())])
}

pub(super) fn demos() -> Value {
    object(&[
        ("message", string()),
        ("available_demos", map(string())),
        (
            "current_status",
            object(&[
                ("memory_hogs", integer()),
                ("cpu_tasks", integer()),
                ("active_cpu_tasks", integer()),
                ("fake_connections", integer()),
            ]),
        ),
    ])
}

pub(super) fn memory_leak() -> Value {
    object(&[
        ("message", string()),
        ("memory_before_mb", number()),
        ("memory_after_mb", number()),
        ("memory_increase_mb", number()),
        ("total_memory_hogs", integer()),
        ("requested_mb", integer()),
        ("incident_id", string()),
        ("note", string()),
    ])
}

pub(super) fn cpu_overload() -> Value {
    object(&[
        ("message", string()),
        ("cpu_before_percent", number()),
        ("cpu_after_percent", number()),
        ("max_cpu_observed", number()),
        ("estimated_completion", string()),
        ("active_cpu_tasks", integer()),
        ("note", string()),
    ])
}

pub(super) fn demo_status() -> Value {
    let memory_hogs = object(&[
        ("count", integer()),
        ("total_estimated_mb", integer()),
        ("oldest_created", nullable(number())),
    ]);
    let cpu_tasks = object(&[
        ("completed_tasks", integer()),
        ("last_completed", nullable(number())),
        ("active", integer()),
        ("duty", number()),
        ("ends_in_s", nullable(number())),
    ]);
    let fake_connections = object(&[
        ("total", integer()),
        ("active", integer()),
        ("failed", integer()),
        ("total_queries", integer()),
    ]);
    let requests = object(&[
        ("in_window", integer()),
        ("failed", integer()),
        ("refused_by_healing", integer()),
        ("error_rate", nullable(number())),
        ("total", integer()),
        ("failed_total", integer()),
    ]);
    object(&[
        (
            "system_metrics",
            object(&[
                ("memory_usage_mb", number()),
                ("cpu_percent", number()),
                ("timestamp", number()),
            ]),
        ),
        (
            "demo_status",
            object(&[
                ("memory_hogs", memory_hogs),
                ("cpu_tasks", cpu_tasks),
                ("fake_connections", fake_connections),
                ("requests", requests),
            ]),
        ),
        (
            "healing_triggers",
            object(&[
                ("memory_threshold_mb", nullable(number())),
                ("cpu_threshold_percent", nullable(number())),
                ("connection_threshold", nullable(number())),
                ("memory_exceeded", boolean()),
                ("cpu_exceeded", boolean()),
                ("connections_exceeded", boolean()),
            ]),
        ),
    ])
}

pub(super) fn demo_reset() -> Value {
    object(&[
        ("message", string()),
        (
            "cleared",
            object(&[
                ("memory_hogs", integer()),
                ("cpu_tasks", integer()),
                ("fake_connections", integer()),
            ]),
        ),
        (
            "memory_impact",
            object(&[
                ("before_mb", number()),
                ("after_mb", number()),
                ("freed_mb", number()),
            ]),
        ),
        ("cancelled_cpu_tasks", integer()),
        ("closed_connections", integer()),
        ("rearmed", boolean()),
    ])
}

/// The document itself: a schema of it is not ours to give.
pub(super) fn document() -> Value {
    json!({ "type": "object", "additionalProperties": true })
}

pub(super) fn connection_issues() -> Value {
    object(&[
        ("message", string()),
        ("total_connections", integer()),
        ("active_connections", integer()),
        ("failed_connections", integer()),
        ("note", string()),
    ])
}

pub(super) fn completed() -> Value {
    object(&[
        ("message", string()),
        ("failure_rate", number()),
        ("degraded", boolean()),
        ("note", string()),
    ])
}

pub(super) fn stress_started() -> Value {
    object(&[
        ("message", string()),
        ("phases", list(string())),
        ("expected_duration", string()),
        ("monitoring_note", string()),
        ("run_id", integer()),
        ("report_url", string()),
    ])
}

pub(super) fn stress_report() -> Value {
    let phase = object(&[
        ("fault", string()),
        ("injected", string()),
        ("detected_after_s", nullable(number())),
        ("healed_after_s", nullable(number())),
        ("verified", boolean()),
        ("action_url", nullable(string())),
    ]);
    object(&[
        ("run_id", integer()),
        ("status", one_of(&["running", "finished", "cancelled"])),
        ("phases", list(phase)),
    ])
}

/// What `/atomspace/query` takes.
pub(super) fn query_body() -> Value {
    object(&[("query", string())])
}

/// What `/atomspace/evaluate` takes.
pub(super) fn evaluate_body() -> Value {
    object(&[("query", string()), ("write?", boolean())])
}

/// What `/ingest` takes as JSON.
pub(super) fn ingest_body() -> Value {
    let sample = object(&[
        ("metric", string()),
        ("value", number()),
        ("time?", nullable(number())),
    ]);
    let event = object(&[
        ("severity", one_of(&["error", "warning"])),
        ("text", string()),
    ]);
    let mut told = object(&[("samples?", list(sample)), ("events?", list(event))]);
    told["minProperties"] = json!(1);
    told
}

//! `/health`: everything at a glance, in the original's shape and more.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::wire::{Action, Rules, timestamp, unix_now};
use crate::http::Shell;
use crate::http::answer::{Answer, Failure};
use crate::http::table::Request;
use crate::status::{Status, Verdict};

/// Actions that `/health` shows.
const RECENT: usize = 5;

#[derive(Serialize)]
struct Health {
    status: &'static str,
    timestamp: String,
    metrics: Metrics,
    recent_healing_actions: Vec<Action>,
    system_info: SystemInfo,
}

#[derive(Serialize)]
struct Metrics {
    timestamp: String,
    memory_usage_mb: f64,
    cpu_percent: f64,
    connection_count: u64,
    request_latency_ms: f64,
    error_count: u64,
    active_requests: u64,
    latency_p50_ms: Option<f64>,
    latency_p95_ms: Option<f64>,
    latency_p99_ms: Option<f64>,
    error_rate: Option<f64>,
    /// Every metric under the name that rules know.
    all: BTreeMap<String, f64>,
}

#[derive(Serialize)]
struct SystemInfo {
    active_requests: u64,
    circuit_breakers: Map<String, Value>,
    thresholds: Thresholds,
    version: &'static str,
    uptime_s: f64,
    throttle: Throttle,
    healing: Healing,
    rules: Rules,
}

#[derive(Serialize)]
struct Thresholds {
    memory_mb: Option<f64>,
    cpu_percent: Option<f64>,
    connection_count: Option<f64>,
    request_latency_ms: Option<f64>,
    error_rate: Option<f64>,
}

#[derive(Serialize)]
struct Throttle {
    background_duty: f64,
    background_threads: usize,
}

#[derive(Serialize)]
struct Healing {
    armed: bool,
    in_progress: Vec<String>,
    success_rate: Option<f64>,
    misshapen_decisions: u64,
    last_rule_error: Option<String>,
}

pub(in crate::http) async fn health(
    shell: Arc<Shell>,
    request: Request,
) -> Result<Answer, Failure> {
    let status = shell.healing.status.load();
    let health = describe(&shell, &status);
    let unhealthy = health.status == "unhealthy";
    let answer = Answer::json(&health);
    Ok(if unhealthy && request.values.boolean("strict") {
        answer.with_status(StatusCode::SERVICE_UNAVAILABLE)
    } else {
        answer
    })
}

fn describe(shell: &Shell, status: &Status) -> Health {
    let reading = &status.reading;
    let metric = |name: &str| reading.metrics.get(name).copied();
    let value = |name: &str| metric(name).unwrap_or(0.0);
    let whole = |name: &str| value(name).max(0.0) as u64;
    let threshold = |name: &str| status.thresholds.get(name).copied();
    let active = shell.front.active() as u64;
    Health {
        status: word(status),
        timestamp: timestamp(unix_now()),
        metrics: Metrics {
            timestamp: timestamp(reading.unix),
            memory_usage_mb: value("memory-mb"),
            cpu_percent: value("cpu-percent"),
            connection_count: whole("connection-count"),
            request_latency_ms: value("request-latency-ms"),
            error_count: whole("errors-in-window"),
            active_requests: active,
            latency_p50_ms: metric("latency-p50-ms"),
            latency_p95_ms: metric("request-latency-ms"),
            latency_p99_ms: metric("latency-p99-ms"),
            error_rate: metric("error-rate"),
            all: reading.metrics.clone(),
        },
        recent_healing_actions: status.actions[status.actions.len().saturating_sub(RECENT)..]
            .iter()
            .map(|record| Action::from(&**record))
            .collect(),
        system_info: SystemInfo {
            active_requests: active,
            circuit_breakers: Map::new(),
            thresholds: Thresholds {
                memory_mb: threshold("memory-mb"),
                cpu_percent: threshold("cpu-percent"),
                connection_count: threshold("connection-count"),
                request_latency_ms: threshold("request-latency-ms"),
                error_rate: threshold("error-rate"),
            },
            version: env!("CARGO_PKG_VERSION"),
            uptime_s: reading.seconds,
            throttle: Throttle {
                background_duty: shell.background.duty().get(),
                background_threads: shell.background.running(),
            },
            healing: Healing {
                armed: status.ticks > 0,
                in_progress: status.open_faults.clone(),
                success_rate: success_rate(status),
                misshapen_decisions: status.misshapen_decisions,
                last_rule_error: status.last_rule_error.clone(),
            },
            rules: Rules::from(&status.rules),
        },
    }
}

/// Verified by verified and failed; `None` while there is neither.
pub(super) fn success_rate(status: &Status) -> Option<f64> {
    let count = |verdict| {
        status
            .actions
            .iter()
            .filter(|record| record.verdict == verdict)
            .count() as f64
    };
    let (verified, failed) = (count(Verdict::Verified), count(Verdict::Failed));
    (verified + failed > 0.0).then(|| verified / (verified + failed))
}

/// `unhealthy` while the newest action on an open fault failed or gave up,
/// `degraded` while there is a fault, a metric over its threshold or broken
/// rules, else `healthy`.
fn word(status: &Status) -> &'static str {
    let newest = |fault: &String| {
        status
            .actions
            .iter()
            .rev()
            .find(|record| record.fault == *fault)
    };
    let lost = status.open_faults.iter().any(|fault| {
        newest(fault).is_some_and(|record| {
            record.verdict == Verdict::Failed || record.call.starts_with("(alert")
        })
    });
    let over = status.thresholds.iter().any(|(metric, limit)| {
        status
            .reading
            .metrics
            .get(metric)
            .is_some_and(|value| value > limit)
    });
    if lost {
        "unhealthy"
    } else if over || !status.open_faults.is_empty() || status.rules.error.is_some() {
        "degraded"
    } else {
        "healthy"
    }
}

/// The same word for other routes.
pub(super) fn summary(status: &Status) -> Value {
    json!({ "status": word(status), "in_progress": status.open_faults })
}

//! `/demo/…`: real faults on demand.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::wire::unix_now;
use crate::http::Shell;
use crate::http::answer::{Answer, Failure, Invalid};
use crate::http::table::{ROUTES, Request};
use crate::sample::{CpuMeter, rss_mb};
use crate::status::Command;
use crate::work::{FillError, Ratio};

/// The windows over which `/demo/cpu-overload` measures before it answers.
const MEASURE: Duration = Duration::from_millis(300);
/// How long `/demo/reset` waits for cancelled threads.
const RESET_PATIENCE: Duration = Duration::from_millis(900);

pub(in crate::http) async fn index(shell: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    let demos: serde_json::Map<String, Value> = ROUTES
        .iter()
        .filter(|route| route.path.starts_with("/demo/") && route.path != "/demo/")
        .map(|route| {
            let name = route.path["/demo/".len()..].replace('-', "_");
            (
                name,
                json!(format!(
                    "{} {}: {}",
                    route.method, route.path, route.summary
                )),
            )
        })
        .collect();
    Ok(Answer::json(&json!({
        "message": "Faults that this server really has and really heals",
        "available_demos": demos,
        "current_status": {
            "memory_hogs": shell.sessions.entries(),
            "cpu_tasks": shell.background.completed().0,
            "active_cpu_tasks": shell.background.running(),
            "fake_connections": 0,
        },
    })))
}

fn rounded(mb: f64) -> f64 {
    (mb * 100.0).round() / 100.0
}

pub(in crate::http) async fn memory_leak(
    shell: Arc<Shell>,
    request: Request,
) -> Result<Answer, Failure> {
    let (size_mb, count) = (
        request.values.count("size_mb"),
        request.values.count("count"),
    );
    let before = rss_mb();
    let after = shell
        .sessions
        .fill(size_mb, count)
        .await
        .map_err(|error| match error {
            FillError::OverLimit { limit_mib, .. } => Failure::Invalid(vec![Invalid {
                kind: "less_than_equal",
                loc: vec!["query", "count"],
                msg: error.to_string(),
                input: json!(count.to_string()),
                ctx: Some(json!({ "le_total_mb": limit_mib })),
            }]),
            FillError::NoMemory { .. } => {
                Failure::Other(StatusCode::INSUFFICIENT_STORAGE, error.to_string())
            }
        })?;
    Ok(Answer::json(&json!({
        "message": format!("Created {count} memory hogs of {size_mb}MB each"),
        "memory_before_mb": before.map_or(0.0, rounded),
        "memory_after_mb": after.map_or(0.0, rounded),
        "memory_increase_mb": match (before, after) {
            (Some(before), Some(after)) => rounded(after - before),
            _ => 0.0,
        },
        "total_memory_hogs": shell.sessions.entries(),
        "requested_mb": size_mb * count,
        "note": "The session cache holds them until the rules decide to evict; watch /health",
    })))
}

pub(in crate::http) async fn cpu_overload(
    shell: Arc<Shell>,
    request: Request,
) -> Result<Answer, Failure> {
    let duration = request.values.count("duration");
    let threads = request.values.count("num_threads");
    let before = {
        let status = shell.healing.status.load();
        let percent = status.reading.metrics.get("cpu-percent").copied();
        percent.unwrap_or(0.0)
    };
    let mut meter = CpuMeter::start();
    shell
        .background
        .start(Duration::from_secs(duration as u64), threads)
        .map_err(|error| Failure::Other(StatusCode::TOO_MANY_REQUESTS, error.to_string()))?;
    let parts = if request.values.boolean("wait") {
        10
    } else {
        3
    };
    let (mut after, mut most) = (before, before);
    for _ in 0..parts {
        tokio::time::sleep(MEASURE).await;
        if let Some(percent) = meter.percent() {
            after = rounded(percent);
            most = most.max(after);
        }
    }
    Ok(Answer::json(&json!({
        "message": format!("Started {threads} CPU-intensive threads for {duration} seconds"),
        "cpu_before_percent": before,
        "cpu_after_percent": after,
        "max_cpu_observed": most,
        "estimated_completion": format!("{duration} seconds"),
        "active_cpu_tasks": shell.background.running(),
        "note": "Percent of one core, as long as measured before this answer; watch /health",
    })))
}

pub(in crate::http) async fn status(shell: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    let status = shell.healing.status.load();
    let value = |metric: &str| status.reading.metrics.get(metric).copied().unwrap_or(0.0);
    let threshold = |metric: &str| status.thresholds.get(metric).copied();
    let exceeded = |metric: &str| threshold(metric).is_some_and(|limit| value(metric) > limit);
    let (completed, last_completed) = shell.background.completed();
    Ok(Answer::json(&json!({
        "system_metrics": {
            "memory_usage_mb": value("memory-mb"),
            "cpu_percent": value("cpu-percent"),
            "timestamp": unix_now(),
        },
        "demo_status": {
            "memory_hogs": {
                "count": shell.sessions.entries(),
                "total_estimated_mb": shell.sessions.held_bytes() / (1 << 20),
                "oldest_created": shell.sessions.oldest_created().map(|time| time.as_secs_f64()),
            },
            "cpu_tasks": {
                "completed_tasks": completed,
                "last_completed": last_completed.map(|time| time.as_secs_f64()),
                "active": shell.background.running(),
                "duty": shell.background.duty().get(),
                "ends_in_s": shell.background.ends_in().map(|time| time.as_secs_f64()),
            },
            "fake_connections": {
                "total": 0,
                "active": 0,
                "failed": 0,
                "total_queries": 0,
            },
        },
        "healing_triggers": {
            "memory_threshold_mb": threshold("memory-mb"),
            "cpu_threshold_percent": threshold("cpu-percent"),
            "connection_threshold": threshold("connection-count"),
            "memory_exceeded": exceeded("memory-mb"),
            "cpu_exceeded": exceeded("cpu-percent"),
            "connections_exceeded": exceeded("connection-count"),
        },
    })))
}

pub(in crate::http) async fn reset(shell: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    let before = rss_mb();
    let cancelled = shell.background.cancel();
    let sessions = shell.sessions.clone();
    let evicted = tokio::task::spawn_blocking(move || {
        let evicted = sessions.evict(Ratio::FULL);
        chimera_reclaim::release_free_memory().map(|()| evicted)
    })
    .await
    .map_err(|error| error.to_string())
    .and_then(|released| released.map_err(|error| error.to_string()))
    .map_err(|error| Failure::Other(StatusCode::INTERNAL_SERVER_ERROR, error))?;
    let until = Instant::now() + RESET_PATIENCE;
    while shell.background.running() > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    shell.background.set_duty(Ratio::FULL);
    let (sender, receiver) = oneshot::channel();
    let rearmed = shell
        .healing
        .commands
        .send(Command::Reset(sender))
        .await
        .is_ok()
        && receiver.await.is_ok();
    let after = rss_mb();
    Ok(Answer::json(&json!({
        "message": "All demo conditions reset",
        "cleared": {
            "memory_hogs": evicted.entries,
            "cpu_tasks": cancelled,
            "fake_connections": 0,
        },
        "memory_impact": {
            "before_mb": before.map_or(0.0, rounded),
            "after_mb": after.map_or(0.0, rounded),
            "freed_mb": match (before, after) {
                (Some(before), Some(after)) => rounded(before - after),
                _ => 0.0,
            },
        },
        "cancelled_cpu_tasks": cancelled,
        "closed_connections": 0,
        "rearmed": rearmed,
    })))
}

//! `/demo/…`: real faults on demand.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hyper::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::mailbox::ask;
use super::wire::unix_now;
use crate::http::answer::{Answer, Failure, Invalid};
use crate::http::service::Service;
use crate::http::table::{ROUTES, Request};
use crate::sample::{CpuMeter, rss_mb};
use crate::status::Command;
use crate::work::{FillError, Ratio};

/// The windows over which `/demo/cpu-overload` measures before it answers.
const MEASURE: Duration = Duration::from_millis(300);
const MEASURES: usize = 3;
/// Well below what makes a request slow: who asks to wait is not kept waiting.
const MEASURES_WAITING: usize = 6;
/// How long `/demo/reset` waits for cancelled threads.
const RESET_PATIENCE: Duration = Duration::from_millis(900);

#[derive(Serialize)]
struct Demos {
    message: &'static str,
    available_demos: BTreeMap<String, String>,
    current_status: CurrentStatus,
}

#[derive(Serialize)]
struct CurrentStatus {
    memory_hogs: usize,
    cpu_tasks: usize,
    active_cpu_tasks: usize,
    fake_connections: usize,
}

pub(in crate::http) async fn index(service: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    let background = &service.shell.background;
    let mut available_demos = BTreeMap::new();
    for route in ROUTES {
        let name = route.path.strip_prefix("/demo/").unwrap_or("");
        if name.is_empty() || name.contains('{') {
            continue;
        }
        // A route under two paths or methods is listed as the first.
        available_demos
            .entry(name.replace('-', "_"))
            .or_insert_with(|| format!("{} {}: {}", route.method, route.path, route.summary));
    }
    Ok(Answer::json(&Demos {
        message: "Faults that this server really has and really heals",
        available_demos,
        current_status: CurrentStatus {
            memory_hogs: service.shell.sessions.entries(),
            cpu_tasks: background.completed().0,
            active_cpu_tasks: background.running(),
            fake_connections: service.shell.upstream.connections().reading().size,
        },
    }))
}

/// MiB as answers show them; 0 where the system does not tell.
fn shown(mb: Option<f64>) -> f64 {
    (mb.unwrap_or(0.0) * 100.0).round() / 100.0
}

fn difference(before: Option<f64>, after: Option<f64>) -> Option<f64> {
    Some(after? - before?)
}

#[derive(Serialize)]
struct MemoryLeak {
    message: String,
    memory_before_mb: f64,
    memory_after_mb: f64,
    memory_increase_mb: f64,
    total_memory_hogs: usize,
    requested_mb: usize,
    /// The request's id, under which the log speaks of it.
    incident_id: String,
    note: &'static str,
}

pub(in crate::http) async fn memory_leak(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let (size_mb, count) = (
        request.values.count("size_mb"),
        request.values.count("count"),
    );
    let sessions = &service.shell.sessions;
    let filled = sessions
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
    Ok(Answer::json(&MemoryLeak {
        message: format!("Created {count} memory hogs of {size_mb}MB each"),
        memory_before_mb: shown(filled.before_mib),
        memory_after_mb: shown(filled.after_mib),
        memory_increase_mb: shown(difference(filled.before_mib, filled.after_mib)),
        total_memory_hogs: sessions.entries(),
        requested_mb: size_mb * count,
        incident_id: request.id,
        note: "The session cache holds them until the rules decide to evict; watch /health",
    }))
}

#[derive(Serialize)]
struct CpuOverload {
    message: String,
    cpu_before_percent: f64,
    cpu_after_percent: f64,
    max_cpu_observed: f64,
    estimated_completion: String,
    active_cpu_tasks: usize,
    note: &'static str,
}

pub(in crate::http) async fn cpu_overload(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let duration = request.values.count("duration");
    let threads = request.values.count("num_threads");
    let before = {
        let status = service.shell.healing.status.load();
        let percent = status.reading.metrics.get("cpu-percent").copied();
        percent.unwrap_or(0.0)
    };
    let background = &service.shell.background;
    let mut meter = CpuMeter::start();
    background
        .start(Duration::from_secs(duration as u64), threads)
        .map_err(|error| Failure::TooMany(error.to_string()))?;
    let measures = if request.values.boolean("wait") {
        MEASURES_WAITING
    } else {
        MEASURES
    };
    let (mut after, mut most) = (before, before);
    for _ in 0..measures {
        tokio::time::sleep(MEASURE).await;
        if let Some(percent) = meter.percent() {
            after = shown(Some(percent));
            most = most.max(after);
        }
    }
    Ok(Answer::json(&CpuOverload {
        message: format!("Started {threads} CPU-intensive threads for {duration} seconds"),
        cpu_before_percent: before,
        cpu_after_percent: after,
        max_cpu_observed: most,
        estimated_completion: format!("{duration} seconds"),
        active_cpu_tasks: background.running(),
        note: "Percent of one core, as long as measured before this answer; watch /health",
    }))
}

#[derive(Serialize)]
struct DemoStatus {
    system_metrics: SystemMetrics,
    demo_status: Held,
    healing_triggers: Triggers,
}

#[derive(Serialize)]
struct SystemMetrics {
    memory_usage_mb: f64,
    cpu_percent: f64,
    timestamp: f64,
}

#[derive(Serialize)]
struct Held {
    memory_hogs: MemoryHogs,
    cpu_tasks: CpuTasks,
    fake_connections: FakeConnections,
    requests: Requests,
}

#[derive(Serialize)]
struct MemoryHogs {
    count: usize,
    total_estimated_mb: usize,
    oldest_created: Option<f64>,
}

#[derive(Serialize)]
struct CpuTasks {
    completed_tasks: usize,
    last_completed: Option<f64>,
    active: usize,
    duty: f64,
    ends_in_s: Option<f64>,
}

/// The connections of the pool to the upstream service.
#[derive(Serialize)]
struct FakeConnections {
    total: usize,
    active: usize,
    failed: usize,
    total_queries: u64,
}

#[derive(Serialize)]
struct Requests {
    in_window: u64,
    failed: u64,
    refused_by_healing: u64,
    error_rate: Option<f64>,
    total: u64,
    failed_total: u64,
}

#[derive(Serialize)]
struct Triggers {
    memory_threshold_mb: Option<f64>,
    cpu_threshold_percent: Option<f64>,
    connection_threshold: Option<f64>,
    memory_exceeded: bool,
    cpu_exceeded: bool,
    connections_exceeded: bool,
}

pub(in crate::http) async fn status(service: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    let status = service.shell.healing.status.load();
    let value = |metric: &str| status.reading.metrics.get(metric).copied().unwrap_or(0.0);
    let threshold = |metric: &str| status.thresholds.get(metric).copied();
    let exceeded = |metric: &str| threshold(metric).is_some_and(|limit| value(metric) > limit);
    let (sessions, background) = (&service.shell.sessions, &service.shell.background);
    let (completed_tasks, last_completed) = background.completed();
    let front = service.shell.front.reading();
    let pool = service.shell.upstream.connections().reading();
    Ok(Answer::json(&DemoStatus {
        system_metrics: SystemMetrics {
            memory_usage_mb: value("memory-mb"),
            cpu_percent: value("cpu-percent"),
            timestamp: unix_now(),
        },
        demo_status: Held {
            memory_hogs: MemoryHogs {
                count: sessions.entries(),
                total_estimated_mb: sessions.held_bytes() / (1 << 20),
                oldest_created: sessions.oldest_created().map(|time| time.as_secs_f64()),
            },
            cpu_tasks: CpuTasks {
                completed_tasks,
                last_completed: last_completed.map(|time| time.as_secs_f64()),
                active: background.running(),
                duty: background.duty().get(),
                ends_in_s: background.ends_in().map(|time| time.as_secs_f64()),
            },
            fake_connections: FakeConnections {
                total: pool.size,
                active: pool.size - pool.broken,
                failed: pool.broken + pool.failed,
                total_queries: pool.queries,
            },
            requests: Requests {
                in_window: front.requests,
                failed: front.failures,
                refused_by_healing: front.refused,
                error_rate: front.error_rate,
                total: front.requests_total,
                failed_total: front.failures_total,
            },
        },
        healing_triggers: Triggers {
            memory_threshold_mb: threshold("memory-mb"),
            cpu_threshold_percent: threshold("cpu-percent"),
            connection_threshold: threshold("connection-count"),
            memory_exceeded: exceeded("memory-mb"),
            cpu_exceeded: exceeded("cpu-percent"),
            connections_exceeded: exceeded("connection-count"),
        },
    }))
}

#[derive(Serialize)]
struct DemoReset {
    message: &'static str,
    cleared: Cleared,
    memory_impact: MemoryImpact,
    cancelled_cpu_tasks: usize,
    closed_connections: usize,
    /// Whether the healing loop has forgotten its episodes.
    rearmed: bool,
}

#[derive(Serialize)]
struct Cleared {
    memory_hogs: usize,
    cpu_tasks: usize,
    fake_connections: usize,
}

#[derive(Serialize)]
struct MemoryImpact {
    before_mb: f64,
    after_mb: f64,
    freed_mb: f64,
}

pub(in crate::http) async fn reset(service: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    let background = &service.shell.background;
    let before = rss_mb();
    // First, since it would go on causing what is ended here.
    service.shell.stress.cancel().await;
    let cancelled = background.cancel(Ratio::FULL);
    let sessions = service.shell.sessions.clone();
    let evicted = tokio::task::spawn_blocking(move || {
        let evicted = sessions.evict(Ratio::FULL);
        chimera_reclaim::release_free_memory().map(|()| evicted)
    })
    .await
    .map_err(|error| error.to_string())
    .and_then(|released| released.map_err(|error| error.to_string()))
    .map_err(|error| Failure::Other(StatusCode::INTERNAL_SERVER_ERROR, error))?;
    let until = Instant::now() + RESET_PATIENCE;
    while background.running() > 0 && Instant::now() < until {
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    background.set_duty(Ratio::FULL);
    let upstream = &service.shell.upstream;
    upstream.injector().clear();
    upstream.layer().reset();
    service.shell.front.gate().open();
    let closed = upstream.connections().recreate();
    // What was started is gone all the same if the loop does not answer.
    let rearmed = ask(&service, Command::Reset).await.is_ok();
    let after = rss_mb();
    Ok(Answer::json(&DemoReset {
        message: "All demo conditions reset",
        cleared: Cleared {
            memory_hogs: evicted.entries,
            cpu_tasks: cancelled,
            fake_connections: closed,
        },
        memory_impact: MemoryImpact {
            before_mb: shown(before),
            after_mb: shown(after),
            freed_mb: shown(difference(after, before)),
        },
        cancelled_cpu_tasks: cancelled,
        closed_connections: closed,
        rearmed,
    }))
}

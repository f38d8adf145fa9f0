//! `/health`: everything at a glance, in the original's shape and more.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime};

use arc_swap::ArcSwapOption;
use bytes::Bytes;
use hyper::StatusCode;
use serde::Serialize;

use super::wire::{Action, Holding, Rules, timestamp, unix_now};
use crate::http::answer::{Answer, Failure};
use crate::http::service::Service;
use crate::http::table::Request;
use crate::status::{EpisodeState, Kept, Status, Verdict};

/// Actions that `/health` shows.
const RECENT: usize = 5;
/// The time over which a trend is taken.
const TREND_SECONDS: f64 = 60.0;

const HEALTHY: &str = "healthy";
const DEGRADED: &str = "degraded";
const UNHEALTHY: &str = "unhealthy";

#[derive(Serialize)]
pub(super) struct Health {
    status: &'static str,
    timestamp: String,
    metrics: Metrics,
    recent_healing_actions: Vec<Action>,
    system_info: SystemInfo,
    /// Why it answers with an error, if it does.
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<String>,
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
    memory_trend_mb_per_minute: Option<f64>,
    /// Every metric under the name that rules know.
    all: BTreeMap<String, f64>,
}

#[derive(Serialize)]
struct SystemInfo {
    active_requests: u64,
    circuit_breakers: BTreeMap<String, Breaker>,
    thresholds: Thresholds,
    version: &'static str,
    uptime_s: f64,
    degradation_level: u8,
    throttle: Throttle,
    requests: Requests,
    /// What holds memory that the process can do without, by name.
    reclaimable: Vec<Holding>,
    healing: Healing,
    rules: Rules,
}

/// A circuit breaker.
#[derive(Serialize)]
struct Breaker {
    failures: u64,
    last_failure: Option<String>,
    state: &'static str,
    /// For how long it has been in this state.
    since_s: f64,
    /// Calls that tried the service since then, and those of them that failed.
    probes: u64,
    probes_failed: u64,
}

/// Requests within the sliding window.
#[derive(Serialize)]
struct Requests {
    /// Its length, and from how many requests on a share or a percentile says something.
    window_s: f64,
    volume_min: u64,
    total: u64,
    failed: u64,
    refused_by_healing: u64,
    /// Failures and refusals by cause.
    by_cause: BTreeMap<&'static str, u64>,
    /// By route; those that nothing was asked of are not among them.
    by_route: BTreeMap<&'static str, RouteRequests>,
}

/// Requests of one route within the window.
#[derive(Serialize)]
struct RouteRequests {
    total: u64,
    failed: u64,
    refused_by_healing: u64,
    error_rate: Option<f64>,
    latency_p95_ms: Option<f64>,
    by_cause: BTreeMap<&'static str, u64>,
}

impl Requests {
    fn of(service: &Service, status: &Status) -> Requests {
        let front = &service.shell.front;
        let all = front.reading();
        let by_route = front.routes().into_iter().map(|route| {
            let requests = RouteRequests {
                total: route.requests + route.refused,
                failed: route.failures,
                refused_by_healing: route.refused,
                error_rate: route.error_rate,
                latency_p95_ms: route.latency_p95_ms,
                by_cause: happened(route.causes),
            };
            (route.path, requests)
        });
        Requests {
            window_s: status.facts.get("request-window"),
            volume_min: status.facts.count("request-volume") as u64,
            total: all.requests + all.refused,
            failed: all.failures,
            refused_by_healing: all.refused,
            by_cause: happened(all.causes),
            by_route: by_route.collect(),
        }
    }
}

/// The causes that there were within the window.
fn happened(mut causes: BTreeMap<&'static str, u64>) -> BTreeMap<&'static str, u64> {
    causes.retain(|_, count| *count > 0);
    causes
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
    degradation_level: u8,
}

#[derive(Serialize)]
struct Healing {
    armed: bool,
    in_progress: Vec<String>,
    /// Faults that what stands from an earlier episode keeps away.
    held: Vec<Held>,
    success_rate: Option<f64>,
    misshapen_decisions: u64,
    last_rule_error: Option<String>,
}

#[derive(Serialize)]
struct Held {
    error_type: String,
    reason: String,
    since: String,
}

/// How long what was prepared is shown although the loop published nothing new:
/// some of it changes between ticks.
const FRESH: Duration = Duration::from_millis(100);

/// The whole of `/health`, ready to be sent.
pub(in crate::http) struct Prepared {
    status: Arc<Status>,
    made: Instant,
    word: &'static str,
    json: Bytes,
}

impl Prepared {
    /// The JSON of `/health`.
    pub(super) fn json(&self) -> &Bytes {
        &self.json
    }
}

/// What was prepared last. Made anew when somebody asks and it is old, by one of
/// those who ask while the others take the old one.
#[derive(Default)]
pub(in crate::http) struct Shelf {
    newest: ArcSwapOption<Prepared>,
    making: Mutex<()>,
}

impl Shelf {
    /// What is to be shown now.
    pub(super) fn get(&self, service: &Service) -> Arc<Prepared> {
        let status = service.shell.healing.status.load();
        let newest = self.newest.load();
        let Some(known) = &*newest else {
            return self.make(service, &status);
        };
        // What the loop published counts at once.
        if !Arc::ptr_eq(&known.status, &status) {
            return self.make(service, &status);
        }
        if known.made.elapsed() >= FRESH
            && let Ok(_making) = self.making.try_lock()
        {
            return self.make(service, &status);
        }
        Arc::clone(known)
    }

    fn make(&self, service: &Service, status: &Arc<Status>) -> Arc<Prepared> {
        let health = describe(service, status);
        let json = serde_json::to_vec(&health).expect("wire structs have string keys");
        let prepared = Arc::new(Prepared {
            status: Arc::clone(status),
            made: Instant::now(),
            word: health.status,
            json: json.into(),
        });
        self.newest.store(Some(Arc::clone(&prepared)));
        prepared
    }
}

pub(in crate::http) async fn health(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let prepared = service.prepared.get(&service);
    if prepared.word != UNHEALTHY || !request.values.boolean("strict") {
        return Ok(Answer::text("application/json", prepared.json.clone()));
    }
    let status = service.shell.healing.status.load();
    let mut health = describe(&service, &status);
    health.detail = Some(format!(
        "unhealthy: healing has not got the better of {}",
        status.open_faults.join(", ")
    ));
    Ok(Answer::json(&health).with_status(StatusCode::SERVICE_UNAVAILABLE))
}

/// The whole of `/health`.
pub(super) fn describe(service: &Service, status: &Status) -> Health {
    let reading = &status.reading;
    let metric = |name: &str| reading.metrics.get(name).copied();
    let value = |name: &str| metric(name).unwrap_or(0.0);
    let whole = |name: &str| value(name).max(0.0) as u64;
    let threshold = |name: &str| status.thresholds.get(name).copied();
    let layer = service.shell.upstream.layer().reading();
    let active = service.shell.front.active() as u64;
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
            memory_trend_mb_per_minute: trend_per_minute(&status.history, "memory-mb"),
            all: reading.metrics.clone(),
        },
        recent_healing_actions: status.actions[status.actions.len().saturating_sub(RECENT)..]
            .iter()
            .map(|record| Action::from(&**record))
            .collect(),
        system_info: SystemInfo {
            active_requests: active,
            circuit_breakers: BTreeMap::from([(
                "upstream".to_owned(),
                Breaker {
                    failures: layer.failures,
                    last_failure: layer.last_failure.map(|time| {
                        let since = time.duration_since(SystemTime::UNIX_EPOCH);
                        timestamp(since.unwrap_or_default().as_secs_f64())
                    }),
                    state: layer.breaker.name(),
                    since_s: (layer.breaker_for.as_secs_f64() * 10.0).round() / 10.0,
                    probes: layer.probes,
                    probes_failed: layer.probes_failed,
                },
            )]),
            thresholds: Thresholds {
                memory_mb: threshold("memory-mb"),
                cpu_percent: threshold("cpu-percent"),
                connection_count: threshold("connection-count"),
                request_latency_ms: threshold("request-latency-ms"),
                error_rate: threshold("error-rate"),
            },
            version: env!("CARGO_PKG_VERSION"),
            uptime_s: (service.started.elapsed().as_secs_f64() * 1000.0).round() / 1000.0,
            degradation_level: layer.level,
            throttle: Throttle {
                background_duty: service.shell.background.duty().get(),
                background_threads: service.shell.background.running(),
                degradation_level: layer.level,
            },
            requests: Requests::of(service, status),
            reclaimable: status.reclaimable.iter().map(Holding::from).collect(),
            healing: Healing {
                armed: status.ticks > 0,
                in_progress: status.open_faults.clone(),
                held: status
                    .episodes
                    .iter()
                    .filter(|episode| episode.state == EpisodeState::Held)
                    .map(|episode| Held {
                        error_type: episode.fault.replace('-', "_"),
                        reason: episode.reason.clone(),
                        since: timestamp(episode.since_unix),
                    })
                    .collect(),
                success_rate: success_rate(status),
                misshapen_decisions: status.misshapen_decisions,
                last_rule_error: status.last_rule_error.clone(),
            },
            rules: Rules::from(&status.rules),
        },
        detail: None,
    }
}

/// How fast a metric rises, by a least-squares line through the last minute.
/// `None` below three readings.
fn trend_per_minute(history: &[Arc<Kept>], metric: &str) -> Option<f64> {
    let newest = history.last()?.seconds;
    let points: Vec<(f64, f64)> = history
        .iter()
        .rev()
        .take_while(|reading| newest - reading.seconds <= TREND_SECONDS)
        .filter_map(|reading| Some((reading.seconds - newest, reading.get(metric)?)))
        .collect();
    if points.len() < 3 {
        return None;
    }
    let count = points.len() as f64;
    let mean_time = points.iter().map(|(time, _)| time).sum::<f64>() / count;
    let mean_value = points.iter().map(|(_, value)| value).sum::<f64>() / count;
    let (mut together, mut spread) = (0.0, 0.0);
    for (time, value) in &points {
        together += (time - mean_time) * (value - mean_value);
        spread += (time - mean_time).powi(2);
    }
    (spread > 0.0).then(|| (together / spread * 60.0 * 100.0).round() / 100.0)
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
/// `degraded` while there is a fault, a metric over its threshold, requests that are
/// served degraded or broken rules, else `healthy`.
pub(super) fn word(status: &Status) -> &'static str {
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
    let level = status.reading.metrics.get("degradation-level");
    let stands_in = level.is_some_and(|level| *level > 0.0);
    if lost {
        UNHEALTHY
    } else if over || stands_in || !status.open_faults.is_empty() || status.rules.error.is_some() {
        DEGRADED
    } else {
        HEALTHY
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::trend_per_minute;
    use crate::status::{Keeper, Kept, Reading};

    #[track_caller]
    fn check(points: &[(f64, f64)], expected: Option<f64>) {
        let mut keeper = Keeper::default();
        let history: Vec<Arc<Kept>> = points
            .iter()
            .map(|(seconds, value)| {
                Arc::new(keeper.keep(&Reading {
                    seconds: *seconds,
                    unix: *seconds,
                    metrics: BTreeMap::from([("memory-mb".to_owned(), *value)]),
                }))
            })
            .collect();
        assert_eq!(trend_per_minute(&history, "memory-mb"), expected);
    }

    #[test]
    fn trends_are_of_the_last_minute() {
        check(&[], None);
        check(&[(0.0, 1.0), (1.0, 2.0)], None);
        check(&[(0.0, 1.0), (1.0, 2.0), (2.0, 3.0)], Some(60.0));
        check(
            &[(0.0, 500.0), (100.0, 5.0), (101.0, 5.0), (102.0, 5.0)],
            Some(0.0),
        );
        check(&[(1.0, 1.0), (1.0, 2.0), (1.0, 3.0)], None);
    }
}

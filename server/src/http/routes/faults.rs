//! The demo faults of the upstream service: connections and failing requests.

use std::sync::Arc;
use std::time::Duration;

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER, WARNING};
use serde::Serialize;

use crate::front::Answered;
use crate::http::answer::{Answer, Failure};
use crate::http::service::Service;
use crate::http::table::Request;
use crate::work::{ConnectionFault, Served};

#[derive(Serialize)]
struct ConnectionIssues {
    message: String,
    total_connections: usize,
    active_connections: usize,
    failed_connections: usize,
    note: &'static str,
}

#[derive(Serialize)]
struct Completed {
    message: &'static str,
    failure_rate: f64,
    degraded: bool,
    note: &'static str,
}

#[derive(Serialize)]
struct Refused {
    detail: &'static str,
    degraded: bool,
}

#[derive(Serialize)]
struct Unhandled<'r> {
    detail: &'static str,
    /// The request's id, under which the log speaks of it.
    incident_id: &'r str,
}

const CRITICAL: &str =
    "CRITICAL: Unhandled request type - server cannot process this request pattern";

pub(in crate::http) async fn connection_issues(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let count = request.values.count("connection_count");
    let connections = service.shell.upstream.connections();
    let fault = request
        .values
        .text("fault")
        .and_then(ConnectionFault::of_name)
        .unwrap_or(ConnectionFault::Reset);
    let facts = &service.shell.healing.status.load().facts;
    let harmed = facts.get("broken-connections");
    let opened = connections.open(count, (fault, harmed)).await;
    let reading = connections.reading();
    Ok(Answer::json(&ConnectionIssues {
        message: format!("Opened {count} connections to the upstream service"),
        total_connections: opened.total,
        active_connections: opened.total.saturating_sub(reading.broken),
        failed_connections: opened.failed + reading.broken,
        note: "Real loopback connections in a pool, both ends of which count; the rules close \
               the idle ones, watch /health",
    }))
}

pub(in crate::http) async fn request_failures(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let rate = request.values.number("failure_rate").unwrap_or(0.7);
    let latency = Duration::from_millis(request.values.count("latency_ms") as u64);
    let injector = service.shell.upstream.injector();
    injector.fail_slowly(rate, latency);
    let served = service.shell.upstream.layer().serve().await;
    answer(&served, rate)
}

fn answer(served: &Served, failure_rate: f64) -> Result<Answer, Failure> {
    match served {
        Served::Fresh(_) => Ok(Answer::json(&Completed {
            message: "Request completed successfully",
            failure_rate,
            degraded: false,
            note: "The upstream service answered",
        })),
        Served::Degraded(older) => Ok(Answer::json(&Completed {
            message: "Request completed in degraded mode",
            failure_rate,
            degraded: true,
            note: match older {
                Some(_) => "An older answer of the upstream service stands in for a new one",
                None => "The upstream service has not answered yet; this stands in for it",
            },
        })
        .with_header(
            WARNING,
            HeaderValue::from_static("110 - \"response is stale\""),
        )
        .because("degraded")),
        Served::Refused(after) => Ok(Answer::json(&Refused {
            detail: "requests are refused while the upstream service fails; try again",
            degraded: true,
        })
        .with_status(StatusCode::SERVICE_UNAVAILABLE)
        .with_header(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)))
        .refused_by_healing()
        .because("refused-upstream")),
        Served::Failed(kind) => Err(Failure::Upstream(*kind)),
    }
}

/// A burst of failing calls through the layer, each counted as the failed request
/// that it would have been; then as any other request.
pub(in crate::http) async fn request_failures_immediate(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    service.shell.upstream.injector().fail(1.0);
    let burst = service
        .shell
        .healing
        .status
        .load()
        .facts
        .count("burst-requests");
    for _ in 0..burst {
        let in_flight = service.shell.front.begin();
        let served = service.shell.upstream.layer().serve().await;
        let lost = matches!(served, Served::Failed(_));
        in_flight.finish(match served {
            Served::Failed(_) => Answered::Failed,
            Served::Refused(_) => Answered::RefusedByHealing,
            Served::Fresh(_) | Served::Degraded(_) => Answered::Well,
        });
        if !lost {
            return answer(&served, 1.0);
        }
    }
    Ok(Answer::json(&Unhandled {
        detail: CRITICAL,
        incident_id: &request.id,
    })
    .with_status(StatusCode::INTERNAL_SERVER_ERROR)
    .failed(CRITICAL)
    .because("burst"))
}

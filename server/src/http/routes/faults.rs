//! The demo faults of the upstream service: connections and failing requests.

use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{HeaderValue, RETRY_AFTER};
use serde_json::json;

use crate::http::Shell;
use crate::http::answer::{Answer, Failure};
use crate::http::table::Request;
use crate::work::Served;

/// Failing calls that `/demo/request-failures-immediate` makes.
const BURST: usize = 15;
const CRITICAL: &str =
    "CRITICAL: Unhandled request type - server cannot process this request pattern";

pub(in crate::http) async fn connection_issues(
    shell: Arc<Shell>,
    request: Request,
) -> Result<Answer, Failure> {
    let count = request.values.count("connection_count");
    let connections = shell.upstream.connections();
    let opened = connections.open(count).await;
    let reading = connections.reading();
    Ok(Answer::json(&json!({
        "message": format!("Opened {count} connections to the upstream service"),
        "total_connections": opened.total,
        "active_connections": reading.size - reading.broken,
        "failed_connections": opened.failed + reading.broken,
        "note": "Real loopback connections in a pool; both ends count. The rules close the idle ones; watch /health",
    })))
}

pub(in crate::http) async fn request_failures(
    shell: Arc<Shell>,
    request: Request,
) -> Result<Answer, Failure> {
    let rate = request.values.number("failure_rate").unwrap_or(0.7);
    shell.upstream.injector().fail(rate);
    let served = shell.upstream.layer().serve().await;
    answer(&served, rate)
}

fn answer(served: &Served, rate: f64) -> Result<Answer, Failure> {
    match served {
        Served::Fresh(_) => Ok(Answer::json(&json!({
            "message": "Request completed successfully",
            "failure_rate": rate,
            "degraded": false,
            "note": "The upstream service answered",
        }))),
        Served::Degraded(older) => Ok(Answer::json(&json!({
            "message": "Request completed in degraded mode",
            "failure_rate": rate,
            "degraded": true,
            "note": match older {
                Some(_) => "An older answer of the upstream service stands in for a new one",
                None => "The upstream service has not answered yet; this is a stand-in",
            },
        }))
        .with_header(
            hyper::header::WARNING,
            HeaderValue::from_static("110 - \"response is stale\""),
        )),
        Served::Refused(after) => Ok(Answer::json(&json!({
            "detail": "requests are refused while the upstream service fails; try again",
            "degraded": true,
        }))
        .with_status(StatusCode::SERVICE_UNAVAILABLE)
        .with_header(RETRY_AFTER, HeaderValue::from(after.as_secs().max(1)))
        .refused_by_healing()),
        Served::Failed(kind) => Err(Failure::Other(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("{}: {}", kind.name(), kind.text()),
        )),
    }
}

/// A burst of failing calls through the layer, each counted as the failed request
/// that it would have been; then as any other request.
pub(in crate::http) async fn request_failures_immediate(
    shell: Arc<Shell>,
    _: Request,
) -> Result<Answer, Failure> {
    shell.upstream.injector().fail(1.0);
    let mut failed = false;
    for _ in 0..BURST {
        let in_flight = shell.front.begin();
        let served = shell.upstream.layer().serve().await;
        let lost = matches!(served, Served::Failed(_));
        in_flight.finish(match served {
            Served::Failed(_) => crate::front::Answered::Failed,
            Served::Refused(_) => crate::front::Answered::RefusedByHealing,
            Served::Fresh(_) | Served::Degraded(_) => crate::front::Answered::Well,
        });
        failed |= lost;
        if !lost {
            return answer(&served, 1.0);
        }
    }
    debug_assert!(failed);
    Err(Failure::Other(
        StatusCode::INTERNAL_SERVER_ERROR,
        CRITICAL.to_owned(),
    ))
}

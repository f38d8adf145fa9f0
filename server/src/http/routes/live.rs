//! `/live`, `/ready`, `/test`: probes.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;
use serde_json::json;

use super::wire::{timestamp, unix_now};
use crate::http::answer::{Answer, Failure};
use crate::http::service::Service;
use crate::http::table::Request;

#[derive(Serialize)]
struct Live {
    status: &'static str,
}

pub(in crate::http) async fn live(_: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    Ok(Answer::json(&Live { status: "live" }))
}

#[derive(Serialize)]
struct Ready<'s> {
    status: &'static str,
    generation: &'s str,
}

/// 503 until the first sample was taken, and when the loop has stopped taking them.
pub(in crate::http) async fn ready(service: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    let status = service.shell.healing.status.load();
    let age = unix_now() - status.reading.unix;
    let late = age > 5.0 + 3.0 * status.interval;
    let reason = if service.shutdown.is_cancelled() {
        "the server is ending"
    } else if status.ticks == 0 {
        "no sample has been taken yet"
    } else if late {
        "samples are not being taken"
    } else {
        return Ok(Answer::json(&Ready {
            status: "ready",
            generation: &status.rules.generation,
        }));
    };
    Ok(
        Answer::json(&json!({ "status": "not ready", "detail": reason }))
            .with_status(StatusCode::SERVICE_UNAVAILABLE),
    )
}

#[derive(Serialize)]
struct Test {
    status: &'static str,
    timestamp: String,
}

pub(in crate::http) async fn test(_: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    Ok(Answer::json(&Test {
        status: "Server is working",
        timestamp: timestamp(unix_now()),
    }))
}

//! `/live`, `/ready`, `/test`: probes.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;

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
    #[serde(skip_serializing_if = "Option::is_none")]
    detail: Option<&'static str>,
}

/// 503 until the first sample was taken, and when the loop has stopped taking them.
pub(in crate::http) async fn ready(service: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    let status = service.shell.healing.status.load();
    let age = unix_now() - status.reading.unix;
    let late = age > 5.0 + 3.0 * status.interval;
    let detail = if service.shutdown.is_cancelled() {
        Some("the server is ending")
    } else if status.ticks == 0 {
        Some("no sample has been taken yet")
    } else if late {
        Some("samples are not being taken")
    } else {
        None
    };
    let (word, code) = match detail {
        None => ("ready", StatusCode::OK),
        Some(_) => ("not ready", StatusCode::SERVICE_UNAVAILABLE),
    };
    let ready = Ready {
        status: word,
        generation: &status.rules.generation,
        detail,
    };
    Ok(Answer::json(&ready).with_status(code))
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

//! `/live`, `/ready`, `/test`: probes.

use std::sync::Arc;

use hyper::StatusCode;
use serde_json::json;

use super::wire::{timestamp, unix_now};
use crate::http::Shell;
use crate::http::answer::{Answer, Failure};
use crate::http::table::Request;

pub(in crate::http) async fn live(_: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    Ok(Answer::json(&json!({ "status": "live" })))
}

/// 503 until the first sample was taken, and when the loop has stopped taking them.
pub(in crate::http) async fn ready(shell: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    let status = shell.healing.status.load();
    let age = unix_now() - status.reading.unix;
    let late = age > 5.0 + 3.0 * status.interval;
    let reason = if status.ticks == 0 {
        "no sample has been taken yet"
    } else if late {
        "samples are not being taken"
    } else {
        return Ok(Answer::json(
            &json!({ "status": "ready", "generation": status.rules.generation }),
        ));
    };
    Ok(
        Answer::json(&json!({ "status": "not ready", "detail": reason }))
            .with_status(StatusCode::SERVICE_UNAVAILABLE),
    )
}

pub(in crate::http) async fn test(_: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    Ok(Answer::json(
        &json!({ "status": "Server is working", "timestamp": timestamp(unix_now()) }),
    ))
}

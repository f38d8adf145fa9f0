//! `/log-level`: what is logged, while the server runs.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use crate::http::answer::{Answer, Failure, Invalid};
use crate::http::service::Service;
use crate::http::table::Request;
use crate::logging::LogError;

#[derive(Serialize)]
struct Level {
    level: String,
}

pub(in crate::http) async fn level(service: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    let level = service.shell.log.get();
    Ok(Answer::json(&Level { level }))
}

pub(in crate::http) async fn set_level(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let wanted = request.values.text("level").unwrap_or("");
    let before = service.shell.log.get();
    service.shell.log.set(wanted).map_err(|error| match error {
        LogError::NoLevel { .. } => Failure::Invalid(vec![Invalid {
            kind: "value_error",
            loc: vec!["query", "level"],
            msg: error.to_string(),
            input: json!(wanted),
            ctx: None,
        }]),
        other => Failure::Other(hyper::StatusCode::INTERNAL_SERVER_ERROR, other.to_string()),
    })?;
    if before != wanted {
        tracing::info!(from = %before, to = %wanted, "the log level is another");
    }
    level(service, request).await
}

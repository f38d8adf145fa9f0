//! `/healing/mode` and `/healing/strategies`: which rules act, and what is known of
//! the ladders that they climb.

use std::sync::Arc;

use serde::Serialize;
use serde_json::json;

use super::healing::{Mode, Strategy};
use super::mailbox::ask;
use crate::http::answer::{Answer, Failure, Invalid};
use crate::http::service::Service;
use crate::http::table::Request;
use crate::status::{Command, ModeRecord, SetMode};

/// The word for no mode of its own.
const AS_RULES_SAY: &str = "rules";

#[derive(Serialize)]
struct Modes {
    modes: Vec<Mode>,
}

fn shown(modes: &[ModeRecord]) -> Answer {
    Answer::json(&Modes {
        modes: modes.iter().map(Mode::from).collect(),
    })
}

pub(in crate::http) async fn modes(service: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    Ok(shown(&service.shell.healing.status.load().modes))
}

pub(in crate::http) async fn set_mode(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let given = |name| request.values.text(name).unwrap_or("");
    let invalid = |name, msg| {
        Failure::Invalid(vec![Invalid {
            kind: "value_error",
            loc: vec!["query", name],
            msg,
            input: json!(given(name)),
            ctx: None,
        }])
    };
    let mode = match given("mode") {
        AS_RULES_SAY => None,
        text => Some(text.parse().map_err(|error| invalid("mode", error))?),
    };
    let set = SetMode {
        fault: given("fault").replace('_', "-"),
        rule: given("rule").to_owned(),
        mode,
    };
    let (fault, rule) = (set.fault.clone(), set.rule.clone());
    let switched = ask(&service, |answer| Command::SetMode(set, answer)).await?;
    match switched {
        Ok(modes) => {
            tracing::info!(%fault, %rule, mode = given("mode"), "mode switched");
            Ok(shown(&modes))
        }
        Err(unknown) => Err(invalid("rule", unknown)),
    }
}

#[derive(Serialize)]
struct Strategies {
    strategies: Vec<Strategy>,
}

pub(in crate::http) async fn strategies(
    service: Arc<Service>,
    _: Request,
) -> Result<Answer, Failure> {
    let status = service.shell.healing.status.load();
    Ok(Answer::json(&Strategies {
        strategies: status.strategies.iter().map(Strategy::from).collect(),
    }))
}

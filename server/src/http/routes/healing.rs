//! `/healing/…`: what healing does, did, and goes by.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use serde_json::{Value, json};
use tokio::sync::oneshot;

use super::health::{success_rate, summary};
use super::wire::{Action, Rules, timestamp, unix_now};
use crate::effect::SPECS;
use crate::http::Shell;
use crate::http::answer::{Answer, Failure};
use crate::http::table::Request;
use crate::status::{Command, Verdict};

pub(in crate::http) async fn status(shell: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    let status = shell.healing.status.load();
    let mut faults: BTreeMap<String, BTreeMap<&'static str, u64>> = BTreeMap::new();
    for record in &status.actions {
        let counts = faults.entry(record.fault.clone()).or_default();
        *counts.entry("actions").or_default() += 1;
        *counts.entry(record.verdict.name()).or_default() += 1;
    }
    let mut answer = summary(&status);
    answer["timestamp"] = json!(timestamp(unix_now()));
    answer["armed"] = json!(status.ticks > 0);
    answer["ticks"] = json!(status.ticks);
    answer["sample_interval_s"] = json!(status.interval);
    answer["success_rate"] = json!(success_rate(&status));
    answer["by_fault"] = json!(faults);
    answer["open_verdicts"] = json!(
        status
            .actions
            .iter()
            .filter(|record| record.verdict == Verdict::Pending)
            .map(|record| record.id)
            .collect::<Vec<_>>()
    );
    answer["misshapen_decisions"] = json!(status.misshapen_decisions);
    answer["last_rule_error"] = json!(status.last_rule_error);
    answer["rules"] = json!(Rules::from(&status.rules));
    Ok(Answer::json(&answer))
}

pub(in crate::http) async fn actions(shell: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    let status = shell.healing.status.load();
    let actions: Vec<Action> = status
        .actions
        .iter()
        .map(|record| Action::from(&**record))
        .collect();
    Ok(Answer::json(&json!({ "actions": actions })))
}

pub(in crate::http) async fn action(
    shell: Arc<Shell>,
    request: Request,
) -> Result<Answer, Failure> {
    let status = shell.healing.status.load();
    let missing = || {
        Failure::not_found(format!(
            "there is no action {}; /healing/actions lists those that are kept",
            request.tail
        ))
    };
    let id: u64 = request.tail.parse().map_err(|_| missing())?;
    let record = status
        .actions
        .iter()
        .find(|record| record.id == id)
        .ok_or_else(missing)?;
    Ok(Answer::json(&Action::from(&**record)))
}

pub(in crate::http) async fn rules(shell: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    let status = shell.healing.status.load();
    let mut answer = json!(Rules::from(&status.rules));
    answer["thresholds"] = json!(status.thresholds);
    answer["effectors"] = SPECS
        .iter()
        .map(|spec| {
            json!({
                "call": spec.usage(),
                "description": spec.description,
                "scope": spec.scope,
                "compensator": spec.compensator,
            })
        })
        .collect::<Vec<Value>>()
        .into();
    Ok(Answer::json(&answer))
}

fn busy() -> Failure {
    Failure::Other(
        StatusCode::SERVICE_UNAVAILABLE,
        "the healing loop is busy or has ended; try again".to_owned(),
    )
}

/// Hands a command to the loop and waits for its answer.
async fn ask<T>(
    shell: &Shell,
    command: impl FnOnce(oneshot::Sender<T>) -> Command,
) -> Result<T, Failure> {
    let (sender, receiver) = oneshot::channel();
    shell
        .healing
        .commands
        .send(command(sender))
        .await
        .map_err(|_| busy())?;
    receiver.await.map_err(|_| busy())
}

/// 200 with the rules in force, 422 if the files cannot be loaded.
pub(in crate::http) async fn reload(shell: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    let rules = ask(&shell, Command::Reload).await?;
    let failed = rules.error.as_ref().map(|error| {
        format!(
            "{}:{}:{}: {}; the last good rules stay in force",
            error.file, error.line, error.column, error.message
        )
    });
    let mut answer = json!(Rules::from(&rules));
    Ok(match failed {
        None => Answer::json(&answer),
        Some(text) => {
            answer["detail"] = json!(text);
            Answer::json(&answer).with_status(StatusCode::UNPROCESSABLE_ENTITY)
        }
    })
}

pub(in crate::http) async fn reset(shell: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    ask(&shell, Command::Reset).await?;
    Ok(Answer::json(&json!({
        "status": "success",
        "message": "Open episodes are forgotten; every fault can be healed again, as always",
        "healing_states": {
            "memory_healing_ready": true,
            "cpu_healing_ready": true,
            "connection_healing_ready": true,
            "healing_history_cleared": false,
        },
        "timestamp": timestamp(unix_now()),
    })))
}

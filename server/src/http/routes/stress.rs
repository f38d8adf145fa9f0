//! `/demo/stress-test`: all faults in turn.

use std::sync::Arc;

use hyper::StatusCode;
use serde::Serialize;

use crate::http::answer::{Answer, Failure};
use crate::http::service::Service;
use crate::http::table::Request;
use crate::stress::{Report, Running, Subjects};

#[derive(Serialize)]
struct Started {
    message: &'static str,
    phases: [&'static str; 4],
    expected_duration: &'static str,
    monitoring_note: &'static str,
    run_id: u64,
    report_url: String,
}

#[derive(Serialize)]
struct Shown {
    run_id: u64,
    status: &'static str,
    phases: Vec<Phase>,
}

#[derive(Serialize)]
struct Phase {
    fault: String,
    injected: String,
    detected_after_s: Option<f64>,
    healed_after_s: Option<f64>,
    verified: bool,
    action_url: Option<String>,
}

/// 409 while a run is under way.
pub(in crate::http) async fn start(service: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    let shell = &service.shell;
    let subjects = Subjects {
        healing: shell.healing.clone(),
        sessions: shell.sessions.clone(),
        background: shell.background.clone(),
        upstream: shell.upstream.clone(),
        front: shell.front.clone(),
    };
    let run_id = shell.stress.start(subjects).map_err(|Running(id)| {
        Failure::Other(
            StatusCode::CONFLICT,
            format!("stress test {id} is running; see /demo/stress-test/{id}"),
        )
    })?;
    Ok(Answer::json(&Started {
        message: "Stress test started",
        phases: [
            "Memory: sessions beyond the threshold",
            "CPU: background threads beyond the threshold",
            "Connections: twice the threshold",
            "Requests: nine of ten calls of the upstream service fail",
        ],
        expected_duration: "~40 seconds",
        monitoring_note: "Each phase waits until a verdict says that the fault is gone",
        run_id,
        report_url: format!("/demo/stress-test/{run_id}"),
    }))
}

pub(in crate::http) async fn report(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let missing = || {
        Failure::not_found(format!(
            "there is no stress test {}; POST /demo/stress-test starts one",
            request.tail
        ))
    };
    let id: u64 = request.tail.parse().map_err(|_| missing())?;
    let Report { id, stage, phases } = service.shell.stress.report(id).ok_or_else(missing)?;
    Ok(Answer::json(&Shown {
        run_id: id,
        status: stage.name(),
        phases: phases
            .into_iter()
            .map(|phase| Phase {
                fault: phase.fault.replace('-', "_"),
                injected: phase.injected,
                detected_after_s: phase.detected_after,
                healed_after_s: phase.healed_after,
                verified: phase.verified,
                action_url: phase.action.map(|id| format!("/healing/actions/{id}")),
            })
            .collect(),
    }))
}

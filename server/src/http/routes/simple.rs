//! The dashboard without scripts: the state as tables, and forms that POST.

use std::fmt::Write;
use std::sync::Arc;

use super::health::word;
use super::pages::{beginning, escaped, html};
use super::wire::timestamp;
use crate::http::answer::{Answer, Failure};
use crate::http::service::Service;
use crate::http::table::Request;
use crate::status::{RulesStatus, Status};

/// Actions that are shown.
const ACTIONS: usize = 20;

/// What its buttons ask, and what they say.
const FORMS: &[(&str, &str)] = &[
    ("/demo/memory-leak?size_mb=60&amp;count=8", "Leak 480 MiB"),
    (
        "/demo/cpu-overload?duration=20&amp;num_threads=4",
        "Burn 4 threads, 20 s",
    ),
    (
        "/demo/connection-issues?connection_count=90",
        "Leave 90 connections idle",
    ),
    ("/demo/request-failures?failure_rate=0.9", "Fail a request"),
    ("/demo/stress-test", "All four in turn"),
    ("/demo/reset", "Reset the demos"),
    ("/healing/reload", "Reload the rules"),
];

/// Reloads itself every few seconds.
pub(in crate::http) async fn simple_dashboard(
    service: Arc<Service>,
    _: Request,
) -> Result<Answer, Failure> {
    let status = service.shell.healing.status.load();
    let word = word(&status);
    let demos = service.shell.settings.demo;
    let forms: String = FORMS
        .iter()
        .filter(|(path, _)| demos || !path.starts_with("/demo/"))
        .map(|(path, label)| {
            format!("<form method=post action=\"{path}\"><button>{label}</button></form>")
        })
        .collect();
    Ok(html(format!(
        "{}<main><p>It is <span class=\"badge {word}\">{word}</span> as of {}. This page reloads itself every 5 s.</p>{}\
         <section><h2>Metrics with a threshold</h2>{}</section>\
         <section><h2>Healing actions</h2>{}</section><section><h2>Do</h2>{forms}</section>\
         <section><h2>Every other metric</h2>{}</section></main>",
        beginning("Chimera", "Chimera", "<meta http-equiv=refresh content=5>"),
        timestamp(status.reading.unix),
        rules(&status.rules),
        limited_metrics(&status),
        actions(&status),
        other_metrics(&status),
    )))
}

fn rules(rules: &RulesStatus) -> String {
    match &rules.error {
        None => format!(
            "<p>Rules in force: <code>{}</code> ({})</p>",
            escaped(&rules.generation),
            escaped(&rules.files.join(", "))
        ),
        Some(error) => format!(
            "<section class=notice><h2 class=wrong>The rule files are wrong; the last good rules stay in force</h2>\
             <p>{}:{}:{}: {}</p><pre>{}</pre></section>",
            escaped(&error.file),
            error.line,
            error.column,
            escaped(&error.message),
            escaped(&error.drawn)
        ),
    }
}

fn limited_metrics(status: &Status) -> String {
    let mut rows = String::new();
    for (metric, limit) in &status.thresholds {
        let (value, word) = match status.reading.metrics.get(metric) {
            Some(value) if value > limit => (value.to_string(), "over"),
            Some(value) => (value.to_string(), "ok"),
            None => ("–".to_owned(), "collecting"),
        };
        write!(
            rows,
            "<tr><th scope=row>{}<td>{value}<td>{limit}<td><span class=\"badge {word}\">{word}</span>",
            escaped(metric)
        )
        .expect("strings take all writes");
    }
    format!(
        "<div class=scroll><table aria-label=Thresholds><thead><tr><th scope=col>metric<th scope=col>now<th scope=col>threshold\
         <th scope=col>standing<tbody>{rows}</table></div>"
    )
}

fn other_metrics(status: &Status) -> String {
    let mut rows = String::new();
    for (metric, value) in &status.reading.metrics {
        if !status.thresholds.contains_key(metric) {
            write!(rows, "<tr><th scope=row>{}<td>{value}", escaped(metric))
                .expect("strings take all writes");
        }
    }
    format!(
        "<div class=scroll><table aria-label=Metrics><thead><tr><th scope=col>metric<th scope=col>now<tbody>{rows}</table></div>"
    )
}

fn actions(status: &Status) -> String {
    if status.actions.is_empty() {
        return "<p class=quiet>Nothing has been healed yet: no rule has decided anything.</p>"
            .to_owned();
    }
    let mut rows = String::new();
    for record in status.actions.iter().rev().take(ACTIONS) {
        let outcome = match &record.outcome {
            Ok(text) | Err(text) => text,
        };
        let verdict = record.verdict.name();
        write!(
            rows,
            "<tr><td><a href=\"/healing/actions/{}\">{}</a><td>{}<td><code>{}</code><td>{}<td>{}\
             <td><span class=\"badge {verdict}\">{verdict}</span>",
            record.id,
            timestamp(record.unix),
            escaped(&record.fault),
            escaped(&record.call),
            escaped(&record.reason),
            escaped(outcome),
        )
        .expect("strings take all writes");
    }
    format!(
        "<div class=scroll><table aria-label=\"Healing actions\"><thead><tr><th scope=col>time<th scope=col>fault<th scope=col>action\
         <th scope=col>because<th scope=col>outcome<th scope=col>verdict<tbody>{rows}</table></div>"
    )
}

//! Series of metrics out, samples from outside in.

use std::collections::BTreeMap;
use std::sync::Arc;

use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;

use crate::http::Shell;
use crate::http::answer::{Answer, Failure};
use crate::http::table::Request;
use crate::status::Command;

const SAMPLES_MAX: usize = 1000;
const NAME_MAX: usize = 64;

pub(in crate::http) async fn history(
    shell: Arc<Shell>,
    request: Request,
) -> Result<Answer, Failure> {
    let status = shell.healing.status.load();
    let since = request.values.number("since").unwrap_or(0.0);
    let step = request.values.number("step").unwrap_or(0.0);
    let mut series: BTreeMap<&str, Vec<[f64; 2]>> = BTreeMap::new();
    let mut next = f64::NEG_INFINITY;
    for reading in &status.history {
        if reading.unix < since || reading.unix < next {
            continue;
        }
        next = reading.unix + step;
        for (metric, value) in &reading.metrics {
            series
                .entry(metric)
                .or_default()
                .push([(reading.unix * 1000.0).round() / 1000.0, *value]);
        }
    }
    Ok(Answer::json(
        &json!({ "interval_s": status.interval, "series": series }),
    ))
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Ingest {
    samples: Vec<Sample>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Sample {
    metric: String,
    value: f64,
}

pub(in crate::http) async fn ingest(
    shell: Arc<Shell>,
    request: Request,
) -> Result<Answer, Failure> {
    let ingest: Ingest = super::atomspace::json_body(
        &request.body,
        r#"{"samples": [{"metric": "queue-depth", "value": 12}]}"#,
    )?;
    if ingest.samples.len() > SAMPLES_MAX {
        return Err(Failure::bad_request(format!(
            "at most {SAMPLES_MAX} samples at once, not {}",
            ingest.samples.len()
        )));
    }
    for sample in &ingest.samples {
        check(sample)?;
    }
    let accepted = ingest.samples.len();
    let samples = ingest
        .samples
        .into_iter()
        .map(|sample| (sample.metric, sample.value))
        .collect();
    shell
        .healing
        .commands
        .send(Command::Ingest(samples))
        .await
        .map_err(|_| {
            Failure::Other(
                StatusCode::SERVICE_UNAVAILABLE,
                "the healing loop has ended".to_owned(),
            )
        })?;
    Ok(Answer::json(&json!({ "accepted": accepted })))
}

fn check(sample: &Sample) -> Result<(), Failure> {
    let word = !sample.metric.is_empty()
        && sample.metric.len() <= NAME_MAX
        && sample
            .metric
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte))
        && sample.metric.as_bytes()[0].is_ascii_alphabetic();
    if word && sample.value.is_finite() {
        Ok(())
    } else {
        Err(Failure::bad_request(format!(
            "a metric's name is a letter and then letters, digits and -_.:/, at most {NAME_MAX} in all; {:?} is none",
            sample.metric
        )))
    }
}

//! Series of metrics out, samples from outside in.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::wire::unix_now;
use super::{body, mailbox};
use crate::http::answer::{Answer, Failure};
use crate::http::service::Service;
use crate::http::table::Request;
use crate::status::Command;

pub(in crate::http) const EXAMPLE: &str =
    r#"{"samples": [{"metric": "queue-depth", "value": 12}]}"#;
const SAMPLES_MAX: usize = 1000;
const NAME_MAX: usize = 64;
/// How far a sample's own time may be from now: it counts as one of now.
const TIME_OFF_MAX: f64 = 60.0;

#[derive(Serialize)]
struct History<'s> {
    interval_s: f64,
    /// `[unix, value]` by metric, oldest first.
    series: BTreeMap<&'s str, Vec<[f64; 2]>>,
}

pub(in crate::http) async fn history(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let status = service.shell.healing.status.load();
    let since = request.values.number("since").unwrap_or(0.0);
    let step = request.values.number("step").unwrap_or(0.0);
    let wanted = request.values.text("metric");
    let mut series: BTreeMap<&str, Vec<[f64; 2]>> = BTreeMap::new();
    let mut next = f64::NEG_INFINITY;
    for reading in &status.history {
        if reading.unix < since || reading.unix < next {
            continue;
        }
        next = reading.unix + step;
        let metrics = reading.metrics.iter();
        for (metric, value) in metrics.filter(|(name, _)| wanted.is_none_or(|one| one == *name)) {
            series
                .entry(metric)
                .or_default()
                .push([(reading.unix * 1000.0).round() / 1000.0, *value]);
        }
    }
    Ok(Answer::json(&History {
        interval_s: status.interval,
        series,
    }))
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
    /// Unix time in seconds.
    time: Option<f64>,
}

#[derive(Serialize)]
struct Ingested {
    accepted: usize,
}

pub(in crate::http) async fn ingest(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let ingest: Ingest = body::json(&request.body, EXAMPLE)?;
    if ingest.samples.len() > SAMPLES_MAX {
        return Err(Failure::bad_request(format!(
            "at most {SAMPLES_MAX} samples at once, not {}",
            ingest.samples.len()
        )));
    }
    let now = unix_now();
    for (index, sample) in ingest.samples.iter().enumerate() {
        check(sample, now)
            .map_err(|text| Failure::bad_request(format!("samples[{index}]: {text}")))?;
    }
    let accepted = ingest.samples.len();
    let samples = ingest
        .samples
        .into_iter()
        .map(|sample| (sample.metric, sample.value))
        .collect();
    mailbox::tell(&service, Command::Ingest(samples)).await?;
    Ok(Answer::json(&Ingested { accepted }))
}

/// JSON has no numbers that are not finite, so values need no check.
fn check(sample: &Sample, now: f64) -> Result<(), String> {
    let name = sample.metric.as_bytes();
    let begins = name.first().is_some_and(u8::is_ascii_alphabetic);
    let goes_on = |byte: &u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(byte);
    if !begins || name.len() > NAME_MAX || !name.iter().all(goes_on) {
        return Err(format!(
            "a metric's name is a letter and then letters, digits and -_.:/, at most {NAME_MAX} in all; {:?} is none",
            sample.metric
        ));
    }
    match sample.time {
        Some(time) if (time - now).abs() > TIME_OFF_MAX => Err(format!(
            "time {time} is more than {TIME_OFF_MAX} s from now, {now:.3} in Unix seconds: only what is measured now is taken"
        )),
        _ => Ok(()),
    }
}

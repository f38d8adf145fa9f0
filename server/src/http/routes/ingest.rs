//! `/ingest`: samples and events from outside, in three ways of writing.

mod atoms;
mod prometheus;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::wire::unix_now;
use super::{body, mailbox};
use crate::events::Severity;
use crate::http::answer::{Answer, Failure};
use crate::http::service::Service;
use crate::http::table::Request;
use crate::status::{Command, IngestError, Posted};

pub(in crate::http) const EXAMPLE: &str =
    r#"{"samples": [{"metric": "queue-depth", "value": 12}]}"#;
const LINES: &str = "queue_depth{queue=\"mail\"} 12\n";
/// The types of body that are taken, each with an example.
pub(in crate::http) const TYPES: &[(&str, &str)] = &[
    (JSON, EXAMPLE),
    (METTA, "(sample queue-depth 12) (event error \"disk full\")"),
    ("text/plain", LINES),
    ("application/openmetrics-text", LINES),
];
const JSON: &str = "application/json";
const METTA: &str = "application/x-metta";
const SAMPLES_MAX: usize = 1000;
const EVENTS_MAX: usize = 100;
const NAME_MAX: usize = 64;
/// How far a sample's own time may be from now: it counts as one of now.
const TIME_OFF_MAX: f64 = 60.0;

/// What came from outside.
#[derive(Debug, Default, PartialEq)]
struct Told {
    samples: Vec<Sample>,
    events: Vec<Event>,
}

/// The same as JSON: one of the two must be there.
#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct ToldAsJson {
    #[serde(default, deserialize_with = "present")]
    samples: Option<Vec<Sample>>,
    #[serde(default, deserialize_with = "present")]
    events: Option<Vec<Event>>,
}

/// What may be left out, but is no `null` where it is written.
fn present<'de, D: serde::Deserializer<'de>, T: Deserialize<'de>>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    T::deserialize(deserializer).map(Some)
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Sample {
    metric: String,
    value: f64,
    /// Unix time in seconds.
    time: Option<f64>,
}

#[derive(Debug, Deserialize, PartialEq)]
#[serde(deny_unknown_fields)]
struct Event {
    severity: Word,
    text: String,
}

#[derive(Clone, Copy, Debug, Deserialize, PartialEq)]
#[serde(rename_all = "lowercase")]
enum Word {
    Error,
    Warning,
}

#[derive(Serialize)]
struct Ingested {
    accepted: usize,
    events: usize,
}

pub(in crate::http) async fn ingest(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let told = read(&request)?;
    let now = unix_now();
    check_all(&told, now)?;
    let (accepted, events) = (told.samples.len(), told.events.len());
    if accepted > 0 || events == 0 {
        let samples = told.samples.into_iter();
        let samples: Vec<Posted> = samples
            .map(|sample| Posted {
                metric: sample.metric,
                value: sample.value,
                unix: sample.time.unwrap_or(now),
            })
            .collect();
        mailbox::ask(&service, |answer| Command::Ingest(samples, answer))
            .await?
            .map_err(|error| match error {
                IngestError::Measured(_) => Failure::bad_request(error.to_string()),
                IngestError::TooMany { .. } => Failure::TooMany(error.to_string()),
            })?;
    }
    for event in &told.events {
        let severity = match event.severity {
            Word::Error => Severity::Error,
            Word::Warning => Severity::Warning,
        };
        service.shell.events.tell(severity, &event.text);
    }
    Ok(Answer::json(&Ingested { accepted, events }))
}

/// Reads a body by its type; what is not said is seen by how it begins.
fn read(request: &Request) -> Result<Told, Failure> {
    let text = || {
        std::str::from_utf8(&request.body)
            .map_err(|error| Failure::bad_request(format!("the body is not UTF-8: {error}")))
    };
    let begins = request.body.iter().find(|byte| !byte.is_ascii_whitespace());
    match (request.media_type.to_ascii_lowercase().as_str(), begins) {
        (METTA, _) => atoms::read(text()?),
        (JSON, _) | (_, None | Some(b'{' | b'[')) => read_json(&request.body),
        (_, Some(b'(' | b';')) => atoms::read(text()?),
        _ => prometheus::read(text()?),
    }
}

fn read_json(body: &[u8]) -> Result<Told, Failure> {
    let ToldAsJson { samples, events } = body::json(body, EXAMPLE)?;
    if samples.is_none() && events.is_none() {
        return Err(Failure::bad_request(format!(
            "the body has neither samples nor events; send {EXAMPLE}"
        )));
    }
    Ok(Told {
        samples: samples.unwrap_or_default(),
        events: events.unwrap_or_default(),
    })
}

fn check_all(told: &Told, now: f64) -> Result<(), Failure> {
    let too_many = |count, what, most| {
        Failure::bad_request(format!("at most {most} {what} at once, not {count}"))
    };
    if told.samples.len() > SAMPLES_MAX {
        return Err(too_many(told.samples.len(), "samples", SAMPLES_MAX));
    }
    if told.events.len() > EVENTS_MAX {
        return Err(too_many(told.events.len(), "events", EVENTS_MAX));
    }
    for (index, sample) in told.samples.iter().enumerate() {
        check(sample, now)
            .map_err(|text| Failure::bad_request(format!("samples[{index}]: {text}")))?;
    }
    Ok(())
}

/// None of the ways of writing lets a number through that is not finite.
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

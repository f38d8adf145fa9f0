//! `/events`: what `/health` says, each time that it changes, and what happened.

use std::collections::HashMap;
use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use serde::Serialize;
use serde_json::json;
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until};

use super::wire::{Action, Rules};
use crate::http::answer::{Answer, Failure};
use crate::http::service::Service;
use crate::http::table::Request;
use crate::status::{Kept, Status, Verdict};

const CONTENT_TYPE: &str = "text/event-stream";
/// How often the published status is looked at.
const LOOK: Duration = Duration::from_millis(100);
/// Readings that are sent again to a client that was away.
const MISSED_MAX: usize = 300;

struct Watching {
    service: Arc<Service>,
    /// What was sent last.
    seen: Option<Arc<Status>>,
    /// The id of the last event that the client got on an earlier connection.
    resumed: Option<u64>,
    _permit: OwnedSemaphorePermit,
}

/// One event for the status as it is, then one for each later one. A client that
/// reads slowly misses those in between, never the newest. Before each come, by
/// name, the `action`s that were decided or judged since, the `episode`s that opened
/// or closed, and the `rules` if others are in force or they are found wrong. A
/// client that comes back with the id of its last event gets what it missed, the
/// `sample`s among it, as far as it is kept.
pub(in crate::http) async fn events(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    if request.head {
        return Ok(Answer::parts(
            CONTENT_TYPE,
            futures_util::stream::empty().boxed(),
        ));
    }
    let permit = Arc::clone(&service.streams)
        .try_acquire_owned()
        .map_err(|_| {
            Failure::Busy(format!(
                "there are {} streams of events, as many as there may be; close one or poll /health",
                service.limits.streams
            ))
        })?;
    let watching = Watching {
        service,
        seen: None,
        resumed: request.last_event_id.and_then(|id| id.parse().ok()),
        _permit: permit,
    };
    let parts: BoxStream<'static, Bytes> = unfold(watching, next).boxed();
    Ok(Answer::parts(CONTENT_TYPE, parts))
}

/// Waits for a change, at most until a sign of life is due.
async fn next(mut watching: Watching) -> Option<(Bytes, Watching)> {
    let heartbeat = Instant::now() + watching.service.limits.heartbeat;
    loop {
        let status = watching.service.shell.healing.status.load_full();
        if !watching
            .seen
            .as_ref()
            .is_some_and(|seen| Arc::ptr_eq(seen, &status))
        {
            let text = news(&watching, &status);
            watching.seen = Some(status);
            return Some((text.into(), watching));
        }
        tokio::select! {
            () = watching.service.ending.cancelled() => return None,
            () = sleep_until(heartbeat) => {
                return Some((Bytes::from_static(b": still here\n\n"), watching));
            }
            () = sleep(LOOK) => {}
        }
    }
}

/// What there is to say of a status.
fn news(watching: &Watching, status: &Status) -> String {
    let mut text = String::new();
    match (&watching.seen, watching.resumed) {
        (Some(seen), _) => happened(&mut text, seen, status),
        (None, resumed) => {
            text.push_str("retry: 2000\n");
            if let Some(id) = resumed {
                missed(&mut text, id, status);
            }
        }
    }
    let health = watching.service.prepared.get(&watching.service);
    let json = std::str::from_utf8(health.json()).expect("JSON is UTF-8");
    write!(text, "id: {}\ndata: {json}\n\n", status.ticks).expect("strings take all writes");
    text
}

fn tell(text: &mut String, name: &str, value: &impl Serialize) {
    let json = serde_json::to_string(value).expect("wire structs have string keys");
    write!(text, "event: {name}\ndata: {json}\n\n").expect("strings take all writes");
}

fn tell_episode(text: &mut String, fault: &str, state: &str) {
    let fault = fault.replace('-', "_");
    tell(text, "episode", &json!({ "fault": fault, "state": state }));
}

/// What changed from one status to a later one.
fn happened(text: &mut String, before: &Status, now: &Status) {
    let known: HashMap<u64, Verdict> = before
        .actions
        .iter()
        .map(|record| (record.id, record.verdict))
        .collect();
    for record in &now.actions {
        if known.get(&record.id) != Some(&record.verdict) {
            tell(text, "action", &Action::from(&**record));
        }
    }
    for fault in &now.open_faults {
        if !before.open_faults.contains(fault) {
            tell_episode(text, fault, "opened");
        }
    }
    for fault in &before.open_faults {
        if !now.open_faults.contains(fault) {
            tell_episode(text, fault, "closed");
        }
    }
    let error = |status: &Status| status.rules.error.as_ref().map(|error| error.drawn.clone());
    if before.rules.generation != now.rules.generation || error(before) != error(now) {
        tell(text, "rules", &Rules::from(&now.rules));
    }
}

/// What a client missed that last heard of tick `id`, as far as it is kept. An id of
/// another life of the server is of none of its ticks.
fn missed(text: &mut String, id: u64, status: &Status) {
    let Some(ticks) = status.ticks.checked_sub(id) else {
        return;
    };
    let away = usize::try_from(ticks).unwrap_or(usize::MAX);
    let history = &status.history;
    let readings = &history[history.len().saturating_sub(away.min(MISSED_MAX))..];
    // The newest is part of what comes next.
    for reading in readings.iter().rev().skip(1).rev() {
        tell(
            text,
            "sample",
            &json!({ "unix": reading.unix, "metrics": reading.metrics() }),
        );
    }
    let since = history
        .len()
        .checked_sub(away + 1)
        .and_then(|index| history.get(index))
        .map_or(f64::NEG_INFINITY, |reading: &Arc<Kept>| reading.unix);
    for record in &status.actions {
        let judged = record
            .after
            .as_ref()
            .map_or(record.unix, |after| after.unix);
        if record.unix > since || judged > since {
            tell(text, "action", &Action::from(&**record));
        }
    }
    if status.rules.loaded_unix > since || status.rules.error.is_some() {
        tell(text, "rules", &Rules::from(&status.rules));
    }
}

//! `/events`: what `/health` says, each time that it changes.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt;
use futures_util::stream::{BoxStream, unfold};
use tokio::sync::OwnedSemaphorePermit;
use tokio::time::{Instant, sleep, sleep_until};

use super::health::describe;
use crate::http::answer::{Answer, Failure};
use crate::http::service::Service;
use crate::http::table::Request;
use crate::status::Status;

const CONTENT_TYPE: &str = "text/event-stream";
/// How often the published status is looked at.
const LOOK: Duration = Duration::from_millis(100);

struct Watching {
    service: Arc<Service>,
    /// What was sent last.
    seen: Option<Arc<Status>>,
    _permit: OwnedSemaphorePermit,
}

/// One event for the status as it is, then one for each later one. A client that
/// reads slowly misses those in between, never the newest.
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
            let event = event(&watching, &status);
            watching.seen = Some(status);
            return Some((event, watching));
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

fn event(watching: &Watching, status: &Status) -> Bytes {
    let health = describe(&watching.service, status);
    let json = serde_json::to_string(&health).expect("wire structs have string keys");
    let retry = if watching.seen.is_none() {
        "retry: 2000\n"
    } else {
        ""
    };
    format!("{retry}id: {}\ndata: {json}\n\n", status.ticks).into()
}

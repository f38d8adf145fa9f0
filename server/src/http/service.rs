//! One request: its id, its deadline, its panic, its route.

use std::future::Future;
use std::hash::BuildHasher;
use std::net::SocketAddr;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HOST, HeaderMap, HeaderName,
    HeaderValue, IF_NONE_MATCH, LOCATION, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Method, Response, StatusCode, Version};
use tokio::sync::Semaphore;
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Body, Failure, allow_header};
use super::guard::{Access, Guard};
use super::limits::Limits;
use super::table::{self, Request};
use super::{Shell, parameters};
use crate::events::Severity;
use crate::front::Answered;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// What answers that are no page may do in a browser: nothing.
const POLICY: &str = "default-src 'none'; frame-ancestors 'none'";

/// The shell at work.
pub(super) struct Service {
    pub(super) shell: Shell,
    pub(super) limits: Limits,
    pub(super) started: Instant,
    /// One permit for each query that is evaluated.
    pub(super) queries: Arc<Semaphore>,
    /// One permit for each stream of events.
    pub(super) streams: Arc<Semaphore>,
    /// Ends streams, which would not end by themselves.
    pub(super) shutdown: CancellationToken,
    guard: Guard,
    next_id: AtomicU64,
    /// Tells this process's request ids from another's.
    id_prefix: u32,
}

impl Service {
    pub(super) fn new(
        limits: Limits,
        address: SocketAddr,
        shell: Shell,
        shutdown: CancellationToken,
    ) -> Service {
        Service {
            guard: Guard::new(address, shell.settings.token.clone()),
            shell,
            limits,
            started: Instant::now(),
            queries: Arc::new(Semaphore::new(limits.queries)),
            streams: Arc::new(Semaphore::new(limits.streams)),
            shutdown,
            next_id: AtomicU64::new(1),
            id_prefix: std::hash::RandomState::new().hash_one(address) as u32,
        }
    }

    pub(super) async fn respond(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
    ) -> Response<Body> {
        let in_flight = self.shell.front.begin();
        let id = self.request_id(request.headers());
        let head = request.method() == Method::HEAD;
        let what = format!("{} {}", request.method(), request.uri().path());
        let answering = Arc::clone(&self).answer(request);
        let (answer, answered) = settle(&id, &what, self.limits.answer, answering).await;
        if answered == Answered::Failed {
            let text = format!("{what} failed with status {}", answer.status.as_u16());
            self.shell.events.tell(Severity::Error, &text);
        }
        in_flight.finish(answered);
        tracing::debug!(request = %id, %what, status = answer.status.as_u16());
        let mut response = answer.into_response();
        if head {
            let length = response.body().size_hint().exact();
            *response.body_mut() = Body::Whole(Bytes::new().into());
            if let Some(length) = length {
                let headers = response.headers_mut();
                headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
        }
        let headers = response.headers_mut();
        headers.insert(
            REQUEST_ID,
            HeaderValue::from_str(&id).expect("an id is letters, digits, dashes and dots"),
        );
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
        // Without a referrer, browsers call the origin of our own forms "null".
        headers.insert(REFERRER_POLICY, HeaderValue::from_static("same-origin"));
        headers
            .entry(CONTENT_SECURITY_POLICY)
            .or_insert(HeaderValue::from_static(POLICY));
        headers
            .entry(CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        response
    }

    async fn answer(self: Arc<Self>, request: hyper::Request<Incoming>) -> Result<Answer, Failure> {
        check_host_header(&request)?;
        let method = request.method().clone();
        let uri = request.uri().clone();
        let query = uri.query().unwrap_or("");
        let authority = uri.authority().map(hyper::http::uri::Authority::as_str);
        let found = table::find(&method, uri.path(), self.shell.settings.compat_get);
        let access = match &found {
            Ok((route, _)) => route.access,
            Err(_) => Access::Show,
        };
        // A stranger learns nothing, not even which routes there are.
        self.guard.check(request.headers(), authority, access)?;
        let (route, tail) = match found {
            Ok(found) => found,
            Err(Failure::MethodNotAllowed(methods)) if method == Method::OPTIONS => {
                return Ok(Answer::empty(StatusCode::NO_CONTENT)
                    .with_header(ALLOW, allow_header(&methods)));
            }
            Err(Failure::NotFound) => return elsewhere(uri.path(), query),
            Err(failure) => return Err(failure),
        };
        let values = parameters::check(route.parameters, query)?;
        let if_none_match = request
            .headers()
            .get(IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok())
            .map(ToOwned::to_owned);
        let tail = tail.to_owned();
        let body = if method == Method::POST {
            self.read_body(request.into_body()).await?
        } else {
            Bytes::new()
        };
        let request = Request {
            values,
            tail,
            body,
            head: method == Method::HEAD,
            if_none_match,
        };
        (route.answer)(self, request).await
    }

    async fn read_body(&self, body: Incoming) -> Result<Bytes, Failure> {
        let (limit, patience) = (self.limits.body_bytes, self.limits.body);
        if body.size_hint().lower() > limit as u64 {
            return Err(Failure::TooLarge(limit));
        }
        let reading = Limited::new(body, limit).collect();
        match tokio::time::timeout(patience, reading).await {
            Ok(Ok(body)) => Ok(body.to_bytes()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Failure::TooLarge(limit)),
            Ok(Err(error)) => Err(Failure::bad_request(format!(
                "the body could not be read: {error}"
            ))),
            Err(_) => Err(Failure::Other(
                StatusCode::REQUEST_TIMEOUT,
                format!("the body took longer than {} s", patience.as_secs_f64()),
            )),
        }
    }

    /// The client's own id if it is one, else a new one.
    fn request_id(&self, headers: &HeaderMap) -> String {
        let given = headers.get(REQUEST_ID).and_then(|id| id.to_str().ok());
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte);
        match given {
            Some(id) if (1..=64).contains(&id.len()) && id.bytes().all(plain) => id.to_owned(),
            _ => {
                let number = self.next_id.fetch_add(1, Ordering::Relaxed);
                format!("{:08x}-{number}", self.id_prefix)
            }
        }
    }
}

/// Waits for an answer, however it comes about, and says whether the service
/// failed. An answer that was asked for is none of its failures, whatever its
/// status: a probe that says "not ready" works.
async fn settle(
    id: &str,
    what: &str,
    patience: Duration,
    answering: impl Future<Output = Result<Answer, Failure>>,
) -> (Answer, Answered) {
    let answering = AssertUnwindSafe(answering).catch_unwind();
    let failure = match tokio::time::timeout(patience, answering).await {
        Ok(Ok(Ok(answer))) => {
            let answered = answer.answered;
            return (answer, answered);
        }
        Ok(Ok(Err(failure))) => failure,
        Ok(Err(_panic)) => Failure::Other(
            StatusCode::INTERNAL_SERVER_ERROR,
            format!("Internal Server Error; request {id} is in the log"),
        ),
        Err(_) => Failure::Other(
            StatusCode::GATEWAY_TIMEOUT,
            format!("no answer within {} s", patience.as_secs_f64()),
        ),
    };
    let text = failure.to_string();
    let answer = Answer::from(failure);
    let status = answer.status;
    if status.is_server_error() {
        tracing::error!(request = %id, %what, status = status.as_u16(), %text, "a request failed");
        (answer, Answered::Failed)
    } else {
        (answer, Answered::Well)
    }
}

/// HTTP/1.1 wants exactly one `Host`; two could be read as either.
fn check_host_header(request: &hyper::Request<Incoming>) -> Result<(), Failure> {
    let hosts = request.headers().get_all(HOST).iter().count();
    if hosts > 1 || (hosts == 0 && request.version() == Version::HTTP_11) {
        return Err(Failure::bad_request(
            "a request has exactly one Host header",
        ));
    }
    Ok(())
}

/// A path that is known with another end is answered with the way there.
fn elsewhere(path: &str, query: &str) -> Result<Answer, Failure> {
    let known = table::with_other_end(path).ok_or(Failure::NotFound)?;
    let to = if query.is_empty() {
        known.to_owned()
    } else {
        format!("{known}?{query}")
    };
    let to = HeaderValue::from_str(&to).map_err(|_| Failure::NotFound)?;
    Ok(Answer::empty(StatusCode::TEMPORARY_REDIRECT).with_header(LOCATION, to))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use hyper::StatusCode;

    use super::{Answer, Answered, Failure, settle};

    #[track_caller]
    fn check(found: (Answer, Answered), status: StatusCode, answered: Answered) {
        assert_eq!((found.0.status, found.1), (status, answered));
    }

    const PATIENCE: Duration = Duration::from_millis(50);

    #[tokio::test]
    async fn panics_and_endless_work_become_answers() {
        let panics = settle("id-1", "GET /", PATIENCE, async { panic!("on purpose") }).await;
        let text = panics.0.text_body();
        assert!(
            text.contains("id-1") && !text.contains("on purpose"),
            "{text}"
        );
        check(panics, StatusCode::INTERNAL_SERVER_ERROR, Answered::Failed);
        let endless = settle("id-2", "GET /", PATIENCE, std::future::pending()).await;
        check(endless, StatusCode::GATEWAY_TIMEOUT, Answered::Failed);
    }

    #[tokio::test]
    async fn neither_bad_input_nor_a_truthful_probe_is_a_failure_of_the_service() {
        let bad = settle("id", "", PATIENCE, async { Err(Failure::NotFound) }).await;
        check(bad, StatusCode::NOT_FOUND, Answered::Well);
        let probe = settle("id", "", PATIENCE, async {
            Ok(Answer::empty(StatusCode::SERVICE_UNAVAILABLE))
        });
        check(probe.await, StatusCode::SERVICE_UNAVAILABLE, Answered::Well);
    }
}

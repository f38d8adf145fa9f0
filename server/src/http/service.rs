//! One request: its id, its deadline, its panic, its route.

use std::future::Future;
use std::hash::BuildHasher;
use std::net::{IpAddr, SocketAddr};
use std::panic::AssertUnwindSafe;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::task::Poll;
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::{BodyExt, LengthLimitError, Limited};
use hyper::body::{Body as _, Incoming};
use hyper::header::{
    ALLOW, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap,
    HeaderName, HeaderValue, IF_NONE_MATCH, LOCATION, REFERRER_POLICY, TRANSFER_ENCODING,
    X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use hyper::{Method, Response, StatusCode, Uri, Version};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Body, Failure, allow_header};
use super::clients::Clients;
use super::encoding::Encoding;
use super::guard::{Access, Guard};
use super::limits::Limits;
use super::measure::Measures;
use super::routes::body;
use super::routes::health::Shelf;
use super::seldom::Seldom;
use super::table::{self, Found, Request, Route};
use super::{Shell, parameters};
use crate::events::Severity;
use crate::front::Answered;
use crate::inbound::Seat;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
const LAST_EVENT_ID: HeaderName = HeaderName::from_static("last-event-id");
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
    /// Whether the end has been asked for.
    pub(super) shutdown: CancellationToken,
    /// Ends streams, which would not end by themselves.
    pub(super) ending: CancellationToken,
    pub(super) guard: Guard,
    /// What `/health` says, ready to be sent.
    pub(super) prepared: Shelf,
    pub(super) measures: Measures,
    /// What each client has taken.
    pub(super) clients: Clients,
    /// One permit for each request that may be turned away.
    requests: Arc<Semaphore>,
    /// Whether requests are being turned away, so that it is said once.
    turning_away: AtomicBool,
    failures_said: Seldom,
    next_id: AtomicU64,
    /// Tells this process's request ids from another's.
    id_prefix: u32,
}

/// Whether there was room for the connection of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Caller {
    /// There was.
    Welcome,
    /// There was none: only what must answer is answered, once.
    Surplus,
}

impl Service {
    pub(super) fn new(
        limits: Limits,
        address: SocketAddr,
        shell: Shell,
        shutdown: CancellationToken,
        ending: CancellationToken,
    ) -> Service {
        Service {
            guard: Guard::new(
                address,
                shell.settings.token.clone(),
                shell.settings.hosts.clone(),
            ),
            shell,
            limits,
            started: Instant::now(),
            queries: Arc::new(Semaphore::new(limits.queries)),
            streams: Arc::new(Semaphore::new(limits.streams)),
            shutdown,
            ending,
            prepared: Shelf::default(),
            measures: Measures::default(),
            clients: Clients::new(limits.client_connections, limits.client_requests),
            requests: Arc::new(Semaphore::new(limits.requests)),
            turning_away: AtomicBool::new(false),
            failures_said: Seldom::default(),
            next_id: AtomicU64::new(1),
            id_prefix: std::hash::RandomState::new().hash_one(address) as u32,
        }
    }

    pub(super) async fn respond(
        self: Arc<Self>,
        request: hyper::Request<Incoming>,
        seat: Arc<Seat>,
        from: IpAddr,
        caller: Caller,
    ) -> Response<Body> {
        let under_way = seat.begin(request.version() == Version::HTTP_2);
        let in_flight = self.shell.front.begin();
        let id = self.request_id(request.headers());
        let method = request.method().clone();
        let uri = request.uri().clone();
        let encoding = Encoding::accepted(request.headers());
        let began = Instant::now();
        let found = table::find(&method, uri.path(), self.shell.settings.compat_get);
        let index = found.as_ref().ok().map(|found| found.index);
        let (answer, answered) = {
            // Pinned here: handed on by value, each layer would have room for it once more.
            let answering = pin!(self.answer(request, &id, &uri, found, from, caller));
            settle(&id, self.limits.answer, answering).await
        };
        let status = answer.status;
        if answered == Answered::Failed {
            self.tell_failure(&id, &method, &uri, &answer);
        }
        in_flight.finish_on(index.map(table::windowed), answered, answer.cause);
        self.measures
            .record(index, status.as_u16(), answer.cause, began.elapsed());
        tracing::debug!(request = %id, %method, path = uri.path(), status = status.as_u16());
        let mut response = encoding.encode(answer, method == Method::HEAD).await;
        if let Body::Parts(parts) = response.body_mut() {
            parts.keep(under_way);
        }
        let headers = response.headers_mut();
        let id = HeaderValue::from_maybe_shared(Bytes::from(id));
        headers.insert(
            REQUEST_ID,
            id.expect("an id is letters, digits, dashes and dots"),
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
        if caller == Caller::Surplus {
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        response
    }

    async fn answer(
        self: &Arc<Self>,
        request: hyper::Request<Incoming>,
        id: &str,
        uri: &Uri,
        found: Result<Found<'_>, Failure>,
        from: IpAddr,
        caller: Caller,
    ) -> Result<Answer, Failure> {
        self.check_head(&request)?;
        let essential = found.as_ref().is_ok_and(|found| found.route.essential);
        if !essential && let Err(wait) = self.clients.admit(from) {
            return Ok(Answer::too_often(wait));
        }
        let method = request.method().clone();
        let query = uri.query().unwrap_or("");
        let authority = uri.authority().map(hyper::http::uri::Authority::as_str);
        let access = match &found {
            Ok(found) => found.route.access,
            Err(_) => Access::Show,
        };
        // A stranger learns nothing, not even which routes there are.
        self.guard.check(request.headers(), authority, access)?;
        let Found { route, tail, .. } = match found {
            Ok(found) => found,
            Err(_) if method == Method::OPTIONS && uri.path() == "*" => {
                let all = [Method::GET, Method::HEAD, Method::POST, Method::OPTIONS];
                return Ok(
                    Answer::empty(StatusCode::NO_CONTENT).with_header(ALLOW, allow_header(&all))
                );
            }
            Err(Failure::MethodNotAllowed(methods)) if method == Method::OPTIONS => {
                return Ok(Answer::empty(StatusCode::NO_CONTENT)
                    .with_header(ALLOW, allow_header(&methods)));
            }
            Err(Failure::NotFound) => return elsewhere(uri.path(), query),
            Err(failure) => return Err(failure),
        };
        if route.is_demo() && !self.shell.settings.demo {
            return Err(Failure::not_found(
                "the demo routes are off, as this server is not bound to loopback; start it with --demo on to have them",
            ));
        }
        let _permit = self.admit(route, caller)?;
        let active = self.shell.front.active();
        if let Err(refused) = self.shell.front.gate().admit(route.weight(), active) {
            return Ok(Answer::turned_away(refused));
        }
        let values = parameters::check(route.parameters, query)?;
        let text = |name| {
            let value = request.headers().get(name)?;
            Some(value.to_str().ok()?.to_owned())
        };
        let if_none_match = text(IF_NONE_MATCH);
        let last_event_id = text(LAST_EVENT_ID);
        let media_type = body::media_type(&text(CONTENT_TYPE).unwrap_or_default()).to_owned();
        let authorized = self.guard.is_authorized(request.headers());
        let tail = tail.to_owned();
        let body = if method == Method::POST {
            body::check_type(route, request.headers())?;
            self.read_body(request.into_body()).await?
        } else {
            Bytes::new()
        };
        let request = Request {
            id: id.to_owned(),
            values,
            tail,
            body,
            media_type,
            head: method == Method::HEAD,
            if_none_match,
            last_event_id,
            authorized,
        };
        (route.answer)(Arc::clone(self), request).await
    }

    /// Lets a request through if there is room for it, or it must be answered.
    fn admit(
        &self,
        route: &Route,
        caller: Caller,
    ) -> Result<Option<OwnedSemaphorePermit>, Failure> {
        if route.essential {
            return Ok(None);
        }
        let permit = match caller {
            Caller::Welcome => Arc::clone(&self.requests).try_acquire_owned().ok(),
            Caller::Surplus => None,
        };
        let turning_away = permit.is_none();
        if self.turning_away.load(Ordering::Relaxed) != turning_away
            && (turning_away || self.requests.available_permits() > self.limits.requests / 2)
        {
            self.turning_away.store(turning_away, Ordering::Relaxed);
            if turning_away {
                tracing::warn!("too much at once: requests are turned away");
            } else {
                tracing::info!("requests are no longer turned away");
            }
        }
        match permit {
            Some(permit) => Ok(Some(permit)),
            None => Err(Failure::Busy(
                "the server has as much to do as it may have; try again".to_owned(),
            )),
        }
    }

    /// Tells the rules, and from time to time the log.
    fn tell_failure(&self, id: &str, method: &Method, uri: &Uri, answer: &Answer) {
        let path = uri.path();
        let status = answer.status.as_u16();
        let text = format!("{method} {path} failed with status {status}");
        self.shell.events.tell(Severity::Error, &text);
        if let Some(unsaid) = self.failures_said.now() {
            let why = answer.failure.as_deref().unwrap_or("");
            tracing::error!(request = %id, %method, path, status, %why, unsaid, "a request failed");
        }
    }

    /// What the library lets through and we do not.
    fn check_head(&self, request: &hyper::Request<Incoming>) -> Result<(), Failure> {
        let target = request.uri();
        let length = target.path().len() + target.query().map_or(0, str::len);
        if length > self.limits.url_bytes {
            return Err(Failure::Other(
                StatusCode::URI_TOO_LONG,
                format!(
                    "the target of a request may have at most {} bytes",
                    self.limits.url_bytes
                ),
            ));
        }
        let fields = request.headers().iter();
        let bytes: usize = fields
            .map(|(name, value)| name.as_str().len() + value.len() + 4)
            .sum();
        if length + bytes > self.limits.head_bytes {
            return Err(Failure::Other(
                StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE,
                format!(
                    "the head of a request may have at most {} bytes",
                    self.limits.head_bytes
                ),
            ));
        }
        check_host_header(request)?;
        check_transfer(request.headers())
    }

    async fn read_body(&self, body: Incoming) -> Result<Bytes, Failure> {
        if body.is_end_stream() {
            return Ok(Bytes::new());
        }
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
/// status: a probe that says "not ready" works. Nor is being too busy.
async fn settle(
    id: &str,
    patience: Duration,
    answering: Pin<&mut impl Future<Output = Result<Answer, Failure>>>,
) -> (Answer, Answered) {
    let mut answering = AssertUnwindSafe(answering).catch_unwind();
    // Most answers are there at once and need no clock.
    let answered = match futures_util::poll!(&mut answering) {
        Poll::Ready(answered) => Ok(answered),
        Poll::Pending => tokio::time::timeout(patience, answering).await,
    };
    let failure = match answered {
        Ok(Ok(Ok(answer))) => {
            let answered = answer.answered;
            return (answer, answered);
        }
        Ok(Ok(Err(failure))) => failure,
        // What it said stands in the log, written by the panic hook.
        Ok(Err(_panic)) => {
            tracing::error!(request = %id, "a request panicked");
            Failure::Panicked(id.to_owned())
        }
        Err(_) => Failure::Other(
            StatusCode::GATEWAY_TIMEOUT,
            format!("no answer within {} s", patience.as_secs_f64()),
        ),
    };
    let refused = matches!(failure, Failure::Busy(_) | Failure::TooMany(_));
    let mut answer = Answer::from(failure);
    if refused {
        answer.answered = Answered::RefusedByHealing;
    } else if answer.status.is_server_error() {
        answer.answered = Answered::Failed;
    }
    let answered = answer.answered;
    (answer, answered)
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

/// Bodies come as they are or in chunks, said once: what a server before this one lets
/// through must not be read in another way here. Of `Content-Length` beside it, or twice,
/// the library takes care.
fn check_transfer(headers: &HeaderMap) -> Result<(), Failure> {
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    let plain = match (codings.next(), codings.next()) {
        (None, _) => true,
        (Some(coding), None) => coding.as_bytes().eq_ignore_ascii_case(b"chunked"),
        (Some(_), Some(_)) => false,
    };
    if plain {
        return Ok(());
    }
    Err(Failure::bad_request(
        "the only Transfer-Encoding that is taken is chunked, once",
    ))
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
    use std::pin::pin;
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
        let panics = settle("id-1", PATIENCE, pin!(async { panic!("on purpose") })).await;
        let text = panics.0.text_body();
        assert!(
            text.contains("id-1") && !text.contains("on purpose"),
            "{text}"
        );
        check(panics, StatusCode::INTERNAL_SERVER_ERROR, Answered::Failed);
        let endless = settle("id-1", PATIENCE, pin!(std::future::pending())).await;
        check(endless, StatusCode::GATEWAY_TIMEOUT, Answered::Failed);
    }

    #[tokio::test]
    async fn neither_bad_input_nor_a_truthful_probe_is_a_failure_of_the_service() {
        let bad = settle("id-1", PATIENCE, pin!(async { Err(Failure::NotFound) })).await;
        check(bad, StatusCode::NOT_FOUND, Answered::Well);
        let probing = pin!(async { Ok(Answer::empty(StatusCode::SERVICE_UNAVAILABLE)) });
        let probe = settle("id-1", PATIENCE, probing);
        check(probe.await, StatusCode::SERVICE_UNAVAILABLE, Answered::Well);
        let refusing = pin!(async { Err(Failure::Busy(String::new())) });
        let busy = settle("id-1", PATIENCE, refusing);
        check(
            busy.await,
            StatusCode::SERVICE_UNAVAILABLE,
            Answered::RefusedByHealing,
        );
    }
}

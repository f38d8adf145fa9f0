//! Connections: accepting them, bounding them, and answering each request.

use std::hash::BuildHasher;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::FutureExt;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::Incoming;
use hyper::header::{ALLOW, HeaderMap, HeaderName, HeaderValue, IF_NONE_MATCH};
use hyper::service::service_fn;
use hyper::{Method, Response, StatusCode};
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::GracefulShutdown;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio_util::sync::CancellationToken;

use super::answer::{Answer, Failure};
use super::guard::Guard;
use super::table::{self, Request};
use super::{Shell, parameters};
use crate::front::Answered;

/// Connections at once; more wait in the system's queue.
const CONNECTIONS_MAX: usize = 1024;
/// How long a connection may take to send its first request, and each later head.
const HEAD_PATIENCE: Duration = Duration::from_secs(10);
/// How long a body may take, and how long an answer.
const BODY_PATIENCE: Duration = Duration::from_secs(10);
const ANSWER_PATIENCE: Duration = Duration::from_secs(60);
const BODY_MAX: usize = 1 << 20;
/// How long requests under way may take at shutdown.
const SHUTDOWN_PATIENCE: Duration = Duration::from_secs(5);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

struct Context {
    shell: Arc<Shell>,
    guard: Guard,
    next_id: AtomicU64,
    /// Tells this process's request ids from another's.
    id_prefix: u32,
}

/// Serves on `listener` until `shutdown`, then ends requests under way.
///
/// # Errors
/// If the listener has no address.
pub async fn run(
    listener: TcpListener,
    shell: Shell,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    let context = Arc::new(Context {
        guard: Guard {
            address,
            token: shell.settings.token.clone(),
        },
        shell: Arc::new(shell),
        next_id: AtomicU64::new(1),
        id_prefix: std::hash::RandomState::new().hash_one(address) as u32,
    });
    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    loop {
        let permit = Arc::clone(&permits)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        let (stream, _) = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    // Out of descriptors, or a connection that broke at once.
                    tracing::warn!(%error, "a connection could not be accepted");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            },
        };
        let watcher = graceful.watcher();
        let context = Arc::clone(&context);
        tokio::spawn(async move {
            serve(stream, context, watcher).await;
            drop(permit);
        });
    }
    drop(listener);
    if tokio::time::timeout(SHUTDOWN_PATIENCE, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were still under way at the end");
    }
    Ok(())
}

async fn serve(
    stream: TcpStream,
    context: Arc<Context>,
    watcher: hyper_util::server::graceful::Watcher,
) {
    // Small answers should leave at once; a socket that refuses this still works.
    let _ = stream.set_nodelay(true);
    let heard = Arc::new(AtomicBool::new(false));
    let heard_by_service = Arc::clone(&heard);
    let service = service_fn(move |request| {
        heard_by_service.store(true, Ordering::Relaxed);
        let context = Arc::clone(&context);
        async move { Ok::<_, std::convert::Infallible>(context.respond(request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_PATIENCE)
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(Duration::from_secs(20)))
        .max_concurrent_streams(100);
    let connection = watcher.watch(
        builder
            .serve_connection(TokioIo::new(stream), service)
            .into_owned(),
    );
    tokio::pin!(connection);
    // A connection that says nothing, or half a preface, is not hyper's to end.
    let first = tokio::time::sleep(HEAD_PATIENCE);
    tokio::select! {
        _ = &mut connection => return,
        () = first => {
            if !heard.load(Ordering::Relaxed) {
                return;
            }
        }
    }
    // How a connection ends is the client's affair.
    let _ = connection.await;
}

impl Context {
    async fn respond(&self, request: hyper::Request<Incoming>) -> Response<Full<Bytes>> {
        let in_flight = self.shell.front.begin();
        let id = self.request_id(request.headers());
        let head = request.method() == Method::HEAD;
        let what = format!("{} {}", request.method(), request.uri().path());
        let answering = AssertUnwindSafe(self.answer(request)).catch_unwind();
        let answer = match tokio::time::timeout(ANSWER_PATIENCE, answering).await {
            Ok(Ok(Ok(answer))) => answer,
            Ok(Ok(Err(failure))) => failure.into(),
            Ok(Err(_panic)) => {
                tracing::error!(request = %id, %what, "a route panicked");
                let text = format!("Internal Server Error; request {id} is in the log");
                Failure::Other(StatusCode::INTERNAL_SERVER_ERROR, text).into()
            }
            Err(_) => Failure::Other(
                StatusCode::GATEWAY_TIMEOUT,
                format!("no answer within {} s", ANSWER_PATIENCE.as_secs()),
            )
            .into(),
        };
        in_flight.finish(if answer.status.is_server_error() {
            Answered::Failed
        } else {
            Answered::Well
        });
        tracing::debug!(request = %id, %what, status = answer.status.as_u16());
        let mut response = answer.into_response();
        if head {
            let length = hyper::body::Body::size_hint(response.body())
                .exact()
                .unwrap_or(0);
            *response.body_mut() = Full::new(Bytes::new());
            response
                .headers_mut()
                .insert(hyper::header::CONTENT_LENGTH, HeaderValue::from(length));
        }
        let headers = response.headers_mut();
        headers.insert(
            REQUEST_ID,
            HeaderValue::from_str(&id).expect("an id is letters, digits, dashes and dots"),
        );
        headers.insert(
            "x-content-type-options",
            HeaderValue::from_static("nosniff"),
        );
        headers.insert("x-frame-options", HeaderValue::from_static("DENY"));
        headers.insert("referrer-policy", HeaderValue::from_static("no-referrer"));
        headers
            .entry(hyper::header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
        response
    }

    async fn answer(&self, request: hyper::Request<Incoming>) -> Result<Answer, Failure> {
        let method = request.method().clone();
        let path = request.uri().path().to_owned();
        let authority = request
            .uri()
            .authority()
            .map(|name| name.as_str().to_owned());
        let options = method == Method::OPTIONS;
        let found = table::find(&method, &path, self.shell.settings.compat_get);
        if options && let Err(Failure::MethodNotAllowed(methods)) = &found {
            self.guard
                .check(request.headers(), authority.as_deref(), false)?;
            return Ok(options_answer(methods));
        }
        // A stranger learns nothing, not even which routes there are.
        let changes = found.as_ref().is_ok_and(|(route, _)| route.changes);
        self.guard
            .check(request.headers(), authority.as_deref(), changes)?;
        let (route, tail) = found?;
        let values = parameters::check(route.parameters, request.uri().query().unwrap_or(""))?;
        let if_none_match = request
            .headers()
            .get(IF_NONE_MATCH)
            .and_then(|value| value.to_str().ok())
            .map(ToOwned::to_owned);
        let body = if method == Method::POST {
            read_body(request.into_body()).await?
        } else {
            Bytes::new()
        };
        (route.answer)(
            Arc::clone(&self.shell),
            Request {
                values,
                tail,
                body,
                if_none_match,
            },
        )
        .await
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

fn options_answer(methods: &[Method]) -> Answer {
    let allowed = methods
        .iter()
        .map(Method::as_str)
        .collect::<Vec<_>>()
        .join(", ");
    Answer::text("text/plain; charset=utf-8", "")
        .with_status(StatusCode::NO_CONTENT)
        .with_header(
            ALLOW,
            HeaderValue::from_str(&allowed).expect("methods are ASCII"),
        )
}

async fn read_body(body: Incoming) -> Result<Bytes, Failure> {
    if hyper::body::Body::size_hint(&body).lower() > BODY_MAX as u64 {
        return Err(Failure::TooLarge(BODY_MAX));
    }
    let reading = Limited::new(body, BODY_MAX).collect();
    match tokio::time::timeout(BODY_PATIENCE, reading).await {
        Ok(Ok(body)) => Ok(body.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Failure::TooLarge(BODY_MAX)),
        Ok(Err(error)) => Err(Failure::bad_request(format!(
            "the body could not be read: {error}"
        ))),
        Err(_) => Err(Failure::Other(
            StatusCode::REQUEST_TIMEOUT,
            format!("the body took longer than {} s", BODY_PATIENCE.as_secs()),
        )),
    }
}

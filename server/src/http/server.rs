//! Connections: accepting them, bounding them, ending them.

use std::convert::Infallible;
use std::io;
use std::net::IpAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt;
use hyper::server::conn::{http1, http2};
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulConnection;
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

use super::clients::Guest;
use super::limits::Limits;
use super::patience::Patient;
use super::service::{Caller, Service};
use super::{Shell, refusal};
use crate::inbound::{Seat, Seated};

/// Requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;
/// What one HTTP/2 connection may have unsent.
const SEND_BYTES_MAX: usize = 256 << 10;
/// Connections beyond the limit, on which only what must answer is answered.
const SURPLUS: usize = 128;
/// When there is no room, this part of all places is made free at once.
const ROOM: usize = 32;

/// Serves on `listener` until `shutdown`, then ends requests under way.
///
/// # Errors
/// If the listener has no address.
pub async fn run(
    listener: TcpListener,
    shell: Shell,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    run_within(Limits::default(), listener, shell, shutdown).await
}

/// As [`run`], with limits of the caller's choice.
///
/// # Errors
/// If the listener has no address.
pub async fn run_within(
    limits: Limits,
    listener: TcpListener,
    shell: Shell,
    shutdown: CancellationToken,
) -> std::io::Result<()> {
    let address = listener.local_addr()?;
    // Ends streams and idle connections; requests may still come while draining.
    let ending = CancellationToken::new();
    let service = Service::new(limits, address, shell, shutdown.clone(), ending.clone());
    let inbound = service.shell.inbound.clone();
    let reception = Arc::new(Reception::new(service));
    let open = TaskTracker::new();
    tokio::select! {
        () = drained(&shutdown, limits.drain) => {}
        () = accept(&listener, &reception, &open) => {}
        () = renew_certificate(&reception) => {}
    }
    drop(listener);
    ending.cancel();
    inbound.close_all();
    open.close();
    if timeout(limits.shutdown, open.wait()).await.is_err() {
        tracing::warn!("requests were still under way at the end");
    }
    Ok(())
}

/// Waits for the end, and then for those who still have to hear of it.
async fn drained(shutdown: &CancellationToken, drain: Duration) {
    shutdown.cancelled().await;
    tokio::time::sleep(drain).await;
}

/// Looks for new certificates for ever, or for nothing where there are none.
async fn renew_certificate(reception: &Reception) {
    match &reception.service.shell.settings.tls {
        Some(tls) => tls.renew().await,
        None => std::future::pending().await,
    }
}

/// What every connection is served with.
struct Reception {
    service: Arc<Service>,
    first: http1::Builder,
    second: http2::Builder<TokioExecutor>,
}

impl Reception {
    fn new(service: Service) -> Reception {
        let limits = service.limits;
        // Its own limits stand just beyond ours, which are told in our own words.
        let head_bytes = limits.head_bytes.max(limits.url_bytes) + (8 << 10);
        let mut first = http1::Builder::new();
        first
            .timer(TokioTimer::new())
            .header_read_timeout(None)
            // Without pipeline_flush, with which the library does not send its refusals.
            .max_buf_size(head_bytes);
        let mut second = http2::Builder::new(TokioExecutor::new());
        second
            .timer(TokioTimer::new())
            .keep_alive_interval(Some(limits.write))
            .max_header_list_size(u32::try_from(head_bytes).unwrap_or(u32::MAX))
            .max_send_buf_size(SEND_BYTES_MAX)
            .max_concurrent_streams(STREAMS_MAX);
        Reception {
            service: Arc::new(service),
            first,
            second,
        }
    }
}

/// Accepts connections for ever.
async fn accept(listener: &TcpListener, reception: &Arc<Reception>, open: &TaskTracker) {
    let inbound = &reception.service.shell.inbound;
    let limit = reception.service.limits.connections;
    let mut full = false;
    loop {
        let (stream, from) = match listener.accept().await {
            Ok(accepted) => accepted,
            Err(error) => {
                // Out of descriptors, or a connection that broke at once.
                tracing::warn!(%error, "a connection could not be accepted");
                inbound.close_idle(limit - limit / ROOM);
                tokio::time::sleep(Duration::from_millis(50)).await;
                continue;
            }
        };
        let from = from.ip();
        let Some(guest) = reception.service.clients.connect(from) else {
            if reception.service.shell.settings.tls.is_none() {
                refuse(stream, &refusal::too_many()).await;
            }
            continue;
        };
        let count = inbound.count();
        // Said once each time that it comes to this, not for each connection.
        if count >= limit && !full {
            tracing::warn!(limit, "as many connections as there may be");
        }
        full = count >= limit || (full && count > limit - limit / ROOM);
        let mut caller = Caller::Welcome;
        if count >= limit && inbound.close_idle(limit - (limit / ROOM).max(1)) == 0 {
            caller = Caller::Surplus;
            if count >= limit + SURPLUS {
                if reception.service.shell.settings.tls.is_none() {
                    refuse(stream, &refusal::full()).await;
                }
                continue;
            }
        }
        let visitor = Visitor {
            from,
            caller,
            seated: inbound.seat(),
            _guest: guest,
        };
        open.spawn(greet(stream, Arc::clone(reception), visitor));
    }
}

/// Says why there is no room, if that can be said at once.
async fn refuse(mut stream: TcpStream, why: &[u8]) {
    let saying = stream.write_all(why);
    let _ = timeout(Duration::from_millis(1), saying).await;
}

/// Whose connection it is, and its places, which end with it.
struct Visitor {
    from: IpAddr,
    caller: Caller,
    seated: Seated,
    _guest: Guest,
}

/// The protocols that are spoken.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Protocol {
    Http1,
    Http2,
}

async fn greet(stream: TcpStream, reception: Arc<Reception>, visitor: Visitor) {
    // Small answers should leave at once; a socket that refuses this still works.
    let _ = stream.set_nodelay(true);
    let patience = reception.service.limits.head;
    let Some(tls) = &reception.service.shell.settings.tls else {
        // Nothing is kept for a client that has said nothing yet.
        let heard = tokio::select! {
            heard = timeout(patience, first_words(&stream)) => heard,
            () = visitor.seated.seat().closing() => return,
        };
        let Ok(Ok(protocol)) = heard else {
            // Too late, or the client has gone. What it said is taken, since a
            // connection that is closed over unread bytes is reset.
            let _ = stream.try_read(&mut [0; 64]);
            return;
        };
        return converse(stream, protocol, &reception, &visitor).await;
    };
    // Apart, so that connections without TLS have no room for it.
    let secretly = async {
        match timeout(patience, tls.acceptor().accept(stream)).await {
            Ok(Ok(stream)) => {
                let protocol = match stream.get_ref().1.alpn_protocol() {
                    Some(b"h2") => Protocol::Http2,
                    _ => Protocol::Http1,
                };
                converse(stream, protocol, &reception, &visitor).await;
            }
            // Clients that do not trust the certificate, speak no TLS, or say nothing.
            Ok(Err(error)) => tracing::debug!(%error, "no TLS came about"),
            Err(_) => tracing::debug!("a client took too long over TLS"),
        }
    };
    Box::pin(secretly).await;
}

/// Sees by its first bytes which protocol a client speaks, and leaves them unread.
async fn first_words(stream: &TcpStream) -> io::Result<Protocol> {
    const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n";
    let mut heard = [0; PREFACE.len()];
    let mut wait = Duration::from_millis(5);
    loop {
        let count = stream.peek(&mut heard).await?;
        if count == 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        if !PREFACE.starts_with(&heard[..count]) {
            return Ok(Protocol::Http1);
        }
        if count == PREFACE.len() {
            return Ok(Protocol::Http2);
        }
        // Part of it, which stays in sight: what follows is waited for, ever longer.
        tokio::time::sleep(wait).await;
        wait = (wait * 2).min(Duration::from_secs(1));
    }
}

/// Answers what comes on a connection, until it ends.
async fn converse(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    protocol: Protocol,
    reception: &Reception,
    visitor: &Visitor,
) {
    let Visitor { from, caller, .. } = *visitor;
    let seat = visitor.seated.seat();
    let io = TokioIo::new(Patient::new(
        stream,
        Arc::clone(seat),
        reception.service.limits,
    ));
    let answering = service_fn(|request| {
        let service = Arc::clone(&reception.service);
        let answer = service.respond(request, Arc::clone(seat), from, caller);
        // On the heap, so that a connection without a request has no room for one; and
        // mapped, since a block that awaits it would have room for it twice.
        Box::pin(answer.map(Ok::<_, Infallible>))
    });
    match protocol {
        Protocol::Http1 => {
            until_closed(reception.first.serve_connection(io, answering), seat).await;
        }
        Protocol::Http2 => {
            let connection = reception.second.serve_connection(io, answering);
            Box::pin(until_closed(connection, seat)).await;
        }
    }
}

/// Drives a connection to its end, in good order if it is asked to close.
async fn until_closed(connection: impl GracefulConnection, seat: &Seat) {
    let mut connection = pin!(connection);
    // How a connection ends is the client's affair.
    tokio::select! {
        biased;
        _ = connection.as_mut() => return,
        () = seat.closing() => connection.as_mut().graceful_shutdown(),
    }
    let _ = connection.await;
}

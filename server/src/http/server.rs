//! Connections: accepting them, bounding them, ending them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto;
use hyper_util::server::graceful::{GracefulShutdown, Watcher};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use super::Shell;
use super::limits::Limits;
use super::patience::Patient;
use super::service::Service;

/// Requests at once on one HTTP/2 connection.
const STREAMS_MAX: u32 = 100;

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
    let service = Arc::new(Service::new(limits, address, shell, shutdown.clone()));
    let graceful = GracefulShutdown::new();
    let permits = Arc::new(Semaphore::new(limits.connections));
    let accepting = accept(&listener, &service, &graceful, &permits);
    tokio::select! {
        () = shutdown.cancelled() => {}
        () = accepting => {}
    }
    drop(listener);
    if tokio::time::timeout(limits.shutdown, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("requests were still under way at the end");
    }
    Ok(())
}

/// Accepts connections for ever.
async fn accept(
    listener: &TcpListener,
    service: &Arc<Service>,
    graceful: &GracefulShutdown,
    permits: &Arc<Semaphore>,
) {
    let mut full = false;
    loop {
        // Said once each time that it comes to this, not for each connection.
        let free = permits.available_permits();
        if free == 0 && !full {
            tracing::warn!(
                limit = service.limits.connections,
                "as many connections as there may be; more wait"
            );
        }
        full = free == 0 || (full && free < service.limits.connections / 10);
        let permit = Arc::clone(permits)
            .acquire_owned()
            .await
            .expect("the semaphore is never closed");
        match listener.accept().await {
            Ok((stream, _)) => {
                let watcher = graceful.watcher();
                tokio::spawn(serve(stream, Arc::clone(service), watcher, permit));
            }
            Err(error) => {
                // Out of descriptors, or a connection that broke at once.
                tracing::warn!(%error, "a connection could not be accepted");
                tokio::time::sleep(Duration::from_millis(50)).await;
            }
        }
    }
}

async fn serve(
    stream: TcpStream,
    service: Arc<Service>,
    watcher: Watcher,
    _permit: OwnedSemaphorePermit,
) {
    // Small answers should leave at once; a socket that refuses this still works.
    let _ = stream.set_nodelay(true);
    let limits = service.limits;
    let heard = Arc::new(AtomicBool::new(false));
    let heard_by_service = Arc::clone(&heard);
    let answering = service_fn(move |request| {
        heard_by_service.store(true, Ordering::Relaxed);
        let service = Arc::clone(&service);
        async move { Ok::<_, std::convert::Infallible>(service.respond(request).await) }
    });
    let mut builder = auto::Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        .header_read_timeout(limits.head)
        .pipeline_flush(true);
    builder
        .http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(limits.write))
        .max_concurrent_streams(STREAMS_MAX);
    let io = TokioIo::new(Patient::new(stream, limits.write));
    let connection = watcher.watch(builder.serve_connection(io, answering).into_owned());
    tokio::pin!(connection);
    // A connection that says nothing, or half a preface, is not hyper's to end.
    tokio::select! {
        _ = &mut connection => return,
        () = tokio::time::sleep(limits.head) => {
            if !heard.load(Ordering::Relaxed) {
                return;
            }
        }
    }
    // How a connection ends is the client's affair.
    let _ = connection.await;
}

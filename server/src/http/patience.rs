//! A connection that may be neither silent, nor slow to ask, nor slow to read for
//! longer than its limits say; and whose refusals read as all others do.

use std::future::Future;
use std::io::{self, IoSlice};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

use super::limits::Limits;
use super::refusal::{self, Refused};
use crate::inbound::Seat;

/// A stream that ends when its client takes too long over a request or has been
/// idle for too long, and fails with `TimedOut` when nothing can be written.
pub(super) struct Patient<S> {
    stream: S,
    seat: Arc<Seat>,
    limits: Limits,
    phase: Phase,
    /// When the client must have done what it is waited for to do.
    deadline: Instant,
    /// Ends at the deadline or before; setting it anew for each request would cost
    /// more than looking again when it ends early.
    until: Pin<Box<Sleep>>,
    /// Runs while a write waits.
    waiting: Option<Pin<Box<Sleep>>>,
    /// What stands in for what was to be written.
    instead: Option<Refused>,
}

/// What the client is waited for to do.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Phase {
    /// Its first request.
    First,
    /// Another one.
    Next { begun: u64 },
    /// The rest of a head.
    Head { begun: u64 },
    /// Nothing: a request is under way.
    Nothing,
}

impl<S: AsyncRead + AsyncWrite + Unpin> Patient<S> {
    pub(super) fn new(stream: S, seat: Arc<Seat>, limits: Limits) -> Patient<S> {
        Patient {
            stream,
            seat,
            limits,
            phase: Phase::First,
            deadline: Instant::now() + limits.head,
            until: Box::pin(sleep(limits.head)),
            waiting: None,
            instead: None,
        }
    }

    /// The client said something.
    fn heard(&mut self) {
        if self.seat.is_multiplexed() || !self.seat.is_idle() {
            return;
        }
        match self.phase {
            Phase::First => {}
            Phase::Head { begun } if begun == self.seat.begun() => {}
            Phase::Head { .. } | Phase::Next { .. } | Phase::Nothing => {
                self.phase = Phase::Head {
                    begun: self.seat.begun(),
                };
                self.deadline = Instant::now() + self.limits.head;
            }
        }
    }

    /// The client says nothing. Ready when it has done so for too long.
    fn silent(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.seat.is_idle() || self.waiting.is_some() {
            self.phase = Phase::Nothing;
            return Poll::Pending;
        }
        let begun = self.seat.begun();
        let served = match self.phase {
            Phase::First => begun > 0,
            Phase::Next { begun: before } | Phase::Head { begun: before } => before != begun,
            Phase::Nothing => true,
        };
        if served {
            self.phase = Phase::Next { begun };
            self.deadline = Instant::now() + self.limits.idle;
        }
        if self.deadline < self.until.deadline() {
            let deadline = self.deadline;
            self.until.as_mut().reset(deadline);
        }
        ready!(self.until.as_mut().poll(context));
        if Instant::now() < self.deadline {
            let deadline = self.deadline;
            self.until.as_mut().reset(deadline);
            ready!(self.until.as_mut().poll(context));
        }
        Poll::Ready(())
    }

    /// Tells a client that has begun a request that it took too long. It may have
    /// gone; then nobody is told.
    fn tell_too_slow(&mut self, context: &mut Context<'_>) {
        if let Phase::Head { .. } = self.phase {
            let told = refusal::too_slow(self.limits.head);
            let _ = Pin::new(&mut self.stream).poll_write(context, &told);
        }
    }

    /// Hands on what a write gave, unless it has been waiting for too long.
    fn bounded<T>(
        &mut self,
        context: &mut Context<'_>,
        written: Poll<io::Result<T>>,
    ) -> Poll<io::Result<T>> {
        if written.is_ready() {
            self.waiting = None;
            return written;
        }
        let patience = self.limits.write;
        let waiting = self
            .waiting
            .get_or_insert_with(|| Box::pin(sleep(patience)));
        ready!(waiting.as_mut().poll(context));
        // Asked again, it fails again: the sleep has ended.
        waiting.as_mut().reset(Instant::now());
        Poll::Ready(Err(io::Error::new(
            io::ErrorKind::TimedOut,
            "the client does not read",
        )))
    }

    /// Writes what stands in for `instead_of` bytes, all of it.
    fn write_instead(&mut self, context: &mut Context<'_>) -> Poll<io::Result<usize>> {
        let Some(refused) = &mut self.instead else {
            return Poll::Ready(Ok(0));
        };
        while !refused.left().is_empty() {
            match Pin::new(&mut self.stream).poll_write(context, refused.left()) {
                Poll::Ready(Ok(0)) => {
                    return Poll::Ready(Err(io::ErrorKind::WriteZero.into()));
                }
                Poll::Ready(Ok(count)) => refused.advance(count),
                other => return other,
            }
        }
        let length = refused.stands_for();
        self.instead = None;
        Poll::Ready(Ok(length))
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncRead for Patient<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(context, buffer) {
            Poll::Ready(Ok(())) => {
                if buffer.filled().len() > before {
                    self.heard();
                }
                Poll::Ready(Ok(()))
            }
            Poll::Ready(Err(error)) => Poll::Ready(Err(error)),
            Poll::Pending => {
                ready!(self.silent(context));
                self.tell_too_slow(context);
                // The end, as if the client had closed.
                Poll::Ready(Ok(()))
            }
        }
    }
}

impl<S: AsyncRead + AsyncWrite + Unpin> AsyncWrite for Patient<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.instead.is_none() {
            self.instead = refusal::in_place_of(bytes);
        }
        let written = if self.instead.is_some() {
            self.write_instead(context)
        } else {
            Pin::new(&mut self.stream).poll_write(context, bytes)
        };
        self.bounded(context, written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let mut filled = slices.iter().filter(|slice| !slice.is_empty());
        // A refusal of the library's stands alone: it has no body.
        if let (Some(only), None) = (filled.next(), filled.next()) {
            return self.poll_write(context, only);
        }
        let written = Pin::new(&mut self.stream).poll_write_vectored(context, slices);
        self.bounded(context, written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(context);
        self.bounded(context, flushed)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let shut = Pin::new(&mut self.stream).poll_shutdown(context);
        self.bounded(context, shut)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::super::limits::Limits;
    use super::Patient;
    use crate::inbound::{Inbound, Seated};

    fn patient(buffer: usize) -> (Patient<DuplexStream>, DuplexStream, Seated) {
        let (ours, theirs) = duplex(buffer);
        let seated = Inbound::default().seat();
        let limits = Limits {
            head: Duration::from_secs(10),
            idle: Duration::from_secs(60),
            write: Duration::from_millis(200),
            ..Limits::default()
        };
        let patient = Patient::new(ours, Arc::clone(seated.seat()), limits);
        (patient, theirs, seated)
    }

    /// How long reading went on without a byte, in seconds of the paused clock.
    async fn silence(patient: &mut Patient<DuplexStream>) -> u64 {
        let began = tokio::time::Instant::now();
        assert_eq!(patient.read(&mut [0; 8]).await.unwrap(), 0);
        began.elapsed().as_secs()
    }

    #[tokio::test]
    async fn a_stalled_write_fails_and_a_slow_one_does_not() {
        let (mut ours, mut theirs, _seated) = patient(8);
        ours.write_all(&[1; 8]).await.unwrap();
        let reading = tokio::spawn(async move {
            let mut buffer = [0; 8];
            for _ in 0..4 {
                tokio::time::sleep(Duration::from_millis(80)).await;
                theirs.read_exact(&mut buffer).await.unwrap();
            }
            theirs
        });
        // Longer in all than the patience, but it moves.
        ours.write_all(&[2; 24]).await.unwrap();
        let theirs = reading.await.unwrap();
        let stalled = ours.write_all(&[3; 64]).await.unwrap_err();
        assert_eq!(stalled.kind(), std::io::ErrorKind::TimedOut);
        drop(theirs);
    }

    #[tokio::test(start_paused = true)]
    async fn the_first_request_has_its_time_and_idleness_another() {
        let (mut ours, _theirs, seated) = patient(64);
        assert_eq!(silence(&mut ours).await, 10);
        let (mut ours, mut theirs, _) = patient(64);
        drop(seated);
        theirs.write_all(b"GET").await.unwrap();
        ours.read_exact(&mut [0; 3]).await.unwrap();
        // What has begun must end in the time that it had from the start.
        assert_eq!(silence(&mut ours).await, 10);
    }

    #[tokio::test(start_paused = true)]
    async fn after_a_request_a_client_may_idle_but_not_dawdle() {
        let (mut ours, mut theirs, seated) = patient(1024);
        drop(seated.seat().begin(false));
        assert_eq!(silence(&mut ours).await, 60);
        drop(seated.seat().begin(false));
        theirs.write_all(b"G").await.unwrap();
        ours.read_exact(&mut [0; 1]).await.unwrap();
        assert_eq!(silence(&mut ours).await, 10);
        drop(ours);
        let mut told = String::new();
        theirs.read_to_string(&mut told).await.unwrap();
        assert!(told.starts_with("HTTP/1.1 408 "), "{told}");
    }

    #[tokio::test(start_paused = true)]
    async fn nothing_is_wanted_of_the_client_while_it_waits_itself() {
        let (mut ours, _theirs, seated) = patient(64);
        let request = seated.seat().begin(false);
        let mut buffer = [0; 8];
        let reading = ours.read(&mut buffer);
        let waiting = tokio::time::timeout(Duration::from_secs(3600), reading);
        assert!(waiting.await.is_err(), "the connection ended");
        drop(request);
        assert_eq!(silence(&mut ours).await, 60);
    }
}

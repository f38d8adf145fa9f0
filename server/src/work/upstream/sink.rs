//! The service itself: answers each line it is sent with a line, or fails as the
//! injector says.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

/// How long an injected rate stays after it was last asked for.
const RATE_STAYS: Duration = Duration::from_secs(10);
/// How long failing answers take, in milliseconds.
const FAILING_MS: std::ops::Range<u64> = 20..120;

/// How calls of the service fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum FailureKind {
    /// No answer in time.
    Timeout,
    /// Its database failed.
    DatabaseError,
    /// It refused the input.
    ValidationError,
    /// It has run out of something.
    ResourceExhaustion,
    /// What it depends on failed.
    ExternalServiceFailure,
}

impl FailureKind {
    const ALL: [FailureKind; 5] = [
        FailureKind::Timeout,
        FailureKind::DatabaseError,
        FailureKind::ValidationError,
        FailureKind::ResourceExhaustion,
        FailureKind::ExternalServiceFailure,
    ];

    /// Its name in answers.
    pub fn name(self) -> &'static str {
        match self {
            FailureKind::Timeout => "timeout",
            FailureKind::DatabaseError => "database_error",
            FailureKind::ValidationError => "validation_error",
            FailureKind::ResourceExhaustion => "resource_exhaustion",
            FailureKind::ExternalServiceFailure => "external_service_failure",
        }
    }

    /// What the service says of it.
    pub fn text(self) -> &'static str {
        match self {
            FailureKind::Timeout => "timeout while waiting for the upstream service",
            FailureKind::DatabaseError => "the database does not answer",
            FailureKind::ValidationError => "the request could not be validated",
            FailureKind::ResourceExhaustion => "heap exhaustion while handling the request",
            FailureKind::ExternalServiceFailure => "connection refused by an external service",
        }
    }

    pub(super) fn of_name(name: &str) -> Option<FailureKind> {
        FailureKind::ALL
            .into_iter()
            .find(|kind| kind.name() == name)
    }
}

/// What makes the service fail. Clones are the same.
#[derive(Clone)]
pub struct Injector(Arc<Mutex<Injected>>);

struct Injected {
    rate: f64,
    until: Option<Instant>,
    /// The share of new connections that the service drops.
    drop_share: f64,
    random: SmallRng,
}

impl Default for Injector {
    fn default() -> Injector {
        Injector(Arc::new(Mutex::new(Injected {
            rate: 0.0,
            until: None,
            drop_share: 0.0,
            random: SmallRng::from_os_rng(),
        })))
    }
}

impl Injector {
    fn lock(&self) -> MutexGuard<'_, Injected> {
        self.0
            .lock()
            .expect("no panic while the injector is locked")
    }

    /// Makes calls fail at `rate` until 10 s after this was last asked for.
    pub fn fail(&self, rate: f64) {
        let mut injected = self.lock();
        injected.rate = rate.clamp(0.0, 1.0);
        injected.until = Some(Instant::now() + RATE_STAYS);
    }

    /// The rate at which calls fail now.
    pub fn rate(&self) -> f64 {
        let injected = self.lock();
        match injected.until {
            Some(until) if Instant::now() < until => injected.rate,
            _ => 0.0,
        }
    }

    /// Makes the service drop this share of the connections made from now on.
    pub fn drop_connections(&self, share: f64) {
        self.lock().drop_share = share.clamp(0.0, 1.0);
    }

    /// Ends all injected faults.
    pub fn clear(&self) {
        let mut injected = self.lock();
        injected.rate = 0.0;
        injected.until = None;
        injected.drop_share = 0.0;
    }

    fn drops_connection(&self) -> bool {
        let mut injected = self.lock();
        let share = injected.drop_share;
        share > 0.0 && injected.random.random_bool(share)
    }

    /// Whether this call fails, how, and how long that takes.
    fn draw(&self) -> Option<(FailureKind, Duration)> {
        let rate = self.rate();
        let mut injected = self.lock();
        if rate <= 0.0 || !injected.random.random_bool(rate) {
            return None;
        }
        let kind = FailureKind::ALL[injected.random.random_range(0..FailureKind::ALL.len())];
        let millis = injected.random.random_range(FAILING_MS);
        Some((kind, Duration::from_millis(millis)))
    }
}

/// Starts the service; it ends with the runtime.
pub(super) async fn start(injector: Injector) -> io::Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0").await?;
    let address = listener.local_addr()?;
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    let injector = injector.clone();
                    if injector.drops_connection() {
                        drop(stream);
                    } else {
                        tokio::spawn(answer(stream, injector));
                    }
                }
                Err(error) => {
                    tracing::warn!(%error, "the upstream service could not accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    });
    Ok(address)
}

/// Answers line by line until the client goes.
async fn answer(stream: TcpStream, injector: Injector) {
    let mut stream = BufReader::new(stream);
    let mut line = String::new();
    let mut answered = 0_u64;
    loop {
        line.clear();
        match stream.read_line(&mut line).await {
            Ok(0) | Err(_) => return,
            Ok(_) => {}
        }
        answered += 1;
        let reply = match injector.draw() {
            None => format!("ok {answered}\n"),
            Some((kind, delay)) => {
                tokio::time::sleep(delay).await;
                format!("error {}\n", kind.name())
            }
        };
        if stream.get_mut().write_all(reply.as_bytes()).await.is_err() {
            return;
        }
    }
}

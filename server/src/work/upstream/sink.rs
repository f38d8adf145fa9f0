//! The service itself: answers each line it is sent with a line, or fails as the
//! injector says.

use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use rand::rngs::SmallRng;
use rand::{Rng, SeedableRng};
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpSocket, TcpStream};

use crate::heal::Facts;
use crate::listen::listen;

/// What a client of ours says first on a connection that is to be harmed, before the
/// fault's name: so each harm befalls the connection that it was meant for.
pub(super) const HARM: &str = "harm ";
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

    /// What failed requests are counted under.
    pub fn cause(self) -> &'static str {
        match self {
            FailureKind::Timeout => "upstream-timeout",
            FailureKind::DatabaseError => "upstream-database",
            FailureKind::ValidationError => "upstream-validation",
            FailureKind::ResourceExhaustion => "upstream-exhaustion",
            FailureKind::ExternalServiceFailure => "upstream-external",
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

/// What the service does to a new connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ConnectionFault {
    /// It refuses it: nobody listens there.
    Refuse,
    /// It accepts it and resets it at once.
    Reset,
    /// It accepts it and never answers on it.
    Stall,
    /// It accepts it and closes its own half at once.
    HalfOpen,
}

impl ConnectionFault {
    /// All of them.
    pub const ALL: [ConnectionFault; 4] = [
        ConnectionFault::Refuse,
        ConnectionFault::Reset,
        ConnectionFault::Stall,
        ConnectionFault::HalfOpen,
    ];

    /// Its name in requests.
    pub fn name(self) -> &'static str {
        match self {
            ConnectionFault::Refuse => "refuse",
            ConnectionFault::Reset => "reset",
            ConnectionFault::Stall => "stall",
            ConnectionFault::HalfOpen => "half-open",
        }
    }

    /// The fault of this name.
    pub fn of_name(name: &str) -> Option<ConnectionFault> {
        ConnectionFault::ALL
            .into_iter()
            .find(|fault| fault.name() == name)
    }
}

/// What makes the service fail. Clones are the same.
#[derive(Clone)]
pub struct Injector(Arc<Mutex<Injected>>);

struct Injected {
    rate: f64,
    until: Option<Instant>,
    /// How long a rate stays after it was last asked for.
    stays: Duration,
    /// How long answers that do not fail take.
    latency: Duration,
    /// What happens to which share of new connections.
    connections: Option<(ConnectionFault, f64)>,
    random: SmallRng,
}

impl Default for Injector {
    fn default() -> Injector {
        Injector(Arc::new(Mutex::new(Injected {
            rate: 0.0,
            until: None,
            stays: Duration::from_secs_f64(Facts::default().get("injected-seconds")),
            latency: Duration::ZERO,
            connections: None,
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

    /// Lets what is asked for stay for so long.
    pub fn set_stay(&self, seconds: f64) {
        self.lock().stays = Duration::from_secs_f64(seconds);
    }

    /// Makes calls fail at `rate` until some time (`injected-seconds`) after this was
    /// last asked for.
    pub fn fail(&self, rate: f64) {
        self.fail_slowly(rate, Duration::ZERO);
    }

    /// The same, and lets the other calls take `latency`.
    pub fn fail_slowly(&self, rate: f64, latency: Duration) {
        let mut injected = self.lock();
        injected.rate = rate.clamp(0.0, 1.0);
        injected.latency = latency;
        injected.until = Some(Instant::now() + injected.stays);
    }

    /// The rate at which calls fail now.
    pub fn rate(&self) -> f64 {
        let injected = self.lock();
        match injected.until {
            Some(until) if Instant::now() < until => injected.rate,
            _ => 0.0,
        }
    }

    /// Does this to this share of the connections made from now on.
    pub fn harm_connections(&self, harm: Option<(ConnectionFault, f64)>) {
        self.lock().connections = harm.map(|(fault, share)| (fault, share.clamp(0.0, 1.0)));
    }

    /// Ends all injected faults.
    pub fn clear(&self) {
        let mut injected = self.lock();
        injected.rate = 0.0;
        injected.until = None;
        injected.latency = Duration::ZERO;
        injected.connections = None;
    }

    /// What happens to a connection that is to be made.
    pub(super) fn draw_harm(&self) -> Option<ConnectionFault> {
        let mut injected = self.lock();
        let (fault, share) = injected.connections?;
        (share > 0.0 && injected.random.random_bool(share)).then_some(fault)
    }

    /// How long answers that do not fail take now.
    fn latency(&self) -> Duration {
        let injected = self.lock();
        match injected.until {
            Some(until) if Instant::now() < until => injected.latency,
            _ => Duration::ZERO,
        }
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

/// Where the service is: an address that answers, and one that refuses.
pub(super) struct Site {
    pub(super) open: SocketAddr,
    pub(super) refusing: SocketAddr,
    /// Holds on to the refusing one: bound, and nobody listens.
    _bound: TcpSocket,
}

/// Starts the service; it ends with the runtime.
pub(super) async fn start(injector: Injector) -> io::Result<Site> {
    let listener = listen(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let bound = TcpSocket::new_v4()?;
    bound.bind(SocketAddr::from(([127, 0, 0, 1], 0)))?;
    let site = Site {
        open: listener.local_addr()?,
        refusing: bound.local_addr()?,
        _bound: bound,
    };
    tokio::spawn(async move {
        loop {
            match listener.accept().await {
                Ok((stream, _)) => {
                    tokio::spawn(answer(stream, injector.clone()));
                }
                Err(error) => {
                    tracing::warn!(%error, "the upstream service could not accept");
                    tokio::time::sleep(Duration::from_millis(50)).await;
                }
            }
        }
    });
    Ok(site)
}

/// Does to a connection what was asked for.
async fn suffer(mut stream: TcpStream, harm: ConnectionFault) {
    match harm {
        ConnectionFault::Refuse => {}
        ConnectionFault::Reset => {
            // Closing without lingering tells the other side by a reset. Where that
            // cannot be set, closing is harm enough.
            let _ = stream.set_zero_linger();
        }
        ConnectionFault::Stall => until_gone(stream).await,
        ConnectionFault::HalfOpen => {
            if stream.shutdown().await.is_ok() {
                until_gone(stream).await;
            }
        }
    }
}

/// Reads and says nothing until the client goes.
async fn until_gone(mut stream: TcpStream) {
    let mut heard = [0_u8; 256];
    while let Ok(1..) = stream.read(&mut heard).await {}
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
        if let Some(harm) = line
            .trim_end()
            .strip_prefix(HARM)
            .and_then(ConnectionFault::of_name)
        {
            return suffer(stream.into_inner(), harm).await;
        }
        answered += 1;
        let reply = match injector.draw() {
            None => {
                tokio::time::sleep(injector.latency()).await;
                format!("ok {answered}\n")
            }
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

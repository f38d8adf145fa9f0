//! The pool of connections to the service.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use deadpool::managed::{self, Metrics, Object, Pool, RecycleError, RecycleResult, Timeouts};
use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

use super::sink::{ConnectionFault, HARM, Injector, Site};
use crate::heal::Facts;
use crate::reclaimable::Reclaimable;

/// What is read of an answer at once, and of one at most.
const BUFFER_BYTES: usize = 8 * 1024;
const ANSWER_BYTES_MAX: usize = 64 * 1024;
/// Connections made at once when many are asked for.
const OPENED_AT_ONCE: usize = 64;

/// A pool of connections. Clones are the same pool.
#[derive(Clone)]
pub struct Connections {
    pool: Pool<Manager>,
    shared: Arc<Shared>,
}

struct Shared {
    site: Site,
    injector: Injector,
    /// Connections of an older generation are not used again.
    generation: AtomicU64,
    failed: AtomicUsize,
    queries: AtomicU64,
    /// How long a connection may take to be made, and to be waited for, in microseconds.
    patience_micros: AtomicU64,
}

impl Shared {
    fn patience(&self) -> Duration {
        Duration::from_micros(self.patience_micros.load(Ordering::Relaxed))
    }
}

struct Manager(Arc<Shared>);

/// One connection.
struct Connection {
    stream: TcpStream,
    /// What was read last; kept from call to call.
    buffer: Mutex<Vec<u8>>,
    generation: u64,
    /// Whether a call was begun on it whose answer has not been read: then what comes
    /// next on it would be taken for the answer of another.
    in_call: bool,
}

/// What became of connections that were asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Opened {
    /// Those that stand.
    pub total: usize,
    /// Those that could not be made.
    pub failed: usize,
}

/// The state of the pool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct PoolReading {
    /// Connections, in use or idle.
    pub size: usize,
    /// Connections that wait for use, broken ones included.
    pub idle: usize,
    /// Idle connections that the service has closed.
    pub broken: usize,
    /// Callers that wait for a connection.
    pub waiting: usize,
    /// Connections that could not be made, since the start.
    pub failed: usize,
    /// Calls made over the pool, since the start.
    pub queries: u64,
}

impl Connection {
    /// Sends a line; the line that comes back.
    async fn ask(&mut self, line: &[u8]) -> std::io::Result<String> {
        self.stream.write_all(line).await?;
        let buffer = self.buffer.get_mut().expect("no panic while it is read");
        buffer.clear();
        if buffer.capacity() == 0 {
            buffer.reserve_exact(BUFFER_BYTES);
        }
        while buffer.last() != Some(&b'\n') {
            let too_long = buffer.len() >= ANSWER_BYTES_MAX;
            if too_long || self.stream.read_buf(buffer).await? == 0 {
                return Err(std::io::ErrorKind::ConnectionReset.into());
            }
        }
        Ok(String::from_utf8_lossy(buffer).into_owned())
    }

    fn buffer_bytes(&self) -> usize {
        let buffer = self.buffer.lock().expect("no panic while it is read");
        buffer.capacity()
    }

    fn drop_buffer(&self) {
        *self.buffer.lock().expect("no panic while it is read") = Vec::new();
    }

    /// Whether the other side has closed, as far as is known.
    fn is_broken(&self) -> bool {
        if self.in_call {
            return true;
        }
        let mut byte = [0_u8; 1];
        match self.stream.try_read(&mut byte) {
            Ok(_) => true,
            Err(error) => error.kind() != std::io::ErrorKind::WouldBlock,
        }
    }
}

impl managed::Manager for Manager {
    type Type = Connection;
    type Error = std::io::Error;

    async fn create(&self) -> Result<Connection, std::io::Error> {
        let generation = self.0.generation.load(Ordering::Relaxed);
        let harm = self.0.injector.draw_harm();
        let address = match harm {
            Some(ConnectionFault::Refuse) => self.0.site.refusing,
            _ => self.0.site.open,
        };
        let connecting = TcpStream::connect(address);
        let mut stream = tokio::time::timeout(self.0.patience(), connecting).await??;
        stream.set_nodelay(true)?;
        if let Some(harm) = harm {
            let said = format!("{HARM}{}\n", harm.name());
            stream.write_all(said.as_bytes()).await?;
        }
        Ok(Connection {
            stream,
            buffer: Mutex::default(),
            generation,
            in_call: false,
        })
    }

    async fn recycle(
        &self,
        connection: &mut Connection,
        _: &Metrics,
    ) -> RecycleResult<std::io::Error> {
        if connection.generation != self.0.generation.load(Ordering::Relaxed) {
            return Err(RecycleError::message("of an older generation"));
        }
        if connection.is_broken() {
            return Err(RecycleError::message("closed by the service"));
        }
        Ok(())
    }
}

impl Connections {
    pub(super) fn new(site: Site, injector: Injector) -> Connections {
        let shared = Arc::new(Shared {
            site,
            injector,
            generation: AtomicU64::new(0),
            failed: AtomicUsize::new(0),
            queries: AtomicU64::new(0),
            patience_micros: AtomicU64::new(0),
        });
        let pool = Pool::builder(Manager(Arc::clone(&shared)))
            .max_size(Facts::default().count("pool-connections"))
            .runtime(deadpool::Runtime::Tokio1)
            .build()
            .expect("a runtime is named, which timeouts need");
        let connections = Connections { pool, shared };
        connections.set_patience(Facts::default().get("connect-patience-ms"));
        connections
    }

    /// Sets how long a connection may take to be made, and to be waited for.
    pub fn set_patience(&self, millis: f64) {
        let micros = (millis * 1000.0) as u64;
        self.shared.patience_micros.store(micros, Ordering::Relaxed);
    }

    /// Sets how many connections there may be at most; idle ones beyond that are closed.
    pub fn set_size_max(&self, most: usize) {
        if self.pool.status().max_size != most {
            self.pool.resize(most);
        }
    }

    async fn get(&self) -> Result<Object<Manager>, std::io::Error> {
        let patience = Some(self.shared.patience());
        let timeouts = Timeouts {
            wait: patience,
            create: patience,
            recycle: patience,
        };
        self.pool.timeout_get(&timeouts).await.map_err(|error| {
            self.shared.failed.fetch_add(1, Ordering::Relaxed);
            std::io::Error::other(error.to_string())
        })
    }

    /// Brings the pool to `count` connections more than it has, all of which then
    /// stand idle; `harm` befalls the share of them. It holds no more than may be.
    pub async fn open(&self, count: usize, harm: (ConnectionFault, f64)) -> Opened {
        self.shared.injector.harm_connections(Some(harm));
        let before = self.pool.status().size;
        let wanted = (before + count).min(self.pool.status().max_size);
        let mut held = Vec::with_capacity(wanted);
        let mut failed = 0;
        let mut opening = FuturesUnordered::new();
        let mut begun = 0;
        // Holding those that are there makes the pool connect anew.
        while begun < wanted || !opening.is_empty() {
            while begun < wanted && opening.len() < OPENED_AT_ONCE {
                opening.push(self.get());
                begun += 1;
            }
            match opening.next().await {
                Some(Ok(connection)) => held.push(connection),
                Some(Err(_)) => failed += 1,
                None => break,
            }
        }
        self.shared.injector.harm_connections(None);
        let total = held.len().saturating_sub(before);
        drop(held);
        Opened { total, failed }
    }

    /// Sends one request over a connection of the pool; the line that came back.
    ///
    /// # Errors
    /// If there is no connection, or it broke.
    pub(super) async fn call(&self) -> Result<String, std::io::Error> {
        self.shared.queries.fetch_add(1, Ordering::Relaxed);
        let mut connection = self.get().await?;
        connection.in_call = true;
        match connection.ask(b"request\n").await {
            Ok(line) => {
                connection.in_call = false;
                Ok(line)
            }
            Err(error) => {
                // A connection that broke does not go back.
                drop(Object::take(connection));
                Err(error)
            }
        }
    }

    /// The state now.
    pub fn reading(&self) -> PoolReading {
        let mut broken = 0;
        self.pool.retain(|connection, _| {
            broken += usize::from(connection.is_broken());
            true
        });
        let status = self.pool.status();
        PoolReading {
            size: status.size,
            idle: status.available,
            broken,
            waiting: status.waiting,
            failed: self.shared.failed.load(Ordering::Relaxed),
            queries: self.shared.queries.load(Ordering::Relaxed),
        }
    }

    /// Closes idle connections, the broken ones first and then the oldest, until
    /// `keep` idle ones are left; returns how many were closed. Connections in use
    /// are not touched.
    pub fn close_idle(&self, keep: usize) -> usize {
        let mut ages: Vec<Instant> = Vec::new();
        self.pool.retain(|connection, metrics| {
            let sound = !connection.is_broken();
            if sound {
                ages.push(metrics.created);
            }
            true
        });
        ages.sort_unstable();
        let mut old = ages.len().saturating_sub(keep);
        let youngest_to_go = old.checked_sub(1).map(|last| ages[last]);
        let result = self.pool.retain(|connection, metrics| {
            if connection.is_broken() {
                return false;
            }
            if old > 0 && youngest_to_go.is_some_and(|created| metrics.created <= created) {
                old -= 1;
                return false;
            }
            true
        });
        result.removed.len()
    }

    /// Closes all idle connections and lets those in use be closed when they come
    /// back; what is needed next is made anew. Returns how many were closed.
    pub fn recreate(&self) -> usize {
        self.shared.generation.fetch_add(1, Ordering::Relaxed);
        self.pool.retain(|_, _| false).removed.len()
    }
}

/// The buffers of the pool's idle connections; each is made anew when it is needed.
impl Reclaimable for Connections {
    fn name(&self) -> &'static str {
        "buffers"
    }

    fn held_bytes(&self) -> usize {
        let mut bytes = 0;
        self.pool.retain(|connection, _| {
            bytes += connection.buffer_bytes();
            true
        });
        bytes
    }

    fn reclaim_to(&self, level: usize) -> Result<usize, String> {
        let mut surplus = self.held_bytes().saturating_sub(level);
        let mut given = 0;
        self.pool.retain(|connection, _| {
            let held = connection.buffer_bytes();
            if surplus > 0 && held > 0 {
                connection.drop_buffer();
                given += held;
                surplus = surplus.saturating_sub(held);
            }
            true
        });
        Ok(given)
    }
}

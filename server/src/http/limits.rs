//! The protective limits of the shell. They are fixed while it runs and are no
//! healing actions.

use std::time::Duration;

/// What one client, or all of them together, may take.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Connections at once. Beyond them the longest idle ones are closed; where
    /// none is idle, new ones are told to come back, but for what must answer.
    pub connections: usize,
    /// Connections at once from one address; 0 is any number.
    pub client_connections: usize,
    /// Requests a second from one address; beyond them 429, but for what must
    /// answer. 0 is any number.
    pub client_requests: usize,
    /// Requests at once; beyond them all but what must answer are turned away.
    pub requests: usize,
    /// How long a connection may take to send its first request, and each later
    /// head once it has begun.
    pub head: Duration,
    /// How long a connection may do nothing between requests.
    pub idle: Duration,
    /// Bytes of a request's head.
    pub head_bytes: usize,
    /// Bytes of a request's target.
    pub url_bytes: usize,
    /// How long a body may take.
    pub body: Duration,
    /// Bytes of a body.
    pub body_bytes: usize,
    /// How long an answer may take.
    pub answer: Duration,
    /// How long the healing loop may take to answer what it is asked.
    pub ask: Duration,
    /// How long a client may leave what is written to it unread.
    pub write: Duration,
    /// How long a query may be evaluated.
    pub query: Duration,
    /// Reductions that a query may take.
    pub query_reductions: u64,
    /// Queries evaluated at once.
    pub queries: usize,
    /// Streams of events at once.
    pub streams: usize,
    /// The longest silence on a stream of events.
    pub heartbeat: Duration,
    /// How long requests are still taken at the end, while `/ready` says no.
    pub drain: Duration,
    /// How long requests under way may take at the end.
    pub shutdown: Duration,
}

impl Default for Limits {
    fn default() -> Limits {
        Limits {
            connections: 16_384,
            client_connections: 0,
            client_requests: 0,
            requests: 1024,
            head: Duration::from_secs(10),
            idle: Duration::from_secs(75),
            head_bytes: 32 << 10,
            url_bytes: 8 << 10,
            body: Duration::from_secs(10),
            body_bytes: 1 << 20,
            answer: Duration::from_secs(60),
            ask: Duration::from_secs(10),
            write: Duration::from_secs(20),
            query: Duration::from_secs(2),
            query_reductions: 5_000_000,
            queries: 4,
            streams: 64,
            heartbeat: Duration::from_secs(10),
            drain: Duration::ZERO,
            shutdown: Duration::from_secs(5),
        }
    }
}

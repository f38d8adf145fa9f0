//! Connections that clients have open: how many, which of them are idle, and
//! closing idle ones. A request under way is never cut by anything here.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use tokio::sync::Notify;

/// Clients' connections. Clones are the same.
#[derive(Clone)]
pub struct Inbound(Arc<Shared>);

struct Shared {
    started: Instant,
    next: AtomicU64,
    open: Mutex<HashMap<u64, Arc<Seat>>>,
    closed_idle: AtomicU64,
}

/// What is known of one connection.
pub(crate) struct Seat {
    started: Instant,
    under_way: AtomicU32,
    served: AtomicU64,
    /// Milliseconds after `started` at which its last request ended, or it opened.
    idle_since: AtomicU64,
    multiplexed: AtomicBool,
    closing: Notify,
}

/// A connection's place among all of them, given back when dropped.
pub(crate) struct Seated {
    inbound: Inbound,
    id: u64,
    seat: Arc<Seat>,
}

/// A request under way on a connection; it has ended when this is dropped.
pub(crate) struct UnderWay(Arc<Seat>);

/// How many connections there are.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct InboundReading {
    /// Open connections.
    pub open: usize,
    /// Those without a request under way.
    pub idle: usize,
    /// How long the longest idle one has been so.
    pub idle_longest: Duration,
    /// Idle ones that were closed to make room or by healing, since start.
    pub closed_idle: u64,
}

impl Default for Inbound {
    fn default() -> Inbound {
        Inbound(Arc::new(Shared {
            started: Instant::now(),
            next: AtomicU64::new(0),
            open: Mutex::default(),
            closed_idle: AtomicU64::new(0),
        }))
    }
}

impl Inbound {
    fn open(&self) -> MutexGuard<'_, HashMap<u64, Arc<Seat>>> {
        self.0
            .open
            .lock()
            .expect("no panic while the connections are locked")
    }

    /// How many connections there are now. Costs a look at each.
    pub fn reading(&self) -> InboundReading {
        let now = millis(self.0.started);
        let open = self.open();
        let idle = open.values().filter_map(|seat| seat.idle_since());
        let (mut count, mut oldest) = (0, now);
        for since in idle {
            count += 1;
            oldest = oldest.min(since);
        }
        InboundReading {
            open: open.len(),
            idle: count,
            idle_longest: Duration::from_millis(now - oldest),
            closed_idle: self.0.closed_idle.load(Ordering::Relaxed),
        }
    }

    /// Closes idle connections, the longest idle first, until at most `most` are
    /// open or no idle one is left. Returns how many it closed: they are told at
    /// once and gone a moment later.
    pub fn close_idle(&self, most: usize) -> usize {
        self.close_long_idle(most, Duration::ZERO)
    }

    /// How many have done nothing for at least so long.
    pub fn long_idle(&self, least: Duration) -> usize {
        let before = self.idle_before(least);
        let open = self.open();
        open.values()
            .filter_map(|seat| seat.idle_since())
            .filter(|since| before.is_some_and(|before| *since <= before))
            .count()
    }

    /// The latest instant, in milliseconds, since when one must have been idle.
    fn idle_before(&self, least: Duration) -> Option<u64> {
        let least = u64::try_from(least.as_millis()).unwrap_or(u64::MAX);
        millis(self.0.started).checked_sub(least)
    }

    /// The same, of those only that have been idle for at least so long.
    pub fn close_long_idle(&self, most: usize, least: Duration) -> usize {
        let before = self.idle_before(least);
        let mut open = self.open();
        let surplus = open.len().saturating_sub(most);
        let mut idle: Vec<(u64, u64)> = open
            .iter()
            .filter_map(|(id, seat)| Some((seat.idle_since()?, *id)))
            .filter(|(since, _)| before.is_some_and(|before| *since <= before))
            .collect();
        if surplus < idle.len() {
            idle.select_nth_unstable(surplus);
            idle.truncate(surplus);
        }
        for (_, id) in &idle {
            if let Some(seat) = open.remove(id) {
                seat.closing.notify_one();
            }
        }
        self.0
            .closed_idle
            .fetch_add(idle.len() as u64, Ordering::Relaxed);
        idle.len()
    }

    /// Tells every connection to close: the idle at once, the others when the request
    /// under way has its answer.
    pub(crate) fn close_all(&self) {
        for seat in self.open().values() {
            seat.closing.notify_one();
        }
    }

    /// Takes a place for a connection that was opened.
    pub(crate) fn seat(&self) -> Seated {
        let id = self.0.next.fetch_add(1, Ordering::Relaxed);
        let seat = Arc::new(Seat {
            started: self.0.started,
            under_way: AtomicU32::new(0),
            served: AtomicU64::new(0),
            idle_since: AtomicU64::new(millis(self.0.started)),
            multiplexed: AtomicBool::new(false),
            closing: Notify::new(),
        });
        self.open().insert(id, Arc::clone(&seat));
        Seated {
            inbound: self.clone(),
            id,
            seat,
        }
    }

    /// Connections that are open.
    pub(crate) fn count(&self) -> usize {
        self.open().len()
    }
}

fn millis(since: Instant) -> u64 {
    u64::try_from(since.elapsed().as_millis()).unwrap_or(u64::MAX)
}

impl Seat {
    /// A request begins. `multiplexed` says whether others may run beside it.
    pub(crate) fn begin(self: &Arc<Seat>, multiplexed: bool) -> UnderWay {
        self.under_way.fetch_add(1, Ordering::AcqRel);
        self.multiplexed.store(multiplexed, Ordering::Relaxed);
        UnderWay(Arc::clone(self))
    }

    /// Requests that have begun, those under way included.
    pub(crate) fn begun(&self) -> u64 {
        self.served.load(Ordering::Acquire) + u64::from(self.under_way.load(Ordering::Acquire))
    }

    /// Whether no request is under way.
    pub(crate) fn is_idle(&self) -> bool {
        self.under_way.load(Ordering::Acquire) == 0
    }

    /// Whether it carries several requests at once.
    pub(crate) fn is_multiplexed(&self) -> bool {
        self.multiplexed.load(Ordering::Relaxed)
    }

    /// Waits until it is asked to close.
    pub(crate) async fn closing(&self) {
        self.closing.notified().await;
    }

    fn idle_since(&self) -> Option<u64> {
        self.is_idle()
            .then(|| self.idle_since.load(Ordering::Relaxed))
    }
}

impl Seated {
    pub(crate) fn seat(&self) -> &Arc<Seat> {
        &self.seat
    }
}

impl Drop for Seated {
    fn drop(&mut self) {
        self.inbound.open().remove(&self.id);
    }
}

impl Drop for UnderWay {
    fn drop(&mut self) {
        let seat = &self.0;
        seat.idle_since
            .store(millis(seat.started), Ordering::Relaxed);
        seat.served.fetch_add(1, Ordering::AcqRel);
        seat.under_way.fetch_sub(1, Ordering::AcqRel);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Inbound;

    #[test]
    fn the_longest_idle_are_closed_and_the_busy_are_not() {
        let inbound = Inbound::default();
        let first = inbound.seat();
        std::thread::sleep(Duration::from_millis(5));
        let second = inbound.seat();
        let third = inbound.seat();
        let request = second.seat().begin(false);
        std::thread::sleep(Duration::from_millis(5));
        let reading = inbound.reading();
        assert_eq!((reading.open, reading.idle), (3, 2));
        assert!(reading.idle_longest >= Duration::from_millis(10));
        let long = Duration::from_secs(60);
        assert_eq!(inbound.long_idle(Duration::ZERO), 2);
        assert_eq!(inbound.long_idle(long), 0);
        assert_eq!(inbound.close_long_idle(0, long), 0);
        assert_eq!(inbound.close_idle(3), 0);
        assert_eq!(inbound.close_idle(2), 1);
        assert!(!inbound.open().contains_key(&first.id));
        // The busy one stays, whatever is asked.
        assert_eq!(inbound.close_idle(0), 1);
        assert_eq!(inbound.reading().open, 1);
        drop(request);
        assert_eq!(inbound.close_idle(0), 1);
        assert_eq!(inbound.reading().closed_idle, 3);
        drop((first, second, third));
        assert_eq!(inbound.reading().open, 0);
    }

    #[test]
    fn a_request_counts_once_while_under_way_and_after() {
        let inbound = Inbound::default();
        let seated = inbound.seat();
        let request = seated.seat().begin(false);
        assert_eq!((seated.seat().begun(), seated.seat().is_idle()), (1, false));
        drop(request);
        assert_eq!((seated.seat().begun(), seated.seat().is_idle()), (1, true));
    }
}

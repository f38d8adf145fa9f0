//! The newest requests one by one. Where too few came within the window to say something, the
//! window is as much longer as it takes to have enough of them.
//!
//! Each is one word in a ring, written without a lock; one that is written over while it is
//! read may be lost.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Answered;

/// How many are kept; of a greater minimum volume the window is never longer.
const KEPT: usize = 256;
const OUTCOME_BITS: u32 = 2;
const BUCKET_BITS: u32 = 11;

pub(super) struct Recent {
    began: Instant,
    /// How many there were.
    count: AtomicU64,
    entries: [AtomicU64; KEPT],
    /// Milliseconds before which they count no more.
    since: AtomicU64,
}

/// A request that was answered.
pub(super) struct One {
    pub(super) answered: Answered,
    pub(super) bucket: usize,
}

impl Recent {
    pub(super) fn new(began: Instant) -> Recent {
        Recent {
            began,
            count: AtomicU64::new(0),
            entries: std::array::from_fn(|_| AtomicU64::new(0)),
            since: AtomicU64::new(0),
        }
    }

    fn millis(&self, now: Instant) -> u64 {
        let gone = now.saturating_duration_since(self.began).as_millis();
        u64::try_from(gone).unwrap_or(u64::MAX >> (BUCKET_BITS + OUTCOME_BITS))
    }

    pub(super) fn record(&self, now: Instant, bucket: usize, answered: Answered) {
        let outcome = match answered {
            Answered::Well => 1,
            Answered::Failed => 2,
            Answered::RefusedByHealing => 3,
        };
        let word = self.millis(now) << BUCKET_BITS | bucket as u64;
        let place = self.count.fetch_add(1, Ordering::Relaxed) as usize % KEPT;
        self.entries[place].store(word << OUTCOME_BITS | outcome, Ordering::Relaxed);
    }

    /// What came before `now` says nothing of what comes after it.
    pub(super) fn forget(&self, now: Instant) {
        self.since.store(self.millis(now), Ordering::Relaxed);
    }

    /// The newest requests, newest first, none older than `widest`, nor than what was forgotten.
    pub(super) fn newest(&self, now: Instant, widest: Duration) -> impl Iterator<Item = One> + '_ {
        let now = self.millis(now);
        let widest = u64::try_from(widest.as_millis()).unwrap_or(u64::MAX);
        let oldest = now
            .saturating_sub(widest)
            .max(self.since.load(Ordering::Relaxed));
        let count = self.count.load(Ordering::Relaxed);
        (count.saturating_sub(KEPT as u64)..count)
            .rev()
            .map(|number| self.entries[number as usize % KEPT].load(Ordering::Relaxed))
            .filter_map(move |word| {
                let answered = match word & 3 {
                    1 => Answered::Well,
                    2 => Answered::Failed,
                    3 => Answered::RefusedByHealing,
                    _ => return None,
                };
                let word = word >> OUTCOME_BITS;
                let bucket = word as usize & ((1 << BUCKET_BITS) - 1);
                (word >> BUCKET_BITS >= oldest).then_some(One { answered, bucket })
            })
    }
}

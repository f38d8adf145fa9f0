//! Latencies, failures and refusals over a sliding window, counted without a lock: a
//! request must never wait for another, nor for whoever reads the figures, least of all
//! on a busy machine, where the one who holds a lock may not run for a long time.
//!
//! Counts are of parts of the window. What a request counts while its part is emptied
//! may be lost, which a share or a percentile does not feel.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU32, AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::Answered;
use super::percentile::Latencies;
use super::recent::Recent;

/// The window has so many parts.
pub(super) const PARTS: u64 = 5;
/// Latencies are told apart to a 64th of their size.
const STEP_BITS: u32 = 6;
const STEPS: usize = 1 << STEP_BITS;
/// The longest latency told apart, in microseconds: nine minutes.
const MICROS_MAX: u64 = (1 << 29) - 1;
/// Each power of two from the steps on has as many buckets as there are steps.
pub(super) const BUCKETS: usize = STEPS * (29 - STEP_BITS as usize + 1);

/// Counts over a window.
pub(super) struct Window {
    began: Instant,
    /// How long each part is, in nanoseconds.
    part_nanos: AtomicU64,
    parts: [Part; PARTS as usize],
    /// Held while a part is emptied.
    emptying: Mutex<()>,
    recent: Recent,
}

struct Part {
    /// Which part since the beginning it counts, and one; 0 for none.
    number: AtomicU64,
    latencies: Vec<AtomicU32>,
    failures: AtomicU64,
    refused: AtomicU64,
    /// Failures and refusals by cause; well answered requests do not touch it.
    causes: Mutex<BTreeMap<&'static str, u64>>,
}

/// What a window holds.
pub(super) struct Counts {
    pub(super) requests: u64,
    pub(super) failures: u64,
    pub(super) refused: u64,
    /// By cause; every cause that there ever was.
    pub(super) causes: BTreeMap<&'static str, u64>,
    pub(super) latencies: Latencies,
}

/// The bucket of a latency.
pub(super) fn bucket(micros: u64) -> usize {
    let micros = micros.min(MICROS_MAX);
    let octave = (micros | (STEPS as u64 - 1)).ilog2() + 1 - STEP_BITS;
    if octave == 0 {
        return micros as usize;
    }
    let shift = octave - 1;
    (octave as usize) * STEPS + (micros >> shift) as usize - STEPS
}

/// The longest latency of a bucket.
pub(super) fn longest(bucket: usize) -> u64 {
    let (octave, step) = (bucket / STEPS, (bucket % STEPS) as u64);
    if octave == 0 {
        return step;
    }
    ((step + STEPS as u64 + 1) << (octave - 1)) - 1
}

impl Window {
    /// An empty window, whose parts are so long.
    pub(super) fn new(part: Duration) -> Window {
        let began = Instant::now();
        Window {
            began,
            part_nanos: AtomicU64::new(nanos(part)),
            parts: std::array::from_fn(|_| Part {
                number: AtomicU64::new(0),
                latencies: (0..BUCKETS).map(|_| AtomicU32::new(0)).collect(),
                failures: AtomicU64::new(0),
                refused: AtomicU64::new(0),
                causes: Mutex::default(),
            }),
            emptying: Mutex::default(),
            recent: Recent::new(began),
        }
    }

    /// Makes the parts so long; with another length the window begins anew.
    pub(super) fn set_part(&self, part: Duration) {
        let _emptying = locked(&self.emptying);
        if self.part_nanos.swap(nanos(part), Ordering::Relaxed) != nanos(part) {
            for part in &self.parts {
                part.number.store(0, Ordering::Release);
            }
        }
    }

    /// Which part counts at `now`, from 1.
    fn number(&self, now: Instant) -> u64 {
        let gone = nanos(now.saturating_duration_since(self.began));
        gone / self.part_nanos.load(Ordering::Relaxed) + 1
    }

    /// The part that counts now, emptied of what it counted before.
    fn current(&self, now: Instant) -> &Part {
        let number = self.number(now);
        let part = &self.parts[(number % PARTS) as usize];
        if part.number.load(Ordering::Acquire) != number {
            let _emptying = locked(&self.emptying);
            // Another may have emptied it meanwhile.
            if part.number.load(Ordering::Acquire) != number {
                part.empty();
                part.number.store(number, Ordering::Release);
            }
        }
        part
    }

    /// Counts a request that was answered at `now` after so long.
    pub(super) fn record(
        &self,
        now: Instant,
        took: Duration,
        answered: Answered,
        cause: Option<&'static str>,
    ) {
        let bucket = bucket(super::micros(took));
        self.recent.record(now, bucket, answered);
        let part = self.current(now);
        if answered != Answered::Well
            && let Some(cause) = cause
        {
            *locked(&part.causes).entry(cause).or_default() += 1;
        }
        match answered {
            Answered::RefusedByHealing => {
                part.refused.fetch_add(1, Ordering::Relaxed);
                return;
            }
            Answered::Failed => {
                part.failures.fetch_add(1, Ordering::Relaxed);
            }
            Answered::Well => {}
        }
        part.latencies[bucket].fetch_add(1, Ordering::Relaxed);
    }

    /// Whether nothing was counted within the window as of `now`; cheap, and true only then.
    pub(super) fn is_empty(&self, now: Instant) -> bool {
        let number = self.number(now);
        !self.parts.iter().any(|part| {
            let own = part.number.load(Ordering::Acquire);
            own > 0 && own <= number && own + PARTS > number
        })
    }

    /// What the window holds at `now`.
    pub(super) fn counts(&self, now: Instant) -> Counts {
        let number = self.number(now);
        let mut counts = Counts::default();
        for part in &self.parts {
            let own = part.number.load(Ordering::Acquire);
            let counted = own > 0 && own <= number && own + PARTS > number;
            for (cause, count) in &*locked(&part.causes) {
                *counts.causes.entry(cause).or_default() += if counted { *count } else { 0 };
            }
            if !counted {
                continue;
            }
            counts.failures += part.failures.load(Ordering::Relaxed);
            counts.refused += part.refused.load(Ordering::Relaxed);
            for (bucket, count) in part.latencies.iter().enumerate() {
                let count = u64::from(count.load(Ordering::Relaxed));
                counts.latencies.add(bucket, count);
            }
        }
        counts.requests = counts.latencies.count;
        counts
    }

    /// What a window holds at `now` that is as long as it takes to have so many requests, those
    /// that `are_meant`, though no longer than `widest`; and how many of those it has.
    pub(super) fn widened(
        &self,
        now: Instant,
        volume: u64,
        widest: Duration,
        are_meant: impl Fn(Answered) -> bool,
    ) -> (Counts, u64) {
        let mut counts = Counts::default();
        let mut meant = 0;
        for one in self.recent.newest(now, widest) {
            match one.answered {
                Answered::RefusedByHealing => counts.refused += 1,
                answered => {
                    counts.requests += 1;
                    counts.failures += u64::from(answered == Answered::Failed);
                    counts.latencies.add(one.bucket, 1);
                }
            }
            meant += u64::from(are_meant(one.answered));
            if meant == volume {
                break;
            }
        }
        (counts, meant)
    }

    /// What was counted before `now` says nothing of what comes after it: the window is not made
    /// longer by it.
    pub(super) fn forget(&self, now: Instant) {
        self.recent.forget(now);
    }
}

impl Default for Counts {
    fn default() -> Counts {
        Counts {
            requests: 0,
            failures: 0,
            refused: 0,
            causes: BTreeMap::new(),
            latencies: Latencies::new(),
        }
    }
}

impl Part {
    fn empty(&self) {
        for count in &self.latencies {
            count.store(0, Ordering::Relaxed);
        }
        self.failures.store(0, Ordering::Relaxed);
        self.refused.store(0, Ordering::Relaxed);
        // A cause once seen stays, as a count of none.
        locked(&self.causes)
            .values_mut()
            .for_each(|count| *count = 0);
    }
}

fn nanos(time: Duration) -> u64 {
    u64::try_from(time.as_nanos()).unwrap_or(u64::MAX).max(1)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::super::percentile::Volume;
    use super::{Answered, BUCKETS, MICROS_MAX, PARTS, Window, bucket, longest};

    const PART: Duration = Duration::from_secs(2);

    fn failing(window: &Window, at: Instant, times: usize) {
        for _ in 0..times {
            window.record(at, Duration::from_millis(1), Answered::Failed, Some("why"));
        }
    }

    #[test]
    fn buckets_follow_each_other_and_are_a_64th_wide() {
        assert_eq!(bucket(0), 0);
        assert_eq!(bucket(u64::MAX), BUCKETS - 1);
        assert_eq!(longest(BUCKETS - 1), MICROS_MAX);
        for index in 1..BUCKETS {
            let (first, last) = (longest(index - 1) + 1, longest(index));
            assert_eq!((bucket(first), bucket(last)), (index, index), "{index}");
            assert!((last - first) * 64 <= first, "{first} to {last}");
        }
    }

    #[test]
    fn quantiles_are_those_of_the_requests() {
        let window = Window::new(PART);
        let now = Instant::now();
        for millis in 1..=100 {
            window.record(now, Duration::from_millis(millis), Answered::Well, None);
        }
        let counts = window.counts(now);
        assert_eq!(counts.requests, 100);
        for (share, millis) in [(0.5, 50.0), (0.95, 95.0), (0.99, 99.0), (1.0, 100.0)] {
            let volume = Volume {
                least: 10,
                confidence: 0.999,
            };
            let found = counts.latencies.quantile(share, volume).unwrap() as f64 / 1000.0;
            assert!((found / millis - 1.0).abs() < 0.02, "{share}: {found}");
        }
    }

    #[test]
    fn old_requests_leave_the_window_and_their_causes_stay_as_none() {
        let window = Window::new(PART);
        let began = window.began;
        failing(&window, began, 3);
        let last = began + PART * (PARTS as u32 - 1);
        failing(&window, last, 2);
        let counts = window.counts(last);
        assert_eq!((counts.requests, counts.failures), (5, 5));
        // The first part is out of it, first unseen, then emptied for the next.
        let next = last + PART;
        assert_eq!(window.counts(next).failures, 2);
        failing(&window, next, 1);
        assert_eq!(window.counts(next).failures, 3);
        let counts = window.counts(next + PART * PARTS as u32);
        assert_eq!((counts.requests, counts.failures), (0, 0));
        assert_eq!(counts.causes.into_iter().collect::<Vec<_>>(), [("why", 0)]);
    }

    #[test]
    fn another_length_begins_anew_and_the_same_does_not() {
        let window = Window::new(PART);
        let now = Instant::now();
        failing(&window, now, 4);
        window.set_part(PART);
        assert_eq!(window.counts(now).failures, 4);
        window.set_part(PART / 2);
        assert_eq!(window.counts(now).failures, 0);
        failing(&window, now, 1);
        assert_eq!(window.counts(now).failures, 1);
    }

    #[test]
    fn requests_of_many_threads_are_all_counted() {
        let window = Window::new(Duration::from_secs(600));
        let now = Instant::now();
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| failing(&window, now, 1000));
            }
        });
        let counts = window.counts(now);
        assert_eq!((counts.requests, counts.failures), (4000, 4000));
        assert_eq!(counts.causes["why"], 4000);
    }
}

//! Background work: threads that want the CPU for a while. Their duty cycle,
//! the share of time in which they may run, can be changed while they run.

use std::collections::BTreeMap;
use std::sync::{Arc, Condvar, Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use super::Ratio;
use crate::heal::Facts;

/// The longest time a thread runs without looking at its duty or for the end.
const SLICE: Duration = Duration::from_millis(4);
/// What its threads are called, so that sensors can tell them from those that serve.
pub const BACKGROUND_THREAD: &str = "background";

/// A pool of background threads. Clones are the same pool.
#[derive(Clone)]
pub struct Background(Arc<Shared>);

struct Shared {
    state: Mutex<State>,
    /// Told of each change of the duty and of each cancellation.
    changed: Condvar,
}

struct State {
    duty: Ratio,
    /// Most threads at once, over all calls of [`Background::start`].
    threads_max: usize,
    /// Threads by number, in the order in which they were started, and whether each is to go on.
    running: BTreeMap<u64, GoOn>,
    /// How many have been started.
    started: u64,
    completed: usize,
    last_completed: Option<SystemTime>,
    /// When the last of the running threads is due to end.
    ends: Option<Instant>,
}

/// Whether a thread is to go on.
#[derive(Clone, Copy, PartialEq)]
enum GoOn {
    Yes,
    Cancelled,
}

/// Why background work was not started.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// Too many threads would run.
    #[error("{running} background threads run and at most {limit} may; {asked} more do not fit")]
    TooMany {
        /// How many run now.
        running: usize,
        /// How many were asked for.
        asked: usize,
        /// How many may run.
        limit: usize,
    },
    /// The system gave no thread.
    #[error("the system started no thread: {0}")]
    NoThread(String),
}

impl Default for Background {
    fn default() -> Background {
        Background::new()
    }
}

impl Background {
    /// A pool with nothing to do, unthrottled.
    pub fn new() -> Background {
        Background(Arc::new(Shared {
            state: Mutex::new(State {
                duty: Ratio::FULL,
                threads_max: Facts::default().count("background-threads-max"),
                running: BTreeMap::new(),
                started: 0,
                completed: 0,
                last_completed: None,
                ends: None,
            }),
            changed: Condvar::new(),
        }))
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0
            .state
            .lock()
            .expect("no panic while the pool is locked")
    }

    /// Sets how many threads may run at once, over all calls of [`Background::start`].
    pub fn set_threads_max(&self, most: usize) {
        self.lock().threads_max = most;
    }

    /// Starts `threads` threads that want the CPU for `duration`.
    ///
    /// # Errors
    /// If too many would run, or the system has no thread to give; then none
    /// goes on running.
    pub fn start(&self, duration: Duration, threads: usize) -> Result<(), StartError> {
        let first = {
            let mut state = self.lock();
            let running = state.running.len();
            let limit = state.threads_max;
            if threads > limit.saturating_sub(running) {
                return Err(StartError::TooMany {
                    running,
                    asked: threads,
                    limit,
                });
            }
            let first = state.started;
            state.started += threads as u64;
            let numbers = first..state.started;
            state
                .running
                .extend(numbers.map(|number| (number, GoOn::Yes)));
            first
        };
        let end = Instant::now() + duration;
        for number in first..first + threads as u64 {
            let pool = self.clone();
            let thread = std::thread::Builder::new()
                .name(BACKGROUND_THREAD.to_owned())
                .spawn(move || pool.work(end, number));
            if let Err(error) = thread {
                let mut state = self.lock();
                drop(state.running.split_off(&number));
                for go_on in state.running.range_mut(first..).map(|(_, go_on)| go_on) {
                    *go_on = GoOn::Cancelled;
                }
                self.0.changed.notify_all();
                return Err(StartError::NoThread(error.to_string()));
            }
        }
        let mut state = self.lock();
        state.ends = Some(state.ends.map_or(end, |known| known.max(end)));
        Ok(())
    }

    /// One thread: wants to run for its share of each period, waits for the rest. The time
    /// that it waits for a core counts as its share too: on a busy machine it asks for no more.
    fn work(&self, end: Instant, number: u64) {
        let goes_on = |state: &State| state.running.get(&number) == Some(&GoOn::Yes);
        let mut wanted_since = Instant::now();
        let mut state = self.lock();
        loop {
            let now = Instant::now();
            if now >= end || !goes_on(&state) {
                break;
            }
            let duty = state.duty.get();
            drop(state);
            burn(SLICE.min(end - now));
            let rest = wanted_since.elapsed().mul_f64(1.0 / duty.max(0.001) - 1.0);
            state = self.lock();
            // A new duty takes effect at once, not after a wait under the old one.
            let until = Instant::now() + rest;
            while goes_on(&state) && state.duty.get() == duty {
                let left = until.min(end).saturating_duration_since(Instant::now());
                if left.is_zero() {
                    break;
                }
                state = self
                    .0
                    .changed
                    .wait_timeout(state, left)
                    .expect("no panic while the pool is locked")
                    .0;
            }
            wanted_since = until.min(Instant::now());
        }
        state.running.remove(&number);
        state.completed += 1;
        state.last_completed = Some(SystemTime::now());
        if state.running.is_empty() {
            state.ends = None;
        }
    }

    /// Lets the threads run for `duty` of the time, at least a thousandth.
    pub fn set_duty(&self, duty: Ratio) {
        self.lock().duty = duty;
        self.0.changed.notify_all();
    }

    /// The share of the time in which the threads may run.
    pub fn duty(&self) -> Ratio {
        self.lock().duty
    }

    /// Ends the share of the threads, rounded up, within milliseconds: the youngest, with
    /// which the least work is lost. Returns how many.
    pub fn cancel(&self, share: Ratio) -> usize {
        let mut state = self.lock();
        let going_on = |go_on: &&mut GoOn| **go_on == GoOn::Yes;
        let count = state.running.values_mut().filter(going_on).count();
        let share = (count as f64 * share.get()).ceil() as usize;
        let youngest = state.running.values_mut().rev().filter(going_on);
        for go_on in youngest.take(share) {
            *go_on = GoOn::Cancelled;
        }
        self.0.changed.notify_all();
        share
    }

    /// How many threads run.
    pub fn running(&self) -> usize {
        self.lock().running.len()
    }

    /// What the threads would take unthrottled, in percent of one core: each
    /// running thread wants a core for itself.
    pub fn demand_percent(&self) -> f64 {
        self.running() as f64 * 100.0
    }

    /// How many threads have ended since the pool was made, and when the last
    /// did, as Unix time.
    pub fn completed(&self) -> (usize, Option<Duration>) {
        let state = self.lock();
        let last = state
            .last_completed
            .and_then(|time| time.duration_since(SystemTime::UNIX_EPOCH).ok());
        (state.completed, last)
    }

    /// How long until the last running thread ends by itself.
    pub fn ends_in(&self) -> Option<Duration> {
        let ends = self.lock().ends?;
        Some(ends.saturating_duration_since(Instant::now()))
    }
}

/// Keeps a core busy for `duration`.
fn burn(duration: Duration) {
    let start = Instant::now();
    let mut value = 1_u64;
    while start.elapsed() < duration {
        for _ in 0..1000 {
            value = value
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1);
        }
        std::hint::black_box(value);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Background, StartError};
    use crate::work::Ratio;

    fn wait_until_idle(pool: &Background) {
        let start = Instant::now();
        while pool.running() > 0 {
            assert!(start.elapsed() < Duration::from_secs(20), "threads end");
            std::thread::sleep(Duration::from_millis(5));
        }
    }

    #[test]
    fn cancelling_ends_long_work_also_under_a_throttle() {
        let pool = Background::new();
        pool.set_duty(Ratio::new(0.01).unwrap());
        pool.start(Duration::from_secs(300), 3).unwrap();
        assert_eq!(pool.demand_percent(), 300.0);
        assert_eq!(pool.cancel(Ratio::FULL), 3);
        wait_until_idle(&pool);
        assert_eq!(pool.completed().0, 3);
        assert_eq!(pool.ends_in(), None);
    }

    #[test]
    fn a_share_of_the_work_is_cancelled_and_the_rest_goes_on() {
        let pool = Background::new();
        pool.set_duty(Ratio::new(0.01).unwrap());
        pool.start(Duration::from_secs(300), 2).unwrap();
        pool.start(Duration::from_secs(300), 3).unwrap();
        assert_eq!(pool.cancel(Ratio::NONE), 0);
        assert_eq!(pool.cancel(Ratio::new(0.5).unwrap()), 3);
        let start = Instant::now();
        while pool.running() > 2 {
            assert!(start.elapsed() < Duration::from_secs(20), "three end");
            std::thread::sleep(Duration::from_millis(5));
        }
        std::thread::sleep(Duration::from_millis(50));
        assert_eq!((pool.running(), pool.completed().0), (2, 3));
        assert_eq!(pool.cancel(Ratio::FULL), 2);
        wait_until_idle(&pool);
    }

    #[test]
    fn work_ends_by_itself() {
        let pool = Background::new();
        pool.start(Duration::from_millis(20), 2).unwrap();
        wait_until_idle(&pool);
        assert!(pool.completed().1.is_some());
    }

    #[test]
    fn too_many_threads_are_refused() {
        let pool = Background::new();
        pool.set_threads_max(3);
        let refused = pool.start(Duration::from_secs(1), 4);
        assert!(matches!(refused, Err(StartError::TooMany { limit: 3, .. })));
        assert_eq!(pool.running(), 0);
    }
}

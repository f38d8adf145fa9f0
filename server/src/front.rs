//! What the HTTP front measures about its requests: how many are under way, and
//! latency and failures over a sliding window; and the gate before it.

mod gate;
mod percentile;
mod recent;
mod routes;
mod waiting;
mod window;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::heal::Facts;
pub use gate::{Gate, Refused, Weight};
use percentile::{Latencies, Volume};
use routes::Routes;
pub use routes::{Route, RouteReading};
use waiting::Waiting;
use window::{Counts, Window};

/// Counts requests. Clones count together.
#[derive(Clone)]
pub struct Front(Arc<Shared>);

struct Shared {
    active: AtomicUsize,
    waiting: Waiting,
    requests: AtomicU64,
    failures: AtomicU64,
    window: Window,
    /// The same by route.
    routes: Routes,
    volume_min: AtomicU64,
    /// How sure one must be of what fewer say, as bits of an `f64`.
    confidence: AtomicU64,
    /// The longest that the window may become to have so many, in milliseconds.
    widest_millis: AtomicU64,
    gate: Gate,
}

/// What became of a request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Answered {
    /// The service did what it should, be it that it refused bad input.
    Well,
    /// The service failed.
    Failed,
    /// Healing refused it, to shed load.
    RefusedByHealing,
}

/// One request under way; counts as ended when dropped.
pub struct InFlight {
    front: Front,
    began: Instant,
    /// Where it stands among those under way.
    place: Option<usize>,
}

/// What the window says. Where it has less than the minimum volume, shares and percentiles are
/// of a longer one. If that has less too, shares are `None`, and percentiles what they are at least
/// with the confidence that facts ask for. A request under way for longer than those that were
/// answered counts as one that took so long.
#[derive(Clone, Debug, Default)]
pub struct FrontReading {
    /// Requests under way.
    pub active: usize,
    /// Requests in the window.
    pub requests: u64,
    /// Failures in the window.
    pub failures: u64,
    /// Requests in the window that healing refused.
    pub refused: u64,
    /// Failures and refusals in the window by cause; every cause that there ever was.
    pub causes: BTreeMap<&'static str, u64>,
    /// Median latency in milliseconds.
    pub latency_p50_ms: Option<f64>,
    /// 95th percentile in milliseconds.
    pub latency_p95_ms: Option<f64>,
    /// 99th percentile in milliseconds.
    pub latency_p99_ms: Option<f64>,
    /// Failures by requests, `0.0..=1.0`.
    pub error_rate: Option<f64>,
    /// Failures and refusals by all that was asked, `0.0..=1.0`.
    pub client_visible_rate: Option<f64>,
    /// Requests since start.
    pub requests_total: u64,
    /// Failures since start.
    pub failures_total: u64,
}

/// How long each part of a window of so many seconds is.
fn part(seconds: f64) -> Duration {
    Duration::from_secs_f64(seconds / window::PARTS as f64)
}

fn millis(seconds: f64) -> u64 {
    (seconds * 1000.0) as u64
}

/// Whole microseconds, as many as fit.
fn micros(time: Duration) -> u64 {
    u64::try_from(time.as_micros()).unwrap_or(u64::MAX)
}

impl Default for Front {
    fn default() -> Front {
        Front::new()
    }
}

impl Front {
    /// A front that has seen nothing.
    pub fn new() -> Front {
        let facts = Facts::default();
        let part = part(facts.get("request-window"));
        let gate = Gate::default();
        gate.set_retry_after(Duration::from_secs_f64(facts.get("retry-after-seconds")));
        Front(Arc::new(Shared {
            active: AtomicUsize::new(0),
            waiting: Waiting::new(),
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            window: Window::new(part),
            routes: Routes::new(part),
            volume_min: AtomicU64::new(facts.count("request-volume") as u64),
            confidence: AtomicU64::new(facts.get("latency-confidence").to_bits()),
            widest_millis: AtomicU64::new(millis(facts.get("request-window-max"))),
            gate,
        }))
    }

    /// A request begins.
    pub fn begin(&self) -> InFlight {
        self.0.active.fetch_add(1, Ordering::Relaxed);
        let began = Instant::now();
        InFlight {
            front: self.clone(),
            began,
            place: self.0.waiting.enter(began),
        }
    }

    /// Takes over what facts say: how long the window is, which begins anew with another length;
    /// from how many requests on a share or percentile says something, and how sure one must be of
    /// a percentile of fewer; how long the window may become to have so many.
    pub fn set_window(&self, facts: &Facts) {
        let (seconds, volume_min) = (facts.get("request-window"), facts.count("request-volume"));
        let shared = &self.0;
        let volume_min = (volume_min as u64).max(1);
        shared.volume_min.store(volume_min, Ordering::Relaxed);
        let confidence = facts.get("latency-confidence").to_bits();
        shared.confidence.store(confidence, Ordering::Relaxed);
        let widest = millis(facts.get("request-window-max"));
        shared.widest_millis.store(widest, Ordering::Relaxed);
        self.0.window.set_part(part(seconds));
        self.0.routes.set_part(part(seconds));
    }

    /// What the window says now of each route that something was asked of in it.
    pub fn routes(&self) -> Vec<RouteReading> {
        self.0.routes.readings(Instant::now(), self.volume())
    }

    fn volume(&self) -> Volume {
        Volume {
            least: self.0.volume_min.load(Ordering::Relaxed),
            confidence: f64::from_bits(self.0.confidence.load(Ordering::Relaxed)),
        }
    }

    /// Something was done that changes how requests fare: those before it do not make the
    /// window longer.
    pub fn measure_anew(&self) {
        self.0.window.forget(Instant::now());
    }

    /// The window as much longer as it takes to have enough of the requests that are meant, of which
    /// there are so many within it; and whether it has enough of them. One that has none says nothing,
    /// however many there were before.
    fn widened(
        &self,
        now: Instant,
        within: u64,
        are_meant: impl Fn(Answered) -> bool,
    ) -> Option<(Counts, bool)> {
        let volume_min = self.0.volume_min.load(Ordering::Relaxed);
        if within == 0 || within >= volume_min {
            return None;
        }
        let widest = Duration::from_millis(self.0.widest_millis.load(Ordering::Relaxed));
        let (counts, meant) = self.0.window.widened(now, volume_min, widest, are_meant);
        Some((counts, meant >= volume_min))
    }

    /// Adds those requests under way that have been so for longer than most of these took: that is
    /// the least that they take.
    fn add_waiting(&self, latencies: &mut Latencies, now: Instant) {
        let all = Volume {
            least: 1,
            confidence: 1.0,
        };
        let most = latencies.quantile(0.95, all).unwrap_or(0);
        for age in self.0.waiting.ages(now) {
            let age = micros(age);
            if age > most {
                latencies.add(window::bucket(age), 1);
            }
        }
    }

    /// What lets requests in.
    pub fn gate(&self) -> &Gate {
        &self.0.gate
    }

    /// Requests under way.
    pub fn active(&self) -> usize {
        self.0.active.load(Ordering::Relaxed)
    }

    /// What the window says now.
    pub fn reading(&self) -> FrontReading {
        self.reading_at(Instant::now())
    }

    fn reading_at(&self, now: Instant) -> FrontReading {
        let mut counts = self.0.window.counts(now);
        let (requests, failures, refused) = (counts.requests, counts.failures, counts.refused);
        let volume = self.volume();
        let answered = |answered| answered != Answered::RefusedByHealing;
        let mut widened = self.widened(now, requests, answered);
        let latencies = match &mut widened {
            Some((wide, _)) => &mut wide.latencies,
            None => &mut counts.latencies,
        };
        self.add_waiting(latencies, now);
        let quantile = |share| {
            let micros = latencies.quantile(share, volume)?;
            Some(micros as f64 / 1000.0)
        };
        let [latency_p50_ms, latency_p95_ms, latency_p99_ms] = [0.5, 0.95, 0.99].map(quantile);
        let enough = match &widened {
            Some((wide, enough)) => enough.then_some(wide),
            None => (requests >= volume.least).then_some(&counts),
        };
        let asked = self.widened(now, requests + refused, |_| true);
        let asked = match &asked {
            Some((wide, enough)) => enough.then_some(wide),
            None => (requests + refused >= volume.least).then_some(&counts),
        };
        let share = |part: u64, all: u64| part as f64 / all as f64;
        FrontReading {
            active: self.active(),
            requests,
            failures,
            refused,
            latency_p50_ms,
            latency_p95_ms,
            latency_p99_ms,
            error_rate: enough.map(|counts| share(counts.failures, counts.requests)),
            client_visible_rate: asked.map(|counts| {
                share(
                    counts.failures + counts.refused,
                    counts.requests + counts.refused,
                )
            }),
            causes: counts.causes.clone(),
            requests_total: self.0.requests.load(Ordering::Relaxed),
            failures_total: self.0.failures.load(Ordering::Relaxed),
        }
    }
}

impl InFlight {
    /// The request was answered.
    pub fn finish(self, answered: Answered) {
        self.finish_because(answered, None);
    }

    /// The same; a failure or refusal is counted under its cause too.
    pub fn finish_because(self, answered: Answered, cause: Option<&'static str>) {
        self.finish_on(None, answered, cause);
    }

    /// The same; it is counted for its route too.
    pub fn finish_on(self, route: Option<Route>, answered: Answered, cause: Option<&'static str>) {
        let shared = &self.front.0;
        shared.requests.fetch_add(1, Ordering::Relaxed);
        if answered == Answered::Failed {
            shared.failures.fetch_add(1, Ordering::Relaxed);
        }
        let now = Instant::now();
        let took = now.saturating_duration_since(self.began);
        shared.window.record(now, took, answered, cause);
        if let Some(route) = route {
            shared.routes.record(route, now, took, answered, cause);
        }
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        if let Some(place) = self.place {
            self.front.0.waiting.leave(place);
        }
        self.front.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Answered, Front};

    #[test]
    fn shares_need_a_minimum_volume() {
        let front = Front::new();
        for _ in 0..9 {
            front.begin().finish(Answered::Failed);
        }
        assert_eq!(front.reading().error_rate, None);
        front.begin().finish(Answered::Well);
        let reading = front.reading();
        assert_eq!(reading.error_rate, Some(0.9));
        assert!(reading.latency_p95_ms.is_some());
        assert_eq!(reading.active, 0);
    }

    #[test]
    fn requests_that_wait_for_long_say_so_before_they_are_answered() {
        let front = Front::new();
        let began = Instant::now();
        let waiting: Vec<_> = (0..3).map(|_| front.begin()).collect();
        let p95 = |after: f64| {
            front
                .reading_at(began + Duration::from_secs_f64(after))
                .latency_p95_ms
        };
        assert!(p95(3.1).is_some_and(|p95| (3000.0..3200.0).contains(&p95)));
        // One of ten that are answered at once is still over the percentile …
        let answer = |times: u32| {
            for _ in 0..times {
                let took = Duration::from_millis(5);
                front.0.window.record(began, took, Answered::Well, None);
            }
        };
        answer(27);
        assert!(p95(3.1).is_some_and(|p95| p95 > 3000.0));
        // … one of a hundred is not.
        answer(300);
        assert!(p95(3.1).is_some_and(|p95| p95 < 6.0));
        drop(waiting);
        assert!(p95(3.1).is_some_and(|p95| p95 < 6.0));
    }

    #[test]
    fn a_few_slow_answers_say_that_requests_are_slow_and_no_share() {
        let front = Front::new();
        let began = Instant::now();
        let answer = |took: u64| {
            let took = Duration::from_millis(took);
            front.0.window.record(began, took, Answered::Failed, None);
        };
        answer(3000);
        answer(3000);
        assert_eq!(front.reading_at(began).latency_p95_ms, None);
        answer(3000);
        let reading = front.reading_at(began);
        assert!(reading.latency_p95_ms.is_some_and(|p95| p95 >= 3000.0));
        assert_eq!(reading.error_rate, None);
        // Of four three are slow, of five as many as tell nothing.
        answer(5);
        let p95 = front.reading_at(began).latency_p95_ms;
        assert!(p95.is_some_and(|p95| p95 >= 3000.0), "{p95:?}");
        answer(5);
        let p95 = front.reading_at(began).latency_p95_ms;
        assert!(p95.is_some_and(|p95| p95 < 6.0), "{p95:?}");
    }

    /// One request each `every` seconds, so many, all failed but the last; and when that was.
    fn few(front: &Front, times: u32, every: f64) -> Instant {
        let began = Instant::now();
        let at = |number: u32| began + Duration::from_secs_f64(every) * number;
        for number in 1..=times {
            let answered = if number == times {
                Answered::Well
            } else {
                Answered::Failed
            };
            let took = Duration::from_millis(5);
            front.0.window.record(at(number), took, answered, None);
        }
        at(times)
    }

    #[test]
    fn the_window_is_longer_where_requests_are_few() {
        let front = Front::new();
        let last = few(&front, 9, 2.0);
        assert_eq!(front.reading_at(last).error_rate, None);
        let front = Front::new();
        let last = few(&front, 10, 2.0);
        let reading = front.reading_at(last);
        assert!(reading.requests < 10, "{reading:?}");
        assert_eq!(reading.error_rate, Some(0.9));
        assert_eq!(reading.client_visible_rate, Some(0.9));
        assert!(reading.latency_p95_ms.is_some());
    }

    #[test]
    fn a_window_without_requests_says_nothing_whatever_came_before_it() {
        let front = Front::new();
        let last = few(&front, 10, 2.0);
        let later = last + Duration::from_secs(10);
        assert_eq!(front.reading_at(later).error_rate, None);
    }

    #[test]
    fn the_window_becomes_no_longer_than_it_may() {
        let front = Front::new();
        let last = few(&front, 20, 3.5);
        assert_eq!(front.reading_at(last).error_rate, None);
    }

    #[test]
    fn what_came_before_an_action_does_not_make_the_window_longer() {
        let front = Front::new();
        let last = few(&front, 10, 2.0);
        front.0.window.forget(last);
        assert_eq!(front.reading_at(last).error_rate, None);
    }

    #[test]
    fn refusals_by_healing_are_no_failures() {
        let front = Front::new();
        for _ in 0..20 {
            front.begin().finish(Answered::RefusedByHealing);
        }
        let reading = front.reading();
        assert_eq!((reading.requests, reading.refused), (0, 20));
    }

    #[test]
    fn causes_are_counted_in_the_window() {
        let front = Front::new();
        front
            .begin()
            .finish_because(Answered::Failed, Some("deadline"));
        front
            .begin()
            .finish_because(Answered::RefusedByHealing, Some("shed"));
        front
            .begin()
            .finish_because(Answered::Well, Some("not-found"));
        let causes = front.reading().causes;
        assert_eq!(
            causes.into_iter().collect::<Vec<_>>(),
            [("deadline", 1), ("shed", 1)]
        );
    }

    #[test]
    fn a_request_given_up_is_no_longer_active() {
        let front = Front::new();
        let request = front.begin();
        assert_eq!(front.active(), 1);
        drop(request);
        assert_eq!(front.active(), 0);
    }
}

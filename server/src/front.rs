//! What the HTTP front measures about its requests: how many are under way, and
//! latency and failures over a sliding window; and the gate before it.

mod gate;
mod routes;
mod window;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use crate::heal::Facts;
pub use gate::{Gate, Refused, Weight};
use routes::Routes;
pub use routes::{Route, RouteReading};
use window::Window;

/// Counts requests. Clones count together.
#[derive(Clone)]
pub struct Front(Arc<Shared>);

struct Shared {
    active: AtomicUsize,
    requests: AtomicU64,
    failures: AtomicU64,
    window: Window,
    /// The same by route.
    routes: Routes,
    volume_min: AtomicU64,
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
}

/// What the window says. Shares and percentiles are `None` below the minimum volume.
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
            requests: AtomicU64::new(0),
            failures: AtomicU64::new(0),
            window: Window::new(part),
            routes: Routes::new(part),
            volume_min: AtomicU64::new(facts.count("request-volume") as u64),
            gate,
        }))
    }

    /// A request begins.
    pub fn begin(&self) -> InFlight {
        self.0.active.fetch_add(1, Ordering::Relaxed);
        InFlight {
            front: self.clone(),
            began: Instant::now(),
        }
    }

    /// Makes the window so long, with which it begins anew, and a share or percentile say something
    /// from so many requests on.
    pub fn set_window(&self, seconds: f64, volume_min: u64) {
        self.0
            .volume_min
            .store(volume_min.max(1), Ordering::Relaxed);
        self.0.window.set_part(part(seconds));
        self.0.routes.set_part(part(seconds));
    }

    /// What the window says now of each route that something was asked of in it.
    pub fn routes(&self) -> Vec<RouteReading> {
        let volume_min = self.0.volume_min.load(Ordering::Relaxed);
        self.0.routes.readings(Instant::now(), volume_min)
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
        let counts = self.0.window.counts(Instant::now());
        let (requests, failures, refused) = (counts.requests, counts.failures, counts.refused);
        let volume_min = self.0.volume_min.load(Ordering::Relaxed);
        let enough = requests >= volume_min;
        let quantile = |share| enough.then(|| counts.quantile(share) as f64 / 1000.0);
        FrontReading {
            active: self.active(),
            requests,
            failures,
            refused,
            latency_p50_ms: quantile(0.5),
            latency_p95_ms: quantile(0.95),
            latency_p99_ms: quantile(0.99),
            causes: counts.causes,
            error_rate: enough.then(|| failures as f64 / requests as f64),
            client_visible_rate: (requests + refused >= volume_min)
                .then(|| (failures + refused) as f64 / (requests + refused) as f64),
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
        self.front.0.active.fetch_sub(1, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
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

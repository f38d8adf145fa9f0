//! The window of requests by route.

use std::collections::BTreeMap;
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use super::Answered;
use super::percentile::Volume;
use super::window::Window;

/// Routes that are told apart at most.
const ROUTES_MAX: usize = 128;

/// A route: its place in the table, and what it is called.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Route {
    /// Its place.
    pub index: usize,
    /// Its name, the path.
    pub path: &'static str,
}

/// What the window says of one route. Shares and percentiles are `None` below the
/// minimum volume.
#[derive(Clone, Debug, PartialEq)]
pub struct RouteReading {
    /// Its path.
    pub path: &'static str,
    /// Requests in the window that were answered, well or not.
    pub requests: u64,
    /// Failures among them.
    pub failures: u64,
    /// Requests in the window that healing refused.
    pub refused: u64,
    /// Failures and refusals in the window by cause.
    pub causes: BTreeMap<&'static str, u64>,
    /// Failures by requests, `0.0..=1.0`.
    pub error_rate: Option<f64>,
    /// 95th percentile in milliseconds.
    pub latency_p95_ms: Option<f64>,
}

/// A window for each route that was ever asked for.
pub(super) struct Routes {
    windows: Vec<OnceLock<(&'static str, Window)>>,
    part_nanos: AtomicU64,
}

impl Routes {
    /// None yet; the parts of their windows will be so long.
    pub(super) fn new(part: Duration) -> Routes {
        Routes {
            windows: (0..ROUTES_MAX).map(|_| OnceLock::new()).collect(),
            part_nanos: AtomicU64::new(part.as_nanos() as u64),
        }
    }

    pub(super) fn set_part(&self, part: Duration) {
        let nanos = part.as_nanos() as u64;
        self.part_nanos.store(nanos, Ordering::Relaxed);
        for (_, window) in self.windows.iter().filter_map(OnceLock::get) {
            window.set_part(part);
        }
    }

    /// Counts a request. A route beyond those that are told apart is not counted here.
    pub(super) fn record(
        &self,
        route: Route,
        now: Instant,
        took: Duration,
        answered: Answered,
        cause: Option<&'static str>,
    ) {
        let Some(slot) = self.windows.get(route.index) else {
            return;
        };
        let (_, window) = slot.get_or_init(|| {
            let part = Duration::from_nanos(self.part_nanos.load(Ordering::Relaxed));
            (route.path, Window::new(part))
        });
        window.record(now, took, answered, cause);
    }

    /// What the windows say at `now` of the routes that were asked for within them.
    pub(super) fn readings(&self, now: Instant, volume: Volume) -> Vec<RouteReading> {
        self.windows
            .iter()
            .filter_map(OnceLock::get)
            .filter(|(_, window)| !window.is_empty(now))
            .map(|(path, window)| {
                let counts = window.counts(now);
                let enough = counts.requests >= volume.least;
                let p95 = counts.latencies.quantile(0.95, volume);
                RouteReading {
                    path,
                    requests: counts.requests,
                    failures: counts.failures,
                    refused: counts.refused,
                    error_rate: enough.then(|| counts.failures as f64 / counts.requests as f64),
                    latency_p95_ms: p95.filter(|_| enough).map(|micros| micros as f64 / 1000.0),
                    causes: counts.causes,
                }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Answered, Route, Routes, Volume};

    fn volume(least: u64) -> Volume {
        let confidence = 0.999;
        Volume { least, confidence }
    }

    #[test]
    fn each_route_has_a_window_of_its_own() {
        let part = Duration::from_secs(2);
        let routes = Routes::new(part);
        let [good, bad] = [(3, "/good"), (7, "/bad")].map(|(index, path)| Route { index, path });
        let (now, took) = (Instant::now(), Duration::from_millis(10));
        assert!(routes.readings(now, volume(1)).is_empty());
        for _ in 0..10 {
            routes.record(good, now, took, Answered::Well, None);
        }
        for _ in 0..4 {
            routes.record(bad, now, took, Answered::Failed, Some("why"));
        }
        let readings = routes.readings(now, volume(5));
        let [good, bad] = &readings[..] else {
            panic!("{readings:?}")
        };
        assert_eq!((good.path, good.requests, good.failures), ("/good", 10, 0));
        assert_eq!(good.error_rate, Some(0.0));
        assert!(
            good.latency_p95_ms
                .is_some_and(|p95| (10.0..10.5).contains(&p95))
        );
        // Too few to say a share, but counted.
        assert_eq!((bad.failures, bad.error_rate), (4, None));
        assert_eq!(bad.causes["why"], 4);
        assert!(routes.readings(now + part * 6, volume(1)).is_empty());
    }
}

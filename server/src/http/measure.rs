//! How long requests take, by route and by the class of their status, and the causes of
//! answers that were not as asked.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::table::ROUTES;

/// The upper ends of the buckets, in microseconds; one more bucket has no end.
pub(super) const BUCKETS_MICROS: [u64; 14] = [
    500, 1_000, 2_500, 5_000, 10_000, 25_000, 50_000, 100_000, 250_000, 500_000, 1_000_000,
    2_500_000, 5_000_000, 10_000_000,
];
const CLASSES: [&str; 4] = ["2xx", "3xx", "4xx", "5xx"];

/// Counts by duration.
#[derive(Default)]
struct Histogram {
    buckets: [AtomicU64; BUCKETS_MICROS.len() + 1],
    sum_micros: AtomicU64,
}

/// Every route's durations. What is no route is counted together.
pub(super) struct Measures {
    durations: Vec<[Histogram; CLASSES.len()]>,
    /// Answers that were not as asked, by route, class and cause.
    causes: Mutex<BTreeMap<(usize, usize, &'static str), u64>>,
}

/// How many answers of a route had a cause.
pub(super) struct Caused {
    pub(super) method: &'static str,
    pub(super) route: &'static str,
    pub(super) class: &'static str,
    pub(super) cause: &'static str,
    pub(super) count: u64,
}

fn named(index: usize) -> (&'static str, &'static str) {
    ROUTES
        .get(index)
        .map_or(("", ""), |route| (route.method.as_str(), route.path))
}

/// One histogram as it is now.
pub(super) struct Reading {
    pub(super) method: &'static str,
    pub(super) route: &'static str,
    pub(super) class: &'static str,
    /// How many took no longer than each of [`BUCKETS_MICROS`].
    pub(super) up_to: Vec<u64>,
    pub(super) count: u64,
    pub(super) sum: Duration,
}

impl Default for Measures {
    fn default() -> Measures {
        let rows = ROUTES.len() + 1;
        Measures {
            durations: (0..rows).map(|_| Default::default()).collect(),
            causes: Mutex::default(),
        }
    }
}

impl Measures {
    /// A request was answered; `route` is its place in the table, if it has one.
    pub(super) fn record(
        &self,
        route: Option<usize>,
        status: u16,
        cause: Option<&'static str>,
        took: Duration,
    ) {
        let class = usize::from(status / 100).clamp(2, 5) - 2;
        let route = route.unwrap_or(ROUTES.len());
        if let Some(cause) = cause {
            let mut causes = self
                .causes
                .lock()
                .expect("no panic while causes are locked");
            *causes.entry((route, class, cause)).or_default() += 1;
        }
        let histogram = &self.durations[route][class];
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        let bucket = BUCKETS_MICROS.partition_point(|end| *end < micros);
        histogram.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        histogram.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How many answers there were of each route, class and cause.
    pub(super) fn causes(&self) -> Vec<Caused> {
        let causes = self
            .causes
            .lock()
            .expect("no panic while causes are locked");
        causes
            .iter()
            .map(|((route, class, cause), count)| {
                let (method, route) = named(*route);
                Caused {
                    method,
                    route,
                    class: CLASSES[*class],
                    cause,
                    count: *count,
                }
            })
            .collect()
    }

    /// Every histogram that is not empty.
    pub(super) fn readings(&self) -> Vec<Reading> {
        let mut readings = Vec::new();
        for (index, classes) in self.durations.iter().enumerate() {
            for (class, histogram) in CLASSES.iter().zip(classes) {
                let mut count = 0;
                let up_to: Vec<u64> = histogram
                    .buckets
                    .iter()
                    .map(|bucket| {
                        count += bucket.load(Ordering::Relaxed);
                        count
                    })
                    .collect();
                if count == 0 {
                    continue;
                }
                let (method, route) = named(index);
                readings.push(Reading {
                    method,
                    route,
                    class,
                    up_to: up_to[..BUCKETS_MICROS.len()].to_vec(),
                    count,
                    sum: Duration::from_micros(histogram.sum_micros.load(Ordering::Relaxed)),
                });
            }
        }
        readings
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::Measures;

    #[test]
    fn durations_are_counted_by_route_class_and_bucket() {
        let measures = Measures::default();
        for micros in [500, 501, 99_000_000] {
            measures.record(Some(0), 200, None, Duration::from_micros(micros));
        }
        measures.record(None, 404, Some("not-found"), Duration::ZERO);
        let readings = measures.readings();
        assert_eq!(readings.len(), 2);
        let first = &readings[0];
        assert_eq!((first.route, first.class, first.count), ("/", "2xx", 3));
        assert_eq!(first.up_to[..2], [1, 2]);
        assert_eq!(first.up_to.last(), Some(&2));
        assert_eq!(first.sum, Duration::from_micros(99_001_001));
        assert_eq!((readings[1].route, readings[1].class), ("", "4xx"));
        let causes = measures.causes();
        assert_eq!(causes.len(), 1);
        let one = &causes[0];
        assert_eq!((one.class, one.cause, one.count), ("4xx", "not-found", 1));
    }
}

//! Asking other programs beside the loop: HTTP probes, and metrics in Prometheus' text.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use super::client::{self, Answer};
use super::config::{Config, Probe, Scrape};
use crate::exposition;
use crate::heal::Facts;

/// Lines of a scrape that are looked at.
const LINES_MAX: usize = 100_000;

/// The newest figures. Clones are the same.
#[derive(Clone)]
pub(super) struct Newest(Arc<Shared>);

struct Shared {
    figures: Mutex<BTreeMap<String, Figure>>,
    /// After so many intervals without news a figure is too old to go by; bits of an `f64`.
    stale_intervals: AtomicU64,
}

impl Default for Newest {
    fn default() -> Newest {
        let newest = Newest(Arc::new(Shared {
            figures: Mutex::default(),
            stale_intervals: AtomicU64::new(0),
        }));
        newest.set_stale_intervals(Facts::default().get("stale-intervals"));
        newest
    }
}

#[derive(Clone, Copy)]
struct Figure {
    value: f64,
    until: Instant,
}

impl Newest {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Figure>> {
        let figures = self.0.figures.lock();
        figures.expect("no panic while figures are locked")
    }

    /// Sets for how many intervals a figure counts.
    pub(super) fn set_stale_intervals(&self, intervals: f64) {
        let bits = intervals.to_bits();
        self.0.stale_intervals.store(bits, Ordering::Relaxed);
    }

    /// How long a figure counts, from one asking to the next.
    fn lasts(&self, interval_seconds: f64, timeout_seconds: f64) -> Duration {
        let intervals = f64::from_bits(self.0.stale_intervals.load(Ordering::Relaxed));
        Duration::from_secs_f64(intervals * interval_seconds + timeout_seconds)
    }

    fn set(&self, metric: String, value: f64, lasts: Duration) {
        let until = Instant::now() + lasts;
        self.lock().insert(metric, Figure { value, until });
    }

    fn remove(&self, metric: &str) {
        self.lock().remove(metric);
    }

    /// The figures that are not too old.
    pub(super) fn read(&self, now: Instant) -> BTreeMap<String, f64> {
        self.lock()
            .iter()
            .filter(|(_, figure)| now <= figure.until)
            .map(|(metric, figure)| (metric.clone(), figure.value))
            .collect()
    }
}

/// Starts one task for each probe and scrape.
pub(super) fn start(config: &Config, newest: &Newest) {
    for probe in config.probe.clone() {
        let newest = newest.clone();
        tokio::spawn(async move {
            let every = Duration::from_secs_f64(probe.interval_seconds);
            loop {
                let began = tokio::time::Instant::now();
                ask(&probe, &newest).await;
                tokio::time::sleep_until(began + every).await;
            }
        });
    }
    for scrape in config.scrape.clone() {
        let newest = newest.clone();
        tokio::spawn(async move {
            let every = Duration::from_secs_f64(scrape.interval_seconds);
            loop {
                let began = tokio::time::Instant::now();
                if let Err(error) = fetch(&scrape, &newest).await {
                    tracing::debug!(name = %scrape.name, %error, "no scrape");
                }
                tokio::time::sleep_until(began + every).await;
            }
        });
    }
}

async fn ask(probe: &Probe, newest: &Newest) {
    let began = Instant::now();
    let timeout = Duration::from_secs_f64(probe.timeout_seconds);
    let answered = client::ask("GET", &probe.url, None, String::new(), timeout).await;
    let lasts = newest.lasts(probe.interval_seconds, probe.timeout_seconds);
    let name = &probe.name;
    let failed = match answered {
        Ok(Answer { status, .. }) => {
            let millis = began.elapsed().as_secs_f64() * 1000.0;
            let millis = (millis * 100.0).round() / 100.0;
            newest.set(format!("{name}.probe-latency-ms"), millis, lasts);
            let code = f64::from(status.as_u16());
            newest.set(format!("{name}.probe-status"), code, lasts);
            !status.is_success()
        }
        Err(error) => {
            tracing::debug!(%name, %error, "no answer to a probe");
            newest.remove(&format!("{name}.probe-latency-ms"));
            newest.remove(&format!("{name}.probe-status"));
            true
        }
    };
    let failed = f64::from(u8::from(failed));
    newest.set(format!("{name}.probe-failed"), failed, lasts);
}

async fn fetch(scrape: &Scrape, newest: &Newest) -> Result<(), String> {
    let timeout = Duration::from_secs_f64(scrape.timeout_seconds);
    let answer = client::ask("GET", &scrape.url, None, String::new(), timeout).await?;
    let Answer { status, body, .. } = answer;
    if !status.is_success() {
        return Err(format!("{} answered with status {status}", scrape.url));
    }
    if answer.is_cut {
        return Err(format!("{} answered with too much", scrape.url));
    }
    let text = String::from_utf8_lossy(&body);
    let lasts = newest.lasts(scrape.interval_seconds, scrape.timeout_seconds);
    for (metric, value) in sums(&text, &scrape.metrics) {
        newest.set(format!("{}.{metric}", scrape.name), value, lasts);
    }
    Ok(())
}

/// The wanted metrics of a text, each summed over its labels. What is no sample, or no number,
/// is passed over.
fn sums(text: &str, wanted: &[String]) -> BTreeMap<String, f64> {
    let mut sums: BTreeMap<String, f64> = BTreeMap::new();
    for line in text.lines().take(LINES_MAX) {
        let line = line.trim();
        let name = exposition::name_of(line);
        if !wanted.iter().any(|metric| metric == name) {
            continue;
        }
        let value = exposition::read(line).map(|line| line.value);
        if let Some(value) = value.filter(|value| value.is_finite()) {
            *sums.entry(name.to_owned()).or_default() += value;
        }
    }
    sums
}

#[cfg(test)]
mod tests {
    use super::sums;

    #[test]
    fn metrics_are_summed_over_their_labels() {
        let text = "# HELP a what\n# TYPE a gauge\na 3\nb{x=\"}\",y=\"2 3\"} 1.5 1700000000\n\
                    b{x=\"2\"} 2.5e0\nab 9\nb NaN\nbroken{\n";
        let wanted = ["a", "b", "broken", "none"].map(str::to_owned);
        let found: Vec<(String, f64)> = sums(text, &wanted).into_iter().collect();
        assert_eq!(found, [("a".to_owned(), 3.0), ("b".to_owned(), 4.0)]);
    }
}

//! Sensors: one reading of this process, its host, its work and its front.

mod process;
mod quota;
mod sockets;

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, Instant};

use crate::events::Events;
use crate::front::Front;
use crate::heal::Facts;
use crate::inbound::Inbound;
use crate::outside::Outside;
use crate::status::Reading;
use crate::work::{Background, Breaker, Sessions, Upstream};

use process::ProcessSensors;
pub use process::{CpuMeter, SensorError, rss_mb};

/// What the sensors look at besides the process itself.
#[derive(Clone)]
pub struct Sources {
    /// The cache of sessions.
    pub sessions: Sessions,
    /// The background threads.
    pub background: Background,
    /// The HTTP front.
    pub front: Front,
    /// The clients' connections.
    pub inbound: Inbound,
    /// The service that requests depend on.
    pub upstream: Upstream,
    /// Other programs.
    pub outside: Outside,
    /// What went wrong, in words.
    pub events: Events,
}

/// Reads everything that is measured.
pub struct Sensors {
    sources: Sources,
    process: ProcessSensors,
    long_idle_seconds: f64,
    /// What is measured, also what had no value yet.
    names: BTreeSet<String>,
}

impl Sensors {
    /// Sensors for this process.
    ///
    /// # Errors
    /// If the system does not let the process read its own figures.
    pub fn new(sources: Sources) -> Result<Sensors, SensorError> {
        Ok(Sensors {
            sources,
            process: ProcessSensors::new()?,
            long_idle_seconds: Facts::default().get("long-idle-seconds"),
            names: BTreeSet::new(),
        })
    }

    /// Takes over what facts say: from when on a client's connection counts as idle for long,
    /// and over what time CPU use is averaged at least.
    pub fn set_bounds(&mut self, facts: &Facts) {
        self.long_idle_seconds = facts.get("long-idle-seconds");
        let window = Duration::from_secs_f64(facts.get("cpu-window-ms") / 1000.0);
        self.process.set_cpu_window(window);
    }

    /// Whether a metric of this name is measured here.
    pub fn measures(&self, metric: &str) -> bool {
        self.names.contains(metric)
    }

    /// Reads what takes long, shortly before a sample is due.
    pub fn look_ahead(&mut self, now: Instant) {
        self.process.look_ahead(now);
    }

    /// One reading. `now` is the instant that the figures which are rates refer
    /// to; `seconds` and `unix` are the same instant as rules and people see it.
    ///
    /// # Errors
    /// If the process's own figures cannot be read.
    pub fn read(&mut self, now: Instant, seconds: f64, unix: f64) -> Result<Reading, SensorError> {
        let mut metrics = BTreeMap::new();
        let names = &mut self.names;
        let mut put_rounded = |name: &str, value: Option<f64>, parts: f64| {
            if !names.contains(name) {
                names.insert(name.to_owned());
            }
            if let Some(value) = value.filter(|value| value.is_finite()) {
                metrics.insert(name.to_owned(), (value * parts).round() / parts);
            }
        };
        // Two decimals are all that is measured, and all that reads well.
        let mut put = |name: &str, value| put_rounded(name, value, 100.0);
        self.process.read(now, &mut put)?;
        let Sources {
            sessions,
            background,
            front,
            upstream,
            inbound,
            outside,
            events: _,
        } = &self.sources;
        put("cache-mb", Some(sessions.held_bytes() as f64 / 1_048_576.0));
        put(
            "cache-filling-mb",
            Some(sessions.filling_bytes() as f64 / 1_048_576.0),
        );
        put("cache-entries", Some(sessions.entries() as f64));
        put("background-threads", Some(background.running() as f64));
        put(
            "background-demand-percent",
            Some(background.demand_percent()),
        );
        let mut put = |name: &str, value| put_rounded(name, value, 1e4);
        put("background-duty", Some(background.duty().get()));
        put("ordinary-requests", Some(front.gate().asked() as f64));
        put("shed-share", Some(front.gate().shed_share()));
        put("request-limit", Some(front.gate().request_limit() as f64));
        let clients = inbound.reading();
        put("inbound-open", Some(clients.open as f64));
        put("inbound-idle", Some(clients.idle as f64));
        let long = Duration::from_secs_f64(self.long_idle_seconds);
        put("inbound-long-idle", Some(inbound.long_idle(long) as f64));
        put(
            "inbound-idle-longest-s",
            Some(clients.idle_longest.as_secs_f64()),
        );
        for route in front.routes() {
            let path = route.path;
            put(&format!("error-rate.{path}"), route.error_rate);
            put(&format!("request-latency-ms.{path}"), route.latency_p95_ms);
        }
        let front = front.reading();
        put("active-requests", Some(front.active as f64));
        put("requests-in-window", Some(front.requests as f64));
        put("errors-in-window", Some(front.failures as f64));
        put("refused-by-healing", Some(front.refused as f64));
        put(
            "unserved-in-window",
            Some((front.failures + front.refused) as f64),
        );
        for (cause, count) in &front.causes {
            put(&format!("failures.{cause}"), Some(*count as f64));
        }
        put("request-latency-ms", front.latency_p95_ms);
        put("latency-p50-ms", front.latency_p50_ms);
        put("latency-p99-ms", front.latency_p99_ms);
        put("error-rate", front.error_rate);
        put("client-visible-error-rate", front.client_visible_rate);
        let pool = upstream.connections().reading();
        put("pool-size", Some(pool.size as f64));
        put("pool-idle", Some(pool.idle as f64));
        put("pool-broken", Some(pool.broken as f64));
        put("pool-waiting", Some(pool.waiting as f64));
        put(
            "pool-in-use",
            Some((pool.size - pool.idle.min(pool.size)) as f64),
        );
        put("pool-failed", Some(pool.failed as f64));
        let layer = upstream.layer().reading();
        put("degradation-level", Some(f64::from(layer.level)));
        put(
            "breaker-open",
            Some(match layer.breaker {
                Breaker::Closed => 0.0,
                Breaker::HalfOpen => 0.5,
                Breaker::Open => 1.0,
            }),
        );
        put("breaker-since-s", Some(layer.breaker_for.as_secs_f64()));
        put("breaker-probes", Some(layer.probes as f64));
        put("breaker-probes-failed", Some(layer.probes_failed as f64));
        put(
            "upstream-deadline-ms",
            Some(layer.deadline.as_millis() as f64),
        );
        put("upstream-retries", Some(f64::from(layer.retries)));
        put("upstream-error-rate", layer.error_rate);
        put("upstream-latency-ms", layer.latency_p95_ms);
        put("upstream-calls", Some(layer.calls as f64));
        put("upstream-active", Some(layer.active as f64));
        metrics.append(&mut outside.read(now));
        Ok(Reading {
            seconds,
            unix,
            metrics,
        })
    }
}

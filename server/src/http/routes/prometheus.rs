//! `/metrics`: every figure in the text format that Prometheus scrapes.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::sync::Arc;

use super::wire::unix_now;
use crate::front::FrontReading;
use crate::http::answer::{Answer, Failure};
use crate::http::measure;
use crate::http::service::Service;
use crate::http::table::Request;
use crate::inbound::InboundReading;
use crate::status::{DecisionTimes, Status};

/// Text of the exposition format, family by family.
#[derive(Default)]
struct Exposition(String);

impl Exposition {
    /// Begins a family. A name that counts ends in `_total`.
    fn family(&mut self, name: &'static str, kind: &str, help: &str) -> Family<'_> {
        self.line(format_args!("# HELP {name} {help}"));
        self.line(format_args!("# TYPE {name} {kind}"));
        Family { text: self, name }
    }

    /// Families of one value each, without labels.
    fn figures(&mut self, figures: &[(&'static str, &str, &str, f64)]) {
        for (name, kind, help, value) in figures {
            self.family(name, kind, help).labelled(&[], *value);
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("strings take all writes");
    }
}

struct Family<'t> {
    text: &'t mut Exposition,
    name: &'static str,
}

impl Family<'_> {
    fn labelled(&mut self, labels: &[(&str, &str)], value: f64) {
        self.suffixed("", labels, value);
    }

    fn suffixed(&mut self, suffix: &str, labels: &[(&str, &str)], value: f64) {
        let name = self.name;
        if labels.is_empty() {
            self.text.line(format_args!("{name}{suffix} {value}"));
            return;
        }
        let labels: Vec<String> = labels
            .iter()
            .map(|(label, text)| format!("{label}=\"{}\"", escaped(text)))
            .collect();
        let labels = labels.join(",");
        self.text
            .line(format_args!("{name}{suffix}{{{labels}}} {value}"));
    }

    /// One histogram: `up_to` counts what is not above each of `ends`.
    fn histogram(
        &mut self,
        labels: &[(&str, &str)],
        ends: &[f64],
        up_to: &[u64],
        count: u64,
        sum: f64,
    ) {
        for (end, below) in ends.iter().zip(up_to) {
            let end = end.to_string();
            let labels = [labels, &[("le", end.as_str())]].concat();
            self.suffixed("_bucket", &labels, *below as f64);
        }
        let labels_inf = [labels, &[("le", "+Inf")]].concat();
        self.suffixed("_bucket", &labels_inf, count as f64);
        self.suffixed("_sum", labels, sum);
        self.suffixed("_count", labels, count as f64);
    }
}

fn escaped(label: &str) -> String {
    label
        .replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}

pub(in crate::http) async fn metrics(service: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    let status = service.shell.healing.status.load();
    let mut text = Exposition::default();
    write_process(&mut text, &service, &status);
    write_healing(&mut text, &status);
    write_requests(&mut text, &service.shell.front.reading());
    write_durations(&mut text, &service.measures.readings());
    let mut causes = text.family(
        "chimera_answers_by_cause_total",
        "counter",
        "Answers that were not as asked, by route, class of status and cause.",
    );
    for one in service.measures.causes() {
        let labels = [
            ("method", one.method),
            ("route", one.route),
            ("class", one.class),
            ("cause", one.cause),
        ];
        causes.labelled(&labels, one.count as f64);
    }
    write_connections(&mut text, &service.shell.inbound.reading());
    let mut samples = text.family(
        "chimera_sample",
        "gauge",
        "The newest value of each metric, by the name that rules know.",
    );
    for (metric, value) in &status.reading.metrics {
        samples.labelled(&[("metric", metric)], *value);
    }
    let mut thresholds = text.family(
        "chimera_threshold",
        "gauge",
        "The threshold atoms in force, by metric.",
    );
    for (metric, value) in &status.thresholds {
        thresholds.labelled(&[("metric", metric)], *value);
    }
    Ok(Answer::text(
        "text/plain; version=0.0.4; charset=utf-8",
        text.0,
    ))
}

fn write_process(text: &mut Exposition, service: &Service, status: &Status) {
    text.family(
        "chimera_build_info",
        "gauge",
        "Always 1; the label tells the version.",
    )
    .labelled(&[("version", env!("CARGO_PKG_VERSION"))], 1.0);
    let uptime = service.started.elapsed().as_secs_f64();
    text.figures(&[(
        "process_start_time_seconds",
        "gauge",
        "Unix time at which the server started.",
        ((unix_now() - uptime) * 100.0).round() / 100.0,
    )]);
    if let Some(mib) = status.reading.metrics.get("memory-mb") {
        text.figures(&[(
            "process_resident_memory_bytes",
            "gauge",
            "Resident memory at the newest sample.",
            (mib * 1_048_576.0).round(),
        )]);
    }
}

fn write_healing(text: &mut Exposition, status: &Status) {
    text.figures(&[
        (
            "chimera_ticks_total",
            "counter",
            "Ticks of the healing loop.",
            status.ticks as f64,
        ),
        (
            "chimera_last_sample_timestamp_seconds",
            "gauge",
            "Unix time of the newest sample.",
            status.reading.unix,
        ),
        (
            "chimera_rules_valid",
            "gauge",
            "Whether the rule files on disk are the rules in force: 0 after a failed reload.",
            if status.rules.error.is_none() {
                1.0
            } else {
                0.0
            },
        ),
        (
            "chimera_rules_loaded_timestamp_seconds",
            "gauge",
            "Unix time at which the rules came into force.",
            status.rules.loaded_unix,
        ),
        (
            "chimera_misshapen_decisions_total",
            "counter",
            "Results of (decide) that were no (act ...).",
            status.misshapen_decisions as f64,
        ),
    ]);
    text.family(
        "chimera_rules_info",
        "gauge",
        "Always 1; the label tells the generation of the rules in force.",
    )
    .labelled(&[("generation", &status.rules.generation)], 1.0);
    let mut faults = text.family("chimera_fault_open", "gauge", "1 for each open episode.");
    for fault in &status.open_faults {
        faults.labelled(&[("fault", fault)], 1.0);
    }
    let mut episodes = text.family(
        "chimera_episode_state",
        "gauge",
        "1 for the state that each open episode is in.",
    );
    for episode in &status.episodes {
        let labels = [
            ("fault", episode.fault.as_str()),
            ("state", episode.state.name()),
            ("strategy", episode.strategy.as_str()),
        ];
        episodes.labelled(&labels, 1.0);
    }
    text.figures(&[(
        "chimera_healing_actions_total",
        "counter",
        "Actions that the rules decided.",
        status.actions.last().map_or(0, |newest| newest.id) as f64,
    )]);
    let mut verdicts = text.family(
        "chimera_healing_verdicts_total",
        "counter",
        "Actions that were carried out, by fault and by what later samples said of them.",
    );
    for ((fault, verdict), count) in &status.verdict_counts {
        verdicts.labelled(&[("fault", fault), ("verdict", verdict)], *count as f64);
    }
    let mut kept: BTreeMap<(&str, &str), u64> = BTreeMap::new();
    for record in &status.actions {
        *kept
            .entry((&record.fault, record.verdict.name()))
            .or_default() += 1;
    }
    let mut actions = text.family(
        "chimera_healing_actions_kept",
        "gauge",
        "Actions in the history, by fault and verdict.",
    );
    for ((fault, verdict), count) in kept {
        actions.labelled(&[("fault", fault), ("verdict", verdict)], count as f64);
    }
    let mut events = text.family(
        "chimera_events_total",
        "counter",
        "Events in words, by the fault that the rules see in them.",
    );
    for (class, count) in &status.event_counts {
        events.labelled(&[("class", class)], *count as f64);
    }
    let times = &status.decision_times;
    let ends = DecisionTimes::ENDS_MICROS.map(|micros| micros as f64 / 1e6);
    let mut below = 0;
    let up_to: Vec<u64> = times
        .counts
        .iter()
        .map(|count| {
            below += count;
            below
        })
        .collect();
    text.family(
        "chimera_decision_duration_seconds",
        "histogram",
        "What the rules took to decide, once a tick, proof included.",
    )
    .histogram(&[], &ends, &up_to, below, times.sum_micros as f64 / 1e6);
}

fn write_durations(text: &mut Exposition, readings: &[measure::Reading]) {
    let ends = measure::BUCKETS_MICROS.map(|micros| micros as f64 / 1e6);
    let mut durations = text.family(
        "chimera_http_request_duration_seconds",
        "histogram",
        "From the head of a request to that of its answer, by route and class of status; what is no route has none.",
    );
    for reading in readings {
        let labels = [
            ("route", reading.route),
            ("method", reading.method),
            ("class", reading.class),
        ];
        durations.histogram(
            &labels,
            &ends,
            &reading.up_to,
            reading.count,
            reading.sum.as_secs_f64(),
        );
    }
}

fn write_connections(text: &mut Exposition, inbound: &InboundReading) {
    text.figures(&[
        (
            "chimera_http_connections",
            "gauge",
            "Connections that clients have open.",
            inbound.open as f64,
        ),
        (
            "chimera_http_idle_connections",
            "gauge",
            "Those of them without a request under way.",
            inbound.idle as f64,
        ),
        (
            "chimera_http_idle_connections_closed_total",
            "counter",
            "Idle connections closed to make room or by healing.",
            inbound.closed_idle as f64,
        ),
    ]);
}

fn write_requests(text: &mut Exposition, front: &FrontReading) {
    text.figures(&[
        (
            "chimera_http_requests_total",
            "counter",
            "Requests answered.",
            front.requests_total as f64,
        ),
        (
            "chimera_http_failures_total",
            "counter",
            "Requests that the service failed.",
            front.failures_total as f64,
        ),
        (
            "chimera_http_active_requests",
            "gauge",
            "Requests under way.",
            front.active as f64,
        ),
    ]);
    let mut latency = text.family(
        "chimera_http_latency_seconds",
        "gauge",
        "Latency over the sliding window; absent while it has too few requests.",
    );
    for (quantile, value) in [
        ("0.5", front.latency_p50_ms),
        ("0.95", front.latency_p95_ms),
        ("0.99", front.latency_p99_ms),
    ] {
        if let Some(milliseconds) = value {
            latency.labelled(&[("quantile", quantile)], milliseconds / 1000.0);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Exposition;

    #[test]
    fn histograms_end_with_all() {
        let mut text = Exposition::default();
        text.family("a", "histogram", "help.")
            .histogram(&[("m", "x")], &[0.5], &[1], 3, 2.5);
        let lines: Vec<&str> = text.0.lines().skip(2).collect();
        assert_eq!(
            lines,
            [
                "a_bucket{m=\"x\",le=\"0.5\"} 1",
                "a_bucket{m=\"x\",le=\"+Inf\"} 3",
                "a_sum{m=\"x\"} 2.5",
                "a_count{m=\"x\"} 3",
            ]
        );
    }

    #[test]
    fn labels_are_escaped() {
        let mut text = Exposition::default();
        text.family("a", "gauge", "help.")
            .labelled(&[("m", "x\"y\\z\n")], 0.5);
        assert_eq!(
            text.0,
            "# HELP a help.\n# TYPE a gauge\na{m=\"x\\\"y\\\\z\\n\"} 0.5\n"
        );
    }
}

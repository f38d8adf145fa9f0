//! What the shipped rules decide, on a virtual clock.

use super::decision::{self, Asking};
use super::facts::Facts;
use super::virtual_time::{Fixed, Run, shipped_texts};
use crate::status::{EpisodeRecord, EpisodeState};

fn shipped(metrics: &[(&str, f64)]) -> Run<Fixed> {
    Run::new(&shipped_texts(str::to_owned), Fixed::new(metrics))
}

impl Run<Fixed> {
    /// The calls and reasons of all actions.
    #[track_caller]
    fn check(&self, expected: &[&str]) {
        let found: Vec<String> = self
            .actions()
            .iter()
            .map(|record| {
                assert!(!record.because.is_empty());
                format!("{} {}", record.call, record.reason)
            })
            .collect();
        assert_eq!(found, expected);
    }

    fn after(mut self, seconds: f64) -> Run<Fixed> {
        self.go(seconds);
        self
    }

    fn with(mut self, metric: &str, value: f64) -> Run<Fixed> {
        self.world.set(metric, value);
        self
    }
}

#[test]
fn nothing_is_done_about_nothing() {
    shipped(&[]).after(5.0).check(&[]);
    shipped(&[("memory-mb", 399.0), ("cpu-percent", 10.0)])
        .after(20.0)
        .check(&[]);
}

const LEAK: [(&str, f64); 3] = [
    ("memory-mb", 500.0),
    ("cache-mb", 480.0),
    ("reclaimable.allocator-mb", 10.0),
];

/// Something for each rung of the ladder.
const MUCH: [(&str, f64); 5] = [
    ("memory-mb", 500.0),
    ("cache-mb", 480.0),
    ("reclaimable.allocator-mb", 30.0),
    ("history-readings", 500.0),
    ("pool-idle", 50.0),
];

#[test]
fn a_leak_is_evicted_by_its_excess_and_then_wholly() {
    let run = shipped(&LEAK).after(2.0);
    let first = "(evict-cache sessions 0.5) memory-mb is 500.0 over its threshold 400 for 1.0 s";
    run.check(&[first]);
    // Another rung only after the verdict, here that nothing has changed.
    let run = run.after(2.0);
    assert_eq!(run.core.status.episodes[0].state, EpisodeState::Verifying);
    run.check(&[first]);
    let run = run.after(2.0);
    run.check(&[
        first,
        "(evict-cache sessions 1.0) memory-mb is 500.0 over its threshold 400 for 5.0 s",
    ]);
    let verdicts = run.verdicts();
    assert_eq!(
        verdicts,
        [
            "(evict-cache sessions 0.5) failed",
            "(evict-cache sessions 1.0) pending"
        ]
    );
    let action = &run.actions()[0];
    assert_eq!((action.rule.as_str(), action.rung), ("level", 1));
    assert_eq!(action.strategy, "fit");
    assert_eq!(action.expected, "verified");
}

#[test]
fn what_has_nothing_to_act_on_is_passed_over_and_not_lost() {
    let run = shipped(&LEAK).with("cache-mb", 0.0).after(2.0);
    run.check(&[]);
    assert_eq!(run.core.status.episodes[0].state, EpisodeState::Detected);
    let run = run.with("reclaimable.allocator-mb", 30.0).after(1.0);
    assert_eq!(run.actions()[0].call, "(release-free-memory)");
    let run = run.with("cache-mb", 480.0).after(4.0);
    assert_eq!(run.actions()[1].call, "(evict-cache sessions 0.5)");
}

#[test]
fn pages_that_hold_nothing_are_given_back_where_they_are_what_is_too_much() {
    shipped(&[
        ("memory-mb", 500.0),
        ("cache-mb", 10.0),
        ("reclaimable.allocator-mb", 440.0),
    ])
    .after(2.0)
    .check(&["(release-free-memory) memory-mb is 500.0 over its threshold 400 for 1.0 s"]);
}

#[test]
fn an_episode_ends_when_what_told_of_it_is_low_for_long_enough() {
    let run = shipped(&LEAK).after(2.0).with("memory-mb", 200.0);
    let run = run.with("cache-mb", 20.0).after(4.0);
    assert_eq!(run.verdicts(), ["(evict-cache sessions 0.5) verified"]);
    assert!(run.core.status.episodes.is_empty());
    // In the band between leaving and entering nothing begins anew.
    let mut run = run;
    for step in 0..19 {
        run = run
            .with("memory-mb", 200.0 + 10.0 * f64::from(step))
            .after(1.0);
    }
    let run = run.with("memory-mb", 390.0).after(30.0);
    assert_eq!(run.actions().len(), 1);
}

#[test]
fn a_climbed_ladder_ends_in_an_alert_and_is_tried_again() {
    let mut metrics = MUCH.to_vec();
    metrics.push(("reclaimable.history-mb", 12.0));
    metrics.push(("reclaimable.buffers-mb", 6.0));
    metrics.push(("reclaimable.events-mb", 1.0));
    let run = shipped(&metrics).after(40.0);
    let calls: Vec<String> = run.actions().iter().map(|a| a.call.clone()).collect();
    let ladder = [
        "(evict-cache sessions 0.5)",
        "(evict-cache sessions 1.0)",
        "(release-free-memory)",
        "(reclaim history 1.0)",
        "(alert \"no step of the ladder is left; it is tried again later\")",
    ];
    assert_eq!(calls, ladder);
    let episode = &run.core.status.episodes[0];
    assert_eq!((episode.state, episode.gave_up), (EpisodeState::GivenUp, 1));
    let run = run.after(100.0);
    assert!(run.actions().len() > ladder.len(), "{:?}", run.verdicts());
    assert_eq!(run.actions()[ladder.len()].rung, 1);
}

#[test]
fn a_fault_is_not_given_up_while_what_can_be_acted_on_is_on_its_way() {
    let run = shipped(&[
        ("memory-mb", 700.0),
        ("cache-mb", 0.0),
        ("cache-filling-mb", 900.0),
        ("reclaimable.history-mb", 12.0),
    ])
    .after(20.0);
    assert!(run.actions().is_empty(), "{:?}", run.verdicts());
    let run = run
        .with("cache-filling-mb", 0.0)
        .with("cache-mb", 900.0)
        .after(1.0);
    assert_eq!(run.actions()[0].call, "(evict-cache sessions 0.489)");
}

#[test]
fn what_was_given_up_begins_again_once_there_is_something_to_act_on() {
    let run = shipped(&[("cpu-percent", 200.0), ("background-threads", 0.0)]).after(8.0);
    assert_eq!(run.core.status.episodes[0].state, EpisodeState::GivenUp);
    // The ladder had nothing to act on, which says nothing of it.
    let strategies = &run.core.status.strategies;
    assert!(strategies.iter().all(|one| !one.learned), "{strategies:?}");
    let run = run
        .with("background-threads", 4.0)
        .with("background-demand-percent", 400.0)
        .with("background-duty", 1.0)
        .after(2.0);
    let calls: Vec<String> = run.actions().iter().map(|one| one.call.clone()).collect();
    assert_eq!(
        calls,
        [
            "(alert \"no step of the ladder is left; it is tried again later\")",
            "(duty-cycle background 0.122)"
        ]
    );
}

#[test]
fn taking_back_is_not_itself_taken_back() {
    // Waits too long, which nothing here changes, while its CPU is free.
    let run = shipped(&[
        ("cpu-percent", 10.0),
        ("throttled-percent", 50.0),
        ("sampling-intensity", 0.25),
    ])
    .after(30.0);
    let calls: Vec<String> = run.actions().iter().map(|one| one.call.clone()).collect();
    assert!(
        calls.contains(&"(slow-sampling self 0)".to_owned()),
        "{calls:?}"
    );
    assert!(
        !calls
            .iter()
            .any(|call| call.starts_with("(slow-sampling self 0.2")),
        "{calls:?}"
    );
}

#[test]
fn growth_alone_is_not_given_up() {
    let mut run = shipped(&[("memory-mb", 50.0), ("cache-mb", 0.0)]);
    for second in 0..12 {
        let used = 50.0 + 29.0 * f64::from(second);
        run = run.with("memory-mb", used).after(1.0);
    }
    assert_eq!(run.core.status.open_faults, ["memory-leak"]);
    assert!(run.actions().is_empty(), "{:?}", run.verdicts());
}

#[test]
fn the_throttle_fits_the_demand_and_stays_while_it_is_wanted() {
    let busy = |cpu: f64, duty: f64, threads: f64| {
        shipped(&[
            ("cpu-percent", cpu),
            ("background-demand-percent", threads * 100.0),
            ("background-threads", threads),
            ("background-duty", duty),
        ])
        .after(2.0)
    };
    busy(200.0, 1.0, 4.0).check(&[
        "(duty-cycle background 0.122) cpu-percent is 200.0 over its threshold 75 for 1.0 s",
    ]);
    busy(45.0, 0.12, 4.0).check(&[]);
    busy(1.0, 0.12, 0.0).check(&[
        "(lift-throttle background) no background work is left and it may run only 0.12 of the time",
    ]);
    busy(1.0, 1.0, 0.0).check(&[]);
}

/// The states and reasons of episodes, those of faults that are held among them.
fn states(run: &Run<Fixed>) -> Vec<String> {
    let told = |episode: &EpisodeRecord| {
        let (fault, state, reason) = (&episode.fault, episode.state.name(), &episode.reason);
        format!("{fault} {state}: {reason}")
    };
    run.core.status.episodes.iter().map(told).collect()
}

#[test]
fn a_fault_is_held_while_what_stands_keeps_it_away() {
    let mut run = shipped(&[
        ("cpu-percent", 45.0),
        ("background-demand-percent", 200.0),
        ("background-threads", 2.0),
        ("background-duty", 0.244),
    ])
    .after(3.0);
    let reason = "background work wants 200.0 % of the CPU and may run only 0.244 of the time";
    assert_eq!(states(&run), [format!("cpu-overload held: {reason}")]);
    assert!(run.core.status.open_faults.is_empty());
    run.check(&[]);
    // It is no fault that is seen, and one that is seen is not held.
    run = run.with("background-demand-percent", 60.0).after(1.0);
    assert!(states(&run).is_empty());
    run = run
        .with("background-demand-percent", 200.0)
        .with("cpu-percent", 180.0)
        .after(3.0);
    assert_eq!(run.core.status.open_faults, ["cpu-overload"]);
    assert!(states(&run).iter().all(|told| !told.contains(" held")));
}

#[test]
fn failing_calls_behind_a_degraded_front_are_held() {
    let run = shipped(&[
        ("error-rate", 0.0),
        ("upstream-error-rate", 0.9),
        ("degradation-level", 1.0),
    ])
    .after(2.0);
    let reason = "0.9 of the calls of the upstream fail at degradation level 1.0";
    assert_eq!(states(&run), [format!("request-failures held: {reason}")]);
    run.check(&[]);
}

#[test]
fn what_is_missing_or_stale_is_neither_sick_nor_well() {
    let run = shipped(&LEAK).after(2.0);
    assert_eq!(run.core.status.open_faults, ["memory-leak"]);
    let mut run = run;
    run.world.metrics.clear();
    let run = run.after(20.0);
    assert_eq!(run.verdicts(), ["(evict-cache sessions 0.5) inconclusive"]);
    // It does not end the episode either, and nothing more is done in the dark.
    assert_eq!(run.core.status.open_faults, ["memory-leak"]);
    let known = |pattern: &str| {
        let pattern = run.core.engine().parse(pattern).unwrap();
        run.core.spaces.samples.query(&pattern).len()
    };
    assert_eq!(known("(stale memory-mb $age)"), 1);
    assert_eq!(known("(latest memory-mb $value)"), 0);
    assert_eq!(known("(missing cpu-percent)"), 1);
}

#[test]
fn excess_connections_are_closed_down_to_the_aim() {
    shipped(&[
        ("connection-count", 160.0),
        ("pool-idle", 90.0),
        ("pool-broken", 10.0),
        ("inbound-long-idle", 0.0),
    ])
    .after(3.0)
    .check(&[
        "(close-idle upstream 24.0) connection-count is 160.0 over its threshold 80 for 2.0 s",
    ]);
    shipped(&[
        ("connection-count", 130.0),
        ("pool-idle", 2.0),
        ("pool-broken", 0.0),
        ("inbound-long-idle", 120.0),
    ])
    .after(3.0)
    .check(&[
        "(close-idle upstream 0) connection-count is 130.0 over its threshold 80 for 2.0 s",
        "(close-inbound 42.0 3) connection-count is 130.0 over its threshold 80 for 2.0 s",
    ]);
}

#[test]
fn failing_requests_are_degraded_and_restored_when_the_service_is_well() {
    let at = |level: f64, rate: f64, upstream: f64| {
        shipped(&[
            ("error-rate", rate),
            ("degradation-level", level),
            ("upstream-error-rate", upstream),
            ("upstream-deadline-ms", 3000.0),
            ("breaker-open", 0.0),
            ("upstream-retries", 0.0),
        ])
    };
    at(0.0, 0.5, 0.9)
        .after(3.0)
        .check(&["(degrade requests 1) error-rate is 0.5 over its threshold 0.1 for 2.0 s"]);
    at(0.0, 0.5, 0.3).after(3.0).check(&[
        "(retry upstream 2) error-rate is 0.5 over its threshold 0.1 for 2.0 s",
        "(degrade requests 1) error-rate is 0.5 over its threshold 0.1 for 2.0 s",
    ]);
    at(1.0, 0.0, 0.9).after(5.0).check(&[]);
    let mut run = at(1.0, 0.0, 0.0);
    run.remember("(acted request-failures -2.0)");
    run.after(2.0).check(&[]);
    let mut run = at(1.0, 0.0, 0.0);
    run.remember("(acted request-failures -4.0)");
    run.after(1.0).check(&[
        "(degrade requests 0) the upstream service is well and requests are at degradation level 1.0",
    ]);
}

#[test]
fn what_is_refused_counts_as_failed_and_is_not_helped_by_refusing_more() {
    let at = |level: f64| {
        shipped(&[
            ("client-visible-error-rate", 0.6),
            ("error-rate", 0.0),
            ("upstream-error-rate", 0.9),
            ("degradation-level", level),
        ])
    };
    at(3.0).after(4.0).check(&[
        "(degrade requests 2) client-visible-error-rate is 0.6 over its threshold 0.1 for 3.0 s",
    ]);
    // Refused for another's sake: nothing here helps, which is said.
    let run = at(0.0).after(8.0);
    let calls: Vec<String> = run.actions().iter().map(|one| one.call.clone()).collect();
    assert_eq!(
        calls,
        ["(alert \"no step of the ladder is left; it is tried again later\")"]
    );
}

#[test]
fn probes_close_the_breaker_or_open_it_again() {
    let at = |open: f64, since: f64, probes: f64, failed: f64| {
        shipped(&[
            ("breaker-open", open),
            ("breaker-since-s", since),
            ("breaker-probes", probes),
            ("breaker-probes-failed", failed),
        ])
        .after(1.0)
    };
    at(1.0, 4.0, 0.0, 0.0).check(&[]);
    at(1.0, 5.0, 0.0, 0.0)
        .check(&["(breaker upstream half-open) the breaker has been open for 5.0 s"]);
    at(0.5, 1.0, 2.0, 0.0).check(&[]);
    at(0.5, 2.0, 2.0, 0.0).check(&["(probe upstream 3) only 2.0 probes were made in 2.0 s"]);
    at(0.5, 1.0, 3.0, 0.0)
        .check(&["(breaker upstream closed) all 3.0 probes of the upstream service worked"]);
    at(0.5, 1.0, 4.0, 1.0)
        .check(&["(breaker upstream open) 1.0 of 4.0 probes of the upstream service failed"]);
}

#[test]
fn a_process_kept_from_running_is_overloaded_whatever_it_uses() {
    let run = shipped(&[("cpu-percent", 20.0), ("throttled-percent", 40.0)]).after(3.0);
    assert_eq!(run.core.status.open_faults, ["cpu-overload"]);
    let run = shipped(&[("cpu-percent", 20.0), ("throttled-percent", 20.0)]).after(3.0);
    assert!(run.core.status.open_faults.is_empty());
}

#[test]
fn slow_requests_have_less_time() {
    shipped(&[
        ("request-latency-ms", 4000.0),
        ("upstream-latency-ms", 4000.0),
        ("upstream-error-rate", 0.0),
        ("degradation-level", 0.0),
        ("upstream-deadline-ms", 3000.0),
    ])
    .after(3.0)
    .check(&[
        "(deadline upstream 750) request-latency-ms is 4000.0 over its threshold 3000 for 2.0 s",
        "(retry upstream 2) request-latency-ms is 4000.0 over its threshold 3000 for 2.0 s",
        "(degrade requests 1) request-latency-ms is 4000.0 over its threshold 3000 for 2.0 s",
    ]);
}

#[test]
fn calls_that_do_not_come_back_have_less_time_too() {
    let at = |active: f64, latency: f64| {
        shipped(&[
            ("request-latency-ms", latency),
            ("error-rate", 0.05),
            ("upstream-active", active),
            ("upstream-deadline-ms", 3000.0),
        ])
        .after(3.0)
    };
    let calls = |run: Run<Fixed>| -> Vec<String> {
        run.actions().iter().map(|one| one.call.clone()).collect()
    };
    let called = calls(at(5.0, 3500.0));
    assert_eq!(called, ["(deadline upstream 750)", "(degrade requests 1)"]);
    assert_eq!(calls(at(0.0, 3500.0)), ["(degrade requests 1)"]);
    assert_eq!(calls(at(5.0, 2900.0)), [""; 0]);
}

#[test]
fn texts_are_classified_and_counted_by_their_patterns() {
    let mut run = shipped(&[("pool-idle", 0.0)]).after(1.0);
    let asking = Asking::by(&Facts::default());
    let classify = |text: &str| decision::classify(run.core.engine(), &asking, text);
    assert_eq!(
        classify("Connection pool exhausted"),
        Some("connection-issues".to_owned())
    );
    assert_eq!(
        classify("upstream timeout"),
        Some("request-failures".to_owned())
    );
    assert_eq!(classify("something else"), None);
    for _ in 0..5 {
        run.world.error("connection pool exhausted");
    }
    run.world.error("who knows");
    let run = run.after(1.0);
    assert_eq!(run.core.status.event_counts["unknown"], 1);
    run.check(&[
        "(close-idle upstream 0) events.pool-exhaustion is 5.0 over its threshold 4 for 0.0 s",
    ]);
}

#[test]
fn a_cache_that_nobody_asks_for_is_evicted() {
    let held = |cache: f64| shipped(&[("memory-mb", 230.0), ("cache-mb", cache)]).after(9.0);
    held(99.0).check(&[]);
    // Also when more is seen than that: what fits the level would leave it unused.
    let mut both = held(99.0).with("cache-mb", 480.0).with("memory-mb", 390.0);
    both = both.after(8.0);
    let calls: Vec<String> = both.actions().iter().map(|one| one.call.clone()).collect();
    assert!(!calls.is_empty());
    assert!(
        calls
            .iter()
            .all(|call| call == "(evict-cache sessions 1.0)"),
        "{calls:?}"
    );
    held(200.0).check(&[
        "(evict-cache sessions 1.0) cache-mb has been over 100 for 8.0 s and nobody asked for it",
    ]);
}

#[test]
fn requests_are_limited_and_shed_where_they_are_the_load_and_let_in_again() {
    let mut run = shipped(&[
        ("background-demand-percent", 0.0),
        ("background-threads", 0.0),
        ("background-duty", 1.0),
        ("request-limit", 0.0),
        ("shed-share", 0.0),
        ("sampling-intensity", 0.0),
    ]);
    for second in 0..12 {
        run = run
            .with("cpu-percent", 150.0)
            .with("ordinary-requests", 100.0 * f64::from(second))
            .after(1.0);
    }
    let calls: Vec<String> = run.actions().iter().map(|one| one.call.clone()).collect();
    let expected = [
        "(limit-requests requests 4.0)",
        "(slow-sampling self 0.25)",
        "(shed requests 0.5)",
        "(limit-requests requests 0)",
        "(slow-sampling self 0.0)",
        "(shed requests 0.9)",
    ];
    assert_eq!(calls, expected, "{:?}", run.verdicts());
    let run = run
        .with("shed-share", 0.5)
        .with("cpu-percent", 10.0)
        .after(12.0);
    let last = run.actions().pop().unwrap();
    assert_eq!(last.call, "(shed requests 0)", "{:?}", run.verdicts());
    assert_eq!(last.rule, "lift");
}

/// The pause of a fault after so many failures, in seconds, by a seed.
fn pause(failures: usize, seed: u32) -> f64 {
    let texts = shipped_texts(|text| text.replace("(seed 1)", &format!("(seed {seed})")));
    let mut run = Run::new(&texts, Fixed::new(&[]));
    run.remember("(evidence memory-leak memory-mb)");
    for rung in 1..=failures {
        run.remember(&format!("(failed memory-leak {rung})"));
    }
    let asked = run.core.engine().parse("(pause memory-leak)").unwrap();
    let found = run.core.evaluate(&asked, &chimera::Budget::default());
    found[0].as_f64().unwrap()
}

#[test]
fn pauses_are_longer_after_failures_and_not_the_same_for_all() {
    assert_eq!(pause(0, 1), 2.0);
    for failures in 1..=8 {
        let least = (2.0 * 1.5_f64.powi(failures as i32)).min(30.0);
        let pauses: Vec<f64> = (1..=8).map(|seed| pause(failures, seed)).collect();
        for pause in &pauses {
            let most = (least * 1.2).min(30.0);
            assert!((least..=most).contains(pause), "{failures}: {pause}");
        }
        let differ = pauses.windows(2).any(|two| two[0] != two[1]);
        assert_eq!(differ, least < 30.0, "{failures}: {pauses:?}");
        assert_eq!(pauses[0], pause(failures, 1));
    }
}

//! What the shipped rules decide, on spaces filled by hand.

use chimera::{Atom, Engine};

use super::decision::{self, decide};
use super::rules::{RuleSource, Workbench};
use super::series::Series;
use super::spaces::Spaces;
use crate::status::Verdict;

struct Scene {
    engine: Engine,
    spaces: Spaces,
    series: Series,
}

impl Scene {
    fn new() -> Scene {
        let spaces = Spaces::new(Vec::new());
        let series = Series::default();
        let workbench = Workbench {
            tokens: spaces.tokens(),
            clock: std::sync::Arc::new(|| 100.0),
            series: series.clone(),
        };
        let mut engine = workbench.engine();
        RuleSource::BuiltIn
            .read()
            .unwrap()
            .load(&mut engine)
            .unwrap();
        Scene {
            engine,
            spaces,
            series,
        }
    }

    /// The same readings for three seconds.
    fn measured(mut self, metrics: &[(&str, f64)]) -> Scene {
        let reading = metrics
            .iter()
            .map(|(name, value)| ((*name).to_owned(), *value))
            .collect();
        for second in [98.0, 99.0, 100.0] {
            for (name, value) in metrics {
                self.series.push(name, second, *value);
            }
            self.spaces.assert_reading(second, &reading, &reading);
        }
        self
    }

    fn episode(self, text: &str) -> Scene {
        let atom: Atom = self.engine.parse(text).unwrap();
        self.spaces.episodes.add(atom);
        self
    }

    #[track_caller]
    fn check(&self, expected: &[&str]) {
        let found = decide(&self.engine);
        assert!(found.misshapen.is_empty(), "{:?}", found.misshapen);
        let found: Vec<String> = found
            .decisions
            .iter()
            .map(|decision| {
                assert!(!decision.because.is_empty());
                format!("{} {}", decision.call, decision.reason)
            })
            .collect();
        assert_eq!(found, expected);
    }
}

#[test]
fn nothing_is_done_about_nothing() {
    Scene::new().check(&[]);
    Scene::new()
        .measured(&[("memory-mb", 399.0), ("cpu-percent", 10.0)])
        .check(&[]);
}

#[test]
fn a_leak_is_evicted_by_its_excess() {
    let leak = [("memory-mb", 500.0), ("cache-mb", 480.0)];
    let call = "(evict-cache sessions 0.5)";
    let reason = "memory-mb is 500.0 over its threshold 400 for 2.0 s";
    Scene::new()
        .measured(&leak)
        .check(&[&format!("{call} {reason}")]);
    // Another rung after a failure, none while a verdict is open or in the cooldown.
    Scene::new()
        .measured(&leak)
        .episode("(verdict 1 memory-leak (evict-cache sessions 0.5) failed 95.0)")
        .check(&[&format!("(evict-cache sessions 1.0) {reason}")]);
    Scene::new()
        .measured(&leak)
        .episode("(verifying memory-leak 1)")
        .check(&[]);
    Scene::new()
        .measured(&leak)
        .episode("(acted memory-leak 99.0)")
        .check(&[]);
}

#[test]
fn a_climbed_ladder_ends_in_an_alert() {
    let mut scene = Scene::new().measured(&[("memory-mb", 500.0), ("cache-mb", 480.0)]);
    for id in 1..=3 {
        scene = scene.episode(&format!("(verdict {id} memory-leak (x) failed 90.0)"));
    }
    scene.check(&[
        "(alert \"no rung of the ladder is left\") memory-mb is 500.0 over its threshold 400 for 2.0 s",
    ]);
}

#[test]
fn the_throttle_fits_the_demand_and_stays_while_it_is_wanted() {
    let busy = |cpu: f64, duty: f64, threads: f64| {
        Scene::new().measured(&[
            ("cpu-percent", cpu),
            ("background-demand-percent", threads * 100.0),
            ("background-threads", threads),
            ("background-duty", duty),
        ])
    };
    busy(200.0, 1.0, 4.0).check(&[
        "(duty-cycle background 0.122) cpu-percent is 200.0 over its threshold 75 for 2.0 s",
    ]);
    busy(45.0, 0.12, 4.0).check(&[]);
    busy(1.0, 0.12, 0.0).check(&[
        "(lift-throttle background) no background work is left and it may run only 0.12 of the time",
    ]);
    busy(1.0, 1.0, 0.0).check(&[]);
}

#[test]
fn verdicts_come_from_the_latest_samples() {
    let judge = |scene: Scene| decision::judge(&scene.engine, "memory-leak");
    assert_eq!(judge(Scene::new()), Ok(Verdict::Inconclusive));
    let low = Scene::new().measured(&[("memory-mb", 300.0)]);
    assert!(decision::is_settled(&low.engine, "memory-leak"));
    assert_eq!(judge(low), Ok(Verdict::Verified));
    let high = Scene::new().measured(&[("memory-mb", 380.0)]);
    assert!(!decision::is_settled(&high.engine, "memory-leak"));
    assert_eq!(judge(high), Ok(Verdict::Failed));
}

#[test]
fn excess_connections_are_closed_down_to_the_aim() {
    Scene::new()
        .measured(&[
            ("connection-count", 160.0),
            ("pool-idle", 90.0),
            ("pool-broken", 10.0),
        ])
        .check(&[
            "(close-idle upstream 24.0) connection-count is 160.0 over its threshold 80 for 2.0 s",
        ]);
}

#[test]
fn failing_requests_are_degraded_and_restored_when_the_service_is_well() {
    let at = |level: f64, rate: f64, upstream: f64| {
        Scene::new().measured(&[
            ("error-rate", rate),
            ("degradation-level", level),
            ("upstream-error-rate", upstream),
        ])
    };
    at(0.0, 0.5, 0.9)
        .check(&["(degrade requests 1) error-rate is 0.5 over its threshold 0.1 for 2.0 s"]);
    at(1.0, 0.0, 0.9).check(&[]);
    at(1.0, 0.0, 0.0)
        .episode("(acted request-failures 96.0)")
        .check(&[]);
    at(1.0, 0.0, 0.0).episode("(acted request-failures 94.0)").check(&[
        "(degrade requests 0) the upstream service is well and requests are at degradation level 1.0",
    ]);
}

#[test]
fn texts_are_classified_by_their_patterns() {
    let engine = Scene::new().engine;
    let classify = |text: &str| decision::classify(&engine, text);
    assert_eq!(
        classify("Connection pool exhausted"),
        Some("connection-issues".to_owned())
    );
    assert_eq!(
        classify("upstream timeout"),
        Some("request-failures".to_owned())
    );
    assert_eq!(classify("something else"), None);
}

#[test]
fn a_cache_that_nobody_asks_for_is_evicted() {
    let held = |cache: f64| {
        let scene = Scene::new();
        for second in 80..98 {
            scene.series.push("cache-mb", f64::from(second), cache);
        }
        scene.measured(&[("memory-mb", 230.0), ("cache-mb", cache)])
    };
    held(99.0).check(&[]);
    held(200.0).check(&[
        "(evict-cache sessions 1.0) the session cache has held over 100 MiB for 20.0 s and nobody asks for them",
    ]);
}

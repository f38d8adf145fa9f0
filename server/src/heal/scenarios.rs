//! Scenarios on the virtual clock: a server that falls ill and is healed, by the
//! hundred, and what must hold whatever happens.

use std::collections::BTreeMap;

use super::rules::RuleTexts;
use super::virtual_time::{Fixed, Run, World, shipped_texts};
use crate::effect::Action;
use crate::events::{Event, Severity};
use crate::status::{Mode, Posted, Reading, SetMode, Verdict};
use crate::work::Breaker;

/// A server with a cache, background work, a pool and a service that it depends on, as
/// far as healing can see and change it.
pub(super) struct Server {
    events: Vec<Event>,
    random: u64,
    pub(super) cache_mb: f64,
    pub(super) threads: f64,
    pub(super) threads_until: f64,
    duty: f64,
    pub(super) pool_idle: f64,
    /// The share of calls of the service that fail, until when.
    pub(super) failing: f64,
    pub(super) failing_until: f64,
    level: f64,
    deadline_ms: f64,
    retries: f64,
    breaker: Breaker,
    breaker_since: f64,
    probes: f64,
    probes_failed: f64,
    /// Memory beside the cache: pages that hold nothing live, and readings.
    pub(super) retained_mb: f64,
    pub(super) history_mb: f64,
    /// Requests a second, each of which takes some of the CPU, and what was set against them.
    pub(super) requests: f64,
    requests_made: f64,
    shed: f64,
    request_limit: f64,
    sampling: f64,
    /// How long calls of the service take, and clients' connections that do nothing.
    pub(super) latency_ms: f64,
    pub(super) inbound_idle: f64,
    /// How far requests have to be degraded to be served while the service fails.
    pub(super) level_needed: f64,
    /// Whether effectors are without effect.
    pub(super) placebo: bool,
}

impl Server {
    pub(super) fn new(seed: u64) -> Server {
        Server {
            events: Vec::new(),
            random: seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            cache_mb: 0.0,
            threads: 0.0,
            threads_until: 0.0,
            duty: 1.0,
            pool_idle: 2.0,
            failing: 0.0,
            failing_until: 0.0,
            level: 0.0,
            deadline_ms: 3000.0,
            retries: 0.0,
            breaker: Breaker::Closed,
            breaker_since: 0.0,
            probes: 0.0,
            probes_failed: 0.0,
            retained_mb: 5.0,
            history_mb: 0.0,
            requests: 0.0,
            requests_made: 0.0,
            shed: 0.0,
            request_limit: 0.0,
            sampling: 0.0,
            latency_ms: 20.0,
            inbound_idle: 0.0,
            level_needed: 1.0,
            placebo: false,
        }
    }

    /// An error that is told in words at the next tick.
    pub(super) fn tell_of(&mut self, text: &str) {
        self.events.push(Event {
            severity: Severity::Error,
            text: text.to_owned(),
        });
    }

    fn share(&mut self) -> f64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        (self.random >> 11) as f64 / (1_u64 << 53) as f64
    }
}

impl World for Server {
    fn measure(&mut self, seconds: f64) -> BTreeMap<String, f64> {
        if seconds >= self.threads_until {
            self.threads = 0.0;
        }
        if seconds >= self.failing_until {
            self.failing = 0.0;
        }
        let noise = self.share();
        let is_served = self.level >= self.level_needed || self.breaker != Breaker::Closed;
        let seen = if is_served { 0.0 } else { self.failing };
        self.requests_made += self.requests;
        let let_in = if self.request_limit > 0.0 {
            0.5
        } else {
            1.0 - self.shed
        };
        let busy = self.threads * 100.0 * self.duty + self.requests * let_in + 5.0 * noise;
        let is_late = self.latency_ms > self.deadline_ms;
        let latency = self.latency_ms.min(self.deadline_ms);
        let metrics = [
            (
                "memory-mb",
                15.0 + self.cache_mb + self.retained_mb + self.history_mb + noise,
            ),
            ("reclaimable.allocator-mb", self.retained_mb),
            ("reclaimable.history-mb", self.history_mb),
            ("cache-mb", self.cache_mb),
            ("cpu-percent", busy.min(205.0)),
            ("cpu-wanted-percent", busy),
            ("ordinary-requests", self.requests_made),
            ("request-limit", self.request_limit),
            ("request-latency-ms", latency),
            ("background-demand-percent", self.threads * 100.0),
            ("background-threads", self.threads),
            ("background-duty", self.duty),
            (
                "connection-count",
                4.0 + 2.0 * self.pool_idle + self.inbound_idle,
            ),
            ("pool-idle", self.pool_idle),
            ("pool-broken", 0.0),
            ("inbound-long-idle", self.inbound_idle),
            ("history-readings", 50.0),
            ("error-rate", seen),
            ("errors-in-window", seen * 100.0),
            ("requests-in-window", 100.0),
            (
                "upstream-error-rate",
                if is_late { 1.0 } else { self.failing },
            ),
            ("upstream-latency-ms", latency),
            ("upstream-deadline-ms", self.deadline_ms),
            ("upstream-retries", self.retries),
            ("degradation-level", self.level),
            (
                "breaker-open",
                match self.breaker {
                    Breaker::Closed => 0.0,
                    Breaker::HalfOpen => 0.5,
                    Breaker::Open => 1.0,
                },
            ),
            ("breaker-since-s", seconds - self.breaker_since),
            ("breaker-probes", self.probes),
            ("breaker-probes-failed", self.probes_failed),
            ("shed-share", self.shed),
            ("sampling-intensity", self.sampling),
        ];
        metrics
            .into_iter()
            .map(|(name, value)| (name.to_owned(), (value * 100.0).round() / 100.0))
            .collect()
    }

    fn tell(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn act(&mut self, action: &Action, seconds: f64) -> Result<String, String> {
        if self.placebo {
            return Ok("nothing".to_owned());
        }
        match action {
            Action::EvictSessions(share) => self.cache_mb *= 1.0 - share.get(),
            Action::DutyCycleBackground(share) => self.duty = share.get(),
            Action::LiftBackgroundThrottle => self.duty = 1.0,
            Action::CancelBackground(share) => {
                self.threads -= (self.threads * share.get()).ceil();
            }
            Action::CloseIdle(keep) => self.pool_idle = self.pool_idle.min(f64::from(*keep)),
            Action::RecreatePool => self.pool_idle = 0.0,
            Action::Degrade(level) => self.level = f64::from(*level),
            Action::Deadline(millis) => self.deadline_ms = f64::from(*millis),
            Action::Retry(times) => self.retries = f64::from(*times),
            Action::Breaker(state) => {
                self.breaker = *state;
                self.breaker_since = seconds;
                (self.probes, self.probes_failed) = (0.0, 0.0);
            }
            Action::Probe(times) => {
                self.probes += f64::from(*times);
                self.probes_failed += (f64::from(*times) * self.failing).round();
            }
            Action::Reclaim("sessions", share) => self.cache_mb *= 1.0 - share.get(),
            Action::Reclaim("history", share) => self.history_mb *= 1.0 - share.get(),
            Action::ReleaseFreeMemory => self.retained_mb = 5.0,
            Action::Shed(share) => self.shed = share.get(),
            Action::LimitRequests(most) => self.request_limit = f64::from(*most),
            Action::SlowSampling(share) => self.sampling = share.get(),
            Action::CloseInbound { keep, .. } => {
                self.inbound_idle = self.inbound_idle.min(f64::from(*keep));
            }
            _ => {}
        }
        Ok("done".to_owned())
    }
}

fn shipped() -> RuleTexts {
    shipped_texts(str::to_owned)
}

fn with_facts(facts: &str) -> RuleTexts {
    shipped_texts(|text| {
        // Once: facts added to each file would stand there several times.
        if text.contains("(sample-interval 1)") {
            format!("{text}\n{facts}")
        } else {
            text.to_owned()
        }
    })
}

/// Makes one of the four faults happen.
pub(super) fn harm(server: &mut Server, fault: usize, now: f64) {
    let size = server.share();
    match fault {
        0 => server.cache_mb += 300.0 + 400.0 * size,
        1 => {
            server.threads = 2.0 + (6.0 * size).round();
            server.threads_until = now + 10.0 + 20.0 * size;
        }
        2 => server.pool_idle += 50.0 + 100.0 * size,
        _ => {
            server.failing = 0.3 + 0.7 * size;
            server.failing_until = now + 10.0 + 10.0 * size;
        }
    }
}

#[test]
fn faults_are_healed_by_the_hundred_and_nothing_else_is_touched() {
    let texts = shipped();
    for seed in 0..100 {
        let mut run = Run::new(&texts, Server::new(seed));
        run.go(6.0);
        assert!(run.log.is_empty(), "nothing is wrong, nothing is done");
        let fault = (seed % 4) as usize;
        let name = [
            "memory-leak",
            "cpu-overload",
            "connection-issues",
            "request-failures",
        ][fault];
        // A tenth of them fall ill again.
        let rounds = if seed % 10 == 0 { 2 } else { 1 };
        for round in 1..=rounds {
            let now = run.seconds;
            harm(&mut run.world, fault, now);
            run.go(3.0);
            assert!(
                run.core.status.open_faults.contains(&name.to_owned()),
                "seed {seed}, round {round}: {:?}",
                run.log
            );
            let mut left = 60;
            while !run.core.status.open_faults.is_empty()
                || run.world.level > 0.0
                || run.world.duty < 1.0
            {
                run.go(1.0);
                left -= 1;
                assert!(left > 0, "seed {seed}: {:?}", run.log);
            }
            let faults = &run.core.status.open_faults;
            assert!(faults.is_empty(), "seed {seed}: {faults:?} {:?}", run.log);
        }
        assert!(
            run.log.iter().all(|(_, fault, _)| fault == name),
            "{:?}",
            run.log
        );
        let verified = |record: &&crate::status::ActionRecord| {
            record.rung > 0 && record.verdict == Verdict::Verified
        };
        let actions = run.actions();
        assert!(
            actions.iter().filter(verified).count() >= rounds,
            "{:?}",
            run.verdicts()
        );
        assert_eq!((run.world.duty, run.world.level), (1.0, 0.0));
    }
}

#[test]
fn several_faults_at_once_are_each_healed() {
    let texts = shipped();
    for seed in 0..10 {
        let mut run = Run::new(&texts, Server::new(seed));
        run.go(6.0);
        for fault in 0..4 {
            let now = run.seconds;
            harm(&mut run.world, fault, now);
        }
        run.go(60.0);
        let faults = &run.core.status.open_faults;
        assert!(faults.is_empty(), "{faults:?} {:?}", run.log);
    }
}

#[test]
fn without_facts_nothing_is_ever_done() {
    let texts = shipped_texts(|text| {
        if text.contains("(sample-interval 1)") {
            String::new()
        } else {
            text.to_owned()
        }
    });
    let mut run = Run::new(&texts, Server::new(1));
    for fault in 0..4 {
        harm(&mut run.world, fault, 0.0);
    }
    run.go(30.0);
    assert!(run.log.is_empty(), "{:?}", run.log);
    assert!(run.core.status.open_faults.is_empty());
}

#[test]
fn an_oscillation_of_any_period_is_acted_on_at_most_once_a_dwell() {
    let texts = shipped();
    for period in 1..=12 {
        for high in 1..=period {
            let mut run = Run::new(&texts, Fixed::new(&[("cache-mb", 480.0)]));
            for tick in 0..60 {
                let over = tick % period < high;
                let value = if over { 500.0 } else { 100.0 };
                run.world.set("memory-mb", value);
                run.tick();
            }
            let times: Vec<f64> = run
                .log
                .iter()
                .filter(|(_, _, call)| call.starts_with("(evict"))
                .map(|(at, _, _)| *at)
                .collect();
            // The cooldown, which is no shorter than the hold.
            let apart = times.windows(2).all(|pair| pair[1] - pair[0] >= 2.0);
            assert!(apart, "period {period}, high {high}: {times:?}");
        }
    }
}

#[test]
fn what_goes_away_by_itself_is_not_claimed() {
    let mut run = Run::new(
        &shipped(),
        Fixed::new(&[("cache-mb", 0.0), ("memory-mb", 900.0)]),
    );
    run.world.set("cache-mb", 480.0);
    // It falls by 60 a second, before the action as after it.
    for tick in 0..14 {
        run.world.set("memory-mb", 900.0 - 60.0 * f64::from(tick));
        run.tick();
    }
    let first = &run.actions()[0];
    assert_ne!(first.verdict, Verdict::Verified, "{:?}", run.verdicts());
    let late = Run::new(&shipped(), Server::new(3));
    assert!(late.actions().is_empty());
}

#[test]
fn a_placebo_is_seen_to_fail_and_what_it_set_is_taken_back() {
    let mut run = Run::new(&shipped(), Server::new(5));
    run.world.placebo = true;
    run.world.threads = 4.0;
    run.world.threads_until = 1e9;
    run.go(40.0);
    let actions = run.actions();
    let tried: Vec<&str> = actions.iter().map(|record| record.call.as_str()).collect();
    assert!(
        tried[0].starts_with("(duty-cycle background 0.12"),
        "{tried:?}"
    );
    assert!(tried.contains(&"(cancel background 1.0)"), "{tried:?}");
    assert!(tried.contains(&"(duty-cycle background 1.0)"), "{tried:?}");
    let undo = actions.iter().find(|record| record.rule == "undo").unwrap();
    assert!(undo.reason.contains("did not help"), "{}", undo.reason);
    assert!(
        actions
            .iter()
            .filter(|record| record.rung > 0)
            .all(|record| record.verdict == Verdict::Failed),
        "{:?}",
        run.verdicts()
    );
    assert_eq!(run.core.status.episodes[0].gave_up, 1);
}

#[test]
fn the_state_after_an_action_is_held_against_what_must_not_be() {
    let texts = with_facts("(forbid (< (after cache-mb) 300) \"the cache keeps 300 MiB\")");
    let mut run = Run::new(&texts, Server::new(1));
    run.world.cache_mb = 480.0;
    run.go(3.0);
    let refused = &run.actions()[0];
    assert_eq!(
        refused.outcome,
        Err("refused by the rules: the cache keeps 300 MiB".to_owned())
    );
    assert_eq!(refused.permission, "refused");
    assert_eq!(run.world.cache_mb, 480.0);
    run.go(20.0);
    // Every other rung of the ladder would break it too.
    assert_eq!(run.world.cache_mb, 480.0, "{:?}", run.log);
}

#[test]
fn tokens_bound_how_often() {
    let texts = with_facts("(tokens effector evict-cache 1 1000)");
    let mut run = Run::new(&texts, Server::new(1));
    run.world.cache_mb = 480.0;
    run.go(10.0);
    assert!(run.world.cache_mb < 300.0);
    run.world.cache_mb = 480.0;
    run.go(20.0);
    assert_eq!(run.world.cache_mb, 480.0);
    let outcome = run.actions().last().unwrap().outcome.clone().unwrap_err();
    assert!(
        outcome.contains("evict-cache was used 1 times within 1000 s"),
        "{outcome}"
    );
}

fn switch(run: &mut Run<Server>, mode: Option<Mode>) {
    switch_rule(run, "level", mode);
}

fn switch_rule(run: &mut Run<Server>, rule: &str, mode: Option<Mode>) {
    let set = SetMode {
        fault: "memory-leak".to_owned(),
        rule: rule.to_owned(),
        mode,
    };
    run.core.set_mode(set).unwrap();
}

#[test]
fn modes_are_switched_live() {
    // Without the rules that would see the leak too.
    let texts = shipped_texts(|text| {
        text.replace("(horizon memory-mb 10)", "")
            .replace("(unused-limit cache-mb 100)", "")
    });
    let mut run = Run::new(&texts, Server::new(1));
    run.world.cache_mb = 480.0;
    switch(&mut run, Some(Mode::Shadow));
    run.go(10.0);
    let shadows = run.actions();
    assert!(!shadows.is_empty());
    for record in &shadows {
        assert_eq!(record.permission, "shadow");
        assert_eq!(record.expected, "verified");
        assert!(!record.because.is_empty());
        assert!(record.outcome.is_err());
    }
    assert_eq!(run.world.cache_mb, 480.0);
    switch(&mut run, Some(Mode::Canary(0.0)));
    run.go(10.0);
    assert_eq!(run.world.cache_mb, 480.0);
    switch(&mut run, None);
    run.go(5.0);
    assert!(run.world.cache_mb < 300.0, "{:?}", run.log);
    let unknown = SetMode {
        fault: "memory-leak".to_owned(),
        rule: "luck".to_owned(),
        mode: None,
    };
    assert!(
        run.core
            .set_mode(unknown)
            .unwrap_err()
            .contains("memory-leak/level")
    );
}

/// What an episode's decisions were permitted at half of a hundred cases, for each of 60
/// episodes that begin at different times.
fn permitted_in_episodes() -> Vec<Vec<&'static str>> {
    // Without the rules that would see the leak too.
    let texts = shipped_texts(|text| {
        text.replace("(horizon memory-mb 10)", "")
            .replace("(unused-limit cache-mb 100)", "")
    });
    let permitted = |number: u32| {
        let mut run = Run::new(&texts, Server::new(1));
        switch(&mut run, Some(Mode::Canary(50.0)));
        run.seconds = f64::from(number) * 17.0;
        run.world.cache_mb = 480.0;
        run.go(9.0);
        let actions = run.actions();
        actions.iter().map(|record| record.permission).collect()
    };
    (0..60).map(permitted).collect()
}

#[test]
fn a_canary_acts_in_its_share_of_episodes_and_in_each_wholly_or_not() {
    let episodes = permitted_in_episodes();
    for permitted in &episodes {
        assert!(!permitted.is_empty());
        assert!(
            permitted.iter().all(|one| *one == permitted[0]),
            "{permitted:?}"
        );
    }
    let several = episodes.iter().filter(|permitted| permitted.len() > 1);
    assert!(several.count() > 10, "{episodes:?}");
    let acted = episodes
        .iter()
        .filter(|permitted| permitted[0] == "enforce");
    let acted = acted.count();
    assert!((20..=40).contains(&acted), "{acted} of 60");
    assert_eq!(episodes, permitted_in_episodes());
}

/// What was permitted in each of many cases of a leak that goes on in several episodes: memory
/// grows for a while, which is seen; stays below its threshold, which ends that; and is not asked for.
fn permitted_in_cases() -> Vec<Vec<&'static str>> {
    let permitted = |number: u32| {
        let mut run = Run::new(&shipped_texts(str::to_owned), Server::new(1));
        for rule in ["level", "growth", "unused"] {
            switch_rule(&mut run, rule, Some(Mode::Canary(50.0)));
        }
        run.seconds = f64::from(number) * 1000.0;
        run.go(4.0);
        let mut ended = 0;
        for second in 0..60 {
            if second < 6 {
                run.world.cache_mb += 50.0;
            }
            let open = !run.core.status.open_faults.is_empty();
            run.tick();
            ended += u32::from(open && run.core.status.open_faults.is_empty());
        }
        let actions: Vec<_> = run.actions().iter().map(|one| one.permission).collect();
        let acts = actions.contains(&"enforce");
        assert_eq!(run.world.cache_mb < 100.0, acts, "{:?}", run.log);
        assert!(ended > 0, "{:?}", run.log);
        actions
    };
    (0..40).map(permitted).collect()
}

#[test]
fn a_fault_keeps_its_draw_until_it_is_gone() {
    let cases = permitted_in_cases();
    for permitted in &cases {
        let first = permitted.first().expect("a leak is seen");
        assert!(permitted.iter().all(|one| one == first), "{permitted:?}");
    }
    let acted = cases.iter().filter(|permitted| permitted[0] == "enforce");
    let acted = acted.count();
    assert!((12..=28).contains(&acted), "{acted} of 40");
}

#[test]
fn what_comes_back_after_it_was_gone_for_long_is_drawn_anew() {
    let mut run = Run::new(&shipped_texts(str::to_owned), Server::new(1));
    for rule in ["level", "growth", "unused"] {
        switch_rule(&mut run, rule, Some(Mode::Canary(50.0)));
    }
    run.go(4.0);
    let (mut seen, mut acted) = (0, 0);
    for _ in 0..30 {
        let before = run.log.len();
        run.world.cache_mb = 480.0;
        run.go(6.0);
        run.world.cache_mb = 0.0;
        run.go(30.0);
        let actions = run.actions();
        let new = &actions[actions.len() - (run.log.len() - before)..];
        seen += usize::from(!new.is_empty());
        acted += usize::from(new.iter().any(|one| one.permission == "enforce"));
    }
    assert_eq!(seen, 30);
    assert!((8..=22).contains(&acted), "{acted} of 30");
}

/// Facts for two faults of our own, on metrics `a` and `b`, whose effectors touch the
/// same.
const TWINS: &str = "
(fault twin-a) (fault twin-b) (priority twin-a 9) (priority twin-b 8)
(means a twin-a) (means b twin-b) (threshold a 1) (threshold b 1)
(hold a 1) (hold b 1) (recovered a 1) (recovered b 1)
(ladder twin-a only) (ladder twin-b only)
(rung twin-a only 1 (deadline upstream 100) 3) (rung twin-b only 1 (retry upstream 1) 3)
(touches deadline twins) (touches retry twins)
(cooldown twin-a 1) (cooldown twin-b 1)";

#[test]
fn of_two_that_touch_the_same_the_weightier_goes_first() {
    let texts = with_facts(TWINS);
    let mut run = Run::new(&texts, Fixed::new(&[("a", 2.0), ("b", 2.0)]));
    run.go(3.0);
    let calls: Vec<String> = run.actions().iter().map(|one| one.call.clone()).collect();
    assert_eq!(calls, ["(retry upstream 1)"]);
    run.world.set("b", 0.0);
    run.go(4.0);
    let calls: Vec<String> = run.actions().iter().map(|one| one.call.clone()).collect();
    assert_eq!(calls, ["(retry upstream 1)", "(deadline upstream 100)"]);
}

#[test]
fn facts_say_how_much_is_kept() {
    let texts = shipped_texts(|text| {
        text.replace("(keep-readings 900)", "(keep-readings 5)")
            .replace("(keep-actions 200)", "(keep-actions 2)")
    });
    let mut run = Run::new(&texts, Server::new(1));
    run.world.placebo = true;
    run.world.cache_mb = 480.0;
    run.go(20.0);
    assert_eq!((run.core.history().len(), run.actions().len()), (5, 2));
    assert!(run.log.len() > 2);
}

#[test]
fn facts_say_what_a_question_may_spend_and_what_counts_of_its_answer() {
    let rules = "(= (decide) (act cpu-overload (alert one) (because it is) (verdict-in 5)))
        (= (decide) (act cpu-overload (alert two) (because it is) (verdict-in 5)))
        (= (decide) (count 2000)) (= (count $n) (if (== $n 0) (empty) (count (- $n 1))))";
    let check = |facts: &str, orders: usize, misshapen: u64| {
        let mut core = Run::new(&with_facts(&format!("{facts} {rules}")), Server::new(1)).core;
        let reading = Reading {
            seconds: 1.0,
            ..Reading::default()
        };
        let found = core.tick(reading, Vec::new(), 0).len();
        let told = &core.status.last_rule_error;
        assert_eq!(
            (found, core.status.misshapen_decisions),
            (orders, misshapen),
            "{facts}: {told:?}"
        );
    };
    check("", 2, 0);
    check("(question-reductions 1000)", 2, 1);
    check("(verdict-seconds-max 4)", 0, 2);
    check("(answers-max 1)", 1, 1);
}

#[test]
fn what_the_server_measures_is_not_posted() {
    let mut run = Run::new(&with_facts("(posted-metrics 2)"), Server::new(1));
    run.go(2.0);
    let mut post = |metrics: &[&str]| {
        let samples = metrics.iter().map(|name| posted(name, 1.0, 0.0));
        let posted = run
            .core
            .ingest(samples.collect(), |name| name == "error-rate");
        posted.map_err(|error| error.to_string())
    };
    // Some have a value, some had none yet, and some come of events that were told.
    for own in ["memory-mb", "error-rate", "events.pool-exhaustion"] {
        let refused =
            format!("{own} is measured by the server itself; post the sample under another name");
        assert_eq!(post(&["queue-depth", own]), Err(refused));
    }
    assert_eq!(post(&["queue-depth", "lag"]), Ok(()));
    let refused = post(&["third"]).unwrap_err();
    assert!(
        refused.starts_with("at most 2 metrics from outside"),
        "{refused}"
    );
    run.go(2.0);
    let again = run.core.ingest(vec![posted("lag", 2.0, 2.0)], |_| false);
    assert_eq!(again, Ok(()));
}

fn posted(metric: &str, value: f64, unix: f64) -> Posted {
    Posted {
        metric: metric.to_owned(),
        value,
        unix,
    }
}

#[test]
fn of_posted_samples_the_one_that_was_measured_last_counts() {
    let mut run = Run::new(&shipped(), Server::new(1));
    let mut check = |samples: &[(f64, f64)], expected: f64| {
        let samples = samples
            .iter()
            .map(|(value, unix)| posted("lag", *value, *unix));
        assert_eq!(run.core.ingest(samples.collect(), |_| false), Ok(()));
        run.go(1.0);
        let latest = format!("(latest lag {expected:?})");
        let known = run.core.spaces.samples.atoms();
        assert!(
            known.iter().any(|atom| atom.to_string() == latest),
            "{latest}"
        );
    };
    check(&[(2.0, 10.0), (1.0, 5.0)], 2.0);
    check(&[(1.0, 9.0)], 2.0);
    check(&[(3.0, 11.0), (4.0, 11.0)], 4.0);
}

#[test]
fn a_long_run_keeps_no_more_than_a_short_one() {
    let mut run = Run::new(&shipped(), Server::new(9));
    run.interval = 30.0;
    let size = |run: &Run<Server>| {
        (
            run.core.spaces.samples.len(),
            run.core.episodes.space().len(),
            run.core.status.actions.len(),
        )
    };
    let mut after_a_while = (0, 0, 0);
    for round in 0..60 {
        let now = run.seconds;
        harm(&mut run.world, round % 4, now);
        run.go(1200.0);
        if round == 19 {
            after_a_while = size(&run);
        }
    }
    let (samples, episodes, actions) = size(&run);
    assert!(samples <= after_a_while.0 + 10, "{samples}");
    assert!(episodes <= after_a_while.1 + 40, "{episodes}");
    assert!(actions <= 200, "{actions}");
}

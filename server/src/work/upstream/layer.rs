//! What stands between a request and the service: mechanism only. Nothing here
//! degrades, trips or sheds by itself; rules set the level and the breaker.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant, SystemTime};

use super::pool::Connections;
use super::sink::FailureKind;
use crate::events::{Events, Severity};
use crate::front::{Answered, Front};
use crate::heal::Facts;

/// Whether calls reach the service.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breaker {
    /// All do.
    Closed,
    /// Some do, to try it.
    HalfOpen,
    /// None does.
    Open,
}

impl Breaker {
    /// Its name in rules and answers.
    pub fn name(self) -> &'static str {
        match self {
            Breaker::Closed => "closed",
            Breaker::HalfOpen => "half-open",
            Breaker::Open => "open",
        }
    }

    /// The state of this name.
    pub fn of_name(name: &str) -> Option<Breaker> {
        [Breaker::Closed, Breaker::HalfOpen, Breaker::Open]
            .into_iter()
            .find(|state| state.name() == name)
    }
}

/// How a request was served.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Served {
    /// By the service.
    Fresh(String),
    /// By an older answer, or by none, and marked so.
    Degraded(Option<String>),
    /// Not at all, to shed load; try again after so long.
    Refused(Duration),
    /// The service failed.
    Failed(FailureKind),
}

/// What actions set.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Settings {
    /// 0: as it is; 1: older answers stand in for failed ones; 2: the same without
    /// asking the service; 3: refuse.
    level: u8,
    breaker: Breaker,
    /// Another than the usual.
    deadline: Option<Duration>,
    /// How often a failing call is tried again.
    retries: u32,
}

impl Settings {
    const USUAL: Settings = Settings {
        level: 0,
        breaker: Breaker::Closed,
        deadline: None,
        retries: 0,
    };
}

/// What facts set.
#[derive(Clone, Copy, Debug)]
struct Bounds {
    usual_deadline: Duration,
    /// Through a half-open breaker goes one call in so many.
    half_open_one_in: u64,
    /// The share of all calls that retries may be, and the burst that may come before.
    retry_share: f64,
    retry_burst: f64,
    /// After how long who was refused may come again.
    retry_after: Duration,
}

impl Bounds {
    fn of(facts: &Facts) -> Bounds {
        Bounds {
            usual_deadline: Duration::from_secs_f64(facts.get("usual-deadline-ms") / 1000.0),
            half_open_one_in: (1.0 / facts.get("half-open-share")).round() as u64,
            retry_share: facts.get("retry-share"),
            retry_burst: facts.get("retry-burst"),
            retry_after: Duration::from_secs_f64(facts.get("retry-after-seconds")),
        }
    }
}

/// What came of the calls that tried the service since the breaker was set last.
#[derive(Clone, Copy, Debug)]
struct Probing {
    since: Instant,
    /// Requests that came.
    asked: u64,
    /// Calls made of them, or for their own sake.
    made: u64,
    failed: u64,
}

impl Probing {
    fn new() -> Probing {
        Probing {
            since: Instant::now(),
            asked: 0,
            made: 0,
            failed: 0,
        }
    }
}

/// The layer.
pub struct Layer {
    connections: Connections,
    events: Events,
    settings: Mutex<Settings>,
    bounds: Mutex<Bounds>,
    probing: Mutex<Probing>,
    /// Calls of the service: latency and failures over a window.
    calls: Front,
    tried: AtomicU64,
    retried: AtomicU64,
    last_answer: Mutex<Option<String>>,
    failures: AtomicU64,
    last_failure: Mutex<Option<SystemTime>>,
}

/// The state of the layer.
#[derive(Clone, Debug)]
pub struct LayerReading {
    /// The degradation level.
    pub level: u8,
    /// The breaker.
    pub breaker: Breaker,
    /// The deadline of a call.
    pub deadline: Duration,
    /// How often a failing call is tried again.
    pub retries: u32,
    /// For how long the breaker has been as it is.
    pub breaker_for: Duration,
    /// Calls that tried the service since then, while it is half-open.
    pub probes: u64,
    /// Those of them that failed.
    pub probes_failed: u64,
    /// The share of calls that failed, over the window.
    pub error_rate: Option<f64>,
    /// 95th percentile of calls in milliseconds, over the window.
    pub latency_p95_ms: Option<f64>,
    /// Calls in the window.
    pub calls: u64,
    /// Calls under way.
    pub active: usize,
    /// Failed calls since the start.
    pub failures: u64,
    /// When a call failed last.
    pub last_failure: Option<SystemTime>,
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic while the layer is locked")
}

impl Layer {
    pub(super) fn new(connections: Connections, events: Events) -> Layer {
        Layer {
            connections,
            events,
            settings: Mutex::new(Settings::USUAL),
            bounds: Mutex::new(Bounds::of(&Facts::default())),
            probing: Mutex::new(Probing::new()),
            calls: Front::new(),
            tried: AtomicU64::new(0),
            retried: AtomicU64::new(0),
            last_answer: Mutex::new(None),
            failures: AtomicU64::new(0),
            last_failure: Mutex::new(None),
        }
    }

    /// Serves one request as the settings say.
    pub async fn serve(&self) -> Served {
        let settings = *locked(&self.settings);
        if settings.level >= 3 {
            return Served::Refused(locked(&self.bounds).retry_after);
        }
        self.tried.fetch_add(1, Ordering::Relaxed);
        let probes = settings.breaker == Breaker::HalfOpen;
        let asks = settings.level < 2
            && match settings.breaker {
                Breaker::Closed => true,
                Breaker::HalfOpen => self.takes_probe(),
                Breaker::Open => false,
            };
        if !asks {
            return self.stand_in();
        }
        let outcome = self.call_again(settings).await;
        if probes {
            self.count_probe(outcome.is_ok());
        }
        match outcome {
            Ok(answer) => {
                *locked(&self.last_answer) = Some(answer.clone());
                Served::Fresh(answer)
            }
            Err(_) if settings.level >= 1 || probes => self.stand_in(),
            Err(kind) => Served::Failed(kind),
        }
    }

    /// Whether this request is the one in so many that tries the service.
    fn takes_probe(&self) -> bool {
        let one_in = locked(&self.bounds).half_open_one_in.max(1);
        let mut probing = locked(&self.probing);
        probing.asked += 1;
        (probing.asked - 1).is_multiple_of(one_in)
    }

    fn count_probe(&self, worked: bool) {
        let mut probing = locked(&self.probing);
        probing.made += 1;
        probing.failed += u64::from(!worked);
    }

    /// Tries the service so many times for its own sake, one call after the other;
    /// returns how many failed.
    pub async fn probe(&self, times: u32) -> u32 {
        let settings = *locked(&self.settings);
        let mut failed = 0;
        for _ in 0..times {
            let worked = self.call(self.deadline(settings)).await.is_ok();
            self.count_probe(worked);
            failed += u32::from(!worked);
        }
        failed
    }

    fn stand_in(&self) -> Served {
        Served::Degraded(locked(&self.last_answer).clone())
    }

    /// One call, tried again as the settings say, within a budget: retries multiply
    /// the load of a service that is ill already. The deadline holds for all together.
    async fn call_again(&self, settings: Settings) -> Result<String, FailureKind> {
        let began = Instant::now();
        let deadline = self.deadline(settings);
        let mut outcome = self.call(deadline).await;
        for _ in 0..settings.retries {
            let left = deadline.saturating_sub(began.elapsed());
            if outcome.is_ok() || left.is_zero() || !self.may_retry() {
                break;
            }
            outcome = self.call(left).await;
        }
        outcome
    }

    /// Takes one retry from the budget, if there is one.
    fn may_retry(&self) -> bool {
        let bounds = *locked(&self.bounds);
        let tried = self.tried.load(Ordering::Relaxed) as f64;
        let most = (tried * bounds.retry_share + bounds.retry_burst) as u64;
        self.retried
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |retried| {
                (retried < most).then_some(retried + 1)
            })
            .is_ok()
    }

    async fn call(&self, deadline: Duration) -> Result<String, FailureKind> {
        let in_flight = self.calls.begin();
        let answered = tokio::time::timeout(deadline, self.connections.call()).await;
        let outcome = match answered {
            Err(_) => Err(FailureKind::Timeout),
            Ok(Err(_)) => Err(FailureKind::ExternalServiceFailure),
            Ok(Ok(line)) => match line.trim_end().split_once(' ') {
                Some(("error", kind)) => {
                    Err(FailureKind::of_name(kind).unwrap_or(FailureKind::ExternalServiceFailure))
                }
                _ => Ok(line.trim_end().to_owned()),
            },
        };
        in_flight.finish(match outcome {
            Ok(_) => Answered::Well,
            Err(_) => Answered::Failed,
        });
        if let Err(kind) = outcome {
            self.failures.fetch_add(1, Ordering::Relaxed);
            *locked(&self.last_failure) = Some(SystemTime::now());
            self.events.tell(Severity::Error, kind.text());
        }
        outcome
    }

    /// Sets the degradation level, 0 to 3.
    pub fn set_level(&self, level: u8) {
        locked(&self.settings).level = level.min(3);
    }

    /// The degradation level.
    pub fn level(&self) -> u8 {
        locked(&self.settings).level
    }

    /// Sets the breaker. What tried the service before counts no longer.
    pub fn set_breaker(&self, breaker: Breaker) {
        locked(&self.settings).breaker = breaker;
        *locked(&self.probing) = Probing::new();
    }

    /// Sets the deadline of a call.
    pub fn set_deadline(&self, deadline: Duration) {
        locked(&self.settings).deadline = Some(deadline);
    }

    fn deadline(&self, settings: Settings) -> Duration {
        settings
            .deadline
            .unwrap_or_else(|| locked(&self.bounds).usual_deadline)
    }

    /// Takes over what facts say: the window over which calls are measured, the usual
    /// deadline, the share of probes, the budget of retries, when the refused may come again.
    pub fn set_bounds(&self, facts: &Facts) {
        *locked(&self.bounds) = Bounds::of(facts);
        self.calls.set_window(facts);
    }

    /// Something was done that changes how calls fare.
    pub fn measure_anew(&self) {
        self.calls.measure_anew();
    }

    /// Sets how often a failing call is tried again.
    pub fn set_retries(&self, times: u32) {
        locked(&self.settings).retries = times;
    }

    /// The state now.
    pub fn reading(&self) -> LayerReading {
        let settings = *locked(&self.settings);
        let calls = self.calls.reading();
        let probing = *locked(&self.probing);
        LayerReading {
            level: settings.level,
            breaker: settings.breaker,
            deadline: self.deadline(settings),
            retries: settings.retries,
            breaker_for: probing.since.elapsed(),
            probes: probing.made,
            probes_failed: probing.failed,
            error_rate: calls.error_rate,
            latency_p95_ms: calls.latency_p95_ms,
            calls: calls.requests,
            active: calls.active,
            failures: self.failures.load(Ordering::Relaxed),
            last_failure: *locked(&self.last_failure),
        }
    }

    /// Back to how it was at the start; what was counted stays.
    pub fn reset(&self) {
        *locked(&self.settings) = Settings::USUAL;
        *locked(&self.probing) = Probing::new();
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Breaker, Served};
    use crate::work::{ConnectionFault, Upstream};

    #[tokio::test]
    async fn failures_reach_the_client_until_a_level_is_set() {
        let upstream = Upstream::start(crate::events::Events::default())
            .await
            .unwrap();
        let layer = upstream.layer();
        assert!(matches!(layer.serve().await, Served::Fresh(_)));
        upstream.injector().fail(1.0);
        for _ in 0..12 {
            assert!(matches!(layer.serve().await, Served::Failed(_)));
        }
        assert!(layer.reading().error_rate.unwrap() > 0.9);
        layer.set_level(1);
        assert!(matches!(layer.serve().await, Served::Degraded(Some(_))));
        layer.set_level(3);
        assert!(matches!(layer.serve().await, Served::Refused(_)));
        upstream.injector().clear();
        layer.reset();
        assert!(matches!(layer.serve().await, Served::Fresh(_)));
    }

    #[tokio::test]
    async fn retries_help_within_their_budget() {
        let upstream = Upstream::start(crate::events::Events::default())
            .await
            .unwrap();
        let layer = upstream.layer();
        layer.set_retries(3);
        upstream.injector().fail(1.0);
        for _ in 0..10 {
            assert!(matches!(layer.serve().await, Served::Failed(_)));
        }
        let calls = upstream.connections().reading().queries;
        // Ten requests, a burst of ten retries, and a fifth of the requests more.
        assert!((15..=22).contains(&calls), "{calls}");
    }

    #[tokio::test]
    async fn an_open_breaker_keeps_calls_away() {
        let upstream = Upstream::start(crate::events::Events::default())
            .await
            .unwrap();
        let layer = upstream.layer();
        layer.set_breaker(Breaker::Open);
        assert_eq!(layer.serve().await, Served::Degraded(None));
        assert_eq!(upstream.connections().reading().queries, 0);
        layer.set_breaker(Breaker::HalfOpen);
        for _ in 0..10 {
            layer.serve().await;
        }
        assert_eq!(upstream.connections().reading().queries, 2);
    }

    #[tokio::test]
    async fn what_tries_the_service_is_counted_from_when_the_breaker_was_set() {
        let upstream = Upstream::start(crate::events::Events::default())
            .await
            .unwrap();
        let layer = upstream.layer();
        let counted = || (layer.reading().probes, layer.reading().probes_failed);
        layer.set_breaker(Breaker::HalfOpen);
        upstream.injector().fail(1.0);
        for _ in 0..6 {
            layer.serve().await;
        }
        assert_eq!(counted(), (2, 2));
        assert_eq!(layer.probe(3).await, 3);
        assert_eq!(counted(), (5, 5));
        layer.set_breaker(Breaker::HalfOpen);
        upstream.injector().clear();
        assert_eq!(layer.probe(3).await, 0);
        assert_eq!(counted(), (3, 0));
        layer.set_breaker(Breaker::Closed);
        layer.serve().await;
        assert_eq!(counted(), (0, 0));
    }

    /// What a call over a connection with this fault gives, and how many idle
    /// connections are broken then.
    async fn call_over(fault: ConnectionFault) -> (Served, usize, usize) {
        let upstream = Upstream::start(crate::events::Events::default())
            .await
            .unwrap();
        let connections = upstream.connections();
        let opened = connections.open(4, (fault, 1.0)).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
        let broken = connections.reading().broken;
        upstream.layer().set_deadline(Duration::from_millis(200));
        let served = upstream.layer().serve().await;
        (served, opened.failed, broken)
    }

    #[tokio::test]
    async fn connections_can_be_harmed_in_every_way() {
        // Broken ones are noticed and not used.
        for fault in [ConnectionFault::Reset, ConnectionFault::HalfOpen] {
            let (served, failed, broken) = call_over(fault).await;
            assert!(matches!(served, Served::Fresh(_)), "{served:?}");
            assert_eq!((failed, broken), (0, 4), "{fault:?}");
        }
        let (served, failed, _) = call_over(ConnectionFault::Refuse).await;
        assert!(matches!(served, Served::Fresh(_)), "{served:?}");
        assert_eq!(failed, 4);
        // Nobody can see that one will stall, until it does.
        let (served, _, broken) = call_over(ConnectionFault::Stall).await;
        assert_eq!(served, Served::Failed(super::FailureKind::Timeout));
        assert_eq!(broken, 0);
    }

    #[tokio::test]
    async fn a_call_that_was_given_up_leaves_no_answer_to_the_next() {
        let upstream = Upstream::start(crate::events::Events::default())
            .await
            .unwrap();
        let layer = upstream.layer();
        upstream
            .injector()
            .fail_slowly(0.0, Duration::from_millis(300));
        layer.set_deadline(Duration::from_millis(50));
        let served = layer.serve().await;
        assert_eq!(served, Served::Failed(super::FailureKind::Timeout));
        assert_eq!(upstream.connections().reading().broken, 1);
        upstream.injector().clear();
        layer.set_deadline(Duration::from_secs(3));
        // The first answer on a new connection.
        assert_eq!(layer.serve().await, Served::Fresh("ok 1".to_owned()));
    }

    #[tokio::test]
    async fn idle_connections_are_closed_oldest_first_to_a_number() {
        let upstream = Upstream::start(crate::events::Events::default())
            .await
            .unwrap();
        let connections = upstream.connections();
        let reset = (ConnectionFault::Reset, 0.1);
        let opened = connections.open(40, reset).await;
        assert_eq!((opened.total, opened.failed), (40, 0));
        assert_eq!(connections.reading().size, 40);
        let more = connections.open(10, reset).await;
        assert_eq!(more.total, 10, "{more:?}");
        assert_eq!(connections.reading().size, 50);
        connections.close_idle(5);
        let reading = connections.reading();
        assert_eq!((reading.idle, reading.broken), (5, 0));
        assert_eq!(connections.recreate(), 5);
        assert!(matches!(upstream.layer().serve().await, Served::Fresh(_)));
    }
}

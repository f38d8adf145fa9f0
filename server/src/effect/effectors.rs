//! Carrying actions out. Effectors report what they did; whether it helped is
//! for later samples to say.

use std::future::Future;
use std::pin::Pin;
use std::time::Duration;

use super::action::Action;
use super::envelope::Admitted;
use crate::front::Front;
use crate::inbound::Inbound;
use crate::outside::Outside;
use crate::reclaimable::Registry;
use crate::work::{Background, Ratio, Sessions, Upstream};

/// What actions act on.
#[derive(Clone)]
pub struct Effectors {
    /// The cache of sessions.
    pub sessions: Sessions,
    /// The background threads.
    pub background: Background,
    /// The service that requests depend on.
    pub upstream: Upstream,
    /// What lets requests in.
    pub front: Front,
    /// Clients' connections.
    pub inbound: Inbound,
    /// Other programs.
    pub outside: Outside,
    /// What holds memory that the process can do without.
    pub registry: Registry,
}

/// What became of an action, or will.
pub enum Applied {
    /// It was carried out, or not.
    Done(Result<String, String>),
    /// It goes on.
    UnderWay(Pin<Box<dyn Future<Output = Result<String, String>> + Send>>),
}

impl Effectors {
    /// Carries `admitted` out; says what was done, or in words what went wrong. What only
    /// sets something is done when this returns; what waits or frees memory is still to be
    /// awaited, on threads that may wait.
    pub fn apply(&self, admitted: Admitted) -> Applied {
        let effectors = self.clone();
        match admitted.into_action() {
            Action::Outside(deed) => {
                Applied::UnderWay(Box::pin(
                    async move { effectors.outside.carry_out(deed).await },
                ))
            }
            Action::Probe(times) => Applied::UnderWay(Box::pin(async move {
                let failed = effectors.upstream.layer().probe(times).await;
                Ok(format!(
                    "tried the upstream service {times} times; {failed} failed"
                ))
            })),
            action @ (Action::EvictSessions(_)
            | Action::ReleaseFreeMemory
            | Action::TrimHistory(_)
            | Action::Reclaim(..)) => Applied::UnderWay(Box::pin(async move {
                tokio::task::spawn_blocking(move || effectors.carry_out(action))
                    .await
                    .unwrap_or_else(|failed| Err(format!("the effector failed: {failed}")))
            })),
            action => Applied::Done(self.carry_out(action)),
        }
    }

    fn carry_out(&self, action: Action) -> Result<String, String> {
        if matches!(
            action,
            Action::Shed(_)
                | Action::LimitRequests(_)
                | Action::Degrade(_)
                | Action::Breaker(_)
                | Action::Deadline(_)
                | Action::Retry(_)
        ) {
            self.front.measure_anew();
            self.upstream.layer().measure_anew();
        }
        match action {
            Action::EvictSessions(share) => self.registry.reclaim("sessions", share),
            Action::ReleaseFreeMemory => self.registry.reclaim("allocator", Ratio::FULL),
            Action::TrimHistory(share) => self.registry.reclaim("history", share),
            Action::Reclaim(resource, share) => self.registry.reclaim(resource, share),
            Action::DutyCycleBackground(share) => {
                self.background.set_duty(share);
                Ok(format!(
                    "{} background threads may run {:.1} % of the time",
                    self.background.running(),
                    share.get() * 100.0
                ))
            }
            Action::LiftBackgroundThrottle => {
                self.background.set_duty(Ratio::FULL);
                Ok("background threads may run all the time".to_owned())
            }
            Action::CancelBackground(share) => {
                let cancelled = self.background.cancel(share);
                Ok(format!("cancelled {cancelled} background threads"))
            }
            Action::Shed(share) => {
                self.front.gate().shed(share);
                Ok(format!(
                    "{:.0} % of the requests are turned away",
                    share.get() * 100.0
                ))
            }
            Action::LimitRequests(most) => {
                self.front.gate().limit(most as usize);
                Ok(match most {
                    0 => "any number of requests may run at once".to_owned(),
                    most => format!("at most {most} requests may run at once"),
                })
            }
            Action::CloseIdle(keep) => {
                let closed = self.upstream.connections().close_idle(keep as usize);
                Ok(format!("closed {closed} idle connections of the pool"))
            }
            Action::CloseInbound { keep, idle_seconds } => {
                let least = Duration::from_secs(u64::from(idle_seconds));
                let surplus = self.inbound.long_idle(least).saturating_sub(keep as usize);
                let most = self.inbound.reading().open.saturating_sub(surplus);
                let closed = self.inbound.close_long_idle(most, least);
                Ok(format!(
                    "closed {closed} connections of clients that were idle for {idle_seconds} s"
                ))
            }
            Action::RecreatePool => {
                let closed = self.upstream.connections().recreate();
                Ok(format!("closed all {closed} idle connections of the pool"))
            }
            Action::Degrade(level) => {
                self.upstream
                    .layer()
                    .set_level(u8::try_from(level).unwrap_or(3));
                self.front.gate().switch_expensive(level < 2);
                Ok(format!("requests are served at degradation level {level}"))
            }
            Action::Breaker(state) => {
                self.upstream.layer().set_breaker(state);
                Ok(format!(
                    "the breaker before the upstream service is {}",
                    state.name()
                ))
            }
            Action::Deadline(millis) => {
                let deadline = Duration::from_millis(u64::from(millis));
                self.upstream.layer().set_deadline(deadline);
                Ok(format!(
                    "calls of the upstream service may take {millis} ms"
                ))
            }
            Action::Retry(times) => {
                self.upstream.layer().set_retries(times);
                Ok(format!(
                    "failing calls of the upstream service are tried again {times} times at most"
                ))
            }
            Action::Alert(text) => {
                tracing::error!(%text, "the rules have given up");
                Ok(format!("told the operator: {text}"))
            }
            Action::SlowSampling(_) | Action::Probe(_) | Action::Outside(_) => {
                unreachable!("what waits, or is about the loop itself, is done elsewhere")
            }
        }
    }
}

//! Carrying actions out. Effectors report what they did; whether it helped is
//! for later samples to say.

use std::time::Duration;

use super::action::Action;
use super::envelope::Admitted;
use crate::work::{Background, Sessions, Upstream};

/// The longest that the loop waits for an effector.
const PATIENCE: Duration = Duration::from_secs(10);

/// What actions act on.
#[derive(Clone)]
pub struct Effectors {
    sessions: Sessions,
    background: Background,
    upstream: Upstream,
}

impl Effectors {
    /// Effectors on this cache, these threads and this service.
    pub fn new(sessions: Sessions, background: Background, upstream: Upstream) -> Effectors {
        Effectors {
            sessions,
            background,
            upstream,
        }
    }

    /// Carries `admitted` out, off the asynchronous workers; says what was done.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub async fn apply(&self, admitted: Admitted) -> Result<String, String> {
        let effectors = self.clone();
        let action = admitted.into_action();
        let work = tokio::task::spawn_blocking(move || effectors.carry_out(action));
        match tokio::time::timeout(PATIENCE, work).await {
            Ok(Ok(done)) => done,
            Ok(Err(failed)) => Err(format!("the effector failed: {failed}")),
            Err(_) => Err(format!(
                "the effector did not end within {} s and goes on",
                PATIENCE.as_secs()
            )),
        }
    }

    fn carry_out(&self, action: Action) -> Result<String, String> {
        match action {
            Action::EvictSessions(share) => {
                let evicted = self.sessions.evict(share);
                release()?;
                Ok(format!(
                    "evicted {} sessions of {:.0} MiB and released their pages",
                    evicted.entries,
                    evicted.bytes as f64 / 1_048_576.0
                ))
            }
            Action::ReleaseFreeMemory => {
                release()?;
                Ok("released the pages of free memory".to_owned())
            }
            Action::DutyCycleBackground(share) => {
                self.background.set_duty(share);
                Ok(format!(
                    "{} background threads may run {:.1} % of the time",
                    self.background.running(),
                    share.get() * 100.0
                ))
            }
            Action::LiftBackgroundThrottle => {
                self.background.set_duty(crate::work::Ratio::FULL);
                Ok("background threads may run all the time".to_owned())
            }
            Action::CancelBackground => {
                let cancelled = self.background.cancel();
                Ok(format!("cancelled {cancelled} background threads"))
            }
            Action::CloseIdle(keep) => {
                let closed = self.upstream.connections().close_idle(keep as usize);
                Ok(format!("closed {closed} idle connections of the pool"))
            }
            Action::RecreatePool => {
                let closed = self.upstream.connections().recreate();
                Ok(format!("closed all {closed} idle connections of the pool"))
            }
            Action::Degrade(level) => {
                self.upstream
                    .layer()
                    .set_level(u8::try_from(level).unwrap_or(3));
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
            Action::Alert(text) => {
                tracing::error!(%text, "the rules have given up");
                Ok(format!("told the operator: {text}"))
            }
        }
    }
}

fn release() -> Result<(), String> {
    chimera_reclaim::release_free_memory().map_err(|error| error.to_string())
}

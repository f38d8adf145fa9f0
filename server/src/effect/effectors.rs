//! Carrying actions out. Effectors report what they did; whether it helped is
//! for later samples to say.

use std::time::Duration;

use super::action::Action;
use super::envelope::Admitted;
use crate::work::{Background, Sessions};

/// The longest that the loop waits for an effector.
const PATIENCE: Duration = Duration::from_secs(10);

/// What actions act on.
#[derive(Clone)]
pub struct Effectors {
    sessions: Sessions,
    background: Background,
}

impl Effectors {
    /// Effectors on this cache and these threads.
    pub fn new(sessions: Sessions, background: Background) -> Effectors {
        Effectors {
            sessions,
            background,
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

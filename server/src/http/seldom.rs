//! Saying the same kind of thing at most once in a while.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

/// The least time between two sayings.
const PAUSE: Duration = Duration::from_secs(10);

/// When something was said last, and how often it was not said since.
#[derive(Debug, Default)]
pub(super) struct Seldom(Mutex<(Option<Instant>, u64)>);

impl Seldom {
    /// Whether to say it now: then, how often it was left unsaid before.
    pub(super) fn now(&self) -> Option<u64> {
        self.at(Instant::now())
    }

    fn at(&self, now: Instant) -> Option<u64> {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (said, unsaid) = &mut *state;
        if said.is_some_and(|said| now.saturating_duration_since(said) < PAUSE) {
            *unsaid += 1;
            return None;
        }
        *said = Some(now);
        Some(std::mem::take(unsaid))
    }
}

#[cfg(test)]
mod tests {
    use std::time::Instant;

    use super::{PAUSE, Seldom};

    #[test]
    fn what_is_left_unsaid_is_counted() {
        let seldom = Seldom::default();
        let start = Instant::now();
        assert_eq!(seldom.at(start), Some(0));
        assert_eq!((seldom.at(start), seldom.at(start)), (None, None));
        assert_eq!(seldom.at(start + PAUSE), Some(2));
        assert_eq!(seldom.at(start + PAUSE), None);
    }
}

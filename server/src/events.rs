//! What went wrong, in words: told by whoever sees it, taken up by the healing
//! loop once a tick, classified by rules.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

/// Events that wait for the next tick; more are counted and dropped.
const WAITING_MAX: usize = 500;
/// Characters kept of a text.
const TEXT_MAX: usize = 300;

/// How bad an event is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Severity {
    /// Something failed.
    Error,
    /// Something may fail.
    Warning,
}

impl Severity {
    /// Its word in atoms and answers.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Error => "error",
            Severity::Warning => "warning",
        }
    }
}

/// One event.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Event {
    /// How bad it is.
    pub severity: Severity,
    /// What happened.
    pub text: String,
}

/// Events on their way to the loop. Clones are the same.
#[derive(Clone, Default)]
pub struct Events(Arc<Mutex<Waiting>>);

#[derive(Default)]
struct Waiting {
    events: VecDeque<Event>,
    dropped: u64,
}

impl Events {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().expect("no panic while events are locked")
    }

    /// Tells what happened.
    pub fn tell(&self, severity: Severity, text: &str) {
        let mut waiting = self.lock();
        if waiting.events.len() >= WAITING_MAX {
            waiting.dropped += 1;
            return;
        }
        let text = text.chars().take(TEXT_MAX).collect();
        waiting.events.push_back(Event { severity, text });
    }

    /// What was told since the last call, and how much was dropped meanwhile.
    pub fn take(&self) -> (Vec<Event>, u64) {
        let mut waiting = self.lock();
        let dropped = std::mem::take(&mut waiting.dropped);
        (waiting.events.drain(..).collect(), dropped)
    }
}

#[cfg(test)]
mod tests {
    use super::{Events, Severity, TEXT_MAX, WAITING_MAX};

    #[test]
    fn events_are_bounded_in_number_and_length() {
        let events = Events::default();
        for _ in 0..WAITING_MAX + 3 {
            events.tell(Severity::Error, &"é".repeat(1000));
        }
        let (taken, dropped) = events.take();
        assert_eq!((taken.len(), dropped), (WAITING_MAX, 3));
        assert_eq!(taken[0].text.chars().count(), TEXT_MAX);
        assert_eq!(events.take(), (Vec::new(), 0));
    }
}

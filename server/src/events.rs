//! What went wrong, in words: told by whoever sees it, taken up by the healing
//! loop once a tick, classified by rules.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use crate::heal::Facts;

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

struct Waiting {
    events: VecDeque<Event>,
    dropped: u64,
    /// Events that may wait for the next tick; more are counted and dropped.
    waiting_max: usize,
    /// Characters kept of a text.
    text_max: usize,
}

impl Default for Waiting {
    fn default() -> Waiting {
        let facts = Facts::default();
        Waiting {
            events: VecDeque::new(),
            dropped: 0,
            waiting_max: facts.count("events-waiting"),
            text_max: facts.count("event-text"),
        }
    }
}

impl Events {
    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().expect("no panic while events are locked")
    }

    /// Tells what happened.
    pub fn tell(&self, severity: Severity, text: &str) {
        let mut waiting = self.lock();
        if waiting.events.len() >= waiting.waiting_max {
            waiting.dropped += 1;
            return;
        }
        let text = text.chars().take(waiting.text_max).collect();
        waiting.events.push_back(Event { severity, text });
    }

    /// Lets so many events wait and keeps so many characters of each, from now on.
    pub fn set_bounds(&self, facts: &Facts) {
        let mut waiting = self.lock();
        waiting.waiting_max = facts.count("events-waiting");
        waiting.text_max = facts.count("event-text");
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
    use super::{Events, Severity};
    use crate::heal::Facts;

    #[test]
    fn events_are_bounded_in_number_and_length() {
        let events = Events::default();
        let facts = Facts::default();
        let (waiting, text) = (facts.count("events-waiting"), facts.count("event-text"));
        for _ in 0..waiting + 3 {
            events.tell(Severity::Error, &"é".repeat(text + 1));
        }
        let (taken, dropped) = events.take();
        assert_eq!((taken.len(), dropped), (waiting, 3));
        assert_eq!(taken[0].text.chars().count(), text);
        assert_eq!(events.take(), (Vec::new(), 0));
    }
}

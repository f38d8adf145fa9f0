//! The events that are kept: as records for people, as atoms in `&events` for rules.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use chimera::{Atom, Space};

use super::atom;
use crate::reclaimable::Reclaimable;
use crate::status::EventRecord;

/// What an event takes beside its text, in both forms.
const EVENT_BYTES: usize = 200;

/// A record with its atom.
type Kept = VecDeque<(Arc<EventRecord>, Atom)>;

/// The events kept. Clones are the same.
#[derive(Clone)]
pub(super) struct Told {
    space: Space,
    /// Oldest first.
    kept: Arc<Mutex<Kept>>,
}

impl Told {
    /// No events; what is kept has its atoms in `space`.
    pub(super) fn new(space: Space) -> Told {
        Told {
            space,
            kept: Arc::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Kept> {
        self.kept.lock().expect("no panic while events are locked")
    }

    /// Keeps an event as `(event <severity> <text> <seconds>)`, and at most `most`.
    pub(super) fn push(&self, record: EventRecord, seconds: f64, most: usize) {
        let event = atom(
            "event",
            vec![
                Atom::symbol(record.severity),
                Atom::string(&record.text),
                Atom::float(seconds),
            ],
        );
        let mut kept = self.lock();
        while kept.len() >= most.max(1)
            && let Some((_, old)) = kept.pop_front()
        {
            self.space.remove(&old);
        }
        self.space.add(event.clone());
        kept.push_back((Arc::new(record), event));
    }

    /// The events kept, oldest first.
    pub(super) fn records(&self) -> Vec<Arc<EventRecord>> {
        let kept = self.lock();
        kept.iter().map(|(record, _)| Arc::clone(record)).collect()
    }
}

fn bytes(record: &EventRecord) -> usize {
    // The text stands in the record and in the atom.
    EVENT_BYTES + 2 * record.text.len()
}

impl Reclaimable for Told {
    fn name(&self) -> &'static str {
        "events"
    }

    fn held_bytes(&self) -> usize {
        self.lock().iter().map(|(record, _)| bytes(record)).sum()
    }

    fn reclaim_to(&self, level: usize) -> Result<usize, String> {
        let mut held = self.held_bytes();
        let mut given = 0;
        let mut kept = self.lock();
        while held > level
            && let Some((record, old)) = kept.pop_front()
        {
            self.space.remove(&old);
            held = held.saturating_sub(bytes(&record));
            given += bytes(&record);
        }
        Ok(given)
    }
}

#[cfg(test)]
mod tests {
    use chimera::Space;

    use super::Told;
    use crate::reclaimable::Reclaimable;
    use crate::status::EventRecord;

    fn record(text: &str) -> EventRecord {
        EventRecord {
            unix: 0.0,
            severity: "error",
            text: text.to_owned(),
            class: None,
        }
    }

    #[test]
    fn events_go_oldest_first_with_their_atoms() {
        let space = Space::anonymous();
        let told = Told::new(space.clone());
        for number in 0..10 {
            told.push(record(&format!("n{number}")), f64::from(number), 8);
        }
        assert_eq!((told.records().len(), space.len()), (8, 8));
        let held = told.held_bytes();
        assert_eq!(told.reclaim_to(held / 2), Ok(held / 2));
        assert_eq!((told.records().len(), space.len()), (4, 4));
        assert_eq!(told.records()[0].text, "n6");
    }
}

//! What rows a query finds, to see at a glance that they are still the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use crate::space::lock::read;
use crate::space::probe::Probe;
use crate::space::{Changes, Layers, Space, Version, changes};

/// The rows that a space has for a probe now. Code that was made of them holds as long as
/// [`Stand::holds`]; in the present only.
pub(crate) struct Stand {
    space: Space,
    probe: Probe,
    /// Rules and types by then: imports count as both.
    changes: Changes,
    stores: SmallVec<[StoreStand; 4]>,
}

struct StoreStand {
    clock: Arc<AtomicU64>,
    /// The clock when the rows were last seen to be the same.
    seen: u64,
    version: Version,
}

impl Stand {
    /// `None` if what the space holds is not told by counts of changes: at a moment, of a
    /// snapshot, of a fork.
    pub(crate) fn of(space: &Space, probe: &Probe) -> Option<Stand> {
        let changes = changes();
        let layers = Layers::of(space);
        let stores = layers.live_stores()?.map(|store| {
            let store = read(store);
            StoreStand {
                clock: Arc::clone(store.clock()),
                seen: store.clock().load(Ordering::Acquire),
                version: store.version_for(probe),
            }
        });
        Some(Stand {
            space: space.clone(),
            probe: probe.clone(),
            changes,
            stores: stores.collect(),
        })
    }

    /// Whether no row that the probe asks for has come or gone since.
    #[inline]
    pub(crate) fn holds(&mut self) -> bool {
        let mut stores = self.stores.iter();
        (changes() == self.changes
            && stores.all(|store| store.clock.load(Ordering::Acquire) == store.seen))
            || self.still_holds()
    }

    /// The same, where something has changed.
    #[cold]
    #[inline(never)]
    fn still_holds(&mut self) -> bool {
        let Some(now) = Stand::of(&self.space, &self.probe) else {
            return false;
        };
        let same = |one: &StoreStand, other: &StoreStand| {
            Arc::ptr_eq(&one.clock, &other.clock) && one.version == other.version
        };
        let mut pairs = self.stores.iter().zip(&now.stores);
        let holds = self.stores.len() == now.stores.len() && pairs.all(|(a, b)| same(a, b));
        if holds {
            *self = now;
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::Stand;
    use crate::reader::atom;
    use crate::space::Space;
    use crate::space::probe::Probe;
    use crate::unify::Bindings;

    fn stand(space: &Space, pattern: &str) -> Option<Stand> {
        Stand::of(space, &Probe::of(&atom(pattern), &Bindings::new()))
    }

    #[test]
    fn holds_until_a_row_that_is_asked_for_comes_or_goes() {
        let space = Space::anonymous();
        space.add(atom("(p 1)"));
        let mut asked = stand(&space, "(p $x)").unwrap();
        space.add(atom("(q 1)"));
        space.add(atom("(p 1 2)"));
        assert!(asked.holds());
        space.add(atom("(p 2)"));
        assert!(!asked.holds());
        let mut asked = stand(&space, "(p $x)").unwrap();
        assert!(space.remove(&atom("(p 1)")));
        assert!(!asked.holds());
        let mut asked = stand(&space, "(p $x)").unwrap();
        space.add(atom("($any 1)"));
        assert!(!asked.holds());
    }

    #[test]
    fn holds_of_a_relation_that_was_never_empty_only() {
        let space = Space::anonymous();
        let mut asked = stand(&space, "(p $x)").unwrap();
        space.add(atom("(p 2)"));
        assert!(space.remove(&atom("(p 2)")));
        // Nothing is there again.
        assert!(asked.holds());
        space.add(atom("(p 2)"));
        let mut asked = stand(&space, "(p $x)").unwrap();
        assert!(space.remove(&atom("(p 2)")));
        space.add(atom("(p 2)"));
        assert!(!asked.holds());
    }

    #[test]
    fn snapshots_and_forks_have_none() {
        let space = Space::anonymous();
        assert!(stand(&space.snapshot(), "(p $x)").is_none());
        assert!(stand(&space.fork(), "(p $x)").is_none());
    }
}

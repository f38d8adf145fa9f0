//! What rows a query finds, to see at a glance that they are still the same.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use smallvec::SmallVec;

use crate::space::lock::read;
use crate::space::probe::Probe;
use crate::space::{Changes, Layers, Space, Version, changes};

/// The rows that a space has for a probe. Code that was made of them holds as long as
/// [`Stand::holds`] in the present, and [`Stand::holds_at`] at a moment.
pub(crate) struct Stand {
    space: Space,
    probe: Probe,
    /// Rules and types by then: imports count as both.
    changes: Changes,
    stores: SmallVec<[StoreStand; 4]>,
    /// Whether rows came or went: what is asked for now is not what it was.
    is_over: bool,
}

struct StoreStand {
    clock: Arc<AtomicU64>,
    /// The clock when the rows were last seen to be the same.
    seen: u64,
    version: Version,
}

/// What the clocks of the stores of a space were at a moment; a clock is told by where it is.
pub(crate) struct Clocks(SmallVec<[(usize, u64); 4]>);

impl Clocks {
    /// `None` if rows of a store are hidden.
    pub(crate) fn of(layers: &Layers) -> Option<Clocks> {
        let clocks = layers.whole_stores()?.map(|(store, view)| {
            let store = read(store);
            (place_of(store.clock()), store.clock_for(view))
        });
        Some(Clocks(clocks.collect()))
    }
}

fn place_of(clock: &Arc<AtomicU64>) -> usize {
    Arc::as_ptr(clock).addr()
}

impl Stand {
    /// `None` if what the space holds is not told by counts of changes: of a fork, in the
    /// present of a snapshot, at a moment where the rows have changed since.
    pub(crate) fn of(space: &Space, probe: &Probe) -> Option<Stand> {
        let changes = changes();
        let layers = Layers::of(space);
        let stores = layers.whole_stores()?.map(|(store, view)| {
            let store = read(store);
            Some(StoreStand {
                clock: Arc::clone(store.clock()),
                seen: store.clock_for(view),
                version: store.version_for(probe, view)?,
            })
        });
        Some(Stand {
            space: space.clone(),
            probe: probe.clone(),
            changes,
            stores: stores.collect::<Option<_>>()?,
            is_over: false,
        })
    }

    /// Whether it is of the rows of this space.
    pub(crate) fn is_of(&self, space: &Space) -> bool {
        self.space.is_same(space)
    }

    /// Whether no row that the probe asks for has come or gone since. It is not looked at again
    /// once one has.
    #[inline]
    pub(crate) fn holds(&mut self) -> bool {
        let mut stores = self.stores.iter();
        let is_same = changes() == self.changes
            && stores.all(|store| store.clock.load(Ordering::Acquire) == store.seen);
        is_same
            || !self.is_over && {
                self.is_over = !self.still_holds();
                !self.is_over
            }
    }

    /// Whether the rows are the same at the moment that the thread is in, where the clocks of
    /// the stores of `own` were these. Of other spaces that is not known.
    #[inline]
    pub(crate) fn holds_at(&mut self, clocks: &Clocks, own: &Space) -> bool {
        let is_seen = |(store, then): (&StoreStand, &(usize, u64))| {
            (place_of(&store.clock), store.seen) == *then
        };
        let mut pairs = self.stores.iter().zip(&clocks.0);
        (self.stores.len() == clocks.0.len() && pairs.all(is_seen))
            || (self.space.is_same(own) && self.still_holds())
    }

    /// The same, where something has changed.
    #[cold]
    #[inline(never)]
    fn still_holds(&mut self) -> bool {
        let changes = changes();
        let layers = Layers::of(&self.space);
        let Some(stores) = layers.whole_stores() else {
            return false;
        };
        let mut stands = self.stores.iter_mut();
        for (store, view) in stores {
            let (store, Some(stand)) = (read(store), stands.next()) else {
                return false;
            };
            if !Arc::ptr_eq(&stand.clock, store.clock())
                || store.version_for(&self.probe, view) != Some(stand.version)
            {
                return false;
            }
            stand.seen = store.clock_for(view);
        }
        let holds = stands.next().is_none();
        if holds {
            self.changes = changes;
        }
        holds
    }
}

#[cfg(test)]
mod tests {
    use super::{Clocks, Stand};
    use crate::reader::atom;
    use crate::space::probe::Probe;
    use crate::space::{Layers, Moment, Space, moment};
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
    fn holds_at_moments_that_see_the_same_rows() {
        let space = Space::anonymous();
        space.add(atom("(p 1)"));
        let first = Moment::open();
        let mut asked = {
            let _then = moment::enter(Some(&first));
            stand(&space, "(p $x)").unwrap()
        };
        space.add(atom("(q 1)"));
        let second = Moment::open();
        space.add(atom("(p 2)"));
        let third = Moment::open();
        let mut holds = |moment: &Moment| {
            let _then = moment::enter(Some(moment));
            let clocks = Clocks::of(&Layers::of(&space)).unwrap();
            asked.holds_at(&clocks, &space)
        };
        assert!(holds(&first));
        assert!(!holds(&third));
        // What has changed by now is not known to be the same any more.
        assert!(!holds(&second));
        assert!(holds(&first));
        assert!(!asked.holds());
    }

    #[test]
    fn made_at_a_moment_it_holds_in_the_present_while_nothing_changes() {
        let space = Space::anonymous();
        space.add(atom("(p 1)"));
        let then = Moment::open();
        let mut asked = {
            let _then = moment::enter(Some(&then));
            stand(&space, "(p $x)").unwrap()
        };
        space.add(atom("(q 1)"));
        assert!(asked.holds());
        space.add(atom("(p 2)"));
        assert!(!asked.holds());
        let _then = moment::enter(Some(&then));
        assert!(stand(&space, "(p $x)").is_none());
    }

    #[test]
    fn snapshots_and_forks_have_none() {
        let space = Space::anonymous();
        assert!(stand(&space.snapshot(), "(p $x)").is_none());
        assert!(stand(&space.fork(), "(p $x)").is_none());
    }
}

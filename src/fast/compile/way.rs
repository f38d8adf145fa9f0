//! What holds on a way through the code: names, slots that hold something, and what their values
//! were seen to be.

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use super::{Compiler, Name};
use crate::atom::Variable;
use crate::fast::code::{AtomKind, Slot, TypeId};
use crate::persistent::FixedMap;

/// What variables are called at a place in the code. Others keep it as it was there: slow ways,
/// branches, and what is tried.
pub(in crate::fast) type Names = FixedMap<Variable, Name>;

/// What the values of slots are seen to be on the way to where code is made.
#[derive(Clone, Default)]
pub(super) struct Seen {
    /// Slots that hold settled values; numbers.
    pub(super) settled: HashSet<Slot, FixedState>,
    pub(super) numbers: HashSet<Slot, FixedState>,
    /// Slots that hold such atoms. An argument of another kind makes an error, which goes on only
    /// where it is caught.
    pub(super) kinds: HashSet<(Slot, AtomKind), FixedState>,
    /// Slots that hold plain values of these types.
    pub(super) typed: HashSet<(Slot, TypeId), FixedState>,
}

impl Seen {
    /// Whether a slot holds what evaluating leaves as it is.
    pub(super) fn is_value(&self, slot: Slot) -> bool {
        self.settled.contains(&slot) || self.numbers.contains(&slot)
    }

    /// Another value may come into the slot.
    pub(super) fn forget(&mut self, slot: Slot) {
        self.settled.remove(&slot);
        self.numbers.remove(&slot);
        self.kinds.retain(|(of, _)| *of != slot);
        self.typed.retain(|(of, _)| *of != slot);
    }
}

/// What holds on one way through the code: another way from the same place goes back to it.
pub(super) struct Way {
    names: Names,
    defined: Vec<u64>,
    seen: Seen,
}

impl Compiler<'_> {
    /// Where another way is to begin.
    pub(super) fn way(&self) -> Way {
        Way {
            names: self.names.clone(),
            defined: self.defined.clone(),
            seen: self.seen.clone(),
        }
    }

    /// Goes on where another way began.
    pub(super) fn back(&mut self, way: Way) {
        Way {
            names: self.names,
            defined: self.defined,
            seen: self.seen,
        } = way;
    }
}

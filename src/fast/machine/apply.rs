//! Calls whose head is a value.

use super::Machine;
use crate::fast::applied::Applied;
use crate::fast::cell::{Cell, Kind};
use crate::fast::code::{ANY, Slot, TypeId};

impl Machine<'_> {
    /// The function for a call of so many arguments of what is most likely the name of
    /// something without types; `None` if it is anything else.
    #[inline(always)]
    pub(super) fn applied(&mut self, head: Cell, count: u8, expected: TypeId) -> Option<u32> {
        let head = self.heap.deref(head);
        match self.program.applied.find(head, count, expected) {
            None => self.applied_first(head, count, expected),
            found => found,
        }
    }

    #[inline(never)]
    fn applied_first(&mut self, head: Cell, count: u8, expected: TypeId) -> Option<u32> {
        let Kind::Sym(id) = head.kind() else {
            return None;
        };
        let is_special = head == self.heap.error
            || head == self.heap.empty
            || id == crate::atom::known().not_reducible.id();
        if is_special || !self.is_untyped(id) {
            return None;
        }
        if self.program.types_of_symbol(&self.heap, id).is_some() {
            return None;
        }
        let function = self.program.function(id, usize::from(count), expected);
        let applied = &mut self.program.applied;
        applied.note(head, count, expected, function);
        applied.note(head, Applied::UNTYPED, ANY, function);
        Some(function)
    }

    /// Whether a slot holds a name that is known to be without types.
    pub(super) fn is_known_untyped(&self, head: Slot, base: usize) -> bool {
        if head == Slot::MAX {
            return false;
        }
        let head = self.heap.deref(slot!(self, base, head));
        let applied = &self.program.applied;
        applied.find(head, Applied::UNTYPED, ANY).is_some()
    }
}

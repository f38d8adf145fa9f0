//! Lists of results in which some elements are still calls: these are evaluated one after the other,
//! and what they give takes their places.
//!
//! Code for such a list by its shape is made anew for each length, as a list has that grows by
//! `(cons-atom (f $x) $list)`. This takes as long as copying the list does, once.

use super::settle::Ask;
use super::walk::{INDEX, LIST};
use super::{Machine, Next};
use crate::fast::cell::{Cell, Header, Kind as Term};
use crate::fast::code::{ANY, ELEMENT, ELEMENT_TAKEN, Pc, RETURN, Slot, TypeId};
use crate::fast::heap::CONSTANTS;

/// The slot that says whether the list is a copy that nothing else refers to.
const OWN: usize = 2;
const FRAME: Slot = 3;
/// The slots that hold terms while an element is evaluated.
pub(in crate::fast) const LIVE: [u64; 1] = [1 << LIST | 1 << INDEX | 1 << OWN];

/// Shorter lists that begin with an expression have code by their shape; one that begins with a
/// number is a shape of its own. Tests without optimisation have it for pairs only, so that
/// the programs they run come here.
const SHORT: usize = if cfg!(debug_assertions) { 2 } else { 8 };

impl Machine<'_> {
    /// Begins with the elements of a list that is evaluated so; `None` if it is evaluated as a call.
    pub(super) fn elements_of(
        &mut self,
        value: Cell,
        expected: TypeId,
        pc: Pc,
        base: usize,
        size: Slot,
    ) -> Option<Next> {
        if expected != ANY || self.program.proving || self.watched {
            return None;
        }
        let first = self.first_call_in(value)?;
        let above = self.above(base, size);
        self.open_frame(above, FRAME, pc, base);
        self.stack[above + 2 + LIST] = value.0;
        self.stack[above + 2 + INDEX] = Cell::small(first as i32).0;
        self.stack[above + 2 + OWN] = Cell::FALSE.0;
        Some(Next::At(ELEMENT, above))
    }

    /// The place of the first element that is to be evaluated, of a list that is no call: its head is
    /// a value, or a call whose type is that of no function, and it has no variables.
    fn first_call_in(&mut self, list: Cell) -> Option<usize> {
        let (first, count) = self.heap.elements(list.at());
        if !self.heap.is_ground(list) {
            return None;
        }
        let head = self.heap.deref(self.heap.word(first));
        let found = match head.kind() {
            Term::Exp(_) if count > SHORT && !self.is_ruled(head, count) => self.type_of(head)?,
            Term::Int(_) | Term::Flt(_) | Term::Bool(_) | Term::Char(_) | Term::Box(_)
                if self.is_data_head(head, count) =>
            {
                self.type_of_head(head)?
            }
            _ => return None,
        };
        if self.program.value_types.is_function(found) {
            return None;
        }
        let place = self.next_call(first, count, 0);
        (place < count && self.are_calls_or_results(first, count)).then_some(place)
    }

    /// The next of the elements that is not settled; their number if all are.
    fn next_call(&self, first: usize, count: usize, from: usize) -> usize {
        (from..count)
            .find(|place| !self.is_settled(self.heap.word(first + place)))
            .unwrap_or(count)
    }

    /// Whether no element is `Empty` or an error.
    fn are_calls_or_results(&self, first: usize, count: usize) -> bool {
        (first..first + count).all(|at| !self.heap.ends(self.heap.deref(self.heap.word(at))))
    }

    /// Evaluates the element at hand.
    pub(super) fn evaluate_element(&mut self, base: usize) -> Next {
        let list = self.heap.deref(Cell(self.stack[base + 2 + LIST]));
        let place = Cell(self.stack[base + 2 + INDEX]).as_int() as usize;
        let (first, _) = self.heap.elements(list.at());
        let element = self.heap.word(first + place);
        self.settle_as_result(element, true, ANY, ELEMENT_TAKEN, base, FRAME)
    }

    /// Puts what an element was evaluated to into its place, and goes on to the next.
    pub(super) fn take_element(&mut self, base: usize) -> Next {
        let value = self.result;
        if self.heap.ends(value) {
            return self.leave(value, base);
        }
        let list = self.heap.deref(Cell(self.stack[base + 2 + LIST]));
        let place = Cell(self.stack[base + 2 + INDEX]).as_int() as usize;
        let is_own = Cell(self.stack[base + 2 + OWN]) == Cell::TRUE;
        let (first, count) = self.heap.elements(list.at());
        // What a choice goes back to has the list as it was.
        let list = if is_own && list.at() >= self.heap.old.max(CONSTANTS) {
            list
        } else {
            let copy = self.heap.begin(count);
            self.heap.cells.extend_from_within(first..first + count);
            Cell::expression(copy)
        };
        let first = list.at() + 1;
        self.heap.cells[first + place] = value.0;
        let next = self.next_call(first, count, place + 1);
        if next == count {
            return self.leave_list(list, base);
        }
        let target = self.frame_to_go_on(base, usize::from(FRAME), FRAME);
        self.stack[target + 2 + LIST] = list.0;
        self.stack[target + 2 + INDEX] = Cell::small(next as i32).0;
        self.stack[target + 2 + OWN] = Cell::TRUE.0;
        if self.heap.cells.len() >= self.collect_at {
            self.collect(target, usize::from(FRAME));
        }
        Next::At(ELEMENT, target)
    }

    /// Returns a list whose elements are results, which is data unless it is a call by now.
    fn leave_list(&mut self, list: Cell, base: usize) -> Next {
        let list = self.heap.finish(list.at(), 0);
        self.note_data(list);
        if self.heap.header(list.at()).has(Header::DATA) {
            return self.leave(list, base);
        }
        self.ask_plain(Ask::Changed, list, ANY, RETURN, base, 0)
    }
}

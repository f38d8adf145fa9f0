//! Lists of results in which some elements are still calls: these are evaluated one after the other,
//! and what they give takes their places.
//!
//! Code for such a list by its shape is made anew for each length, as a list has that grows by
//! `(cons-atom (f $x) $list)`. This takes as long as copying the list does, once.

use super::settle::Ask;
use super::walk::{INDEX, LIST};
use super::{HEIGHT, Machine, Next, Settled};
use crate::fast::cell::{Cell, Header, Kind as Term};
use crate::fast::code::{ANY, ELEMENT, ELEMENT_TAKEN, Of, Pc, RETURN, Slot, TypeId};
use crate::fast::heap::CONSTANTS;

/// The slot that says whether the list is a copy that nothing else refers to.
const OWN: usize = 2;
const FRAME: Slot = 3;
/// The slots that hold terms while an element is evaluated.
pub(in crate::fast) const LIVE: [u64; 1] = [1 << LIST | 1 << INDEX | 1 << OWN];

/// Shorter lists have code by their shape. Tests without optimisation have it for pairs only, so that
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
        self.stack.reserve(above + 2 + usize::from(FRAME));
        self.stack[above] = (u64::from(pc) << 32) | base as u64;
        self.stack[above + 1] = ((self.choices.len() as u64) << HEIGHT) | above as u64;
        self.stack[above + 2 + LIST] = value.0;
        self.stack[above + 2 + INDEX] = Cell::small(first as i32).0;
        self.stack[above + 2 + OWN] = Cell::FALSE.0;
        Some(Next::At(ELEMENT, above))
    }

    /// The place of the first element that is to be evaluated, of a list that is no call: its head is
    /// a value, or a call whose type is that of no function, and it has no variables.
    fn first_call_in(&mut self, list: Cell) -> Option<usize> {
        let (first, count) = self.heap.elements(list.at());
        if count <= SHORT || !self.heap.is_ground(list) {
            return None;
        }
        let head = self.heap.deref(self.heap.word(first));
        let is_list = match head.kind() {
            Term::Exp(_) => {
                !self.program.expression_rules && !self.heap.is_error(head) && {
                    let found = self.type_of(head)?;
                    !self.program.value_types.is_function(found)
                }
            }
            Term::Int(_) | Term::Flt(_) | Term::Bool(_) | Term::Box(_) => {
                self.is_data_head(head, count) && {
                    let found = self.type_of_head(head)?;
                    !self.program.value_types.is_function(found)
                }
            }
            Term::Sym(_) | Term::Ref(_) => false,
        };
        let place = is_list.then(|| self.next_call(first, count, 0))?;
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
        let role = (true, Of::Element);
        match self.settle(element, ANY, role, ELEMENT_TAKEN, base, FRAME) {
            Settled::Value(value) if value == self.heap.empty => Next::Fail,
            Settled::Value(value) => {
                self.result = value;
                Next::At(ELEMENT_TAKEN, base)
            }
            Settled::Called(to, frame) => Next::At(to, frame),
            Settled::Next(next) => next,
        }
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
        let mut target = base;
        if base < self.protected {
            target = self.protected;
            self.stack.reserve(target + 2 + usize::from(FRAME));
            self.stack.copy_within(base..base + 2, target);
        }
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
        self.ask_plain(Ask::Call, list, ANY, RETURN, base, 0)
    }
}

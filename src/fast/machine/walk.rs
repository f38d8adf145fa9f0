//! Lists gone through element by element, and the lists that come of it.

use super::{Machine, Next};
use crate::atom::Atom;
use crate::fast::cell::{Cell, Header};
use crate::fast::code::{Operands, Pc, Slot};
use crate::fast::heap::Heap;

/// The frame of a walk: its list, the place of the next element, what there is so far.
pub(super) const LIST: usize = 0;
pub(super) const INDEX: usize = 1;
pub(super) const SO_FAR: usize = 2;

impl Machine<'_> {
    /// Puts the operands into the first slots of a new frame.
    pub(super) fn begin_walk(
        &mut self,
        operands: Operands,
        base: usize,
        above: usize,
        frame: Slot,
    ) {
        self.stack.reserve(above + 2 + usize::from(frame));
        let count = self.program.operands[operands.0 as usize].0 as usize;
        for i in 0..count {
            let operand = self.program.operands[operands.0 as usize + 1 + i];
            self.stack[above + 2 + i] = self.operand(base, operand).0;
        }
    }

    /// Whether the element at hand is the first.
    pub(super) fn is_first_item(&self, base: usize) -> bool {
        Cell(self.stack[base + 2 + INDEX]) == Cell::small(0)
    }

    /// Whether a value ends the evaluation of what it is a part of.
    #[inline(always)]
    pub(super) fn ends(&self, value: Cell) -> bool {
        self.heap.ends(value)
    }

    /// Goes on with the next element, in the same frame unless a choice keeps it.
    pub(super) fn again(
        &mut self,
        to: Pc,
        base: usize,
        (next, so_far): (Slot, Slot),
        (count, frame): (Slot, Slot),
    ) -> Next {
        let next = self.stack[base + 2 + usize::from(next)];
        let so_far = self
            .heap
            .deref(Cell(self.stack[base + 2 + usize::from(so_far)]));
        let count = usize::from(count);
        let target = self.frame_to_go_on(base, count, frame);
        self.stack[target + 2 + INDEX] = next;
        self.stack[target + 2 + SO_FAR] = so_far.0;
        if self.heap.cells.len() >= self.collect_at {
            self.collect(target, count);
        }
        Next::At(to, target)
    }

    /// The frame that a loop goes on in: the same or, if a choice keeps that, another of `frame`
    /// slots, of which the first `count` are as they were.
    pub(super) fn frame_to_go_on(&mut self, base: usize, count: usize, frame: Slot) -> usize {
        if base >= self.protected {
            return base;
        }
        let target = self.protected;
        self.stack.reserve(target + 2 + usize::from(frame));
        self.stack.copy_within(base..base + 2 + count, target);
        target
    }

    /// The list of what was pushed; whether it is no call that a rule may be for.
    pub(super) fn list(&mut self, so_far: Cell) -> (Cell, bool) {
        let mut count = 0;
        let mut rest = so_far;
        while self.heap.header(rest.at()).arity() == 2 {
            count += 1;
            rest = self.heap.word(rest.at() + 1);
        }
        let at = self.heap.begin(count);
        let end = at + 1 + count;
        self.heap.cells.resize(end, 0);
        let mut rest = so_far;
        for place in (at + 1..end).rev() {
            self.heap.cells[place] = self.heap.cells[rest.at() + 2];
            rest = self.heap.word(rest.at() + 1);
        }
        let list = self.heap.finish(at, 0);
        self.note_data(list);
        let is_data = self.heap.header(list.at()).has(Header::DATA) || count == 0;
        (
            list,
            is_data || self.is_data_head(self.heap.word(at + 1), count),
        )
    }

    /// The error of a condition that is neither `True` nor `False`.
    pub(super) fn no_truth(&mut self, call: Cell, value: Cell) -> Cell {
        let (call, value) = (self.heap.export(call), self.heap.export(value));
        let text = format!("filter-atom expects a condition that is True or False, not {value}");
        let error = Atom::error(call, Atom::symbol(&text));
        self.heap.import(&error)
    }
}

impl Heap {
    /// What there is so far and one more.
    #[inline(always)]
    pub(super) fn push(&mut self, so_far: Cell, value: Cell) -> Cell {
        let value = self.deref(value);
        let at = self.begin(2);
        self.cells.push(so_far.0);
        self.cells.push(value.0);
        self.finish(at, 0)
    }

    /// Whether a value ends the evaluation of what it is a part of.
    #[inline(always)]
    pub(super) fn ends(&self, value: Cell) -> bool {
        value == self.empty || self.is_error(value)
    }
}

//! Expressions: built, taken apart, and whether they are data.

use super::Machine;
use crate::fast::cell::{Cell, Header, Kind as Term};
use crate::fast::code::{ANY, Operands};
use crate::fast::compile;
use crate::fast::program::State;

impl Machine<'_> {
    pub(super) fn parts(&self, list: Cell) -> Option<(usize, usize)> {
        list.is_exp().then(|| self.heap.elements(list.at()))
    }

    /// Notes of an expression that was just made whether it evaluates to itself.
    pub(super) fn note_data(&mut self, list: Cell) {
        let (first, count) = self.heap.elements(list.at());
        if !self.heap.is_ground(list)
            || !(0..count).all(|i| self.is_settled(self.heap.word(first + i)))
        {
            return;
        }
        let flags = if count == 0 || self.is_data_head(self.heap.word(first), count) {
            Header::DATA
        } else {
            Header::ELEMENTS
        };
        self.heap.cells[list.at()] |= flags;
    }

    /// Whether a value is no call and no error, and never evaluated again.
    pub(super) fn is_settled(&self, cell: Cell) -> bool {
        let cell = self.heap.deref(cell);
        if cell.is_exp() {
            let header = self.heap.header(cell.at());
            header.has(Header::EVALUATED) && !header.has(Header::ERROR)
        } else {
            cell != self.heap.empty
        }
    }

    /// Whether expressions of `count` elements with this head are data, if their
    /// elements are.
    pub(super) fn is_data_head(&mut self, head: Cell, count: usize) -> bool {
        match head.kind() {
            Term::Int(_) | Term::Flt(_) | Term::Bool(_) => !self.program.expression_rules,
            Term::Box(_) => {
                !self.program.expression_rules && self.heap.box_of(head).as_operation().is_none()
            }
            Term::Sym(id) => {
                head != self.heap.error && head != self.heap.empty && self.is_data_symbol(id, count)
            }
            Term::Exp(at) => {
                !self.program.expression_rules
                    && self.heap.header(at).has(Header::DATA)
                    && self.heap.header(at).arity() > 0
            }
            Term::Ref(_) => false,
        }
    }

    /// Whether no rule, type or operation is for calls of this symbol.
    pub(super) fn is_data_symbol(&mut self, id: u32, count: usize) -> bool {
        if let Some(known) = self.program.data_heads.get(&(id, count)) {
            return *known;
        }
        let is_data = self.sees_data_symbol(id, count);
        self.program.data_heads.insert((id, count), is_data);
        is_data
    }

    fn sees_data_symbol(&mut self, id: u32, count: usize) -> bool {
        if !self.program.is_untyped(self.host, &mut self.heap, id) {
            return false;
        }
        let function = self.program.function(id, count - 1, ANY);
        if self.program.functions[function as usize].state.is_unsure() {
            compile::function(self.host, &mut self.heap, &mut self.program, function);
        }
        self.program.functions[function as usize].state == State::Data
    }

    #[inline(never)]
    pub(super) fn build(&mut self, operands: Operands, base: usize, flags: u64) -> Cell {
        let at = operands.0 as usize;
        let count = self.program.operands[at].0 as usize;
        let place = self.heap.begin(count);
        // What holds of all elements: they are ground, they are results.
        let mut all = Header::GROUND | Header::EVALUATED;
        let mut head = 0;
        self.heap.cells.reserve(count);
        let operands = &self.program.operands[at + 1..at + 1 + count];
        for (i, operand) in operands.iter().enumerate() {
            let value = self.heap.deref(self.operand(base, *operand));
            if value.is_exp() {
                let header = self.heap.header(value.at()).0;
                // A head is evaluated as it is.
                all &= if i == 0 {
                    header | Header::EVALUATED
                } else {
                    header
                };
            } else if value.is_ref() {
                all &= !Header::GROUND;
            }
            if i == 0 {
                head = value.0;
            }
            self.heap.cells.push(value.0);
        }
        let mut flags = if all & Header::EVALUATED != 0 {
            flags
        } else {
            0
        };
        if all & Header::GROUND != 0 {
            flags |= Header::GROUND;
        } else {
            flags &= !Header::ELEMENTS;
        }
        if count > 0 && head == self.heap.error.0 {
            flags |= Header::ERROR;
        }
        self.heap.cells[place] = Header::new(count, flags).0;
        Cell::expression(place)
    }

    /// The list without its first element.
    #[inline(never)]
    pub(super) fn rest(&mut self, list: Cell) -> Cell {
        let rest = self.heap.tail(list.at(), 1);
        if self.heap.header(list.at()).has(Header::ELEMENTS) {
            let (first, count) = self.heap.elements(rest.at());
            if count == 0 || self.is_data_head(self.heap.deref(self.heap.word(first)), count) {
                self.heap.cells[rest.at()] |= Header::DATA;
            }
        }
        rest
    }
}

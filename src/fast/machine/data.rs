//! Expressions: built, taken apart, and whether they are data.

use super::Machine;
use crate::atom::Atom;
use crate::fast::cell::{Cell, Header, Kind as Term};
use crate::fast::code::{ANY, Operands};
use crate::fast::compile;
use crate::fast::program::{Head, State};

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

    /// Whether calls of the symbol have their elements evaluated and are then looked for
    /// among the rules.
    pub(super) fn is_untyped(&mut self, id: u32) -> bool {
        let head = match self.program.known_head(id) {
            Some(head) => head,
            None => {
                let atom = Atom::Symbol(self.heap.symbol_of(id));
                &self.program.head(self.host, &mut self.heap, &atom)
            }
        };
        matches!(head, Head::Untyped)
    }

    /// Whether no rule, type or operation is for calls of this symbol.
    pub(super) fn is_data_symbol(&mut self, id: u32, count: usize) -> bool {
        if !self.is_untyped(id) {
            return false;
        }
        let function = self.program.function(id, count - 1, ANY);
        if self.program.functions[function as usize].state.is_unsure() {
            compile::function(self.host, &mut self.heap, &mut self.program, function);
        }
        self.program.functions[function as usize].state == State::Data
    }

    pub(super) fn build(&mut self, operands: Operands, base: usize, flags: u64) -> Cell {
        let at = operands.0 as usize;
        let count = self.program.operands[at].0 as usize;
        let place = self.heap.begin(count);
        let mut settled = true;
        for i in 0..count {
            let operand = self.program.operands[at + 1 + i];
            let value = self.operand(base, operand);
            let value = self.heap.deref(value);
            if flags != 0 && value.is_exp() && i > 0 {
                settled &= self.heap.header(value.at()).has(Header::EVALUATED);
            }
            self.heap.cells.push(value.0);
        }
        self.heap.finish(place, if settled { flags } else { 0 })
    }

    /// The list with one more element before it.
    pub(super) fn cons(&mut self, first: Cell, rest: Cell) -> Cell {
        let (first, rest) = (self.heap.deref(first), self.heap.deref(rest));
        let header = self.heap.header(rest.at());
        let settled = self.is_settled(first)
            && self.heap.is_ground(first)
            && (header.has(Header::ELEMENTS) || header.arity() == 0);
        let list = self.heap.prepend(first, rest.at());
        if settled {
            let count = header.arity() + 1;
            let flags = if self.is_data_head(first, count) {
                Header::DATA
            } else {
                Header::ELEMENTS
            };
            self.heap.cells[list.at()] |= flags;
        }
        list
    }

    /// The list without its first element.
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

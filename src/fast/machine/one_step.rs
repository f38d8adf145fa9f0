//! One step of a call, as `eval` makes it: what a rule gives, which is not evaluated.

use super::settle::Ask;
use super::{Machine, Next};
use crate::atom::{Atom, Grounded, known};
use crate::evaluate::is_instruction;
use crate::fast::cell::{Cell, Kind};
use crate::fast::code::{ANY, Pc, STEP, Slot};
use crate::fast::head::Head;
use crate::fast::program::Inline;

impl Machine<'_> {
    /// Makes one step of a call: by code for what its rules give, or by the plain evaluator.
    pub(super) fn one_step(&mut self, call: Cell, pc: Pc, base: usize, size: Slot) -> Next {
        let Some((name, first, count)) = self.stepped(call) else {
            return match self.computed_step(call) {
                Some(value) => {
                    self.result = value;
                    Next::At(pc, base)
                }
                None => self.plain_step(call, pc, base, size),
            };
        };
        let function = self.function_of(name, count, STEP);
        let above = self.above(base, size);
        self.stack.reserve(above + 2 + count);
        for place in 0..count {
            self.stack[above + 2 + place] = self.heap.word(first + place).0;
        }
        self.enter(function, above, pc, base, self.choices.len() as u64)
    }

    /// The name that a call is of, where its arguments begin and how many they are, if it is one
    /// that there may be rules for, and is no operation.
    fn stepped(&mut self, call: Cell) -> Option<(u32, usize, usize)> {
        if !call.is_exp() {
            return None;
        }
        let (first, count) = self.heap.elements(call.at());
        if count == 0 {
            return None;
        }
        let head = self.heap.deref(self.heap.word(first));
        let Kind::Sym(name) = head.kind() else {
            return None;
        };
        let has_rules = |head: &Head| matches!(head, Head::Untyped | Head::Typed(_));
        let is_function = match self.program.known_head(name) {
            Some(known) => has_rules(known),
            None => {
                let atom = Atom::Symbol(self.heap.symbol_of(name));
                let head = self.program.passing_head(self.host, &mut self.heap, &atom);
                has_rules(&head)
            }
        };
        is_function.then_some((name, first + 1, count - 1))
    }

    /// One step of arithmetic or a comparison, if both arguments are numbers.
    fn computed_step(&mut self, call: Cell) -> Option<Cell> {
        if !call.is_exp() || self.program.proving {
            return None;
        }
        let (first, count) = self.heap.elements(call.at());
        if count != 3 {
            return None;
        }
        let head = self.heap.deref(self.heap.word(first));
        if !head.is_box() {
            return None;
        }
        let Atom::Grounded(Grounded::Operation(operation)) = self.heap.box_of(head) else {
            return None;
        };
        let (left, right) = (self.heap.word(first + 1), self.heap.word(first + 2));
        match self.program.inline(operation)? {
            Inline::Arithmetic(operation) => self.compute(operation, left, right),
            Inline::Comparison(operation) => {
                let holds = self.compare_numbers(operation, left, right)?;
                Some(Cell::boolean(holds))
            }
            _ => None,
        }
    }

    /// One step of a call by the plain evaluator.
    pub(super) fn plain_step(&mut self, call: Cell, pc: Pc, base: usize, size: Slot) -> Next {
        let eval = self.heap.begin(2);
        let name = self.heap.symbol(&known().eval);
        self.heap.cells.extend([Cell::symbol(name).0, call.0]);
        let eval = self.heap.finish(eval, 0);
        let pair = self.heap.begin(2);
        self.heap.cells.extend([call.0, eval.0]);
        let pair = self.heap.finish(pair, 0);
        self.ask_plain(Ask::Step, pair, ANY, pc, base, size)
    }

    /// Whether one step gave nothing to go on with.
    pub(super) fn is_no_step(&self, value: Cell) -> bool {
        value == self.heap.not_reducible || value == self.heap.empty
    }

    /// Whether it is an instruction.
    pub(super) fn is_run(&self, value: Cell) -> bool {
        if !value.is_exp() {
            return false;
        }
        let (first, count) = self.heap.elements(value.at());
        count > 0
            && match self.heap.deref(self.heap.word(first)).kind() {
                Kind::Sym(name) => is_instruction(&self.heap.symbol_of(name)),
                _ => false,
            }
    }
}

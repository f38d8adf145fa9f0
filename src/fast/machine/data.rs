//! Expressions: built, taken apart, and whether they are data.

use std::sync::Arc;

use smallvec::SmallVec;

use super::Machine;
use crate::atom::{Atom, Variable};
use crate::fast::cell::{Cell, Header, Kind as Term};
use crate::fast::code::{ANY, Operands, TypeId};
use crate::fast::compile;
use crate::fast::function::State;
use crate::fast::head::Head;
use crate::fast::value::PLAIN;

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
    pub(in crate::fast) fn is_data_head(&mut self, head: Cell, count: usize) -> bool {
        match head.kind() {
            Term::Int(_) | Term::Flt(_) | Term::Bool(_) | Term::Char(_) => {
                !self.program.value_rules.has(count)
            }
            Term::Box(_) => {
                !self.program.value_rules.has(count)
                    && self.heap.box_of(head).as_operation().is_none()
            }
            Term::Sym(id) => {
                head != self.heap.error && head != self.heap.empty && self.is_data_symbol(id, count)
            }
            Term::Exp(at) => {
                let header = self.heap.header(at);
                !self.is_ruled(head, count) && (header.has(Header::DATA) || header.arity() == 0)
            }
            Term::Ref(_) => false,
        }
    }

    /// Whether calls of the symbol have their elements evaluated and are then looked for
    /// among the rules.
    pub(super) fn is_untyped(&mut self, id: u32) -> bool {
        if let Some(head) = self.program.known_head(id) {
            return matches!(head, Head::Untyped);
        }
        if let Some(is_untyped) = self.program.passing.get(id, 0) {
            return is_untyped;
        }
        let symbol = self.heap.symbol_of(id);
        let is_untyped = self.program.is_unsaid(self.host, id) || {
            let atom = Atom::Symbol(symbol.clone());
            let head = self.program.passing_head(self.host, &mut self.heap, &atom);
            matches!(head, Head::Untyped)
        };
        self.program.passing.insert(symbol, 0, is_untyped);
        is_untyped
    }

    /// Whether no rule, type or operation is for calls of this symbol.
    pub(super) fn is_data_symbol(&mut self, id: u32, count: usize) -> bool {
        if let Some(known) = self.program.data_heads.get(id, count) {
            return known;
        }
        let is_data = self.sees_data_symbol(id, count);
        let symbol = self.heap.symbol_of(id);
        self.program.data_heads.insert(symbol, count, is_data);
        is_data
    }

    fn sees_data_symbol(&mut self, id: u32, count: usize) -> bool {
        if !self.program.is_unsaid(self.host, id) && !self.is_untyped(id) {
            return false;
        }
        let known = self.program.known_function(id, count - 1, ANY);
        if known.is_none() && !self.program.open_rules && !self.program.has_rules_of(id, count - 1)
        {
            return true;
        }
        let function = self.function_of(id, count - 1, ANY);
        if self.program.functions[function as usize].state.is_unsure() {
            compile::function(self.host, &mut self.heap, &mut self.program, function);
        }
        self.program.functions[function as usize].state == State::Data
    }

    /// The function of a name, which stays in use then.
    pub(super) fn function_of(&mut self, id: u32, arity: usize, expected: TypeId) -> u32 {
        match self.program.known_function(id, arity, expected) {
            Some(function) => function,
            None => {
                let symbol = self.heap.symbol_of(id);
                self.heap.symbol(&symbol);
                self.program.function(id, arity, expected)
            }
        }
    }

    /// An atom with the values that its variables have in a frame.
    #[inline(never)]
    pub(super) fn instantiate(&mut self, template: u32, base: usize) -> Cell {
        let template = Arc::clone(&self.program.templates[template as usize]);
        let frame = &self.stack[base + 2..];
        let values: SmallVec<[(&Variable, Cell); 8]> = template
            .variables()
            .iter()
            .map(|(variable, slot)| (variable, Cell(frame[usize::from(*slot)])))
            .collect();
        let mut fresh: Vec<(Variable, Cell)> = Vec::new();
        self.heap
            .import_with(&template.atom, &mut |heap, variable| {
                if let Some((_, value)) = values.iter().find(|(known, _)| *known == variable) {
                    let value = heap.deref(*value);
                    if value.is_ref() {
                        heap.name(value.at(), variable);
                    }
                    if value.is_exp() && template.made.contains(variable) {
                        return heap.not_evaluated(value);
                    }
                    return value;
                }
                if let Some((_, value)) = fresh.iter().find(|(known, _)| known == variable) {
                    return *value;
                }
                let value = heap.variable();
                heap.name(value.at(), variable);
                fresh.push((variable.clone(), value));
                value
            })
    }

    /// Builds an expression that is data if its elements are results; `open` if they have variables
    /// in them. Its head is a symbol.
    #[inline(always)]
    pub(super) fn build_data(
        &mut self,
        operands: Operands,
        base: usize,
        open: u64,
        whole: u64,
    ) -> Cell {
        let at = operands.0 as usize;
        let count = self.program.operands[at].0 as usize;
        let operands = &self.program.operands[at + 1..at + 1 + count];
        let slots = &self.stack[base + 2..];
        let place = self.heap.cells.len();
        let header = Header::new(count, Header::GROUND | Header::EVALUATED | whole).0;
        self.heap.cells.reserve(count + 1);
        self.heap.cells.push(header);
        let mut all = Header::GROUND | Header::EVALUATED;
        for operand in operands {
            let mut value = if operand.is_constant() {
                self.program.constants[operand.index()]
            } else {
                Cell(slots[operand.index()])
            };
            if value.is_ref() {
                value = self.heap.deref(value);
                if value.is_ref() {
                    all &= !Header::GROUND;
                }
            }
            if value.is_exp() {
                all &= self.heap.cells[value.at()];
            }
            self.heap.cells.push(value.0);
        }
        let head = self.heap.cells[place + 1];
        if all != Header::GROUND | Header::EVALUATED || head == self.heap.error.0 {
            let mut flags = all & Header::GROUND;
            if all & Header::EVALUATED != 0 {
                flags |= Header::EVALUATED;
                flags |= match flags & Header::GROUND {
                    0 => open,
                    _ => whole,
                };
            }
            return self.close(place, flags);
        }
        Cell::expression(place)
    }

    /// A call that no rule is for, of at most three evaluated arguments.
    pub(super) fn make_call(&mut self, function: u32, values: [Cell; 3]) -> Cell {
        let entry = &self.program.functions[function as usize];
        let made = self.heap.make_call(&self.program, entry, values);
        if !self.heap.is_made(entry, made) {
            self.look_at_made(made, entry.elements);
        }
        made
    }

    /// Notes the type of a call that no rule is for and whose elements tell its type.
    pub(super) fn note_type_of_made(&mut self, function: u32, made: Cell) {
        let entry = &self.program.functions[function as usize];
        let elements = entry.elements;
        let header = self.heap.header(made.at());
        let noted = header.has(Header::DATA | Header::GROUND)
            && (self.heap.note_type_of_made(&self.program, entry, made)).is_some();
        if !noted {
            self.look_at_made(made, elements);
        }
    }

    /// As [`Machine::build_data`], with its type, if it is of that whatever its elements are.
    #[cold]
    #[inline(never)]
    pub(super) fn build_noted_data(
        &mut self,
        operands: Operands,
        base: usize,
        data_type: u16,
        (open, whole): (u64, u64),
    ) -> Cell {
        let built = self.build_data(operands, base, open, whole);
        self.heap.note_type_of_data(built, data_type);
        built
    }

    /// Builds an expression; `flags` hold if its elements are results.
    #[inline(never)]
    pub(super) fn build(&mut self, operands: Operands, base: usize, flags: u64) -> Cell {
        let (place, all) = self.put(operands, base);
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
        self.close(place, flags)
    }

    /// Builds an expression of a block.
    #[inline(never)]
    pub(super) fn build_block(&mut self, block: u32, base: usize) -> Cell {
        let block = &self.program.blocks[block as usize];
        self.heap.copy_block(block, &self.stack[base + 2..])
    }

    /// Builds an expression that is a result whatever its elements are.
    #[inline(never)]
    pub(super) fn build_result(&mut self, operands: Operands, base: usize) -> Cell {
        let (place, all) = self.put(operands, base);
        self.close(place, all & Header::GROUND | Header::EVALUATED)
    }

    /// Builds an expression that is data if its elements are, and its head no symbol or
    /// the name of `function`, for which there must be no rules.
    #[inline(never)]
    pub(super) fn build_noted(&mut self, operands: Operands, base: usize, function: u32) -> Cell {
        let (place, all) = self.put(operands, base);
        let mut flags = all & Header::GROUND;
        if all == PLAIN {
            let (first, count) = self.heap.elements(place);
            flags |= self
                .program
                .noted_data(self.heap.word(first), count, function);
        }
        self.close(place, flags)
    }

    /// Puts an expression on the heap, but for what its header says; and what holds of
    /// all its elements. A head is as it is.
    #[inline(always)]
    fn put(&mut self, operands: Operands, base: usize) -> (usize, u64) {
        let at = operands.0 as usize;
        let count = self.program.operands[at].0 as usize;
        let operands = &self.program.operands[at + 1..at + 1 + count];
        let slots = &self.stack[base + 2..];
        let place = self.heap.cells.len();
        self.heap.cells.reserve(count + 1);
        self.heap.cells.push(Header::new(count, 0).0);
        let mut all = PLAIN;
        for (i, operand) in operands.iter().enumerate() {
            let value = if operand.is_constant() {
                self.program.constants[operand.index()]
            } else {
                self.heap.deref(Cell(slots[operand.index()]))
            };
            all &= self.heap.noted(value, i == 0);
            self.heap.cells.push(value.0);
        }
        (place, all)
    }

    #[inline(never)]
    fn close(&mut self, place: usize, mut flags: u64) -> Cell {
        let count = self.heap.header(place).arity();
        if count > 0 && self.heap.cells[place + 1] == self.heap.error.0 {
            flags = flags & !Header::OPEN | Header::ERROR;
        }
        self.heap.cells[place] = Header::new(count, flags).0;
        Cell::expression(place)
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

    /// The elements of one list, and behind them those of another.
    pub(super) fn union(&mut self, left: Cell, right: Cell) -> Cell {
        let (first, count) = self.heap.elements(left.at());
        let (second, others) = self.heap.elements(right.at());
        let both = self.heap.header(left.at()).0 & self.heap.header(right.at()).0;
        let count_of_all = count + others;
        let list = self.heap.begin(count_of_all);
        self.heap.cells.extend_from_within(first..first + count);
        self.heap.cells.extend_from_within(second..second + others);
        let mut flags = both & (Header::GROUND | Header::ELEMENTS);
        if flags == Header::GROUND | Header::ELEMENTS
            && (count_of_all == 0 || self.is_data_head(self.heap.word(list + 1), count_of_all))
        {
            flags |= Header::DATA;
        }
        self.close(list, flags)
    }
}

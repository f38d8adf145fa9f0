//! Expressions: built, taken apart, and whether they are data.

use std::sync::Arc;

use smallvec::SmallVec;

use super::Machine;
use crate::atom::{Atom, Variable};
use crate::fast::cell::{Cell, Header, Kind as Term};
use crate::fast::code::{ANY, Operands};
use crate::fast::compile;
use crate::fast::program::{Function, Head, State};

/// Ground, evaluated; and, turned round, no error.
const PLAIN: u64 = Header::GROUND | Header::EVALUATED | Header::ERROR;

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
        if let Some(known) = self.program.data_heads.get(id, count) {
            return known;
        }
        let is_data = self.sees_data_symbol(id, count);
        self.program.data_heads.insert(id, count, is_data);
        is_data
    }

    fn sees_data_symbol(&mut self, id: u32, count: usize) -> bool {
        if !self.is_untyped(id) {
            return false;
        }
        let function = self.program.function(id, count - 1, ANY);
        if self.program.functions[function as usize].state.is_unsure() {
            compile::function(self.host, &mut self.heap, &mut self.program, function);
        }
        self.program.functions[function as usize].state == State::Data
    }

    /// An atom with the values that its variables have in a frame.
    #[inline(never)]
    pub(super) fn instantiate(&mut self, template: u32, base: usize) -> Cell {
        let template = Arc::clone(&self.program.templates[template as usize]);
        let frame = &self.stack[base + 2..];
        let values: SmallVec<[(&Variable, Cell); 8]> = template
            .variables
            .iter()
            .map(|(variable, slot)| (variable, Cell(frame[usize::from(*slot)])))
            .collect();
        let mut fresh: Vec<(Variable, Cell)> = Vec::new();
        self.heap
            .import_with(&template.atom, &mut |heap, variable| {
                if let Some((_, value)) = values.iter().find(|(known, _)| *known == variable) {
                    return heap.deref(*value);
                }
                if let Some((_, value)) = fresh.iter().find(|(known, _)| known == variable) {
                    return *value;
                }
                let value = heap.variable();
                fresh.push((variable.clone(), value));
                value
            })
    }

    /// Builds an expression that is data if its elements are results. Its head is a symbol.
    #[inline(always)]
    pub(super) fn build_data(&mut self, operands: Operands, base: usize) -> Cell {
        let at = operands.0 as usize;
        let count = self.program.operands[at].0 as usize;
        let operands = &self.program.operands[at + 1..at + 1 + count];
        let slots = &self.stack[base + 2..];
        let place = self.heap.cells.len();
        let header = Header::new(count, Header::GROUND | Header::DATA).0;
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
                if flags & Header::GROUND != 0 {
                    flags |= Header::ELEMENTS;
                }
            }
            return self.close(place, flags);
        }
        Cell::expression(place)
    }

    /// A call that no rule is for, of at most three evaluated arguments.
    #[inline(always)]
    pub(super) fn make_call(&mut self, function: u32, values: [Cell; 3]) -> Cell {
        let entry = &self.program.functions[function as usize];
        let (arity, data_type) = (entry.arity, entry.data_type);
        let name = Cell::symbol(entry.symbol).0;
        let [mut a, mut b, mut c] = values;
        let mut all = Header::GROUND | Header::EVALUATED;
        self.look_at(&mut a, &mut all);
        let made = match arity {
            1 => {
                let header = data_header(2, all);
                self.heap.put([header, name, a.0])
            }
            2 => {
                self.look_at(&mut b, &mut all);
                let header = data_header(3, all);
                self.heap.put([header, name, a.0, b.0])
            }
            _ => {
                self.look_at(&mut b, &mut all);
                self.look_at(&mut c, &mut all);
                let header = data_header(4, all);
                self.heap.put([header, name, a.0, b.0, c.0])
            }
        };
        self.heap.note_type_of_data(made, data_type);
        made
    }

    /// Follows an element; what does not hold of it, does not of all.
    #[inline(always)]
    pub(super) fn look_at(&self, element: &mut Cell, all: &mut u64) {
        if element.is_exp() {
            *all &= self.heap.cells[element.at()];
        } else if element.is_ref() {
            *element = self.heap.deref(*element);
            if element.is_ref() {
                *all &= !Header::GROUND;
            } else if element.is_exp() {
                *all &= self.heap.cells[element.at()];
            }
        }
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
            flags |= self.noted_data(Cell(self.heap.cells[place + 1]), function);
        }
        self.close(place, flags)
    }

    /// As [`Machine::build_noted`], of `count` elements that are at most three, before which
    /// the name of `function` comes, if there is one; that is not `Error`.
    #[inline(never)]
    pub(super) fn make_noted_of(&mut self, values: [Cell; 3], count: u8, function: u32) -> Cell {
        let [mut a, mut b, mut c] = values;
        if function == Function::NONE {
            let mut all = self.follow_noted(&mut a, true);
            if count > 1 {
                all &= self.follow_noted(&mut b, false);
            }
            if count > 2 {
                all &= self.follow_noted(&mut c, false);
            }
            let mut flags = self.noted_flags(all, a, function);
            if a == self.heap.error {
                flags |= Header::ERROR;
            }
            let header = Header::new(usize::from(count), flags).0;
            return match count {
                1 => self.heap.put([header, a.0]),
                2 => self.heap.put([header, a.0, b.0]),
                _ => self.heap.put([header, a.0, b.0, c.0]),
            };
        }
        let name = Cell::symbol(self.program.functions[function as usize].symbol);
        let mut all = self.follow_noted(&mut a, false);
        if count > 1 {
            all &= self.follow_noted(&mut b, false);
        }
        if count > 2 {
            all &= self.follow_noted(&mut c, false);
        }
        let flags = self.noted_flags(all, name, function);
        let header = Header::new(usize::from(count) + 1, flags).0;
        match count {
            1 => self.heap.put([header, name.0, a.0]),
            2 => self.heap.put([header, name.0, a.0, b.0]),
            _ => self.heap.put([header, name.0, a.0, b.0, c.0]),
        }
    }

    #[inline(always)]
    fn follow_noted(&self, element: &mut Cell, is_head: bool) -> u64 {
        *element = self.heap.deref(*element);
        self.noted(*element, is_head)
    }

    #[inline(always)]
    fn noted_flags(&self, all: u64, head: Cell, function: u32) -> u64 {
        let mut flags = all & Header::GROUND;
        if all & PLAIN == PLAIN {
            flags |= self.noted_data(head, function);
        }
        flags
    }

    /// What is noted of an element: as [`PLAIN`].
    #[inline(always)]
    fn noted(&self, element: Cell, is_head: bool) -> u64 {
        if element.is_exp() {
            let header = self.heap.cells[element.at()];
            let header = if is_head {
                header | Header::EVALUATED
            } else {
                header
            };
            // Errors and `Empty` are results, but no parts of data.
            header ^ Header::ERROR
        } else if element.is_ref() {
            !Header::GROUND
        } else if element == self.heap.empty {
            !Header::ERROR
        } else {
            !0
        }
    }

    /// What holds of an expression of plain elements, by its head.
    #[inline(always)]
    fn noted_data(&self, head: Cell, function: u32) -> u64 {
        let is_data = if function == Function::NONE {
            (head.is_int() || head.is_bool()) && !self.program.expression_rules
        } else {
            self.program.functions[function as usize].state == State::Data
        };
        if is_data { Header::DATA } else { 0 }
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
            all &= self.noted(value, i == 0);
            self.heap.cells.push(value.0);
        }
        (place, all)
    }

    #[inline(never)]
    fn close(&mut self, place: usize, mut flags: u64) -> Cell {
        let count = self.heap.header(place).arity();
        if count > 0 && self.heap.cells[place + 1] == self.heap.error.0 {
            flags |= Header::ERROR;
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
}

/// The header of data, by what holds of all its elements.
#[inline(always)]
pub(super) fn data_header(arity: usize, all: u64) -> u64 {
    const BOTH: u64 = Header::GROUND | Header::EVALUATED;
    let mut flags = all & BOTH;
    if flags == BOTH {
        flags |= Header::ELEMENTS;
    }
    Header::new(arity, flags).0
}

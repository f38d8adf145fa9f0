//! What is plainly seen of values: that they evaluate to themselves, that calls of them need
//! nothing evaluated before; and expressions made of such.

use crate::fast::cell::{Cell, Header};
use crate::fast::code::{ANY, NUMBER, Quick, QuickKind, TypeId};
use crate::fast::heap::Heap;
use crate::fast::program::{Function, Program, State};
use crate::fast::stack::{FRAME, place};

/// Ground, evaluated; and, turned round, no error.
pub(super) const PLAIN: u64 = Header::GROUND | Header::EVALUATED | Header::ERROR;
const EVALUATED: u64 = Header::EVALUATED | Header::GROUND;

impl Heap {
    /// Whether a value is plainly seen to evaluate to itself, and to be of the type.
    #[inline(always)]
    pub(super) fn is_plain(&self, value: Cell, expected: TypeId) -> bool {
        if value.is_int() {
            expected == ANY || expected == NUMBER
        } else if value.is_exp() {
            self.cells[value.at()] & PLAIN == EVALUATED
        } else {
            expected == ANY && value.is_symbol() && value != self.empty
        }
    }

    /// Whether a value plainly evaluates to itself, also once more variables have values.
    #[inline(always)]
    pub(super) fn is_its_own(&self, value: Cell) -> bool {
        if value.is_exp() {
            self.cells[value.at()] & PLAIN == EVALUATED
        } else if value.is_ref() {
            self.is_its_own_bound(value)
        } else {
            value != self.empty
        }
    }

    #[inline(never)]
    fn is_its_own_bound(&self, value: Cell) -> bool {
        let value = self.deref(value);
        !value.is_ref() && self.is_its_own(value)
    }

    /// Whether a value is data, whose elements plainly evaluate to themselves as it does.
    #[inline(always)]
    pub(super) fn is_whole_data(&self, value: Cell) -> bool {
        const DATA: u64 = Header::DATA | Header::GROUND;
        let value = self.deref(value);
        value.is_exp() && self.cells[value.at()] & (DATA | Header::ERROR) == DATA
    }

    /// The argument of a call that needs no evaluating for it.
    #[inline(always)]
    pub(super) fn quick(
        &self,
        constants: &[Cell],
        frame: &[u64; FRAME],
        argument: Quick,
    ) -> Option<u64> {
        let word = frame[place(argument.slot())];
        match argument.kind() {
            QuickKind::AsIs => Some(word),
            QuickKind::Plain => {
                let value = self.deref(Cell(word));
                let is_plain = if value.is_exp() {
                    self.cells[value.at()] & PLAIN == EVALUATED
                } else {
                    value != self.empty
                };
                is_plain.then_some(value.0)
            }
            QuickKind::Constant(index) => Some(constants[index as usize].0),
            QuickKind::Sum(added) => {
                let sum = (word as i64).checked_add(added << 3)?;
                Cell(word).is_int().then_some(sum as u64)
            }
        }
    }

    /// A call that no rule is for, of at most three evaluated arguments.
    #[inline(always)]
    pub(super) fn make_call(&mut self, function: &Function, values: [Cell; 3]) -> Cell {
        let name = Cell::symbol(function.symbol).0;
        let [mut a, mut b, mut c] = values;
        let mut all = EVALUATED;
        self.look_at(&mut a, &mut all);
        let made = match function.arity {
            1 => {
                let header = data_header(2, all);
                self.put([header, name, a.0])
            }
            2 => {
                self.look_at(&mut b, &mut all);
                let header = data_header(3, all);
                self.put([header, name, a.0, b.0])
            }
            _ => {
                self.look_at(&mut b, &mut all);
                self.look_at(&mut c, &mut all);
                let header = data_header(4, all);
                self.put([header, name, a.0, b.0, c.0])
            }
        };
        self.note_type_of_data(made, function.data_type);
        made
    }

    /// Follows an element; what does not hold of it, does not of all.
    #[inline(always)]
    fn look_at(&self, element: &mut Cell, all: &mut u64) {
        *element = self.deref(*element);
        if element.is_exp() {
            *all &= self.cells[element.at()];
        } else if element.is_ref() {
            *all &= !Header::GROUND;
        }
    }

    /// An expression of `count` elements that are at most three, before which the name of
    /// `function` comes, if there is one; that is not `Error`. It is noted to be data if its
    /// elements are, and its head no symbol or that name, for which there must be no rules.
    #[inline(always)]
    pub(super) fn make_noted(
        &mut self,
        program: &Program,
        function: u32,
        values: [Cell; 3],
        count: u8,
    ) -> Cell {
        let [mut a, mut b, mut c] = values;
        let is_named = function != Function::NONE;
        let mut all = self.follow_noted(&mut a, !is_named);
        if count > 1 {
            all &= self.follow_noted(&mut b, false);
        }
        if count > 2 {
            all &= self.follow_noted(&mut c, false);
        }
        let mut flags = all & Header::GROUND;
        if is_named {
            let entry = &program.functions[function as usize];
            let name = Cell::symbol(entry.symbol).0;
            if all & PLAIN == PLAIN && entry.state == State::Data {
                flags |= Header::DATA;
            }
            let header = Header::new(usize::from(count) + 1, flags).0;
            return match count {
                1 => self.put([header, name, a.0]),
                2 => self.put([header, name, a.0, b.0]),
                _ => self.put([header, name, a.0, b.0, c.0]),
            };
        }
        if all & PLAIN == PLAIN {
            flags |= program.noted_data(a, function);
        }
        if a == self.error {
            flags |= Header::ERROR;
        }
        let header = Header::new(usize::from(count), flags).0;
        match count {
            1 => self.put([header, a.0]),
            2 => self.put([header, a.0, b.0]),
            _ => self.put([header, a.0, b.0, c.0]),
        }
    }

    #[inline(always)]
    fn follow_noted(&self, element: &mut Cell, is_head: bool) -> u64 {
        *element = self.deref(*element);
        self.noted(*element, is_head)
    }

    /// What is noted of an element: as [`PLAIN`].
    #[inline(always)]
    pub(super) fn noted(&self, element: Cell, is_head: bool) -> u64 {
        if element.is_exp() {
            let header = self.cells[element.at()];
            let header = if is_head {
                header | Header::EVALUATED
            } else {
                header
            };
            // Errors and `Empty` are results, but no parts of data.
            header ^ Header::ERROR
        } else if element.is_ref() {
            !Header::GROUND
        } else if element == self.empty {
            !Header::ERROR
        } else {
            !0
        }
    }
}

impl Program {
    /// What holds of an expression of plain elements, by its head.
    #[inline(always)]
    pub(super) fn noted_data(&self, head: Cell, function: u32) -> u64 {
        let is_data = if function == Function::NONE {
            (head.is_int() || head.is_bool()) && !self.expression_rules
        } else {
            self.functions[function as usize].state == State::Data
        };
        if is_data { Header::DATA } else { 0 }
    }
}

/// The header of data, by what holds of all its elements.
#[inline(always)]
fn data_header(arity: usize, all: u64) -> u64 {
    let mut flags = all & EVALUATED;
    if flags == EVALUATED {
        flags |= Header::ELEMENTS;
    }
    Header::new(arity, flags).0
}

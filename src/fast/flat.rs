//! Terms compared, copied and told apart element by element, as far as that takes no looking
//! further: what the loop of the machine does itself. They are said to be cold, as are others that
//! it calls: then what it has at hand stays in registers, and is put away only where one is called.

use std::sync::Arc;

use crate::atom::{Atom, Grounded};
use crate::fast::cell::{Cell, Header};
use crate::fast::code::Pc;
use crate::fast::head::Passing;
use crate::fast::heap::Heap;
use crate::fast::switch::{Switch, expression_word};
use crate::fast::types::ValueTypes;

/// As [`Heap::deref`], where variables are many.
#[inline(always)]
fn followed(cells: &[u64], mut cell: Cell) -> Cell {
    while cell.is_ref() {
        let next = Cell(cells[cell.at()]);
        if next == cell {
            break;
        }
        cell = next;
    }
    cell
}

/// Of so many elements and more those are compared that follow each other, some at a time, before
/// any variable among them is bound.
const MANY: usize = 4;
const TOGETHER: usize = 8;
/// Some of those plainly differ.
const DIFFER: u32 = u32::MAX;
/// So many pairs of expressions wait until what stands beside them is unified.
const WAITING: usize = 4;
/// So many wait in all: an expression may stand in others again and again.
const WAITED: usize = 64;

/// Whether values that are not the same are told apart by a name, a small integer or a truth
/// value that one of them is.
#[inline(always)]
fn leaves_differ(left: Cell, right: Cell) -> bool {
    left.is_immediate() && (right.is_immediate() || right.is_exp())
        || right.is_immediate() && left.is_exp()
}

/// Whether a variable is plainly not in an expression, whose elements are few and no
/// expressions with variables.
#[inline(always)]
fn is_clear_of(cells: &[u64], variable: Cell, value: Cell) -> bool {
    const SHORT: usize = 6;
    let header = Header(cells[value.at()]);
    if header.arity() > SHORT || header.has(Header::SLICE) {
        return false;
    }
    let elements = &cells[value.at() + 1..][..header.arity()];
    elements.iter().all(|element| {
        let element = followed(cells, Cell(*element));
        let is_closed = !element.is_exp() || Header(cells[element.at()]).has(Header::GROUND);
        element != variable && is_closed
    })
}

impl Heap {
    /// Unifies two terms whose elements are few and in whose elements are few, and notes what it
    /// binds. `None` where that is not enough: what was bound by then is a part of what unifies
    /// them. Most that are not unified plainly differ in one element, however many they have.
    #[cold]
    #[inline(never)]
    pub(super) fn unify_flat(&mut self, left: Cell, right: Cell) -> Option<bool> {
        let (left, right) = (self.value_of(left), self.value_of(right));
        if !left.is_exp() || !right.is_exp() {
            return self.unify_leaf(left, right);
        }
        if left == right {
            return Some(true);
        }
        let (mut a, mut b) = (left.at(), right.at());
        let mut waiting = [(0, 0); WAITING];
        let (mut count_waiting, mut waited) = (0, 0);
        loop {
            let (header, other) = (self.header(a), self.header(b));
            if header.has(Header::SLICE) || other.has(Header::SLICE) {
                return None;
            }
            let count = header.arity();
            if count != other.arity() {
                return Some(false);
            }
            let mut place = 1;
            while place <= count {
                let (lefts, rights) = (a + place, b + place);
                let many = (count + 1 - place).min(TOGETHER);
                let mut others = (1 << many) - 1;
                if count >= MANY {
                    others = self.others(lefts, rights, many)?;
                    if others == DIFFER {
                        return Some(false);
                    }
                }
                while others != 0 {
                    let at = others.trailing_zeros() as usize;
                    others &= others - 1;
                    // One of those before may have bound it.
                    let (left, right) = (self.word(lefts + at), self.word(rights + at));
                    if left == right && !left.is_float() {
                        continue;
                    }
                    let (left, right) = (self.value_of(left), self.value_of(right));
                    if left.is_exp() && right.is_exp() {
                        if left != right {
                            if count_waiting == WAITING || waited == WAITED {
                                return None;
                            }
                            waiting[count_waiting] = (left.at(), right.at());
                            count_waiting += 1;
                        }
                    } else if !self.unify_leaf(left, right)? {
                        return Some(false);
                    }
                }
                place += TOGETHER;
            }
            if count_waiting == 0 {
                return Some(true);
            }
            count_waiting -= 1;
            (a, b) = waiting[count_waiting];
            waited += usize::from(count_waiting > 0);
        }
    }

    /// Whether two values of which one is an operation, as the head of `(not $x)`, are the same;
    /// `None` if none is one.
    #[cold]
    #[inline(never)]
    fn same_operations(&self, left: Cell, right: Cell) -> Option<bool> {
        if left.is_operation() && right.is_operation() {
            return Some(left == right);
        }
        let operation = |cell: Cell| match cell.is_box().then(|| self.box_of(cell)) {
            Some(Atom::Grounded(Grounded::Operation(operation))) => Some(operation),
            _ => None,
        };
        let is_plain = |cell: Cell| cell.is_immediate() || cell.is_exp();
        match (operation(left), operation(right)) {
            (Some(a), Some(b)) => Some(Arc::ptr_eq(a, b) || a.name() == b.name()),
            (Some(_), None) if is_plain(right) => Some(false),
            (None, Some(_)) if is_plain(left) => Some(false),
            _ => None,
        }
    }

    /// Which of so many words from two places on are terms that are not the same, a bit for each;
    /// [`DIFFER`] if some plainly differ, `None` if that is not plain to see.
    #[inline(always)]
    fn others(&self, lefts: usize, rights: usize, count: usize) -> Option<u32> {
        let pairs = self.cells[lefts..][..count]
            .iter()
            .zip(&self.cells[rights..][..count]);
        let mut others = 0;
        for (at, (left, right)) in pairs.enumerate() {
            let (left, right) = (Cell(*left), Cell(*right));
            if left == right && !left.is_float() {
                continue;
            }
            let left = self.value_of(left);
            if left.is_ref() {
                others |= 1 << at;
                continue;
            }
            let right = self.value_of(right);
            if right.is_ref() || left.is_exp() && right.is_exp() {
                others |= 1 << at;
            } else if left != right {
                if leaves_differ(left, right) || self.same_operations(left, right) == Some(false) {
                    return Some(DIFFER);
                }
                self.same_operations(left, right)?;
            } else if left.is_float() {
                return None;
            }
        }
        Some(others)
    }

    /// Unifies two terms that are no bound variables, and of which one is no expression.
    #[inline(always)]
    fn unify_leaf(&mut self, left: Cell, right: Cell) -> Option<bool> {
        let (variable, value) = match (left.is_ref(), right.is_ref()) {
            (true, false) => (left, right),
            (false, true) => (right, left),
            // The younger variable is bound, so that what is older refers to nothing younger.
            (true, true) => {
                if left == right {
                    return Some(true);
                }
                let younger = left.at().max(right.at());
                (
                    Cell::reference(younger),
                    Cell::reference(left.at().min(right.at())),
                )
            }
            (false, false) => {
                if left == right {
                    return (!left.is_float()).then_some(true);
                }
                if leaves_differ(left, right) {
                    return Some(false);
                }
                return self.same_operations(left, right);
            }
        };
        if value.is_exp() {
            let header = self.cells[value.at()];
            if !Header(header).has(Header::GROUND) && !is_clear_of(&self.cells, variable, value) {
                return None;
            }
            self.doubts.consider(header, value);
        } else if value == self.empty {
            self.doubts.add(value);
        }
        self.trail.push(variable.at() as u32);
        self.cells[variable.at()] = value.0;
        Some(true)
    }

    /// Whether a value, once evaluated, is the constant, if that is plain to see: both are names or
    /// integers, or what is compared with `()` is a list that was evaluated.
    #[inline(always)]
    pub(super) fn is_constant(&self, value: Cell, constant: Cell) -> Option<bool> {
        let are_names = value.is_symbol() && constant.is_symbol();
        if value.are_ints(constant) || are_names && value != self.empty {
            return Some(value == constant);
        }
        if constant != self.unit || !value.is_exp() {
            return None;
        }
        let header = self.header(value.at());
        let is_list = header.has(Header::EVALUATED) && !header.has(Header::ERROR);
        match self.elements(value.at()) {
            (_, 0) => Some(true),
            _ => is_list.then_some(false),
        }
    }

    /// As [`Heap::deref`], where variables are many.
    #[inline(always)]
    pub(super) fn value_of(&self, cell: Cell) -> Cell {
        followed(&self.cells, cell)
    }

    /// Whether two values are names that are seen, by what was looked up lately, to have a type in
    /// common.
    #[inline(always)]
    pub(super) fn are_names_alike(&self, types: &ValueTypes, left: Cell, right: Cell) -> bool {
        let kind = |cell: Cell| match types.symbol_of_late(cell.at() as u32) {
            Some((found, _)) if cell.is_symbol() && cell != self.empty => found,
            _ => None,
        };
        if left == right && left.is_symbol() {
            return left != self.empty;
        }
        match (kind(left), kind(right)) {
            (Some(a), Some(b)) => a == b || a == types.unknown() || b == types.unknown(),
            _ => false,
        }
    }

    /// Whether two values, of which one is an expression, are the same, if that is plain to see: they
    /// are results, and seen to have a type in common by what was noted or looked up lately.
    #[cold]
    #[inline(never)]
    pub(super) fn same_data(&self, types: &ValueTypes, left: Cell, right: Cell) -> Option<bool> {
        if !self.are_alike(types, left, right) {
            return None;
        }
        if left == right || !left.is_exp() || !right.is_exp() {
            return Some(left == right);
        }
        let count = self.header(left.at()).arity();
        if self.header(right.at()).arity() != count {
            return Some(false);
        }
        let lefts = &self.cells[left.at() + 1..][..count];
        let rights = &self.cells[right.at() + 1..][..count];
        for (left_part, right_part) in lefts.iter().zip(rights) {
            let (one, other) = (Cell(*left_part), Cell(*right_part));
            if one == other && !one.is_float() {
                continue;
            }
            if one.is_immediate() && other.is_immediate() {
                return Some(false);
            }
            return Some(self.equal(left, right));
        }
        Some(true)
    }

    /// Whether two values, of which one is an expression, are results that are seen to have a type in
    /// common, as [`Heap::same_data`] says.
    #[cold]
    #[inline(never)]
    pub(super) fn are_alike(&self, types: &ValueTypes, left: Cell, right: Cell) -> bool {
        const LOOKED_AT: u64 = Header::GROUND | Header::EVALUATED | Header::ERROR | Header::SLICE;
        let is_data = |value: Cell| {
            let header = self.header(value.at());
            header.0 & LOOKED_AT == Header::GROUND | Header::EVALUATED && header.arity() > 0
        };
        let is_untyped = |value: Cell| {
            let head = self.word(value.at() + 1);
            let found = types.symbol_of_late(head.at() as u32);
            head.is_symbol() && found == Some((Some(types.unknown()), false))
        };
        match (left.is_exp(), right.is_exp()) {
            (true, true) if is_data(left) && is_data(right) => {
                let (one, other) = (self.noted_type(left.at()), self.noted_type(right.at()));
                one == other && types.of_header(one).is_some()
                    || is_untyped(left) && is_untyped(right)
            }
            (true, false) | (false, true) => {
                let (data, leaf) = if left.is_exp() {
                    (left, right)
                } else {
                    (right, left)
                };
                (leaf.is_int() || leaf.is_symbol() && leaf != self.empty)
                    && is_data(data)
                    && is_untyped(data)
            }
            _ => false,
        }
    }

    /// What a call of few elements with variables among them evaluates to, if it is seen to be data
    /// as its elements are: the same, with what its variables stand for now.
    #[cold]
    #[inline(never)]
    pub(super) fn copy_flat(&mut self, data_heads: &mut Passing, value: Cell) -> Option<Cell> {
        const SHORT: usize = 4;
        let header = self.header(value.at());
        let count = header.arity();
        if count > SHORT || count == 0 || header.has(Header::SLICE) {
            return None;
        }
        let elements = &self.cells[value.at() + 1..][..count];
        let mut words = [0; SHORT + 1];
        let mut flags = Header::GROUND;
        for (word, element) in words[1..].iter_mut().zip(elements) {
            let element = self.deref(Cell(*element));
            if element.is_exp() {
                const PLAIN: u64 = Header::EVALUATED | Header::GROUND;
                if self.cells[element.at()] & (PLAIN | Header::ERROR) != PLAIN {
                    return None;
                }
            } else if element.is_ref() {
                flags = 0;
            } else if element == self.empty {
                return None;
            }
            *word = element.0;
        }
        let head = Cell(words[1]);
        if !head.is_symbol()
            || head == self.error
            || data_heads.get(head.at() as u32, count) != Some(true)
        {
            return None;
        }
        let data = if flags == 0 {
            Header::EVALUATED | Header::OPEN
        } else {
            Header::DATA
        };
        words[0] = Header::new(count, flags | data).0;
        let at = self.cells.len();
        self.cells.extend_from_slice(&words[..=count]);
        Some(Cell::expression(at))
    }
}

impl Heap {
    /// As [`Heap::copy_flat`], of expressions of which each is the last element of the one before,
    /// as lists are. Where there is none, what was copied by then is left.
    #[inline(never)]
    pub(super) fn copy_spine(&mut self, data_heads: &mut Passing, value: Cell) -> Option<Cell> {
        const WHOLE: u64 = Header::GROUND | Header::DATA;
        const SEEN: u64 = Header::EVALUATED | Header::GROUND | Header::ERROR;
        let first = self.cells.len();
        // The last of the copies that has a variable in it, and what follows it.
        let mut open_until = first;
        let mut known = (Cell::HOLE, 0);
        let mut at = value.at();
        loop {
            let header = self.header(at);
            let count = header.arity();
            if count == 0 || header.has(Header::SLICE) {
                return None;
            }
            let head = self.value_of(self.word(at + 1));
            if (head, count) != known {
                let id = head.is_symbol().then(|| head.at() as u32)?;
                if data_heads.get(id, count) != Some(true) {
                    return None;
                }
                known = (head, count);
            }
            let copy = self.cells.len();
            self.cells.push(Header::new(count, WHOLE).0);
            self.cells.push(head.0);
            let mut further = None;
            for place in 2..=count {
                let element = self.value_of(self.word(at + place));
                if element.is_exp() {
                    let noted = self.cells[element.at()] & SEEN;
                    if noted == Header::EVALUATED {
                        open_until = copy + 1 + count;
                    } else if noted != Header::EVALUATED | Header::GROUND {
                        if place < count || noted != 0 {
                            return None;
                        }
                        further = Some(element.at());
                        // Its copy comes right behind.
                        self.cells.push(Cell::expression(copy + 1 + count).0);
                        break;
                    }
                } else if element.is_ref() {
                    open_until = copy + 1 + count;
                } else if element == self.empty {
                    return None;
                }
                self.cells.push(element.0);
            }
            match further {
                Some(further) => at = further,
                None => break,
            }
        }
        let mut copy = first;
        while copy < open_until {
            let count = self.header(copy).arity();
            self.cells[copy] = Header::new(count, Header::EVALUATED | Header::OPEN).0;
            copy += 1 + count;
        }
        Some(Cell::expression(first))
    }
}

impl Switch {
    /// Where to go on by what stands inside an argument, or by one of many words; `None` where
    /// that takes a closer look.
    #[cold]
    #[inline(never)]
    pub(super) fn find(&self, heap: &Heap, argument: Cell) -> Option<Pc> {
        self.find_inside(heap, argument)
            .or_else(|| self.find_any(heap, argument))
    }

    /// One of few words that stands in an expression, one step inside.
    #[inline(always)]
    fn find_inside(&self, heap: &Heap, argument: Cell) -> Option<Pc> {
        let cells = &heap.cells[..];
        if self.step == 0 || !argument.is_exp() {
            return None;
        }
        let (at, place) = (argument.at(), self.step as usize);
        let header = Header(cells[at]);
        if header.arity() < place || header.has(Header::SLICE) {
            return None;
        }
        let inner = Cell(cells[at + place]);
        let mut word = inner.0;
        if inner.is_exp() {
            let header = Header(cells[inner.at()]);
            if header.arity() == 0 || header.has(Header::SLICE) {
                return None;
            }
            let head = Cell(cells[inner.at() + 1]);
            if !head.is_name() {
                return None;
            }
            word = expression_word(Some(head), header.arity());
        } else if !inner.is_immediate() {
            return None;
        }
        let found = self.few.iter().find(|branch| branch.word == word);
        Some(found.map_or_else(|| self.further(word), |found| found.to))
    }

    #[inline(never)]
    fn find_any(&self, heap: &Heap, argument: Cell) -> Option<Pc> {
        let mut cell = heap.deref(argument);
        for place in &self.below {
            if !cell.is_exp() {
                return None;
            }
            let header = heap.header(cell.at());
            if header.has(Header::SLICE) || *place as usize >= header.arity() {
                return None;
            }
            cell = heap.deref(heap.word(cell.at() + 1 + *place as usize));
        }
        let word = if cell.is_exp() {
            let header = heap.header(cell.at());
            if header.has(Header::SLICE) || header.arity() == 0 {
                return None;
            }
            let head = heap.deref(heap.word(cell.at() + 1));
            if !head.is_name() {
                return None;
            }
            expression_word(Some(head), header.arity())
        } else if cell.is_immediate() {
            cell.0
        } else {
            return None;
        };
        for branch in &self.few {
            if branch.word == word {
                return Some(branch.to);
            }
        }
        Some(self.further(word))
    }
}

//! Which rule is entered: the index, the tests before a head, what follows a failure.

use super::{MATCHED, Machine, Next};
use crate::fast::cell::{Cell, Header};
use crate::fast::choice::Kind;
use crate::fast::code::{Pc, Slot};
use crate::fast::function::State;
use crate::fast::program::Program;
use crate::fast::stack::place;
use crate::fast::switch::{Branch, Key, expression_word};
use crate::fast::table::Seen;

impl Machine<'_> {
    /// Where to go on by what stands at one place of the arguments.
    #[inline(always)]
    pub(super) fn switch(&mut self, number: u32, base: usize) -> Pc {
        let switch = &self.program.switches[number as usize];
        let frame = self.stack.frame_mut(base);
        let cell = Cell(frame[place(switch.slot)]);
        if !switch.is_plain {
            return self.switch_otherwise(number, base);
        }
        if cell.is_exp()
            && let [header, head, rest @ ..] = &self.heap.cells[cell.at()..]
        {
            let (header, head) = (Header(*header), Cell(*head));
            let arity = header.arity();
            if header.has(Header::SLICE) || arity == 0 || !head.is_name() {
                return self.switch_otherwise(number, base);
            }
            let word = expression_word(Some(head), arity);
            for branch in &switch.few {
                if branch.word == word {
                    if branch.elements != Branch::KEEP {
                        let slots = &mut frame[place(branch.elements)..];
                        match (arity, rest) {
                            (2, [a, ..]) => slots[0] = *a,
                            (3, [a, b, ..]) => {
                                slots[0] = *a;
                                slots[1] = *b;
                            }
                            _ => slots[..arity - 1].copy_from_slice(&rest[..arity - 1]),
                        }
                    }
                    return branch.to;
                }
            }
            return switch.other;
        }
        if !cell.is_immediate() {
            return self.switch_otherwise(number, base);
        }
        for branch in &switch.few {
            if branch.word == cell.0 {
                return branch.to;
            }
        }
        switch.other
    }

    /// As [`Machine::switch`], of what is less plain.
    #[inline(never)]
    fn switch_otherwise(&mut self, number: u32, base: usize) -> Pc {
        let switch = &self.program.switches[number as usize];
        let cell = Cell(self.stack.frame(base)[place(switch.slot)]);
        let cell = self.heap.deref(cell);
        if !switch.is_plain {
            return self.switch_further(number, cell);
        }
        if cell.is_exp() {
            let (first, count) = self.heap.elements(cell.at());
            if count > 0 {
                let head = self.heap.deref(self.heap.word(first));
                if head.is_ref() || self.heap.is_other_operation(head) {
                    return switch.open;
                }
                let word = expression_word(head.is_name().then_some(head), count);
                for branch in &switch.few {
                    if branch.word == word {
                        if branch.elements != Branch::KEEP {
                            let (to, elements) = (branch.to, branch.elements);
                            self.unpack(first + 1, count - 1, base, elements);
                            return to;
                        }
                        return branch.to;
                    }
                }
                return switch.other;
            }
        } else if !cell.is_immediate() {
            return switch.open;
        }
        let word = if cell.is_exp() {
            expression_word(None, 0)
        } else {
            cell.0
        };
        for branch in &switch.few {
            if branch.word == word {
                return branch.to;
            }
        }
        switch.other
    }

    /// Puts elements into slots from `to` on.
    #[inline(always)]
    pub(super) fn unpack(&mut self, first: usize, count: usize, base: usize, to: Slot) {
        let elements = &self.heap.cells[first..first + count];
        let slots = &mut self.stack.frame_mut(base)[place(to)..];
        match elements {
            [a] => slots[0] = *a,
            [a, b] => {
                slots[0] = *a;
                slots[1] = *b;
            }
            _ => slots[..count].copy_from_slice(elements),
        }
    }

    /// As [`Machine::switch`], of one that looks inside an argument or has many branches.
    #[inline(never)]
    fn switch_further(&self, number: u32, mut cell: Cell) -> Pc {
        let switch = &self.program.switches[number as usize];
        match self.inside(cell, &switch.below) {
            Some(found) => cell = found,
            None => return switch.open,
        }
        let word = if cell.is_exp() {
            let (first, count) = self.heap.elements(cell.at());
            let head = (count > 0).then(|| self.heap.deref(self.heap.word(first)));
            match head {
                Some(head) if head.is_ref() || self.heap.is_other_operation(head) => {
                    return switch.open;
                }
                head => expression_word(head.filter(|head| head.is_name()), count),
            }
        } else if cell.is_immediate() {
            cell.0
        } else {
            return switch.open;
        };
        match switch.few.iter().find(|branch| branch.word == word) {
            Some(branch) => branch.to,
            None => switch.further(word),
        }
    }

    /// The first rule that may match; a choice for the next, if there is one.
    #[inline(never)]
    pub(super) fn select(&mut self, function: u32, base: usize) -> Option<Pc> {
        let entry = &mut self.program.functions[function as usize];
        let table = &mut self.program.tables[entry.table as usize];
        if table.changed > 0 {
            table.calls += 1;
            if table.calls > table.rules.len() {
                // Worth compiling anew before the next call.
                entry.state = State::Unknown;
            }
        }
        let seen = table.seen(entry.table);
        let arity = entry.arity;
        let first = self.next_rule(seen, base, 0)?;
        if let Some(next) = self.next_rule(seen, base, first + 1) {
            let kind = Kind::Rules {
                function,
                next,
                seen,
            };
            self.choose(kind, base, base + 2 + arity);
        }
        let table = &self.program.tables[seen.table as usize];
        Some(table.rules[first as usize].pc)
    }

    /// The first rule from `from` on that a call sees, and whose tests do not exclude it.
    pub(super) fn next_rule(&self, seen: Seen, base: usize, from: u32) -> Option<u32> {
        let table = &self.program.tables[seen.table as usize];
        let may_match = |number: u32| {
            table.has(number, seen) && self.may_match(&table.rules[number as usize].tests, base)
        };
        if let Some(index) = &table.index
            && let Some(key) = self.key_at(&index.path, base)
        {
            let listed = index.by_key.get(&key).map_or(&[][..], Vec::as_slice);
            let mut a = listed.partition_point(|number| *number < from);
            let mut b = index.open.partition_point(|number| *number < from);
            loop {
                let number = match (listed.get(a), index.open.get(b)) {
                    (Some(x), Some(y)) if x < y => {
                        a += 1;
                        *x
                    }
                    (_, Some(y)) => {
                        b += 1;
                        *y
                    }
                    (Some(x), None) => {
                        a += 1;
                        *x
                    }
                    (None, None) => return None,
                };
                if may_match(number) {
                    return Some(number);
                }
            }
        }
        (from..seen.end).find(|number| may_match(*number))
    }

    pub(super) fn key_at(&self, path: &[u32], base: usize) -> Option<Key> {
        Program::key_of(&self.heap, self.at_path(path, base)?)
    }

    /// What stands at a position in the arguments; `None` behind a variable or
    /// where there is nothing.
    #[inline]
    pub(super) fn at_path(&self, path: &[u32], base: usize) -> Option<Cell> {
        let cell = self
            .heap
            .deref(Cell(self.stack[base + 2 + path[0] as usize]));
        self.inside(cell, &path[1..])
    }

    /// What stands at a position inside a term.
    fn inside(&self, mut cell: Cell, path: &[u32]) -> Option<Cell> {
        for position in path {
            if !cell.is_exp() {
                return None;
            }
            let (first, count) = self.heap.elements(cell.at());
            if *position as usize >= count {
                return None;
            }
            cell = self.heap.deref(self.heap.word(first + *position as usize));
        }
        Some(cell)
    }

    pub(super) fn may_match(&self, tests: &[crate::fast::switch::HeadTest], base: usize) -> bool {
        tests.iter().all(|test| {
            let Some(cell) = self.at_path(&test.path, base) else {
                return true;
            };
            match test.key {
                Key::Leaf(leaf) => {
                    cell == leaf
                        || cell.is_ref()
                        || (leaf.is_int() && (cell.is_float() || cell.is_box()))
                        || (cell.is_box() && !leaf.is_symbol())
                }
                Key::Expression { head, arity } => {
                    if cell.is_ref() {
                        return true;
                    }
                    if !cell.is_exp() {
                        return false;
                    }
                    let (first, count) = self.heap.elements(cell.at());
                    if count != arity {
                        return false;
                    }
                    match head {
                        None => true,
                        Some(head) => {
                            let actual = self.heap.deref(self.heap.word(first));
                            actual == head
                                || actual.is_ref()
                                || head.is_operation() && self.heap.is_other_operation(actual)
                        }
                    }
                }
            }
        })
    }

    /// Whether other rules are to be tried for the call of a frame.
    #[inline(always)]
    pub(super) fn has_rules_left(&self, base: usize) -> bool {
        self.choices.last().is_some_and(|choice| {
            matches!(choice.kind, Kind::Rules { .. } | Kind::Chain { .. })
                && choice.base as usize == base
        })
    }

    /// A rule's head did not match: where none has, the call is data.
    #[inline(never)]
    pub(super) fn head_fail(&mut self, function: u32, base: usize) -> Next {
        if self.stack[base + 1] & MATCHED != 0 || self.has_rules_left(base) {
            return Next::Fail;
        }
        self.heap.undo(self.head_trail);
        self.data(function, base)
    }

    /// Makes a call of a symbol with fresh variables of an unbound variable.
    #[cold]
    pub(super) fn match_call(
        &mut self,
        variable: Cell,
        base: usize,
        to: Slot,
        arity: u16,
        head: Cell,
    ) {
        let arguments = usize::from(arity) - 1;
        let first = self.heap.cells.len();
        for i in 0..arguments {
            let fresh = self.heap.variable();
            self.stack[base + 2 + usize::from(to) + i] = fresh.0;
        }
        let at = self.heap.begin(arguments + 1);
        self.heap.cells.push(head.0);
        for i in 0..arguments {
            self.heap.cells.push(Cell::reference(first + i).0);
        }
        let made = self.heap.finish(at, 0);
        self.heap.doubt(made);
        self.heap.trail.push(variable.at() as u32);
        self.heap.cells[variable.at()] = made.0;
    }

    /// As [`Heap::unify`]; notes every binding, so that it can be undone.
    #[inline(never)]
    pub(super) fn unify_noted(&mut self, left: Cell, right: Cell) -> bool {
        let old = self.heap.old;
        self.heap.old = usize::MAX;
        let unified = self.heap.unify(left, right);
        self.heap.old = old;
        unified
    }

    /// Makes an expression of fresh variables of an unbound one.
    #[inline(never)]
    pub(super) fn match_variable(&mut self, variable: Cell, base: usize, to: Slot, arity: u16) {
        let arity = usize::from(arity);
        let first = self.heap.cells.len();
        for i in 0..arity {
            let fresh = self.heap.variable();
            self.stack[base + 2 + usize::from(to) + i] = fresh.0;
        }
        let at = self.heap.begin(arity);
        for i in 0..arity {
            self.heap.cells.push(Cell::reference(first + i).0);
        }
        let made = self.heap.finish(at, 0);
        self.heap.doubt(made);
        self.heap.trail.push(variable.at() as u32);
        self.heap.cells[variable.at()] = made.0;
    }
}

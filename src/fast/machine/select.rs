//! Which rule is entered: the index, the tests before a head, what follows a failure.

use super::{MATCHED, Machine, Next};
use crate::fast::cell::Cell;
use crate::fast::choice::{Choice, Kind};
use crate::fast::code::{Pc, Slot};
use crate::fast::program::{Key, Program};

impl Machine<'_> {
    /// The first rule that may match; a choice for the next, if there is one.
    pub(super) fn select(&mut self, function: u32, base: usize) -> Option<Pc> {
        let first = self.next_rule(function, base, 0)?;
        if let Some(next) = self.next_rule(function, base, first + 1) {
            let arity = self.program.functions[function as usize].arity;
            let kind = Kind::Rules { function, next };
            self.choose(kind, base, base + 2 + arity);
        }
        Some(self.program.functions[function as usize].rules[first as usize].pc)
    }

    /// The first rule from `from` on whose tests do not exclude the call.
    pub(super) fn next_rule(&self, function: u32, base: usize, from: u32) -> Option<u32> {
        let entry = &self.program.functions[function as usize];
        if let Some(index) = &entry.index
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
                if self.may_match(&entry.rules[number as usize].tests, base) {
                    return Some(number);
                }
            }
        }
        let rules = &entry.rules;
        (from as usize..rules.len())
            .find(|number| self.may_match(&rules[*number].tests, base))
            .map(|number| number as u32)
    }

    pub(super) fn key_at(&self, path: &[u32], base: usize) -> Option<Key> {
        Program::key_of(&self.heap, self.at_path(path, base)?)
    }

    /// What stands at a position in the arguments; `None` behind a variable or
    /// where there is nothing.
    #[inline]
    pub(super) fn at_path(&self, path: &[u32], base: usize) -> Option<Cell> {
        let mut cell = self
            .heap
            .deref(Cell(self.stack[base + 2 + path[0] as usize]));
        for position in &path[1..] {
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

    pub(super) fn may_match(&self, tests: &[crate::fast::program::HeadTest], base: usize) -> bool {
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
                            actual == head || actual.is_ref()
                        }
                    }
                }
            }
        })
    }

    /// A rule's head did not match: where none has, the call is data.
    pub(super) fn head_fail(&mut self, function: u32, base: usize) -> Next {
        if self.stack[base + 1] & MATCHED != 0 {
            return Next::Fail;
        }
        if let Some(Choice {
            kind: Kind::Rules { .. },
            base: own,
            ..
        }) = self.choices.last()
            && *own as usize == base
        {
            return Next::Fail;
        }
        self.heap.undo(self.head_trail);
        self.data(function, base)
    }

    /// As [`Heap::unify`]; notes every binding, so that it can be undone.
    pub(super) fn unify_noted(&mut self, left: Cell, right: Cell) -> bool {
        let old = self.heap.old;
        self.heap.old = usize::MAX;
        let unified = self.heap.unify(left, right);
        self.heap.old = old;
        unified
    }

    /// Makes an expression of fresh variables of an unbound one.
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
        self.heap.trail.push(variable.at() as u32);
        self.heap.cells[variable.at()] = made.0;
    }
}

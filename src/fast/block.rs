//! Expressions with others in them, ready to be copied to the heap.

use crate::atom::Atom;
use crate::fast::cell::{Cell, Header};
use crate::fast::code::Slot;
use crate::fast::heap::Heap;

/// The words of an expression and of all those in it, each before those inside it. Where
/// variables stand, values are filled in; until one turns out to have a variable in it, all
/// are noted to have none.
pub(super) struct Block {
    /// As written, to be shown.
    pub(super) atom: Atom,
    words: Vec<u64>,
    /// Places of expressions inside of others, told from the beginning.
    inner: Vec<u32>,
    /// Places of values, and their slots.
    values: Vec<(u32, Slot)>,
    headers: Vec<u32>,
}

impl Block {
    pub(super) fn new(atom: Atom) -> Block {
        Block {
            atom,
            words: Vec::new(),
            inner: Vec::new(),
            values: Vec::new(),
            headers: Vec::new(),
        }
    }

    /// Begins an expression at the end; where it is.
    pub(super) fn open(&mut self, arity: usize, is_error: bool) -> usize {
        let at = self.words.len();
        let error = if is_error { Header::ERROR } else { 0 };
        self.words
            .push(Header::new(arity, Header::GROUND | error).0);
        self.words.resize(at + 1 + arity, 0);
        self.headers.push(at as u32);
        at
    }

    /// Puts a constant at a place.
    pub(super) fn put(&mut self, at: usize, constant: Cell) {
        self.words[at] = constant.0;
    }

    /// Puts the expression that begins at `inner` at a place.
    pub(super) fn put_inner(&mut self, at: usize, inner: usize) {
        self.words[at] = Cell::expression(inner).0;
        self.inner.push(at as u32);
    }

    /// Has the value of a slot filled in at a place.
    pub(super) fn put_value(&mut self, at: usize, slot: Slot) {
        self.values.push((at as u32, slot));
    }
}

impl Heap {
    /// Puts the expression of a block on the heap, with values from these slots.
    pub(super) fn copy_block(&mut self, block: &Block, slots: &[u64]) -> Cell {
        let base = self.cells.len();
        self.cells.extend_from_slice(&block.words);
        for at in &block.inner {
            self.cells[base + *at as usize] += (base as u64) << 3;
        }
        let mut ground = true;
        for (at, slot) in &block.values {
            let value = self.deref(Cell(slots[usize::from(*slot)]));
            ground &= self.is_ground(value);
            self.cells[base + *at as usize] = value.0;
        }
        if !ground {
            self.note_variables(block, base);
        }
        Cell::expression(base)
    }

    /// Notes of a copy of a block which of its expressions have variables in them.
    #[inline(never)]
    fn note_variables(&mut self, block: &Block, base: usize) {
        // Those inside come behind.
        for header in block.headers.iter().rev() {
            let at = base + *header as usize;
            let elements = at + 1..at + 1 + self.header(at).arity();
            if !elements.into_iter().all(|at| self.is_ground(self.word(at))) {
                self.cells[at] &= !Header::GROUND;
            }
        }
    }
}

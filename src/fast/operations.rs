//! Operations of the host in terms, as the heads of `(not $x)` and `(and $x $y)` that are data: one
//! cell for each, so that equal cells are the same operation and switches tell them apart as they
//! do names.
//!
//! Operations of the same name are equal. Where an engine has several of one name, only the first has
//! such a cell; the others are host values as any, which are compared by what they are.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::atom::{Atom, Grounded};
use crate::fast::cell::Cell;
use crate::fast::heap::Heap;
use crate::operation::Operation;

/// More have no cells of their own, so that programs which make operations do not fill memory.
const MOST: usize = 4096;

/// The operations that have cells.
#[derive(Default)]
pub(super) struct Operations {
    atoms: Vec<Atom>,
    /// By where each is; it is held for as long.
    places: HashMap<usize, u32, FixedState>,
    names: HashMap<String, u32, FixedState>,
}

impl Operations {
    /// The cell of an operation; `None` if it is to be a host value as any.
    fn cell(&mut self, operation: &Arc<Operation>) -> Option<Cell> {
        let place = Arc::as_ptr(operation) as usize;
        if let Some(number) = self.places.get(&place) {
            return Some(Cell::operation(*number));
        }
        let number = self.atoms.len();
        if number == MOST || self.names.contains_key(operation.name()) {
            return None;
        }
        let atom = Atom::Grounded(Grounded::Operation(Arc::clone(operation)));
        self.atoms.push(atom);
        self.places.insert(place, number as u32);
        self.names
            .insert(operation.name().to_owned(), number as u32);
        Some(Cell::operation(number as u32))
    }

    /// The operation of a cell.
    pub(super) fn atom(&self, number: u32) -> &Atom {
        &self.atoms[number as usize]
    }
}

impl Heap {
    /// The cell of a host value.
    pub(super) fn host_value(&mut self, value: Atom) -> Cell {
        let known = match &value {
            Atom::Grounded(Grounded::Operation(operation)) => self.operations.cell(operation),
            _ => None,
        };
        known.unwrap_or_else(|| self.boxed(value))
    }

    /// Whether it is an operation without a cell of its own.
    pub(super) fn is_other_operation(&self, cell: Cell) -> bool {
        cell.is_box() && !cell.is_operation() && self.box_of(cell).as_operation().is_some()
    }
}

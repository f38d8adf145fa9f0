//! `match`: rows of a space, one after the other.

use std::rc::Rc;

use super::{Machine, Next};
use crate::evaluate::FactUse;
use crate::fast::cell::{Cell, Kind as Term};
use crate::fast::choice::{Kind, Step, Way};
use crate::fast::code::{Pc, Slot};
use crate::space::probe::Probe;
use crate::space::{Layers, Row, Space, changes};

impl Machine<'_> {
    pub(super) fn space_of(&self, cell: Cell) -> Option<Space> {
        cell.is_box()
            .then(|| self.heap.box_of(cell).as_space().cloned())?
    }

    /// Whether a pattern is `(, …)`.
    pub(super) fn is_conjunction(&self, pattern: Cell) -> bool {
        pattern.is_exp() && {
            let (first, count) = self.heap.elements(pattern.at());
            count > 0 && {
                let head = self.heap.deref(self.heap.word(first));
                matches!(head.kind(), Term::Sym(id) if id == self.comma)
            }
        }
    }

    /// The layers of a space; those asked for last are kept.
    pub(super) fn layers_of(&mut self, space: &Space) -> Rc<Layers> {
        let now = changes();
        if let Some((known, then, layers)) = &self.layers
            && *then == now
            && known.is_same(space)
        {
            return Rc::clone(layers);
        }
        let layers = Rc::new(Layers::of(space));
        self.layers = Some((space.clone(), now, Rc::clone(&layers)));
        layers
    }

    /// Goes on with each atom of a space that unifies with the pattern.
    pub(super) fn find(
        &mut self,
        space: &Space,
        pattern: Cell,
        pc: Pc,
        base: usize,
        size: Slot,
    ) -> Next {
        let mut layers = self.layers_of(space);
        let keys = self.heap.keys(pattern);
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        layers.candidates(&Probe::of_keys(&keys), &mut rows);
        let next = match rows.len() {
            0 => Next::Fail,
            1 => {
                self.head_trail = self.heap.trail.len();
                if self.take_row(&layers, rows[0], pattern) {
                    Next::At(pc, base)
                } else {
                    // Nothing that was bound outlives this.
                    Next::Fail
                }
            }
            _ => {
                // What is found now counts, whatever is done with the first of it.
                if space.is_writable() {
                    layers = Rc::new(Layers::of(&space.snapshot()));
                }
                let kind = Kind::Rows {
                    layers,
                    rows: rows.as_slice().into(),
                    next: 0,
                    pattern,
                    pc,
                };
                self.choose(kind, base, base + 2 + usize::from(size));
                Next::Fail
            }
        };
        self.rows = rows;
        next
    }

    /// Unifies the pattern with a row.
    pub(super) fn take_row(&mut self, layers: &Layers, row: Row, pattern: Cell) -> bool {
        let heap = &mut self.heap;
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        let proving = self.program.proving;
        let mut fact = None;
        let unified = layers
            .with_row(row, |found| {
                let unified = heap.unify_row(pattern, found.tokens(), found.values(), &mut frame);
                if unified && proving {
                    fact = Some(FactUse::of(found.atom(), found.origin()));
                }
                unified
            })
            .unwrap_or(false);
        self.log.extend(fact.map(|fact| Step::Fact(Rc::new(fact))));
        self.frame = frame;
        unified
    }

    /// The solutions of a query; `None` if what is queried is no space.
    pub(super) fn query(&mut self, space: Cell, pattern: Cell) -> Option<Vec<Way>> {
        if !space.is_box() {
            return None;
        }
        let space = self.heap.box_of(space).as_space()?.clone();
        let pattern = self.heap.export(pattern);
        let mut bindings = crate::unify::Bindings::new();
        let (meter, exhausted) = (&mut self.meter, &mut self.exhausted);
        let solutions = space.solutions(&pattern, &mut bindings, false, &mut |held| {
            let checked = meter.reduce().and_then(|()| meter.check_bytes(held * 192));
            *exhausted = checked.err();
            exhausted.is_none()
        });
        if self.exhausted.is_some() {
            return None;
        }
        Some(
            solutions
                .into_iter()
                .map(|(bindings, _)| Way {
                    bindings,
                    atom: None,
                    step: None,
                })
                .collect(),
        )
    }
}

//! Recording: what led to where the evaluation is, and the proof that is made of it.
//!
//! The log has each thing once for each stretch of it that a choice may cut off: whether
//! something is in it is noted by what it is, and forgotten where the log is cut off. Of rows, which
//! are many, the place is looked at where one may have been written last.
//!
//! Source: P. Briggs, L. Torczon, "An Efficient Representation for Sparse Sets", ACM Letters
//! on Programming Languages and Systems 2, 1993.

use std::rc::Rc;

use super::Machine;
use crate::evaluate::{FactUse, Proof, ProofBuilder};
use crate::fast::choice::Step;
use crate::space::{Layers, Row};

/// How many rows are told apart at first.
const ROWS_MIN: usize = 256;

/// What is in the log.
#[derive(Default)]
pub(super) struct Recorded {
    /// Whether what code uses is in it, by its number.
    used: Vec<bool>,
    /// Where rows were written into it last, by a part of the row's number. What stands there says
    /// whether they still are.
    rows: Vec<u32>,
}

impl Recorded {
    /// Whether the log has what code used.
    #[inline(always)]
    pub(super) fn has(&self, used: u32) -> bool {
        self.used.get(used as usize) == Some(&true)
    }

    /// Cuts the log off.
    pub(super) fn cut(&mut self, log: &mut Vec<Step>, top: usize) {
        for step in &log[top..] {
            if let Step::Used(used) = step {
                self.used[*used as usize] = false;
            }
        }
        log.truncate(top);
    }

    /// Writes the use of a fact, of layers that stay as they are, into the log.
    #[inline(always)]
    pub(super) fn add_row(&mut self, log: &mut Vec<Step>, layers: &Rc<Layers>, row: Row) {
        let hash = hash_of(layers, row);
        let place = hash & self.rows.len().wrapping_sub(1);
        if let Some(at) = self.rows.get(place)
            && let Some(Step::Row(known, there)) = log.get(*at as usize)
            && *there == row
            && Rc::ptr_eq(known, layers)
        {
            return;
        }
        self.add_new_row(log, layers, row, hash);
    }

    #[inline(never)]
    fn add_new_row(&mut self, log: &mut Vec<Step>, layers: &Rc<Layers>, row: Row, hash: usize) {
        let places = &mut self.rows;
        if places.len() <= 2 * log.len() || places.is_empty() {
            let size = (4 * log.len()).max(ROWS_MIN).next_power_of_two();
            places.resize(size, u32::MAX);
        }
        let mask = places.len() - 1;
        places[hash & mask] = log.len() as u32;
        log.push(Step::Row(Rc::clone(layers), row));
    }
}

/// Which place a row has among those that are a power of two.
#[inline(always)]
fn hash_of(layers: &Rc<Layers>, row: Row) -> usize {
    let space = (Rc::as_ptr(layers) as usize >> 4) as u32;
    let mixed = row.row ^ row.layer.wrapping_mul(0x9e37_79b9) ^ space.wrapping_mul(0x85eb_ca6b);
    mixed as usize
}

impl Machine<'_> {
    /// Records what code used.
    #[inline(always)]
    pub(super) fn record(&mut self, used: u32) {
        if !self.recorded.has(used) {
            self.record_new(used);
        }
    }

    #[inline(never)]
    fn record_new(&mut self, used: u32) {
        let places = &mut self.recorded.used;
        if places.len() <= used as usize {
            places.resize(self.program.ways_used(), false);
        }
        places[used as usize] = true;
        self.log.push(Step::Used(used));
    }

    /// Records the use of a fact: by its row, if that stays as it is.
    pub(super) fn record_fact(&mut self, layers: &Rc<Layers>, row: Row) {
        if layers.is_frozen() {
            return self.record_row(layers, row);
        }
        let open = layers.open(row.layer as usize);
        let fact = open.row(row);
        let fact = fact.map(|found| FactUse::of(found.atom(), found.origin()));
        self.log.extend(fact.map(|fact| Step::Fact(Rc::new(fact))));
    }

    fn record_row(&mut self, layers: &Rc<Layers>, row: Row) {
        self.recorded.add_row(&mut self.log, layers, row);
    }

    /// Records what was gathered or set aside, and led to where the evaluation is now.
    pub(super) fn record_all(&mut self, steps: &mut Vec<Step>) {
        for step in steps.drain(..) {
            match step {
                Step::Used(used) => self.record(used),
                Step::Row(layers, row) => self.record_row(&layers, row),
                step => self.log.push(step),
            }
        }
    }

    /// What led to the result at hand.
    pub(super) fn proof(&self) -> Proof {
        let mut proof = ProofBuilder::of_code(&self.program.uses, self.log.len());
        for step in &self.log {
            match step {
                Step::Used(number) => proof.add_way(*number),
                Step::Operation(number) => proof.add_call(*number),
                Step::Fact(fact) => proof.add_fact((**fact).clone()),
                Step::Row(layers, row) => proof.add_row(layers, *row),
                Step::Plain(other) => proof.add_all(other),
            }
        }
        proof.finish()
    }
}

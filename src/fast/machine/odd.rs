//! Signs that what was evaluated may be something else to the plain evaluator, which then looks at it
//! once more, see [`second`](crate::fast::second).

use smallvec::{SmallVec, smallvec};

use super::Machine;
use crate::budget::Budget;
use crate::fast::cell::{Cell, Kind};
use crate::types;

/// What is looked at again took at most so many reductions.
const SHORT: u64 = 512;
/// And the second look takes at most so many.
const LOOK_MAX: u64 = 4096;
/// So many results, and so many parts of each, are looked at for whether they are well-typed.
const RESULTS_MAX: usize = 16;
const PARTS_MAX: usize = 32;

impl Machine<'_> {
    /// Whether what was evaluated so far is short and changed nothing.
    fn may_look_again(&self) -> bool {
        self.host.looks_again
            && !self.host.has_changed
            && !self.has_ended
            && self.host.settings.stack_depth_max == usize::MAX
            && self.host.tabled.is_empty()
            && self.spent() <= SHORT
    }

    /// What may be spent to evaluate once more what was evaluated; `None` if that is not to be.
    pub(in crate::fast) fn look_again_within(&mut self) -> Option<Budget> {
        if !self.may_look_again() {
            return None;
        }
        self.look_at_doubts();
        let is_odd = self.is_odd || self.results.iter().any(|answer| answer.atom.is_error());
        is_odd.then(|| {
            let rest = self.meter.rest();
            let left = rest.reductions.min(LOOK_MAX);
            rest.reductions(left)
        })
    }

    /// Notes of a result of the evaluation whether it is ill-typed, by one of several types of its head
    /// too, or has such in it.
    pub(in crate::fast) fn note_result(&mut self, result: Cell) {
        if self.is_odd || self.results.len() >= RESULTS_MAX || !self.may_look_again() {
            return;
        }
        let (mut pending, mut left): (SmallVec<[Cell; 16]>, usize) = (smallvec![result], PARTS_MAX);
        while let Some(part) = pending.pop() {
            let part = self.heap.deref(part);
            if !part.is_exp() || left == 0 {
                continue;
            }
            left -= 1;
            let (first, count) = self.heap.elements(part.at());
            if count == 0 {
                continue;
            }
            let mut head = self.heap.deref(self.heap.word(first));
            if head.is_exp() && self.heap.header(head.at()).arity() > 0 {
                head = self
                    .heap
                    .deref(self.heap.word(self.heap.elements(head.at()).0));
            }
            if let Kind::Sym(id) = head.kind()
                && !self.is_untyped(id)
            {
                if self.type_of(part).is_some() {
                    continue;
                }
                let atom = self.heap.export(part);
                let found = types::typed(&self.space, &atom);
                if found.iter().any(|found| found.error().is_some()) {
                    self.is_odd = true;
                    return;
                }
            }
            pending.extend((first..first + count).map(|at| self.heap.word(at)));
        }
    }
}

//! What code uses, recorded once on each way through it.
//!
//! Rules and operations are noted as they are compiled, and recorded together by one
//! instruction before the frame is left or a choice is made. So a way through a rule costs
//! one look at whether all of it is known already.

use smallvec::SmallVec;

use super::{Compiled, Compiler, Place};
use crate::atom::{Atom, Grounded};
use crate::evaluate::uses::Used;
use crate::fast::code::{ANY, FAIL, Instruction};

/// What was used on the way to an instruction and is not recorded yet.
#[derive(Clone, Default)]
pub(super) struct Pending {
    used: SmallVec<[Used; 6]>,
    /// How much of it was used before the branch of a form began.
    before: usize,
}

impl Pending {
    pub(super) fn add(&mut self, used: Used) {
        if !self.used.contains(&used) {
            self.used.push(used);
        }
    }

    /// Adds what was used on another way to the same place.
    pub(super) fn add_all(&mut self, other: &Pending) {
        for used in &other.used {
            self.add(*used);
        }
    }

    /// Begins a branch; what was pending before it, for when it has ended.
    fn branch(&mut self) -> Pending {
        let before = self.clone();
        self.before = self.used.len();
        before
    }
}

/// Whether what was used has to be recorded before the instruction: it leaves the frame, it
/// may lead to a result by itself, or it makes a choice. What is recorded before a choice need
/// not be recorded for each of its ways.
pub(super) fn ends(instruction: &Instruction) -> bool {
    use Instruction as I;
    matches!(
        instruction,
        I::Return { .. }
            | I::ReturnConstant { .. }
            | I::ReturnLeaf { .. }
            | I::ReturnResult
            | I::ReturnAny
            | I::Table { .. }
            | I::Answer
            | I::EvaluateElement
            | I::TakeElement
            | I::Step { .. }
            | I::CallLast { .. }
            | I::CallLastBare { .. }
            | I::CallSlotsLast { .. }
            | I::CallFourLast { .. }
            | I::CallDecidedLast { .. }
            | I::CallAppliedLast { .. }
            | I::EvaluateLast { .. }
            | I::Again { .. }
            | I::Operate { .. }
            | I::OfferResult { .. }
            | I::GatherAdd { .. }
            | I::Alternatives { .. }
            | I::Elements { .. }
            | I::Match { .. }
            | I::Query { .. }
            | I::IfFacts { .. }
    )
}

impl Compiler<'_> {
    /// Notes that an operation is called.
    pub(super) fn record(&mut self, operation: u32) {
        if self.program.proving {
            self.pending.add(Used::Operation(operation));
        }
    }

    /// Notes the operations that a condition of numbers and variables calls.
    pub(super) fn record_called(&mut self, condition: &Atom) {
        let mut open = vec![condition];
        while let Some(children) = open.pop().map(Atom::as_expression) {
            let Some(children) = children.filter(|_| self.program.proving) else {
                continue;
            };
            if let Some(Atom::Grounded(Grounded::Operation(operation))) = children.first() {
                let number = self.program.operation(operation, ANY);
                self.record(number);
            }
            open.extend(children);
        }
    }

    /// Records what was used so far.
    pub(super) fn record_pending(&mut self) {
        self.record_from(0);
    }

    /// Records what was used in the branch that ends here.
    pub(super) fn record_branch(&mut self) {
        self.record_from(self.pending.before);
    }

    fn record_from(&mut self, from: usize) {
        if let Some(used) = self
            .pending
            .used
            .get(from..)
            .filter(|used| !used.is_empty())
        {
            let used = self.program.used(used);
            self.program.code.push(Instruction::Record { used });
            self.pending.used.truncate(from);
            // What is used from here on in the branch is all of the branch's.
            self.pending.before = self.pending.before.min(from);
        }
    }

    /// Runs `inner` for a branch of its own: what it uses and does not record is forgotten.
    pub(super) fn recording<T>(
        &mut self,
        inner: impl FnOnce(&mut Self) -> Compiled<T>,
    ) -> Compiled<T> {
        let before = self.pending.branch();
        let result = inner(self);
        self.pending = before;
        result
    }

    /// An error of the instruction goes to the handler, once what led to it is recorded.
    pub(super) fn on_error(&mut self, at: usize) {
        let pending = self.pending.clone();
        self.handlers[self.handler]
            .uses
            .push((at, Place::OnError, pending));
    }

    /// Lands instructions here, each by a way that records what was used before it.
    pub(super) fn land_recorded(&mut self, uses: Vec<(usize, Place, Pending)>) {
        let mut landing: Vec<(usize, Place)> = Vec::with_capacity(uses.len());
        let mut ways: Vec<(Pending, Vec<(usize, Place)>)> = Vec::new();
        for (at, place, pending) in uses {
            if pending.used.is_empty() {
                landing.push((at, place));
                continue;
            }
            match ways.iter_mut().find(|way| way.0.used == pending.used) {
                Some((_, landing)) => landing.push((at, place)),
                None => ways.push((pending, vec![(at, place)])),
            }
        }
        for (pending, uses) in ways {
            let here = self.here();
            for (at, place) in uses {
                self.fill(at, place, here);
            }
            self.pending = pending;
            self.record_pending();
            landing.push((self.emit(Instruction::Jump { to: FAIL }), Place::To));
        }
        self.pending = Pending::default();
        let here = self.here();
        for (at, place) in landing {
            self.fill(at, place, here);
        }
    }
}

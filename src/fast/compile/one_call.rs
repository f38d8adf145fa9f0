//! Values that one call gives, where errors are values.
//!
//! What is evaluated for `case` or `collapse` begins with a mark, by which errors wait for its
//! other results. Where it is one call of plain arguments, nothing can have been chosen between
//! the mark and the call: the call's own frame says the same, and what it gives is taken as it
//! is, without the mark.

use super::{Compiler, Value};
use crate::fast::code::{Instruction as I, Operand, Pc, Slot};

impl Compiler<'_> {
    /// Takes what one call gives into a slot, if the code from `start` on, just behind an
    /// instruction that sets the mark, is such a call, whose result `found` is. Errors of it went
    /// to the handler. Where arguments may have to be evaluated first, only the way on which they
    /// need not goes without the mark, and the code of the other is left to be ended.
    pub(super) fn takes_one_call(
        &mut self,
        start: usize,
        mark: Slot,
        slot: Slot,
        found: Value,
        handler: usize,
    ) -> Taken {
        let end = self.program.code.len();
        let leads_here = |resume: Pc| (start..=end).contains(&(resume as usize));
        let Some([I::Mark { to }, code @ ..]) = self.program.code.get(start.wrapping_sub(1)..)
        else {
            return Taken::No;
        };
        if *to != mark || self.odd.iter().any(|odd| leads_here(odd.resume)) {
            return Taken::No;
        }
        let [first, .., I::Take { to: taken, .. }] = *code else {
            return Taken::No;
        };
        if found != Operand::slot(taken) {
            return Taken::No;
        }
        match (first, code.len()) {
            (
                I::CallSlots {
                    function,
                    slots,
                    size,
                    mark: of,
                },
                2,
            ) if of == mark => {
                let uses = &mut self.handlers[handler].uses;
                if uses.last().is_none_or(|(at, ..)| *at != end - 1)
                    || self.sized.last() != Some(&start)
                {
                    return Taken::No;
                }
                uses.pop();
                self.sized.pop();
                self.program.code.truncate(start - 1);
                let live = self.program.live.remove(&(end as Pc - 1));
                let at = self.emit(I::CallSlots {
                    function,
                    slots,
                    size,
                    mark: Slot::MAX,
                });
                self.sized.push(at);
                self.waits_without(mark, live, at as Pc + 1);
                self.undefine(mark);
                self.emit(I::TakeAny { to: slot });
                self.define(slot);
                Taken::Always
            }
            (
                I::TryCall {
                    function,
                    arguments,
                    size,
                    mark: of,
                    skip,
                },
                _,
            ) if of == mark && start + usize::from(skip) == end - 1 => {
                // The instructions that end the other way: the expression has a result, which is
                // moved, and a jump.
                let Ok(skip) = u8::try_from(end + 3 - (start - 1)) else {
                    return Taken::No;
                };
                let Some(place) = self.sized.iter().position(|at| *at == start) else {
                    return Taken::No;
                };
                self.sized[place] = start - 1;
                self.program.code[start - 1] = I::TryCall {
                    function,
                    arguments,
                    size,
                    mark: Slot::MAX,
                    skip,
                };
                self.program.code[start] = I::Mark { to: mark };
                Taken::AtOnce
            }
            _ => Taken::No,
        }
    }

    /// Ends what [`Compiler::takes_one_call`] left, behind the move of the result.
    pub(super) fn take_at_once(&mut self, mark: Slot, slot: Slot, take: usize) {
        let over = self.emit(I::Jump { to: 0 });
        let here = self.here();
        let live = self.program.live.get(&(take as Pc)).cloned();
        self.waits_without(mark, live, here);
        self.emit(I::TakeAny { to: slot });
        self.undefine(mark);
        let to = self.here();
        self.program.code[over] = I::Jump { to };
    }

    /// What is in use where a call comes back to, but for the mark.
    fn waits_without(&mut self, mark: Slot, live: Option<Box<[u64]>>, at: Pc) {
        if let Some(mut live) = live {
            if let Some(word) = live.get_mut(usize::from(mark) / 64) {
                *word &= !(1 << (mark % 64));
            }
            self.program.live.insert(at, live);
        }
    }

    fn undefine(&mut self, slot: Slot) {
        if let Some(word) = self.defined.get_mut(usize::from(slot) / 64) {
            *word &= !(1 << (slot % 64));
        }
    }
}

/// Whether what one call gives is taken as it is.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    No,
    /// Where its arguments need not be evaluated: the rest is to be ended.
    AtOnce,
    Always,
}

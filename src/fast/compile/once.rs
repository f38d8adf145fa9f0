//! `once`: the first result of an evaluation, and no more of it.

use super::call::Call;
use super::{Compiled, Compiler, Leave, Value, Want, is_whole_error};
use crate::atom::Atom;
use crate::fast::code::{ANY, FAIL, Instruction, Operand};
use crate::fast::head::Signature;

impl Compiler<'_> {
    /// `once` of what is evaluated as `collapse` does, but that what its first result binds is
    /// bound from there on, and an error is one.
    pub(super) fn once(
        &mut self,
        call: Call<'_>,
        signature: &Signature,
        inner: &Atom,
    ) -> Compiled<Value> {
        if self.watched || self.program.proving {
            return Err(Leave);
        }
        self.form_fits(signature, call.expected)?;
        let want = call.want;
        let to = self.slot()?;
        let (_, mark) = self.marked(std::slice::from_ref(call.atom), want, |this, within| {
            let keep = this.target()?;
            let without = this.defined.clone();
            let open = this.emit_sized(Instruction::CaseOpen {
                keep,
                empty: FAIL,
                size: 0,
            });
            let slot = this.slot()?;
            let mark = this.target()?;
            this.emit(Instruction::Mark { to: mark });
            this.caught(slot, Some(mark), |this| match is_whole_error(inner) {
                true => this.quoted(inner),
                false => this.evaluate(inner, ANY, Want::Shared),
            })?;
            this.emit(Instruction::Only { keep, slot });
            this.emit(Instruction::Offer { from: slot });
            let value = this.take(within.want)?;
            let end = this.join(value, to, want);
            let defined = this.defined.clone();
            this.begin_without(open, without);
            this.emit(Instruction::Fail);
            // Only the way with a result goes on.
            this.defined = defined;
            this.land([end]);
            this.define(to);
            Ok(())
        })?;
        if want != Want::Tail {
            self.exit(mark);
        }
        Ok(Operand::slot(to))
    }
}

//! States: made, read and changed.

use std::sync::Arc;

use super::call::Call;
use super::typing::TypedCall;
use super::{Compiled, Compiler, Leave, Name, OddWhat, Place, Value, Want};
use crate::atom::{Atom, Grounded, Variable, known};
use crate::fast::code::{ANY, FAIL, Instruction, Of, Operand, Slot};
use crate::fast::head::Signature;
use crate::fast::program::StateOperation;
use crate::fast::site::Expected;
use crate::operation::Operation;
use crate::types;
use crate::unify::{Bindings, unify};

impl Compiler<'_> {
    pub(super) fn state_form(
        &mut self,
        call: Call<'_>,
        what: StateOperation,
        operation: &Arc<Operation>,
        signature: &Signature,
    ) -> Compiled<Value> {
        let Call {
            atom,
            children,
            expected,
            want,
        } = call;
        // Of what a state is that is made in the call, its type there says, not the state's own.
        let is_made = |atom: &Atom| {
            let head = atom.as_expression().and_then(<[Atom]>::first);
            head.and_then(Atom::as_symbol) == Some("new-state")
        };
        if children[1..].iter().any(is_made) {
            return Err(Leave);
        }
        if let Some(signature) = of_known_state(children, signature) {
            let make = |this: &mut Self, typed: TypedCall| {
                this.on_state(call, what, operation, &signature, &typed.operands[1..])
            };
            return self.typed(call, &signature, make);
        }
        let expected = Expected::Known(expected);
        self.decided_as(
            (atom, children),
            (signature, None),
            expected,
            want,
            |this, operands, _, _, _| {
                this.on_state(call, what, operation, signature, &operands[1..])
            },
        )
    }

    fn on_state(
        &mut self,
        call: Call<'_>,
        what: StateOperation,
        operation: &Arc<Operation>,
        signature: &Signature,
        operands: &[Operand],
    ) -> Compiled<Value> {
        let Call {
            children,
            expected,
            want,
            ..
        } = call;
        let written = self.as_written(&children[1..], operands);
        let returns = match self.result_type(&signature.returns) {
            // What its type variable stands for is as it is expected to be.
            ANY => self.program.stood_for(expected),
            returns => returns,
        };
        let number = self.program.operation(operation, returns);
        let slow = (number, operands.to_vec(), written);
        match (what, operands) {
            (StateOperation::Get, [from]) => {
                let (from, to) = (self.in_slot(*from)?, self.slot()?);
                let odd = FAIL;
                let at = self.emit(Instruction::GetState { to, from, odd });
                // What the call says of what is in the state is seen with its types.
                let call = self.call_of_slot(&children[0], from);
                let slow = self.slow(vec![(at, Place::Odd)], OddWhat::Source(call), ANY)?;
                self.record(number);
                self.define(to);
                self.odd[slow].to = Some(to);
                self.odd[slow].resume = self.here();
                // What is in it may be a call.
                self.settle_as(to, returns, want, want == Want::Own, Of::Result)
            }
            (StateOperation::Change, [state, value]) => {
                let (state, value) = (self.in_slot(*state)?, self.in_slot(*value)?);
                let (to, odd) = (self.slot()?, FAIL);
                let change = Instruction::ChangeState {
                    to,
                    state,
                    value,
                    odd,
                };
                self.with_slow(change, to, slow, want)
            }
            _ => self.operate(operation, signature, operands, slow.2, want),
        }
    }
}

impl Compiler<'_> {
    /// A call with one argument, which is in a slot.
    fn call_of_slot(&mut self, head: &Atom, slot: Slot) -> Atom {
        let variable = Variable::new("state").renamed();
        let fresh_in = None;
        self.names.insert(variable.clone(), Name { slot, fresh_in });
        Atom::expression([head.clone(), Atom::Variable(variable)])
    }
}

/// The signature for a state that is written in the call, if it is known what it is of.
fn of_known_state(children: &[Atom], signature: &Signature) -> Option<Signature> {
    let Atom::Grounded(Grounded::State(state)) = children.get(1)? else {
        return None;
    };
    let of = state.type_atom();
    if !of.is_ground() || types::is_undefined(of) || types::is_meta_type(of) {
        return None;
    }
    let found = Atom::expression([Atom::Symbol(known().state_monad.clone()), of.clone()]);
    let mut bindings = Bindings::new();
    unify(signature.parameters.first()?, &found, &mut bindings).then(|| Signature {
        parameters: signature
            .parameters
            .iter()
            .map(|parameter| bindings.apply(parameter))
            .collect(),
        returns: bindings.apply(&signature.returns),
    })
}

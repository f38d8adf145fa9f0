//! The instructions of minimal MeTTa: bodies within `function`, `chain`, `eval` and `metta`.
//!
//! What an instruction is not compiled for, as the sum of what are no numbers, goes to the plain
//! evaluator, which makes the whole body or `chain` again: until then nothing was changed but
//! bindings, and these come out the same.

use std::collections::HashMap;
use std::sync::Arc;

use super::call::starts_with_instruction;
use super::control::two_cases;
use super::slow::is_plainly_written;
use super::{Bound, Compiled, Compiler, Leave, Name, OddWhat, Place, Value, Want, is_whole_error};
use crate::atom::{Atom, Variable, known};
use crate::fast::code::{ANY, FAIL, Instruction, Of, Operand, Slot, TypeId};
use crate::fast::head::Head;
use crate::fast::program::Inline;
use crate::operation::Operation;
use crate::types;
use crate::unify::{Replacement, rebuild};

/// Operations that change nothing and give one result, which is no error and not evaluated.
const GIVE_ONE: [&str; 2] = ["get-metatype", "_is-error"];

/// Instructions one after the other, and what is evaluated then.
pub(super) struct Steps {
    /// What the plain evaluator makes again: what a rule gives for a call, or a `chain`.
    again: OddWhat,
    /// Whether they are within `function`, so that `return` ends them.
    in_function: bool,
    /// The type that what is returned is evaluated as; `None` if it is not.
    returned: Option<TypeId>,
}

impl Compiler<'_> {
    /// The body of a rule, which `function` has within; `returned` is the type that what it
    /// returns is evaluated as, if it is. Its head has so many arguments.
    pub(super) fn function_body(
        &mut self,
        body: &Atom,
        head: &Atom,
        arity: usize,
        returned: Option<TypeId>,
    ) -> Compiled<()> {
        let mut call = vec![head.clone()];
        for slot in 0..arity {
            call.push(self.named_value(slot as Slot));
        }
        // Variables that are the body's own are so when it is made again.
        let mut own: HashMap<Variable, Variable> = HashMap::new();
        let within = rebuild(body, |variable| {
            if self.names.contains_key(variable) {
                return Replacement::Keep;
            }
            let other = own.entry(variable.clone());
            let other = other.or_insert_with(|| variable.renamed());
            Replacement::Final(Atom::Variable(other.clone()))
        });
        if !is_plainly_written(&within) {
            return Err(Leave);
        }
        let whole = Atom::expression([Atom::Symbol(known().function.clone()), within]);
        let pair = Atom::expression([Atom::expression(call), whole]);
        let steps = Steps {
            again: OddWhat::Rule(pair, returned.is_none()),
            in_function: true,
            returned,
        };
        self.instructions(&steps, body)?;
        self.finish()
    }

    /// A `chain` whose result is that of a rule.
    pub(super) fn chain_form(&mut self, atom: &Atom, expected: TypeId) -> Compiled<Value> {
        let steps = Steps {
            again: OddWhat::Call(atom.clone()),
            in_function: false,
            returned: Some(expected),
        };
        self.instructions(&steps, atom)?;
        Ok(Operand::slot(0))
    }

    /// `eval` of an operation, of which nothing is evaluated further.
    pub(super) fn eval_form(&mut self, atom: &Atom, called: &Atom, want: Want) -> Compiled<Value> {
        let (operation, arguments) = self.called_at_once(called)?;
        let inline = self.program.inline(&operation);
        if inline.is_none() {
            return Err(Leave);
        }
        let mut slow = None;
        let to = self.one_step(&operation, arguments, |this, at, place| {
            let asked = OddWhat::Call(atom.clone());
            slow = Some(this.slow(vec![(at, place)], asked, ANY)?);
            Ok(())
        })?;
        if let Some(slow) = slow {
            self.odd[slow].to = Some(to);
            self.odd[slow].resume = self.here();
        }
        Ok(self.give(Operand::slot(to), want))
    }

    /// `metta`: evaluates an atom as any that is expected to be of a type.
    pub(super) fn metta_form(
        &mut self,
        (atom, wanted, space): (&Atom, &Atom, &Atom),
        want: Want,
    ) -> Compiled<Value> {
        let here = *space == Atom::space(self.program.space.clone());
        let is_plain = matches!(wanted, Atom::Symbol(_)) && !types::is_meta_type(wanted);
        // What is an error is of its own type, and a variable may stand for one.
        let is_call = matches!(atom, Atom::Expression(_)) && !is_whole_error(atom);
        if !here || !(types::is_undefined(wanted) || is_plain && is_call) {
            return Err(Leave);
        }
        let expected = self.program.type_id(wanted);
        self.evaluated_as(atom, expected, want)
    }

    fn instructions(&mut self, steps: &Steps, body: &Atom) -> Compiled<()> {
        let known = known();
        let Some([Atom::Symbol(head), parts @ ..]) = body
            .as_expression()
            .filter(|_| starts_with_instruction(body) || steps.in_function)
        else {
            return match steps.in_function {
                true => Err(Leave),
                false => self.returned(steps, body),
            };
        };
        self.deeper()?;
        match parts {
            [value] if *head == known.return_ && steps.in_function => {
                self.returned(steps, value)?
            }
            [inner, Atom::Variable(variable), next]
                if *head == known.chain && !self.names.contains_key(variable) =>
            {
                let slot = self.instruction(steps, inner)?;
                let fresh_in = None;
                self.name(variable, Name { slot, fresh_in });
                self.instructions(steps, next)?;
            }
            [value, pattern, then, otherwise] if *head == known.unify => {
                let (value, pattern) = self.value_first(value, pattern);
                let is_open =
                    matches!(value, Atom::Variable(variable) if !self.names.contains_key(variable));
                if is_open {
                    return Err(Leave);
                }
                let value = self.quoted(value)?;
                let slot = self.in_slot(value)?;
                let cases = two_cases(pattern, then, otherwise);
                let asked = (steps.again.clone(), steps.returned.unwrap_or(ANY));
                self.cases_of(slot, &cases, Want::Tail, asked, &|this, body, _| {
                    this.instructions(steps, body)?;
                    Ok(Operand::slot(0))
                })?;
            }
            _ => return Err(Leave),
        }
        self.depth -= 1;
        Ok(())
    }

    fn returned(&mut self, steps: &Steps, value: &Atom) -> Compiled<()> {
        match steps.returned {
            Some(expected) => self.part(|this| {
                this.introduce(value)?;
                let of = Of::Element;
                this.template_as(value, expected, Want::Tail, Bound::Something, of)?;
                Ok(())
            }),
            // The call itself is the result.
            None if value.is_symbol(&known().not_reducible) => Err(Leave),
            None => {
                let value = self.quoted(value)?;
                self.return_value(value);
                Ok(())
            }
        }
    }

    /// What an instruction gives, as it stands.
    fn instruction(&mut self, steps: &Steps, atom: &Atom) -> Compiled<Slot> {
        let known = known();
        if !starts_with_instruction(atom) {
            let value = self.quoted(atom)?;
            return self.in_slot(value);
        }
        match atom.as_expression().unwrap_or_default() {
            [Atom::Symbol(head), call] if *head == known.eval => {
                let (operation, arguments) = self.called_at_once(call)?;
                self.one_step(&operation, arguments, |this, at, place| {
                    this.again(steps, at, place)
                })
            }
            [Atom::Symbol(head), first, rest] if *head == known.cons_atom => {
                let (first, rest) = (self.quoted(first)?, self.quoted(rest)?);
                let (first, rest) = (self.in_slot(first)?, self.in_slot(rest)?);
                let to = self.slot()?;
                let odd = FAIL;
                let made = Instruction::Cons {
                    to,
                    first,
                    rest,
                    odd,
                };
                self.or_again(steps, made, to)
            }
            [Atom::Symbol(head), whole] if *head == known.decons_atom => {
                let from = self.quoted(whole)?;
                let from = self.in_slot(from)?;
                let to = self.slot()?;
                let odd = FAIL;
                self.or_again(steps, Instruction::Decons { to, from, odd }, to)
            }
            [Atom::Symbol(head)] if *head == known.context_space => {
                let space = Atom::space(self.program.space.clone());
                let value = self.constant_value(&space)?;
                self.in_slot(value)
            }
            _ => Err(Leave),
        }
    }

    /// The operation that `eval` calls, and its arguments.
    fn called_at_once<'a>(&mut self, call: &'a Atom) -> Compiled<(Arc<Operation>, &'a [Atom])> {
        let [called, arguments @ ..] = call.as_expression().ok_or(Leave)? else {
            return Err(Leave);
        };
        match self.program.head(self.host, self.heap, called) {
            Head::Operation(operation, _) if operation.control().is_none() => {
                Ok((operation, arguments))
            }
            _ => Err(Leave),
        }
    }

    /// What an operation gives for arguments as they stand; `odd_way` makes the slow way of an
    /// instruction, before what it gives is there.
    fn one_step(
        &mut self,
        operation: &Arc<Operation>,
        arguments: &[Atom],
        odd_way: impl FnOnce(&mut Self, usize, Place) -> Compiled<()>,
    ) -> Compiled<Slot> {
        let mut operands = Vec::with_capacity(arguments.len());
        for argument in arguments {
            operands.push(self.quoted(argument)?);
        }
        let inline = self.program.inline(operation);
        let number = self.program.operation(operation, ANY);
        let to = self.slot()?;
        let made = match (inline, operands.as_slice()) {
            (_, [left, right])
                if inline == Some(Inline::Equal) || operation.name() == "noreduce-eq" =>
            {
                let (left, right) = (self.in_slot(*left)?, self.in_slot(*right)?);
                self.emit(Instruction::Equal { to, left, right });
                self.record(number);
                self.define(to);
                return Ok(to);
            }
            (None, _) if GIVE_ONE.contains(&operation.name()) => {
                let number = self.program.operation(operation, TypeId::MAX);
                let operands = self.program.operands(&operands);
                let at = self.emit_sized(Instruction::Operate {
                    operation: number,
                    operands,
                    size: 0,
                    stuck: FAIL,
                    unchanged: false,
                });
                odd_way(self, at, Place::Stuck)?;
                self.record(number);
                let value = self.take(Want::Own)?;
                return self.in_slot(value);
            }
            (Some(inline), operands) => self.computed(inline, to, operands)?,
            (None, _) => return Err(Leave),
        };
        self.record(number);
        let at = self.emit(made);
        odd_way(self, at, Place::Odd)?;
        self.define(to);
        Ok(to)
    }

    /// An instruction, and the call again where it is odd.
    fn or_again(&mut self, steps: &Steps, made: Instruction, to: Slot) -> Compiled<Slot> {
        let at = self.emit(made);
        self.again(steps, at, Place::Odd)?;
        self.define(to);
        Ok(to)
    }

    fn again(&mut self, steps: &Steps, at: usize, place: Place) -> Compiled<()> {
        let expected = steps.returned.unwrap_or(ANY);
        self.slow(vec![(at, place)], steps.again.clone(), expected)?;
        Ok(())
    }
}

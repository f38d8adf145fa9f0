//! The instructions of minimal MeTTa: bodies within `function`, `chain`, `eval` and `metta`.
//!
//! `eval` of a call enters code that returns what a rule gives as it is. Where an instruction is
//! odd, as the sum of what are no numbers, the plain evaluator goes on with what is left of the
//! body or `chain` from there, with all that was found so far in it.

use std::cell::RefCell;
use std::collections::HashMap;
use std::sync::Arc;

use super::call::{in_slots, starts_with_instruction};
use super::control::two_cases;
use super::slow::is_plainly_written;
use super::{Bound, Compiled, Compiler, Leave, Name, OddWhat, Place, Value, Want, is_whole_error};
use crate::atom::{Atom, Variable, known};
use crate::evaluate::substitute;
use crate::fast::code::{ANY, FAIL, Gives, Instruction, Of, Operand, STEPS, Slot, TypeId};
use crate::fast::head::Head;
use crate::fast::program::Inline;
use crate::operation::Operation;
use crate::types;
use crate::unify::{Replacement, rebuild};

/// Operations that change nothing and give one result, which is no error and not evaluated.
const GIVE_ONE: [&str; 4] = ["get-metatype", "_is-error", "_types-in", "_is-type-among"];

/// What becomes of what instructions come to.
#[derive(Clone, Copy)]
pub(super) enum Ends {
    /// It is evaluated as a type.
    Value(TypeId),
    /// It is the result of the call.
    Atom,
    /// It is what one step of the call gives.
    Step,
    /// It is what some steps give, of a `function` that is around the call: `return`, or what is left.
    Steps,
}

/// Instructions one after the other, and what is evaluated then.
struct Steps {
    /// What they are a result of: a call that a rule is for, or the form itself.
    call: Atom,
    /// Whether they are within `function`, so that `return` ends them.
    in_function: bool,
    ends: Ends,
    /// The slow ways that go on where all of it has ended.
    slow: RefCell<Vec<usize>>,
}

impl Compiler<'_> {
    /// The body of a rule, which `function` has within. Its head has so many arguments.
    pub(super) fn function_body(
        &mut self,
        body: &Atom,
        head: &Atom,
        arity: usize,
        ends: Ends,
    ) -> Compiled<()> {
        let steps = Steps {
            call: self.called_by(head, arity),
            in_function: true,
            ends,
            slow: RefCell::default(),
        };
        if !is_plainly_written(body) {
            return Err(Leave);
        }
        self.instructions(&steps, body, Want::Tail)?;
        self.finish()
    }

    /// A call with what the first slots hold.
    fn called_by(&mut self, head: &Atom, arity: usize) -> Atom {
        let mut call = vec![head.clone()];
        for slot in 0..arity as Slot {
            let named = self.names.iter().find(|(_, name)| name.slot == slot);
            call.push(match named {
                Some((variable, _)) => Atom::Variable(variable.clone()),
                None => self.named_value(slot),
            });
        }
        Atom::expression(call)
    }

    /// What one step of a call gives by a rule: its body as it stands, unless that is a `function`;
    /// what is to be `gone_on` with from instructions is what these come to.
    pub(super) fn step_of_rule(
        &mut self,
        pattern: &Atom,
        body: &Atom,
        gone_on: bool,
    ) -> Compiled<()> {
        let parts = body.as_expression().unwrap_or_default();
        let [called, arguments @ ..] = pattern.as_expression().unwrap_or_default() else {
            return Err(Leave);
        };
        match (body, parts) {
            // It may turn out to be a `function`.
            (Atom::Variable(_), _) | (_, [Atom::Variable(_), _]) => Err(Leave),
            (_, [head, within @ Atom::Expression(_)]) if head.is_symbol(&known().function) => {
                self.function_body(within, called, arguments.len(), Ends::Step)
            }
            _ if gone_on && goes_on(body) => {
                self.function_body(body, called, arguments.len(), Ends::Steps)
            }
            _ => {
                self.introduce(body)?;
                let value = self.quoted(body)?;
                self.give_step(value)?;
                self.finish()
            }
        }
    }

    /// Returns a value as what one step gives.
    fn give_step(&mut self, value: Value) -> Compiled<()> {
        let from = self.in_slot(value)?;
        self.emit(Instruction::Offer { from });
        self.emit(Instruction::ReturnAny);
        Ok(())
    }

    /// A `chain` or `eval` that is called like a function.
    pub(super) fn steps_form(&mut self, atom: &Atom, ends: Ends, want: Want) -> Compiled<Value> {
        self.steps_within((atom, atom), false, ends, want)
    }

    /// A form as the body of a `function`, which its rule has.
    pub(super) fn steps_of_form(
        &mut self,
        atom: &Atom,
        body: &Atom,
        ends: Ends,
        want: Want,
    ) -> Compiled<Value> {
        self.steps_within((atom, body), true, ends, want)
    }

    /// The instructions of a form; what they come to is where their slow ways put it, too.
    fn steps_within(
        &mut self,
        (atom, body): (&Atom, &Atom),
        in_function: bool,
        ends: Ends,
        want: Want,
    ) -> Compiled<Value> {
        if !is_plainly_written(body) {
            return Err(Leave);
        }
        let steps = Steps {
            call: self.own_renamed(atom),
            in_function,
            ends,
            slow: RefCell::default(),
        };
        let (value, mark) = self.marked(std::slice::from_ref(atom), want, |this, inner| {
            if !in_function {
                this.check_given(&steps, body)?;
            }
            let value = this.instructions(&steps, body, inner.want)?;
            let slow = steps.slow.take();
            if want == Want::Tail || slow.is_empty() {
                return Ok(value);
            }
            // A slot that only these fill.
            let to = this.slot()?;
            this.emit(if value.is_constant() {
                Instruction::Constant {
                    to,
                    index: value.index() as u32,
                }
            } else {
                Instruction::Move {
                    to,
                    from: value.index() as Slot,
                }
            });
            this.define(to);
            this.record_pending();
            for number in slow {
                this.odd[number].to = Some(to);
                this.odd[number].resume = this.here();
            }
            Ok(Operand::slot(to))
        })?;
        self.exit(mark);
        Ok(value)
    }

    /// What a `chain` comes to as no more than a variable is as it was bound, and not evaluated, if it
    /// stood for nothing as the `chain` began: then the plain evaluator goes on.
    fn check_given(&mut self, steps: &Steps, body: &Atom) -> Compiled<()> {
        let (mut own, mut rest) = (Vec::new(), body);
        while let Some([head, _, Atom::Variable(variable), next]) = rest.as_expression()
            && head.is_symbol(&known().chain)
        {
            own.push(variable);
            rest = next;
        }
        let Atom::Variable(variable) = rest else {
            return Ok(());
        };
        if own.is_empty() || own.contains(&variable) {
            return Ok(());
        }
        let name = self.names.get(variable).ok_or(Leave)?;
        if name.fresh_in.is_some() {
            return Err(Leave);
        }
        let (slot, odd) = (name.slot, FAIL);
        let at = self.emit(Instruction::CheckGround { slot, odd });
        self.again(steps, body, at, Place::Odd)
    }

    /// An atom whose variables without a value are others: it may be made more than once.
    fn own_renamed(&self, atom: &Atom) -> Atom {
        let mut own: HashMap<Variable, Variable> = HashMap::new();
        rebuild(atom, |variable| {
            if self.names.contains_key(variable) {
                return Replacement::Keep;
            }
            let other = own.entry(variable.clone());
            let other = other.or_insert_with(|| variable.renamed());
            Replacement::Final(Atom::Variable(other.clone()))
        })
    }

    /// What is left of the instructions, for the plain evaluator, and the type that what comes of
    /// it is expected to have.
    fn rest(&self, steps: &Steps, body: &Atom) -> (OddWhat, TypeId) {
        let mut rest = self.own_renamed(body);
        if matches!(steps.ends, Ends::Steps) {
            // The `function` around it is the caller's.
            return (OddWhat::Rest(rest), ANY);
        }
        if steps.in_function {
            rest = Atom::expression([Atom::Symbol(known().function.clone()), rest]);
        }
        let pair = Atom::expression([steps.call.clone(), rest]);
        match steps.ends {
            Ends::Value(expected) => (OddWhat::Rule(pair, Gives::Value), expected),
            Ends::Atom => (OddWhat::Rule(pair, Gives::Atom), ANY),
            Ends::Step | Ends::Steps => (OddWhat::Rule(pair, Gives::Step), ANY),
        }
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
        // One with other parts than an error has is ill-typed.
        let parts = atom.as_expression().map_or(0, <[Atom]>::len);
        let is_error = atom.is_error() && parts != 3;
        if !here || is_error || !(types::is_undefined(wanted) || is_plain && is_call) {
            return Err(Leave);
        }
        let expected = self.program.type_id(wanted);
        self.evaluated_as(atom, expected, want)
    }

    fn instructions(&mut self, steps: &Steps, body: &Atom, want: Want) -> Compiled<Value> {
        let known = known();
        let Some([Atom::Symbol(head), parts @ ..]) = body
            .as_expression()
            .filter(|_| starts_with_instruction(body) || steps.in_function)
        else {
            return match steps.in_function {
                true => Err(Leave),
                false => self.returned(steps, body, want),
            };
        };
        self.deeper()?;
        let value = match parts {
            [value] if *head == known.return_ && steps.in_function => {
                self.returned(steps, value, want)?
            }
            [inner, Atom::Variable(variable), next]
                if *head == known.chain && self.is_of_chain(variable, next) =>
            {
                let goes_on = steps.in_function || starts_with_instruction(next);
                if !goes_on && self.may_bind_typed(inner, next) {
                    return Err(Leave);
                }
                let late = match goes_on {
                    true => Vec::new(),
                    false => self.bound_late(inner, next)?,
                };
                let slot = self.instruction(steps, inner, body)?;
                if gives_as_written(inner) {
                    self.calls.insert(slot);
                }
                let (mut variable, mut next) = (variable.clone(), next.clone());
                if self.names.contains_key(&variable) {
                    // The form itself keeps it as it is.
                    let own = variable.renamed();
                    next = substitute(&next, &variable, &Atom::Variable(own.clone()));
                    variable = own;
                }
                let fresh_in = None;
                self.name(&variable, Name { slot, fresh_in });
                self.check_stepped(steps, inner, slot, &next)?;
                match steps.ends {
                    Ends::Value(_) if !late.is_empty() => {
                        self.with_late(&late, |this| this.evaluated_step(steps, &next, want))?
                    }
                    _ => self.instructions(steps, &next, want)?,
                }
            }
            [value, pattern, then, otherwise] if *head == known.unify => {
                let (value, pattern) = self.value_first(value, pattern);
                let is_open =
                    matches!(value, Atom::Variable(variable) if !self.names.contains_key(variable));
                if is_open {
                    return Err(Leave);
                }
                let asked = self.rest(steps, body);
                let value = self.quoted(value)?;
                let slot = self.in_slot(value)?;
                let cases = two_cases(pattern, then, otherwise);
                self.cases_of(slot, &cases, want, asked, &|this, body, want| {
                    // A chain ends with what `unify` gives, whatever that is.
                    match steps.in_function {
                        true => this.instructions(steps, body, want),
                        false => this.evaluated_step(steps, body, want),
                    }
                })?
            }
            _ if steps.in_function && *head == known.eval => {
                self.returned_by_step(steps, body, want)?
            }
            _ if !steps.in_function => {
                let slot = self.instruction(steps, body, body)?;
                let value = self.named_value(slot);
                self.check_stepped(steps, body, slot, &value)?;
                self.evaluated_step(steps, &value, want)?
            }
            _ => return Err(Leave),
        };
        self.depth -= 1;
        Ok(value)
    }

    /// Whether a variable is a `chain`'s own: it stands for nothing, and is nowhere but in what
    /// follows.
    fn is_of_chain(&self, variable: &Variable, next: &Atom) -> bool {
        let Some(name) = self.names.get(variable) else {
            return true;
        };
        let mut here = 1;
        next.for_each_occurrence(|other| here += usize::from(other == variable));
        name.fresh_in.is_some() && self.counts.get(variable) == Some(&here)
    }

    /// One step of a form within `function`, as the instructions that it comes to: what its rule
    /// returns is gone on with.
    fn step_of_form(&mut self, steps: &Steps, body: &Atom, want: Want) -> Compiled<Value> {
        if self.watched || self.program.watched || self.program.proving {
            // What is told of the run is told of the form.
            return Err(Leave);
        }
        let Some([_, call]) = body.as_expression() else {
            return Err(Leave);
        };
        let next = match self.called_at_once(call) {
            Ok((operation, arguments)) => compared_as_written(&operation, arguments)?,
            Err(Leave) => {
                let children = call.as_expression().ok_or(Leave)?;
                let rule = self.rule_of_instructions(children).ok_or(Leave)?;
                let at = self.emit_if_rules(children)?;
                self.again(steps, body, at, Place::Odd)?;
                let next = self.with_arguments(&rule, &children[1..])?;
                without_returns(&next).ok_or(Leave)?
            }
        };
        self.instructions(steps, &next, want)
    }

    /// What one step gives within `function`, which ends if it is a `return`.
    fn returned_by_step(&mut self, steps: &Steps, body: &Atom, want: Want) -> Compiled<Value> {
        if let Some(value) = self.attempt(|this| this.step_of_form(steps, body, want)) {
            return Ok(value);
        }
        let slot = match self.attempt(|this| this.steps_of(steps, body)) {
            Some(None) => return Ok(Operand::slot(0)),
            Some(Some(slot)) => slot,
            None => self.instruction(steps, body, body)?,
        };
        let stepped = self.named_value(slot);
        let result = Atom::Variable(Variable::new("result").renamed());
        let returns = [Atom::Symbol(known().return_.clone()), result.clone()];
        let cases = two_cases(&Atom::expression(returns), &result, &stepped);
        let asked = self.rest(steps, &stepped);
        self.cases_of(slot, &cases, want, asked, &|this, body, want| {
            if *body == result {
                return this.returned(steps, body, want);
            }
            // Something else than `return` goes on.
            let at = this.emit(Instruction::Jump { to: FAIL });
            this.again(steps, &stepped, at, Place::To)?;
            Ok(Operand::slot(slot))
        })
    }

    /// What steps give from a call of rules on, within `function`; nothing where it is the last of what
    /// some steps give itself.
    fn steps_of(&mut self, steps: &Steps, body: &Atom) -> Compiled<Option<Slot>> {
        let Some([eval, call]) = body.as_expression() else {
            return Err(Leave);
        };
        let Some([head @ Atom::Symbol(name), arguments @ ..]) = call.as_expression() else {
            return Err(Leave);
        };
        if self.watched || self.program.watched || !eval.is_symbol(&known().eval) {
            return Err(Leave);
        }
        if !matches!(
            self.program.head(self.host, self.heap, head),
            Head::Untyped | Head::Typed(_)
        ) {
            return Err(Leave);
        }
        let symbol = self.heap.symbol(name);
        let function = self.program.function(symbol, arguments.len(), STEPS);
        let mut operands = Vec::with_capacity(arguments.len());
        for argument in arguments {
            operands.push(self.quoted(argument)?);
        }
        if matches!(steps.ends, Ends::Steps) {
            let last = match in_slots(&operands) {
                Some(slots) => Instruction::CallSlotsLast { function, slots },
                None => Instruction::CallLast {
                    function,
                    operands: self.program.operands(&operands),
                },
            };
            self.emit(last);
            return Ok(None);
        }
        let operands = self.program.operands(&operands);
        self.emit_sized(Instruction::Call {
            function,
            operands,
            size: 0,
        });
        let to = self.target()?;
        self.emit(Instruction::TakeAny { to });
        Ok(Some(to))
    }

    fn returned(&mut self, steps: &Steps, value: &Atom, want: Want) -> Compiled<Value> {
        if let (false, Atom::Variable(variable)) = (steps.in_function, value)
            && let Some(name) = self.names.get(variable)
        {
            let slot = name.slot;
            self.check_runs(steps, slot, value)?;
        }
        self.evaluated_step(steps, value, want)
    }

    /// What becomes of what instructions have come to.
    fn evaluated_step(&mut self, steps: &Steps, value: &Atom, want: Want) -> Compiled<Value> {
        match steps.ends {
            Ends::Value(expected) => self.part(|this| {
                this.introduce(value)?;
                let of = Of::Element;
                this.template_as(value, expected, want, Bound::Something, of)
            }),
            // The call itself is the result.
            Ends::Atom if value.is_symbol(&known().not_reducible) => Err(Leave),
            Ends::Atom => {
                let value = self.quoted(value)?;
                if want == Want::Tail {
                    self.return_value(value);
                    return Ok(value);
                }
                let from = self.in_slot(value)?;
                self.emit(Instruction::Offer { from });
                self.take(want)
            }
            Ends::Step => {
                let value = self.quoted(value)?;
                self.give_step(value)?;
                Ok(value)
            }
            Ends::Steps => {
                let returns = [Atom::Symbol(known().return_.clone()), value.clone()];
                let value = self.quoted(&Atom::expression(returns))?;
                self.give_step(value)?;
                Ok(value)
            }
        }
    }

    /// What an instruction gives, as it stands; `whole` is what is left from there.
    fn instruction(&mut self, steps: &Steps, atom: &Atom, whole: &Atom) -> Compiled<Slot> {
        let known = known();
        if !starts_with_instruction(atom) {
            let value = self.quoted(atom)?;
            let slot = self.in_slot(value)?;
            if matches!(atom, Atom::Variable(_)) {
                self.check_runs(steps, slot, whole)?;
            }
            return Ok(slot);
        }
        match atom.as_expression().unwrap_or_default() {
            [Atom::Symbol(head), call] if *head == known.eval => {
                let at_once = self.attempt(|this| {
                    let (operation, arguments) = this.called_at_once(call)?;
                    this.one_step(&operation, arguments, |this, at, place| {
                        this.again(steps, whole, at, place)
                    })
                });
                match at_once {
                    Some(slot) => Ok(slot),
                    None => self.step_of(call),
                }
            }
            [Atom::Symbol(head), call, space]
                if *head == known.evalc && *space == Atom::space(self.program.space.clone()) =>
            {
                self.step_of(call)
            }
            [Atom::Symbol(head), inner, wanted, space]
                if *head == known.metta && *space == Atom::space(self.program.space.clone()) =>
            {
                let is_plain = matches!(wanted, Atom::Symbol(_)) && !types::is_meta_type(wanted);
                // What is an error is of its own type, and a variable may stand for one.
                let is_call = matches!(inner, Atom::Expression(_)) && !is_whole_error(inner);
                if !(types::is_undefined(wanted) || is_plain && is_call) || inner.is_empty_symbol()
                {
                    return Err(Leave);
                }
                if let Atom::Variable(variable) = inner
                    && let Some(name) = self.names.get(variable)
                {
                    let slot = name.slot;
                    self.goes_on(steps, slot, false, whole)?;
                }
                let expected = self.program.type_id(wanted);
                let slot = self.slot()?;
                // An error is a value here, and `Empty` as it is written.
                let mark = self.target()?;
                self.emit(Instruction::Mark { to: mark });
                self.caught(slot, Some(mark), |this| {
                    this.part(|this| {
                        this.introduce(inner)?;
                        let (want, of) = (Want::Shared, Of::Element);
                        this.template_as(inner, expected, want, Bound::Something, of)
                    })
                })?;
                self.define(slot);
                Ok(slot)
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
                self.or_again(steps, whole, made, to)
            }
            [Atom::Symbol(head), list] if *head == known.decons_atom => {
                let from = self.quoted(list)?;
                let from = self.in_slot(from)?;
                let to = self.slot()?;
                let odd = FAIL;
                self.or_again(steps, whole, Instruction::Decons { to, from, odd }, to)
            }
            [Atom::Symbol(head)] if *head == known.context_space => {
                let space = Atom::space(self.program.space.clone());
                let value = self.constant_value(&space)?;
                self.in_slot(value)
            }
            _ => Err(Leave),
        }
    }

    /// What one step of a call gives, whatever it is a call of.
    fn step_of(&mut self, call: &Atom) -> Compiled<Slot> {
        if self.watched || self.program.watched || starts_with_instruction(call) {
            return Err(Leave);
        }
        let value = self.quoted(call)?;
        let from = self.in_slot(value)?;
        self.emit_sized(Instruction::Step { from, size: 0 });
        let to = self.target()?;
        self.emit(Instruction::TakeAny { to });
        Ok(to)
    }

    /// Where one step, as `inner` may have made, was not possible or ended, the plain evaluator goes
    /// on with what is left then.
    fn check_stepped(
        &mut self,
        steps: &Steps,
        inner: &Atom,
        slot: Slot,
        rest: &Atom,
    ) -> Compiled<()> {
        let is_step = inner.as_expression().is_some_and(|parts| {
            parts
                .first()
                .is_some_and(|head| head.is_symbol(&known().eval) || head.is_symbol(&known().evalc))
        });
        if is_step && !self.is_plainly_stepped(slot) {
            self.goes_on(steps, slot, false, rest)?;
        }
        Ok(())
    }

    /// Whether what was made last, in this slot, is a number or a truth value.
    fn is_plainly_stepped(&self, slot: Slot) -> bool {
        use Instruction as I;
        matches!(
            self.program.code.last(),
            Some(I::Equal { to, .. } | I::Compare { to, .. } | I::Logic { to, .. } | I::Not { to, .. }) if *to == slot
        )
    }

    /// What a variable stands for may be an instruction, which the plain evaluator runs.
    fn check_runs(&mut self, steps: &Steps, slot: Slot, rest: &Atom) -> Compiled<()> {
        self.goes_on(steps, slot, true, rest)
    }

    fn goes_on(&mut self, steps: &Steps, slot: Slot, runs: bool, rest: &Atom) -> Compiled<()> {
        let odd = FAIL;
        let at = self.emit(Instruction::CheckStepped { slot, runs, odd });
        self.again(steps, rest, at, Place::Odd)
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
                let at = self.operate_on(number, &operands, None);
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

    /// An instruction, and what is left where it is odd.
    fn or_again(
        &mut self,
        steps: &Steps,
        whole: &Atom,
        made: Instruction,
        to: Slot,
    ) -> Compiled<Slot> {
        let at = self.emit(made);
        self.again(steps, whole, at, Place::Odd)?;
        self.define(to);
        Ok(to)
    }

    /// Where an instruction is odd, the plain evaluator goes on with what is left.
    fn again(&mut self, steps: &Steps, rest: &Atom, at: usize, place: Place) -> Compiled<()> {
        let (what, expected) = self.rest(steps, rest);
        let slow = self.slow(vec![(at, place)], what, expected)?;
        steps.slow.borrow_mut().push(slow);
        Ok(())
    }
}

/// `if-equal` as the instructions that it stands for, if one side has no variables: then the other is
/// equal to it only as it stands.
fn compared_as_written(operation: &Operation, arguments: &[Atom]) -> Compiled<Atom> {
    let [left, right, then, otherwise] = arguments else {
        return Err(Leave);
    };
    if operation.name() != "if-equal" || !(left.is_ground() || right.is_ground()) {
        return Err(Leave);
    }
    let known = known();
    let equal = Atom::Variable(Variable::new("equal").renamed());
    let compared = [Atom::symbol("noreduce-eq"), left.clone(), right.clone()];
    let compared = [Atom::Symbol(known.eval.clone()), Atom::expression(compared)];
    let taken = [
        Atom::Symbol(known.unify.clone()),
        equal.clone(),
        Atom::boolean(true),
        then.clone(),
        otherwise.clone(),
    ];
    Ok(Atom::expression([
        Atom::Symbol(known.chain.clone()),
        Atom::expression(compared),
        equal,
        Atom::expression(taken),
    ]))
}

/// Instructions of a `function` that go on with what it returns; `None` where they end otherwise.
fn without_returns(body: &Atom) -> Option<Atom> {
    let known = known();
    match body.as_expression()? {
        [head, value] if head.is_symbol(&known.return_) => Some(value.clone()),
        [head, inner, variable, next] if head.is_symbol(&known.chain) => {
            let next = without_returns(next)?;
            Some(Atom::expression([
                head.clone(),
                inner.clone(),
                variable.clone(),
                next,
            ]))
        }
        [head, value, pattern, then, otherwise] if head.is_symbol(&known.unify) => {
            let (then, otherwise) = (without_returns(then)?, without_returns(otherwise)?);
            let (value, pattern) = (value.clone(), pattern.clone());
            Some(Atom::expression([
                head.clone(),
                value,
                pattern,
                then,
                otherwise,
            ]))
        }
        _ => None,
    }
}

/// Whether instructions within `function` go on by code: the others are what they are a step of.
fn goes_on(body: &Atom) -> bool {
    let known = known();
    let goes_on = [&known.chain, &known.unify, &known.eval];
    let head = body.as_expression().and_then(<[Atom]>::first);
    head.is_some_and(|head| goes_on.iter().any(|other| head.is_symbol(other)))
}

/// Whether what a step gives may be a call that is yet to be evaluated.
fn gives_as_written(inner: &Atom) -> bool {
    let known = known();
    match inner.as_expression() {
        None | Some([]) => false,
        Some([head, ..]) => !head.is_symbol(&known.metta) && !head.is_symbol(&known.context_space),
    }
}

//! Calls whose types are decided when code is made, as far as the types of arguments are known then.

use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use super::decide::{Callee, is_call, is_evaluated, is_open_operation, makes_states};
use super::lambda::lambda_of;
use super::{Check, Compiled, Compiler, Leave, Static, Value, Want, is_whole_error};
use crate::atom::{Atom, Grounded};
use crate::fast::code::{Instruction, Operand, Slot, TypeId};
use crate::fast::function::Made;
use crate::fast::head::Signature;
use crate::fast::met::family;
use crate::fast::program::Program;
use crate::fast::types::{Argument, ArgumentKind, Arguments, Decision, ValueType};
use crate::types;

/// How a call is made, where that is decided when the code is.
pub(super) struct Now {
    pub(super) decision: Arc<Decision>,
    /// The types of its function and its arguments.
    function: ValueType,
    parts: Combinations,
}

/// The arguments of a call, as each of the ways in which they were met.
pub(super) type Combinations = SmallVec<[Arguments; 1]>;

/// So many of them are looked at.
const COMBINATIONS_MAX: usize = 16;

impl Compiler<'_> {
    /// How a call is made, where that does not depend on values.
    pub(super) fn decide_now(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        signature: &Signature,
        expected: TypeId,
    ) -> Compiled<Option<(Option<usize>, Now)>> {
        let mut checks = Vec::new();
        match self.decision_now(children, signature, expected, &mut checks) {
            Some(now) => Ok(Some((self.guard(atom, checks, expected)?, now))),
            None => Ok(None),
        }
    }

    /// As [`Compiler::decide_now`], with what has to hold for that.
    pub(super) fn decision_now(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        expected: TypeId,
        checks: &mut Vec<Check>,
    ) -> Option<Now> {
        let arguments = &children[1..];
        if arguments.iter().any(|argument| {
            argument.is_empty_symbol() || is_whole_error(argument) || is_open_operation(argument)
        }) {
            return None;
        }
        let depth = self.depth;
        let Ok((function, parts)) = self.parts_of(children, signature, checks) else {
            self.depth = depth;
            return None;
        };
        if let Atom::Symbol(symbol) = &children[0] {
            let name = self.heap.symbol(symbol);
            let mut ways = parts.iter();
            if ways.any(|way| self.program.is_typed_otherwise(name, way)) {
                return None;
            }
        }
        let Program {
            value_types, types, ..
        } = &mut *self.program;
        let wanted = types[usize::from(expected)].clone();
        let (first, others) = parts.split_first().expect("there is one");
        let decision = value_types.decision(function, first, expected, &wanted);
        for other in others {
            let other = value_types.decision(function, other, expected, &wanted);
            let is_same = match (&decision, other) {
                (Some(decision), Some(other)) => decision.is_same(&other),
                (None, None) => true,
                _ => false,
            };
            if !is_same {
                self.in_doubt = true;
                return None;
            }
        }
        let decision = decision?;
        let told = decision.parameters.iter().enumerate();
        let telling: SmallVec<[usize; 4]> = (arguments.iter().zip(first).zip(told))
            .filter(|((argument, part), (_, parameter))| {
                is_evaluated(argument, parameter)
                    && lambda_of(argument).is_none()
                    && !value_types.says_no_more(parameter, part.found())
            })
            .map(|(_, (place, _))| place)
            .collect();
        if !telling.is_empty() {
            let is_data =
                self.has_no_rules(&children[0], arguments.len()) || makes_states(&children[0]);
            let evaluated =
                |place: usize| is_evaluated(&arguments[place], &signature.parameters[place]);
            if (telling.iter()).any(|place| decision.is_shared(*place, is_data, evaluated)) {
                return None;
            }
        }
        let is_open = |place: usize| {
            is_evaluated(&arguments[place], &signature.parameters[place])
                && !decision.parameters[place].is_ground()
        };
        if self.may_tell_apart(signature, arguments, is_open) {
            return None;
        }
        Some(Now {
            decision,
            function,
            parts,
        })
    }

    /// What is made by a call of something without rules, if its type is known.
    pub(super) fn made(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        now: &Now,
    ) -> Option<Made> {
        // What a variable stands for may be told only by evaluating what stands before it.
        let is_open = |argument: &Atom| {
            matches!(argument, Atom::Variable(_)) && self.met_as(argument).is_none()
        };
        if signature.parameters.iter().any(types::is_meta_type) || children.iter().any(is_open) {
            return None;
        }
        let types = &mut self.program.value_types;
        let mut found = now.parts.iter();
        let first = types.application(now.function, found.next()?)?;
        if !found.all(|parts| types.application(now.function, parts) == Some(first)) {
            return None;
        }
        let types_one = |found: &Atom| found.is_ground() && !family::is_open(found);
        let is_ground = types.atom(first).is_some_and(types_one);
        let unknown = types.unknown();
        let parts = children[1..].iter().zip(&now.parts[0]);
        let parts = parts.map(|(argument, part)| is_call(argument).then(|| part.found()));
        let parts: SmallVec<[Option<ValueType>; 4]> = parts.collect();
        let mut of_parts = parts.iter().flatten();
        let is_open = of_parts.any(|found| types.atom(*found).is_some_and(family::is_open));
        let is_told = is_ground && !is_open && !parts.contains(&Some(unknown));
        is_told.then(|| Made {
            found: first,
            parts,
            is_remade: self.is_remade(&children[1..], signature),
        })
    }

    /// The function for a call of something without rules whose type is known.
    pub(super) fn function_made(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        now: &Now,
        returns: TypeId,
    ) -> Option<u32> {
        let (Atom::Symbol(symbol), arity) = (&children[0], children.len() - 1) else {
            return None;
        };
        let symbol = self.heap.symbol(symbol);
        let like = self.program.function(symbol, arity, returns);
        if !self.is_data(like) || !self.program.functions[like as usize].types_elements {
            return None;
        }
        let made = self.made(children, signature, now)?;
        let function = self.program.function_made(symbol, arity, returns, made);
        self.is_data(function).then_some(function)
    }

    /// The types of a function and its arguments, where they do not depend on values, with
    /// what has to hold for that.
    pub(super) fn parts_of(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        checks: &mut Vec<Check>,
    ) -> Compiled<(ValueType, Combinations)> {
        let function = match &children[0] {
            Atom::Symbol(symbol) => {
                let id = self.heap.symbol(symbol);
                match self.program.types_of_symbol(self.heap, id).as_deref() {
                    Some([only]) => only.clone(),
                    _ => return Err(Leave),
                }
            }
            Atom::Grounded(Grounded::Operation(operation)) => operation.type_atom().clone(),
            Atom::Variable(_) => {
                let met = self.met_as_one(&children[0]).ok_or(Leave)?;
                return Ok((met, self.arguments_of(children, signature, checks)?));
            }
            _ => return Err(Leave),
        };
        let function = self.type_number(&function)?;
        Ok((function, self.arguments_of(children, signature, checks)?))
    }

    /// As [`Compiler::parts_of`], of the arguments.
    pub(super) fn arguments_of(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        checks: &mut Vec<Check>,
    ) -> Compiled<Combinations> {
        let unknown = self.program.value_types.unknown();
        let mut combinations: Combinations = smallvec![Arguments::new()];
        for (parameter, argument) in signature.parameters.iter().zip(&children[1..]) {
            if let Some(ways) = self.met_as(argument) {
                let each = combinations.iter().flat_map(|parts| {
                    ways.iter().map(|way| {
                        let mut parts = parts.clone();
                        parts.push(*way);
                        parts
                    })
                });
                combinations = each.collect();
                if combinations.len() > COMBINATIONS_MAX {
                    self.in_doubt = true;
                    return Err(Leave);
                }
                continue;
            }
            let found = if types::matches_meta_type(argument, parameter) {
                unknown
            } else if types::is_meta_type(parameter) {
                return Err(Leave);
            } else if let Some(several) = self.several_types(argument) {
                let types = &mut self.program.value_types;
                types.number_of_several(&several).ok_or(Leave)?
            } else {
                match self.static_type(argument, checks)? {
                    Static::Known(found) | Static::Open(found) => self.type_number(&found)?,
                    Static::Any if self.is_unknown(argument) => unknown,
                    _ => return Err(Leave),
                }
            };
            let kind = match argument {
                Atom::Symbol(_) => ArgumentKind::Symbol,
                Atom::Variable(_) => ArgumentKind::Variable,
                Atom::Expression(_) => ArgumentKind::Expression,
                Atom::Grounded(_) => ArgumentKind::Grounded,
            };
            for parts in &mut combinations {
                parts.push(Argument::new(found, kind));
            }
        }
        Ok(combinations)
    }

    /// The types of a name that has more than one.
    pub(super) fn several_types(&mut self, atom: &Atom) -> Option<Vec<Atom>> {
        let Atom::Symbol(symbol) = atom else {
            return None;
        };
        let id = self.heap.symbol(symbol);
        let found = self.program.types_of_symbol(self.heap, id).as_ref()?;
        (found.len() > 1).then(|| found.clone())
    }

    /// Whether a name of several types is taken where this one is expected, by just one of
    /// them: which that is makes no difference then.
    pub(super) fn fits_by_one(&mut self, atom: &Atom, expected: &Atom) -> bool {
        if !expected.is_ground() || types::is_undefined(expected) {
            return false;
        }
        let fits =
            |found: &Atom| !found.is_ground() || types::is_meta_type(found) || found == expected;
        self.several_types(atom).is_some_and(|several| {
            several.contains(expected) && several.iter().filter(|found| fits(found)).count() == 1
        })
    }

    pub(super) fn type_number(&mut self, found: &Atom) -> Compiled<ValueType> {
        let types = &mut self.program.value_types;
        types.number_of(found, false).ok_or(Leave)
    }

    /// Whether nothing is known of an atom's type, not even that a function says so.
    pub(super) fn is_unknown(&mut self, atom: &Atom) -> bool {
        match atom {
            Atom::Variable(_) | Atom::Symbol(_) => true,
            Atom::Grounded(_) => false,
            Atom::Expression(expression) => match expression.children() {
                [] => true,
                [Atom::Symbol(symbol), ..] => {
                    let id = self.heap.symbol(symbol);
                    self.program.types_of_symbol(self.heap, id).is_none()
                }
                _ => false,
            },
        }
    }

    /// The type of a call with such a signature, where it does not depend on values.
    pub(super) fn applied_type(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        checks: &mut Vec<Check>,
    ) -> Compiled<Static> {
        let (function, parts) = self.parts_of(children, signature, checks)?;
        self.static_application(function, &parts)
    }

    /// The type of an expression whose head and arguments are of these types.
    pub(super) fn static_application(
        &mut self,
        head: ValueType,
        combinations: &Combinations,
    ) -> Compiled<Static> {
        let types = &mut self.program.value_types;
        let (first, others) = combinations.split_first().expect("there is one");
        let found = types.application(head, first);
        let is_other = |other: &Arguments| types.application(head, other) != found;
        if others.iter().any(is_other) {
            self.in_doubt = true;
            return Err(Leave);
        }
        let found = found.ok_or(Leave)?;
        if types.is_several(found) {
            return Err(Leave);
        }
        Ok(match types.atom(found) {
            None if found != types.unknown() => return Err(Leave),
            None => Static::Any,
            Some(found) if found.is_ground() => Static::Known(found.clone()),
            Some(found) => Static::Open(found.clone()),
        })
    }

    pub(super) fn decided_now(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        now: Now,
        want: Want,
        inner: impl FnOnce(&mut Self, Vec<Operand>, Callee, Want, Option<Slot>) -> Compiled<Value>,
    ) -> Compiled<Value> {
        let arguments = children[1..].iter().zip(&signature.parameters);
        let evaluated: Vec<Atom> = arguments
            .filter(|(argument, parameter)| is_evaluated(argument, parameter))
            .map(|(argument, _)| argument.clone())
            .collect();
        let decision = &now.decision;
        let returns = self.program.result_type(&decision.returns);
        if want == Want::Tail
            && !self.is_typed_anyhow(&children[1..], signature)
            && let Some(function) = self.grows(children)
        {
            let returns = self.program.functions[function as usize].expected;
            let made = self.function_made(children, signature, &now, returns);
            let function = made.unwrap_or(function);
            return self.grown(function, children, |this, place, _, want| {
                this.argument_now(place, children, signature, decision, want)
            });
        }
        let made = self.function_made(children, signature, &now, returns);
        let (value, mark) = self.marked(&evaluated, want, |this, within| {
            let mut operands = vec![this.constant_value(&children[0])?];
            let quick = this.quick_decided(children, decision).map(|arguments| {
                // Another takes its place when more is known.
                let to = this.here() + 1;
                (this.emit(Instruction::Jump { to }), arguments)
            });
            let before = this.defined.clone();
            for place in 0..signature.parameters.len() {
                let want = Want::Own;
                operands.push(this.argument_now(place, children, signature, decision, want)?);
            }
            if quick.is_some() {
                // Nothing but the call uses what arguments were evaluated to.
                this.defined = before;
            }
            inner(
                this,
                operands,
                Callee::Known(returns, made, quick),
                within.want,
                within.mark,
            )
        })?;
        self.exit(mark);
        Ok(value)
    }

    /// An argument of a call whose types are decided when code is made, by its place.
    fn argument_now(
        &mut self,
        place: usize,
        children: &[Atom],
        signature: &Signature,
        decision: &Decision,
        want: Want,
    ) -> Compiled<Operand> {
        let argument = &children[place + 1];
        if !is_evaluated(argument, &signature.parameters[place]) {
            return self.quoted(argument);
        }
        let expected = self.program.result_type(&decision.parameters[place]);
        self.in_place(place, argument, |this| {
            this.evaluate(argument, expected, want)
        })
    }
}

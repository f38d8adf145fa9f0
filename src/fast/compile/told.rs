//! What an argument that is a call is told of the type that it is expected to be of.

use super::apply::ARGUMENTS_MAX;
use super::call::Call;
use super::decide::{Callee, add_leaves, is_applied, is_call};
use super::lambda::lambda_of;
use super::tells::tells_nothing;
use super::{Check, Compiled, Compiler, Leave, OddWhat, Place, Value, Want};
use crate::atom::{Atom, Variable};
use crate::fast::code::{ANY, FAIL, Instruction, Operand, Slot, TypeId};
use crate::fast::function::Elements;
use crate::fast::head::{Head, Signature};
use crate::fast::site::{
    Applied, Expected, Leaf, LeafPlace, Site, SiteArgument, Tells, Told, Tree,
};
use crate::types;

/// What an argument is told when it runs, and where that is looked at.
#[derive(Clone, Copy)]
pub(super) struct ToldBy {
    told: Told,
    at: usize,
}

impl Compiler<'_> {
    /// What an argument can be told of what is expected of it.
    pub(super) fn told(&mut self, argument: &Atom) -> Compiled<Told> {
        if lambda_of(argument).is_some() {
            return Ok(Told::Free);
        }
        if let Some(applied) = self.named_later(argument) {
            return Ok(Told::Applied(self.slot()?, applied));
        }
        let Some([head @ Atom::Symbol(symbol), arguments @ ..]) = argument.as_expression() else {
            return Ok(Told::Nothing);
        };
        Ok(match self.program.head(self.host, self.heap, head) {
            Head::Typed(signature) | Head::Operation(_, signature)
                if tells_nothing(&signature.returns) =>
            {
                Told::Free
            }
            Head::Complex if self.returns_anything(argument) => Told::Free,
            Head::Typed(signature) if is_applied(&signature) => Told::Type(self.slot()?),
            Head::Untyped => {
                let symbol = self.heap.symbol(symbol);
                if self.program.ask_for_rules(symbol, arguments.len()) {
                    Told::Function(self.slot()?, symbol, arguments.len())
                } else {
                    Told::Free
                }
            }
            _ => Told::Nothing,
        })
    }

    /// The head of a call of what a variable stands for, unless that was met as a function of a type.
    fn named_later(&mut self, argument: &Atom) -> Option<Applied> {
        let [head @ Atom::Variable(variable), arguments @ ..] = argument.as_expression()? else {
            return None;
        };
        let name = *self.names.get(variable)?;
        let is_new = name.fresh_in == Some(self.scope);
        let met = self.met_as_one(head);
        let types = &self.program.value_types;
        if is_new
            || !(1..=ARGUMENTS_MAX).contains(&arguments.len())
            || met.is_some_and(|met| types.is_function(met))
        {
            return None;
        }
        Some(Applied {
            head: name.slot,
            count: arguments.len() as u8,
        })
    }

    /// Whether the type that is expected of an argument is one that other arguments in it are told:
    /// of a call with type variables inside of types, calls of what has no type.
    pub(super) fn asks_more(&mut self, argument: &Atom) -> bool {
        let mut pending = vec![argument];
        while let Some(call) = pending.pop() {
            let Some([head, arguments @ ..]) = call.as_expression() else {
                continue;
            };
            let (Head::Typed(signature) | Head::Operation(_, signature)) =
                self.program.head(self.host, self.heap, head)
            else {
                continue;
            };
            if !is_applied(&signature) {
                continue;
            }
            for argument in arguments {
                let Some([head, parts @ ..]) = argument.as_expression() else {
                    continue;
                };
                if let Atom::Symbol(symbol) = head
                    && let Head::Untyped = self.program.head(self.host, self.heap, head)
                {
                    let symbol = self.heap.symbol(symbol);
                    if self.program.ask_for_rules(symbol, parts.len()) {
                        return true;
                    }
                }
                pending.push(argument);
            }
        }
        false
    }

    /// An argument that is a call, evaluated as it is told.
    pub(super) fn told_argument(
        &mut self,
        argument: &Atom,
        children: &[Atom],
        told: Told,
        want: Want,
    ) -> Compiled<Value> {
        match told {
            Told::Nothing | Told::Free => self.evaluate(argument, ANY, want),
            Told::Type(expected) => {
                let Head::Typed(signature) = self.program.head(self.host, self.heap, &children[0])
                else {
                    return Err(Leave);
                };
                let Atom::Symbol(symbol) = &children[0] else {
                    return Err(Leave);
                };
                let symbol = self.heap.symbol(symbol);
                self.deeper()?;
                let value = self.decided_as(
                    (argument, children),
                    (&signature, None),
                    Expected::Told(expected),
                    want,
                    |this, operands, callee, want, mark| {
                        let elements = this.elements_of_decided(children, &signature);
                        this.call_decided(symbol, operands, callee, want, mark, elements)
                    },
                )?;
                self.depth -= 1;
                Ok(value)
            }
            Told::Applied(told, _) => {
                self.deeper()?;
                let call = Call {
                    atom: argument,
                    children,
                    expected: ANY,
                    want,
                };
                let value = self.applied_as(call, Some(told))?;
                self.depth -= 1;
                Ok(value)
            }
            Told::Function(function, symbol, _) => {
                self.deeper()?;
                let (value, mark) = self.marked(&children[1..], want, |this, within| {
                    let mut operands = vec![this.constant_value(&children[0])?];
                    for child in &children[1..] {
                        operands.push(this.evaluate(child, ANY, Want::Own)?);
                    }
                    this.call_decided(
                        symbol,
                        operands,
                        Callee::Slot(function),
                        within.want,
                        within.mark,
                        Elements::Seen,
                    )
                })?;
                self.exit(mark);
                self.depth -= 1;
                Ok(value)
            }
        }
    }

    /// A call of a function whose result is of a type that only the values of its arguments
    /// tell, which are evaluated. `None` if they do not tell it, or it is known before.
    pub(super) fn told_by_values(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        operands: &[Operand],
        expected: TypeId,
        want: Want,
        mark: Option<Slot>,
    ) -> Compiled<Option<Value>> {
        let (Atom::Symbol(symbol), Atom::Variable(_)) = (&children[0], &signature.returns) else {
            return Ok(None);
        };
        let symbol = self.heap.symbol(symbol);
        let arguments = || signature.parameters.iter().zip(&children[1..]);
        let mut tells = false;
        for (_, argument) in arguments().filter(|(parameter, _)| **parameter == signature.returns) {
            if self.may_be_written(argument) {
                // What is to be evaluated tells its type, not what it is evaluated to.
                return Err(Leave);
            }
            if is_call(argument) && !self.tells_type(argument) {
                if self.is_kind_behind(argument) {
                    // A value of another kind tells the kind that its function declares.
                    return Err(Leave);
                }
                if self.may_be_undeclared_behind(argument) {
                    return Err(Leave);
                }
                // Some values may tell a type and others not: it shows only where results differ.
                if self.gives_other(symbol, operands.len() - 1, argument) {
                    return Err(Leave);
                }
                return Ok(None);
            }
            if is_call(argument) && self.may_be_undeclared_behind(argument) {
                return Err(Leave);
            }
            if is_call(argument)
                && self.hands_on(argument)
                && self.types_made(argument).iter().any(is_call)
                && self.gives_other(symbol, operands.len() - 1, argument)
            {
                // What it made tells a type, and what it handed on none.
                return Err(Leave);
            }
            tells |= match argument {
                Atom::Variable(variable) => self.names.contains_key(variable),
                argument => is_call(argument),
            };
        }
        if !self.program.ask_for_rules(symbol, operands.len() - 1) || !tells {
            return Ok(None);
        }
        let mut call = vec![children[0].clone()];
        let mut names = Vec::new();
        let mut handed = vec![operands[0]];
        let mut parts = Vec::with_capacity(operands.len() - 1);
        let mut leaves = Vec::new();
        let mut behind = Vec::new();
        for ((parameter, argument), operand) in arguments().zip(&operands[1..]) {
            let slot = self.in_slot(*operand)?;
            self.define(slot);
            let name = self.name_value(slot);
            call.push(Atom::Variable(name.clone()));
            names.push(name);
            handed.push(Operand::slot(slot));
            let as_written = types::is_meta_type(parameter);
            let tree = if !is_call(argument) || as_written {
                Tree::Value(Operand::slot(slot))
            } else if !self.tells_type(argument) {
                Tree::Unknown
            } else if self.is_of_any_declared(argument) {
                Tree::Value(Operand::slot(slot))
            } else {
                Tree::Told(slot, !self.hands_on(argument))
            };
            if *parameter == signature.returns
                && is_call(argument)
                && let Some(declared) = self.declared_behind(argument)
            {
                if self.program.proving {
                    // What is told so has no proof.
                    return Err(Leave);
                }
                behind.push((slot, call.len() - 1, declared));
            }
            add_leaves(&tree, LeafPlace::Part, &mut leaves);
            parts.push(SiteArgument {
                tree,
                as_written,
                told: Told::Nothing,
                tells: Tells::Unclear,
            });
        }
        // What is not of the type that its function declares is told that all the same.
        let mut undeclared = Vec::new();
        for (slot, place, declared) in behind {
            let uses = self.emit_checks(vec![Check::Type(slot, declared.clone())]);
            if !uses.is_empty() {
                let expected = self.program.type_id(&declared);
                let source = OddWhat::Source(call[place].clone());
                undeclared.push(self.slow(uses, source, expected)?);
            }
        }
        let site = self.program.site(Site {
            head: self.program.constants[operands[0].index()],
            several: None,
            expected: Expected::Known(expected),
            arguments: parts,
            evaluates_result: true,
            leaves,
        });
        let function = self.slot()?;
        let at = self.emit(Instruction::Decide {
            to: function,
            site,
            odd: FAIL,
        });
        // Arguments that tell each other nothing need no other look: each was evaluated for what is
        // expected of it.
        let call = self.program.curried.nested(call);
        let source = match shares_variable(&signature.parameters) {
            true => OddWhat::Source(call),
            false => OddWhat::Call(call),
        };
        let slow = self.slow(vec![(at, Place::Odd)], source, expected)?;
        for name in &names {
            self.names.remove(name);
        }
        self.define(function);
        let callee = Callee::Slot(function);
        let mut value = self.call_decided(symbol, handed, callee, want, mark, Elements::Seen)?;
        for slow in [slow].into_iter().chain(undeclared) {
            value = self.resume(Some(slow), value, want)?;
        }
        Ok(Some(value))
    }

    /// What the type of a slot's value tells an argument of a call of two of the same type,
    /// as those of `==` are: which function the argument is a call of, or the type that is expected of it. `made` says of a value
    /// that was evaluated before whether it was made then, if it is an expression: if it was
    /// handed on, it tells nothing.
    pub(super) fn told_by(
        &mut self,
        head: &Atom,
        slot: Slot,
        made: Option<bool>,
        argument: &Atom,
    ) -> Compiled<Option<ToldBy>> {
        let told = match self.told(argument)? {
            told @ Told::Function(..) => told,
            told @ Told::Type(_) if self.asks_more(argument) => told,
            _ => return Ok(None),
        };
        let head = self.constant_value(head)?;
        let tells = SiteArgument {
            tree: match made {
                Some(made) => Tree::Told(slot, made),
                None => Tree::Value(Operand::slot(slot)),
            },
            as_written: false,
            told: Told::Nothing,
            tells: Tells::Unclear,
        };
        let is_told = SiteArgument {
            tree: Tree::Known(ANY),
            as_written: false,
            told,
            tells: Tells::Unclear,
        };
        let place = match made {
            None => LeafPlace::Argument,
            Some(false) => LeafPlace::Told,
            Some(true) => LeafPlace::Made,
        };
        // The order of the two makes no difference.
        let site = self.program.site(Site {
            head: self.program.constants[head.index()],
            several: None,
            expected: Expected::Known(ANY),
            arguments: vec![tells, is_told],
            evaluates_result: true,
            leaves: vec![Leaf { slot, place }],
        });
        let to = self.slot()?;
        let odd = FAIL;
        let at = self.emit(Instruction::Decide { to, site, odd });
        Ok(Some(ToldBy { told, at }))
    }

    /// The way on where the types of values do not tell: evaluating `whole` slowly.
    pub(super) fn unless_told(
        &mut self,
        told: Option<ToldBy>,
        whole: Atom,
    ) -> Compiled<Option<usize>> {
        let Some(ToldBy { told, at }) = told else {
            return Ok(None);
        };
        let slow = self.slow(vec![(at, Place::Odd)], OddWhat::Source(whole), ANY)?;
        if let Told::Function(slot, ..) | Told::Type(slot) = told {
            self.define(slot);
        }
        Ok(Some(slow))
    }

    /// An argument evaluated for what it is told.
    pub(super) fn as_told(&mut self, argument: &Atom, told: Option<ToldBy>) -> Compiled<Value> {
        match (told, argument.as_expression()) {
            (Some(ToldBy { told, .. }), Some(children)) => {
                self.told_argument(argument, children, told, Want::Own)
            }
            _ => self.evaluate_argument(argument, ANY),
        }
    }
}

/// Whether a type variable is in more than one of a function's parameters.
fn shares_variable(parameters: &[Atom]) -> bool {
    let mut before: Vec<Variable> = Vec::new();
    parameters.iter().any(|parameter| {
        let mut own: Vec<Variable> = Vec::new();
        parameter.for_each_variable(|variable| own.push(variable.clone()));
        let is_shared = own.iter().any(|variable| before.contains(variable));
        before.extend(own);
        is_shared
    })
}

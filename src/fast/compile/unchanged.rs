//! Whether evaluating changes the elements of an expression: where it does not, the expression is a result,
//! and is looked at no more, whatever it stands for. Code knows that of what is plainly written; some calls
//! of which it does not are left to the plain evaluator.

use super::decide::{is_call, is_evaluated};
use super::{Compiled, Compiler, Static};
use crate::atom::{Atom, known};
use crate::evaluate::Control;
use crate::fast::code::{ANY, Operand, TypeId};
use crate::fast::function::Elements;
use crate::fast::head::{Head, Signature};
use crate::fast::program::Inline;
use crate::types;

impl Compiler<'_> {
    /// What the operands of a call were before they were evaluated, where values tell whether that changed
    /// them, and then what tells whether each was a variable that stood for nothing, or `()` if it was
    /// a call that is a result only where it is stuck; `None` if one is another expression, which
    /// evaluating may change.
    pub(super) fn as_written(
        &mut self,
        arguments: &[Atom],
        operands: &[Operand],
    ) -> Option<Vec<Operand>> {
        let as_written = |(argument, operand): (&Atom, &Operand)| match argument {
            Atom::Expression(_) if self.is_stuck_as_result(argument) => Some(*operand),
            Atom::Expression(_)
                if !argument.is_ground()
                    || self.is_evaluated_to_other(argument)
                    || self.is_kept_call(argument) =>
            {
                None
            }
            Atom::Variable(variable) => Some(match self.names.get(variable) {
                Some(name) if self.is_defined(name.slot) => Operand::slot(name.slot),
                _ => *operand,
            }),
            _ => Some(*operand),
        };
        let written: Option<Vec<Operand>> =
            arguments.iter().zip(operands).map(as_written).collect();
        let mut written = written?;
        for argument in arguments {
            written.push(self.was_open(argument).ok()?);
        }
        Some(written)
    }

    /// Whether it is a call of an operation that gives numbers or truth values: what is an expression
    /// then is the call itself, and is a result if evaluating changed nothing of it.
    fn is_stuck_as_result(&self, argument: &Atom) -> bool {
        let operation = argument
            .as_expression()
            .and_then(|call| call.first()?.as_operation());
        let inline = operation.and_then(|operation| self.program.inline(operation));
        matches!(
            inline,
            Some(Inline::Arithmetic(_) | Inline::Comparison(_) | Inline::Logic(_) | Inline::Not)
        )
    }

    /// Whether a call that is left as it stands, of an operation that gives numbers or truth values or of
    /// `if`, may be another than was written by then: an operand was evaluated to something else.
    pub(super) fn is_left_changed(&mut self, call: &Atom) -> bool {
        let Some([head, operands @ ..]) = call.as_expression() else {
            return false;
        };
        let operands = match self.is_stuck_as_result(call) {
            true => operands,
            false => match (self.program.head(self.host, self.heap, head), operands) {
                (Head::Operation(operation, _), [condition, _, _])
                    if operation.control() == Some(Control::If) =>
                {
                    std::slice::from_ref(condition)
                }
                _ => return false,
            },
        };
        operands.iter().any(|operand| self.is_changed(operand))
    }

    /// Whether evaluating an operand may give another one, which is no number nor truth value.
    pub(super) fn is_changed(&mut self, operand: &Atom) -> bool {
        match self.is_stuck_as_result(operand) {
            true => self.is_left_changed(operand),
            false => self.is_evaluated_to_other(operand) || self.is_kept_call(operand),
        }
    }

    /// Whether it is a call of what is declared to give an atom as it is, as `quote`: as an operand it is of
    /// the type `Atom` once it was evaluated.
    fn is_kept_call(&mut self, atom: &Atom) -> bool {
        let Some([head, ..]) = atom.as_expression() else {
            return false;
        };
        match self.program.head(self.host, self.heap, head) {
            Head::Typed(signature) | Head::Operation(_, signature) => {
                signature.returns.is_symbol(&known().atom)
            }
            Head::Untyped | Head::Complex => false,
        }
    }

    /// Tells whether an element is a variable that stood for nothing as this part began.
    pub(super) fn was_open(&mut self, element: &Atom) -> Compiled<Operand> {
        if self.is_stuck_as_result(element) {
            return self.constant_value(&Atom::unit());
        }
        let name = match element {
            Atom::Variable(variable) => self.names.get(variable).copied(),
            _ => None,
        };
        if let Some(told) = name.and_then(|name| self.unbound_at_first(name.slot)) {
            return Ok(Operand::slot(told));
        }
        let is_open = name.is_some_and(|name| name.fresh_in == Some(self.scope));
        self.constant_value(&Atom::boolean(is_open))
    }

    /// Whether an argument is a variable that may stand for a call as it was written.
    pub(super) fn may_be_written(&self, argument: &Atom) -> bool {
        let Atom::Variable(variable) = argument else {
            return false;
        };
        let name = self.names.get(variable);
        name.is_some_and(|name| self.calls.contains(&name.slot))
    }

    /// What is known of the arguments of a call as its elements, if no rule is for it: they are kept where
    /// some of them are not evaluated, and none that is may be evaluated to another.
    pub(super) fn elements_of(
        &mut self,
        arguments: &[Atom],
        signature: Option<&Signature>,
    ) -> Elements {
        let as_written = |place: usize| {
            signature.is_some_and(|signature| types::is_meta_type(&signature.parameters[place]))
        };
        let mut is_kept = arguments.iter().enumerate().any(|(place, argument)| {
            let name = match argument {
                Atom::Variable(variable) => self.names.get(variable),
                _ => return as_written(place) && is_call(argument),
            };
            // Where it is kept it may stand for a call.
            name.is_some_and(|name| match as_written(place) {
                true => self.is_late(name.slot) || !self.is_known_value(name.slot),
                false => signature.is_none() && self.is_late(name.slot),
            })
        });
        if is_kept {
            is_kept = !arguments.iter().enumerate().any(|(place, argument)| {
                !as_written(place) && self.is_evaluated_to_other(argument)
            });
        }
        // What is evaluated is another by then, if one before it has bound it.
        let is_late = |(place, argument): (usize, &Atom)| {
            let name = match argument {
                Atom::Variable(variable) => self.names.get(variable),
                _ => None,
            };
            signature.is_some()
                && !as_written(place)
                && name.is_some_and(|name| self.is_late(name.slot))
        };
        match is_kept {
            _ if arguments.iter().enumerate().any(is_late) => Elements::Unsettled,
            true => Elements::Kept,
            false if signature.is_some_and(|signature| self.is_remade(arguments, signature)) => {
                Elements::Remade
            }
            false => Elements::Seen,
        }
    }

    /// Whether data of these elements is of a type, and some are evaluated to others.
    pub(super) fn is_remade(&mut self, arguments: &[Atom], signature: &Signature) -> bool {
        !types::is_meta_type(&signature.returns)
            && (arguments.iter().zip(&signature.parameters)).any(|(argument, parameter)| {
                !types::is_meta_type(parameter) && self.is_evaluated_to_other(argument)
            })
    }

    /// As [`Compiler::elements_of`], of a call whose types are decided when it is made: what is evaluated as
    /// it was written may be of another type than its value.
    pub(super) fn elements_of_decided(&mut self, call: &[Atom], signature: &Signature) -> Elements {
        let arguments = &call[1..];
        let elements = self.elements_of(arguments, Some(signature));
        let mut given = arguments.iter().zip(&signature.parameters);
        let is_written = given.any(|(argument, parameter)| {
            !types::is_meta_type(parameter) && self.may_be_written(argument)
        });
        let is_unsettled = is_written || self.is_typed_anyhow(arguments, signature);
        match is_unsettled && self.has_no_rules(&call[0], arguments.len()) {
            true => Elements::Unsettled,
            false => elements,
        }
    }

    /// Whether data is of its type whatever its elements are, as its code has it, though one of them may be
    /// evaluated to what is of another type than it takes.
    pub(super) fn is_typed_anyhow(&mut self, arguments: &[Atom], signature: &Signature) -> bool {
        signature.returns.is_ground()
            && (arguments.iter().zip(&signature.parameters)).any(|(argument, parameter)| {
                is_evaluated(argument, parameter)
                    && !types::is_undefined(parameter)
                    && !is_alone(signature, parameter)
                    && self.may_be_of_any_type(argument)
            })
    }

    /// Whether what a call is evaluated to may be of another type than is known of it as it is written.
    fn may_be_of_any_type(&mut self, call: &Atom) -> bool {
        match self.type_known_of(call) {
            Ok(Static::Known(found)) => {
                types::has_part(&found, types::is_undefined) || self.may_be_undeclared(call)
            }
            _ => true,
        }
    }

    /// What is known of the type of an expression as it is written, with nothing made ready for looking at it.
    fn type_known_of(&mut self, atom: &Atom) -> Compiled<Static> {
        let depth = self.depth;
        let found = self.static_type(atom, &mut Vec::new());
        self.depth = depth;
        found
    }

    /// Whether the value of an argument is for certain of the type that is known of it.
    pub(super) fn is_of_known_type(&mut self, argument: &Atom) -> bool {
        if is_call(argument) {
            return !self.may_be_of_any_type(argument);
        }
        matches!(
            self.type_known_of(argument),
            Ok(Static::Known(_) | Static::Open(_) | Static::Slot(_))
        )
    }

    /// Has arguments that are known to be values looked at as they are given to a call whose result is
    /// evaluated as a type: they are results by then, whoever hands them on. Those that the body
    /// looked at first of all were results when it began.
    pub(super) fn doubt_remade(&mut self, children: &[Atom], returns: TypeId) {
        if returns == ANY || types::is_meta_type(&self.program.types[usize::from(returns)]) {
            return;
        }
        for child in children {
            if let Atom::Variable(variable) = child
                && let Some(slot) = self.names.get(variable).map(|name| name.slot)
                && !self.seen.numbers.contains(&slot)
                && !self.plain.contains(&slot)
            {
                self.seen.forget(slot);
            }
        }
    }

    /// The rules for calls of a name with so many arguments, if they are no more than `most`; code
    /// depends on them.
    pub(super) fn few_rules(
        &mut self,
        head: &Atom,
        arity: usize,
        most: usize,
    ) -> Option<Vec<Atom>> {
        let Atom::Symbol(symbol) = head else {
            return None;
        };
        let symbol = self.heap.symbol(symbol);
        if self.program.ask_for_more_rules(symbol, arity, most) {
            return None;
        }
        self.program.look_at_rules(symbol, arity);
        let rows = self.program.rule_rows(symbol, arity);
        if rows.len() > most {
            return None;
        }
        let rules = self.program.rules_at(&rows, head);
        Some(rules.into_iter().map(|(rule, _)| rule).collect())
    }

    /// Whether evaluating an atom may give another one.
    pub(super) fn is_evaluated_to_other(&mut self, atom: &Atom) -> bool {
        let mut pending = vec![atom];
        while let Some(atom) = pending.pop() {
            let Some(parts @ [head, elements @ ..]) = atom.as_expression() else {
                continue;
            };
            let is_data = match (self.program).head_of_call(self.host, self.heap, parts) {
                Head::Untyped | Head::Typed(_) => {
                    matches!(head, Atom::Grounded(_)) || self.has_no_rules(head, elements.len())
                }
                Head::Operation(..) => false,
                Head::Complex => self.is_list_headed_by_data(parts),
            };
            if !is_data {
                return true;
            }
            pending.extend(parts);
        }
        false
    }

    /// Whether it is a list as `((a 1) (b 2))`, headed by what is data if its elements are.
    fn is_list_headed_by_data(&mut self, parts: &[Atom]) -> bool {
        let Some(inner @ [first, arguments @ ..]) = parts[0].as_expression() else {
            return false;
        };
        if self.program.has_rules_of_values(parts.len())
            || self.program.space.may_type_expression(&parts[0])
            || self.program.curried.flat(parts).is_some()
        {
            return false;
        }
        let head = (self.program).head_of_call(self.host, self.heap, inner);
        matches!(head, Head::Untyped)
            && (matches!(first, Atom::Grounded(_)) || self.has_no_rules(first, arguments.len()))
    }
}

/// Whether a parameter is a type variable that is nowhere else in what a function takes.
fn is_alone(signature: &Signature, parameter: &Atom) -> bool {
    let Atom::Variable(variable) = parameter else {
        return false;
    };
    let mut count = 0;
    for other in &signature.parameters {
        other.for_each_occurrence(|one| count += usize::from(one == variable));
    }
    count == 1
}

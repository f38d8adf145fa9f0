//! Whether evaluating changes the elements of an expression: where it does not, the expression is a result,
//! and is looked at no more, whatever it stands for. Code knows that of what is plainly written; some calls
//! of which it does not are left to the plain evaluator.

use super::decide::is_call;
use super::{Compiled, Compiler, Leave};
use crate::atom::{Atom, Variable};
use crate::evaluate::Control;
use crate::fast::code::{ANY, Operand, TypeId};
use crate::fast::function::Elements;
use crate::fast::head::{Head, Signature};
use crate::types;
use crate::unify::Bindings;

/// Of functions with more rules it is not asked what they give.
const RULES: usize = 16;

impl Compiler<'_> {
    /// What the operands of a call were before they were evaluated, where values tell whether that changed
    /// them; `None` if one is an expression, which it may.
    pub(super) fn as_written(
        &mut self,
        arguments: &[Atom],
        operands: &[Operand],
    ) -> Option<Vec<Operand>> {
        let as_written = |(argument, operand): (&Atom, &Operand)| match argument {
            Atom::Expression(_)
                if !argument.is_ground() || self.is_evaluated_to_other(argument) =>
            {
                None
            }
            Atom::Variable(variable) => Some(match self.names.get(variable) {
                Some(name) if self.is_defined(name.slot) => Operand::slot(name.slot),
                _ => *operand,
            }),
            _ => Some(*operand),
        };
        arguments.iter().zip(operands).map(as_written).collect()
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
            name.is_some_and(|name| self.is_late(name.slot))
        });
        if is_kept {
            is_kept = !arguments.iter().enumerate().any(|(place, argument)| {
                !as_written(place) && self.is_evaluated_to_other(argument)
            });
        }
        match is_kept {
            true => Elements::Kept,
            false => Elements::Seen,
        }
    }

    /// Leaves a call whose result is evaluated as a type if its function may hand on an argument that is
    /// data of another one, an element of which is evaluated to something else: that is typed again then,
    /// `(as-number (Cons (f) Nil))` with `(= (as-number $x) $x)`.
    pub(super) fn keep_retyped_apart(
        &mut self,
        children: &[Atom],
        returns: TypeId,
    ) -> Compiled<()> {
        if returns == ANY || types::is_meta_type(&self.program.types[usize::from(returns)]) {
            return Ok(());
        }
        for place in 1..children.len() {
            if self.is_remade_as_other(&children[place], returns)
                && self.hands_on_argument(children, place)
            {
                return Err(Leave);
            }
        }
        Ok(())
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
        self.program.look_at_rules(symbol, arity);
        let rows = self.program.rule_rows(symbol, arity);
        if rows.len() > most {
            return None;
        }
        let rules = self.program.rules_at(&rows, head);
        Some(rules.into_iter().map(|(rule, _)| rule).collect())
    }

    /// Whether it is data by a constructor of another type, of which elements are evaluated to others.
    fn is_remade_as_other(&mut self, atom: &Atom, wanted: TypeId) -> bool {
        let Some([head, elements @ ..]) = atom.as_expression() else {
            return false;
        };
        let Head::Typed(signature) = self.program.head(self.host, self.heap, head) else {
            return false;
        };
        let wanted = types::renamed(&self.program.types[usize::from(wanted)]);
        let found = types::renamed(&signature.returns);
        !types::match_types(&wanted, &found, &mut Bindings::new())
            && self.has_no_rules(head, elements.len())
            && (elements.iter().zip(&signature.parameters)).any(|(element, parameter)| {
                !types::is_meta_type(parameter) && self.is_evaluated_to_other(element)
            })
    }

    /// Whether evaluating an atom may give another one.
    pub(super) fn is_evaluated_to_other(&mut self, atom: &Atom) -> bool {
        let Some(parts @ [head, elements @ ..]) = atom.as_expression() else {
            return false;
        };
        match (self.program).head_of_call(self.host, self.heap, parts) {
            Head::Untyped | Head::Typed(_) if self.has_no_rules(head, elements.len()) => {
                (elements.iter()).any(|element| self.is_evaluated_to_other(element))
            }
            Head::Untyped | Head::Typed(_) | Head::Operation(..) | Head::Complex => true,
        }
    }

    /// Whether a rule for a call plainly gives back what it is given at a place, or a part of that.
    fn hands_on_argument(&mut self, call: &[Atom], place: usize) -> bool {
        let rules = self.few_rules(&call[0], call.len() - 1, RULES);
        let rules = rules.unwrap_or_default();
        rules.iter().any(|rule| {
            let Some([_, pattern, body]) = rule.as_expression() else {
                return false;
            };
            let mut taken = Vec::new();
            let argument = pattern.as_expression().and_then(|parts| parts.get(place));
            if let Some(argument) = argument {
                argument.for_each_variable(|variable| taken.push(variable.clone()));
            }
            self.gives_one_of(body, &taken)
        })
    }

    /// Whether a body, or a branch of it, is one of these variables.
    fn gives_one_of(&mut self, body: &Atom, variables: &[Variable]) -> bool {
        match (body, body.as_expression()) {
            (Atom::Variable(variable), _) => variables.contains(variable),
            (_, Some([head, _, branches @ ..])) => {
                let head = self.program.head(self.host, self.heap, head);
                let is_if = matches!(&head, Head::Operation(operation, _)
                    if operation.control() == Some(Control::If));
                is_if && (branches.iter()).any(|branch| self.gives_one_of(branch, variables))
            }
            _ => false,
        }
    }
}

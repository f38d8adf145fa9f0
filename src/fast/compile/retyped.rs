//! Data that was well-typed as it was written, and is not any more since its elements were evaluated: nothing is said of it
//! as a result, `(w)` of `(= (w) (Cons 1 (f)))` with `(= (f) (Cons "s" Nil))`, but where it is evaluated again, as by the
//! template of a `let`, it is an error.

use super::decide::is_call;
use super::{Compiler, Slot};
use crate::atom::Atom;
use crate::evaluate::Control;
use crate::fast::code::Instruction;
use crate::fast::function::Retyped;
use crate::fast::head::Head;
use crate::operation::Operation;
use crate::types;

/// Of functions with more rules it is not asked what they make.
const RULES: usize = 16;
/// No more functions are looked into.
const FUNCTIONS: usize = 8;

impl Compiler<'_> {
    /// Has the value of an expression that a form takes, in a slot, looked at where it may be such data.
    pub(super) fn note_retyped(&mut self, value: &Atom, slot: Slot) {
        if self.may_be_retyped(value, &mut Vec::new()) {
            self.emit(Instruction::Retype { slot });
            self.seen.forget(slot);
        }
    }

    fn may_be_retyped(&mut self, atom: &Atom, seen: &mut Vec<(u32, usize)>) -> bool {
        let Some([head, elements @ ..]) = atom.as_expression() else {
            return false;
        };
        match self.program.head(self.host, self.heap, head) {
            Head::Operation(operation, _) => {
                let mut given = given_by(&operation, elements).into_iter();
                return given.any(|given| self.may_be_retyped(given, seen));
            }
            Head::Complex => return false,
            Head::Typed(signature) if self.has_no_rules(head, elements.len()) => {
                let mut elements = elements.iter().zip(&signature.parameters);
                return elements.any(|(element, parameter)| {
                    !types::is_meta_type(parameter)
                        && (self.is_untyped_call(element) || self.may_be_retyped(element, seen))
                });
            }
            // What it gives was looked at, or is of any type.
            Head::Typed(_) => return false,
            Head::Untyped => {}
        }
        let Atom::Symbol(symbol) = head else {
            return false;
        };
        let function = (self.heap.symbol(symbol), elements.len());
        if seen.contains(&function) || seen.len() == FUNCTIONS {
            return false;
        }
        let first = seen.len();
        seen.push(function);
        let epoch = self.program.epoch;
        if let Some(known) = self.program.retyped.get(&function)
            && known.epoch == epoch
        {
            let (may_be, asked) = (known.may_be, known.asked.clone());
            for (symbol, arity) in asked {
                self.program.look_at_rules(symbol, arity);
            }
            return may_be;
        }
        let rules = self.few_rules(head, elements.len(), RULES);
        let rules = rules.unwrap_or_default();
        let mut bodies = rules.iter().filter_map(|rule| rule.as_expression()?.last());
        let may_be = bodies.any(|body| self.may_be_retyped(body, seen));
        // Within others some are not looked into again.
        if first == 0 {
            let known = Retyped {
                epoch,
                may_be,
                asked: seen.clone(),
            };
            self.program.retyped.insert(function, known);
        }
        may_be
    }

    /// Whether it is a call of a function of which no type says what it gives.
    fn is_untyped_call(&mut self, atom: &Atom) -> bool {
        let Some([head, elements @ ..]) = atom.as_expression() else {
            return false;
        };
        is_call(atom)
            && matches!(self.program.head(self.host, self.heap, head), Head::Untyped)
            && !self.has_no_rules(head, elements.len())
    }
}

/// What a form gives, one of these: a branch, a template, what stands beside a case.
fn given_by<'e>(operation: &Operation, elements: &'e [Atom]) -> Vec<&'e Atom> {
    match operation.control() {
        Some(Control::If) => elements.iter().skip(1).collect(),
        Some(Control::Let | Control::LetAny | Control::LetStar | Control::Match) => {
            elements.last().into_iter().collect()
        }
        Some(Control::Case | Control::Switch) => {
            let cases = elements.get(1).and_then(Atom::as_expression);
            let cases = cases.unwrap_or_default().iter();
            cases
                .filter_map(|case| case.as_expression()?.get(1))
                .collect()
        }
        _ => Vec::new(),
    }
}

//! Comparisons joined by `and`, `or`, `xor` and `not`, of values that are there: made at once, an
//! instruction each, where each compares what it is for.
//!
//! All of them are made, whatever the first says, as all are evaluated: what one cannot compare is
//! an error, or stays as it is, and is left to the code that evaluates each by itself. Nothing
//! has happened by then.

use super::{Compiled, Compiler, Place, Value, Want};
use crate::atom::{Atom, Grounded, known};
use crate::fast::code::{FAIL, Instruction, Operand, Slot};
use crate::fast::program::Inline;

/// More comparisons are made one by one.
const COMPARISONS_MAX: usize = 32;
/// How deep what is compared is a sum of sums.
pub(super) const SUMS: usize = 4;

/// The elements of an expression that is yet to be evaluated: a result that stands in a
/// shape stays as it is.
pub(super) fn to_evaluate(atom: &Atom) -> Option<&[Atom]> {
    match atom {
        Atom::Expression(whole) if !whole.is_evaluated() => Some(whole.children()),
        _ => None,
    }
}

impl Compiler<'_> {
    /// Puts the truth value of comparisons into a slot; with the instructions whose odd way is for
    /// where that is not plain. `None` for what is no such expression.
    fn compared(&mut self, atom: &Atom) -> Compiled<Option<(Slot, Vec<usize>)>> {
        let mut left = COMPARISONS_MAX;
        if self.watched || self.is_compared || !self.is_condition(atom, &mut left) {
            return Ok(None);
        }
        let (seen, defined) = (self.seen.clone(), self.defined.clone());
        let mut uses = Vec::new();
        let slot = self.condition(atom, &mut uses)?;
        (self.seen, self.defined) = (seen, defined);
        Ok(Some((slot, uses)))
    }

    /// A jump unless a condition of several comparisons holds, and behind it one for where it does;
    /// what follows is for where that is not plain. The place of the first.
    pub(super) fn jump_compared(&mut self, condition: &Atom) -> Compiled<Option<usize>> {
        let is_joined = matches!(
            self.operation_of(condition),
            Some((None, Some(Inline::Logic(_) | Inline::Not)))
        );
        if !is_joined {
            return Ok(None);
        }
        let Some((slot, uses)) = self.compared(condition)? else {
            return Ok(None);
        };
        let (to, odd) = (FAIL, FAIL);
        let at = self.emit(Instruction::JumpUnless { slot, to, odd });
        self.emit(Instruction::Jump { to: FAIL });
        let here = self.here();
        for at in uses.into_iter().chain([at]) {
            self.fill(at, Place::Odd, here);
        }
        Ok(Some(at))
    }

    /// The truth value of comparisons; `otherwise` evaluates the expression where it is not plain.
    pub(super) fn value_compared(
        &mut self,
        atom: &Atom,
        want: Want,
        otherwise: &mut dyn FnMut(&mut Self) -> Compiled<Value>,
    ) -> Compiled<Option<Value>> {
        let Some((slot, uses)) = self.compared(atom)? else {
            return Ok(None);
        };
        let to = self.slot()?;
        let first = self.recording(|this| {
            this.record_called(atom);
            Ok(match want {
                Want::Tail => {
                    this.return_value(Operand::slot(slot));
                    None
                }
                Want::Own | Want::Shared => this.join(Operand::slot(slot), to, want),
            })
        })?;
        let here = self.here();
        for at in uses {
            self.fill(at, Place::Odd, here);
        }
        self.is_compared = true;
        let second = self.branch(|this| {
            let value = otherwise(this)?;
            Ok(this.join(value, to, want))
        });
        self.is_compared = false;
        self.land([first, second?]);
        self.define(to);
        Ok(Some(Operand::slot(to)))
    }

    /// Whether an expression is made of comparisons of values that are there; at most so many.
    fn is_condition(&mut self, atom: &Atom, left: &mut usize) -> bool {
        let Some(children) = to_evaluate(atom) else {
            return false;
        };
        if *left == 0 {
            return false;
        }
        let inline = match self.operation_of(atom) {
            Some((None, Some(inline))) => inline,
            _ => return false,
        };
        match (inline, children) {
            (Inline::Logic(_), [_, first, second]) => {
                self.is_condition(first, left) && self.is_condition(second, left)
            }
            (Inline::Not, [_, only]) => self.is_condition(only, left),
            (Inline::Comparison(_), _) => {
                *left -= 1;
                self.is_comparison(atom)
            }
            (Inline::Equal, [_, first, second]) => {
                *left -= 1;
                let has_variable = !first.is_ground() || !second.is_ground();
                has_variable && self.is_compared_as(first) && self.is_compared_as(second)
            }
            _ => false,
        }
    }

    /// Whether a side of `==` is a value that is there, or a sum of such.
    fn is_compared_as(&self, side: &Atom) -> bool {
        match side {
            Atom::Variable(variable) => self
                .names
                .get(variable)
                .is_some_and(|name| name.fresh_in != Some(self.scope)),
            Atom::Symbol(_) | Atom::Grounded(_) => is_plain_leaf(side),
            Atom::Expression(whole) => whole.children().is_empty() || self.is_numeric(side, SUMS),
        }
    }

    /// Whether an expression compares numbers that are there, or sums of such.
    pub(super) fn is_comparison(&mut self, atom: &Atom) -> bool {
        match (self.operation_of(atom), to_evaluate(atom)) {
            (Some((None, Some(Inline::Comparison(_)))), Some([_, first, second])) => {
                self.is_numeric(first, SUMS) && self.is_numeric(second, SUMS)
            }
            _ => false,
        }
    }

    pub(super) fn condition(&mut self, atom: &Atom, uses: &mut Vec<usize>) -> Compiled<Slot> {
        let children = atom.as_expression().unwrap_or_default();
        let odd = FAIL;
        let inline = self.operation_of(atom).and_then(|(_, inline)| inline);
        let instruction = match (inline, children) {
            (Some(Inline::Logic(operation)), [_, left, right]) => {
                let left = self.condition(left, uses)?;
                let right = self.condition(right, uses)?;
                let to = self.target()?;
                Instruction::Logic {
                    operation,
                    to,
                    left,
                    right,
                    odd,
                }
            }
            (Some(Inline::Not), [_, only]) => {
                let from = self.condition(only, uses)?;
                let to = self.target()?;
                Instruction::Not { to, from, odd }
            }
            (Some(Inline::Comparison(operation)), [_, left, right]) => {
                let left = self.side(left, uses)?;
                let right = self.side(right, uses)?;
                let to = self.target()?;
                Instruction::Compare {
                    operation,
                    to,
                    left,
                    right,
                    odd,
                }
            }
            (_, [_, left, right]) => {
                let left = self.side(left, uses)?;
                let right = self.side(right, uses)?;
                let to = self.target()?;
                Instruction::Same {
                    to,
                    left,
                    right,
                    odd,
                }
            }
            _ => return Err(super::Leave),
        };
        uses.push(self.emit(instruction));
        // The slot that it writes is the newest.
        Ok((self.slots - 1) as Slot)
    }

    /// What is compared, in a slot.
    pub(super) fn side(&mut self, side: &Atom, uses: &mut Vec<usize>) -> Compiled<Slot> {
        let value = match side {
            Atom::Variable(_) | Atom::Expression(_) if *side != Atom::unit() => {
                let mut odd = Vec::new();
                let value = self.numeric(side, &mut odd)?;
                uses.extend(odd.into_iter().map(|(at, _)| at));
                value
            }
            _ => self.constant_value(side)?,
        };
        self.in_slot(value)
    }
}

/// Whether it is a name, a number, a truth value, a character or a text that evaluates to itself.
pub(super) fn is_plain_leaf(atom: &Atom) -> bool {
    match atom {
        Atom::Symbol(symbol) => *symbol != known().empty && *symbol != known().not_reducible,
        Atom::Grounded(value) => matches!(
            value,
            Grounded::Number(_) | Grounded::Bool(_) | Grounded::Char(_) | Grounded::Text(_)
        ),
        Atom::Variable(_) | Atom::Expression(_) => false,
    }
}

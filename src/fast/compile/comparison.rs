//! Conditions that compare variables, constants, and sums and products of them: a jump each,
//! with no value of the comparison made.

use super::condition::to_evaluate;
use super::{Check, Compiled, Compiler, Leave, Place, Value};
use crate::atom::{Atom, Grounded, known};
use crate::fast::code::{Arithmetic, Comparison, FAIL, Instruction, Operand, Slot};
use crate::fast::program::Inline;

impl Compiler<'_> {
    /// The slot of a variable that stands for something as the form begins: what stands for
    /// nothing yet is compared as it stands.
    fn bound_slot(&self, atom: &Atom) -> Option<Slot> {
        let Atom::Variable(variable) = atom else {
            return None;
        };
        let name = self.names.get(variable)?;
        (name.fresh_in != Some(self.scope)).then_some(name.slot)
    }

    /// The slots of two variables that a condition compares, if nothing but their types has
    /// to be looked at before.
    pub(super) fn plain_equality(
        &self,
        condition: &Atom,
        checks: &[Check],
    ) -> Option<(Slot, Slot)> {
        let [Atom::Grounded(Grounded::Operation(operation)), left, right] =
            condition.as_expression()?
        else {
            return None;
        };
        if self.program.inline(operation) != Some(Inline::Equal) {
            return None;
        }
        let (left, right) = (self.bound_slot(left)?, self.bound_slot(right)?);
        let slots = [(left, right), (right, left)];
        checks
            .iter()
            .all(|check| matches!(check, Check::Same(a, b, _) if slots.contains(&(*a, *b))))
            .then_some((left, right))
    }

    /// A jump for a comparison of variables and small constants, evaluated first of all.
    pub(super) fn simple_comparison(&mut self, condition: &Atom) -> Option<Instruction> {
        let Some([Atom::Grounded(Grounded::Operation(operation)), left, right]) =
            to_evaluate(condition)
        else {
            return None;
        };
        let inline = self.program.inline(operation)?;
        if inline == Inline::Equal {
            return self.simple_equality(left, right);
        }
        let Inline::Comparison(operation) = inline else {
            return None;
        };
        let small = |atom: &Atom| {
            atom.as_number()
                .and_then(crate::number::Number::to_i64)
                .and_then(|value| i16::try_from(value).ok())
        };
        match (
            self.bound_slot(left),
            self.bound_slot(right),
            small(left),
            small(right),
        ) {
            (Some(left), Some(right), _, _) => Some(Instruction::JumpUnlessCompare {
                operation,
                left,
                right,
                to: FAIL,
                odd: FAIL,
            }),
            (Some(left), None, _, Some(right)) => Some(Instruction::JumpUnlessCompareSmall {
                operation,
                left,
                right,
                to: FAIL,
                odd: FAIL,
            }),
            (None, Some(left), Some(right), _) => Some(Instruction::JumpUnlessCompareSmall {
                operation: match operation {
                    Comparison::Less => Comparison::Greater,
                    Comparison::Greater => Comparison::Less,
                    Comparison::LessEqual => Comparison::GreaterEqual,
                    Comparison::GreaterEqual => Comparison::LessEqual,
                },
                left,
                right,
                to: FAIL,
                odd: FAIL,
            }),
            _ => None,
        }
    }

    /// Whether a condition compares sums and products of variables and numbers: nothing
    /// of it has results of its own, so what is not for numbers can be left to the plain
    /// evaluator together with the whole form.
    pub(super) fn is_numeric_comparison(&self, condition: &Atom) -> bool {
        let Some([Atom::Grounded(Grounded::Operation(operation)), left, right]) =
            to_evaluate(condition)
        else {
            return false;
        };
        let compares = matches!(
            self.program.inline(operation),
            Some(Inline::Comparison(_) | Inline::Equal)
        );
        let computes = |atom: &Atom| matches!(atom, Atom::Expression(_));
        compares
            && (computes(left) || computes(right))
            && self.is_numeric(left, 8)
            && self.is_numeric(right, 8)
    }

    pub(super) fn is_numeric(&self, atom: &Atom, depth: usize) -> bool {
        match atom {
            Atom::Variable(_) => self.bound_slot(atom).is_some(),
            Atom::Grounded(Grounded::Number(_)) => true,
            Atom::Expression(_) => match to_evaluate(atom) {
                Some([Atom::Grounded(Grounded::Operation(operation)), left, right]) => {
                    depth > 0
                        && matches!(self.program.inline(operation), Some(Inline::Arithmetic(_)))
                        && self.is_numeric(left, depth - 1)
                        && self.is_numeric(right, depth - 1)
                }
                _ => false,
            },
            Atom::Symbol(_) | Atom::Grounded(_) => false,
        }
    }

    /// A jump for what [`Compiler::is_numeric_comparison`] says; `uses` gathers the
    /// instructions before it that have an odd way.
    pub(super) fn numeric_comparison(
        &mut self,
        condition: &Atom,
        uses: &mut Vec<(usize, Place)>,
    ) -> Compiled<usize> {
        let Some([Atom::Grounded(Grounded::Operation(operation)), left, right]) =
            condition.as_expression()
        else {
            return Err(Leave);
        };
        let inline = self.program.inline(operation);
        if inline == Some(Inline::Equal)
            && let Some(sum) = self
                .is_sum(left, right)
                .or_else(|| self.is_sum(right, left))
        {
            return Ok(self.emit(sum));
        }
        let left = self.numeric(left, uses)?;
        let right = self.numeric(right, uses)?;
        let (left, right) = (self.in_slot(left)?, self.in_slot(right)?);
        let to = FAIL;
        let odd = FAIL;
        let instruction = match inline {
            Some(Inline::Comparison(operation)) => Instruction::JumpUnlessCompare {
                operation,
                left,
                right,
                to,
                odd,
            },
            _ => Instruction::JumpUnlessSame {
                left,
                right,
                to,
                odd,
            },
        };
        Ok(self.emit(instruction))
    }

    /// A jump unless one variable is the sum or the difference of two others.
    fn is_sum(&self, whole: &Atom, sum: &Atom) -> Option<Instruction> {
        let slot = |atom: &Atom| match atom {
            Atom::Variable(variable) => self.names.get(variable).map(|name| name.slot),
            _ => None,
        };
        let [Atom::Grounded(Grounded::Operation(operation)), left, right] = sum.as_expression()?
        else {
            return None;
        };
        let minus = match self.program.inline(operation)? {
            Inline::Arithmetic(Arithmetic::Add) => false,
            Inline::Arithmetic(Arithmetic::Subtract) => true,
            _ => return None,
        };
        Some(Instruction::JumpUnlessSum {
            minus,
            whole: slot(whole)?,
            left: slot(left)?,
            right: slot(right)?,
            to: FAIL,
            odd: FAIL,
        })
    }

    pub(super) fn numeric(
        &mut self,
        atom: &Atom,
        uses: &mut Vec<(usize, Place)>,
    ) -> Compiled<Value> {
        match atom {
            Atom::Variable(variable) => match self.names.get(variable) {
                Some(name) => Ok(Operand::slot(name.slot)),
                None => Err(Leave),
            },
            Atom::Expression(_) => {
                let Some([Atom::Grounded(Grounded::Operation(operation)), left, right]) =
                    atom.as_expression()
                else {
                    return Err(Leave);
                };
                let Some(Inline::Arithmetic(operation)) = self.program.inline(operation) else {
                    return Err(Leave);
                };
                let left = self.numeric(left, uses)?;
                let right = self.numeric(right, uses)?;
                let to = self.slot()?;
                let instruction = self.arithmetic(operation, to, left, right)?;
                uses.push((self.emit(instruction), Place::Odd));
                self.define(to);
                for operand in [left, right] {
                    if !operand.is_constant() {
                        self.seen.numbers.insert(operand.index() as Slot);
                    }
                }
                Ok(Operand::slot(to))
            }
            _ => self.constant_value(atom),
        }
    }

    /// A jump for a variable that is compared with a constant.
    pub(super) fn simple_equality(&mut self, left: &Atom, right: &Atom) -> Option<Instruction> {
        let (variable, constant) = match (left, right) {
            (Atom::Variable(variable), constant) | (constant, Atom::Variable(variable)) => {
                (variable, constant)
            }
            _ => return None,
        };
        let slot = self.names.get(variable)?.slot;
        let plain = match constant {
            Atom::Symbol(symbol) => {
                let id = self.heap.symbol(symbol);
                *symbol != known().empty && self.program.types_of_symbol(self.heap, id).is_none()
            }
            Atom::Grounded(Grounded::Bool(_) | Grounded::Char(_)) => true,
            Atom::Grounded(Grounded::Number(number)) => number.to_i64().is_some(),
            Atom::Expression(expression) => expression.children().is_empty(),
            Atom::Variable(_) | Atom::Grounded(_) => false,
        };
        if !plain {
            return None;
        }
        let value = constant.as_number().filter(|number| !number.is_float());
        let value = value.and_then(crate::number::Number::to_i64);
        if let Some(value) = value.and_then(|value| i32::try_from(value).ok()) {
            return Some(Instruction::JumpUnlessInteger {
                slot,
                value,
                to: FAIL,
                odd: FAIL,
            });
        }
        let index = self.constant(constant).ok()?;
        Some(Instruction::JumpUnlessConstant {
            slot,
            index,
            to: FAIL,
            odd: FAIL,
        })
    }
}

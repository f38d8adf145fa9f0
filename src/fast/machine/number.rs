//! Arithmetic and comparisons.

use super::Machine;
use super::typing::Class;
use crate::fast::cell::Cell;
use crate::fast::code::{Arithmetic, Comparison};

impl Machine<'_> {
    /// Whether two values are the same; `None` if one does not plainly evaluate to itself, or
    /// they have no type in common.
    #[inline(never)]
    pub(super) fn are_same(&mut self, left: Cell, right: Cell) -> Option<bool> {
        if self.are_names_of_one_type(left, right) || left.is_char() && right.is_char() {
            return Some(left == right);
        }
        let types = &self.program.value_types;
        if let Some(same) = self.heap.same_data(types, left, right) {
            return Some(same);
        }
        if !self.heap.is_its_own(left)
            || !self.heap.is_its_own(right)
            || !self.may_have_one_type(left, right, true)
        {
            return None;
        }
        Some(self.heap.equal(left, right))
    }

    /// Whether one number is the sum, or the difference, of two others; `None` if one of
    /// them is none.
    #[inline(never)]
    pub(super) fn is_sum(
        &mut self,
        minus: bool,
        whole: Cell,
        left: Cell,
        right: Cell,
    ) -> Option<bool> {
        let operation = if minus {
            Arithmetic::Subtract
        } else {
            Arithmetic::Add
        };
        let sum = self.compute(operation, left, right)?;
        self.same_numbers(whole, sum)
    }

    /// Arithmetic beyond small integers; `None` for what is no number, and errors.
    #[inline(never)]
    pub(super) fn compute(
        &mut self,
        operation: Arithmetic,
        left: Cell,
        right: Cell,
    ) -> Option<Cell> {
        let (left, right) = (self.heap.deref(left), self.heap.deref(right));
        if left.are_ints(right) {
            let (a, b) = (left.as_int(), right.as_int());
            let value = match operation {
                Arithmetic::Add => a.checked_add(b),
                Arithmetic::Subtract => a.checked_sub(b),
                Arithmetic::Multiply => a.checked_mul(b),
                Arithmetic::Divide => a.checked_div(b),
                Arithmetic::Remainder => a.checked_rem(b),
            };
            if let Some(value) = value {
                return Some(self.heap.integer(value));
            }
        }
        if left.is_float() && right.is_float() {
            return Some(self.heap.of_floats(operation, left, right));
        }
        let (a, b) = (self.heap.number_of(left)?, self.heap.number_of(right)?);
        let value = match operation {
            Arithmetic::Add => a.add(&b),
            Arithmetic::Subtract => a.subtract(&b),
            Arithmetic::Multiply => a.multiply(&b),
            Arithmetic::Divide => a.divide(&b),
            Arithmetic::Remainder => a.remainder(&b),
        };
        let value = self.heap.number(value.ok()?);
        self.collect_if_much();
        Some(value)
    }

    #[inline(always)]
    pub(super) fn compare(&self, operation: Comparison, left: Cell, right: Cell) -> Option<bool> {
        if left.are_ints(right) {
            return Some(operation.holds((left.0 as i64).cmp(&(right.0 as i64))));
        }
        self.compare_numbers(operation, left, right)
    }

    #[inline(never)]
    pub(super) fn compare_numbers(
        &self,
        operation: Comparison,
        left: Cell,
        right: Cell,
    ) -> Option<bool> {
        let (left, right) = (self.heap.deref(left), self.heap.deref(right));
        let (a, b) = (self.heap.number_of(left)?, self.heap.number_of(right)?);
        let order = a.compare(&b);
        Some(order.is_some_and(|order| operation.holds(order)))
    }

    /// Whether a value, once evaluated, is the constant; `None` if it has to be
    /// evaluated first or the types do not agree.
    #[inline(never)]
    pub(super) fn is_constant(&mut self, value: Cell, constant: Cell) -> Option<bool> {
        let value = self.heap.deref(value);
        let are_names = value.is_symbol() && constant.is_symbol() && value != self.heap.empty;
        if are_names || value.is_char() && constant.is_char() {
            return Some(value == constant);
        }
        self.settle_if_data(value);
        let (a, b) = (self.type_class(value)?, self.type_class(constant)?);
        if a == Class::Unknown || b == Class::Unknown || a == b && a != Class::Typed {
            if constant == self.heap.unit && value.is_exp() {
                return Some(self.heap.elements(value.at()).1 == 0);
            }
            return Some(self.heap.equal(value, constant));
        }
        None
    }

    /// Whether two numbers are the same; a variable is the same as none. `None` for
    /// anything else.
    #[inline(never)]
    pub(super) fn same_numbers(&self, left: Cell, right: Cell) -> Option<bool> {
        let (left, right) = (self.heap.deref(left), self.heap.deref(right));
        for cell in [left, right] {
            if !cell.is_ref() && !self.heap.is_number(cell) {
                return None;
            }
        }
        Some(self.heap.equal(left, right))
    }
}

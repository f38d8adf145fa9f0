//! Patterns of queries: what they have at each place, in pre-order.

use super::slow::is_plainly_written;
use super::{Compiled, Compiler, Leave};
use crate::atom::{Atom, Variable};
use crate::fast::code::Slot;
use crate::fast::pattern::{Part, Pattern};
use crate::space::token::{self, WILD};

/// Slots of the variables that occur first in a pattern.
pub(super) type First = Vec<(Variable, Slot)>;

impl Compiler<'_> {
    /// Whether it is an expression that is no conjunction, whatever is known of its head.
    fn is_read_along(&self, pattern: &Atom) -> bool {
        match pattern.as_expression() {
            Some([Atom::Variable(head), ..]) => self.slot_of(head).is_none(),
            Some([head, ..]) => head.as_symbol() != Some(","),
            _ => false,
        }
    }

    /// The number of a pattern that is read along rows, and the slots that it writes, which
    /// hold nothing before. `None` if it is no expression, or may be a conjunction.
    pub(super) fn compiled_pattern(&mut self, pattern: &Atom) -> Compiled<Option<(u32, First)>> {
        if !self.is_read_along(pattern) {
            return Ok(None);
        }
        let (mut parts, mut first) = (Vec::new(), First::new());
        self.parts(pattern, &mut parts, &mut first)?;
        self.program.patterns.push(Pattern::new(parts));
        Ok(Some((self.program.patterns.len() as u32 - 1, first)))
    }

    /// As [`Compiler::compiled_pattern`], of a conjunction: the number of the first of its patterns,
    /// which the others follow.
    pub(super) fn compiled_conjunction(
        &mut self,
        pattern: &Atom,
    ) -> Compiled<Option<(u32, First)>> {
        let Some([comma, patterns @ ..]) = pattern.as_expression() else {
            return Ok(None);
        };
        let is_compiled = |part: &Atom| self.is_read_along(part) && is_plainly_written(part);
        if comma.as_symbol() != Some(",") || !patterns.iter().all(is_compiled) {
            return Ok(None);
        }
        let names = self.names.clone();
        let compiled = self.compiled_in_a_row(patterns);
        self.names = names;
        let Some((numbers, all)) = compiled? else {
            return Ok(None);
        };
        for (left, number) in numbers.iter().rev().enumerate() {
            self.program.patterns[*number as usize].followed_by = left as u32;
        }
        Ok(numbers.first().map(|first| (*first, all)))
    }

    /// The numbers of patterns, each compiled with what those before it write named, and all slots
    /// that they write. `None` if one may be a conjunction, as where its head is such a variable.
    fn compiled_in_a_row(&mut self, patterns: &[Atom]) -> Compiled<Option<(Vec<u32>, First)>> {
        let (mut numbers, mut all) = (Vec::with_capacity(patterns.len()), First::new());
        for pattern in patterns {
            let Some((number, first)) = self.compiled_pattern(pattern)? else {
                return Ok(None);
            };
            numbers.push(number);
            for (variable, slot) in &first {
                self.name_slot(variable, *slot);
            }
            all.extend(first);
        }
        Ok(Some((numbers, all)))
    }

    pub(super) fn slot_of(&self, variable: &Variable) -> Option<Slot> {
        let named = self.names.get(variable).map(|name| name.slot);
        named.or_else(|| self.written.get(variable).copied())
    }

    fn parts(&mut self, pattern: &Atom, parts: &mut Vec<Part>, first: &mut First) -> Compiled<()> {
        self.deeper()?;
        match pattern {
            Atom::Variable(variable) => {
                let again = first.iter().find(|(known, _)| known == variable);
                parts.push(match (self.slot_of(variable), again) {
                    (Some(slot), _) => Part::Value(slot),
                    (None, Some((_, slot))) => Part::Again(*slot),
                    (None, None) if self.counts.get(variable) == Some(&1) => Part::Any,
                    (None, None) => {
                        // Written with the answer, so not defined before.
                        let slot = self.slot()?;
                        first.push((variable.clone(), slot));
                        Part::First(slot)
                    }
                });
            }
            Atom::Expression(expression) => {
                let children = expression.children();
                parts.push(Part::Token(token::expression(children.len() as u32)));
                for child in children {
                    self.parts(child, parts, first)?;
                }
            }
            Atom::Symbol(symbol) if pattern.is_ground() => {
                let id = self.heap.symbol(symbol);
                parts.push(Part::Token(token::symbol(id)));
            }
            Atom::Grounded(value) if pattern.is_ground() => {
                let constant = self.constant(pattern)?;
                let key = token::payload_key(value).unwrap_or(WILD);
                parts.push(Part::Leaf { key, constant });
            }
            // A text pattern: what it matches the plain evaluator knows.
            Atom::Symbol(_) | Atom::Grounded(_) => return Err(Leave),
        }
        self.depth -= 1;
        Ok(())
    }
}

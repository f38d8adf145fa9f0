//! Calls whose types are decided when they run.

use std::ops::Range;
use std::sync::Arc;

use super::Machine;
use crate::atom::Atom;
use crate::fast::cell::Cell;
use crate::fast::code::TypeId;
use crate::fast::program::{Head, Program, Site, Tree};
use crate::fast::types::{Argument, ArgumentKind, Arguments};
use crate::types;

impl Machine<'_> {
    /// Whether an expression is well-typed, and may be used where a type is expected.
    pub(super) fn tree_has_type(&mut self, tree: u32, expected: TypeId, base: usize) -> bool {
        let tree = Arc::clone(&self.program.trees[tree as usize]);
        let Some(found) = self.argument_of(&tree, base) else {
            return false;
        };
        let Program {
            value_types, types, ..
        } = &mut self.program;
        value_types.fits(found.found(), expected, &types[usize::from(expected)])
    }

    /// Whether an expression has a type that is not one of functions.
    pub(super) fn tree_is_value(&mut self, tree: u32, base: usize) -> bool {
        let tree = Arc::clone(&self.program.trees[tree as usize]);
        self.argument_of(&tree, base)
            .is_some_and(|found| !self.program.value_types.is_function(found.found()))
    }

    /// The type of an expression with what slots hold now.
    fn argument_of(&mut self, tree: &Tree, base: usize) -> Option<Argument> {
        match tree {
            Tree::Unknown => Some(Argument::new(
                self.program.value_types.unknown(),
                ArgumentKind::Variable,
            )),
            Tree::Known(number) => {
                let Program {
                    value_types, types, ..
                } = &mut self.program;
                let found = value_types.of_expected(*number, &types[usize::from(*number)])?;
                Some(Argument::new(found, ArgumentKind::Expression))
            }
            Tree::Value(operand) => {
                let value = self.heap.deref(self.operand(base, *operand));
                let found = self.type_of(value)?;
                Some(Argument::new(found, self.kind_of(value)))
            }
            Tree::Call(parts) => {
                let (head, arguments) = parts.split_first()?;
                let Tree::Value(operand) = head else {
                    return None;
                };
                let head = self.heap.deref(self.operand(base, *operand));
                let head = self.type_of_head(head)?;
                let mut known: Arguments = Arguments::new();
                if head != self.program.value_types.unknown() {
                    for argument in arguments {
                        known.push(self.argument_of(argument, base)?);
                    }
                }
                let found = self.program.value_types.application(head, &known)?;
                Some(Argument::new(found, ArgumentKind::Expression))
            }
        }
    }

    /// The function that a call is for, by the types of its arguments; `None` if it is
    /// not plain to see that it is well-typed and what its types are.
    pub(super) fn decide(&mut self, number: u32, base: usize) -> Option<u32> {
        let site = Arc::clone(&self.program.sites[number as usize]);
        let mut arguments: Arguments = Arguments::new();
        for (tree, as_written) in &site.trees {
            if !as_written && let Tree::Value(operand) = tree {
                let value = self.operand(base, *operand);
                if !self.stays(value) {
                    return None;
                }
            }
            arguments.push(self.argument_of(tree, base)?);
        }
        if let Some((known, function)) = &self.program.decided[number as usize]
            && *known == arguments
        {
            return Some(*function);
        }
        let function = self.decide_anew(&site, &arguments)?;
        self.program.decided[number as usize] = Some((arguments, function));
        Some(function)
    }

    fn decide_anew(&mut self, site: &Site, arguments: &[Argument]) -> Option<u32> {
        let head = self.type_of_head(Cell::symbol(site.symbol))?;
        let Program {
            value_types, types, ..
        } = &mut self.program;
        let wanted = types[usize::from(site.expected)].clone();
        let decision = value_types.decision(head, arguments, site.expected, &wanted)?;
        for (((tree, as_written), argument), parameter) in
            site.trees.iter().zip(arguments).zip(&decision.parameters)
        {
            // What it is expected to be must not say more than its own type does.
            let is_call = !as_written && matches!(tree, Tree::Call(_) | Tree::Known(_));
            if is_call && !value_types.says_no_more(parameter, argument.found()) {
                return None;
            }
        }
        let returns = self.program.result_type(&decision.returns);
        Some(self.program.function(site.symbol, arguments.len(), returns))
    }

    /// The function that a call of something typed is for, if its arguments are as its
    /// parameters take them and need no evaluating.
    pub(super) fn typed_function(
        &mut self,
        symbol: u32,
        elements: Range<usize>,
        expected: TypeId,
    ) -> Option<u32> {
        let head = Atom::Symbol(self.heap.symbol_of(symbol));
        let Head::Typed(signature) = self.program.head(self.host, &mut self.heap, &head) else {
            return None;
        };
        if signature.parameters.len() + 1 != elements.len() {
            return None;
        }
        let mut arguments: Arguments = Arguments::new();
        for (parameter, at) in signature.parameters.iter().zip(elements.skip(1)) {
            let argument = self.heap.deref(self.heap.word(at));
            let kind = self.kind_of(argument);
            let found = if types::is_meta_type(parameter) {
                // One of another kind may still fit.
                if !kind.is_taken_by(parameter) {
                    return None;
                }
                self.program.value_types.unknown()
            } else if argument.is_ref() || self.is_settled(argument) {
                self.type_of(argument)?
            } else {
                return None;
            };
            arguments.push(Argument::new(found, kind));
        }
        let key = (symbol, arguments, expected);
        if let Some(known) = self.program.value_types.calls.get(&key) {
            return *known;
        }
        let site = Site {
            symbol,
            expected,
            trees: Vec::new(),
        };
        let function = self.decide_anew(&site, &key.1);
        self.program.value_types.calls.insert(key, function);
        function
    }

    /// Whether a value as an argument stays what it is.
    fn stays(&mut self, value: Cell) -> bool {
        let value = self.heap.deref(value);
        if value.is_exp() && self.heap.header(value.at()).arity() == 0 {
            return true;
        }
        value.is_ref()
            || self.is_settled(value)
            || value.is_exp() && !self.heap.is_error(value) && self.settles(value)
    }
}

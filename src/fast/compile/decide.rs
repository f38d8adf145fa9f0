//! Calls whose types are decided when they run: signatures with type variables inside
//! of types, heads and arguments of which only the value tells the type.

use std::sync::Arc;

use super::{
    Check, Compiled, Compiler, Flags, Leave, OddWhat, Place, Static, Value, Want, is_whole_error,
};
use crate::atom::{Atom, Grounded};
use crate::fast::code::{ANY, FAIL, Instruction, Operand, Slot, TypeId, Watched};
use crate::fast::program::{Signature, Site, Tree};
use crate::types;

/// Trees are looked at recursively.
const TREE_DEPTH_MAX: usize = 32;

/// Whether its types have type variables inside of others.
pub(super) fn is_applied(signature: &Signature) -> bool {
    let mut parts = signature.parameters.iter().chain([&signature.returns]);
    parts.any(|part| matches!(part, Atom::Expression(part) if !part.is_ground()))
}

impl Compiler<'_> {
    /// What the type of an expression depends on.
    pub(super) fn tree(&mut self, atom: &Atom) -> Compiled<u32> {
        let tree = self.tree_of(atom, 0)?;
        self.program.trees.push(Arc::new(tree));
        Ok(self.program.trees.len() as u32 - 1)
    }

    fn tree_of(&mut self, atom: &Atom, depth: usize) -> Compiled<Tree> {
        if depth > TREE_DEPTH_MAX {
            return Err(Leave);
        }
        match atom {
            Atom::Variable(variable) => Ok(match self.names.get(variable) {
                Some(name) if name.fresh_in != Some(self.scope) => {
                    Tree::Value(Operand::slot(name.slot))
                }
                _ => Tree::Unknown,
            }),
            Atom::Symbol(_) | Atom::Grounded(_) => Ok(Tree::Value(self.constant_value(atom)?)),
            Atom::Expression(expression) => {
                let children = expression.children();
                // An argument that is a call is one, whatever is in it.
                if children.is_empty() || depth > 0 && atom.is_ground() {
                    return Ok(Tree::Value(self.constant_value(atom)?));
                }
                if matches!(children[0], Atom::Expression(_)) {
                    return Err(Leave);
                }
                let parts = children.iter().map(|child| self.tree_of(child, depth + 1));
                Ok(Tree::Call(parts.collect::<Compiled<_>>()?))
            }
        }
    }

    /// What the type of an argument depends on, or its type with what has to hold for that.
    fn argument_tree(&mut self, argument: &Atom, checks: &mut Vec<Check>) -> Compiled<Tree> {
        if let Atom::Expression(expression) = argument
            && !expression.children().is_empty()
        {
            let (depth, known) = (self.depth, checks.len());
            let found = self.expression_type(expression.children(), checks);
            self.depth = depth;
            match found {
                Ok(Static::Known(found)) if !types::is_meta_type(&found) => {
                    return Ok(Tree::Known(self.program.type_id(&found)));
                }
                _ => checks.truncate(known),
            }
        }
        self.tree_of(argument, 0)
    }

    /// A call of a function whose signature has type variables inside of types.
    pub(super) fn decided(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        signature: &Signature,
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        let arguments = &children[1..];
        let Atom::Symbol(symbol) = &children[0] else {
            return Err(Leave);
        };
        if signature.parameters.len() != arguments.len() {
            return Err(Leave);
        }
        let symbol = self.heap.symbol(symbol);
        let mut trees = Vec::with_capacity(arguments.len());
        let (mut evaluated, mut checks) = (Vec::new(), Vec::new());
        for (parameter, argument) in signature.parameters.iter().zip(arguments) {
            if argument.is_empty_symbol() || is_whole_error(argument) {
                return Err(Leave);
            }
            let as_written = types::is_meta_type(parameter);
            if as_written
                && !types::matches_meta_type(argument, parameter)
                && !matches!(argument, Atom::Variable(_))
            {
                return Err(Leave);
            }
            if !as_written && argument.as_expression().is_some() {
                evaluated.push(argument.clone());
            }
            trees.push((self.argument_tree(argument, &mut checks)?, as_written));
        }
        self.program.sites.push(Arc::new(Site {
            symbol,
            expected,
            trees,
        }));
        self.program.decided.push(None);
        let site = self.program.sites.len() as u32 - 1;
        let mut uses = self.emit_checks(checks);
        let function = self.target()?;
        let at = self.emit(Instruction::Decide {
            to: function,
            site,
            odd: FAIL,
        });
        uses.push((at, Place::Odd));
        let slow = self.slow(uses, OddWhat::Source(atom.clone()), expected)?;
        let (value, mark) = self.marked(&evaluated, want, |this, within| {
            let mut operands = vec![this.constant_value(&children[0])?];
            for (parameter, argument) in signature.parameters.iter().zip(arguments) {
                operands.push(match argument {
                    Atom::Expression(inner)
                        if !types::is_meta_type(parameter) && !inner.children().is_empty() =>
                    {
                        this.evaluate(argument, ANY, Want::Own)?
                    }
                    Atom::Grounded(Grounded::Operation(_)) if !types::is_meta_type(parameter) => {
                        return Err(Leave);
                    }
                    _ => this.quoted(argument)?,
                });
            }
            this.call_decided(symbol, operands, function, want, within.mark)
        })?;
        self.exit(mark);
        self.resume(Some(slow), value, want)
    }

    fn call_decided(
        &mut self,
        symbol: u32,
        mut operands: Vec<Operand>,
        function: Slot,
        want: Want,
        mark: Option<Slot>,
    ) -> Compiled<Value> {
        if !self.program.has_rules_of(symbol, operands.len() - 1) {
            return self.call_symbol(symbol, operands, ANY, want, mark, Flags::Data, None);
        }
        operands.remove(0);
        let operands = self.program.operands(&operands);
        if want == Want::Tail {
            if self.watched {
                let last = self.watch(Watched::Last);
                self.emit_sized(Instruction::CallDecided {
                    function,
                    operands,
                    size: 0,
                    mark: Slot::MAX,
                });
                self.return_result();
                let here = self.here();
                self.fill(last, Place::To, here);
            }
            self.emit(Instruction::CallDecidedLast { function, operands });
            return Ok(Operand::slot(0));
        }
        self.emit_sized(Instruction::CallDecided {
            function,
            operands,
            size: 0,
            mark: mark.unwrap_or(Slot::MAX),
        });
        self.take(want)
    }
}

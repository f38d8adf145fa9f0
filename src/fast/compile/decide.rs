//! Calls whose types are decided when they run: signatures with type variables inside
//! of types, heads and arguments of which only the value tells the type.

use std::sync::Arc;

use super::{
    Check, Compiled, Compiler, Flags, Leave, OddWhat, Place, Static, Value, Want, is_whole_error,
};
use crate::atom::{Atom, Grounded};
use crate::fast::code::{ANY, FAIL, Instruction, Operand, Slot, TypeId, Watched};
use crate::fast::program::{Expected, Head, Signature, Site, SiteArgument, Told, Tree};
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
        let Atom::Symbol(symbol) = &children[0] else {
            return Err(Leave);
        };
        let symbol = self.heap.symbol(symbol);
        let expected = Expected::Known(expected);
        self.decided_as(
            atom,
            children,
            signature,
            expected,
            want,
            |this, operands, function, want, mark| {
                this.call_decided(symbol, operands, function, want, mark)
            },
        )
    }

    /// A call of something with such a signature: `inner` makes it, of its operands and
    /// the slot that holds the function.
    pub(super) fn decided_as(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        signature: &Signature,
        expected: Expected,
        want: Want,
        inner: impl FnOnce(&mut Self, Vec<Operand>, Slot, Want, Option<Slot>) -> Compiled<Value>,
    ) -> Compiled<Value> {
        let arguments = &children[1..];
        if signature.parameters.len() != arguments.len() {
            return Err(Leave);
        }
        let head = self.constant_value(&children[0])?;
        let mut parts = Vec::with_capacity(arguments.len());
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
            let tree = self.argument_tree(argument, &mut checks)?;
            if !as_written && argument.as_expression().is_some() {
                evaluated.push(argument.clone());
            }
            let told = if as_written {
                Told::Nothing
            } else {
                self.told(argument)?
            };
            parts.push(SiteArgument {
                tree,
                as_written,
                told,
            });
        }
        let told: Vec<Told> = parts.iter().map(|part| part.told).collect();
        self.program.sites.push(Arc::new(Site {
            head: self.program.constants[head.index()],
            expected,
            arguments: parts,
        }));
        self.program.decided.push(Vec::new());
        let site = self.program.sites.len() as u32 - 1;
        let mut uses = self.emit_checks(checks);
        let function = self.slot()?;
        let at = self.emit(Instruction::Decide {
            to: function,
            site,
            odd: FAIL,
        });
        uses.push((at, Place::Odd));
        let (source, known) = match expected {
            Expected::Known(known) => (OddWhat::Source(atom.clone()), known),
            Expected::Told(slot) => (OddWhat::SourceAs(atom.clone(), slot), ANY),
        };
        let slow = self.slow(uses, source, known)?;
        // What the way on from here has, and the slow one not yet.
        self.define(function);
        for told in &told {
            if let Told::Type(slot) | Told::Function(slot, ..) = told {
                self.define(*slot);
            }
        }
        let (value, mark) = self.marked(&evaluated, want, |this, within| {
            let mut operands = vec![head];
            for (place, (parameter, told)) in signature.parameters.iter().zip(&told).enumerate() {
                let argument = &arguments[place];
                operands.push(match argument {
                    Atom::Expression(inner)
                        if !types::is_meta_type(parameter) && !inner.children().is_empty() =>
                    {
                        this.in_place(place, argument, |this| {
                            this.told_argument(argument, inner.children(), *told)
                        })?
                    }
                    Atom::Grounded(Grounded::Operation(_)) if !types::is_meta_type(parameter) => {
                        return Err(Leave);
                    }
                    _ => this.quoted(argument)?,
                });
            }
            inner(this, operands, function, within.want, within.mark)
        })?;
        self.exit(mark);
        self.resume(Some(slow), value, want)
    }

    /// What an argument can be told of what is expected of it.
    fn told(&mut self, argument: &Atom) -> Compiled<Told> {
        let Some([head @ Atom::Symbol(symbol), arguments @ ..]) = argument.as_expression() else {
            return Ok(Told::Nothing);
        };
        Ok(match self.program.head(self.host, self.heap, head) {
            Head::Typed(signature) if is_applied(&signature) => Told::Type(self.slot()?),
            Head::Untyped => {
                let symbol = self.heap.symbol(symbol);
                if self.program.has_rules_of(symbol, arguments.len()) {
                    Told::Function(self.slot()?, symbol, arguments.len())
                } else {
                    Told::Free
                }
            }
            _ => Told::Nothing,
        })
    }

    /// An argument that is a call, evaluated as it is told.
    fn told_argument(&mut self, argument: &Atom, children: &[Atom], told: Told) -> Compiled<Value> {
        match told {
            Told::Nothing | Told::Free => self.evaluate(argument, ANY, Want::Own),
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
                    argument,
                    children,
                    &signature,
                    Expected::Told(expected),
                    Want::Own,
                    |this, operands, function, want, mark| {
                        this.call_decided(symbol, operands, function, want, mark)
                    },
                )?;
                self.depth -= 1;
                Ok(value)
            }
            Told::Function(function, symbol, _) => {
                self.deeper()?;
                let (value, mark) = self.marked(&children[1..], Want::Own, |this, within| {
                    let mut operands = vec![this.constant_value(&children[0])?];
                    for child in &children[1..] {
                        operands.push(this.evaluate(child, ANY, Want::Own)?);
                    }
                    this.call_decided(symbol, operands, function, within.want, within.mark)
                })?;
                self.exit(mark);
                self.depth -= 1;
                Ok(value)
            }
        }
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

//! Calls of functions and of operations.

use std::sync::Arc;

use super::decide::is_applied;
use super::lambda::lambda_of;
use super::{Bound, Compiled, Compiler, Flags, Leave, Place, Value, Want, is_unchanged};
use crate::atom::{Atom, Grounded, known};
use crate::evaluate::{is_instruction, substitute};
use crate::fast::code::{ANY, FAIL, Instruction, Operand, RETURN, Slot, TypeId, Watched};
use crate::fast::program::{Head, Inline, Signature, State};
use crate::operation::Operation;
use crate::types;

impl Compiler<'_> {
    pub(super) fn call(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        let head = self.program.head(self.host, self.heap, &children[0]);
        match head {
            Head::Complex => match children {
                [Atom::Symbol(symbol), left, right, then, otherwise]
                    if *symbol == known().unify =>
                {
                    self.unify_form(atom, [left, right, then, otherwise], want)
                }
                [Atom::Symbol(symbol), ..]
                    if *symbol == known().cons_atom || *symbol == known().decons_atom =>
                {
                    self.list_instruction(atom, children, expected, want)
                }
                [head, ..] if lambda_of(head).is_some() => {
                    self.lambda_call(children, expected, want)
                }
                [Atom::Symbol(symbol)] if *symbol == known().context_space && expected == ANY => {
                    let space = Atom::space(self.program.space.clone());
                    let value = self.constant_value(&space)?;
                    Ok(self.give(value, want))
                }
                // What comes of it is evaluated, unless it is an instruction.
                [
                    Atom::Symbol(symbol),
                    Atom::Expression(nested),
                    Atom::Variable(variable),
                    template @ Atom::Expression(_),
                ] if *symbol == known().chain
                    && matches!(nested.children(), [Atom::Symbol(head)] if *head == known().context_space)
                    && !starts_with_instruction(template) =>
                {
                    let space = Atom::space(self.program.space.clone());
                    let template = substitute(template, variable, &space);
                    self.part(|this| {
                        this.introduce(&template)?;
                        this.template(&template, ANY, want, Bound::Something)
                    })
                }
                [Atom::Grounded(Grounded::Operation(operation)), ..]
                    if types::is_undefined(operation.type_atom())
                        && operation.control().is_none() =>
                {
                    let (value, mark) = self.marked(&children[1..], want, |this, _| {
                        let mut operands = Vec::with_capacity(children.len());
                        for child in &children[1..] {
                            operands.push(this.evaluate(child, ANY, Want::Own)?);
                        }
                        let signature = Signature {
                            parameters: Vec::new(),
                            returns: this.program.types[usize::from(expected)].clone(),
                        };
                        let unchanged = is_unchanged(children);
                        this.operate(operation, &signature, &operands, unchanged, want)
                    })?;
                    self.exit(mark);
                    Ok(value)
                }
                _ => Err(Leave),
            },
            Head::Untyped => {
                let (value, mark) = self.marked(&children[1..], want, |this, inner| {
                    let mut operands = Vec::with_capacity(children.len());
                    for child in children {
                        operands.push(this.evaluate(child, ANY, Want::Own)?);
                    }
                    match &children[0] {
                        Atom::Symbol(symbol) => {
                            let symbol = this.heap.symbol(symbol);
                            this.call_symbol(
                                symbol,
                                operands,
                                expected,
                                want,
                                inner.mark,
                                Flags::Data,
                            )
                        }
                        _ => {
                            let to = this.target()?;
                            let operands = this.program.operands(&operands);
                            this.emit(Instruction::BuildData { to, operands });
                            Ok(this.give(Operand::slot(to), want))
                        }
                    }
                })?;
                self.exit(mark);
                Ok(value)
            }
            Head::Typed(signature) if is_applied(&signature) => {
                self.decided(atom, children, &signature, expected, want)
            }
            Head::Typed(signature) => self.typed(
                atom,
                children,
                &signature,
                expected,
                want,
                |this, operands, mark, flags, returned| {
                    let Atom::Symbol(symbol) = &children[0] else {
                        return Err(Leave);
                    };
                    let symbol = this.heap.symbol(symbol);
                    let returns = match &signature.returns {
                        Atom::Variable(_) => returned,
                        returns => this.result_type(returns),
                    };
                    this.call_symbol(symbol, operands, returns, want, mark, flags)
                },
            ),
            Head::Operation(operation, signature) => {
                if let Some(control) = operation.control() {
                    return self.control(control, atom, children, &signature, expected, want);
                }
                match self.program.inline(&operation) {
                    Some(Inline::Superpose) => {
                        self.superpose(&operation, atom, children, &signature, want)
                    }
                    Some(Inline::State(what)) => self
                        .state_form(what, &operation, atom, children, &signature, expected, want),
                    Some(inline) => self.inlined(
                        inline, &operation, atom, children, &signature, expected, want,
                    ),
                    None => self.typed(
                        atom,
                        children,
                        &signature,
                        expected,
                        want,
                        |this, operands, _, _, _| {
                            this.operate(
                                &operation,
                                &signature,
                                &operands[1..],
                                is_unchanged(children),
                                want,
                            )
                        },
                    ),
                }
            }
        }
    }

    pub(super) fn exit(&mut self, mark: Option<Slot>) {
        if let Some(mark) = mark {
            self.emit(Instruction::Exit { mark });
        }
    }

    /// A call of an operation of the host, as any.
    pub(super) fn operate(
        &mut self,
        operation: &Arc<Operation>,
        signature: &Signature,
        operands: &[Operand],
        unchanged: bool,
        want: Want,
    ) -> Compiled<Value> {
        let returns = if signature.returns.is_symbol(&known().atom) {
            None
        } else {
            Some(self.result_type(&signature.returns))
        };
        let number = self
            .program
            .operation(operation, returns.unwrap_or(TypeId::MAX));
        let operands = self.program.operands(operands);
        let at = self.emit_sized(Instruction::Operate {
            operation: number,
            operands,
            size: 0,
            stuck: RETURN,
            unchanged,
        });
        match returns {
            None => {
                if want != Want::Tail {
                    let here = self.here();
                    self.fill(at, Place::Stuck, here);
                }
                self.take(want)
            }
            Some(returns) => {
                // A result is evaluated further, but not a call that is data.
                let value = self.take(Want::Own)?;
                let from = value.index() as Slot;
                let to = self.slot()?;
                self.emit_sized(Instruction::Evaluate {
                    to,
                    from,
                    expected: returns,
                    part: false,
                    argument: false,
                    size: 0,
                });
                self.define(to);
                let here = self.here();
                if want != Want::Tail {
                    self.fill(at, Place::Stuck, here);
                }
                let take = self.emit(Instruction::Take { to, on_error: FAIL });
                self.on_error(take);
                Ok(self.give(Operand::slot(to), want))
            }
        }
    }

    /// Calls a function by its symbol, or makes data of it.
    pub(super) fn call_symbol(
        &mut self,
        symbol: u32,
        mut operands: Vec<Operand>,
        expected: TypeId,
        want: Want,
        mark: Option<Slot>,
        flags: Flags,
    ) -> Compiled<Value> {
        let arity = operands.len() - 1;
        let function = self.program.function(symbol, arity, expected);
        if self.program.functions[function as usize].state == State::Unknown
            && !self.program.has_rules_of(symbol, arity)
        {
            let version = self.program.rules_version(symbol, arity);
            self.program.functions[function as usize].version = version;
            let head = Atom::Symbol(self.heap.symbol_of(symbol));
            let head = self.program.head(self.host, self.heap, &head);
            self.program.note_data(function, &head);
        }
        if matches!(
            self.program.functions[function as usize].state,
            State::Data | State::DataBefore
        ) {
            let to = self.slot()?;
            let list = self.program.operands(&operands);
            if flags == Flags::Unsettled {
                self.define(to);
                self.emit(Instruction::Build { to, operands: list });
                return Ok(self.give(Operand::slot(to), want));
            }
            self.emit_sized(Instruction::BuildOrCall {
                to,
                operands: list,
                function,
                size: 0,
            });
            self.define(to);
            let at = self.emit(Instruction::Take { to, on_error: FAIL });
            self.on_error(at);
            return Ok(self.give(Operand::slot(to), want));
        }
        operands.remove(0);
        let operands = self.program.operands(&operands);
        match (want, mark) {
            (Want::Tail, _) if self.watched => {
                let last = self.watch(Watched::Last);
                let size = 0;
                self.emit_sized(Instruction::Call {
                    function,
                    operands,
                    size,
                });
                self.return_result();
                let here = self.here();
                self.fill(last, Place::To, here);
                self.emit(Instruction::CallLast { function, operands });
                Ok(Operand::slot(0))
            }
            (Want::Tail, _) => {
                self.emit(if arity == 0 {
                    Instruction::CallLastBare { function, operands }
                } else {
                    Instruction::CallLast { function, operands }
                });
                Ok(Operand::slot(0))
            }
            (_, Some(mark)) => {
                self.emit_sized(Instruction::CallMarked {
                    function,
                    operands,
                    size: 0,
                    mark,
                });
                self.take(want)
            }
            (_, None) => {
                self.emit_sized(Instruction::Call {
                    function,
                    operands,
                    size: 0,
                });
                self.take(want)
            }
        }
    }
}

fn starts_with_instruction(atom: &Atom) -> bool {
    matches!(atom.as_expression(), Some([Atom::Symbol(head), ..]) if is_instruction(head))
}

//! Calls whose head is a variable: most often the name of something without types.

use smallvec::{SmallVec, smallvec};

use super::call::{Call, in_slots};
use super::decide::is_evaluated;
use super::lambda::lambda_of;
use super::{Check, Compiled, Compiler, Leave, OddWhat, Place, Static, Value, Want};
use crate::atom::{Atom, Variable};
use crate::fast::applied::Applied;
use crate::fast::code::{
    ANY, AtomKind, FAIL, Instruction, Of, Operand, Quick, Slot, TypeId, Watched,
};
use crate::fast::head::{Head, Signature, signature};
use crate::types;

/// Calls with more arguments are made as values.
pub(super) const ARGUMENTS_MAX: usize = 32;
/// Lists headed by lists that are headed by others deeper than that are left to the plain evaluator.
const HEADS_MAX: usize = 8;

/// How a call of what a variable stands for is made.
struct Way {
    /// What has to hold.
    checks: Vec<Check>,
    /// How many arguments there are, and whether types are decided.
    count: u8,
    quick: Option<[Quick; 3]>,
    /// The types that arguments are evaluated with, but for those that are as they stand.
    parameters: SmallVec<[Option<TypeId>; 4]>,
    /// The type that results are evaluated with.
    returns: TypeId,
}

impl Compiler<'_> {
    /// A call of what a variable stands for. If that is a name without types, arguments are
    /// evaluated and the function of that name is called; anything else is evaluated as the
    /// value that it is.
    /// The type that is expected of its result may be told in a slot.
    pub(super) fn applied_as(&mut self, call: Call<'_>, told: Option<Slot>) -> Compiled<Value> {
        let Call {
            atom,
            children,
            expected,
            want,
        } = call;
        let [Atom::Variable(head), arguments @ ..] = children else {
            return Err(Leave);
        };
        let name = self.names.get(head).copied().ok_or(Leave)?;
        let is_new = name.fresh_in == Some(self.scope);
        if is_new || arguments.is_empty() || arguments.len() > ARGUMENTS_MAX {
            return Err(Leave);
        }
        let head = name.slot;
        let as_met = self.applied_as_met(children, expected)?;
        let is_untyped = as_met.is_none();
        let way = match as_met {
            Some(way) => way,
            None => Way {
                checks: self.kept_apart(children)?,
                count: arguments.len() as u8,
                quick: self.quick_of(arguments).map(|(quick, _)| quick),
                parameters: smallvec![Some(ANY); arguments.len()],
                returns: expected,
            },
        };
        let mut uses = self.emit_checks(way.checks);
        let (count, parameters) = (way.count, way.parameters);
        let quick = way.quick.zip(u8::try_from(way.returns).ok());
        let untold = told.map(|slot| self.emit(Instruction::IfUntold { slot, odd: FAIL }));
        // Another takes its place when more is known.
        let place = quick.map(|_| {
            let to = self.here() + 1;
            self.emit(Instruction::Jump { to })
        });
        if let Some(untold) = untold {
            let here = self.here();
            self.fill(untold, Place::Odd, here);
        }
        let function = self.slot()?;
        let (to, odd) = (function, FAIL);
        let at = self.emit(match told {
            None => Instruction::Applied {
                to,
                head,
                count,
                expected: way.returns,
                odd,
            },
            Some(expected) => Instruction::AppliedAs {
                to,
                head,
                count,
                expected,
                odd,
            },
        });
        uses.push((at, Place::Odd));
        let part = want == Want::Own;
        let slow = match told {
            None => OddWhat::Value(atom.clone(), part),
            Some(told) => OddWhat::ValueAs(atom.clone(), part, told),
        };
        let slow = self.slow(uses, slow, expected)?;
        let noted = match is_untyped {
            true => self.note_unbound(children)?,
            false => self.unbound.len(),
        };
        let before = self.defined.clone();
        self.define(function);
        let evaluated = arguments.iter().zip(&parameters);
        let evaluated = evaluated.filter(|(_, parameter)| parameter.is_some());
        let evaluated: Vec<Atom> = evaluated.map(|(argument, _)| argument.clone()).collect();
        let marked = self.marked(&evaluated, want, |this, within| {
            let mut operands = Vec::with_capacity(arguments.len());
            for (argument, parameter) in arguments.iter().zip(&parameters) {
                operands.push(match *parameter {
                    Some(expected) => this.evaluate(argument, expected, Want::Own)?,
                    None => this.quoted(argument)?,
                });
            }
            if quick.is_some() {
                // Nothing but the call uses what arguments were evaluated to.
                this.defined = before;
            }
            this.call_in_slot(function, &operands, within.want, within.mark)?;
            if let (Some((arguments, expected)), Some(place)) = (quick, place) {
                if want == Want::Tail {
                    let odd = FAIL;
                    this.odd[slow].uses.push((place, Place::Odd));
                    this.program.code[place] = Instruction::TryApplyLast {
                        head,
                        count,
                        expected,
                        arguments,
                        odd,
                    };
                } else if let Some(skip) = this.distance(place) {
                    this.sized.push(place);
                    this.program.code[place] = Instruction::TryApply {
                        head,
                        count,
                        expected,
                        arguments,
                        size: 0,
                        mark: within.mark.unwrap_or(Slot::MAX),
                        skip,
                    };
                }
            }
            this.take_called(within.want)
        });
        self.unbound.truncate(noted);
        let (value, mark) = marked?;
        self.exit(mark);
        self.resume(Some(slow), value, want)
    }

    /// How such a call is made, if the head is met as a function that takes such arguments.
    fn applied_as_met(&mut self, children: &[Atom], expected: TypeId) -> Compiled<Option<Way>> {
        let Some(met) = self.met_as_one(&children[0]) else {
            return Ok(None);
        };
        let Some(function) = self.program.value_types.atom(met).cloned() else {
            return Ok(None);
        };
        if !types::is_function(&function) {
            return Ok(None);
        }
        let signature = signature(&function);
        let (arguments, mut checks) = (&children[1..], Vec::new());
        if signature.parameters.len() != arguments.len() {
            return Ok(None);
        }
        let Some(now) = self.decision_now(children, &signature, expected, &mut checks) else {
            return Ok(None);
        };
        let decision = now.decision;
        let told = decision.parameters.iter().zip(&signature.parameters);
        let parameters = arguments.iter().zip(told);
        let parameters = parameters.map(|(argument, (told, parameter))| {
            is_evaluated(argument, parameter).then(|| self.program.result_type(told))
        });
        let parameters = parameters.collect();
        let quick = self.quick_of_decided(arguments, &decision);
        Ok(Some(Way {
            checks,
            count: arguments.len() as u8 | Applied::DECIDED,
            quick: quick.map(|(quick, _)| quick),
            parameters,
            returns: self.program.result_type(&decision.returns),
        }))
    }

    /// Whether an expression is a call whose type is that of no function, as far as types tell.
    pub(super) fn gives_no_function(&mut self, head: &Atom) -> bool {
        self.program.has_only_curried() && self.gives_no_function_within(head, 0)
    }

    fn gives_no_function_within(&mut self, head: &Atom, depth: usize) -> bool {
        let Some([name, ..]) = head.as_expression() else {
            return false;
        };
        let is_told = |signature: &Signature| {
            let returns = &signature.returns;
            matches!(returns, Atom::Symbol(_))
                && !types::is_meta_type(returns)
                && !types::is_undefined(returns)
        };
        match self.program.head(self.host, self.heap, name) {
            Head::Untyped => !head.is_error(),
            Head::Typed(signature) => is_told(&signature),
            Head::Operation(operation, signature) => {
                operation.control().is_none() && is_told(&signature)
            }
            // A list headed by a list, of which the same holds.
            Head::Complex => {
                lambda_of(name).is_some()
                    || depth < HEADS_MAX
                        && !self.program.space.may_type_expression(name)
                        && self.gives_no_function_within(name, depth + 1)
            }
        }
    }

    /// A list whose first element is a form, or a call of what may return anything, if its type is
    /// known and that of no function.
    pub(super) fn headed_by_value(&mut self, call: Call<'_>) -> Compiled<Value> {
        // What has to hold for that is looked at with the rest.
        let found = self.static_type(&call.children[0], &mut Vec::new())?;
        match found {
            Static::Known(found) | Static::Open(found) if types::is_function(&found) => Err(Leave),
            Static::Any | Static::Atom | Static::Known(_) | Static::Open(_) => {
                self.headed_by_call(call)
            }
            Static::Slot(_) | Static::Tree(_) => Err(Leave),
        }
    }

    /// A list whose first element is a call: data if that gives a number, another value of the
    /// host but an operation, or data; a call if it gives the name of something without types.
    /// Anything else is a call, too, that the plain evaluator makes.
    pub(super) fn headed_by_call(&mut self, call: Call<'_>) -> Compiled<Value> {
        let Call {
            atom,
            children,
            expected,
            want,
        } = call;
        if children.len() > ARGUMENTS_MAX {
            return Err(Leave);
        }
        let mut checks = self.kept_apart(children)?;
        let inner = children[0].as_expression().unwrap_or_default();
        let is_open = match self.program.head(self.host, self.heap, &inner[0]) {
            Head::Typed(signature) | Head::Operation(_, signature) => {
                signature.parameters.iter().any(|one| !one.is_ground())
            }
            Head::Untyped | Head::Complex => false,
        };
        if is_open || inner.iter().any(|part| part.as_expression().is_some()) {
            // What is wrong with an ill-typed head, or inside of it, is told of the head.
            self.static_type(&children[0], &mut checks)?;
        }
        let guard = self.guard(atom, checks, expected)?;
        let noted = self.note_unbound(children)?;
        let marked = self.marked(children, want, |this, within| {
            let mut slots = Vec::with_capacity(children.len());
            for child in children {
                let value = this.evaluate(child, ANY, Want::Own)?;
                slots.push(this.in_slot(value)?);
            }
            let at = this.emit(Instruction::CheckKind {
                slot: slots[0],
                kind: AtomKind::NoName,
                odd: FAIL,
            });
            let call: Vec<Atom> = slots.iter().map(|slot| this.named_value(*slot)).collect();
            let call = OddWhat::Changed(Atom::expression(call));
            let slow = this.slow(Vec::new(), call, expected)?;
            let operands: Vec<Operand> = slots.iter().copied().map(Operand::slot).collect();
            let (to, want) = (this.slot()?, within.want);
            let as_data = this.branch(|this| {
                let built = this.target()?;
                let operands = this.program.operands(&operands);
                this.emit(Instruction::BuildData {
                    to: built,
                    operands,
                });
                let value = this.give(Operand::slot(built), want);
                Ok(this.join(value, to, want))
            })?;
            let here = this.here();
            this.fill(at, Place::Odd, here);
            let (no_name, as_call) = this.branch(|this| {
                let function = this.target()?;
                let at = this.emit(Instruction::Applied {
                    to: function,
                    head: slots[0],
                    count: (slots.len() - 1) as u8,
                    expected,
                    odd: FAIL,
                });
                this.call_in_slot(function, &operands[1..], want, within.mark)?;
                let value = this.take_called(want)?;
                Ok((at, this.join(value, to, want)))
            })?;
            let here = this.here();
            this.fill(no_name, Place::Odd, here);
            let as_value = this.branch(|this| {
                let check = |this: &mut Self, slot: Slot, kind: AtomKind| {
                    let odd = FAIL;
                    this.emit(Instruction::CheckKind { slot, kind, odd })
                };
                let mut at = vec![check(this, slots[0], AtomKind::Lambda)];
                if this.program.may_have_curried() {
                    // Where it is none it may head a call, if nothing is evaluated again.
                    let over = this.emit(Instruction::Jump { to: FAIL });
                    let here = this.here();
                    this.fill(at[0], Place::Odd, here);
                    at = vec![check(this, slots[0], AtomKind::Called)];
                    at.extend(
                        slots[1..]
                            .iter()
                            .map(|slot| check(this, *slot, AtomKind::Own)),
                    );
                    this.land([Some(over)]);
                }
                let uses = at.into_iter().map(|at| (at, Place::Odd));
                this.odd[slow].uses.extend(uses);
                let call = this.build(&operands)?;
                let call = this.in_slot(call)?;
                let value = this.settle_as(call, expected, want, false, Of::Element)?;
                Ok(this.join(value, to, want))
            })?;
            this.land([as_data, as_call, as_value]);
            if want != Want::Tail {
                this.odd[slow].to = Some(to);
                this.odd[slow].resume = this.here();
                this.define(to);
            }
            Ok(Operand::slot(to))
        });
        self.unbound.truncate(noted);
        let (value, mark) = marked?;
        self.exit(mark);
        self.resume(guard, value, want)
    }

    /// A list whose first element is a call of what a variable stands for, as `(($a --> $b) $truth)`:
    /// as any that is headed by a call, if that is the name of something without types.
    pub(super) fn headed_by_applied(
        &mut self,
        call: Call<'_>,
        (head, count): (&Variable, usize),
    ) -> Compiled<Value> {
        let name = self.names.get(head).copied().ok_or(Leave)?;
        let is_new = name.fresh_in == Some(self.scope);
        if is_new || !(1..=ARGUMENTS_MAX).contains(&count) {
            return Err(Leave);
        }
        let function = self.slot()?;
        // A value of the host heads data.
        let is_value = self.emit(Instruction::CheckKind {
            slot: name.slot,
            kind: AtomKind::NoName,
            odd: FAIL,
        });
        let over = self.emit(Instruction::Jump { to: FAIL });
        let here = self.here();
        self.fill(is_value, Place::Odd, here);
        let at = self.emit(Instruction::Applied {
            to: function,
            head: name.slot,
            count: count as u8,
            expected: ANY,
            odd: FAIL,
        });
        let source = OddWhat::Source(call.atom.clone());
        let slow = self.slow(vec![(at, Place::Odd)], source, call.expected)?;
        self.land([Some(over)]);
        let value = self.headed_by_call(call)?;
        self.resume(Some(slow), value, call.want)
    }

    /// Calls the function whose number a slot holds; [`Compiler::take_called`] takes what
    /// it gives.
    pub(super) fn call_in_slot(
        &mut self,
        function: Slot,
        operands: &[Operand],
        want: Want,
        mark: Option<Slot>,
    ) -> Compiled<()> {
        let in_place = in_slots(operands);
        let count = operands.len() as u8;
        let operands = self.program.operands(operands);
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
            self.emit(match in_place {
                Some(slots) => Instruction::CallAppliedLast {
                    function,
                    slots,
                    count,
                },
                None => Instruction::CallDecidedLast { function, operands },
            });
            return Ok(());
        }
        let mark = mark.unwrap_or(Slot::MAX);
        let size = 0;
        self.emit_sized(match in_place {
            Some(slots) => Instruction::CallApplied {
                function,
                slots,
                count,
                size,
                mark,
            },
            None => Instruction::CallDecided {
                function,
                operands,
                size,
                mark,
            },
        });
        Ok(())
    }

    /// Takes the result of a call, unless that was made in place of the rule.
    pub(super) fn take_called(&mut self, want: Want) -> Compiled<Value> {
        match want {
            Want::Tail => Ok(Operand::slot(0)),
            Want::Own | Want::Shared => self.take(want),
        }
    }
}

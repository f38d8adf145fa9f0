//! Operations that have instructions of their own.

use std::sync::Arc;

use super::call::Call;
use super::decide::is_call;
use super::lambda::lambda_of;
use super::{Check, Compiled, Compiler, Leave, OddWhat, Place, Static, Value, Want};
use crate::atom::{Atom, Grounded, known};
use crate::fast::code::{
    ANY, Arithmetic, AtomKind, BOOL, FAIL, Instruction, NUMBER, Operand, Slot, TypeId,
};
use crate::fast::head::Signature;
use crate::fast::program::Inline;
use crate::operation::Operation;
use crate::symbol::Symbol;
use crate::types::{self, match_types};
use crate::unify::Bindings;

impl Compiler<'_> {
    pub(super) fn inlined(
        &mut self,
        call: Call<'_>,
        inline: Inline,
        operation: &Arc<Operation>,
        signature: &Signature,
    ) -> Compiled<Value> {
        let Call { children, want, .. } = call;
        let number = self.program.operation(operation, ANY);
        if let Inline::Arithmetic(_) | Inline::Comparison(_) = inline
            && let Some(value) = self.raw(call, (inline, number))?
        {
            return Ok(value);
        }
        if inline == Inline::Equal {
            return self.equality(call, number, signature);
        }
        self.typed(call, signature, |this, typed| {
            let (to, operands) = (this.slot()?, typed.operands);
            let whole = operands[1..].to_vec();
            let instruction = match (inline, &operands[1..]) {
                (Inline::Change(change), [space, atom]) => {
                    let (space, atom) = (this.in_slot(*space)?, this.in_slot(*atom)?);
                    Instruction::ChangeSpace {
                        change,
                        to,
                        space,
                        atom,
                        odd: FAIL,
                    }
                }
                (Inline::Index, [from, index]) => {
                    let (from, index) = (this.in_slot(*from)?, this.in_slot(*index)?);
                    Instruction::IndexAtom {
                        to,
                        from,
                        index,
                        odd: FAIL,
                    }
                }
                (Inline::Union, [left, right]) => {
                    let (left, right) = (this.in_slot(*left)?, this.in_slot(*right)?);
                    Instruction::UnionAtom {
                        to,
                        left,
                        right,
                        odd: FAIL,
                    }
                }
                (Inline::First, [from]) => {
                    let from = this.in_slot(*from)?;
                    Instruction::First {
                        to,
                        from,
                        odd: FAIL,
                    }
                }
                (Inline::Rest, [from]) => {
                    let from = this.in_slot(*from)?;
                    Instruction::Rest {
                        to,
                        from,
                        odd: FAIL,
                    }
                }
                (inline, operands) => this.computed(inline, to, operands)?,
            };
            let written = this.as_written(&children[1..], &whole);
            let slow = (number, whole, written);
            if let Inline::First | Inline::Rest = inline {
                // A part of an expression may be a call.
                this.with_slow(instruction, to, slow, Want::Own)?;
                return this.settle_element(to, want);
            }
            this.with_slow(instruction, to, slow, want)
        })
        .inspect(|value| {
            let number = matches!(inline, Inline::Arithmetic(_) | Inline::Size);
            if number && want != Want::Tail && !value.is_constant() {
                self.seen.settled.insert(value.index() as Slot);
            }
        })
    }

    /// The instruction that computes a number or a truth value of operands as they stand.
    pub(super) fn computed(
        &mut self,
        inline: Inline,
        to: Slot,
        operands: &[Operand],
    ) -> Compiled<Instruction> {
        let odd = FAIL;
        Ok(match (inline, operands) {
            (Inline::Arithmetic(operation), [left, right]) => {
                self.arithmetic(operation, to, *left, *right)?
            }
            (Inline::Comparison(operation), [left, right]) => {
                let (left, right) = (self.in_slot(*left)?, self.in_slot(*right)?);
                Instruction::Compare {
                    operation,
                    to,
                    left,
                    right,
                    odd,
                }
            }
            (Inline::Logic(operation), [left, right]) => {
                let (left, right) = (self.in_slot(*left)?, self.in_slot(*right)?);
                Instruction::Logic {
                    operation,
                    to,
                    left,
                    right,
                    odd,
                }
            }
            (Inline::Not, [from]) => {
                let from = self.in_slot(*from)?;
                Instruction::Not { to, from, odd }
            }
            (Inline::Size, [from]) => {
                let from = self.in_slot(*from)?;
                Instruction::SizeAtom { to, from, odd }
            }
            _ => return Err(Leave),
        })
    }

    /// The instructions `cons-atom` and `decons-atom`, whose arguments are as written.
    pub(super) fn list_instruction(&mut self, call: Call<'_>) -> Compiled<Value> {
        let Call { children, want, .. } = call;
        let Atom::Symbol(symbol) = &children[0] else {
            return Err(Leave);
        };
        let declared = self.signature_of_instruction(&children[0])?;
        let is_atom = |declared: &Atom| declared.is_symbol(&known().atom);
        let is_list = |declared: &Atom| declared.is_symbol(&known().expression);
        let as_declared = match declared.parameters.as_slice() {
            [first, rest] => is_atom(first) && is_list(rest),
            [whole] => is_list(whole),
            _ => false,
        };
        if !as_declared || !is_atom(&declared.returns) {
            return Err(Leave);
        }
        let (guard, _) = self.check(call, &declared)?;
        let value = match &children[1..] {
            [first, rest] if *symbol == known().cons_atom => {
                let (first, rest) = (self.quoted(first)?, self.quoted(rest)?);
                let (first, rest) = (self.in_slot(first)?, self.in_slot(rest)?);
                let to = self.slot()?;
                let at = self.emit(Instruction::Cons {
                    to,
                    first,
                    rest,
                    odd: FAIL,
                });
                self.made_or_asked(call, at, to, None)?
            }
            [whole] if *symbol == known().decons_atom => {
                let from = self.quoted(whole)?;
                let from = self.in_slot(from)?;
                let to = self.slot()?;
                let at = self.emit(Instruction::Decons {
                    to,
                    from,
                    odd: FAIL,
                });
                self.made_or_asked(call, at, to, None)?
            }
            _ => return Err(Leave),
        };
        self.resume(guard, value, want)
    }

    /// What an instruction put into a slot, or the plain evaluator where it was odd.
    fn made_or_asked(
        &mut self,
        call: Call<'_>,
        at: usize,
        to: Slot,
        operation: Option<u32>,
    ) -> Compiled<Value> {
        let source = OddWhat::Source(call.atom.clone());
        let slow = self.slow(vec![(at, Place::Odd)], source, call.expected)?;
        if let Some(operation) = operation {
            self.record(operation);
        }
        self.define(to);
        self.odd[slow].to = Some(to);
        self.odd[slow].resume = self.here();
        Ok(self.give(Operand::slot(to), call.want))
    }

    /// Arithmetic on variables and numbers: nothing else is evaluated before, so what is
    /// no number can be left to the plain evaluator as it is met.
    pub(super) fn raw(
        &mut self,
        call: Call<'_>,
        (inline, number): (Inline, u32),
    ) -> Compiled<Option<Value>> {
        let Call {
            children, expected, ..
        } = call;
        let [_, left, right] = children else {
            return Ok(None);
        };
        let returns = match inline {
            Inline::Arithmetic(_) => NUMBER,
            _ => BOOL,
        };
        if expected != ANY && expected != returns {
            return Ok(None);
        }
        let mut operands = Vec::with_capacity(2);
        for argument in [left, right] {
            match argument {
                Atom::Variable(variable) => match self.names.get(variable) {
                    Some(name) if name.fresh_in != Some(self.scope) => {
                        operands.push(Operand::slot(name.slot));
                    }
                    _ => return Ok(None),
                },
                Atom::Grounded(Grounded::Number(_)) => {
                    operands.push(self.constant_value(argument)?);
                }
                _ => return Ok(None),
            }
        }
        let to = self.slot()?;
        let instruction = match inline {
            Inline::Arithmetic(operation) => {
                self.arithmetic(operation, to, operands[0], operands[1])?
            }
            Inline::Comparison(operation) => Instruction::Compare {
                operation,
                to,
                left: self.in_slot(operands[0])?,
                right: self.in_slot(operands[1])?,
                odd: FAIL,
            },
            _ => return Ok(None),
        };
        let at = self.emit(instruction);
        let made = self.made_or_asked(call, at, to, Some(number))?;
        Ok(Some(made))
    }

    /// `==`: its arguments' types have to agree before anything is evaluated.
    pub(super) fn equality(
        &mut self,
        call: Call<'_>,
        number: u32,
        signature: &Signature,
    ) -> Compiled<Value> {
        if let Some(value) = self.attempt(|this| this.equality_typed(call, number, signature)) {
            return Ok(value);
        }
        if self.itself.is_some() {
            // Such a value is what the slow way of another comparison has made.
            return Err(Leave);
        }
        // The types of lists headed by values of the host, or by what a variable stands for, are those of
        // values: they are made as they are written.
        let mut children = call.children.to_vec();
        for side in &mut children[1..] {
            let is_list = match side.as_expression() {
                Some([head @ Atom::Grounded(_), ..]) => head.as_operation().is_none(),
                Some([Atom::Variable(_) | Atom::Expression(_), ..]) => lambda_of(side).is_none(),
                _ => false,
            };
            if is_list && !side.is_ground() {
                let value = self.quoted(side)?;
                let slot = self.in_slot(value)?;
                self.calls.insert(slot);
                *side = self.named_value(slot);
            }
        }
        if children == call.children {
            return Err(Leave);
        }
        let atom = Atom::expression(children.clone());
        let (atom, children) = (&atom, children.as_slice());
        let call = Call {
            atom,
            children,
            ..call
        };
        self.equality_typed(call, number, signature)
    }

    fn equality_typed(
        &mut self,
        call: Call<'_>,
        number: u32,
        signature: &Signature,
    ) -> Compiled<Value> {
        let Call {
            atom,
            children,
            expected,
            want,
        } = call;
        let [_, left, right] = children else {
            return Err(Leave);
        };
        if expected != ANY && expected != BOOL {
            return Err(Leave);
        }
        let mut checks = Vec::new();
        self.application_type(children, signature, false, &mut checks)?;
        let guard = self.guard_equality(atom, children, checks, expected)?;
        let mut unused = Vec::new();
        let types = (
            self.static_type(left, &mut unused)?,
            self.static_type(right, &mut unused)?,
        );
        if matches!(&types, (Static::Any, Static::Slot(_) | Static::Tree(_)))
            && is_call(left)
            && is_call(right)
            && self.gives_expression(left) != Some(false)
        {
            // Whether that fits what the other side is of only its value tells.
            return Err(Leave);
        }
        let (left_type, right_type) = match &types {
            (Static::Known(known), Static::Open(_)) if self.asks_more(right) => {
                (ANY, self.program.type_id(known))
            }
            (Static::Open(_), Static::Known(known)) if self.asks_more(left) => {
                (self.program.type_id(known), ANY)
            }
            (Static::Known(_) | Static::Open(_), Static::Known(_) | Static::Open(_))
            | (Static::Open(Atom::Variable(_)), _)
            | (_, Static::Open(Atom::Variable(_))) => (ANY, ANY),
            (_, Static::Known(known) | Static::Open(known)) => (self.program.type_id(known), ANY),
            (Static::Known(known) | Static::Open(known), _) => (ANY, self.program.type_id(known)),
            _ => (ANY, ANY),
        };
        // What a variable stands for once the other side was evaluated.
        let is_late = matches!(right, Atom::Variable(_)) && self.is_open(right);
        let is_late = is_late && self.may_bind_any(left, right);
        let sides = [left, right].map(|argument| match argument {
            // It has no type, and is what it is.
            Atom::Expression(parts) if parts.children().is_empty() => Side::Told,
            Atom::Expression(_) if self.tells_type(argument) => Side::Open,
            Atom::Expression(_) => Side::Silent,
            Atom::Variable(_) if is_late && argument == right => Side::Open,
            Atom::Variable(_) if self.is_open(argument) => Side::Silent,
            Atom::Variable(_) | Atom::Symbol(_) | Atom::Grounded(_) => Side::Told,
        });
        if is_late && sides[0] == Side::Silent {
            // Some values may tell a type and others not.
            return Err(Leave);
        }
        let tells = !sides.contains(&Side::Silent) && sides.contains(&Side::Open);
        // What is declared of both sides was compared: their values tell no more.
        let are_known = matches!(types, (Static::Known(_), Static::Known(_)));
        let is_any = !are_known && (left_type, right_type) == (ANY, ANY);
        // Beside what is an expression by what its rules call, the other stays as it is written.
        let is_kept = is_any && is_call(right) && self.gives_expression(left).ok_or(Leave)?;
        // What the one is evaluated to tells the other what it is expected to be.
        let is_asked = is_any && !is_kept
            || matches!(&types, (Static::Any | Static::Slot(_), Static::Open(_)))
                && self.asks_more(right);
        let is_silent = !is_kept
            && (sides[0] == Side::Silent && sides[1] != Side::Told
                || sides == [Side::Open, Side::Silent]);
        let is_left_open = matches!(&types, (Static::Open(_), _) | (_, Static::Open(_)));
        if (is_any && is_silent || is_left_open) && self.may_differ(left, right) {
            // Some values may tell a type and others not: it shows only where types differ.
            return Err(Leave);
        }
        if is_any && tells && self.differ_where_handed_on(left, right) {
            return Err(Leave);
        }
        let (value, mark) = self.marked(&children[1..], want, |this, _| {
            let mut untold = None;
            let known = match right {
                Atom::Variable(variable) if is_any => this.names.get(variable),
                _ => None,
            };
            let known = known.filter(|name| name.fresh_in != Some(this.scope));
            let left = match known.map(|name| name.slot) {
                Some(known) => {
                    let told = this.told_by(&children[0], known, None, left)?;
                    untold = this.unless_told(told, atom.clone())?;
                    this.as_told(left, told)?
                }
                None => {
                    let gathers = this.gathers_beside(left, right);
                    this.gathering(gathers, |this| this.evaluate_argument(left, left_type))?
                }
            };
            let is_made = !this.hands_on(&children[1]);
            let left = this.in_slot(left)?;
            let right = if is_kept {
                this.quoted(right)?
            } else if is_asked && sides[0] != Side::Silent && sides[1] != Side::Told {
                this.define(left);
                let made = is_call(&children[1]).then_some(is_made);
                let told = this.told_by(&children[0], left, made, right)?;
                let name = this.name_value(left);
                let value = Atom::Variable(name.clone());
                let whole = [children[0].clone(), value, right.clone()];
                untold = this.unless_told(told, Atom::expression(whole))?;
                this.names.remove(&name);
                this.in_place(1, right, |this| this.as_told(right, told))?
            } else {
                let gathers = this.gathers_beside(right, &children[1]);
                this.gathering(gathers, |this| {
                    this.in_place(1, right, |this| this.evaluate_argument(right, right_type))
                })?
            };
            let right = this.in_slot(right)?;
            let (to, mut slow) = (this.slot()?, Vec::from_iter(untold));
            if is_any && tells {
                let are_made = [is_made, is_late || !this.hands_on(&children[2])];
                slow.push(this.equal_types(&children[0], [left, right], sides, are_made)?);
            }
            this.emit(Instruction::Equal { to, left, right });
            // Beside the slow ways, which may end before there is anything to compare.
            this.record(number);
            this.define(to);
            for slow in slow {
                this.odd[slow].to = Some(to);
                this.odd[slow].resume = this.here();
            }
            Ok(this.give(Operand::slot(to), want))
        })?;
        self.exit(mark);
        self.resume(guard, value, want)
    }

    /// Whether values of two expressions are plainly of other types, and one of them may be handed
    /// on: then it tells nothing, which only evaluating it tells.
    fn differ_where_handed_on(&mut self, left: &Atom, right: &Atom) -> bool {
        let is_call = |atom: &Atom| matches!(atom, Atom::Expression(_));
        if !is_call(left) || !is_call(right) || !self.hands_on(left) && !self.hands_on(right) {
            return false;
        }
        let (lefts, rights) = (self.types_made(left), self.types_made(right));
        let fits_any = |left: &Atom| rights.iter().any(|right| fit(left, right));
        !lefts.is_empty() && !rights.is_empty() && !lefts.iter().any(fits_any)
    }

    /// Whether some values of two expressions are plainly of other types.
    fn may_differ(&mut self, left: &Atom, right: &Atom) -> bool {
        let (lefts, rights) = (self.types_made(left), self.types_made(right));
        (lefts.iter()).any(|left| rights.iter().any(|right| !fit(left, right)))
            || !lefts.is_empty() && is_call(right) && self.gives_expression(right) != Some(false)
    }

    /// As [`Compiler::guard`], of a comparison with an expression: a variable that stands for a call
    /// of what returns a meta-type is compared as it stands; one that stands for nothing, and may be bound
    /// by what tells no type, is of the type of that.
    fn guard_equality(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        checks: Vec<Check>,
        expected: TypeId,
    ) -> Compiled<Option<usize>> {
        let handed = match children {
            [_, Atom::Variable(variable), Atom::Expression(_)]
            | [_, Atom::Expression(_), Atom::Variable(variable)] => self.names.get(variable),
            _ => None,
        };
        let handed = handed.filter(|name| name.fresh_in != Some(self.scope));
        let handed = handed.map(|name| name.slot);
        // What the left side may bind: it is of the type that this turns out to be of.
        let is_late = match children {
            [_, left, Atom::Variable(_)] => !left.is_ground() && !self.tells_type(left),
            _ => false,
        };
        let handed = match (handed, is_late) {
            (Some(slot), true) => Some((slot, AtomKind::BoundArgument)),
            (Some(slot), false) if !self.is_known_value(slot) => Some((slot, AtomKind::Argument)),
            _ => None,
        };
        self.guard_behind(handed, atom, checks, expected)
    }

    /// For values of which at least one had no known type before it was evaluated: that they
    /// are of one type. If not, a slow way: the value of the one tells the type that the other
    /// is expected to have. So does an expression, if evaluating a side made it.
    fn equal_types(
        &mut self,
        head: &Atom,
        [left, right]: [Slot; 2],
        sides: [Side; 2],
        are_made: [bool; 2],
    ) -> Compiled<usize> {
        let at = self.emit(Instruction::CheckSame {
            left,
            right,
            evaluated: true,
            alike: true,
            odd: FAIL,
        });
        // Evaluated for what is expected of it, as the call was.
        let choosing = self.host.functions.get(&Symbol::new("if")).ok_or(Leave)?;
        let choosing = Atom::Grounded(Grounded::Operation(Arc::clone(choosing)));
        let mut call = vec![head.clone()];
        let (mut names, mut made) = (Vec::with_capacity(2), Vec::new());
        for ((slot, side), is_made) in [left, right].into_iter().zip(&sides).zip(are_made) {
            let name = self.name_value(slot);
            let value = Atom::Variable(name.clone());
            if is_made && *side == Side::Open {
                made.push(name.clone());
            }
            names.push(name);
            call.push(match side {
                Side::Open => {
                    let parts = [choosing.clone(), Atom::boolean(true), value.clone(), value];
                    Atom::expression(parts)
                }
                Side::Told | Side::Silent => value,
            });
        }
        let what = OddWhat::SourceOf(Atom::expression(call), made);
        let slow = self.slow(vec![(at, Place::Odd)], what, ANY)?;
        for name in &names {
            self.names.remove(name);
        }
        Ok(slow)
    }

    pub(super) fn arithmetic(
        &mut self,
        operation: Arithmetic,
        to: Slot,
        left: Operand,
        right: Operand,
    ) -> Compiled<Instruction> {
        let small = |this: &Self, operand: Operand| {
            operand
                .is_constant()
                .then(|| this.program.constants[operand.index()])
                .filter(|cell| cell.is_int())
                .and_then(|cell| i32::try_from(cell.as_int()).ok())
                .filter(|value| value.abs() < 1 << 27)
        };
        // Taking 0 from `-0.0` leaves it, adding 0 does not.
        if let (Arithmetic::Add | Arithmetic::Subtract, Some(value)) =
            (operation, small(self, right))
            && (operation, value) != (Arithmetic::Subtract, 0)
        {
            let left = self.in_slot(left)?;
            let right = if operation == Arithmetic::Add {
                value
            } else {
                -value
            };
            return Ok(Instruction::AddSmall {
                to,
                left,
                right,
                odd: FAIL,
            });
        }
        if let (Arithmetic::Add, Some(value)) = (operation, small(self, left)) {
            let left = self.in_slot(right)?;
            return Ok(Instruction::AddSmall {
                to,
                left,
                right: value,
                odd: FAIL,
            });
        }
        let by_small = match operation {
            Arithmetic::Multiply => small(self, left).map(|value| (right, value)),
            _ => None,
        };
        let by_small = by_small.or_else(|| Some((left, small(self, right)?)));
        if let (Arithmetic::Multiply | Arithmetic::Divide | Arithmetic::Remainder, Some(found)) =
            (operation, by_small)
        {
            return Ok(Instruction::ComputeSmall {
                operation,
                to,
                left: self.in_slot(found.0)?,
                right: found.1,
                odd: FAIL,
            });
        }
        let (left, right) = (self.in_slot(left)?, self.in_slot(right)?);
        Ok(match operation {
            Arithmetic::Add => Instruction::Add {
                to,
                left,
                right,
                odd: FAIL,
            },
            Arithmetic::Subtract => Instruction::Subtract {
                to,
                left,
                right,
                odd: FAIL,
            },
            _ => Instruction::Compute {
                operation,
                to,
                left,
                right,
                odd: FAIL,
            },
        })
    }
}

/// What an argument of `==` tells of the type of the other.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Side {
    /// What its type is, before anything is evaluated.
    Told,
    /// What the type of its value is: a call whose function does not say.
    Open,
    /// Nothing: its function says that it may be of any type.
    Silent,
}

/// Whether two types have one in common.
fn fit(left: &Atom, right: &Atom) -> bool {
    let (left, right) = (types::renamed(left), types::renamed(right));
    match_types(&left, &right, &mut Bindings::new())
}

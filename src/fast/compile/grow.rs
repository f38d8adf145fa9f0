//! Data whose last element is a call, which is made before that: see `machine/grow.rs`.

use smallvec::SmallVec;

use super::decide::is_applied;
use super::{Compiled, Compiler, Place, Value, Want};
use crate::atom::{Atom, known};
use crate::fast::code::{ANY, FAIL, IF_DATA, Instruction, Operand, Pc, Slot};
use crate::fast::function::Elements;
use crate::fast::head::{Head, Signature};
use crate::types;

/// So many in each other are made that way.
const NESTED_MAX: usize = 4;

impl Compiler<'_> {
    /// The function of an expression that is data and whose last element is a call with
    /// rules, or data of that kind again.
    pub(super) fn grows(&mut self, children: &[Atom]) -> Option<u32> {
        // Whoever watches is told what calls give.
        if self.watched || self.program.watched {
            return None;
        }
        let function = self.data_before_last(children)?;
        let mut children = children;
        for _ in 0..NESTED_MAX {
            children = children.last()?.as_expression()?;
            let [head @ Atom::Symbol(name), arguments @ ..] = children else {
                return None;
            };
            let head = self.program.head(self.host, self.heap, head);
            let name = self.heap.symbol(name);
            if matches!(head, Head::Untyped | Head::Typed(_))
                && self.program.has_rules_of(name, arguments.len())
            {
                return Some(function);
            }
            self.data_before_last(children)?;
        }
        None
    }

    /// The function of data whose last element is evaluated.
    fn data_before_last(&mut self, children: &[Atom]) -> Option<u32> {
        let [head @ Atom::Symbol(symbol), elements @ ..] = children else {
            return None;
        };
        // An element that is `Empty` ends the branch, also the head.
        let is_name = *symbol != known().error && *symbol != known().empty;
        if !(1..=3).contains(&elements.len()) || !is_name {
            return None;
        }
        let returns = match self.program.head(self.host, self.heap, head) {
            Head::Untyped => ANY,
            Head::Typed(signature) => {
                let last = signature.parameters.last()?;
                let is_plain = signature.parameters.len() == elements.len()
                    && !types::is_meta_type(last)
                    && !matches!(signature.returns, Atom::Variable(_));
                if is_applied(&signature) {
                    is_plain.then_some(ANY)?
                } else {
                    is_plain.then(|| self.result_type(&signature.returns))?
                }
            }
            Head::Operation(..) | Head::Complex => return None,
        };
        let symbol = self.heap.symbol(symbol);
        let function = self.program.function(symbol, elements.len(), returns);
        self.is_data(function).then_some(function)
    }

    /// As [`Compiler::grows`], of something typed: only if it is certain that arguments turn
    /// out to be of the types that they are known to be of.
    pub(super) fn grows_typed(&mut self, children: &[Atom], signature: &Signature) -> Option<u32> {
        let function = self.grows(children)?;
        for (argument, parameter) in children[1..].iter().zip(&signature.parameters) {
            if !parameter.is_ground() {
                return None;
            }
            if types::is_meta_type(parameter) || self.program.type_id(parameter) == ANY {
                continue;
            }
            if !self.is_of_known_type(argument) {
                return None;
            }
        }
        Some(function)
    }

    /// The instruction that goes along an argument, behind the one at `grow`, if the rule's
    /// function is called with the rest of what that argument was matched with and all else as
    /// it was, and nothing but that was looked at or made before.
    fn along(&mut self, grow: usize, last: &Atom) -> Option<Instruction> {
        if self.program.proving || self.program.watched {
            return None;
        }
        let entry = &self.program.functions[self.function as usize];
        let (called, arity, symbol) = (self.function, entry.arity, entry.symbol);
        let [Atom::Symbol(head), arguments @ ..] = last.as_expression()? else {
            return None;
        };
        if self.heap.symbol(head) != symbol || arguments.len() != arity || arity > 3 {
            return None;
        }
        let slots: Option<Vec<Slot>> = arguments
            .iter()
            .map(|argument| match argument {
                Atom::Variable(variable) => Some(self.names.get(variable)?.slot),
                _ => None,
            })
            .collect();
        let slots = slots?;
        let mut changed = (0..arity as Slot).filter(|place| slots[usize::from(*place)] != *place);
        let (argument, None) = (changed.next()?, changed.next()) else {
            return None;
        };
        let rest = slots[usize::from(argument)];
        let taken = self
            .matched
            .iter()
            .find(|matched| matched.is_of(argument) && matched.has(rest))?;
        // What stands before: looks at what the rule was given, and constants.
        let code = &self.program.code;
        let (mut back, mut typed) = (1, false);
        let is_same = |slot: Slot| slot < arity as Slot && slot != argument || taken.has(slot);
        let mut constants: SmallVec<[Slot; 4]> = SmallVec::new();
        loop {
            match code[grow.checked_sub(back)?] {
                Instruction::Constant { to, .. } => constants.push(to),
                Instruction::IfPlain { slots, count, .. } => {
                    let mut looked_at = slots[..usize::from(count)].iter();
                    if !looked_at.all(|slot| *slot == argument | IF_DATA || is_same(*slot)) {
                        return None;
                    }
                }
                Instruction::IfTyped { slots, count, .. } => {
                    let mut looked_at = slots[..usize::from(count)].iter();
                    if !looked_at.all(|slot| *slot == argument || is_same(*slot)) {
                        return None;
                    }
                    typed = true;
                }
                Instruction::IfMet { tests, .. } => {
                    let tests = &self.program.meetings.tests[tests as usize];
                    let mut looked_at = tests.each.iter().map(|test| test.slot);
                    if !looked_at.all(|slot| slot == argument || is_same(slot)) {
                        return None;
                    }
                    typed = true;
                }
                // The same slots are looked at by the one before it, or behind it.
                Instruction::IfFamilies { .. }
                | Instruction::IfIntegers { .. }
                | Instruction::IfMostlyMet { .. } => {}
                Instruction::Unpack { slot, .. } if slot == argument => break,
                _ => return None,
            }
            back += 1;
        }
        let Instruction::Grow { slots, count, .. } = code[grow] else {
            return None;
        };
        let is_known = |slot: &Slot| is_same(*slot) || constants.contains(slot);
        slots[..usize::from(count)]
            .iter()
            .all(is_known)
            .then_some(Instruction::GrowAlong {
                called,
                argument,
                rest,
                back: u8::try_from(back).ok()?,
                typed,
            })
    }

    /// Where the call behind is not made at once of what slots hold, nothing is done before it.
    fn check_along(&mut self, at: usize) {
        let Instruction::GrowAlong { called, .. } = self.program.code[at] else {
            return;
        };
        let fits = match self.program.code[at + 1] {
            Instruction::TryCallLast { function, .. }
            | Instruction::CallSlotsLast { function, .. } => function == called,
            _ => false,
        };
        if !fits {
            self.program.code[at] = Instruction::Jump { to: at as Pc + 1 };
        }
    }

    /// Makes data of the elements but the last, and returns what that gives in its place.
    /// `element` evaluates one, by its number.
    pub(super) fn grown(
        &mut self,
        function: u32,
        children: &[Atom],
        element: impl Fn(&mut Self, usize, &Atom, Want) -> Compiled<Value>,
    ) -> Compiled<Value> {
        let (last, others) = children[1..].split_last().expect("it has one");
        let mut operands: Vec<Operand> = vec![self.constant_value(&children[0])?];
        let mut slots = [0; 2];
        for (number, child) in others.iter().enumerate() {
            let value = element(self, number, child, Want::Own)?;
            slots[number] = self.in_slot(value)?;
            operands.push(Operand::slot(slots[number]));
        }
        let at = self.emit(Instruction::Grow {
            function,
            slots,
            count: others.len() as u8,
            size: 0,
            odd: FAIL,
        });
        self.sized.push(at);
        let along = self.along(at, last);
        let along = along.map(|along| self.emit(along));
        let way = self.way();
        let (pending, slots) = (self.pending.clone(), self.slots);
        element(self, others.len(), last, Want::Tail)?;
        if let Some(along) = along {
            self.check_along(along);
        }
        // What follows is another way from the same place.
        let most = std::mem::replace(&mut self.slots, slots);
        self.back(way);
        self.pending = pending;
        let here = self.here();
        self.fill(at, Place::Odd, here);
        operands.push(element(self, others.len(), last, Want::Own)?);
        let entry = &self.program.functions[function as usize];
        let elements = match entry.types_elements || entry.data_type != 0 {
            true => Elements::Remade,
            false => Elements::Seen,
        };
        let value = self.call_function(function, operands, Want::Tail, None, elements, None)?;
        self.slots = self.slots.max(most);
        Ok(value)
    }
}

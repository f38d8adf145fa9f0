//! Data whose last element is a call, which is made before that: see `machine/grow.rs`.

use super::{Compiled, Compiler, Flags, Place, Value, Want};
use crate::atom::{Atom, known};
use crate::fast::code::{ANY, FAIL, Instruction, Operand};
use crate::fast::program::Head;

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
        let (whole, mut children) = (children, children);
        for _ in 0..NESTED_MAX {
            let [Atom::Symbol(symbol), elements @ ..] = children else {
                return None;
            };
            if !(1..=3).contains(&elements.len()) || *symbol == known().error {
                return None;
            }
            let symbol = self.heap.symbol(symbol);
            if !self.is_data_function(symbol, elements.len()) {
                return None;
            }
            children = elements.last()?.as_expression()?;
            let [head @ Atom::Symbol(name), arguments @ ..] = children else {
                return None;
            };
            if matches!(
                self.program.head(self.host, self.heap, head),
                Head::Untyped | Head::Typed(_)
            ) {
                let name = self.heap.symbol(name);
                if self.program.has_rules_of(name, arguments.len()) {
                    let Atom::Symbol(symbol) = &whole[0] else {
                        return None;
                    };
                    let symbol = self.heap.symbol(symbol);
                    return Some(self.program.function(symbol, whole.len() - 1, ANY));
                }
            }
        }
        None
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
        let names = (self.names.clone(), self.defined.clone());
        let known = (self.settled.clone(), self.numbers.clone());
        let (pending, slots) = (self.pending.clone(), self.slots);
        element(self, others.len(), last, Want::Tail)?;
        // What follows is another way from the same place.
        let most = std::mem::replace(&mut self.slots, slots);
        (self.names, self.defined) = names;
        (self.settled, self.numbers) = known;
        self.pending = pending;
        let here = self.here();
        self.fill(at, Place::Odd, here);
        operands.push(element(self, others.len(), last, Want::Own)?);
        let symbol = self.program.functions[function as usize].symbol;
        let value = self.call_symbol(symbol, operands, ANY, Want::Tail, None, Flags::Data, None)?;
        self.slots = self.slots.max(most);
        Ok(value)
    }
}

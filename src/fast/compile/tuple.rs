//! `case` of a tuple of values that are there, `(case ($a $b) …)`: cases are told apart by its
//! elements where they are, as rules are by their arguments, and the tuple is not made.
//!
//! An instruction looks at whether the tuple is data: each element stays as it is, and the
//! first names nothing that may be called. Where it does not, the tuple is evaluated as any value is.

use smallvec::SmallVec;

use super::call::in_slots;
use super::condition::SUMS;
use super::{Compiled, Compiler, Name};
use crate::atom::{Atom, Grounded, Variable, known};
use crate::fast::code::{ANY, FAIL, IF_PLAIN, Instruction, Operand, Slot};
use crate::fast::function::Function;

/// Longer tuples are made.
const LONGEST: usize = 8;

/// An element of a tuple.
#[derive(Clone, Copy)]
enum Element<'a> {
    Variable(Slot),
    Name,
    Leaf(&'a Atom),
    /// What gives a number, or a truth value.
    Computed(&'a Atom),
}

/// A tuple whose elements are in slots.
pub(super) struct Tuple {
    /// In order; the name that it is headed by is none of them.
    slots: SmallVec<[Slot; 4]>,
    /// The name, and the function of its calls.
    name: Option<(Atom, u32)>,
}

/// Parts of a pattern, and the slots of what they are matched with.
pub(super) type PatternParts<'c> = SmallVec<[(&'c Atom, Slot); 4]>;

impl Tuple {
    /// What of a pattern is matched with which elements; nothing of a variable. `None` if
    /// it never matches.
    pub(super) fn parts<'c>(&self, pattern: &'c Atom) -> Option<PatternParts<'c>> {
        let mut children = match pattern {
            Atom::Variable(_) => return Some(SmallVec::new()),
            _ => pattern.as_expression()?,
        };
        if let Some((name, _)) = &self.name {
            let (head, others) = children.split_first()?;
            if head != name {
                return None;
            }
            children = others;
        }
        (children.len() == self.slots.len())
            .then(|| children.iter().zip(self.slots.iter().copied()).collect())
    }
}

impl Compiler<'_> {
    /// Puts the elements of a tuple into slots and looks at whether it is data; with the
    /// instructions whose odd way is for where it is not. `None` if it is to be evaluated as other
    /// values are, as where a pattern of `cases` needs the tuple as a whole to be matched.
    pub(super) fn tuple_looked_at(
        &mut self,
        value: &Atom,
        cases: &[Atom],
    ) -> Compiled<Option<(Tuple, Vec<usize>)>> {
        let Some(elements) = self.elements(value) else {
            return Ok(None);
        };
        let children = value.as_expression().unwrap_or_default();
        let name = match elements[0] {
            Element::Name => Some(&children[0]),
            _ => None,
        };
        let takes_parts = |case: &Atom| match case.as_expression() {
            Some([Atom::Variable(variable), _]) => !self.names.contains_key(variable),
            Some([pattern, _]) => {
                let head = pattern.as_expression().and_then(<[Atom]>::first);
                name.is_none() || !matches!(head, Some(Atom::Variable(_)))
            }
            _ => true,
        };
        if !cases.iter().all(takes_parts) {
            return Ok(None);
        }
        let mut slots: SmallVec<[Slot; 4]> = SmallVec::new();
        let mut looked: SmallVec<[Slot; 4]> = SmallVec::new();
        let mut uses: Vec<usize> = Vec::new();
        for element in &elements {
            let slot = match element {
                Element::Name => continue,
                Element::Variable(slot) => {
                    if !self.seen.is_value(*slot) {
                        looked.push(*slot);
                    }
                    *slot
                }
                Element::Leaf(leaf) => {
                    let value = self.constant_value(leaf)?;
                    self.in_slot(value)?
                }
                Element::Computed(atom) => self.computed_element(atom, &mut uses)?,
            };
            slots.push(slot);
        }
        // The first is looked at in any case, as what it is tells whether the tuple is a call.
        let count = match name {
            Some(_) => 0,
            None => children.len() as u8,
        };
        if count > 0 {
            looked.retain(|slot| *slot != slots[0]);
            looked.insert(0, slots[0]);
        }
        for (number, some) in looked.chunks(IF_PLAIN).enumerate() {
            let mut slots = [0; IF_PLAIN];
            slots[..some.len()].copy_from_slice(some);
            uses.push(self.emit(Instruction::IfElements {
                slots,
                looked: some.len() as u8,
                count: if number == 0 { count } else { 0 },
                odd: FAIL,
            }));
        }
        let name = match name {
            None => None,
            Some(name @ Atom::Symbol(symbol)) => {
                let symbol = self.heap.symbol(symbol);
                let function = self.program.function(symbol, slots.len(), ANY);
                Some((name.clone(), function))
            }
            Some(_) => unreachable!("a name is a symbol"),
        };
        Ok(Some((Tuple { slots, name }, uses)))
    }

    /// What the elements of a tuple are, if all of them are there or made by an instruction, and it is
    /// not known to be a call.
    fn elements<'a>(&mut self, value: &'a Atom) -> Option<SmallVec<[Element<'a>; 4]>> {
        let children = value.as_expression()?;
        if children.is_empty() || children.len() > LONGEST || value.is_ground() {
            return None;
        }
        let mut elements = SmallVec::new();
        for (place, child) in children.iter().enumerate() {
            let element = match child {
                Atom::Variable(variable) => Element::Variable(self.names.get(variable)?.slot),
                Atom::Symbol(symbol) if place == 0 => {
                    let symbol = self.heap.symbol(symbol);
                    let is_data = child.as_symbol() != Some("Error")
                        && self.is_data_function(symbol, children.len() - 1);
                    is_data.then_some(Element::Name)?
                }
                Atom::Symbol(symbol) => {
                    let is_value = *symbol != known().empty && *symbol != known().not_reducible;
                    is_value.then_some(Element::Leaf(child))?
                }
                Atom::Grounded(Grounded::Number(_) | Grounded::Bool(_)) => Element::Leaf(child),
                Atom::Grounded(_) => return None,
                Atom::Expression(_) => self
                    .is_computed(child)
                    .then_some(Element::Computed(child))?,
            };
            elements.push(element);
        }
        Some(elements)
    }

    /// Whether an expression is made by a few instructions: a sum, or a comparison of such.
    fn is_computed(&mut self, atom: &Atom) -> bool {
        self.is_numeric(atom, SUMS) || self.is_comparison(atom)
    }

    fn computed_element(&mut self, atom: &Atom, uses: &mut Vec<usize>) -> Compiled<Slot> {
        self.record_called(atom);
        if self.is_numeric(atom, SUMS) {
            self.side(atom, uses)
        } else {
            self.condition(atom, uses)
        }
    }

    /// Makes a tuple and names it by a variable that stands for all of it, if that is used.
    pub(super) fn name_tuple(&mut self, tuple: &Tuple, variable: &Variable) -> Compiled<()> {
        if self.counts.get(variable) == Some(&1) {
            return Ok(());
        }
        let slots = tuple.slots.iter();
        let operands: SmallVec<[Operand; 4]> = slots.map(|slot| Operand::slot(*slot)).collect();
        let to = self.target()?;
        let function = tuple.name.as_ref().map_or(Function::NONE, |name| name.1);
        let instruction = match in_slots(&operands) {
            Some(slots) => Instruction::MakeNoted {
                to,
                function,
                slots,
                count: operands.len() as u8,
            },
            None => {
                let mut all: Vec<Operand> = Vec::with_capacity(operands.len() + 1);
                if let Some((name, _)) = &tuple.name {
                    all.push(self.constant_value(name)?);
                }
                all.extend_from_slice(&operands);
                Instruction::BuildNoted {
                    to,
                    operands: self.program.operands(&all),
                    function,
                }
            }
        };
        self.emit(instruction);
        let fresh_in = None;
        self.name(variable, Name { slot: to, fresh_in });
        Ok(())
    }
}

//! Operations of the library that are answered on terms as they are, for which no atoms are made.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use super::Machine;
use crate::atom::{Atom, known};
use crate::fast::cell::{Cell, Kind};
use crate::fast::code::Operands;
use crate::fast::program::OnTerms;
use crate::fast::types::ArgumentKind;
use crate::types;

/// The elements of a list.
type Elements = SmallVec<[Cell; 16]>;

impl Machine<'_> {
    /// What an operation gives for these terms; `None` where only the operation itself tells.
    #[inline(never)]
    pub(super) fn on_terms(
        &mut self,
        what: OnTerms,
        operands: Operands,
        base: usize,
    ) -> Option<Cell> {
        let at = operands.0 as usize;
        let count = self.program.operands[at].0 as usize;
        let mut terms: SmallVec<[Cell; 4]> = SmallVec::new();
        for place in at + 1..at + 1 + count {
            let term = self.operand(base, self.program.operands[place]);
            terms.push(self.heap.deref(term));
        }
        match (what, terms.as_slice()) {
            (OnTerms::Kind, &[term]) => Some(self.kind_as_term(term)),
            (OnTerms::Type, &[term]) => self.type_as_term(term),
            (OnTerms::TypeIn, &[space, term]) => {
                let is_own = self.space_of(space)?.is_same(&self.space);
                is_own.then(|| self.type_as_term(term))?
            }
            (OnTerms::Equal, &[left, right]) => Some(Cell::boolean(self.heap.equal(left, right))),
            (OnTerms::Alike, &[left, right]) => Some(Cell::boolean(self.are_alike(left, right)?)),
            (OnTerms::IfAlike, &[left, right, then, otherwise]) => {
                Some(match self.are_alike(left, right)? {
                    true => then,
                    false => otherwise,
                })
            }
            (OnTerms::Unique, &[list]) => {
                let mut seen: HashSet<Cell, FixedState> = HashSet::default();
                let mut elements = self.told_apart(list)?;
                elements.retain(|element| seen.insert(*element));
                Some(self.list_of(&elements))
            }
            (OnTerms::Intersection, &[left, right]) => self.of_both(left, right, true),
            (OnTerms::Subtraction, &[left, right]) => self.of_both(left, right, false),
            (OnTerms::Least, &[list]) => self.extreme(list, |new, best| new < best),
            (OnTerms::Greatest, &[list]) => self.extreme(list, |new, best| new > best),
            (OnTerms::Function(of), &[term]) => {
                let number = self.heap.number_of(term)?.to_f64();
                Some(self.heap.float(of(number)))
            }
            (OnTerms::Rounding(of), &[term]) => Some(match term.is_float() {
                true => self.heap.float(of(self.heap.float_of(term))),
                false => self.heap.is_number(term).then_some(term)?,
            }),
            (OnTerms::FunctionOfTwo(of), &[left, right]) => {
                let (left, right) = (self.heap.number_of(left)?, self.heap.number_of(right)?);
                Some(self.heap.float(of(&left, &right)))
            }
            (OnTerms::Absolute, &[term]) => {
                let number = self.heap.number_of(term)?.abs();
                Some(self.heap.number(number))
            }
            (OnTerms::Characters, &[text]) => self.characters_of(text),
            (OnTerms::TextOf, &[list]) => self.text_of(list),
            // What holds the same in another order, only the operation itself sees.
            (OnTerms::SameResults, &[found, wanted, ..]) => {
                let are_lists = found.is_exp() && wanted.is_exp();
                (are_lists && self.are_alike(found, wanted)?).then_some(self.heap.unit)
            }
            _ => None,
        }
    }

    fn kind_as_term(&mut self, term: Cell) -> Cell {
        let known = known();
        let kind = match self.kind_of(term) {
            ArgumentKind::Symbol => &known.symbol,
            ArgumentKind::Variable => &known.variable,
            ArgumentKind::Expression => &known.expression,
            ArgumentKind::Grounded => &known.grounded,
        };
        Cell::symbol(self.heap.symbol(kind))
    }

    /// The type of a term that has one only, without variables, which is not made of such of which
    /// nothing is known: what is told of these, as of `(nop 2)`, only the operation says. Types of
    /// parts of deep terms are not looked for: each would get a number, though types as deep as
    /// terms are seldom met twice.
    fn type_as_term(&mut self, term: Cell) -> Option<Cell> {
        let found = self.type_of_near(term)?;
        if self.program.told_again {
            return None;
        }
        let numbers = &self.program.value_types;
        let found = match found == numbers.unknown() {
            true => types::undefined(),
            false => numbers
                .atom(found)
                .filter(|found| found.is_ground() && !types::has_part(found, types::is_undefined))?
                .clone(),
        };
        Some(self.heap.import(&found))
    }

    /// Whether two terms without variables are equal.
    fn are_alike(&self, left: Cell, right: Cell) -> Option<bool> {
        let are_ground = self.heap.is_ground_now(left) && self.heap.is_ground_now(right);
        are_ground.then(|| self.heap.equal(left, right))
    }

    /// The elements of a list of names, integers, truth values and characters, which are equal only where their
    /// cells are.
    fn told_apart(&self, list: Cell) -> Option<Elements> {
        if !list.is_exp() {
            return None;
        }
        let (first, count) = self.heap.elements(list.at());
        let elements = (first..first + count).map(|at| self.heap.deref(self.heap.word(at)));
        let told = elements.map(|element| element.is_immediate().then_some(element));
        told.collect()
    }

    /// The one of a list's numbers that is better than all before it, as a float; `None` if there is
    /// none, or what is no integer of 62 bits and no float, or no number.
    fn extreme(&mut self, list: Cell, is_better: fn(f64, f64) -> bool) -> Option<Cell> {
        if !list.is_exp() {
            return None;
        }
        let (first, count) = self.heap.elements(list.at());
        let mut best: Option<f64> = None;
        for at in first..first + count {
            let element = self.heap.deref(self.heap.word(at));
            let value = match element.is_int() {
                true => element.as_int() as f64,
                false if element.is_float() => self.heap.float_of(element),
                false => return None,
            };
            if value.is_nan() {
                return None;
            }
            if best.is_none_or(|best| is_better(value, best)) {
                best = Some(value);
            }
        }
        Some(self.heap.float(best?))
    }

    /// The elements of the first list that are in the second, each as often as it is there, or the
    /// others.
    fn of_both(&mut self, left: Cell, right: Cell, kept: bool) -> Option<Cell> {
        let (mut left, right) = (self.told_apart(left)?, self.told_apart(right)?);
        let mut counts: HashMap<Cell, usize, FixedState> = HashMap::default();
        for element in right {
            *counts.entry(element).or_default() += 1;
        }
        left.retain(|element| {
            let count = counts.get_mut(element).filter(|count| **count > 0);
            let is_in_both = count.map(|count| *count -= 1).is_some();
            is_in_both == kept
        });
        Some(self.list_of(&left))
    }

    /// The characters of a text.
    fn characters_of(&mut self, text: Cell) -> Option<Cell> {
        let text = text.is_box().then(|| self.heap.box_of(text))?.as_text()?;
        let characters: Vec<Cell> = text.chars().map(Cell::character).collect();
        Some(self.list_of(&characters))
    }

    /// The text of a list of characters.
    fn text_of(&mut self, list: Cell) -> Option<Cell> {
        if !list.is_exp() {
            return None;
        }
        let (first, count) = self.heap.elements(list.at());
        let mut text = String::with_capacity(count);
        for place in first..first + count {
            let Kind::Char(value) = self.heap.deref(self.heap.word(place)).kind() else {
                return None;
            };
            text.push(value);
        }
        let text = self.heap.boxed(Atom::string(&text));
        self.collect_if_much();
        Some(text)
    }

    fn list_of(&mut self, elements: &[Cell]) -> Cell {
        if elements.is_empty() {
            return self.heap.unit;
        }
        let list = self.heap.begin(elements.len());
        let words = elements.iter().map(|element| element.0);
        self.heap.cells.extend(words);
        self.heap.finish(list, 0)
    }
}

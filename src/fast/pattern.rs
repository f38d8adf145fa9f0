//! Patterns of queries, compiled: read along the tokens of a stored row, so that no term is
//! made of a pattern, and none of what stands where nothing wants it.
//!
//! A variable that occurs first in the pattern is a slot that is written once the row is known
//! to match. What is known already is compared first, so that what is made of the row has
//! the values in it that its own variables stand for.

use smallvec::SmallVec;

use crate::fast::cell::Cell;
use crate::fast::code::Slot;
use crate::fast::heap::Heap;
use crate::fast::rows::Frame;
use crate::space::Values;
use crate::space::probe::KEYS_MAX;
use crate::space::token::{self, WILD};

/// What a pattern has at one place, in pre-order.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    /// A name, or an expression whose elements follow: this token and no other.
    Token(u32),
    /// A host value: its key, and the constant that it is.
    Leaf { key: u32, constant: u32 },
    /// What the slot holds.
    Value(Slot),
    /// A variable that occurs here first: what is found goes into the slot.
    First(Slot),
    /// The same once more.
    Again(Slot),
    /// A variable that occurs nowhere else.
    Any,
}

/// A pattern that a query may have rows for.
#[derive(Debug)]
pub(super) struct Pattern {
    parts: Box<[Part]>,
}

/// Where a match stands.
pub(super) struct Matching<'a> {
    pub(super) tokens: &'a [u32],
    pub(super) values: &'a Values,
    pub(super) constants: &'a [Cell],
    /// The frame's slots.
    pub(super) slots: &'a mut [u64],
    /// The row's variables.
    pub(super) frame: &'a mut Frame,
}

/// Places where something is left to be made, or compared with what was made.
type Later = SmallVec<[(usize, Part); 8]>;

impl Pattern {
    pub(super) fn new(parts: Vec<Part>) -> Pattern {
        Pattern {
            parts: parts.into(),
        }
    }

    /// What stands in it, in pre-order.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl Heap {
    /// Appends the keys of a compiled pattern, for a query.
    pub(super) fn pattern_keys(&self, pattern: &Pattern, slots: &[u64], keys: &mut Vec<u32>) {
        for part in &pattern.parts {
            if keys.len() >= KEYS_MAX {
                return;
            }
            match *part {
                Part::Token(key) | Part::Leaf { key, .. } => keys.push(key),
                Part::Value(slot) => self.keys(Cell(slots[usize::from(slot)]), keys),
                Part::First(_) | Part::Again(_) | Part::Any => keys.push(WILD),
            }
        }
    }

    /// Unifies a compiled pattern with a stored row, and writes the slots of the variables
    /// that occur first in it. Bindings made on failure stay: the caller goes back.
    pub(super) fn match_row(&mut self, pattern: &Pattern, with: &mut Matching<'_>) -> bool {
        with.frame.clear();
        let (tokens, values) = (with.tokens, with.values);
        let mut later = Later::new();
        let mut at = 0;
        for part in &pattern.parts {
            let raw = tokens[at];
            match *part {
                Part::Token(token) if raw == token => at += 1,
                Part::Token(_) | Part::Leaf { .. } if token::is_variable(raw) => {
                    return self.match_term(pattern, with);
                }
                Part::Token(_) => return false,
                Part::Leaf { key, .. } if raw == key => at += 1,
                Part::Leaf { constant, .. } => {
                    let constant = with.constants[constant as usize];
                    let same;
                    (same, at) = self.leaf_is(constant, tokens, at, values);
                    if !same {
                        return false;
                    }
                }
                Part::Value(slot) => {
                    let value = Cell(with.slots[usize::from(slot)]);
                    match self.unify_at(value, tokens, at, values, with.frame) {
                        Some(after) => at = after,
                        None => return false,
                    }
                }
                Part::First(_) | Part::Again(_) => {
                    later.push((at, *part));
                    at = token::skip(tokens, at);
                }
                Part::Any => at = token::skip(tokens, at),
            }
        }
        later.into_iter().all(|(at, part)| match part {
            Part::First(slot) => {
                let (value, _) = self.import_row(tokens, at, values, with.frame);
                with.slots[usize::from(slot)] = value.0;
                true
            }
            Part::Again(slot) => {
                let value = Cell(with.slots[usize::from(slot)]);
                self.unify_at(value, tokens, at, values, with.frame)
                    .is_some()
            }
            _ => unreachable!("only variables wait"),
        })
    }

    /// The same for a row that has a variable where the pattern says what is there: a term
    /// is made of the pattern after all. What was bound on the way holds either way.
    #[cold]
    fn match_term(&mut self, pattern: &Pattern, with: &mut Matching<'_>) -> bool {
        // The elements of open expressions that are there, and how many there will be.
        let mut open: SmallVec<[(SmallVec<[Cell; 8]>, usize); 4]> = SmallVec::new();
        let mut parts = pattern.parts.iter();
        let term = loop {
            let part = parts.next().expect("a pattern is whole");
            let mut cell = match *part {
                Part::Token(token) => match token::arity_of(token) {
                    Some(arity) => {
                        open.push((SmallVec::new(), arity as usize));
                        None
                    }
                    None => token::symbol_id(token).map(Cell::symbol),
                },
                Part::Leaf { constant, .. } => Some(with.constants[constant as usize]),
                Part::Value(slot) | Part::Again(slot) => Some(Cell(with.slots[usize::from(slot)])),
                Part::First(slot) => {
                    let fresh = self.variable();
                    with.slots[usize::from(slot)] = fresh.0;
                    Some(fresh)
                }
                Part::Any => Some(self.variable()),
            };
            while let Some((elements, arity)) = open.last_mut() {
                elements.extend(cell.take());
                if elements.len() < *arity {
                    break;
                }
                let (elements, _) = open.pop().expect("just seen");
                cell = Some(self.build(&elements));
            }
            if let Some(whole) = cell {
                break whole;
            }
        };
        self.unify_row(term, with.tokens, with.values, with.frame)
    }
}

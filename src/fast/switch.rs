//! What tells rules apart before they are tried: the keys of their heads, and the switches on them.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::fast::cell::{Cell, OPERATIONS};
use crate::fast::code::{Pc, Slot};

/// Something that an argument must be for a rule to match, if it is bound.
#[derive(Clone, Debug)]
pub(super) struct HeadTest {
    /// The argument, then positions inside it.
    pub(super) path: SmallVec<[u32; 4]>,
    pub(super) key: Key,
}

/// What tells terms apart at one position.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Key {
    /// A symbol, integer, truth value or character.
    Leaf(Cell),
    /// An expression with that many elements, and its head if that is a name.
    Expression { head: Option<Cell>, arity: usize },
}

impl Key {
    /// The key as a word: that of a leaf is its cell, no other looks like a cell.
    pub(super) fn word(self) -> u64 {
        match self {
            Key::Leaf(cell) => cell.0,
            Key::Expression { head, arity } => expression_word(head, arity),
        }
    }

    /// Of the word of an expression, how many elements that has.
    pub(super) fn arity_of(word: u64) -> Option<usize> {
        Cell(word).is_header().then_some((word >> 35) as usize)
    }

    /// Of the word of an expression, its head, if that counts, and how many elements it has.
    pub(super) fn call_of(word: u64) -> Option<(Cell, usize)> {
        let arity = Key::arity_of(word)?;
        let number = (word >> 3) as u32;
        let head = match number {
            OPERATIONS.. => Cell::boxed(number),
            _ => Cell::symbol(number),
        };
        (expression_word(Some(head), arity) != expression_word(None, arity))
            .then_some((head, arity))
    }
}

/// Where to go on by what stands at one place of a call's arguments.
pub(super) struct Switch {
    /// By [`Key::word`]; what is not used of them is like no term.
    pub(super) few: [Branch; Switch::FEW],
    /// The argument.
    pub(super) slot: Slot,
    /// Whether nothing of the last four counts.
    pub(super) is_plain: bool,
    /// For anything else.
    pub(super) other: Pc,
    /// For a variable, and for what is compared by its value.
    pub(super) open: Pc,
    /// The way inside the argument.
    pub(super) below: SmallVec<[u32; 4]>,
    /// The same, if it is one step: which word of an element's expression; else 0.
    pub(super) step: u32,
    /// More words.
    pub(super) many: HashMap<u64, Pc, FixedState>,
    /// For an expression of so many elements that no word is for.
    pub(super) arities: Vec<(usize, Pc)>,
}

impl Switch {
    pub(super) const FEW: usize = 8;

    /// Where to go on with this word, which is none of the few.
    #[inline(never)]
    pub(super) fn further(&self, word: u64) -> Pc {
        if let Some(pc) = self.many.get(&word) {
            return *pc;
        }
        let arity = Key::arity_of(word);
        self.arities
            .iter()
            .find(|(count, _)| Some(*count) == arity)
            .map_or(self.other, |(_, pc)| *pc)
    }
}

/// Where to go on with one word.
#[derive(Clone, Copy)]
pub(super) struct Branch {
    pub(super) word: u64,
    pub(super) to: Pc,
    /// Where the elements after the head go, unless it is `KEEP`.
    pub(super) elements: Slot,
}

impl Branch {
    pub(super) const KEEP: Slot = Slot::MAX;
    /// For no term.
    pub(super) const NONE: Branch = Branch {
        word: u64::MAX,
        to: 0,
        elements: Branch::KEEP,
    };
}

/// The word for an expression with that many elements; its head counts if it is a name.
#[inline(always)]
pub(super) fn expression_word(head: Option<Cell>, arity: usize) -> u64 {
    const NO_SYMBOL: u64 = (u32::MAX as u64) << 3;
    let head = head.map_or(NO_SYMBOL, |head| head.0 & !7);
    ((arity as u64) << 35) | head | 7
}

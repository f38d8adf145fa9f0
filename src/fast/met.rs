//! Types that the variables of a body were met with.
//!
//! Where only values tell how calls are typed, a body asks at each of them. After it was
//! entered some times, its function is compiled anew, with code before that of the body for
//! values of just the types that its variables had: one instruction looks at all of them, and
//! what calls are for is decided when the code is made.
//!
//! Types that differ only by what stands in them, as those of vectors by their lengths, are a
//! [family](family): code for it takes what differs for types that nothing is known of.

pub(super) mod family;

use std::num::NonZeroU64;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::atom::Atom;
use crate::fast::cell::{Cell, Header};
use crate::fast::code::Slot;
use crate::fast::heap::{Heap, TYPE_BITS};
use crate::fast::met::family::Families;
use crate::fast::program::Program;
use crate::fast::stack::{FRAME, place};
use crate::fast::types::{Argument, ValueTypes};

/// How often a body is entered before what its variables are is looked at. Tests without
/// optimisation do it at once, so that all programs they run are compiled so.
const OFTEN: u32 = if cfg!(debug_assertions) { 1 } else { 24 };
/// How many times more often for each time that it was compiled so before.
const MORE_OFTEN: u32 = 4;
/// A body of which something was left to the plain evaluator is entered so many times more.
pub(super) const SOON: u32 = 2;
/// In so many ways a body is compiled.
pub(super) const VERSIONS_MAX: usize = 4;
/// For so many combinations of types, of which several may be one way.
const COMBINATIONS_MAX: usize = 8;
/// A variable is one of so many in one way.
const SORTS_MAX: usize = 3;
/// So many variables are looked at.
pub(super) const VARIABLES_MAX: usize = 8;

/// What of a header tells the type of a value that evaluates to itself.
const MET: u64 = TYPE_BITS | Header::GROUND | Header::EVALUATED | Header::ERROR | Header::TAG;

/// What a value was met as.
#[derive(Clone, Copy)]
pub(super) struct Sort {
    pub(super) argument: Argument,
    /// What it looks like: see [`word`].
    pub(super) word: u64,
}

impl Sort {
    /// Whether such values are small integers.
    fn is_integer(self) -> bool {
        self.word == word_of_integers()
    }

    fn is_same(self, other: Sort) -> bool {
        self.argument == other.argument && self.is_integer() == other.is_integer()
    }
}

/// What a value is one of.
pub(super) type Sorts = SmallVec<[Sort; 2]>;

/// A variable's value as it was met.
#[derive(Clone)]
pub(super) struct Met {
    /// Which of the body's variables it is, by where they occur first.
    pub(super) number: u32,
    pub(super) sorts: Sorts,
    /// Whether its only sort is a family of types.
    pub(super) is_family: bool,
}

impl Met {
    /// Whether such values are small integers.
    pub(super) fn is_integer(&self) -> bool {
        self.sorts.iter().all(|sort| sort.is_integer())
    }

    /// Whether it is one of what the other may be.
    fn is_within(&self, other: &Met) -> bool {
        let is_one = |sort: &Sort| other.sorts.iter().any(|other| sort.is_same(*other));
        self.number == other.number && self.sorts.iter().all(is_one)
    }

    /// What is this or the other, if one code may be for both: values of types of which one
    /// says what the other leaves open, as that of a list without elements.
    fn or(&self, other: &Met, types: &ValueTypes) -> Option<Met> {
        let mut either = self.clone();
        for sort in &other.sorts {
            if either.sorts.iter().any(|known| known.is_same(*sort)) {
                continue;
            }
            let found = sort.argument.found();
            let mut known = self.sorts.iter();
            if !known.all(|known| types.are_alike(known.argument.found(), found)) {
                return None;
            }
            either.sorts.push(*sort);
        }
        let is_family = self.is_family || other.is_family;
        let is_one = self.number == other.number
            && either.sorts.len() <= if is_family { 1 } else { SORTS_MAX };
        is_one.then_some(either)
    }
}

/// The variables of a body as they were met together.
pub(super) type Version = SmallVec<[Met; 4]>;

/// What is as one of two versions, variable by variable, if one code may be for both.
pub(super) fn either(one: &Version, other: &Version, types: &ValueTypes) -> Option<Version> {
    if one.len() != other.len() {
        return None;
    }
    let pairs = one.iter().zip(other);
    pairs.map(|(a, b)| a.or(b, types)).collect()
}

/// A slot whose value is to be as one that was met.
pub(super) struct Test {
    pub(super) slot: Slot,
    /// What its value looks like most often: these bits of it,
    mask: u64,
    bits: u64,
    /// and, of an expression, what these bits of its header are.
    header: Option<NonZeroU64>,
    noted: u64,
    /// A name that it may be as well, as that of an empty list.
    pub(super) name: u64,
    sorts: Sorts,
}

impl Test {
    pub(super) fn new(slot: Slot, met: &Met) -> Test {
        let sorts = &met.sorts;
        let mut words = sorts.iter().map(|sort| Cell(sort.word));
        let first = words.clone().find(|word| word.is_header());
        let first = first.unwrap_or(Cell(sorts[0].word));
        let (mask, bits, header) = if first.is_header() {
            let bits = Cell::expression(0).0;
            (Header::TAG, bits, NonZeroU64::new(first.0))
        } else if first.is_symbol() {
            (u64::MAX, first.0, None)
        } else {
            (Header::TAG, first.0, None)
        };
        let name = words.find(|word| word.is_symbol()).unwrap_or(first);
        Test {
            slot,
            mask,
            bits,
            header,
            noted: if met.is_family { MET & !TYPE_BITS } else { MET },
            name: name.0,
            sorts: sorts.clone(),
        }
    }

    /// Whether nothing but small integers is met.
    fn is_integer(&self) -> bool {
        self.sorts.iter().all(|sort| sort.is_integer())
    }
}

/// What the value in a slot is most often.
#[derive(Clone, Copy)]
pub(super) struct Mostly {
    pub(super) slot: Slot,
    /// What these bits of an expression's header are.
    noted: u64,
    header: u64,
    /// The kind of any other value,
    kind: u64,
    /// and a name that it may be.
    name: u64,
}

impl Mostly {
    fn new(test: &Test) -> Mostly {
        let name = match Cell(test.name).is_symbol() {
            true => test.name,
            false => Cell::HOLE.0,
        };
        // No value is of the kind of headers.
        let is_leaf = test.header.is_none() && !Cell(test.bits).is_symbol();
        Mostly {
            slot: test.slot,
            noted: test.noted,
            header: test.header.map_or(0, NonZeroU64::get),
            kind: if is_leaf { test.bits } else { Header::TAG },
            name,
        }
    }
}

/// What the values of a frame are to be as.
pub(super) struct Tests {
    pub(super) each: SmallVec<[Test; 4]>,
    pub(super) families: Families,
}

impl Tests {
    /// That the slots of a body's variables hold what was met; `None` if families are too many.
    pub(super) fn new(met: &[(Slot, &Met)]) -> Option<Tests> {
        let families = met.iter().filter(|(_, met)| met.is_family);
        Some(Tests {
            each: met
                .iter()
                .map(|(slot, met)| Test::new(*slot, met))
                .collect(),
            families: Families::new(
                families.map(|(slot, met)| (*slot, met.sorts[0].argument.found())),
            )?,
        })
    }

    /// What values are most often, in pairs, of which the last may be of one twice; and the slots of
    /// those that are small integers then, by four, the last over again where they are less.
    pub(super) fn mostly(&self) -> (Vec<[Mostly; 2]>, Vec<[Slot; 4]>) {
        let (mut integers, mut others): (Vec<&Test>, Vec<&Test>) =
            self.each.iter().partition(|test| test.is_integer());
        // One is looked at beside another value.
        if integers.len() == 1 && others.len() % 2 == 1 {
            others.append(&mut integers);
        }
        let pairs = others.chunks(2);
        let fours = integers.chunks(4);
        (
            pairs
                .map(|pair| [pair[0], pair[pair.len() - 1]].map(Mostly::new))
                .collect(),
            fours
                .map(|four| [0, 1, 2, 3].map(|place| four[place.min(four.len() - 1)].slot))
                .collect(),
        )
    }
}

/// A body, by its function and with variables named by place.
pub(super) type Body = (u32, Atom);

/// A body that is not yet compiled for types that it was met with.
pub(super) struct Meeting {
    pub(super) body: Body,
    /// Its variables, by number and slot.
    pub(super) slots: SmallVec<[(u32, Slot); VARIABLES_MAX]>,
    /// After so many times they are looked at.
    pub(super) left: u32,
    /// Whether types tell something only if a variable stands for a function.
    pub(super) for_functions: bool,
}

/// What was met so far.
#[derive(Default)]
pub(super) struct Meetings {
    versions: HashMap<Body, Vec<Version>, FixedState>,
    /// For places in the code.
    pub(super) open: Vec<Meeting>,
    pub(super) tests: Vec<Tests>,
    /// What values are most often, in pairs.
    pub(super) mostly: Vec<[Mostly; 2]>,
    /// Whether something was left to the plain evaluator since a body was entered, as its types did not tell.
    pub(super) was_left: bool,
}

impl Meetings {
    /// Types have changed: their numbers are others.
    pub(super) fn forget(&mut self) {
        self.versions.clear();
    }

    pub(super) fn versions(&self, body: &Body) -> &[Version] {
        self.versions.get(body).map_or(&[], Vec::as_slice)
    }

    /// Whether there may be more of them.
    pub(super) fn has_room(&self, body: &Body) -> bool {
        self.versions(body).len() < COMBINATIONS_MAX
    }

    /// How often a body is entered before it is looked at what its variables are.
    pub(super) fn often(&self, body: &Body) -> u32 {
        OFTEN.saturating_mul(MORE_OFTEN.saturating_pow(self.versions(body).len() as u32))
    }

    /// Whether a body is to be compiled for this, too.
    pub(super) fn add(&mut self, body: &Body, version: Version) -> bool {
        let known = self.versions.entry(body.clone()).or_default();
        let is_known = known.iter().any(|known| {
            let mut pairs = version.iter().zip(known);
            known.len() == version.len() && pairs.all(|(met, known)| met.is_within(known))
        });
        if version.is_empty() || is_known || known.len() >= COMBINATIONS_MAX {
            return false;
        }
        known.push(version);
        true
    }
}

/// What tells a value of one type from others, as far as it is seen at once: a name, an
/// expression's flags and type, the kind of what else there is.
#[inline(always)]
pub(super) fn word(heap: &Heap, value: Cell) -> u64 {
    word_in(&heap.cells, value)
}

/// As [`word`], of a value on a heap of these cells.
#[inline(always)]
pub(super) fn word_in(cells: &[u64], value: Cell) -> u64 {
    if value.is_exp() {
        cells[value.at()] & MET
    } else if value.is_symbol() {
        value.0
    } else {
        value.0 & Header::TAG
    }
}

/// Whether all values with a word are of one type: small integers, one name, expressions of a
/// noted type.
pub(super) fn tells_type(word: u64) -> bool {
    word == word_of_integers() || Cell(word).is_symbol() || is_typed_expression(word)
}

/// Whether the word is that of expressions with such a header.
pub(super) fn is_like_header(word: u64, header: u64) -> bool {
    is_typed_expression(word) && word == header & MET
}

fn word_of_integers() -> u64 {
    Cell::small(0).0 & Header::TAG
}

/// Whether the word is that of an expression that evaluates to itself and whose type is noted.
pub(super) fn is_typed_expression(word: u64) -> bool {
    let flags = Header::GROUND | Header::EVALUATED;
    word & flags == flags && word & Header::ERROR == 0 && word & TYPE_BITS != 0
}

impl Heap {
    /// Whether a value is what it is most often.
    #[inline(always)]
    pub(super) fn is_mostly(&self, value: Cell, mostly: &Mostly) -> bool {
        if value.is_exp() {
            self.cells[value.at()] & mostly.noted == mostly.header
        } else {
            value.0 == mostly.name || value.0 & Header::TAG == mostly.kind
        }
    }

    /// Whether the values of a frame are as they were met.
    #[inline(always)]
    pub(super) fn are_as_met(&self, program: &Program, frame: &[u64; FRAME], tests: u32) -> bool {
        let mut each = program.meetings.tests[tests as usize].each.iter();
        each.all(|test| {
            let value = Cell(frame[place(test.slot)]);
            let is_most_often = value.0 & test.mask == test.bits
                && test
                    .header
                    .is_none_or(|header| self.cells[value.at()] & test.noted == header.get());
            is_most_often || value.0 == test.name || self.is_as_met(program, value, test)
        })
    }

    /// Whether a value is as another that was met, or another name of such a type.
    #[inline(never)]
    fn is_as_met(&self, program: &Program, value: Cell, test: &Test) -> bool {
        let word = word(self, value);
        let mut others = test.sorts.iter();
        if others.any(|sort| sort.word == word) {
            return true;
        }
        if !value.is_symbol() || value == self.empty {
            return false;
        }
        match program.value_types.symbol_of_late(value.at() as u32) {
            Some((Some(found), false)) => test
                .sorts
                .iter()
                .any(|sort| Cell(sort.word).is_symbol() && found == sort.argument.found()),
            _ => false,
        }
    }
}

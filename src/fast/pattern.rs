//! Patterns of queries, compiled: read along the tokens of a stored row, so that no term is
//! made of a pattern, and none of what stands where nothing wants it.
//!
//! A variable that occurs first in the pattern is a slot that is written once the row is known
//! to match. What is known already is compared first, so that what is made of the row has
//! the values in it that its own variables stand for.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::atom::known;
use crate::fast::cell::{Cell, Kind};
use crate::fast::code::Slot;
use crate::fast::function::Function;
use crate::fast::heap::Heap;
use crate::fast::keyed::{Asked, Current, Table};
use crate::fast::rows::{Frame, matches_others};
use crate::space::Values;
use crate::space::probe::{KEYS_MAX, Probe};
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
pub(super) struct Pattern {
    parts: Box<[Part]>,
    /// How many patterns of the same conjunction have the numbers after its own.
    pub(super) followed_by: u32,
    /// Behind this place nothing is compared: variables only, that occur first in the pattern.
    compared: usize,
    /// Whether a long list of rows was looked into for it.
    pub(super) is_long: bool,
    /// Whether a query that begins with it was better taken in another order once.
    pub(super) was_reordered: bool,
    /// The function whose rule asks for it, if facts may be compiled into that.
    pub(super) function: u32,
    /// How often it was asked for, and how often it will be before that is considered.
    pub(super) asked: u32,
    pub(super) asked_enough: u32,
    /// Whether facts are compiled for it, before it is asked for.
    pub(super) has_facts: bool,
    /// What it wants of plain rows, if it is for such.
    plain: Option<Plainly>,
    /// Whether tables are worth being made for the query that it is the first pattern of.
    pub(super) tables: Asked,
    /// The table that it has.
    pub(super) current: Option<Box<Current>>,
    /// In how many queries more rows that are no plain ones are met before that is forgotten.
    plain_left: u8,
}

/// Queries of one pattern in which rows may turn out not to be plain.
const PLAIN_TRIES: u8 = 8;

/// What a plain row has to have at a place.
#[derive(Clone, Copy, Debug)]
pub(super) enum Want {
    /// This token.
    Token(u32),
    /// Whatever goes into the next column.
    Column,
    /// The same as is in that column.
    Same(u8),
    Any,
}

/// Where what plain rows have goes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Column {
    /// Into a slot.
    Slot(Slot),
    /// To the variable that stands in a slot; of a table, or compared with what else that holds.
    Variable(Slot),
}

/// What a query wants of plain rows: those of names, small integers and truth values where
/// anything is compared or taken.
#[derive(Debug, Default)]
pub(super) struct Wants {
    places: SmallVec<[Want; 8]>,
    pub(super) columns: SmallVec<[Column; 4]>,
}

/// What came of comparing a row.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Plain {
    Matches,
    Differs,
    /// It is no plain row.
    Unknown,
}

/// What a pattern wants of plain rows whatever its slots hold: the places where something of those
/// has to be are in `values`.
#[derive(Debug)]
struct Plainly {
    wants: Wants,
    values: SmallVec<[(usize, Slot); 4]>,
}

/// The token of a name, a small integer or a truth value.
pub(super) fn plain_token(value: Cell) -> Option<u32> {
    match value.kind() {
        Kind::Sym(id) => Some(token::symbol(id)),
        Kind::Bool(value) => Some(token::truth(value)),
        Kind::Int(value) => token::small(value),
        Kind::Exp(_) | Kind::Flt(_) | Kind::Box(_) | Kind::Char(_) | Kind::Ref(_) => None,
    }
}

/// The term of a token that stands for one of 8 bytes.
fn plain_cell(raw: u32) -> Option<Cell> {
    if let Some(id) = token::symbol_id(raw) {
        Some(Cell::symbol(id))
    } else if let Some(value) = token::small_of(raw) {
        Some(Cell::small(value))
    } else {
        token::bool_of(raw).map(Cell::boolean)
    }
}

impl Wants {
    /// Makes it what a pattern wants, where `value` says what the value of a slot is; `false` if the
    /// pattern is for rows that are not plain.
    fn fill(
        &mut self,
        parts: &[Part],
        value: impl FnMut(Slot, &mut Wants) -> Option<Want>,
    ) -> bool {
        self.columns.clear();
        self.fill_further(parts, value)
    }

    /// As [`Wants::fill`], with columns that are there.
    fn fill_further(
        &mut self,
        parts: &[Part],
        mut value: impl FnMut(Slot, &mut Wants) -> Option<Want>,
    ) -> bool {
        self.places.clear();
        for part in parts {
            let want = match *part {
                Part::Token(token) => Some(Want::Token(token)),
                Part::Leaf { key, .. } => token::is_plain(key).then_some(Want::Token(key)),
                Part::First(slot) => {
                    self.columns.push(Column::Slot(slot));
                    Some(Want::Column)
                }
                Part::Again(slot) => self.column_of(slot).map(Want::Same),
                Part::Any => Some(Want::Any),
                Part::Value(slot) => value(slot, self),
            };
            let Some(want) = want.filter(|_| self.columns.len() <= usize::from(u8::MAX)) else {
                return false;
            };
            self.places.push(want);
        }
        true
    }

    /// The column of what goes into a slot.
    fn column_of(&self, slot: Slot) -> Option<u8> {
        let is_it = |one: &Column| matches!(one, Column::Slot(of) if *of == slot);
        let column = self.columns.iter().position(is_it);
        column.map(|column| column as u8)
    }

    /// The top-level arguments that have to be the same as one of the first `count` columns: which
    /// argument, and which column.
    pub(super) fn shared(&self, count: usize) -> SmallVec<[(u32, u8); 2]> {
        let mut shared = SmallVec::new();
        // How many atoms are left of the expressions that are open, the innermost last.
        let mut open: SmallVec<[u32; 8]> = SmallVec::new();
        let mut argument = 0;
        for want in &self.places {
            if let [_] = *open {
                if let Want::Same(column) = *want
                    && usize::from(column) < count
                {
                    shared.push((argument, column));
                }
                argument += 1;
            }
            if let Some(left) = open.last_mut() {
                *left -= 1;
            }
            if let Want::Token(token) = *want
                && let Some(arity) = token::arity_of(token)
            {
                open.push(arity);
            }
            while open.last() == Some(&0) {
                open.pop();
            }
        }
        shared
    }

    /// The tokens that it begins with.
    pub(super) fn head(&self) -> Option<[u32; 2]> {
        match *self.places {
            [Want::Token(expression), Want::Token(head), ..] => Some([expression, head]),
            _ => None,
        }
    }

    /// Compares a row; appends what it has for the columns. `value_at` may say what that is at a place
    /// where the row is not plain, for the column of that number.
    #[inline]
    pub(super) fn read(
        &self,
        tokens: &[u32],
        columns: &mut Vec<u64>,
        value_at: impl FnMut(usize, usize) -> Option<Cell>,
    ) -> Plain {
        let first = columns.len();
        self.read_further(tokens, columns, first, value_at)
    }

    /// As [`Wants::read`], where columns from the place `first` on are there; no more unless it
    /// matches.
    #[inline]
    pub(super) fn read_further(
        &self,
        tokens: &[u32],
        columns: &mut Vec<u64>,
        first: usize,
        mut value_at: impl FnMut(usize, usize) -> Option<Cell>,
    ) -> Plain {
        let mut at = 0;
        for want in &self.places {
            let raw = tokens[at];
            let matches = match *want {
                Want::Token(token) if raw == token => Plain::Matches,
                Want::Token(_) if token::is_plain(raw) => Plain::Differs,
                Want::Token(_) => Plain::Unknown,
                Want::Column => match plain_cell(raw) {
                    Some(cell) => {
                        columns.push(cell.0);
                        Plain::Matches
                    }
                    None => match value_at(at, columns.len() - first) {
                        Some(value) => {
                            columns.push(value.0);
                            at = token::skip(tokens, at);
                            continue;
                        }
                        None => Plain::Unknown,
                    },
                },
                Want::Same(column) => {
                    let before = Cell(columns[first + usize::from(column)]);
                    match plain_cell(raw) {
                        Some(cell) if before == cell => Plain::Matches,
                        Some(_) if !before.is_box() => Plain::Differs,
                        _ => Plain::Unknown,
                    }
                }
                Want::Any => {
                    at = token::skip(tokens, at);
                    continue;
                }
            };
            if matches != Plain::Matches {
                columns.truncate(first);
                return matches;
            }
            at += 1;
        }
        Plain::Matches
    }
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
pub(super) type Later = SmallVec<[(usize, Part); 8]>;

impl Pattern {
    pub(super) fn new(parts: Vec<Part>) -> Pattern {
        let is_open = |part: &Part| matches!(part, Part::First(_) | Part::Any);
        let compared = parts.iter().rposition(|part| !is_open(part));
        let (mut wants, mut values) = (Wants::default(), SmallVec::new());
        let is_plain = wants.fill(&parts, |slot, wants| {
            values.push((wants.places.len(), slot));
            Some(Want::Any)
        });
        Pattern {
            compared: compared.map_or(0, |last| last + 1),
            parts: parts.into(),
            followed_by: 0,
            is_long: false,
            was_reordered: false,
            function: Function::NONE,
            asked: 0,
            asked_enough: u32::MAX,
            has_facts: false,
            plain: is_plain.then_some(Plainly { wants, values }),
            plain_left: PLAIN_TRIES,
            tables: Asked::default(),
            current: None,
        }
    }

    /// A row was no plain one.
    pub(super) fn note_unknown(&mut self) {
        self.plain_left -= 1;
        if self.plain_left == 0 {
            self.plain = None;
        }
    }

    /// What a table of all rows that it may ever be for has of them, and what those have in common;
    /// `None` if they are not told by a name.
    pub(super) fn of_a_table(&self) -> Option<(Wants, Probe)> {
        let [Part::Token(_), Part::Token(head), ..] = *self.parts else {
            return None;
        };
        let (rules, types) = (known().equal.id(), known().colon.id());
        if !token::symbol_id(head).is_some_and(|head| head != rules && head != types) {
            return None;
        }
        let mut wants = Wants::default();
        let is_plain = wants.fill(&self.parts, |slot, wants| {
            wants.columns.push(Column::Variable(slot));
            Some(Want::Column)
        });
        let mut probe = Probe::default();
        probe.set(|keys| {
            let parts = self.parts.iter().take(KEYS_MAX);
            keys.extend(parts.map(|part| match *part {
                Part::Token(key) | Part::Leaf { key, .. } => key,
                Part::Value(_) | Part::First(_) | Part::Again(_) | Part::Any => WILD,
            }));
        });
        is_plain.then_some((wants, probe))
    }

    /// Its table: there is one.
    #[inline(always)]
    pub(super) fn table(&self) -> &Arc<Table> {
        &self
            .current
            .as_ref()
            .expect("it was seen to have one")
            .table
    }

    /// What stands in it, in pre-order.
    pub(super) fn parts(&self) -> &[Part] {
        &self.parts
    }
}

impl Heap {
    /// What a query of a pattern wants of plain rows; `false` if it is for others.
    pub(super) fn wants(&self, pattern: &Pattern, slots: &[u64], wants: &mut Wants) -> bool {
        let Some(plain) = &pattern.plain else {
            return false;
        };
        wants.places.clear();
        wants.places.extend_from_slice(&plain.wants.places);
        for (place, slot) in &plain.values {
            let value = self.deref(Cell(slots[usize::from(*slot)]));
            match plain_token(value) {
                Some(token) => wants.places[*place] = Want::Token(token),
                None => return value.is_ref() && self.wants_of_open(pattern, slots, wants),
            }
        }
        wants.columns.clear();
        wants.columns.extend_from_slice(&plain.wants.columns);
        true
    }

    /// As [`Heap::wants`], of a pattern with slots that hold variables.
    #[cold]
    fn wants_of_open(&self, pattern: &Pattern, slots: &[u64], wants: &mut Wants) -> bool {
        let mut variables: SmallVec<[(Cell, u8); 4]> = SmallVec::new();
        wants.fill(&pattern.parts, |slot, wants| {
            let value = self.deref(Cell(slots[usize::from(slot)]));
            self.want(value, slot, &mut variables, wants)
        })
    }

    /// What a join of patterns wants of plain rows, a pattern after the other, each with the columns of
    /// those before it; `None` if it is for others.
    pub(super) fn wants_of_join(&self, patterns: &[Pattern], slots: &[u64]) -> Option<Vec<Wants>> {
        let mut variables: SmallVec<[(Cell, u8); 4]> = SmallVec::new();
        let mut all: Vec<Wants> = Vec::with_capacity(patterns.len());
        for pattern in patterns {
            pattern.plain.as_ref()?;
            let mut wants = Wants::default();
            if let Some(before) = all.last() {
                wants.columns.extend_from_slice(&before.columns);
            }
            let is_plain = wants.fill_further(&pattern.parts, |slot, wants| {
                if let Some(column) = wants.column_of(slot) {
                    return Some(Want::Same(column));
                }
                let value = self.deref(Cell(slots[usize::from(slot)]));
                self.want(value, slot, &mut variables, wants)
            });
            if !is_plain {
                return None;
            }
            all.push(wants);
        }
        Some(all)
    }

    /// What is wanted where a slot holds this value.
    fn want(
        &self,
        value: Cell,
        slot: Slot,
        variables: &mut SmallVec<[(Cell, u8); 4]>,
        wants: &mut Wants,
    ) -> Option<Want> {
        if !value.is_ref() {
            return plain_token(value).map(Want::Token);
        }
        if let Some((_, column)) = variables.iter().find(|(known, _)| *known == value) {
            return Some(Want::Same(*column));
        }
        variables.push((value, wants.columns.len() as u8));
        wants.columns.push(Column::Variable(slot));
        Some(Want::Column)
    }

    /// Appends the keys of a compiled pattern, for a query: the first `count`, if not more.
    pub(super) fn pattern_keys(
        &self,
        pattern: &Pattern,
        slots: &[u64],
        count: usize,
        keys: &mut Vec<u32>,
    ) {
        for part in &pattern.parts {
            if keys.len() >= count {
                return;
            }
            match *part {
                Part::Token(key) | Part::Leaf { key, .. } => keys.push(key),
                Part::Value(slot) => {
                    let value = self.deref(Cell(slots[usize::from(slot)]));
                    match value.is_exp() {
                        true => self.keys(value, keys),
                        false => keys.push(self.key(value)),
                    }
                }
                Part::First(_) | Part::Again(_) | Part::Any => keys.push(WILD),
            }
        }
    }

    /// Whether a stored row is plainly seen not to match a compiled pattern.
    pub(super) fn excludes(&self, pattern: &Pattern, with: &Matching<'_>) -> bool {
        let (tokens, values) = (with.tokens, with.values);
        let mut at = 0;
        for part in &pattern.parts {
            let raw = tokens[at];
            let cell = match *part {
                Part::Token(token) if raw == token => {
                    at += 1;
                    continue;
                }
                Part::First(_) | Part::Again(_) | Part::Any => {
                    at = token::skip(tokens, at);
                    continue;
                }
                // What is in the pattern here stands for something of the row.
                _ if matches_others(raw, values) => return false,
                Part::Token(_) => return true,
                Part::Leaf { constant, .. } => with.constants[constant as usize],
                Part::Value(slot) => self.deref(Cell(with.slots[usize::from(slot)])),
            };
            if cell.is_ref() {
                at = token::skip(tokens, at);
            } else if cell.is_exp() {
                let (_, count) = self.elements(cell.at());
                if raw != token::expression(count as u32) {
                    return true;
                }
                at = token::skip(tokens, at);
            } else if let Kind::Sym(id) = cell.kind() {
                if raw != token::symbol(id) {
                    return true;
                }
                at += 1;
            } else {
                let same;
                (same, at) = self.leaf_is(cell, tokens, at, values);
                if !same {
                    return true;
                }
            }
        }
        false
    }

    /// Unifies a compiled pattern with a stored row, and writes the slots of the variables
    /// that occur first in it. Bindings made on failure stay: the caller goes back.
    pub(super) fn match_row(&mut self, pattern: &Pattern, with: &mut Matching<'_>) -> bool {
        with.frame.clear();
        let (tokens, values) = (with.tokens, with.values);
        let mut later = Later::new();
        let mut at = 0;
        let mut place = 0;
        while place < pattern.compared {
            let part = &pattern.parts[place];
            let raw = tokens[at];
            place += 1;
            match *part {
                Part::Token(token) if raw == token => at += 1,
                Part::Token(_) | Part::Leaf { .. } if matches_others(raw, values) => {
                    // A term is made of this part of the pattern after all.
                    let term;
                    let own = (with.constants, &mut *with.slots);
                    (term, place) = self.pattern_term(pattern, place - 1, own, &mut later);
                    match self.unify_at(term, tokens, at, values, with.frame) {
                        Some(after) => at = after,
                        None => return false,
                    }
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
                    let value = self.deref(Cell(with.slots[usize::from(slot)]));
                    if token::is_plain(raw)
                        && let Some(token) = plain_token(value)
                    {
                        if raw != token {
                            return false;
                        }
                        at += 1;
                        continue;
                    }
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
        for (at, part) in later {
            match part {
                Part::Again(slot) => {
                    let value = Cell(with.slots[usize::from(slot)]);
                    let unified = self.unify_at(value, tokens, at, values, with.frame);
                    if unified.is_none() {
                        return false;
                    }
                }
                part => {
                    self.take_part(part, at, with);
                }
            }
        }
        for part in &pattern.parts[place..] {
            at = self.take_part(*part, at, with);
        }
        true
    }

    /// Makes of the row what a variable stands for that occurs first; where the next atom begins.
    fn take_part(&mut self, part: Part, at: usize, with: &mut Matching<'_>) -> usize {
        let Part::First(slot) = part else {
            return token::skip(with.tokens, at);
        };
        let (value, after) = match plain_cell(with.tokens[at]) {
            Some(cell) => (cell, at + 1),
            None => self.import_row(with.tokens, at, with.values, with.frame),
        };
        with.slots[usize::from(slot)] = value.0;
        after
    }

    /// The term that begins at a place of a pattern, with fresh variables for those that
    /// occur first there or wait for what the row has; and the place behind it.
    #[inline(never)]
    pub(super) fn pattern_term(
        &mut self,
        pattern: &Pattern,
        mut place: usize,
        (constants, slots): (&[Cell], &mut [u64]),
        later: &mut Later,
    ) -> (Cell, usize) {
        // The elements that are there, and for each open expression where its own begin and
        // how many there will be.
        let mut elements: SmallVec<[Cell; 16]> = SmallVec::new();
        let mut open: SmallVec<[(usize, usize); 8]> = SmallVec::new();
        loop {
            let part = pattern.parts[place];
            place += 1;
            let cell = match part {
                Part::Token(token) => match token::arity_of(token) {
                    Some(arity) => {
                        open.push((elements.len(), arity as usize));
                        None
                    }
                    None => token::symbol_id(token).map(Cell::symbol),
                },
                Part::Leaf { constant, .. } => Some(constants[constant as usize]),
                Part::Value(slot) => Some(Cell(slots[usize::from(slot)])),
                Part::Again(slot) => {
                    let mut waiting = later.iter_mut();
                    if let Some((_, first)) = waiting.find(|(_, part)| *part == Part::First(slot)) {
                        *first = part;
                        slots[usize::from(slot)] = self.variable().0;
                    }
                    Some(Cell(slots[usize::from(slot)]))
                }
                Part::First(slot) => {
                    let fresh = self.variable();
                    slots[usize::from(slot)] = fresh.0;
                    Some(fresh)
                }
                Part::Any => Some(self.variable()),
            };
            elements.extend(cell);
            while let Some((first, arity)) = open.last().copied() {
                if elements.len() - first < arity {
                    break;
                }
                open.pop();
                let made = self.build(&elements[first..]);
                elements.truncate(first);
                elements.push(made);
            }
            if open.is_empty() {
                return (elements[0], place);
            }
        }
    }
}

//! Facts that are often asked for and seldom change, as tables: what their rows have for a
//! pattern's variables, in the machine's own words, with an index for each variable that may be
//! known when the pattern is asked for.
//!
//! They are of rows that have only names, small integers and truth values where anything is
//! compared, and no expression where it is taken, and hold for as long as no such row comes or
//! goes. A query whose patterns all have a table is nested loops over these: no store is locked,
//! and the rows are those of when it was asked, whatever is removed meanwhile.

use std::ops::ControlFlow;
use std::rc::Rc;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::atom::Atom;
use crate::fast::cell::Cell;
use crate::fast::code::{Pc, Slot};
use crate::fast::heap::Heap;
use crate::fast::machine::Tops;
use crate::fast::pattern::{Column, Pattern, Plain};
use crate::fast::program::Program;
use crate::fast::stack::{FRAME, place};
use crate::space::flat;
use crate::space::token::Token;
use crate::space::{Layers, Row, Space, Stand};
use crate::symbol::Symbol;

/// How often a query is made before tables are made for it. Tests without optimisation do it at
/// once, so that all programs they run have some.
const OFTEN: u32 = if cfg!(debug_assertions) { 1 } else { 16 };
/// How many times more often each time that rows had changed.
const MORE_OFTEN: u32 = 4;
/// How often tables are made for one query at most.
const TIMES_MAX: u8 = 6;
/// Longer tables are not made.
const ROWS_MAX: usize = 1 << 16;
/// So few are better compiled into the rule that asks, if it has but one pattern.
const ROWS_CODED: usize = if cfg!(debug_assertions) { 3 } else { 64 };
/// A table may have so many rows for each time that the query was made.
const ROWS_PER_QUERY: usize = 8;

/// What is known of a query that may have tables: of one pattern, or of the first of several.
#[derive(Debug)]
pub(super) struct Asked {
    /// How often it was made without tables, and how often it will be before some are made.
    count: u32,
    enough: u32,
    /// How often some were made.
    times: u8,
}

impl Default for Asked {
    fn default() -> Asked {
        Asked {
            count: 0,
            enough: OFTEN,
            times: 0,
        }
    }
}

impl Asked {
    /// Takes note of a query without tables. Whether some are to be made now.
    pub(super) fn note(&mut self) -> bool {
        self.count = self.count.saturating_add(1);
        self.count == self.enough
    }

    /// Tables were made.
    fn made(&mut self) {
        self.times += 1;
    }

    /// The rows of tables are others by now, of which the longest has so many.
    fn over(&mut self, rows: u32) {
        let worth = OFTEN.max(rows / ROWS_PER_QUERY as u32);
        self.enough = match self.times {
            TIMES_MAX.. => u32::MAX,
            times => self
                .count
                .saturating_add(worth * MORE_OFTEN.pow(u32::from(times))),
        };
    }

    fn later(&mut self, later: Later) {
        self.enough = match later {
            Later::After(count) => count.max(self.count + 1),
            Later::Never => u32::MAX,
        };
    }
}

/// Why there is no table yet.
enum Later {
    /// It would be long for so few queries: after so many.
    After(u32),
    Never,
}

/// A table, and how its rows are known to be those of its space.
pub(super) struct Current {
    pub(super) stand: Stand,
    pub(super) table: Arc<Table>,
}

/// The rows that a pattern may be for, oldest first.
#[derive(Debug)]
pub(super) struct Table {
    /// Where what a row has goes: a variable's slot that may hold something is compared with it.
    columns: Box<[Column]>,
    /// What each row has for each column, one row after the other. A box stands for one of `values`.
    words: Vec<u64>,
    /// What is no word by itself: numbers that are not small, texts and other values of the host.
    values: Vec<Atom>,
    rows: u32,
    /// Where each row is in the layers of its space; empty where proofs are not recorded. Rows keep their
    /// numbers for as long as the table is of use.
    at: Vec<Row>,
    /// For columns that are compared, the most telling first.
    indexes: SmallVec<[Index; 2]>,
    /// Slots that are compared, but those that patterns before it in the query write.
    pub(super) given: SmallVec<[Slot; 4]>,
}

/// The rows by what they have for a column.
#[derive(Debug)]
struct Index {
    slot: Slot,
    /// For each word where its rows begin in the list, and where they end.
    groups: HashMap<u64, (u32, u32), FixedState>,
    rows: Vec<u32>,
}

/// The rest of a query whose patterns all have tables: nested loops, the first pattern's the
/// outermost.
#[derive(Default)]
pub(super) struct Loops {
    tables: SmallVec<[Arc<Table>; 4]>,
    levels: Levels,
    /// The layers that rows are of which are recorded.
    pub(super) layers: Option<Rc<Layers>>,
    /// What the machine was like before the query.
    pub(super) tops: Tops,
    /// Where each solution goes on.
    pub(super) pc: Pc,
}

pub(super) type Levels = SmallVec<[Level; 4]>;

/// A loop over rows of a table: those of a group of an index, or all.
#[derive(Clone, Copy)]
pub(super) struct Level {
    index: Option<u8>,
    /// The next row, which is as the slots that are compared say, unless it is at the end.
    next: u32,
    end: u32,
    /// The row that was taken last.
    taken: u32,
    /// What the machine was like before a row was taken.
    tops: Tops,
}

/// What came of looking for a solution.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Found {
    /// There is one, and there are rows left.
    More,
    /// There is one, and nothing is left.
    Last,
    Nothing,
    /// It is to be gone back to once more, after bounds were looked at.
    Again,
}

impl Loops {
    pub(super) fn begin(
        &mut self,
        tables: SmallVec<[Arc<Table>; 4]>,
        levels: Levels,
        layers: Option<Rc<Layers>>,
        (tops, pc): (Tops, Pc),
    ) {
        *self = Loops {
            tables,
            levels,
            layers,
            tops,
            pc,
        };
    }

    /// Forgets what it was for.
    pub(super) fn clear(&mut self) {
        self.tables.clear();
        self.levels.clear();
        self.layers = None;
    }

    /// Goes on with the next solution.
    pub(super) fn next(
        &mut self,
        heap: &mut Heap,
        frame: &mut [u64; FRAME],
        fuel: &mut u32,
    ) -> Found {
        let table = |number: usize| &*self.tables[number];
        solve(
            (table, self.tables.len()),
            &mut self.levels,
            heap,
            frame,
            fuel,
        )
    }

    /// The rows that the solution is of, and the layers that they are in, where proofs are recorded.
    pub(super) fn rows_taken(&self) -> Option<(&Rc<Layers>, impl Iterator<Item = Row>)> {
        let levels = self.tables.iter().zip(&self.levels);
        let rows = levels.map(|(table, level)| table.row_taken(level));
        Some((self.layers.as_ref()?, rows))
    }

    /// How long the trail was before the query, and before each level took a row.
    pub(super) fn trail_tops(&self) -> impl Iterator<Item = u32> {
        let levels = self.levels.iter().map(|level| level.tops.trail);
        std::iter::once(self.tops.trail).chain(levels)
    }

    /// Takes note of a collection: all that survived is older than every level.
    pub(super) fn moved(
        &mut self,
        heap: usize,
        boxes: u32,
        trails: &mut impl Iterator<Item = u32>,
    ) {
        let own = std::iter::once(&mut self.tops);
        for tops in own.chain(self.levels.iter_mut().map(|level| &mut level.tops)) {
            let trail = trails.next().expect("one for each");
            *tops = Tops { heap, boxes, trail };
        }
    }

    /// What the machine was like before the row that it goes back to next.
    pub(super) fn resumes_at(&self) -> Tops {
        resuming(&self.levels).map_or(self.tops, |level| level.tops)
    }

    /// The names that it may have for slots.
    pub(super) fn names(&self) -> impl Iterator<Item = Cell> {
        let words = self.tables.iter().flat_map(|table| &table.words);
        words
            .map(|word| Cell(*word))
            .filter(|word| word.is_symbol())
    }
}

/// The deepest level that has rows left.
fn resuming(levels: &[Level]) -> Option<&Level> {
    levels.iter().rev().find(|level| level.next < level.end)
}

/// Goes on from row to row until all patterns have one; so many have tables. The `levels` are loops
/// for the first of them.
#[inline(always)]
pub(super) fn solve<'t>(
    (table_of, width): (impl Fn(usize) -> &'t Table, usize),
    levels: &mut Levels,
    heap: &mut Heap,
    frame: &mut [u64; FRAME],
    fuel: &mut u32,
) -> Found {
    loop {
        let depth = levels.len();
        let Some(level) = levels.last_mut() else {
            return Found::Nothing;
        };
        if level.next == level.end {
            levels.pop();
            continue;
        }
        if *fuel <= 1 {
            return Found::Again;
        }
        *fuel -= 1;
        heap.undo(level.tops.trail as usize);
        heap.cut(level.tops.heap, level.tops.boxes as usize);
        let table = table_of(depth - 1);
        let row = table.row(level);
        level.next += 1;
        level.taken = row;
        table.skip(level, heap, frame);
        if !table.take(row, heap, frame) {
            continue;
        }
        if depth == width {
            return match resuming(levels) {
                Some(_) => Found::More,
                None => Found::Last,
            };
        }
        levels.push(table_of(depth).begin(heap, frame));
    }
}

impl Index {
    /// Where the rows are that have what the slot holds; `None` if that is a variable.
    fn group(&self, heap: &Heap, frame: &[u64; FRAME]) -> Option<(u32, u32)> {
        let value = heap.deref(Cell(frame[place(self.slot)]));
        (!value.is_ref()).then(|| self.groups.get(&value.0).copied().unwrap_or_default())
    }
}

impl Table {
    /// The table of a pattern, before which others of the query write some slots.
    fn of(
        pattern: &Pattern,
        space: &Space,
        written: &[Slot],
        asked: u32,
        proving: bool,
    ) -> Result<Current, Later> {
        let is_single = pattern.followed_by == 0 && written.is_empty();
        let (wants, probe) = pattern.of_a_table().ok_or(Later::Never)?;
        let layers = Layers::asked(space);
        let estimates = (0..layers.len()).map(|layer| layers.estimate_in(layer, &probe));
        let count: usize = estimates.sum();
        let will_be_code = is_single && pattern.asked_enough < u32::MAX;
        if count > ROWS_MAX || count <= ROWS_CODED && will_be_code {
            return Err(Later::Never);
        }
        if count > asked as usize * ROWS_PER_QUERY {
            return Err(Later::After((count / ROWS_PER_QUERY) as u32));
        }
        let stand = Stand::of(space, &probe).ok_or(Later::Never)?;
        let (mut candidates, mut rows, mut at) = (Vec::new(), 0, Vec::new());
        let (mut words, mut values) = (Vec::new(), Vec::new());
        layers.candidates(&probe, &mut candidates);
        let read = layers.each(&candidates, |row| {
            let mut value_at = |place: usize, column: usize| {
                let Column::Slot(_) = wants.columns[column] else {
                    return None;
                };
                let (token, _) = Token::read(row.tokens(), place);
                values.push(flat::leaf(token, row.values(), &mut Symbol::from_id)?);
                Some(Cell::boxed(values.len() as u32 - 1))
            };
            match wants.read(row.tokens(), &mut words, &mut value_at) {
                Plain::Matches => {
                    rows += 1;
                    if proving {
                        at.push(row.row());
                    }
                }
                Plain::Differs => {}
                Plain::Unknown => return ControlFlow::Break(()),
            }
            ControlFlow::Continue(())
        });
        if read.is_break() {
            return Err(Later::Never);
        }
        let mut table = Table {
            columns: wants.columns.as_slice().into(),
            words,
            values,
            rows,
            at,
            indexes: SmallVec::new(),
            given: SmallVec::new(),
        };
        for number in 0..table.columns.len() {
            if let Column::Variable(slot) = table.columns[number] {
                table.indexes.push(table.index(number, slot));
                if !written.contains(&slot) {
                    table.given.push(slot);
                }
            }
        }
        let groups = |index: &Index| std::cmp::Reverse(index.groups.len());
        table.indexes.sort_by_key(groups);
        let table = Arc::new(table);
        Ok(Current { stand, table })
    }

    /// The rows by what they have for a column.
    fn index(&self, column: usize, slot: Slot) -> Index {
        let count = self.rows as usize;
        let mut groups: HashMap<u64, (u32, u32), FixedState> =
            HashMap::with_capacity_and_hasher(count, FixedState::default());
        // Which group each row is in, and how many are in each.
        let (mut group_of, mut sizes) = (Vec::with_capacity(count), Vec::new());
        for word in self.words.iter().skip(column).step_by(self.columns.len()) {
            let (group, _) = *groups.entry(*word).or_insert_with(|| {
                sizes.push(0);
                (sizes.len() as u32 - 1, 0)
            });
            sizes[group as usize] += 1;
            group_of.push(group);
        }
        let mut next: Vec<u32> = Vec::with_capacity(sizes.len());
        let mut before = 0;
        for size in &sizes {
            next.push(before);
            before += size;
        }
        for group in groups.values_mut() {
            let number = group.0 as usize;
            *group = (next[number], next[number] + sizes[number]);
        }
        groups.shrink_to_fit();
        let mut rows = vec![0; count];
        for (row, group) in group_of.into_iter().enumerate() {
            let place = &mut next[group as usize];
            rows[*place as usize] = row as u32;
            *place += 1;
        }
        Index { slot, groups, rows }
    }

    /// How many rows may be as the slots say that hold something before the query.
    pub(super) fn count(&self, heap: &Heap, frame: &[u64; FRAME]) -> usize {
        let is_given = |index: &&Index| self.given.contains(&index.slot);
        let groups = self.indexes.iter().filter(is_given);
        let counts = groups.filter_map(|index| index.group(heap, frame));
        let fewest = counts.map(|(next, end)| end - next).min();
        fewest.unwrap_or(self.rows) as usize
    }

    /// The loop over the rows that are as slots say.
    pub(super) fn begin(&self, heap: &Heap, frame: &[u64; FRAME]) -> Level {
        let groups = self.indexes.iter().enumerate();
        let mut known =
            groups.filter_map(|(number, index)| Some((number, index.group(heap, frame)?)));
        let (index, (next, end)) = match known.next() {
            Some((number, group)) => (Some(number as u8), group),
            None => (None, (0, self.rows)),
        };
        let mut level = Level {
            index,
            next,
            end,
            taken: 0,
            tops: heap.tops(),
        };
        self.skip(&mut level, heap, frame);
        level
    }

    /// Goes on to the next row that is as slots say.
    fn skip(&self, level: &mut Level, heap: &Heap, frame: &[u64; FRAME]) {
        if self.indexes.len() == usize::from(level.index.is_some()) {
            return;
        }
        let is_so = |(column, word): (&Column, &u64)| match column {
            Column::Slot(_) => true,
            Column::Variable(slot) => {
                let value = heap.deref(Cell(frame[place(*slot)]));
                value.is_ref() || value.0 == *word
            }
        };
        while level.next < level.end {
            let words = self.words_of(self.row(level));
            if self.columns.iter().zip(words).all(is_so) {
                return;
            }
            level.next += 1;
        }
    }

    /// The next row of a level.
    fn row(&self, level: &Level) -> u32 {
        match level.index {
            Some(index) => self.indexes[usize::from(index)].rows[level.next as usize],
            None => level.next,
        }
    }

    /// The row that was taken last, where proofs are recorded.
    pub(super) fn row_taken(&self, level: &Level) -> Row {
        self.at[level.taken as usize]
    }

    fn words_of(&self, row: u32) -> &[u64] {
        let width = self.columns.len();
        &self.words[row as usize * width..][..width]
    }

    /// Writes what a row has into slots, and binds variables that others hold to it. Whether one that
    /// several hold can be all that.
    fn take(&self, row: u32, heap: &mut Heap, frame: &mut [u64; FRAME]) -> bool {
        for (column, word) in self.columns.iter().zip(self.words_of(row)) {
            match *column {
                Column::Slot(slot) if Cell(*word).is_box() => {
                    let value = &self.values[Cell(*word).at()];
                    frame[place(slot)] = heap.import(value).0;
                }
                Column::Slot(slot) => frame[place(slot)] = *word,
                Column::Variable(slot) => {
                    let value = heap.deref(Cell(frame[place(slot)]));
                    if value.is_ref() {
                        heap.bind_checked(value, Cell(*word));
                    } else if value.0 != *word {
                        return false;
                    }
                }
            }
        }
        true
    }
}

/// Makes tables for a query of some patterns, if that is worth it by now.
fn make(patterns: &mut [Pattern], space: &Space, proving: bool) {
    let (mut made, mut written) = (Vec::with_capacity(patterns.len()), Vec::new());
    let count = patterns[0].tables.count;
    for pattern in patterns.iter() {
        match Table::of(pattern, space, &written, count, proving) {
            Ok(current) => {
                written.extend(
                    current
                        .table
                        .columns
                        .iter()
                        .filter_map(|column| match column {
                            Column::Slot(slot) => Some(*slot),
                            Column::Variable(_) => None,
                        }),
                );
                made.push(current);
            }
            Err(later) => return patterns[0].tables.later(later),
        }
    }
    patterns[0].tables.made();
    for (pattern, current) in patterns.iter_mut().zip(made) {
        pattern.current = Some(Box::new(current));
    }
}

impl Program {
    /// Whether a query of some patterns, of which this is the first, has tables that hold what the
    /// space has; they are made or forgotten where it is time for that.
    pub(super) fn has_tables(&mut self, first: usize, space: &Space) -> bool {
        let width = 1 + self.patterns[first].followed_by as usize;
        let patterns = &mut self.patterns[first..first + width];
        if patterns[0].current.is_none() {
            make(patterns, space, self.proving);
        }
        let (sight, own) = (&self.sight, &self.space);
        let is_there = |pattern: &mut Pattern| {
            pattern.current.as_mut().is_some_and(|current| {
                current.stand.is_of(space) && sight.shows(&mut current.stand, own)
            })
        };
        if patterns.iter_mut().all(is_there) {
            return true;
        }
        if patterns[0].current.is_some() {
            let gone = patterns
                .iter_mut()
                .filter_map(|pattern| pattern.current.take());
            let longest = gone.map(|current| current.table.rows).max();
            patterns[0].tables.over(longest.unwrap_or_default());
        }
        false
    }

    /// The tables of some patterns, which have them.
    pub(super) fn tables_of(&self, first: usize, width: usize) -> SmallVec<[Arc<Table>; 4]> {
        let patterns = &self.patterns[first..first + width];
        patterns
            .iter()
            .map(|pattern| Arc::clone(pattern.table()))
            .collect()
    }
}

//! Joins of plain rows, a block of rows at a time: what the patterns want of names, small integers
//! and truth values is known before, so that the rows of the first pattern are read, those of the
//! second are looked up for all of them at once, and so on, with no term made and nothing bound in
//! between. What comes of it are answers, a few words each, in the order in which row after row would
//! have given them. (Block nested loops: W. Kim, "A new way to compute the product and join of
//! relations", SIGMOD 1980.)
//!
//! A row of the first pattern is joined in a block wholly or not at all: one that meets rows which are
//! not plain, or has very many solutions, is left to the levels of the query.

use smallvec::SmallVec;

use super::Machine;
use super::answers::Looked;
use super::query::{Join, Open, Without, opened};
use super::reorder::FEW;
use crate::fast::cell::Cell;
use crate::fast::pattern::{Column, Plain, Wants, plain_token};
use crate::space::{Layers, Row};

/// Rows of the first pattern that are joined at once.
const BLOCK: usize = 64;
/// Look-ups at once: so many do not wait for each other.
const AT_ONCE: usize = 64;
/// With more partial solutions than this, a block ends.
const MOST: usize = 1 << 12;
/// So many blocks may meet rows that are not plain, or that no index tells, in one query.
const TRIES: u8 = 8;

/// What a join has for blocks of rows.
#[derive(Default)]
pub(super) struct Blocks {
    /// For each pattern, unless the join is not for plain rows.
    stages: Vec<Stage>,
    tries: u8,
    found: Partial,
    further: Partial,
    keys: Vec<u32>,
    rows: Vec<u32>,
    ends: Vec<u32>,
}

struct Stage {
    wants: Wants,
    /// The expression and its head that all its rows are.
    head: [u32; 2],
    /// Arguments that are the same as a column of the patterns before.
    shared: SmallVec<[(u32, u8); 2]>,
}

/// Solutions of the first patterns.
#[derive(Default)]
struct Partial {
    /// What each has for the columns, one after the other.
    words: Vec<u64>,
    /// Of which row of the block each is.
    of: Vec<u32>,
}

impl Partial {
    fn clear(&mut self) {
        self.words.clear();
        self.of.clear();
    }

    /// Forgets what is of the row of this number, all of which is at the end.
    fn forget(&mut self, row: u32, columns: usize) {
        while self.of.last() == Some(&row) {
            self.of.pop();
        }
        self.words.truncate(self.of.len() * columns);
    }
}

impl Blocks {
    pub(super) fn clear(&mut self) {
        self.stages.clear();
    }

    /// Words there is room for.
    pub(super) fn capacity(&self) -> usize {
        self.found.words.capacity() + self.further.words.capacity() + self.rows.capacity()
    }

    pub(super) fn are_possible(&self) -> bool {
        self.tries > 0 && !self.stages.is_empty()
    }

    fn columns(&self) -> &[Column] {
        self.stages.last().map_or(&[], |last| &last.wants.columns)
    }

    /// Joins the rows of a block, as many of the first of them as it can: how many those are, and how
    /// many rows were read. The solutions are what was found.
    fn join<'l>(
        &mut self,
        block: &[Row],
        without: &[Without],
        layers: &'l Layers,
        open: &mut Option<(u32, Open<'l>)>,
    ) -> (usize, usize) {
        self.found.clear();
        let mut whole = block.len();
        for (number, row) in block.iter().enumerate() {
            let Some(found) = opened(layers, row.layer, open).row(*row) else {
                continue;
            };
            let wants = &self.stages[0].wants;
            match wants.read(found.tokens(), &mut self.found.words, |_, _| None) {
                Plain::Matches => self.found.of.push(number as u32),
                Plain::Differs => {}
                Plain::Unknown => {
                    whole = number;
                    self.tries = self.tries.saturating_sub(1);
                    break;
                }
            }
        }
        let mut read = block.len();
        for (stage, asked) in without.iter().enumerate().skip(1) {
            if self.found.of.is_empty() {
                break;
            }
            let layer = asked.only_layer(layers.len());
            let joined = layer
                .filter(|_| asked.head == self.stages[stage].head)
                .and_then(|layer| {
                    let store = opened(layers, layer, open);
                    self.join_further(stage, layer, store)
                });
            match joined {
                Some((cut, more)) => {
                    whole = cut.map_or(whole, |row| row as usize);
                    read += more;
                }
                None => {
                    // The levels of the query make what is missing.
                    whole = self.found.of[0] as usize;
                    self.found.clear();
                    self.tries = self.tries.saturating_sub(1);
                }
            }
        }
        (whole, read)
    }

    /// Goes on to the solutions of one pattern more: up to which row of the block, if not for all, and
    /// how many rows were read. `None` if no index tells them.
    fn join_further(
        &mut self,
        stage: usize,
        layer: u32,
        store: &Open<'_>,
    ) -> Option<(Option<u32>, usize)> {
        let columns = self.stages[stage - 1].wants.columns.len();
        let Stage {
            wants,
            head,
            shared,
        } = &self.stages[stage];
        let Partial { words, of } = &self.found;
        let told = shared.iter().filter_map(|(argument, column)| {
            let told = store.told_by(*head, *argument)?;
            Some((told, *argument, usize::from(*column)))
        });
        let (_, argument, column) = told.max_by_key(|(told, ..)| *told)?;
        self.keys.clear();
        let keys = words.iter().skip(column).step_by(columns);
        self.keys.extend(keys.map(|word| {
            plain_token(Cell(*word)).expect("what plain rows have for a column is one token")
        }));
        self.further.clear();
        let (mut at, mut read) = (0, 0);
        // The first row of the block that is not joined.
        let mut cut = None;
        'all: while at < of.len() {
            let keys = &self.keys[at..of.len().min(at + AT_ONCE)];
            self.rows.clear();
            self.ends.clear();
            if !store.look_ahead(*head, argument, keys, &mut self.rows, &mut self.ends) {
                return None;
            }
            read += self.rows.len();
            let mut from = 0;
            for end in &self.ends {
                let before = &words[at * columns..][..columns];
                for row in &self.rows[from..*end as usize] {
                    let Some(found) = store.row(Row { layer, row: *row }) else {
                        continue;
                    };
                    let into = &mut self.further.words;
                    let first = into.len();
                    into.extend_from_slice(before);
                    match wants.read_further(found.tokens(), into, first, |_, _| None) {
                        Plain::Matches => self.further.of.push(of[at]),
                        Plain::Differs => {}
                        Plain::Unknown => {
                            self.tries = self.tries.saturating_sub(1);
                            cut = Some(of[at]);
                            break 'all;
                        }
                    }
                }
                from = *end as usize;
                at += 1;
                if self.further.of.len() > MOST {
                    let row = of[at - 1];
                    let is_whole = of.get(at).is_none_or(|next| *next > row);
                    cut = Some(row + u32::from(is_whole));
                    break 'all;
                }
            }
        }
        if let Some(row) = cut {
            self.further.forget(row, wants.columns.len());
        }
        std::mem::swap(&mut self.found, &mut self.further);
        Some((cut, read))
    }
}

impl Machine<'_> {
    /// Makes ready to join blocks of rows, if the first pattern has many and all patterns are compiled.
    pub(super) fn prepare_blocks(&self, join: &mut Join) {
        let few = join.levels.first().is_none_or(|level| level.end < FEW);
        let Some(place) = join.compiled.filter(|_| !few && !self.program.proving) else {
            return;
        };
        let patterns = &self.program.patterns[place.pattern as usize..][..join.width];
        let slots = &self.stack[place.base + 2..];
        let Some(all) = self.heap.wants_of_join(patterns, slots) else {
            return;
        };
        let mut columns = 0;
        for (number, wants) in all.into_iter().enumerate() {
            let shared = wants.shared(columns);
            let head = wants.head();
            if number > 0 && (shared.is_empty() || head.is_none()) {
                join.blocks.clear();
                return;
            }
            columns = wants.columns.len();
            let head = head.unwrap_or_default();
            join.blocks.stages.push(Stage {
                wants,
                head,
                shared,
            });
        }
        join.blocks.tries = TRIES;
    }

    /// Joins rows that the first pattern has left in blocks, until there are answers, unless some are
    /// known; how many rows were read.
    pub(super) fn look_in_blocks<'l>(
        &mut self,
        join: &mut Join,
        layers: &'l Layers,
        open: &mut Option<(u32, Open<'l>)>,
    ) -> Looked {
        let Join {
            levels,
            rows,
            answers,
            blocks,
            without,
            ..
        } = join;
        let level = &mut levels[0];
        let mut looked = 0;
        while blocks.are_possible() && level.next < level.end && answers.left() == 0 {
            let block = &rows[level.next..level.end.min(level.next + BLOCK)];
            let (joined, read) = blocks.join(block, without, layers, open);
            answers.keep(
                blocks.columns(),
                &blocks.found.words,
                blocks.found.of.iter().map(|row| block[*row as usize]),
            );
            *open = None;
            level.next += joined;
            looked += joined;
            let read = read as u32;
            if self.fuel > read {
                self.fuel -= read;
            } else if self.check_bounds(self.protected) {
                return Looked::Exhausted;
            }
            if joined < block.len() {
                break;
            }
        }
        Looked::Through(looked)
    }
}

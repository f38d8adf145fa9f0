//! Answers of plain rows, found ahead: those that match are read many at a time, while their
//! store is open, and what they have for the query's variables is kept. Each answer is then
//! a few words that are written, without the space being asked again.

use std::rc::Rc;

use super::Machine;
use super::pattern::Place;
use super::query::{BATCH, Join, Open, opened};
use crate::fast::cell::Cell;
use crate::fast::choice::Kind;
use crate::fast::code::Pc;
use crate::fast::heap::Heap;
use crate::fast::pattern::{Column, Plain, Wants};
use crate::fast::stack::{Stack, place};
use crate::space::{Layers, Row};

/// What a query of one pattern has found in the rows before the next that it looks at.
#[derive(Default)]
pub(super) struct Answers {
    wants: Wants,
    /// What each answer has for the columns, one answer after the other.
    words: Vec<u64>,
    /// The rows of the answers.
    rows: Vec<Row>,
    /// How many answers were taken.
    taken: usize,
}

/// What came of looking at rows.
pub(super) enum Looked {
    /// So many of them were looked at; all, unless there are answers.
    Through(usize),
    /// There are none in so many; what follows is not plain.
    Unknown(usize),
    /// A bound was hit.
    Exhausted,
}

impl Answers {
    pub(super) fn clear(&mut self) {
        self.words.clear();
        self.rows.clear();
        self.taken = 0;
    }

    /// How many answers are left.
    pub(super) fn left(&self) -> usize {
        self.rows.len() - self.taken
    }

    /// The row of the answer that was taken last.
    pub(super) fn row(&self) -> Option<Row> {
        self.taken.checked_sub(1).map(|last| self.rows[last])
    }

    pub(super) fn capacity(&self) -> usize {
        self.rows.capacity().max(self.words.capacity())
    }

    /// Takes these for what was found: what each answer has for the columns, and a row it is of.
    pub(super) fn keep(
        &mut self,
        columns: &[Column],
        words: &[u64],
        rows: impl Iterator<Item = Row>,
    ) {
        self.clear();
        self.wants.columns.clear();
        self.wants.columns.extend_from_slice(columns);
        self.words.extend_from_slice(words);
        self.rows.extend(rows);
    }

    /// Looks for answers in some rows; `false`, and none, if one is not plain.
    fn look<'l>(
        &mut self,
        rows: &[Row],
        layers: &'l Layers,
        open: &mut Option<(u32, Open<'l>)>,
    ) -> bool {
        self.clear();
        for row in rows {
            let Some(found) = opened(layers, row.layer, open).row(*row) else {
                continue;
            };
            match self
                .wants
                .read(found.tokens(), &mut self.words, |_, _| None)
            {
                Plain::Matches => self.rows.push(*row),
                Plain::Differs => {}
                Plain::Unknown => {
                    self.clear();
                    return false;
                }
            }
        }
        true
    }

    /// Goes on with the next answer. The row it is of.
    #[inline(always)]
    fn take(&mut self, heap: &mut Heap, stack: &mut Stack, base: usize) -> Row {
        let columns = &self.wants.columns;
        let first = self.taken * columns.len();
        for (column, word) in columns.iter().zip(&self.words[first..]) {
            let frame = stack.frame_mut(base);
            match *column {
                Column::Slot(slot) => frame[place(slot)] = *word,
                Column::Variable(slot) => {
                    let variable = heap.deref(Cell(frame[place(slot)]));
                    heap.bind_checked(variable, Cell(*word));
                }
            }
        }
        self.taken += 1;
        self.rows[self.taken - 1]
    }
}

impl Machine<'_> {
    /// Makes ready to look for answers of plain rows. Whether the query is for such.
    pub(super) fn wants_plain(&self, place: Place, answers: &mut Answers) -> bool {
        let pattern = &self.program.patterns[place.pattern as usize];
        let slots = &self.stack[place.base + 2..];
        self.heap.wants(pattern, slots, &mut answers.wants)
    }

    /// Looks at rows, some hundreds at a time, until there are answers.
    pub(super) fn look_for_answers<'l>(
        &mut self,
        place: Place,
        rows: &[Row],
        answers: &mut Answers,
        layers: &'l Layers,
        open: &mut Option<(u32, Open<'l>)>,
    ) -> Looked {
        let mut looked = 0;
        for batch in rows.chunks(BATCH) {
            if looked > 0 {
                *open = None;
            }
            if !answers.look(batch, layers, open) {
                self.program.patterns[place.pattern as usize].note_unknown();
                return Looked::Unknown(looked);
            }
            looked += batch.len();
            let spent = (batch.len() - answers.left()) as u32;
            if self.fuel > spent {
                self.fuel -= spent;
            } else if self.check_bounds(self.protected) {
                return Looked::Exhausted;
            }
            if answers.left() > 0 {
                break;
            }
        }
        Looked::Through(looked)
    }

    /// Takes the first answer of a query; with others, or rows left, it becomes a choice. The
    /// first of `rows` were looked at.
    #[inline(always)]
    pub(super) fn begin_answers(
        &mut self,
        mut join: Box<Join>,
        layers: &Rc<Layers>,
        place: Place,
        rows: &[Row],
        (pc, top): (Pc, usize),
    ) {
        let (tops, log_top) = (self.tops(), self.log.len());
        let proving = self.program.proving;
        if join.answers.left() == 1 && rows.is_empty() {
            let row = join
                .answers
                .take(&mut self.heap, &mut self.stack, place.base);
            self.give_back(join);
            if proving {
                self.record_fact(layers, row);
            }
            return;
        }
        // Bindings are noted from here on.
        self.heap.old = tops.heap;
        join.begin_rest(Rc::clone(layers), place, rows, tops, pc);
        join.is_plain = true;
        let row = join
            .answers
            .take(&mut self.heap, &mut self.stack, place.base);
        self.push_choice(Kind::Join(join), place.base, top, tops, log_top);
        if proving {
            self.record_fact(layers, row);
        }
    }

    /// Goes on with the next answer that the newest choice knows, the machine being what it was
    /// before the first: one that [`Join::knows_next`]. `None` if it is none of a query.
    #[inline(always)]
    pub(super) fn next_answer(&mut self) -> Option<Pc> {
        let choice = self.choices.last_mut()?;
        let Kind::Join(join) = &mut choice.kind else {
            return None;
        };
        debug_assert!(join.knows_next());
        let base = choice.base as usize;
        let pc = join.pc();
        let row = match join.answers.left() {
            1 if !join.has_rows() => {
                let kind = std::mem::replace(&mut choice.kind, Kind::Aside);
                self.exhaust();
                let Kind::Join(mut join) = kind else {
                    unreachable!("it was just seen");
                };
                let row = join.answers.take(&mut self.heap, &mut self.stack, base);
                if self.program.proving {
                    let layers = Rc::clone(join.layers());
                    self.record_fact(&layers, row);
                }
                self.give_back(join);
                return Some(pc);
            }
            _ => join.answers.take(&mut self.heap, &mut self.stack, base),
        };
        let layers = self.program.proving.then(|| Rc::clone(join.layers()));
        if join.answers.left() == 0 {
            // Rows are gone back to.
            let tops = join.resumes_at();
            choice.set_tops(tops);
            self.heap.old = tops.heap;
        }
        if let Some(layers) = layers {
            self.record_fact(&layers, row);
        }
        Some(pc)
    }

    /// As [`Machine::next_place`], with the next answer of a query, or where nothing was found.
    #[inline(never)]
    pub(super) fn next_known(&mut self) -> Option<(Pc, usize)> {
        let choice = self.choices.last()?;
        let empty = match &choice.kind {
            Kind::Join(join) if join.knows_next() => None,
            Kind::Case { empty, any: false } => Some(*empty),
            Kind::Loops(_) => None,
            _ => return None,
        };
        if self.fuel <= 1 || choice.aside || self.log.len() > choice.log_top as usize {
            return None;
        }
        self.fuel -= 1;
        self.heap.undo(choice.trail_top as usize);
        self.heap.cut(choice.heap_top, choice.box_top as usize);
        self.heap.old = choice.heap_top;
        let base = choice.base as usize;
        let pc = match (empty, &choice.kind) {
            (Some(empty), _) => {
                self.pop_choice();
                empty
            }
            (None, Kind::Loops(_)) => self.next_of_loops()?,
            (None, _) => self.next_answer()?,
        };
        Some((pc, base))
    }

    /// Looks for answers in the rows that the deepest level of a query has left, unless some are
    /// known.
    pub(super) fn look_on<'l>(
        &mut self,
        join: &mut Join,
        layers: &'l Layers,
        open: &mut Option<(u32, Open<'l>)>,
    ) -> Looked {
        if join.answers.left() > 0 {
            return Looked::Through(0);
        }
        let place = join.place_of(join.width - 1);
        let place = place.expect("answers are of compiled patterns");
        let Join {
            levels,
            rows,
            answers,
            ..
        } = join;
        let level = levels.last_mut().expect("all patterns have one");
        let left = &rows[level.next..level.end];
        let looked = self.look_for_answers(place, left, answers, layers, open);
        if let Looked::Through(count) | Looked::Unknown(count) = looked {
            level.next += count;
        }
        looked
    }

    /// Goes on with the next answer of a query, which knows one.
    pub(super) fn take_answer(&mut self, join: &mut Join) {
        let place = join.compiled.expect("answers are of compiled patterns");
        let (heap, stack) = (&mut self.heap, &mut self.stack);
        join.answers.take(heap, stack, place.base);
    }
}

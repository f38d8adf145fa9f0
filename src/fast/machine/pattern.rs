//! Queries of one compiled pattern. A query that has one row to look at leaves nothing
//! behind; others become a choice when there is a solution and rows are left.

use std::rc::Rc;

use super::answers::Looked;
use super::query::{BATCH, Open, opened};
use super::{Machine, Next};
use crate::fast::cell::Cell;
use crate::fast::choice::Kind;
use crate::fast::code::{Pc, Slot};
use crate::fast::compile::facts;
use crate::fast::heap::Heap;
use crate::fast::pattern::{Matching, Pattern};
use crate::space::probe::{HEAD_KEYS, KEYS_MAX};
use crate::space::{Row, SHORT};

/// A compiled pattern in a frame.
#[derive(Clone, Copy)]
pub(super) struct Place {
    pub(super) pattern: u32,
    pub(super) base: usize,
}

impl Machine<'_> {
    /// Goes on with each row that matches a pattern. `None` if what is asked is no space.
    #[inline(never)]
    pub(super) fn query(&mut self, space: Cell, place: Place, pc: Pc, size: Slot) -> Option<Next> {
        if let Some(next) = self.query_tables(space, place, pc, size) {
            return Some(next);
        }
        let followed_by = self.program.patterns[place.pattern as usize].followed_by as usize;
        if followed_by > 0 {
            return self.query_all(space, (place, 1 + followed_by), pc, size);
        }
        let (layers, is_writable) = self.layers_at(space)?;
        let pattern = &mut self.program.patterns[place.pattern as usize];
        let is_long = pattern.is_long;
        pattern.asked += 1;
        if pattern.asked == pattern.asked_enough {
            facts::consider(&mut self.program, place.pattern);
        }
        self.probe_for(place, is_long);
        let mut open = None;
        let mut rows = std::mem::take(&mut self.rows);
        let mut without = self.without(&layers);
        self.rows_for(&layers, &mut without, &mut open, &mut rows, Some(place));
        let mut join = self.joins.pop().unwrap_or_default();
        if self.wants_plain(place, &mut join.answers) {
            match self.look_for_answers(place, &rows, &mut join.answers, &layers, &mut open) {
                Looked::Unknown(_) => {}
                Looked::Through(looked) if join.answers.left() > 0 => {
                    if is_writable {
                        self.held = self.held.min(self.choices.len());
                    }
                    let top = place.base + 2 + usize::from(size);
                    self.begin_answers(join, &layers, place, &rows[looked..], (pc, top));
                    return Some(self.end_query(rows, Next::At(pc, place.base)));
                }
                Looked::Through(_) | Looked::Exhausted => {
                    self.joins.push(join);
                    return Some(self.end_query(rows, Next::Fail));
                }
            }
        }
        if (2..=SHORT).contains(&rows.len()) {
            // Rows that do not match would keep a choice for nothing.
            rows.retain(|&row| !self.excludes(place, row, opened(&layers, row.layer, &mut open)));
        }
        let (tops, log_top) = (self.tops(), self.log.len());
        let mut found = None;
        for (number, &row) in rows.iter().enumerate() {
            let is_last = number + 1 == rows.len();
            self.fuel -= 1;
            if self.fuel == 0 && self.check_bounds(self.protected) {
                break;
            }
            if number % BATCH == BATCH - 1 {
                open = None;
            }
            // What the last row binds is taken back by earlier choices only.
            self.heap.old = if is_last { self.old() } else { tops.heap };
            if self.matches(place, row, opened(&layers, row.layer, &mut open)) {
                found = Some(number + 1);
                break;
            }
            if !is_last {
                self.take_back(tops);
            }
        }
        let next = match found {
            None => {
                self.joins.push(join);
                Next::Fail
            }
            Some(number) => {
                if self.program.proving {
                    self.record_fact(&layers, rows[number - 1]);
                }
                if number < rows.len() {
                    if is_writable {
                        self.held = self.held.min(self.choices.len());
                    }
                    join.begin_rest(Rc::clone(&layers), place, &rows[number..], tops, pc);
                    let top = place.base + 2 + usize::from(size);
                    self.push_choice(Kind::Join(join), place.base, top, tops, log_top);
                } else {
                    self.joins.push(join);
                }
                Next::At(pc, place.base)
            }
        };
        Some(self.end_query(rows, next))
    }

    /// Keeps the list of rows for the next query.
    fn end_query(&mut self, mut rows: Vec<Row>, next: Next) -> Next {
        rows.clear();
        self.rows = rows;
        next
    }

    /// Makes the probe that of a pattern: of all that it has, or of what tells its relation.
    pub(super) fn probe_for(&mut self, place: Place, is_whole: bool) {
        let pattern = &self.program.patterns[place.pattern as usize];
        let slots = &self.stack[place.base + 2..];
        let heap = &self.heap;
        if is_whole {
            self.probe
                .set(|keys| heap.pattern_keys(pattern, slots, KEYS_MAX, keys));
        } else {
            self.probe
                .set_head(|keys| heap.pattern_keys(pattern, slots, HEAD_KEYS, keys));
        }
    }

    /// Whether a row is gone, or plainly seen not to match.
    fn excludes(&mut self, place: Place, row: Row, store: &Open<'_>) -> bool {
        self.with_row(place, row, store, |heap, pattern, with| {
            heap.excludes(pattern, with)
        })
        .unwrap_or(true)
    }

    /// Whether a row that is still there matches; its slots are written then.
    #[inline(always)]
    pub(super) fn matches(&mut self, place: Place, row: Row, store: &Open<'_>) -> bool {
        self.with_row(place, row, store, Heap::match_row)
            .unwrap_or(false)
    }

    #[inline(always)]
    fn with_row<T>(
        &mut self,
        place: Place,
        row: Row,
        store: &Open<'_>,
        ask: impl FnOnce(&mut Heap, &Pattern, &mut Matching<'_>) -> T,
    ) -> Option<T> {
        let found = store.row(row)?;
        let mut with = Matching {
            tokens: found.tokens(),
            values: found.values(),
            constants: &self.program.constants,
            slots: &mut self.stack[place.base + 2..],
            frame: &mut self.frame,
        };
        let pattern = &self.program.patterns[place.pattern as usize];
        Some(ask(&mut self.heap, pattern, &mut with))
    }
}

//! Queries whose patterns all have tables: nested loops over those.

use super::pattern::Place;
use super::{Machine, Next, reorder};
use crate::fast::cell::{Cell, Kind as Term};
use crate::fast::choice::Kind;
use crate::fast::code::{Pc, Slot};
use crate::fast::keyed::{self, Found, Levels, Loops};
use crate::fast::stack::place as place_of;

/// How many are kept for the next queries.
const KEPT: usize = 16;

impl Machine<'_> {
    /// Goes on with each solution of a query whose patterns, this and those that follow it, have
    /// tables. `None` if they have none, or it is left to the space.
    #[inline(always)]
    pub(super) fn query_tables(
        &mut self,
        space: Cell,
        first: Place,
        pc: Pc,
        size: Slot,
    ) -> Option<Next> {
        let pattern = &mut self.program.patterns[first.pattern as usize];
        if pattern.current.is_none() && !pattern.tables.note() {
            return None;
        }
        self.query_made_tables(space, first, pc, size)
    }

    #[inline(never)]
    fn query_made_tables(&mut self, space: Cell, first: Place, pc: Pc, size: Slot) -> Option<Next> {
        if !space.is_box() {
            return None;
        }
        let layers = match self.program.proving {
            true => Some(self.layers_that_stay(space)?),
            false => None,
        };
        let asked = self.heap.box_of(space).as_space()?;
        if !self.program.has_tables(first.pattern as usize, asked) {
            return None;
        }
        let (number, base) = (first.pattern as usize, first.base);
        let (tops, log_top) = (self.tops(), self.log.len());
        let width = 1 + self.program.patterns[number].followed_by as usize;
        let patterns = &self.program.patterns[number..number + width];
        let frame = self.stack.frame_mut(base);
        let mut is_open = false;
        for slot in patterns.iter().flat_map(|pattern| &pattern.table().given) {
            match self.heap.deref(Cell(frame[place_of(*slot)])).kind() {
                Term::Sym(_) | Term::Int(_) | Term::Bool(_) => {}
                Term::Ref(_) => is_open = true,
                _ => return None,
            }
        }
        let table_of = |number: usize| &**patterns[number].table();
        let counts = |number: usize| table_of(number).count(&self.heap, frame);
        let first_count = counts(0);
        if width > 1
            && first_count >= reorder::FEW
            && (1..width).any(|number| counts(number) < first_count / reorder::FEWER)
        {
            // Another order is better.
            return None;
        }
        let mut levels = Levels::from_slice(&[table_of(0).begin(&self.heap, frame)]);
        if is_open {
            self.heap.old = tops.heap;
        }
        let (heap, fuel) = (&mut self.heap, &mut self.fuel);
        let found = keyed::solve((table_of, width), &mut levels, heap, frame, fuel);
        if let (Found::More | Found::Last, Some(layers)) = (found, &layers) {
            for (number, level) in levels.iter().enumerate() {
                let row = table_of(number).row_taken(level);
                self.recorded.add_row(&mut self.log, layers, row);
            }
        }
        match found {
            Found::Last => {
                if is_open {
                    self.settle_trail(Some(tops));
                }
                Some(Next::At(pc, base))
            }
            Found::Nothing => Some(Next::Fail),
            Found::More | Found::Again => {
                let mut loops = self.loops.pop().unwrap_or_default();
                let tables = self.program.tables_of(number, width);
                loops.begin(tables, levels, layers, (tops, pc));
                let tops = loops.resumes_at();
                let top = base + 2 + usize::from(size);
                self.push_choice(Kind::Loops(loops), base, top, tops, log_top);
                Some(match found {
                    Found::More => Next::At(pc, base),
                    _ => Next::Fail,
                })
            }
        }
    }

    /// Goes on with the next solution of the query of tables that the newest choice is for, the
    /// machine being what it was before the first. `None` if there is none, or the choice is to be
    /// gone back to once more.
    #[inline(never)]
    pub(super) fn next_of_loops(&mut self) -> Option<Pc> {
        let choice = self.choices.last_mut()?;
        let Kind::Loops(loops) = &mut choice.kind else {
            return None;
        };
        let pc = loops.pc;
        let frame = self.stack.frame_mut(choice.base as usize);
        let found = loops.next(&mut self.heap, frame, &mut self.fuel);
        if let (Found::More | Found::Last, Some((layers, rows))) = (found, loops.rows_taken()) {
            rows.for_each(|row| self.recorded.add_row(&mut self.log, layers, row));
        }
        match found {
            Found::More | Found::Again => {
                let tops = loops.resumes_at();
                choice.set_tops(tops);
                (found == Found::More).then_some(pc)
            }
            Found::Last | Found::Nothing => {
                let tops = choice.first_tops();
                choice.set_tops(tops);
                if let Kind::Loops(loops) = std::mem::replace(&mut choice.kind, Kind::Aside) {
                    self.give_back_loops(loops);
                }
                self.exhaust();
                self.settle_trail(Some(tops));
                (found == Found::Last).then_some(pc)
            }
        }
    }

    /// Keeps the memory of a query for the next.
    pub(super) fn give_back_loops(&mut self, mut loops: Box<Loops>) {
        if self.loops.len() < KEPT {
            loops.clear();
            self.loops.push(loops);
        }
    }
}

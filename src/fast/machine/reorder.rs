//! Queries whose patterns are better taken in another order than they are written in: where a later
//! pattern has far fewer rows than the first, patterns are taken as their rows are few, and the
//! solutions, as lists of rows, are put in the order in which the patterns as written would have
//! given them.

use std::rc::Rc;

use smallvec::SmallVec;

use super::Machine;
use super::pattern::Place;
use super::query::{Join, Level, Open, Solved, opened};
use crate::fast::cell::Cell;
use crate::fast::pattern::Later;
use crate::space::{Layers, Row};

/// With fewer rows than this for the first pattern, patterns are taken as written.
pub(super) const FEW: usize = 64;
/// How many times fewer rows another pattern must have to be taken before the first.
pub(super) const FEWER: usize = 8;

impl Machine<'_> {
    /// Whether some pattern has far fewer rows than the first one. If that has many rows, makes ready
    /// for what is done then: terms of the patterns, or looking ahead.
    pub(super) fn is_better_reordered(&mut self, join: &mut Join, layers: &Layers) -> bool {
        let Some(Level {
            end: rows, tops, ..
        }) = join.levels.first().copied()
        else {
            return false;
        };
        if rows < FEW {
            return false;
        }
        let compiled = join.compiled.take();
        if let Some(first) = compiled {
            join.patterns = self.pattern_terms(first, join.width);
            join.levels[0].tops = self.tops();
        }
        self.prepare_ahead(join);
        let is_better = self.fewest(join, layers).1 < rows / FEWER;
        if let Some(first) = compiled {
            if is_better {
                self.program.patterns[first.pattern as usize].was_reordered = true;
            } else {
                self.take_back(tops);
                join.levels[0].tops = tops;
                join.patterns.clear();
                join.compiled = compiled;
            }
        }
        is_better
    }

    /// The same of a query that was reordered before: the rows of the first pattern are counted by
    /// what indexes tell, not listed.
    pub(super) fn is_reordered_again(&mut self, join: &mut Join, layers: &Layers) -> bool {
        let Some(first) = join.compiled else {
            return false;
        };
        if !self.program.patterns[first.pattern as usize].was_reordered {
            return false;
        }
        let tops = self.tops();
        let patterns = self.pattern_terms(first, join.width);
        let mut rows = patterns.iter().map(|part| self.estimate(*part, layers));
        let of_first = rows.next().unwrap_or_default();
        let is_better = of_first >= FEW && rows.min().is_some_and(|few| few < of_first / FEWER);
        if is_better {
            (join.patterns, join.compiled) = (patterns, None);
        } else {
            self.take_back(tops);
        }
        is_better
    }

    /// About how many rows there are for a pattern, for all that is bound now.
    fn estimate(&mut self, pattern: Cell, layers: &Layers) -> usize {
        self.probe.set(|keys| self.heap.keys(pattern, keys));
        (0..layers.len())
            .map(|layer| layers.estimate_in(layer, &self.probe))
            .sum()
    }

    /// Terms of compiled patterns, with variables in the slots that they write.
    fn pattern_terms(&mut self, first: Place, width: usize) -> SmallVec<[Cell; 4]> {
        let program = &self.program;
        let patterns = &program.patterns[first.pattern as usize..][..width];
        let slots = &mut self.stack[first.base + 2..];
        let terms = patterns.iter().map(|pattern| {
            let own = (program.constants.as_slice(), &mut *slots);
            self.heap.pattern_term(pattern, 0, own, &mut Later::new()).0
        });
        terms.collect()
    }

    /// The pattern with the fewest rows, for all that is bound now, of those that no level
    /// is for; of the patterns after the first at the very beginning.
    pub(super) fn fewest(&mut self, join: &Join, layers: &Layers) -> (usize, usize) {
        let mut best = (0, usize::MAX);
        for (number, pattern) in join.patterns.iter().enumerate() {
            if join.levels.iter().any(|level| level.pattern == number) {
                continue;
            }
            let rows = self.estimate(*pattern, layers);
            if rows < best.1 {
                best = (number, rows);
            }
        }
        best
    }

    /// Finds all solutions, patterns with few rows first, and goes on with the one that
    /// patterns as written would have given first.
    pub(super) fn solve_greedily(&mut self, join: &mut Join, layers: &Layers) -> Solved {
        let tops = join.tops().unwrap_or_else(|| self.tops());
        join.levels.clear();
        join.rows.clear();
        join.greedy = true;
        let first = self.fewest(join, layers).0;
        self.open_level(join, first, layers, &mut None);
        loop {
            match self.solve(join) {
                Solved::More | Solved::Last => {
                    for pattern in 0..join.width {
                        let level = join.levels.iter().find(|level| level.pattern == pattern);
                        let level = level.expect("each pattern has a level");
                        join.tuples.push(join.rows[level.next - 1]);
                    }
                    let resumed = join.resumes().map_or(tops, |level| level.tops);
                    self.take_back(resumed);
                }
                Solved::Nothing => break,
                Solved::Exhausted => return Solved::Exhausted,
            }
        }
        self.take_back(tops);
        let width = join.width;
        let mut order: Vec<&[Row]> = join.tuples.chunks(width).collect();
        order.sort_unstable();
        join.tuples = order.concat();
        join.rows = Vec::new();
        // Of the level that stands for all, each row is a solution.
        join.levels.push(Level {
            pattern: 0,
            first: 0,
            next: 0,
            end: join.tuples.len() / width,
            tops,
        });
        if join.tuples.is_empty() {
            return Solved::Nothing;
        }
        self.solve_tuple(join)
    }

    /// Goes on with the next of the solutions that are known.
    pub(super) fn solve_tuple(&mut self, join: &mut Join) -> Solved {
        let layers = Rc::clone(join.layers());
        let mut open: Option<(u32, Open<'_>)> = None;
        let width = join.width;
        let level = join.levels.last_mut().expect("one stands for all");
        let from = level.next * width;
        level.next += 1;
        let last = level.next == level.end;
        self.heap.old = level.tops.heap;
        for (pattern, &row) in join.patterns.iter().zip(&join.tuples[from..from + width]) {
            self.frame.clear();
            let unified = opened(&layers, row.layer, &mut open)
                .row(row)
                .is_some_and(|found| {
                    let (tokens, values) = (found.tokens(), found.values());
                    self.heap
                        .unify_row(*pattern, tokens, values, &mut self.frame)
                });
            debug_assert!(unified, "the rows of a solution match, in whatever order");
        }
        if last { Solved::Last } else { Solved::More }
    }
}

//! What queries find in a store: the rows that a probe's atoms may be in, by the indexes that are
//! there, and the making of those that it wants.

use smallvec::SmallVec;

use super::{Store, View};
use crate::space::column::RowList;
use crate::space::index::{At, PathIndex, Paths, Posting, Postings, key_at};
use crate::space::probe::Probe;
use crate::space::relation::{Choice, FEW, Relation, has_subjects};
use crate::space::token;

/// An index of so many rows is larger than what is near the processor.
const LARGE: usize = 1 << 16;

/// Rows that are looked up ahead of their use.
const AHEAD_MAX: usize = 1 << 12;

/// What tells the rows of a head by an argument.
enum Told<'a> {
    By(&'a Postings),
    /// They are few: all of them.
    Few(&'a RowList),
}

impl Store {
    /// Appends the rows that `view` sees and that may unify with what the probe asks
    /// for, oldest first. Says `false`, and appends nothing, if more keys are needed than a
    /// partial probe has, or an index that is not there would perhaps shorten the way
    /// ([`Store::make_indexes`]).
    #[must_use]
    pub(crate) fn candidates(&self, probe: &Probe, view: View, found: &mut Vec<u32>) -> bool {
        if probe.asks_for_everything() {
            let sight = self.sight(view);
            found.extend(
                self.rows
                    .iter()
                    .map(|(row, _)| row)
                    .filter(|&row| self.sees_row(sight, row)),
            );
            return true;
        }
        let from = found.len();
        if let Some(relation) = self.relations.only(probe)
            && let Some((posting, open)) = relation.few(probe)
        {
            self.append_posting(posting, view, found);
            relation.narrow(probe, open, found, from);
            return true;
        }
        if self.relations.wants_all(probe).is_some() {
            return false;
        }
        let mut lists = 0;
        let mut ready = true;
        self.relations.each(probe, |_, relation| {
            let is_long = relation.rows.len() > FEW;
            ready &= !(is_long && probe.is_partial());
            if !ready {
                return;
            }
            let choice = if is_long {
                let choice = relation.choose(probe);
                ready = relation.wanted(&choice, probe).is_none();
                choice
            } else {
                Choice::All(&relation.rows)
            };
            if !ready {
                return;
            }
            match choice {
                Choice::All(rows) => {
                    lists += usize::from(rows.len() > 0);
                    self.append(rows.iter(), rows.has_gaps(), view, found);
                }
                Choice::Path(posting, open) => {
                    lists += usize::from(posting.len() > 0) + usize::from(open.len() > 0);
                    let first = found.len();
                    self.append_posting(posting, view, found);
                    relation.narrow(probe, open, found, first);
                    if open.len() > 0 {
                        self.append(open.iter(), open.has_gaps(), view, found);
                    }
                }
            }
        });
        if !ready {
            found.truncate(from);
        } else if lists > 1 {
            found[from..].sort();
        }
        ready
    }

    /// The key that a row has for an argument; `None` if it may be any, or the row is gone.
    pub(crate) fn key_of_argument(&self, row: u32, argument: u32) -> Option<u32> {
        match key_at(self.rows.tokens(row)?, &[argument], &self.values) {
            At::Key(key) => Some(key),
            At::Open | At::Absent => None,
        }
    }

    /// The rows of a head, if they are few, or what tells all of them by an argument.
    fn told(&self, [expression, head]: [u32; 2], argument: u32) -> Option<Told<'_>> {
        let relation = self.relations.only_of(expression, head)?;
        let mut paths = relation.paths.iter();
        let path = paths.find(|index| index.is_of(&[argument]) && index.open.len() == 0);
        match path {
            Some(index) => Some(Told::By(&index.postings)),
            None => (relation.rows.len() <= FEW).then_some(Told::Few(&relation.rows)),
        }
    }

    /// As [`crate::space::Open::told_by`].
    pub(crate) fn told_by(&self, head: [u32; 2], argument: u32) -> Option<usize> {
        Some(match self.told(head, argument)? {
            Told::By(postings) => postings.len(),
            Told::Few(_) => 0,
        })
    }

    /// As [`crate::space::Open::look_ahead`]; not for the last keys if there are many rows.
    pub(crate) fn look_ahead(
        &self,
        head: [u32; 2],
        argument: u32,
        view: View,
        keys: &[u32],
        rows: &mut Vec<u32>,
        ends: &mut Vec<u32>,
    ) -> bool {
        let postings = match self.told(head, argument) {
            None => return false,
            Some(Told::By(postings)) => postings,
            Some(Told::Few(few)) => {
                for _ in keys {
                    self.append(few.iter(), few.has_gaps(), view, rows);
                    ends.push(rows.len() as u32);
                }
                return true;
            }
        };
        // No step of these loops waits for the one before.
        let postings: SmallVec<[Posting<'_>; 64]> =
            keys.iter().map(|key| postings.get(*key)).collect();
        let mut seen = 0;
        for posting in &postings {
            let first = posting.iter().next();
            seen ^= first
                .and_then(|row| self.rows.tokens(row))
                .map_or(0, |tokens| tokens[0]);
        }
        std::hint::black_box(seen);
        for posting in postings {
            self.append(posting.iter(), posting.has_gaps(), view, rows);
            ends.push(rows.len() as u32);
            if rows.len() > AHEAD_MAX {
                break;
            }
        }
        true
    }

    fn append_posting(&self, posting: Posting<'_>, view: View, found: &mut Vec<u32>) {
        let bound = self.sight(view).bound;
        // Rows are in order of age.
        if !(self.removed.is_empty() && posting.append_below(bound, found)) {
            self.append(posting.iter(), posting.has_gaps(), view, found);
        }
    }

    pub(super) fn append(
        &self,
        rows: impl Iterator<Item = u32>,
        has_gaps: bool,
        view: View,
        found: &mut Vec<u32>,
    ) {
        let sight = self.sight(view);
        if self.removed.is_empty() {
            // Rows are in order of age.
            let rows = rows.take_while(|row| *row < sight.bound);
            if has_gaps {
                found.extend(rows.filter(|&row| !self.rows.is_gone(row)));
            } else {
                found.extend(rows);
            }
            return;
        }
        found.extend(
            rows.filter(|&row| self.sees_row(sight, row) && !(has_gaps && self.rows.is_gone(row))),
        );
    }

    /// About how many rows [`Store::candidates`] would find.
    pub(crate) fn estimate(&self, probe: &Probe) -> usize {
        if probe.asks_for_everything() {
            return self.rows.len();
        }
        let mut sum = 0;
        self.relations
            .each(probe, |_, relation| sum += relation.choose(probe).len());
        sum
    }

    /// Whether no atom has the head that the probe asks for, of whatever arguments.
    pub(crate) fn lacks_head(&self, probe: &Probe) -> bool {
        let [expression, head] = probe.head();
        let mut lacks = token::arity_of(expression)
            .is_some_and(|arity| token::is_symbol(head) && !has_subjects(head, arity));
        self.relations.each(probe, |_, _| lacks = false);
        lacks
    }

    /// Whether an index that is not there would perhaps shorten the way.
    pub(crate) fn wants_indexes(&self, probe: &Probe) -> bool {
        let mut wants = self.relations.wants_all(probe).is_some();
        if !wants && !probe.asks_for_everything() {
            self.relations.each(probe, |_, relation| {
                wants |= relation.wanted(&relation.choose(probe), probe).is_some();
            });
        }
        wants
    }

    /// Makes the indexes that the probe wants.
    pub(crate) fn make_indexes(&mut self, probe: &Probe) {
        if probe.asks_for_everything() {
            return;
        }
        if let Some(head) = self.relations.wants_all(probe) {
            let rows = &self.rows;
            self.relations.make_all(head, |row| rows.is_gone(row));
        }
        let mut numbers: SmallVec<[u32; 4]> = SmallVec::new();
        self.relations.each(probe, |number, relation| {
            if relation.wanted(&relation.choose(probe), probe).is_some() {
                numbers.push(number);
            }
        });
        for number in numbers {
            loop {
                let relation = self.relations.at(number);
                let Some(paths) = relation.wanted(&relation.choose(probe), probe) else {
                    break;
                };
                let index = self.index(relation, paths);
                self.relations.at_mut(number).add(index);
            }
        }
    }

    fn index(&self, relation: &Relation, paths: Paths) -> PathIndex {
        let mut index = PathIndex::new(paths);
        let is_large = relation.rows.len() >= LARGE;
        let mut keyed = Vec::with_capacity(if is_large { relation.rows.len() } else { 0 });
        for row in relation.rows.iter() {
            if let Some(tokens) = self.rows.tokens(row) {
                match index.at(tokens, &self.values) {
                    At::Key(key) if is_large => keyed.push((key, row)),
                    at => index.push(row, at),
                }
            }
        }
        if is_large {
            index.postings.push_all(keyed);
        }
        index
    }
}

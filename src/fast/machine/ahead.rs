//! Looking ahead in long joins: the rows for the second pattern are looked up for many
//! rows of the first at once. Each look-up goes to another place of a large index, so one
//! after the other they would wait for memory most of the time.

use super::Machine;
use super::query::{Join, Level};
use crate::space::{Layers, Open, Row};

/// Rows of the first pattern that are looked ahead of.
const AHEAD: usize = 64;

/// What was found ahead.
#[derive(Default)]
pub(super) struct Ahead {
    /// Arguments of the first two patterns that are one variable, which is not bound yet.
    shared: Option<(u32, u32)>,
    /// The first of the first pattern's rows that were looked ahead of.
    from: usize,
    /// For each of them, where its rows end.
    ends: Vec<u32>,
    rows: Vec<u32>,
    /// Where the rows are.
    layer: u32,
    /// What each of the first pattern's rows has for the variable.
    keys: Vec<u32>,
}

impl Ahead {
    pub(super) fn clear(&mut self) {
        self.shared = None;
        self.ends.clear();
    }

    /// Rows there is room for.
    pub(super) fn capacity(&self) -> usize {
        self.rows.capacity()
    }

    /// The rows for this row of the first pattern, if they are known.
    fn rows_for(&self, row: usize) -> Option<&[u32]> {
        let place = row.checked_sub(self.from)?;
        let end = *self.ends.get(place)? as usize;
        let start = place.checked_sub(1).map_or(0, |before| self.ends[before]) as usize;
        Some(&self.rows[start..end])
    }
}

impl Machine<'_> {
    /// Looks for what the first two patterns share, if the first has many rows.
    pub(super) fn prepare_ahead(&self, join: &mut Join) {
        let [first, second, ..] = join.patterns.as_slice() else {
            return;
        };
        let few = join.levels.first().is_none_or(|level| level.end < AHEAD);
        let (first, second) = (self.heap.deref(*first), self.heap.deref(*second));
        if few || !first.is_exp() || !second.is_exp() {
            return;
        }
        let ((one, n), (other, m)) = (
            self.heap.elements(first.at()),
            self.heap.elements(second.at()),
        );
        let argument = |at: usize| self.heap.deref(self.heap.word(at));
        // What all its rows have for a head.
        if m == 0 || !argument(other).is_symbol() {
            return;
        }
        join.ahead.shared = (1..m)
            .filter(|place| argument(other + place).is_ref())
            .find_map(|place| {
                let same = (1..n).find(|at| argument(one + at) == argument(other + place))?;
                Some((same as u32, place as u32))
            });
    }

    /// Opens the level of the second pattern with rows that are looked up many at a time.
    /// Whether that was possible.
    pub(super) fn open_ahead<'l>(
        &mut self,
        join: &mut Join,
        layers: &'l Layers,
        open: &mut Option<(u32, Open<'l>)>,
    ) -> bool {
        let Some(shared) = join.ahead.shared else {
            return false;
        };
        let row = join.levels[0].next - 1;
        if join.ahead.rows_for(row).is_none() && !join.look_ahead(shared, layers, open) {
            return false;
        }
        let Some(found) = join.ahead.rows_for(row) else {
            return false;
        };
        let layer = join.ahead.layer;
        let first = join.rows.len();
        join.rows
            .extend(found.iter().map(|&row| Row { layer, row }));
        join.levels.push(Level {
            pattern: 1,
            first,
            next: first,
            end: join.rows.len(),
            tops: self.tops(),
        });
        true
    }
}

impl Join {
    /// Looks up the rows for the present row of the first pattern and for some that follow.
    fn look_ahead<'l>(
        &mut self,
        (argument, place): (u32, u32),
        layers: &'l Layers,
        open: &mut Option<(u32, Open<'l>)>,
    ) -> bool {
        let level = &self.levels[0];
        let from = level.next - 1;
        let Some(layer) = self.without[1].only_layer(layers.len()) else {
            return false;
        };
        let Ahead {
            ends, rows, keys, ..
        } = &mut self.ahead;
        keys.clear();
        ends.clear();
        rows.clear();
        let of_first = self.rows[from].layer;
        let store = super::query::opened(layers, of_first, open);
        for row in &self.rows[from..level.end.min(from + AHEAD)] {
            let key = (row.layer == of_first).then(|| store.key_at(*row, argument));
            match key.flatten() {
                Some(key) => keys.push(key),
                None => break,
            }
        }
        let head = self.without[1].head;
        let store = super::query::opened(layers, layer, open);
        if !store.look_ahead(head, place, keys, rows, ends) {
            self.ahead.clear();
            return false;
        }
        self.ahead.from = from;
        self.ahead.layer = layer;
        true
    }
}

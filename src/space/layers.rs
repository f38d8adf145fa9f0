//! The stores that a space's queries look into, and the rows found in them.
//!
//! This is also what evaluation on flat atoms uses: rows are named by small numbers
//! ([`Row`]), looked up by probes of keys ([`Probe::of_keys`]), and read as tokens.
//!
//! ```text
//! let layers = Layers::of(&space).frozen();          // cheap; as the space is now
//! probe.set(|keys| heap.keys(pattern, keys));
//! let mut store = layers.open(0);                    // locks one store
//! store.candidates(&probe, &mut rows);               // may match, oldest first
//! store.row(rows[0]);                                // verify by unification
//! ```
//!
//! Rules and types of one subject have versions: while [`Layers::version`] is equal, so
//! are the rows of [`Layers::rows_about`]; while `cut` is equal, rows were only added,
//! and `rows_about` with [`Layers::mark`] taken before gives them.

use std::cell::{Cell, RefCell};
use std::ops::ControlFlow;

use smallvec::SmallVec;

use crate::atom::Atom;
use crate::space::changes;
use crate::space::flat::{self, Flat, Origin};
use crate::space::lock::{StoreLock, StoreRead, read, write};
use crate::space::matching::{Frame, unify_row};
use crate::space::probe::Probe;
use crate::space::relation::{Subject, Version};
use crate::space::store::{Store, Values, View};
use crate::space::token;
use crate::space::{BATCH, Changes, Hidden, Kind, Space, moment};
use crate::unify::Bindings;

/// A row of one of the layers that it was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Row {
    /// Which layer.
    pub(crate) layer: u32,
    /// The row's number in that layer's store.
    pub(crate) row: u32,
}

/// The layers of a space: its own store or stores, then those of all that it imports, then those
/// of spaces that are atoms of one of these.
pub(crate) struct Layers {
    layers: SmallVec<[Layer; 4]>,
    /// How many of them are the space's own.
    own: usize,
    /// Layers known to have nothing of some heads.
    lacking: RefCell<Lacking>,
    /// What [`Layers::is_frozen`] said.
    is_frozen: Cell<Option<bool>>,
}

/// Heads of expressions, as probes tell them.
type Head = [u32; 2];

/// For each head layers that have nothing of it, a bit each; and the count of heads by then.
#[derive(Clone, Default)]
struct Lacking(u64, SmallVec<[(Head, u64); 4]>);

struct Layer {
    /// A space that has a store itself, or a snapshot of one, which lasts as long.
    space: Space,
    /// The hidden rows, if the layer is the base of a fork.
    hidden: Hides,
    view: View,
    /// Whether the view is a snapshot that ends with the layer.
    frozen: bool,
    /// Whether it is seen since its space is an atom of another: a variable stands for that.
    held: bool,
}

/// Layers of which nothing changes as long as this is kept: rows found there stay.
pub(crate) struct Kept(SmallVec<[Layer; 4]>);

impl Kept {
    /// What stands in a row, and where that was written.
    pub(crate) fn read(&self, row: Row) -> (Atom, Option<Origin>) {
        read_row(&self.0[row.layer as usize], row)
    }
}

fn read_row(layer: &Layer, row: Row) -> (Atom, Option<Origin>) {
    let store = read(layer.store());
    let opened = Open { layer, store };
    let found = opened.row(row).expect("what is seen stays");
    (found.atom(), found.origin())
}

/// Rows of the base of a fork that are not seen.
enum Hides {
    Nothing,
    /// Those that this fork hides.
    Fork(Space),
    /// Those that one hid at some time.
    Then(Hidden),
}

impl Drop for Layer {
    fn drop(&mut self) {
        if let (true, View::At(epoch)) = (self.frozen, self.view) {
            // No new numbers for rows: queries may hold some.
            let garbage = {
                let mut store = write(self.store());
                store.end_snapshot(epoch);
                std::mem::take(&mut store.garbage)
            };
            drop(garbage);
        }
    }
}

impl Layer {
    fn store(&self) -> &StoreLock {
        match &self.space.0.kind {
            Kind::Live(store) | Kind::Fork { added: store, .. } => store,
            Kind::Snapshot { base, .. } => match &base.0.kind {
                Kind::Live(store) => store,
                _ => unreachable!("a snapshot's base is live"),
            },
            Kind::Alone { .. } => unreachable!("a layer has a store"),
        }
    }

    /// How many rows are hidden.
    fn hides(&self) -> usize {
        match &self.hidden {
            Hides::Nothing => 0,
            Hides::Fork(fork) => fork.hidden().map_or(0, |hidden| read(hidden).len()),
            Hides::Then(hidden) => hidden.len(),
        }
    }

    fn is_hidden(&self, row: u32) -> bool {
        match &self.hidden {
            Hides::Nothing => false,
            Hides::Fork(fork) => fork
                .hidden()
                .is_some_and(|hidden| read(hidden).contains(&row)),
            Hides::Then(hidden) => hidden.contains(&row),
        }
    }

    /// Takes out the rows from `from` on that are hidden.
    fn hide(&self, rows: &mut Vec<u32>, from: usize) {
        let mut hide = |hidden: &Hidden| {
            if !hidden.is_empty() {
                let mut kept = from;
                for place in from..rows.len() {
                    let row = rows[place];
                    if !hidden.contains(&row) {
                        rows[kept] = row;
                        kept += 1;
                    }
                }
                rows.truncate(kept);
            }
        };
        match &self.hidden {
            Hides::Nothing => {}
            Hides::Fork(fork) => {
                if let Some(hidden) = fork.hidden() {
                    hide(&read(hidden));
                }
            }
            Hides::Then(hidden) => hide(hidden),
        }
    }

    /// The same, of which nothing changes any more.
    fn freeze(&self) -> Layer {
        let (view, frozen) = match self.view {
            View::Now => {
                let epoch = write(self.store()).begin_snapshot();
                (View::At(epoch), true)
            }
            view => (view, false),
        };
        let hidden = match &self.hidden {
            Hides::Nothing => Hides::Nothing,
            Hides::Fork(fork) => fork
                .hidden()
                .map_or(Hides::Nothing, |hidden| Hides::Then(read(hidden).clone())),
            Hides::Then(hidden) => Hides::Then(hidden.clone()),
        };
        Layer {
            space: self.space.clone(),
            hidden,
            view,
            frozen,
            held: self.held,
        }
    }

    fn share(&self) -> Layer {
        Layer {
            space: self.space.clone(),
            hidden: match &self.hidden {
                Hides::Nothing => Hides::Nothing,
                Hides::Fork(fork) => Hides::Fork(fork.clone()),
                Hides::Then(hidden) => Hides::Then(hidden.clone()),
            },
            view: self.view,
            frozen: false,
            held: self.held,
        }
    }

    /// Whether nothing in it answers the probe, as it is a variable.
    fn is_passed_over(&self, probe: &Probe) -> bool {
        self.held && probe.asks_for_everything()
    }
}

impl Layers {
    /// The layers of `space`, of all that it imports, and of spaces that are atoms of these.
    pub(crate) fn of(space: &Space) -> Layers {
        let mut layers = Layers::own(space);
        let others = space.looked_into();
        for import in others.imported() {
            layers.push(import);
        }
        let first = layers.len();
        for held in others.held() {
            layers.push(held);
        }
        for layer in &mut layers.layers[first..] {
            layer.held = true;
        }
        layers
    }

    /// The layers that queries of `space` look into: [`Layers::of`], and what operations mean.
    pub(crate) fn asked(space: &Space) -> Layers {
        let mut layers = Layers::of(space);
        let others = space.looked_into();
        let mut all = std::iter::once(space).chain(others.spaces.iter());
        if let Some(meanings) = all.find_map(Space::told) {
            layers.push(meanings);
        }
        layers
    }

    /// The layers of `space` without its imports.
    pub(crate) fn own(space: &Space) -> Layers {
        let mut layers = Layers {
            layers: SmallVec::new(),
            own: 0,
            lacking: RefCell::default(),
            is_frozen: Cell::new(None),
        };
        layers.push(space);
        layers.own = layers.layers.len();
        layers
    }

    /// How many layers are the space's own; those of its imports follow.
    pub(crate) fn own_count(space: &Space) -> u32 {
        Layers::own(space).own as u32
    }

    /// The same rows, whatever is added to or removed from the space itself and those that are
    /// atoms of it; its imports stay as they are at any time. O(1), or linear in what a fork hides.
    pub(crate) fn frozen(&self) -> Layers {
        Layers {
            layers: self
                .layers
                .iter()
                .enumerate()
                .map(|(number, layer)| {
                    if number < self.own || layer.held {
                        layer.freeze()
                    } else {
                        layer.share()
                    }
                })
                .collect(),
            own: self.own,
            lacking: self.lacking.clone(),
            is_frozen: Cell::new(None),
        }
    }

    /// Layers that have nothing of a head, as far as that is known: a bit each.
    pub(crate) fn lacking(&self, head: Head) -> u64 {
        let Lacking(then, known) = &mut *self.lacking.borrow_mut();
        let now = changes::heads();
        if *then != now {
            *then = now;
            known.clear();
        }
        let found = known.iter().find(|(known, _)| *known == head);
        found.map_or(0, |(_, layers)| *layers)
    }

    /// Notes that layers have nothing of a head; that was seen since [`Layers::lacking`] was
    /// asked.
    pub(crate) fn note_lacking(&self, head: Head, layers: u64) {
        const KNOWN_MAX: usize = 16;
        let Lacking(_, known) = &mut *self.lacking.borrow_mut();
        match known.iter().position(|(known, _)| *known == head) {
            Some(place) => known[place].1 |= layers,
            None if known.len() < KNOWN_MAX => known.push((head, layers)),
            None => {}
        }
    }

    /// Whether nothing that is added to or removed from the space itself, and those that are atoms
    /// of it, is seen.
    #[inline]
    pub(crate) fn is_frozen(&self) -> bool {
        if let Some(is_frozen) = self.is_frozen.get() {
            return is_frozen;
        }
        let mut layers = self.layers.iter().enumerate();
        let is_frozen = layers
            .all(|(number, layer)| layer.view != View::Now || number >= self.own && !layer.held);
        self.is_frozen.set(Some(is_frozen));
        is_frozen
    }

    /// The layers to be kept beyond an evaluation; `None` if they may change then.
    pub(crate) fn kept(&self) -> Option<Kept> {
        let stays = |layer: &Layer| layer.view != View::Now && !layer.frozen;
        let stay = self.layers.iter().all(stays);
        stay.then(|| Kept(self.layers.iter().map(Layer::share).collect()))
    }

    /// The stores that queries look into, and what is seen of them, if no rows are hidden and
    /// they are as they are at the moment that the thread is in, or in the present.
    pub(super) fn whole_stores(&self) -> Option<impl Iterator<Item = (&StoreLock, View)>> {
        let at_moment = moment::is_entered();
        let is_whole = |layer: &Layer| {
            (at_moment || layer.view == View::Now) && matches!(layer.hidden, Hides::Nothing)
        };
        let are_whole = self.layers.iter().all(is_whole);
        are_whole.then(|| self.layers.iter().map(|layer| (layer.store(), layer.view)))
    }

    /// How many layers there are.
    pub(crate) fn len(&self) -> usize {
        self.layers.len()
    }

    /// Makes the indexes of a layer that the probe wants; the layer is not open.
    pub(crate) fn make_indexes(&self, layer: usize, probe: &Probe) {
        write(self.layers[layer].store()).make_indexes(probe);
    }

    /// About how many rows of a layer [`Open::candidates`] would find; the layer is not open.
    pub(crate) fn estimate_in(&self, layer: usize, probe: &Probe) -> usize {
        if self.layers[layer].is_passed_over(probe) {
            return 0;
        }
        let store = self.layers[layer].store();
        if read(store).wants_indexes(probe) {
            write(store).make_indexes(probe);
        }
        read(store).estimate(probe)
    }

    /// What stands in a row that stays, and where that was written.
    pub(crate) fn read(&self, row: Row) -> (Atom, Option<Origin>) {
        read_row(&self.layers[row.layer as usize], row)
    }

    /// Locks the store of a layer, for a short while.
    pub(crate) fn open(&self, layer: usize) -> Open<'_> {
        let layer = &self.layers[layer];
        Open {
            layer,
            store: read(layer.store()),
        }
    }

    fn push(&mut self, space: &Space) {
        match space.seen() {
            Some(seen) => self.push_own(&seen),
            None => self.push_own(space),
        }
    }

    fn push_own(&mut self, space: &Space) {
        match &space.0.kind {
            Kind::Live(_) => self.layers.push(Layer {
                space: space.clone(),
                hidden: Hides::Nothing,
                view: View::Now,
                frozen: false,
                held: false,
            }),
            Kind::Snapshot { epoch, .. } => self.layers.push(Layer {
                space: space.clone(),
                hidden: Hides::Nothing,
                view: View::At(*epoch),
                frozen: false,
                held: false,
            }),
            Kind::Alone { base } => self.push(base),
            Kind::Fork { base, .. } => {
                self.push(base);
                if let Some(layer) = self.layers.last_mut() {
                    layer.hidden = Hides::Fork(space.clone());
                }
                self.layers.push(Layer {
                    space: space.clone(),
                    hidden: Hides::Nothing,
                    view: View::Now,
                    frozen: false,
                    held: false,
                });
            }
        }
    }

    /// Appends the rows that may unify with what the probe asks for: by layer, in each
    /// the oldest first.
    pub(crate) fn candidates(&self, probe: &Probe, found: &mut Vec<Row>) {
        let mut rows = Vec::new();
        for (number, layer) in self.layers.iter().enumerate() {
            if layer.is_passed_over(probe) {
                continue;
            }
            while !read(layer.store()).candidates(probe, layer.view, &mut rows) {
                write(layer.store()).make_indexes(probe);
            }
            self.take(number, &mut rows, found);
        }
    }

    fn take(&self, number: usize, rows: &mut Vec<u32>, found: &mut Vec<Row>) {
        if rows.is_empty() {
            return;
        }
        self.layers[number].hide(rows, 0);
        let layer = number as u32;
        found.extend(rows.drain(..).map(|row| Row { layer, row }));
    }

    /// Calls `visit` with each of the rows that is still there, some hundreds under one
    /// lock of their store: `visit` changes no space, and asks none.
    pub(crate) fn each(
        &self,
        rows: &[Row],
        mut visit: impl FnMut(&Found<'_>) -> ControlFlow<()>,
    ) -> ControlFlow<()> {
        for of_layer in rows.chunk_by(|one, other| one.layer == other.layer) {
            let layer = &self.layers[of_layer[0].layer as usize];
            for batch in of_layer.chunks(BATCH) {
                let store = read(layer.store());
                for &row in batch {
                    if let Some(tokens) = store.tokens(row.row) {
                        visit(&Found {
                            store: &store,
                            row,
                            tokens,
                        })?;
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }

    pub(super) fn any(&self, mut test: impl FnMut(&Store) -> bool) -> bool {
        self.layers.iter().any(|layer| test(&read(layer.store())))
    }
}

/// For evaluation on flat atoms.
impl Layers {
    /// About how many rows [`Layers::candidates`] would find; never more than that for
    /// a space without snapshots.
    #[cfg(test)]
    pub(crate) fn estimate(&self, probe: &Probe) -> usize {
        self.layers
            .iter()
            .map(|layer| read(layer.store()).estimate(probe))
            .sum()
    }

    /// The version of the rules (`head` is the token of `=`) or types (of `:`) about a
    /// subject, those of any head included.
    pub(crate) fn version(&self, head: u32, subject: Subject) -> Version {
        self.layers
            .iter()
            .map(|layer| {
                let hides = layer.hides() as u64;
                let version = read(layer.store()).version(head, subject, layer.view);
                version.and(Version {
                    changed: hides,
                    cut: hides,
                })
            })
            .fold(Version::default(), Version::and)
    }

    /// How often rules and types have changed in each of the stores, as far as they are
    /// seen: equal if nothing did. A store is told by where it is.
    pub(crate) fn changes(&self) -> SmallVec<[(usize, Changes); 4]> {
        self.layers
            .iter()
            .map(|layer| {
                let store: *const StoreLock = layer.store();
                let mut changes = read(layer.store()).changes(layer.view);
                let hides = layer.hides() as u64;
                changes.rules += hides;
                changes.types += hides;
                (store.addr(), changes)
            })
            .collect()
    }

    /// How often rows of all stores have got new numbers.
    pub(crate) fn numbering(&self) -> u64 {
        let stores = self.layers.iter().map(|layer| read(layer.store()));
        stores.map(|store| store.numbering()).sum()
    }

    /// For each layer the number of its next row: what is added later has that or more.
    #[cfg(test)]
    pub(crate) fn mark(&self) -> Vec<u32> {
        self.layers
            .iter()
            .map(|layer| read(layer.store()).next_row())
            .collect()
    }

    /// Appends the rows from `mark` on that are about exactly this subject, by layer, in
    /// each the oldest first. An empty mark is the beginning.
    pub(crate) fn rows_about(
        &self,
        head: u32,
        subject: Subject,
        mark: &[u32],
        found: &mut Vec<Row>,
    ) {
        self.rows_by(mark, found, |store, from, view, rows| {
            store.rows_about(head, subject, from, view, rows);
        });
    }

    /// Whether there are rows that are about exactly this subject.
    pub(crate) fn has_rows_about(&self, head: u32, subject: Subject) -> bool {
        self.has_more_rows_about(head, subject, 0)
    }

    /// Whether there are more than `count` such rows.
    pub(crate) fn has_more_rows_about(&self, head: u32, subject: Subject, count: usize) -> bool {
        let found = Cell::new(0);
        self.layers.iter().any(|layer| {
            let store = read(layer.store());
            store.has_row_about(head, subject, layer.view, |row| {
                if !layer.is_hidden(row) {
                    found.set(found.get() + 1);
                }
                found.get() > count
            })
        })
    }

    /// As [`Space::may_type_expression`].
    pub(crate) fn may_type_expression(&self, head: &Atom) -> bool {
        self.any(|store| store.may_type_expression(head))
    }

    /// Whether there may be types of a symbol, by its token, or of expressions that it heads; `true` may
    /// be wrong.
    pub(crate) fn may_type(&self, symbol: u32) -> bool {
        self.any(|store| store.may_type(symbol))
    }

    /// Appends the rows from `mark` on whose head may be any: expressions of three elements
    /// without a head symbol, and atoms that unify with anything.
    pub(crate) fn rows_of_any_head(&self, mark: &[u32], found: &mut Vec<Row>) {
        self.rows_by(mark, found, Store::rows_of_any_head);
    }

    fn rows_by(
        &self,
        mark: &[u32],
        found: &mut Vec<Row>,
        ask: impl Fn(&Store, u32, View, &mut Vec<u32>),
    ) {
        let mut rows = Vec::new();
        for (number, layer) in self.layers.iter().enumerate() {
            let from = mark.get(number).copied().unwrap_or(0);
            ask(&read(layer.store()), from, layer.view, &mut rows);
            self.take(number, &mut rows, found);
        }
    }
}

/// A layer whose store is locked.
pub(crate) struct Open<'a> {
    layer: &'a Layer,
    store: StoreRead<'a>,
}

impl Open<'_> {
    /// Appends the numbers of the rows that may unify with what the probe asks for, the
    /// oldest first. Says `false`, and appends nothing, if [`Layers::make_indexes`] is to
    /// be called first.
    #[must_use]
    pub(crate) fn candidates(&self, probe: &Probe, rows: &mut Vec<u32>) -> bool {
        if self.layer.is_passed_over(probe) {
            return true;
        }
        let from = rows.len();
        let ready = self.store.candidates(probe, self.layer.view, rows);
        if ready {
            self.layer.hide(rows, from);
        }
        ready
    }

    /// The key that a row has for an argument; `None` if it may be any, or the row is gone.
    pub(crate) fn key_at(&self, row: Row, argument: u32) -> Option<u32> {
        self.store.key_of_argument(row.row, argument)
    }

    /// How many keys an index tells rows of this head by, for an argument; 0 if the rows are few, `None`
    /// if there is no index, or it does not tell all.
    pub(crate) fn told_by(&self, head: [u32; 2], argument: u32) -> Option<usize> {
        matches!(self.layer.hidden, Hides::Nothing)
            .then(|| self.store.told_by(head, argument))
            .flatten()
    }

    /// For each key, appends the rows that have this head and that key for an argument, and
    /// where they end; perhaps not for the last keys. Says `false` if an index for it is not there, or not all can be told by it.
    #[must_use]
    pub(crate) fn look_ahead(
        &self,
        head: [u32; 2],
        argument: u32,
        keys: &[u32],
        rows: &mut Vec<u32>,
        ends: &mut Vec<u32>,
    ) -> bool {
        matches!(self.layer.hidden, Hides::Nothing)
            && self
                .store
                .look_ahead(head, argument, self.layer.view, keys, rows, ends)
    }

    /// A row, if it is still there.
    pub(crate) fn row(&self, row: Row) -> Option<Found<'_>> {
        let tokens = self.store.tokens(row.row)?;
        Some(Found {
            store: &self.store,
            row,
            tokens,
        })
    }

    /// Whether no atom has the head that the probe asks for.
    pub(crate) fn lacks_head(&self, probe: &Probe) -> bool {
        self.store.lacks_head(probe)
    }
}

/// A row that is there, while its store is locked.
pub(crate) struct Found<'a> {
    store: &'a Store,
    row: Row,
    tokens: &'a [u32],
}

impl<'a> Found<'a> {
    /// Which row it is.
    pub(crate) fn row(&self) -> Row {
        self.row
    }

    /// Its tokens, the table of its variables included.
    pub(crate) fn tokens(&self) -> &'a [u32] {
        self.tokens
    }

    /// The values that its tokens refer to.
    pub(crate) fn values(&self) -> &'a Values {
        self.store.values()
    }

    /// The space that it is, if it is one.
    pub(super) fn space(&self) -> Option<&'a Space> {
        self.store.space_of(self.tokens)
    }

    /// Whether it is a variable by itself, which every pattern matches.
    pub(crate) fn is_variable(&self) -> bool {
        self.tokens
            .first()
            .is_some_and(|first| token::is_variable(*first))
    }

    /// The atom as it was stored. Linear in its size.
    pub(crate) fn atom(&self) -> Atom {
        flat::decode(self.tokens, self.values())
    }

    /// Where it was written, if it was read from a file.
    pub(crate) fn origin(&self) -> Option<Origin> {
        self.store.origin(self.row.row)
    }

    /// Whether it is exactly that atom.
    pub(crate) fn is(&self, flat: &Flat) -> bool {
        flat::equal(
            (self.tokens, self.values()),
            (&flat.tokens, &flat.payloads[..]),
        )
    }

    /// Unifies `query` with it; see [`unify_row`].
    pub(crate) fn unify(&self, query: &Atom, frame: &mut Frame, bindings: &mut Bindings) -> bool {
        unify_row(query, self.tokens, self.values(), frame, bindings)
    }
}

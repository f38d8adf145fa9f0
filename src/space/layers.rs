//! The stores that a space's queries look into, and the rows found in them.
//!
//! This is also what evaluation on flat atoms uses: rows are named by small numbers
//! ([`Row`]), looked up by probes of keys ([`Probe::of_keys`]), and read as tokens.
//!
//! ```text
//! let layers = Layers::of(&space);                      // cheap; again after an import
//! layers.candidates(&Probe::of_keys(&keys), &mut rows); // may match, oldest first
//! layers.each(&rows, |found| { found.tokens(); .. });   // verify by unification
//! ```
//!
//! Rules and types of one subject have versions: while [`Layers::version`] is equal, so
//! are the rows of [`Layers::rows_about`]; while `cut` is equal, rows were only added,
//! and `rows_about` with [`Layers::mark`] taken before gives them.

use std::ops::ControlFlow;
use std::sync::RwLock;

use smallvec::SmallVec;

use crate::atom::Atom;
use crate::space::flat::{self, Flat, Origin};
use crate::space::matching::{Frame, unify_row};
use crate::space::probe::Probe;
use crate::space::relation::{Subject, Version};
use crate::space::store::{Store, Values, View};
use crate::space::{BATCH, Changes, Hidden, Kind, Space, read, write};
use crate::unify::Bindings;

/// A row of one of the layers that it was found in.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct Row {
    /// Which layer.
    pub(crate) layer: u32,
    /// The row's number in that layer's store.
    pub(crate) row: u32,
}

/// The layers of a space: its own store or stores, then those of all that it imports.
pub(crate) struct Layers(SmallVec<[Layer; 4]>);

struct Layer {
    /// A space that has a store itself.
    space: Space,
    /// The fork's hidden rows, if the layer is the base of one.
    fork: Option<Space>,
    view: View,
}

impl Layer {
    fn store(&self) -> &RwLock<Store> {
        match &self.space.0.kind {
            Kind::Live(store) | Kind::Fork { added: store, .. } => store,
            Kind::Snapshot { .. } | Kind::Alone { .. } => {
                unreachable!("a layer has a store")
            }
        }
    }

    fn hidden(&self) -> Option<&RwLock<Hidden>> {
        match &self.fork.as_ref()?.0.kind {
            Kind::Fork { hidden, .. } => Some(hidden),
            _ => None,
        }
    }
}

impl Layers {
    /// The layers of `space` and of all that it imports.
    pub(crate) fn of(space: &Space) -> Layers {
        let mut layers = Layers(SmallVec::new());
        layers.push(space);
        for import in space.imported().iter() {
            layers.push(import);
        }
        layers
    }

    /// The layers of `space` without its imports.
    pub(crate) fn own(space: &Space) -> Layers {
        let mut layers = Layers(SmallVec::new());
        layers.push(space);
        layers
    }

    fn push(&mut self, space: &Space) {
        match space.seen() {
            Some(seen) => self.push_own(&seen),
            None => self.push_own(space),
        }
    }

    fn push_own(&mut self, space: &Space) {
        match &space.0.kind {
            Kind::Live(_) => self.0.push(Layer {
                space: space.clone(),
                fork: None,
                view: View::Now,
            }),
            Kind::Snapshot { base, epoch } => self.0.push(Layer {
                space: base.clone(),
                fork: None,
                view: View::At(*epoch),
            }),
            Kind::Alone { base } => self.push(base),
            Kind::Fork { base, .. } => {
                self.push(base);
                if let Some(layer) = self.0.last_mut() {
                    layer.fork = Some(space.clone());
                }
                self.0.push(Layer {
                    space: space.clone(),
                    fork: None,
                    view: View::Now,
                });
            }
        }
    }

    /// Appends the rows that may unify with what the probe asks for: by layer, in each
    /// the oldest first.
    pub(crate) fn candidates(&self, probe: &Probe, found: &mut Vec<Row>) {
        let mut rows = Vec::new();
        for (number, layer) in self.0.iter().enumerate() {
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
        if let Some(hidden) = self.0[number].hidden() {
            let hidden = read(hidden);
            if !hidden.is_empty() {
                rows.retain(|row| !hidden.contains(row));
            }
        }
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
            let layer = &self.0[of_layer[0].layer as usize];
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

    pub(super) fn any(&self, test: impl Fn(&Store) -> bool) -> bool {
        self.0.iter().any(|layer| test(&read(layer.store())))
    }
}

/// For evaluation on flat atoms.
#[allow(dead_code, reason = "evaluation on flat atoms comes next")]
impl Layers {
    /// About how many rows [`Layers::candidates`] would find; never more than that for
    /// a space without snapshots.
    pub(crate) fn estimate(&self, probe: &Probe) -> usize {
        self.0
            .iter()
            .map(|layer| read(layer.store()).estimate(probe))
            .sum()
    }

    /// Calls `read` with one row, if it is still there.
    pub(crate) fn with_row<R>(
        &self,
        row: Row,
        read_row: impl FnOnce(&Found<'_>) -> R,
    ) -> Option<R> {
        let store = read(self.0[row.layer as usize].store());
        let tokens = store.tokens(row.row)?;
        Some(read_row(&Found {
            store: &store,
            row,
            tokens,
        }))
    }

    /// Counts changes: equal if nothing at all was added or removed.
    pub(crate) fn clock(&self) -> u64 {
        self.0
            .iter()
            .filter(|layer| layer.view == View::Now)
            .map(|layer| read(layer.store()).clock())
            .sum()
    }

    /// The version of the rules (`head` is the token of `=`) or types (of `:`) about a
    /// subject, those of any head included.
    pub(crate) fn version(&self, head: u32, subject: Subject) -> Version {
        self.0
            .iter()
            .map(|layer| {
                let hides = layer.hidden().map_or(0, |hidden| read(hidden).len() as u64);
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
        self.0
            .iter()
            .map(|layer| {
                let store: *const RwLock<Store> = layer.store();
                let mut changes = read(layer.store()).changes(layer.view);
                if let Some(hidden) = layer.hidden() {
                    let hidden = read(hidden).len() as u64;
                    changes.rules += hidden;
                    changes.types += hidden;
                }
                (store.addr(), changes)
            })
            .collect()
    }

    /// For each layer the number of its next row: what is added later has that or more.
    pub(crate) fn mark(&self) -> Vec<u32> {
        self.0
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
        for (number, layer) in self.0.iter().enumerate() {
            let from = mark.get(number).copied().unwrap_or(0);
            ask(&read(layer.store()), from, layer.view, &mut rows);
            self.take(number, &mut rows, found);
        }
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
    #[allow(dead_code, reason = "evaluation on flat atoms comes next")]
    pub(crate) fn tokens(&self) -> &'a [u32] {
        self.tokens
    }

    /// The values that its tokens refer to.
    pub(crate) fn values(&self) -> &'a Values {
        self.store.values()
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

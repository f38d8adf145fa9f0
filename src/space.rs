//! Spaces: multisets of atoms that can be queried.
//!
//! Atoms are stored flat (`token.rs`, `flat.rs`) in rows numbered by age (`rows.rs`),
//! with indexes for the places that queries bind (`store.rs`, `relation.rs`,
//! `index.rs`). A snapshot is a row number and an epoch: it sees the rows that were
//! there then. A fork is a snapshot, less the rows that it hides, and a store of its
//! own. Both cost O(1).
//!
//! A query works in two steps: a [`Probe`] finds rows that may do, under one short lock
//! of each store; then their tokens are unified with the pattern, some hundreds under
//! one lock. So no reader holds a lock for long, and rows that went away in between
//! are simply no longer there. What evaluates rules by itself uses [`Layers`].
//!
//! An evaluation at a moment (`moment.rs`) sees all spaces as they were then.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::ops::{ControlFlow, Range};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, OnceLock, RwLock, Weak};

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use smallvec::SmallVec;

use crate::atom::{Atom, Grounded, Variable};
use crate::unify::Bindings;

mod changes;
mod column;
pub(crate) mod flat;
mod index;
mod layers;
mod lock;
mod matching;
pub(crate) mod moment;
pub(crate) mod probe;
mod relation;
mod relations;
mod rows;
mod stand;
mod store;
pub(crate) mod token;

pub(crate) use changes::{Changes, changes, note_operation};
use flat::Flat;
pub(crate) use flat::Origin;
pub(crate) use layers::{Found, Kept, Layers, Open, Row};
use lock::{StoreLock, read, write};
use matching::Frame;
pub(crate) use moment::Moment;
use probe::Probe;

pub(crate) use relation::{SHORT, Subject, TypedHeads, Version};
pub(crate) use stand::{Clocks, Stand};
pub(crate) use store::Values;
use store::{Store, View};

/// A multiset of atoms. Clones are the same space.
#[derive(Clone)]
pub struct Space(Arc<Body>);

/// A space that is not kept by being named here.
pub(crate) struct WeakSpace(Weak<Body>);

impl WeakSpace {
    /// The space, while somebody keeps it.
    pub(crate) fn upgrade(&self) -> Option<Space> {
        self.0.upgrade().map(Space)
    }
}

struct Body {
    name: SpaceName,
    kind: Kind,
    /// Spaces whose atoms are seen in queries too: imported modules.
    imports: RwLock<Vec<Space>>,
    /// What all imports lead to, and the count of imports anywhere when it was found.
    closure: RwLock<(u64, Closure)>,
    /// Rules that tell what operations mean, seen by queries where this space is.
    told: OnceLock<Space>,
}

/// The other spaces that queries look into, each once.
#[derive(Clone)]
struct Closure {
    /// Those that are imported, directly or not; then those that are atoms of what is seen.
    spaces: Arc<[Space]>,
    /// How many are imported.
    imported: usize,
}

impl Closure {
    fn empty() -> Closure {
        Closure {
            spaces: Arc::from([]),
            imported: 0,
        }
    }

    fn imported(&self) -> &[Space] {
        &self.spaces[..self.imported]
    }

    /// Spaces that are atoms of others: asked for all patterns but variables, which stand for
    /// the spaces themselves.
    fn held(&self) -> &[Space] {
        &self.spaces[self.imported..]
    }
}

enum SpaceName {
    Module(String),
    /// A module's space without what the module imports.
    Own(String),
    Anonymous(u64),
}

enum Kind {
    Live(StoreLock),
    /// `base` is live.
    Snapshot {
        base: Space,
        epoch: u64,
    },
    /// `base` is a snapshot.
    Fork {
        base: Space,
        /// Rows of the base that the fork does not see.
        hidden: RwLock<Hidden>,
        added: StoreLock,
    },
    /// The same atoms as `base`, without its imports.
    Alone {
        base: Space,
    },
}

/// A row of a batch of tokens.
pub(crate) struct Stored {
    /// Its tokens.
    pub(crate) tokens: Range<usize>,
    /// How many values they refer to.
    pub(crate) values: usize,
    /// Its line in the file.
    pub(crate) line: u32,
}

type Hidden = HashSet<u32, FixedState>;

static NEXT_SPACE: AtomicU64 = AtomicU64::new(1);

/// Counts the imports of all spaces, and spaces that come and go as atoms, so that what they lead
/// to can be remembered.
static IMPORTS: AtomicU64 = AtomicU64::new(1);

/// Notes that what queries of some space look into has changed.
fn note_lookup() {
    IMPORTS.fetch_add(1, Ordering::Release);
    changes::note_both();
}

/// Rows looked at under one lock.
const BATCH: usize = 256;

impl Space {
    /// An empty space without a name, as `new-space` makes.
    pub fn anonymous() -> Space {
        Space::live(SpaceName::Anonymous(
            NEXT_SPACE.fetch_add(1, Ordering::Relaxed),
        ))
    }

    /// An empty space of a module; printed as `ModuleSpace(GroundingSpace-name)`.
    pub fn module(name: &str) -> Space {
        Space::live(SpaceName::Module(name.to_owned()))
    }

    fn live(name: SpaceName) -> Space {
        let store = Store::new(moment::newest());
        Space::with(name, Kind::Live(StoreLock::new(store)), Vec::new())
    }

    fn with(name: SpaceName, kind: Kind, imports: Vec<Space>) -> Space {
        Space(Arc::new(Body {
            name,
            kind,
            imports: RwLock::new(imports),
            closure: RwLock::new((0, Closure::empty())),
            told: OnceLock::new(),
        }))
    }

    fn name_again(&self) -> SpaceName {
        match &self.0.name {
            SpaceName::Module(name) => SpaceName::Module(name.clone()),
            SpaceName::Own(name) => SpaceName::Own(name.clone()),
            SpaceName::Anonymous(id) => SpaceName::Anonymous(*id),
        }
    }

    pub(crate) fn downgrade(&self) -> WeakSpace {
        WeakSpace(Arc::downgrade(&self.0))
    }

    /// Whether it is a module's space, as `&self` is.
    pub(crate) fn is_module(&self) -> bool {
        matches!(self.0.name, SpaceName::Module(_))
    }

    /// Whether both are the same space.
    pub fn is_same(&self, other: &Space) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || matches!((&self.0.kind, &other.0.kind),
                (Kind::Alone { base }, Kind::Alone { base: other }) if base.is_same(other))
    }

    /// What spaces that are the same have in common: an address, and how many bases it
    /// was reached by.
    fn identity(&self) -> (usize, *const Body) {
        let (mut space, mut bases) = (self, 0);
        while let Kind::Alone { base } = &space.0.kind {
            (space, bases) = (base, bases + 1);
        }
        (bases, Arc::as_ptr(&space.0))
    }

    /// Writes into a hash what spaces that are the same have in common.
    pub(crate) fn hash_identity<H: Hasher>(&self, hasher: &mut H) {
        self.identity().hash(hasher);
    }

    /// The rows of the base that a fork hides.
    fn hidden(&self) -> Option<&RwLock<Hidden>> {
        match &self.0.kind {
            Kind::Fork { hidden, .. } => Some(hidden),
            _ => None,
        }
    }

    /// Whether atoms can be added and removed; a snapshot is read-only.
    pub fn is_writable(&self) -> bool {
        match &self.0.kind {
            Kind::Live(_) | Kind::Fork { .. } => true,
            Kind::Snapshot { .. } => false,
            Kind::Alone { base } => base.is_writable(),
        }
    }

    /// The same atoms, changed through either, without what the space imports.
    pub(crate) fn without_imports(&self) -> Space {
        let name = match &self.0.name {
            SpaceName::Module(name) | SpaceName::Own(name) => SpaceName::Own(name.clone()),
            SpaceName::Anonymous(id) => SpaceName::Anonymous(*id),
        };
        Space::with(name, Kind::Alone { base: self.clone() }, Vec::new())
    }

    /// A read-only view of the present atoms. O(1); of a fork, linear in what the fork
    /// has changed.
    pub fn snapshot(&self) -> Space {
        if let Some(seen) = self.seen() {
            return seen;
        }
        match &self.0.kind {
            Kind::Live(store) => self.sight(&mut write(store)),
            Kind::Snapshot { .. } => self.clone(),
            Kind::Fork { .. } => self.fork(),
            Kind::Alone { base } => base.snapshot().without_imports(),
        }
    }

    /// What this space holds now, for readers; `store` is its own, locked.
    fn sight(&self, store: &mut Store) -> Space {
        let kind = match &self.0.kind {
            Kind::Live(_) => Kind::Snapshot {
                base: self.clone(),
                epoch: store.begin_snapshot(),
            },
            Kind::Fork { base, hidden, .. } => Kind::Fork {
                base: base.clone(),
                hidden: RwLock::new(read(hidden).clone()),
                added: StoreLock::new(store.copy()),
            },
            Kind::Snapshot { .. } | Kind::Alone { .. } => return self.clone(),
        };
        Space::with(self.name_again(), kind, read(&self.0.imports).clone())
    }

    /// What an evaluation at a moment sees of the space; `None` if it is in the present, or
    /// if the space does not change.
    fn seen(&self) -> Option<Space> {
        match &self.0.kind {
            Kind::Live(_) | Kind::Fork { .. } => moment::seen(self),
            Kind::Snapshot { .. } | Kind::Alone { .. } => None,
        }
    }

    /// A writable copy. O(1) for a live space; for a fork, linear in what the
    /// fork has changed. Changes of one are never seen by the other.
    pub fn fork(&self) -> Space {
        if let Some(seen) = self.seen() {
            return seen.fork();
        }
        let kind = match &self.0.kind {
            Kind::Alone { base } => return base.fork().without_imports(),
            Kind::Live(_) | Kind::Snapshot { .. } => Kind::Fork {
                base: self.snapshot(),
                hidden: RwLock::default(),
                added: StoreLock::default(),
            },
            Kind::Fork {
                base,
                hidden,
                added,
            } => Kind::Fork {
                base: base.clone(),
                hidden: RwLock::new(read(hidden).clone()),
                added: StoreLock::new(read(added).copy()),
            },
        };
        Space::with(self.name_again(), kind, read(&self.0.imports).clone())
    }

    /// Adds `atom`. Adding it again makes it answer twice. A snapshot ignores it.
    pub fn add(&self, atom: Atom) {
        self.add_from(atom, None);
    }

    /// Adds `atom` with where it was written. What was a result when it was stored is
    /// code to whoever finds it.
    pub(crate) fn add_from(&self, atom: Atom, origin: Option<Origin>) {
        let mut flat = Flat::of(&atom);
        self.change(|store| store.add(&mut flat, origin.as_ref()));
    }

    /// As [`Space::add`], of an atom that is flat already; its names are in use. Takes its
    /// values.
    pub(crate) fn add_flat(&self, flat: &mut Flat) {
        self.change(|store| store.add(flat, None));
    }

    /// As [`Space::remove`], of an atom that is flat already; `None` for a fork.
    pub(crate) fn remove_flat(&self, flat: &Flat) -> Option<bool> {
        match &self.0.kind {
            Kind::Live(store) => Some(self.changed(store, |store| store.remove(flat))),
            Kind::Snapshot { .. } => Some(false),
            Kind::Alone { base } => base.remove_flat(flat),
            Kind::Fork { .. } => None,
        }
    }

    /// Adds rows of tokens, whose names are counted for them already. `values` are those
    /// that the tokens refer to, each row's by numbers of its own from 0.
    pub(crate) fn add_rows(
        &self,
        tokens: &mut [u32],
        values: &mut Vec<Grounded>,
        rows: impl Iterator<Item = Stored>,
        file: &Arc<str>,
    ) {
        self.change(|store| {
            let file = store.file(file);
            let mut values = values.drain(..);
            for row in rows {
                let tokens = &mut tokens[row.tokens];
                store.place_values(tokens, values.by_ref().take(row.values));
                store.push(tokens, Some((file, row.line)));
            }
        });
    }

    /// Changes the store that takes what is added; `None` for a snapshot.
    pub(crate) fn change<R>(&self, change: impl FnOnce(&mut Store) -> R) -> Option<R> {
        match &self.0.kind {
            Kind::Live(store) | Kind::Fork { added: store, .. } => {
                Some(self.changed(store, change))
            }
            Kind::Alone { base } => base.change(change),
            Kind::Snapshot { .. } => None,
        }
    }

    /// Changes the space's own store; moments that are open keep what was there. What the
    /// store no longer refers to is dropped after the lock, since it may be a snapshot of
    /// the same store.
    fn changed<R>(&self, store: &StoreLock, change: impl FnOnce(&mut Store) -> R) -> R {
        let mut locked = write(store);
        let held = moment::settle(self, &mut locked);
        let result = change(&mut locked);
        let garbage = std::mem::take(&mut locked.garbage);
        drop(locked);
        drop((garbage, held));
        result
    }

    /// Removes one occurrence of `atom`, the oldest; returns whether there was one.
    pub fn remove(&self, atom: &Atom) -> bool {
        let flat = Flat::of(atom);
        match &self.0.kind {
            Kind::Live(store) => self.changed(store, |store| store.remove(&flat)),
            Kind::Snapshot { .. } => false,
            Kind::Alone { base } => base.remove(atom),
            Kind::Fork {
                base,
                hidden,
                added,
            } => self.changed(added, |store| {
                base.hide(atom, &flat, hidden) || store.remove(&flat)
            }),
        }
    }

    /// Hides one row of this snapshot that is `atom`; returns whether there was one.
    fn hide(&self, atom: &Atom, flat: &Flat, hidden: &RwLock<Hidden>) -> bool {
        let mut hidden = write(hidden);
        let layers = Layers::own(self);
        let mut rows = Vec::new();
        layers.candidates(&Probe::of(atom, &Bindings::new()), &mut rows);
        let mut found = None;
        let _ = layers.each(&rows, |row| {
            if !hidden.contains(&row.row().row) && row.is(flat) {
                found = Some(row.row().row);
                return ControlFlow::Break(());
            }
            ControlFlow::Continue(())
        });
        found.is_some_and(|row| hidden.insert(row))
    }

    /// How often `atom` itself is in the space.
    pub fn count(&self, atom: &Atom) -> usize {
        let flat = Flat::of(atom);
        let layers = Layers::own(self);
        let mut rows = Vec::new();
        layers.candidates(&Probe::of(atom, &Bindings::new()), &mut rows);
        let mut count = 0;
        let _ = layers.each(&rows, |row| {
            count += usize::from(row.is(&flat));
            ControlFlow::Continue(())
        });
        count
    }

    /// How many atoms the space holds itself, imports not counted.
    pub fn len(&self) -> usize {
        if let Some(seen) = self.seen() {
            return seen.own_len();
        }
        self.own_len()
    }

    fn own_len(&self) -> usize {
        match &self.0.kind {
            Kind::Live(store) => read(store).len(),
            Kind::Alone { base } => base.len(),
            Kind::Snapshot { base, epoch } => match &base.0.kind {
                Kind::Live(store) => read(store).count(View::At(*epoch)),
                _ => unreachable!("a snapshot's base is live"),
            },
            Kind::Fork {
                base,
                hidden,
                added,
            } => base.len() - read(hidden).len() + read(added).len(),
        }
    }

    /// Whether the space itself holds no atoms.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The space's own atoms, oldest first.
    pub fn atoms(&self) -> Vec<Atom> {
        let mut atoms = Vec::new();
        self.each_own(&mut |atom| atoms.push(atom.clone()));
        atoms
    }

    /// Removes every atom.
    pub fn clear(&self) {
        match &self.0.kind {
            Kind::Live(store) => self.changed(store, Store::clear),
            Kind::Alone { base } => base.clear(),
            Kind::Snapshot { .. } => {}
            Kind::Fork {
                base,
                hidden,
                added,
            } => {
                let mut rows = Vec::new();
                Layers::own(base).candidates(&Probe::everything(), &mut rows);
                self.changed(added, |store| {
                    write(hidden).extend(rows.iter().map(|row| row.row));
                    store.clear();
                });
            }
        }
    }

    /// The spaces whose atoms queries see too.
    pub fn imports(&self) -> Vec<Space> {
        match self.seen() {
            Some(seen) => read(&seen.0.imports).clone(),
            None => read(&self.0.imports).clone(),
        }
    }

    /// Whether it is `library` or imports it directly.
    pub(crate) fn sees(&self, library: &Space) -> bool {
        self.is_same(library) || self.imports().iter().any(|import| import.is_same(library))
    }

    /// Lets queries see the atoms of `space` too.
    pub fn import(&self, space: Space) {
        match &self.0.kind {
            Kind::Live(store) | Kind::Fork { added: store, .. } => {
                self.changed(store, |_| self.note_import(space));
            }
            Kind::Snapshot { .. } | Kind::Alone { .. } => self.note_import(space),
        }
    }

    fn note_import(&self, space: Space) {
        let mut imports = write(&self.0.imports);
        if !imports.iter().any(|known| known.is_same(&space)) {
            imports.push(space);
            note_lookup();
        }
    }

    /// Lets queries of this space, and of those that import it, see rules that evaluation does
    /// not go by. Only the first call counts.
    pub(crate) fn tell(&self, meanings: Space) {
        if self.0.told.set(meanings).is_ok() {
            changes::note_both();
        }
    }

    /// What it was told.
    fn told(&self) -> Option<&Space> {
        match &self.0.kind {
            Kind::Live(_) => self.0.told.get(),
            Kind::Snapshot { base, .. } | Kind::Fork { base, .. } | Kind::Alone { base } => {
                base.told()
            }
        }
    }

    /// Every way in which `pattern` unifies with an atom of the space.
    /// `(, p1 … pn)` is a join. Results come oldest atom first.
    pub fn query(&self, pattern: &Atom) -> Vec<Bindings> {
        let mut bindings = Bindings::new();
        let mut results = Vec::new();
        for (delta, _) in self.solutions(pattern, &mut bindings, false, &mut |_| true) {
            let mut solution = Bindings::new();
            for (variable, value) in delta {
                solution.bind(variable, value);
            }
            results.push(solution);
        }
        results
    }

    /// What is asked of the space by `pattern`: the parts of `(, …)`. A module takes
    /// parts that are joins themselves for joins, too; other spaces for what they hold.
    fn conjuncts<'p>(&self, pattern: &'p Atom) -> SmallVec<[&'p Atom; 4]> {
        let parts = |pattern: &'p Atom| match pattern.as_expression() {
            Some([head, rest @ ..]) if head.as_symbol() == Some(",") => rest,
            _ => std::slice::from_ref(pattern),
        };
        match parts(pattern) {
            [only] if std::ptr::eq(only, pattern) => SmallVec::from_slice(&[only]),
            all if self.is_module() => all.iter().flat_map(parts).collect(),
            all => all.iter().collect(),
        }
    }

    /// The solutions of `pattern` under `bindings`: for each what it binds, and, if
    /// `proving`, the atoms that it used. `bindings` are as before afterwards.
    ///
    /// `go_on` is asked at each atom looked at, with the number of solutions held;
    /// once it says no, nothing more is looked at and there are no solutions.
    pub(crate) fn solutions(
        &self,
        pattern: &Atom,
        bindings: &mut Bindings,
        proving: bool,
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> Vec<Solution> {
        let conjuncts = self.conjuncts(pattern);
        let layers = Layers::asked(self);
        let mut rows = Vec::new();
        let mut frame = Frame::default();
        let mut solutions: Vec<Solution> = vec![(Vec::new(), Vec::new())];
        for conjunct in conjuncts {
            let mut next = Vec::new();
            for (delta, facts) in solutions {
                let mark = bindings.mark();
                for (variable, value) in &delta {
                    bindings.bind(variable.clone(), value.clone());
                }
                rows.clear();
                layers.candidates(&Probe::of(conjunct, bindings), &mut rows);
                let done = layers.each(&rows, |found| {
                    if !go_on(next.len()) {
                        return ControlFlow::Break(());
                    }
                    frame.clear();
                    let inner = bindings.mark();
                    if found.unify(conjunct, &mut frame, bindings) {
                        let mut facts = facts.clone();
                        if proving {
                            facts.push((found.atom(), found.origin()));
                        }
                        next.push((bindings.since(mark), facts));
                    }
                    bindings.undo(inner);
                    ControlFlow::Continue(())
                });
                bindings.undo(mark);
                if done.is_break() {
                    return Vec::new();
                }
            }
            solutions = next;
        }
        solutions
    }

    /// As [`Space::solutions`], but of one pattern that is no join, and at most `most`
    /// of them; and whether there may be more.
    pub(crate) fn first_solutions(
        &self,
        pattern: &Atom,
        bindings: &mut Bindings,
        proving: bool,
        most: usize,
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> (Vec<Solution>, bool) {
        let layers = Layers::asked(self);
        let mut rows = Vec::new();
        layers.candidates(&Probe::of(pattern, bindings), &mut rows);
        let mut frame = Frame::default();
        let mut solutions: Vec<Solution> = Vec::new();
        let mark = bindings.mark();
        let mut more = false;
        let done = layers.each(&rows, |found| {
            if solutions.len() >= most {
                more = true;
                return ControlFlow::Break(());
            }
            if !go_on(solutions.len()) {
                return ControlFlow::Break(());
            }
            frame.clear();
            if found.unify(pattern, &mut frame, bindings) {
                let mut facts = Vec::new();
                if proving {
                    facts.push((found.atom(), found.origin()));
                }
                solutions.push((bindings.since(mark), facts));
            }
            bindings.undo(mark);
            ControlFlow::Continue(())
        });
        if done.is_break() && !more {
            return (Vec::new(), false);
        }
        (solutions, more)
    }

    /// Calls `visit` for each atom that unifies with `pattern`, with the
    /// bindings that make them equal: this space's own atoms first, then those of its
    /// imports. No space is changed, or asked, by `visit`.
    pub(crate) fn each(
        &self,
        pattern: &Atom,
        bindings: &mut Bindings,
        mut visit: impl FnMut(&Found<'_>, &mut Bindings),
    ) {
        let layers = Layers::of(self);
        let mut rows = Vec::new();
        layers.candidates(&Probe::of(pattern, bindings), &mut rows);
        let mut frame = Frame::default();
        let _ = layers.each(&rows, |found| {
            frame.clear();
            let mark = bindings.mark();
            if found.unify(pattern, &mut frame, bindings) {
                visit(found, bindings);
            }
            bindings.undo(mark);
            ControlFlow::Continue(())
        });
    }

    /// Whether the space, or one that it imports, may assign a type to an expression
    /// with this head. `true` may be wrong.
    pub(crate) fn may_type_expression(&self, head: &Atom) -> bool {
        Layers::of(self).may_type_expression(head)
    }

    /// Which expressions may have types that no `(: (name …) T)` gives them.
    pub(crate) fn typed_heads(&self) -> TypedHeads {
        let mut typed = TypedHeads::default();
        Layers::of(self).any(|store| {
            typed.add(store.typed_heads());
            false
        });
        typed
    }

    /// This space and all that its queries look into, each once.
    pub(crate) fn closure(&self) -> Vec<Space> {
        let mut spaces = vec![self.clone()];
        spaces.extend(self.looked_into().spaces.iter().cloned());
        spaces
    }

    /// All that its queries look into, itself excepted.
    fn looked_into(&self) -> Closure {
        if let Some(seen) = self.seen() {
            return seen.looked_into_then(self);
        }
        let now = IMPORTS.load(Ordering::Acquire);
        {
            let known = read(&self.0.closure);
            if known.0 == now {
                return known.1.clone();
            }
        }
        let found = self.find_looked_into();
        *write(&self.0.closure) = (now, found.clone());
        found
    }

    /// The same of a space that is seen at a moment: each as it is seen then.
    fn looked_into_then(&self, present: &Space) -> Closure {
        const KNOWN: u64 = u64::MAX;
        {
            let known = read(&self.0.closure);
            if known.0 == KNOWN {
                return known.1.clone();
            }
        }
        let Closure { spaces, imported } = present.find_looked_into();
        let then = |space: &Space| space.seen().unwrap_or_else(|| space.clone());
        let found = Closure {
            spaces: spaces.iter().map(then).collect(),
            imported,
        };
        *write(&self.0.closure) = (KNOWN, found.clone());
        found
    }

    fn find_looked_into(&self) -> Closure {
        let mut spaces = vec![self.clone()];
        let mut known = HashSet::<_, FixedState>::from_iter([self.identity()]);
        let mut next = 0;
        while next < spaces.len() {
            let imports = spaces[next].imports().into_iter();
            spaces.extend(imports.filter(|import| known.insert(import.identity())));
            next += 1;
        }
        let imported = spaces.len() - 1;
        next = 0;
        while next < spaces.len() {
            let mut more = spaces[next].held();
            if next > imported {
                more.extend(spaces[next].imports());
            }
            spaces.extend(
                more.into_iter()
                    .filter(|space| known.insert(space.identity())),
            );
            next += 1;
        }
        spaces.remove(0);
        Closure {
            spaces: spaces.into(),
            imported,
        }
    }

    /// The spaces that are atoms of this one.
    fn held(&self) -> Vec<Space> {
        let layers = Layers::own(self);
        let mut held = Vec::new();
        if layers.any(Store::may_hold_spaces) {
            let mut rows = Vec::new();
            let space = Atom::space(self.clone());
            layers.candidates(&Probe::of(&space, &Bindings::new()), &mut rows);
            let _ = layers.each(&rows, |found| {
                held.extend(found.space().cloned());
                ControlFlow::Continue(())
            });
        }
        held
    }

    /// Calls `visit` for each atom of this space itself, imports not counted.
    pub(crate) fn each_own(&self, visit: &mut dyn FnMut(&Atom)) {
        let layers = Layers::own(self);
        let mut rows = Vec::new();
        layers.candidates(&Probe::everything(), &mut rows);
        for batch in rows.chunks(BATCH) {
            let mut atoms = Vec::with_capacity(batch.len());
            let _ = layers.each(batch, |found| {
                atoms.push(found.atom());
                ControlFlow::Continue(())
            });
            atoms.iter().for_each(&mut *visit);
        }
    }
}

/// What one solution binds, and the atoms it used with where they were written.
pub(crate) type Solution = (Vec<(Variable, Atom)>, Vec<(Atom, Option<Origin>)>);

impl Drop for Body {
    fn drop(&mut self) {
        if let Kind::Snapshot { base, epoch } = &self.kind
            && let Kind::Live(store) = &base.0.kind
        {
            let garbage = {
                let mut store = write(store);
                store.end_snapshot(*epoch);
                store.renumber_in_time();
                std::mem::take(&mut store.garbage)
            };
            drop(garbage);
        }
    }
}

impl fmt::Display for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0.name {
            SpaceName::Module(name) => write!(f, "ModuleSpace(GroundingSpace-{name})"),
            SpaceName::Own(name) => write!(f, "GroundingSpace-{name}"),
            SpaceName::Anonymous(id) => write!(f, "GroundingSpace-{id:#x}"),
        }
    }
}

impl fmt::Debug for Space {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

#[cfg(test)]
mod tests;

//! Spaces: multisets of atoms that can be queried.
//!
//! A live space keeps rows stamped with the epoch in which they were added and
//! removed. A snapshot is an epoch number: it sees the rows that lived then. A
//! fork is a snapshot with an overlay of its own. Both cost O(1).

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, RwLock, RwLockReadGuard};

use crate::atom::Atom;
use crate::unify::{Bindings, Frame, unify_stored};

mod store;

pub(crate) use store::Origin;
use store::{Store, View};

/// A multiset of atoms. Clones are the same space.
#[derive(Clone)]
pub struct Space(Arc<Body>);

struct Body {
    name: SpaceName,
    kind: Kind,
    /// Spaces whose atoms are seen in queries too: imported modules.
    imports: RwLock<Vec<Space>>,
}

enum SpaceName {
    Module(String),
    /// A module's space without what the module imports.
    Own(String),
    Anonymous(u64),
}

enum Kind {
    Live(RwLock<Store>),
    Snapshot {
        base: Space,
        epoch: u64,
    },
    Fork {
        base: Space,
        overlay: RwLock<Overlay>,
    },
    /// The same atoms as `base`, without its imports.
    Alone {
        base: Space,
    },
}

/// What a fork changed: rows added, and rows of its base removed (by multiplicity).
struct Overlay {
    added: Store,
    removed: store::Multiset,
}

static NEXT_SPACE: AtomicU64 = AtomicU64::new(1);

/// Changes of rules, types and imports, in all spaces.
static CODE_CHANGES: AtomicU64 = AtomicU64::new(0);

/// Notes a change of `atom` in a space if it may be a rule or a type.
fn note_change(atom: &Atom) {
    let known = crate::atom::known();
    let is_code = match atom {
        Atom::Expression(expression) => match expression.children() {
            [Atom::Symbol(head), _, _] => {
                *head == known.equal || *head == known.colon || *head == known.subtype
            }
            [Atom::Symbol(_) | Atom::Grounded(_), ..] | [] => false,
            [_, _, _] => true,
            _ => false,
        },
        Atom::Variable(_) => true,
        Atom::Symbol(_) | Atom::Grounded(_) => false,
    };
    if is_code {
        CODE_CHANGES.fetch_add(1, Ordering::Relaxed);
    }
}

/// One atom that a query found, with where it was written if known.
pub(crate) struct Found<'a> {
    pub(crate) atom: &'a Atom,
    pub(crate) origin: Option<&'a Origin>,
}

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
        Space(Arc::new(Body {
            name,
            kind: Kind::Live(RwLock::new(Store::default())),
            imports: RwLock::new(Vec::new()),
        }))
    }

    fn name_again(&self) -> SpaceName {
        match &self.0.name {
            SpaceName::Module(name) => SpaceName::Module(name.clone()),
            SpaceName::Own(name) => SpaceName::Own(name.clone()),
            SpaceName::Anonymous(id) => SpaceName::Anonymous(*id),
        }
    }

    /// Whether both are the same space.
    pub fn is_same(&self, other: &Space) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
            || matches!((&self.0.kind, &other.0.kind),
                (Kind::Alone { base }, Kind::Alone { base: other }) if base.is_same(other))
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
        Space(Arc::new(Body {
            name,
            kind: Kind::Alone { base: self.clone() },
            imports: RwLock::new(Vec::new()),
        }))
    }

    /// A read-only view of the present atoms. O(1).
    pub fn snapshot(&self) -> Space {
        let kind = match &self.0.kind {
            Kind::Live(store) => {
                let epoch = write(store).begin_snapshot();
                Kind::Snapshot {
                    base: self.clone(),
                    epoch,
                }
            }
            Kind::Snapshot { .. } => return self.clone(),
            Kind::Fork { .. } => return self.fork(),
            Kind::Alone { base } => return base.snapshot().without_imports(),
        };
        Space(Arc::new(Body {
            name: self.name_again(),
            kind,
            imports: RwLock::new(self.imports()),
        }))
    }

    /// A writable copy. O(1) for a live space; for a fork, linear in what the
    /// fork has changed. Changes of one are never seen by the other.
    pub fn fork(&self) -> Space {
        let (base, overlay) = match &self.0.kind {
            Kind::Alone { base } => return base.fork().without_imports(),
            Kind::Live(_) | Kind::Snapshot { .. } => (
                self.snapshot(),
                Overlay {
                    added: Store::default(),
                    removed: store::Multiset::default(),
                },
            ),
            Kind::Fork { base, overlay } => {
                let overlay = read(overlay);
                (
                    base.clone(),
                    Overlay {
                        added: overlay.added.copy(),
                        removed: overlay.removed.clone(),
                    },
                )
            }
        };
        let kind = Kind::Fork {
            base,
            overlay: RwLock::new(overlay),
        };
        Space(Arc::new(Body {
            name: self.name_again(),
            kind,
            imports: RwLock::new(self.imports()),
        }))
    }

    /// Adds `atom`. Adding it again makes it answer twice. A snapshot ignores it.
    pub fn add(&self, atom: Atom) {
        self.add_from(atom, None);
    }

    pub(crate) fn add_from(&self, atom: Atom, origin: Option<Origin>) {
        // What was a result when it was stored is code to whoever finds it.
        let atom = match atom {
            Atom::Expression(expression) => Atom::Expression(expression.unevaluated()),
            leaf => leaf,
        };
        note_change(&atom);
        match &self.0.kind {
            Kind::Live(store) => write(store).add(atom, origin),
            Kind::Fork { overlay, .. } => write(overlay).added.add(atom, origin),
            Kind::Alone { base } => base.add_from(atom, origin),
            Kind::Snapshot { .. } => {}
        }
    }

    /// Removes one occurrence of `atom`; returns whether there was one.
    pub fn remove(&self, atom: &Atom) -> bool {
        note_change(atom);
        match &self.0.kind {
            Kind::Live(store) => write(store).remove(atom),
            Kind::Snapshot { .. } => false,
            Kind::Alone { base } => base.remove(atom),
            Kind::Fork { base, overlay } => {
                let mut overlay = write(overlay);
                if overlay.added.remove(atom) {
                    return true;
                }
                if base.count(atom) > overlay.removed.count(atom) {
                    overlay.removed.insert(atom.clone());
                    return true;
                }
                false
            }
        }
    }

    /// How often `atom` itself is in the space.
    pub fn count(&self, atom: &Atom) -> usize {
        let mut count = 0;
        self.visit_own(atom, &Bindings::new(), &mut |found| {
            count += usize::from(found.atom == atom)
        });
        count
    }

    /// How many atoms the space holds itself, imports not counted.
    pub fn len(&self) -> usize {
        match &self.0.kind {
            Kind::Live(store) => read(store).len(),
            Kind::Alone { base } => base.len(),
            Kind::Snapshot { .. } | Kind::Fork { .. } => self.atoms().len(),
        }
    }

    /// Whether the space itself holds no atoms.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// The space's own atoms, oldest first.
    pub fn atoms(&self) -> Vec<Atom> {
        let mut atoms = Vec::new();
        self.visit_all_own(&mut |found| atoms.push(found.atom.clone()));
        atoms
    }

    /// Removes every atom.
    pub fn clear(&self) {
        for atom in self.atoms() {
            self.remove(&atom);
        }
    }

    /// The spaces whose atoms queries see too.
    pub fn imports(&self) -> Vec<Space> {
        read(&self.0.imports).clone()
    }

    /// Whether it is `library` or imports it directly.
    pub(crate) fn sees(&self, library: &Space) -> bool {
        self.is_same(library)
            || read(&self.0.imports)
                .iter()
                .any(|import| import.is_same(library))
    }

    /// Lets queries see the atoms of `space` too.
    pub fn import(&self, space: Space) {
        let mut imports = write(&self.0.imports);
        if !imports.iter().any(|known| known.is_same(&space)) {
            imports.push(space);
            CODE_CHANGES.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// A number that changes when rules, types or imports of the space may have.
    pub(crate) fn code_version(&self) -> u64 {
        CODE_CHANGES.load(Ordering::Relaxed)
    }

    /// Whether the space itself has rules that no head symbol finds: such as may be
    /// for any call, and such whose head is another expression or value.
    pub(crate) fn odd_rules(&self) -> (bool, bool) {
        let pattern = Atom::expression([
            Atom::Symbol(crate::atom::known().equal.clone()),
            Atom::variable("head"),
            Atom::variable("body"),
        ]);
        let (mut open, mut other) = (false, false);
        self.visit_own(&pattern, &Bindings::new(), &mut |found| {
            let Some([Atom::Symbol(_), head, _]) = found.atom.as_expression() else {
                open = true;
                return;
            };
            match head {
                Atom::Variable(_) => open = true,
                Atom::Expression(expression) => match expression.children().first() {
                    Some(Atom::Symbol(_)) => {}
                    Some(Atom::Variable(_)) => open = true,
                    _ => other = true,
                },
                Atom::Symbol(_) | Atom::Grounded(_) => {}
            }
        });
        (open, other)
    }

    /// Every way in which `pattern` unifies with an atom of the space.
    /// `(, p1 … pn)` is a join. Results come oldest atom first.
    pub fn query(&self, pattern: &Atom) -> Vec<Bindings> {
        let mut bindings = Bindings::new();
        let mut results = Vec::new();
        for (delta, _) in self.solutions(pattern, &mut bindings, &mut |_| true) {
            let mut solution = Bindings::new();
            for (variable, value) in delta {
                solution.bind(variable, value);
            }
            results.push(solution);
        }
        results
    }

    /// The solutions of `pattern` under `bindings`: for each what it binds, and
    /// the atoms that it used. `bindings` are as before afterwards.
    ///
    /// `go_on` is asked at each atom looked at, with the number of solutions held;
    /// once it says no, nothing more is looked at and there are no solutions.
    pub(crate) fn solutions(
        &self,
        pattern: &Atom,
        bindings: &mut Bindings,
        go_on: &mut dyn FnMut(usize) -> bool,
    ) -> Vec<Solution> {
        let conjuncts = match pattern.as_expression() {
            Some([head, rest @ ..]) if head.as_symbol() == Some(",") => rest,
            _ => std::slice::from_ref(pattern),
        };
        let mut solutions: Vec<Solution> = vec![(Vec::new(), Vec::new())];
        let mut stopped = false;
        for conjunct in conjuncts {
            let mut next = Vec::new();
            for (delta, facts) in solutions {
                let mark = bindings.mark();
                for (variable, value) in &delta {
                    bindings.bind(variable.clone(), value.clone());
                }
                let mut frame = Frame::default();
                self.candidates(conjunct, bindings, &mut |found, bindings| {
                    stopped = stopped || !go_on(next.len());
                    if stopped {
                        return;
                    }
                    frame.clear();
                    let inner = bindings.mark();
                    if unify_stored(conjunct, found.atom, &mut frame, bindings) {
                        let mut facts = facts.clone();
                        facts.push((found.atom.clone(), found.origin.cloned()));
                        next.push((bindings.since(mark), facts));
                    }
                    bindings.undo(inner);
                });
                bindings.undo(mark);
                if stopped {
                    return Vec::new();
                }
            }
            solutions = next;
        }
        solutions
    }

    /// Calls `visit` for each atom that unifies with `pattern`, with the
    /// bindings that make them equal.
    pub(crate) fn each(
        &self,
        pattern: &Atom,
        bindings: &mut Bindings,
        mut visit: impl FnMut(&Found<'_>, &mut Bindings),
    ) {
        let mut frame = Frame::default();
        self.candidates(pattern, bindings, &mut |found, bindings| {
            frame.clear();
            let mark = bindings.mark();
            if unify_stored(pattern, found.atom, &mut frame, bindings) {
                visit(found, bindings);
            }
            bindings.undo(mark);
        });
    }

    /// Calls `visit` for each atom that may unify with `pattern`, this space's
    /// own first, then those of its imports.
    pub(crate) fn candidates(
        &self,
        pattern: &Atom,
        bindings: &mut Bindings,
        visit: &mut dyn FnMut(&Found<'_>, &mut Bindings),
    ) {
        let key = store::Key::of(pattern, bindings);
        for space in self.closure() {
            space.prepare(&key);
            space.visit_key(&key, &mut |found| visit(found, bindings));
        }
    }

    /// Whether the space, or one that it imports, may assign a type to an expression
    /// with this head. `true` may be wrong.
    pub(crate) fn may_type_expression(&self, head: &Atom) -> bool {
        self.closure()
            .iter()
            .any(|space| space.own_may_type_expression(head))
    }

    fn own_may_type_expression(&self, head: &Atom) -> bool {
        match &self.0.kind {
            Kind::Live(store) => read(store).may_type_expression(head),
            Kind::Snapshot { base, .. } | Kind::Alone { base } => {
                base.own_may_type_expression(head)
            }
            Kind::Fork { base, overlay } => {
                base.own_may_type_expression(head) || read(overlay).added.may_type_expression(head)
            }
        }
    }

    /// This space and all that it imports, directly or not, each once.
    pub(crate) fn closure(&self) -> Vec<Space> {
        let mut spaces = vec![self.clone()];
        let mut next = 0;
        while next < spaces.len() {
            for import in spaces[next].imports() {
                if !spaces.iter().any(|known| known.is_same(&import)) {
                    spaces.push(import);
                }
            }
            next += 1;
        }
        spaces
    }

    /// Calls `visit` for each atom of this space itself, imports not counted.
    pub(crate) fn each_own(&self, visit: &mut dyn FnMut(&Atom)) {
        self.visit_all_own(&mut |found| visit(found.atom));
    }

    fn visit_own(&self, pattern: &Atom, bindings: &Bindings, visit: &mut dyn FnMut(&Found<'_>)) {
        let key = store::Key::of(pattern, bindings);
        self.prepare(&key);
        self.visit_key(&key, visit);
    }

    /// Makes the index that `key` wants, if it is not there yet.
    fn prepare(&self, key: &store::Key) {
        match &self.0.kind {
            Kind::Live(store) => {
                let ready = read(store).is_ready(key);
                if !ready {
                    write(store).prepare(key);
                }
            }
            Kind::Snapshot { base, .. } | Kind::Alone { base } => base.prepare(key),
            Kind::Fork { base, overlay } => {
                base.prepare(key);
                write(overlay).added.prepare(key);
            }
        }
    }

    fn visit_key(&self, key: &store::Key, visit: &mut dyn FnMut(&Found<'_>)) {
        match &self.0.kind {
            Kind::Live(store) => read(store).visit(key, View::Now, visit),
            Kind::Snapshot { base, epoch } => base.visit_at(key, *epoch, visit),
            Kind::Alone { base } => base.visit_key(key, visit),
            Kind::Fork { base, overlay } => {
                let overlay = read(overlay);
                overlay.visit_base(visit, |visit| base.visit_key(key, visit));
                overlay.added.visit(key, View::Now, visit);
            }
        }
    }

    fn visit_at(&self, key: &store::Key, epoch: u64, visit: &mut dyn FnMut(&Found<'_>)) {
        if let Kind::Live(store) = &self.0.kind {
            read(store).visit(key, View::At(epoch), visit);
        }
    }

    fn visit_all_own(&self, visit: &mut dyn FnMut(&Found<'_>)) {
        self.visit_key(&store::Key::everything(), visit);
    }
}

/// What one solution binds, and the atoms it used with where they were written.
pub(crate) type Solution = (
    Vec<(crate::atom::Variable, Atom)>,
    Vec<(Atom, Option<Origin>)>,
);

impl Overlay {
    /// Visits the rows of the base, less those that the fork removed.
    fn visit_base(
        &self,
        visit: &mut dyn FnMut(&Found<'_>),
        rows: impl FnOnce(&mut dyn FnMut(&Found<'_>)),
    ) {
        if self.removed.is_empty() {
            return rows(visit);
        }
        let mut left = self.removed.clone();
        rows(&mut |found| {
            if !left.remove(found.atom) {
                visit(found);
            }
        });
    }
}

impl Drop for Body {
    fn drop(&mut self) {
        if let Kind::Snapshot { base, epoch } = &self.kind
            && let Kind::Live(store) = &base.0.kind
        {
            write(store).end_snapshot(*epoch);
        }
    }
}

fn read<T>(lock: &RwLock<T>) -> RwLockReadGuard<'_, T> {
    lock.read().expect("no panic while a space is locked")
}

fn write<T>(lock: &RwLock<T>) -> std::sync::RwLockWriteGuard<'_, T> {
    lock.write().expect("no panic while a space is locked")
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

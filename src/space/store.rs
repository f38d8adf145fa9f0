//! Rows and their indexes: what one live space (or one fork's overlay) holds.
//!
//! Rows stand in order of age. Every row is listed under its functor and arity;
//! postings of an argument are made when a query first binds that argument and
//! are kept current afterwards. Removed rows stay until half of all rows are
//! dead, then rows are renumbered and postings are made anew when next wanted,
//! so that adding and removing costs amortized O(1) and memory stays flat.

use std::collections::BTreeMap;
use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::atom::{Atom, Grounded, known};
use crate::space::Found;
use crate::unify::Bindings;

/// Where an atom was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) file: Arc<str>,
    pub(crate) line: u32,
}

struct Row {
    atom: Atom,
    born: u64,
    /// 0 while it lives.
    died: u64,
    origin: Option<Origin>,
}

/// A hash of what discriminates an atom at one position; unification verifies.
type Token = u64;

type Index<K, V> = HashMap<K, V, FixedState>;

#[derive(Clone, Copy, PartialEq, Eq, Hash)]
struct Functor {
    /// The token of the head symbol; `None` for any other head.
    head: Option<Token>,
    arity: usize,
}

#[derive(Default)]
struct Relation {
    rows: Vec<u32>,
    /// By argument position; empty until a query wants it.
    arguments: SmallVec<[Option<Postings>; 4]>,
}

#[derive(Default)]
struct Postings {
    by_token: Index<Token, Vec<u32>>,
    /// Rows that may match any token: a variable, or an expression with an open head.
    open: Vec<u32>,
}

/// All rows that a snapshot or the present may see.
#[derive(Clone, Copy)]
pub(super) enum View {
    Now,
    At(u64),
}

#[derive(Default)]
pub(super) struct Store {
    rows: Vec<Row>,
    live: usize,
    relations: Index<Functor, Relation>,
    /// Rows that are symbols or grounded atoms, by token.
    leaves: Index<Token, Vec<u32>>,
    /// Rows that are a bare variable: they unify with every pattern.
    variables: Vec<u32>,
    /// Whole-atom hash to rows; made by the first removal.
    exact: Option<Index<u64, SmallVec<[u32; 1]>>>,
    epoch: u64,
    snapshots: BTreeMap<u64, usize>,
    /// The heads of the expressions that were ever assigned a type.
    typed_heads: TypedHeads,
}

/// The heads of the expressions that atoms assign types to.
#[derive(Default)]
struct TypedHeads {
    heads: Vec<Atom>,
    /// Whether there are others, or too many to tell.
    any: bool,
}

impl TypedHeads {
    const HEADS_MAX: usize = 16;

    /// Notes `atom` if it unifies with some `(: (…) T)`.
    fn note(&mut self, atom: &Atom) {
        let subject = match atom.as_expression() {
            Some([word, subject, _]) if word.is_symbol(&known().colon) => subject,
            Some([Atom::Variable(_), subject, _]) => subject,
            Some(_) => return,
            None => atom,
        };
        match subject {
            Atom::Variable(_) => self.any = true,
            Atom::Expression(expression) => match expression.children().first() {
                None => {}
                Some(head) if self.heads.contains(head) => {}
                Some(head @ Atom::Symbol(_)) if self.heads.len() < TypedHeads::HEADS_MAX => {
                    self.heads.push(head.clone());
                }
                Some(_) => self.any = true,
            },
            Atom::Symbol(_) | Atom::Grounded(_) => {}
        }
    }
}

/// What a pattern tells about the atoms that it may unify with.
pub(super) struct Key {
    functor: KeyFunctor,
    /// Tokens of bound arguments, by position (1-based: the head is 0).
    arguments: SmallVec<[(usize, Token); 4]>,
}

enum KeyFunctor {
    Everything,
    Leaf(Token),
    /// An expression whose head is known.
    Known(Functor),
    /// An expression of which only the arity is known.
    Arity(usize),
}

fn leaf_token(atom: &Atom) -> Token {
    atom.structural_hash()
}

/// The token of an argument; `None` if it tells nothing.
fn argument_token(atom: &Atom) -> Option<Token> {
    match atom {
        Atom::Variable(_) => None,
        Atom::Symbol(_) => Some(leaf_token(atom)),
        // States and host values may equal others by rules of their own.
        Atom::Grounded(Grounded::State(_) | Grounded::Value(_)) => None,
        Atom::Grounded(_) => Some(leaf_token(atom)),
        Atom::Expression(expression) => match expression.children() {
            [] => Some(1),
            [head @ Atom::Symbol(_), ..] => Some(
                FixedState::with_seed(7).hash_one((leaf_token(head), expression.children().len())),
            ),
            _ => None,
        },
    }
}

impl Key {
    pub(super) fn everything() -> Key {
        Key {
            functor: KeyFunctor::Everything,
            arguments: SmallVec::new(),
        }
    }

    pub(super) fn of(pattern: &Atom, bindings: &Bindings) -> Key {
        let functor = match bindings.walk(pattern) {
            Atom::Variable(_) | Atom::Grounded(Grounded::State(_) | Grounded::Value(_)) => {
                KeyFunctor::Everything
            }
            leaf @ (Atom::Symbol(_) | Atom::Grounded(_)) => KeyFunctor::Leaf(leaf_token(leaf)),
            Atom::Expression(expression) => {
                let children = expression.children();
                let mut arguments = SmallVec::new();
                for (position, child) in children.iter().enumerate().skip(1) {
                    // The head of an argument may be bound too.
                    let child = bindings.walk(child);
                    if let Some(token) = bound_argument_token(child, bindings) {
                        arguments.push((position, token));
                    }
                }
                let functor = match children.first().map(|head| bindings.walk(head)) {
                    Some(head @ Atom::Symbol(_)) => KeyFunctor::Known(Functor {
                        head: Some(leaf_token(head)),
                        arity: children.len(),
                    }),
                    _ => KeyFunctor::Arity(children.len()),
                };
                return Key { functor, arguments };
            }
        };
        Key {
            functor,
            arguments: SmallVec::new(),
        }
    }
}

fn bound_argument_token(atom: &Atom, bindings: &Bindings) -> Option<Token> {
    if let Some([head @ Atom::Variable(_), ..]) = atom.as_expression()
        && let head @ Atom::Symbol(_) = bindings.walk(head)
    {
        let arity = atom.as_expression().map_or(0, <[Atom]>::len);
        return Some(FixedState::with_seed(7).hash_one((leaf_token(head), arity)));
    }
    argument_token(atom)
}

impl Store {
    pub(super) fn len(&self) -> usize {
        self.live
    }

    /// A store with the same live rows; for forking a fork.
    pub(super) fn copy(&self) -> Store {
        let mut copy = Store::default();
        for row in self.rows.iter().filter(|row| row.died == 0) {
            copy.add(row.atom.clone(), row.origin.clone());
        }
        copy
    }

    pub(super) fn add(&mut self, atom: Atom, origin: Option<Origin>) {
        let row = u32::try_from(self.rows.len()).expect("compaction keeps row numbers small");
        self.link(row, &atom);
        self.typed_heads.note(&atom);
        if let Some(exact) = &mut self.exact {
            exact.entry(atom.structural_hash()).or_default().push(row);
        }
        self.rows.push(Row {
            atom,
            born: self.epoch,
            died: 0,
            origin,
        });
        self.live += 1;
    }

    /// Whether a `(: (head …) T)` may be among the atoms; costs next to nothing.
    pub(super) fn may_type_expression(&self, head: &Atom) -> bool {
        matches!(head, Atom::Variable(_))
            || self.typed_heads.any
            || self.typed_heads.heads.contains(head)
    }

    fn link(&mut self, row: u32, atom: &Atom) {
        match atom {
            Atom::Variable(_) | Atom::Grounded(Grounded::State(_) | Grounded::Value(_)) => {
                self.variables.push(row);
            }
            Atom::Symbol(_) | Atom::Grounded(_) => {
                self.leaves.entry(leaf_token(atom)).or_default().push(row);
            }
            Atom::Expression(expression) => {
                let children = expression.children();
                let head = match children.first() {
                    Some(head @ Atom::Symbol(_)) => Some(leaf_token(head)),
                    _ => None,
                };
                let relation = self
                    .relations
                    .entry(Functor {
                        head,
                        arity: children.len(),
                    })
                    .or_default();
                relation.rows.push(row);
                for (position, postings) in relation.arguments.iter_mut().enumerate() {
                    if let Some(postings) = postings {
                        postings.link(row, &children[position]);
                    }
                }
            }
        }
    }

    pub(super) fn remove(&mut self, atom: &Atom) -> bool {
        if self.exact.is_none() {
            let mut exact: Index<u64, SmallVec<[u32; 1]>> = Index::default();
            for (row, stored) in self
                .rows
                .iter()
                .enumerate()
                .filter(|(_, row)| row.died == 0)
            {
                exact
                    .entry(stored.atom.structural_hash())
                    .or_default()
                    .push(row as u32);
            }
            self.exact = Some(exact);
        }
        let exact = self.exact.as_mut().expect("just made");
        let hash = atom.structural_hash();
        let Some(rows) = exact.get_mut(&hash) else {
            return false;
        };
        let Some(place) = rows
            .iter()
            .position(|&row| self.rows[row as usize].atom == *atom)
        else {
            return false;
        };
        let row = rows.remove(place) as usize;
        if rows.is_empty() {
            exact.remove(&hash);
        }
        self.rows[row].died = self.epoch.max(1);
        self.live -= 1;
        if self.snapshots.is_empty() {
            self.rows[row].atom = Atom::Grounded(Grounded::Bool(false));
            self.rows[row].born = u64::MAX;
        }
        if self.rows.len() > 2 * self.live + 64 && self.snapshots.is_empty() {
            self.compact();
        }
        true
    }

    /// Renumbers the live rows and drops every posting.
    fn compact(&mut self) {
        let rows = std::mem::take(&mut self.rows);
        self.relations.clear();
        self.leaves.clear();
        self.variables.clear();
        self.exact = None;
        self.live = 0;
        if self.relations.capacity() > 4 * rows.len() {
            self.relations.shrink_to_fit();
        }
        for row in rows.into_iter().filter(|row| row.died == 0) {
            self.add(row.atom, row.origin);
        }
        self.leaves.shrink_to_fit();
    }

    pub(super) fn begin_snapshot(&mut self) -> u64 {
        // The first epoch is 1, so that a removal's stamp is never the 0 of the living.
        let epoch = self.epoch.max(1);
        *self.snapshots.entry(epoch).or_insert(0) += 1;
        self.epoch = epoch + 1;
        epoch
    }

    pub(super) fn end_snapshot(&mut self, epoch: u64) {
        if let Some(count) = self.snapshots.get_mut(&epoch) {
            *count -= 1;
            if *count == 0 {
                self.snapshots.remove(&epoch);
            }
        }
        if self.snapshots.is_empty() && self.rows.len() > 2 * self.live + 64 {
            self.compact();
        }
    }

    pub(super) fn is_ready(&self, key: &Key) -> bool {
        let KeyFunctor::Known(functor) = key.functor else {
            return true;
        };
        let Some(relation) = self.relations.get(&functor) else {
            return true;
        };
        relation.rows.len() < 8
            || key.arguments.iter().all(|(position, _)| {
                relation
                    .arguments
                    .get(*position)
                    .is_some_and(Option::is_some)
            })
    }

    /// Makes the postings that `key` wants.
    pub(super) fn prepare(&mut self, key: &Key) {
        let KeyFunctor::Known(functor) = key.functor else {
            return;
        };
        let Some(relation) = self.relations.get_mut(&functor) else {
            return;
        };
        if relation.rows.len() < 8 {
            return;
        }
        for &(position, _) in &key.arguments {
            if relation.arguments.len() <= position {
                relation.arguments.resize_with(position + 1, || None);
            }
            if relation.arguments[position].is_none() {
                let mut postings = Postings::default();
                for &row in &relation.rows {
                    if let Some(children) = self.rows[row as usize].atom.as_expression() {
                        postings.link(row, &children[position]);
                    }
                }
                relation.arguments[position] = Some(postings);
            }
        }
    }

    pub(super) fn visit(&self, key: &Key, view: View, visit: &mut dyn FnMut(&Found<'_>)) {
        match key.functor {
            KeyFunctor::Everything => {
                for row in &self.rows {
                    self.visit_row(row, view, visit);
                }
            }
            KeyFunctor::Leaf(token) => {
                let rows = self.leaves.get(&token).map_or(&[][..], Vec::as_slice);
                self.visit_merged([rows, &self.variables], view, visit);
            }
            KeyFunctor::Known(functor) => {
                let open = Functor {
                    head: None,
                    arity: functor.arity,
                };
                let open = self
                    .relations
                    .get(&open)
                    .map_or(&[][..], |relation| &relation.rows);
                let (bound, side) = self
                    .relations
                    .get(&functor)
                    .map_or((&[][..], &[][..]), |relation| relation.shortest(key));
                self.visit_merged([bound, side, open, &self.variables], view, visit);
            }
            KeyFunctor::Arity(arity) => {
                let mut rows: Vec<u32> = self.variables.clone();
                for (functor, relation) in &self.relations {
                    if functor.arity == arity {
                        rows.extend(&relation.rows);
                    }
                }
                rows.sort_unstable();
                for row in rows {
                    self.visit_row(&self.rows[row as usize], view, visit);
                }
            }
        }
    }

    fn visit_row(&self, row: &Row, view: View, visit: &mut dyn FnMut(&Found<'_>)) {
        let visible = match view {
            View::Now => row.died == 0,
            View::At(epoch) => row.born <= epoch && (row.died == 0 || row.died > epoch),
        };
        if visible {
            visit(&Found {
                atom: &row.atom,
                origin: row.origin.as_ref(),
            });
        }
    }

    /// Visits the rows of several ascending lists in ascending order.
    fn visit_merged<const N: usize>(
        &self,
        mut lists: [&[u32]; N],
        view: View,
        visit: &mut dyn FnMut(&Found<'_>),
    ) {
        loop {
            let mut least: Option<usize> = None;
            for (index, list) in lists.iter().enumerate() {
                if let Some(first) = list.first()
                    && least.is_none_or(|best| *first < lists[best][0])
                {
                    least = Some(index);
                }
            }
            let Some(index) = least else { return };
            self.visit_row(&self.rows[lists[index][0] as usize], view, visit);
            lists[index] = &lists[index][1..];
        }
    }
}

impl Relation {
    /// The shortest list of rows for `key`, with the rows that are open there.
    fn shortest(&self, key: &Key) -> (&[u32], &[u32]) {
        let mut best: (&[u32], &[u32]) = (&self.rows, &[]);
        for (position, token) in &key.arguments {
            if let Some(Some(postings)) = self.arguments.get(*position) {
                let bound = postings.by_token.get(token).map_or(&[][..], Vec::as_slice);
                if bound.len() + postings.open.len() < best.0.len() + best.1.len() {
                    best = (bound, &postings.open);
                }
            }
        }
        best
    }
}

impl Postings {
    fn link(&mut self, row: u32, argument: &Atom) {
        match argument_token(argument) {
            Some(token) => self.by_token.entry(token).or_default().push(row),
            None => self.open.push(row),
        }
    }
}

/// A multiset of atoms.
#[derive(Clone, Default)]
pub(super) struct Multiset {
    counts: HashMap<Atom, usize, FixedState>,
}

impl Multiset {
    pub(super) fn is_empty(&self) -> bool {
        self.counts.is_empty()
    }

    pub(super) fn count(&self, atom: &Atom) -> usize {
        self.counts.get(atom).copied().unwrap_or(0)
    }

    pub(super) fn insert(&mut self, atom: Atom) {
        *self.counts.entry(atom).or_insert(0) += 1;
    }

    /// Removes one occurrence; returns whether there was one.
    pub(super) fn remove(&mut self, atom: &Atom) -> bool {
        match self.counts.get_mut(atom) {
            None => false,
            Some(1) => {
                self.counts.remove(atom);
                true
            }
            Some(count) => {
                *count -= 1;
                true
            }
        }
    }
}

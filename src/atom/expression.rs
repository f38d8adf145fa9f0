//! Expressions: shared sequences of atoms. Dropping, comparing and hashing are
//! loops with explicit stacks, so depth costs no native stack.

use std::cell::RefCell;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};

use foldhash::fast::FixedState;
use hashbrown::HashSet;
use smallvec::{SmallVec, smallvec};

use crate::atom::{Atom, Grounded};

/// A sequence of atoms, shared and immutable. Knows whether it is ground, and its size.
#[derive(Clone)]
pub struct Expression(Arc<ExpressionData>);

struct ExpressionData {
    children: Vec<Atom>,
    /// As printed: what is shared counts each time that it occurs.
    size: u32,
    ground: bool,
    variables: bool,
    /// Whether it is a result that evaluates to itself.
    evaluated: bool,
    /// Whether variables in it were bound since it was evaluated.
    bound: bool,
    /// What leaves are in it: see [`Expression::marks`].
    marks: AtomicU8,
    /// 0 until computed.
    hash: AtomicU64,
}

/// Whether marks were computed.
const MARKED: u8 = 1 << 7;

impl Expression {
    /// An expression of `children`.
    pub fn new(children: Vec<Atom>) -> Expression {
        Expression::with(children, false)
    }

    /// An expression of `children`; whether it is a result that evaluates to itself.
    pub(crate) fn with(children: Vec<Atom>, evaluated: bool) -> Expression {
        Expression::made(children, evaluated, false)
    }

    /// A result in which variables were bound since it was evaluated.
    pub(crate) fn bound(children: Vec<Atom>) -> Expression {
        Expression::made(children, true, true)
    }

    fn made(children: Vec<Atom>, evaluated: bool, bound: bool) -> Expression {
        let (mut ground, mut variables, mut size) = (true, false, 1u32);
        for child in &children {
            ground &= child.is_ground();
            variables |= child.has_variables();
            size = size.saturating_add(child.size());
        }
        Expression(Arc::new(ExpressionData {
            children,
            size,
            ground,
            variables,
            evaluated,
            bound,
            marks: AtomicU8::new(0),
            hash: AtomicU64::new(0),
        }))
    }

    /// The same expression as a result that evaluates to itself.
    pub(crate) fn evaluated(&self) -> Expression {
        Expression::with(self.0.children.clone(), true)
    }

    /// Whether it is a result that evaluates to itself.
    pub(crate) fn is_evaluated(&self) -> bool {
        self.0.evaluated
    }

    /// Whether it is a result in which variables were bound since it was evaluated.
    pub(crate) fn is_bound(&self) -> bool {
        self.0.bound
    }

    /// The expression where it is no part of another: no result if variables in it were bound since
    /// it was evaluated.
    pub(crate) fn as_whole(&self) -> Atom {
        if self.0.bound {
            Atom::Expression(Expression::new(self.0.children.clone()))
        } else {
            Atom::Expression(self.clone())
        }
    }

    /// The children in order.
    pub fn children(&self) -> &[Atom] {
        &self.0.children
    }

    /// Whether no variable occurs in it, and no host value that is a pattern.
    pub fn is_ground(&self) -> bool {
        self.0.ground
    }

    /// Whether a variable occurs in it.
    pub(crate) fn has_variables(&self) -> bool {
        self.0.variables
    }

    /// What kinds of leaves are in it, however deep: the bits, of the lower seven, that `of`
    /// has for any of them. Computed once, so that all callers must ask with the same `of`.
    pub(crate) fn marks(&self, of: fn(&Atom) -> u8) -> u8 {
        let marks = self.0.marks.load(Ordering::Relaxed);
        let marks = if marks & MARKED == 0 {
            compute_marks(self, of)
        } else {
            marks
        };
        marks & !MARKED
    }

    /// How many atoms it is when printed, itself included; `u32::MAX` is any number beyond.
    /// Parts may be shared, so an expression can be far larger than what it takes in memory.
    pub(crate) fn size(&self) -> u32 {
        self.0.size
    }

    /// Whether both are the same allocation.
    pub(crate) fn is_same(&self, other: &Expression) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// Where it is: the same for clones, as long as one of them is kept.
    pub(crate) fn address(&self) -> usize {
        Arc::as_ptr(&self.0) as usize
    }

    pub(super) fn cached_hash(&self) -> u64 {
        let hash = self.0.hash.load(Ordering::Relaxed);
        if hash != 0 { hash } else { compute_hash(self) }
    }
}

fn combine(children: &[Atom]) -> u64 {
    let mut hasher = HASH.build_hasher();
    hasher.write_usize(children.len());
    for child in children {
        let hash = match child {
            Atom::Expression(expression) => expression.0.hash.load(Ordering::Relaxed),
            leaf => leaf_hash(leaf),
        };
        hasher.write_u64(hash);
    }
    hasher.finish() | 1
}

/// Fills the hash caches of `expression` and all below it, children first.
fn compute_hash(expression: &Expression) -> u64 {
    let mut pending = vec![(expression, false)];
    while let Some((expression, children_done)) = pending.pop() {
        if expression.0.hash.load(Ordering::Relaxed) != 0 {
            continue;
        }
        if children_done {
            expression
                .0
                .hash
                .store(combine(expression.children()), Ordering::Relaxed);
        } else {
            pending.push((expression, true));
            for child in expression.children() {
                if let Atom::Expression(child) = child
                    && child.0.hash.load(Ordering::Relaxed) == 0
                {
                    pending.push((child, false));
                }
            }
        }
    }
    expression.0.hash.load(Ordering::Relaxed)
}

/// Fills the marks of `expression` and all below it, children first.
fn compute_marks(expression: &Expression, of: fn(&Atom) -> u8) -> u8 {
    let mut pending = vec![expression];
    while let Some(expression) = pending.last().copied() {
        let (mut marks, before) = (MARKED, pending.len());
        for child in expression.children() {
            match child {
                Atom::Expression(child) => match child.0.marks.load(Ordering::Relaxed) {
                    0 => pending.push(child),
                    known => marks |= known,
                },
                leaf => marks |= of(leaf) & !MARKED,
            }
        }
        if pending.len() == before {
            expression.0.marks.store(marks, Ordering::Relaxed);
            pending.pop();
        }
    }
    expression.0.marks.load(Ordering::Relaxed)
}

static HASH: FixedState = FixedState::with_seed(0x5eed);

pub(super) fn leaf_hash(atom: &Atom) -> u64 {
    let mut hasher = HASH.build_hasher();
    match atom {
        Atom::Symbol(symbol) => symbol.hash(&mut hasher),
        Atom::Variable(variable) => {
            hasher.write_u8(1);
            variable.hash(&mut hasher);
        }
        Atom::Grounded(grounded) => match grounded {
            Grounded::Number(number) => {
                hasher.write_u8(2);
                number.hash(&mut hasher);
            }
            Grounded::Bool(value) => hasher.write_u8(3 + u8::from(*value)),
            Grounded::Text(text) => {
                hasher.write_u8(5);
                text.hash(&mut hasher);
            }
            Grounded::Char(value) => value.hash(&mut hasher),
            Grounded::Operation(operation) => operation.name().hash(&mut hasher),
            Grounded::Space(space) => space.hash_identity(&mut hasher),
            // Equal states hold equal values, which change: no part of the hash.
            Grounded::State(_) => hasher.write_u8(7),
            Grounded::Value(_) => hasher.write_u8(8),
        },
        Atom::Expression(expression) => return expression.cached_hash(),
    }
    hasher.finish() | 1
}

/// Expressions of more atoms are gone through with an eye on what they share.
pub(crate) const LARGE: u32 = 1024;

pub(super) fn equal(left: &Expression, right: &Expression) -> bool {
    if left.is_same(right) {
        return true;
    }
    let mut pending: SmallVec<[(&Expression, &Expression); 8]> = smallvec![(left, right)];
    // Pairs of large parts, which may be shared, are compared once.
    let mut known: HashSet<(usize, usize), FixedState> = HashSet::default();
    while let Some((left, right)) = pending.pop() {
        if left.is_same(right) {
            continue;
        }
        let (a, b) = (left.children(), right.children());
        if left.size() != right.size() || a.len() != b.len() {
            return false;
        }
        if left.size() > LARGE && !known.insert((left.address(), right.address())) {
            continue;
        }
        for pair in a.iter().zip(b) {
            match pair {
                (Atom::Expression(a), Atom::Expression(b)) => pending.push((a, b)),
                (a, b) if a == b => {}
                _ => return false,
            }
        }
    }
    true
}

thread_local! {
    static DROPPING: RefCell<Option<Vec<Vec<Atom>>>> = const { RefCell::new(None) };
}

/// Children of a dropped expression are queued while an outer drop runs, so the
/// native stack never grows with the depth of an atom.
impl Drop for ExpressionData {
    fn drop(&mut self) {
        if self
            .children
            .iter()
            .all(|child| !matches!(child, Atom::Expression(_) | Atom::Grounded(_)))
        {
            return;
        }
        let children = std::mem::take(&mut self.children);
        let outermost = DROPPING.try_with(|queue| {
            let mut queue = queue.borrow_mut();
            match queue.as_mut() {
                Some(pending) => {
                    pending.push(children);
                    false
                }
                None => {
                    *queue = Some(vec![children]);
                    true
                }
            }
        });
        if outermost == Ok(true) {
            loop {
                let next = DROPPING.with(|queue| queue.borrow_mut().as_mut().and_then(Vec::pop));
                match next {
                    Some(children) => drop(children),
                    None => break,
                }
            }
            DROPPING.with(|queue| *queue.borrow_mut() = None);
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::atom::Atom;

    fn nested(depth: usize) -> Atom {
        let mut atom = Atom::symbol("z");
        for _ in 0..depth {
            atom = Atom::expression([Atom::symbol("s"), atom]);
        }
        atom
    }

    /// `((a a) (a a))` and so on, sharing its parts.
    fn doubled(levels: usize) -> Atom {
        let mut atom = Atom::symbol("a");
        for _ in 0..levels {
            atom = Atom::expression([atom.clone(), atom]);
        }
        atom
    }

    #[test]
    fn what_shares_its_parts_costs_what_it_holds_and_not_what_it_would_print() {
        assert_eq!(doubled(2).size(), 7);
        assert_eq!(doubled(2).to_string(), "((a a) (a a))");
        let (a, b) = (doubled(100), doubled(100));
        assert_eq!(a.size(), u32::MAX);
        assert!(a == b);
        assert!(a != doubled(101));
        assert_eq!(a.structural_hash(), b.structural_hash());
        let shown = Atom::expression([Atom::symbol("f"), a]).to_string();
        assert_eq!(shown, "(…)");
    }

    #[test]
    fn deep_atoms_compare_hash_print_and_drop_without_native_recursion() {
        let (a, b) = (nested(200_000), nested(200_000));
        assert!(a == b);
        assert_eq!(a.structural_hash(), b.structural_hash());
        assert_eq!(a.to_string().len(), 200_000 * 4 + 1);
    }
}

//! What is known of the heads of calls.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::atom::Atom;
use crate::operation::Operation;
use crate::symbol::Symbol;

/// What a head is, by its types and by who carries calls of it out.
#[derive(Clone)]
pub(super) enum Head {
    /// No function type: all elements are evaluated, then rules are looked for.
    Untyped,
    /// One function type; rules.
    Typed(Arc<Signature>),
    /// One function type; an operation of the host, and no rules.
    Operation(Arc<Operation>, Arc<Signature>),
    /// Anything else, which the plain evaluator deals with.
    Complex,
}

/// A signature: parameter types and the type of the result.
#[derive(Clone, Debug)]
pub(super) struct Signature {
    pub(super) parameters: Vec<Atom>,
    pub(super) returns: Atom,
}

/// Numbers of elements that calls have; from 63 on they are one.
#[derive(Clone, Copy, Default)]
pub(super) struct Counts(u64);

impl Counts {
    pub(super) const ALL: Counts = Counts(u64::MAX);

    pub(super) fn note(&mut self, count: usize) {
        self.0 |= Counts::bit(count);
    }

    #[inline(always)]
    pub(super) fn has(self, count: usize) -> bool {
        self.0 & Counts::bit(count) != 0
    }

    /// Whether there is any.
    #[inline(always)]
    pub(super) fn are_some(self) -> bool {
        self.0 != 0
    }

    fn bit(count: usize) -> u64 {
        1 << count.min(63)
    }
}

/// What was seen of names, with so many elements. Names that come and go are kept only as
/// long as they are not many.
#[derive(Default)]
pub(super) struct Passing {
    known: HashMap<(u32, usize), (Symbol, bool), FixedState>,
    /// Those asked for lately, by their lowest bits; all are known.
    recent: [Option<(u32, usize, bool)>; Passing::RECENT],
}

impl Passing {
    const RECENT: usize = 16;
    const MANY: usize = 1 << 12;

    #[inline(always)]
    pub(super) fn get(&mut self, name: u32, count: usize) -> Option<bool> {
        match self.recent[name as usize % Passing::RECENT] {
            Some((known, elements, holds)) if (known, elements) == (name, count) => Some(holds),
            _ => self.look_up(name, count),
        }
    }

    #[inline(never)]
    fn look_up(&mut self, name: u32, count: usize) -> Option<bool> {
        let holds = self.known.get(&(name, count))?.1;
        self.recent[name as usize % Passing::RECENT] = Some((name, count, holds));
        Some(holds)
    }

    pub(super) fn insert(&mut self, name: Symbol, count: usize, holds: bool) {
        if self.known.len() >= Passing::MANY {
            self.clear();
        }
        self.known.insert((name.id(), count), (name, holds));
    }

    pub(super) fn clear(&mut self) {
        *self = Passing::default();
    }
}

pub(super) fn signature(function: &Atom) -> Arc<Signature> {
    let parts = function.as_expression().expect("a function type");
    let (returns, parameters) = parts[1..].split_last().expect("a function type returns");
    Arc::new(Signature {
        parameters: parameters.to_vec(),
        returns: returns.clone(),
    })
}

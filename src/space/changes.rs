//! Counts of changes that code compiled from spaces depends on, over all spaces: to
//! see at a glance that nothing changed.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{PoisonError, RwLock};

use crate::atom::known;
use crate::space::relation::{RelationKey, Subject};
use crate::space::token;

static RULES: AtomicU64 = AtomicU64::new(0);
static TYPES: AtomicU64 = AtomicU64::new(0);
static HEADS: AtomicU64 = AtomicU64::new(0);

/// Names, by number, of operations that code was compiled for.
static OPERATIONS: RwLock<BTreeSet<u32>> = RwLock::new(BTreeSet::new());

/// How often rules, and types, of any space have changed; imports count as both, and so do rules
/// for calls of an operation.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) rules: u64,
    pub(crate) types: u64,
}

/// Notes that code is made which takes calls of this name for calls of an operation: rules for
/// them change from now on what all code may take them for.
pub(crate) fn note_operation(name: u32) {
    if !is_operation(name) {
        let mut operations = OPERATIONS.write().unwrap_or_else(PoisonError::into_inner);
        operations.insert(name);
    }
}

fn is_operation(name: u32) -> bool {
    let operations = OPERATIONS.read().unwrap_or_else(PoisonError::into_inner);
    operations.contains(&name)
}

/// The counts now.
pub(crate) fn changes() -> Changes {
    Changes {
        rules: RULES.load(Ordering::Acquire),
        types: TYPES.load(Ordering::Acquire),
    }
}

/// Notes, also in the counts of its store, that a row of this relation comes or goes.
pub(super) fn note(key: RelationKey, of_store: &mut Changes) {
    let mut count = |rules: bool, types: bool| {
        if rules {
            of_store.rules += 1;
            RULES.fetch_add(1, Ordering::Release);
        }
        if types {
            of_store.types += 1;
            TYPES.fetch_add(1, Ordering::Release);
        }
    };
    match key {
        RelationKey::About(head, subject) => {
            let is_rule = token::symbol_id(head) == Some(known().equal.id());
            let is_of_operation = || match subject {
                Subject::Call(name, _) => token::symbol_id(name).is_some_and(is_operation),
                Subject::Leaf(_) | Subject::Open => false,
            };
            count(is_rule, !is_rule || is_of_operation());
        }
        RelationKey::Known(head, 3) if token::symbol_id(head) == Some(known().subtype.id()) => {
            count(false, true);
        }
        RelationKey::Open | RelationKey::Headless(3) => count(true, true),
        RelationKey::Known(..)
        | RelationKey::Headless(_)
        | RelationKey::Otherwise(_)
        | RelationKey::Leaves
        | RelationKey::AllAbout(_) => {}
    }
}

/// Notes a change of what a space imports.
pub(super) fn note_both() {
    RULES.fetch_add(1, Ordering::Release);
    TYPES.fetch_add(1, Ordering::Release);
}

/// How often the first atom of some head came to some space: while it is equal, what a space
/// had nothing of it still has nothing of.
pub(super) fn heads() -> u64 {
    HEADS.load(Ordering::Acquire)
}

/// Notes the first atom of a head in a space; called while that is locked.
pub(super) fn note_head() {
    HEADS.fetch_add(1, Ordering::Release);
}

//! Counts of changes that code compiled from spaces depends on, over all spaces: to
//! see at a glance that nothing changed.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::atom::known;
use crate::space::relation::RelationKey;
use crate::space::token;

static RULES: AtomicU64 = AtomicU64::new(0);
static TYPES: AtomicU64 = AtomicU64::new(0);

/// How often rules, and types, of any space have changed; imports count as both.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) rules: u64,
    pub(crate) types: u64,
}

/// The counts now.
pub(crate) fn changes() -> Changes {
    Changes {
        rules: RULES.load(Ordering::Acquire),
        types: TYPES.load(Ordering::Acquire),
    }
}

/// Notes that a row of this relation comes or goes.
pub(super) fn note(key: RelationKey) {
    match key {
        RelationKey::About(head, _) => {
            let count = if token::symbol_id(head) == Some(known().equal.id()) {
                &RULES
            } else {
                &TYPES
            };
            count.fetch_add(1, Ordering::Release);
        }
        RelationKey::Known(head, 3) if token::symbol_id(head) == Some(known().subtype.id()) => {
            TYPES.fetch_add(1, Ordering::Release);
        }
        RelationKey::Open | RelationKey::Headless(3) => note_both(),
        RelationKey::Known(..) | RelationKey::Headless(_) | RelationKey::Leaves => {}
    }
}

/// Notes a change of what a space imports.
pub(super) fn note_both() {
    RULES.fetch_add(1, Ordering::Release);
    TYPES.fetch_add(1, Ordering::Release);
}

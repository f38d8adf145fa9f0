//! Rules of other functions that code depends on: what a call's result tells of types, whether
//! there is anything to call. A function's own rules are not among them.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::space::Version;

/// Rules of a head symbol and arity that were looked at.
#[derive(Clone, Copy, PartialEq)]
pub(super) struct Seen {
    pub(super) symbol: u32,
    pub(super) arity: usize,
    pub(super) version: Version,
    /// That there are more than so many is all that was to be known of them: others may come and
    /// go.
    pub(super) more_than: Option<usize>,
}

/// What code depends on beside the rules that it is of.
#[derive(Default)]
pub(super) struct Looked {
    /// For code that is being made.
    now: Vec<Seen>,
    /// For the code of functions.
    of: HashMap<u32, Vec<Seen>, FixedState>,
}

impl Looked {
    /// Code is begun to be made: of a function anew, if one is given.
    pub(super) fn begin(&mut self, function: Option<u32>) {
        self.now.clear();
        if let Some(function) = function {
            self.of.remove(&function);
        }
    }

    /// These rules were looked at.
    pub(super) fn note(&mut self, seen: Seen) {
        if !self.now.contains(&seen) {
            self.now.push(seen);
        }
    }

    /// What was noted since is what the code of a function depends on, beside what it depended
    /// on before.
    pub(super) fn keep(&mut self, function: u32) {
        if !self.now.is_empty() {
            let seen = std::mem::take(&mut self.now);
            self.of.entry(function).or_default().extend(seen);
        }
    }

    /// Whether all that the code of a function depends on is still as it was.
    pub(super) fn holds(&self, function: u32, is_same: impl Fn(&Seen) -> bool) -> bool {
        let seen = self.of.get(&function).map_or(&[][..], Vec::as_slice);
        seen.iter().all(is_same)
    }
}

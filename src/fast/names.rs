//! Names that code refers to by their numbers, kept in use.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::symbol::{Symbol, names};

/// The first of them at hand as symbols. More take much less room by their numbers alone.
#[derive(Default)]
pub(super) struct KeptNames {
    at_hand: HashMap<u32, Symbol, FixedState>,
    others: HashSet<u32, FixedState>,
}

impl KeptNames {
    const AT_HAND: usize = 1 << 12;

    /// The name stays in use as long as this lives.
    pub(super) fn keep(&mut self, symbol: &Symbol) {
        let id = symbol.id();
        if self.at_hand.contains_key(&id) {
            return;
        }
        if self.at_hand.len() < KeptNames::AT_HAND {
            self.at_hand.insert(id, symbol.clone());
        } else if self.others.insert(id) {
            names().retain(id);
        }
    }

    /// The symbol whose number is `id`, which somebody has to keep in use.
    pub(super) fn symbol(&self, id: u32) -> Symbol {
        match self.at_hand.get(&id) {
            Some(symbol) => symbol.clone(),
            None => Symbol::from_id(id),
        }
    }
}

impl Drop for KeptNames {
    fn drop(&mut self) {
        if self.others.is_empty() {
            return;
        }
        let mut names = names();
        for id in &self.others {
            names.release(*id);
        }
    }
}

//! Interned names: equal names share one allocation, so comparing symbols is
//! comparing addresses. Names nobody holds any more are given back.

use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex};

use foldhash::fast::FixedState;
use hashbrown::HashTable;

/// An interned name. Cheap to clone, compare and hash.
#[derive(Clone)]
pub struct Symbol(Arc<SymbolData>);

struct SymbolData {
    hash: u64,
    name: Box<str>,
}

impl Symbol {
    /// Interns `name`.
    pub fn new(name: &str) -> Symbol {
        TABLE
            .lock()
            .expect("the symbol table never panics while locked")
            .intern(name)
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0.name
    }
}

impl PartialEq for Symbol {
    fn eq(&self, other: &Symbol) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Symbol {}

impl PartialOrd for Symbol {
    fn partial_cmp(&self, other: &Symbol) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Symbol {
    fn cmp(&self, other: &Symbol) -> std::cmp::Ordering {
        self.as_str().cmp(other.as_str())
    }
}

impl Hash for Symbol {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.0.hash);
    }
}

impl fmt::Display for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Debug for Symbol {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

static TABLE: LazyLock<Mutex<SymbolTable>> = LazyLock::new(|| {
    Mutex::new(SymbolTable {
        names: HashTable::new(),
        state: FixedState::default(),
        sweep_at: 4096,
    })
});

/// Holds one reference to every live name. A name that only the table holds is
/// dropped at the next sweep; sweeps come when the table has doubled, so their
/// cost is constant per interned name.
struct SymbolTable {
    names: HashTable<Arc<SymbolData>>,
    state: FixedState,
    sweep_at: usize,
}

impl SymbolTable {
    fn intern(&mut self, name: &str) -> Symbol {
        let hash = self.state.hash_one(name);
        if let Some(found) = self.names.find(hash, |data| &*data.name == name) {
            return Symbol(Arc::clone(found));
        }
        if self.names.len() >= self.sweep_at {
            self.names.retain(|data| Arc::strong_count(data) > 1);
            self.sweep_at = (self.names.len() * 2).max(4096);
        }
        let data = Arc::new(SymbolData {
            hash,
            name: name.into(),
        });
        self.names
            .insert_unique(hash, Arc::clone(&data), |data| data.hash);
        Symbol(data)
    }
}

#[cfg(test)]
mod tests {
    use super::Symbol;

    #[test]
    fn equal_names_share_one_symbol() {
        assert_eq!(Symbol::new("red"), Symbol::new("red"));
        assert_ne!(Symbol::new("red"), Symbol::new("green"));
    }

    #[test]
    fn names_nobody_holds_are_given_back() {
        for n in 0..50_000 {
            Symbol::new(&format!("short-lived-{n}"));
        }
        let held = super::TABLE.lock().unwrap().names.len();
        assert!(held < 20_000, "{held} names held");
    }
}

//! Interned names: equal names are one symbol, so comparing symbols is comparing
//! addresses, and a name is one `u32` wherever atoms are kept flat.
//!
//! A name lives while somebody uses it: a [`Symbol`] somewhere, or atoms that are
//! stored as bare ids, which are counted by whoever stores them ([`Names`]).
//! Names that nobody uses are freed and their ids used again; while an evaluation runs
//! that may hold bare ids ([`pin`]), only by itself when it knows them all ([`free_unused`]).

use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::{Arc, LazyLock, Mutex, MutexGuard};

mod table;

use table::Table;

/// An interned name. Cheap to clone, compare and hash.
#[derive(Clone)]
pub struct Symbol(Arc<SymbolData>);

struct SymbolData {
    hash: u64,
    id: u32,
    name: Box<str>,
}

impl Symbol {
    /// Interns `name`.
    pub fn new(name: &str) -> Symbol {
        let mut table = lock();
        let id = table.intern(name);
        table.symbol(id)
    }

    /// The name itself.
    pub fn as_str(&self) -> &str {
        &self.0.name
    }

    /// The number of this name: its own as long as this symbol lives, afterwards
    /// perhaps another name's.
    pub fn id(&self) -> u32 {
        self.0.id
    }

    /// The symbol whose number is `id`. The caller knows that the name is in use:
    /// it is stored and counted, or an evaluation that met it is pinned.
    ///
    /// # Panics
    /// If no name has this number.
    pub(crate) fn from_id(id: u32) -> Symbol {
        lock().symbol(id)
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

static TABLE: LazyLock<Mutex<Table>> = LazyLock::new(Mutex::default);

fn lock() -> MutexGuard<'static, Table> {
    TABLE
        .lock()
        .expect("the symbol table never panics while locked")
}

/// The table of names, held for many steps at once. Nothing else that makes or
/// finds symbols may run meanwhile on the same thread: keep it short.
pub(crate) struct Names(MutexGuard<'static, Table>);

/// Holds the table of names.
pub(crate) fn names() -> Names {
    Names(lock())
}

impl Names {
    /// The numbers of `all`, each used so many times more from now on.
    pub(crate) fn retain_all(&mut self, all: &[(&str, u32)], ids: &mut Vec<u32>) {
        self.0.retain_all(all, ids);
    }

    /// The name `id` is used once more.
    pub(crate) fn retain(&mut self, id: u32) {
        self.0.retain(id);
    }

    /// The name `id` is used once less.
    pub(crate) fn release(&mut self, id: u32) {
        self.0.release(id);
    }

    /// The symbol whose number is `id`.
    pub(crate) fn symbol(&mut self, id: u32) -> Symbol {
        self.0.symbol(id)
    }
}

/// Gives back the room of symbols that were made of numbers lately and that nobody holds.
pub(crate) fn settle() {
    lock().settle();
}

/// While it lives, no name is freed.
pub(crate) struct Pin(());

/// Whether names should be freed, and one evaluation alone keeps them from it.
pub(crate) fn are_held_by_one() -> bool {
    lock().is_full_for_one()
}

/// Frees the names that nobody uses; `used` are those of bare ids of the only evaluation
/// that holds a pin. Nothing if there are others by now.
pub(crate) fn free_unused(used: &[u32]) {
    lock().sweep_for_one(used);
}

/// Keeps every name that is in use now, or comes into use, until the pin is dropped.
pub(crate) fn pin() -> Pin {
    lock().pins += 1;
    Pin(())
}

impl Drop for Pin {
    fn drop(&mut self) {
        lock().pins -= 1;
    }
}

#[cfg(test)]
mod tests {
    use super::{Symbol, names, pin};

    #[test]
    fn equal_names_share_one_symbol() {
        assert_eq!(Symbol::new("red"), Symbol::new("red"));
        assert_ne!(Symbol::new("red"), Symbol::new("green"));
        let long = "a name that is longer than what a slot of the table has room for";
        let symbol = Symbol::new(long);
        assert_eq!(Symbol::from_id(symbol.id()), symbol);
        assert_eq!(Symbol::from_id(symbol.id()).as_str(), long);
    }

    #[test]
    fn what_is_stored_or_pinned_keeps_its_number() {
        let mut ids = Vec::new();
        names().retain_all(&[("stored as a number", 1)], &mut ids);
        let stored = ids[0];
        let _pin = pin();
        let bare = Symbol::new("a bare number").id();
        for n in 0..50_000 {
            Symbol::new(&format!("short-lived-{n}"));
        }
        assert_eq!(Symbol::from_id(stored).as_str(), "stored as a number");
        assert_eq!(Symbol::from_id(bare).as_str(), "a bare number");
        names().release(stored);
    }
}

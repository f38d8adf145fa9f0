//! The table behind symbols: slots by id, and an index by hash.
//!
//! A short name stands in its slot; a name that a [`Symbol`] was asked of stands
//! in the symbol's own allocation, which goes back into the slot once no symbol
//! holds it. Freed slots are found by sweeps, which come when the names have
//! doubled, so that their cost is constant per new name.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashTable;

use super::{Symbol, SymbolData};

/// Slots of one allocation.
const CHUNK: usize = 1 << 12;
const SHORT_MAX: usize = 14;
const SWEEP_MIN: usize = 4096;

struct Slot {
    text: Text,
    tag: u32,
    /// How often stored atoms use the name. Stays at its maximum once there.
    count: u32,
}

enum Text {
    Free,
    Short(u8, [u8; SHORT_MAX]),
    /// Boxed twice, so that a slot stays small.
    Long(Box<Box<str>>),
    Shared(Arc<SymbolData>),
}

impl Text {
    fn of(name: &str) -> Text {
        if name.len() > SHORT_MAX {
            return Text::Long(Box::new(name.into()));
        }
        let mut bytes = [0; SHORT_MAX];
        bytes[..name.len()].copy_from_slice(name.as_bytes());
        Text::Short(name.len() as u8, bytes)
    }

    /// Whether it is this name.
    fn is(&self, name: &str) -> bool {
        !matches!(self, Text::Free) && self.bytes() == name.as_bytes()
    }

    fn bytes(&self) -> &[u8] {
        match self {
            Text::Free => &[],
            Text::Short(length, bytes) => &bytes[..*length as usize],
            Text::Long(name) => name.as_bytes(),
            Text::Shared(data) => data.name.as_bytes(),
        }
    }

    fn as_str(&self) -> &str {
        std::str::from_utf8(self.bytes()).expect("names are made of text")
    }
}

pub(super) struct Table {
    chunks: Vec<Vec<Slot>>,
    /// Slots that are free, in chunks that are there.
    free: Vec<u32>,
    /// Places of chunks that were given back.
    free_chunks: Vec<u32>,
    live: usize,
    sweep_at: usize,
    /// Evaluations that may hold bare ids.
    pub(super) pins: usize,
    index: HashTable<u32>,
    /// Seeded, since names come from outside.
    state: RandomState,
}

impl Default for Table {
    fn default() -> Table {
        Table {
            chunks: Vec::new(),
            free: Vec::new(),
            free_chunks: Vec::new(),
            live: 0,
            sweep_at: SWEEP_MIN,
            pins: 0,
            index: HashTable::new(),
            state: RandomState::default(),
        }
    }
}

impl Table {
    fn slot(&self, id: u32) -> &Slot {
        &self.chunks[id as usize / CHUNK][id as usize % CHUNK]
    }

    fn slot_mut(&mut self, id: u32) -> &mut Slot {
        &mut self.chunks[id as usize / CHUNK][id as usize % CHUNK]
    }

    fn tag_of(&self, bytes: &[u8]) -> u32 {
        (self.state.hash_one(bytes) >> 32) as u32
    }

    /// The id of `name`, which may be freed unless it is used before the next name comes.
    pub(super) fn intern(&mut self, name: &str) -> u32 {
        let tag = self.tag_of(name.as_bytes());
        let found = self
            .index
            .find(spread(tag), |id| self.slot(*id).text.is(name));
        match found {
            Some(id) => *id,
            None => self.insert(tag, name),
        }
    }

    /// The ids of `names`, each used once more.
    ///
    /// A table of many names is larger than what a processor keeps at hand, so
    /// this goes in steps in which no look-up waits for the one before.
    pub(super) fn retain_all(&mut self, names: &[&str], ids: &mut Vec<u32>) {
        const UNKNOWN: u32 = u32::MAX;
        ids.clear();
        let tags: Vec<u32> = names
            .iter()
            .map(|name| self.tag_of(name.as_bytes()))
            .collect();
        ids.extend(tags.iter().map(|tag| {
            // The first name that may be it; nearly always it is.
            let found = self.index.find(spread(*tag), |_| true);
            found.copied().unwrap_or(UNKNOWN)
        }));
        let same_tag: Vec<bool> = ids
            .iter()
            .zip(&tags)
            .map(|(id, tag)| *id != UNKNOWN && self.slot(*id).tag == *tag)
            .collect();
        for ((id, same_tag), name) in ids.iter_mut().zip(same_tag).zip(names) {
            if !same_tag || !self.slot(*id).text.is(name) {
                *id = self.intern(name);
            }
            self.retain(*id);
        }
    }

    fn insert(&mut self, tag: u32, name: &str) -> u32 {
        if self.live >= self.sweep_at && self.pins == 0 {
            self.sweep();
        }
        let id = self.free_slot();
        *self.slot_mut(id) = Slot {
            text: Text::of(name),
            tag,
            count: 0,
        };
        self.live += 1;
        if self.live > self.index.capacity() {
            self.rebuild_index(2 * self.live);
        } else {
            self.index
                .insert_unique(spread(tag), id, |_| unreachable!("there is room"));
        }
        id
    }

    /// Enters every name into a new index, in order of the slots.
    fn rebuild_index(&mut self, capacity: usize) {
        self.index = HashTable::with_capacity(capacity);
        for (number, chunk) in self.chunks.iter().enumerate() {
            for (id, slot) in ((number * CHUNK) as u32..).zip(chunk) {
                if !matches!(slot.text, Text::Free) {
                    self.index
                        .insert_unique(spread(slot.tag), id, |_| unreachable!("there is room"));
                }
            }
        }
    }

    fn free_slot(&mut self) -> u32 {
        if let Some(id) = self.free.pop() {
            return id;
        }
        let chunk = match self.free_chunks.pop() {
            Some(chunk) => chunk as usize,
            None => {
                self.chunks.push(Vec::new());
                self.chunks.len() - 1
            }
        };
        self.chunks[chunk] = std::iter::repeat_with(|| Slot {
            text: Text::Free,
            tag: 0,
            count: 0,
        })
        .take(CHUNK)
        .collect();
        let first = u32::try_from(chunk * CHUNK).expect("there are fewer than 2^32 names");
        self.free
            .extend((first..first.saturating_add(CHUNK as u32)).rev());
        self.free.pop().expect("a chunk has slots")
    }

    /// Frees the names that nobody uses.
    fn sweep(&mut self) {
        self.free.clear();
        self.live = 0;
        for (number, chunk) in self.chunks.iter_mut().enumerate() {
            let first = (number * CHUNK) as u32;
            let mut used = 0;
            for slot in chunk.iter_mut() {
                let held = matches!(&slot.text, Text::Shared(data) if Arc::strong_count(data) > 1);
                if !held && slot.count == 0 {
                    slot.text = Text::Free;
                } else if !held && let Text::Shared(data) = &slot.text {
                    slot.text = Text::of(&data.name);
                }
                used += usize::from(!matches!(slot.text, Text::Free));
            }
            self.live += used;
            if used == 0 && !chunk.is_empty() {
                *chunk = Vec::new();
                self.free_chunks.push(number as u32);
            } else {
                let free = (first..)
                    .zip(chunk.iter())
                    .filter(|(_, slot)| matches!(slot.text, Text::Free));
                self.free.extend(free.map(|(id, _)| id));
            }
        }
        self.free.reverse();
        self.free.shrink_to_fit();
        self.sweep_at = (2 * self.live).max(SWEEP_MIN);
        self.rebuild_index(self.live + self.live / 4);
    }

    /// Whether an evaluation that says which names it uses should have the others freed.
    pub(super) fn is_full_for_one(&self) -> bool {
        self.live >= self.sweep_at && self.pins == 1
    }

    /// Frees the names that nobody uses, for the only evaluation there is, which uses these.
    pub(super) fn sweep_for_one(&mut self, used: &[u32]) {
        if !self.is_full_for_one() {
            return;
        }
        for id in used {
            self.retain(*id);
        }
        self.sweep();
        for id in used {
            self.release(*id);
        }
    }

    pub(super) fn retain(&mut self, id: u32) {
        let count = &mut self.slot_mut(id).count;
        *count = count.saturating_add(1);
    }

    pub(super) fn release(&mut self, id: u32) {
        let count = &mut self.slot_mut(id).count;
        // A count that once was full is no longer known.
        if *count != u32::MAX {
            *count -= 1;
        }
    }

    /// The symbol of `id`, whose text moves into an allocation that it shares.
    pub(super) fn symbol(&mut self, id: u32) -> Symbol {
        let slot = self.slot_mut(id);
        if let Text::Shared(data) = &slot.text {
            return Symbol(Arc::clone(data));
        }
        assert!(
            !matches!(slot.text, Text::Free),
            "no name has the number {id}"
        );
        let name: Box<str> = slot.text.as_str().into();
        let data = Arc::new(SymbolData {
            hash: FixedState::default().hash_one(&*name),
            id,
            name,
        });
        slot.text = Text::Shared(Arc::clone(&data));
        Symbol(data)
    }
}

/// A hash of 64 bits that has those of the tag at both ends.
fn spread(tag: u32) -> u64 {
    u64::from(tag) << 32 | u64::from(tag)
}

#[cfg(test)]
mod tests {
    use super::Table;

    fn make(table: &mut Table, count: usize, kind: &str) {
        for n in 0..count {
            table.intern(&format!("{kind}-{n}"));
        }
    }

    #[test]
    fn names_are_kept_while_used_and_then_given_back() {
        let mut table = Table::default();
        let stored: Vec<(u32, String)> = (0..10_000)
            .map(|n| {
                let name = format!("stored-{n}");
                let id = table.intern(&name);
                table.retain(id);
                (id, name)
            })
            .collect();
        let held = table.intern("a name that is longer than what a slot has room for");
        let held = table.symbol(held);
        make(&mut table, 100_000, "short-lived");
        assert!(table.live < 25_000, "{} names held", table.live);
        for (id, name) in &stored {
            assert_eq!(table.symbol(*id).as_str(), name);
            assert_eq!(table.intern(name), *id);
        }
        make(&mut table, 100_000, "again");
        assert_eq!(table.intern(held.as_str()), held.id());
        assert_eq!(table.symbol(held.id()), held);
        for (id, _) in stored {
            table.release(id);
        }
        make(&mut table, 100_000, "short-lived");
        assert!(table.live < 9_000, "{} names held", table.live);
        let slots: usize = table.chunks.iter().map(Vec::len).sum();
        assert!(slots < 20_000, "{slots} slots held");
    }

    #[test]
    fn an_evaluation_alone_frees_what_it_does_not_use() {
        let mut table = Table {
            pins: 1,
            ..Table::default()
        };
        make(&mut table, 50_000, "pinned");
        let used = table.intern("used");
        assert!(table.is_full_for_one());
        table.sweep_for_one(&[used]);
        assert!(table.live < 10, "{} names held", table.live);
        make(&mut table, 50_000, "later");
        assert_eq!(table.symbol(used).as_str(), "used");
        table.pins = 2;
        table.sweep_for_one(&[]);
        assert!(table.live > 50_000);
    }

    #[test]
    fn a_pinned_table_frees_no_name() {
        let mut table = Table {
            pins: 1,
            ..Table::default()
        };
        make(&mut table, 50_000, "pinned");
        assert_eq!(table.live, 50_000);
        table.pins = 0;
        make(&mut table, 50_000, "more");
        assert!(table.live < 60_000, "{} names held", table.live);
    }
}

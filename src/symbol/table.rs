//! The table behind symbols: slots by id, and an index by hash.
//!
//! A short name stands in its slot, a longer one beside the slots of its chunk; a name that
//! a [`Symbol`] was asked of stands in the symbol's own allocation, from which it goes back
//! once no symbol holds it. Freed slots are found by sweeps, which come when the names have
//! doubled, so that their cost is constant per new name.

use std::hash::BuildHasher;
use std::sync::Arc;

use foldhash::fast::{FixedState, RandomState};
use hashbrown::HashTable;

use super::{Symbol, SymbolData};

/// Slots of one allocation.
const CHUNK: usize = 1 << 12;
/// Bytes of a name that stands in its slot.
const SHORT_MAX: usize = 14;
/// Bytes of a name that stands beside the slots of its chunk.
const BESIDE_MAX: usize = 255;
const SWEEP_MIN: usize = 4096;
/// Names whose symbols are noted, to go back as soon as nobody holds them.
const ASKED_MAX: usize = 1 << 14;

/// So many slots, or none if it was given back.
#[derive(Default)]
struct Chunk {
    slots: Vec<Slot>,
    /// Names of some length, one after the other, some of which are there no longer.
    beside: Vec<u8>,
}

struct Slot {
    text: Text,
    tag: u32,
    /// How often stored atoms use the name. Stays at its maximum once there.
    count: u32,
}

enum Text {
    Free,
    Short(u8, [u8; SHORT_MAX]),
    /// So many bytes, from here on among those beside the slots.
    Beside(u8, u32),
    /// Boxed twice, so that a slot stays small.
    Long(Box<Box<str>>),
    Shared(Arc<SymbolData>),
}

impl Text {
    /// Puts the name where names of its length stand.
    fn of(name: &str, beside: &mut Vec<u8>) -> Text {
        let length = name.len();
        if length > BESIDE_MAX {
            return Text::Long(Box::new(name.into()));
        }
        if length > SHORT_MAX {
            let start = u32::try_from(beside.len()).expect("sweeps keep it below 2 MiB");
            beside.extend_from_slice(name.as_bytes());
            return Text::Beside(length as u8, start);
        }
        let mut bytes = [0; SHORT_MAX];
        bytes[..length].copy_from_slice(name.as_bytes());
        Text::Short(length as u8, bytes)
    }

    fn bytes<'a>(&'a self, beside: &'a [u8]) -> &'a [u8] {
        match self {
            Text::Free => &[],
            Text::Short(length, bytes) => &bytes[..*length as usize],
            Text::Beside(length, start) => &beside[*start as usize..][..*length as usize],
            Text::Long(name) => name.as_bytes(),
            Text::Shared(data) => data.name.as_bytes(),
        }
    }
}

impl Chunk {
    fn text(&self, place: usize) -> &[u8] {
        self.slots[place].text.bytes(&self.beside)
    }

    /// Frees the names that nobody uses; how many are left.
    fn sweep(&mut self) -> usize {
        let (mut used, mut length) = (0, 0);
        for slot in &mut self.slots {
            let held = matches!(&slot.text, Text::Shared(data) if Arc::strong_count(data) > 1);
            if !held && slot.count == 0 {
                slot.text = Text::Free;
            } else if !held && let Text::Shared(data) = &slot.text {
                slot.text = Text::of(&data.name, &mut self.beside);
            }
            used += usize::from(!matches!(slot.text, Text::Free));
            if let Text::Beside(own, _) = slot.text {
                length += own as usize;
            }
        }
        if self.beside.len() > 2 * length {
            self.compact(length);
        }
        used
    }

    /// Moves the names beside the slots together, which are so many bytes.
    fn compact(&mut self, length: usize) {
        let old = std::mem::replace(&mut self.beside, Vec::with_capacity(length));
        for slot in &mut self.slots {
            if let Text::Beside(own, start) = &mut slot.text {
                let name = &old[*start as usize..][..*own as usize];
                *start = self.beside.len() as u32;
                self.beside.extend_from_slice(name);
            }
        }
    }
}

pub(super) struct Table {
    chunks: Vec<Chunk>,
    /// Slots that are free, in chunks that are there.
    free: Vec<u32>,
    /// Places of chunks that were given back.
    free_chunks: Vec<u32>,
    live: usize,
    sweep_at: usize,
    /// Evaluations that may hold bare ids.
    pub(super) pins: usize,
    /// Short names of which symbols were asked since the last that went back, as far as
    /// that was noted.
    asked: Vec<u32>,
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
            asked: Vec::new(),
            index: HashTable::new(),
            state: RandomState::default(),
        }
    }
}

impl Table {
    fn slot(&self, id: u32) -> &Slot {
        &self.chunks[id as usize / CHUNK].slots[id as usize % CHUNK]
    }

    fn slot_mut(&mut self, id: u32) -> &mut Slot {
        &mut self.chunks[id as usize / CHUNK].slots[id as usize % CHUNK]
    }

    /// Whether the number is of this name.
    fn is(&self, id: u32, name: &str) -> bool {
        let chunk = &self.chunks[id as usize / CHUNK];
        let place = id as usize % CHUNK;
        chunk.text(place) == name.as_bytes() && !matches!(chunk.slots[place].text, Text::Free)
    }

    fn tag_of(&self, bytes: &[u8]) -> u32 {
        (self.state.hash_one(bytes) >> 32) as u32
    }

    /// The id of `name`, which may be freed unless it is used before the next name comes.
    pub(super) fn intern(&mut self, name: &str) -> u32 {
        self.intern_tagged(self.tag_of(name.as_bytes()), name)
    }

    fn intern_tagged(&mut self, tag: u32, name: &str) -> u32 {
        let is = |id: &u32| self.slot(*id).tag == tag && self.is(*id, name);
        match self.index.find(spread(tag), is) {
            Some(id) => *id,
            None => self.insert(tag, name),
        }
    }

    /// The ids of `names`, each used so many times more.
    ///
    /// A table of many names is larger than what a processor keeps at hand, so
    /// this goes in steps in which no look-up waits for the one before.
    pub(super) fn retain_all(&mut self, names: &[(&str, u32)], ids: &mut Vec<u32>) {
        const UNKNOWN: u32 = u32::MAX;
        ids.clear();
        let tags: Vec<u32> = names
            .iter()
            .map(|(name, _)| self.tag_of(name.as_bytes()))
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
        for (place, (name, uses)) in names.iter().enumerate() {
            if !same_tag[place] || !self.is(ids[place], name) {
                ids[place] = self.intern_tagged(tags[place], name);
            }
            let count = &mut self.slot_mut(ids[place]).count;
            *count = count.saturating_add(*uses);
        }
    }

    fn insert(&mut self, tag: u32, name: &str) -> u32 {
        if self.live >= self.sweep_at && self.pins == 0 {
            self.sweep();
        }
        let id = self.free_slot();
        let chunk = &mut self.chunks[id as usize / CHUNK];
        chunk.slots[id as usize % CHUNK] = Slot {
            text: Text::of(name, &mut chunk.beside),
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
        self.index = HashTable::new();
        self.index
            .reserve(capacity, |_| unreachable!("there is nothing yet"));
        for (number, chunk) in self.chunks.iter().enumerate() {
            for (id, slot) in ((number * CHUNK) as u32..).zip(&chunk.slots) {
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
        if let Some(full) = self.chunks.last_mut() {
            full.beside.shrink_to_fit();
        }
        let chunk = match self.free_chunks.pop() {
            Some(chunk) => chunk as usize,
            None => {
                self.chunks.push(Chunk::default());
                self.chunks.len() - 1
            }
        };
        self.chunks[chunk].slots = std::iter::repeat_with(|| Slot {
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
        let before = self.live;
        self.free.clear();
        self.live = 0;
        for (number, chunk) in self.chunks.iter_mut().enumerate() {
            let first = (number * CHUNK) as u32;
            let used = chunk.sweep();
            self.live += used;
            if used == 0 && !chunk.slots.is_empty() {
                *chunk = Chunk::default();
                self.free_chunks.push(number as u32);
            } else if used < chunk.slots.len() {
                let free = (first..)
                    .zip(&chunk.slots)
                    .filter(|(_, slot)| matches!(slot.text, Text::Free));
                self.free.extend(free.map(|(id, _)| id));
            }
        }
        self.free.reverse();
        self.free.shrink_to_fit();
        self.sweep_at = (2 * self.live).max(SWEEP_MIN);
        if self.live < before {
            self.rebuild_index(self.live + self.live / 4);
        }
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
        let chunk = &mut self.chunks[id as usize / CHUNK];
        let slot = &mut chunk.slots[id as usize % CHUNK];
        if let Text::Shared(data) = &slot.text {
            return Symbol(Arc::clone(data));
        }
        assert!(
            !matches!(slot.text, Text::Free),
            "no name has the number {id}"
        );
        let name = std::str::from_utf8(slot.text.bytes(&chunk.beside));
        let name: Box<str> = name.expect("names are made of text").into();
        if name.len() <= SHORT_MAX && self.asked.len() < ASKED_MAX {
            self.asked.push(id);
        }
        let data = Arc::new(SymbolData {
            hash: FixedState::default().hash_one(&*name),
            id,
            name,
        });
        slot.text = Text::Shared(Arc::clone(&data));
        Symbol(data)
    }

    /// Moves short names of which symbols were asked lately back to where they stood, unless
    /// a symbol still holds them: those wait for the next sweep.
    pub(super) fn settle(&mut self) {
        for id in std::mem::take(&mut self.asked) {
            let chunk = &mut self.chunks[id as usize / CHUNK];
            let Some(slot) = chunk.slots.get_mut(id as usize % CHUNK) else {
                continue;
            };
            if let Text::Shared(data) = &slot.text
                && Arc::strong_count(data) == 1
                && data.name.len() <= SHORT_MAX
            {
                slot.text = Text::of(&data.name, &mut chunk.beside);
            }
        }
    }
}

/// A hash of 64 bits that has those of the tag at both ends.
fn spread(tag: u32) -> u64 {
    u64::from(tag) << 32 | u64::from(tag)
}

#[cfg(test)]
mod tests {
    use super::{Table, Text};

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
        let slots: usize = table.chunks.iter().map(|chunk| chunk.slots.len()).sum();
        assert!(slots < 20_000, "{slots} slots held");
    }

    #[test]
    fn names_of_every_length_come_back_while_others_go() {
        let mut table = Table::default();
        let mut kept: Vec<(u32, String)> = Vec::new();
        for n in 0..40_000_usize {
            let name = format!("{n}{}", "-".repeat(n % 300));
            let id = table.intern(&name);
            if n % 50 == 0 {
                table.retain(id);
                kept.push((id, name));
            }
        }
        for (id, name) in &kept {
            assert_eq!(table.intern(name), *id);
        }
        // Some are asked of, which moves them away and, at a sweep, back.
        for (id, name) in kept.iter().step_by(3) {
            assert_eq!(table.symbol(*id).as_str(), name);
        }
        make(&mut table, 40_000, "a name that does not fit into a slot");
        for (id, name) in &kept {
            assert_eq!(table.intern(name), *id);
        }
        let beside: usize = table.chunks.iter().map(|chunk| chunk.beside.len()).sum();
        assert!(beside < 4 << 20, "{beside} bytes held");
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
    fn names_go_back_as_soon_as_that_is_asked_for() {
        let mut table = Table {
            pins: 1,
            ..Table::default()
        };
        let long = "a name that is longer than what a slot has room for";
        let ids: Vec<u32> = ["held", "not held", long]
            .iter()
            .map(|name| table.intern(name))
            .collect();
        let held = table.symbol(ids[0]);
        table.symbol(ids[1]);
        table.symbol(ids[2]);
        table.settle();
        let is_shared = |id: u32| matches!(table.slot(id).text, Text::Shared(_));
        assert_eq!(
            ids.iter().map(|id| is_shared(*id)).collect::<Vec<_>>(),
            [true, false, true]
        );
        assert_eq!(table.symbol(ids[0]), held);
        assert_eq!(table.symbol(ids[1]).as_str(), "not held");
        assert_eq!(table.intern("not held"), ids[1]);
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

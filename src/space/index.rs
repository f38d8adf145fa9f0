//! Postings: which rows have a certain key at a certain place.

use std::hash::BuildHasher;

use foldhash::fast::RandomState;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use smallvec::SmallVec;

use crate::space::column::RowList;
use crate::space::probe::Probe;
use crate::space::token::{self, Payloads, Token};

/// Where a place is within an atom: which child, of that which child, and so on.
pub(super) type Path = SmallVec<[u32; 4]>;

/// One path, or two together.
pub(super) type Paths = (Path, Option<Path>);

/// What an atom has at a place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum At {
    /// What has this key.
    Key(u32),
    /// A variable, there or above; or what may equal things of other keys.
    Open,
    /// No such place: no pattern with something there unifies with the atom.
    Absent,
}

/// What the atom has at `path`. Linear in what stands before that place.
pub(super) fn key_at<P: Payloads + ?Sized>(tokens: &[u32], path: &[u32], payloads: &P) -> At {
    let mut at = 0;
    for &child in path {
        if token::is_variable(tokens[at]) {
            return At::Open;
        }
        match token::arity_of(tokens[at]) {
            Some(arity) if child < arity => {}
            _ => return At::Absent,
        }
        at += 1;
        for _ in 0..child {
            at = match token::arity_of(tokens[at]) {
                None => at + token::width(tokens[at]),
                Some(_) => token::skip(tokens, at),
            };
        }
    }
    if token::is_plain(tokens[at]) {
        return At::Key(tokens[at]);
    }
    match Token::read(tokens, at).0.key(payloads) {
        Some(key) => At::Key(key),
        None => At::Open,
    }
}

/// Rows by key. A key with one row takes no list.
#[derive(Default)]
pub(super) struct Postings {
    /// `(key, row)`, or `(key, LIST | place among the lists)`.
    table: HashTable<(u32, u32)>,
    lists: Vec<RowList>,
    free: Vec<u32>,
    /// Seeded, since keys come from outside.
    state: RandomState,
}

const LIST: u32 = 1 << 31;

/// The rows of one key.
#[derive(Clone, Copy)]
pub(super) enum Posting<'a> {
    None,
    One(u32),
    Many(&'a RowList),
}

impl<'a> Posting<'a> {
    pub(super) fn len(self) -> usize {
        match self {
            Posting::None => 0,
            Posting::One(_) => 1,
            Posting::Many(list) => list.len(),
        }
    }

    /// The rows in order; rows that are gone may be among them.
    pub(super) fn iter(self) -> impl Iterator<Item = u32> + 'a {
        let (one, many) = match self {
            Posting::None => (None, None),
            Posting::One(row) => (Some(row), None),
            Posting::Many(list) => (None, Some(list.iter())),
        };
        one.into_iter().chain(many.into_iter().flatten())
    }

    /// As [`RowList::append_below`].
    pub(super) fn append_below(self, bound: u32, found: &mut Vec<u32>) -> bool {
        match self {
            Posting::None => true,
            Posting::One(row) if row < bound => {
                found.push(row);
                true
            }
            Posting::One(_) => false,
            Posting::Many(list) => list.append_below(bound, found),
        }
    }

    pub(super) fn has_gaps(self) -> bool {
        matches!(self, Posting::Many(list) if list.has_gaps())
    }

    /// Takes out of `rows`, which ascend from `from` on, those that are not here.
    pub(super) fn retain_in(self, rows: &mut Vec<u32>, from: usize) {
        let mut kept = from;
        match self {
            Posting::None => {}
            Posting::One(row) => {
                if rows[from..].binary_search(&row).is_ok() {
                    rows[kept] = row;
                    kept += 1;
                }
            }
            Posting::Many(list) => {
                let mut list = list.cursor();
                for place in from..rows.len() {
                    let row = rows[place];
                    if list.has(row) {
                        rows[kept] = row;
                        kept += 1;
                    }
                }
            }
        }
        rows.truncate(kept);
    }
}

impl Postings {
    /// How many keys there are.
    pub(super) fn len(&self) -> usize {
        self.table.len()
    }

    pub(super) fn get(&self, key: u32) -> Posting<'_> {
        let hash = self.state.hash_one(key);
        match self.table.find(hash, |(own, _)| *own == key) {
            None => Posting::None,
            Some((_, value)) if value & LIST == 0 => Posting::One(*value),
            Some((_, value)) => Posting::Many(&self.lists[(value & !LIST) as usize]),
        }
    }

    /// Adds many rows, the oldest first, that are younger than all others. They are put in groups
    /// before that go to neighbouring places of the table: a large table is gone through once, and not
    /// from end to end for each row.
    pub(super) fn push_all(&mut self, keyed: Vec<(u32, u32)>) {
        const GROUPS: usize = 1 << 8;
        let distinct = self.count_keys(&keyed);
        let state = &self.state;
        self.table.reserve(distinct, |(own, _)| state.hash_one(own));
        // An element's place is told by the low bits of its hash.
        let places = self.table.capacity().next_power_of_two();
        let shift = places
            .trailing_zeros()
            .saturating_sub(GROUPS.trailing_zeros());
        let group = |key: u32| (state.hash_one(key) as usize & (places - 1)) >> shift;
        let mut starts = [0_usize; GROUPS + 1];
        for (key, _) in &keyed {
            starts[group(*key) + 1] += 1;
        }
        for number in 0..GROUPS {
            starts[number + 1] += starts[number];
        }
        let mut grouped = vec![(0, 0); keyed.len()];
        for pair in keyed {
            let next = &mut starts[group(pair.0)];
            grouped[*next] = pair;
            *next += 1;
        }
        for (key, row) in grouped {
            self.push(key, row);
        }
    }

    /// About how many different keys there are, by linear counting (K.-Y. Whang et al., "A linear-time
    /// probabilistic counting algorithm for database applications", TODS 1990).
    fn count_keys(&self, keyed: &[(u32, u32)]) -> usize {
        let bits = keyed.len().next_power_of_two().max(64);
        let mut seen = vec![0_u64; bits / 64];
        for (key, _) in keyed {
            let bit = self.state.hash_one(key) as usize & (bits - 1);
            seen[bit / 64] |= 1 << (bit % 64);
        }
        let unseen: u32 = seen.iter().map(|word| word.count_zeros()).sum();
        let unseen = f64::from(unseen.max(1)) / bits as f64;
        let estimate = -(bits as f64) * unseen.ln();
        (estimate as usize).min(keyed.len())
    }

    /// Adds a row that is younger than all others.
    pub(super) fn push(&mut self, key: u32, row: u32) {
        let Postings {
            table,
            lists,
            free,
            state,
        } = self;
        let hash = state.hash_one(key);
        let entry = table.entry(hash, |(own, _)| *own == key, |(own, _)| state.hash_one(own));
        match entry {
            Entry::Vacant(vacant) => {
                vacant.insert((key, row));
            }
            Entry::Occupied(mut occupied) => {
                let value = &mut occupied.get_mut().1;
                if *value & LIST != 0 {
                    lists[(*value & !LIST) as usize].push(row);
                    return;
                }
                let mut list = RowList::default();
                list.push(*value);
                list.push(row);
                let place = free.pop().unwrap_or_else(|| {
                    lists.push(RowList::default());
                    (lists.len() - 1) as u32
                });
                lists[place as usize] = list;
                *value = LIST | place;
            }
        }
    }

    /// Takes note that a row of `key` is gone. `is_gone` knows it already.
    pub(super) fn lose(&mut self, key: u32, is_gone: impl Fn(u32) -> bool) {
        let hash = self.state.hash_one(key);
        let Ok(mut entry) = self.table.find_entry(hash, |(own, _)| *own == key) else {
            return;
        };
        let value = &mut entry.get_mut().1;
        if *value & LIST != 0 {
            let place = *value & !LIST;
            let list = &mut self.lists[place as usize];
            list.lose(&is_gone);
            if list.len() > 1 {
                return;
            }
            let last = list.iter().find(|&row| !is_gone(row));
            *list = RowList::default();
            self.free.push(place);
            if let Some(row) = last {
                *value = row;
                return;
            }
        }
        entry.remove();
        if self.table.capacity() > 64 && self.table.len() < self.table.capacity() / 8 {
            self.shrink();
        }
    }

    fn shrink(&mut self) {
        let state = &self.state;
        self.table
            .shrink_to(2 * self.table.len(), |(own, _)| state.hash_one(own));
        if self.free.len() == self.lists.len() {
            (self.lists, self.free) = (Vec::new(), Vec::new());
        }
    }
}

/// The index of one path of a relation, or of two together.
pub(super) struct PathIndex {
    pub(super) path: Path,
    pub(super) and: Option<Path>,
    pub(super) postings: Postings,
    /// Rows that may have any key there.
    pub(super) open: RowList,
}

impl PathIndex {
    pub(super) fn new((path, and): Paths) -> PathIndex {
        PathIndex {
            path,
            and,
            postings: Postings::default(),
            open: RowList::default(),
        }
    }

    /// Whether it is of this path alone.
    pub(super) fn is_of(&self, path: &[u32]) -> bool {
        self.and.is_none() && self.path[..] == *path
    }

    /// What an atom has there.
    pub(super) fn at<P: Payloads + ?Sized>(&self, tokens: &[u32], payloads: &P) -> At {
        let at = key_at(tokens, &self.path, payloads);
        let Some(and) = &self.and else {
            return at;
        };
        match (at, key_at(tokens, and, payloads)) {
            (At::Key(first), At::Key(second)) => At::Key(token::together(first, second)),
            (At::Absent, _) | (_, At::Absent) => At::Absent,
            (At::Open, _) | (_, At::Open) => At::Open,
        }
    }

    /// The key of what a probe asks for there; none if that may be anything.
    pub(super) fn key_of(&self, probe: &Probe) -> Option<u32> {
        let key_at = |path: &Path| {
            let key = probe.key_at(path);
            (!token::is_variable(key)).then_some(key)
        };
        let key = key_at(&self.path)?;
        match &self.and {
            Some(and) => Some(token::together(key, key_at(and)?)),
            None => Some(key),
        }
    }

    pub(super) fn push(&mut self, row: u32, at: At) {
        match at {
            At::Key(key) => self.postings.push(key, row),
            At::Open => self.open.push(row),
            At::Absent => {}
        }
    }

    pub(super) fn lose(&mut self, at: At, is_gone: impl Fn(u32) -> bool) {
        match at {
            At::Key(key) => self.postings.lose(key, is_gone),
            At::Open => self.open.lose(is_gone),
            At::Absent => {}
        }
    }
}

//! What one live space, or the additions of a fork, holds: rows, relations and indexes.
//!
//! Rows are numbered by age, so a snapshot is the number of the next row, together with an
//! epoch that says which removals it does not see. A removed row that a snapshot sees waits for
//! the newest such snapshot to end; any other is forgotten at once. An index is made
//! when a query wants it because what it has to look through is long, and kept current.

mod lookup;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::atom::{Atom, Grounded};
use crate::space::Space;
use crate::space::changes::{self, Changes};
use crate::space::flat::{self, Flat, Origin};
use crate::space::index::{At, Postings};
use crate::space::probe::Probe;
use crate::space::relation::{
    self, RelationKey, SHORT, SUBJECTS_ARITY, Subject, TypedHeads, Version, relation_of,
};
use crate::space::relations::Relations;
use crate::space::rows::{ROWS_MAX, Rows};
use crate::space::token::{self, Payloads};
use crate::symbol::{Names, names};

/// The rows that the present or a snapshot sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum View {
    Now,
    At(u64),
}

/// What a snapshot was taken of.
#[derive(Clone, Copy)]
struct Then {
    /// The first row that it does not see.
    bound: u32,
    clock: u64,
    changes: Changes,
}

/// Which rows a view sees of those that are there.
#[derive(Clone, Copy)]
struct Sight {
    bound: u32,
    /// Rows removed after it are seen.
    epoch: u64,
}

#[derive(Default)]
pub(crate) struct Store {
    rows: Rows,
    values: Values,
    relations: Relations,
    /// Rows by the hash of the whole atom; made by the first removal.
    exact: Option<Postings>,
    /// Removed rows that a snapshot sees, with the epoch of their removal.
    removed: HashMap<u32, u64, FixedState>,
    /// The rows that wait for the snapshot of an epoch to end.
    waiting: BTreeMap<u64, Vec<u32>>,
    snapshots: BTreeMap<u64, Then>,
    /// The newest moment that has what it sees of this store.
    pub(super) settled: u64,
    /// How often rules and types have changed here.
    changes: Changes,
    epoch: u64,
    files: Vec<Arc<str>>,
    /// Counts changes.
    clock: u64,
    /// The same, for those who do not lock the store.
    told: Arc<AtomicU64>,
    /// How often rows have got new numbers.
    renumbered: u64,
    /// Whether some row ever was a space.
    held_spaces: bool,
    /// Values of forgotten rows; dropping one may ask for this store's lock.
    pub(super) garbage: Vec<Grounded>,
}

/// The host values that rows refer to.
#[derive(Default)]
pub(crate) struct Values {
    values: Vec<Option<Grounded>>,
    free: Vec<u32>,
}

impl Payloads for Values {
    fn payload(&self, place: u32) -> &Grounded {
        self.values[place as usize]
            .as_ref()
            .expect("a row that is there refers to it")
    }
}

impl Values {
    fn put(&mut self, value: Grounded) -> u32 {
        if let Some(place) = self.free.pop() {
            self.values[place as usize] = Some(value);
            return place;
        }
        self.values.push(Some(value));
        u32::try_from(self.values.len() - 1).expect("a token has room for it")
    }

    fn take(&mut self, place: u32) -> Option<Grounded> {
        self.free.push(place);
        let value = self.values[place as usize].take();
        if self.free.len() == self.values.len() {
            (self.values, self.free) = (Vec::new(), Vec::new());
        }
        value
    }
}

impl Store {
    /// An empty store that has nothing for moments up to this one.
    pub(crate) fn new(settled: u64) -> Store {
        let mut store = Store::default();
        store.settled = settled;
        store
    }

    /// Counts a change.
    fn tick(&mut self) {
        self.clock += 1;
        self.told.store(self.clock, Ordering::Release);
    }

    /// How often the store has changed, to be read without its lock.
    pub(super) fn clock(&self) -> &Arc<AtomicU64> {
        &self.told
    }

    /// How often it had changed for that view.
    pub(super) fn clock_for(&self, view: View) -> u64 {
        match view {
            View::Now => self.clock,
            View::At(epoch) => self.snapshots.get(&epoch).map_or(0, |then| then.clock),
        }
    }

    /// The version of the rows that a probe looks through; `None` if they have changed since
    /// that view.
    pub(super) fn version_for(&self, probe: &Probe, view: View) -> Option<Version> {
        let (then, mut version) = (self.clock_for(view), Some(Version::default()));
        self.relations.each(probe, |_, relation| {
            version = version
                .filter(|_| relation.version.changed <= then)
                .map(|version| version.and(relation.version));
        });
        version
    }

    /// How often rows have got new numbers.
    pub(crate) fn numbering(&self) -> u64 {
        self.renumbered
    }

    /// How many atoms there are now.
    pub(crate) fn len(&self) -> usize {
        self.rows.len() - self.removed.len()
    }

    /// How many rows are held, those included that only snapshots see.
    #[cfg(test)]
    pub(crate) fn rows_held(&self) -> usize {
        self.rows.len()
    }

    /// The number of the next row.
    #[cfg(test)]
    pub(crate) fn next_row(&self) -> u32 {
        self.rows.next()
    }

    /// Whether one of the rows may be a space.
    pub(super) fn may_hold_spaces(&self) -> bool {
        self.held_spaces
    }

    /// The space that the tokens of a row are, if it is one.
    pub(super) fn space_of(&self, tokens: &[u32]) -> Option<&Space> {
        let place = token::payload_place(*tokens.first()?)?;
        match self.values.payload(place) {
            Grounded::Space(space) => Some(space),
            _ => None,
        }
    }

    /// The values that tokens of this store refer to.
    pub(crate) fn values(&self) -> &Values {
        &self.values
    }

    /// The tokens of a row; `None` if it is gone, which a row is at the earliest once
    /// nobody sees it any more.
    pub(crate) fn tokens(&self, row: u32) -> Option<&[u32]> {
        self.rows.tokens(row)
    }

    /// Where the atom of a row was written, if it was read from a file.
    pub(crate) fn origin(&self, row: u32) -> Option<Origin> {
        let (file, line) = self.rows.origin(row)?;
        Some(Origin {
            file: Arc::clone(&self.files[file as usize]),
            line,
        })
    }

    /// The number of a file for the origins of rows.
    pub(crate) fn file(&mut self, name: &Arc<str>) -> u32 {
        let known = self.files.iter().rposition(|known| known == name);
        known.unwrap_or_else(|| {
            self.files.push(Arc::clone(name));
            self.files.len() - 1
        }) as u32
    }

    /// How many rows `view` sees.
    pub(crate) fn count(&self, view: View) -> usize {
        let sight = self.sight(view);
        self.rows
            .iter()
            .filter(|(row, _)| self.sees_row(sight, *row))
            .count()
    }

    /// A store with the rows that are there now; for forking a fork.
    pub(crate) fn copy(&self) -> Store {
        let mut copy = Store::default();
        for (row, tokens) in self.rows.iter() {
            if !self.sees(View::Now, row) {
                continue;
            }
            let mut flat = Flat {
                tokens: tokens.to_vec(),
                payloads: Vec::new(),
            };
            flat::each_payload(&mut flat.tokens, |token| {
                let place = token::payload_place(*token).expect("it is a payload");
                *token = token::payload(flat.payloads.len() as u32);
                flat.payloads.push(self.values.payload(place).clone());
            });
            copy.add(&mut flat, self.origin(row).as_ref());
        }
        copy
    }

    /// Adds an atom, whose names are counted from now on.
    /// Takes its values.
    pub(crate) fn add(&mut self, flat: &mut Flat, origin: Option<&Origin>) {
        {
            let mut names = names();
            flat::each_name(&flat.tokens, |id| names.retain(id));
        }
        let origin = origin.map(|origin| (self.file(&origin.file), origin.line));
        self.place_values(&mut flat.tokens, flat.payloads.drain(..));
        self.push(&flat.tokens, origin);
    }

    /// Moves `payloads` into the store, so that the tokens refer to them there.
    pub(crate) fn place_values(
        &mut self,
        tokens: &mut [u32],
        payloads: impl Iterator<Item = Grounded>,
    ) {
        let places: SmallVec<[u32; 4]> = payloads.map(|value| self.values.put(value)).collect();
        if places.is_empty() {
            return;
        }
        flat::each_payload(tokens, |token| {
            let place = token::payload_place(*token).expect("it is a payload");
            *token = token::payload(places[place as usize]);
        });
    }

    /// Adds the atom of these tokens, whose names are counted for it already.
    pub(crate) fn push(&mut self, tokens: &[u32], origin: Option<(u32, u32)>) {
        if self.rows.next() == ROWS_MAX {
            self.renumber();
        }
        self.tick();
        let row = self.rows.push(tokens, origin);
        self.link(row, tokens);
    }

    /// Enters a new row where queries look for it.
    fn link(&mut self, row: u32, tokens: &[u32]) {
        if self.space_of(tokens).is_some() {
            self.held_spaces = true;
            super::note_lookup();
        }
        let key = relation_of(tokens, &self.values);
        changes::note(key, &mut self.changes);
        let own = self.relations.get_or_make(key, self.clock);
        let all = key.all().and_then(|key| self.relations.number(key));
        for number in [own].into_iter().chain(all) {
            let relation = self.relations.at_mut(number);
            relation.rows.push(row);
            relation.version.changed = self.clock;
            relation
                .typed
                .add(TypedHeads::of_row(relation.key, tokens, &self.values));
            for index in &mut relation.paths {
                let at = index.at(tokens, &self.values);
                index.push(row, at);
            }
        }
        if let Some(exact) = &mut self.exact {
            exact.push(flat::hash(tokens, &self.values), row);
        }
    }

    /// Gives rows new numbers, so that there are numbers for new rows.
    fn renumber(&mut self) {
        assert!(
            self.snapshots.is_empty() && self.len() < ROWS_MAX as usize / 2,
            "more than 2^31 atoms were added to a space while a snapshot of it was open"
        );
        let old = std::mem::take(&mut self.rows);
        self.relations = Relations::default();
        self.exact = None;
        self.tick();
        self.renumbered += 1;
        for (row, tokens) in old.iter() {
            let new = self.rows.push(tokens, old.origin(row));
            self.link(new, tokens);
        }
    }

    /// The oldest row that is the atom `flat`, now.
    fn find(&mut self, flat: &Flat) -> Option<u32> {
        if self.exact.is_none() {
            if let Some(list) = self.short_list(flat) {
                return list.into_iter().find(|&row| self.is(row, flat));
            }
            let mut exact = Postings::default();
            for (row, tokens) in self.rows.iter() {
                if !self.removed.contains_key(&row) {
                    exact.push(flat::hash(tokens, &self.values), row);
                }
            }
            self.exact = Some(exact);
        }
        let hash = flat::hash(&flat.tokens, &flat.payloads[..]);
        let exact = self.exact.as_ref().expect("just made");
        exact.get(hash).iter().find(|&row| self.is(row, flat))
    }

    /// The few rows that may be the atom `flat`, if the indexes that are there tell.
    fn short_list(&self, flat: &Flat) -> Option<SmallVec<[u32; SHORT]>> {
        let key = relation_of(&flat.tokens, &flat.payloads[..]);
        let Some(relation) = self.relations.get(key) else {
            return Some(SmallVec::new());
        };
        if relation.rows.len() <= SHORT {
            return Some(relation.rows.iter().collect());
        }
        for index in &relation.paths {
            let At::Key(key) = index.at(&flat.tokens, &flat.payloads[..]) else {
                continue;
            };
            let posting = index.postings.get(key);
            if posting.len() <= SHORT {
                return Some(posting.iter().collect());
            }
        }
        None
    }

    /// Whether the row is there now, and is the atom `flat`.
    fn is(&self, row: u32, flat: &Flat) -> bool {
        let Some(tokens) = self.tokens(row) else {
            return false;
        };
        let same = flat.payloads.is_empty() && tokens == flat.tokens;
        self.sees(View::Now, row)
            && (same || flat::equal((tokens, &self.values), (&flat.tokens, &flat.payloads[..])))
    }

    /// Removes the oldest row that is the atom `flat`; returns whether there was one.
    pub(crate) fn remove(&mut self, flat: &Flat) -> bool {
        let Some(row) = self.find(flat) else {
            return false;
        };
        self.remove_row(row);
        true
    }

    /// Removes a row that is there now.
    pub(crate) fn remove_row(&mut self, row: u32) {
        self.tick();
        let tokens = self.rows.tokens(row).expect("the row is there");
        if self.space_of(tokens).is_some() {
            super::note_lookup();
        }
        let key = relation_of(tokens, &self.values);
        changes::note(key, &mut self.changes);
        let relations = self.relations_with(key);
        for number in &relations {
            self.relations.at_mut(*number).version = Version {
                changed: self.clock,
                cut: self.clock,
            };
        }
        let seen = self
            .snapshots
            .last_key_value()
            .filter(|(_, then)| row < then.bound)
            .map(|(epoch, _)| *epoch);
        let Some(epoch) = seen else {
            return self.forget_in(row, &relations);
        };
        self.removed.insert(row, self.epoch);
        self.waiting.entry(epoch).or_default().push(row);
        if let Some(exact) = &mut self.exact {
            let hash = flat::hash(tokens, &self.values);
            let (rows, removed) = (&self.rows, &self.removed);
            exact.lose(hash, |row| removed.contains_key(&row) || rows.is_gone(row));
        }
    }

    /// The relations that a row of this key is in.
    fn relations_with(&self, key: RelationKey) -> SmallVec<[u32; 2]> {
        let keys = [key].into_iter().chain(key.all());
        keys.filter_map(|key| self.relations.number(key)).collect()
    }

    /// Takes a row that nobody sees any more out of everything.
    fn forget(&mut self, row: u32) {
        let tokens = self.rows.tokens(row).expect("the row is there");
        let relations = self.relations_with(relation_of(tokens, &self.values));
        self.forget_in(row, &relations);
    }

    /// As [`Store::forget`], where the relations that it is in are known.
    fn forget_in(&mut self, row: u32, relations: &[u32]) {
        let tokens = self.rows.tokens(row).expect("the row is there");
        let mut tokens: SmallVec<[u32; 16]> = SmallVec::from_slice(tokens);
        let hash = match self.removed.remove(&row) {
            // It left the exact index when it was removed.
            Some(_) => None,
            None => self
                .exact
                .is_some()
                .then(|| flat::hash(&tokens, &self.values)),
        };
        self.rows.remove(row);
        let (rows, removed) = (&self.rows, &self.removed);
        let is_gone = |row| rows.is_gone(row);
        for number in relations {
            let relation = self.relations.at_mut(*number);
            relation.rows.lose(is_gone);
            for index in &mut relation.paths {
                let at = index.at(&tokens, &self.values);
                index.lose(at, is_gone);
            }
            if relation.rows.len() == 0 {
                self.relations.remove(*number);
            }
        }
        if let (Some(exact), Some(hash)) = (&mut self.exact, hash) {
            exact.lose(hash, |row| removed.contains_key(&row) || rows.is_gone(row));
        }
        let Store {
            values, garbage, ..
        } = self;
        if !values.values.is_empty() {
            flat::each_payload(&mut tokens, |token| {
                let place = token::payload_place(*token).expect("it is a payload");
                garbage.extend(values.take(place));
            });
        }
        let mut names = names();
        flat::each_name(&tokens, |id| names.release(id));
    }

    /// Removes every atom.
    pub(crate) fn clear(&mut self) {
        let rows: Vec<u32> = self
            .rows
            .iter()
            .map(|(row, _)| row)
            .filter(|row| !self.removed.contains_key(row))
            .collect();
        for row in rows {
            self.remove_row(row);
        }
    }

    /// Opens a snapshot of the present; its epoch.
    pub(crate) fn begin_snapshot(&mut self) -> u64 {
        let epoch = self.epoch;
        let then = Then {
            bound: self.rows.next(),
            clock: self.clock,
            changes: self.changes,
        };
        self.snapshots.insert(epoch, then);
        self.epoch += 1;
        epoch
    }

    /// Closes a snapshot, and forgets what only it saw.
    pub(crate) fn end_snapshot(&mut self, epoch: u64) {
        self.snapshots.remove(&epoch);
        let rows = self.waiting.remove(&epoch).unwrap_or_default();
        let older = self.snapshots.range(..epoch).next_back();
        let older = older.map(|(epoch, then)| (*epoch, then.bound));
        for row in rows {
            match older {
                Some((epoch, bound)) if row < bound => {
                    self.waiting.entry(epoch).or_default().push(row);
                }
                _ => self.forget(row),
            }
        }
        if self.removed.is_empty() && self.removed.capacity() > 0 {
            self.removed = HashMap::default();
        }
    }

    /// Gives rows new numbers well before numbers run out, while no snapshot is open.
    pub(super) fn renumber_in_time(&mut self) {
        let few = self.len() < ROWS_MAX as usize / 4;
        if few && self.snapshots.is_empty() && self.rows.next() > ROWS_MAX / 2 {
            self.renumber();
        }
    }

    /// Whether `view` sees a row that is there.
    pub(crate) fn sees(&self, view: View, row: u32) -> bool {
        self.sees_row(self.sight(view), row)
    }

    fn sight(&self, view: View) -> Sight {
        match view {
            View::Now => Sight {
                bound: u32::MAX,
                epoch: u64::MAX,
            },
            View::At(epoch) => Sight {
                bound: self.snapshots.get(&epoch).map_or(0, |then| then.bound),
                epoch,
            },
        }
    }

    fn sees_row(&self, sight: Sight, row: u32) -> bool {
        row < sight.bound
            && (self.removed.is_empty()
                || self
                    .removed
                    .get(&row)
                    .is_none_or(|removed| *removed > sight.epoch))
    }

    /// Whether a `(: (head …) T)` may be among the atoms; costs next to nothing.
    pub(crate) fn may_type_expression(&self, head: &Atom) -> bool {
        match head {
            Atom::Symbol(symbol) => {
                self.relations.types_calls(token::symbol(symbol.id())) || self.typed_heads().names
            }
            Atom::Expression(_) => self.typed_heads().expressions,
            Atom::Grounded(Grounded::Operation(_)) => self.typed_heads().operations,
            Atom::Grounded(_) => self.typed_heads().values,
            Atom::Variable(_) => true,
        }
    }

    /// Which expressions may have types that no `(: (name …) T)` gives them.
    pub(crate) fn typed_heads(&self) -> TypedHeads {
        let mut typed = TypedHeads::default();
        for key in [
            RelationKey::Open,
            RelationKey::Headless(SUBJECTS_ARITY),
            RelationKey::About(relation::colon(), Subject::Open),
        ] {
            if let Some(relation) = self.relations.get(key) {
                typed.add(relation.typed);
            }
        }
        typed
    }

    /// When the rules, or types, about a subject changed: `head` is the token of `=`
    /// or `:`. If they changed after a snapshot, it has a version of its own.
    pub(crate) fn version(&self, head: u32, subject: Subject, view: View) -> Version {
        let then = self.clock_for(view);
        [
            RelationKey::About(head, subject),
            RelationKey::About(head, Subject::Open),
            RelationKey::Headless(3),
            RelationKey::Open,
        ]
        .into_iter()
        .map(|key| {
            let relation = self.relations.get(key);
            match (relation, view) {
                (None, _) => Version::default(),
                (Some(relation), View::At(epoch)) if relation.version.changed > then => Version {
                    changed: !epoch,
                    cut: !epoch,
                },
                (Some(relation), _) => relation.version,
            }
        })
        .fold(Version::default(), Version::and)
    }

    /// How often rules and types had changed for that view.
    pub(crate) fn changes(&self, view: View) -> Changes {
        match view {
            View::Now => self.changes,
            View::At(epoch) => self
                .snapshots
                .get(&epoch)
                .map_or(Changes::default(), |then| then.changes),
        }
    }

    /// Whether types may be there of a symbol, by its token, or of expressions that it heads; `true` may
    /// be wrong.
    pub(crate) fn may_type(&self, symbol: u32) -> bool {
        self.relations.may_type(symbol)
    }

    /// The rows from `from` on that have `head` and exactly this subject, oldest first.
    pub(crate) fn rows_about(
        &self,
        head: u32,
        subject: Subject,
        from: u32,
        view: View,
        found: &mut Vec<u32>,
    ) {
        if let Some(relation) = self.relations.get(RelationKey::About(head, subject)) {
            self.append(relation.rows.from(from), true, view, found);
        }
    }

    /// Whether some row that is there, and that `counts`, has `head` and exactly this subject.
    pub(crate) fn has_row_about(
        &self,
        head: u32,
        subject: Subject,
        view: View,
        counts: impl Fn(u32) -> bool,
    ) -> bool {
        let sight = self.sight(view);
        let relation = self.relations.get(RelationKey::About(head, subject));
        relation.is_some_and(|relation| {
            relation
                .rows
                .iter()
                .any(|row| self.sees_row(sight, row) && !self.rows.is_gone(row) && counts(row))
        })
    }

    /// The rows from `from` on whose head may be anything: expressions of three elements
    /// without a head symbol, and atoms that unify with anything.
    pub(crate) fn rows_of_any_head(&self, from: u32, view: View, found: &mut Vec<u32>) {
        let first = found.len();
        for key in [RelationKey::Headless(3), RelationKey::Open] {
            if let Some(relation) = self.relations.get(key) {
                self.append(relation.rows.from(from), true, view, found);
            }
        }
        found[first..].sort();
    }
}

#[cfg(test)]
impl Store {
    /// An empty store in which so many numbers are left for rows.
    pub(crate) fn with_numbers_left(count: u32) -> Store {
        let mut store = Store::default();
        store.rows = Rows::from(ROWS_MAX - count);
        store
    }
}

impl Drop for Store {
    fn drop(&mut self) {
        let mut table: Option<Names> = None;
        for (_, tokens) in self.rows.iter() {
            let table = table.get_or_insert_with(names);
            flat::each_name(tokens, |id| table.release(id));
        }
    }
}

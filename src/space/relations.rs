//! All relations of one store, by what tells them apart.

use std::sync::atomic::AtomicUsize;

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::space::changes;
use crate::space::column::RowList;
use crate::space::probe::Probe;
use crate::space::relation::{
    self, Relation, RelationKey, SUBJECTS_ARITY, Subject, TypedHeads, Version, has_subjects,
    subject,
};
use crate::space::token;

/// A query that looks into more relations about subjects than this wants one of all. Tests without
/// optimisation, of few subjects, come there soon.
const MANY_SUBJECTS: u32 = if cfg!(debug_assertions) { 2 } else { 32 };

/// Relations by key, and by arity.
#[derive(Default)]
pub(super) struct Relations {
    all: Vec<Option<Relation>>,
    free: Vec<u32>,
    by_key: HashMap<RelationKey, u32, FixedState>,
    /// How many relations are of atoms whose head may be any; most stores have none.
    headless: u32,
    by_arity: HashMap<u32, Vec<u32>, FixedState>,
    /// The newest row's, since many rows of one relation come one after the other.
    last: Option<(RelationKey, u32)>,
    /// How many relations give types to a name, by its token.
    typed: HashMap<u32, Typing, FixedState>,
    /// How many give types to variables, or to what is no call of a name.
    typed_otherwise: u32,
    /// How many relations about subjects have a head, by its token.
    subjects: HashMap<u32, u32, FixedState>,
}

/// How many relations give types to a name by itself and to calls of it.
#[derive(Clone, Copy, Default)]
struct Typing {
    leaf: u32,
    calls: u32,
}

/// The head of a rule or a type that a probe asks for without telling what it is about.
fn unknown_subject(probe: &Probe) -> Option<u32> {
    let [expression, head] = probe.head();
    let arity = token::arity_of(expression)?;
    if arity != SUBJECTS_ARITY || !token::is_symbol(head) || !has_subjects(head, arity) {
        return None;
    }
    let keys = probe.subject_at(2);
    // An expression whose own head is unknown may be about anything that is called.
    let is_unknown = token::is_variable(keys[0])
        || token::arity_of(keys[0]).is_some_and(|arity| arity > 0) && token::is_variable(keys[1]);
    is_unknown.then_some(head)
}

impl Relations {
    pub(super) fn number(&self, key: RelationKey) -> Option<u32> {
        self.by_key.get(&key).copied()
    }

    pub(super) fn get(&self, key: RelationKey) -> Option<&Relation> {
        self.all[self.number(key)? as usize].as_ref()
    }

    pub(super) fn at(&self, number: u32) -> &Relation {
        self.all[number as usize]
            .as_ref()
            .expect("numbers in use have a relation")
    }

    pub(super) fn at_mut(&mut self, number: u32) -> &mut Relation {
        self.all[number as usize]
            .as_mut()
            .expect("numbers in use have a relation")
    }

    /// Whether some are of atoms whose head may be any.
    pub(super) fn has_headless(&self) -> bool {
        self.headless > 0
    }

    /// Whether some relation gives types to calls of the head, by its token.
    pub(super) fn types_calls(&self, head: u32) -> bool {
        self.typed.get(&head).is_some_and(|typing| typing.calls > 0)
    }

    /// Whether some relation may give types to a name, by its token, or to calls of it.
    pub(super) fn may_type(&self, name: u32) -> bool {
        self.headless > 0 || self.typed_otherwise > 0 || self.typed.contains_key(&name)
    }

    /// Takes note of one more relation, or one less, that gives types.
    fn note_typing(&mut self, key: RelationKey, count: impl Fn(u32) -> u32) {
        let RelationKey::About(head, subject) = key else {
            return;
        };
        if head != relation::colon() {
            return;
        }
        let (name, is_call) = match subject {
            Subject::Call(name, _) => (name, true),
            Subject::Leaf(name) => (name, false),
            Subject::Open => {
                self.typed_otherwise = count(self.typed_otherwise);
                return;
            }
        };
        let typing = self.typed.entry(name).or_default();
        let counted = if is_call {
            &mut typing.calls
        } else {
            &mut typing.leaf
        };
        *counted = count(*counted);
        if typing.calls == 0 && typing.leaf == 0 {
            self.typed.remove(&name);
        }
    }

    pub(super) fn get_or_make(&mut self, key: RelationKey, clock: u64) -> u32 {
        if let Some((last, number)) = self.last
            && last == key
        {
            return number;
        }
        if let Some(number) = self.by_key.get(&key) {
            self.last = Some((key, *number));
            return *number;
        }
        changes::note_head();
        let number = self.place_of_new();
        self.headless += u32::from(key.is_headless());
        let mut place = 0;
        if let Some(arity) = key.group() {
            let group = self.by_arity.entry(arity).or_default();
            place = group.len() as u32;
            group.push(number);
        }
        self.note_typing(key, |count| count + 1);
        if let RelationKey::About(head, _) = key {
            *self.subjects.entry(head).or_insert(0) += 1;
        }
        self.all[number as usize] = Some(Relation {
            key,
            place,
            rows: RowList::default(),
            // Whoever knew an earlier relation of this key sees that it was cut.
            version: Version {
                changed: clock,
                cut: clock,
            },
            paths: Vec::new(),
            looked: AtomicUsize::default(),
            typed: TypedHeads::default(),
        });
        self.by_key.insert(key, number);
        number
    }

    pub(super) fn remove(&mut self, number: u32) {
        let Some(relation) = self.all[number as usize].take() else {
            return;
        };
        self.last = None;
        let key = relation.key;
        self.by_key.remove(&key);
        self.headless -= u32::from(key.is_headless());
        self.free.push(number);
        if let Some(group) = key.group().and_then(|arity| self.by_arity.get_mut(&arity)) {
            group.swap_remove(relation.place as usize);
            if let Some(&moved) = group.get(relation.place as usize)
                && let Some(moved) = &mut self.all[moved as usize]
            {
                moved.place = relation.place;
            }
        }
        self.note_typing(key, |count| count - 1);
        if let RelationKey::About(head, _) = key
            && let Some(count) = self.subjects.get_mut(&head)
        {
            *count -= 1;
        }
        if self.by_key.is_empty() {
            *self = Relations::default();
        }
    }

    /// The head whose relations about subjects a probe looks into one after the other, since it does
    /// not tell the subject, if they are many and it tells something else, or may once it has all keys.
    pub(super) fn wants_all(&self, probe: &Probe) -> Option<u32> {
        let head = unknown_subject(probe)?;
        let tells = |path: &[u32]| !RelationKey::AllAbout(head).implies(path);
        let wants = self
            .subjects
            .get(&head)
            .is_some_and(|count| *count > MANY_SUBJECTS)
            && !self.by_key.contains_key(&RelationKey::AllAbout(head))
            && (probe.is_partial() || probe.places().iter().any(|(path, _)| tells(path)));
        wants.then_some(head)
    }

    /// Makes the relation of all rows that relations about subjects have under one head; `is_gone`
    /// tells which of them are no rows any more.
    pub(super) fn make_all(&mut self, head: u32, is_gone: impl Fn(u32) -> bool) {
        let parts = self
            .by_arity
            .get(&SUBJECTS_ARITY)
            .map_or(&[][..], Vec::as_slice);
        let mut version = Version::default();
        let mut rows: Vec<u32> = Vec::new();
        for &number in parts {
            let part = self.at(number);
            if part.key.head() == head && part.key.all().is_some() {
                rows.extend(part.rows.iter().filter(|row| !is_gone(*row)));
                version.changed = version.changed.max(part.version.changed);
                version.cut = version.cut.max(part.version.cut);
            }
        }
        rows.sort_unstable();
        let mut all = Relation {
            key: RelationKey::AllAbout(head),
            place: 0,
            rows: RowList::default(),
            version,
            paths: Vec::new(),
            looked: AtomicUsize::default(),
            typed: TypedHeads::default(),
        };
        rows.into_iter().for_each(|row| all.rows.push(row));
        let number = self.place_of_new();
        self.by_key.insert(all.key, number);
        self.all[number as usize] = Some(all);
    }

    fn place_of_new(&mut self) -> u32 {
        self.free.pop().unwrap_or_else(|| {
            self.all.push(None);
            (self.all.len() - 1) as u32
        })
    }

    /// The relation that alone may hold what the probe asks for, if there is one for its head.
    pub(super) fn only(&self, probe: &Probe) -> Option<&Relation> {
        self.only_of(probe.key(0), probe.key(1))
    }

    /// As [`Relations::only`], by the tokens of an expression and of its head.
    pub(super) fn only_of(&self, expression: u32, head: u32) -> Option<&Relation> {
        let arity = token::arity_of(expression)
            .filter(|arity| *arity > 0 && token::is_symbol(head) && !has_subjects(head, *arity))?;
        if self.has_headless() {
            return None;
        }
        self.get(RelationKey::Known(head, arity))
    }

    /// Calls `visit` with each relation that may hold what the probe asks for, unless it
    /// asks for everything.
    pub(super) fn each<'a>(&'a self, probe: &Probe, mut visit: impl FnMut(u32, &'a Relation)) {
        let mut one = |key: RelationKey| {
            if let Some(&number) = self.by_key.get(&key) {
                visit(number, self.at(number));
            }
        };
        if self.headless > 0 {
            one(RelationKey::Open);
        }
        let Some(arity) = token::arity_of(probe.key(0)) else {
            return one(RelationKey::Leaves);
        };
        let head = if arity == 0 {
            probe.key(0)
        } else {
            probe.key(1)
        };
        if token::is_variable(head) {
            for &number in self.by_arity.get(&arity).map_or(&[][..], Vec::as_slice) {
                visit(number, self.at(number));
            }
            return;
        }
        if self.headless > 0 {
            one(RelationKey::Headless(arity));
        }
        if arity == 0 || !token::is_symbol(head) {
            return one(RelationKey::Otherwise(arity));
        }
        if !has_subjects(head, arity) {
            return one(RelationKey::Known(head, arity));
        }
        if unknown_subject(probe).is_some() {
            if self.by_key.contains_key(&RelationKey::AllAbout(head)) {
                return one(RelationKey::AllAbout(head));
            }
            for &number in self.by_arity.get(&arity).map_or(&[][..], Vec::as_slice) {
                let relation = self.at(number);
                if relation.key.head() == head {
                    visit(number, relation);
                }
            }
            return;
        }
        one(RelationKey::About(head, Subject::Open));
        let subject = subject(&probe.subject_at(2), token::NO_VALUES);
        if subject != Subject::Open {
            one(RelationKey::About(head, subject));
        }
    }
}

//! Proofs: which rules, facts and operations led to a result.
//!
//! Each branch carries a list of the steps that it took; branches share the
//! steps before they parted, and the list is only gathered for results kept.

use std::collections::HashSet;
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::rc::Rc;
use std::sync::Arc;

use foldhash::fast::FixedState;

use crate::atom::Atom;
use crate::evaluate::uses::{Tables, Used, Uses};
use crate::space::{Kept, Layers, Origin, Row};

/// What led to one result.
///
/// A proof is made as the result is, and put into rules, facts and operations when somebody
/// asks: until it is dropped it keeps what it was made of.
#[derive(Clone, Default)]
pub struct Proof {
    /// What code used, in the order in which it was left.
    marks: Vec<Mark>,
    /// What the marks are of.
    uses: Option<Arc<Uses>>,
    told: Told,
    /// Facts by where they are stored.
    stored: Vec<Stored>,
}

/// What was told as it is.
#[derive(Clone, Default)]
struct Told {
    rules: Vec<RuleUse>,
    facts: Vec<FactUse>,
    operations: Vec<String>,
}

/// Something that code did, by its number.
#[derive(Clone, Copy)]
enum Mark {
    Way(u32),
    Call(u32),
}

/// Rows of layers that are kept for them.
#[derive(Clone)]
struct Stored {
    layers: Arc<Kept>,
    rows: Vec<Row>,
}

impl Proof {
    /// Rules that were applied, each once, about from the outermost inwards.
    pub fn rules(&self) -> Vec<RuleUse> {
        let mut rules = Once::default();
        self.each_used(|used, tables| {
            if let Used::Rule(number) = used {
                rules.add((*tables.rules[number as usize]).clone());
            }
        });
        // They were noted as they were left: those that led to the rest come last.
        rules.all.reverse();
        self.told
            .rules
            .iter()
            .for_each(|rule| rules.add(rule.clone()));
        rules.all
    }

    /// Names of host operations that were called, each once.
    pub fn operations(&self) -> Vec<String> {
        let mut names: Vec<String> = Vec::new();
        let mut add = |name: &str| {
            if !names.iter().any(|known| known == name) {
                names.push(name.to_owned());
            }
        };
        self.each_used(|used, tables| {
            if let Used::Operation(number) = used {
                add(tables.operations[number as usize].name());
            }
        });
        self.told.operations.iter().for_each(|name| add(name));
        names
    }

    /// Facts that a `match` found, each once. Those of a snapshot are read from it now.
    pub fn facts(&self) -> Vec<FactUse> {
        let mut facts = Once::default();
        for fact in &self.told.facts {
            facts.add(fact.clone());
        }
        self.each_used(|used, tables| {
            if let Used::Fact(number) = used {
                facts.add(tables.facts[number as usize].clone());
            }
        });
        for stored in &self.stored {
            for row in &stored.rows {
                let (atom, origin) = stored.layers.read(*row);
                facts.add(FactUse::of(atom, origin));
            }
        }
        facts.all
    }

    /// Each thing that code used, once.
    fn each_used(&self, mut visit: impl FnMut(Used, &Tables)) {
        let Some(uses) = &self.uses else { return };
        let tables = uses.read();
        // Ways through one rule are several, and operations are used by many.
        let mut seen: HashSet<Used, FixedState> = HashSet::default();
        let mut once = |used: Used| {
            if seen.insert(used) {
                visit(used, &tables);
            }
        };
        for mark in &self.marks {
            match *mark {
                Mark::Way(number) => {
                    for used in tables.ways[number as usize].iter() {
                        once(*used);
                    }
                }
                Mark::Call(number) => once(Used::Operation(number)),
            }
        }
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Proof")
            .field("rules", &self.rules())
            .field("facts", &self.facts())
            .field("operations", &self.operations())
            .finish()
    }
}

/// A rule that was applied.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct RuleUse {
    /// The file it was read from, if it was read from one.
    pub file: Option<Arc<str>>,
    /// Its line there, from 1.
    pub line: Option<u32>,
    /// The head of the rule as written.
    pub head: Atom,
}

/// A fact that a `match` found.
#[derive(Clone, Debug, PartialEq, Hash)]
pub struct FactUse {
    /// The file it was read from, if it was read from one.
    pub file: Option<Arc<str>>,
    /// Its line there, from 1.
    pub line: Option<u32>,
    /// The fact.
    pub atom: Atom,
}

impl RuleUse {
    pub(crate) fn of(head: Atom, origin: Option<Origin>) -> RuleUse {
        let (file, line) = place(&origin);
        RuleUse { file, line, head }
    }
}

impl FactUse {
    pub(crate) fn of(atom: Atom, origin: Option<Origin>) -> FactUse {
        let (file, line) = place(&origin);
        FactUse { file, line, atom }
    }
}

/// A list in which each entry is once.
struct Once<T> {
    all: Vec<T>,
    /// Hashes of what is in it: what has none of them is new.
    hashes: HashSet<u64, FixedState>,
}

impl<T> Default for Once<T> {
    fn default() -> Once<T> {
        Once {
            all: Vec::new(),
            hashes: HashSet::default(),
        }
    }
}

impl<T: Hash + PartialEq> Once<T> {
    fn add(&mut self, entry: T) {
        let hash = FixedState::default().hash_one(&entry);
        if self.hashes.insert(hash) || !self.all.contains(&entry) {
            self.all.push(entry);
        }
    }
}

/// A proof in the making.
#[derive(Default)]
pub(crate) struct ProofBuilder {
    marks: Vec<Mark>,
    uses: Option<Arc<Uses>>,
    rules: Once<RuleUse>,
    facts: Once<FactUse>,
    operations: Vec<String>,
    stored: Vec<Stored>,
    /// Which of `stored` is of which layers; `None` of those that are not kept.
    layers: Vec<(*const Layers, Option<usize>)>,
}

impl ProofBuilder {
    /// A proof of what code did, in about so many steps.
    pub(crate) fn of_code(uses: &Arc<Uses>, steps: usize) -> ProofBuilder {
        ProofBuilder {
            marks: Vec::with_capacity(steps),
            uses: Some(Arc::clone(uses)),
            ..ProofBuilder::default()
        }
    }

    pub(crate) fn add_way(&mut self, number: u32) {
        self.marks.push(Mark::Way(number));
    }

    pub(crate) fn add_call(&mut self, number: u32) {
        self.marks.push(Mark::Call(number));
    }

    pub(crate) fn add_rule(&mut self, rule: &RuleUse) {
        self.rules.add(rule.clone());
    }

    pub(crate) fn add_fact(&mut self, fact: FactUse) {
        self.facts.add(fact);
    }

    /// Adds a fact that is stored where nothing changes while the proof is made.
    #[inline]
    pub(crate) fn add_row(&mut self, layers: &Rc<Layers>, row: Row) {
        // Most are of the layers that the one before was of.
        if let Some((place, Some(kept))) = self.layers.last()
            && *place == Rc::as_ptr(layers)
            && let Some(stored) = self.stored.get_mut(*kept)
        {
            stored.rows.push(row);
            return;
        }
        self.add_row_of(layers, row);
    }

    #[inline(never)]
    fn add_row_of(&mut self, layers: &Rc<Layers>, row: Row) {
        let place = Rc::as_ptr(layers);
        let known = self.layers.iter().position(|known| known.0 == place);
        let kept = match known {
            Some(known) => {
                let last = self.layers.len() - 1;
                self.layers.swap(known, last);
                self.layers[last].1
            }
            None => {
                let kept = layers.kept().map(|kept| {
                    self.stored.push(Stored {
                        layers: Arc::new(kept),
                        rows: Vec::new(),
                    });
                    self.stored.len() - 1
                });
                self.layers.push((place, kept));
                kept
            }
        };
        match kept {
            Some(kept) => self.stored[kept].rows.push(row),
            None => {
                let (atom, origin) = layers.read(row);
                self.add_fact(FactUse::of(atom, origin));
            }
        }
    }

    pub(crate) fn add_operation(&mut self, name: &str) {
        if !self.operations.iter().any(|known| known == name) {
            self.operations.push(name.to_owned());
        }
    }

    /// Adds all that another proof names.
    pub(crate) fn add_all(&mut self, other: &Proof) {
        other.rules().iter().for_each(|rule| self.add_rule(rule));
        let facts = other.facts();
        facts.into_iter().for_each(|fact| self.add_fact(fact));
        let operations = other.operations();
        operations.iter().for_each(|name| self.add_operation(name));
    }

    pub(crate) fn finish(self) -> Proof {
        Proof {
            marks: self.marks,
            uses: self.uses,
            told: Told {
                rules: self.rules.all,
                facts: self.facts.all,
                operations: self.operations,
            },
            stored: self.stored,
        }
    }
}

pub(crate) enum Step {
    Rule {
        head: Atom,
        origin: Option<Origin>,
    },
    Fact {
        atom: Atom,
        origin: Option<Origin>,
    },
    Operation(String),
    /// The steps of a branch whose result was gathered, as by `collapse`.
    Gathered(Steps),
}

/// The steps of one branch, newest first. `None` while nothing is recorded.
#[derive(Clone, Default)]
pub(crate) struct Steps(Option<Rc<Entry>>);

struct Entry {
    step: Step,
    before: Steps,
}

impl Steps {
    pub(crate) fn with(&self, step: Step) -> Steps {
        Steps(Some(Rc::new(Entry {
            step,
            before: self.clone(),
        })))
    }

    /// Everything in order of use; steps that branches share count once.
    pub(crate) fn gather(&self) -> Proof {
        let mut seen = HashSet::new();
        let mut entries = Vec::new();
        let mut open = vec![self.unseen(&mut seen).into_iter()];
        while let Some(list) = open.last_mut() {
            match list.next() {
                None => {
                    open.pop();
                }
                Some(entry) => match &entry.step {
                    Step::Gathered(steps) => open.push(steps.unseen(&mut seen).into_iter()),
                    Step::Rule { .. } | Step::Fact { .. } | Step::Operation(_) => {
                        entries.push(entry);
                    }
                },
            }
        }
        let mut proof = ProofBuilder::default();
        for entry in entries.into_iter().rev() {
            match &entry.step {
                Step::Rule { head, origin } => {
                    proof.add_rule(&RuleUse::of(head.clone(), origin.clone()));
                }
                Step::Fact { atom, origin } => {
                    proof.add_fact(FactUse::of(atom.clone(), origin.clone()));
                }
                Step::Operation(name) => proof.add_operation(name),
                Step::Gathered(_) => unreachable!("opened above"),
            }
        }
        proof.finish()
    }

    /// The entries down to the first that was seen, newest first; now seen.
    fn unseen(&self, seen: &mut HashSet<*const Entry>) -> Vec<&Entry> {
        let mut entries = Vec::new();
        let mut next = &self.0;
        while let Some(entry) = next
            && seen.insert(Rc::as_ptr(entry))
        {
            entries.push(&**entry);
            next = &entry.before.0;
        }
        entries
    }
}

fn place(origin: &Option<Origin>) -> (Option<Arc<str>>, Option<u32>) {
    match origin {
        Some(origin) => (Some(Arc::clone(&origin.file)), Some(origin.line)),
        None => (None, None),
    }
}

/// Long and deeply gathered lists are freed in a loop, not by native recursion.
impl Drop for Steps {
    fn drop(&mut self) {
        let Some(first) = self.0.take() else { return };
        let mut open = vec![Some(first)];
        while let Some(mut next) = open.pop() {
            while let Some(entry) = next {
                let Ok(mut entry) = Rc::try_unwrap(entry) else {
                    break;
                };
                next = entry.before.0.take();
                if let Step::Gathered(steps) = &mut entry.step {
                    open.push(steps.0.take());
                }
            }
        }
    }
}

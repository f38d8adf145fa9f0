//! Proofs: which rules, facts and operations led to a result.
//!
//! Each branch carries a list of the steps that it took; branches share the
//! steps before they parted, and the list is only gathered for results kept.

use std::collections::HashSet;
use std::rc::Rc;

use crate::atom::Atom;
use crate::space::Origin;

/// What led to one result, in order of use, each entry once.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Proof {
    /// Rules that were applied.
    pub rules: Vec<RuleUse>,
    /// Facts that a `match` found.
    pub facts: Vec<FactUse>,
    /// Names of host operations that were called.
    pub operations: Vec<String>,
}

/// A rule that was applied.
#[derive(Clone, Debug, PartialEq)]
pub struct RuleUse {
    /// The file it was read from, if it was read from one.
    pub file: Option<String>,
    /// Its line there, from 1.
    pub line: Option<u32>,
    /// The head of the rule as written.
    pub head: Atom,
}

/// A fact that a `match` found.
#[derive(Clone, Debug, PartialEq)]
pub struct FactUse {
    /// The file it was read from, if it was read from one.
    pub file: Option<String>,
    /// Its line there, from 1.
    pub line: Option<u32>,
    /// The fact.
    pub atom: Atom,
}

impl FactUse {
    pub(crate) fn of(atom: Atom, origin: Option<Origin>) -> FactUse {
        let (file, line) = place(&origin);
        FactUse { file, line, atom }
    }
}

impl Proof {
    pub(crate) fn add_rule(&mut self, rule: &RuleUse) {
        if !self.rules.contains(rule) {
            self.rules.push(rule.clone());
        }
    }

    pub(crate) fn add_fact(&mut self, fact: &FactUse) {
        if !self.facts.contains(fact) {
            self.facts.push(fact.clone());
        }
    }

    pub(crate) fn add_operation(&mut self, name: &str) {
        if !self.operations.iter().any(|known| known == name) {
            self.operations.push(name.to_owned());
        }
    }

    /// Adds all that another proof names.
    pub(crate) fn add_all(&mut self, other: &Proof) {
        other.rules.iter().for_each(|rule| self.add_rule(rule));
        other.facts.iter().for_each(|fact| self.add_fact(fact));
        other
            .operations
            .iter()
            .for_each(|name| self.add_operation(name));
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
        let mut proof = Proof::default();
        for entry in entries.into_iter().rev() {
            match &entry.step {
                Step::Rule { head, origin } => {
                    let (file, line) = place(origin);
                    add(
                        &mut proof.rules,
                        RuleUse {
                            file,
                            line,
                            head: head.clone(),
                        },
                    );
                }
                Step::Fact { atom, origin } => {
                    let (file, line) = place(origin);
                    add(
                        &mut proof.facts,
                        FactUse {
                            file,
                            line,
                            atom: atom.clone(),
                        },
                    );
                }
                Step::Operation(name) => add(&mut proof.operations, name.clone()),
                Step::Gathered(_) => unreachable!("opened above"),
            }
        }
        proof
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

fn add<T: PartialEq>(list: &mut Vec<T>, entry: T) {
    if !list.contains(&entry) {
        list.push(entry);
    }
}

fn place(origin: &Option<Origin>) -> (Option<String>, Option<u32>) {
    match origin {
        Some(origin) => (Some(origin.file.to_string()), Some(origin.line)),
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

//! The rules of a function, to be tried one by one. Rules that came or went since calls that
//! still wait began are told apart by when that was.

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::fast::code::Pc;
use crate::fast::switch::{HeadTest, Key};

/// A compiled rule.
pub(super) struct Rule {
    /// Where matching its head begins.
    pub(super) pc: Pc,
    /// After how many changes it was gone; 0 while it is there.
    pub(super) gone: u32,
    pub(super) tests: Box<[HeadTest]>,
}

/// Rules of one function in order.
pub(super) struct RuleTable {
    pub(super) rules: Vec<Rule>,
    pub(super) index: Option<RuleIndex>,
    /// Where the rules are stored, if that is in one layer.
    pub(super) layer: Option<u32>,
    pub(super) rows: Vec<u32>,
    /// How often rows had got new numbers by then.
    pub(super) numbering: u64,
    /// Where rules are tried one by one.
    pub(super) select: Pc,
    /// How many rules were compiled at first.
    pub(super) compiled: usize,
    /// How often rules came or went since, and how many.
    pub(super) changes: u32,
    pub(super) changed: usize,
    /// Calls since the last change.
    pub(super) calls: usize,
}

/// A rule that may match is looked for from here on.
#[derive(Clone, Copy)]
pub(super) struct Seen {
    pub(super) table: u32,
    /// Rules that came later, and those gone by then, are not seen.
    pub(super) end: u32,
    pub(super) changes: u32,
}

impl RuleTable {
    /// Whether a rule is there for a call that began after so many changes.
    pub(super) fn has(&self, number: u32, seen: Seen) -> bool {
        let rule = &self.rules[number as usize];
        number < seen.end && (rule.gone == 0 || rule.gone > seen.changes)
    }

    /// What a call that begins now sees.
    pub(super) fn seen(&self, table: u32) -> Seen {
        Seen {
            table,
            end: self.rules.len() as u32,
            changes: self.changes,
        }
    }
}

/// Rules by what stands at one position, for functions of many rules.
pub(super) struct RuleIndex {
    pub(super) path: SmallVec<[u32; 4]>,
    pub(super) by_key: HashMap<Key, Vec<u32>, FixedState>,
    /// Rules that match whatever stands there.
    pub(super) open: Vec<u32>,
}

impl RuleIndex {
    /// Adds a rule behind all others.
    pub(super) fn add(&mut self, number: u32, tests: &[HeadTest]) {
        match tests.iter().find(|test| test.path == self.path) {
            Some(test) => self.by_key.entry(test.key).or_default().push(number),
            None => self.open.push(number),
        }
    }
}

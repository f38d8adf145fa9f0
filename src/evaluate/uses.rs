//! What code uses, by numbers that stay: a proof keeps the numbers, and is put into rules,
//! facts and names when somebody asks.

use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use crate::evaluate::{FactUse, RuleUse};
use crate::operation::Operation;

/// Something that code uses.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Used {
    Rule(u32),
    Operation(u32),
    Fact(u32),
}

/// Tables that only grow. They are kept as long as there is code, or a proof, that goes by
/// them.
#[derive(Default)]
pub(crate) struct Uses(RwLock<Tables>);

#[derive(Default)]
pub(crate) struct Tables {
    pub(super) rules: Vec<Arc<RuleUse>>,
    /// Facts that were compiled into rules.
    pub(super) facts: Vec<FactUse>,
    pub(super) operations: Vec<Arc<Operation>>,
    /// What ways through the code use together.
    pub(super) ways: Vec<Arc<[Used]>>,
}

impl Uses {
    pub(super) fn read(&self) -> RwLockReadGuard<'_, Tables> {
        self.0.read().expect("nothing panics while it is locked")
    }

    fn write(&self) -> RwLockWriteGuard<'_, Tables> {
        self.0.write().expect("nothing panics while it is locked")
    }

    pub(crate) fn rule(&self, number: u32) -> Arc<RuleUse> {
        Arc::clone(&self.read().rules[number as usize])
    }

    pub(crate) fn way(&self, number: u32) -> Arc<[Used]> {
        Arc::clone(&self.read().ways[number as usize])
    }

    pub(crate) fn add_rule(&self, rule: RuleUse) -> u32 {
        added(&mut self.write().rules, Arc::new(rule))
    }

    pub(crate) fn add_fact(&self, fact: FactUse) -> u32 {
        added(&mut self.write().facts, fact)
    }

    pub(crate) fn add_operation(&self, operation: Arc<Operation>) -> u32 {
        added(&mut self.write().operations, operation)
    }

    pub(crate) fn add_way(&self, way: Arc<[Used]>) -> u32 {
        added(&mut self.write().ways, way)
    }
}

fn added<T>(table: &mut Vec<T>, entry: T) -> u32 {
    table.push(entry);
    table.len() as u32 - 1
}

//! Where rules are, of which version, and which have no head symbol.

use crate::atom::{Atom, Grounded, known};
use crate::fast::function::Inlined;
use crate::fast::head::Counts;
use crate::fast::heap::Heap;
use crate::fast::looked::Seen;
use crate::fast::program::Program;
use crate::fast::table::RuleTable;
use crate::space::{Origin, Row, Subject, Version, token};

impl Program {
    /// The version of the rules of a head symbol and arity.
    pub(in crate::fast) fn rules_version(&self, symbol: u32, arity: usize) -> Version {
        if self.curried.is_name(symbol) {
            return self.curried_version();
        }
        let equal = token::symbol(known().equal.id());
        self.layers.version(equal, subject(symbol, arity))
    }

    /// Where the rules of a head symbol and arity are stored, in order.
    pub(in crate::fast) fn rule_rows(&self, symbol: u32, arity: usize) -> Vec<Row> {
        self.rule_rows_from(symbol, arity, &[])
    }

    /// The same; only those that came to a layer behind a row, if one is given.
    pub(in crate::fast) fn rule_rows_behind(
        &self,
        symbol: u32,
        arity: usize,
        behind: Option<(u32, u32)>,
    ) -> Vec<Row> {
        let mut mark = vec![0; self.layers.len()];
        if let Some((layer, row)) = behind {
            mark[layer as usize] = row + 1;
        }
        self.rule_rows_from(symbol, arity, &mark)
    }

    /// The same, from a row of each layer on.
    fn rule_rows_from(&self, symbol: u32, arity: usize, mark: &[u32]) -> Vec<Row> {
        if self.curried.is_name(symbol) {
            return self.curried_rows(symbol, mark);
        }
        let equal = token::symbol(known().equal.id());
        let mut rows = Vec::new();
        self.layers
            .rows_about(equal, subject(symbol, arity), mark, &mut rows);
        self.add_any_head(arity, mark, &mut rows);
        rows
    }

    /// Rules of a name, with where they were written; fewer if some are no longer there.
    pub(in crate::fast) fn rules_at(
        &self,
        rows: &[Row],
        name: &Atom,
    ) -> Vec<(Atom, Option<Origin>)> {
        let mut found = Vec::with_capacity(rows.len());
        let _ = self.layers.each(rows, |row| {
            let rule = Program::as_of_name(self.as_of_function(row.atom()), name);
            found.push((rule, row.origin()));
            std::ops::ControlFlow::Continue(())
        });
        found
    }

    /// Takes note that code depends on the rules of a head symbol and arity.
    pub(in crate::fast) fn look_at_rules(&mut self, symbol: u32, arity: usize) {
        self.note_looked(symbol, arity, None);
    }

    /// Whether there are rules of a head symbol and arity, which code depends on then.
    pub(in crate::fast) fn ask_for_rules(&mut self, symbol: u32, arity: usize) -> bool {
        if self.ask_for_more_rules(symbol, arity, 0) {
            return true;
        }
        self.look_at_rules(symbol, arity);
        self.has_rules_of(symbol, arity)
    }

    /// Whether more than so many rules name the symbol as their head. Code depends then on that
    /// alone, whatever rules come.
    pub(in crate::fast) fn ask_for_more_rules(
        &mut self,
        symbol: u32,
        arity: usize,
        count: usize,
    ) -> bool {
        let has_more = self.has_more_own_rules_of(symbol, arity, count);
        if has_more {
            self.note_looked(symbol, arity, Some(count));
        }
        has_more
    }

    fn note_looked(&mut self, symbol: u32, arity: usize, more_than: Option<usize>) {
        let version = self.rules_version(symbol, arity);
        self.looked.note(Seen {
            symbol,
            arity,
            version,
            more_than,
        });
    }

    fn has_more_own_rules_of(&self, symbol: u32, arity: usize, count: usize) -> bool {
        let equal = token::symbol(known().equal.id());
        (self.layers).has_more_rows_about(equal, subject(symbol, arity), count)
    }

    /// Whether other rules that the code of a function depends on are what they were.
    pub(in crate::fast) fn looked_same(&self, function: u32) -> bool {
        self.looked.holds(function, |seen| {
            let (symbol, arity) = (seen.symbol, seen.arity);
            let has_more = |count| self.has_more_own_rules_of(symbol, arity, count);
            self.rules_version(symbol, arity) == seen.version
                || seen.more_than.is_some_and(has_more)
        })
    }

    pub(in crate::fast) fn has_rules_of(&self, symbol: u32, arity: usize) -> bool {
        if self.curried.is_name(symbol) {
            return self.curried.has_rules(symbol);
        }
        self.any_head.has(arity) || self.has_own_rules_of(symbol, arity)
    }

    /// Whether there are rules for calls of so many elements whose head is no name.
    #[inline(always)]
    pub(in crate::fast) fn has_rules_of_values(&self, count: usize) -> bool {
        self.value_rules.has(count) || self.expression_rules.has(count)
    }

    /// Whether there are rules that name the symbol as their head.
    pub(super) fn has_own_rules_of(&self, symbol: u32, arity: usize) -> bool {
        let equal = token::symbol(known().equal.id());
        self.layers.has_rows_about(equal, subject(symbol, arity))
    }

    /// The rule of a name and arity, if there is just one.
    pub(in crate::fast) fn only_rule_of(
        &self,
        symbol: u32,
        arity: usize,
        name: &Atom,
    ) -> Option<Atom> {
        let equal = token::symbol(known().equal.id());
        let subject = subject(symbol, arity);
        if self.curried.is_name(symbol)
            || self.any_head.has(arity)
            || self.layers.has_more_rows_about(equal, subject, 1)
        {
            return None;
        }
        let rows = self.rule_rows(symbol, arity);
        let (rule, _) = self.rules_at(&rows, name).pop()?;
        Some(rule)
    }

    /// Takes note of rules that code has in itself, by their number.
    pub(in crate::fast) fn inlined(&mut self, symbol: u32, arity: usize) -> u32 {
        self.note_inlined(symbol, arity, false)
    }

    /// The same of a name whose calls code takes for data.
    pub(in crate::fast) fn inlined_data(&mut self, symbol: u32, arity: usize) -> u32 {
        self.note_inlined(symbol, arity, true)
    }

    fn note_inlined(&mut self, symbol: u32, arity: usize, is_data: bool) -> u32 {
        let (version, epoch) = (self.rules_version(symbol, arity), self.epoch);
        self.inlined.push(Inlined {
            symbol,
            arity,
            version,
            epoch,
            is_data,
        });
        self.inlined.len() as u32 - 1
    }

    /// Whether rules that code has in itself are still what they were.
    pub(in crate::fast) fn is_same_inlined(&mut self, heap: &Heap, number: u32) -> bool {
        let Inlined {
            symbol,
            arity,
            version,
            epoch,
            is_data,
        } = self.inlined[number as usize];
        if epoch != self.epoch {
            if self.rules_version(symbol, arity) != version
                || is_data && self.types_of_symbol(heap, symbol).is_some()
            {
                return false;
            }
            self.inlined[number as usize].epoch = self.epoch;
        }
        true
    }

    /// Looks for rules that cannot be found by their head symbol.
    pub(super) fn survey(&mut self) {
        let equal = token::symbol(known().equal.id());
        let mut rows: Vec<Row> = Vec::new();
        self.layers.rows_of_any_head(&[], &mut rows);
        // A variable by itself is no rule.
        self.open_rules = false;
        let _ = self.layers.each(&rows, |row| {
            if row.is_variable() {
                return std::ops::ControlFlow::Continue(());
            }
            self.open_rules = true;
            std::ops::ControlFlow::Break(())
        });
        rows.clear();
        self.layers.rows_about(equal, Subject::Open, &[], &mut rows);
        let mut open = self.open_rules;
        let (mut expression, mut value) = (Counts::default(), Counts::default());
        let mut curried = std::mem::take(&mut self.curried);
        curried.begin();
        let mut any_head = std::mem::take(&mut self.any_head);
        any_head.clear();
        // Who records or watches is told which rule it was as it was written.
        let may_name = !self.proving && !self.watched;
        let mut all_curried = true;
        let _ = self.layers.each(&rows, |row| {
            let atom = row.atom();
            match atom.as_expression().and_then(|rule| rule.get(1)) {
                // Operations carry their calls out themselves, whatever comes of it.
                Some(Atom::Expression(head))
                    if matches!(
                        head.children().first(),
                        Some(Atom::Grounded(Grounded::Operation(_)))
                    ) => {}
                Some(whole @ Atom::Expression(head))
                    if !matches!(head.children().first(), Some(Atom::Variable(_))) =>
                {
                    // What a head is evaluated to may be such a value.
                    expression.note(head.children().len());
                    if !matches!(head.children().first(), Some(Atom::Expression(_))) {
                        value.note(head.children().len());
                    }
                    all_curried &= curried.note(whole);
                }
                Some(Atom::Expression(head)) if may_name && any_head.note(&atom) => {
                    // Calls of anything that is no name are left to the plain evaluator.
                    expression.note(head.children().len());
                    value.note(head.children().len());
                    all_curried = false;
                }
                _ => {
                    (open, all_curried) = (true, false);
                    (expression, value) = (Counts::ALL, Counts::ALL);
                }
            }
            std::ops::ControlFlow::Continue(())
        });
        match all_curried {
            true => curried.end(),
            // Which calls they are for no shape tells.
            false => curried.begin(),
        }
        self.any_head = any_head;
        self.open_rules = open;
        self.expression_rules = expression;
        self.value_rules = value;
        self.curried = curried;
    }

    /// Drops tables of rules that no function has any more; nothing is evaluated now.
    pub(in crate::fast) fn drop_old_tables(&mut self) {
        if self.tables.len() <= 2 * self.functions.len() {
            return;
        }
        let mut old: Vec<Option<RuleTable>> = self.tables.drain(..).map(Some).collect();
        for function in &mut self.functions {
            let table = old.get_mut(function.table as usize).and_then(Option::take);
            function.table = table.map_or(u32::MAX, |table| {
                self.tables.push(table);
                self.tables.len() as u32 - 1
            });
        }
    }
}

fn subject(symbol: u32, arity: usize) -> Subject {
    Subject::Call(token::symbol(symbol), arity as u32 + 1)
}

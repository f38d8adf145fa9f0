//! Tabled calls, as [`evaluate::tabling`](crate::evaluate) does them.
//!
//! The frame of a tabled call keeps its arguments and the variables in them. Its rules run in
//! a frame above it, whose results come back to `Answer`, which keeps them and goes back for
//! more; the choice that is gone back to last begins another pass, or takes the answers.
//!
//! Source: N.-F. Zhou, T. Sato, "Efficient Fixpoint Computation in Linear Tabling", PPDP 2003.

use super::{HEIGHT, Machine, Next};
use crate::fast::cell::Cell;
use crate::fast::choice::Kind;
use crate::fast::code::{ANSWER, Instruction, Pc, Slot};
use crate::fast::compile;
use crate::fast::function::State as Code;
use crate::fast::tables::{NONE, Todo, Variables};

/// Calls with more variables are left to the plain evaluator.
const VARIABLES_MAX: usize = 256;

impl Machine<'_> {
    /// A call of a tabled function whose arguments stand in the frame.
    #[inline(never)]
    pub(super) fn call_tabled(&mut self, function: u32, base: usize) -> Next {
        let entry = &self.program.functions[function as usize];
        let (name, arity) = (entry.symbol, entry.arity);
        let Some(variables) = self.write_key(arity, base) else {
            return self.call_plainly(function, base);
        };
        let kept = arity + variables.len();
        let number = self.tables.number((name, arity), variables.len());
        if !variables.is_empty() {
            self.stack.reserve(base + 2 + kept);
            for (place, variable) in variables.iter().enumerate() {
                self.stack[base + 2 + arity + place] = variable.0;
            }
        }
        let kept = kept as Slot;
        if self.tables.called(number) == Todo::Take {
            return self.begin_answers_of(number, kept, base);
        }
        let kind = Kind::Fill { function, kept };
        self.choose(kind, base, base + 2 + usize::from(kept));
        self.begin_pass(function, arity, kept, base)
    }

    /// Writes the arguments in a frame as a table's key; the variables in them, unless they are
    /// too many.
    fn write_key(&mut self, arity: usize, base: usize) -> Option<Variables> {
        let mut variables = Variables::new();
        self.tables.begin();
        let arguments = &self.stack[base + 2..][..arity];
        let is_written = arguments.iter().all(|argument| {
            let argument = Cell(*argument);
            self.tables.write(&self.heap, argument, &mut variables)
        });
        if !is_written {
            let arguments: Vec<_> = arguments.iter().map(|word| Cell(*word)).collect();
            let whole = self.heap.build(&arguments);
            let atom = self.heap.export(whole);
            variables.clear();
            let mut names = Vec::new();
            atom.for_each_variable(|variable| {
                if names.len() <= VARIABLES_MAX && !names.contains(variable) {
                    names.push(variable.clone());
                }
            });
            let cells = names.iter().map(|name| self.heap.named_variable(name));
            variables.extend(cells);
            self.tables.write_whole(atom);
        }
        (variables.len() <= VARIABLES_MAX).then_some(variables)
    }

    /// One pass over the rules for the call of a frame, the newest choice being its own.
    fn begin_pass(&mut self, function: u32, arity: usize, kept: Slot, base: usize) -> Next {
        let above = self.above(base, kept);
        self.stack.reserve(above + 2 + arity);
        self.stack
            .copy_within(base + 2..base + 2 + arity, above + 2);
        self.stack[above] = (u64::from(ANSWER) << 32) | base as u64;
        self.stack[above + 1] = ((self.choices.len() as u64) << HEIGHT) | above as u64;
        self.fuel = self.fuel.saturating_sub(1).max(1);
        if self.program.functions[function as usize].state.is_unsure() {
            compile::function(self.host, &mut self.heap, &mut self.program, function);
        }
        self.head_trail = self.heap.trail.len();
        let entry = &self.program.functions[function as usize];
        if entry.state != Code::Compiled {
            return self.enter_other(function, above);
        }
        let to = match self.program.code[entry.pc as usize] {
            Instruction::Table { to, .. } => to,
            _ => entry.pc,
        };
        let needed = above + 2 + usize::from(entry.size);
        if self.stack.has_grown()
            && let Some(next) =
                self.beyond_bounds(super::call::TooDeep::Call(function), above, needed, base)
        {
            return next;
        }
        if self.heap.cells.len() >= self.collect_at {
            self.collect(above, arity);
            self.head_trail = self.heap.trail.len();
        }
        Next::At(to, above)
    }

    /// Keeps a result of the table being filled, whose call stands in the frame.
    #[inline(never)]
    pub(super) fn keep_answer(&mut self, base: usize) {
        let value = self.heap.deref(self.result);
        let tables = &mut self.tables;
        let Some(number) = tables.newest() else {
            unreachable!("results come to a table that is being filled");
        };
        if value == self.heap.empty {
            return;
        }
        let table = &tables.tables[number as usize];
        let of_call = &self.stack[base + 2 + table.arity..][..table.variables as usize];
        let mut variables = Variables::new();
        tables.begin();
        let mut terms = of_call.iter().map(|word| Cell(*word)).chain([value]);
        if !terms.all(|term| tables.write(&self.heap, term, &mut variables)) {
            let terms = of_call.iter().map(|word| Cell(*word)).chain([value]);
            let terms: Vec<_> = terms.collect();
            let whole = self.heap.build(&terms);
            let atom = self.heap.export(whole);
            tables.write_whole(atom);
        }
        tables.add(number, variables.is_empty());
    }

    /// A pass over the rules has ended, the newest choice being the call's own: another one, or
    /// the answers.
    pub(super) fn end_pass(
        &mut self,
        function: u32,
        kept: Slot,
        base: usize,
    ) -> Option<(Pc, usize)> {
        let table = self.tables.newest()?;
        if self.tables.end_pass() == Todo::Fill {
            let arity = self.tables.tables[table as usize].arity;
            return match self.begin_pass(function, arity, kept, base) {
                Next::At(pc, base) => Some((pc, base)),
                Next::Fail => None,
            };
        }
        let choice = self.choices.last_mut()?;
        let last = NONE;
        choice.kind = Kind::Answers { table, last, kept };
        self.next_of_table()
    }

    /// Goes on with each answer of a table for the call of a frame.
    fn begin_answers_of(&mut self, table: u32, kept: Slot, base: usize) -> Next {
        let Some(first) = self.tables.after(table, NONE) else {
            self.tables.note_taken(table);
            return Next::Fail;
        };
        if !self.tables.is_last(table, first) {
            let last = first;
            let kind = Kind::Answers { table, last, kept };
            self.choose(kind, base, base + 2 + usize::from(kept));
        }
        self.take_answer_of(table, first, base)
    }

    /// Goes on with the next answer of the table that the newest choice is for, also one that was
    /// found meanwhile.
    pub(super) fn next_of_table(&mut self) -> Option<(Pc, usize)> {
        let choice = self.choices.last_mut()?;
        let base = choice.base as usize;
        let Kind::Answers { table, last, .. } = &mut choice.kind else {
            unreachable!("it is a choice of answers");
        };
        let number = *table;
        let next = self.tables.after(number, *last);
        match next {
            Some(next) => *last = next,
            None => self.tables.note_taken(number),
        }
        if next.is_none_or(|next| self.tables.is_last(number, next)) {
            self.exhaust();
        }
        match self.take_answer_of(number, next?, base) {
            Next::At(pc, base) => Some((pc, base)),
            Next::Fail => None,
        }
    }

    /// Goes on with an answer: what it has for the variables of the call, and its result.
    fn take_answer_of(&mut self, table: u32, answer: u32, base: usize) -> Next {
        if let Some(result) = self.tables.leaf(table, answer) {
            return self.leave(result, base);
        }
        let arity = self.tables.tables[table as usize].arity;
        let terms = self.tables.read(answer, &mut self.heap);
        let Some((result, values)) = terms.split_last() else {
            unreachable!("a result is there");
        };
        for (place, value) in values.iter().enumerate() {
            let variable = Cell(self.stack[base + 2 + arity + place]);
            if !self.heap.unify(variable, *value) {
                return Next::Fail;
            }
        }
        self.collect_if_much();
        self.leave(*result, base)
    }
}

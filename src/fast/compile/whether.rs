//! `collapse` of which only matters whether there is any result: `(== (collapse (match …)) ())`.
//!
//! Where each result of a query is a name or a number that is written there, nothing can be
//! seen of results after the first: the query ends with that, and nothing is gathered.

use super::{Compiled, Compiler, OddWhat, Value, Want};
use crate::atom::{Atom, Grounded, known};
use crate::evaluate::Control;
use crate::fast::choice::Gathers;
use crate::fast::code::{ANY, FAIL, Instruction, Operand};
use crate::fast::program::Inline;

impl Compiler<'_> {
    /// What has to be kept of what a comparison with another side gathers: of `()` nothing but
    /// whether there is a result.
    pub(super) fn gathers_beside(&mut self, side: &Atom, other: &Atom) -> Gathers {
        if *other == Atom::unit() && self.is_collapse(side) {
            Gathers::Whether
        } else {
            Gathers::Results
        }
    }

    /// The same of what cases are told apart by, none of which names it.
    pub(super) fn gathers_for(&mut self, value: &Atom, cases: &[Atom]) -> Gathers {
        let tells_whether = |case: &Atom| match case.as_expression() {
            Some([Atom::Variable(variable), _]) => {
                self.counts.get(variable) == Some(&1) && !self.names.contains_key(variable)
            }
            Some([pattern, _]) => *pattern == Atom::unit(),
            _ => false,
        };
        if cases.iter().all(tells_whether) && self.is_collapse(value) {
            Gathers::Whether
        } else {
            Gathers::Results
        }
    }

    /// What is asked of the results that a variable stands for, where this is the next that is
    /// done with them: only how many there are, or whether there are any; all of it else. To be
    /// compared, the list of them is evaluated: a call or an error among them would be seen.
    pub(super) fn asked_of(&mut self, variable: &Atom, value: &Atom, next: &Atom) -> Gathers {
        match (self.operation_of(next), next.as_expression()) {
            (Some((None, Some(Inline::Size))), Some([_, of])) if of == variable => Gathers::HowMany,
            (Some((None, Some(Inline::Equal))), Some([_, left, right]))
                if (left == variable && *right == Atom::unit()
                    || right == variable && *left == Atom::unit())
                    && self.is_of_alike(value) =>
            {
                Gathers::Whether
            }
            _ => Gathers::Results,
        }
    }

    /// Whether an expression is `collapse` of a query of a space, each result of which is the same
    /// name or value.
    pub(super) fn is_of_alike(&mut self, collapse: &Atom) -> bool {
        let Some([_, inner]) = collapse.as_expression() else {
            return false;
        };
        let Some([_, space, _, template]) = inner.as_expression() else {
            return false;
        };
        let is_plain = match template {
            // A list of them is no call.
            Atom::Symbol(symbol) => {
                let id = self.heap.symbol(symbol);
                *symbol != known().empty
                    && *symbol != known().not_reducible
                    && *symbol != known().error
                    && (0..2).all(|arity| self.is_data_function(id, arity))
            }
            Atom::Grounded(
                Grounded::Number(_) | Grounded::Bool(_) | Grounded::Char(_) | Grounded::Text(_),
            ) => true,
            _ => false,
        };
        let is_space = match space {
            Atom::Grounded(Grounded::Space(_)) => true,
            // The error that what is no space gives is kept by `collapse_of_any` only.
            Atom::Variable(variable) => {
                !self.watched && !self.program.proving && self.names.contains_key(variable)
            }
            _ => false,
        };
        is_plain
            && is_space
            && self.is_collapse(collapse)
            && matches!(self.operation_of(inner), Some((Some(Control::Match), _)))
    }

    /// `collapse` of a query, if only whether it has an answer matters and nothing is to be seen of
    /// others: a list of one answer, or `()`.
    pub(super) fn collapse_of_any(
        &mut self,
        atom: &Atom,
        inner: &Atom,
        want: Want,
    ) -> Compiled<Option<Value>> {
        if self.watched || self.program.proving {
            return Ok(None);
        }
        let Some([_, space, pattern, template]) = inner.as_expression() else {
            return Ok(None);
        };
        if !self.is_of_alike(atom) {
            return Ok(None);
        }
        let list = self.constant(&Atom::expression([template.clone()]))?;
        let none = self.constant(&Atom::unit())?;
        let to = self.slot()?;
        let told = self.whether_facts((space, pattern), to, (list, none))?;
        let keep = self.target()?;
        let (without, names) = (self.defined.clone(), self.names.clone());
        let open = self.emit_sized(Instruction::CaseOpen {
            keep,
            empty: FAIL,
            size: 0,
        });
        let (slow, end) = self.branch(|this| {
            this.part(|this| {
                this.introduce(inner)?;
                let what = OddWhat::Source(atom.clone());
                let slow = this.answers(what, space, pattern, ANY)?;
                this.emit(Instruction::Found { keep });
                this.emit(Instruction::Constant { to, index: list });
                let end = this.emit(Instruction::Jump { to: FAIL });
                // The plain evaluator gathers it all.
                this.first_in_slow(slow, Instruction::Found { keep });
                Ok((slow, end))
            })
        })?;
        // The slow way is gone on with where none of the variables of the query are any more.
        self.odd[slow].defined = without.clone();
        self.odd[slow].names = names;
        self.begin_without(open, without);
        self.emit(Instruction::Constant { to, index: none });
        self.define(to);
        self.land(told.into_iter().chain([end]).map(Some));
        self.odd[slow].to = Some(to);
        self.odd[slow].resume = self.here();
        // A variable may stand for what is no space, the result of which is an error.
        if matches!(space, Atom::Grounded(_)) {
            self.seen.settled.insert(to);
        }
        Ok(Some(self.give(Operand::slot(to), want)))
    }
}

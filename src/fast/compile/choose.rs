//! Several results: `collapse`, `superpose`, `match`.

use std::sync::Arc;

use super::call::Call;
use super::{
    Bound, Check, Compiled, Compiler, Leave, Name, OddWhat, Place, Static, Value, Want,
    is_whole_error,
};
use crate::atom::{Atom, Grounded, Variable, known};
use crate::evaluate::Control;
use crate::fast::choice::Gathers;
use crate::fast::code::{ANY, FAIL, Instruction, Operand, TypeId};
use crate::fast::head::{Head, Signature};
use crate::fast::program::Inline;
use crate::operation::Operation;
use crate::unify::Bindings;

impl Compiler<'_> {
    /// What has to be kept of the results that a `let` of `pattern` and `value` gathers, if
    /// `next` is evaluated next: only how many there are, if that is all that is asked.
    pub(super) fn gathers(&mut self, pattern: &Atom, value: &Atom, next: &Atom) -> Gathers {
        let Atom::Variable(variable) = pattern else {
            return Gathers::Results;
        };
        if !self.is_whole || self.counts.get(variable) != Some(&2) {
            return Gathers::Results;
        }
        let mut next = next;
        loop {
            let parts = next.as_expression().unwrap_or_default();
            next = match (self.operation_of(next), parts) {
                (Some((Some(Control::Let | Control::LetAny), _)), [_, _, value, _]) => value,
                (Some((Some(Control::LetStar), _)), [_, pairs, template]) => {
                    match pairs.as_expression().unwrap_or_default().first() {
                        None => template,
                        Some(pair) => match pair.as_expression() {
                            Some([_, value]) => value,
                            _ => return Gathers::Results,
                        },
                    }
                }
                // What is evaluated first of these.
                (Some((Some(Control::If), _)), [_, condition, ..]) => condition,
                (Some((None, Some(Inline::Not | Inline::Logic(_)))), [_, first, ..]) => first,
                (Some((Some(Control::Case), _)), [_, of, cases])
                    if of == pattern && self.is_of_alike(value) =>
                {
                    return self.gathers_for(value, cases.as_expression().unwrap_or_default());
                }
                _ if self.is_collapse(value) => return self.asked_of(pattern, value, next),
                _ => return Gathers::Results,
            };
        }
    }

    pub(super) fn is_collapse(&mut self, atom: &Atom) -> bool {
        matches!(self.operation_of(atom), Some((Some(Control::Collapse), _)))
    }

    /// What the operation that an expression calls is.
    pub(super) fn operation_of(
        &mut self,
        atom: &Atom,
    ) -> Option<(Option<Control>, Option<Inline>)> {
        let head = atom.as_expression()?.first()?;
        match self.program.head(self.host, self.heap, head) {
            Head::Operation(operation, _) => {
                Some((operation.control(), self.program.inline(&operation)))
            }
            Head::Untyped | Head::Typed(_) | Head::Complex => None,
        }
    }

    pub(super) fn collapse(&mut self, atom: &Atom, inner: &Atom, want: Want) -> Compiled<Value> {
        let gathers = std::mem::replace(&mut self.gathers, Gathers::Results);
        if gathers == Gathers::Whether
            && let Some(value) = self.collapse_of_any(atom, inner, want)?
        {
            return Ok(value);
        }
        let to = self.slot()?;
        let open = self.emit_sized(Instruction::Gather {
            done: FAIL,
            size: 0,
        });
        self.branch(|this| {
            let slot = this.slot()?;
            let mark = this.target()?;
            this.emit(Instruction::Mark { to: mark });
            this.caught(slot, Some(mark), |this| {
                if is_whole_error(inner) {
                    return this.quoted(inner);
                }
                this.part(|this| {
                    this.introduce(inner)?;
                    this.evaluate(inner, ANY, Want::Shared)
                })
            })?;
            let what = match gathers {
                Gathers::Results | Gathers::Any => Gathers::Results,
                Gathers::HowMany | Gathers::Whether => Gathers::HowMany,
            };
            this.emit(Instruction::GatherAdd { slot, what });
            Ok(())
        })?;
        let here = self.here();
        self.fill(open, Place::To, here);
        self.program
            .live
            .insert(here, self.defined.clone().into_boxed_slice());
        self.define(to);
        if gathers == Gathers::Any {
            self.emit(Instruction::TakeAny { to });
        } else {
            let take = self.emit(Instruction::Take { to, on_error: FAIL });
            self.on_error(take);
        }
        Ok(self.give(Operand::slot(to), want))
    }

    pub(super) fn superpose(
        &mut self,
        call: Call<'_>,
        operation: &Arc<Operation>,
        signature: &Signature,
    ) -> Compiled<Value> {
        let Call {
            atom,
            children,
            want,
            ..
        } = call;
        let number = self.program.operation(operation, ANY);
        match &children[1..] {
            [Atom::Expression(list)] => {
                let items = list.children();
                if items.is_empty() {
                    self.emit(Instruction::Fail);
                    return self.constant_value(&Atom::unit());
                }
                if items.len() > 2000 {
                    return Err(Leave);
                }
                let to = self.slot()?;
                let (_, mark) = self.marked(std::slice::from_ref(atom), want, |this, inner| {
                    let at = this.program.operands.len();
                    let places = vec![Operand(0); items.len()];
                    let operands = this.program.operands(&places);
                    this.record(number);
                    this.emit_sized(Instruction::Alternatives { operands, size: 0 });
                    let mut ends = Vec::new();
                    for (place, item) in items.iter().enumerate() {
                        let here = this.here();
                        this.program.operands[at + 1 + place] = Operand(here);
                        this.program
                            .live
                            .insert(here, this.defined.clone().into_boxed_slice());
                        let end = this.branch(|this| {
                            this.part(|this| {
                                let value = this.template(item, ANY, inner.want, Bound::Nothing)?;
                                Ok(this.join(value, to, want))
                            })
                        })?;
                        ends.push(end);
                    }
                    this.land(ends);
                    Ok(())
                })?;
                self.define(to);
                if want != Want::Tail {
                    self.exit(mark);
                }
                Ok(Operand::slot(to))
            }
            [Atom::Variable(variable)] => {
                let Some(name) = self.names.get(variable).copied() else {
                    return Err(Leave);
                };
                let wanted = Atom::Symbol(known().expression.clone());
                let checks = vec![Check::Type(name.slot, wanted)];
                let _ = signature;
                let guard = self.guard(atom, checks, ANY)?;
                let (value, mark) =
                    self.marked(std::slice::from_ref(atom), want, |this, inner| {
                        this.record(number);
                        let at = this.emit_sized(Instruction::Elements {
                            from: name.slot,
                            size: 0,
                            odd: FAIL,
                        });
                        this.fill(at, Place::Odd, FAIL);
                        let item = this.target()?;
                        this.emit(Instruction::TakeAny { to: item });
                        this.settle(item, ANY, inner.want)
                    })?;
                if want != Want::Tail {
                    self.exit(mark);
                }
                self.resume(guard, value, want)
            }
            _ => Err(Leave),
        }
    }

    pub(super) fn match_form(
        &mut self,
        atom: &Atom,
        space: &Atom,
        pattern: &Atom,
        template: &Atom,
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        match space {
            Atom::Grounded(Grounded::Space(_)) => {}
            Atom::Variable(variable) if self.names.contains_key(variable) => {}
            Atom::Expression(_) => {
                return self.match_in_results(atom, (space, pattern, template), expected, want);
            }
            _ => return Err(Leave),
        }
        if matches!(template, Atom::Variable(_)) && self.finds_functions(space, pattern) {
            return Err(Leave);
        }
        let (value, mark) = self.marked(std::slice::from_ref(atom), want, |this, inner| {
            let source = OddWhat::Source(atom.clone());
            let slow = this.answers(source, space, pattern, expected)?;
            let value = this.part(|this| {
                this.introduce(template)?;
                this.template(template, ANY, inner.want, Bound::Something)
            })?;
            let value = if want == Want::Tail {
                value
            } else {
                // The slow way needs a slot to put its value.
                let slot = this.in_slot(value)?;
                let to = this.target()?;
                this.emit(Instruction::Move { to, from: slot });
                this.odd[slow].to = Some(to);
                this.odd[slow].resume = this.here();
                Operand::slot(to)
            };
            Ok(value)
        })?;
        if want != Want::Tail {
            self.exit(mark);
        }
        Ok(value)
    }

    /// `match` whose space is what a call gives, of which no type is known or that of spaces: as
    /// `let` of the call, with a variable for its results.
    fn match_in_results(
        &mut self,
        atom: &Atom,
        (call, pattern, template): (&Atom, &Atom, &Atom),
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        let mut checks = Vec::new();
        let is_any = match self.static_type(call, &mut checks)? {
            Static::Any => true,
            Static::Known(found) => found.is_symbol(&known().space_type),
            _ => false,
        };
        if !is_any || !checks.is_empty() {
            return Err(Leave);
        }
        let variable = Variable::new("space").renamed();
        self.counts.insert(variable.clone(), 2);
        let space = Atom::Variable(variable);
        let head = atom.as_expression().expect("a call of match")[0].clone();
        let inner = Atom::expression([head, space.clone(), pattern.clone(), template.clone()]);
        let value = (call, Gathers::Results);
        self.let_form(atom, &space, value, want, expected, &inner, |this, want| {
            this.part(|this| this.match_form(&inner, &space, pattern, template, expected, want))
        })
    }

    /// `unify` of a space: what follows for each answer to a pattern, or else where there is none.
    pub(super) fn unify_space(
        &mut self,
        atom: &Atom,
        (space, pattern): (&Atom, &Atom),
        (then, otherwise): (&Atom, &Atom),
        want: Want,
    ) -> Compiled<Value> {
        if self.finds_functions(space, pattern) {
            return Err(Leave);
        }
        let to = self.slot()?;
        let (_, mark) = self.marked(std::slice::from_ref(atom), want, |this, inner| {
            let keep = this.target()?;
            let without = this.defined.clone();
            let open = this.emit_sized(Instruction::CaseOpen {
                keep,
                empty: FAIL,
                size: 0,
            });
            let first = this.branch(|this| {
                let source = OddWhat::Source(atom.clone());
                let unbound = this.jump_if_unbound(pattern)?;
                let slow = this.answers(source, space, pattern, ANY)?;
                if let Some(at) = unbound {
                    this.odd[slow].uses.push((at, Place::To));
                }
                let over = this.emit(Instruction::Jump { to: FAIL });
                // Whatever the plain evaluator answers, the else is in it.
                this.first_in_slow(slow, Instruction::CaseAny { keep });
                this.land([Some(over)]);
                this.emit(Instruction::CaseAny { keep });
                let value = this.unified(then, inner.want)?;
                let end = this.join(value, to, want);
                Ok((end, slow))
            })?;
            let (end, slow) = first;
            this.begin_without(open, without);
            let second = this.branch(|this| {
                let value = this.unified(otherwise, inner.want)?;
                Ok(this.join(value, to, want))
            })?;
            this.land([end, second]);
            this.define(to);
            if want != Want::Tail {
                this.odd[slow].to = Some(to);
                this.odd[slow].resume = this.here();
            }
            Ok(())
        })?;
        if want != Want::Tail {
            self.exit(mark);
        }
        Ok(Operand::slot(to))
    }

    /// A jump for where a pattern is a variable that stands for nothing: it takes the space itself.
    fn jump_if_unbound(&mut self, pattern: &Atom) -> Compiled<Option<usize>> {
        let Atom::Variable(variable) = pattern else {
            return Ok(None);
        };
        let from = self.names.get(variable).ok_or(Leave)?.slot;
        self.record_pending();
        let to = self.target()?;
        self.emit(Instruction::IsUnbound { to, from });
        let (over, odd) = (FAIL, FAIL);
        let bound = self.emit(Instruction::JumpUnless {
            slot: to,
            to: over,
            odd,
        });
        let unbound = self.emit(Instruction::Jump { to: FAIL });
        let here = self.here();
        self.fill(bound, Place::Odd, here);
        self.land([Some(bound)]);
        Ok(Some(unbound))
    }

    /// Whether a query for rules finds one whose body is a `function`: as a result of `match` it
    /// is run before it is evaluated.
    fn finds_functions(&self, space: &Atom, pattern: &Atom) -> bool {
        let Some([relation, head, _]) = pattern.as_expression() else {
            return false;
        };
        if !relation.is_symbol(&known().equal) {
            return false;
        }
        let space = match space {
            Atom::Grounded(Grounded::Space(space)) => space,
            _ => &self.program.space,
        };
        let function = [
            Atom::Symbol(known().function.clone()),
            Atom::Variable(Variable::new("body").renamed()),
        ];
        let asked = [relation.clone(), head.clone(), Atom::expression(function)];
        let mut found = false;
        space.each(&Atom::expression(asked), &mut Bindings::new(), |_, _| {
            found = true;
        });
        found
    }

    /// Begins what runs where there is no result of what `CaseOpen` opened: only the slots
    /// that were filled before that hold anything.
    pub(super) fn begin_without(&mut self, open: usize, without: Vec<u64>) {
        let here = self.here();
        self.fill(open, Place::To, here);
        self.defined.clone_from(&without);
        self.program.live.insert(here, without.into_boxed_slice());
    }

    /// Has a slow way that is not written yet carry out an instruction before all else.
    pub(super) fn first_in_slow(&mut self, slow: usize, first: Instruction) {
        let here = self.here();
        for (at, place) in std::mem::take(&mut self.odd[slow].uses) {
            self.fill(at, place, here);
        }
        self.emit(first);
        let at = self.emit(Instruction::Jump { to: FAIL });
        self.odd[slow].uses = vec![(at, Place::To)];
    }

    /// Compiles what a `collapse` in it is to keep only so much of.
    pub(super) fn gathering<T>(
        &mut self,
        gathers: Gathers,
        inner: impl FnOnce(&mut Self) -> Compiled<T>,
    ) -> Compiled<T> {
        self.gathers = gathers;
        let compiled = inner(self);
        self.gathers = Gathers::Results;
        compiled
    }

    /// Emits what goes on with each answer of a space to a pattern; the slow way beside it, which
    /// is what `source` says.
    pub(super) fn answers(
        &mut self,
        source: OddWhat,
        space: &Atom,
        pattern: &Atom,
        expected: TypeId,
    ) -> Compiled<usize> {
        let pattern = only_pattern(pattern);
        let mut facts = Vec::new();
        let compiled = match self.compiled_pattern(pattern)? {
            Some((number, first)) => {
                facts = self.facts(space, pattern, number, &first)?;
                Some((number, first))
            }
            None => self.compiled_conjunction(pattern)?,
        };
        if let Some((pattern, first)) = compiled {
            let space = self.quoted(space)?;
            let space = self.in_slot(space)?;
            let before = self.defined.clone();
            if self.program.patterns[pattern as usize].followed_by > 0 {
                // What one pattern wrote the next goes by, also when it is gone back to.
                for (_, slot) in &first {
                    self.define(*slot);
                }
            }
            let at = self.emit_sized(Instruction::Query {
                space,
                pattern,
                size: 0,
                odd: FAIL,
            });
            self.defined = before;
            let slow = self.slow(vec![(at, Place::Odd)], source, expected)?;
            self.land(facts.into_iter().map(Some));
            for (variable, slot) in first {
                self.define(slot);
                let fresh_in = None;
                self.name(&variable, Name { slot, fresh_in });
            }
            return Ok(slow);
        }
        let space = self.quoted(space)?;
        let space = self.in_slot(space)?;
        let pattern = self.quoted(pattern)?;
        let pattern = self.in_slot(pattern)?;
        let at = self.emit_sized(Instruction::Match {
            space,
            pattern,
            size: 0,
            odd: FAIL,
        });
        self.slow(vec![(at, Place::Odd)], source, expected)
    }
}

/// The pattern of a conjunction of one, `(, pattern)`, which has the answers of that; any other as it
/// is.
fn only_pattern(pattern: &Atom) -> &Atom {
    match pattern.as_expression() {
        Some([comma, only]) if comma.as_symbol() == Some(",") => match only.as_expression() {
            Some([Atom::Symbol(head), ..]) if head.as_str() != "," => only,
            _ => pattern,
        },
        _ => pattern,
    }
}

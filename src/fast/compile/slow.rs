//! The ways beside the main one: asking the plain evaluator, handing on errors.

use std::sync::Arc;

use super::one_call::Taken;
use super::way::Names;
use super::{Catch, Compiled, Compiler, Handler, Odd, OddWhat, Pending, Place, Value, Want};
use crate::atom::{Atom, Variable};
use crate::fast::code::{ANY, Changed, FAIL, Gives, Instruction, Of, Operand, Slot, TypeId};
use crate::fast::template::Template;

impl Compiler<'_> {
    /// Opens a slow way whose value goes where the main way's does, to be told by
    /// [`Compiler::resume`].
    pub(super) fn slow(
        &mut self,
        uses: Vec<(usize, Place)>,
        what: OddWhat,
        expected: TypeId,
    ) -> Compiled<usize> {
        self.odd.push(Odd {
            uses,
            what,
            expected,
            to: None,
            resume: FAIL,
            handler: self.handler,
            defined: self.defined.clone(),
            names: self.names.clone(),
            pending: self.pending.clone(),
        });
        Ok(self.odd.len() - 1)
    }

    /// The slow way goes on here, with its value where the main way's is.
    pub(super) fn resume(
        &mut self,
        slow: Option<usize>,
        value: Value,
        want: Want,
    ) -> Compiled<Value> {
        let Some(slow) = slow else {
            return Ok(value);
        };
        if want == Want::Tail {
            return Ok(value);
        }
        if let Some(taken) = self.taken_for(slow, value) {
            // Both put it there; what is known of the one is not of the other.
            let is_number = self.seen.numbers.contains(&taken);
            self.seen.forget(taken);
            if is_number {
                self.seen.settled.insert(taken);
            }
            self.odd[slow].to = Some(taken);
            self.odd[slow].resume = self.here();
            return Ok(value);
        }
        // A slot that only these two fill.
        let to = self.target()?;
        if value.is_constant() {
            self.emit(Instruction::Constant {
                to,
                index: value.index() as u32,
            });
        } else {
            let from = value.index() as Slot;
            self.emit(Instruction::Move { to, from });
            if self.seen.numbers.contains(&from) {
                self.seen.settled.insert(to);
            }
        }
        self.odd[slow].to = Some(to);
        self.odd[slow].resume = self.here();
        Ok(Operand::slot(to))
    }

    /// The slot of a value that was just taken, if nothing else has its name: then a slow way
    /// may put its own there.
    fn taken_for(&self, slow: usize, value: Value) -> Option<Slot> {
        let Some(Instruction::Take { to, .. }) = self.program.code.last() else {
            return None;
        };
        let is_named = |names: &Names| names.values().any(|name| name.slot == *to);
        let is_own = !value.is_constant()
            && value.index() as Slot == *to
            && !is_named(&self.names)
            && !is_named(&self.odd[slow].names);
        is_own.then_some(*to)
    }

    /// Emits an instruction with a slow way that evaluates the call of the operands.
    pub(super) fn with_slow(
        &mut self,
        instruction: Instruction,
        to: Slot,
        (operation, operands, written): (u32, Vec<Operand>, Option<Vec<Operand>>),
        want: Want,
    ) -> Compiled<Value> {
        let at = self.emit(instruction);
        let what = OddWhat::Operands(operation, operands, written);
        let slow = self.slow(vec![(at, Place::Odd)], what, ANY)?;
        // The slow way calls it as well.
        self.record(operation);
        self.define(to);
        self.odd[slow].to = Some(to);
        self.odd[slow].resume = self.here();
        Ok(self.give(Operand::slot(to), want))
    }

    /// `atom` as it stands, with its variables' values, in a slot that no call sees.
    pub(super) fn instantiated(&mut self, atom: &Atom, place: Slot) -> Compiled<Slot> {
        self.instantiated_of(atom, Vec::new(), place)
    }

    /// As [`Compiler::instantiated`], with results that some variables stand for as what is yet
    /// to be evaluated.
    fn instantiated_of(&mut self, atom: &Atom, made: Vec<Variable>, place: Slot) -> Compiled<Slot> {
        if !self.is_plainly_written_here(atom) {
            let value = self.quoted(atom)?;
            return self.in_slot(value);
        }
        let template = Template::new(atom.clone(), &self.names, &self.written, made);
        self.program.templates.push(Arc::new(template));
        let template = self.program.templates.len() as u32 - 1;
        self.emit(Instruction::Instantiate {
            to: place,
            template,
        });
        Ok(place)
    }

    /// As [`is_plainly_written`], of an atom that becomes a template: what others have in them that
    /// became some is not looked into again.
    fn is_plainly_written_here(&mut self, atom: &Atom) -> bool {
        let is_plain = is_plainly_written_but(atom, |part| self.templates.contains(&part));
        if let Atom::Expression(whole) = atom
            && is_plain
        {
            // Its parts are looked into again inside of what is around them.
            let parts = whole.children().iter().filter_map(|part| match part {
                Atom::Expression(part) => Some(part.address()),
                _ => None,
            });
            self.templates.extend(parts.chain([whole.address()]));
        }
        is_plain
    }

    /// Puts what `inner` gives into a slot: a value, or an error as a value.
    pub(super) fn caught(
        &mut self,
        slot: Slot,
        mark: Option<Slot>,
        inner: impl FnOnce(&mut Self) -> Compiled<Value>,
    ) -> Compiled<()> {
        let outer = self.handler;
        self.handlers.push(Handler {
            mark,
            outer,
            uses: Vec::new(),
            kind: Catch::Value { slot, resume: FAIL },
        });
        let handler = self.handlers.len() - 1;
        self.handler = handler;
        let kinds = self.seen.kinds.clone();
        let start = self.program.code.len();
        let found = self.recording(|this| {
            let found = inner(this)?;
            this.record_branch();
            Ok(found)
        })?;
        // Where an error was caught they were not seen.
        self.seen.kinds = kinds;
        self.handler = outer;
        let take = self.program.code.len().wrapping_sub(1);
        let taken = match mark {
            Some(mark) => self.takes_one_call(start, mark, slot, found, handler),
            None => Taken::No,
        };
        if taken == Taken::Always {
            return Ok(());
        }
        self.exit(mark);
        // Not before it is written: the collector looks at what is defined.
        self.define(slot);
        self.emit(if found.is_constant() {
            Instruction::Constant {
                to: slot,
                index: found.index() as u32,
            }
        } else {
            Instruction::Move {
                to: slot,
                from: found.index() as Slot,
            }
        });
        if let (Taken::AtOnce, Some(mark)) = (taken, mark) {
            self.take_at_once(mark, slot, take);
        }
        let resume = self.here();
        self.handlers[handler].kind = Catch::Value { slot, resume };
        Ok(())
    }

    /// Writes what stands after the main way: slow ways, handlers; sizes.
    pub(super) fn finish(&mut self) -> Compiled<()> {
        self.write_slow_ways()?;
        self.write_handlers();
        self.size_frames();
        Ok(())
    }

    /// The slow ways that were opened, and those that they open.
    fn write_slow_ways(&mut self) -> Compiled<()> {
        // What slow ways evaluate stands in one place: nothing comes back to it.
        let place = if self.odd.is_empty() { 0 } else { self.slot()? };
        while let Some(odd) = self.odd.pop() {
            let here = self.here();
            for (at, place) in &odd.uses {
                self.fill(*at, *place, here);
            }
            self.defined = odd.defined;
            self.names = odd.names;
            self.pending = odd.pending;
            let ends = matches!(odd.what, OddWhat::Rule(_, Gives::Step));
            match odd.what {
                OddWhat::Value(atom, part) => {
                    self.handler = odd.handler;
                    let from = self.quoted_data(&atom)?;
                    if odd.to.is_none() && !part && self.returns_noted(from, odd.expected) {
                        continue;
                    }
                    let from = self.in_slot(from)?;
                    let want = if odd.to.is_some() {
                        Want::Own
                    } else {
                        Want::Tail
                    };
                    let value = self.settle_as(from, odd.expected, want, part, Of::Result)?;
                    if let Some(to) = odd.to {
                        let from = self.in_slot(value)?;
                        self.emit(Instruction::Move { to, from });
                        self.record_pending();
                        self.emit(Instruction::Jump { to: odd.resume });
                    }
                    continue;
                }
                OddWhat::ValueAs(atom, part, expected) => {
                    self.handler = odd.handler;
                    let from = self.quoted_data(&atom)?;
                    let from = self.in_slot(from)?;
                    let to = self.slot()?;
                    self.emit_sized(Instruction::EvaluateAs {
                        to,
                        from,
                        expected,
                        part,
                        size: 0,
                    });
                    self.define(to);
                    let at = self.emit(Instruction::Take { to, on_error: FAIL });
                    self.on_error(at);
                    match odd.to {
                        Some(into) => {
                            let (to, from) = (into, to);
                            self.emit(Instruction::Move { to, from });
                            self.record_pending();
                            self.emit(Instruction::Jump { to: odd.resume });
                        }
                        None => self.return_value(Operand::slot(to)),
                    }
                    continue;
                }
                OddWhat::Rest(rest) => {
                    let from = self.instantiated(&rest, place)?;
                    self.emit(Instruction::Offer { from });
                    self.emit(Instruction::ReturnAny);
                    continue;
                }
                what => self.ask(what, odd.expected, place)?,
            }
            if ends {
                self.emit(Instruction::ReturnAny);
                continue;
            }
            match odd.to {
                Some(to) => {
                    let at = self.emit(Instruction::Take { to, on_error: FAIL });
                    let pending = self.pending.clone();
                    let uses = &mut self.handlers[odd.handler].uses;
                    uses.push((at, Place::OnError, pending));
                    // The main way may have recorded it by then.
                    self.record_pending();
                    self.emit(Instruction::Jump { to: odd.resume });
                }
                None => self.return_result(),
            }
        }
        Ok(())
    }

    /// Has the plain evaluator evaluate something, made in the slot `place`.
    fn ask(&mut self, what: OddWhat, expected: TypeId, place: Slot) -> Compiled<()> {
        let changed = match what {
            OddWhat::Changed(_) => Changed::Yes,
            OddWhat::Bound(_, open) => {
                let open = self.in_slot(open)?;
                Changed::IfBound { open }
            }
            _ => Changed::No,
        };
        match what {
            OddWhat::Value(..) | OddWhat::ValueAs(..) | OddWhat::Rest(_) => {
                unreachable!("a value is settled by code, and what is left handed on")
            }
            OddWhat::Call(atom) | OddWhat::Changed(atom) | OddWhat::Bound(atom, _) => {
                let from = self.instantiated(&atom, place)?;
                self.emit_sized(Instruction::PlainCall {
                    from,
                    expected,
                    changed,
                    size: 0,
                });
            }
            OddWhat::Rule(pair, gives) => {
                let from = self.instantiated(&pair, place)?;
                self.emit_sized(Instruction::PlainRule {
                    from,
                    expected,
                    size: 0,
                    gives,
                });
            }
            OddWhat::Space([slot, other], atom) => {
                let at = self.emit(Instruction::UnlessSpace {
                    slot,
                    other,
                    to: FAIL,
                    odd: FAIL,
                });
                let here = self.here();
                self.fill(at, Place::Odd, here);
                let from = self.instantiated(&atom, place)?;
                self.emit_sized(Instruction::PlainCall {
                    from,
                    expected,
                    changed,
                    size: 0,
                });
            }
            OddWhat::Source(atom) => {
                let from = self.instantiated(&atom, place)?;
                let size = 0;
                let made = self.program.code.last();
                let is_other = self.itself.as_ref() != Some(&atom);
                let plain = match made.copied() {
                    Some(Instruction::Instantiate { template, .. }) if is_other => {
                        Instruction::PlainOf {
                            from,
                            template,
                            expected,
                            size,
                        }
                    }
                    _ => Instruction::Plain {
                        from,
                        expected,
                        size,
                    },
                };
                self.emit_sized(plain);
            }
            OddWhat::SourceOf(atom, made) => {
                let from = self.instantiated_of(&atom, made, place)?;
                self.emit_sized(Instruction::Plain {
                    from,
                    expected,
                    size: 0,
                });
            }
            OddWhat::SourceAs(atom, expected) => {
                let from = self.instantiated(&atom, place)?;
                self.emit_sized(Instruction::PlainAs {
                    from,
                    expected,
                    size: 0,
                });
            }
            OddWhat::Operands(operation, operands, written) => {
                let at = self.operate_on(operation, &operands, written.as_deref());
                let here = self.here();
                self.fill(at, Place::Stuck, here);
            }
        }
        Ok(())
    }

    /// What is done with errors: that of each handler is written once, where they land.
    fn write_handlers(&mut self) {
        // Inner handlers lead to outer ones, which are written later.
        for number in (0..self.handlers.len()).rev() {
            if self.handlers[number].uses.is_empty() {
                continue;
            }
            let uses = std::mem::take(&mut self.handlers[number].uses);
            self.land_recorded(uses);
            if let Some(mark) = self.handlers[number].mark {
                self.emit(Instruction::ErrorAt { mark });
            }
            match self.handlers[number].kind {
                Catch::Frame => self.return_result(),
                Catch::Outer => {
                    let at = self.emit(Instruction::Jump { to: FAIL });
                    let outer = self.handlers[number].outer;
                    let uses = &mut self.handlers[outer].uses;
                    uses.push((at, Place::To, Pending::default()));
                }
                Catch::Value { slot, resume } => {
                    self.emit(Instruction::TakeAny { to: slot });
                    self.emit(Instruction::Jump { to: resume });
                }
            }
        }
    }

    /// Tells each instruction that makes a frame above this one how large this one became.
    fn size_frames(&mut self) {
        let whole = self.slots as Slot;
        for at in std::mem::take(&mut self.sized) {
            use Instruction as I;
            match &mut self.program.code[at] {
                I::BuildOrCall { size, .. }
                | I::Evaluate { size, .. }
                | I::EvaluateAs { size, .. }
                | I::Plain { size, .. }
                | I::PlainOf { size, .. }
                | I::PlainAs { size, .. }
                | I::PlainCall { size, .. }
                | I::PlainRule { size, .. }
                | I::Step { size, .. }
                | I::OfferResult { size, .. }
                | I::Call { size, .. }
                | I::CallMarked { size, .. }
                | I::CallSlots { size, .. }
                | I::CallFour { size, .. }
                | I::TryCall { size, .. }
                | I::MakeOrCall { size, .. }
                | I::Grow { size, .. }
                | I::Operate { size, .. }
                | I::Gather { size, .. }
                | I::CaseOpen { size, .. }
                | I::Alternatives { size, .. }
                | I::Elements { size, .. }
                | I::Walk { size, .. }
                | I::CallDecided { size, .. }
                | I::CallApplied { size, .. }
                | I::TryApply { size, .. }
                | I::Match { size, .. }
                | I::Query { size, .. } => *size = whole,
                I::Again { frame, .. } => *frame = whole,
                other => unreachable!("{other:?} makes no frame"),
            }
        }
    }
}

/// Whether an atom has nothing that is more than what is written: text patterns, results
/// with variables.
pub(super) fn is_plainly_written(atom: &Atom) -> bool {
    is_plainly_written_but(atom, |_| false)
}

fn is_plainly_written_but(atom: &Atom, is_known: impl Fn(usize) -> bool) -> bool {
    let mut pending = vec![atom];
    while let Some(atom) = pending.pop() {
        match atom {
            Atom::Variable(_) => {}
            ground if ground.is_ground() => {}
            Atom::Expression(part) if is_known(part.address()) => {}
            Atom::Expression(expression) if !expression.is_evaluated() => {
                pending.extend(expression.children());
            }
            _ => return false,
        }
    }
    true
}

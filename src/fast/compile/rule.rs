//! One rule: what its head wants of a call, then its body.

use super::{Bound, Compiled, Compiler, Leave, Place, minimal, switch};
use crate::atom::{Atom, known};
use crate::evaluate::RuleUse;
use crate::evaluate::uses::Used;
use crate::fast::code::{FAIL, Instruction, Pc, STEPS, Slot, TypeId, Watched, is_step};
use crate::fast::head::Signature;
use crate::space::Origin;

impl Compiler<'_> {
    /// Compiles a rule. Returns where it begins for calls that were told apart.
    #[expect(clippy::too_many_arguments, reason = "all that is known of a rule")]
    pub(super) fn rule(
        &mut self,
        pattern: &Atom,
        body: &Atom,
        signature: Option<&Signature>,
        expected: TypeId,
        many: bool,
        reached: Option<&switch::Reached>,
        origin: Option<Origin>,
    ) -> Compiled<Pc> {
        let arguments = &pattern.as_expression().expect("checked")[1..];
        self.count(pattern);
        self.count(body);
        let own = self.own_of_called(body, true);
        let apart = self.with_own_names(body, &own, Some(pattern));
        let body = apart.as_ref().unwrap_or(body);
        let head_fail = self.here() - 1;
        let mut begin = self.here();
        for (slot, argument) in arguments.iter().enumerate() {
            self.pattern(argument, slot as Slot, head_fail)?;
        }
        self.types_change = false;
        self.note_calls(signature);
        if many {
            self.emit(Instruction::Neck);
        }
        if let Some(switch::Reached {
            known: Some(known),
            notes,
            ..
        }) = reached
            && (!known.is_empty() || !*notes)
        {
            // Once more, without what is known then; slots and names come out the same.
            let over = self.emit(Instruction::Jump { to: FAIL });
            let (slots, names) = (self.slots, self.names.len());
            self.slots = arguments.len();
            self.names.clear();
            begin = self.here();
            for (slot, argument) in arguments.iter().enumerate() {
                self.known_pattern(argument, slot as Slot, known, head_fail)?;
            }
            if *notes {
                self.emit(Instruction::Neck);
            }
            debug_assert_eq!((slots, names), (self.slots, self.names.len()));
            let here = self.here();
            self.fill(over, Place::To, here);
        }
        if self.program.proving {
            let rule = self.rule_use(pattern, origin);
            self.pending.add(Used::Rule(rule));
        } else if self.program.watched {
            let (rule, function) = (self.rule_use(pattern, origin), self.function);
            self.watch(Watched::Rule { rule, function });
            self.watched = true;
        }
        // The call itself is the result.
        if body.is_symbol(&known().not_reducible) {
            return Err(Leave);
        }
        if is_step(expected) {
            self.step_of_rule(pattern, body, expected == STEPS)?;
            return Ok(begin);
        }
        if let Some([head, within]) = body.as_expression()
            && head.is_symbol(&known().function)
        {
            let returned = match signature.map(|signature| &signature.returns) {
                Some(returns) if returns.is_symbol(&known().atom) => None,
                Some(returns) if returns.is_ground() => Some(self.result_type(returns)),
                Some(_) | None => Some(expected),
            };
            let ends = match returned {
                Some(expected) => minimal::Ends::Value(expected),
                None => minimal::Ends::Atom,
            };
            let called = &pattern.as_expression().expect("checked")[0];
            self.function_body(within, called, arguments.len(), ends)?;
            return Ok(begin);
        }
        // Different variables as arguments bind nothing in what is handed over.
        let mut arguments_seen = arguments.iter().enumerate();
        let bound = if arguments_seen.all(|(place, argument)| {
            matches!(argument, Atom::Variable(_)) && !arguments[..place].contains(argument)
        }) {
            Bound::Nothing
        } else {
            Bound::Something
        };
        match signature.map(|signature| &signature.returns) {
            returns
                if body.is_error()
                    || returns.is_some_and(|returns| returns.is_symbol(&known().atom)) =>
            {
                self.introduce(body)?;
                let value = self.quoted(body)?;
                match body {
                    Atom::Variable(_) => {
                        let from = self.in_slot(value)?;
                        self.emit_sized(Instruction::OfferResult { from, size: 0 });
                        self.return_result();
                    }
                    _ => self.return_value(value),
                }
                self.finish()?;
            }
            // What it is expected to be says what type variables stand for.
            Some(returns) if !returns.is_ground() => self.body(body, expected, bound)?,
            None => self.body(body, expected, bound)?,
            Some(returns) => {
                let expected = self.result_type(returns);
                self.body(body, expected, bound)?;
            }
        }
        Ok(begin)
    }

    pub(super) fn rule_use(&mut self, head: &Atom, origin: Option<Origin>) -> u32 {
        let rule = RuleUse::of(head.clone(), origin);
        self.program.uses.add_rule(rule)
    }
}

//! Looking at the types of a body's variables.

use smallvec::smallvec;

use super::Machine;
use crate::fast::cell::{Cell, Kind};
use crate::fast::code::{Instruction, Pc};
use crate::fast::compile::met;
use crate::fast::met::{Met, SOON, Sort, Version, is_typed_expression, word};
use crate::fast::types::{Argument, ArgumentKind};

impl Machine<'_> {
    /// A body is entered: notes, once that was often, of which types its variables are.
    /// Then its function is compiled anew before its next call.
    pub(super) fn meet(&mut self, number: u32, at: Pc, base: usize) {
        let was_left = std::mem::take(&mut self.program.meetings.was_left);
        let meeting = &mut self.program.meetings.open[number as usize];
        if was_left {
            meeting.left = meeting.left.min(SOON);
        }
        if meeting.left > 1 {
            meeting.left -= 1;
            return;
        }
        let (body, slots) = (meeting.body.clone(), meeting.slots.clone());
        let for_functions = meeting.for_functions;
        let mut version = Version::new();
        for (variable, slot) in slots {
            let value = slot!(self, base, slot);
            if let Some((argument, word)) = self.met(value) {
                version.push(Met {
                    number: variable,
                    sorts: smallvec![Sort { argument, word }],
                    is_family: false,
                });
            }
        }
        self.program.code[at as usize] = as_next(&self.program.code, at);
        let types = &self.program.value_types;
        let is_function = |sort: &Sort| types.is_function(sort.argument.found());
        let is_told = |met: &Met| met.sorts.iter().any(is_function);
        let is_useful = !for_functions || version.iter().any(is_told);
        if is_useful && self.program.meetings.add(&body, version) {
            met::consider(&mut self.program, body.0);
        }
    }

    /// A value that evaluates to itself as an argument, and what it looks like, if such
    /// values can be told from others at once.
    fn met(&mut self, value: Cell) -> Option<(Argument, u64)> {
        let types = &self.program.value_types;
        let unknown = types.unknown();
        let (found, kind) = match value.kind() {
            Kind::Int(_) | Kind::Flt(_) => (types.number(), ArgumentKind::Grounded),
            Kind::Bool(_) => (types.bool(), ArgumentKind::Grounded),
            Kind::Char(_) => (types.char(), ArgumentKind::Grounded),
            Kind::Sym(_) if value != self.heap.empty => {
                (self.type_of_head(value)?, ArgumentKind::Symbol)
            }
            Kind::Exp(_) => {
                let found = self.type_of(value)?;
                let is_noted = is_typed_expression(word(&self.heap, value))
                    && self.heap.noted_type(value.at()) == found.0;
                (is_noted && found != unknown).then_some((found, ArgumentKind::Expression))?
            }
            Kind::Sym(_) | Kind::Ref(_) | Kind::Box(_) => return None,
        };
        Some((Argument::new(found, kind), word(&self.heap, value)))
    }
}

/// What stands for an instruction that does nothing any more: the next one, where that may be
/// tried twice; else a jump to it.
fn as_next(code: &[Instruction], at: Pc) -> Instruction {
    let over = Instruction::Jump { to: at + 1 };
    let mut next = code[at as usize + 1];
    match &mut next {
        Instruction::TryCallLast { .. } | Instruction::TryApplyLast { .. } => {}
        // They return to so many instructions on.
        Instruction::TryCall { skip, .. } | Instruction::TryApply { skip, .. } => {
            match skip.checked_add(1) {
                Some(further) => *skip = further,
                None => return over,
            }
        }
        _ => return over,
    }
    next
}

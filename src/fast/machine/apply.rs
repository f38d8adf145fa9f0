//! Calls whose head is a value.

use super::{HEIGHT, MATCHED, Machine};
use crate::atom::Atom;
use crate::fast::applied::{Applied, Callee};
use crate::fast::cell::{Cell, Kind};
use crate::fast::code::{ANY, Instruction, Pc, Quick, Slot, TypeId};
use crate::fast::function::State;
use crate::fast::head::{Head, Signature};
use crate::fast::stack::place;
use crate::types;

/// With more functions, names without rules get none.
const FUNCTIONS_MANY: usize = 1 << 14;

impl Machine<'_> {
    /// The function for a call of so many arguments of what is most likely the name of
    /// something without types; `None` if it is anything else.
    #[inline(never)]
    pub(super) fn applied(&mut self, head: Cell, count: u8, expected: TypeId) -> Option<u32> {
        let head = self.heap.deref(head);
        if !head.is_symbol() {
            return None;
        }
        match self.program.applied.find(head, count, expected) {
            None => self.applied_first(head, count, expected),
            Some(callee) if callee.is_typed => None,
            Some(callee) => Some(callee.function),
        }
    }

    #[inline(never)]
    fn applied_first(&mut self, head: Cell, count: u8, expected: TypeId) -> Option<u32> {
        let Kind::Sym(id) = head.kind() else {
            return None;
        };
        let is_special = head == self.heap.error
            || head == self.heap.empty
            || id == crate::atom::known().not_reducible.id();
        if is_special {
            return None;
        }
        if count & Applied::DECIDED != 0 {
            return self.applied_decided(head, id, count, expected);
        }
        if !self.program.is_unsaid(self.host, id)
            && (!self.is_untyped(id) || self.program.types_of_symbol(&self.heap, id).is_some())
        {
            return None;
        }
        let arity = usize::from(count);
        // Names of data that come and go are not remembered for ever, and get no function the first time.
        if self.program.known_function(id, arity, expected).is_none()
            && (self.program.functions.len() >= FUNCTIONS_MANY
                || self.program.data_heads.get(id, arity + 1).is_none())
            && self.is_data_symbol(id, arity + 1)
        {
            return None;
        }
        let function = self.function_of(id, arity, expected);
        let applied = &mut self.program.applied;
        applied.note(head, count, expected, Callee::untyped(function));
        applied.note(head, Applied::UNTYPED, ANY, Callee::untyped(function));
        Some(function)
    }

    /// The function of a name whose type is the one that the code was made for.
    fn applied_decided(&mut self, head: Cell, id: u32, count: u8, expected: TypeId) -> Option<u32> {
        let arity = usize::from(Applied::count(count));
        let name = Atom::Symbol(self.heap.symbol_of(id));
        let Head::Typed(signature) = self.program.head(self.host, &mut self.heap, &name) else {
            return None;
        };
        if signature.parameters.len() != arity {
            return None;
        }
        let function = self.program.function(id, arity, expected);
        let callee = Callee::untyped(function);
        self.program.applied.note(head, count, expected, callee);
        Some(function)
    }

    /// Whether arguments evaluate to themselves and are of the types that a call wants.
    #[inline(never)]
    fn are_as_typed(&mut self, values: [u64; 3], count: u8, callee: &Callee) -> bool {
        let pairs = values.into_iter().zip(callee.types);
        let mut pairs = pairs.take(usize::from(count));
        pairs.all(|(value, expected)| self.is_plainly(Cell(value), expected))
    }

    /// Notes that a call of a typed name with values was found to be one of a function, if
    /// that depends on nothing but whether they are of these types.
    pub(super) fn note_applied(
        &mut self,
        head: Cell,
        signature: &Signature,
        expected: TypeId,
        function: u32,
    ) {
        let count = signature.parameters.len();
        if !(1..=3).contains(&count) || !signature.returns.is_ground() {
            return;
        }
        let mut types = [ANY; 3];
        for (known, parameter) in types.iter_mut().zip(&signature.parameters) {
            if !parameter.is_ground() || types::is_meta_type(parameter) {
                return;
            }
            *known = self.program.type_id(parameter);
        }
        let callee = Callee {
            function,
            types,
            is_typed: true,
        };
        let applied = &mut self.program.applied;
        applied.note(head, count as u8, expected, callee);
    }

    /// Whether a slot holds a name that is known to be without types.
    pub(super) fn is_known_untyped(&self, head: Slot, base: usize) -> bool {
        if head == Slot::MAX {
            return false;
        }
        let head = self.heap.deref(slot!(self, base, head));
        let applied = &self.program.applied;
        applied.find(head, Applied::UNTYPED, ANY).is_some()
    }

    /// Makes a call above the frame whose arguments are what they have to be, or the data that
    /// it is; where it goes on.
    #[inline(never)]
    pub(super) fn try_apply(
        &mut self,
        (head, count, expected): (Slot, u8, u8),
        arguments: [Quick; 3],
        (size, mark): (Slot, Slot),
        back: Pc,
        base: usize,
    ) -> Option<(Pc, usize)> {
        let head = self.heap.deref(slot!(self, base, head));
        let applied = &self.program.applied;
        let callee = *applied.find(head, count, TypeId::from(expected))?;
        let entry = &self.program.functions[callee.function as usize];
        let above = self.above(base, size);
        let is_data = entry.state == State::Data && !callee.is_typed;
        if is_data && (1..=arguments.len()).contains(&entry.arity) {
            // Who takes the result takes this.
            let values = self.quick(base, arguments)?.map(Cell);
            self.result = self.make_call(callee.function, values);
            return Some((back, base));
        }
        if entry.state != State::Compiled
            || !self.stack.holds(above)
            || self.heap.cells.len() >= self.collect_at
        {
            return None;
        }
        let to = entry.pc;
        let values = self.quick(base, arguments)?;
        if callee.is_typed && !self.are_as_typed(values, count, &callee) {
            return None;
        }
        let return_to = (u64::from(back) << 32) | base as u64;
        let state = (self.height(mark, base) << HEIGHT) | above as u64;
        self.begin_frame(above, (return_to, state), values);
        Some((to, above))
    }

    /// As [`Machine::try_apply`], in the place of the frame.
    #[inline(never)]
    pub(super) fn try_apply_last(
        &mut self,
        (head, count, expected): (Cell, u8, u8),
        arguments: [Quick; 3],
        base: usize,
    ) -> Option<(Pc, usize)> {
        let applied = &self.program.applied;
        let callee = *applied.find(head, count, TypeId::from(expected))?;
        let entry = &self.program.functions[callee.function as usize];
        let target = base.max(self.protected);
        if entry.state != State::Compiled
            || !self.stack.holds(target)
            || self.heap.cells.len() >= self.collect_at
        {
            return None;
        }
        let to = entry.pc;
        let frame = self.stack.frame(base);
        let (return_to, state) = (frame[0], frame[1]);
        let values = self.quick(base, arguments)?;
        if callee.is_typed && !self.are_as_typed(values, count, &callee) {
            return None;
        }
        self.begin_frame(target, (return_to, state & !MATCHED), values);
        Some((to, target))
    }

    /// Carries out the instruction before `pc` that decides about a call, or calls what was decided,
    /// as it is most often; where it goes on.
    #[inline(never)]
    pub(super) fn on_decided(&mut self, pc: usize, base: usize) -> Option<(Pc, usize)> {
        let (called, slots, target, words) = match self.program.code[pc - 1] {
            Instruction::Decide { to, site, .. } => {
                let function = self.decide_again(site, base)?;
                set!(self, base, to, Cell::small(function as i32));
                return Some((pc as Pc, base));
            }
            Instruction::CallApplied {
                function,
                slots,
                size,
                mark,
                ..
            } => {
                let above = self.above(base, size);
                let return_to = ((pc as u64) << 32) | base as u64;
                let state = (self.height(mark, base) << HEIGHT) | above as u64;
                (function, slots, above, (return_to, state))
            }
            Instruction::CallAppliedLast {
                function, slots, ..
            } => {
                let frame = self.stack.frame(base);
                let words = (frame[0], frame[1] & !MATCHED);
                (function, slots, base.max(self.protected), words)
            }
            _ => return None,
        };
        let frame = self.stack.frame(base);
        let function = Cell(frame[place(called)]).as_int() as usize;
        let entry = &self.program.functions[function];
        let is_plain = entry.state == State::Compiled
            && self.stack.holds(target)
            && self.heap.cells.len() < self.collect_at
            && self.fuel != 1;
        if !is_plain {
            return None;
        }
        let (to, values) = (entry.pc, slots.map(|slot| frame[place(slot)]));
        self.fuel -= 1;
        self.begin_frame(target, words, values);
        Some((to, target))
    }

    /// Fills a frame that there is room for.
    fn begin_frame(&mut self, base: usize, (return_to, state): (u64, u64), [a, b, c]: [u64; 3]) {
        let frame = self.stack.frame_mut(base);
        frame[..5].copy_from_slice(&[return_to, state, a, b, c]);
        self.head_trail = self.heap.trail.len();
    }

    fn quick(&self, base: usize, arguments: [Quick; 3]) -> Option<[u64; 3]> {
        let frame = self.stack.frame(base);
        let [a, b, c] = arguments;
        let one = |argument| self.heap.quick(&self.program, frame, argument);
        Some([one(a)?, one(b)?, one(c)?])
    }
}

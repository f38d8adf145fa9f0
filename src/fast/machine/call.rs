//! Calls and returns: frames on the stack.

use super::settle::Ask;
use super::{HEIGHT, MARK_SUCCEEDED, MATCHED, Machine, Next, SUCCEEDED};
use smallvec::SmallVec;

use crate::atom::{Atom, known};
use crate::budget::Exhausted;
use crate::fast::cell::{Cell, Header};
use crate::fast::code::{Instruction, Operands, Pc, RETURN_ANY, Slot, is_step};
use crate::fast::compile;
use crate::fast::function::{Elements, State};
use crate::fast::head::Head;
use crate::fast::heap::CONSTANTS;
use crate::fast::stack::STACK_MAX;
use crate::fast::value::PLAIN;
use crate::types;

/// What a frame was for that is one more than the bounds allow.
#[derive(Clone, Copy)]
pub(super) enum TooDeep {
    /// A call of a function, whose arguments stand in the frame.
    Call(u32),
    /// A value that is evaluated.
    Value(Cell),
}

impl Machine<'_> {
    /// The first word above the frame and above what choices keep.
    #[inline(always)]
    pub(super) fn above(&self, base: usize, size: Slot) -> usize {
        (base + 2 + usize::from(size)).max(self.protected)
    }

    /// How many choices there were when the mark was set; those there are, without a mark.
    #[inline(always)]
    pub(super) fn height(&self, mark: Slot, base: usize) -> u64 {
        if mark == Slot::MAX {
            self.choices.len() as u64
        } else {
            (slot!(self, base, mark).0 & !MARK_SUCCEEDED) >> 3
        }
    }

    #[inline(always)]
    pub(super) fn call(
        &mut self,
        function: u32,
        operands: Operands,
        size: Slot,
        height: u64,
        pc: Pc,
        base: usize,
    ) -> Next {
        let above = self.above(base, size);
        let count = self.program.operands[operands.0 as usize].0 as usize;
        self.stack.reserve(above + 2 + count);
        let first = operands.0 as usize + 1;
        let operands = &self.program.operands[first..first + count];
        let (below, frame) = self.stack.split_at_mut(above);
        let slots = &below[base + 2..];
        for (to, operand) in frame[2..2 + count].iter_mut().zip(operands) {
            *to = if operand.is_constant() {
                self.program.constants[operand.index()].0
            } else {
                slots[operand.index()]
            };
        }
        self.enter(function, above, pc, base, height)
    }

    /// Makes a short call, whatever the function is, and whether or not there is room yet.
    #[inline(never)]
    pub(super) fn call_slots<const N: usize>(
        &mut self,
        function: u32,
        values: [Cell; N],
        above: usize,
        height: u64,
        pc: Pc,
        base: usize,
    ) -> Next {
        self.stack.reserve(above + 2 + values.len());
        for (i, value) in values.iter().enumerate() {
            self.stack[above + 2 + i] = value.0;
        }
        self.enter(function, above, pc, base, height)
    }

    /// As [`Machine::call_slots`], in the place of a frame.
    #[inline(never)]
    pub(super) fn call_slots_last<const N: usize>(
        &mut self,
        function: u32,
        values: [Cell; N],
        base: usize,
    ) -> Next {
        let target = base.max(self.protected);
        self.stack.reserve(target + 2 + values.len());
        for (i, value) in values.iter().enumerate() {
            self.stack[target + 2 + i] = value.0;
        }
        self.stack[target] = self.stack[base];
        self.stack[target + 1] = self.stack[base + 1] & !MATCHED;
        let count = self.program.functions[function as usize].arity;
        self.enter_last(function, count, target)
    }

    /// Enters a function whose arguments stand in the frame `above`.
    #[inline(always)]
    pub(super) fn enter(
        &mut self,
        function: u32,
        above: usize,
        pc: Pc,
        base: usize,
        height: u64,
    ) -> Next {
        self.stack[above] = (u64::from(pc) << 32) | base as u64;
        self.stack[above + 1] = (height << HEIGHT) | above as u64;
        self.head_trail = self.heap.trail.len();
        let entry = &self.program.functions[function as usize];
        if entry.state == State::Compiled {
            let (to, needed) = (entry.pc, above + 2 + usize::from(entry.size));
            if self.stack.has_grown()
                && let Some(next) = self.beyond_bounds(TooDeep::Call(function), above, needed, base)
            {
                return next;
            }
            if self.heap.cells.len() >= self.collect_at {
                let count = self.program.functions[function as usize].arity;
                self.collect(above, count);
                self.head_trail = self.heap.trail.len();
            }
            Next::At(to, above)
        } else {
            self.enter_other(function, above)
        }
    }

    /// Whether the frame at `above` is one more than `max-stack-depth` allows.
    fn is_one_too_many(&mut self, above: usize) -> bool {
        if above < self.count_at {
            return false;
        }
        let (mut at, mut depth) = (above, 1);
        while at != 0 {
            at = (self.stack[at] & 0xffff_ffff) as usize;
            depth += 1;
        }
        // A frame has two words at least.
        self.count_at = above + 2 * self.depth_max.saturating_sub(depth);
        depth > self.depth_max
    }

    /// What becomes of a call whose frame at `above`, which ends behind so many words, is more than the
    /// bounds allow; `None` if it is not.
    #[inline(never)]
    pub(super) fn beyond_bounds(
        &mut self,
        what: TooDeep,
        above: usize,
        needed: usize,
        base: usize,
    ) -> Option<Next> {
        Some(match self.may_be_deep(above, needed) {
            Ok(()) => return None,
            Err(Exhausted::Depth) => self.too_deep(what, above),
            Err(bound) => {
                self.exhausted = Some(bound);
                self.end(base);
                Next::Fail
            }
        })
    }

    /// Whether the bounds allow a frame, whose end is behind so many words.
    fn may_be_deep(&mut self, above: usize, needed: usize) -> Result<(), Exhausted> {
        if self.is_one_too_many(above) {
            return Err(Exhausted::Depth);
        }
        // A frame of the plain evaluator is some sixteen words.
        if needed / 16 > self.budget.depth || needed > STACK_MAX {
            return Err(Exhausted::Depth);
        }
        let bytes = (needed + self.heap.cells.len() - CONSTANTS).saturating_mul(8);
        if bytes > self.budget.bytes {
            return Err(Exhausted::Bytes);
        }
        Ok(())
    }

    #[inline(never)]
    fn too_deep(&mut self, what: TooDeep, base: usize) -> Next {
        self.host.too_deep += 1;
        let call = match what {
            TooDeep::Call(function) => self.call_term(function, base),
            TooDeep::Value(value) => value,
        };
        let call = self.heap.export(call);
        let error = Atom::error(call, Atom::symbol(Exhausted::Depth.symbol()));
        let error = self.heap.import(&error);
        self.leave(error, base)
    }

    /// A function that is not compiled code: compiled now, data, or left to the
    /// plain evaluator.
    #[inline(never)]
    pub(super) fn enter_other(&mut self, function: u32, base: usize) -> Next {
        if self.program.functions[function as usize].state.is_unsure() {
            compile::function(self.host, &mut self.heap, &mut self.program, function);
        }
        let entry = &self.program.functions[function as usize];
        match entry.state {
            State::Compiled => Next::At(entry.pc, base),
            State::Data => self.data(function, base),
            _ if is_step(entry.expected) => {
                let size = entry.arity as Slot;
                let call = self.call_term(function, base);
                self.plain_step(call, RETURN_ANY, base, size)
            }
            State::Plain | State::Unknown | State::CompiledBefore | State::DataBefore => {
                self.call_plainly(function, base)
            }
        }
    }

    /// Has the plain evaluator make the call that a frame is for.
    pub(super) fn call_plainly(&mut self, function: u32, base: usize) -> Next {
        let entry = &self.program.functions[function as usize];
        let expected = entry.expected;
        let size = entry.arity as Slot;
        let head = Atom::Symbol(self.heap.symbol_of(entry.symbol));
        let ask = match self.program.head(self.host, &mut self.heap, &head) {
            Head::Typed(signature) if signature.returns.is_symbol(&known().atom) => Ask::CallAsAtom,
            Head::Typed(_) | Head::Untyped | Head::Operation(..) | Head::Complex => Ask::Call,
        };
        let call = self.call_term(function, base);
        // Results are returned from this frame.
        let pc = crate::fast::code::RETURN;
        self.ask_plain(ask, call, expected, pc, base, size)
    }

    pub(super) fn call_last(&mut self, function: u32, operands: Operands, base: usize) -> Next {
        let count = self.program.operands[operands.0 as usize].0 as usize;
        let at = operands.0 as usize + 1;
        let target = base.max(self.protected);
        self.stack.reserve(target + 2 + count);
        // What is read may lie where it is written.
        match self.program.operands[at..at + count] {
            [] => {}
            [a] => self.stack[target + 2] = self.operand(base, a).0,
            [a, b] => {
                let (a, b) = (self.operand(base, a), self.operand(base, b));
                self.stack[target + 2] = a.0;
                self.stack[target + 3] = b.0;
            }
            [a, b, c] => {
                let (a, b) = (self.operand(base, a), self.operand(base, b));
                let c = self.operand(base, c);
                self.stack[target + 2] = a.0;
                self.stack[target + 3] = b.0;
                self.stack[target + 4] = c.0;
            }
            ref operands => {
                let values: SmallVec<[u64; 16]> = operands
                    .iter()
                    .map(|operand| self.operand(base, *operand).0)
                    .collect();
                self.stack[target + 2..target + 2 + count].copy_from_slice(&values);
            }
        }
        let (return_to, state) = (self.stack[base], self.stack[base + 1]);
        self.stack[target] = return_to;
        self.stack[target + 1] = state & !MATCHED;
        self.enter_last(function, count, target)
    }

    /// Enters a function in the place of a frame, with its arguments there.
    #[inline(always)]
    pub(super) fn enter_last(&mut self, function: u32, count: usize, target: usize) -> Next {
        self.head_trail = self.heap.trail.len();
        let entry = &self.program.functions[function as usize];
        if entry.state == State::Compiled {
            let to = entry.pc;
            if self.heap.cells.len() >= self.collect_at {
                self.collect(target, count);
                self.head_trail = self.heap.trail.len();
            }
            Next::At(to, target)
        } else {
            self.enter_other(function, target)
        }
    }

    /// Whether calls of a function end the branch, whatever they are for.
    #[inline(always)]
    pub(super) fn is_failing(&self, function: u32) -> bool {
        let entry = &self.program.functions[function as usize];
        entry.state == State::Compiled
            && matches!(self.program.code[entry.pc as usize], Instruction::Fail)
    }

    /// The call that a frame is for, from its arguments.
    pub(super) fn call_term(&mut self, function: u32, base: usize) -> Cell {
        let entry = &self.program.functions[function as usize];
        let (symbol, arity) = (entry.symbol, entry.arity);
        if self.program.curried.is_name(symbol) {
            return self.nested_call(symbol, base, false);
        }
        let at = self.heap.begin(arity + 1);
        self.heap.cells.push(Cell::symbol(symbol).0);
        for i in 0..arity {
            let value = self.heap.deref(Cell(self.stack[base + 2 + i]));
            self.heap.cells.push(value.0);
        }
        self.heap.finish(at, 0)
    }

    /// The calls of calls that a frame is for; data if no rule is for them, but for what its
    /// arguments are not.
    #[cold]
    fn nested_call(&mut self, name: u32, base: usize, is_data: bool) -> Cell {
        let (root, groups) = self.program.curried.nesting(name).expect("it is one");
        let groups: SmallVec<[u8; 4]> = groups.into();
        let (mut head, mut next) = (Cell::symbol(root), 0);
        let mut all = PLAIN;
        for (depth, count) in groups.iter().enumerate() {
            let count = usize::from(*count);
            let is_data = is_data || depth + 1 < groups.len();
            let at = self.heap.begin(count + 1);
            self.heap.cells.push(head.0);
            for place in next..next + count {
                let mut value = Cell(self.stack[base + 2 + place]);
                self.heap.note(&mut value, &mut all);
                self.heap.cells.push(value.0);
            }
            let mut flags = all & Header::GROUND;
            if is_data && all == PLAIN {
                flags |= Header::DATA;
            } else if is_data && all | Header::GROUND == PLAIN {
                flags |= Header::EVALUATED;
            }
            self.heap.cells[at] = Header::new(count + 1, flags).0;
            (head, next) = (Cell::expression(at), next + count);
        }
        head
    }

    /// No rule is for the call: it is data.
    #[inline(never)]
    pub(super) fn data(&mut self, function: u32, base: usize) -> Next {
        let entry = &self.program.functions[function as usize];
        let (symbol, arity, whole) = (entry.symbol, entry.arity, entry.whole);
        if is_step(entry.expected) {
            self.result = self.heap.not_reducible;
            return Next::At(RETURN_ANY, base);
        }
        if self.program.curried.is_name(symbol) {
            let is_data = entry.is_untyped;
            let call = self.nested_call(symbol, base, is_data);
            return self.leave(call, base);
        }
        let at = self.heap.begin(arity + 1);
        self.heap.cells.push(Cell::symbol(symbol).0);
        let mut all = PLAIN;
        for i in 0..arity {
            let mut value = Cell(self.stack[base + 2 + i]);
            self.heap.note(&mut value, &mut all);
            self.heap.cells.push(value.0);
        }
        let is_kept = entry.elements == Elements::Kept;
        let mut flags = all & Header::GROUND;
        if Cell::symbol(symbol) == self.heap.error {
            flags |= Header::ERROR;
        } else if is_kept && all | Header::GROUND != PLAIN {
            flags |= Header::EVALUATED;
        }
        self.heap.cells[at] = Header::new(arity + 1, flags).0;
        let call = Cell::expression(at);
        if all | Header::GROUND == PLAIN && self.fits(function, call) {
            self.heap.cells[at] |= if flags & Header::GROUND != 0 {
                Header::EVALUATED | whole
            } else {
                Header::EVALUATED
            };
        }
        self.leave(call, base)
    }

    /// Whether the arguments of a call that no rule matched are of the types that its
    /// function wants; if not, evaluating the call again gives an error.
    fn fits(&mut self, function: u32, call: Cell) -> bool {
        let entry = &self.program.functions[function as usize];
        if entry.elements == Elements::Unsettled {
            let is_data = entry.state == State::Data && self.heap.is_ground(call);
            return is_data && self.is_well_typed(call);
        }
        if entry.state != State::Compiled || entry.is_untyped {
            // A constructor: whoever built the term knows what is known of its parts.
            return true;
        }
        let head = Atom::Symbol(self.heap.symbol_of(entry.symbol));
        let Head::Typed(signature) = self.program.head(self.host, &mut self.heap, &head) else {
            return true;
        };
        let (first, _) = self.heap.elements(call.at());
        let mut open = signature.parameters.iter();
        let is_open = |parameter: &Atom| !parameter.is_ground() && !types::is_meta_type(parameter);
        if open.any(is_open) && !self.is_well_typed(call) {
            return false;
        }
        let mut parameters = signature.parameters.iter().enumerate();
        parameters.all(|(place, parameter)| {
            if !parameter.is_ground() || types::is_meta_type(parameter) {
                return true;
            }
            let wanted = self.program.type_id(parameter);
            let argument = self.heap.deref(self.heap.word(first + 1 + place));
            self.has_type(argument, wanted)
        })
    }

    /// Hands a result to the caller.
    #[inline(never)]
    pub(super) fn leave(&mut self, value: Cell, base: usize) -> Next {
        let value = self.heap.deref(value);
        let state = self.stack[base + 1];
        let height = state >> HEIGHT;
        if value == self.heap.empty {
            return Next::Fail;
        }
        let pending = self.choices.len() as u64 > height;
        if value.is_exp() && self.heap.is_error(value) {
            let owner = (state & 0xffff_ffff) as usize + 1;
            if self.stack[owner] & SUCCEEDED != 0 {
                return Next::Fail;
            }
            // A frame above what that choice goes back to is gone by then: its caller waits.
            let is_kept = pending && {
                let choice = &self.choices[height as usize];
                owner < choice.stack_top as usize
            };
            if is_kept {
                self.result = value;
                let word = self.stack[base];
                let (pc, below) = ((word >> 32) as Pc, (word & 0xffff_ffff) as usize);
                self.set_aside(height as usize, (owner, SUCCEEDED), pc, below);
                return Next::Fail;
            }
        } else if pending {
            let owner = (state & 0xffff_ffff) as usize + 1;
            self.stack[owner] |= SUCCEEDED;
        }
        self.result = value;
        let word = self.stack[base];
        Next::At((word >> 32) as Pc, (word & 0xffff_ffff) as usize)
    }
}

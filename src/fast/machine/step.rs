//! Instructions one by one, in every case that may come up.

use super::{MARK_SUCCEEDED, Machine, Next, Settled};
use crate::fast::cell::{Cell, Header};
use crate::fast::choice::Kind;
use crate::fast::code::{ANY, Arithmetic, AtomKind, Instruction, Of, Pc};
use crate::fast::function::State;
use crate::fast::stack::place;

impl Machine<'_> {
    /// Carries out the instruction at `pc`, whatever its arguments are. Where to go on; `None`
    /// at the end of the evaluation.
    #[inline(never)]
    pub(super) fn step(&mut self, mut pc: Pc, mut base: usize) -> Option<(Pc, u32)> {
        use Instruction as I;
        macro_rules! go {
            ($next:expr) => {
                match $next {
                    Next::At(to, frame) => {
                        pc = to;
                        base = frame;
                    }
                    Next::Fail => match self.fail() {
                        Some((to, frame)) => {
                            pc = to;
                            base = frame;
                        }
                        None => return None,
                    },
                }
            };
        }
        // What was found, or on where it is odd.
        macro_rules! set_or_odd {
            ($to:ident, $found:expr, $odd:ident) => {
                match $found {
                    Some(value) => set!(self, base, $to, value),
                    None => pc = $odd,
                }
            };
        }
        macro_rules! jump_unless {
            ($holds:expr, $to:ident, $odd:ident) => {
                match $holds {
                    Some(true) => {}
                    Some(false) => pc = $to,
                    None => pc = $odd,
                }
            };
        }
        macro_rules! fuel {
            () => {
                self.fuel -= 1;
                if self.fuel == 0 && self.refuel(base) {
                    return None;
                }
            };
        }
        let at = pc as usize;
        pc += 1;
        match self.program.code[at] {
            I::Fail => go!(Next::Fail),
            I::HeadFail { function } => go!(self.head_fail(function, base)),
            I::Select { function } => match self.select(function, base) {
                Some(to) => pc = to,
                None => go!(self.data(function, base)),
            },
            I::Switch { switch } => pc = self.switch(switch, base),
            I::NoRule { function } => go!(self.data(function, base)),
            I::Table { function, .. } => go!(self.call_tabled(function, base)),
            I::Answer => {
                self.keep_answer(base);
                go!(Next::Fail)
            }
            I::Chain { rules, kept, .. } | I::ChainUnify { rules, kept, .. } => {
                pc = self.begin_rules(rules, kept, base);
            }
            I::Record { used } | I::RecordReturn { used, .. } => self.record(used),
            I::Variable { to } => set!(self, base, to, self.heap.variable()),
            I::IsUnbound { to, from } => {
                let value = self.heap.deref(Cell(self.stack.frame(base)[place(from)]));
                set!(self, base, to, Cell::boolean(value.is_ref()));
            }
            I::ReturnNoted {
                function,
                slots,
                count,
                part,
            } => {
                let frame = self.stack.frame(base);
                let values = slots.map(|slot| Cell(frame[place(slot)]));
                let heap = &mut self.heap;
                let (made, _) = heap.make_noted(&self.program, function, values, count);
                if self.heap.is_plain(made, ANY) || self.heap.is_open_as_made(made) {
                    go!(self.leave(made, base));
                } else {
                    go!(self.settle_last(made, ANY, (part, Of::Result), base));
                }
            }
            I::MakeOrCall {
                to,
                function,
                slots,
                size,
                last: _,
            } => {
                fuel!();
                let frame = self.stack.frame(base);
                let values = slots.map(|slot| Cell(frame[place(slot)]));
                let entry = &self.program.functions[function as usize];
                if entry.state == State::Data {
                    let made = self.make_call(function, values);
                    set!(self, base, to, made);
                    pc += 1;
                } else {
                    let height = self.choices.len() as u64;
                    let above = self.above(base, size);
                    go!(self.call_slots(function, values, above, height, pc, base));
                }
            }
            I::Grow {
                function,
                slots,
                count,
                size,
                odd,
            } => {
                let frame = self.stack.frame(base);
                let values = slots.map(|slot| Cell(frame[place(slot)]));
                match self.grow(function, values, count, size, base) {
                    Some(frame) => base = frame,
                    None => pc = odd,
                }
            }
            I::GrowAlong { .. } => {
                self.grow_along(pc as usize, base);
                pc += 1;
            }
            I::Close => go!(self.close_chain(base)),
            I::BuildOrCall {
                to,
                operands,
                function,
                size,
            } => {
                fuel!();
                let entry = &self.program.functions[function as usize];
                if entry.state == State::Data {
                    let data_type = entry.data_type;
                    let types_elements = entry.types_elements;
                    let built = self.build_data(operands, base, entry.open, entry.whole);
                    if !types_elements {
                        self.heap.note_type_of_data(built, data_type);
                    } else {
                        self.note_type_of_made(function, built);
                    }
                    set!(self, base, to, built);
                    pc += 1;
                } else {
                    let above = self.above(base, size);
                    let count = self.program.operands[operands.0 as usize].0 as usize - 1;
                    self.stack.reserve(above + 2 + count);
                    for i in 0..count {
                        let operand = self.program.operands[operands.0 as usize + 2 + i];
                        self.stack[above + 2 + i] = self.operand(base, operand).0;
                    }
                    let height = self.choices.len() as u64;
                    go!(self.enter(function, above, pc, base, height));
                }
            }

            I::MatchConstant {
                slot,
                index,
                on_fail,
            } => {
                let constant = self.program.constants[index as usize];
                let value = self.heap.deref(slot!(self, base, slot));
                if value.is_ref() {
                    // A constant has no variable in it.
                    self.heap.doubt(constant);
                    self.heap.trail.push(value.at() as u32);
                    self.heap.cells[value.at()] = constant.0;
                } else if !self.unify_noted(value, constant) {
                    pc = on_fail;
                }
            }
            I::MatchExpression {
                slot,
                to,
                arity,
                on_fail,
            } => {
                let value = self.heap.deref(slot!(self, base, slot));
                if value.is_exp() {
                    let (first, count) = self.heap.elements(value.at());
                    if count == usize::from(arity) {
                        self.unpack(first, count, base, to);
                    } else {
                        pc = on_fail;
                    }
                } else if value.is_ref() {
                    self.match_variable(value, base, to, arity);
                } else {
                    pc = on_fail;
                }
            }
            I::MatchCall {
                slot,
                to,
                arity,
                head,
                on_fail,
            } => {
                let value = self.heap.deref(slot!(self, base, slot));
                let head = self.program.constants[head as usize];
                if value.is_exp() {
                    let (first, count) = self.heap.elements(value.at());
                    if count == usize::from(arity) {
                        let actual = self.heap.deref(self.heap.word(first));
                        let may_be = actual.is_ref() || actual.is_box();
                        if actual != head && !(may_be && self.unify_noted(actual, head)) {
                            pc = on_fail;
                        }
                        self.unpack(first + 1, count - 1, base, to);
                    } else {
                        pc = on_fail;
                    }
                } else if value.is_ref() {
                    self.match_call(value, base, to, arity, head);
                } else {
                    pc = on_fail;
                }
            }
            I::Unify {
                left,
                right,
                on_fail,
            } => {
                let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                let same = left == right && !left.is_float();
                if !same && !self.unify_noted(left, right) {
                    pc = on_fail;
                }
            }
            I::Try { keep } => {
                set!(self, base, keep, Cell((self.heap.trail.len() as u64) << 3));
                self.heap.old = usize::MAX;
            }
            I::Undo { keep } => {
                let kept = slot!(self, base, keep);
                self.heap.undo((kept.0 >> 3) as usize);
                self.heap.old = self.old();
            }
            I::Keep => self.heap.old = self.old(),

            I::Evaluate {
                to,
                from,
                expected,
                part,
                of,
                size,
            } => {
                let value = self.heap.deref(slot!(self, base, from));
                if self.heap.is_plain(value, expected) {
                    set!(self, base, to, value);
                    pc += 1;
                } else {
                    let role = (part, of);
                    match self.settle(value, expected, role, pc, base, size) {
                        Settled::Value(value) => {
                            if of == Of::Argument {
                                set!(self, base, to, value);
                                pc += 1;
                            } else if value == self.heap.empty {
                                go!(Next::Fail)
                            } else if value.is_exp() && self.heap.is_error(value) {
                                self.result = value;
                            } else {
                                set!(self, base, to, value);
                                pc += 1;
                            }
                        }
                        Settled::Called(to, frame) => {
                            pc = to;
                            base = frame;
                        }
                        Settled::Next(next) => go!(next),
                    }
                }
            }
            I::EvaluateLast {
                from,
                expected,
                part,
                of,
            } => {
                let value = self.heap.deref(slot!(self, base, from));
                if self.heap.is_plain(value, expected) {
                    go!(self.leave(value, base));
                } else {
                    go!(self.settle_last(value, expected, (part, of), base));
                }
            }
            I::CheckType {
                slot,
                expected,
                odd,
            } => {
                let value = self.heap.deref(slot!(self, base, slot));
                if !self.is_known_fit(value, expected) && !self.has_type(value, expected) {
                    pc = odd;
                }
            }
            I::AddSmall {
                to,
                left,
                right,
                odd,
            } => {
                let (left, right) = (slot!(self, base, left), Cell::small(right));
                set_or_odd!(to, self.compute(Arithmetic::Add, left, right), odd)
            }
            I::Add {
                to,
                left,
                right,
                odd,
            } => {
                let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                set_or_odd!(to, self.compute(Arithmetic::Add, left, right), odd)
            }
            I::Subtract {
                to,
                left,
                right,
                odd,
            } => {
                let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                set_or_odd!(to, self.compute(Arithmetic::Subtract, left, right), odd)
            }
            I::Compute {
                operation,
                to,
                left,
                right,
                odd,
            } => {
                let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                set_or_odd!(to, self.compute(operation, left, right), odd)
            }
            I::ComputeSmall {
                operation,
                to,
                left,
                right,
                odd,
            } => {
                let left = slot!(self, base, left);
                set_or_odd!(to, self.compute(operation, left, Cell::small(right)), odd)
            }
            I::Compare {
                operation,
                to,
                left,
                right,
                odd,
            } => {
                let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                set_or_odd!(
                    to,
                    self.compare(operation, left, right).map(Cell::boolean),
                    odd
                )
            }
            I::JumpUnlessCompare {
                operation,
                left,
                right,
                to,
                odd,
            } => {
                let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                jump_unless!(self.compare(operation, left, right), to, odd)
            }
            I::JumpUnlessCompareSmall {
                operation,
                left,
                right,
                to,
                odd,
            } => {
                let left = slot!(self, base, left);
                let right = Cell::small(i32::from(right));
                jump_unless!(self.compare(operation, left, right), to, odd)
            }
            I::JumpUnlessConstant {
                slot,
                index,
                to,
                odd,
            } => {
                let value = slot!(self, base, slot);
                let constant = self.program.constants[index as usize];
                jump_unless!(self.is_constant(value, constant), to, odd)
            }
            I::JumpUnlessInteger {
                slot,
                value,
                to,
                odd,
            } => {
                let (found, value) = (slot!(self, base, slot), Cell::small(value));
                jump_unless!(self.is_constant(found, value), to, odd)
            }
            I::JumpUnlessSum {
                minus,
                whole,
                left,
                right,
                to,
                odd,
            } => {
                let frame = self.stack.frame(base);
                let [whole, left, right] =
                    [whole, left, right].map(|slot| Cell(frame[place(slot)]));
                jump_unless!(self.is_sum(minus, whole, left, right), to, odd)
            }
            I::TrySame {
                left,
                right,
                same,
                other,
            } => {
                let frame = self.stack.frame(base);
                let (left, right) = (Cell(frame[place(left)]), Cell(frame[place(right)]));
                match self.are_same(left, right) {
                    Some(true) => pc = same,
                    Some(false) => pc = other,
                    None => {}
                }
            }
            I::Same {
                to,
                left,
                right,
                odd,
            } => {
                let frame = self.stack.frame(base);
                let (left, right) = (Cell(frame[place(left)]), Cell(frame[place(right)]));
                match self.are_same(left, right) {
                    Some(same) => set!(self, base, to, Cell::boolean(same)),
                    None => pc = odd,
                }
            }
            I::JumpUnlessSame {
                left,
                right,
                to,
                odd,
            } => {
                let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                jump_unless!(self.same_numbers(left, right), to, odd)
            }
            I::Equal { to, left, right } => {
                let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                set!(self, base, to, Cell::boolean(self.heap.equal(left, right)));
            }
            I::Call {
                function,
                operands,
                size,
            } => {
                fuel!();
                let height = self.choices.len() as u64;
                go!(self.call(function, operands, size, height, pc, base));
            }
            I::CallMarked {
                function,
                operands,
                size,
                mark,
            } => {
                fuel!();
                let height = self.height(mark, base);
                go!(self.call(function, operands, size, height, pc, base));
            }
            I::IfElements {
                slots,
                looked,
                count,
                odd,
            } => {
                let frame = self.stack.frame(base);
                let values = slots.map(|slot| Cell(frame[place(slot)]));
                if !self.stay(&values[..usize::from(looked)], count) {
                    pc = odd;
                }
            }
            I::IfTyped {
                slots,
                types,
                count,
                odd,
            } => {
                let frame = self.stack.frame(base);
                let values = slots.map(|slot| Cell(frame[place(slot)]));
                if !self.are_plainly(values, types, count) {
                    pc = odd;
                }
            }
            I::TryApply {
                head,
                count,
                expected,
                arguments,
                size,
                mark,
                skip,
            } => {
                let back = (at + usize::from(skip)) as Pc;
                let called = (head, count, expected);
                if let Some((to, frame)) =
                    self.try_apply(called, arguments, (size, mark), back, base)
                {
                    pc = to;
                    base = frame;
                    fuel!();
                }
            }
            I::TryApplyLast {
                head,
                count,
                expected,
                arguments,
                odd,
            } => {
                let name = self.heap.deref(slot!(self, base, head));
                let called = (name, count, expected);
                if !name.is_symbol() {
                    pc = odd;
                } else if let Some((to, frame)) = self.try_apply_last(called, arguments, base) {
                    pc = to;
                    base = frame;
                    fuel!();
                }
            }
            I::Decide { to, site, odd } => match self.decide(site, base) {
                Some(function) => set!(self, base, to, Cell::small(function as i32)),
                None => {
                    self.program.meetings.was_left = true;
                    pc = odd;
                }
            },
            I::Applied {
                to,
                head,
                count,
                expected,
                odd,
            } => match self.applied(slot!(self, base, head), count, expected) {
                Some(function) => set!(self, base, to, Cell::small(function as i32)),
                None => pc = odd,
            },
            I::CallApplied {
                function,
                slots,
                size,
                mark,
                ..
            } => {
                fuel!();
                let above = self.above(base, size);
                let frame = self.stack.frame(base);
                let values = slots.map(|slot| Cell(frame[place(slot)]));
                let function = Cell(frame[place(function)]).as_int() as u32;
                let entry = &self.program.functions[function as usize];
                if entry.state == State::Data && (1..=values.len()).contains(&entry.arity) {
                    self.result = self.make_call(function, values);
                } else {
                    let height = self.height(mark, base);
                    go!(self.call_slots(function, values, above, height, pc, base));
                }
            }
            I::CallAppliedLast {
                function, slots, ..
            } => {
                fuel!();
                let frame = self.stack.frame(base);
                let values = slots.map(|slot| Cell(frame[place(slot)]));
                let function = Cell(frame[place(function)]).as_int() as u32;
                go!(self.call_slots_last(function, values, base));
            }
            I::CallSlots {
                function,
                slots,
                size,
                mark,
            } => {
                fuel!();
                let above = self.above(base, size);
                let frame = self.stack.frame(base);
                let values = slots.map(|slot| Cell(frame[place(slot)]));
                let height = self.height(mark, base);
                go!(self.call_slots(function, values, above, height, pc, base));
            }
            I::CallFour {
                function,
                slots,
                size,
            } => {
                fuel!();
                let above = self.above(base, size);
                let frame = self.stack.frame(base);
                let values = slots.map(|slot| Cell(frame[place(slot)]));
                let height = self.choices.len() as u64;
                go!(self.call_slots(function, values, above, height, pc, base));
            }
            I::CallFourLast { function, slots } => {
                fuel!();
                let frame = self.stack.frame(base);
                let values = slots.map(|slot| Cell(frame[place(slot)]));
                go!(self.call_slots_last(function, values, base));
            }
            I::CallSlotsLast { function, slots } => {
                fuel!();
                let frame = self.stack.frame(base);
                let values = slots.map(|slot| Cell(frame[place(slot)]));
                go!(self.call_slots_last(function, values, base));
            }
            I::CallLast { function, operands } => {
                fuel!();
                go!(self.call_last(function, operands, base));
            }
            I::CallLastBare { function, operands } => {
                fuel!();
                if self.is_failing(function) {
                    go!(Next::Fail);
                } else {
                    go!(self.call_last(function, operands, base));
                }
            }
            I::Return { slot } => go!(self.leave(slot!(self, base, slot), base)),
            I::ReturnConstant { index } | I::ReturnLeaf { index, .. } => {
                let value = self.program.constants[index as usize];
                go!(self.leave(value, base));
            }
            I::ReturnResult => go!(self.leave(self.result, base)),

            I::Alternatives { operands, size } => {
                pc = self.begin_places(operands, size, base);
            }
            I::Elements { from, size, odd } => {
                fuel!();
                let list = self.heap.deref(slot!(self, base, from));
                if list.is_exp() {
                    let (first, count) = self.heap.elements(list.at());
                    if count == 0 {
                        go!(Next::Fail);
                    } else {
                        self.result = self.heap.word(first);
                        if count > 1 {
                            let kind = Kind::Elements { list, next: 1, pc };
                            self.choose(kind, base, base + 2 + usize::from(size));
                        }
                    }
                } else {
                    pc = odd;
                }
            }
            I::Again {
                to,
                next,
                so_far,
                count,
                frame,
            } => {
                fuel!();
                go!(self.again(to, base, (next, so_far), (count, frame)));
            }
            I::Cons {
                to,
                first,
                rest,
                odd,
            } => {
                let first = slot!(self, base, first);
                let rest = self.heap.deref(slot!(self, base, rest));
                if !rest.is_exp() || self.heap.deref(first) == self.heap.error {
                    pc = odd;
                } else {
                    set!(self, base, to, self.cons(first, rest));
                }
            }
            I::First { to, from, odd } => {
                let list = self.heap.deref(slot!(self, base, from));
                match self.parts(list) {
                    Some((first, count)) if count > 0 => {
                        set!(self, base, to, self.heap.deref(self.heap.word(first)));
                    }
                    _ => pc = odd,
                }
            }
            I::Rest { to, from, odd } => {
                let list = self.heap.deref(slot!(self, base, from));
                match self.parts(list) {
                    Some((_, count)) if count > 0 => {
                        let rest = self.rest(list);
                        set!(self, base, to, rest);
                    }
                    _ => pc = odd,
                }
            }
            I::UnionAtom {
                to,
                left,
                right,
                odd,
            } => {
                let left = self.heap.deref(slot!(self, base, left));
                let right = self.heap.deref(slot!(self, base, right));
                let union = (left.is_exp() && right.is_exp()).then(|| self.union(left, right));
                match union {
                    Some(union) if !self.heap.is_error(union) => set!(self, base, to, union),
                    _ => pc = odd,
                }
            }
            I::SizeAtom { to, from, odd } => {
                let list = self.heap.deref(slot!(self, base, from));
                match self.parts(list) {
                    Some((_, count)) => {
                        let size = self.heap.integer(count as i64);
                        set!(self, base, to, size);
                    }
                    None => pc = odd,
                }
            }
            I::Build { to, operands } => {
                set!(self, base, to, self.build(operands, base, 0));
            }
            I::BuildBlock { to, block } => {
                let built = self.build_block(block, base);
                set!(self, base, to, built);
            }
            I::BuildResult { to, operands } => {
                set!(self, base, to, self.build_result(operands, base));
            }
            I::BuildData { to, operands } => {
                set!(self, base, to, self.build(operands, base, Header::DATA));
            }
            I::CheckKind { slot, kind, odd } => {
                let value = self.heap.deref(slot!(self, base, slot));
                let is_so = self.is_of_kind(value, kind)
                    && match kind {
                        AtomKind::NoName => self.is_no_function(value),
                        AtomKind::Argument | AtomKind::BoundArgument => {
                            self.is_evaluated_as_argument(value)
                        }
                        _ => true,
                    };
                if !is_so {
                    pc = odd;
                }
            }
            I::CheckSame {
                left,
                right,
                evaluated,
                alike,
                odd,
            } => {
                let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                let types = &self.program.value_types;
                if !self.heap.are_alike(types, left, right) {
                    // So is what is ill-typed: it is compared as it is.
                    let mut is_any =
                        |value| evaluated && (self.is_tuple(value) || self.is_no_data(value));
                    let is_any = is_any(left) || is_any(right);
                    if !is_any && !self.may_have_one_type(left, right, alike) {
                        pc = odd;
                    }
                }
            }
            I::Logic {
                operation,
                to,
                left,
                right,
                odd,
            } => {
                let left = self.heap.deref(slot!(self, base, left));
                let right = self.heap.deref(slot!(self, base, right));
                if left.is_bool() && right.is_bool() {
                    let value = operation.of(left == Cell::TRUE, right == Cell::TRUE);
                    set!(self, base, to, Cell::boolean(value));
                } else {
                    pc = odd;
                }
            }
            I::Not { to, from, odd } => {
                let value = self.heap.deref(slot!(self, base, from));
                if value.is_bool() {
                    set!(self, base, to, Cell::boolean(value != Cell::TRUE));
                } else {
                    pc = odd;
                }
            }
            I::ErrorAt { mark } => {
                let word = slot!(self, base, mark).0;
                let height = (word & !MARK_SUCCEEDED) >> 3;
                if self.choices.len() as u64 > height || word & MARK_SUCCEEDED != 0 {
                    if word & MARK_SUCCEEDED == 0 {
                        let owner = base + 2 + usize::from(mark);
                        let owner = (owner, MARK_SUCCEEDED);
                        self.set_aside(height as usize, owner, pc, base);
                    }
                    go!(Next::Fail);
                }
            }
            I::IfFacts { facts, to, odd } => {
                fuel!();
                let program = &mut self.program;
                let stand = &mut program.facts[facts as usize];
                let holds = program.sight.shows(stand, &program.space);
                pc = if holds { to } else { odd };
            }
            I::IfRules { rules, odd } => {
                fuel!();
                if !self.program.is_same_inlined(&self.heap, rules) {
                    pc = odd;
                }
            }
            I::IfTypes { since, odd } => {
                fuel!();
                if self.program.types_epoch != since {
                    pc = odd;
                }
            }
            I::CaseOpen { keep, empty, size } => {
                set!(self, base, keep, Cell((self.choices.len() as u64) << 3));
                let kind = Kind::Case { empty, any: false };
                self.choose(kind, base, base + 2 + usize::from(size));
            }
            I::Found { keep } => {
                let number = (slot!(self, base, keep).0 >> 3) as usize;
                self.end_choices(number);
            }
            I::Only { keep, slot } => {
                if self.heap.deref(slot!(self, base, slot)) == self.heap.empty {
                    go!(Next::Fail);
                }
                self.forget_choices((slot!(self, base, keep).0 >> 3) as usize);
            }
            I::GatherAdd { slot, what } => {
                let value = slot!(self, base, slot);
                self.gather(value, base, what);
                go!(Next::Fail);
            }
            seldom => match self.seldom(seldom, pc, base) {
                Some(next) => go!(next),
                None => return None,
            },
        }
        Some((pc, base as u32))
    }
}

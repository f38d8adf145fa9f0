//! Instructions that are few among those that run, or whose work is elsewhere: beside the
//! loop, so that it stays small.

use super::pattern::Place;
use super::settle::Ask;
use super::{HEIGHT, Machine, Next, Settled};
use crate::evaluate::Answer;
use crate::fast::cell::Cell;
use crate::fast::choice::Kind;
use crate::fast::code::{ANY, Changed, Gives, Instruction, Of, Pc, TypeId};

impl Machine<'_> {
    /// Carries out an instruction; `None` if a bound was hit.
    #[inline(never)]
    pub(super) fn seldom(
        &mut self,
        instruction: Instruction,
        mut pc: Pc,
        mut base: usize,
    ) -> Option<Next> {
        use Instruction as I;
        macro_rules! go {
            ($next:expr) => {
                return Some($next)
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
        match instruction {
            I::Finish => {
                self.note_result(self.result);
                let atom = self.heap.export(self.result);
                let proof = self.program.proving.then(|| self.proof());
                self.results.push(Answer { atom, proof });
                go!(Next::Fail)
            }
            I::Watch { what, to } => {
                if self.watch(what, base) {
                    pc = to;
                }
            }
            I::Import { to, index } => {
                let atom = self.program.atoms[index as usize].clone();
                set!(self, base, to, self.heap.import(&atom));
            }
            I::Instantiate { to, template } => {
                set!(self, base, to, self.instantiate(template, base));
            }
            I::BuildNoted {
                to,
                operands,
                function,
            } => {
                set!(self, base, to, self.build_noted(operands, base, function));
            }
            I::Plain {
                from,
                expected,
                size,
            } => {
                fuel!();
                let value = slot!(self, base, from);
                go!(self.plain(value, expected, pc, base, size));
            }
            I::PlainOf {
                from,
                template,
                expected,
                size,
            } => {
                fuel!();
                let value = slot!(self, base, from);
                if !self.calls_within(template, base) {
                    go!(self.plain(value, expected, pc, base, size));
                }
                go!(self.settle_as_result(value, false, expected, pc, base, size));
            }
            I::AppliedAs {
                to,
                head,
                count,
                expected,
                odd,
            } => {
                let expected = slot!(self, base, expected).as_int() as TypeId;
                match self.applied(slot!(self, base, head), count, expected) {
                    Some(function) => set!(self, base, to, Cell::small(function as i32)),
                    None => pc = odd,
                }
            }
            I::EvaluateAs {
                from,
                expected,
                part,
                size,
                ..
            } => {
                let value = self.heap.deref(slot!(self, base, from));
                let expected = slot!(self, base, expected).as_int() as TypeId;
                match self.settle(value, expected, (part, Of::Result), pc, base, size) {
                    Settled::Value(value) if value == self.heap.empty => go!(Next::Fail),
                    // Who takes the result takes this.
                    Settled::Value(value) => self.result = value,
                    Settled::Called(to, frame) => go!(Next::At(to, frame)),
                    Settled::Next(next) => go!(next),
                }
            }
            I::PlainAs {
                from,
                expected,
                size,
            } => {
                fuel!();
                let value = slot!(self, base, from);
                let expected = slot!(self, base, expected).as_int() as TypeId;
                go!(self.plain(value, expected, pc, base, size));
            }
            I::PlainCall {
                from,
                expected,
                changed,
                size,
            } => {
                fuel!();
                let value = slot!(self, base, from);
                let is_changed = match changed {
                    Changed::No => false,
                    Changed::Yes => true,
                    Changed::IfBound { open } => {
                        slot!(self, base, open) == Cell::TRUE && self.is_first_bound(value)
                    }
                };
                let ask = match is_changed {
                    true => Ask::Changed,
                    false => Ask::Call,
                };
                go!(self.ask_plain(ask, value, expected, pc, base, size));
            }
            I::PlainRule {
                from,
                expected,
                size,
                gives,
            } => {
                fuel!();
                let value = slot!(self, base, from);
                let ask = match gives {
                    Gives::Value => Ask::Rule,
                    Gives::Atom => Ask::RuleAsAtom,
                    Gives::Step => Ask::Step,
                };
                go!(self.ask_plain(ask, value, expected, pc, base, size));
            }
            I::Step { from, size } => {
                fuel!();
                let value = self.heap.deref(slot!(self, base, from));
                go!(self.one_step(value, pc, base, size));
            }
            I::CheckStepped { slot, runs, odd } => {
                let value = self.heap.deref(slot!(self, base, slot));
                if self.is_no_step(value) || runs && self.is_run(value) {
                    pc = odd;
                }
            }
            I::EvaluateElement => go!(self.evaluate_element(base)),
            I::TakeElement => go!(self.take_element(base)),
            I::ReturnAny => {
                let word = self.stack[base];
                go!(Next::At((word >> 32) as Pc, (word & 0xffff_ffff) as usize));
            }
            I::OfferResult { from, size } => {
                let value = self.heap.deref(slot!(self, base, from));
                if self.runs_on(value) {
                    fuel!();
                    go!(self.ask_plain(Ask::ResultAsAtom, value, ANY, pc, base, size));
                }
                self.result = value;
            }

            I::Operate {
                operation,
                operands,
                size,
                stuck,
                as_written,
            } => {
                fuel!();
                go!(self.operate(operation, operands, pc, base, size, (stuck, as_written)));
            }

            I::Gather { done, size } => {
                let gathered = self.to_gather.pop().unwrap_or_default();
                let kind = Kind::Gather { done, gathered };
                self.choose(kind, base, base + 2 + usize::from(size));
            }
            I::CaseAny { keep } => {
                let number = (slot!(self, base, keep).0 >> 3) as usize;
                if self.choices.len() == number + 1 && !self.choices[number].aside {
                    self.drop_choice();
                } else if let Kind::Case { any, .. } = &mut self.choices[number].kind {
                    *any = true;
                }
            }
            I::UnlessSpace {
                slot,
                other,
                to,
                odd,
            } => {
                let is_space = [slot, other].iter().any(|slot| {
                    let value = self.heap.deref(slot!(self, base, *slot));
                    self.space_of(value).is_some()
                });
                pc = if is_space { odd } else { to };
            }
            I::Match {
                space,
                pattern,
                size,
                odd,
            } => {
                fuel!();
                let space = self.heap.deref(slot!(self, base, space));
                let pattern = self.heap.deref(slot!(self, base, pattern));
                match self.find(space, pattern, pc, base, size) {
                    Some(next) => go!(next),
                    None => pc = odd,
                }
            }

            I::Query {
                space,
                pattern,
                size,
                odd,
            } => {
                fuel!();
                let space = self.heap.deref(slot!(self, base, space));
                match self.query(space, Place { pattern, base }, pc, size) {
                    Some(next) => go!(next),
                    None => pc = odd,
                }
            }

            I::CheckGround { slot, odd } => {
                let value = self.heap.deref(slot!(self, base, slot));
                if self.ends(value) || !self.heap.is_ground_now(value) {
                    pc = odd;
                }
            }
            I::CheckTree {
                tree,
                expected,
                head,
                odd,
            } => {
                if !self.is_known_untyped(head, base) && !self.tree_has_type(tree, expected, base) {
                    pc = odd;
                }
            }
            I::CheckTreeOf { tree, slot, odd } => {
                if !self.tree_has_type_of(tree, slot, base) {
                    pc = odd;
                }
            }
            I::Retype { slot } => {
                let value = self.heap.deref(slot!(self, base, slot));
                self.retype(value);
            }
            I::Meet { meeting } => self.meet(meeting, pc - 1, base),
            I::CheckFirst { tree, odd } => {
                if self.is_first_item(base) && !self.tree_is_value(tree, base) {
                    pc = odd;
                }
            }
            I::CallDecided {
                function,
                operands,
                size,
                mark,
            } => {
                fuel!();
                let height = self.height(mark, base);
                let function = slot!(self, base, function).as_int() as u32;
                go!(self.call(function, operands, size, height, pc, base));
            }
            I::CallDecidedLast { function, operands } => {
                fuel!();
                let function = slot!(self, base, function).as_int() as u32;
                go!(self.call_last(function, operands, base));
            }
            I::Walk {
                to,
                operands,
                size,
                frame,
                mark,
            } => {
                fuel!();
                let height = self.height(mark, base);
                let above = self.above(base, size);
                self.begin_walk(operands, base, above, frame);
                self.stack[above] = (u64::from(pc) << 32) | base as u64;
                self.stack[above + 1] = (height << HEIGHT) | above as u64;
                pc = to;
                base = above;
            }
            I::List { to, from, odd } => {
                let (list, is_data) = self.list(slot!(self, base, from));
                set!(self, base, to, list);
                if !is_data {
                    pc = odd;
                }
            }
            I::NoTruth { call, value } => {
                let (call, value) = (slot!(self, base, call), slot!(self, base, value));
                self.result = self.no_truth(call, value);
            }

            I::Decons { to, from, odd } => {
                let list = self.heap.deref(slot!(self, base, from));
                match self.parts(list) {
                    // What begins with `Error` is no value to go on with.
                    Some((first, count))
                        if count > 0
                            && self.heap.deref(self.heap.word(first)) != self.heap.error =>
                    {
                        let first = self.heap.word(first);
                        let rest = self.rest(list);
                        set!(self, base, to, self.heap.build(&[first, rest]));
                    }
                    _ => pc = odd,
                }
            }
            I::GetState { to, from, odd } => match self.get_state(slot!(self, base, from)) {
                Some(found) => set!(self, base, to, found),
                None => pc = odd,
            },
            I::ChangeState {
                to,
                state,
                value,
                odd,
            } => {
                let (state, value) = (slot!(self, base, state), slot!(self, base, value));
                match self.change_state(state, value) {
                    Some(value) => set!(self, base, to, value),
                    None => pc = odd,
                }
            }
            I::ChangeSpace {
                change,
                to,
                space,
                atom,
                odd,
            } => {
                fuel!();
                let (space, atom) = (slot!(self, base, space), slot!(self, base, atom));
                match self.change_space(change, space, atom) {
                    Some(value) => set!(self, base, to, value),
                    None => pc = odd,
                }
            }

            I::IndexAtom {
                to,
                from,
                index,
                odd,
            } => {
                let list = self.heap.deref(slot!(self, base, from));
                let index = self.heap.deref(slot!(self, base, index));
                match self.parts(list) {
                    Some((first, count))
                        if index.is_int() && (0..count as i64).contains(&index.as_int()) =>
                    {
                        let found = self.heap.word(first + index.as_int() as usize);
                        let found = self.heap.deref(found);
                        if found == self.heap.empty || self.heap.is_error(found) {
                            pc = odd;
                        } else {
                            set!(self, base, to, found);
                        }
                    }
                    _ => pc = odd,
                }
            }
            other => unreachable!("{other:?} is carried out by the loop"),
        }
        Some(Next::At(pc, base))
    }
}

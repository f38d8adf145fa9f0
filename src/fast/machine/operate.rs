//! Operations of the library, and the bounds on an evaluation.

use super::{FUEL, Machine, Next};
use crate::atom::{Atom, Grounded, State, known};
use crate::engine::Context;
use crate::evaluate::Answer;
use crate::fast::cell::{Cell, Header, Kind};
use crate::fast::choice::{Step, Way};
use crate::fast::code::{ANY, Change, Operands, Pc, Slot};
use crate::fast::program::Called;
use crate::types;

impl Machine<'_> {
    /// Adds a ground atom to a space, or removes it: `()`. `None` for what the operation
    /// itself has to see.
    pub(super) fn change_space(&mut self, change: Change, space: Cell, atom: Cell) -> Option<Cell> {
        let space = self.space_of(self.heap.deref(space))?;
        let atom = self.heap.deref(atom);
        if !self.host.grants.write || !self.heap.is_ground(atom) {
            return None;
        }
        self.host.has_changed = true;
        self.heap.flatten(atom, &mut self.flat);
        match change {
            Change::Add => space.add_flat(&mut self.flat),
            Change::Remove => {
                self.hold_rows();
                space.remove_flat(&self.flat)?;
            }
        }
        self.refresh();
        Some(self.heap.unit)
    }

    /// What is in a state; `None` for what the operation itself has to see, and where a call
    /// that tells no type put in what is not of the state's.
    #[inline(never)]
    pub(super) fn get_state(&mut self, state: Cell) -> Option<Cell> {
        let state = self.state_of(state)?.clone();
        let held = self.heap.import(&state.get());
        if self.heap.is_error(held) {
            return None;
        }
        if types::is_undefined(state.type_atom()) {
            // To such a state what has a type is of another one.
            let unknown = self.program.value_types.unknown();
            return (self.type_of(held)? == unknown).then_some(held);
        }
        let known = known();
        let own = match held.kind() {
            Kind::Int(_) | Kind::Flt(_) => Some(&known.number),
            Kind::Bool(_) => Some(&known.bool),
            Kind::Char(_) => Some(&known.char),
            _ => None,
        };
        if own.is_some_and(|own| state.type_atom().is_symbol(own)) {
            return Some(held);
        }
        let of = self.program.result_type(state.type_atom());
        self.has_type(held, of).then_some(held)
    }

    /// Puts a value into a state, which is the result; `None` as in [`Machine::get_state`].
    #[inline(never)]
    pub(super) fn change_state(&mut self, state: Cell, value: Cell) -> Option<Cell> {
        let state = self.heap.deref(state);
        if !self.host.grants.write {
            return None;
        }
        let value = self.heap.export(value);
        let changed = self.state_of(state)?;
        changed.set(value);
        let is_own = changed.is_since(self.host.own_states);
        self.host.has_changed |= !is_own;
        Some(state)
    }

    fn state_of(&self, cell: Cell) -> Option<&State> {
        let cell = self.heap.deref(cell);
        if !cell.is_box() {
            return None;
        }
        match self.heap.box_of(cell) {
            Atom::Grounded(Grounded::State(state)) => Some(state),
            _ => None,
        }
    }

    /// Calls an operation of the host.
    #[inline(never)]
    pub(super) fn operate(
        &mut self,
        number: u32,
        operands: Operands,
        pc: Pc,
        base: usize,
        size: Slot,
        (stuck, as_written): (Pc, bool),
    ) -> Next {
        let Called {
            operation,
            on_terms,
        } = self.program.operations[number as usize].clone();
        if let Some(what) = on_terms
            && let Some(result) = self.on_terms(what, operands, base)
        {
            if self.program.proving {
                self.log.push(Step::Operation(number));
            }
            self.result = result;
            return Next::At(pc, base);
        }
        let at = operands.0 as usize;
        let count = self.program.operands[at].0 as usize;
        let mut arguments = Vec::with_capacity(count);
        let mut is_unchanged = as_written;
        for i in 0..count {
            let operand = self.program.operands[at + 1 + i];
            let value = self.operand(base, operand);
            arguments.push(self.heap.export(value));
            if is_unchanged {
                let written = at + 1 + count + 1 + i;
                let [written, open] =
                    [written, written + count].map(|at| self.program.operands[at]);
                let now = self.heap.deref(value);
                is_unchanged = match self.operand(base, open) {
                    Cell::TRUE => now.is_ref(),
                    Cell::FALSE => self.heap.equal(self.operand(base, written), value),
                    _ => now.is_exp() && self.heap.header(now.at()).has(Header::EVALUATED),
                };
            }
        }
        self.host.has_changed |= !operation.is_repeatable();
        self.watch_outside();
        self.hold_rows();
        let budget = self.meter.rest();
        let space = self.space.clone();
        let mut context = Context {
            host: self.host,
            space: &space,
            budget,
        };
        let answer = operation.call(&arguments, &mut context);
        let inside = std::mem::take(&mut self.host.spent_inside);
        self.charge(inside);
        self.refresh();
        if self.is_over(base) {
            return Next::Fail;
        }
        if self.program.proving {
            self.log.push(Step::Operation(number));
        }
        match answer {
            Ok(mut results) if results.len() == 1 => {
                let result = results.pop().expect("one");
                self.result = self.heap.import(&result);
                self.collect_if_much();
                // A part of a list may say that there is none.
                match self.result == self.heap.empty {
                    true => Next::Fail,
                    false => Next::At(pc, base),
                }
            }
            Ok(results) => {
                let ways = results
                    .into_iter()
                    .map(|atom| Way {
                        bindings: Vec::new(),
                        atom: Some(atom),
                        step: None,
                    })
                    .collect();
                self.ways(ways, pc, base, size)
            }
            Err(error) => {
                let name = crate::symbol::Symbol::new(operation.name());
                let head = if self.host.functions.contains_key(&name) {
                    Atom::Symbol(name)
                } else {
                    Atom::operation(operation)
                };
                let call: Vec<Atom> = std::iter::once(head).chain(arguments).collect();
                let call = Atom::expression(call);
                match error.into_atom(&call) {
                    Some(error) => {
                        self.result = self.heap.import(&error);
                        Next::At(pc, base)
                    }
                    None => {
                        self.is_odd = true;
                        self.result = self.heap.import(&call);
                        if is_unchanged && self.result.is_exp() {
                            self.heap.cells[self.result.at()] |= Header::EVALUATED;
                        }
                        Next::At(stuck, base)
                    }
                }
            }
        }
    }

    /// Forgets code whose rules or types have changed.
    pub(super) fn refresh(&mut self) {
        let epoch = self.program.epoch;
        self.program.refresh();
        self.program.note_tabled(self.host);
        if self.program.epoch != epoch {
            // What was data may have a rule by now.
            self.heap.doubts.give_up();
        }
        (self.fit, self.name_fit) = ((0, ANY), (Cell::HOLE, ANY));
    }

    /// Counts what evaluations inside an operation have spent, and looks at the
    /// bounds at the next reduction.
    pub(super) fn charge(&mut self, inside: u64) {
        if inside == 0 {
            return;
        }
        let ahead = u64::from(FUEL - 1);
        self.meter.spent += inside + u64::from(FUEL - self.fuel);
        self.fuel = FUEL;
        if self.meter.spent >= ahead {
            // As if all fuel but the last had been used: its count comes with the look.
            self.meter.spent -= ahead;
            self.fuel = 1;
        }
    }

    /// Looks at the bounds. Whether one was hit, which ends the evaluation.
    #[cold]
    pub(super) fn refuel(&mut self, base: usize) -> bool {
        if self.choices.is_empty() {
            self.heap.trail.clear();
            self.head_trail = 0;
        }
        self.check_bounds(base)
    }

    /// As [`Machine::refuel`], also where the trail is in use.
    #[cold]
    pub(super) fn check_bounds(&mut self, base: usize) -> bool {
        self.fuel = FUEL;
        let bytes = self.note_peak(base);
        let checked = self
            .meter
            .reduce_many(u64::from(FUEL))
            .and_then(|()| self.meter.check_bytes(bytes));
        match checked {
            Ok(()) => false,
            Err(exhausted) => {
                self.exhausted = Some(exhausted);
                self.end(base);
                true
            }
        }
    }

    /// Looks at time and cancellation after what may have taken long. Whether the evaluation
    /// is over, which it then is.
    pub(super) fn is_over(&mut self, base: usize) -> bool {
        let Err(exhausted) = self.meter.reduce_many(0) else {
            return false;
        };
        self.exhausted = Some(exhausted);
        self.end(base);
        true
    }

    /// Ends the evaluation with the bound that was hit.
    pub(super) fn end(&mut self, _base: usize) {
        self.has_ended = true;
        if let Some(exhausted) = self.exhausted.take() {
            let error = Atom::error(self.subject.clone(), Atom::symbol(exhausted.symbol()));
            self.results.push(Answer {
                atom: error,
                proof: None,
            });
        }
        self.choices.clear();
        self.asides.clear();
    }

    /// The heap was collected; `at` is where to do so again.
    /// Has the heap collected at the next call if much is held beside it.
    pub(super) fn collect_if_much(&mut self) {
        if self.heap.holds_much() {
            self.collect_at = 0;
        }
    }

    pub(in crate::fast) fn note_collected(&mut self, at: usize) {
        self.collect_at = at;
        self.head_trail = self.heap.trail.len();
    }
}

//! Bodies compiled for the types that their variables were met with: see `fast/met.rs`.

use smallvec::SmallVec;

use super::decide::is_applied;
use super::plain::Mode;
use super::{Check, Compiled, Compiler, Leave, Place, Static};
use crate::atom::{Atom, Variable};
use crate::fast::code::{FAIL, Instruction, Slot, TypeId};
use crate::fast::met::{Meeting, Met, Test, VARIABLES_MAX, VERSIONS_MAX, Version};
use crate::fast::program::{Head, Program, State, signature};
use crate::fast::types::Argument;
use crate::library::lists::named_by_place;
use crate::types;

/// Functions of more rules are not compiled anew.
const RULES_MAX: usize = 64;
/// A body with more atoms is compiled once only.
const LARGEST: usize = 120;
/// Bodies in each other that are compiled for types.
const DEEPEST: usize = 2;

/// What of a body's variables may tell how its calls are typed.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Depends {
    Nothing,
    /// What stands for heads: names of functions.
    Heads,
    /// Any of them.
    Arguments,
}

/// Types that variables had were met: the function is compiled for them before its next call.
#[cold]
pub(in crate::fast) fn consider(program: &mut Program, function: u32) {
    if let Some(entry) = program.compiled_of_few_rules(function, RULES_MAX) {
        entry.state = State::Unknown;
    }
}

impl Compiler<'_> {
    /// Compiles a body that returns: for values of types that its variables were met with,
    /// then for any.
    pub(super) fn as_met(
        &mut self,
        body: &Atom,
        inner: impl Fn(&mut Self) -> Compiled<()>,
    ) -> Compiled<()> {
        let is_for_any = self.mode == Mode::Any || self.program.proving;
        let Some(depth) = self.meets.filter(|_| !is_for_any) else {
            return self.plainly(body, inner);
        };
        let depends = self.depends_on_types(body);
        if depth >= DEEPEST || depends == Depends::Nothing {
            return self.plainly(body, inner);
        }
        let for_functions = depends == Depends::Heads;
        let mut variables: Vec<Variable> = Vec::new();
        body.for_each_variable(|variable| variables.push(variable.clone()));
        let key = (self.function, named_by_place(body));
        let versions = self.program.meetings.versions(&key).to_vec();
        let (slots, mut most) = (self.slots, self.slots);
        for version in &versions {
            self.meets = Some(depth + 1);
            self.version(body, &variables, version, &inner);
            self.meets = Some(depth);
            most = most.max(self.slots);
            self.slots = slots;
        }
        if versions.is_empty() {
            let open = self.slots_to_meet(&variables);
            let at = self.meeting(key, open, for_functions);
            self.plainly(body, inner)?;
            if !at.is_none_or(|at| self.asks_for_types(at)) {
                let at = at.expect("just seen");
                let to = at as u32 + 1;
                self.program.code[at] = Instruction::Jump { to };
            }
        } else {
            if versions.len() < VERSIONS_MAX {
                let open = self.slots_to_meet(&variables);
                self.meeting(key, open, for_functions);
            }
            // Bodies inside are not met apart once this one is.
            self.meets = None;
            let done = self.plainly(body, inner);
            self.meets = Some(depth);
            done?;
        }
        self.slots = self.slots.max(most);
        Ok(())
    }

    /// Code for values as they were met in one way; where they are not, what follows.
    fn version(
        &mut self,
        body: &Atom,
        variables: &[Variable],
        version: &Version,
        inner: &impl Fn(&mut Self) -> Compiled<()>,
    ) {
        let mut met: SmallVec<[(Slot, Met); 4]> = SmallVec::new();
        for each in version {
            let slot = variables.get(each.number as usize);
            if let Some(slot) = slot.and_then(|variable| self.slot_to_meet(variable)) {
                met.push((slot, *each));
            }
        }
        if met.is_empty() {
            return;
        }
        let names = (self.names.clone(), self.defined.clone());
        let known = (self.settled.clone(), self.numbers.clone());
        let (before, matched) = (self.met.clone(), self.matched.len());
        let done = self.attempt(|this| {
            let tests = met.iter().map(|(slot, each)| Test {
                slot: *slot,
                argument: each.argument,
                word: each.word,
            });
            let meetings = &mut this.program.meetings;
            meetings.tests.push(tests.collect());
            let tests = meetings.tests.len() as u32 - 1;
            let at = this.emit(Instruction::IfMet { tests, odd: FAIL });
            for (slot, each) in &met {
                this.settled.insert(*slot);
                if each.is_integer() {
                    this.numbers.insert(*slot);
                }
                this.met.insert(*slot, each.argument);
            }
            this.plainly(body, inner)?;
            Ok(at)
        });
        (self.names, self.defined) = names;
        (self.settled, self.numbers) = known;
        self.met = before;
        self.matched.truncate(matched);
        if let Some(at) = done {
            let here = self.here();
            self.fill(at, Place::Odd, here);
        }
    }

    /// Notes that a body is entered, for its variables to be looked at.
    fn meeting(
        &mut self,
        body: (u32, Atom),
        slots: SmallVec<[(u32, Slot); VARIABLES_MAX]>,
        for_functions: bool,
    ) -> Option<usize> {
        if slots.is_empty() {
            return None;
        }
        let left = self.program.meetings.often(&body);
        let meetings = &mut self.program.meetings;
        meetings.open.push(Meeting {
            body,
            slots,
            left,
            for_functions,
        });
        let meeting = meetings.open.len() as u32 - 1;
        Some(self.emit(Instruction::Meet { meeting }))
    }

    /// The variables of which the types may be met, by number, and their slots.
    fn slots_to_meet(&self, variables: &[Variable]) -> SmallVec<[(u32, Slot); VARIABLES_MAX]> {
        let numbered = variables.iter().enumerate();
        numbered
            .filter_map(|(number, variable)| {
                self.slot_to_meet(variable)
                    .map(|slot| (number as u32, slot))
            })
            .take(VARIABLES_MAX)
            .collect()
    }

    fn slot_to_meet(&self, variable: &Variable) -> Option<Slot> {
        let name = self.names.get(variable)?;
        let is_open = name.fresh_in.is_none()
            && !self.numbers.contains(&name.slot)
            && !self.met.contains_key(&name.slot);
        is_open.then_some(name.slot)
    }

    /// How types of calls in a body may depend on values.
    fn depends_on_types(&mut self, body: &Atom) -> Depends {
        let mut pending = vec![body];
        let (mut seen, mut found) = (0, Depends::Nothing);
        while let Some(atom) = pending.pop() {
            seen += 1;
            if seen > LARGEST {
                return Depends::Nothing;
            }
            let Some([head, ..]) = atom.as_expression() else {
                continue;
            };
            match head {
                Atom::Symbol(_) if found != Depends::Arguments => {
                    if let Head::Typed(signature) = self.program.head(self.host, self.heap, head)
                        && (is_applied(&signature)
                            || matches!(signature.returns, Atom::Variable(_)))
                    {
                        found = Depends::Arguments;
                    }
                }
                Atom::Variable(_) if found == Depends::Nothing => found = Depends::Heads,
                _ => {}
            }
            pending.extend(atom.as_expression().unwrap_or_default());
        }
        found
    }

    /// Whether code from there on looks at the types of values.
    fn asks_for_types(&self, from: usize) -> bool {
        self.program.code[from..].iter().any(|instruction| {
            matches!(
                instruction,
                Instruction::Decide { .. }
                    | Instruction::CheckTree { .. }
                    | Instruction::Applied { .. }
            )
        })
    }

    /// What is known of a variable's value as an argument, if it is as it was met.
    pub(super) fn met_as(&self, atom: &Atom) -> Option<Argument> {
        let Atom::Variable(variable) = atom else {
            return None;
        };
        let name = self.names.get(variable)?;
        if name.fresh_in == Some(self.scope) {
            return None;
        }
        self.met.get(&name.slot).copied()
    }

    /// The type that the value in a slot is known to be of, if that says all.
    pub(super) fn type_met(&self, slot: Slot) -> Option<Atom> {
        let found = self.met.get(&slot)?.found();
        let found = self.program.value_types.atom(found)?;
        (found.is_ground() && !types::is_meta_type(found) && !types::is_undefined(found))
            .then(|| found.clone())
    }

    /// Whether what a slot holds is known to be of a type that is expected.
    pub(super) fn is_met_as(&mut self, slot: Slot, expected: TypeId) -> bool {
        let Some(argument) = self.met.get(&slot) else {
            return false;
        };
        let Program {
            value_types, types, ..
        } = &mut *self.program;
        let found = argument.found();
        !value_types.is_atom(found)
            && value_types.fits(found, expected, &types[usize::from(expected)])
    }

    /// The type of a call of what a variable stands for, if that is as it was met.
    pub(super) fn type_of_met_call(
        &mut self,
        children: &[Atom],
        checks: &mut Vec<Check>,
    ) -> Compiled<Static> {
        let head = self.met_as(&children[0]).ok_or(Leave)?.found();
        let function = self.program.value_types.atom(head).cloned().ok_or(Leave)?;
        if !types::is_function(&function) {
            return Err(Leave);
        }
        let signature = signature(&function);
        if signature.parameters.len() + 1 != children.len() {
            return Err(Leave);
        }
        let parts = self.arguments_of(children, &signature, checks)?;
        self.static_application(head, &parts)
    }
}

//! Bodies compiled for the types that their variables were met with: see `fast/met.rs`.

use smallvec::{SmallVec, smallvec};

use super::decide::is_applied;
use super::plain::Mode;
use super::{Check, Compiled, Compiler, Leave, Place, Static, Ways};
use crate::atom::{Atom, Variable};
use crate::fast::code::{FAIL, Instruction, Slot, TypeId};
use crate::fast::function::State;
use crate::fast::head::{Head, signature};
use crate::fast::met::{
    Body, Meeting, Met, SOON, Tests, VARIABLES_MAX, VERSIONS_MAX, Version, either, family,
};
use crate::fast::program::Program;
use crate::fast::types::{Argument, ArgumentKind, ValueType};
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

/// How code looks at the types of values when it runs.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Asks {
    Nothing,
    /// Only for the function of a name that is called.
    Heads,
    /// By instructions.
    Types,
    /// It leaves something to the plain evaluator that they may tell about.
    Slowly,
}

/// Types that variables had were met: the function is compiled for them before its next call.
#[cold]
pub(in crate::fast) fn consider(program: &mut Program, function: u32) {
    if let Some(entry) = program.compiled_of_few_rules(function, RULES_MAX) {
        entry.state = State::Unknown;
    }
}

/// Adds what stands in an expression, each with whether it is a pattern, or stands in one.
fn add_parts<'a>(
    head: &'a Atom,
    arguments: &'a [Atom],
    is_pattern: bool,
    parts: &mut Vec<(&'a Atom, bool)>,
) {
    let mut pairs = |pairs: &'a Atom| {
        for pair in pairs.as_expression().unwrap_or_default() {
            match pair.as_expression() {
                Some([pattern, other]) => parts.extend([(pattern, true), (other, is_pattern)]),
                _ => parts.push((pair, true)),
            }
        }
    };
    let name = match head.as_operation() {
        Some(operation) => operation.name(),
        None => head.as_symbol().unwrap_or_default(),
    };
    match (name, arguments) {
        ("let", [pattern, value, body])
        | ("chain", [value, pattern, body])
        | ("match", [value, pattern, body]) => {
            parts.extend([(pattern, true), (value, is_pattern), (body, is_pattern)]);
        }
        ("let*", [bound, body]) => {
            pairs(bound);
            parts.push((body, is_pattern));
        }
        ("case" | "switch", [value, cases]) => {
            pairs(cases);
            parts.push((value, is_pattern));
        }
        _ => {
            let all = std::iter::once(head).chain(arguments);
            parts.extend(all.map(|part| (part, is_pattern)));
        }
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
        let depends = if depth < DEEPEST {
            self.depends_on_types(body)
        } else {
            Depends::Nothing
        };
        if depends == Depends::Nothing {
            return self.plainly(body, inner);
        }
        let for_functions = depends == Depends::Heads;
        let mut variables: Vec<Variable> = Vec::new();
        body.for_each_variable(|variable| {
            if !variables.contains(variable) {
                variables.push(variable.clone());
            }
        });
        let key = (self.function, named_by_place(body));
        let versions = self.ways_met(body, &variables, &key, &inner);
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
            if let Some(at) = at {
                match self.asked_for_types(at) {
                    Asks::Nothing => {
                        let to = at as u32 + 1;
                        self.program.code[at] = Instruction::Jump { to };
                    }
                    Asks::Slowly => self.meet_soon(at),
                    Asks::Heads | Asks::Types => {}
                }
            }
        } else {
            if versions.len() < VERSIONS_MAX && self.program.meetings.has_room(&key) {
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

    /// Whether a body that does not return is worth compiling for what its variables were met with.
    pub(super) fn is_met_apart(&mut self, body: &Atom) -> bool {
        let is_for_any = self.mode == Mode::Any || self.program.proving || self.watched;
        let depth = self.meets.filter(|_| !is_for_any);
        depth.is_some_and(|depth| depth < DEEPEST)
            && self.depends_on_types(body) == Depends::Arguments
    }

    /// In which ways a body is compiled: combinations of types that were met are one way where
    /// its calls are typed the same for all of them.
    fn ways_met(
        &mut self,
        body: &Atom,
        variables: &[Variable],
        key: &Body,
        inner: &impl Fn(&mut Self) -> Compiled<()>,
    ) -> SmallVec<[Version; VERSIONS_MAX]> {
        let mut ways: SmallVec<[Version; VERSIONS_MAX]> = SmallVec::new();
        'versions: for version in self.program.meetings.versions(key).to_vec() {
            for way in &mut ways {
                if family::is_of(&version, way, &self.program.value_types) {
                    continue 'versions;
                }
                let joined = either(way, &version, &self.program.value_types);
                if let Some(joined) = joined
                    && self.is_one_way(body, variables, &joined, inner)
                {
                    *way = joined;
                    continue 'versions;
                }
                for depth in family::DEPTHS {
                    let types = &mut self.program.value_types;
                    let families = family::of_both(way, &version, depth, types);
                    if let Some(families) = families
                        && self.is_one_way(body, variables, &families, inner)
                    {
                        *way = families;
                        continue 'versions;
                    }
                }
            }
            if ways.len() < VERSIONS_MAX {
                ways.push(version);
            }
        }
        ways
    }

    /// Whether all calls of a body are typed the same for whatever its variables may be; found
    /// out by making the code, of which nothing stays. For families all that has to be told.
    fn is_one_way(
        &mut self,
        body: &Atom,
        variables: &[Variable],
        version: &Version,
        inner: &impl Fn(&mut Self) -> Compiled<()>,
    ) -> bool {
        let (before, meets) = (self.in_doubt, self.meets.take());
        self.in_doubt = false;
        let mut is_made = false;
        let has_families = version.iter().any(|met| met.is_family);
        self.attempt(|this| -> Compiled<()> {
            let at = this.here() as usize;
            is_made = this.version(body, variables, version, inner)
                && !(has_families && this.asked_for_types(at) > Asks::Heads);
            Err(Leave)
        });
        self.meets = meets;
        !std::mem::replace(&mut self.in_doubt, before) && is_made
    }

    /// Code for values as they were met in one way; where they are not, what follows.
    fn version(
        &mut self,
        body: &Atom,
        variables: &[Variable],
        version: &Version,
        inner: &impl Fn(&mut Self) -> Compiled<()>,
    ) -> bool {
        let mut met: SmallVec<[(Slot, &Met); 4]> = SmallVec::new();
        for each in version {
            let slot = variables.get(each.number as usize);
            if let Some(slot) = slot.and_then(|variable| self.slot_to_meet(variable)) {
                met.push((slot, each));
            }
        }
        if met.is_empty() {
            return false;
        }
        let way = self.way();
        let (before, matched) = (self.met.clone(), self.matched.len());
        let has_families = met.iter().any(|(_, met)| met.is_family);
        let program = &mut *self.program;
        let looked = (program.looks_for_open, program.expects_open);
        (program.looks_for_open, program.expects_open) = (has_families || looked.0, false);
        let done = self.attempt(|this| {
            let tests = Tests::new(&met).ok_or(Leave)?;
            let (pairs, integers) = tests.mostly();
            let meetings = &mut this.program.meetings;
            let first = meetings.mostly.len() as u32;
            let last = pairs.len() + integers.len();
            // Where to go on from the one with this number.
            let on = |number: usize| (u8::from(number + 1 == last), (last - number - 1) as u8);
            let mut quick: SmallVec<[Instruction; 4]> = SmallVec::new();
            for slots in integers {
                let (met, odd) = on(quick.len());
                quick.push(Instruction::IfIntegers { slots, met, odd });
            }
            for (pair, [one, other]) in (first..).zip(&pairs) {
                let (met, odd) = on(quick.len());
                let is_one = one.slot == other.slot;
                quick.push(Instruction::IfMostlyMet {
                    pair,
                    is_one,
                    met,
                    odd,
                });
            }
            meetings.mostly.extend(pairs);
            meetings.tests.push(tests);
            let tests = meetings.tests.len() as u32 - 1;
            for instruction in quick {
                this.emit(instruction);
            }
            let mut looks: SmallVec<[usize; 2]> = SmallVec::new();
            looks.push(this.emit(Instruction::IfMet { tests, odd: FAIL }));
            if has_families {
                looks.push(this.emit(Instruction::IfFamilies { tests, odd: FAIL }));
            }
            for (slot, each) in &met {
                this.seen.settled.insert(*slot);
                if each.is_integer() {
                    this.seen.numbers.insert(*slot);
                }
                let mut ways = Ways::new();
                for sort in &each.sorts {
                    if !ways.contains(&sort.argument) {
                        ways.push(sort.argument);
                    }
                }
                this.met.insert(*slot, ways);
            }
            this.plainly(body, inner)?;
            match this.program.expects_open {
                true => Err(Leave),
                false => Ok(looks),
            }
        });
        (self.program.looks_for_open, self.program.expects_open) = looked;
        self.back(way);
        self.met = before;
        self.matched.truncate(matched);
        let here = self.here();
        for at in done.iter().flatten() {
            self.fill(*at, Place::Odd, here);
        }
        done.is_some()
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
            && !self.seen.numbers.contains(&name.slot)
            && !self.met.contains_key(&name.slot);
        is_open.then_some(name.slot)
    }

    /// How types of calls in a body may depend on values.
    fn depends_on_types(&mut self, body: &Atom) -> Depends {
        let mut pending = vec![(body, false)];
        let (mut seen, mut found) = (0, Depends::Nothing);
        while let Some((atom, is_pattern)) = pending.pop() {
            seen += 1;
            if seen > LARGEST {
                return Depends::Nothing;
            }
            let Some([head, arguments @ ..]) = atom.as_expression() else {
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
                Atom::Variable(_) if found == Depends::Nothing && !is_pattern => {
                    found = Depends::Heads;
                }
                _ => {}
            }
            add_parts(head, arguments, is_pattern, &mut pending);
        }
        found
    }

    /// How code from there on looks at the types of values.
    fn asked_for_types(&self, from: usize) -> Asks {
        let asks = self.program.code[from..]
            .iter()
            .map(|instruction| match instruction {
                Instruction::Plain { .. } => Asks::Slowly,
                Instruction::Decide { .. }
                | Instruction::CheckTree { .. }
                | Instruction::CheckTreeOf { .. }
                | Instruction::AppliedAs { .. } => Asks::Types,
                Instruction::Applied { .. } => Asks::Heads,
                _ => Asks::Nothing,
            });
        asks.max().unwrap_or(Asks::Nothing)
    }

    /// Has the body whose entry is noted there looked at after a few times.
    fn meet_soon(&mut self, at: usize) {
        if let Instruction::Meet { meeting } = self.program.code[at] {
            let meeting = &mut self.program.meetings.open[meeting as usize];
            meeting.left = meeting.left.min(SOON);
        }
    }

    /// What is known of a variable's value as an argument, if it is as it was met.
    pub(super) fn met_as(&self, atom: &Atom) -> Option<Ways> {
        let Atom::Variable(variable) = atom else {
            return None;
        };
        let name = self.names.get(variable)?;
        if name.fresh_in == Some(self.scope) {
            return None;
        }
        self.ways_of(name.slot)
    }

    /// What the value in a slot is known to be one of.
    fn ways_of(&self, slot: Slot) -> Option<Ways> {
        if let Some(met) = self.met.get(&slot) {
            return Some(met.clone());
        }
        let number = self.program.value_types.number();
        let is_number = self.seen.numbers.contains(&slot);
        is_number.then(|| smallvec![Argument::new(number, ArgumentKind::Grounded)])
    }

    /// The type of a variable's value, if it is as it was met, which was of one only.
    pub(super) fn met_as_one(&self, atom: &Atom) -> Option<ValueType> {
        match self.met_as(atom)?.as_slice() {
            [only] => Some(only.found()),
            _ => None,
        }
    }

    /// The type that the value in a slot is known to be of, if that says all.
    pub(super) fn type_met(&self, slot: Slot) -> Option<Atom> {
        let ways = self.ways_of(slot)?;
        let (first, others) = ways.split_first()?;
        if others.iter().any(|other| other.found() != first.found()) {
            return None;
        }
        let found = self.program.value_types.atom(first.found())?;
        (found.is_ground() && !types::is_meta_type(found) && !types::is_undefined(found))
            .then(|| found.clone())
    }

    /// Whether what a slot holds is known to be of a type that is expected.
    pub(super) fn is_met_as(&mut self, slot: Slot, expected: TypeId) -> bool {
        let Some(ways) = self.met.get(&slot) else {
            return false;
        };
        let Program {
            value_types, types, ..
        } = &mut *self.program;
        ways.iter().all(|way| {
            let found = way.found();
            !value_types.is_atom(found)
                && value_types.fits(found, expected, &types[usize::from(expected)])
        })
    }

    /// The type of a call of what a variable stands for, if that is as it was met.
    pub(super) fn type_of_met_call(
        &mut self,
        children: &[Atom],
        checks: &mut Vec<Check>,
    ) -> Compiled<Static> {
        let head = self.met_as_one(&children[0]).ok_or(Leave)?;
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

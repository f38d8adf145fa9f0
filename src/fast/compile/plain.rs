//! Code for values that are plainly what they evaluate to, before the code for any.
//!
//! Most values that rules meet are numbers, names and data made before. A body, or a call,
//! is compiled for these first: one instruction looks at all of them and goes on at the
//! code that evaluates each where one is something else.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use smallvec::SmallVec;

use super::decide::is_applied;
use super::{Compiled, Compiler, Place, Want};
use crate::atom::{Atom, Grounded, Variable, known};
use crate::fast::code::{
    ANY, Arithmetic, FAIL, IF_DATA, IF_PLAIN, Instruction, NUMBER, Quick, QuickKind, Slot, TypeId,
};
use crate::fast::head::{Head, Signature};
use crate::fast::program::Inline;
use crate::fast::types::Decision;
use crate::types;

/// A body with more atoms is compiled once only.
const LARGEST: usize = 80;
/// Bodies in each other that are compiled twice.
const DEEPEST: usize = 4;
/// Evaluations that are worth looking at all values first.
const WORTH: usize = 3;

/// Whether code is for values of any kind, or in how many bodies for plain ones.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Mode {
    Plain(usize),
    Any,
}

/// An expression of names and variables that was matched with what a slot holds.
#[derive(Clone)]
pub(super) struct Matched {
    pattern: Atom,
    slot: Slot,
    /// Its variables' slots.
    variables: Vec<Slot>,
    /// Whether the slot may hold its elements alone, which were not made into it.
    is_unmade: bool,
}

impl Matched {
    /// Whether it was matched with what this slot holds.
    pub(super) fn is_of(&self, slot: Slot) -> bool {
        self.slot == slot
    }

    /// Whether this slot holds one of its variables' values.
    pub(super) fn has(&self, slot: Slot) -> bool {
        self.variables.contains(&slot)
    }
}

/// What is looked at before a body, and what is known of it then.
struct Plan {
    /// Values that have to be of a type, too.
    typed: Vec<(Slot, TypeId)>,
    slots: Vec<Slot>,
    settled: Vec<Slot>,
    data: Vec<Matched>,
}

/// What a call takes of its arguments.
enum Taken {
    Any,
    Numbers,
    /// Values of these types; `None` is as they are written, or what is not known.
    Typed(SmallVec<[Option<TypeId>; 4]>),
}

/// How often variables are evaluated, or their types looked at, by the types expected of them.
#[derive(Default)]
struct Uses<'a>(HashMap<&'a Variable, SmallVec<[(TypeId, usize); 2]>, FixedState>);

impl<'a> Uses<'a> {
    fn add(&mut self, variable: &'a Variable, expected: TypeId, looks: usize) {
        let of_type = self.0.entry(variable).or_default();
        match of_type.iter_mut().find(|(known, _)| *known == expected) {
            Some((_, count)) => *count += looks,
            None => of_type.push((expected, looks)),
        }
    }
}

impl Compiler<'_> {
    /// Compiles a body that returns: for plain values of its variables, then for any.
    pub(super) fn plainly(
        &mut self,
        body: &Atom,
        inner: impl Fn(&mut Self) -> Compiled<()>,
    ) -> Compiled<()> {
        let Mode::Plain(depth) = self.mode else {
            return inner(self);
        };
        let Some(plan) = (depth < DEEPEST).then(|| self.plan(body)).flatten() else {
            return inner(self);
        };
        let (way, pending) = (self.way(), self.pending.clone());
        let looks = self.look(&plan);
        let known = (self.data.len(), self.plain.len());
        self.plain.extend(plan.settled);
        self.data.extend(plan.data);
        self.mode = Mode::Plain(depth + 1);
        let done = inner(self);
        self.mode = Mode::Plain(depth);
        self.data.truncate(known.0);
        self.plain.truncate(known.1);
        done?;
        self.back(way);
        self.pending = pending;
        let here = self.here();
        for at in looks {
            self.fill(at, Place::Odd, here);
        }
        self.mode = Mode::Any;
        let done = inner(self);
        self.mode = Mode::Plain(depth);
        done
    }

    /// Compiles bodies inside for any values only.
    pub(super) fn without_plain_copies<T>(&mut self, inner: impl FnOnce(&mut Self) -> T) -> T {
        let mode = std::mem::replace(&mut self.mode, Mode::Plain(DEEPEST));
        let done = inner(self);
        self.mode = mode;
        done
    }

    /// Looks at values as planned; the instructions that do.
    fn look(&mut self, plan: &Plan) -> Vec<usize> {
        let mut looks = Vec::new();
        for pair in plan.typed.chunks(2) {
            let [first, second] = [pair[0], pair[pair.len() - 1]];
            looks.push(self.emit(Instruction::IfTyped {
                slots: [first.0, second.0],
                types: [first.1, second.1],
                count: pair.len() as u8,
                odd: FAIL,
            }));
        }
        for (slot, expected) in &plan.typed {
            if *expected == NUMBER {
                self.seen.numbers.insert(*slot);
            }
            self.seen.typed.insert((*slot, *expected));
        }
        if !plan.slots.is_empty() {
            let mut slots = [0; IF_PLAIN];
            slots[..plan.slots.len()].copy_from_slice(&plan.slots);
            looks.push(self.emit(Instruction::IfPlain {
                slots,
                count: plan.slots.len() as u8,
                odd: FAIL,
            }));
        }
        self.seen.settled.extend(&plan.settled);
        looks
    }

    /// Notes that an expression was matched, of arguments from slot `to` on.
    pub(super) fn note_matched(
        &mut self,
        pattern: &Atom,
        arguments: &[Atom],
        slot: Slot,
        to: Slot,
    ) {
        let end = to + arguments.len() as Slot;
        let variables = arguments.iter().filter_map(|argument| match argument {
            Atom::Variable(variable) => self.names.get(variable).map(|name| name.slot),
            _ => None,
        });
        self.matched.push(Matched {
            pattern: pattern.clone(),
            slot,
            variables: variables.filter(|slot| (to..end).contains(slot)).collect(),
            is_unmade: false,
        });
    }

    /// Notes that what was matched with this slot may not be there but for its elements.
    pub(super) fn note_unmade(&mut self, slot: Slot) {
        let matched = self
            .matched
            .iter_mut()
            .filter(|matched| matched.is_of(slot));
        matched.for_each(|matched| matched.is_unmade = true);
    }

    /// The slot of data that was taken apart before, if an expression makes that again.
    pub(super) fn made_before(&self, atom: &Atom) -> Option<Slot> {
        let found = self.data.iter().find(|data| data.pattern == *atom)?;
        Some(found.slot)
    }

    /// Whether an expression would make again what was matched with it.
    fn makes_again(&mut self, matched: &Matched, atom: &Atom) -> bool {
        if matched.is_unmade || matched.pattern != *atom {
            return false;
        }
        let Some([Atom::Symbol(symbol), arguments @ ..]) = atom.as_expression() else {
            return false;
        };
        let mut slots = matched.variables.iter();
        let as_matched = arguments.iter().all(|argument| match argument {
            Atom::Variable(variable) => {
                let name = self.names.get(variable).map(|name| name.slot);
                name.is_some() && name == slots.next().copied()
            }
            argument => matches!(argument, Atom::Symbol(_)),
        });
        let symbol = self.heap.symbol(symbol);
        as_matched && self.is_data_function(symbol, arguments.len())
    }

    /// What of a body is to be looked at, if that saves more than it costs.
    fn plan(&mut self, body: &Atom) -> Option<Plan> {
        let mut uses: Uses<'_> = Uses::default();
        let mut data: Vec<Matched> = Vec::new();
        let mut pending = vec![(body, false)];
        let mut seen = 0;
        while let Some((atom, in_typed)) = pending.pop() {
            seen += 1;
            if seen > LARGEST {
                return None;
            }
            let Some([head, children @ ..]) = atom.as_expression() else {
                continue;
            };
            if self.made_before(atom).is_some() {
                continue;
            }
            let mut matched = self.matched.iter().rev();
            let matched = matched.find(|matched| matched.pattern == *atom).cloned();
            if let Some(matched) = matched
                && self.makes_again(&matched, atom)
            {
                data.push(matched);
                continue;
            }
            let taken = self.taken_as(head, children.len(), in_typed);
            pending.push((head, false));
            let is_typed = matches!(&taken, Some(Taken::Typed(_)));
            for (place, child) in children.iter().enumerate() {
                let expected = match &taken {
                    None => None,
                    Some(Taken::Any) => Some((ANY, 1)),
                    Some(Taken::Numbers) => Some((NUMBER, 1)),
                    Some(Taken::Typed(types)) => types[place].map(|expected| {
                        let looks = if expected == ANY { 1 } else { 2 };
                        (expected, looks)
                    }),
                };
                match (child, expected) {
                    (Atom::Variable(variable), Some((expected, looks))) => {
                        uses.add(variable, expected, looks);
                    }
                    _ => pending.push((child, is_typed)),
                }
            }
        }
        let mut wanted: Vec<(usize, Slot)> = Vec::new();
        let mut typed: Vec<(usize, Slot, TypeId)> = Vec::new();
        for (variable, of_type) in uses.0 {
            if let Some(name) = self.names.get(variable)
                && name.fresh_in.is_none()
                && !self.seen.is_value(name.slot)
            {
                let slot = name.slot;
                let count = of_type.iter().map(|(_, looks)| looks).sum();
                let mut others = of_type.iter().filter(|(expected, _)| *expected != ANY);
                match (others.next(), others.next()) {
                    (None, _) if !wanted.iter().any(|(_, known)| *known == slot) => {
                        wanted.push((count, slot));
                    }
                    (Some((expected, _)), None)
                        if !typed.iter().any(|(_, known, _)| *known == slot) =>
                    {
                        typed.push((count, slot, *expected));
                    }
                    _ => {}
                }
            }
        }
        let looks = wanted.iter().map(|(count, _)| count);
        let evaluations: usize = looks.chain(typed.iter().map(|(count, ..)| count)).sum();
        if evaluations < WORTH && data.is_empty() {
            return None;
        }
        typed.sort_by_key(|(count, slot, _)| (usize::MAX - count, *slot));
        typed.truncate(IF_PLAIN);
        wanted.sort_by_key(|(count, slot)| (usize::MAX - count, *slot));
        let mut plan = Plan {
            typed: typed.iter().map(|(_, slot, of)| (*slot, *of)).collect(),
            slots: Vec::new(),
            settled: Vec::new(),
            data: Vec::new(),
        };
        // Elements of data are plain: that is looked at instead of several of them.
        let several = self.matched.iter().filter(|matched| {
            let its = |(_, slot): &&(usize, Slot)| matched.variables.contains(slot);
            wanted.iter().filter(its).count() > 1
        });
        data.extend(several.cloned());
        for matched in data {
            if plan.slots.len() < IF_PLAIN && !plan.slots.contains(&(matched.slot | IF_DATA)) {
                plan.slots.push(matched.slot | IF_DATA);
                plan.settled.push(matched.slot);
                plan.settled.extend(&matched.variables);
                plan.data.push(matched);
            }
        }
        for (_, slot) in wanted {
            if plan.slots.len() < IF_PLAIN && !plan.settled.contains(&slot) {
                plan.slots.push(slot);
                plan.settled.push(slot);
            }
        }
        plan.settled.extend(typed.iter().map(|(_, slot, _)| slot));
        plan.data.retain(|matched| {
            let pattern = matched.pattern.clone();
            self.makes_again(matched, &pattern)
        });
        Some(plan)
    }

    /// What a head's calls take of so many arguments that are variables, if it is plain to
    /// see what is done with them: as parts of a typed call or not.
    fn taken_as(&mut self, head: &Atom, count: usize, in_typed: bool) -> Option<Taken> {
        match head {
            // Most likely the name of something without types.
            Atom::Variable(_) => return Some(Taken::Any),
            Atom::Symbol(_) | Atom::Grounded(Grounded::Operation(_)) => {}
            Atom::Grounded(_) | Atom::Expression(_) => return None,
        }
        match self.program.head(self.host, self.heap, head) {
            Head::Untyped => Some(Taken::Any),
            Head::Typed(signature)
                if !is_applied(&signature) && signature.parameters.len() == count =>
            {
                let types = signature.parameters.iter().map(|parameter| {
                    let known = parameter.is_ground() && !types::is_meta_type(parameter);
                    known.then(|| self.program.type_id(parameter))
                });
                Some(Taken::Typed(types.collect()))
            }
            Head::Operation(operation, _) => {
                let inline = self.program.inline(&operation);
                let of_numbers = matches!(inline, Some(Inline::Arithmetic(_)));
                (of_numbers && in_typed).then_some(Taken::Numbers)
            }
            Head::Typed(_) | Head::Complex => None,
        }
    }

    /// The arguments of a short call that can be made at once where they are plain, or
    /// numbers that something small is added to; `None` if that saves nothing.
    pub(super) fn quick_arguments(&mut self, arguments: &[Atom], want: Want) -> Option<[Quick; 3]> {
        let (quick, saves) = self.quick_where_plain(arguments)?;
        if saves && want == Want::Tail {
            // The frame is left where the call is quick.
            for argument in arguments {
                self.record_called(argument);
            }
            self.record_pending();
        }
        saves.then_some(quick)
    }

    /// As [`Compiler::quick_arguments`], and whether it saves something.
    pub(super) fn quick_of(&mut self, arguments: &[Atom]) -> Option<([Quick; 3], bool)> {
        if self.program.proving {
            return None;
        }
        self.quick_where_plain(arguments)
    }

    fn quick_where_plain(&mut self, arguments: &[Atom]) -> Option<([Quick; 3], bool)> {
        if self.watched || !(1..=3).contains(&arguments.len()) {
            return None;
        }
        let mut quick = [Quick::as_is(0); 3];
        let mut saves = false;
        for (place, argument) in quick.iter_mut().zip(arguments) {
            *place = self.quick_argument(argument)?;
            saves |= !matches!(place.kind(), QuickKind::AsIs | QuickKind::Constant(_));
        }
        Some((quick, saves))
    }

    /// As [`Compiler::quick_arguments`], of a call of something typed, once it was checked
    /// that variables stand for something of the types of its parameters.
    pub(super) fn quick_typed(
        &mut self,
        children: &[Atom],
        signature: &Signature,
    ) -> Option<[Quick; 3]> {
        let [head @ Atom::Symbol(_), arguments @ ..] = children else {
            return None;
        };
        if self.watched || self.program.proving || !(1..=3).contains(&arguments.len()) {
            return None;
        }
        if !matches!(
            self.program.head(self.host, self.heap, head),
            Head::Typed(_)
        ) {
            return None;
        }
        let mut quick = [Quick::as_is(0); 3];
        let mut saves = false;
        let parts = arguments.iter().zip(&signature.parameters);
        for (place, (argument, parameter)) in quick.iter_mut().zip(parts) {
            if types::is_meta_type(parameter) || !parameter.is_ground() {
                return None;
            }
            let expected = self.program.type_id(parameter);
            *place = match argument {
                Atom::Variable(variable) => {
                    let slot = self.names.get(variable)?.slot;
                    if self.seen.typed.contains(&(slot, expected)) {
                        Quick::as_is(slot)
                    } else {
                        self.quick_argument(argument)?
                    }
                }
                Atom::Expression(_) if expected == ANY || expected == NUMBER => {
                    self.quick_argument(argument)?
                }
                Atom::Symbol(_) | Atom::Grounded(_)
                    if self.constant_fits(argument, parameter).ok()? =>
                {
                    self.quick_constant(argument)?
                }
                _ => return None,
            };
            saves |= !matches!(place.kind(), QuickKind::AsIs | QuickKind::Constant(_));
        }
        saves.then_some(quick)
    }

    /// As [`Compiler::quick_arguments`], of a call whose types are decided.
    pub(super) fn quick_decided(
        &mut self,
        children: &[Atom],
        decision: &Decision,
    ) -> Option<[Quick; 3]> {
        let [Atom::Symbol(_), arguments @ ..] = children else {
            return None;
        };
        let (quick, saves) = self.quick_of_decided(arguments, decision)?;
        saves.then_some(quick)
    }

    /// As [`Compiler::quick_decided`], and whether it saves something.
    pub(super) fn quick_of_decided(
        &mut self,
        arguments: &[Atom],
        decision: &Decision,
    ) -> Option<([Quick; 3], bool)> {
        if self.watched || self.program.proving || !(1..=3).contains(&arguments.len()) {
            return None;
        }
        let mut quick = [Quick::as_is(0); 3];
        let mut saves = false;
        let parts = arguments.iter().zip(&decision.parameters);
        for (place, (argument, parameter)) in quick.iter_mut().zip(parts) {
            if types::is_meta_type(parameter) {
                return None;
            }
            let is_of_any = types::is_undefined(parameter) || !parameter.is_ground();
            *place = match argument {
                // As it stands, since its type was decided about.
                Atom::Variable(variable) => Quick::as_is(self.names.get(variable)?.slot),
                Atom::Expression(_) if is_of_any || parameter.is_symbol(&known().number) => {
                    self.quick_argument(argument)?
                }
                Atom::Symbol(_) | Atom::Grounded(_) => self.quick_constant(argument)?,
                Atom::Expression(_) => return None,
            };
            saves |= !matches!(place.kind(), QuickKind::AsIs | QuickKind::Constant(_));
        }
        Some((quick, saves))
    }

    /// A name or a number as it stands.
    fn quick_constant(&mut self, argument: &Atom) -> Option<Quick> {
        let is_constant = match argument {
            Atom::Symbol(symbol) => *symbol != known().empty && *symbol != known().not_reducible,
            Atom::Grounded(Grounded::Number(_) | Grounded::Bool(_) | Grounded::Char(_)) => true,
            _ => false,
        };
        if !is_constant {
            return None;
        }
        Quick::constant(self.constant(argument).ok()?)
    }

    fn quick_argument(&mut self, argument: &Atom) -> Option<Quick> {
        let slot_of = |variable: &Variable| {
            let name = self.names.get(variable)?;
            Some((name.slot, name.fresh_in == Some(self.scope)))
        };
        if let Atom::Variable(variable) = argument {
            let (slot, is_new) = slot_of(variable)?;
            return Some(if is_new || self.seen.is_value(slot) {
                Quick::as_is(slot)
            } else {
                Quick::plain(slot)
            });
        }
        let Some([Atom::Grounded(Grounded::Operation(operation)), left, right]) =
            argument.as_expression()
        else {
            return self.quick_constant(argument);
        };
        let Some(Inline::Arithmetic(operation)) = self.program.inline(operation) else {
            return None;
        };
        let small = |atom: &Atom| {
            atom.as_number()
                .filter(|number| !number.is_float())
                .and_then(crate::number::Number::to_i64)
        };
        let (variable, added) = match (operation, left, right) {
            (Arithmetic::Add, Atom::Variable(variable), number) => (variable, small(number)?),
            (Arithmetic::Add, number, Atom::Variable(variable)) => (variable, small(number)?),
            (Arithmetic::Subtract, Atom::Variable(variable), number) => {
                (variable, small(number)?.checked_neg()?)
            }
            _ => return None,
        };
        let (slot, is_new) = slot_of(variable)?;
        if is_new {
            return None;
        }
        Quick::sum(slot, added)
    }
}

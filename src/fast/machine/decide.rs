//! Calls whose types are decided when they run.

use std::ops::Range;
use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use super::Machine;
use crate::atom::{Atom, Variable};
use crate::fast::applied::{Applied as Lately, Callee};
use crate::fast::cell::{Cell, Kind};
use crate::fast::code::{ANY, Slot, TypeId};
use crate::fast::compile::tells;
use crate::fast::function::Elements;
use crate::fast::head::Head;
use crate::fast::heap::Heap;
use crate::fast::program::Program;
use crate::fast::site::{
    Applied, Decided, Expected, FURTHER, LeafPlace, Site, Telling, Tells, Told, Tree,
};
use crate::fast::stack::place;
use crate::fast::types::{Argument, ArgumentKind, Arguments, Decision, PACKED_MAX, ValueType};
use crate::types;
use crate::unify::Bindings;

/// So many decisions are remembered for a call: types that tell a length are many.
const DECIDED_MAX: usize = 64;

/// So many functions without names are remembered.
const LAMBDAS_MAX: usize = 256;
/// Longer ones are not looked into.
const WORDS_MAX: usize = 64;

/// What calls of functions without names tell of types, by the words of these.
#[derive(Default)]
pub(super) struct Lambdas {
    /// The program's, when what is known was.
    epoch: u32,
    known: HashMap<Box<[u64]>, Telling, FixedState>,
    words: Vec<u64>,
}

impl Lambdas {
    fn look(&mut self, machine: &mut Machine<'_>, lambda: Cell, count: u8) -> Telling {
        if self.epoch != machine.program.epoch {
            self.epoch = machine.program.epoch;
            self.known.clear();
        }
        self.words.clear();
        self.words.push(count.into());
        if !machine.heap.note_words(lambda, &mut self.words) {
            return Telling::Other;
        }
        if let Some(known) = self.known.get(self.words.as_slice()) {
            return *known;
        }
        let atom = machine.heap.export(lambda);
        let telling = tells::telling_of_lambda(
            machine.host,
            &mut machine.heap,
            &mut machine.program,
            &atom,
            usize::from(count),
        );
        if self.known.len() < LAMBDAS_MAX {
            self.known.insert(self.words.as_slice().into(), telling);
        }
        telling
    }
}

impl Heap {
    /// Appends words that tell all of a term but the names of its variables. Whether that was done:
    /// they tell too little of values of the host, and long ones are not worth it.
    fn note_words(&self, term: Cell, words: &mut Vec<u64>) -> bool {
        let mut variables: SmallVec<[Cell; 8]> = SmallVec::new();
        let mut pending: SmallVec<[Cell; 16]> = SmallVec::from_slice(&[term]);
        while let Some(cell) = pending.pop() {
            let cell = self.deref(cell);
            if words.len() + pending.len() > WORDS_MAX {
                return false;
            }
            match cell.kind() {
                Kind::Ref(_) => {
                    let known = variables.iter().position(|known| *known == cell);
                    let number = known.unwrap_or_else(|| {
                        variables.push(cell);
                        variables.len() - 1
                    });
                    words.push(Cell::reference(number).0);
                }
                Kind::Int(_) | Kind::Sym(_) | Kind::Bool(_) | Kind::Char(_) => words.push(cell.0),
                Kind::Box(_) if cell.is_operation() => words.push(cell.0),
                Kind::Exp(at) => {
                    let (first, count) = self.elements(at);
                    words.push(Cell::expression(count).0);
                    pending.extend((first..first + count).rev().map(|place| self.word(place)));
                }
                Kind::Flt(_) | Kind::Box(_) => return false,
            }
        }
        true
    }
}

impl Machine<'_> {
    /// Whether an expression is well-typed, and may be used where a type is expected.
    pub(super) fn tree_has_type(&mut self, tree: u32, expected: TypeId, base: usize) -> bool {
        let tree = Arc::clone(&self.program.trees[tree as usize]);
        let Some(found) = self.argument_of(&tree, base) else {
            return expected == ANY && self.has_some_type(&tree, base)
                || self.tree_has_type_as_atom(&tree, expected, base);
        };
        let Program {
            value_types, types, ..
        } = &mut self.program;
        value_types.fits(found.found(), expected, &types[usize::from(expected)])
    }

    /// Whether an expression has the type of a value; any, if that is a result of none.
    pub(super) fn tree_has_type_of(&mut self, tree: u32, slot: Slot, base: usize) -> bool {
        let tree = Arc::clone(&self.program.trees[tree as usize]);
        let value = self.heap.deref(slot!(self, base, slot));
        let Some(own) = self.type_of(value) else {
            return false;
        };
        let is_any = own == self.program.value_types.unknown() && self.heap.is_its_own(value);
        match self.argument_of(&tree, base) {
            Some(found) if found.found() == own => !self.program.value_types.is_several(own),
            Some(_) => is_any,
            None => is_any && self.has_some_type(&tree, base),
        }
    }

    /// Whether a call has a type, though that has no number: as of what is in a state of anything.
    fn has_some_type(&mut self, tree: &Tree, base: usize) -> bool {
        let Tree::Call(parts) = tree else {
            return false;
        };
        let Some((Tree::Value(head), arguments)) = parts.split_first() else {
            return false;
        };
        let head = self.heap.deref(self.operand(base, *head));
        let head = self.type_of_head(head);
        let arguments: Option<Arguments> = (arguments.iter())
            .map(|argument| self.argument_of(argument, base))
            .collect();
        let (Some(head), Some(arguments)) = (head, arguments) else {
            return false;
        };
        let types = &mut self.program.value_types;
        types.is_function(head) && !types.is_ill_typed(head, &arguments)
    }

    /// As [`Machine::tree_has_type`], where the typing of atoms has to be asked.
    #[cold]
    fn tree_has_type_as_atom(&mut self, tree: &Tree, expected: TypeId, base: usize) -> bool {
        let Some(atom) = self.tree_as_atom(tree, base) else {
            return false;
        };
        let wanted = types::renamed(&self.program.types[usize::from(expected)]);
        types::types_of(&self.space, &atom).iter().any(|actual| {
            let mut bindings = Bindings::new();
            types::match_types(&wanted, actual, &mut bindings)
        })
    }

    /// An expression with what slots hold now; `None` if only its type is known.
    fn tree_as_atom(&mut self, tree: &Tree, base: usize) -> Option<Atom> {
        Some(match tree {
            Tree::Unknown => Atom::Variable(Variable::new("any").renamed()),
            Tree::Known(_) => return None,
            Tree::Value(operand) | Tree::Expression(operand) => {
                let value = self.operand(base, *operand);
                self.heap.export(value)
            }
            Tree::Told(slot, _) | Tree::Result(slot) | Tree::Named(_, slot, _) => {
                let value = slot!(self, base, *slot);
                self.heap.export(value)
            }
            Tree::Call(parts) => {
                let parts: Option<Vec<Atom>> = parts
                    .iter()
                    .map(|part| self.tree_as_atom(part, base))
                    .collect();
                Atom::expression(parts?)
            }
        })
    }

    /// Whether an expression has a type that is not one of functions.
    pub(super) fn tree_is_value(&mut self, tree: u32, base: usize) -> bool {
        let tree = Arc::clone(&self.program.trees[tree as usize]);
        self.argument_of(&tree, base)
            .is_some_and(|found| !self.program.value_types.is_function(found.found()))
    }

    /// The type of an expression with what slots hold now.
    fn argument_of(&mut self, tree: &Tree, base: usize) -> Option<Argument> {
        match tree {
            Tree::Unknown => Some(Argument::new(
                self.program.value_types.unknown(),
                ArgumentKind::Variable,
            )),
            Tree::Known(number) => {
                let Program {
                    value_types, types, ..
                } = &mut self.program;
                let found = value_types.of_expected(*number, &types[usize::from(*number)])?;
                Some(Argument::new(found, ArgumentKind::Expression))
            }
            Tree::Expression(operand) if self.heap.deref(self.operand(base, *operand)).is_exp() => {
                let unknown = self.program.value_types.unknown();
                Some(Argument::new(unknown, ArgumentKind::Expression))
            }
            Tree::Value(operand) | Tree::Expression(operand) => {
                let value = self.heap.deref(self.operand(base, *operand));
                let found = self.type_of(value)?;
                Some(Argument::new(found, self.kind_of(value)))
            }
            Tree::Told(slot, made) => {
                let value = self.heap.deref(slot!(self, base, *slot));
                let found = self.type_told(value, *made)?;
                Some(Argument::new(found, self.kind_of(value)))
            }
            Tree::Named(before, slot, applied) => {
                let head = self.heap.deref(slot!(self, base, applied.head));
                let telling = match self.telling(head, applied.count) {
                    Telling::Other => return self.argument_of(before, base),
                    telling => telling,
                };
                match telling {
                    Telling::As(Tells::Type(found)) => self.argument_of(&Tree::Known(found), base),
                    Telling::As(Tells::Value) => self.argument_of(&Tree::Result(*slot), base),
                    Telling::As(Tells::Made) => self.argument_of(&Tree::Told(*slot, true), base),
                    Telling::As(Tells::Nothing) | Telling::Free => {
                        let unknown = self.program.value_types.unknown();
                        Some(Argument::new(unknown, ArgumentKind::Expression))
                    }
                    Telling::As(Tells::Unclear | Tells::Named) | Telling::Other => None,
                }
            }
            Tree::Result(slot) => {
                let value = self.heap.deref(slot!(self, base, *slot));
                let found = self.type_of_result(value)?;
                Some(Argument::new(found, ArgumentKind::Expression))
            }
            Tree::Call(parts) => {
                let (head, arguments) = parts.split_first()?;
                let head = match head {
                    Tree::Value(operand) => {
                        let head = self.heap.deref(self.operand(base, *operand));
                        self.type_of_head(head)?
                    }
                    Tree::Call(_) if !self.typed_heads().expressions => {
                        self.type_of_called(head, base)?
                    }
                    _ => return None,
                };
                let mut known: Arguments = Arguments::new();
                if head != self.program.value_types.unknown() {
                    for argument in arguments {
                        known.push(self.argument_of(argument, base)?);
                    }
                }
                let found = self.program.value_types.application(head, &known)?;
                Some(Argument::new(found, ArgumentKind::Expression))
            }
        }
    }

    /// The type of an expression as the head of another, if it is that of no function.
    fn type_of_called(&mut self, head: &Tree, base: usize) -> Option<ValueType> {
        let found = self.argument_of(head, base)?.found();
        (!self.program.value_types.is_function(found)).then_some(found)
    }

    /// What the value of an argument tells of its type: of an expression only the function of
    /// its head does, and that if the expression was made, and not handed on.
    fn type_told(&mut self, value: Cell, made: bool) -> Option<ValueType> {
        if let Kind::Exp(at) = value.kind() {
            let (first, count) = self.heap.elements(at);
            let is_typed = made
                && count > 0
                && match self.heap.deref(self.heap.word(first)).kind() {
                    Kind::Sym(id) => {
                        let found = self.program.types_of_symbol(&self.heap, id);
                        found
                            .as_ref()
                            .is_some_and(|found| found.iter().any(types::is_function))
                    }
                    Kind::Box(_) => true,
                    _ => false,
                };
            if !is_typed {
                return Some(self.program.value_types.unknown());
            }
        }
        let found = self.type_of(value)?;
        self.program.value_types.is_told(found).then_some(found)
    }

    /// What evaluating an argument told, by its value; `None` if that has several types.
    fn type_of_result(&mut self, value: Cell) -> Option<ValueType> {
        let made = match value.kind() {
            Kind::Exp(at) => {
                let (first, count) = self.heap.elements(at);
                count > 0 && !self.heap.deref(self.heap.word(first)).is_symbol()
            }
            _ => true,
        };
        self.type_told(value, made)
    }

    /// What a call of a name was evaluated to tells, as [`Machine::type_told`] or
    /// [`Machine::type_of_result`] says; `None` if it has several types.
    fn type_of_named(&mut self, value: Cell, applied: Applied, base: usize) -> Option<ValueType> {
        let head = self.heap.deref(slot!(self, base, applied.head));
        match self.telling(head, applied.count) {
            Telling::As(Tells::Made) => self.type_told(value, true),
            _ => self.type_of_result(value),
        }
    }

    /// What calls of a name with so many arguments tell of types.
    fn telling(&mut self, head: Cell, count: u8) -> Telling {
        let Kind::Sym(id) = head.kind() else {
            return self.telling_of_lambda(head, count);
        };
        let key = Lately::TELLING | count;
        if let Some(known) = self.program.applied.find(head, key, ANY) {
            return Telling::of_packed(known.function as u16);
        }
        // It is known to be one without types then.
        let telling = match self.applied(head, count, ANY) {
            None => Telling::Other,
            Some(_) => tells::telling(
                self.host,
                &mut self.heap,
                &mut self.program,
                id,
                usize::from(count),
            ),
        };
        let packed = Callee::untyped(telling.packed().into());
        self.program.applied.note(head, key, ANY, packed);
        telling
    }

    /// As [`Machine::telling`], of a function without a name.
    fn telling_of_lambda(&mut self, head: Cell, count: u8) -> Telling {
        if !head.is_exp() || !self.heap.is_lambda(head.at()) {
            return Telling::Other;
        }
        let mut lambdas = std::mem::take(&mut self.lambdas);
        let telling = lambdas.look(self, head, count);
        self.lambdas = lambdas;
        telling
    }

    /// The function that a call is for, by the types of its arguments; `None` if it is
    /// not plain to see that it is well-typed and what its types are. Slots that tell
    /// arguments what is expected of them are filled.
    pub(super) fn decide(&mut self, number: u32, base: usize) -> Option<u32> {
        let site = Arc::clone(&self.program.sites[number as usize]);
        let mut leaves: Arguments = Arguments::new();
        for leaf in &site.leaves {
            let value = self.heap.deref(slot!(self, base, leaf.slot));
            if let LeafPlace::Named(count) = leaf.place {
                let telling = self.telling(value, count);
                leaves.push(Argument::telling(telling.packed()));
                continue;
            }
            if leaf.place == LeafPlace::Argument && !value.is_int() && !self.stays(value) {
                return None;
            }
            let found = match leaf.place {
                LeafPlace::Head => self.type_of_head(value),
                LeafPlace::Told => self.type_told(value, false),
                LeafPlace::Made => self.type_told(value, true),
                LeafPlace::Result => Some(self.type_of_result(value)?),
                LeafPlace::ResultOf(applied) => Some(self.type_of_named(value, applied, base)?),
                LeafPlace::Named(_) => unreachable!("it was seen before"),
                LeafPlace::Argument | LeafPlace::Part => self.type_of(value),
            };
            let kind = self.kind_of(value);
            leaves.push(found.map_or(Argument::NONE, |found| Argument::new(found, kind)));
        }
        let expected = match site.expected {
            Expected::Known(expected) => expected,
            Expected::Told(slot) => slot!(self, base, slot).as_int() as TypeId,
        };
        let known = self.program.decided[number as usize]
            .known
            .iter()
            .position(|known| known.leaves == leaves && known.expected == expected);
        let place = match known {
            Some(place) => place,
            None => {
                let decided = self.decide_anew(&site, leaves, expected, base)?;
                let lately = &mut self.program.decided[number as usize].known;
                if lately.len() == DECIDED_MAX {
                    lately.remove(0);
                }
                lately.push(decided);
                lately.len() - 1
            }
        };
        let decided = &self.program.decided[number as usize].known[place];
        for (slot, value) in &decided.told {
            set!(self, base, *slot, Cell::small(*value as i32));
        }
        Some(decided.function)
    }

    /// As [`Machine::decide`], where the types of all that it depends on are noted and were
    /// decided about before.
    #[inline(never)]
    pub(super) fn decide_again(&mut self, number: u32, base: usize) -> Option<u32> {
        let site = &self.program.sites[number as usize];
        let frame = self.stack.frame(base);
        if site.leaves.len() > PACKED_MAX {
            return None;
        }
        let mut packed = 0;
        for leaf in &site.leaves {
            let value = self.heap.deref(Cell(frame[place(leaf.slot)]));
            packed = self
                .heap
                .noted_argument(&self.program, value, leaf.place)?
                .packed_after(packed);
        }
        let expected = match site.expected {
            Expected::Known(expected) => expected,
            Expected::Told(slot) => Cell(frame[place(slot)]).as_int() as TypeId,
        };
        let decided = self.program.decided[number as usize].find(packed, expected)?;
        for (slot, value) in &decided.told {
            set!(self, base, *slot, Cell::small(*value as i32));
        }
        Some(decided.function)
    }

    #[inline(never)]
    fn decide_anew(
        &mut self,
        site: &Site,
        leaves: Arguments,
        expected: TypeId,
        base: usize,
    ) -> Option<Decided> {
        let mut arguments: Arguments = Arguments::new();
        for argument in &site.arguments {
            arguments.push(self.argument_of(&argument.tree, base)?);
        }
        let decision = match &site.several {
            None => self.decision(site.head, &arguments, expected)?,
            Some(several) => {
                let wanted = &self.program.types[usize::from(expected)];
                let types = &self.program.value_types;
                types.decision_of_several(several, &arguments, wanted)?
            }
        };
        let mut told = SmallVec::new();
        let parts = site.arguments.iter().zip(&arguments);
        for (place, ((part, argument), parameter)) in parts.zip(&decision.parameters).enumerate() {
            // What it is expected to be may say more than its own type does.
            let says_more = part.is_evaluated()
                && !self
                    .program
                    .value_types
                    .says_no_more(parameter, argument.found());
            let expected = if says_more {
                self.program.result_type(parameter)
            } else {
                ANY
            };
            let telling = match part.told {
                Told::Applied(_, applied) => {
                    let head = self.heap.deref(slot!(self, base, applied.head));
                    self.telling(head, applied.count)
                }
                Told::Free => Telling::Free,
                Told::Nothing | Told::Type(_) | Told::Function(..) => Telling::As(part.tells),
            };
            let part_tells = match telling {
                Telling::As(tells) if part.tells != Tells::Unclear => tells,
                Telling::As(_) | Telling::Other | Telling::Free => Tells::Unclear,
            };
            // So may its value, if its own type leaves anything open.
            let is_told = says_more || part.is_evaluated() && !parameter.is_ground();
            // Nothing is evaluated after an argument of which nothing is known.
            let is_last = matches!(part.tree, Tree::Known(ANY));
            let tells = is_told
                && !is_last
                && telling != Telling::Free
                && part_tells != Tells::Nothing
                && decision.is_shared(place, !site.evaluates_result, |after| {
                    site.arguments[after].is_evaluated()
                });
            // What stands for nothing may be bound by then, and is not looked at again.
            let is_open = || leaves.iter().any(|leaf| leaf.is_variable());
            if tells && (part_tells == Tells::Unclear || is_open()) {
                return None;
            }
            match part.told {
                Told::Free => {}
                Told::Nothing if says_more => return None,
                Told::Nothing => {}
                Told::Type(slot) => told.push((slot, expected.into())),
                Told::Applied(slot, _) => match telling {
                    Telling::Other if says_more => return None,
                    Telling::Other | Telling::Free => told.push((slot, ANY.into())),
                    Telling::As(_) => {
                        let further = if tells { FURTHER } else { 0 };
                        told.push((slot, further | u32::from(expected)));
                    }
                },
                Told::Function(slot, symbol, arity) => {
                    told.push((slot, self.program.function(symbol, arity, expected)));
                }
            }
        }
        let function = self.function_for(site.head, arguments.len(), &decision.returns);
        let packed = leaves.iter();
        let packed = packed.fold(0, |packed, leaf| leaf.packed_after(packed));
        Some(Decided {
            packed,
            leaves,
            expected,
            function,
            told,
        })
    }

    fn decision(
        &mut self,
        head: Cell,
        arguments: &[Argument],
        expected: TypeId,
    ) -> Option<Arc<Decision>> {
        if let Kind::Sym(name) = head.kind()
            && self.program.is_typed_otherwise(name, arguments)
        {
            return None;
        }
        let head = self.type_of_head(head)?;
        let Program {
            value_types, types, ..
        } = &mut self.program;
        let wanted = types[usize::from(expected)].clone();
        value_types.decision(head, arguments, expected, &wanted)
    }

    /// The function of a head for results of a type; an operation has none.
    fn function_for(&mut self, head: Cell, arity: usize, returns: &Atom) -> u32 {
        let Kind::Sym(symbol) = head.kind() else {
            return 0;
        };
        let returns = self.program.result_type(returns);
        self.program.function(symbol, arity, returns)
    }

    /// The function that a call of something typed is for, if its arguments are as its
    /// parameters take them and need no evaluating.
    pub(super) fn typed_function(
        &mut self,
        symbol: u32,
        elements: Range<usize>,
        expected: TypeId,
    ) -> Option<u32> {
        let head = Atom::Symbol(self.heap.symbol_of(symbol));
        let Head::Typed(signature) = self.program.head(self.host, &mut self.heap, &head) else {
            return None;
        };
        if signature.parameters.len() + 1 != elements.len() {
            return None;
        }
        let mut arguments: Arguments = Arguments::new();
        let mut is_kept = false;
        for (parameter, at) in signature.parameters.iter().zip(elements.skip(1)) {
            let argument = self.heap.deref(self.heap.word(at));
            let kind = self.kind_of(argument);
            let found = if types::is_meta_type(parameter) {
                // One of another kind may still fit.
                if !kind.is_taken_by(parameter) {
                    return None;
                }
                is_kept |= argument.is_exp() && !self.is_settled(argument);
                self.program.value_types.unknown()
            } else if argument.is_ref() || self.is_settled(argument) {
                self.type_of(argument)?
            } else {
                return None;
            };
            arguments.push(Argument::new(found, kind));
        }
        let key = (symbol, arguments, expected);
        let head = Cell::symbol(symbol);
        let function = match self.program.value_types.calls.get(&key) {
            Some(known) => *known,
            None => {
                let function = self
                    .decision(head, &key.1, expected)
                    .map(|decision| self.function_for(head, key.1.len(), &decision.returns));
                self.program.value_types.calls.insert(key, function);
                function
            }
        };
        let function = function?;
        self.note_applied(head, &signature, expected, function);
        if is_kept
            && !self
                .program
                .has_rules_of(symbol, signature.parameters.len())
        {
            return Some(self.program.function_of(function, Elements::Kept));
        }
        Some(function)
    }

    /// Whether a value as an argument stays what it is.
    fn stays(&mut self, value: Cell) -> bool {
        let value = self.heap.deref(value);
        if value.is_exp() && self.heap.header(value.at()).arity() == 0 {
            return true;
        }
        value.is_ref()
            || self.is_settled(value)
            || value.is_exp() && !self.heap.is_error(value) && self.settles(value)
    }
}

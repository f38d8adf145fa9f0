//! The numbers of functions, and of data whose type code knows.

use crate::fast::cell::Header;
use crate::fast::code::TypeId;
use crate::fast::function::{Elements, Function, Made, State};
use crate::fast::head::Head;
use crate::fast::program::Program;

impl Program {
    /// The number of a function that there is already.
    pub(in crate::fast) fn known_function(
        &self,
        symbol: u32,
        arity: usize,
        expected: TypeId,
    ) -> Option<u32> {
        self.function_ids.get(&(symbol, arity, expected)).copied()
    }

    pub(in crate::fast) fn function(&mut self, symbol: u32, arity: usize, expected: TypeId) -> u32 {
        let next = self.functions.len() as u32;
        let id = *self
            .function_ids
            .entry((symbol, arity, expected))
            .or_insert(next);
        if id == next {
            self.functions.push(Function::new(symbol, arity, expected));
        }
        id
    }

    /// The number of the same function for calls of whose elements that is known.
    pub(in crate::fast) fn function_of(&mut self, function: u32, elements: Elements) -> u32 {
        let is_known = elements == Elements::Remade && self.functions[function as usize].made != 0;
        if elements == Elements::Seen || is_known {
            return function;
        }
        let next = self.functions.len() as u32;
        let id = *(self.elements_ids.entry((function, elements))).or_insert(next);
        if id == next {
            let Function {
                symbol,
                arity,
                expected,
                ..
            } = self.functions[function as usize];
            self.functions.push(Function {
                elements,
                ..Function::new(symbol, arity, expected)
            });
        }
        id
    }

    /// The number of a function without rules for calls whose type is known where they are made.
    pub(in crate::fast) fn function_made(
        &mut self,
        symbol: u32,
        arity: usize,
        expected: TypeId,
        made: Made,
    ) -> u32 {
        let key = (symbol, arity, expected, made);
        if let Some(known) = self.made_ids.get(&key) {
            return *known;
        }
        let like = self.function(symbol, arity, expected) as usize;
        let (state, version) = (self.functions[like].state, self.functions[like].version);
        self.made.push(key.3.clone());
        self.functions.push(Function {
            state,
            version,
            made: self.made.len() as u32,
            ..Function::new(symbol, arity, expected)
        });
        let id = (self.functions.len() - 1) as u32;
        self.note_made(id);
        self.made_ids.insert(key, id);
        id
    }

    /// Notes of a function for calls whose type is known how that is.
    fn note_made(&mut self, function: u32) {
        let entry = &mut self.functions[function as usize];
        let made = &self.made[entry.made as usize - 1];
        entry.data_type = made.found.0;
        entry.whole = whole(made.is_remade);
        entry.types_elements = Made::looks_at(&made.parts);
        let (last, others) = match made.parts.split_last() {
            Some((last, others)) => (*last, others),
            None => (None, &[][..]),
        };
        entry.looks_before_last = Made::looks_at(others);
        let wanted = |place: usize| made.parts.get(place).copied().flatten();
        entry.parts = [0, 1, 2].map(|place| wanted(place).map_or(0, |wanted| wanted.0));
        entry.last_type = last.map_or(0, |wanted| wanted.0);
    }

    /// What is known of the calls of a function, if that is more than what its signature says.
    #[inline(always)]
    pub(in crate::fast) fn made_by(&self, function: &Function) -> Option<&Made> {
        self.made.get((function.made as usize).wrapping_sub(1))
    }

    /// Notes of a function without rules what type calls of it have.
    pub(in crate::fast) fn note_data(&mut self, function: u32, head: &Head) {
        let entry = &mut self.functions[function as usize];
        entry.state = State::Data;
        entry.open = match head {
            Head::Untyped => Header::OPEN,
            _ => 0,
        };
        entry.head_type = match self.value_types.symbol(entry.symbol) {
            Some((Some(found), false)) => found.0,
            _ => 0,
        };
        if entry.made != 0 {
            self.note_made(function);
            return;
        }
        let is_unsettled = entry.elements == Elements::Unsettled;
        let is_remade = is_unsettled || entry.elements == Elements::Remade;
        entry.whole = whole(is_remade && matches!(head, Head::Typed(_)));
        entry.types_elements = entry.elements == Elements::Kept
            || matches!(head, Head::Typed(signature)
                if is_unsettled || !signature.returns.is_ground());
        entry.data_type = match head {
            Head::Typed(signature) if !is_unsettled && signature.returns.is_ground() => {
                let found = self.value_types.number_of(&signature.returns, false);
                found.map_or(0, |found| found.0)
            }
            _ => 0,
        };
    }

    /// A function that is compiled now, if it has few enough rules to be compiled anew.
    pub(in crate::fast) fn compiled_of_few_rules(
        &mut self,
        function: u32,
        rules_max: usize,
    ) -> Option<&mut Function> {
        if function == Function::NONE {
            return None;
        }
        let entry = self.functions.get_mut(function as usize)?;
        let rules = &self.tables.get(entry.table as usize)?.rules;
        (entry.state == State::Compiled && rules.len() <= rules_max).then_some(entry)
    }
}

/// What is noted of data without variables.
fn whole(is_remade: bool) -> u64 {
    match is_remade {
        true => Header::ELEMENTS | Header::REMADE,
        false => Header::ELEMENTS,
    }
}

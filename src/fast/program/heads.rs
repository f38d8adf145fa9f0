//! How calls are seen by their heads.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashSet;

use crate::atom::{Atom, Grounded};
use crate::engine::Host;
use crate::evaluate::{Control, instructions, is_instruction};
use crate::fast::head::{Head, signature};
use crate::fast::heap::Heap;
use crate::fast::program::Program;
use crate::library::lists::named_by_place;
use crate::operation::Operation;
use crate::persistent::Map;
use crate::space::{note_operation, token};
use crate::symbol::Symbol;
use crate::types;

/// The names of operations of the host, and of instructions.
#[derive(Default)]
pub(in crate::fast) struct HostNames {
    /// As they were then.
    operations: Map<Symbol, Arc<Operation>>,
    ids: HashSet<u32, FixedState>,
}

impl HostNames {
    fn of(operations: &Map<Symbol, Arc<Operation>>) -> HostNames {
        let names = operations.keys().chain(instructions());
        HostNames {
            ids: names.map(Symbol::id).collect(),
            operations: operations.clone(),
        }
    }

    fn are_of(&self, operations: &Map<Symbol, Arc<Operation>>) -> bool {
        !self.ids.is_empty() && self.operations.ptr_eq(operations)
    }
}

impl Program {
    /// What is known already of calls with this head symbol.
    pub(in crate::fast) fn known_head(&self, symbol: u32) -> Option<&Head> {
        self.heads.get(&symbol)
    }

    /// The same of a name that came up while code runs; nothing of it is kept.
    pub(in crate::fast) fn passing_head(
        &mut self,
        host: &Host,
        heap: &mut Heap,
        head: &Atom,
    ) -> Head {
        let Atom::Symbol(symbol) = head else {
            return Head::Complex;
        };
        let found = self.symbol_head(host, heap, symbol.id(), head);
        self.symbol_types.remove(&symbol.id());
        found
    }

    /// Whether nothing is said of a name but rules that name it: it has no types, and is neither an
    /// operation nor an instruction. `false` may be wrong.
    pub(in crate::fast) fn is_unsaid(&mut self, host: &Host, symbol: u32) -> bool {
        if self.open_rules || self.curried.is_name(symbol) {
            return false;
        }
        if !self.host_names.are_of(&host.functions) {
            self.host_names = HostNames::of(&host.functions);
        }
        !self.host_names.ids.contains(&symbol) && !self.layers.may_type(token::symbol(symbol))
    }

    /// What is known of calls with this head.
    pub(in crate::fast) fn head(&mut self, host: &Host, heap: &mut Heap, head: &Atom) -> Head {
        match head {
            Atom::Symbol(symbol) => {
                let id = heap.symbol(symbol);
                if let Some(head) = self.heads.get(&id) {
                    return head.clone();
                }
                let found = self.symbol_head(host, heap, id, head);
                self.heads.insert(id, found.clone());
                found
            }
            Atom::Grounded(Grounded::Operation(operation)) => {
                let found = operation.type_atom();
                if types::is_function(found)
                    && operation.control() != Some(Control::Capture)
                    && !self.layers.may_type_expression(head)
                {
                    Head::Operation(Arc::clone(operation), signature(found))
                } else {
                    Head::Complex
                }
            }
            Atom::Grounded(_)
                if !self.value_rules.are_some() && !self.layers.may_type_expression(head) =>
            {
                Head::Untyped
            }
            Atom::Grounded(_) | Atom::Variable(_) | Atom::Expression(_) => Head::Complex,
        }
    }

    /// What is known of a call, by its head and how many elements it has.
    pub(in crate::fast) fn head_of_call(
        &mut self,
        host: &Host,
        heap: &mut Heap,
        call: &[Atom],
    ) -> Head {
        match &call[0] {
            Atom::Grounded(value)
                if !matches!(value, Grounded::Operation(_))
                    && !self.value_rules.has(call.len())
                    && !self.layers.may_type_expression(&call[0]) =>
            {
                Head::Untyped
            }
            head => self.head(host, heap, head),
        }
    }

    fn symbol_head(&mut self, host: &Host, heap: &mut Heap, id: u32, head: &Atom) -> Head {
        let Atom::Symbol(symbol) = head else {
            return Head::Complex;
        };
        if self.curried.is_name(id) {
            return self.curried_head(host, heap, id);
        }
        if self.open_rules || is_instruction(symbol) || self.layers.may_type_expression(head) {
            return Head::Complex;
        }
        let found = self.types_of_symbol(heap, id).clone();
        let function = match &found {
            None => None,
            Some(types) => match types.as_slice() {
                [only] if types::is_function(only) => Some(only.clone()),
                _ if types.iter().any(types::is_function) => return Head::Complex,
                _ => None,
            },
        };
        let operation = host
            .functions
            .get(symbol)
            .filter(|_| self.space.sees(&host.corelib));
        match (operation, function) {
            (Some(operation), Some(found)) => {
                note_operation(id);
                // Calls of other numbers of arguments are not compiled as calls of the operation.
                let signature = signature(&found);
                if self.has_own_rules_of(id, signature.parameters.len())
                    || self.any_head.takes(&signature)
                {
                    return Head::Complex;
                }
                // It becomes calls of `let`, which may have rules of the program's own.
                if operation.control() == Some(Control::LetStar)
                    && !matches!(
                        self.head(host, heap, &Atom::symbol("let")),
                        Head::Operation(..)
                    )
                {
                    return Head::Complex;
                }
                if operation.control() == Some(Control::Inert) {
                    return Head::Typed(signature);
                }
                Head::Operation(Arc::clone(operation), signature)
            }
            (Some(_), None) => Head::Complex,
            (None, Some(found)) => Head::Typed(signature(&found)),
            (None, None) => Head::Untyped,
        }
    }

    /// The types that a symbol has been assigned.
    pub(in crate::fast) fn types_of_symbol(&mut self, heap: &Heap, id: u32) -> &Option<Vec<Atom>> {
        if self.curried.is_name(id) && !self.symbol_types.contains_key(&id) {
            let found = self.curried_type(heap, id).map(|found| vec![found]);
            self.symbol_types.insert(id, found);
        }
        let layers = &self.layers;
        self.symbol_types.entry(id).or_insert_with(|| {
            if !layers.may_type(token::symbol(id)) {
                return None;
            }
            let atom = Atom::Symbol(heap.symbol_of(id));
            let mut found = types::types_of(&self.space, &atom);
            self.told_again |= keep_first_of_same(&mut found);
            (!found.iter().all(types::is_undefined)).then_some(found)
        })
    }
}

/// Drops function types that say the same as one before them: a call takes the first that fits.
/// Whether there were any.
fn keep_first_of_same(found: &mut Vec<Atom>) -> bool {
    if found.len() < 2 || !found.iter().any(types::is_function) {
        return false;
    }
    let told = found.len();
    let mut seen: Vec<Atom> = Vec::new();
    found.retain(|found| {
        let named = named_by_place(found);
        let is_again = types::is_function(found) && seen.contains(&named);
        seen.push(named);
        !is_again
    });
    found.len() < told
}

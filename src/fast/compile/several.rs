//! Calls of names with several function types: by the first that fits, as far as the types of
//! arguments tell that when code is made.

use std::sync::Arc;

use super::{Compiled, Compiler, Leave, Static};
use crate::atom::Atom;
use crate::engine::Host;
use crate::evaluate::is_instruction;
use crate::fast::code::TypeId;
use crate::fast::head::{Signature, signature};
use crate::fast::heap::Heap;
use crate::fast::met::family;
use crate::fast::program::Program;
use crate::fast::types::evaluates_all;
use crate::types;
use crate::unify::Bindings;

/// No more types of one name are looked through.
const TYPES_MAX: usize = 16;

/// Such calls in each other are looked at again by each around them.
const NESTED_MAX: usize = 4;

fn matches(expected: &Atom, actual: &Atom) -> bool {
    types::match_types(expected, actual, &mut Bindings::new())
}

impl Program {
    /// The signatures of a name that has several, of types that are plain names.
    pub(in crate::fast) fn signatures(
        &mut self,
        host: &Host,
        heap: &mut Heap,
        head: &Atom,
    ) -> Option<Vec<Arc<Signature>>> {
        let several = self.several_types(host, heap, head)?;
        let is_plain = |part: &Atom| {
            matches!(part, Atom::Symbol(_))
                && !types::is_meta_type(part)
                && !types::is_undefined(part)
        };
        let signatures = several.iter().map(|found| {
            let parts = found
                .as_expression()
                .filter(|_| types::is_function(found))?;
            (parts[1..].iter().all(is_plain)).then(|| signature(found))
        });
        signatures.collect()
    }

    /// The types of a name that has several, all of functions that have their arguments evaluated, and
    /// how each takes them.
    pub(in crate::fast) fn several(
        &mut self,
        host: &Host,
        heap: &mut Heap,
        head: &Atom,
    ) -> Option<Vec<(Arc<Signature>, Atom)>> {
        let several = self.several_types(host, heap, head)?;
        let signatures = several
            .into_iter()
            .map(|found| evaluates_all(&found).then(|| (signature(&found), found)));
        signatures.collect()
    }

    fn several_types(&mut self, host: &Host, heap: &mut Heap, head: &Atom) -> Option<Vec<Atom>> {
        let Atom::Symbol(symbol) = head else {
            return None;
        };
        if self.open_rules
            || is_instruction(symbol)
            || host.functions.contains_key(symbol)
            || self.space.may_type_expression(head)
        {
            return None;
        }
        let id = heap.symbol(symbol);
        let found = self.types_of_symbol(heap, id).as_ref()?;
        (2..=TYPES_MAX)
            .contains(&found.len())
            .then(|| found.clone())
    }
}

impl Compiler<'_> {
    /// The type of a call whose head has several function types, if whichever of them is meant says the
    /// same. Whether one is right values tell.
    pub(super) fn returned_by_all(&mut self, children: &[Atom]) -> Option<Atom> {
        let (head, arguments) = children.split_first()?;
        let several = self.program.several(self.host, self.heap, head)?;
        let mut several = several
            .into_iter()
            .filter(|(signature, _)| signature.parameters.len() == arguments.len());
        let (first, _) = several.next()?;
        let is_same = |(other, _): (Arc<Signature>, Atom)| other.returns == first.returns;
        (first.returns.is_ground() && several.all(is_same)).then(|| first.returns.clone())
    }

    /// The signature of a call whose head has several: the first that nothing known of its
    /// arguments is against, and whether those after it are out of the question. Leaves what is
    /// ill-typed by all of them.
    pub(super) fn signature_for(
        &mut self,
        children: &[Atom],
        expected: Option<TypeId>,
    ) -> Compiled<(Arc<Signature>, bool)> {
        let (head, arguments) = children.split_first().ok_or(Leave)?;
        let found = self.program.signatures(self.host, self.heap, head);
        let mut signatures = found
            .filter(|_| self.within_several < NESTED_MAX)
            .ok_or(Leave)?;
        signatures.retain(|signature| signature.parameters.len() == arguments.len());
        for (place, argument) in arguments.iter().enumerate() {
            let (depth, mut checks) = (self.depth, Vec::new());
            self.within_several += 1;
            let found = self.static_type(argument, &mut checks);
            self.within_several -= 1;
            self.depth = depth;
            if let Ok(Static::Known(found)) = found {
                // What one of a family is, another need not be.
                if family::is_open(&found) {
                    return Err(Leave);
                }
                signatures.retain(|signature| matches(&signature.parameters[place], &found));
            }
        }
        if let Some(expected) = expected {
            let wanted = self.program.types[usize::from(expected)].clone();
            if !wanted.is_ground() {
                return Err(Leave);
            }
            signatures.retain(|signature| matches(&signature.returns, &wanted));
        }
        let is_only = signatures.len() == 1;
        let first = signatures.into_iter().next().ok_or(Leave)?;
        Ok((first, is_only))
    }
}

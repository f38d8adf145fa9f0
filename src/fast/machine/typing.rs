//! Types of values, as far as they are seen without asking the typing of atoms.

use super::Machine;
use crate::atom::Atom;
use crate::fast::cell::{Cell, Header, Kind as Term};
use crate::fast::code::{ANY, BOOL, NUMBER, TypeId};
use crate::types;

impl Machine<'_> {
    /// Whether it is plain to see that two values have a type in common.
    #[inline(never)]
    pub(super) fn may_have_one_type(&mut self, left: Cell, right: Cell) -> bool {
        let (left, right) = (self.heap.deref(left), self.heap.deref(right));
        let (Some(a), Some(b)) = (self.type_class(left), self.type_class(right)) else {
            return false;
        };
        a == Class::Unknown || b == Class::Unknown || (a == b && a != Class::Typed)
    }

    /// What is quickly known of a value's type; `None` if it has to be evaluated first.
    pub(super) fn type_class(&mut self, cell: Cell) -> Option<Class> {
        Some(match cell.kind() {
            Term::Int(_) | Term::Flt(_) => Class::Number,
            Term::Bool(_) => Class::Bool,
            Term::Ref(_) => Class::Unknown,
            Term::Sym(_) if cell == self.heap.empty => return None,
            Term::Sym(id) => {
                if self.program.types_of_symbol(&self.heap, id).is_none() {
                    Class::Unknown
                } else {
                    Class::Typed
                }
            }
            Term::Box(_) => match self.heap.box_of(cell) {
                Atom::Grounded(crate::atom::Grounded::Text(_)) => Class::Text,
                Atom::Grounded(crate::atom::Grounded::Number(_)) => Class::Number,
                _ => Class::Typed,
            },
            Term::Exp(at) => {
                let (first, count) = self.heap.elements(at);
                if count == 0 {
                    return Some(Class::Unknown);
                }
                if !self.heap.header(at).has(Header::EVALUATED)
                    || self.heap.header(at).has(Header::ERROR)
                {
                    return None;
                }
                match self.heap.deref(self.heap.word(first)).kind() {
                    Term::Sym(id) if self.program.types_of_symbol(&self.heap, id).is_none() => {
                        Class::Unknown
                    }
                    _ => Class::Typed,
                }
            }
        })
    }

    /// Whether the value may be used where this type is expected.
    #[inline(never)]
    pub(super) fn has_type(&mut self, value: Cell, expected: TypeId) -> bool {
        if expected == ANY || value.is_ref() {
            return true;
        }
        if expected == NUMBER && self.heap.is_number(value) {
            return true;
        }
        if expected == BOOL && value.is_bool() {
            return true;
        }
        let wanted = self.program.types[usize::from(expected)].clone();
        if let Term::Sym(id) = value.kind() {
            return match self.program.types_of_symbol(&self.heap, id) {
                None => true,
                Some(found) => found.contains(&wanted),
            };
        }
        let atom = self.heap.export(value);
        types::types_of(&self.space, &atom).iter().any(|actual| {
            let mut bindings = crate::unify::Bindings::new();
            types::match_types(&wanted, actual, &mut bindings)
        })
    }
}

/// What is quickly known of a value's type.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Unknown,
    Number,
    Bool,
    Text,
    Typed,
}

//! What may be any type: `%Undefined%` inside of others, while applications are typed.

use std::sync::Arc;

use crate::atom::{Atom, Expression, Grounded, Value, Variable};
use crate::seen::Made;
use crate::types::{is_meta_type, is_undefined, undefined};
use crate::unify::{Replacement, rebuild};

/// What `%Undefined%` in a type becomes while an application is typed: it
/// matches every type, and a type variable may stand for it.
struct AnyType;

impl Value for AnyType {
    fn type_atom(&self) -> Atom {
        undefined()
    }

    fn print(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("%Undefined%")
    }

    fn equals(&self, other: &dyn Value) -> bool {
        other.as_any().is::<AnyType>()
    }

    fn is_pattern(&self) -> bool {
        true
    }

    fn matches(&self, _atom: &Atom) -> bool {
        true
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// Name of the type variables that stand for what may be any type. No program
/// can write it.
const ANY_TYPE: &str = "any type";

/// `type_atom` as programs see it: `%Undefined%` for what may be any type.
pub(crate) fn shown(type_atom: &Atom) -> Atom {
    rebuild(type_atom, |variable| {
        if variable.name() == ANY_TYPE {
            Replacement::Final(undefined())
        } else {
            Replacement::Keep
        }
    })
}

/// `type_atom` as a result: what may be any type is a symbol like others there.
pub(crate) fn as_result(type_atom: Atom) -> Atom {
    replace_any_type(&type_atom, &mut undefined)
}

pub(super) fn without_any_type(type_atom: &Atom) -> Atom {
    replace_any_type(type_atom, &mut || {
        Atom::Variable(Variable::new(ANY_TYPE).renamed())
    })
}

/// `type_atom` with something else for each `AnyType` in it.
fn replace_any_type(type_atom: &Atom, instead: &mut dyn FnMut() -> Atom) -> Atom {
    replace_leaves(type_atom, HOST_VALUE, &mut |leaf| {
        matches!(leaf, Atom::Grounded(Grounded::Value(value)) if value.as_any().is::<AnyType>())
            .then(&mut *instead)
    })
}

/// `type_atom` with `AnyType` for each `%Undefined%` in it.
pub(super) fn with_any_type(type_atom: &Atom) -> Atom {
    replace_leaves(type_atom, UNDEFINED, &mut |leaf| {
        is_undefined(leaf).then(|| Atom::Grounded(Grounded::Value(Arc::new(AnyType))))
    })
}

/// `atom` with others for some of the leaves that have such a mark, which are all looked at;
/// what has none of them is shared, so that a type that grows level by level costs no more.
fn replace_leaves(
    atom: &Atom,
    mark: u8,
    replacement: &mut dyn FnMut(&Atom) -> Option<Atom>,
) -> Atom {
    struct Level<'a> {
        source: &'a Expression,
        done: Vec<Atom>,
    }
    let mut levels: Vec<Level<'_>> = Vec::new();
    let mut made: Made<Atom> = Made::new();
    let mut current = atom;
    loop {
        let mut finished = match current {
            Atom::Expression(expression) if marks(current) & mark != 0 => {
                let known = made.get(expression.address()).cloned();
                if known.is_none() {
                    levels.push(Level {
                        source: expression,
                        done: Vec::with_capacity(expression.children().len()),
                    });
                }
                known
            }
            Atom::Expression(_) => Some(current.clone()),
            leaf => Some(replacement(leaf).unwrap_or_else(|| leaf.clone())),
        };
        loop {
            if let Some(done) = finished.take() {
                match levels.last_mut() {
                    None => return done,
                    Some(level) => level.done.push(done),
                }
            }
            let level = levels.last().expect("a level is open or the atom returned");
            let children = level.source.children();
            if level.done.len() < children.len() {
                current = &children[level.done.len()];
                break;
            }
            let level = levels.pop().expect("just seen");
            let atom = Atom::expression(level.done);
            made.remember(level.source.address(), || atom.clone());
            finished = Some(atom);
        }
    }
}

/// The mark of a host value, as of what stands for any type.
const HOST_VALUE: u8 = 1;
/// The mark of `%Undefined%`.
const UNDEFINED: u8 = 2;
/// The mark of a meta-type.
const META_TYPE: u8 = 4;

/// Which marked leaves are in an atom; seen at once where it was asked before.
fn marks(atom: &Atom) -> u8 {
    match atom {
        Atom::Expression(expression) => expression.marks(marks),
        Atom::Grounded(Grounded::Value(_)) => HOST_VALUE,
        Atom::Symbol(_) if is_undefined(atom) => UNDEFINED,
        Atom::Symbol(_) if is_meta_type(atom) => META_TYPE,
        Atom::Symbol(_) | Atom::Variable(_) | Atom::Grounded(_) => 0,
    }
}

/// Whether a host value, as what stands for any type, is in a type.
pub(super) fn has_host_value(type_atom: &Atom) -> bool {
    marks(type_atom) & HOST_VALUE != 0
}

/// Whether a meta-type is in a type.
pub(super) fn has_meta_type(type_atom: &Atom) -> bool {
    marks(type_atom) & META_TYPE != 0
}

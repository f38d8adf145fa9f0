//! Rules for calls of calls, `(= ((add $x) $y) …)`: all such rules for calls of one shape are the
//! rules of one function, whose arguments are those of all the calls, from the inmost outwards.
//!
//! The function has a name of its own, which no text can have. Calls of it are written with that
//! name only while they are compiled: as values, and for the plain evaluator, they are nested.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::atom::{Atom, known};
use crate::engine::Host;
use crate::fast::cell::{Cell, Kind};
use crate::fast::head::{Head, Signature};
use crate::fast::heap::Heap;
use crate::fast::program::Program;
use crate::fast::types::Argument;
use crate::space::{Row, Subject, Version, token};
use crate::symbol::Symbol;
use crate::types;

/// How many arguments each of the calls has, the inmost first.
pub(super) type Groups = SmallVec<[u8; 4]>;

/// Deeper calls are left to the plain evaluator.
const DEPTH_MAX: usize = 8;
/// With rules for more shapes all are left to the plain evaluator.
const SHAPES_MAX: usize = 256;

/// What calls of calls are of: a name, and how many arguments each of them has.
struct Shape {
    root: Symbol,
    groups: Groups,
    /// The name of their function.
    name: Symbol,
    /// Whether there are rules for them now; of no shape if there is a rule that more than one of
    /// them may be for.
    is_ruled: bool,
}

/// The shapes of calls that there are, or were, rules for.
#[derive(Default)]
pub(super) struct Curried {
    shapes: Vec<Shape>,
    /// Whether all rules for expressions headed by others are of these shapes.
    are_all: bool,
}

impl Curried {
    /// Forgets which shapes there are rules for.
    pub(super) fn begin(&mut self) {
        self.are_all = false;
        for shape in &mut self.shapes {
            shape.is_ruled = false;
        }
    }

    /// Takes note of a rule for such a head; whether it is one for calls of one shape.
    pub(super) fn note(&mut self, head: &Atom) -> bool {
        let Some((root, groups)) = shape(head) else {
            return false;
        };
        let found = self.find(root, &groups);
        if found.is_none() && self.shapes.len() >= SHAPES_MAX {
            return false;
        }
        let place = found.unwrap_or_else(|| {
            let mut written = root.to_string();
            for (depth, count) in groups.iter().enumerate() {
                let arguments = " …".repeat(usize::from(*count));
                written = match depth {
                    0 => format!("({root}{arguments})"),
                    _ => format!("({written}{arguments})"),
                };
            }
            self.shapes.push(Shape {
                root: root.clone(),
                groups: groups.clone(),
                name: Symbol::new(&written),
                is_ruled: false,
            });
            self.shapes.len() - 1
        });
        self.shapes[place].is_ruled = true;
        true
    }

    fn find(&self, root: &Symbol, groups: &[u8]) -> Option<usize> {
        let is_it = |shape: &Shape| shape.root == *root && shape.groups[..] == *groups;
        self.shapes.iter().position(is_it)
    }

    /// All rules for expressions headed by others were taken note of.
    pub(super) fn end(&mut self) {
        self.are_all = true;
    }

    /// Whether rules may be for expressions headed by others that begin with this name.
    fn may_begin(&self, root: u32) -> bool {
        let is_it = |shape: &Shape| shape.is_ruled && shape.root.id() == root;
        !self.are_all || self.shapes.iter().any(is_it)
    }

    fn of_name(&self, name: u32) -> Option<&Shape> {
        self.shapes.iter().find(|shape| shape.name.id() == name)
    }

    /// Whether it is the name of the function of a shape.
    pub(super) fn is_name(&self, name: u32) -> bool {
        self.of_name(name).is_some()
    }

    /// Whether there are rules for the shape whose function has this name.
    pub(super) fn has_rules(&self, name: u32) -> bool {
        self.of_name(name).is_some_and(|shape| shape.is_ruled)
    }

    /// The name inside of all the calls that a function is for, and their numbers of arguments.
    pub(super) fn nesting(&self, name: u32) -> Option<(u32, &[u8])> {
        let shape = self.of_name(name)?;
        Some((shape.root.id(), &shape.groups))
    }

    /// A call of a call as one of the function of its shape, if there are rules for that.
    pub(super) fn flat(&self, call: &[Atom]) -> Option<Vec<Atom>> {
        let (root, groups) = shape_of(call)?;
        let shape = &self.shapes[self.find(root, &groups)?];
        if !shape.is_ruled {
            return None;
        }
        let mut flat = vec![Atom::Symbol(shape.name.clone())];
        put_arguments(call, &mut flat);
        Some(flat)
    }

    /// A call of the function of a shape as it is written, nested; others as they are.
    pub(super) fn nested(&self, call: Vec<Atom>) -> Atom {
        let shape = match call.first() {
            Some(Atom::Symbol(name)) => self.of_name(name.id()),
            _ => None,
        };
        let Some(shape) = shape else {
            return Atom::expression(call);
        };
        let mut arguments = call.into_iter().skip(1);
        let mut nested = Atom::Symbol(shape.root.clone());
        for count in &shape.groups {
            let mut parts = vec![nested];
            parts.extend(arguments.by_ref().take(usize::from(*count)));
            nested = Atom::expression(parts);
        }
        nested
    }

    /// Whether there are rules for calls of fewer arguments, as those that it is a call of.
    pub(super) fn has_rules_within(&self, root: &Symbol, groups: &[u8]) -> bool {
        self.shapes.iter().any(|shape| {
            shape.is_ruled
                && shape.root == *root
                && shape.groups.len() < groups.len()
                && groups.starts_with(&shape.groups)
        })
    }
}

/// The name inside of calls of calls, and how many arguments each of them has.
pub(super) fn shape_of(call: &[Atom]) -> Option<(&Symbol, Groups)> {
    let mut groups = Groups::new();
    let mut parts = call;
    loop {
        let (head, arguments) = parts.split_first()?;
        groups.push(u8::try_from(arguments.len()).ok()?);
        match head {
            Atom::Symbol(root) if groups.len() > 1 => {
                groups.reverse();
                return Some((root, groups));
            }
            Atom::Expression(inner) if groups.len() < DEPTH_MAX => parts = inner.children(),
            _ => return None,
        }
    }
}

fn shape(call: &Atom) -> Option<(&Symbol, Groups)> {
    shape_of(call.as_expression()?)
}

fn put_arguments(call: &[Atom], flat: &mut Vec<Atom>) {
    let Some((head, arguments)) = call.split_first() else {
        return;
    };
    if let Some(inner) = head.as_expression() {
        put_arguments(inner, flat);
    }
    flat.extend_from_slice(arguments);
}

/// The signature of calls of calls, by that of the inmost, which returns functions; `None` if one of
/// them takes another number of arguments, or a meta-type.
fn all_of(inmost: &Signature, groups: &[u8]) -> Option<Signature> {
    let mut parameters = Vec::new();
    let mut signature = inmost.clone();
    for (depth, count) in groups.iter().enumerate() {
        if signature.parameters.len() != usize::from(*count) {
            return None;
        }
        parameters.append(&mut signature.parameters);
        if depth + 1 < groups.len() {
            if !types::is_function(&signature.returns) {
                return None;
            }
            signature = Signature::clone(&crate::fast::head::signature(&signature.returns));
        }
    }
    let is_plain = |part: &Atom| !types::is_meta_type(part);
    let returns = signature.returns;
    (parameters.iter().all(is_plain) && is_plain(&returns)).then_some(Signature {
        parameters,
        returns,
    })
}

impl Program {
    /// Whether there may be a rule for an expression of so many elements that this one heads.
    pub(super) fn may_be_ruled(&self, head: &Atom, count: usize) -> bool {
        if !self.expression_rules.has(count) || !self.curried.are_all {
            return self.expression_rules.has(count);
        }
        let mut head = head;
        for depth in 0..DEPTH_MAX {
            head = match head {
                // What is called by a variable's value is looked at as it is known.
                Atom::Variable(_) => return depth != 1,
                Atom::Symbol(root) => return self.curried.may_begin(root.id()),
                Atom::Grounded(_) => return false,
                Atom::Expression(inner) => match inner.children().first() {
                    Some(inmost) => inmost,
                    None => return false,
                },
            };
        }
        // There are no rules for deeper ones.
        false
    }

    /// The same of a value, whatever it heads.
    pub(super) fn may_head_a_call(&self, heap: &Heap, head: Cell) -> bool {
        if !self.expression_rules.are_some() || !self.curried.are_all {
            return self.expression_rules.are_some();
        }
        let mut head = heap.deref(head);
        for _ in 0..DEPTH_MAX {
            match head.kind() {
                Kind::Ref(_) => return true,
                Kind::Sym(root) => return self.curried.may_begin(root),
                Kind::Exp(at) => match heap.elements(at) {
                    (_, 0) => return false,
                    (first, _) => head = heap.deref(heap.word(first)),
                },
                _ => return false,
            }
        }
        false
    }

    /// Whether all rules for expressions headed by others are for calls of calls.
    pub(super) fn has_only_curried(&self) -> bool {
        !self.expression_rules.are_some() || self.curried.are_all
    }

    /// Whether there are rules for calls of calls, and none for other expressions that lists head.
    pub(super) fn may_have_curried(&self) -> bool {
        self.expression_rules.are_some() && self.curried.are_all
    }

    /// Where the rules of a function for calls of calls are stored, from a mark on.
    pub(super) fn curried_rows(&self, name: u32, mark: &[u32]) -> Vec<Row> {
        let equal = token::symbol(known().equal.id());
        let mut rows = Vec::new();
        self.layers
            .rows_about(equal, Subject::Open, mark, &mut rows);
        let Some((root, groups)) = self.curried.nesting(name) else {
            return Vec::new();
        };
        let mut places = Vec::with_capacity(rows.len());
        let _ = self.layers.each(&rows, |row| {
            let rule = row.atom();
            let head = rule.as_expression().and_then(|rule| rule.get(1));
            let found = head.and_then(shape);
            places.push(found.is_some_and(|(of, counts)| of.id() == root && counts[..] == *groups));
            std::ops::ControlFlow::Continue(())
        });
        if places.len() < rows.len() {
            // Some went away since.
            return Vec::new();
        }
        let found = rows.into_iter().zip(places);
        found.filter_map(|(row, is)| is.then_some(row)).collect()
    }

    /// What is known of calls of calls by the name of their function: of what is inmost, all that is
    /// expected of their arguments.
    pub(super) fn curried_head(&mut self, host: &Host, heap: &mut Heap, name: u32) -> Head {
        let Some((root, groups)) = self.curried.nesting(name) else {
            return Head::Complex;
        };
        let groups = Groups::from_slice(groups);
        let root = Atom::Symbol(heap.symbol_of(root));
        if self.space.may_type_expression(&Atom::unit()) {
            return Head::Complex;
        }
        match self.head(host, heap, &root) {
            Head::Untyped => Head::Untyped,
            Head::Typed(signature) => match all_of(&signature, &groups) {
                Some(all) => Head::Typed(Arc::new(all)),
                None => Head::Complex,
            },
            Head::Operation(..) | Head::Complex => Head::Complex,
        }
    }

    /// The type of the function for calls of calls, if what is inmost has one that tells it.
    pub(super) fn curried_type(&mut self, heap: &Heap, name: u32) -> Option<Atom> {
        let (root, groups) = self.curried.nesting(name)?;
        let groups = Groups::from_slice(groups);
        let [only] = self.types_of_symbol(heap, root).as_deref()? else {
            return None;
        };
        if !types::is_function(only) {
            return None;
        }
        let all = all_of(&crate::fast::head::signature(only), &groups)?;
        let mut parts = vec![Atom::Symbol(known().arrow.clone())];
        parts.extend(all.parameters);
        parts.push(all.returns);
        Some(Atom::expression(parts))
    }

    /// Whether calls of calls with arguments of these types may be typed otherwise than one call of all
    /// of them: a value of the type `Atom` fits every type as an argument, but not where it is
    /// part of what is called.
    pub(super) fn is_typed_otherwise(&self, name: u32, arguments: &[Argument]) -> bool {
        self.curried.is_name(name)
            && (arguments.iter()).any(|argument| self.value_types.is_atom(argument.found()))
    }

    /// The version of all rules for calls of calls.
    pub(super) fn curried_version(&self) -> Version {
        let equal = token::symbol(known().equal.id());
        self.layers.version(equal, Subject::Open)
    }

    /// A rule for calls of calls as one of the function of their shape; others as they are.
    pub(super) fn as_of_function(&self, rule: Atom) -> Atom {
        let flat = match rule.as_expression() {
            Some([_, Atom::Expression(head), _])
                if matches!(head.children().first(), Some(Atom::Expression(_))) =>
            {
                self.curried.flat(head.children())
            }
            _ => None,
        };
        match (flat, rule.as_expression()) {
            (Some(flat), Some([equal, _, body])) => {
                Atom::expression([equal.clone(), Atom::expression(flat), body.clone()])
            }
            _ => rule,
        }
    }
}

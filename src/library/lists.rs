//! Expressions as lists.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::atom::{Atom, Grounded, Variable};
use crate::engine::Engine;
use crate::evaluate::{Control, contains, substitute};
use crate::number::Number;
use crate::operation::{Operation, OperationError};
use crate::unify::{Replacement, rebuild};

/// Lists are expressions.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(car-atom list)` | an expression, as written | the first element, evaluated | an empty one or none, in words | constant | reference |
/// | `(cdr-atom list)` | an expression, as written | all but the first element | an empty one or none, in words | linear | reference |
/// | `(size-atom list)` | an expression, as written | how many elements | no expression, in words | constant | reference |
/// | `(index-atom list place)` | an expression, as written; a number, whose whole part counts from 0 | the element there | a place outside, no expression, no number, in words | constant | reference |
/// | `(min-atom list)` | an expression of numbers, evaluated | the least, a float | an empty one, another element, in words | linear | reference |
/// | `(max-atom list)` | an expression of numbers, evaluated | the largest, a float | an empty one, another element, in words | linear | reference |
/// | `(unique-atom list)` | an expression, as written | the first of each class of elements that are equal up to variables' names | no expression, in words | linear (hashed) | reference |
/// | `(union-atom a b)` | expressions, as written | the elements of both, one behind the other | no expression, in words | linear | reference |
/// | `(intersection-atom a b)` | expressions, as written | the elements of the first that are in the second, as multisets | no expression, in words | linear (hashed) | reference |
/// | `(subtraction-atom a b)` | expressions, as written | the elements of the first without those of the second, as multisets | no expression, in words | linear (hashed) | reference |
/// | `(map-atom list $x template)` | an expression; a variable; as written | what the template gives for one element after the other, in one expression; several results give several | no variable: `BadArgType` | linear, beside the template's | reference |
/// | `(filter-atom list $x condition)` | an expression; a variable; as written | the elements for which the condition is true | no variable: `BadArgType`; a condition of another type | linear, beside the condition's | reference |
/// | `(foldl-atom list initial $folded $x template)` | an expression; as written; variables; as written | the template's last result; each is the folded value of the next element | no variable: `BadArgType` | linear, beside the template's | reference |
/// | `(atom-subst atom $x template)` | as written; a variable | the template with the atom for the variable | no variable: `NoReturn` | linear in the template | reference |
/// | `(sealed (variable …) atom)` | as written | the atom, all other variables renamed apart | none | linear in the atom | reference |
///
/// Source: the reference's standard library, hyperon 0.2.10.
pub(super) fn install(engine: &mut Engine) {
    engine.define(Operation::new(
        "car-atom",
        "(-> Expression %Undefined%)",
        |arguments, _| match arguments {
            [Atom::Expression(list)] => match list.children() {
                [first, ..] => Ok(vec![first.clone()]),
                [] => Err(empty("car-atom")),
            },
            _ => Err(empty("car-atom")),
        },
    ));
    engine.define(Operation::new(
        "cdr-atom",
        "(-> Expression Expression)",
        |arguments, _| match arguments {
            [Atom::Expression(list)] => match list.children() {
                [_, tail @ ..] => Ok(vec![Atom::expression(tail.to_vec())]),
                [] => Err(empty("cdr-atom")),
            },
            _ => Err(empty("cdr-atom")),
        },
    ));
    engine.provide(Operation::new(
        "size-atom",
        "(-> Expression Number)",
        |arguments, _| match arguments {
            [Atom::Expression(list)] => Ok(vec![Atom::integer(list.children().len() as i64)]),
            _ => Err(no_expression()),
        },
    ));
    engine.provide(Operation::new(
        "index-atom",
        "(-> Expression Number Atom)",
        |arguments, _| match arguments {
            [Atom::Expression(list), index] => match index.as_f64() {
                // The part before the point counts.
                Some(index) if index.trunc() >= 0.0 => list
                    .children()
                    .get(index as usize)
                    .map(|found| vec![found.clone()])
                    .ok_or_else(|| OperationError::message("Index is out of bounds")),
                Some(_) => Err(OperationError::message("Index is out of bounds")),
                None => Err(OperationError::message(
                    "index-atom expects two arguments: expression and atom",
                )),
            },
            _ => Err(no_expression()),
        },
    ));
    extreme(engine, "min-atom", |new, best| new < best);
    extreme(engine, "max-atom", |new, best| new > best);
    engine.provide(Operation::new(
        "unique-atom",
        "(-> Expression Atom)",
        |arguments, _| match arguments {
            [Atom::Expression(list)] => Ok(vec![Atom::expression(unique(list.children()))]),
            _ => Err(no_expression()),
        },
    ));
    two_lists(engine, "union-atom", |left, right| {
        left.iter().chain(right).cloned().collect()
    });
    two_lists(engine, "intersection-atom", |left, right| {
        let mut counts = count(right);
        left.iter()
            .filter(|atom| take(&mut counts, atom))
            .cloned()
            .collect()
    });
    two_lists(engine, "subtraction-atom", |left, right| {
        let mut counts = count(right);
        left.iter()
            .filter(|atom| !take(&mut counts, atom))
            .cloned()
            .collect()
    });
    for (name, signature, control) in [
        (
            "map-atom",
            "(-> Expression Variable Atom Expression)",
            Control::Map,
        ),
        (
            "filter-atom",
            "(-> Expression Variable Atom Expression)",
            Control::Filter,
        ),
        (
            "foldl-atom",
            "(-> Expression Atom Variable Variable Atom %Undefined%)",
            Control::Fold,
        ),
    ] {
        engine.define(Operation::controlled(name, signature, control));
    }
    engine.define(Operation::new(
        "atom-subst",
        "(-> Atom Variable Atom Atom)",
        |arguments, _| match arguments {
            [value, Atom::Variable(variable), template] => {
                // As a chain does it, which the reference's is.
                Ok(vec![if contains(value, variable) {
                    template.clone()
                } else {
                    substitute(template, variable, value)
                }])
            }
            [_, _, _] => Err(OperationError::symbol("NoReturn")),
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.provide(Operation::new(
        "sealed",
        "(-> Expression Atom Atom)",
        |arguments, _| match arguments {
            [kept, atom] => {
                let mut variables = Vec::new();
                kept.for_each_variable(|variable| variables.push(variable.clone()));
                Ok(vec![seal(atom, &variables)])
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
}

fn empty(name: &str) -> OperationError {
    // The reference's is written in MeTTa, so this text is a string.
    OperationError::Reason(Atom::string(&format!(
        "{name} expects a non-empty expression as an argument"
    )))
}

fn no_expression() -> OperationError {
    OperationError::message("Atom is not an ExpressionAtom")
}

/// The first of each class of atoms that are equal up to the names of variables.
fn unique(atoms: &[Atom]) -> Vec<Atom> {
    let mut seen: HashMap<Atom, (), FixedState> = HashMap::default();
    atoms
        .iter()
        .filter(|atom| seen.insert(named_by_place(atom), ()).is_none())
        .cloned()
        .collect()
}

/// `atom` with its variables named by order of occurrence: the same for all
/// atoms that differ in the names of variables only.
pub(crate) fn named_by_place(atom: &Atom) -> Atom {
    if atom.is_ground() {
        return atom.clone();
    }
    let mut names: HashMap<Variable, Atom, FixedState> = HashMap::default();
    rebuild(atom, |variable| {
        let next = names.len();
        let name = names
            .entry(variable.clone())
            .or_insert_with(|| Atom::variable(&next.to_string()));
        Replacement::Final(name.clone())
    })
}

fn extreme(engine: &mut Engine, name: &'static str, better: fn(f64, f64) -> bool) {
    engine.provide(Operation::new(
        name,
        "(-> %Undefined% Number)",
        move |arguments, _| {
            let [Atom::Expression(list)] = arguments else {
                return Err(no_expression());
            };
            let mut best: Option<f64> = None;
            for child in list.children() {
                let Some(value) = child.as_f64() else {
                    return Err(OperationError::message(format!(
                        "Only numbers are allowed in expression: {}",
                        arguments[0]
                    )));
                };
                // NaN is neither the least nor the largest, unless there is nothing else.
                if best.is_none_or(|best| better(value, best) || best.is_nan()) {
                    best = Some(value);
                }
            }
            match best {
                Some(best) => Ok(vec![Atom::number(Number::Float(best))]),
                None => Err(OperationError::message("Empty expression")),
            }
        },
    ));
}

/// Members by what they are, numbers told apart by their kind: `3` is not removed with `3.0`.
type Counts = HashMap<(Atom, Vec<bool>), usize, FixedState>;

fn count(atoms: &[Atom]) -> Counts {
    let mut counts = Counts::default();
    for atom in atoms {
        *counts.entry((atom.clone(), floats(atom))).or_insert(0) += 1;
    }
    counts
}

fn take(counts: &mut Counts, atom: &Atom) -> bool {
    match counts.get_mut(&(atom.clone(), floats(atom))) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

/// Which numbers in an atom are floats, in order. Parts that are shared are looked into
/// wherever they occur, so no more than some thousands of parts are.
fn floats(atom: &Atom) -> Vec<bool> {
    const PARTS_MAX: usize = 4096;
    let (mut floats, mut pending, mut seen) = (Vec::new(), vec![atom], 0);
    while let Some(part) = pending.pop() {
        match part {
            Atom::Grounded(Grounded::Number(number)) => floats.push(number.is_float()),
            Atom::Expression(expression) if seen < PARTS_MAX => {
                seen += expression.children().len();
                pending.extend(expression.children().iter().rev());
            }
            _ => {}
        }
    }
    floats
}

fn two_lists(engine: &mut Engine, name: &'static str, combine: fn(&[Atom], &[Atom]) -> Vec<Atom>) {
    engine.provide(Operation::new(
        name,
        "(-> Expression Expression Atom)",
        move |arguments, _| match arguments {
            [Atom::Expression(left), Atom::Expression(right)] => Ok(vec![Atom::expression(
                combine(left.children(), right.children()),
            )]),
            _ => Err(no_expression()),
        },
    ));
}

/// `atom` with every variable but those of `kept` renamed apart.
pub(crate) fn seal(atom: &Atom, kept: &[Variable]) -> Atom {
    if atom.is_ground() {
        return atom.clone();
    }
    let mut names: HashMap<Variable, Atom, FixedState> = HashMap::default();
    rebuild(atom, |variable| {
        if kept.contains(variable) {
            return Replacement::Keep;
        }
        let fresh = names
            .entry(variable.clone())
            .or_insert_with(|| Atom::Variable(variable.renamed()));
        Replacement::Final(fresh.clone())
    })
}

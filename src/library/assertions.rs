//! Assertions: compare what two atoms evaluate to. Their rules stand in
//! `metta/stdlib.metta`; here is the comparison.

use crate::atom::Atom;
use crate::engine::Engine;
use crate::operation::{Operation, OperationError, OperationResult};
use crate::unify::alpha_equal;

/// What the assertions are made of; see `metta/stdlib.metta`.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(_assert-results-are-equal found wanted call)` | expressions, as written; any | `()` if both hold equal atoms in any order | of the call, with what is missed and what is too much | quadratic at worst | reference |
/// | `(_assert-results-are-equal-msg found wanted call message)` | as before; any | as before | of the call, with the message | quadratic at worst | reference |
/// | `(_assert-results-are-alpha-equal found wanted call)` | as before | `()` if both hold atoms equal up to variables' names | of the call, with what is missed and what is too much | quadratic at worst | reference |
/// | `(_assert-results-are-alpha-equal-msg found wanted call message)` | as before; any | as before | of the call, with the message | quadratic at worst | reference |
///
/// Source: the reference's standard library, hyperon 0.2.10.
pub(super) fn install(engine: &mut Engine) {
    for (name, equal) in [
        (
            "_assert-results-are-equal",
            same as fn(&Atom, &Atom) -> bool,
        ),
        ("_assert-results-are-alpha-equal", alpha_equal),
    ] {
        engine.define(Operation::new(
            name,
            "(-> Atom Atom Atom (->))",
            move |arguments, _| match arguments {
                [found, wanted, call] => compare(found, wanted, call, None, equal),
                _ => Err(OperationError::NotReducible),
            },
        ));
        engine.define(Operation::new(
            &format!("{name}-msg"),
            "(-> Atom Atom Atom Atom (->))",
            move |arguments, _| match arguments {
                [found, wanted, call, message] => {
                    compare(found, wanted, call, Some(message), equal)
                }
                _ => Err(OperationError::NotReducible),
            },
        ));
    }
}

fn same(left: &Atom, right: &Atom) -> bool {
    left == right
}

fn lists<'a>(
    found: &'a Atom,
    wanted: &'a Atom,
) -> Result<(&'a [Atom], &'a [Atom]), OperationError> {
    found
        .as_expression()
        .zip(wanted.as_expression())
        .ok_or_else(|| OperationError::message("Atom is not an ExpressionAtom"))
}

/// Unit if both expressions hold the same atoms, in any order; else an error
/// of `call` with the message, or with what is missing and what is too much.
fn compare(
    found: &Atom,
    wanted: &Atom,
    call: &Atom,
    message: Option<&Atom>,
    equal: fn(&Atom, &Atom) -> bool,
) -> OperationResult {
    let (found, wanted) = lists(found, wanted)?;
    let missed = missing(wanted, found, found, equal);
    let excessive = missing(found, wanted, found, equal);
    if missed.is_empty() && excessive.is_empty() {
        return Ok(vec![Atom::unit()]);
    }
    let reason = match message {
        Some(message) => message.clone(),
        None => {
            let mut text = format!("\nExpected: [{}]\nGot: [{}]", list(wanted), list(found));
            if !missed.is_empty() {
                text += &format!("\nMissed results: {}", list(&missed));
            }
            if !excessive.is_empty() {
                text += &format!("\nExcessive results: {}", list(&excessive));
            }
            Atom::string(&text)
        }
    };
    Err(OperationError::Atom(Atom::error(call.clone(), reason)))
}

/// The atoms of `left` that have no partner of their own in `right`; equal ones
/// stand together, those that are like one of `first` before others.
fn missing(
    left: &[Atom],
    right: &[Atom],
    first: &[Atom],
    equal: fn(&Atom, &Atom) -> bool,
) -> Vec<Atom> {
    let mut free: Vec<&Atom> = right.iter().collect();
    let mut classes: Vec<(&Atom, usize)> = Vec::new();
    for atom in first {
        class_of(&mut classes, atom, equal);
    }
    for atom in left {
        let class = class_of(&mut classes, atom, equal);
        match free.iter().position(|other| equal(atom, other)) {
            Some(place) => {
                free.swap_remove(place);
            }
            None => classes[class].1 += 1,
        }
    }
    let repeated = |(atom, count): (&Atom, usize)| std::iter::repeat_n(atom.clone(), count);
    classes.into_iter().flat_map(repeated).collect()
}

/// The place of the class of an atom, which is made unless it is there.
fn class_of<'a>(
    classes: &mut Vec<(&'a Atom, usize)>,
    atom: &'a Atom,
    equal: fn(&Atom, &Atom) -> bool,
) -> usize {
    let known = classes.iter().position(|(one, _)| equal(atom, one));
    known.unwrap_or_else(|| {
        classes.push((atom, 0));
        classes.len() - 1
    })
}

fn list(atoms: &[Atom]) -> String {
    atoms
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

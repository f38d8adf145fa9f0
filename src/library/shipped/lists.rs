//! `lists`: expressions as lists, beyond what the standard library has. Lists
//! are evaluated before they are worked on; what comes out is not.

use crate::atom::{Atom, order};
use crate::engine::Context;
use crate::number::Number;
use crate::operation::{Operation, OperationError, OperationResult};

/// Rough size of a number in an expression.
const NUMBER_BYTES: i64 = 32;

/// An operation on one list.
fn on_list(
    name: &'static str,
    returns: &str,
    compute: fn(&[Atom]) -> OperationResult,
) -> Operation {
    let signature = format!("(-> %Undefined% {returns})");
    Operation::new(name, &signature, move |arguments, _| match arguments {
        [list] => compute(elements(name, list)?),
        _ => Err(OperationError::NotReducible),
    })
}

fn elements<'a>(name: &str, list: &'a Atom) -> Result<&'a [Atom], OperationError> {
    list.as_expression()
        .ok_or_else(|| OperationError::message(no_list(name, list)))
}

fn no_list(name: &str, given: &Atom) -> String {
    format!("{name} expects an expression as a list, found {given}")
}

fn list(atoms: Vec<Atom>) -> OperationResult {
    Ok(vec![Atom::expression(atoms)])
}

/// Lists are expressions, evaluated; anything else is an error.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(append a b)` | lists | one behind the other | no list, in words | linear | Haskell `++` |
/// | `(zip a b)` | lists | pairs, as many as the shorter one has | no list, in words | linear | Haskell `zip` |
/// | `(reverse list)` | a list | the elements from the last to the first | no list, in words | linear | Haskell `reverse` |
/// | `(last list)` | a list | its last element | an empty list, no list, in words | constant | Haskell `last` |
/// | `(sort list)` | a list | sorted by the order of all atoms (`src/atom/order.rs`); equal ones keep their order | no list, in words | n log n | Haskell `sort` |
/// | `(_sort-by-list function list)` | any; a list | the list | no list, in words, of `sort-by` | constant | ours, for `sort-by` |
/// | `(_sort-by-keys function keys list)` | any; lists of one length | the list by its keys, which the function gave | no list, in words, of `sort-by` | n log n | ours, for `sort-by` |
/// | `(range start end)` | whole numbers | those from `start` up to but not `end` | no whole numbers, in words; `MemoryLimit` | linear in the result | Python `range` |
/// | `(take count list)` | a whole number from 0; a list | its first elements | another count, no list, in words | linear in the result | Haskell `take` |
/// | `(drop count list)` | a whole number from 0; a list | all but its first elements | another count, no list, in words | linear in the result | Haskell `drop` |
/// | `(sum list)` | a list of numbers | their sum | another element, in words; `NumberTooLarge` | linear | Haskell `sum` |
/// | `(member atom list)` | any; a list | whether an element equals the atom | no list, in words | linear | Prolog `memberchk/2` |
pub(super) fn operations() -> Vec<Operation> {
    vec![
        two_lists("append", |left, right| [left, right].concat()),
        two_lists("zip", |left, right| {
            let pairs = left.iter().zip(right);
            pairs
                .map(|(left, right)| Atom::expression([left.clone(), right.clone()]))
                .collect()
        }),
        on_list("reverse", "Atom", |atoms| {
            list(atoms.iter().rev().cloned().collect())
        }),
        on_list("last", "%Undefined%", |atoms| match atoms {
            [.., last] => Ok(vec![last.clone()]),
            [] => Err(OperationError::message(
                "last expects a list that is not empty",
            )),
        }),
        on_list("sort", "Atom", |atoms| {
            let mut atoms = atoms.to_vec();
            atoms.sort_by(order::compare);
            list(atoms)
        }),
        Operation::new("_sort-by-list", "(-> Atom Atom Atom)", |arguments, _| {
            let [function, atoms] = arguments else {
                return Err(OperationError::NotReducible);
            };
            match atoms.as_expression() {
                Some(_) => Ok(vec![atoms.clone()]),
                None => Err(no_list_to_sort(function, atoms)),
            }
        }),
        Operation::new(
            "_sort-by-keys",
            "(-> Atom Atom Atom Atom)",
            |arguments, _| sort_by_keys(arguments),
        ),
        Operation::new("range", "(-> Number Number Atom)", range),
        Operation::new("take", "(-> Number %Undefined% Atom)", |arguments, _| {
            let (count, atoms) = count_and_list("take", arguments)?;
            list(atoms[..count.min(atoms.len())].to_vec())
        }),
        Operation::new("drop", "(-> Number %Undefined% Atom)", |arguments, _| {
            let (count, atoms) = count_and_list("drop", arguments)?;
            list(atoms[count.min(atoms.len())..].to_vec())
        }),
        on_list("sum", "Number", |atoms| {
            let mut sum = Number::Integer(0);
            for atom in atoms {
                let number = atom.as_number().ok_or_else(|| {
                    OperationError::message(format!("sum expects numbers only, found {atom}"))
                })?;
                sum = sum.add(number)?;
            }
            Ok(vec![Atom::number(sum)])
        }),
        Operation::new(
            "member",
            "(-> %Undefined% %Undefined% Bool)",
            |arguments, _| {
                let [atom, list] = arguments else {
                    return Err(OperationError::NotReducible);
                };
                Ok(vec![Atom::boolean(
                    elements("member", list)?.contains(atom),
                )])
            },
        ),
    ]
}

fn two_lists(name: &'static str, combine: fn(&[Atom], &[Atom]) -> Vec<Atom>) -> Operation {
    Operation::new(
        name,
        "(-> %Undefined% %Undefined% Atom)",
        move |arguments, _| match arguments {
            [left, right] => list(combine(elements(name, left)?, elements(name, right)?)),
            _ => Err(OperationError::NotReducible),
        },
    )
}

fn no_list_to_sort(function: &Atom, atoms: &Atom) -> OperationError {
    let call = [Atom::symbol("sort-by"), function.clone(), atoms.clone()];
    OperationError::of_call(call, &no_list("sort-by", atoms))
}

/// The elements of the second list in the order of their keys, the first list.
fn sort_by_keys(arguments: &[Atom]) -> OperationResult {
    let [function, keys, atoms] = arguments else {
        return Err(OperationError::NotReducible);
    };
    let (Some(keys), Some(elements)) = (keys.as_expression(), atoms.as_expression()) else {
        return Err(no_list_to_sort(function, atoms));
    };
    let mut pairs: Vec<(&Atom, &Atom)> = keys.iter().zip(elements).collect();
    if let Some((error, _)) = pairs.iter().find(|(key, _)| key.is_error()) {
        return Err(OperationError::Atom((*error).clone()));
    }
    pairs.sort_by(|(left, _), (right, _)| order::compare(left, right));
    list(pairs.into_iter().map(|(_, atom)| atom.clone()).collect())
}

fn range(arguments: &[Atom], context: &mut Context<'_>) -> OperationResult {
    let [start, end] = arguments else {
        return Err(OperationError::NotReducible);
    };
    let whole = |atom: &Atom| {
        atom.as_i64()
            .ok_or_else(|| OperationError::message("range expects whole numbers of 64 bits"))
    };
    let (start, end) = (whole(start)?, whole(end)?);
    let bytes = end.saturating_sub(start).saturating_mul(NUMBER_BYTES);
    if usize::try_from(bytes).is_ok_and(|bytes| bytes > context.budget.bytes.min(RANGE_BYTES_MAX)) {
        return Err(OperationError::symbol("MemoryLimit"));
    }
    list((start..end).map(Atom::integer).collect())
}

/// No list of this size is meant.
const RANGE_BYTES_MAX: usize = 1 << 33;

fn count_and_list<'a>(
    name: &str,
    arguments: &'a [Atom],
) -> Result<(usize, &'a [Atom]), OperationError> {
    let [count, list] = arguments else {
        return Err(OperationError::NotReducible);
    };
    let count = count.as_i64().and_then(|count| usize::try_from(count).ok());
    let count = count.ok_or_else(|| {
        OperationError::message(format!("{name} expects a whole number, 0 or more"))
    })?;
    Ok((count, elements(name, list)?))
}

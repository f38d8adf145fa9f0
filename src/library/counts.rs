//! Operations given fewer or more arguments than they take.
//!
//! Evaluated, such a call is `IncorrectNumberOfArguments`; only one step of it, as `eval` makes
//! it, comes to the operation. Of too many the first are taken, as the reference does.

use crate::atom::{Atom, known};
use crate::operation::{Operation, OperationError};

/// What operations say that are given too few.
const TOO_FEW: [(&[&str], &str); 24] = [
    (
        &["match"],
        "{} expects three arguments: space, pattern and template",
    ),
    (
        &["add-atom", "remove-atom", "get-type-space"],
        "{} expects two arguments: space and atom",
    ),
    (&["get-atoms"], "{} expects one argument: space"),
    (&["new-space"], "{} doesn't expect arguments"),
    (
        &["get-type", "get-metatype", "println!"],
        "{} expects single atom as an argument",
    ),
    (&["=="], "{} expects two arguments"),
    (&["sqrt-math"], "{} expects one argument: number"),
    (
        &[
            "sin-math",
            "asin-math",
            "cos-math",
            "acos-math",
            "tan-math",
            "atan-math",
        ],
        "{} expects one argument: input number",
    ),
    (
        &["max-atom", "min-atom", "size-atom"],
        "{} expects one argument: expression",
    ),
    (
        &["index-atom"],
        "{} expects two arguments: expression and atom",
    ),
    (&["capture"], "{} expects one argument"),
    (
        &["sealed"],
        "{} expects two arguments: var_list to be ignored and expression",
    ),
    (
        &["unique-atom"],
        "unique expects single expression atom as an argument",
    ),
    (
        &["union-atom"],
        "union expects and executable LHS and RHS atom",
    ),
    (
        &["intersection-atom"],
        "intersection expects and executable LHS and RHS atom",
    ),
    (
        &["subtraction-atom"],
        "subtraction expects and executable LHS and RHS atom",
    ),
    (
        &["=alpha"],
        "{} expects two atoms as arguments: actual and expected",
    ),
    (
        &["if-equal"],
        "{} expects <atom> <pattern> <then> <else> as an argument",
    ),
    (&["trace!"], "{} expects two atoms as arguments"),
    (
        &["print-alternatives!"],
        "{} expects format string as a first argument and expression as a second argument",
    ),
    (
        &["import!"],
        "{} expects a destination &space and a module name argument",
    ),
    (
        &["include", "mod-space!"],
        "{} expects a module name argument",
    ),
    (
        &["register-module!"],
        "{} expects a file system path; use quotes if needed",
    ),
    (&["bind!"], "{} expects two arguments: token and atom"),
];

/// Others that take the first of too many; of too few they say themselves what they expect.
const TAKE_FIRST: [&str; 31] = [
    "+",
    "-",
    "*",
    "/",
    "%",
    "<",
    ">",
    "<=",
    ">=",
    "and",
    "or",
    "xor",
    "not",
    "pow-math",
    "log-math",
    "abs-math",
    "trunc-math",
    "ceil-math",
    "floor-math",
    "round-math",
    "isnan-math",
    "isinf-math",
    "superpose",
    "change-state!",
    "format-args",
    "sort-strings",
    "pragma!",
    "random-int",
    "random-float",
    "set-random-seed",
    "flip",
];

/// The reference's rules, which no other number of arguments matches.
const RULES: [&str; 2] = ["car-atom", "cdr-atom"];

/// The arguments that the operation is called with.
///
/// # Errors
/// What it says of so many.
pub(crate) fn taken<'a>(
    operation: &Operation,
    arguments: &'a [Atom],
) -> Result<&'a [Atom], OperationError> {
    let count = match operation.type_atom().as_expression() {
        Some([arrow, parts @ ..]) if arrow.is_symbol(&known().arrow) => parts.len() - 1,
        _ => return Ok(arguments),
    };
    if count == arguments.len() {
        return Ok(arguments);
    }
    let name = operation.name();
    if RULES.contains(&name) {
        return Err(OperationError::NotReducible);
    }
    let text = TOO_FEW
        .iter()
        .find(|(names, _)| names.contains(&name))
        .map(|(_, text)| *text);
    match text {
        Some(text) if count > arguments.len() || count == 0 => {
            Err(OperationError::message(text.replace("{}", name)))
        }
        Some(_) => Ok(&arguments[..count]),
        None if TAKE_FIRST.contains(&name) => Ok(&arguments[..count.min(arguments.len())]),
        None => Ok(arguments),
    }
}

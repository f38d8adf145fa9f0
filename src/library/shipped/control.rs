//! `control`: functions without names, the first results only, folds over all
//! results, one thing after the other. What needs the evaluator itself is in
//! `src/evaluate/cut.rs` and `lambda.rs`; the rest is MeTTa.

use crate::atom::Atom;
use crate::evaluate::Control;
use crate::operation::{Operation, OperationError};

/// - `(|-> (parameter …) body)`: a function; see `src/evaluate/lambda.rs`. Errors
///   where it is called: another number of arguments than parameters.
/// - `(once atom)`: the first result of `atom`, and no more of its evaluation.
/// - `(limit count atom)`: the first `count` results. Errors: a count that is no
///   whole number from 0.
/// - `(progn atom …)`: evaluates each, gives the last. Errors: no atom at all.
/// - `(_verdict results call)`: for `forall`: no result if one of the results is
///   `True`, else `failed`, or the first error.
///
/// Each costs what it evaluates. The kinds of arguments and results are in the signatures
/// below. Source: `|->` and `progn` as in PeTTa and MeTTaLog, the others after SWI-Prolog's
/// `once/1`, `limit/2`, `forall/2` and `aggregate_all/4`.
pub(super) fn operations() -> [Operation; 5] {
    [
        Operation::controlled("|->", "(-> Expression Atom %Undefined%)", Control::Lambda),
        Operation::controlled("once", "(-> Atom %Undefined%)", Control::Once),
        Operation::controlled("limit", "(-> Number Atom %Undefined%)", Control::Limit),
        Operation::new("progn", "%Undefined%", |arguments, _| match arguments {
            [.., last] => Ok(vec![last.clone()]),
            [] => Err(OperationError::symbol("IncorrectNumberOfArguments")),
        }),
        Operation::new("_verdict", "(-> Expression Atom)", |arguments, _| {
            let results = arguments.first().and_then(Atom::as_expression);
            let results = results.ok_or(OperationError::NotReducible)?;
            if results.iter().any(|result| result.as_bool() == Some(true)) {
                return Ok(Vec::new());
            }
            match results.iter().find(|result| result.is_error()) {
                Some(error) => Err(OperationError::Atom(error.clone())),
                None => Ok(vec![Atom::symbol("failed")]),
            }
        }),
    ]
}

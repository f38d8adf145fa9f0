//! `control`: functions without names, the first results only, folds over all
//! results, one thing after the other. What needs the evaluator itself is in
//! `src/evaluate/cut.rs` and `lambda.rs`; the rest is MeTTa.

use crate::atom::{Atom, Grounded};
use crate::evaluate::{Control, is_lambda};
use crate::operation::{Operation, OperationError};

/// Functions without names are in `src/evaluate/lambda.rs`.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(\|-> (parameter …) body)` | as written | a function; calling it evaluates the body with the arguments | where it is called: another number of arguments | constant | PeTTa, MeTTaLog |
/// | `(once atom)` | as written | its first result, and no more of its evaluation | those of the atom | what the first result takes | SWI-Prolog `once/1` |
/// | `(limit count atom)` | a whole number from 0; as written | its first results, so many | another count, in words | what these results take | SWI-Prolog `limit/2` |
/// | `(progn atom …)` | any, evaluated in turn | the last | no atom: `IncorrectNumberOfArguments` | constant, beside the atoms' | PeTTa, MeTTaLog |
/// | `(_callable atom)` | as written | `True` for a name, an operation and a function without a name | none | constant | PeTTa `forall` |
/// | `(_verdict results)` | an expression | nothing if one is `True`, else `failed` | the first error among them | linear | SWI-Prolog `forall/2` |
pub(super) fn operations() -> [Operation; 6] {
    [
        Operation::controlled("|->", "(-> Expression Atom %Undefined%)", Control::Lambda),
        Operation::controlled("once", "(-> Atom %Undefined%)", Control::Once),
        Operation::controlled("limit", "(-> Number Atom %Undefined%)", Control::Limit),
        Operation::new("progn", "%Undefined%", |arguments, _| match arguments {
            [.., last] => Ok(vec![last.clone()]),
            [] => Err(OperationError::symbol("IncorrectNumberOfArguments")),
        }),
        Operation::new("_callable", "(-> Atom Bool)", |arguments, _| {
            let is_function = match arguments {
                [Atom::Symbol(_) | Atom::Grounded(Grounded::Operation(_))] => true,
                [atom] => is_lambda(atom),
                _ => false,
            };
            Ok(vec![Atom::boolean(is_function)])
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

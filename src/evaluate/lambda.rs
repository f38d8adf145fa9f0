//! `(|-> (parameter …) body)`: functions without names.

use crate::atom::{Atom, Grounded, known};
use crate::evaluate::control::Control;
use crate::evaluate::frame::Rest;
use crate::evaluate::machine::{Machine, Task};
use crate::library::lists::seal;
use crate::space::Space;
use crate::unify::unify;

/// Whether it is a function without a name.
pub(crate) fn is_lambda(atom: &Atom) -> bool {
    matches!(
        atom.as_expression(),
        Some([Atom::Grounded(Grounded::Operation(operation)), _, _])
            if operation.control() == Some(Control::Lambda)
    )
}

/// Calls one: `call` is `((|-> (parameter …) body) argument …)`. Its variables
/// that have no value yet are its own, fresh at each call. An argument that does
/// not fit its parameter ends the branch, as in `let`.
pub(crate) fn apply(
    machine: &mut Machine<'_>,
    call: &Atom,
    space: &Space,
    rest: Rest,
) -> Option<(Task, Rest)> {
    let [lambda, arguments @ ..] = call.as_expression().expect("a call is an expression") else {
        unreachable!("the caller has looked at the head")
    };
    let fresh = seal(lambda, &[]);
    let Some([_, parameters, body]) = fresh.as_expression() else {
        unreachable!("sealing keeps the shape")
    };
    let error = |reason: Atom, rest| Some((Task::Return(Atom::error(call.clone(), reason)), rest));
    let Some(parameters) = parameters.as_expression() else {
        return error(
            Atom::symbol("|-> expects an expression of parameters"),
            rest,
        );
    };
    if parameters.len() != arguments.len() {
        return error(Atom::Symbol(known().incorrect_number.clone()), rest);
    }
    for (parameter, argument) in parameters.iter().zip(arguments) {
        if !unify(argument, parameter, &mut machine.bindings) {
            return None;
        }
    }
    Some((Machine::result(body.clone(), call, space), rest))
}

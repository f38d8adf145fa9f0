//! Calls that do not fit the signatures of what they call: exactly what the
//! evaluator would say, asked of it before it runs.

use chimera_grammar::Severity;

use crate::atom::{Atom, known};
use crate::check::Text;
use crate::check::evaluated::evaluated;
use crate::engine::Host;
use crate::evaluate::Machine;
use crate::space::Space;
use crate::types;

/// Larger expressions are data, not calls to be typed.
const NODES_MAX: usize = 5_000;

/// Checks everything that is evaluated of `root`, whose result is to be of the
/// type `expected`.
pub(super) fn check(
    text: &mut Text<'_>,
    host: &mut Host,
    space: &Space,
    root: usize,
    expected: &Atom,
) {
    if text.end(root) - root > NODES_MAX {
        return;
    }
    for found in evaluated(text, space, root) {
        let node = found.node;
        let undefined = types::undefined();
        let expected = if node == root { expected } else { &undefined };
        let atom = text.atom(node).clone();
        for error in Machine::ill_typed(host, space, &atom, expected) {
            if report(text, node, &atom, &error) {
                break;
            }
        }
    }
}

/// Whether the error is about this call itself, not about one inside it.
fn report(text: &mut Text<'_>, node: usize, atom: &Atom, error: &Atom) -> bool {
    let Some([_, subject, reason]) = error.as_expression() else {
        return false;
    };
    if subject != atom {
        return false;
    }
    if reason.is_symbol(&known().incorrect_number) {
        let name = text.source(node + 1).to_owned();
        let given = text.children(node).len() - 1;
        let message =
            format!("`{name}` is called with {given} arguments, which none of its types takes");
        let help = "give it as many arguments as its type has parameters; `(get-type name)` tells the type";
        text.report(Severity::Error, "E0101", node, message, help);
        return true;
    }
    match reason.as_expression() {
        Some([kind, position, expected, actual]) if kind.is_symbol(&known().bad_arg_type) => {
            let name = text.source(node + 1).to_owned();
            let place = position
                .as_i64()
                .and_then(|place| usize::try_from(place).ok());
            let argument = place.and_then(|place| text.children(node).get(place).copied());
            let message =
                format!("argument {position} of `{name}` is a {actual}, expected is a {expected}");
            let help = "give an argument of the expected type, or declare another type with `(: name type)`";
            text.report(
                Severity::Error,
                "E0102",
                argument.unwrap_or(node),
                message,
                help,
            );
            true
        }
        Some([kind, expected, actual]) if kind.is_symbol(&known().bad_type) => {
            let message = format!("this gives a {actual}, expected is a {expected}");
            let help =
                "give a result of the type that the function declares, or declare another one";
            text.report(Severity::Error, "E0103", node, message, help);
            true
        }
        _ => false,
    }
}

/// The type that results of rules for `head` are to have; `%Undefined%` where
/// that is not one plain type.
pub(super) fn declared_result(text: &Text<'_>, space: &Space, head: usize) -> Atom {
    let children = text.children(head);
    let Some((name, arguments)) = children.split_first() else {
        return types::undefined();
    };
    let declared = types::types_of(space, text.atom(*name));
    let [only] = &declared[..] else {
        return types::undefined();
    };
    match only.as_expression() {
        Some([_, parameters @ .., result])
            if types::is_function(only)
                && parameters.len() == arguments.len()
                && result.is_ground()
                && !types::is_meta_type(result) =>
        {
            result.clone()
        }
        _ => types::undefined(),
    }
}

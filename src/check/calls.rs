//! Calls that do not fit the signatures of what they call: exactly what the
//! evaluator would say, asked of it before it runs.

use chimera_grammar::Severity;

use crate::atom::{Atom, Variable, known};
use crate::check::evaluated::evaluated;
use crate::check::{Text, counted, worded};
use crate::engine::Host;
use crate::evaluate::Machine;
use crate::space::Space;
use crate::types;
use crate::unify::{Replacement, rebuild};

/// Larger expressions are data, not calls to be typed.
const NODES_MAX: usize = 5_000;

/// Checks everything that is evaluated of `root`, whose result is to be of the
/// type `expected`; `typed` are variables that stand for values of known types.
pub(super) fn check(
    text: &mut Text<'_>,
    host: &mut Host,
    space: &Space,
    root: usize,
    expected: &Atom,
    typed: &[(Variable, Atom)],
) {
    if text.end(root) - root > NODES_MAX {
        return;
    }
    for found in evaluated(text, space, root) {
        let node = found.node;
        if text.has_long_head(node) {
            continue;
        }
        let undefined = types::undefined();
        let expected = if node == root { expected } else { &undefined };
        let atom = unknown_calls(&with_values(text.atom(node), typed));
        let severity = if found.asserted {
            Severity::Note
        } else {
            Severity::Error
        };
        for error in Machine::ill_typed(host, space, &atom, expected) {
            if report(text, node, &atom, &error, severity) {
                break;
            }
        }
    }
}

/// Whether the error is about this call itself, not about one inside it.
fn report(text: &mut Text<'_>, node: usize, atom: &Atom, error: &Atom, severity: Severity) -> bool {
    let Some([_, subject, reason]) = error.as_expression() else {
        return false;
    };
    if subject != atom {
        return false;
    }
    if reason.is_symbol(&known().incorrect_number) {
        let name = text.source(node + 1).to_owned();
        let given = text.children(node).len() - 1;
        let arguments = counted(given, "argument");
        let message = format!("`{name}` is called with {arguments}, which none of its types takes");
        let help = "give it as many arguments as its type has parameters; `(get-type name)` tells the type";
        text.report(severity, "E0101", node, message, help);
        return true;
    }
    match reason.as_expression() {
        Some([kind, position, expected, actual]) if kind.is_symbol(&known().bad_arg_type) => {
            let name = text.source(node + 1).to_owned();
            let place = position
                .as_i64()
                .and_then(|place| usize::try_from(place).ok());
            let argument = place.and_then(|place| text.children(node).get(place).copied());
            // What a variable stands for may be of any kind, whatever its type.
            if types::is_meta_type(expected)
                && argument.is_some_and(|argument| text.is_variable(argument))
            {
                return false;
            }
            let (actual, expected) = (worded(actual), worded(expected));
            let message =
                format!("argument {position} of `{name}` is a {actual}, expected is a {expected}");
            let help = "give an argument of the expected type, or declare another type with `(: name type)`";
            text.report(severity, "E0102", argument.unwrap_or(node), message, help);
            true
        }
        Some([kind, expected, actual]) if kind.is_symbol(&known().bad_type) => {
            let (actual, expected) = (worded(actual), worded(expected));
            let message = format!("this gives a {actual}, expected is a {expected}");
            let help =
                "give a result of the type that the function declares, or declare another one";
            text.report(severity, "E0103", node, message, help);
            true
        }
        _ => false,
    }
}

/// The atom with a variable for each call whose head is one: what that calls, and what
/// comes of it, is not known.
fn unknown_calls(atom: &Atom) -> Atom {
    let Some([head, arguments @ ..]) = atom.as_expression() else {
        return atom.clone();
    };
    let heads_variable =
        |atom: &Atom| matches!(atom.as_expression(), Some([Atom::Variable(_), _, ..]));
    if !arguments.iter().any(heads_variable) {
        return atom.clone();
    }
    let known = arguments.iter().map(|argument| {
        if heads_variable(argument) {
            Atom::Variable(Variable::new("result").renamed())
        } else {
            argument.clone()
        }
    });
    Atom::expression(
        std::iter::once(head.clone())
            .chain(known)
            .collect::<Vec<_>>(),
    )
}

fn with_values(atom: &Atom, typed: &[(Variable, Atom)]) -> Atom {
    if typed.is_empty() {
        return atom.clone();
    }
    rebuild(atom, |variable| {
        match typed.iter().find(|(known, _)| known == variable) {
            Some((_, value)) => Replacement::Final(value.clone()),
            None => Replacement::Keep,
        }
    })
}

/// The variables of a rule's head that are whole arguments for which the signature
/// declares a type, each with a symbol of that type, which `types` comes to know.
pub(super) fn typed_variables(
    text: &Text<'_>,
    space: &Space,
    types: &Space,
    head: usize,
) -> Vec<(Variable, Atom)> {
    let Some(signature) = signature(text, space, head) else {
        return Vec::new();
    };
    let arguments = text.children(head).split_off(1);
    let parameters = &signature.as_expression().expect("a function type")[1..];
    let mut typed: Vec<(Variable, Atom)> = Vec::new();
    for (argument, parameter) in arguments.iter().zip(parameters) {
        // What stands for the argument may be of a narrower type.
        let narrower = Atom::expression([
            Atom::Symbol(known().subtype.clone()),
            Atom::variable("narrower"),
            parameter.clone(),
        ]);
        let (Atom::Variable(variable), true) = (
            text.atom(*argument),
            parameter.is_ground()
                && !types::is_meta_type(parameter)
                && !types::is_undefined(parameter)
                && space.query(&narrower).is_empty(),
        ) else {
            continue;
        };
        // No word begins so.
        let value = Atom::symbol(&format!("\u{0}{parameter}"));
        let declaration = Atom::expression([
            Atom::Symbol(known().colon.clone()),
            value.clone(),
            parameter.clone(),
        ]);
        if types.query(&declaration).is_empty() {
            types.add(declaration);
        }
        typed.push((variable.clone(), value));
    }
    typed
}

/// The one function type that the name of a rule's head has, if it takes as many
/// arguments as the head. A call of what another call gives, `((f $x) $y)`, may be
/// evaluated without a look at its type.
fn signature(text: &Text<'_>, space: &Space, head: usize) -> Option<Atom> {
    let children = text.children(head);
    let (name, arguments) = children.split_first()?;
    let name = text.atom(*name);
    if name.as_expression().is_some() {
        return None;
    }
    let mut declared = types::types_of(space, name);
    let only = declared.pop().filter(|_| declared.is_empty())?;
    let parts = only.as_expression()?.len();
    (types::is_function(&only) && parts == arguments.len() + 2).then_some(only)
}

/// The type that results of rules for `head` are to have; `%Undefined%` where
/// that is not one plain type.
pub(super) fn declared_result(text: &Text<'_>, space: &Space, head: usize) -> Atom {
    let result = signature(text, space, head)
        .and_then(|signature| signature.as_expression()?.last().cloned())
        .filter(|result| result.is_ground() && !types::is_meta_type(result));
    result.unwrap_or_else(types::undefined)
}

//! Assertions: compare what two atoms evaluate to.

use crate::atom::Atom;
use crate::engine::{Context, Engine};
use crate::operation::{Operation, OperationError, OperationResult};
use crate::unify::alpha_equal;

#[derive(Clone, Copy)]
enum Expected {
    /// The second argument is evaluated too.
    Evaluated,
    /// The second argument is an expression of the results.
    Results,
}

pub(super) fn install(engine: &mut Engine) {
    for (name, expected, equal) in [
        (
            "assertEqual",
            Expected::Evaluated,
            same as fn(&Atom, &Atom) -> bool,
        ),
        ("assertAlphaEqual", Expected::Evaluated, alpha_equal),
        ("assertEqualToResult", Expected::Results, same),
        ("assertAlphaEqualToResult", Expected::Results, alpha_equal),
    ] {
        let check = move |arguments: &[Atom], context: &mut Context<'_>, message: Option<&Atom>| {
            compare(name, arguments, context, expected, equal, message)
        };
        engine.register(Operation::new(
            name,
            "(-> Atom Atom (->))",
            move |arguments, context| check(arguments, context, None),
        ));
        let with_message = format!("{name}Msg");
        engine.register(Operation::new(
            &with_message,
            "(-> Atom Atom Atom (->))",
            move |arguments, context| {
                let [actual, expected, message] = arguments else {
                    return Err(OperationError::NotReducible);
                };
                check(&[actual.clone(), expected.clone()], context, Some(message))
            },
        ));
    }
}

fn same(left: &Atom, right: &Atom) -> bool {
    left == right
}

fn compare(
    name: &str,
    arguments: &[Atom],
    context: &mut Context<'_>,
    expected: Expected,
    equal: fn(&Atom, &Atom) -> bool,
    message: Option<&Atom>,
) -> OperationResult {
    let [actual, wanted] = arguments else {
        return Err(OperationError::NotReducible);
    };
    let got = context.evaluate(actual);
    let wanted_results = match expected {
        Expected::Evaluated => context.evaluate(wanted),
        Expected::Results => match wanted.as_expression() {
            Some(results) => results.to_vec(),
            None => {
                return Err(OperationError::message(format!(
                    "{name} expects an expression of results"
                )));
            }
        },
    };
    let missed = missing(&wanted_results, &got, equal);
    let excessive = missing(&got, &wanted_results, equal);
    if missed.is_empty() && excessive.is_empty() {
        return Ok(vec![Atom::unit()]);
    }
    let reason = match message {
        Some(message) => message.clone(),
        None => {
            let mut text = format!(
                "\nExpected: [{}]\nGot: [{}]",
                list(&wanted_results),
                list(&got)
            );
            if !missed.is_empty() {
                text += &format!("\nMissed results: {}", list(&missed));
            }
            if !excessive.is_empty() {
                text += &format!("\nExcessive results: {}", list(&excessive));
            }
            Atom::string(&text)
        }
    };
    let shown = match message {
        Some(message) => {
            vec![
                Atom::symbol(&format!("{name}Msg")),
                actual.clone(),
                wanted.clone(),
                message.clone(),
            ]
        }
        None => vec![Atom::symbol(name), actual.clone(), wanted.clone()],
    };
    Err(OperationError::Atom(Atom::error(
        Atom::expression(shown),
        reason,
    )))
}

/// The atoms of `left` that have no partner of their own in `right`.
fn missing(left: &[Atom], right: &[Atom], equal: fn(&Atom, &Atom) -> bool) -> Vec<Atom> {
    let mut free: Vec<&Atom> = right.iter().collect();
    left.iter()
        .filter(
            |atom| match free.iter().position(|other| equal(atom, other)) {
                Some(place) => {
                    free.swap_remove(place);
                    false
                }
                None => true,
            },
        )
        .cloned()
        .collect()
}

fn list(atoms: &[Atom]) -> String {
    atoms
        .iter()
        .map(ToString::to_string)
        .collect::<Vec<_>>()
        .join(", ")
}

//! Documentation: `@doc` atoms with the types of what they describe, printed
//! for people. Who finds them stands in `metta/stdlib.metta`.

use crate::atom::{Atom, known};
use crate::engine::Engine;
use crate::library::text::plain;
use crate::operation::{Operation, OperationError};
use crate::types;

/// What `get-doc` and `help!` are made of; see `metta/stdlib.metta`.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(_doc-formal name type description parameters returns)` | as written | the formal documentation, each parameter with its type | more parameters than the type has, in words | linear | reference |
/// | `(_print-doc formal)` | as written | `()`; prints it for people | another shape, in words | linear | reference |
///
/// Source: the reference's standard library, hyperon 0.2.10.
pub(super) fn install(engine: &mut Engine) {
    engine.define(Operation::new(
        "_doc-formal",
        "(-> Atom Atom Atom Atom Atom Atom)",
        |arguments, _| match arguments {
            [name, type_atom, description, parameters, returns] => {
                let documented = parameters.as_expression().map_or(0, <[Atom]>::len);
                if let Some([head, types @ ..]) = type_atom.as_expression()
                    && head.is_symbol(&known().arrow)
                    && types.len() <= documented
                {
                    // Another type of the same atom may have enough of them.
                    return Err(OperationError::Atom(Atom::error(
                        wrap("get-doc", [name.clone()]),
                        Atom::string(&format!(
                            "{documented} parameters are documented, but the type {type_atom} has {}",
                            types.len().saturating_sub(1)
                        )),
                    )));
                }
                let formal = formal(name, type_atom, description, parameters, returns)
                    .ok_or(OperationError::NotReducible)?;
                Ok(vec![formal])
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.define(Operation::new(
        "_print-doc",
        "(-> Atom (->))",
        |arguments, context| match arguments {
            [formal] => {
                let text = shown(formal).ok_or_else(|| {
                    OperationError::Atom(Atom::error(
                        formal.clone(),
                        Atom::string("Cannot match @doc-formal structure"),
                    ))
                })?;
                context.print(&text);
                Ok(vec![Atom::unit()])
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
}

/// `(name part)` with the part that `(name part)` has.
fn part<'a>(atom: &'a Atom, name: &str) -> Option<&'a Atom> {
    match atom.as_expression() {
        Some([head, part]) if head.as_symbol() == Some(name) => Some(part),
        _ => None,
    }
}

fn wrap(name: &str, parts: impl IntoIterator<Item = Atom>) -> Atom {
    let mut children = vec![Atom::symbol(name)];
    children.extend(parts);
    Atom::expression(children)
}

/// The formal documentation of a function: each parameter and the result with
/// its type, from the function type as far as it goes.
fn formal(
    name: &Atom,
    type_atom: &Atom,
    description: &Atom,
    parameters: &Atom,
    returns: &Atom,
) -> Option<Atom> {
    let mut known_types = match type_atom.as_expression() {
        Some([head, types @ ..]) if head.is_symbol(&known().arrow) => types.iter(),
        _ => [].iter(),
    };
    let mut next_type = || {
        wrap(
            "@type",
            [known_types.next().cloned().unwrap_or_else(types::undefined)],
        )
    };
    let mut described = |parameter: &Atom, word: &str| {
        let text = part(parameter, word)?.clone();
        Some(wrap(word, [next_type(), wrap("@desc", [text])]))
    };
    let formal_parameters = parameters
        .as_expression()?
        .iter()
        .map(|parameter| described(parameter, "@param"))
        .collect::<Option<Vec<Atom>>>()?;
    let formal_return = described(returns, "@return")?;
    Some(wrap(
        "@doc-formal",
        [
            wrap("@item", [name.clone()]),
            wrap("@kind", [Atom::symbol("function")]),
            wrap("@type", [type_atom.clone()]),
            description.clone(),
            wrap("@params", [Atom::expression(formal_parameters)]),
            formal_return,
        ],
    ))
}

/// `(type T) text` of one `(@param (@type T) (@desc text))`.
fn shown_part(atom: &Atom) -> Option<String> {
    match atom.as_expression() {
        Some([_, type_atom, description]) => Some(format!(
            "(type {}) {}",
            part(type_atom, "@type")?,
            plain(part(description, "@desc")?).ok()?
        )),
        _ => None,
    }
}

/// Formal documentation as lines for people.
fn shown(formal: &Atom) -> Option<String> {
    let [_, item, kind, type_atom, description, others @ ..] = formal.as_expression()? else {
        return None;
    };
    let is_function = part(kind, "@kind")?.as_symbol() == Some("function");
    let mut text = format!(
        "{} {}: {} {}\n",
        if is_function { "Function" } else { "Atom" },
        part(item, "@item")?,
        part(type_atom, "@type")?,
        plain(part(description, "@desc")?).ok()?,
    );
    if let [parameters, returns] = others {
        text += "Parameters:\n";
        for parameter in part(parameters, "@params")?.as_expression()? {
            text += &format!("  {}\n", shown_part(parameter)?);
        }
        text += &format!("Return: {}\n", shown_part(returns)?);
    }
    Some(text)
}

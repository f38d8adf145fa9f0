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
/// | `(_doc-formal name type description parameters returns)` | as written | the formal documentation, each parameter with its type; nothing if one is of another shape | more parameters than the type has, as of `car-atom` | linear | reference |
/// | `(_print-doc formal)` | as written | `()`; prints it for people | another shape, in words | linear | reference |
///
/// Source: the reference's standard library, hyperon 0.2.10.
pub(super) fn install(engine: &mut Engine) {
    engine.define(Operation::new(
        "_doc-formal",
        "(-> Atom Atom Atom Atom Atom Atom)",
        |arguments, _| match arguments {
            [name, type_atom, description, parameters, returns] => {
                let formal = formal(name, type_atom, description, parameters, returns)
                    .map_err(OperationError::Atom)?;
                Ok(formal.into_iter().collect())
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
/// its type. Nothing if a parameter or the result is of another shape; an error, as of
/// taking the types apart, if there are fewer of them.
fn formal(
    name: &Atom,
    type_atom: &Atom,
    description: &Atom,
    parameters: &Atom,
    returns: &Atom,
) -> Result<Option<Atom>, Atom> {
    let types = match type_atom.as_expression() {
        Some([head, types @ ..]) if head.is_symbol(&known().arrow) => Some(types),
        _ => None,
    };
    let Some(parameters) = parameters.as_expression() else {
        let taking = if types.is_some() {
            "car-atom"
        } else {
            "cdr-atom"
        };
        return Err(not_taken_apart(taking, parameters));
    };
    let mut described = Vec::with_capacity(parameters.len() + 1);
    let parts = parameters.iter().map(|parameter| (parameter, "@param"));
    for (place, (atom, word)) in parts.chain([(returns, "@return")]).enumerate() {
        let its_type = match types {
            Some(types) => types
                .get(place)
                .ok_or_else(|| not_taken_apart("car-atom", &Atom::unit()))?
                .clone(),
            None => types::undefined(),
        };
        let Some(text) = part(atom, word) else {
            return Ok(None);
        };
        described.push(wrap(
            word,
            [wrap("@type", [its_type]), wrap("@desc", [text.clone()])],
        ));
    }
    let described_return = described
        .pop()
        .expect("the result stands behind the parameters");
    Ok(Some(wrap(
        "@doc-formal",
        [
            wrap("@item", [name.clone()]),
            wrap("@kind", [Atom::symbol("function")]),
            wrap("@type", [type_atom.clone()]),
            description.clone(),
            wrap("@params", [Atom::expression(described)]),
            described_return,
        ],
    )))
}

/// What `car-atom` and `cdr-atom` say of an atom that has no first member.
fn not_taken_apart(name: &str, atom: &Atom) -> Atom {
    Atom::error(
        wrap(name, [atom.clone()]),
        Atom::string(&format!(
            "{name} expects a non-empty expression as an argument"
        )),
    )
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

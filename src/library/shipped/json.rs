//! `json`: atoms as JSON text and back. Of the reference. The only door of
//! `serde_json` into the engine.

use serde_json::Value as Json;

use crate::atom::{Atom, Grounded};
use crate::library::text::TEXT_MAX;
use crate::number::Number;
use crate::operation::{Operation, OperationError};
use crate::space::Space;

/// How deep spaces may stand in spaces: one may contain itself.
const SPACES_NESTED_MAX: usize = 128;

/// A symbol is `"sym!:name"` in JSON and a variable `"var!:name"`. No native recursion when
/// encoding.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(json-encode atom)` | as written: strings, numbers, truth values, `null`, lists, spaces of `("key" value)`, symbols, variables | the JSON text | what has no JSON form, in words | linear | RFC 8259; ref, `json` |
/// | `(json-decode text)` | a string | the atom; an object is a space of pairs | no JSON, nested deeper than 128, in words | linear | RFC 8259; ref, `json` |
/// | `(_space-of-pairs pairs)` | an expression | a new space with its members | none, of `dict-space`, in words | linear | ours, for `dict-space`, which is a rule as in the reference |
///
/// Source: RFC 8259; the forms of symbols and variables are those of the reference's module `json`.
pub(super) fn operations() -> [Operation; 3] {
    [
        Operation::new(
            "json-encode",
            "(-> Atom String)",
            |arguments, _| match arguments {
                [atom] => Ok(vec![Atom::string(&encode(atom)?)]),
                _ => Err(OperationError::NotReducible),
            },
        ),
        Operation::new("json-decode", "(-> String Atom)", |arguments, _| {
            let text = arguments.first().and_then(Atom::as_text).ok_or_else(|| {
                OperationError::message("json-decode expects string to decode as input")
            })?;
            let json = serde_json::from_str(text).map_err(|error| {
                OperationError::message(format!("Failed to decode string. Reason: {error}"))
            })?;
            Ok(vec![decode(json)])
        }),
        Operation::new("_space-of-pairs", "(-> Atom Grounded)", |arguments, _| {
            let [pairs] = arguments else {
                return Err(OperationError::NotReducible);
            };
            let Atom::Expression(list) = pairs else {
                let call = [Atom::symbol("dict-space"), pairs.clone()];
                let reason = "dict-space expects expression with key-value pairs as input";
                return Err(OperationError::of_call(call, reason));
            };
            let space = Space::anonymous();
            for pair in list.children() {
                space.add(pair.clone());
            }
            Ok(vec![Atom::space(space)])
        }),
    ]
}

enum Piece {
    Atom(Atom),
    Text(&'static str),
    Key(Atom),
    LeaveSpace,
}

fn encode(atom: &Atom) -> Result<String, OperationError> {
    let mut text = String::new();
    let mut spaces = 0;
    let mut pending = vec![Piece::Atom(atom.clone())];
    while let Some(piece) = pending.pop() {
        if text.len() > TEXT_MAX {
            return Err(OperationError::symbol("TextTooLarge"));
        }
        match piece {
            Piece::Text(piece) => text += piece,
            Piece::Key(key) => match key.as_text() {
                Some(key) => quote(key, &mut text),
                None => {
                    return Err(OperationError::message(
                        "Key/value pair is expected, key must be a string",
                    ));
                }
            },
            Piece::LeaveSpace => {
                spaces -= 1;
                text.push('}');
            }
            Piece::Atom(Atom::Expression(list)) => {
                text.push('[');
                pending.push(Piece::Text("]"));
                for (index, child) in list.children().iter().enumerate().rev() {
                    pending.push(Piece::Atom(child.clone()));
                    if index > 0 {
                        pending.push(Piece::Text(", "));
                    }
                }
            }
            Piece::Atom(Atom::Grounded(Grounded::Space(space))) => {
                spaces += 1;
                if spaces > SPACES_NESTED_MAX {
                    return Err(OperationError::message(format!(
                        "json-encode takes spaces in spaces {SPACES_NESTED_MAX} deep at most"
                    )));
                }
                text.push('{');
                pending.push(Piece::LeaveSpace);
                for (index, atom) in space.atoms().iter().enumerate().rev() {
                    let Some([key, value]) = atom.as_expression() else {
                        return Err(OperationError::message(
                            "Input space must be a dictionary space consists of key-value pairs only or empty space. Use dict-space function",
                        ));
                    };
                    pending.push(Piece::Atom(value.clone()));
                    pending.push(Piece::Text(":"));
                    pending.push(Piece::Key(key.clone()));
                    if index > 0 {
                        pending.push(Piece::Text(", "));
                    }
                }
            }
            Piece::Atom(leaf) => encode_leaf(&leaf, &mut text)?,
        }
    }
    Ok(text)
}

fn encode_leaf(atom: &Atom, text: &mut String) -> Result<(), OperationError> {
    match atom {
        Atom::Symbol(symbol) if symbol.as_str() == "null" => *text += "null",
        Atom::Symbol(symbol) => quote(&format!("sym!:{}", symbol.as_str()), text),
        Atom::Variable(variable) => {
            let shown = variable.to_string();
            quote(&format!("var!:{}", &shown[1..]), text);
        }
        Atom::Grounded(Grounded::Text(value)) => quote(value, text),
        Atom::Grounded(Grounded::Bool(value)) => *text += if *value { "true" } else { "false" },
        Atom::Grounded(Grounded::Number(Number::Float(value))) => {
            *text += &serde_json::to_string(value).expect("a number has a JSON form");
        }
        Atom::Grounded(Grounded::Number(number)) => *text += &number.to_string(),
        Atom::Grounded(_) | Atom::Expression(_) => {
            return Err(OperationError::message(format!(
                "Encode failed for atom (unsupported type): {{{atom}}}"
            )));
        }
    }
    Ok(())
}

fn quote(value: &str, text: &mut String) {
    *text += &serde_json::to_string(value).expect("a string has a JSON form");
}

/// Recursion is as deep as the parser lets texts nest.
fn decode(json: Json) -> Atom {
    match json {
        Json::Null => Atom::symbol("null"),
        Json::Bool(value) => Atom::boolean(value),
        Json::Number(number) => match Number::parse(&number.to_string()) {
            Some(Number::Float(_)) | None => Atom::float(number.as_f64().unwrap_or(f64::NAN)),
            Some(integer) => Atom::number(integer),
        },
        Json::String(text) => {
            if let Some(name) = text.strip_prefix("sym!:") {
                Atom::symbol(name)
            } else if let Some(name) = text.strip_prefix("var!:") {
                Atom::variable(name)
            } else {
                Atom::string(&text)
            }
        }
        Json::Array(list) => Atom::expression(list.into_iter().map(decode).collect::<Vec<_>>()),
        Json::Object(map) => {
            let space = Space::anonymous();
            for (key, value) in map {
                space.add(Atom::expression([Atom::string(&key), decode(value)]));
            }
            Atom::space(space)
        }
    }
}

//! Strings, printing and reading.

use crate::atom::{Atom, Grounded};
use crate::engine::Engine;
use crate::operation::{Operation, OperationError};

/// A string's own text, any other atom as printed.
fn plain(atom: &Atom) -> String {
    atom.as_text()
        .map_or_else(|| atom.to_string(), str::to_owned)
}

pub(super) fn install(engine: &mut Engine) {
    engine.register(Operation::new(
        "println!",
        "(-> %Undefined% (->))",
        |arguments, context| {
            let [atom] = arguments else {
                return Err(OperationError::NotReducible);
            };
            context.print(&(plain(atom) + "\n"));
            Ok(vec![Atom::unit()])
        },
    ));
    engine.register(Operation::new(
        "trace!",
        "(-> %Undefined% $a $a)",
        |arguments, context| {
            let [message, value] = arguments else {
                return Err(OperationError::NotReducible);
            };
            context.print(&(message.to_string() + "\n"));
            Ok(vec![value.clone()])
        },
    ));
    engine.register(Operation::new(
        "print-alternatives!",
        "(-> Atom Expression (->))",
        |arguments, context| {
            let [
                Atom::Expression(_) | Atom::Symbol(_) | Atom::Variable(_) | Atom::Grounded(_),
                Atom::Expression(alternatives),
            ] = arguments
            else {
                return Err(OperationError::message(
                    "print-alternatives! expects an atom and an expression of alternatives",
                ));
            };
            context.print(&format!(
                "{} {}:\n",
                alternatives.children().len(),
                plain(&arguments[0])
            ));
            for alternative in alternatives.children() {
                context.print(&format!("    {alternative}\n"));
            }
            Ok(vec![Atom::unit()])
        },
    ));
    engine.register(Operation::new(
        "format-args",
        "(-> String Expression String)",
        |arguments, _| match arguments {
            [format, Atom::Expression(values)] => {
                let format = format.as_text().ok_or(OperationError::NotReducible)?;
                let mut text = String::with_capacity(format.len());
                let mut values = values.children().iter();
                let mut parts = format.split("{}");
                text.push_str(parts.next().unwrap_or_default());
                for part in parts {
                    match values.next() {
                        Some(value) => text.push_str(&plain(value)),
                        None => text.push_str("{}"),
                    }
                    text.push_str(part);
                }
                Ok(vec![Atom::string(&text)])
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "repr",
        "(-> Atom String)",
        |arguments, _| match arguments {
            [atom] => Ok(vec![Atom::string(&atom.to_string())]),
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "parse",
        "(-> String Atom)",
        |arguments, context| match arguments {
            [text] => {
                let text = text.as_text().ok_or(OperationError::NotReducible)?;
                crate::load::parse_text(&context.host.tokens, text)
                    .map(|atom| vec![atom])
                    .map_err(|error| OperationError::message(error.to_string()))
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "stringToChars",
        "(-> String Expression)",
        |arguments, _| match arguments {
            [text] => {
                let text = text.as_text().ok_or(OperationError::NotReducible)?;
                let characters: Vec<Atom> = text
                    .chars()
                    .map(|value| Atom::Grounded(Grounded::Char(value)))
                    .collect();
                Ok(vec![Atom::expression(characters)])
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "charsToString",
        "(-> Expression String)",
        |arguments, _| match arguments {
            [Atom::Expression(list)] => {
                let mut text = String::new();
                for child in list.children() {
                    match child {
                        Atom::Grounded(Grounded::Char(value)) => text.push(*value),
                        _ => {
                            return Err(OperationError::message(
                                "charsToString expects an expression of characters",
                            ));
                        }
                    }
                }
                Ok(vec![Atom::string(&text)])
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "sort-strings",
        "(-> Expression Expression)",
        |arguments, _| match arguments {
            [Atom::Expression(list)] => {
                let mut strings = list.children().to_vec();
                if strings.iter().any(|child| child.as_text().is_none()) {
                    return Err(OperationError::message(
                        "sort-strings expects expression with strings as a first argument",
                    ));
                }
                strings.sort_by(|a, b| a.as_text().cmp(&b.as_text()));
                Ok(vec![Atom::expression(strings)])
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
}

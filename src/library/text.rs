//! Strings, printing and reading.

use crate::atom::{Atom, Grounded};
use crate::engine::Engine;
use crate::operation::{Operation, OperationError};

/// A string's own text, any other atom as printed.
pub(super) fn plain(atom: &Atom) -> String {
    atom.as_text()
        .map_or_else(|| atom.to_string(), str::to_owned)
}

/// Each `{}` replaced by the next value, by nothing after the last; `{{` and
/// `}}` are braces, any other brace disappears.
fn fill(format: &str, values: &[Atom]) -> String {
    let mut text = String::with_capacity(format.len());
    let mut values = values.iter();
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('{', Some('}')) => {
                characters.next();
                text.extend(values.next().map(plain));
            }
            ('{', Some('{')) | ('}', Some('}')) => text.extend(characters.next()),
            ('{' | '}', _) => {}
            _ => text.push(character),
        }
    }
    text
}

/// All are linear in their texts.
///
/// - `(println! atom)`: a line to the engine's output, a string without quotes; `()`.
///   `(trace! message atom)`: a line to the engine's trace; the atom. `(print-alternatives!
///   atom (atom …))`: how many, and each on a line; `()`.
/// - `(format-args text (atom …))`: the text with the next atom for each `{}`.
/// - `(repr atom)`: the atom as it prints, unevaluated. `(parse text)`: the first atom of
///   a text, unevaluated. Errors: no MeTTa.
/// - `(stringToChars text)`, `(charsToString (character …))`: errors: no characters.
/// - `(sort-strings (text …))`: by their bytes, n log n. Errors: no strings.
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
        "(-> %Undefined% Atom %Undefined%)",
        |arguments, context| {
            let [message, value] = arguments else {
                return Err(OperationError::NotReducible);
            };
            context.trace(&(message.to_string() + "\n"));
            Ok(vec![value.clone()])
        },
    ));
    engine.register(Operation::new(
        "print-alternatives!",
        "(-> Atom Expression (->))",
        |arguments, context| {
            let [_, Atom::Expression(alternatives)] = arguments else {
                return Err(OperationError::message("Atom is not an ExpressionAtom"));
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
        |arguments, _| {
            if let [format, Atom::Expression(values)] = arguments
                && let Some(format) = format.as_text()
            {
                return Ok(vec![Atom::string(&fill(format, values.children()))]);
            }
            Err(OperationError::message(
                "format-args expects format string as a first argument and expression as a second argument",
            ))
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
                crate::load::parse_first(&context.host.tokens, text)
                    .map(|atom| vec![atom])
                    .map_err(|error| OperationError::message(error.to_string()))
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "stringToChars",
        "(-> String Atom)",
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
        "(-> %Undefined% String)",
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
        |arguments, _| {
            if let [Atom::Expression(list)] = arguments
                && list
                    .children()
                    .iter()
                    .all(|child| child.as_text().is_some())
            {
                let mut strings = list.children().to_vec();
                strings.sort_by(|a, b| a.as_text().cmp(&b.as_text()));
                return Ok(vec![Atom::expression(strings)]);
            }
            Err(OperationError::message(
                "sort-strings expects expression with strings as a first argument",
            ))
        },
    ));
}

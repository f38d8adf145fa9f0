//! Strings, printing and reading.

use std::fmt::{self, Write};

use crate::atom::{Atom, Grounded};
use crate::engine::Engine;
use crate::operation::{Operation, OperationError};

/// Bytes that a text made of atoms may have.
pub(super) const TEXT_MAX: usize = 64 << 20;

/// A text that grows up to a bound.
struct Bounded(String);

impl fmt::Write for Bounded {
    fn write_str(&mut self, more: &str) -> fmt::Result {
        if self.0.len() + more.len() > TEXT_MAX {
            return Err(fmt::Error);
        }
        self.0.push_str(more);
        Ok(())
    }
}

impl Bounded {
    /// Adds a string's own text, any other atom as printed.
    fn push_plain(&mut self, atom: &Atom) -> fmt::Result {
        match atom.as_text() {
            Some(text) => self.write_str(text),
            None => self.push_printed(atom),
        }
    }

    /// Adds an atom as printed.
    fn push_printed(&mut self, atom: &Atom) -> fmt::Result {
        if atom.size() as usize > TEXT_MAX {
            return Err(fmt::Error);
        }
        write!(self, "{atom}")
    }

    /// Adds an atom as printed, and a line's end.
    fn push_line(&mut self, atom: &Atom) -> fmt::Result {
        self.push_printed(atom)?;
        self.write_str("\n")
    }
}

/// A text that is written by parts.
///
/// # Errors
/// The reason `TextTooLarge` beyond the bound.
fn text_of(write: impl FnOnce(&mut Bounded) -> fmt::Result) -> Result<String, OperationError> {
    let mut text = Bounded(String::new());
    write(&mut text).map_err(|fmt::Error| OperationError::symbol("TextTooLarge"))?;
    Ok(text.0)
}

/// A string's own text, any other atom as printed.
///
/// # Errors
/// The reason `TextTooLarge` beyond the bound.
pub(super) fn plain(atom: &Atom) -> Result<String, OperationError> {
    text_of(|text| text.push_plain(atom))
}

/// Each `{}` replaced by the next value, by nothing after the last; `{{` and
/// `}}` are braces, any other brace disappears.
fn fill(format: &str, values: &[Atom], text: &mut Bounded) -> fmt::Result {
    let mut values = values.iter();
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        match (character, characters.peek()) {
            ('{', Some('}')) => {
                characters.next();
                if let Some(value) = values.next() {
                    text.push_plain(value)?;
                }
            }
            ('{', Some('{')) | ('}', Some('}')) => {
                if let Some(brace) = characters.next() {
                    text.write_char(brace)?;
                }
            }
            ('{' | '}', _) => {}
            _ => text.write_char(character)?,
        }
    }
    Ok(())
}

/// Text and printing. What would be longer than 64 MiB is the error `TextTooLarge`.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(println! atom)` | any | `()`; a line to the engine's output, a string without quotes | `TextTooLarge` | linear in the text | reference |
/// | `(trace! message atom)` | any; as written | the atom, evaluated; a line to the engine's trace | `TextTooLarge` | linear in the text | reference |
/// | `(print-alternatives! atom (atom …))` | as written; an expression | `()`; how many there are, and each on a line | no expression, in words; `TextTooLarge` | linear in the text | reference |
/// | `(format-args text (atom …))` | a string; an expression | the text with the next atom for each `{}` | another kind, in words; `TextTooLarge` | linear in the text | reference |
/// | `(repr atom)` | as written | the atom as it prints, a string | `TextTooLarge` | linear in the text | reference, Python package |
/// | `(parse text)` | a string | the first atom of the text, as it stands | no MeTTa, in words | linear in the text | reference, Python package |
/// | `(stringToChars text)` | a string | an expression of its characters | none | linear | reference, Python package |
/// | `(charsToString (character …))` | an expression of characters | the string of them | another element, in words | linear | reference, Python package |
/// | `(sort-strings (text …))` | an expression of strings | sorted by their bytes | another element, in words | n log n | reference |
///
/// Source: the reference's standard library, hyperon 0.2.10, and its Python package.
pub(super) fn install(engine: &mut Engine) {
    engine.provide(Operation::new(
        "println!",
        "(-> %Undefined% (->))",
        |arguments, context| {
            let [atom] = arguments else {
                return Err(OperationError::NotReducible);
            };
            context.print(&(plain(atom)? + "\n"));
            Ok(vec![Atom::unit()])
        },
    ));
    engine.provide(Operation::new(
        "trace!",
        "(-> %Undefined% Atom %Undefined%)",
        |arguments, context| {
            let [message, value] = arguments else {
                return Err(OperationError::NotReducible);
            };
            let told = text_of(|text| text.push_line(message))?;
            context.trace(&told);
            Ok(vec![value.clone()])
        },
    ));
    engine.provide(Operation::new(
        "print-alternatives!",
        "(-> Atom Expression (->))",
        |arguments, context| {
            let [_, Atom::Expression(alternatives)] = arguments else {
                return Err(OperationError::message("Atom is not an ExpressionAtom"));
            };
            context.print(&format!(
                "{} {}:\n",
                alternatives.children().len(),
                plain(&arguments[0])?
            ));
            for alternative in alternatives.children() {
                let line = text_of(|text| text.push_line(alternative))?;
                context.print(&format!("    {line}"));
            }
            Ok(vec![Atom::unit()])
        },
    ));
    engine.provide(Operation::new(
        "format-args",
        "(-> String Expression String)",
        |arguments, _| {
            if let [format, Atom::Expression(values)] = arguments
                && let Some(format) = format.as_text()
            {
                let filled = text_of(|text| fill(format, values.children(), text))?;
                return Ok(vec![Atom::string(&filled)]);
            }
            if let [
                format,
                Atom::Symbol(_) | Atom::Variable(_) | Atom::Grounded(_),
            ] = arguments
                && format.as_text().is_some()
            {
                return Err(OperationError::message("Atom is not an ExpressionAtom"));
            }
            Err(OperationError::message(
                "format-args expects format string as a first argument and expression as a second argument",
            ))
        },
    ));
    engine.provide(Operation::new(
        "repr",
        "(-> Atom String)",
        |arguments, _| match arguments {
            [atom] => {
                let text = text_of(|text| text.push_printed(atom))?;
                Ok(vec![Atom::string(&text)])
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.provide(Operation::new(
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
    engine.provide(Operation::new(
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
    engine.provide(Operation::new(
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
    engine.provide(Operation::new(
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

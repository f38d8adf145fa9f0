//! `strings`: text. Places and lengths are counted in characters (Unicode
//! scalar values). Results are no longer than the budget's bytes.

use regex::Regex;

use crate::atom::{Atom, Grounded};
use crate::engine::Context;
use crate::library::Pattern;
use crate::library::text::plain;
use crate::number::Number;
use crate::operation::{Operation, OperationError, OperationResult};

type Compute = fn(&[&str], &Context<'_>) -> OperationResult;

/// An operation on strings only.
fn on_texts(name: &str, signature: &str, compute: Compute) -> Operation {
    Operation::new(name, signature, move |arguments, context| {
        let texts: Option<Vec<&str>> = arguments.iter().map(Atom::as_text).collect();
        // A symbol or an expression may still become a string.
        compute(&texts.ok_or(OperationError::NotReducible)?, context)
    })
}

/// What is no string leaves the call as it is: it may still become one.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(string-length text)` | a string | how many characters | none | linear | own |
/// | `(concat a b)` | strings | one behind the other | `MemoryLimit` | linear | own |
/// | `(upper text)` | a string | in capitals | none | linear | Unicode |
/// | `(lower text)` | a string | in small letters | none | linear | Unicode |
/// | `(trim text)` | a string | without white space at both ends | none | linear | own |
/// | `(contains text part)` | strings | whether the part occurs | none | linear | own |
/// | `(starts-with text part)` | strings | whether it begins so | none | linear | own |
/// | `(ends-with text part)` | strings | whether it ends so | none | linear | own |
/// | `(split text separator)` | strings | an expression of the parts; by an empty separator the characters | none | linear | own |
/// | `(join texts separator)` | an expression of strings; a string | the texts with the separator between them | another element, in words; `MemoryLimit` | linear | own |
/// | `(substring text start end)` | a string; whole numbers | from `start` up to but not `end` | places outside, in words | linear | own |
/// | `(replace text part with)` | strings | the text with every occurrence replaced | `MemoryLimit` | linear in text and result | own |
/// | `(regex-match pattern text)` | a string or `regex:"…"`; a string | for each match an expression of the whole and the groups, `()` for one that took no part | a string that is no pattern, in words | text × pattern | crate `regex` |
/// | `(to-string atom)` | any | a string itself, any other atom as it prints | `TextTooLarge` | linear | own |
/// | `(to-number text)` | a string | the number that it spells, else no result | `NumberTooLarge` beyond some 1.2 million characters | linear; of whole numbers beyond 64 bits quadratic | own |
pub(super) fn operations() -> Vec<Operation> {
    vec![
        on_texts("string-length", "(-> String Number)", |texts, _| {
            Ok(vec![Atom::integer(texts[0].chars().count() as i64)])
        }),
        on_texts("concat", "(-> String String String)", |texts, context| {
            bounded(texts[0].len() + texts[1].len(), context)?;
            Ok(vec![Atom::string(&format!("{}{}", texts[0], texts[1]))])
        }),
        on_texts("upper", "(-> String String)", |texts, _| {
            Ok(vec![Atom::string(&texts[0].to_uppercase())])
        }),
        on_texts("lower", "(-> String String)", |texts, _| {
            Ok(vec![Atom::string(&texts[0].to_lowercase())])
        }),
        on_texts("trim", "(-> String String)", |texts, _| {
            Ok(vec![Atom::string(texts[0].trim())])
        }),
        on_texts("contains", "(-> String String Bool)", |texts, _| {
            Ok(vec![Atom::boolean(texts[0].contains(texts[1]))])
        }),
        on_texts("starts-with", "(-> String String Bool)", |texts, _| {
            Ok(vec![Atom::boolean(texts[0].starts_with(texts[1]))])
        }),
        on_texts("ends-with", "(-> String String Bool)", |texts, _| {
            Ok(vec![Atom::boolean(texts[0].ends_with(texts[1]))])
        }),
        on_texts("split", "(-> String String Atom)", |texts, _| {
            let parts: Vec<Atom> = if texts[1].is_empty() {
                let characters = texts[0].chars();
                characters.map(|c| Atom::string(&c.to_string())).collect()
            } else {
                texts[0].split(texts[1]).map(Atom::string).collect()
            };
            Ok(vec![Atom::expression(parts)])
        }),
        Operation::new("join", "(-> %Undefined% String String)", join),
        Operation::new(
            "substring",
            "(-> String Number Number String)",
            |arguments, _| substring(arguments),
        ),
        on_texts(
            "replace",
            "(-> String String String String)",
            |texts, context| {
                let [text, part, with] = texts else {
                    return Err(OperationError::NotReducible);
                };
                let count = text.matches(part).count();
                bounded(
                    text.len().saturating_add(count.saturating_mul(with.len())),
                    context,
                )?;
                Ok(vec![Atom::string(&text.replace(part, with))])
            },
        ),
        Operation::new(
            "regex-match",
            "(-> %Undefined% String Atom)",
            |arguments, _| regex_match(arguments),
        ),
        Operation::new(
            "to-string",
            "(-> %Undefined% String)",
            |arguments, _| match arguments {
                [atom] => Ok(vec![Atom::string(&plain(atom)?)]),
                _ => Err(OperationError::NotReducible),
            },
        ),
        on_texts("to-number", "(-> String Number)", |texts, _| {
            if texts[0].len() > chimera_grammar::DIGITS_MAX {
                return Err(OperationError::symbol("NumberTooLarge"));
            }
            Ok(Number::parse(texts[0])
                .map(Atom::number)
                .into_iter()
                .collect())
        }),
    ]
}

fn bounded(bytes: usize, context: &Context<'_>) -> Result<(), OperationError> {
    if bytes > context.budget.bytes {
        return Err(OperationError::symbol("MemoryLimit"));
    }
    Ok(())
}

fn join(arguments: &[Atom], context: &mut Context<'_>) -> OperationResult {
    let [Atom::Expression(parts), separator] = arguments else {
        return Err(OperationError::message(
            "join expects an expression of strings and a separator",
        ));
    };
    let separator = separator.as_text().ok_or(OperationError::NotReducible)?;
    let mut joined = String::new();
    for (index, part) in parts.children().iter().enumerate() {
        let part = part.as_text().ok_or_else(|| {
            OperationError::message(format!("join expects strings only, found {part}"))
        })?;
        if index > 0 {
            joined += separator;
        }
        joined += part;
        bounded(joined.len(), context)?;
    }
    Ok(vec![Atom::string(&joined)])
}

fn substring(arguments: &[Atom]) -> OperationResult {
    let [text, start, end] = arguments else {
        return Err(OperationError::NotReducible);
    };
    let text = text.as_text().ok_or(OperationError::NotReducible)?;
    let outside = || OperationError::message("substring expects places inside the text");
    let place = |atom: &Atom| {
        let place = atom.as_i64().and_then(|place| usize::try_from(place).ok());
        let place = place.ok_or_else(outside)?;
        let mut ends = text.char_indices().map(|(byte, _)| byte);
        let byte = ends.nth(place);
        match byte {
            Some(byte) => Ok(byte),
            None if place == text.chars().count() => Ok(text.len()),
            None => Err(outside()),
        }
    };
    let part = text.get(place(start)?..place(end)?).ok_or_else(outside)?;
    Ok(vec![Atom::string(part)])
}

fn regex_match(arguments: &[Atom]) -> OperationResult {
    let [pattern, text] = arguments else {
        return Err(OperationError::NotReducible);
    };
    let text = text.as_text().ok_or(OperationError::NotReducible)?;
    let pattern = regex(pattern)?;
    let matches = pattern.captures_iter(text).map(|groups| {
        let groups = groups.iter().map(|group| match group {
            Some(group) => Atom::string(group.as_str()),
            None => Atom::unit(),
        });
        Atom::expression(groups.collect::<Vec<_>>())
    });
    Ok(matches.collect())
}

fn regex(pattern: &Atom) -> Result<Regex, OperationError> {
    if let Atom::Grounded(Grounded::Value(value)) = pattern
        && let Some(pattern) = value.as_any().downcast_ref::<Pattern>()
    {
        return Ok(pattern.regex().clone());
    }
    let pattern = pattern.as_text().ok_or_else(|| {
        OperationError::message("regex-match expects a string or regex:\"…\" as the pattern")
    })?;
    Regex::new(pattern).map_err(|error| {
        // The last line says what is wrong; those before it draw where.
        let text = error.to_string();
        let what = text.lines().last().unwrap_or_default();
        OperationError::message(format!("{pattern:?} is no pattern: {what}"))
    })
}

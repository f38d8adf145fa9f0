//! Samples and events as atoms: `(sample <metric> <value> <time>)` and
//! `(event error|warning "<text>" <time>)`, with Unix times that may be left out.
//!
//! They are read as trees and not as atoms of the engine, whose symbols are never
//! forgotten.

use chimera_grammar::{Diagnostic, LineTable, Node, NodeKind, Tree, parse, unescape};

use super::{Event, Sample, Told, Word};
use crate::http::answer::Failure;

const FORMS: &str =
    "(sample <metric> <value> [<time>]) or (event error|warning \"<text>\" [<time>])";

/// # Errors
/// 400, with the place of the first thing that is wrong.
pub(super) fn read(text: &str) -> Result<Told, Failure> {
    let parsed = parse(text);
    let lines = LineTable::new(text);
    if let Some(error) = parsed.errors.first() {
        let found = Diagnostic::of(error, text, &lines);
        let (line, column) = (found.position.line, found.position.column);
        return Err(Failure::bad_request(format!(
            "the body is not MeTTa: {} at line {line}, column {column}",
            found.message
        )));
    }
    let mut told = Told::default();
    for form in parsed.tree.forms() {
        if form.directive || take(&parsed.tree, form.node as usize, &mut told).is_none() {
            let position = lines.position(text, form.span.start);
            return Err(Failure::bad_request(format!(
                "line {}, column {}: what is taken is {FORMS}",
                position.line, position.column
            )));
        }
    }
    Ok(told)
}

/// Adds one form; `None` if it is none of the two.
fn take(tree: &Tree<'_>, index: usize, told: &mut Told) -> Option<()> {
    let NodeKind::Expression { end } = tree.nodes()[index].kind else {
        return None;
    };
    // Nothing in them is an expression, so the nodes within are the elements.
    let elements = &tree.nodes()[index + 1..end as usize];
    let word = |node: &Node| {
        let text = &tree.source()[node.span.start..node.span.end];
        (node.kind == NodeKind::Word).then_some(text)
    };
    let number = |node: &Node| {
        word(node)?
            .parse::<f64>()
            .ok()
            .filter(|number| number.is_finite())
    };
    let (head, rest) = elements.split_first()?;
    let (first, second, time) = match rest {
        [first, second] => (first, second, None),
        [first, second, time] => (first, second, Some(number(time)?)),
        _ => return None,
    };
    match word(head)? {
        "sample" => told.samples.push(Sample {
            metric: word(first)?.to_owned(),
            value: number(second)?,
            time,
        }),
        "event" => {
            if second.kind != NodeKind::String {
                return None;
            }
            let quoted = &tree.source()[second.span.start..second.span.end];
            told.events.push(Event {
                severity: match word(first)? {
                    "error" => Word::Error,
                    "warning" => Word::Warning,
                    _ => return None,
                },
                text: unescape(quoted).ok()?.into_owned(),
            });
        }
        _ => return None,
    }
    Some(())
}

#[cfg(test)]
mod tests {
    use super::super::{Event, Sample, Told, Word};
    use super::read;

    #[test]
    fn samples_and_events_are_taken() {
        let text =
            "; mine\n(sample queue-depth 12)\n(sample a 1.5e1 99.5)(event warning \"a \\\"b\\\"\")";
        let sample = |metric: &str, value, time| Sample {
            metric: metric.to_owned(),
            value,
            time,
        };
        let expected = Told {
            samples: vec![
                sample("queue-depth", 12.0, None),
                sample("a", 15.0, Some(99.5)),
            ],
            events: vec![Event {
                severity: Word::Warning,
                text: "a \"b\"".to_owned(),
            }],
        };
        assert_eq!(read(text).unwrap(), expected);
    }

    #[test]
    fn anything_else_is_refused_with_its_place() {
        for (text, place) in [
            ("(sample a 1)\n (sample a)", "line 2, column 2"),
            ("(sample a one)", "line 1, column 1"),
            ("(sample a inf)", "line 1, column 1"),
            ("(sample (a) 1)", "line 1, column 1"),
            ("!(sample a 1)", "line 1, column 1"),
            ("(event fatal \"a\")", "line 1, column 1"),
            ("(event error a)", "line 1, column 1"),
            ("(add-atom &self a)", "line 1, column 1"),
            ("(sample a 1", "unclosed `(` at line 1, column 1"),
        ] {
            let said = read(text).unwrap_err().to_string();
            assert!(said.contains(place), "{text}: {said}");
        }
    }
}

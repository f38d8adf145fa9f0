//! What an entry is before it is evaluated: finished or not, MeTTa or command.

use chimera_grammar::{Parsed, SyntaxErrorKind, parse};

use crate::command;

/// Whether more lines could make `entry` right. The grammar says so; brackets in
/// strings and comments do not count, and what is wrong is not unfinished.
pub(crate) fn is_incomplete(entry: &str) -> bool {
    let source = match command::of(entry) {
        Some(command) => match command.expression() {
            Some(expression) => expression,
            None => return false,
        },
        None => entry,
    };
    is_unfinished(&parse(source))
}

fn is_unfinished(parsed: &Parsed<'_>) -> bool {
    !parsed.errors.is_empty() && parsed.errors.iter().all(|error| error.is_incomplete())
}

/// A text whose open brackets and string are closed at its end, so that the
/// grammar can read all of it while it is being typed.
pub(crate) struct Closed {
    /// The text and what was appended.
    pub(crate) source: String,
    /// Whether the text ends inside a string.
    pub(crate) in_string: bool,
}

/// Closes what `text` leaves open. There may be more `)` than needed.
pub(crate) fn closed(text: &str) -> Closed {
    let in_open_string = |source: &str| {
        let parsed = parse(source);
        let mut errors = parsed.errors.iter();
        errors.any(|error| matches!(error.kind(), SyntaxErrorKind::UnclosedString { .. }))
    };
    let mut source = text.to_owned();
    let in_string = in_open_string(&source);
    if in_string {
        // A `\\` at the end takes the first quote for itself.
        source.push('"');
        if in_open_string(&source) {
            source.push('"');
        }
    }
    source.push('\n');
    source.extend(text.bytes().filter(|byte| *byte == b'(').map(|_| ')'));
    Closed { source, in_string }
}

/// A part of a whole input.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part<'s> {
    /// How many lines stand before it.
    pub(crate) line_before: usize,
    pub(crate) kind: PartKind<'s>,
}

/// What a part is.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum PartKind<'s> {
    /// Forms and comments.
    MeTTa(&'s str),
    /// One line with a `:command`.
    Command(&'s str),
}

/// Cuts an input into commands and the MeTTa between them. A command is a line
/// that begins with `:` and a letter where no form is open. Without commands the
/// whole input is one part.
pub(crate) fn parts(source: &str) -> Vec<Part<'_>> {
    let source = source.strip_prefix('\u{feff}').unwrap_or(source);
    let mut parts = Vec::new();
    let mut chunk = Chunk::default();
    let (mut offset, mut lines) = (0, 0);
    for line in source.split_inclusive('\n') {
        if command::of(line).is_some() && !is_unfinished(&parse(&source[chunk.start..offset])) {
            chunk.end(source, offset, &mut parts);
            parts.push(Part {
                line_before: lines,
                kind: PartKind::Command(line.trim()),
            });
            chunk = Chunk {
                start: offset + line.len(),
                line_before: lines + 1,
            };
        }
        offset += line.len();
        lines += 1;
    }
    chunk.end(source, offset, &mut parts);
    parts
}

#[derive(Default)]
struct Chunk {
    start: usize,
    line_before: usize,
}

impl Chunk {
    fn end<'s>(&self, source: &'s str, offset: usize, parts: &mut Vec<Part<'s>>) {
        let text = &source[self.start..offset];
        if !text.trim().is_empty() {
            parts.push(Part {
                line_before: self.line_before,
                kind: PartKind::MeTTa(text),
            });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Part, PartKind, is_incomplete, parts};

    #[test]
    fn the_grammar_says_what_is_incomplete() {
        for more in [
            "(a",
            "!(f \"x",
            "\"",
            "!",
            "(a ; )\n",
            "(ok) (\"\\\"",
            ":type (f",
        ] {
            assert!(is_incomplete(more), "{more:?}");
        }
        for done in [
            "",
            "a",
            "(a)",
            "(a \"(\")",
            "; (",
            "(a))",
            "(a)) (",
            "(\"\\q\"",
            ":type (f)",
            ":load (x",
        ] {
            assert!(!is_incomplete(done), "{done:?}");
        }
    }

    #[test]
    fn commands_are_cut_out_where_no_form_is_open() {
        let metta = |line_before, text| Part {
            line_before,
            kind: PartKind::MeTTa(text),
        };
        let command = |line_before, text| Part {
            line_before,
            kind: PartKind::Command(text),
        };
        assert_eq!(
            parts("(a)\n:time on\n\n!(f\n:quit\n)\n  :quit"),
            [
                metta(0, "(a)\n"),
                command(1, ":time on"),
                metta(2, "\n!(f\n:quit\n)\n"),
                command(6, ":quit"),
            ]
        );
        assert_eq!(parts("(: a B)\n:= x"), [metta(0, "(: a B)\n:= x")]);
        assert_eq!(parts(" \n"), []);
    }
}

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

/// An input as it comes in, of which whole entries are taken.
#[derive(Default)]
pub(crate) struct Entries {
    /// What has come in and was not taken.
    pending: Vec<u8>,
    /// How many lines were taken.
    lines: usize,
    /// How many bytes were.
    bytes: usize,
    /// How much of `pending` has been looked at, and how it is there.
    seen: usize,
    open: Open,
    /// Where in what has been looked at a line ends with nothing open, last of all.
    end: Option<usize>,
}

/// Entries that are whole.
pub(crate) struct Taken<'s> {
    pub(crate) text: &'s str,
    /// How many lines stand before them.
    pub(crate) line_before: usize,
}

/// Not UTF-8.
#[derive(Debug, thiserror::Error)]
#[error("not UTF-8: byte {0} begins no character")]
pub(crate) struct NotUtf8(usize);

/// Whether something is open, as far as brackets, quotes and comments tell. Whether an
/// entry is whole is then for the grammar to say.
#[derive(Clone, Copy, Default)]
struct Open {
    depth: usize,
    inside: Inside,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Inside {
    #[default]
    Nothing,
    Word,
    String,
    Escape,
    Comment,
}

impl Open {
    /// Goes past a byte; returns whether a line ends there with nothing open.
    fn pass(&mut self, byte: u8) -> bool {
        self.inside = match (self.inside, byte) {
            (Inside::String, b'\\') => Inside::Escape,
            (Inside::String, b'"') => Inside::Nothing,
            (Inside::String | Inside::Escape, _) => Inside::String,
            (_, b'\n') => Inside::Nothing,
            (Inside::Comment, _) | (_, b';') => Inside::Comment,
            (_, b'(') => {
                self.depth += 1;
                Inside::Nothing
            }
            (_, b')') => {
                self.depth = self.depth.saturating_sub(1);
                Inside::Nothing
            }
            (Inside::Nothing, b'"') => Inside::String,
            (Inside::Nothing, b'!') => Inside::Nothing,
            (_, byte) if byte.is_ascii_whitespace() => Inside::Nothing,
            _ => Inside::Word,
        };
        byte == b'\n' && self.inside == Inside::Nothing && self.depth == 0
    }
}

impl Entries {
    /// More has come in.
    pub(crate) fn add(&mut self, bytes: &[u8]) {
        self.pending.extend_from_slice(bytes);
    }

    /// Entries that are whole, or all that is left where the input has `ended`: as many
    /// as are without an error, or else one.
    pub(crate) fn whole(&mut self, ended: bool) -> Result<Option<Taken<'_>>, NotUtf8> {
        for at in self.seen..self.pending.len() {
            if self.open.pass(self.pending[at]) {
                self.end = Some(at + 1);
            }
        }
        self.seen = self.pending.len();
        let end = match self.end {
            _ if ended => self.pending.len(),
            Some(end) => end,
            None => return Ok(None),
        };
        if end == 0 {
            return Ok(None);
        }
        let (offset, line_before) = (self.bytes, self.lines);
        let text = match std::str::from_utf8(&self.pending[..end]) {
            Ok(text) => text,
            Err(error) => match whole_lines(&self.pending[..error.valid_up_to()]) {
                "" => return Err(NotUtf8(offset + error.valid_up_to())),
                valid => valid,
            },
        };
        let parsed = parse(text);
        let text = if parsed.errors.is_empty() {
            text
        } else if is_unfinished(&parsed) && !ended {
            // A lone `!`: what it is before comes later.
            self.end = None;
            return Ok(None);
        } else {
            first_entry(text)
        };
        Ok(Some(Taken { text, line_before }))
    }

    /// Forgets the first `length` bytes, which were taken.
    pub(crate) fn drop(&mut self, length: usize) {
        let taken = &self.pending[..length];
        self.lines += taken.iter().filter(|byte| **byte == b'\n').count();
        self.bytes += length;
        self.pending.drain(..length);
        self.seen = self.seen.saturating_sub(length);
        self.end = self.end.and_then(|end| end.checked_sub(length));
    }
}

/// The lines that are whole at the beginning of `bytes`, which are UTF-8.
fn whole_lines(bytes: &[u8]) -> &str {
    let end = bytes.iter().rposition(|byte| *byte == b'\n');
    let lines = &bytes[..end.map_or(0, |end| end + 1)];
    std::str::from_utf8(lines).unwrap_or_default()
}

/// The first lines of `text` after which nothing is open, or all of it.
fn first_entry(text: &str) -> &str {
    let mut open = Open::default();
    let ends = (0..text.len()).filter(|at| open.pass(text.as_bytes()[*at]));
    for end in ends {
        let entry = &text[..=end];
        if !is_unfinished(&parse(entry)) && !entry.trim().is_empty() {
            return entry;
        }
    }
    text
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

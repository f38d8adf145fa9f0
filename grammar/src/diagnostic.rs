//! What is wrong with a text, for people and for tools.

use std::borrow::Cow;

use annotate_snippets::{AnnotationKind, Level, Origin, Renderer, Snippet};

use crate::decode::EncodingError;
use crate::error::{SyntaxError, SyntaxErrorKind};
use crate::position::{LineTable, Position};
use crate::tree::Span;

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Severity {
    /// It may be meant.
    Note,
    /// It is likely a mistake.
    Warning,
    /// It is wrong.
    Error,
}

impl Severity {
    /// `note`, `warning` or `error`.
    pub fn name(self) -> &'static str {
        match self {
            Severity::Note => "note",
            Severity::Warning => "warning",
            Severity::Error => "error",
        }
    }
}

/// One thing that is wrong with a text, with its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// How bad it is.
    pub severity: Severity,
    /// A code that never changes its meaning.
    pub code: &'static str,
    /// What is wrong, in words.
    pub message: String,
    /// What to do about it.
    pub help: Cow<'static, str>,
    /// Where, in bytes.
    pub span: Span,
    /// Where it begins, in lines and characters.
    pub position: Position,
}

/// How diagnostics are drawn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// Plain text.
    Plain,
    /// With the colours of a terminal.
    Coloured,
}

/// Most diagnostics of one text that are drawn; the rest is counted.
const DRAWN_MAX: usize = 20;
/// How much of a long line is drawn before and after the place, in characters.
const WINDOW: usize = 60;

impl Diagnostic {
    /// What there is to say about a syntax error of the text that `lines` is of.
    pub fn of(error: &SyntaxError, source: &str, lines: &LineTable) -> Diagnostic {
        let help = match error.kind() {
            SyntaxErrorKind::UnclosedExpression {
                swallows: Some(offset),
            } => {
                let line = lines.position(source, *offset).line;
                Cow::Owned(format!(
                    "add the `)` that is missing, likely before line {line}: what begins there is read as part of this"
                ))
            }
            SyntaxErrorKind::UnclosedString {
                over_lines: Some(offset),
            } => {
                let line = lines.position(source, *offset).line;
                Cow::Owned(format!(
                    "add the closing `\"`, here or before: the string that begins on line {line} goes on over the end of the line"
                ))
            }
            _ => Cow::Borrowed(error.help()),
        };
        Diagnostic {
            severity: Severity::Error,
            code: error.code(),
            message: error.to_string(),
            help,
            span: error.span(),
            position: lines.position(source, error.span().start),
        }
    }

    /// What there is to say about bytes that are no text.
    pub fn of_encoding(error: &EncodingError) -> Diagnostic {
        Diagnostic {
            severity: Severity::Error,
            code: error.code(),
            message: error.to_string(),
            help: Cow::Borrowed(error.help()),
            span: Span {
                start: error.offset,
                end: error.offset + 1,
            },
            position: error.position,
        }
    }
}

/// Draws what is wrong with the file `file`: each with its place, its line and a
/// caret below it, and what to do. At most 20 are drawn and of long lines only the
/// part round the place, so the drawing stays small whatever the text is.
pub fn draw(diagnostics: &[Diagnostic], file: &str, source: &str, style: Style) -> String {
    let renderer = match style {
        Style::Plain => Renderer::plain(),
        Style::Coloured => Renderer::styled(),
    };
    let lines = LineTable::new(source);
    let mut text = String::new();
    for diagnostic in diagnostics.iter().take(DRAWN_MAX) {
        let Position { line, column } = diagnostic.position;
        let level = match diagnostic.severity {
            Severity::Error => Level::ERROR,
            Severity::Warning => Level::WARNING,
            Severity::Note => Level::NOTE,
        };
        let title = level
            .primary_title(diagnostic.message.as_str())
            .id(diagnostic.code);
        let origin = || {
            Origin::path(file)
                .line(line as usize)
                .char_column(column as usize)
        };
        let group = if source.is_empty() {
            // The bytes were no text: there is no line to show.
            title.element(origin())
        } else {
            let (shown, span, whole) = window(diagnostic.span, source, &lines);
            let snippet = Snippet::source(shown)
                .line_start(line as usize)
                .annotation(AnnotationKind::Primary.span(span));
            if whole {
                title.element(snippet.path(file))
            } else {
                title.element(origin()).element(snippet)
            }
        };
        let group = group.element(Level::HELP.message(diagnostic.help.as_ref()));
        text.push_str(&renderer.render(&[group]));
        text.push('\n');
    }
    if diagnostics.len() > DRAWN_MAX {
        let more = diagnostics.len() - DRAWN_MAX;
        let all_errors = diagnostics
            .iter()
            .all(|diagnostic| diagnostic.severity == Severity::Error);
        let what = if all_errors { "errors" } else { "findings" };
        text.push_str(&format!("and {more} more {what} in {file}\n"));
    }
    text
}

/// The part of the first line of `span` to be shown, the span within it, and
/// whether the part is the whole line.
fn window(span: Span, source: &str, lines: &LineTable) -> (String, std::ops::Range<usize>, bool) {
    let (line_start, line) = lines.line(source, span.start);
    let at = (span.start - line_start).min(line.len());
    let end = (span.end - line_start).clamp(at, line.len());
    let from = line[..at]
        .char_indices()
        .rev()
        .nth(WINDOW)
        .map_or(0, |(index, _)| index);
    let to = line[at..]
        .char_indices()
        .nth(2 * WINDOW)
        .map_or(line.len(), |(index, _)| at + index);
    let mut shown = String::new();
    if from > 0 {
        shown.push('…');
    }
    let shift = shown.len();
    shown.push_str(&line[from..to]);
    let start = at - from + shift;
    let end = end.min(to) - from + shift;
    if to < line.len() {
        shown.push('…');
    }
    let whole = from == 0 && to == line.len();
    (shown, start..end.max(start), whole)
}

#[cfg(test)]
mod tests {
    use super::{Diagnostic, Style, draw};
    use crate::position::LineTable;

    fn drawn(source: &str) -> String {
        let lines = LineTable::new(source);
        let all: Vec<Diagnostic> = crate::parse(source)
            .errors
            .iter()
            .map(|error| Diagnostic::of(error, source, &lines))
            .collect();
        draw(&all, "f.metta", source, Style::Plain)
    }

    #[test]
    fn a_caret_stands_below_the_place() {
        let text = drawn("(a b)\n  (= (f $x) )) g\n");
        let expected = "error[E0002]: unexpected `)`
 --> f.metta:2:14
  |
2 |   (= (f $x) )) g
  |              ^
  |
  = help: remove it, or open an expression for it to close
";
        assert_eq!(text, expected);
    }

    #[test]
    fn each_expression_left_open_is_drawn_with_the_line_it_swallows() {
        let text = drawn("(a b)\n  (c (d)\n(= (f) (g");
        let expected = "error[E0001]: unclosed `(`
 --> f.metta:2:3
  |
2 |   (c (d)
  |   ^
  |
  = help: add the `)` that is missing, likely before line 3: what begins there is read as part of this
error[E0001]: unclosed `(`
 --> f.metta:3:1
  |
3 | (= (f) (g
  | ^
  |
  = help: add the `)` that is missing
error[E0001]: unclosed `(`
 --> f.metta:3:8
  |
3 | (= (f) (g
  |        ^
  |
  = help: add the `)` that is missing
";
        assert_eq!(text, expected);
    }

    #[test]
    fn a_string_left_open_is_drawn_with_the_line_where_one_goes_on() {
        let text = drawn("(a \"b\")\n(c \"d)\n(e \"f g \" h)\n");
        let expected = "error[E0003]: unclosed string
 --> f.metta:3:9
  |
3 | (e \"f g \" h)
  |         ^
  |
  = help: add the closing `\"`, here or before: the string that begins on line 2 goes on over the end of the line
";
        assert_eq!(text, expected);
    }

    #[test]
    fn drawings_stay_small() {
        let many = ")".repeat(10_000);
        let text = drawn(&many);
        assert!(text.contains("and 9980 more errors"), "{text}");
        let long = format!("{} ) {}", "a ".repeat(100_000), "b ".repeat(100_000));
        let text = drawn(&long);
        assert!(text.contains("f.metta:1:200002"), "{text}");
        assert!(text.len() < 1000, "{}", text.len());
    }
}

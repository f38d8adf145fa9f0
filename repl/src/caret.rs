//! A syntax error under the line where it is. One function, so that a better
//! renderer can take its place.

use chimera_grammar::{Span, SyntaxError};

/// The message, the place, the line, and a caret under the error. `line_before`
/// is the number of lines that stand before `source` in the text named `name`.
pub(crate) fn draw(error: &SyntaxError, source: &str, name: &str, line_before: usize) -> String {
    let place = Place::of(source, error.span());
    let number = (line_before + place.line).to_string();
    let margin = " ".repeat(number.len());
    let column = place.before.chars().count() + 1;
    // Tabs stay tabs, so that the caret stands where the terminal puts the text.
    let indent: String = place
        .before
        .chars()
        .map(|c| if c == '\t' { '\t' } else { ' ' })
        .collect();
    format!(
        "{error}\n{margin}--> {name}:{number}:{column}\n{margin} |\n{number} | {}\n{margin} | {indent}{}",
        place.text,
        "^".repeat(place.marked.max(1)),
    )
}

struct Place<'s> {
    /// The line, from 1.
    line: usize,
    text: &'s str,
    /// The part of the line before the error.
    before: &'s str,
    /// How many characters of the line the error covers.
    marked: usize,
}

impl<'s> Place<'s> {
    fn of(source: &'s str, span: Span) -> Place<'s> {
        let start = source[..span.start].rfind('\n').map_or(0, |at| at + 1);
        let end = source[span.start..]
            .find('\n')
            .map_or(source.len(), |at| span.start + at);
        let text = source[start..end].trim_end_matches('\r');
        Place {
            line: source[..span.start].matches('\n').count() + 1,
            text,
            before: &source[start..span.start],
            marked: source[span.start..span.end.min(end).max(span.start)]
                .chars()
                .count(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::draw;

    #[track_caller]
    fn check(source: &str, line_before: usize, expected: &str) {
        let parsed = chimera_grammar::parse(source);
        let drawn = draw(&parsed.errors[0], source, "<repl>", line_before);
        assert_eq!(drawn, expected);
    }

    #[test]
    fn the_caret_stands_under_the_error() {
        check(
            "(a b))",
            0,
            "unexpected `)`\n --> <repl>:1:6\n  |\n1 | (a b))\n  |      ^",
        );
        check(
            "(ok)\r\n\t(é \"\\q\")\r\n",
            8,
            "unknown escape `\\q` in string\n  --> <repl>:10:5\n   |\n10 | \t(é \"\\q\")\n   | \t   ^^^^",
        );
        check(
            "(a\n\n",
            0,
            "unclosed `(`\n --> <repl>:1:1\n  |\n1 | (a\n  | ^",
        );
    }
}

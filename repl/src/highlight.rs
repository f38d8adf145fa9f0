//! Colours for what is being typed, from the grammar's own reading of it.

use chimera_grammar::{NodeKind, SyntaxErrorKind, parse};

use crate::command::{self, Line};
use crate::console::{Paint, Style};
use crate::input::closed;

/// A range of bytes and its colour.
type Piece = (usize, usize, Paint);

/// `text` coloured. `cursor` is where the bracket that belongs to the one there
/// is shown; `words` are the names that are known, sorted.
pub(crate) fn highlight(text: &str, cursor: Option<usize>, words: &[String]) -> String {
    let mut pieces = Vec::new();
    match command::of(text) {
        None => metta(text, 0, cursor, words, &mut pieces),
        Some(line) => {
            let colon = text.find(':').unwrap_or(0);
            let end = text[colon..]
                .find(char::is_whitespace)
                .map_or(text.len(), |at| colon + at);
            pieces.push((colon, end, Paint::Command));
            if let Some(expression) = line.expression() {
                let start = Line::argument_start(text, expression);
                let cursor = cursor.and_then(|at| at.checked_sub(start));
                metta(expression, start, cursor, words, &mut pieces);
            }
        }
    }
    pieces.sort_by_key(|piece| piece.0);
    let mut painted = String::with_capacity(text.len() * 2);
    let mut at = 0;
    for (start, end, paint) in pieces {
        painted.push_str(&text[at..start]);
        // Colours do not reach over line ends: the editor redraws lines.
        for (index, line) in text[start..end].split('\n').enumerate() {
            if index > 0 {
                painted.push('\n');
            }
            if !line.is_empty() {
                painted.push_str(&Style::Coloured.paint(paint, line).to_string());
            }
        }
        at = end;
    }
    painted.push_str(&text[at..]);
    painted
}

/// The pieces of `text`, which begins at `offset` of the whole.
fn metta(
    text: &str,
    offset: usize,
    cursor: Option<usize>,
    words: &[String],
    pieces: &mut Vec<Piece>,
) {
    let closed = closed(text);
    let parsed = parse(&closed.source);
    let nodes = parsed.tree.nodes();
    let mut add = |start: usize, end: usize, paint| {
        if start < text.len() {
            pieces.push((offset + start, offset + end.min(text.len()), paint));
        }
    };
    let mut partner = None;
    let mut after_open = false;
    for node in nodes {
        let (start, end) = (node.span.start, node.span.end);
        let paint = match node.kind {
            NodeKind::Expression { .. } => {
                if end <= text.len() {
                    let found = partner_of(cursor, start, end - 1);
                    partner = [partner, found].into_iter().flatten().min();
                }
                after_open = true;
                continue;
            }
            NodeKind::Variable => Some(Paint::Variable),
            NodeKind::String => Some(Paint::String),
            NodeKind::Word => word(&closed.source[start..end], after_open, words),
        };
        after_open = false;
        if let Some(paint) = paint {
            add(start, end, paint);
        }
    }
    for form in parsed.tree.forms() {
        if form.directive {
            add(form.span.start, form.span.start + 1, Paint::Directive);
        }
    }
    for comment in parsed.tree.comments() {
        add(comment.span.start, comment.span.end, Paint::Comment);
    }
    for error in &parsed.errors {
        match error.kind() {
            SyntaxErrorKind::UnexpectedClose => {
                add(error.span().start, error.span().end, Paint::Error);
            }
            SyntaxErrorKind::LoneDirective => {
                add(error.span().start, error.span().end, Paint::Directive);
            }
            _ => {}
        }
    }
    if let Some((_, at)) = partner {
        add(at, at + 1, Paint::Match);
    }
}

/// Where the cursor stands beside a bracket; the first has precedence.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Beside {
    On,
    After,
}

/// The other bracket of an expression if the cursor is on one, or after it.
fn partner_of(cursor: Option<usize>, open: usize, close: usize) -> Option<(Beside, usize)> {
    match cursor? {
        at if at == open => Some((Beside::On, close)),
        at if at == close => Some((Beside::On, open)),
        at if at == open + 1 => Some((Beside::After, close)),
        at if at == close + 1 => Some((Beside::After, open)),
        _ => None,
    }
}

fn word(text: &str, is_head: bool, words: &[String]) -> Option<Paint> {
    if matches!(text, "True" | "False") || chimera::Number::parse(text).is_some() {
        return Some(Paint::Number);
    }
    let known = words
        .binary_search_by(|word| word.as_str().cmp(text))
        .is_ok();
    (is_head && known).then_some(Paint::Known)
}

#[cfg(test)]
mod tests {
    use super::highlight;

    /// Colours stand in `expected` as `«code:text»`.
    #[track_caller]
    fn check(text: &str, cursor: Option<usize>, expected: &str) {
        let words = ["+".to_owned(), "match".to_owned()];
        let painted = highlight(text, cursor, &words);
        let painted = painted.replace("\x1b[0m", "»");
        let mut pieces = painted.split("\x1b[");
        let mut shown = pieces.next().unwrap().to_owned();
        for piece in pieces {
            let (code, rest) = piece.split_once('m').unwrap();
            shown.push_str(&format!("«{code}:{rest}"));
        }
        assert_eq!(shown, expected);
    }

    #[test]
    fn tokens_have_colours_also_while_they_are_typed() {
        check("!(+ 1 $x)", None, "«1;34:!»(«36:+» «35:1» «33:$x»)");
        check("(+ \"a b", None, "(«36:+» «32:\"a b»");
        check("(+ \"a\\", None, "(«36:+» «32:\"a\\»");
        check("(+ True ; (", None, "(«36:+» «35:True» «90:; (»");
        check("!", None, "«1;34:!»");
        check("(other +)", None, "(other +)");
        check("(a))", None, "(a)«31:)»");
    }

    #[test]
    fn the_partner_of_the_bracket_at_the_cursor_is_marked() {
        check("(a (b))", Some(7), "«1;7:(»a (b))");
        check("(a (b))", Some(6), "«1;7:(»a (b))");
        check("(a (b)", Some(6), "(a «1;7:(»b)");
        check("((a))", Some(1), "((a«1;7:)»)");
        check("(a (b))", Some(3), "(a (b«1;7:)»)");
        check("(a \")\")", Some(7), "«1;7:(»a «32:\")\"»)");
        check("(a \")", Some(5), "(a «32:\")»");
        check("(a", Some(0), "(a");
    }

    #[test]
    fn commands_have_their_own() {
        check(":load x(", None, "«1::load» x(");
        check(" :type (+ 1", None, " «1::type» («36:+» «35:1»");
    }

    #[test]
    fn colours_end_with_the_line() {
        check("\"a\nb\"", None, "«32:\"a»\n«32:b\"»");
    }
}

//! The reader: tokens (`lex.rs`) to trees, nesting by an explicit stack.

use crate::error::{DIGITS_MAX, SyntaxError, SyntaxErrorKind};
use crate::lex::{Lexer, Token, is_too_long};
use crate::string::unescape;
use crate::tree::{Comment, Form, Node, NodeKind, Span, Tree};

/// A tree, and what was wrong with the text.
#[derive(Clone, Debug)]
pub struct Parsed<'s> {
    /// Every form that could be read.
    pub tree: Tree<'s>,
    /// Every error, in order; empty if the text is right.
    pub errors: Vec<SyntaxError>,
}

/// Reads `source`. Linear in its length, constant in native stack.
pub fn parse(source: &str) -> Parsed<'_> {
    let mut reader = Reader {
        tree: Tree {
            source,
            nodes: Vec::new(),
            forms: Vec::new(),
            comments: Vec::new(),
        },
        errors: Vec::new(),
        open: Vec::new(),
        directive: None,
    };
    let mut lexer = Lexer::new(source);
    while let Some((token, span)) =
        lexer.next_token(reader.open.is_empty() && reader.directive.is_none())
    {
        reader.take(token, span);
    }
    reader.finish();
    Parsed {
        tree: reader.tree,
        errors: reader.errors,
    }
}

struct Reader<'s> {
    tree: Tree<'s>,
    errors: Vec<SyntaxError>,
    /// Indices of the expressions that are not closed yet.
    open: Vec<u32>,
    /// A `!` whose atom has not come yet.
    directive: Option<Span>,
}

impl Reader<'_> {
    fn take(&mut self, token: Token, span: Span) {
        match token {
            Token::Comment => self.tree.comments.push(Comment { span }),
            Token::Directive => self.directive = Some(span),
            Token::Open => self.open(span),
            Token::Close => self.close(span),
            Token::Variable => self.atom(NodeKind::Variable, span),
            Token::Word => {
                let is_long = span.end - span.start > DIGITS_MAX;
                if is_long && is_too_long(&self.tree.source[span.start..span.end]) {
                    let kind = SyntaxErrorKind::NumberTooLong;
                    self.errors.push(SyntaxError::new(kind, span));
                }
                self.atom(NodeKind::Word, span);
            }
            Token::String => {
                if let Err(kind) = unescape(&self.tree.source[span.start..span.end]) {
                    self.errors.push(SyntaxError::new(kind, span));
                }
                self.atom(NodeKind::String, span);
            }
            Token::UnclosedString => {
                let start = Span {
                    start: span.start,
                    end: span.start + 1,
                };
                let over_lines = self.string_over_lines();
                let kind = SyntaxErrorKind::UnclosedString { over_lines };
                self.errors.push(SyntaxError::new(kind, start));
                self.directive = None;
            }
        }
    }

    /// Where the first string begins that goes on over the end of a line.
    fn string_over_lines(&self) -> Option<usize> {
        let mut strings = (self.tree.nodes.iter()).filter(|node| node.kind == NodeKind::String);
        let over =
            strings.find(|node| self.tree.source[node.span.start..node.span.end].contains('\n'));
        over.map(|node| node.span.start)
    }

    fn next_index(&self) -> u32 {
        u32::try_from(self.tree.nodes.len()).expect("a text has fewer than 2^32 nodes")
    }

    /// Begins a form if what stands at `span` is inside no expression.
    fn form(&mut self, span: Span) {
        if self.open.is_empty() {
            let mark = self.directive();
            let start = mark.map_or(span.start, |mark| mark.start);
            let node = self.next_index();
            self.tree.forms.push(Form {
                directive: mark.is_some(),
                node,
                span: Span {
                    start,
                    end: span.end,
                },
            });
        }
    }

    /// The `!` before the form that begins.
    fn directive(&mut self) -> Option<Span> {
        self.directive.take()
    }

    /// An atom; that of an expression is complete only at its `)`.
    fn atom(&mut self, kind: NodeKind, span: Span) {
        self.form(span);
        self.tree.nodes.push(Node { kind, span });
    }

    fn open(&mut self, span: Span) {
        let index = self.next_index();
        self.atom(NodeKind::Expression { end: 0 }, span);
        self.open.push(index);
    }

    fn close(&mut self, span: Span) {
        match self.open.pop() {
            Some(index) => self.expression(index, span.end),
            None => {
                self.errors
                    .push(SyntaxError::new(SyntaxErrorKind::UnexpectedClose, span));
                self.directive = None;
            }
        }
    }

    /// Completes the expression at `index`, whose text ends before byte `end`.
    fn expression(&mut self, index: u32, end: usize) {
        let next = self.next_index();
        let node = &mut self.tree.nodes[index as usize];
        node.kind = NodeKind::Expression { end: next };
        node.span.end = end;
        if self.open.is_empty()
            && let Some(form) = self.tree.forms.last_mut()
        {
            form.span.end = end;
        }
    }

    /// Reports what the end of the text leaves open; an open form is no form.
    fn finish(&mut self) {
        if let Some(span) = self.directive.take() {
            self.errors
                .push(SyntaxError::new(SyntaxErrorKind::LoneDirective, span));
        }
        if let Some(&outermost) = self.open.first() {
            self.unclosed();
            self.tree.nodes.truncate(outermost as usize);
            self.tree.forms.pop();
        }
        self.errors.sort_by_key(|error| error.span().start);
    }

    /// Reports every expression that is still open, in one walk from the last node
    /// to the outermost of them; none where the text ends in a string, which has what
    /// would close them in it.
    fn unclosed(&mut self) {
        let last = self.errors.last().map(SyntaxError::kind);
        if matches!(last, Some(SyntaxErrorKind::UnclosedString { .. })) {
            self.open.clear();
            return;
        }
        let mut swallows = None;
        let mut index = self.tree.nodes.len();
        while let Some(opened) = self.open.pop() {
            for node in self.tree.nodes[opened as usize + 1..index].iter().rev() {
                let start = node.span.start;
                let expression = matches!(node.kind, NodeKind::Expression { .. });
                if expression && self.tree.source[..start].ends_with('\n') {
                    swallows = Some(start);
                }
            }
            index = opened as usize + 1;
            let span = self.tree.nodes[opened as usize].span;
            let kind = SyntaxErrorKind::UnclosedExpression { swallows };
            self.errors.push(SyntaxError::new(kind, span));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::parse;
    use crate::tree::NodeKind;

    #[track_caller]
    fn check_errors(source: &str, expected: &[(&str, usize, bool)]) {
        let found: Vec<(String, usize, bool)> = parse(source)
            .errors
            .iter()
            .map(|error| (error.to_string(), error.span().start, error.is_incomplete()))
            .collect();
        let expected: Vec<(String, usize, bool)> = expected
            .iter()
            .map(|(text, at, more)| ((*text).to_owned(), *at, *more))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn all_errors_are_reported_in_one_pass() {
        check_errors(
            "(a b))\n(c \"\\q\") (d",
            &[
                ("unexpected `)`", 5, false),
                ("unknown escape `\\q` in string", 10, false),
                ("unclosed `(`", 16, true),
            ],
        );
        check_errors("(a \"b", &[("unclosed string", 3, true)]);
        check_errors(
            "(a)) (b \"c)\n(d",
            &[("unexpected `)`", 3, false), ("unclosed string", 8, true)],
        );
        check_errors(
            "(a (b)\n(c ((d) (e",
            &[
                ("unclosed `(`", 0, true),
                ("unclosed `(`", 7, true),
                ("unclosed `(`", 10, true),
                ("unclosed `(`", 15, true),
            ],
        );
        check_errors("! ", &[("nothing to evaluate after `!`", 0, true)]);
        check_errors("!(f $x) ; (not closed", &[]);
    }

    #[test]
    fn directives_and_comments_are_told_apart_from_words() {
        let parsed = parse("(a !b) ! (c) ; done\n!d");
        let forms: Vec<(bool, &str)> = parsed
            .tree
            .forms()
            .iter()
            .map(|form| {
                (
                    form.directive,
                    &parsed.tree.source()[form.span.start..form.span.end],
                )
            })
            .collect();
        assert_eq!(forms, [(false, "(a !b)"), (true, "! (c)"), (true, "!d")]);
        assert_eq!(parsed.tree.comments().len(), 1);
    }

    #[test]
    fn two_hundred_thousand_nested_parentheses_are_read() {
        let depth = 200_000;
        let source = "(".repeat(depth) + &")".repeat(depth);
        let parsed = parse(&source);
        assert!(parsed.errors.is_empty());
        assert_eq!(
            parsed.tree.nodes()[0].kind,
            NodeKind::Expression { end: depth as u32 }
        );
    }
}

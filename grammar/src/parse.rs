//! The reader: tokens (`lex.rs`) to trees, nesting by an explicit stack.

use crate::error::{SyntaxError, SyntaxErrorKind};
use crate::lex::{Lexer, Token};
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
            Token::Open => {
                self.begin_form(span);
                self.open.push(self.next_index());
                self.tree.nodes.push(Node {
                    kind: NodeKind::Expression { end: 0 },
                    span,
                });
            }
            Token::Close => self.close(span),
            Token::Variable => self.leaf(NodeKind::Variable, span),
            Token::Word => self.leaf(NodeKind::Word, span),
            Token::String => {
                if let Err(kind) = unescape(&self.tree.source[span.start..span.end]) {
                    self.errors.push(SyntaxError::new(kind, span));
                }
                self.leaf(NodeKind::String, span);
            }
            Token::UnclosedString => {
                let start = Span {
                    start: span.start,
                    end: span.start + 1,
                };
                self.errors
                    .push(SyntaxError::new(SyntaxErrorKind::UnclosedString, start));
                self.directive = None;
            }
        }
    }

    fn next_index(&self) -> u32 {
        u32::try_from(self.tree.nodes.len()).expect("a text has fewer than 2^32 nodes")
    }

    fn begin_form(&mut self, span: Span) {
        if self.open.is_empty() {
            let directive = self.directive.take();
            let start = directive.map_or(span.start, |mark| mark.start);
            let node = self.next_index();
            self.tree.forms.push(Form {
                directive: directive.is_some(),
                node,
                span: Span {
                    start,
                    end: span.end,
                },
            });
        }
    }

    fn leaf(&mut self, kind: NodeKind, span: Span) {
        self.begin_form(span);
        self.tree.nodes.push(Node { kind, span });
    }

    fn close(&mut self, span: Span) {
        let Some(index) = self.open.pop() else {
            self.errors
                .push(SyntaxError::new(SyntaxErrorKind::UnexpectedClose, span));
            self.directive = None;
            return;
        };
        let end = self.next_index();
        let node = &mut self.tree.nodes[index as usize];
        node.kind = NodeKind::Expression { end };
        node.span.end = span.end;
        if self.open.is_empty()
            && let Some(form) = self.tree.forms.last_mut()
        {
            form.span.end = span.end;
        }
    }

    /// Reports what the end of the text leaves open; an open form is no form.
    fn finish(&mut self) {
        if let Some(span) = self.directive.take() {
            self.errors
                .push(SyntaxError::new(SyntaxErrorKind::LoneDirective, span));
        }
        if let Some(&outermost) = self.open.first() {
            let innermost = *self.open.last().expect("not empty");
            let span = self.tree.nodes[innermost as usize].span;
            self.errors
                .push(SyntaxError::new(SyntaxErrorKind::UnclosedExpression, span));
            self.tree.nodes.truncate(outermost as usize);
            self.tree.forms.pop();
        }
        self.errors.sort_by_key(|error| error.span().start);
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
        check_errors(
            "(a \"b",
            &[("unclosed `(`", 0, true), ("unclosed string", 3, true)],
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

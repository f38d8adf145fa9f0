//! Trees: what a text says, before any meaning.

/// A range of bytes of the source, end exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The first byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// A parsed text: nodes in pre-order, borrowing the source.
#[derive(Clone, Debug)]
pub struct Tree<'s> {
    pub(crate) source: &'s str,
    pub(crate) nodes: Vec<Node>,
    pub(crate) forms: Vec<Form>,
    pub(crate) comments: Vec<Comment>,
}

/// One node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Node {
    /// What it is.
    pub kind: NodeKind,
    /// Where it stands.
    pub span: Span,
}

/// The kinds of node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NodeKind {
    /// `( … )`. Its descendants follow in pre-order up to index `end`, exclusive.
    Expression {
        /// One past the index of the last descendant.
        end: u32,
    },
    /// `$name`; the span includes the `$`.
    Variable,
    /// Any other word: a symbol, a number or what a token says.
    Word,
    /// `"…"`; the span includes the quotes.
    String,
}

/// One top-level atom.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Form {
    /// Whether `!` stands before it.
    pub directive: bool,
    /// The index of its node.
    pub node: u32,
    /// Where it stands, the `!` included.
    pub span: Span,
}

/// A comment, from `;` to the end of its line, exclusive.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Where it stands.
    pub span: Span,
}

impl<'s> Tree<'s> {
    /// The text it was read from.
    pub fn source(&self) -> &'s str {
        self.source
    }

    /// All nodes in pre-order.
    pub fn nodes(&self) -> &[Node] {
        &self.nodes
    }

    /// The top-level atoms in order.
    pub fn forms(&self) -> &[Form] {
        &self.forms
    }

    /// The comments in order.
    pub fn comments(&self) -> &[Comment] {
        &self.comments
    }
}

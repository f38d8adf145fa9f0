//! Why a text is not MeTTa, and where.

use crate::tree::Span;

/// Why a source text is not MeTTa, and where.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{kind}")]
pub struct SyntaxError {
    kind: SyntaxErrorKind,
    span: Span,
}

/// The kinds of syntax error.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SyntaxErrorKind {
    /// The text ends inside an expression.
    #[error("unclosed `(`")]
    UnclosedExpression {
        /// The byte where the first expression inside it stands that begins a line in
        /// its first column: most likely the form before which the `)` is missing.
        swallows: Option<usize>,
    },
    /// A `)` that closes nothing.
    #[error("unexpected `)`")]
    UnexpectedClose,
    /// The text ends inside a string.
    #[error("unclosed string")]
    UnclosedString {
        /// The byte where the first string before it begins that goes on over the end of a
        /// line: most likely the one whose `"` is missing.
        over_lines: Option<usize>,
    },
    /// An escape that strings do not take.
    #[error("unknown escape `\\{0}` in string")]
    UnknownEscape(char),
    /// A `\x` or `\u` escape that names no character.
    #[error("escape in string names no character")]
    InvalidEscape,
    /// A `!` with nothing to evaluate after it.
    #[error("nothing to evaluate after `!`")]
    LoneDirective,
    /// A whole number of more than [`DIGITS_MAX`] digits.
    #[error("a whole number of more than {DIGITS_MAX} digits")]
    NumberTooLong,
}

/// How many digits a whole number may have, signs not counted: what has more may have more bits
/// than numbers are allowed, 2^22.
pub const DIGITS_MAX: usize = 1_262_611;

impl SyntaxError {
    pub(crate) fn new(kind: SyntaxErrorKind, span: Span) -> SyntaxError {
        SyntaxError { kind, span }
    }

    /// What is wrong.
    pub fn kind(&self) -> &SyntaxErrorKind {
        &self.kind
    }

    /// Where.
    pub fn span(&self) -> Span {
        self.span
    }

    /// A code that never changes its meaning.
    pub fn code(&self) -> &'static str {
        match self.kind {
            SyntaxErrorKind::UnclosedExpression { .. } => "E0001",
            SyntaxErrorKind::UnexpectedClose => "E0002",
            SyntaxErrorKind::UnclosedString { .. } => "E0003",
            SyntaxErrorKind::UnknownEscape(_) => "E0004",
            SyntaxErrorKind::InvalidEscape => "E0005",
            SyntaxErrorKind::LoneDirective => "E0006",
            SyntaxErrorKind::NumberTooLong => "E0008",
        }
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        match self.kind {
            SyntaxErrorKind::UnclosedExpression { .. } => "add the `)` that is missing",
            SyntaxErrorKind::UnexpectedClose => "remove it, or open an expression for it to close",
            SyntaxErrorKind::UnclosedString { .. } => "add the closing `\"`",
            SyntaxErrorKind::UnknownEscape(_) => {
                "strings take \\\" \\\\ \\n \\t \\r \\xNN and \\u{…}; write `\\\\` for a backslash"
            }
            SyntaxErrorKind::InvalidEscape => {
                "write \\xNN with two digits up to 7f, or \\u{…} with the number of a character"
            }
            SyntaxErrorKind::LoneDirective => "write the atom to evaluate after it",
            SyntaxErrorKind::NumberTooLong => {
                "write a smaller number, or one with a point or an exponent"
            }
        }
    }

    /// Whether more text could make it right.
    pub fn is_incomplete(&self) -> bool {
        match self.kind {
            SyntaxErrorKind::UnclosedExpression { .. }
            | SyntaxErrorKind::UnclosedString { .. }
            | SyntaxErrorKind::LoneDirective => true,
            SyntaxErrorKind::UnexpectedClose
            | SyntaxErrorKind::UnknownEscape(_)
            | SyntaxErrorKind::InvalidEscape
            | SyntaxErrorKind::NumberTooLong => false,
        }
    }
}

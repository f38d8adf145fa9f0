//! Reading MeTTa text: from characters to trees with spans.
//!
//! A [`Tree`] is a flat arena in pre-order, so the depth of a text costs no
//! native stack. All errors of a text are found in one pass; *incomplete* texts
//! are told apart from wrong ones.

mod decode;
mod diagnostic;
mod error;
mod format;
mod lex;
mod parse;
mod position;
mod string;
mod tree;

pub use decode::{EncodingError, decode};
pub use diagnostic::{Diagnostic, Severity, Style, draw};
pub use error::{DIGITS_MAX, SyntaxError, SyntaxErrorKind};
pub use format::{format, print};
pub use lex::{FormPlace, Lexer, Token, is_well_formed};
pub use parse::{Parsed, parse};
pub use position::{LineTable, Position};
pub use string::{quote, unescape, write_quoted};
pub use tree::{Comment, Form, Node, NodeKind, Span, Tree};

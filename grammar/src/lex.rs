//! Tokens, by nom, one at a time: what a text is read from, piece by piece, when it
//! is too long to be kept as a tree.

use nom::bytes::complete::take_till;
use nom::{IResult, Parser};

use crate::error::DIGITS_MAX;
use crate::tree::Span;

/// The kinds of token. White space is skipped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Token {
    /// From `;` to the end of the line, exclusive.
    Comment,
    /// `(`.
    Open,
    /// `)`.
    Close,
    /// The `!` of a directive.
    Directive,
    /// `$name`.
    Variable,
    /// Any other word.
    Word,
    /// `"…"`.
    String,
    /// A string that the text ends in.
    UnclosedString,
}

/// Goes through the tokens of a text.
#[derive(Clone, Debug)]
pub struct Lexer<'s> {
    source: &'s str,
    at: usize,
    line: u32,
}

/// What a byte may be the beginning of.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Word,
    Space,
    Newline,
    /// `(`, `)` or `;`.
    Mark,
    /// A character of several bytes that may be white space.
    Perhaps,
}

static CLASSES: [Class; 256] = classes();

const fn classes() -> [Class; 256] {
    let mut classes = [Class::Word; 256];
    let mut byte = 9;
    while byte <= 13 {
        classes[byte] = Class::Space;
        byte += 1;
    }
    classes[b' ' as usize] = Class::Space;
    classes[b'\n' as usize] = Class::Newline;
    classes[b'(' as usize] = Class::Mark;
    classes[b')' as usize] = Class::Mark;
    classes[b';' as usize] = Class::Mark;
    // The first bytes of the white space beyond ASCII: U+0085 to U+3000.
    classes[0xc2] = Class::Perhaps;
    classes[0xe1] = Class::Perhaps;
    classes[0xe2] = Class::Perhaps;
    classes[0xe3] = Class::Perhaps;
    classes
}

fn class(byte: u8) -> Class {
    CLASSES[byte as usize]
}

/// Whether the byte ends a word; one that may be white space is looked at again.
fn ends_word(byte: u8) -> bool {
    class(byte) != Class::Word
}

/// Bytes that are certainly within a word.
fn within_word(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_till(ends_word).parse(input)
}

/// Where a form stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormPlace {
    /// All of it, with the `!` of a directive.
    pub span: Span,
    /// Whether it is a directive.
    pub directive: bool,
    /// The line, from 1, in which it begins.
    pub line: u32,
}

/// A comment without its end.
fn comment(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_till(|byte| byte == b'\n').parse(input)
}

/// Bytes of a string up to a quote, an escape or the end of a line.
fn within_string(input: &[u8]) -> IResult<&[u8], &[u8]> {
    take_till(|byte| matches!(byte, b'"' | b'\\' | b'\n')).parse(input)
}

impl<'s> Lexer<'s> {
    /// Begins at the beginning, after a byte-order mark if there is one.
    pub fn new(source: &'s str) -> Lexer<'s> {
        let text = source.strip_prefix('\u{feff}').unwrap_or(source);
        Lexer {
            source,
            at: source.len() - text.len(),
            line: 1,
        }
    }

    /// The text.
    pub fn source(&self) -> &'s str {
        self.source
    }

    /// The byte after the newest token.
    pub fn offset(&self) -> usize {
        self.at
    }

    /// The line, from 1, in which the newest token ends.
    pub fn line(&self) -> u32 {
        self.line
    }

    /// The next token and where it stands. `top` says that a `!` here begins a
    /// directive: outside every expression, unless a `!` has just been.
    #[inline]
    pub fn next_token(&mut self, top: bool) -> Option<(Token, Span)> {
        self.space();
        let start = self.at;
        let token = match *self.source.as_bytes().get(start)? {
            b'(' => self.one(Token::Open),
            b')' => self.one(Token::Close),
            b'!' if top => self.one(Token::Directive),
            b';' => {
                self.advance(comment);
                Token::Comment
            }
            b'"' => self.string(),
            b'$' => self.variable(),
            _ => self.word(),
        };
        let end = self.at;
        Some((token, Span { start, end }))
    }

    /// The form that comes next, of a well-formed text; this stands between forms. Linear
    /// in it, without a tree.
    #[inline]
    pub fn next_form(&mut self) -> Option<FormPlace> {
        let mut first = None;
        let mut depth = 0_usize;
        let mut directive = false;
        loop {
            let (token, span) = self.next_token(depth == 0 && !directive)?;
            if token != Token::Comment && first.is_none() {
                let lines = self.source[span.start..span.end].matches('\n').count();
                first = Some((span.start, self.line - lines as u32));
            }
            match token {
                Token::Comment => continue,
                Token::Directive => {
                    directive = true;
                    continue;
                }
                Token::Open => depth += 1,
                Token::Close => depth = depth.saturating_sub(1),
                Token::Variable | Token::Word | Token::String | Token::UnclosedString => {}
            }
            if depth == 0 {
                let (start, line) = first?;
                let end = span.end;
                return Some(FormPlace {
                    span: Span { start, end },
                    directive,
                    line,
                });
            }
        }
    }

    fn one(&mut self, token: Token) -> Token {
        self.at += 1;
        token
    }

    fn advance(&mut self, part: impl Fn(&'s [u8]) -> IResult<&'s [u8], &'s [u8]>) {
        let rest = &self.source.as_bytes()[self.at..];
        let (_, taken) = part(rest).expect("it takes any number of bytes");
        self.at += taken.len();
    }

    fn space(&mut self) {
        let bytes = self.source.as_bytes();
        while let Some(&byte) = bytes.get(self.at) {
            match class(byte) {
                Class::Space => self.at += 1,
                Class::Newline => {
                    self.at += 1;
                    self.line += 1;
                }
                Class::Perhaps => match self.character() {
                    (length, true) => self.at += length,
                    _ => return,
                },
                Class::Word | Class::Mark => return,
            }
        }
    }

    /// The length of the next character, and whether it is white space.
    fn character(&self) -> (usize, bool) {
        let next = self.source[self.at..].chars().next();
        next.map_or((0, false), |c| (c.len_utf8(), c.is_whitespace()))
    }

    fn variable(&mut self) -> Token {
        self.at += 1;
        self.word();
        Token::Variable
    }

    fn word(&mut self) -> Token {
        loop {
            self.advance(within_word);
            match self.source.as_bytes().get(self.at) {
                Some(&byte) if class(byte) == Class::Perhaps => match self.character() {
                    (length, false) => self.at += length,
                    _ => return Token::Word,
                },
                _ => return Token::Word,
            }
        }
    }

    /// A string up to its closing quote, or all the rest if there is none.
    fn string(&mut self) -> Token {
        let bytes = self.source.as_bytes();
        self.at += 1;
        loop {
            self.advance(within_string);
            match bytes.get(self.at) {
                None => return Token::UnclosedString,
                Some(b'"') => return self.one(Token::String),
                Some(b'\n') => {
                    self.at += 1;
                    self.line += 1;
                }
                Some(_) => {
                    self.line += u32::from(bytes.get(self.at + 1) == Some(&b'\n'));
                    self.at += 1;
                    // What is escaped may be a long character: go to its end.
                    self.at += self.character().0;
                }
            }
        }
    }
}

/// Whether [`crate::parse`] would find no error in `source`. Linear, without a tree.
pub fn is_well_formed(source: &str) -> bool {
    let mut lexer = Lexer::new(source);
    let mut depth = 0_usize;
    let mut directive = false;
    while let Some((token, span)) = lexer.next_token(depth == 0 && !directive) {
        match token {
            Token::Comment => {}
            Token::Directive => directive = true,
            Token::Open => {
                depth += 1;
                directive = false;
            }
            Token::Close => {
                if depth == 0 {
                    return false;
                }
                depth -= 1;
            }
            Token::Word => {
                if span.end - span.start > DIGITS_MAX && is_too_long(&source[span.start..span.end])
                {
                    return false;
                }
                directive = false;
            }
            Token::Variable => directive = false,
            Token::String => {
                if crate::unescape(&source[span.start..span.end]).is_err() {
                    return false;
                }
                directive = false;
            }
            Token::UnclosedString => return false,
        }
    }
    depth == 0 && !directive
}

/// Whether a word is a whole number of more digits than there may be.
pub(crate) fn is_too_long(word: &str) -> bool {
    let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
    digits.len() > DIGITS_MAX && digits.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::{Lexer, Token, is_well_formed};

    #[test]
    fn tokens_end_at_any_white_space_and_know_their_line() {
        let source = "\u{feff}(é\u{a0}b→c \"1\\\n\n\" ;d\n$x\u{3000}!)\n!";
        let mut lexer = Lexer::new(source);
        let mut all = Vec::new();
        while let Some((token, span)) = lexer.next_token(false) {
            all.push((token, &source[span.start..span.end], lexer.line()));
        }
        assert_eq!(
            all,
            [
                (Token::Open, "(", 1),
                (Token::Word, "é", 1),
                (Token::Word, "b→c", 1),
                (Token::String, "\"1\\\n\n\"", 3),
                (Token::Comment, ";d", 3),
                (Token::Variable, "$x", 4),
                (Token::Word, "!", 4),
                (Token::Close, ")", 4),
                (Token::Word, "!", 5),
            ]
        );
    }

    #[test]
    fn forms_come_one_by_one_with_their_lines() {
        let source = "; first\n(a \"b\n)\" (c)) word\n! ; what\n(d)\n\"x\ny\" $z";
        let mut lexer = Lexer::new(source);
        let mut all = Vec::new();
        while let Some(form) = lexer.next_form() {
            let text = &source[form.span.start..form.span.end];
            all.push((text, form.directive, form.line));
        }
        assert_eq!(
            all,
            [
                ("(a \"b\n)\" (c))", false, 2),
                ("word", false, 3),
                ("! ; what\n(d)", true, 4),
                ("\"x\ny\"", false, 6),
                ("$z", false, 7),
            ]
        );
    }

    #[test]
    fn a_text_is_well_formed_if_it_has_no_error() {
        for source in [
            "",
            "(a b",
            "a)",
            "!",
            "! ; c\n",
            "!a",
            "! !",
            "!!",
            "(\"\\q\")",
            "\"",
            "(!) !(a) b",
            "\"\\",
        ] {
            let parsed = crate::parse(source);
            assert_eq!(
                is_well_formed(source),
                parsed.errors.is_empty(),
                "{source:?}"
            );
        }
    }
}

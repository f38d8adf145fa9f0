//! Strings: their escapes, and printing them so that they read back.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::ops::RangeInclusive;
use std::str::Chars;

use crate::error::SyntaxErrorKind;

/// The text of a string node, whose quotes are included.
///
/// # Errors
/// At the first escape that strings do not take.
pub fn unescape(quoted: &str) -> Result<Cow<'_, str>, SyntaxErrorKind> {
    let inner = quoted.strip_prefix('"').unwrap_or(quoted);
    let inner = inner.strip_suffix('"').unwrap_or(inner);
    if !inner.contains('\\') {
        return Ok(Cow::Borrowed(inner));
    }
    let mut text = String::with_capacity(inner.len());
    let mut characters = inner.chars();
    while let Some(character) = characters.next() {
        if character != '\\' {
            text.push(character);
            continue;
        }
        text.push(escape(&mut characters)?);
    }
    Ok(Cow::Owned(text))
}

/// The character that an escape names, after its backslash.
fn escape(characters: &mut Chars<'_>) -> Result<char, SyntaxErrorKind> {
    match characters.next() {
        Some('n') => Ok('\n'),
        Some('t') => Ok('\t'),
        Some('r') => Ok('\r'),
        Some(same @ ('"' | '\\' | '\'')) => Ok(same),
        Some('x') => {
            let digits: String = characters.by_ref().take(2).collect();
            hex(&digits, 2..=2, 0x7f)
        }
        Some('u') => {
            if characters.next() != Some('{') {
                return Err(SyntaxErrorKind::InvalidEscape);
            }
            let digits: String = characters.by_ref().take_while(|c| *c != '}').collect();
            hex(&digits, 1..=6, 0x0010_ffff)
        }
        Some(other) => Err(SyntaxErrorKind::UnknownEscape(other)),
        None => Err(SyntaxErrorKind::InvalidEscape),
    }
}

/// The character of which hexadecimal `digits`, `length` of them, are the number.
fn hex(digits: &str, length: RangeInclusive<usize>, most: u32) -> Result<char, SyntaxErrorKind> {
    if !length.contains(&digits.len()) || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Err(SyntaxErrorKind::InvalidEscape);
    }
    u32::from_str_radix(digits, 16)
        .ok()
        .filter(|code| *code <= most)
        .and_then(char::from_u32)
        .ok_or(SyntaxErrorKind::InvalidEscape)
}

/// Appends `text` as a string literal that reads back equal.
pub fn quote(text: &str, out: &mut String) {
    write_quoted(text, out).expect("strings take all writes");
}

/// Writes `text` as [`quote`] appends it, a run of plain characters at a time.
///
/// # Errors
/// When `out` takes no more.
pub fn write_quoted(text: &str, out: &mut impl Write) -> fmt::Result {
    out.write_char('"')?;
    let mut rest = text;
    let is_escaped = |character: char| matches!(character, '"' | '\\') || character.is_control();
    while let Some(at) = rest.find(is_escaped) {
        let (plain, from) = rest.split_at(at);
        out.write_str(plain)?;
        let mut characters = from.chars();
        match characters.next().expect("one was found there") {
            '\n' => out.write_str("\\n")?,
            '\t' => out.write_str("\\t")?,
            '\r' => out.write_str("\\r")?,
            itself @ ('"' | '\\') => write!(out, "\\{itself}")?,
            control => write!(out, "\\u{{{:x}}}", u32::from(control))?,
        }
        rest = characters.as_str();
    }
    out.write_str(rest)?;
    out.write_char('"')
}

#[cfg(test)]
mod tests {
    use super::{quote, unescape};

    #[test]
    fn quoting_reads_back_equal() {
        for text in ["", "plain", "a \"b\" \\ c", "\n\t\r\u{1}\u{7f}", "日本 🙂"] {
            let mut quoted = String::new();
            quote(text, &mut quoted);
            assert_eq!(unescape(&quoted).unwrap(), text);
        }
    }

    #[test]
    fn escapes_that_name_no_character_are_errors() {
        for quoted in [
            r#""\q""#,
            r#""\x8""#,
            r#""\u{}""#,
            r#""\u{d800}""#,
            r#""\u41""#,
        ] {
            assert!(unescape(quoted).is_err(), "{quoted}");
        }
        assert_eq!(unescape(r#""\x41\u{1F642}""#).unwrap(), "A🙂");
    }
}

//! From bytes to text.

use crate::position::{LineTable, Position};

/// The bytes are not UTF-8.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not UTF-8: the byte {byte:#04x} begins no character")]
pub struct EncodingError {
    /// The first byte that is wrong.
    pub byte: u8,
    /// Where it stands, in bytes.
    pub offset: usize,
    /// Where it stands, in lines and characters.
    pub position: Position,
}

impl EncodingError {
    /// A code that never changes its meaning.
    pub fn code(&self) -> &'static str {
        "E0007"
    }

    /// What to do about it.
    pub fn help(&self) -> &'static str {
        "save the file as UTF-8"
    }
}

/// The text that `bytes` are. A byte-order mark stays; the parser skips it.
///
/// # Errors
/// At the first byte that is not UTF-8.
pub fn decode(bytes: &[u8]) -> Result<&str, EncodingError> {
    std::str::from_utf8(bytes).map_err(|error| {
        let offset = error.valid_up_to();
        let valid = std::str::from_utf8(&bytes[..offset]).unwrap_or_default();
        EncodingError {
            byte: bytes[offset],
            offset,
            position: LineTable::new(valid).position(valid, offset),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn what_is_not_utf8_has_its_place() {
        assert_eq!(decode("(ü)".as_bytes()), Ok("(ü)"));
        let error = decode(b"(a)\n(\xc3\xbc \xff)").unwrap_err();
        assert_eq!(
            error.to_string(),
            "not UTF-8: the byte 0xff begins no character"
        );
        assert_eq!(
            (error.offset, error.position.line, error.position.column),
            (8, 2, 4)
        );
        // A character that is cut off at the end.
        assert_eq!(decode(b"a\xe2\x82").unwrap_err().offset, 1);
    }
}

//! The secret that guards what changes state. It can be compared and nothing
//! else: it is kept as its digest and printed as nothing.

use std::fmt;

use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// A secret.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// A token; `None` for an empty text, which would guard nothing.
    pub fn new(text: &str) -> Option<Token> {
        let text = text.trim();
        (!text.is_empty()).then(|| Token(Sha256::digest(text).into()))
    }

    /// Whether `given` is this secret. The time taken tells nothing of it.
    pub(super) fn is(&self, given: &str) -> bool {
        let given: [u8; 32] = Sha256::digest(given).into();
        self.0.ct_eq(&given).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token")
    }
}

#[cfg(test)]
mod tests {
    use super::Token;

    #[test]
    fn a_token_is_compared_whole_and_never_shown() {
        let token = Token::new(" secret\n").unwrap();
        assert!(token.is("secret"));
        assert!(!token.is("secre") && !token.is("secrets") && !token.is(""));
        assert_eq!(format!("{token:?}"), "Token");
        assert!(Token::new(" \n").is_none());
    }
}

//! JSON bodies.

use serde::de::DeserializeOwned;

use crate::http::answer::Failure;

/// Reads a JSON body.
///
/// # Errors
/// 400 with what is wrong, where, and an example.
pub(super) fn json<T: DeserializeOwned>(body: &[u8], example: &str) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        Failure::bad_request(format!(
            "the body is not what is taken here: {error}; send {example}"
        ))
    })
}

//! Bodies: of which types they may be, and JSON.

use hyper::header::{CONTENT_ENCODING, CONTENT_TYPE, HeaderMap};
use serde::de::DeserializeOwned;

use crate::http::answer::Failure;
use crate::http::table::Route;

/// What curl says of `-d` without being told.
const FORM: &str = "application/x-www-form-urlencoded";

/// Checks what a body is said to be against what its route takes. Nothing said
/// is nothing wrong, nor is what curl says by itself: its body is read all the same.
///
/// # Errors
/// 415, with what is taken.
pub(in crate::http) fn check_type(route: &Route, headers: &HeaderMap) -> Result<(), Failure> {
    if headers
        .get(CONTENT_ENCODING)
        .is_some_and(|coding| !coding.as_bytes().eq_ignore_ascii_case(b"identity"))
    {
        return Err(Failure::MediaType(
            "bodies are taken as they are, without a Content-Encoding".to_owned(),
        ));
    }
    let Some(given) = headers.get(CONTENT_TYPE) else {
        return Ok(());
    };
    let given = media_type(given.to_str().unwrap_or(""));
    let takes = |taken: &str| given.eq_ignore_ascii_case(taken);
    // A route without a body does not look at one.
    if route.takes.is_empty() || takes(FORM) || route.takes.iter().any(|(taken, _)| takes(taken)) {
        return Ok(());
    }
    let taken: Vec<&str> = route.takes.iter().map(|(taken, _)| *taken).collect();
    let taken = match &taken[..] {
        [others @ .., last] if !others.is_empty() => format!("{} or {last}", others.join(", ")),
        all => all.concat(),
    };
    Err(Failure::MediaType(format!(
        "{taken} is taken here, not {given:?}"
    )))
}

/// A content type without its parameters.
pub(in crate::http) fn media_type(content_type: &str) -> &str {
    content_type.split(';').next().unwrap_or("").trim()
}

/// Reads a JSON body.
///
/// # Errors
/// 400 with what is wrong, where, and an example.
pub(super) fn json<T: DeserializeOwned>(body: &[u8], example: &str) -> Result<T, Failure> {
    let wrong = |error: &dyn std::fmt::Display| {
        Failure::bad_request(format!(
            "the body is not what is taken here: {error}; send {example}"
        ))
    };
    // The library would also take the fields of an object as a list.
    if body.trim_ascii_start().first() == Some(&b'[') {
        return Err(wrong(&"it is a list"));
    }
    serde_json::from_slice(body).map_err(|error| wrong(&error))
}

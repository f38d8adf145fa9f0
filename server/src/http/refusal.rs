//! What the HTTP library answers by itself, in the form of all other errors.
//!
//! What is no HTTP/1.1 never becomes a request: the library answers it with a
//! status and nothing else. That answer is caught on its way out.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use hyper::StatusCode;
use serde_json::json;

/// The library's own answers are shorter than this; ours are longer.
const OWN_BYTES_MAX: usize = 160;

/// An answer that stands in for what was to be written.
pub(super) struct Refused {
    bytes: Vec<u8>,
    sent: usize,
    stands_for: usize,
}

impl Refused {
    /// What is still to be written.
    pub(super) fn left(&self) -> &[u8] {
        &self.bytes[self.sent..]
    }

    pub(super) fn advance(&mut self, count: usize) {
        self.sent += count;
    }

    /// How many bytes of the library's it takes the place of.
    pub(super) fn stands_for(&self) -> usize {
        self.stands_for
    }
}

/// The same bytes with a refusal of the library at their end made one of ours;
/// `None` if there is none, as nearly always.
pub(super) fn in_place_of(bytes: &[u8]) -> Option<Refused> {
    if !bytes.ends_with(b"\r\n\r\n") {
        return None;
    }
    let start = bytes.len().saturating_sub(OWN_BYTES_MAX);
    let at = start + find(&bytes[start..], b"HTTP/1.1 4")?;
    let own = &bytes[at..];
    if find(own, b"x-request-id").is_some() || find(own, b"content-length: 0").is_none() {
        return None;
    }
    let code = std::str::from_utf8(own.get(9..12)?).ok()?.parse().ok()?;
    let status = StatusCode::from_u16(code).ok()?;
    let detail = match status {
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE => {
            "the head of the request has too many fields or bytes, or announces more than can be"
        }
        StatusCode::URI_TOO_LONG => "the target of the request is too long",
        _ => "this is no HTTP/1.1 request; nothing of it was taken",
    };
    let mut replaced = bytes[..at].to_vec();
    replaced.extend(answer(status, detail));
    Some(Refused {
        bytes: replaced,
        sent: 0,
        stands_for: bytes.len(),
    })
}

/// What a client is told whose request does not come to an end.
pub(super) fn too_slow(limit: Duration) -> Vec<u8> {
    answer(
        StatusCode::REQUEST_TIMEOUT,
        &format!("the head took longer than {} s", limit.as_secs_f64()),
    )
}

/// What a client is told who has as many connections as it may.
pub(super) fn too_many() -> Vec<u8> {
    answer(
        StatusCode::TOO_MANY_REQUESTS,
        "there are as many connections from your address as there may be; use those, or close some",
    )
}

/// What a client is told who cannot be served at all now.
pub(super) fn full() -> Vec<u8> {
    answer(
        StatusCode::SERVICE_UNAVAILABLE,
        "there are as many connections as there may be; try again",
    )
}

fn answer(status: StatusCode, detail: &str) -> Vec<u8> {
    let body = json!({ "detail": detail }).to_string();
    let retry = match status {
        StatusCode::SERVICE_UNAVAILABLE | StatusCode::TOO_MANY_REQUESTS => "retry-after: 1\r\n",
        _ => "",
    };
    // It never was a request, so it has no number among them.
    static NUMBER: AtomicU64 = AtomicU64::new(1);
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    format!(
        "HTTP/1.1 {} {}\r\ncontent-type: application/json\r\ncontent-length: {}\r\n{retry}\
         x-request-id: unread-{number}\r\nconnection: close\r\n\r\n{body}",
        status.as_u16(),
        status.canonical_reason().unwrap_or("Error"),
        body.len()
    )
    .into_bytes()
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes
        .windows(wanted.len())
        .position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use super::in_place_of;

    const OWN: &str = "HTTP/1.1 400 Bad Request\r\nconnection: close\r\ncontent-length: 0\r\ndate: Thu, 01 Jan 1970 00:00:00 GMT\r\n\r\n";

    #[test]
    fn only_the_library_s_own_refusals_are_replaced() {
        let ours = "HTTP/1.1 404 Not Found\r\nx-request-id: 1\r\ncontent-length: 0\r\n\r\n";
        let empty = "HTTP/1.1 204 No Content\r\ndate: x\r\n\r\n";
        for kept in [ours, empty, "HTTP/1.1 200 OK\r\n\r\n{}", ""] {
            assert!(in_place_of(kept.as_bytes()).is_none(), "{kept}");
        }
        let refused = in_place_of(OWN.as_bytes()).unwrap();
        let text = String::from_utf8(refused.left().to_vec()).unwrap();
        assert!(text.starts_with("HTTP/1.1 400 Bad Request\r\n"), "{text}");
        assert!(text.contains("\r\nx-request-id: "), "{text}");
        assert!(
            text.ends_with("{\"detail\":\"this is no HTTP/1.1 request; nothing of it was taken\"}")
        );
        assert_eq!(refused.stands_for(), OWN.len());
    }

    #[test]
    fn what_stands_before_a_refusal_stays() {
        let before = "HTTP/1.1 200 OK\r\nx-request-id: 1\r\ncontent-length: 2\r\n\r\n{}";
        let both = format!("{before}{OWN}");
        let refused = in_place_of(both.as_bytes()).unwrap();
        assert!(refused.left().starts_with(before.as_bytes()));
        assert_eq!(refused.stands_for(), both.len());
    }
}

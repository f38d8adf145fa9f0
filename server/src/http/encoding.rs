//! How an answer travels: as it is or compressed, whole or its head alone.

use std::io::Write;
use std::sync::{LazyLock, Mutex, PoisonError};

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use hyper::Response;
use hyper::body::Body as _;
use hyper::header::{
    ACCEPT_ENCODING, CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_TYPE, ETAG, HeaderMap, HeaderValue,
    VARY,
};

use super::answer::{Answer, Body};

/// Below this, compressing saves no packet.
const BYTES_MIN: usize = 1400;
/// Above this, compressing takes longer than a worker should be kept.
const BYTES_AT_ONCE: usize = 128 << 10;
/// Compressed files that are kept; there are fewer of them.
const KEPT_MAX: usize = 32;

/// What the client can take.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Encoding {
    Plain,
    Gzip,
}

impl Encoding {
    /// The best of what a request says that it takes.
    pub(super) fn accepted(headers: &HeaderMap) -> Encoding {
        let offered = headers.get_all(ACCEPT_ENCODING).iter();
        let gzip = offered
            .filter_map(|value| value.to_str().ok())
            .flat_map(|value| value.split(','))
            .any(|one| {
                let mut parts = one.split(';').map(str::trim);
                let name = parts.next().unwrap_or("");
                let refused = parts.any(|part| {
                    part.strip_prefix("q=")
                        .and_then(|weight| weight.trim().parse::<f32>().ok())
                        .is_some_and(|weight| weight <= 0.0)
                });
                !refused && (name.eq_ignore_ascii_case("gzip") || name == "*")
            });
        if gzip {
            Encoding::Gzip
        } else {
            Encoding::Plain
        }
    }

    /// The response for an answer; of its body only the length if `head_only`.
    pub(super) async fn encode(self, answer: Answer, head_only: bool) -> Response<Body> {
        let whole = answer.whole();
        let mut response = answer.into_response();
        if let Some(bytes) = whole.filter(|bytes| bytes.len() >= BYTES_MIN)
            && is_text(response.headers())
        {
            let headers = response.headers_mut();
            headers.insert(VARY, HeaderValue::from_static("accept-encoding"));
            if self == Encoding::Gzip {
                let etag = headers.get(ETAG).cloned();
                let body = match &etag {
                    Some(etag) => kept(etag, &bytes),
                    None => compressed(bytes).await,
                };
                headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
                if let Some(weak) = etag.as_ref().and_then(weakened) {
                    headers.insert(ETAG, weak);
                }
                *response.body_mut() = Body::Whole(body.into());
            }
        }
        if head_only {
            let length = response.body().size_hint().exact();
            *response.body_mut() = Body::Whole(Bytes::new().into());
            if let Some(length) = length {
                let headers = response.headers_mut();
                headers.insert(CONTENT_LENGTH, HeaderValue::from(length));
            }
        }
        response
    }
}

/// The tag of a representation that differs in nothing but its bytes.
fn weakened(etag: &HeaderValue) -> Option<HeaderValue> {
    let text = etag.to_str().ok()?;
    if text.starts_with("W/") {
        return None;
    }
    HeaderValue::from_str(&format!("W/{text}")).ok()
}

fn is_text(headers: &HeaderMap) -> bool {
    let kind = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("");
    kind.starts_with("text/") || kind == "application/json" || kind == "image/svg+xml"
}

fn gzip(bytes: &[u8], level: Compression) -> Bytes {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 3), level);
    encoder
        .write_all(bytes)
        .and_then(|()| encoder.finish())
        .expect("memory takes all writes")
        .into()
}

/// What changes each time is compressed quickly, and large things elsewhere.
async fn compressed(bytes: Bytes) -> Bytes {
    if bytes.len() <= BYTES_AT_ONCE {
        return gzip(&bytes, Compression::fast());
    }
    tokio::task::spawn_blocking(move || gzip(&bytes, Compression::fast()))
        .await
        .expect("compressing does not panic")
}

/// What has a tag is compressed once, and well.
fn kept(etag: &HeaderValue, bytes: &Bytes) -> Bytes {
    static KEPT: LazyLock<Mutex<Vec<(HeaderValue, Bytes)>>> = LazyLock::new(Mutex::default);
    let find = || {
        let kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
        let known = kept.iter().find(|(known, _)| known == etag);
        known.map(|(_, bytes)| bytes.clone())
    };
    if let Some(known) = find() {
        return known;
    }
    let made = gzip(bytes, Compression::best());
    let mut kept = KEPT.lock().unwrap_or_else(PoisonError::into_inner);
    if kept.len() >= KEPT_MAX {
        kept.remove(0);
    }
    kept.push((etag.clone(), made.clone()));
    made
}

#[cfg(test)]
mod tests {
    use hyper::header::{ACCEPT_ENCODING, HeaderMap, HeaderValue};

    use super::Encoding;

    #[track_caller]
    fn check(accepts: &[&'static str], expected: Encoding) {
        let mut headers = HeaderMap::new();
        for value in accepts {
            headers.append(ACCEPT_ENCODING, HeaderValue::from_static(value));
        }
        assert_eq!(Encoding::accepted(&headers), expected, "{accepts:?}");
    }

    #[test]
    fn gzip_is_used_where_it_is_taken() {
        check(&[], Encoding::Plain);
        check(&["br, deflate"], Encoding::Plain);
        check(&["gzip;q=0"], Encoding::Plain);
        check(&["identity, GZIP ; q=0.5"], Encoding::Gzip);
        check(&["br", "*"], Encoding::Gzip);
    }
}

//! The dashboard and its files, and what all pages for people have in common.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderValue};
use sha2::{Digest, Sha256};

use crate::http::answer::{Answer, Failure};
use crate::http::service::Service;
use crate::http::table::Request;

struct Asset {
    name: &'static str,
    content_type: &'static str,
    bytes: &'static [u8],
    etag: String,
}

macro_rules! assets {
    ($($name:literal: $kind:expr),* $(,)?) => {
        vec![$(Asset {
            name: $name,
            content_type: $kind,
            bytes: include_bytes!(concat!("../../../assets/", $name)),
            etag: String::new(),
        }),*]
    };
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    let mut assets = assets![
        "index.html": HTML,
        "actions.js": SCRIPT,
        "app.js": SCRIPT,
        "ask.js": SCRIPT,
        "cards.js": SCRIPT,
        "charts.js": SCRIPT,
        "demos.js": SCRIPT,
        "dom.js": SCRIPT,
        "episodes.js": SCRIPT,
        "feed.js": SCRIPT,
        "marks.js": SCRIPT,
        "metrics.js": SCRIPT,
        "rates.js": SCRIPT,
        "remote.js": SCRIPT,
        "rules.js": SCRIPT,
        "series.js": SCRIPT,
        "time.js": SCRIPT,
        "view.js": SCRIPT,
        "uPlot.iife.min.js": SCRIPT,
        "style.css": STYLE,
        "dashboard.css": STYLE,
        "uPlot.min.css": STYLE,
        "icon.svg": "image/svg+xml",
        "LICENSE-uplot": "text/plain; charset=utf-8",
    ];
    for asset in &mut assets {
        let digest = Sha256::digest(asset.bytes);
        asset.etag.push('"');
        for byte in &digest[..8] {
            write!(asset.etag, "{byte:02x}").expect("strings take all writes");
        }
        asset.etag.push('"');
    }
    assets
});

const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// A page of our own, without any request elsewhere.
pub(in crate::http) fn html(body: impl Into<Bytes>) -> Answer {
    Answer::text("text/html; charset=utf-8", body)
        .with_header(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
}

/// The beginning of a page without scripts, its heading and its ways to the others
/// included; `extra` goes into its head.
pub(in crate::http) fn beginning(title: &str, heading: &str, extra: &str) -> String {
    format!(
        "<!doctype html><html lang=en><meta charset=utf-8>\
         <meta name=viewport content=\"width=device-width, initial-scale=1\">\
         <meta name=color-scheme content=\"light dark\">{extra}<title>{title}</title>\
         <link rel=icon href=\"/assets/icon.svg\" type=\"image/svg+xml\">\
         <link rel=stylesheet href=\"/assets/style.css\"><body class=simple><header class=pages>\
         <h1><img src=\"/assets/icon.svg\" alt=\"\" width=30 height=30> {heading}</h1><nav aria-label=Pages>\
         <a href=\"/\">Dashboard</a> <a href=\"/simple-dashboard\">Plain page</a> <a href=\"/docs\">API</a> \
         <a href=\"/health\">/health</a></nav></header>"
    )
}

/// The same for an answer that is made already.
pub(in crate::http) fn as_page(answer: Answer) -> Answer {
    answer.with_header(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
}

/// Text as it may stand in HTML, also within quotes.
pub(in crate::http) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

fn serve(name: &str, request: &Request) -> Result<Answer, Failure> {
    let asset = ASSETS
        .iter()
        .find(|asset| asset.name == name)
        .ok_or(Failure::NotFound)?;
    let etag = HeaderValue::from_str(&asset.etag).expect("hexadecimal digits in quotes");
    let known = request
        .if_none_match
        .as_deref()
        .is_some_and(|known| known.split(',').any(|tag| names(tag.trim(), &asset.etag)));
    let answer = if known {
        Answer::text(asset.content_type, "").with_status(StatusCode::NOT_MODIFIED)
    } else {
        Answer::text(asset.content_type, asset.bytes)
    };
    Ok(answer
        .with_header(ETAG, etag)
        .with_header(CACHE_CONTROL, HeaderValue::from_static("no-cache"))
        .with_header(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY)))
}

/// Whether a tag that a client knows is this one; a proxy may have marked it weak.
fn names(known: &str, etag: &str) -> bool {
    known == "*" || known.strip_prefix("W/").unwrap_or(known) == etag
}

pub(in crate::http) async fn dashboard(
    _: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    serve("index.html", &request)
}

pub(in crate::http) async fn asset(_: Arc<Service>, request: Request) -> Result<Answer, Failure> {
    serve(&request.tail, &request)
}

//! Pages for people: the dashboard, its files, and one without scripts.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use hyper::StatusCode;
use hyper::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, ETAG, HeaderValue};
use sha2::{Digest, Sha256};

use super::health::word;
use super::wire::timestamp;
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

/// The state as one table, with forms that POST; reloads itself.
pub(in crate::http) async fn simple_dashboard(
    service: Arc<Service>,
    _: Request,
) -> Result<Answer, Failure> {
    let status = service.shell.healing.status.load();
    let mut rows = String::new();
    for (metric, value) in &status.reading.metrics {
        let limit = status
            .thresholds
            .get(metric)
            .map_or(String::new(), ToString::to_string);
        write!(
            rows,
            "<tr><th scope=row>{}<td>{value}<td>{limit}",
            escaped(metric)
        )
        .expect("strings take all writes");
    }
    let mut actions = String::new();
    for record in status.actions.iter().rev().take(20) {
        let outcome = match &record.outcome {
            Ok(text) | Err(text) => text,
        };
        write!(
            actions,
            "<tr><td>{}<td>{}<td>{}<td>{}<td>{}<td>{}",
            timestamp(record.unix),
            escaped(&record.fault),
            escaped(&record.call),
            escaped(&record.reason),
            escaped(outcome),
            record.verdict.name()
        )
        .expect("strings take all writes");
    }
    let rules = match &status.rules.error {
        None => format!(
            "<p>Rules in force: {} ({})</p>",
            escaped(&status.rules.generation),
            escaped(&status.rules.files.join(", "))
        ),
        Some(error) => format!(
            "<p><strong>The rule files are wrong; the last good rules stay in force.</strong></p><pre>{}:{}:{}: {}\n{}</pre>",
            escaped(&error.file),
            error.line,
            error.column,
            escaped(&error.message),
            escaped(&error.drawn)
        ),
    };
    let forms: String = [
        ("/demo/memory-leak?size_mb=60&amp;count=8", "Leak 480 MiB"),
        (
            "/demo/cpu-overload?duration=20&amp;num_threads=4",
            "Burn 20 s on 4 threads",
        ),
        ("/demo/reset", "Reset the demos"),
        ("/healing/reload", "Reload the rules"),
    ]
    .iter()
    .map(|(path, label)| {
        format!("<form method=post action=\"{path}\"><button>{label}</button></form>")
    })
    .collect();
    Ok(html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta http-equiv=refresh content=5>\
         <meta name=viewport content=\"width=device-width\"><title>Chimera</title>\
         <link rel=stylesheet href=\"/assets/style.css\"><body class=simple><h1>Chimera is {}</h1>{rules}\
         <h2>Do</h2>{forms}\
         <h2>Metrics</h2><table><tr><th>metric<th>now<th>threshold{rows}</table>\
         <h2>Actions</h2><table><tr><th>time<th>fault<th>action<th>reason<th>outcome<th>verdict{actions}</table>\
         <p><a href=\"/\">Dashboard</a> <a href=\"/docs\">API</a> <a href=\"/health\">/health</a> <a href=\"/healing/status\">/healing/status</a></p>",
        word(&status),
    )))
}

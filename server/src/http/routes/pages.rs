//! The dashboard and its files, and what all pages for people have in common.

use std::sync::{Arc, LazyLock};

use bytes::Bytes;
use hyper::header::{CONTENT_SECURITY_POLICY, HeaderValue};

use crate::http::answer::{Answer, Failure, Fixed};
use crate::http::service::Service;
use crate::http::table::Request;

/// A file of the dashboard, by its name.
struct Asset {
    name: &'static str,
    file: Fixed,
}

macro_rules! assets {
    ($($name:literal: $kind:expr),* $(,)?) => {
        vec![$(Asset {
            name: $name,
            file: Fixed::new(
                $kind,
                include_bytes!(concat!("../../../assets/", $name)).as_slice(),
            ),
        }),*]
    };
}

const HTML: &str = "text/html; charset=utf-8";
const SCRIPT: &str = "text/javascript; charset=utf-8";
const PICTURE: &str = "image/svg+xml";
const STYLE: &str = "text/css; charset=utf-8";

static ASSETS: LazyLock<Vec<Asset>> = LazyLock::new(|| {
    assets![
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
        "inside.js": SCRIPT,
        "marks.js": SCRIPT,
        "metrics.js": SCRIPT,
        "rates.js": SCRIPT,
        "remote.js": SCRIPT,
        "rules.js": SCRIPT,
        "series.js": SCRIPT,
        "time.js": SCRIPT,
        "touch.js": SCRIPT,
        "view.js": SCRIPT,
        "uPlot.iife.min.js": SCRIPT,
        "style.css": STYLE,
        "dashboard.css": STYLE,
        "uPlot.min.css": STYLE,
        "icon.svg": PICTURE,
        "icon-degraded.svg": PICTURE,
        "icon-unhealthy.svg": PICTURE,
        "icon-stale.svg": PICTURE,
        "LICENSE-uplot": "text/plain; charset=utf-8",
    ]
});

const POLICY: &str = "default-src 'self'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'; object-src 'none'; require-trusted-types-for 'script'; trusted-types 'none'";

/// A page of our own, without any request elsewhere.
pub(in crate::http) fn html(body: impl Into<Bytes>) -> Answer {
    Answer::text(HTML, body).with_header(CONTENT_SECURITY_POLICY, HeaderValue::from_static(POLICY))
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

/// Whether a sign is not seen itself but can turn the text around it, or hide in it.
fn is_unseen(character: char) -> bool {
    let ordinary = matches!(character, '\n' | '\t');
    character.is_control() && !ordinary
        || matches!(
            character,
            '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}'
        )
}

/// Text as it may stand in HTML, also within quotes. Signs that are not seen are written
/// by their numbers, so that no text looks like another.
pub(in crate::http) fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            unseen if is_unseen(unseen) => safe += &unseen.escape_unicode().to_string(),
            other => safe.push(other),
        }
    }
    safe
}

fn serve(name: &str, request: &Request) -> Result<Answer, Failure> {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or(Failure::NotFound)?;
    Ok(as_page(asset.file.answer(request)))
}

/// The dashboard of a server whose demo routes are off: it offers none.
static WITHOUT_DEMOS: LazyLock<Fixed> = LazyLock::new(|| {
    let page = include_str!("../../../assets/index.html");
    Fixed::new(
        HTML,
        page.replacen("<html ", "<html data-demos=\"off\" ", 1),
    )
});

pub(in crate::http) async fn dashboard(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    if service.shell.settings.demo {
        serve("index.html", &request)
    } else {
        Ok(as_page(WITHOUT_DEMOS.answer(&request)))
    }
}

pub(in crate::http) async fn asset(_: Arc<Service>, request: Request) -> Result<Answer, Failure> {
    serve(&request.tail, &request)
}

//! `/docs`: the route table as a page, without any request elsewhere.

use std::fmt::Write;
use std::sync::{Arc, LazyLock};

use hyper::header::{HeaderValue, LOCATION};
use hyper::{Method, StatusCode};

use super::answer::{Answer, Failure, Fixed};
use super::guard::Access;
use super::parameters::{Kind, Parameter};
use super::routes::pages::{as_page, beginning, escaped};
use super::schema::outline;
use super::service::Service;
use super::table::{ROUTES, Request, Route, Shape};

/// The way to the page, from where the original had others.
pub(super) async fn elsewhere(_: Arc<Service>, _: Request) -> Result<Answer, Failure> {
    Ok(Answer::empty(StatusCode::TEMPORARY_REDIRECT)
        .with_header(LOCATION, HeaderValue::from_static("/docs")))
}

pub(super) async fn docs(_: Arc<Service>, request: Request) -> Result<Answer, Failure> {
    static PAGE: LazyLock<Fixed> = LazyLock::new(|| Fixed::new("text/html; charset=utf-8", page()));
    Ok(as_page(PAGE.answer(&request)))
}

fn page() -> String {
    let mut contents = String::new();
    let mut sections = String::new();
    for (topic, title) in TOPICS {
        let routes = || ROUTES.iter().filter(|route| self::topic(route) == *topic);
        if routes().next().is_none() {
            continue;
        }
        write!(contents, "<h2>{title}</h2><ul>").expect("strings take all writes");
        contents.extend(routes().map(entry));
        contents.push_str("</ul>");
        write!(sections, "<h2 class=topic>{title}</h2>").expect("strings take all writes");
        sections.extend(routes().map(section));
    }
    format!(
        "{}<div class=docs><nav aria-label=\"Contents\" class=contents>{contents}</nav><main>\
         <section><p>For programs: <a href=\"/openapi.json\">/openapi.json</a>. Every error is JSON \
         with <code>detail</code>; every answer carries <code>x-request-id</code>. Where the server is not bound \
         to loopback, what changes state needs <code>Authorization: Bearer</code> and the server's token.</p></section>\
         {sections}</main></div>",
        beginning("Chimera API", "Chimera API", "")
    )
}

/// First parts of paths, and what stands over their routes; the last is for all others.
const TOPICS: &[(&str, &str)] = &[
    ("health", "State"),
    ("metrics", "Metrics"),
    ("healing", "Healing"),
    ("atomspace", "Atomspace"),
    ("demo", "Demo faults"),
    ("", "Pages and documents"),
];

/// Under which of `TOPICS` a route stands.
fn topic(route: &Route) -> &'static str {
    match route.path.split('/').nth(1).unwrap_or_default() {
        "health" | "live" | "ready" | "test" | "events" | "log-level" => "health",
        "metrics" | "ingest" => "metrics",
        "healing" | "reset-healing" => "healing",
        "atomspace" => "atomspace",
        "demo" => "demo",
        _ => "",
    }
}

/// The name of a route's place on the page.
fn anchor(route: &Route) -> String {
    let words: String = route
        .path
        .chars()
        .map(|character| {
            if character.is_ascii_alphanumeric() {
                character
            } else {
                '-'
            }
        })
        .collect();
    format!("{}{words}", route.method.as_str().to_lowercase())
}

/// Its line in the contents.
fn entry(route: &Route) -> String {
    format!(
        "<li><a href=\"#{}\"><span class=\"method {}\">{}</span> {}</a>",
        anchor(route),
        route.method.as_str().to_lowercase(),
        route.method,
        escaped(route.path)
    )
}

fn section(route: &Route) -> String {
    let mut text = format!(
        "<section id=\"{}\"><h3><span class=\"method {}\">{}</span> <code>{}</code></h3><p>{}.{}</p>",
        anchor(route),
        route.method.as_str().to_lowercase(),
        route.method,
        escaped(route.path),
        escaped(route.summary),
        match route.access {
            Access::Show | Access::Compute => "",
            Access::Change => " <strong>Changes state.</strong>",
        }
    );
    if !route.parameters.is_empty() {
        text.push_str(
            "<div class=scroll><table aria-label=Parameters><thead><tr><th scope=col>parameter<th scope=col>type<th scope=col>default\
             <th scope=col>bounds<th scope=col>meaning<tbody>",
        );
        text.extend(route.parameters.iter().map(row));
        text.push_str("</table></div>");
    }
    for (name, description) in route.headers {
        write!(text, "<p>Header <code>{name}</code>: {description}.</p>")
            .expect("strings take all writes");
    }
    write!(text, "<pre>{}</pre>", escaped(&call(route))).expect("strings take all writes");
    match route.shape {
        Shape::Json(schema) => write!(
            text,
            "<details><summary>Answers JSON</summary><pre>{}</pre></details>",
            escaped(&outline(&schema()))
        ),
        Shape::Other(content_type, _) => {
            write!(text, "<p>Answers <code>{content_type}</code>.</p>")
        }
        Shape::Redirect => write!(text, "<p>Answers where to go.</p>"),
    }
    .expect("strings take all writes");
    text.push_str("</section>");
    text
}

fn row(parameter: &Parameter) -> String {
    let (kind, default, bounds) = match parameter.kind {
        Kind::Integer { default, min, max } => {
            ("integer", default.to_string(), format!("{min} to {max}"))
        }
        Kind::Number { default, min, max } => (
            "number",
            default.map_or_else(|| "none".to_owned(), |value| value.to_string()),
            format!("{min} to {max}"),
        ),
        Kind::Boolean { default } => ("boolean", default.to_string(), String::new()),
        Kind::Text { .. } if parameter.required => {
            ("text", "must be given".to_owned(), String::new())
        }
        Kind::Text { .. } => ("text", "none".to_owned(), String::new()),
        Kind::Word(words) => ("text", "none".to_owned(), words.join(", ")),
    };
    format!(
        "<tr><td><code>{}</code><td>{kind}<td>{default}<td>{bounds}<td>{}",
        parameter.name,
        escaped(parameter.description)
    )
}

/// How to ask from a shell.
fn call(route: &Route) -> String {
    let method = if route.method == Method::POST {
        "-X POST "
    } else {
        ""
    };
    let data = route
        .body_example()
        .map_or_else(String::new, |example| format!(" -d '{example}'"));
    let query: Vec<String> = route.parameters.iter().filter_map(given).collect();
    let url = format!("http://127.0.0.1:8000{}", route.path);
    if query.is_empty() {
        format!("curl {method}{url}{data}")
    } else {
        format!("curl {method}\"{url}?{}\"{data}", query.join("&"))
    }
}

/// A parameter with its default, if it has one worth writing down.
fn given(parameter: &Parameter) -> Option<String> {
    match parameter.kind {
        Kind::Integer { default, .. } => Some(format!("{}={default}", parameter.name)),
        Kind::Number { default, .. } => {
            default.map(|default| format!("{}={default}", parameter.name))
        }
        Kind::Text { .. } if parameter.required => Some(format!("{}=…", parameter.name)),
        Kind::Boolean { .. } | Kind::Text { .. } | Kind::Word(_) => None,
    }
}

//! What a route may answer, as its document has it: each status with its schema and
//! an example.

use std::sync::LazyLock;

use hyper::Method;
use serde_json::{Map, Value, json};

use super::guard::Access;
use super::schema::string;
use super::table::{Also, Like, Route, Shape};

/// All answers of a route, by status.
pub(super) fn answers(route: &Route) -> Value {
    let mut answers = Map::new();
    for (status, description) in errors(route) {
        answers.insert(status.to_string(), error(description, "Error"));
    }
    if !route.parameters.is_empty() {
        let invalid = error("A parameter is invalid; nothing was done", "Invalid");
        answers.insert("422".to_owned(), invalid);
    }
    let rest = error("What is wrong, where and what to do", "Error");
    answers.insert("default".to_owned(), rest);
    let (status, answer) = success(route);
    for also in route.also {
        answers.insert(also.status.to_string(), further(also, &answer));
    }
    answers.insert(status.to_owned(), answer);
    for (status, answer) in &mut answers {
        answer["headers"]["x-request-id"] = json!({ "$ref": "#/components/headers/RequestId" });
        if ["429", "503"].contains(&status.as_str()) {
            answer["headers"]["retry-after"] = json!({ "$ref": "#/components/headers/RetryAfter" });
        }
    }
    Value::Object(answers)
}

/// The header fields that `answers` refers to.
pub(super) fn headers() -> Value {
    json!({
        "RequestId": {
            "description": "The request's own id if it has a good one, else a new one; the log has it",
            "schema": string(),
            "example": "1f3a09bc-7",
        },
        "RetryAfter": {
            "description": "Seconds after which to come again",
            "schema": string(),
            "example": "1",
        },
    })
}

/// The answer to a request that is granted, with its status.
fn success(route: &Route) -> (&'static str, Value) {
    let summary = route.summary;
    let content = |kind: &str, schema, example| {
        let content = json!({ kind: { "schema": schema, "example": example } });
        json!({ "description": summary, "content": content })
    };
    match route.shape {
        Shape::Json(schema) => {
            let example = example(route).expect("a test holds that each JSON answer is recorded");
            (
                "200",
                content("application/json", schema(), example.clone()),
            )
        }
        Shape::Other(kind, example) => ("200", content(kind, string(), json!(example))),
        Shape::Redirect => (
            "307",
            json!({
                "description": summary,
                "headers": { "location": { "schema": string(), "example": "/docs" } },
            }),
        ),
    }
}

fn further(also: &Also, success: &Value) -> Value {
    match also.like {
        Like::Error => error(also.when, "Error"),
        Like::Nothing => json!({ "description": also.when }),
        Like::Success(fields) => {
            let fields: Map<String, Value> =
                serde_json::from_str(fields).expect("examples in the table are JSON objects");
            let mut answer = success.clone();
            answer["description"] = json!(also.when);
            let example = &mut answer["content"]["application/json"]["example"];
            for (name, value) in fields {
                example[name] = value;
            }
            answer
        }
    }
}

/// An error with `detail`.
fn error(description: &str, schema: &str) -> Value {
    let example = match schema {
        "Invalid" => json!([{
            "type": "int_parsing",
            "loc": ["query", "count"],
            "msg": "Input should be a valid integer, unable to parse string as an integer",
            "input": "abc",
        }]),
        _ => json!(description),
    };
    json!({
        "description": description,
        "content": { "application/json": {
            "schema": { "$ref": format!("#/components/schemas/{schema}") },
            "example": { "detail": example },
        } },
    })
}

/// The recorded answer of a route, if it answers JSON. What is taken by GET and by
/// POST is recorded once.
pub(super) fn example(route: &Route) -> Option<&'static Value> {
    static EXAMPLES: LazyLock<Map<String, Value>> = LazyLock::new(|| {
        serde_json::from_str(include_str!("../../assets/examples.json"))
            .expect("the recorded answers are a JSON object")
    });
    let recorded = |method| EXAMPLES.get(&format!("{method} {}", route.path));
    static DOCUMENT: LazyLock<Value> = LazyLock::new(
        || json!({ "openapi": "3.1.0", "info": { "title": "Chimera" }, "paths": {}, "components": {} }),
    );
    if route.path == "/openapi.json" {
        return Some(&DOCUMENT);
    }
    recorded(route.method.as_str()).or_else(|| recorded("POST"))
}

/// What else a route may answer, by status.
fn errors(route: &Route) -> Vec<(u16, &'static str)> {
    let mut errors = vec![
        (400, "The request is malformed"),
        (
            403,
            "Another site's page, or a name that is not this server's",
        ),
        (414, "The target is too long"),
        (431, "The head has too many fields or bytes"),
        (
            500,
            "A bug of the server; the log has the id of the request",
        ),
        (504, "The answer took too long"),
    ];
    if route.access == Access::Change || route.path == "/atomspace/evaluate" {
        errors.push((401, "The token is missing"));
    }
    if route.path.contains('{') || route.is_demo() {
        errors.push((404, "There is no such thing, or demo routes are off"));
    }
    if route.method == Method::POST {
        errors.push((408, "The body took too long"));
        errors.push((413, "The body is too long"));
        errors.push((415, "The body is of a type that is not taken here"));
    }
    if !route.essential {
        errors.push((
            429,
            "As many requests are under way as healing lets there be",
        ));
        errors.push((503, "Too much to do at once, or a part does not answer; Retry-After says when to come again"));
    }
    errors.sort_unstable();
    errors
}

//! `/openapi.json` and `/docs`, from the route table.

use std::fmt::Write;
use std::sync::Arc;

use hyper::StatusCode;
use hyper::header::{HeaderValue, LOCATION};
use serde_json::{Map, Value, json};

use super::Shell;
use super::answer::{Answer, Failure};
use super::parameters::{Kind, Parameter};
use super::routes::pages::{escaped, html};
use super::table::{ROUTES, Request, Route};

fn schema(kind: Kind) -> Value {
    match kind {
        Kind::Integer { default, min, max } => {
            json!({ "type": "integer", "default": default, "minimum": min, "maximum": max })
        }
        Kind::Number { default, min, max } => {
            let mut schema = json!({ "type": "number", "minimum": min, "maximum": max });
            if let Some(default) = default {
                schema["default"] = json!(default);
            }
            schema
        }
        Kind::Boolean { default } => json!({ "type": "boolean", "default": default }),
    }
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": "query",
        "required": false,
        "description": parameter.description,
        "schema": schema(parameter.kind),
    })
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = route.parameters.iter().map(parameter).collect();
    if let Some((_, name)) = route.path.split_once('{') {
        parameters.push(json!({
            "name": name.trim_end_matches('}'),
            "in": "path",
            "required": true,
            "schema": { "type": "string" },
        }));
    }
    let error = json!({
        "description": "What is wrong, where and what to do",
        "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Error" } } },
    });
    let mut operation = json!({
        "summary": route.summary,
        "operationId": format!("{}{}", route.method.as_str().to_lowercase(), route.path)
            .replace(['/', '-', '{', '}', '.'], "_"),
        "parameters": parameters,
        "responses": { "200": { "description": route.summary }, "default": error },
    });
    if !route.parameters.is_empty() {
        operation["responses"]["422"] = json!({
            "description": "A parameter is invalid; nothing was done",
            "content": { "application/json": { "schema": { "$ref": "#/components/schemas/Invalid" } } },
        });
    }
    if !route.body_example.is_empty() {
        let example: Value =
            serde_json::from_str(route.body_example).expect("examples in the table are JSON");
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": { "type": "object" }, "example": example } },
        });
    }
    operation
}

fn openapi() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let entry = paths.entry(route.path).or_insert_with(|| json!({}));
        entry[route.method.as_str().to_lowercase()] = operation(route);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chimera",
            "description": "A self-healing runtime in which MeTTa rules take every decision",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": paths,
        "components": { "schemas": {
            "Error": {
                "type": "object",
                "required": ["detail"],
                "properties": { "detail": { "type": "string" } },
            },
            "Invalid": {
                "type": "object",
                "required": ["detail"],
                "properties": { "detail": { "type": "array", "items": {
                    "type": "object",
                    "required": ["type", "loc", "msg", "input"],
                    "properties": {
                        "type": { "type": "string" },
                        "loc": { "type": "array", "items": { "type": "string" } },
                        "msg": { "type": "string" },
                        "input": {},
                        "ctx": { "type": "object" },
                    },
                } } },
            },
        } },
    })
}

pub(super) async fn document(_: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    Ok(Answer::json(&openapi()))
}

pub(super) async fn redoc(_: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    Ok(Answer::text("text/plain; charset=utf-8", "see /docs\n")
        .with_status(StatusCode::TEMPORARY_REDIRECT)
        .with_header(LOCATION, HeaderValue::from_static("/docs")))
}

pub(super) async fn docs(_: Arc<Shell>, _: Request) -> Result<Answer, Failure> {
    let mut sections = String::new();
    for route in ROUTES {
        write!(
            sections,
            "<section><h2><code>{} {}</code></h2><p>{}.</p>",
            route.method,
            escaped(route.path),
            escaped(route.summary)
        )
        .expect("strings take all writes");
        if !route.parameters.is_empty() {
            sections.push_str("<table><tr><th>parameter<th>type<th>default<th>bounds<th>meaning");
            for parameter in route.parameters {
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
                };
                write!(
                    sections,
                    "<tr><td><code>{}</code><td>{kind}<td>{default}<td>{bounds}<td>{}",
                    parameter.name,
                    escaped(parameter.description)
                )
                .expect("strings take all writes");
            }
            sections.push_str("</table>");
        }
        let call = if route.body_example.is_empty() {
            let method = if route.method == hyper::Method::POST {
                "-X POST "
            } else {
                ""
            };
            format!("curl {method}http://127.0.0.1:8000{}", route.path)
        } else {
            format!(
                "curl -X POST http://127.0.0.1:8000{} -d '{}'",
                route.path, route.body_example
            )
        };
        write!(sections, "<pre>{}</pre></section>", escaped(&call))
            .expect("strings take all writes");
    }
    Ok(html(format!(
        "<!doctype html><html lang=en><meta charset=utf-8><meta name=viewport content=\"width=device-width\">\
         <title>Chimera API</title><link rel=stylesheet href=\"/assets/style.css\"><body class=simple>\
         <h1>Chimera API</h1><p>For programs: <a href=\"/openapi.json\">/openapi.json</a>. Every error is JSON \
         with <code>detail</code>; every answer carries <code>x-request-id</code>.</p>{sections}"
    )))
}

#[cfg(test)]
mod tests {
    use super::openapi;
    use crate::http::table::ROUTES;

    #[test]
    fn table_and_document_agree() {
        let document = openapi();
        let paths = document["paths"].as_object().unwrap();
        let operations: usize = paths
            .values()
            .map(|path| path.as_object().unwrap().len())
            .sum();
        assert_eq!(operations, ROUTES.len());
        for route in ROUTES {
            let operation = &paths[route.path][route.method.as_str().to_lowercase()];
            let parameters = operation["parameters"].as_array().unwrap();
            let queried = parameters.iter().filter(|one| one["in"] == "query").count();
            assert_eq!(queried, route.parameters.len(), "{}", route.path);
            assert_eq!(operation["summary"], route.summary);
        }
    }
}

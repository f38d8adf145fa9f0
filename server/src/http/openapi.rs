//! `/openapi.json`, from the route table.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use super::answer::{Answer, Failure, Fixed};
use super::guard::Access;
use super::parameters::{Kind, Parameter};
use super::schema::{list, object, one_of, string};
use super::service::Service;
use super::table::{ROUTES, Request, Route, Shape};

pub(super) async fn document(_: Arc<Service>, request: Request) -> Result<Answer, Failure> {
    static DOCUMENT: LazyLock<Fixed> = LazyLock::new(|| {
        let text = serde_json::to_vec(&openapi()).expect("its keys are strings");
        Fixed::new("application/json", text)
    });
    Ok(DOCUMENT.answer(&request))
}

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
        Kind::Text { bytes_max } => json!({ "type": "string", "maxLength": bytes_max }),
        Kind::Word(words) => one_of(words),
    }
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": "query",
        "required": parameter.required,
        "description": parameter.description,
        "schema": schema(parameter.kind),
    })
}

/// An error with `detail`.
fn error(description: &str, schema: &str) -> Value {
    json!({
        "description": description,
        "content": { "application/json": {
            "schema": { "$ref": format!("#/components/schemas/{schema}") },
        } },
    })
}

fn answers(route: &Route) -> Value {
    let mut answers = Map::new();
    let (status, answer) = match route.shape {
        Shape::Json(schema) => (
            "200",
            json!({
                "description": route.summary,
                "content": { "application/json": { "schema": schema() } },
            }),
        ),
        Shape::Other(content_type) => (
            "200",
            json!({
                "description": route.summary,
                "content": { content_type: { "schema": string() } },
            }),
        ),
        Shape::Redirect => (
            "307",
            json!({
                "description": route.summary,
                "headers": { "location": { "schema": string() } },
            }),
        ),
    };
    answers.insert(status.to_owned(), answer);
    if !route.body_example.is_empty() {
        answers.insert("400".to_owned(), error("The body is wrong", "Error"));
    }
    if route.access == Access::Change {
        answers.insert("401".to_owned(), error("The token is missing", "Error"));
    }
    if !route.parameters.is_empty() {
        answers.insert(
            "422".to_owned(),
            error("A parameter is invalid; nothing was done", "Invalid"),
        );
    }
    answers.insert(
        "default".to_owned(),
        error("What is wrong, where and what to do", "Error"),
    );
    Value::Object(answers)
}

fn operation(route: &Route) -> Value {
    let mut parameters: Vec<Value> = route.parameters.iter().map(parameter).collect();
    if let Some((_, name)) = route.path.split_once('{') {
        parameters.push(json!({
            "name": name.trim_end_matches('}'),
            "in": "path",
            "required": true,
            "schema": string(),
        }));
    }
    let mut operation = json!({
        "summary": route.summary,
        "operationId": format!("{}{}", route.method.as_str().to_lowercase(), route.path)
            .replace('_', "__")
            .replace(['/', '-', '{', '}', '.'], "_"),
        "parameters": parameters,
        "responses": answers(route),
    });
    if !route.body_example.is_empty() {
        let example: Value =
            serde_json::from_str(route.body_example).expect("examples in the table are JSON");
        operation["requestBody"] = json!({
            "required": true,
            "content": { "application/json": { "schema": { "type": "object" }, "example": example } },
        });
    }
    if route.access == Access::Change {
        operation["security"] = json!([{}, { "token": [] }]);
    }
    operation
}

fn openapi() -> Value {
    let mut paths: Map<String, Value> = Map::new();
    for route in ROUTES {
        let entry = paths.entry(route.path).or_insert_with(|| json!({}));
        entry[route.method.as_str().to_lowercase()] = operation(route);
    }
    let invalid = json!({
        "type": "object",
        "required": ["type", "loc", "msg", "input"],
        "properties": {
            "type": string(),
            "loc": list(string()),
            "msg": string(),
            "input": {},
            "ctx": { "type": "object" },
        },
    });
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Chimera",
            "description": "A self-healing runtime in which MeTTa rules take every decision",
            "version": env!("CARGO_PKG_VERSION"),
        },
        "paths": paths,
        "components": {
            "schemas": {
                "Error": object(&[("detail", string())]),
                "Invalid": object(&[("detail", list(invalid))]),
            },
            "securitySchemes": { "token": {
                "type": "http",
                "scheme": "bearer",
                "description": "Needed for what changes state where the server is not bound to loopback",
            } },
        },
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use serde_json::json;

    use super::openapi;
    use crate::http::parameters::Kind;
    use crate::http::table::{ROUTES, Shape};

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
            assert_eq!(operation["summary"], route.summary);
            let parameters = operation["parameters"].as_array().unwrap();
            let queried: Vec<_> = parameters
                .iter()
                .filter(|one| one["in"] == "query")
                .collect();
            assert_eq!(queried.len(), route.parameters.len(), "{}", route.path);
            for (told, declared) in queried.iter().zip(route.parameters) {
                assert_eq!(told["name"], declared.name);
                let (minimum, maximum) = match declared.kind {
                    Kind::Integer { min, max, .. } => (json!(min), json!(max)),
                    Kind::Number { min, max, .. } => (json!(min), json!(max)),
                    Kind::Boolean { .. } | Kind::Text { .. } | Kind::Word(_) => {
                        (json!(null), json!(null))
                    }
                };
                assert_eq!(told["schema"]["minimum"], minimum);
                assert_eq!(told["schema"]["maximum"], maximum);
            }
            let answer = &operation["responses"]["200"]["content"];
            match route.shape {
                Shape::Json(schema) => assert_eq!(answer["application/json"]["schema"], schema()),
                Shape::Other(content_type) => assert!(answer[content_type].is_object()),
                Shape::Redirect => assert!(operation["responses"]["307"].is_object()),
            }
        }
    }

    #[test]
    fn each_operation_has_a_name_of_its_own() {
        let document = openapi();
        let mut seen = BTreeSet::new();
        for path in document["paths"].as_object().unwrap().values() {
            for operation in path.as_object().unwrap().values() {
                let name = operation["operationId"].as_str().unwrap().to_owned();
                assert!(seen.insert(name.clone()), "{name}");
            }
        }
    }
}

//! `/openapi.json`, from the route table.

use std::sync::{Arc, LazyLock};

use hyper::Method;
use serde_json::{Map, Value, json};

use super::answer::{Answer, Failure, Fixed};
use super::guard::Access;
use super::parameters::{Kind, Parameter};
use super::schema::{boolean, list, object, one_of, string};
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
fn example(route: &Route) -> Option<&'static Value> {
    static EXAMPLES: LazyLock<Map<String, Value>> = LazyLock::new(|| {
        serde_json::from_str(include_str!("../../assets/examples.json"))
            .expect("the recorded answers are a JSON object")
    });
    let recorded = |method| EXAMPLES.get(&format!("{method} {}", route.path));
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

fn answers(route: &Route) -> Value {
    let mut answers = Map::new();
    let content = |kind: &str, schema: Value| json!({ "description": route.summary, "content": { kind: { "schema": schema } } });
    let (status, answer) = match route.shape {
        Shape::Json(schema) => {
            let mut answer = content("application/json", schema());
            if let Some(example) = example(route) {
                answer["content"]["application/json"]["example"] = example.clone();
            }
            ("200", answer)
        }
        Shape::Other(content_type) => ("200", content(content_type, string())),
        Shape::Redirect => (
            "307",
            json!({
                "description": route.summary,
                "headers": { "location": { "schema": string() } },
            }),
        ),
    };
    answers.insert(status.to_owned(), answer);
    for (status, description) in errors(route) {
        answers.insert(status.to_string(), error(description, "Error"));
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
            "content": { "application/json": { "schema": (route.body_schema)(), "example": example } },
        });
        for other in route
            .takes
            .iter()
            .filter(|kind| **kind != "application/json")
        {
            operation["requestBody"]["content"][*other] = json!({ "schema": string() });
        }
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
                "Error": object(&[
                    ("detail", string()),
                    ("degraded?", boolean()),
                    ("incident_id?", string()),
                ]),
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

    use super::{example, openapi};
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
    fn every_json_answer_has_an_example() {
        for route in ROUTES {
            let recorded = example(route).is_some();
            let wanted = matches!(route.shape, Shape::Json(_)) && route.path != "/openapi.json";
            assert_eq!(recorded, wanted, "{} {}", route.method, route.path);
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

//! `/openapi.json`, from the route table.

use std::sync::{Arc, LazyLock};

use serde_json::{Map, Value, json};

use super::answer::{Answer, Failure, Fixed};
use super::guard::Access;
use super::parameters::{Kind, Parameter};
use super::responses;
use super::schema::{boolean, list, object, one_of, string};
use super::service::Service;
use super::table::{ROUTES, Request, Route};

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

/// A body that a route takes; the first of them is JSON.
fn body(route: &Route, index: usize, example: &str) -> Value {
    if index > 0 {
        return json!({ "schema": string(), "example": example });
    }
    let example: Value =
        serde_json::from_str(example).expect("first examples in the table are JSON");
    json!({ "schema": (route.body_schema)(), "example": example })
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
    for (name, description) in route.headers {
        parameters.push(json!({
            "name": name,
            "in": "header",
            "required": false,
            "description": description,
            "schema": string(),
        }));
    }
    let mut operation = json!({
        "summary": route.summary,
        "operationId": format!("{}{}", route.method.as_str().to_lowercase(), route.path)
            .replace('_', "__")
            .replace(['/', '-', '{', '}', '.'], "_"),
        "parameters": parameters,
        "responses": responses::answers(route),
    });
    if !route.takes.is_empty() {
        let content: Map<String, Value> = route
            .takes
            .iter()
            .enumerate()
            .map(|(index, (kind, example))| ((*kind).to_owned(), body(route, index, example)))
            .collect();
        operation["requestBody"] = json!({ "required": true, "content": content });
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
            "headers": responses::headers(),
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
    use super::responses::example;
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
                Shape::Other(content_type, _) => assert!(answer[content_type].is_object()),
                Shape::Redirect => assert!(operation["responses"]["307"].is_object()),
            }
        }
    }

    #[test]
    fn every_json_answer_has_an_example() {
        for route in ROUTES {
            let recorded = example(route).is_some();
            let wanted = matches!(route.shape, Shape::Json(_));
            assert_eq!(recorded, wanted, "{} {}", route.method, route.path);
        }
    }

    #[test]
    fn every_content_has_a_schema_and_an_example() {
        let document = openapi();
        let mut contents = 0;
        for (path, operations) in document["paths"].as_object().unwrap() {
            for operation in operations.as_object().unwrap().values() {
                let answers = operation["responses"].as_object().unwrap();
                for (status, answer) in answers {
                    let request_id = &answer["headers"]["x-request-id"]["$ref"];
                    assert_eq!(request_id, "#/components/headers/RequestId", "{path}");
                    let bare = ["304", "307"].contains(&status.as_str());
                    assert_eq!(answer["content"].is_null(), bare, "{path} {status}");
                }
                let bodies = [&operation["requestBody"]];
                for told in answers.values().chain(bodies) {
                    for (kind, content) in told["content"].as_object().into_iter().flatten() {
                        assert!(!content["schema"].is_null(), "{path} {kind}");
                        assert!(!content["example"].is_null(), "{path} {kind}");
                        contents += 1;
                    }
                }
            }
        }
        assert!(contents > 300, "only {contents}");
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

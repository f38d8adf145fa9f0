//! `/openapi.json` and `/docs` tell what the routes do.

use std::collections::BTreeMap;
use std::sync::Mutex;

use serde_json::Value;

use crate::asking::Reply;
use crate::schema;
use crate::serving::{Serving, rules_error};

async fn document(serving: &Serving) -> Value {
    serving.get("/openapi.json").await.json()
}

#[track_caller]
fn check_answer(document: &Value, path: &str, method: &str, reply: &Reply) {
    assert_eq!(reply.status, 200, "{path}: {reply:?}");
    record(method, path, reply);
    let content = &document["paths"][path][method]["responses"]["200"]["content"];
    schema::check(&content["application/json"]["schema"], &reply.json());
}

/// With `UPDATE_EXPECT=1`, records an answer as the example of its route.
fn record(method: &str, path: &str, reply: &Reply) {
    if std::env::var_os("UPDATE_EXPECT").is_none() || path == "/openapi.json" {
        return;
    }
    static WRITING: Mutex<()> = Mutex::new(());
    let _writing = WRITING.lock().unwrap();
    let file = concat!(env!("CARGO_MANIFEST_DIR"), "/assets/examples.json");
    let text = std::fs::read_to_string(file).unwrap();
    let mut examples: BTreeMap<String, Value> = serde_json::from_str(&text).unwrap();
    let name = format!("{} {path}", method.to_uppercase());
    examples.insert(name, reply.json());
    let text = serde_json::to_string_pretty(&examples).unwrap();
    std::fs::write(file, text + "\n").unwrap();
}

/// A schema, or the one that it refers to.
fn resolved<'d>(document: &'d Value, schema: &'d Value) -> &'d Value {
    match schema["$ref"].as_str() {
        Some(place) => document.pointer(place.trim_start_matches('#')).unwrap(),
        None => schema,
    }
}

#[tokio::test]
async fn recorded_answers_fit_their_schemas() {
    let serving = Serving::start().await;
    let document = document(&serving).await;
    for (path, operations) in document["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            for (status, answer) in operation["responses"].as_object().unwrap() {
                let answer = &answer["content"]["application/json"];
                if status == "200" && path == "/openapi.json" || answer.is_null() {
                    continue;
                }
                schema::check(resolved(&document, &answer["schema"]), &answer["example"]);
            }
            let body = &operation["requestBody"]["content"]["application/json"];
            if !body.is_null() {
                schema::check(&body["schema"], &body["example"]);
            }
            assert!(
                !operation["responses"]["default"].is_null(),
                "{method} {path}"
            );
        }
    }
}

#[tokio::test]
async fn every_get_answers_what_its_schema_says() {
    let serving = Serving::start().await;
    let document = document(&serving).await;
    let mut checked = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        let answers = &operations["get"]["responses"]["200"]["content"];
        // What changes state, or is made by what does, has tests of its own.
        let changes = !operations["get"]["security"].is_null();
        if operations["get"].is_null() || changes || path == "/demo/stress-test/{id}" {
            continue;
        }
        let asked = path.replace("{id}", "1").replace("{name}", "style.css");
        let streams = !answers["text/event-stream"].is_null();
        let reply = if streams {
            serving.ask("HEAD", &asked, &[]).await
        } else {
            serving.get(&asked).await
        };
        if !answers["application/json"].is_null() {
            check_answer(&document, path, "get", &reply);
        } else if answers.is_object() {
            let declared = answers.as_object().unwrap().keys().next().unwrap();
            let given = reply.header("content-type");
            let asset = declared == "application/octet-stream";
            assert!(
                asset || given.starts_with(declared.as_str()),
                "{path}: {given}"
            );
        } else {
            assert_eq!(reply.status, 307, "{path}");
        }
        checked += 1;
    }
    assert!(checked > 15, "only {checked} routes");
}

#[tokio::test]
async fn answers_with_broken_rules_and_no_metrics_fit_their_schemas_too() {
    let serving = Serving::start().await;
    let document = document(&serving).await;
    serving.publish(|status| {
        status.rules.error = Some(rules_error());
        status.last_rule_error = Some("(act what)".to_owned());
        status.reading.metrics.clear();
        status.history.clear();
        status.thresholds.clear();
        status.actions.clear();
    });
    for path in [
        "/health",
        "/healing/status",
        "/healing/actions",
        "/healing/rules",
        "/metrics/history",
        "/demo/status",
    ] {
        check_answer(&document, path, "get", &serving.get(path).await);
    }
}

#[tokio::test]
async fn every_post_answers_what_its_schema_says() {
    let serving = Serving::start().await;
    let document = document(&serving).await;
    let mut posts = 0;
    for (path, operations) in document["paths"].as_object().unwrap() {
        if operations["post"].is_null() {
            continue;
        }
        let example = &operations["post"]["requestBody"]["content"]["application/json"]["example"];
        let asked = match path.as_str() {
            "/demo/memory-leak" => "/demo/memory-leak?size_mb=1&count=2",
            "/demo/cpu-overload" => "/demo/cpu-overload?duration=1&num_threads=1",
            "/demo/connection-issues" => "/demo/connection-issues?connection_count=2",
            "/demo/request-failures" => "/demo/request-failures?failure_rate=0",
            "/demo/request_failures" => "/demo/request_failures?failure_rate=0",
            "/healing/mode" => "/healing/mode?fault=memory_leak&rule=level&mode=shadow",
            "/log-level" => "/log-level?level=info",
            // It fails unless healing stands in, as it does here.
            "/demo/request-failures-immediate" => {
                serving.upstream.layer().set_level(1);
                path
            }
            other => other,
        };
        let reply = if example.is_null() {
            serving.post(asked).await
        } else {
            serving.post_body(asked, &example.to_string()).await
        };
        check_answer(&document, path, "post", &reply);
        posts += 1;
    }
    assert!(posts >= 12, "only {posts} routes");
    let report = serving.get("/demo/stress-test/1").await;
    check_answer(&document, "/demo/stress-test/{id}", "get", &report);
}

#[tokio::test]
async fn the_page_of_the_api_has_every_route_and_asks_nobody_else() {
    let serving = Serving::start().await;
    let page = serving.get("/docs").await;
    assert_eq!(page.status, 200);
    for (path, operations) in document(&serving).await["paths"].as_object().unwrap() {
        for (method, operation) in operations.as_object().unwrap() {
            let heading = format!(">{}</span> <code>{path}</code></h3>", method.to_uppercase());
            assert!(page.body.contains(&heading), "{heading}");
            for parameter in operation["parameters"].as_array().unwrap() {
                let name = parameter["name"].as_str().unwrap();
                assert!(page.body.contains(name), "{name}");
            }
        }
    }
    for source in [
        "src=\"http",
        "href=\"http",
        "src=\"//",
        "href=\"//",
        "<script",
    ] {
        assert!(!page.body.contains(source), "{source}");
    }
    for other in ["/redoc", "/docs/oauth2-redirect"] {
        let reply = serving.get(other).await;
        assert_eq!((reply.status, reply.header("location")), (307, "/docs"));
    }
}

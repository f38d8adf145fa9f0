//! The demonstrations: real faults, within bounds.

use std::time::{Duration, Instant};

use chimera_server::http::Settings;
use chimera_server::work::Ratio;
use serde_json::{Value, json};

use crate::serving::{Mailbox, Serving, limits};

/// The first invalid parameter of a 422: its type, its name and its bound.
async fn invalid(serving: &Serving, path: &str) -> (String, String, Value) {
    let reply = serving.post(path).await;
    assert_eq!(reply.status, 422, "{path}: {reply:?}");
    let first = reply.json()["detail"][0].clone();
    assert_eq!(first["loc"][0], "query", "{path}");
    assert!(
        first["msg"].is_string() && !first["input"].is_null(),
        "{first}"
    );
    (
        first["type"].as_str().unwrap().to_owned(),
        first["loc"][1].as_str().unwrap().to_owned(),
        first["ctx"].clone(),
    )
}

#[tokio::test]
async fn the_leak_is_as_large_as_asked_for() {
    let serving = Serving::start().await;
    let reply = serving.post("/demo/memory-leak?size_mb=8&count=4").await;
    let answer = reply.json();
    assert_eq!(answer["incident_id"], reply.header("x-request-id"));
    assert_eq!(answer["requested_mb"], 32);
    assert_eq!(answer["total_memory_hogs"], 4);
    assert_eq!(serving.sessions.held_bytes(), 32 << 20);
    let (before, after) = (
        answer["memory_before_mb"].as_f64().unwrap(),
        answer["memory_after_mb"].as_f64().unwrap(),
    );
    // Resident, not only reserved. Other tests of this process come and go meanwhile.
    assert!(after - before > 16.0, "{answer}");
    let held = &serving.get("/demo/status").await.json()["demo_status"]["memory_hogs"];
    assert_eq!(
        (&held["count"], &held["total_estimated_mb"]),
        (&json!(4), &json!(32))
    );
    assert!(held["oldest_created"].as_f64().unwrap() > 1.6e9);
    let reset = serving.post("/demo/reset").await.json();
    assert_eq!(reset["cleared"]["memory_hogs"], 4);
    assert_eq!(reset["rearmed"], true);
    assert_eq!(serving.sessions.held_bytes(), 0);
    assert_eq!(serving.asked(), ["reset"]);
}

#[tokio::test]
async fn parameters_out_of_bounds_change_nothing() {
    let serving = Serving::start().await;
    for (query, kind, name, bound) in [
        ("size_mb=abc", "int_parsing", "size_mb", Value::Null),
        ("size_mb=", "int_parsing", "size_mb", Value::Null),
        ("size_mb=1.5", "int_parsing", "size_mb", Value::Null),
        ("size_mb=1e3", "int_parsing", "size_mb", Value::Null),
        (
            "size_mb=0",
            "greater_than_equal",
            "size_mb",
            json!({"ge": 1}),
        ),
        (
            "size_mb=-5",
            "greater_than_equal",
            "size_mb",
            json!({"ge": 1}),
        ),
        (
            "size_mb=1025",
            "less_than_equal",
            "size_mb",
            json!({"le": 1024}),
        ),
        ("count=0", "greater_than_equal", "count", json!({"ge": 1})),
        ("count=101", "less_than_equal", "count", json!({"le": 100})),
        (
            "count=100000000000000000000",
            "less_than_equal",
            "count",
            json!({"le": 100}),
        ),
        // The cache of these tests may hold 64 MiB.
        (
            "size_mb=33&count=2",
            "less_than_equal",
            "count",
            json!({"le_total_mb": 64}),
        ),
    ] {
        let found = invalid(&serving, &format!("/demo/memory-leak?{query}")).await;
        assert_eq!(found, (kind.to_owned(), name.to_owned(), bound), "{query}");
    }
    for (query, kind, name) in [
        ("duration=x", "int_parsing", "duration"),
        ("duration=0", "greater_than_equal", "duration"),
        ("duration=301", "less_than_equal", "duration"),
        ("num_threads=0", "greater_than_equal", "num_threads"),
        ("num_threads=65", "less_than_equal", "num_threads"),
        ("wait=perhaps", "bool_parsing", "wait"),
        ("wait=2", "bool_parsing", "wait"),
    ] {
        let (found, at, _) = invalid(&serving, &format!("/demo/cpu-overload?{query}")).await;
        assert_eq!((found.as_str(), at.as_str()), (kind, name), "{query}");
    }
    assert_eq!(serving.sessions.entries(), 0);
    assert_eq!(serving.background.running(), 0);
}

#[tokio::test]
async fn every_invalid_parameter_is_told_at_once() {
    let serving = Serving::start().await;
    let reply = serving
        .post("/demo/memory-leak?count=0&size_mb=%20&other=1")
        .await;
    assert_eq!(
        reply.json(),
        json!({ "detail": [
            {
                "type": "int_parsing", "loc": ["query", "size_mb"], "input": " ",
                "msg": "Input should be a valid integer, unable to parse string as an integer",
            },
            {
                "type": "greater_than_equal", "loc": ["query", "count"], "input": "0",
                "msg": "Input should be greater than or equal to 1", "ctx": {"ge": 1},
            },
        ]})
    );
    let history = serving
        .get("/metrics/history?since=soon&step=-1")
        .await
        .json();
    assert_eq!(history["detail"][0]["type"], "float_parsing");
    assert_eq!(history["detail"][1]["ctx"], json!({"ge": 0.0}));
    let health = serving.get("/health?strict=maybe").await.json();
    assert_eq!(health["detail"][0]["type"], "bool_parsing");
}

#[tokio::test]
async fn parameters_that_nobody_declared_are_ignored() {
    let serving = Serving::start().await;
    let reply = serving
        .post("/demo/memory-leak?count=1&size_mb=1&colour=blue&=&%ff")
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(serving.get("/live?x=1").await.status, 200);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_burn_is_real_and_measured() {
    let serving = Serving::start().await;
    let answer = serving
        .post("/demo/cpu-overload?duration=60&num_threads=2")
        .await
        .json();
    assert_eq!(answer["cpu_before_percent"], 12.5);
    assert!(
        answer["cpu_after_percent"].as_f64().unwrap() > 0.0,
        "{answer}"
    );
    let most = answer["max_cpu_observed"].as_f64().unwrap();
    assert!(most >= answer["cpu_after_percent"].as_f64().unwrap());
    assert_eq!(answer["active_cpu_tasks"], 2);
    assert_eq!(answer["estimated_completion"], "60 seconds");
    let tasks = serving.get("/demo/status").await.json()["demo_status"]["cpu_tasks"].clone();
    // It was answered long before the burn ends.
    assert_eq!(tasks["active"], 2);
    assert!(tasks["ends_in_s"].as_f64().unwrap() > 20.0, "{tasks}");
    assert_eq!(
        serving.get("/demo/").await.json()["current_status"]["active_cpu_tasks"],
        2
    );
    let reset = serving.post("/demo/reset").await.json();
    assert_eq!(reset["cancelled_cpu_tasks"], 2);
    let stopped = Instant::now();
    while serving.background.running() > 0 {
        assert!(
            stopped.elapsed() < Duration::from_secs(20),
            "reset ends the burn"
        );
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    let tasks = serving.get("/demo/status").await.json()["demo_status"]["cpu_tasks"].clone();
    assert_eq!(
        (&tasks["active"], &tasks["completed_tasks"]),
        (&json!(0), &json!(2))
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn more_threads_than_there_may_be_are_refused() {
    let serving = Serving::start().await;
    serving.background.set_duty(Ratio::new(0.001).unwrap());
    serving
        .background
        .start(Duration::from_secs(60), 250)
        .unwrap();
    let detail = serving
        .post("/demo/cpu-overload?num_threads=10")
        .await
        .detail(429);
    assert!(detail.contains("at most 256"), "{detail}");
    assert_eq!(serving.background.running(), 250);
    serving.background.cancel(Ratio::FULL);
}

#[tokio::test]
async fn the_list_of_demos_names_routes_that_exist() {
    let serving = Serving::start().await;
    let list = serving.get("/demo").await.json();
    assert_eq!(list, serving.get("/demo/").await.json());
    for (name, text) in list["available_demos"].as_object().unwrap() {
        let text = text.as_str().unwrap();
        let path = text.split([' ', ':']).nth(1).unwrap();
        assert_eq!(path, format!("/demo/{}", name.replace('_', "-")));
        let allow = serving.ask("OPTIONS", path, &[]).await;
        assert!(
            allow
                .header("allow")
                .contains(text.split(' ').next().unwrap()),
            "{text}"
        );
    }
}

#[tokio::test]
async fn a_get_changes_nothing_unless_the_old_ways_are_asked_for() {
    let serving = Serving::start().await;
    for path in [
        "/demo/memory-leak",
        "/demo/cpu-overload",
        "/demo/reset",
        "/reset-healing",
    ] {
        let reply = serving.get(path).await;
        assert_eq!(reply.detail(405), "Method Not Allowed");
        assert_eq!(reply.header("allow"), "POST, OPTIONS");
    }
    assert_eq!(serving.sessions.entries(), 0);
    let old_ways = Settings {
        compat_get: true,
        ..Settings::default()
    };
    let serving = Serving::with(limits(), old_ways, Mailbox::Answers).await;
    let leak = "/demo/memory-leak?size_mb=1&count=2";
    assert_eq!(serving.get(leak).await.status, 200);
    assert_eq!(serving.sessions.entries(), 2);
    // Neither a probe nor another site's picture.
    assert_eq!(serving.ask("HEAD", leak, &[]).await.status, 405);
    let picture = [("sec-fetch-site", "cross-site")];
    assert_eq!(serving.ask("GET", leak, &picture).await.status, 403);
    assert_eq!(serving.sessions.entries(), 2);
    let put = serving.ask("PUT", leak, &[]).await;
    assert_eq!(put.header("allow"), "POST, GET, OPTIONS");
    assert_eq!(serving.get("/healing/reload").await.status, 405);
}

//! Methods, paths and headers that every answer has.

use std::collections::BTreeSet;

use serde_json::json;

use crate::serving::Serving;

const GETS: &[&str] = &[
    "/",
    "/assets/app.js",
    "/simple-dashboard",
    "/health",
    "/live",
    "/ready",
    "/test",
    "/healing/status",
    "/healing/actions",
    "/healing/actions/1",
    "/healing/rules",
    "/metrics",
    "/metrics/history",
    "/demo/",
    "/demo",
    "/demo/status",
    "/docs",
    "/openapi.json",
];

#[tokio::test]
async fn heads_are_gets_without_the_body() {
    let serving = Serving::start().await;
    for path in GETS {
        let get = serving.get(path).await;
        let head = serving.ask("HEAD", path, &[]).await;
        assert_eq!(
            (head.status, head.header("content-type")),
            (200, get.header("content-type"))
        );
        assert!(
            head.header("content-length").parse::<usize>().unwrap() > 0,
            "{path}"
        );
    }
    // Of an answer that stays the same, the length is the same too.
    for path in ["/", "/live", "/openapi.json", "/docs"] {
        let head = serving.ask("HEAD", path, &[]).await;
        assert_eq!(
            head.header("content-length"),
            serving.get(path).await.header("content-length")
        );
    }
}

#[tokio::test]
async fn a_head_leaves_the_connection_in_order() {
    let serving = Serving::start().await;
    let mut connection = crate::asking::Connection::open(&serving).await;
    let host = serving.address;
    connection
        .send(&format!("HEAD /health HTTP/1.1\r\nhost: {host}\r\n\r\n"))
        .await;
    assert_eq!(connection.head().await.unwrap().status, 200);
    connection
        .send(&format!("GET /live HTTP/1.1\r\nhost: {host}\r\n\r\n"))
        .await;
    assert_eq!(
        connection.reply().await.unwrap().json(),
        json!({"status": "live"})
    );
}

#[tokio::test]
async fn options_tell_the_methods() {
    let serving = Serving::start().await;
    for (path, methods) in [
        ("/health", "GET, HEAD, OPTIONS"),
        ("/healing/actions/7", "GET, HEAD, OPTIONS"),
        ("/demo/memory-leak", "POST, OPTIONS"),
        ("/atomspace/query", "POST, OPTIONS"),
        ("/demo/request-failures-immediate", "GET, POST, OPTIONS"),
    ] {
        let reply = serving.ask("OPTIONS", path, &[]).await;
        assert_eq!(
            (reply.status, reply.header("allow")),
            (204, methods),
            "{path}"
        );
        // No other site's page is let in by it.
        assert_eq!(reply.header("access-control-allow-origin"), "");
    }
    assert_eq!(serving.ask("OPTIONS", "/nowhere", &[]).await.status, 404);
    assert_eq!(serving.upstream.injector().rate(), 0.0);
}

#[tokio::test]
async fn a_wrong_method_is_told_the_right_ones() {
    let serving = Serving::start().await;
    for method in ["POST", "PUT", "DELETE", "PATCH", "BREW"] {
        for path in GETS {
            let reply = serving.ask(method, path, &[]).await;
            assert_eq!(reply.detail(405), "Method Not Allowed", "{method} {path}");
            assert_eq!(reply.header("allow"), "GET, HEAD, OPTIONS");
        }
    }
    for path in [
        "/healing/reload",
        "/ingest",
        "/atomspace/query",
        "/demo/reset",
    ] {
        for method in ["GET", "HEAD", "DELETE"] {
            let reply = serving.ask(method, path, &[]).await;
            assert_eq!(
                (reply.status, reply.header("allow")),
                (405, "POST, OPTIONS"),
                "{path}"
            );
        }
    }
    assert_eq!(serving.asked(), [""; 0]);
}

#[tokio::test]
async fn unknown_paths_are_not_found() {
    let serving = Serving::start().await;
    for path in [
        "/nowhere",
        "/Health",
        "/health/more",
        "/assets/",
        "/assets/nothing.js",
        "/assets/../Cargo.toml",
        "/assets/..%2fCargo.toml",
        "/healing/actions/1/2",
        "//health",
        "/demo/stress",
        "/demo/stress-test/1/2",
        "/%00",
    ] {
        let reply = serving.get(path).await;
        assert_eq!(reply.json(), json!({"detail": "Not Found"}), "{path}");
        assert_eq!(reply.status, 404, "{path}");
    }
}

#[tokio::test]
async fn a_slash_too_many_is_shown_the_way() {
    let serving = Serving::start().await;
    for (path, to) in [
        ("/health/", "/health"),
        ("/healing/actions/", "/healing/actions"),
        ("/health/?strict=1", "/health?strict=1"),
    ] {
        let reply = serving.get(path).await;
        assert_eq!(
            (reply.status, reply.header("location")),
            (307, to),
            "{path}"
        );
    }
    // 307 keeps the method; nothing has been done yet.
    let reply = serving.post("/demo/memory-leak/?size_mb=1&count=1").await;
    assert_eq!(
        reply.header("location"),
        "/demo/memory-leak?size_mb=1&count=1"
    );
    assert_eq!(serving.sessions.entries(), 0);
}

#[tokio::test]
async fn every_answer_has_an_id_of_its_own() {
    let serving = Serving::start().await;
    let mut seen = BTreeSet::new();
    for path in [
        "/health",
        "/",
        "/nowhere",
        "/demo/reset",
        "/health?strict=x",
        "/redoc",
    ] {
        let id = serving.get(path).await.header("x-request-id").to_owned();
        assert!(!id.is_empty() && seen.insert(id), "{path}");
    }
    let own = serving
        .ask("GET", "/live", &[("x-request-id", "mine-7.a_B")])
        .await;
    assert_eq!(own.header("x-request-id"), "mine-7.a_B");
    let long = "a".repeat(65);
    for wrong in ["bad id", "", "<b>", "id;x", &long] {
        let reply = serving
            .ask("GET", "/live", &[("x-request-id", wrong)])
            .await;
        let id = reply.header("x-request-id");
        assert!(!id.is_empty() && id != wrong, "{wrong}");
    }
}

#[tokio::test]
async fn every_answer_tells_browsers_to_be_careful() {
    let serving = Serving::start().await;
    for path in GETS.iter().chain(&["/nowhere", "/demo/reset", "/redoc"]) {
        let reply = serving.get(path).await;
        assert_eq!(reply.header("x-content-type-options"), "nosniff", "{path}");
        assert_eq!(reply.header("x-frame-options"), "DENY", "{path}");
        assert_eq!(reply.header("referrer-policy"), "same-origin", "{path}");
        let policy = reply.header("content-security-policy");
        assert!(
            policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe"), "{path}: {policy}");
        assert_eq!(reply.header("access-control-allow-origin"), "", "{path}");
    }
}

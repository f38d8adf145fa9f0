//! Routes with good and bad input, over real connections.

use serde_json::json;

use crate::running::{Server, exchange, shipped_rules};

/// Sends bytes as they are; returns all that comes back until the server closes.
fn raw(server: &Server, request: &str) -> String {
    exchange(server.url.strip_prefix("http://").unwrap(), request)
}

#[test]
fn every_route_answers_in_its_shape() {
    let server = Server::start(&shipped_rules(), &[]);
    let health = server.health();
    for field in [
        "memory_usage_mb",
        "cpu_percent",
        "connection_count",
        "request_latency_ms",
        "error_count",
        "active_requests",
    ] {
        assert!(health["metrics"][field].is_number(), "{field} in {health}");
    }
    assert_eq!(
        health["system_info"]["thresholds"],
        json!({"memory_mb": 400.0, "cpu_percent": 75.0, "connection_count": 80.0, "request_latency_ms": 3000.0, "error_rate": 0.1})
    );
    for path in [
        "/live",
        "/ready",
        "/test",
        "/healing/status",
        "/healing/actions",
        "/healing/rules",
        "/metrics/history",
        "/demo/",
        "/demo",
        "/demo/status",
        "/openapi.json",
    ] {
        let (status, answer) = server.get(path);
        assert_eq!(status, 200, "{path}");
        assert!(answer.is_object(), "{path}: {answer}");
    }
    for path in [
        "/",
        "/simple-dashboard",
        "/docs",
        "/assets/app.js",
        "/assets/style.css",
    ] {
        let (status, answer) = server.get(path);
        assert_eq!(status, 200, "{path}");
        assert!(
            answer.as_str().is_some_and(|text| !text.is_empty()),
            "{path}"
        );
    }
    let (_, history) = server.get("/metrics/history?since=0");
    assert!(history["series"]["memory-mb"][0][1].as_f64().unwrap() > 1.0);
}

#[test]
fn bad_input_is_refused_and_nothing_happens() {
    let server = Server::start("", &[]);
    let (status, answer) = server.post("/demo/memory-leak?size_mb=abc&count=0");
    assert_eq!(status, 422);
    assert_eq!(
        answer,
        json!({"detail": [
            {"type": "int_parsing", "loc": ["query", "size_mb"], "input": "abc",
             "msg": "Input should be a valid integer, unable to parse string as an integer"},
            {"type": "greater_than_equal", "loc": ["query", "count"], "input": "0",
             "msg": "Input should be greater than or equal to 1", "ctx": {"ge": 1}},
        ]})
    );
    assert_eq!(server.post("/demo/memory-leak?size_mb=1024&count=3").0, 422);
    assert_eq!(server.post("/demo/cpu-overload?num_threads=65").0, 422);
    assert_eq!(server.post("/demo/cpu-overload?duration=-1").0, 422);
    let now = server.get("/demo/status").1["demo_status"].clone();
    assert_eq!(now["memory_hogs"]["count"], 0);
    assert_eq!(now["cpu_tasks"]["active"], 0);
    assert_eq!(
        server.get("/nowhere"),
        (404, json!({"detail": "Not Found"}))
    );
    assert_eq!(server.get("/demo/memory-leak").0, 405);
    assert_eq!(server.post("/health").0, 405);
    assert_eq!(server.get("/healing/actions/7").0, 404);
    assert_eq!(server.get("/assets/../Cargo.toml").0, 404);
    for body in [
        "",
        "{",
        "[]",
        r#"{"query": 1}"#,
        r#"{"query": "a", "other": 1}"#,
    ] {
        let (status, answer) = server.post_body("/atomspace/query", body);
        assert_eq!(status, 400, "{body}");
        assert!(
            answer["detail"]
                .as_str()
                .unwrap()
                .contains("send {\"query\""),
            "{answer}"
        );
    }
    for body in [
        "{}",
        r#"{"samples":[{"metric":"a b","value":1}]}"#,
        r#"{"samples":[{"metric":"m","value":"1"}]}"#,
    ] {
        assert_eq!(server.post_body("/ingest", body).0, 400, "{body}");
    }
    // The server answers before it has read everything, and then closes.
    let host = server.url.strip_prefix("http://").unwrap();
    let refused = raw(
        &server,
        &format!("POST /ingest HTTP/1.1\r\nhost: {host}\r\ncontent-length: 9000000\r\n\r\n"),
    );
    assert!(refused.starts_with("HTTP/1.1 413"), "{refused}");
}

#[test]
fn live_atoms_are_queried_and_not_changed() {
    let server = Server::start(&shipped_rules(), &[]);
    let (status, answer) = server.query("!(match &samples (sample memory-mb $v $t) $v)");
    assert_eq!(status, 200);
    assert!(
        !answer["results"].as_array().unwrap().is_empty(),
        "{answer}"
    );
    assert!(answer["bindings"][0]["$v"].is_string(), "{answer}");
    let (_, answer) = server.query("(match &self (threshold $m $x) ($m $x))");
    assert!(
        answer["results"].to_string().contains("(memory-mb 400)"),
        "{answer}"
    );
    assert_eq!(
        answer["generation"],
        server.health()["system_info"]["rules"]["generation"]
    );
    let (_, limits) = server.query("(match &limits (limit evict-cache $what $n) ($what $n))");
    assert!(
        limits["results"].to_string().contains("per-minute"),
        "{limits}"
    );
    for query in [
        "(add-atom &self (threshold memory-mb 1))",
        "(remove-atom &limits (limit cancel per-minute 12))",
    ] {
        let (status, answer) = server.query(query);
        assert_eq!(status, 403, "{answer}");
    }
    let (status, answer) = server.query("(match &self");
    assert_eq!(status, 400);
    assert!(
        answer["detail"].as_str().unwrap().contains("unclosed `(`"),
        "{answer}"
    );
}

#[test]
fn other_sites_and_other_names_are_kept_out() {
    let server = Server::start("", &[]);
    let head = |extra: &str| {
        format!(
            "POST /demo/memory-leak?size_mb=1&count=1 HTTP/1.1\r\n{extra}content-length: 0\r\nconnection: close\r\n\r\n"
        )
    };
    let host = server.url.strip_prefix("http://").unwrap().to_owned();
    let forbidden = raw(
        &server,
        &head(&format!("host: {host}\r\norigin: http://evil.example\r\n")),
    );
    assert!(forbidden.starts_with("HTTP/1.1 403"), "{forbidden}");
    let forbidden = raw(&server, &head("host: evil.example\r\n"));
    assert!(forbidden.starts_with("HTTP/1.1 403"), "{forbidden}");
    let allowed = raw(
        &server,
        &head(&format!("host: {host}\r\norigin: http://{host}\r\n")),
    );
    assert!(allowed.starts_with("HTTP/1.1 200"), "{allowed}");
}

#[test]
fn heads_options_and_ids_are_answered() {
    let server = Server::start("", &[]);
    let host = server.url.strip_prefix("http://").unwrap().to_owned();
    let ask = |method: &str, path: &str, extra: &str| {
        raw(
            &server,
            &format!(
                "{method} {path} HTTP/1.1\r\nhost: {host}\r\nconnection: close\r\n{extra}\r\n"
            ),
        )
    };
    let head = ask("HEAD", "/health", "");
    assert!(
        head.starts_with("HTTP/1.1 200") && head.ends_with("\r\n\r\n"),
        "{head}"
    );
    let options = ask("OPTIONS", "/demo/reset", "");
    assert!(
        options.starts_with("HTTP/1.1 204") && options.contains("allow: POST"),
        "{options}"
    );
    let id = ask("GET", "/live", "x-request-id: my-id.7\r\n");
    assert!(id.contains("x-request-id: my-id.7"), "{id}");
    let id = ask("GET", "/nowhere", "x-request-id: bad id\r\n");
    assert!(
        id.contains("x-request-id: ") && !id.contains("bad id"),
        "{id}"
    );
    let known = ask("GET", "/", "");
    let etag = known
        .lines()
        .find(|line| line.starts_with("etag: "))
        .unwrap();
    let again = ask(
        "GET",
        "/",
        &format!("if-none-match: {}\r\n", &etag["etag: ".len()..]),
    );
    assert!(again.starts_with("HTTP/1.1 304"), "{again}");
}

#[test]
fn connections_that_say_nothing_are_ended() {
    let server = Server::start("", &[]);
    let server = &server;
    std::thread::scope(|scope| {
        for opening in ["", "PRI", "GET /health HTTP/1.1\r\nhost:"] {
            scope.spawn(move || {
                // The read returns once the server has closed.
                let answer = raw(server, opening);
                assert!(!answer.contains("200 OK"), "{answer}");
            });
        }
    });
}

#[test]
fn the_original_s_gets_are_taken_where_asked_for() {
    let server = Server::start("", &["--compat-get"]);
    assert_eq!(server.get("/demo/memory-leak?size_mb=1&count=2").0, 200);
    assert_eq!(server.get("/demo/reset").1["cleared"]["memory_hogs"], 2);
}

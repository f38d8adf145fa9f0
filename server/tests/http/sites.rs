//! Other sites' pages, other names for this address.

use serde_json::json;

use crate::serving::Serving;

const LEAK: &str = "/demo/memory-leak?size_mb=1&count=1";

#[tokio::test]
async fn a_client_without_origin_changes_state_as_the_old_commands_do() {
    let serving = Serving::start().await;
    // As curl -X POST sends it.
    let reply = serving
        .raw(&format!(
            "POST {LEAK} HTTP/1.1\r\nHost: localhost:{}\r\nUser-Agent: curl/8.5.0\r\nAccept: */*\r\n\r\n",
            serving.address.port()
        ))
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert_eq!(serving.sessions.entries(), 1);
}

#[tokio::test]
async fn the_server_s_own_pages_change_state_and_others_do_not() {
    let serving = Serving::start().await;
    let host = serving.address.to_string();
    let own = format!("http://{host}");
    let same = [("origin", own.as_str()), ("sec-fetch-site", "same-origin")];
    assert_eq!(serving.ask("POST", LEAK, &same).await.status, 200);
    let other_port = format!("http://127.0.0.1:{}", serving.address.port() ^ 1);
    let suffixed = format!("{own}.evil.example");
    for origin in [
        "http://evil.example",
        "null",
        &other_port,
        &suffixed,
        "",
        "file://",
    ] {
        for path in [LEAK, "/demo/reset", "/healing/reload", "/reset-healing"] {
            let detail = serving
                .ask("POST", path, &[("origin", origin)])
                .await
                .detail(403);
            assert!(detail.contains("page of another site"), "{detail}");
        }
    }
    // Two origins, the first of them ours.
    let two = [("origin", own.as_str()), ("origin", "http://evil.example")];
    assert_eq!(serving.ask("POST", LEAK, &two).await.status, 403);
    for site in ["cross-site", "same-site"] {
        assert_eq!(
            serving
                .ask("POST", LEAK, &[("sec-fetch-site", site)])
                .await
                .status,
            403
        );
    }
    assert_eq!(serving.sessions.entries(), 1);
    assert_eq!(serving.asked(), [""; 0]);
}

#[tokio::test]
async fn other_sites_cannot_make_the_server_work_either() {
    let serving = Serving::start().await;
    let evil = [("origin", "http://evil.example")];
    assert_eq!(
        serving.ask("POST", "/atomspace/query", &evil).await.status,
        403
    );
    assert_eq!(serving.ask("GET", "/events", &evil).await.status, 403);
    // What only shows is answered; the browser does not let the page read it.
    let health = serving.ask("GET", "/health", &evil).await;
    assert_eq!(
        (health.status, health.header("access-control-allow-origin")),
        (200, "")
    );
}

#[tokio::test]
async fn the_server_answers_to_its_own_names_only() {
    let serving = Serving::start().await;
    let port = serving.address.port();
    for host in [
        format!("127.0.0.1:{port}"),
        "localhost".to_owned(),
        "LocalHost:1".to_owned(),
        format!("[::1]:{port}"),
    ] {
        let reply = serving.ask("GET", "/live", &[("host", &host)]).await;
        assert_eq!(reply.status, 200, "{host}");
    }
    for host in [
        "evil.example",
        "127.0.0.1.evil.example",
        "localhost.evil.example:80",
        "0.0.0.0",
        "",
    ] {
        for (method, path) in [
            ("GET", "/health"),
            ("GET", "/nowhere"),
            ("POST", LEAK),
            ("OPTIONS", "/"),
        ] {
            let detail = serving
                .ask(method, path, &[("host", host)])
                .await
                .detail(403);
            assert!(detail.contains("does not answer as"), "{host}: {detail}");
        }
    }
    assert_eq!(serving.sessions.entries(), 0);
}

#[tokio::test]
async fn a_request_names_its_host_once() {
    let serving = Serving::start().await;
    let own = format!("host: {}\r\n", serving.address);
    for hosts in [
        String::new(),
        format!("{own}host: evil.example\r\n"),
        format!("{own}{own}"),
    ] {
        let request = format!("GET /live HTTP/1.1\r\n{hosts}connection: close\r\n\r\n");
        let detail = serving.raw(&request).await.detail(400);
        assert!(detail.contains("exactly one Host"), "{detail}");
    }
    let old = serving.raw("GET /live HTTP/1.0\r\n\r\n").await;
    assert_eq!(old.json(), json!({"status": "live"}));
    // The target may name the host as well; it counts as much.
    let target = format!("GET http://evil.example/live HTTP/1.1\r\n{own}connection: close\r\n\r\n");
    assert_eq!(serving.raw(&target).await.status, 403);
}

//! What people look at.

use std::sync::Arc;

use chimera_server::status::Verdict;

use crate::serving::{Serving, action};

#[tokio::test]
async fn the_dashboard_is_ours_alone_and_cached_by_its_tag() {
    let serving = Serving::start().await;
    let page = serving.get("/").await;
    assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
    let policy = page.header("content-security-policy");
    assert!(policy.starts_with("default-src 'self'"), "{policy}");
    let etag = page.header("etag");
    assert!(etag.len() > 10, "{etag}");
    for known in [
        etag.to_owned(),
        format!("\"other\", {etag}"),
        format!("W/{etag}"),
    ] {
        let again = serving.ask("GET", "/", &[("if-none-match", &known)]).await;
        assert_eq!((again.status, again.body.as_str()), (304, ""), "{known}");
        assert_eq!(again.header("etag"), etag);
    }
    let other = serving
        .ask("GET", "/", &[("if-none-match", "\"other\"")])
        .await;
    assert_eq!(other.status, 200);
}

/// The files that a text names in quotes after one of these words.
fn named(text: &str, words: &[&str]) -> Vec<String> {
    let mut names = Vec::new();
    for word in words {
        for rest in text.split(word).skip(1) {
            names.push(rest.split('"').next().unwrap().to_owned());
        }
    }
    names
}

#[tokio::test]
async fn what_the_dashboard_asks_for_is_there_and_is_ours() {
    let serving = Serving::start().await;
    let page = serving.get("/").await.body;
    let mut wanted: Vec<String> = named(&page, &["src=\"", "href=\""])
        .into_iter()
        .filter(|name| !name.starts_with('#'))
        .collect();
    assert!(wanted.len() >= 8, "{wanted:?}");
    let mut seen = 0;
    while seen < wanted.len() {
        let name = wanted[seen].clone();
        assert!(name.starts_with('/'), "{name} is elsewhere");
        let reply = serving.get(&name).await;
        assert_eq!(reply.status, 200, "{name}");
        if name.ends_with(".js") {
            assert_eq!(
                reply.header("content-type"),
                "text/javascript; charset=utf-8"
            );
            for module in named(&reply.body, &["from \"."]) {
                let module = format!("/assets{module}");
                if !wanted.contains(&module) {
                    wanted.push(module);
                }
            }
        }
        seen += 1;
    }
    assert!(seen > 20, "{wanted:?}");
    let licence = serving.get("/assets/LICENSE-uplot").await.body;
    assert!(licence.contains("Leon Sorokin"), "{licence}");
    assert_eq!(serving.get("/assets/none.js").await.status, 404);
}

#[tokio::test]
async fn the_page_without_scripts_shows_all_and_posts() {
    let serving = Serving::start().await;
    let page = serving.get("/simple-dashboard").await.body;
    assert!(
        page.contains("<span class=\"badge degraded\">degraded</span>"),
        "{page}"
    );
    for shown in [
        "memory-mb",
        "104",
        "400",
        "(evict-cache sessions 0.5)",
        "verified",
        "abc123",
    ] {
        assert!(page.contains(shown), "{shown} in {page}");
    }
    assert!(!page.contains("<script"));
    let forms: Vec<&str> = page
        .split("<form method=post action=\"")
        .skip(1)
        .map(|form| form.split('"').next().unwrap())
        .collect();
    assert_eq!(forms.len(), 7);
    for action in forms {
        let path = action.split('?').next().unwrap();
        let allow = serving.ask("OPTIONS", path, &[]).await;
        assert_eq!(allow.header("allow"), "POST, OPTIONS", "{path}");
    }
}

#[tokio::test]
async fn texts_from_outside_do_not_become_markup() {
    let serving = Serving::start().await;
    let evil = "<script>alert('x')</script>\"&\u{202e}";
    serving.publish(|status| {
        let mut record = action(3, evil, Verdict::Failed);
        evil.clone_into(&mut record.reason);
        evil.clone_into(&mut record.call);
        record.outcome = Err(evil.to_owned());
        status.actions.push(Arc::new(record));
        status.reading.metrics.insert(evil.to_owned(), 1.0);
        evil.clone_into(&mut status.rules.generation);
    });
    let page = serving.get("/simple-dashboard").await.body;
    assert!(!page.contains("<script"), "{page}");
    assert!(page.contains("&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;&quot;&amp;\\u{202e}"));
    let metrics = serving.get("/metrics").await.body;
    assert!(
        metrics.contains("metric=\"<script>alert('x')</script>\\\"&\u{202e}\""),
        "{metrics}"
    );
}

//! `/events`.

use std::time::Duration;

use chimera_server::http::{Limits, Settings};
use chimera_server::status::Verdict;
use serde_json::Value;

use crate::asking::Connection;
use crate::serving::{Mailbox, Serving, limits, rules_error};

async fn listen(serving: &Serving) -> (Connection, u16) {
    let mut connection = Connection::open(serving).await;
    let host = serving.address;
    connection
        .send(&format!(
            "GET /events HTTP/1.1\r\nhost: {host}\r\naccept: text/event-stream\r\n\r\n"
        ))
        .await;
    let head = connection.head().await.unwrap();
    if head.status == 200 {
        assert_eq!(head.header("content-type"), "text/event-stream");
        assert_eq!(head.header("cache-control"), "no-store");
        assert!(!head.header("x-request-id").is_empty());
    }
    let status = head.status;
    (connection, status)
}

/// The next event: its id, and its data as JSON.
async fn event(connection: &mut Connection) -> (String, Value) {
    let mut text = connection.until("\n\n").await.expect("an event");
    // Those with names have tests of their own.
    while text.contains("event: ") {
        text = connection.until("\n\n").await.expect("an event");
    }
    let field = |name: &str| {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .unwrap_or_else(|| panic!("{name} in {text}"))
    };
    (
        field("id: ").to_owned(),
        serde_json::from_str(field("data: ")).unwrap(),
    )
}

#[tokio::test]
async fn the_status_is_sent_at_once_and_on_each_change() {
    let serving = Serving::start().await;
    let (mut connection, _) = listen(&serving).await;
    let (id, health) = event(&mut connection).await;
    assert_eq!(
        (id.as_str(), &health["status"]),
        ("5", &Value::from("degraded"))
    );
    assert_eq!(health["metrics"]["memory_usage_mb"], 104.0);
    serving.publish(|status| {
        status.ticks = 6;
        status.open_faults.clear();
    });
    let (id, health) = event(&mut connection).await;
    assert_eq!(
        (id.as_str(), &health["status"]),
        ("6", &Value::from("healthy"))
    );
    // It is what /health says.
    let asked = serving.get("/health").await.json();
    assert_eq!(
        health["recent_healing_actions"],
        asked["recent_healing_actions"]
    );
    assert_eq!(
        health["system_info"]["rules"],
        asked["system_info"]["rules"]
    );
}

#[tokio::test]
async fn silence_is_broken_by_a_sign_of_life() {
    let limits = Limits {
        heartbeat: Duration::from_millis(200),
        ..limits()
    };
    let serving = Serving::with(limits, Settings::default(), Mailbox::Answers).await;
    let (mut connection, _) = listen(&serving).await;
    event(&mut connection).await;
    for _ in 0..2 {
        let sign = connection.until("\n\n").await.unwrap();
        assert!(sign.contains("\r\n: still here\n\n"), "{sign}");
    }
}

#[tokio::test]
async fn streams_are_counted_and_given_back() {
    let limits = Limits {
        streams: 2,
        heartbeat: Duration::from_millis(100),
        ..limits()
    };
    let serving = Serving::with(limits, Settings::default(), Mailbox::Answers).await;
    let (first, _) = listen(&serving).await;
    let (mut second, _) = listen(&serving).await;
    event(&mut second).await;
    let refused = serving.get("/events").await;
    assert!(refused.detail(503).contains("2 streams"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), "1");
    // A HEAD opens none.
    assert_eq!(serving.ask("HEAD", "/events", &[]).await.status, 200);
    drop(first);
    let mut third = listen(&serving).await;
    while third.1 == 503 {
        tokio::time::sleep(Duration::from_millis(20)).await;
        third = listen(&serving).await;
    }
    event(&mut third.0).await;
    event_or_sign(&mut second).await;
}

async fn event_or_sign(connection: &mut Connection) {
    assert!(connection.until("\n\n").await.is_some());
}

#[tokio::test]
async fn streams_end_when_the_server_does() {
    let serving = Serving::start().await;
    let (mut connection, _) = listen(&serving).await;
    event(&mut connection).await;
    let began = std::time::Instant::now();
    serving.end().await;
    assert!(
        began.elapsed() < Duration::from_secs(9),
        "it does not wait for its deadline"
    );
    // The last chunk says that the stream is complete.
    let rest = String::from_utf8(connection.rest().await).unwrap();
    assert!(rest.ends_with("0\r\n\r\n"), "{rest:?}");
}

/// The names of the events up to the next one without a name, and its id.
async fn names(connection: &mut Connection) -> (Vec<String>, String) {
    let mut names = Vec::new();
    loop {
        let text = connection.until("\n\n").await.expect("an event");
        let line = |name: &str| text.lines().find_map(|line| line.strip_prefix(name));
        match (line("event: "), line("id: ")) {
            (Some(name), _) => names.push(name.to_owned()),
            (None, Some(id)) => return (names, id.to_owned()),
            (None, None) => {}
        }
    }
}

#[tokio::test]
async fn what_happened_is_told_by_name() {
    let serving = Serving::start().await;
    let (mut connection, _) = listen(&serving).await;
    assert_eq!(names(&mut connection).await, (vec![], "5".to_owned()));
    serving.publish(|status| {
        status.ticks = 6;
        let judged = std::sync::Arc::make_mut(&mut status.actions[1]);
        judged.verdict = Verdict::Verified;
        status.open_faults = vec!["cpu-overload".to_owned()];
        status.rules.error = Some(rules_error());
    });
    let (told, id) = names(&mut connection).await;
    assert_eq!(told, ["action", "episode", "episode", "rules"]);
    assert_eq!(id, "6");
}

#[tokio::test]
async fn a_client_that_comes_back_gets_what_it_missed() {
    let serving = Serving::start().await;
    let resume = async |id: &str| {
        let mut connection = Connection::open(&serving).await;
        let host = serving.address;
        connection
            .send(&format!(
                "GET /events HTTP/1.1\r\nhost: {host}\r\nlast-event-id: {id}\r\n\r\n"
            ))
            .await;
        assert_eq!(connection.head().await.unwrap().status, 200);
        names(&mut connection).await.0
    };
    serving.publish(|status| {
        // The first was decided and judged long ago, the second while it was away.
        let long_ago = status.history[0].unix - 100.0;
        let first = std::sync::Arc::make_mut(&mut status.actions[0]);
        first.unix = long_ago;
        std::sync::Arc::make_mut(first.after.as_mut().unwrap()).unix = long_ago;
        status.rules.loaded_unix = long_ago;
        std::sync::Arc::make_mut(&mut status.actions[1]).unix = status.history[3].unix;
    });
    assert_eq!(resume("2").await, ["sample", "sample", "action"]);
    assert_eq!(resume("5").await, [""; 0]);
    // Another life's, and none at all.
    assert_eq!(resume("77").await, [""; 0]);
    assert_eq!(resume("what").await, [""; 0]);
}

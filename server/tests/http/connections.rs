//! Connections: many, slow, silent, greedy, and the end of all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chimera_server::http::{Limits, Settings};
use chimera_server::status::Reading;
use serde_json::json;

use crate::asking::Connection;
use crate::serving::{Mailbox, PATIENCE, Serving, limits};

const SHORT: Duration = Duration::from_millis(300);

async fn with(limits: Limits) -> Serving {
    Serving::with(limits, Settings::default(), Mailbox::Answers).await
}

fn get(serving: &Serving, path: &str) -> String {
    format!("GET {path} HTTP/1.1\r\nhost: {}\r\n\r\n", serving.address)
}

#[tokio::test]
async fn one_connection_answers_many_requests() {
    let serving = Serving::start().await;
    let mut connection = Connection::open(&serving).await;
    for _ in 0..20 {
        connection.send(&get(&serving, "/live")).await;
        assert_eq!(connection.reply().await.unwrap().status, 200);
        connection.send(&get(&serving, "/nowhere")).await;
        assert_eq!(connection.reply().await.unwrap().status, 404);
    }
}

#[tokio::test]
async fn requests_sent_together_are_answered_in_order() {
    let serving = Serving::start().await;
    let mut connection = Connection::open(&serving).await;
    let mut all = String::new();
    for path in ["/live", "/nowhere", "/healing/actions/2", "/test"] {
        all += &get(&serving, path);
    }
    connection.send(&all).await;
    assert_eq!(
        connection.reply().await.unwrap().json(),
        json!({"status": "live"})
    );
    assert_eq!(connection.reply().await.unwrap().status, 404);
    assert_eq!(connection.reply().await.unwrap().json()["id"], 2);
    assert_eq!(
        connection.reply().await.unwrap().json()["status"],
        "Server is working"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_clients_at_once_are_all_answered() {
    let serving = Arc::new(Serving::start().await);
    let clients: Vec<_> = (0..50)
        .map(|_| {
            let serving = Arc::clone(&serving);
            tokio::spawn(async move {
                let mut connection = Connection::open(&serving).await;
                for _ in 0..20 {
                    connection.send(&get(&serving, "/health")).await;
                    assert_eq!(connection.reply().await.unwrap().status, 200);
                }
            })
        })
        .collect();
    for client in clients {
        client.await.unwrap();
    }
    let front = serving.front.reading();
    assert_eq!(
        (front.requests_total, front.failures_total, front.active),
        (1000, 0, 0)
    );
}

#[tokio::test]
async fn silent_connections_are_closed() {
    let serving = with(Limits {
        head: SHORT,
        ..limits()
    })
    .await;
    let began = Instant::now();
    // Nothing; half a preface; half a head; a whole preface of HTTP/2 with its
    // settings and nothing after.
    let preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";
    for opening in ["", "PRI", "GET /health HTTP/1.1\r\nhost:", preface] {
        let mut connection = Connection::open(&serving).await;
        connection.send(opening).await;
        let rest = connection.rest().await;
        assert!(!rest.starts_with(b"HTTP/1.1 2"), "{opening:?}");
    }
    assert!(began.elapsed() < Duration::from_secs(30));
}

#[tokio::test]
async fn a_head_in_drops_is_cut_off() {
    let serving = with(Limits {
        head: SHORT,
        ..limits()
    })
    .await;
    let mut connection = Connection::open(&serving).await;
    let began = Instant::now();
    connection.send("GET /live HTTP/1.1\r\n").await;
    // Each drop is quick; all of them together are not.
    while connection.try_send("a: b\r\n").await {
        tokio::time::sleep(Duration::from_millis(30)).await;
        assert!(began.elapsed() < PATIENCE, "it is never cut off");
    }
    assert!(began.elapsed() >= SHORT);
}

#[tokio::test]
async fn an_idle_connection_is_closed_in_time() {
    let serving = with(Limits {
        head: SHORT,
        ..limits()
    })
    .await;
    let mut connection = Connection::open(&serving).await;
    connection.send(&get(&serving, "/live")).await;
    assert_eq!(connection.reply().await.unwrap().status, 200);
    assert!(connection.is_closed().await);
}

#[tokio::test]
async fn a_client_that_never_reads_is_let_go() {
    let serving = with(Limits {
        write: SHORT,
        ..limits()
    })
    .await;
    // Far more than the buffers of a socket take.
    serving.publish(|status| {
        let mut wide = Reading::clone(&status.reading);
        for number in 0..2000 {
            wide.metrics
                .insert(format!("metric-with-a-long-name-{number}"), 0.125);
        }
        let wide = Arc::new(wide);
        status.history = std::iter::repeat_n(wide, 300).collect();
    });
    let mut connection = Connection::open(&serving).await;
    connection.send(&get(&serving, "/metrics/history")).await;
    let head = connection.head().await.unwrap();
    let promised: usize = head.header("content-length").parse().unwrap();
    assert!(promised > 10_000_000, "{promised}");
    tokio::time::sleep(SHORT * 5).await;
    let got = connection.rest().await.len();
    assert!(
        got < promised,
        "all of it came, though nobody read for long"
    );
    assert_eq!(serving.get("/live").await.status, 200);
}

#[tokio::test]
async fn bodies_are_bounded() {
    let serving = with(Limits {
        body_bytes: 1000,
        ..limits()
    })
    .await;
    let host = serving.address;
    // By what is announced, before any of it comes.
    let announced = serving
        .raw(&format!(
            "POST /ingest HTTP/1.1\r\nhost: {host}\r\ncontent-length: 1001\r\n\r\n"
        ))
        .await;
    assert_eq!(
        announced.detail(413),
        "the body may have at most 1000 bytes"
    );
    // By what comes, where nothing is announced.
    let chunk = format!("1f4\r\n{}\r\n", "x".repeat(500));
    let chunked = serving
        .raw(&format!(
            "POST /ingest HTTP/1.1\r\nhost: {host}\r\ntransfer-encoding: chunked\r\n\r\n{chunk}{chunk}{chunk}0\r\n\r\n"
        ))
        .await;
    assert_eq!(chunked.detail(413), "the body may have at most 1000 bytes");
    let fits = format!(r#"{{"samples": [{}]}}"#, " ".repeat(900));
    assert_eq!(serving.post_body("/ingest", &fits).await.status, 200);
}

#[tokio::test]
async fn a_body_that_does_not_come_is_not_waited_for() {
    let serving = with(Limits {
        body: SHORT,
        ..limits()
    })
    .await;
    let reply = serving
        .raw(&format!(
            "POST /ingest HTTP/1.1\r\nhost: {}\r\ncontent-length: 10\r\n\r\n{{",
            serving.address
        ))
        .await;
    assert!(reply.detail(408).contains("0.3 s"), "{reply:?}");
    // One that is no body ends its connection, with or without a word, and is no
    // failure of the service.
    let mut connection = Connection::open(&serving).await;
    connection
        .send(&format!(
            "POST /ingest HTTP/1.1\r\nhost: {}\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n",
            serving.address
        ))
        .await;
    let said = connection.reply().await;
    assert!(said.is_none_or(|reply| reply.status == 400));
    assert_eq!(serving.front.reading().failures_total, 0);
    assert_eq!(serving.get("/live").await.status, 200);
}

#[tokio::test]
async fn an_answer_that_takes_too_long_is_given_up() {
    let serving = with(Limits {
        answer: SHORT,
        ..limits()
    })
    .await;
    let reply = serving
        .post("/demo/cpu-overload?duration=1&num_threads=1")
        .await;
    assert!(reply.detail(504).contains("0.3 s"), "{reply:?}");
    assert_eq!(serving.front.reading().failures_total, 1);
    serving.background.cancel();
}

#[tokio::test]
async fn what_is_no_http_ends_its_connection_only() {
    let serving = Serving::start().await;
    for nonsense in [
        "hello\r\n\r\n",
        "GET\r\n\r\n",
        "GET / HTTP/9.9\r\n\r\n",
        "\u{16}\u{3}\u{1}\0\u{5}\r\n\r\n",
        "GET /live HTTP/1.1\r\nno colon\r\n\r\n",
        "POST /ingest HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n",
    ] {
        let mut connection = Connection::open(&serving).await;
        connection.send(nonsense).await;
        let rest = String::from_utf8_lossy(&connection.rest().await).into_owned();
        assert!(
            rest.is_empty() || rest.starts_with("HTTP/1.1 4"),
            "{nonsense}: {rest}"
        );
    }
    let long = format!("GET /{} HTTP/1.1\r\n\r\n", "a".repeat(1 << 20));
    let mut connection = Connection::open(&serving).await;
    connection.try_send(&long).await;
    connection.rest().await;
    assert_eq!(serving.get("/live").await.status, 200);
}

#[tokio::test]
async fn connections_beyond_the_limit_wait_their_turn() {
    let serving = with(Limits {
        connections: 2,
        ..limits()
    })
    .await;
    let mut first = Connection::open(&serving).await;
    let mut second = Connection::open(&serving).await;
    for connection in [&mut first, &mut second] {
        connection.send(&get(&serving, "/live")).await;
        assert_eq!(connection.reply().await.unwrap().status, 200);
    }
    let mut third = Connection::open(&serving).await;
    third.send(&get(&serving, "/live")).await;
    let early = tokio::time::timeout(Duration::from_millis(400), third.head()).await;
    assert!(early.is_err(), "it is answered beyond the limit");
    drop(first);
    assert_eq!(third.reply().await.unwrap().status, 200);
    // Full again; the end comes all the same.
    serving.end().await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_end_lets_requests_finish_and_closes_the_idle() {
    let serving = Serving::start().await;
    let mut idle = Connection::open(&serving).await;
    let mut kept = Connection::open(&serving).await;
    kept.send(&get(&serving, "/live")).await;
    assert_eq!(kept.reply().await.unwrap().status, 200);
    let mut busy = Connection::open(&serving).await;
    busy.send(&format!(
        "POST /demo/cpu-overload?duration=2&num_threads=1 HTTP/1.1\r\nhost: {}\r\n\r\n",
        serving.address
    ))
    .await;
    while serving.background.running() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let (address, background) = (serving.address, serving.background.clone());
    let (ended, finished) = tokio::join!(serving.end(), busy.reply());
    assert_eq!(((), finished.unwrap().status), (ended, 200));
    assert!(idle.is_closed().await && kept.is_closed().await);
    assert!(tokio::net::TcpStream::connect(address).await.is_err());
    background.cancel();
}

#[tokio::test]
async fn the_end_has_a_deadline() {
    let serving = with(Limits {
        shutdown: SHORT,
        ..limits()
    })
    .await;
    let mut endless = Connection::open(&serving).await;
    // Its body never comes.
    endless
        .send(&format!(
            "POST /ingest HTTP/1.1\r\nhost: {}\r\ncontent-length: 9\r\n\r\n",
            serving.address
        ))
        .await;
    while serving.front.active() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let began = Instant::now();
    serving.end().await;
    assert!(
        began.elapsed() < Duration::from_secs(8),
        "it waits for a body of ten seconds"
    );
}

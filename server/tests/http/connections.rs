//! Connections: many, slow, silent, greedy, and the end of all of them.

use std::sync::Arc;
use std::time::{Duration, Instant};

use chimera_server::http::Limits;
use chimera_server::status::Reading;
use chimera_server::work::Ratio;
use serde_json::json;

use crate::asking::Connection;
use crate::serving::{PATIENCE, Serving, kept, limits};

const SHORT: Duration = Duration::from_millis(300);

async fn with(limits: Limits) -> Serving {
    Serving::within(limits).await
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
        idle: SHORT,
        ..limits()
    })
    .await;
    let mut connection = Connection::open(&serving).await;
    connection.send(&get(&serving, "/live")).await;
    assert_eq!(connection.reply().await.unwrap().status, 200);
    assert!(connection.is_closed().await);
}

#[tokio::test]
async fn a_head_that_does_not_end_is_told_so_also_after_others() {
    let serving = with(Limits {
        head: SHORT,
        ..limits()
    })
    .await;
    let mut connection = Connection::open(&serving).await;
    for _ in 0..2 {
        connection.send(&get(&serving, "/live")).await;
        assert_eq!(connection.reply().await.unwrap().status, 200);
        // Idle for longer than a head may take.
        tokio::time::sleep(SHORT * 2).await;
    }
    connection.send("GET /live HTTP/1.1\r\nho").await;
    let told = connection.reply().await.unwrap();
    assert!(told.detail(408).contains("0.3 s"), "{told:?}");
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
        status.history = std::iter::repeat_n(kept(&wide), 300).collect();
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
    serving.background.cancel(Ratio::FULL);
}

#[tokio::test]
async fn without_room_the_longest_idle_make_it() {
    let serving = with(Limits {
        connections: 2,
        ..limits()
    })
    .await;
    let mut first = Connection::open(&serving).await;
    first.send(&get(&serving, "/live")).await;
    assert_eq!(first.reply().await.unwrap().status, 200);
    tokio::time::sleep(Duration::from_millis(20)).await;
    let mut second = Connection::open(&serving).await;
    second.send(&get(&serving, "/live")).await;
    assert_eq!(second.reply().await.unwrap().status, 200);
    let mut third = Connection::open(&serving).await;
    third.send(&get(&serving, "/test")).await;
    assert_eq!(third.reply().await.unwrap().status, 200);
    assert!(first.is_closed().await, "the longest idle one stays");
    second.send(&get(&serving, "/live")).await;
    assert_eq!(second.reply().await.unwrap().status, 200);
}

/// A request that is under way until its body comes.
async fn busy(serving: &Serving) -> Connection {
    let before = serving.front.active();
    let mut connection = Connection::open(serving).await;
    connection
        .send(&format!(
            "POST /ingest HTTP/1.1\r\nhost: {}\r\ncontent-length: 9\r\n\r\n",
            serving.address
        ))
        .await;
    while serving.front.active() == before {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    connection
}

const ESSENTIAL: [(&str, &str); 5] = [
    ("GET", "/live"),
    ("GET", "/ready"),
    ("GET", "/health"),
    ("GET", "/metrics"),
    ("POST", "/demo/reset"),
];

#[tokio::test]
async fn where_nobody_is_idle_only_what_must_answer_does() {
    let serving = with(Limits {
        connections: 2,
        ..limits()
    })
    .await;
    let (first, second) = (busy(&serving).await, busy(&serving).await);
    let refused = serving.get("/test").await;
    assert!(refused.detail(503).contains("try again"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(refused.header("connection"), "close");
    for (method, path) in ESSENTIAL {
        assert_eq!(serving.ask(method, path, &[]).await.status, 200, "{path}");
    }
    assert_eq!(serving.front.reading().failures_total, 0);
    drop((first, second));
}

#[tokio::test]
async fn requests_beyond_the_limit_are_turned_away_but_for_what_must_answer() {
    let serving = with(Limits {
        requests: 2,
        ..limits()
    })
    .await;
    let (first, second) = (busy(&serving).await, busy(&serving).await);
    let refused = serving.get("/test").await;
    assert!(refused.detail(503).contains("as much to do"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), "1");
    for (method, path) in ESSENTIAL {
        assert_eq!(serving.ask(method, path, &[]).await.status, 200, "{path}");
    }
    drop((first, second));
    while serving.get("/test").await.status != 200 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let reading = serving.front.reading();
    assert!(reading.refused > 0 && reading.failures_total == 0);
}

#[tokio::test]
async fn healing_closes_the_idle_and_never_the_busy() {
    let serving = Serving::start().await;
    let mut idle = Vec::new();
    for _ in 0..5 {
        let mut connection = Connection::open(&serving).await;
        connection.send(&get(&serving, "/live")).await;
        assert_eq!(connection.reply().await.unwrap().status, 200);
        idle.push(connection);
    }
    let mut working = busy(&serving).await;
    assert_eq!(serving.inbound.reading().open, 6);
    assert_eq!(serving.inbound.close_idle(3), 3);
    for connection in &mut idle[..3] {
        assert!(connection.is_closed().await);
    }
    idle[4].send(&get(&serving, "/live")).await;
    assert_eq!(idle[4].reply().await.unwrap().status, 200);
    assert_eq!(serving.inbound.close_idle(0), 2);
    working.send("{\"a\":  1}").await;
    assert_eq!(working.reply().await.unwrap().status, 400);
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
    background.cancel(Ratio::FULL);
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

#[tokio::test]
async fn a_client_that_asks_too_often_is_told_when_to_come_again() {
    let serving = with(Limits {
        client_requests: 5,
        ..limits()
    })
    .await;
    let mut connection = Connection::open(&serving).await;
    let mut limited = None;
    for _ in 0..200 {
        connection.send(&get(&serving, "/test")).await;
        let reply = connection.reply().await.unwrap();
        if reply.status == 429 {
            limited = Some(reply);
            break;
        }
        assert_eq!(reply.status, 200);
    }
    let limited = limited.expect("200 requests take less than 40 s");
    assert!(limited.detail(429).contains("more often"));
    assert_eq!(limited.header("retry-after"), "1");
    assert_ne!(limited.header("x-request-id"), "");
    // What must answer does, and another client has a limit of its own.
    for path in ["/live", "/health", "/metrics"] {
        connection.send(&get(&serving, path)).await;
        assert_eq!(connection.reply().await.unwrap().status, 200, "{path}");
    }
    let mut other = Connection::open_from(&serving, "127.0.0.2").await;
    other.send(&get(&serving, "/test")).await;
    assert_eq!(other.reply().await.unwrap().status, 200);
}

#[tokio::test]
async fn a_client_with_too_many_connections_is_told_so_and_others_are_served() {
    let serving = with(Limits {
        client_connections: 2,
        ..limits()
    })
    .await;
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut connection = Connection::open(&serving).await;
        connection.send(&get(&serving, "/live")).await;
        assert_eq!(connection.reply().await.unwrap().status, 200);
        held.push(connection);
    }
    let mut surplus = Connection::open(&serving).await;
    let reply = surplus.reply().await.unwrap();
    assert!(reply.detail(429).contains("close some"));
    assert_eq!(reply.header("retry-after"), "1");
    let mut other = Connection::open_from(&serving, "127.0.0.2").await;
    other.send(&get(&serving, "/live")).await;
    assert_eq!(other.reply().await.unwrap().status, 200);
    // A place that is given back can be had again.
    drop(held.pop());
    let deadline = Instant::now() + PATIENCE;
    loop {
        let mut next = Connection::open(&serving).await;
        let sent = next.try_send(&get(&serving, "/live")).await;
        if sent && next.reply().await.is_some_and(|reply| reply.status == 200) {
            break;
        }
        assert!(Instant::now() < deadline, "no place is given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

//! `/atomspace/query`.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use chimera::Atom;
use chimera_server::http::{Limits, Settings, Token};
use serde_json::{Value, json};

use crate::asking::Connection;
use crate::serving::{Mailbox, PATIENCE, Serving, limits};

#[tokio::test]
async fn live_atoms_are_asked_for_with_their_bindings() {
    let serving = Serving::start().await;
    let sample = |value: f64| {
        Atom::expression([
            Atom::symbol("sample"),
            Atom::symbol("memory-mb"),
            Atom::float(value),
        ])
    };
    serving.samples.add(sample(182.5));
    let query = "!(match &samples (sample memory-mb $v) $v)";
    let reply = serving.query(query).await;
    assert_eq!(
        (reply.status, reply.json()),
        (
            200,
            json!({
                "results": ["182.5"], "bindings": [{"$v": "182.5"}],
                "generation": "abc123", "truncated": false, "error": null,
            })
        )
    );
    // What the loop adds is seen by the next query.
    serving.samples.add(sample(190.0));
    assert_eq!(
        serving.query(query).await.json()["results"],
        json!(["182.5", "190.0"])
    );
    let rules = serving
        .query("(match &self (threshold $m $x) ($m (double $x)))")
        .await
        .json();
    assert_eq!(
        rules["results"],
        json!(["(memory-mb 800)", "(cpu-percent 150)"])
    );
    assert_eq!(
        rules["bindings"][1],
        json!({"$m": "cpu-percent", "$x": "75"})
    );
    let call = serving.query("(double 21)").await.json();
    assert_eq!(
        (&call["results"], &call["bindings"]),
        (&json!(["42"]), &json!([]))
    );
}

#[tokio::test]
async fn a_query_that_would_write_is_forbidden() {
    let serving = Serving::start().await;
    for query in [
        "(add-atom &self (threshold memory-mb 1))",
        "(grow)",
        "(match &self (threshold $m $x) (remove-atom &self (threshold $m $x)))",
        "(add-atom &samples (sample a 1.0))",
        "(bind! &mine (new-space))",
    ] {
        let detail = serving.query(query).await.detail(403);
        assert!(detail.contains("changes nothing"), "{query}: {detail}");
    }
    let left = serving
        .query("(match &self (threshold $m $x) $m)")
        .await
        .json();
    assert_eq!(left["results"].as_array().unwrap().len(), 2);
    assert_eq!(serving.samples.len(), 0);
}

#[tokio::test]
async fn what_is_no_query_says_what_is_wrong_and_where() {
    let serving = Serving::start().await;
    for (body, says) in [
        ("", "EOF while parsing"),
        ("{", "line 1 column 1"),
        ("nonsense", "expected ident at line 1 column 2"),
        ("[]", "it is a list"),
        ("{}", "missing field `query`"),
        (r#"{"query": 1}"#, "expected a string"),
        (r#"{"query": "a", "write": true}"#, "unknown field `write`"),
        (r#"{"query": "a"} x"#, "trailing characters"),
        (r#"{"query": ""}"#, "the query is empty"),
        (r#"{"query": "; only a comment"}"#, "the query is empty"),
        (
            r#"{"query": "(a) (b)"}"#,
            "the query has 2 atoms; send one at a time",
        ),
        (r#"{"query": "(match &self (a"}"#, "unclosed `(`"),
        (r#"{"query": "(a))"}"#, "at line 1, column 4\n(a))\n   ^"),
        (r#"{"query": "\"open"}"#, "unclosed string"),
    ] {
        let detail = serving
            .post_body("/atomspace/query", body)
            .await
            .detail(400);
        assert!(detail.contains(says), "{body}: {detail}");
    }
    let long = json!({ "query": "a".repeat(70_000) }).to_string();
    let detail = serving
        .post_body("/atomspace/query", &long)
        .await
        .detail(400);
    assert!(detail.contains("at most 65536 bytes"), "{detail}");
    let binary = "\u{0}\u{1}\u{7f}";
    assert_eq!(
        serving.post_body("/atomspace/query", binary).await.status,
        400
    );
}

#[tokio::test]
async fn an_endless_query_ends_with_the_bound_that_it_hit() {
    let serving = Serving::start().await;
    let started = Instant::now();
    let reply = serving.query("(loop)").await.json();
    let error = reply["error"].as_str().unwrap();
    assert!(
        error.contains("Limit") || error.contains("Deadline"),
        "{error}"
    );
    assert!(started.elapsed() < Duration::from_secs(30));
    let deep = format!("{}a{}", "(a ".repeat(10_000), ")".repeat(10_000));
    assert_eq!(serving.query(&deep).await.status, 200);
}

#[tokio::test]
async fn long_answers_are_cut_and_say_so() {
    let serving = Serving::start().await;
    for number in 0..1500 {
        serving
            .samples
            .add(Atom::expression([Atom::symbol("n"), Atom::integer(number)]));
    }
    let reply = serving.query("(match &samples (n $x) $x)").await.json();
    assert_eq!(reply["truncated"], true);
    assert_eq!(reply["results"].as_array().unwrap().len(), 1000);
    assert_eq!(reply["bindings"].as_array().unwrap().len(), 1000);
}

#[tokio::test]
async fn a_panic_is_one_answer_and_the_server_goes_on() {
    // Telling of a panic may take a while where others take the processors.
    let limits = Limits {
        query: Duration::from_secs(60),
        ..limits()
    };
    let serving = Serving::with(limits, Settings::default(), Mailbox::Answers).await;
    let reply = serving.query("(boom)").await;
    let detail = reply.detail(500);
    assert!(detail.contains(reply.header("x-request-id")), "{detail}");
    assert!(!detail.contains("on purpose"), "{detail}");
    assert_eq!(serving.front.reading().failures_total, 1);
    assert_eq!(serving.query("(double 1)").await.status, 200);
}

#[tokio::test]
async fn queries_beyond_the_limit_wait_and_then_are_sent_away() {
    let limits = Limits {
        queries: 1,
        query: Duration::from_millis(200),
        ..limits()
    };
    let serving = Serving::with(limits, Settings::default(), Mailbox::Answers).await;
    // One step of this evaluation takes as long as we like; nobody waits for its end.
    let late = serving.query("(nap)").await;
    assert!(late.detail(504).contains("within 0.2 s"), "{late:?}");
    // It still holds its place.
    let refused = serving.query("(double 1)").await;
    assert!(refused.detail(503).contains("1 queries"), "{refused:?}");
    assert_eq!(refused.header("retry-after"), "1");
    assert_eq!(serving.get("/live").await.status, 200);
    serving.nap.over.store(true, Ordering::SeqCst);
    let woken = Instant::now();
    while serving.query("(double 1)").await.status != 200 {
        assert!(woken.elapsed() < PATIENCE, "the place is not given back");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}

/// All samples are exchanged while a query naps between two of its matches.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_of_several_matches_sees_one_moment_and_delays_no_sample() {
    let limits = Limits {
        query: Duration::from_secs(60),
        ..limits()
    };
    let serving = Serving::with(limits, Settings::default(), Mailbox::Answers).await;
    let sample = |value: i64| Atom::expression([Atom::symbol("sample"), Atom::integer(value)]);
    serving.samples.add(sample(1));
    let asked = "(let* (($before (collapse (match &samples (sample $v) $v)))
                        ($nap (nap))
                        ($after (collapse (match &samples (sample $v) $v))))
                   ($before $after))";
    let exchanged = async {
        while !serving.nap.begun.load(Ordering::SeqCst) {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        serving.samples.add(sample(2));
        serving.samples.remove(&sample(1));
        let now = Instant::now();
        serving.nap.over.store(true, Ordering::SeqCst);
        now
    };
    let answered = async {
        let reply = serving.query(asked).await;
        (reply, Instant::now())
    };
    let (exchanged, (reply, answered)) = tokio::join!(exchanged, answered);
    assert!(exchanged < answered);
    assert_eq!(reply.json()["results"], json!(["((1) (1))"]), "{reply:?}");
    let now = serving.query("(match &samples (sample $v) $v)").await;
    assert_eq!(now.json()["results"], json!(["2"]));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_query_that_nobody_waits_for_is_ended() {
    let limits = Limits {
        queries: 1,
        query: Duration::from_secs(60),
        query_reductions: u64::MAX,
        ask: Duration::from_secs(10),
        ..limits()
    };
    let serving = Serving::with(limits, Settings::default(), Mailbox::Answers).await;
    let body = json!({ "query": "(loop)" }).to_string();
    let request = format!(
        "POST /atomspace/query HTTP/1.1\r\nhost: {}\r\ncontent-length: {}\r\n\r\n{body}",
        serving.address,
        body.len()
    );
    let mut given_up = Connection::open(&serving).await;
    given_up.send(&request).await;
    while serving.front.active() == 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    drop(given_up);
    while serving.front.active() > 0 {
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    let reply = serving.query("(double 4)").await;
    assert_eq!(reply.json()["results"], json!(["8"]));
    assert_eq!(reply.json()["error"], Value::Null);
}

#[tokio::test]
async fn writing_needs_the_token_even_on_loopback() {
    let settings = Settings {
        token: Token::new("secret"),
        ..Settings::default()
    };
    let serving = Serving::with(limits(), settings, Mailbox::Answers).await;
    let evaluate = async |body: &str, token: &str| {
        let host = serving.address;
        let length = body.len();
        serving
            .raw(&format!(
                "POST /atomspace/evaluate HTTP/1.1\r\nhost: {host}\r\nauthorization: {token}\r\n\
                 content-length: {length}\r\n\r\n{body}"
            ))
            .await
    };
    let write = r#"{"query": "(add-atom &self (new))", "write": true}"#;
    for token in ["", "Bearer wrong", "Basic secret"] {
        let refused = evaluate(write, token).await;
        assert!(refused.detail(401).contains("token"), "{refused:?}");
    }
    assert_eq!(serving.asked(), [""; 0]);
    let written = evaluate(write, "Bearer secret").await.json();
    assert_eq!(written["results"], json!(["written"]));
    let asked = serving.asked();
    assert!(
        asked[0].starts_with("evaluate (add-atom ") && asked[0].ends_with(" (new))"),
        "{asked:?}"
    );
    // Without leave to write it is a query like any other.
    let read = evaluate(r#"{"query": "(double 2)"}"#, "").await.json();
    assert_eq!(read["results"], json!(["4"]));
    let refused = evaluate(r#"{"query": "(grow)"}"#, "").await;
    assert!(refused.detail(403).contains("changes nothing"));
    let wrong = evaluate(r#"{"query": "(a", "write": true}"#, "Bearer secret").await;
    assert!(wrong.detail(400).contains("unclosed"), "{wrong:?}");
}

//! What the loop published, as the routes show it, and what they ask of it.

use std::sync::Arc;

use chimera_server::http::Settings;
use chimera_server::status::Verdict;
use serde_json::{Value, json};

use crate::serving::{Mailbox, Serving, action, limits, rules_error, unix_now};

#[tokio::test]
async fn health_shows_metrics_thresholds_and_actions() {
    let serving = Serving::start().await;
    let health = serving.get("/health").await.json();
    assert_eq!(health["status"], "degraded");
    let metrics = &health["metrics"];
    assert_eq!(metrics["memory_usage_mb"], 104.0);
    assert_eq!(metrics["connection_count"], 3);
    assert_eq!(metrics["error_count"], 2);
    assert_eq!(metrics["request_latency_ms"], 2.25);
    assert_eq!(metrics["latency_p99_ms"], 9.0);
    assert_eq!(metrics["memory_trend_mb_per_minute"], 60.0);
    assert_eq!(metrics["active_requests"], 1);
    assert_eq!(
        health["system_info"]["thresholds"],
        json!({
            "memory_mb": 400.0, "cpu_percent": 75.0, "connection_count": null,
            "request_latency_ms": 3000.0, "error_rate": 0.1,
        })
    );
    assert_eq!(health["system_info"]["rules"]["error"], Value::Null);
    let [verified, pending] = health["recent_healing_actions"]
        .as_array()
        .unwrap()
        .as_slice()
    else {
        panic!("{health}");
    };
    assert_eq!(verified["error_type"], "memory_leak");
    assert_eq!(verified["healing_strategy"], "(evict-cache sessions 0.5)");
    assert_eq!(
        verified["detection_method"],
        "rule (decide) at healing.metta:90"
    );
    assert_eq!(
        verified["details"],
        "memory-mb is 512.5 over 400; evicted 4 sessions"
    );
    assert_eq!(
        (&verified["success"], &verified["verdict"]),
        (&json!(true), &json!("verified"))
    );
    assert_eq!(verified["evidence"]["before"]["memory-mb"], 512.5);
    assert_eq!(verified["evidence"]["after"]["memory-mb"], 200.0);
    assert_eq!(verified["duration_ms"], 3000.0);
    assert_eq!(verified["because"][1]["place"], "healing.metta:10");
    assert_eq!(
        (&pending["success"], &pending["verdict"]),
        (&json!(false), &json!("pending"))
    );
    assert_eq!(pending["evidence"]["after"], Value::Null);
    assert_eq!(pending["decision_trace_url"], "/healing/actions/2");
}

#[tokio::test]
async fn every_rule_is_listed_with_its_decisions_and_its_mode() {
    let serving = Serving::start().await;
    let rules = serving.get("/healing/rules").await.json();
    let mode = json!({"fault": "memory-leak", "rule": "level", "mode": "canary 25", "live": true});
    assert_eq!(
        rules["rules"],
        json!([
            {"rule": "(decide)", "place": "healing.metta:90", "decisions": 2,
             "mode": "enforce", "modes": []},
            {"rule": "(seen level $fault)", "place": "healing.metta:95", "decisions": 0,
             "mode": "canary 25", "modes": [mode]},
        ])
    );
    assert_eq!(
        rules["hits"],
        json!([{"rule": "(decide)", "place": "healing.metta:90", "decisions": 2}])
    );
}

#[tokio::test]
async fn one_action_is_told_with_the_texts_of_its_rules() {
    let serving = Serving::start().await;
    let full = serving.get("/healing/actions/1").await.json();
    assert_eq!(full["because"][0]["source"], "(= (decide) (heal))");
    assert_eq!(full["because"][1].get("source"), None);
    let listed = serving.get("/healing/actions").await.json();
    assert_eq!(listed["actions"][0]["because"][0].get("source"), None);
}

#[tokio::test]
async fn success_is_true_for_a_verified_action_only() {
    let serving = Serving::start().await;
    for (verdict, name) in [
        (Verdict::Pending, "pending"),
        (Verdict::Failed, "failed"),
        (Verdict::Inconclusive, "inconclusive"),
    ] {
        serving.publish(|status| {
            status.actions = vec![Arc::new(action(1, "memory-leak", verdict))];
        });
        let shown = serving.get("/healing/actions/1").await.json();
        assert_eq!(
            (&shown["verdict"], &shown["success"]),
            (&json!(name), &json!(false))
        );
    }
}

#[tokio::test]
async fn only_the_newest_five_actions_are_in_health() {
    let serving = Serving::start().await;
    serving.publish(|status| {
        status.actions = (1..=9)
            .map(|id| Arc::new(action(id, "memory-leak", Verdict::Verified)))
            .collect();
    });
    let health = serving.get("/health").await.json();
    let ids: Vec<u64> = health["recent_healing_actions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|action| action["id"].as_u64().unwrap())
        .collect();
    assert_eq!(ids, [5, 6, 7, 8, 9]);
    let all = serving.get("/healing/actions").await.json();
    assert_eq!(all["actions"].as_array().unwrap().len(), 9);
}

#[tokio::test]
async fn strict_health_answers_503_while_unhealthy_and_that_is_no_failure() {
    let serving = Serving::start().await;
    assert_eq!(serving.get("/health?strict=1").await.status, 200);
    serving.publish(|status| {
        status.actions = vec![Arc::new(action(1, "memory-leak", Verdict::Failed))];
    });
    let lenient = serving.get("/health?strict=false").await;
    assert_eq!(
        (lenient.status, &lenient.json()["status"]),
        (200, &json!("unhealthy"))
    );
    let strict = serving.get("/health?strict=true").await;
    assert!(strict.detail(503).contains("memory-leak"));
    assert_eq!(strict.json()["status"], "unhealthy");
    // A probe that tells the truth must not look like a fault of its own.
    assert_eq!(serving.front.reading().failures_total, 0);
    serving.publish(|status| status.open_faults.clear());
    assert_eq!(serving.get("/health").await.json()["status"], "healthy");
    serving.publish(|status| status.rules.error = Some(rules_error()));
    assert_eq!(serving.get("/health").await.json()["status"], "degraded");
}

#[tokio::test]
async fn readiness_follows_the_samples() {
    let serving = Serving::start().await;
    assert_eq!(serving.get("/ready").await.json()["status"], "ready");
    serving.publish(|status| status.reading.unix = unix_now() - 100.0);
    assert_eq!(
        serving.get("/ready").await.detail(503),
        "samples are not being taken"
    );
    serving.publish(|status| status.ticks = 0);
    assert_eq!(
        serving.get("/ready").await.detail(503),
        "no sample has been taken yet"
    );
    assert_eq!(serving.get("/live").await.status, 200);
    assert_eq!(serving.get("/health").await.status, 200);
    assert_eq!(serving.front.reading().failures_total, 0);
}

#[tokio::test]
async fn broken_rules_are_shown_where_they_are_broken() {
    let serving = Serving::start().await;
    serving.publish(|status| status.rules.error = Some(rules_error()));
    let expected = json!({
        "file": "healing.metta", "line": 3, "column": 7,
        "message": "unclosed `(`", "source": "(= (f $x)\n^",
    });
    let health = serving.get("/health").await.json();
    assert_eq!(health["system_info"]["rules"]["error"], expected);
    assert_eq!(
        serving.get("/healing/rules").await.json()["error"],
        expected
    );
    let reload = serving.post("/healing/reload").await;
    assert_eq!(
        reload.detail(422),
        "healing.metta:3:7: unclosed `(`; the last good rules stay in force"
    );
    assert_eq!(reload.json()["error"], expected);
    let page = serving.get("/simple-dashboard").await.body;
    assert!(page.contains("(= (f $x)\n^"), "{page}");
}

#[tokio::test]
async fn success_is_told_by_fault_and_by_strategy() {
    let serving = Serving::start().await;
    serving.publish(|status| {
        status.actions = [
            Verdict::Verified,
            Verdict::Verified,
            Verdict::Failed,
            Verdict::Pending,
        ]
        .into_iter()
        .zip(1..)
        .map(|(verdict, id)| Arc::new(action(id, "memory-leak", verdict)))
        .collect();
    });
    let status = serving.get("/healing/status").await.json();
    let rate = status["by_fault"]["memory-leak"]["success_rate"]
        .as_f64()
        .unwrap();
    assert!((rate - 2.0 / 3.0).abs() < 1e-9);
    assert_eq!(status["by_strategy"]["evict-cache"]["actions"], 4);
    assert_eq!(status["open_verdicts"], json!([4]));
}

#[tokio::test]
async fn an_action_is_found_by_its_id() {
    let serving = Serving::start().await;
    assert_eq!(serving.get("/healing/actions/2").await.json()["id"], 2);
    for id in ["3", "0", "-1", "x", "1.0", "99999999999999999999999", "%31"] {
        let detail = serving
            .get(&format!("/healing/actions/{id}"))
            .await
            .detail(404);
        assert!(
            detail.contains(id) && detail.contains("/healing/actions"),
            "{detail}"
        );
    }
}

#[tokio::test]
async fn reload_and_reset_reach_the_loop() {
    let serving = Serving::start().await;
    let reloaded = serving.post("/healing/reload").await;
    assert_eq!(
        (reloaded.status, &reloaded.json()["generation"]),
        (200, &json!("abc123"))
    );
    assert_eq!(serving.post("/reset-healing").await.status, 200);
    assert_eq!(serving.asked(), ["reload", "reset"]);
}

#[tokio::test]
async fn a_loop_that_does_not_answer_is_told_of() {
    for (mailbox, what) in [(Mailbox::Deaf, "busy"), (Mailbox::Gone, "ended")] {
        let serving = Serving::with(limits(), Settings::default(), mailbox).await;
        for path in ["/healing/reload", "/reset-healing"] {
            let reply = serving.post(path).await;
            assert!(reply.detail(503).contains(what), "{reply:?}");
            assert_eq!(reply.header("retry-after"), "1");
        }
        let samples = r#"{"samples": [{"metric": "a", "value": 1}]}"#;
        let reply = serving.post_body("/ingest", samples).await;
        assert!(reply.detail(503).contains(what), "{reply:?}");
        assert_eq!(serving.post("/demo/reset").await.json()["rearmed"], false);
        assert_eq!(serving.front.reading().failures_total, 3);
    }
}

#[tokio::test]
async fn history_is_cut_and_thinned_as_asked() {
    let serving = Serving::start().await;
    let points = async |query: &str| {
        let history = serving
            .get(&format!("/metrics/history{query}"))
            .await
            .json();
        let series = history["series"]["memory-mb"]
            .as_array()
            .cloned()
            .unwrap_or_default();
        series
            .iter()
            .map(|point| point[1].as_f64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(points("").await, [100.0, 101.0, 102.0, 103.0, 104.0]);
    assert_eq!(points("?step=2").await, [100.0, 102.0, 104.0]);
    let from = serving.status.load().history[3].unix - 0.5;
    assert_eq!(points(&format!("?since={from}")).await, [103.0, 104.0]);
    assert_eq!(points("?since=99999999999").await, [0.0; 0]);
}

#[tokio::test]
async fn samples_from_outside_reach_the_loop() {
    let serving = Serving::start().await;
    let body = format!(
        r#"{{"samples": [{{"metric": "queue-depth", "value": 12}}, {{"metric": "db/p95_ms", "value": 1.5e1, "time": {}}}]}}"#,
        unix_now()
    );
    let reply = serving.post_body("/ingest", &body).await;
    assert_eq!((reply.status, &reply.json()["accepted"]), (200, &json!(2)));
    assert_eq!(
        serving.asked(),
        [r#"ingest [("queue-depth", 12.0), ("db/p95_ms", 15.0)]"#]
    );
}

#[tokio::test]
async fn samples_and_events_are_taken_as_atoms_and_as_prometheus_writes_them() {
    let serving = Serving::start().await;
    let told = async |kind: &str, body: &str| {
        let host = serving.address;
        let length = body.len();
        serving
            .raw(&format!(
                "POST /ingest HTTP/1.1\r\nhost: {host}\r\n{kind}content-length: {length}\r\n\r\n{body}"
            ))
            .await
    };
    let atoms = "(sample queue-depth 12) (event error \"out of space\")";
    let reply = told("content-type: application/x-metta\r\n", atoms).await;
    assert_eq!(reply.json(), json!({"accepted": 1, "events": 1}));
    let text = "# HELP up\nup{job=\"a\"} 1\n";
    let reply = told("content-type: text/plain; version=0.0.4\r\n", text).await;
    assert_eq!(reply.json(), json!({"accepted": 1, "events": 0}));
    // Without a type, by how it begins.
    assert_eq!(told("", "(sample a 1)").await.status, 200);
    assert_eq!(told("", "b 2").await.status, 200);
    assert_eq!(
        serving.asked(),
        [
            r#"ingest [("queue-depth", 12.0)]"#,
            r#"ingest [("up/a", 1.0)]"#,
            r#"ingest [("a", 1.0)]"#,
            r#"ingest [("b", 2.0)]"#,
        ]
    );
    let wrong = told("content-type: application/json\r\n", atoms).await;
    assert!(wrong.detail(400).contains("send {"), "{wrong:?}");
    let wrong = told("content-type: image/png\r\n", atoms).await;
    assert!(
        wrong.detail(415).contains("application/x-metta"),
        "{wrong:?}"
    );
    let wrong = told("", "(sample a 1) (sample b)").await;
    assert!(wrong.detail(400).contains("line 1, column 14"), "{wrong:?}");
}

#[tokio::test]
async fn actions_are_cut_as_asked() {
    let serving = Serving::start().await;
    let ids = async |query: &str| {
        let actions = serving
            .get(&format!("/healing/actions{query}"))
            .await
            .json();
        let actions = actions["actions"].as_array().unwrap().clone();
        actions
            .iter()
            .map(|action| action["id"].as_u64().unwrap())
            .collect::<Vec<_>>()
    };
    assert_eq!(ids("").await, [1, 2]);
    assert_eq!(ids("?verdict=pending").await, [2]);
    assert_eq!(ids("?fault=memory_leak&verdict=verified").await, [1]);
    assert_eq!(ids("?fault=memory-leak").await, [1, 2]);
    assert_eq!(ids("?fault=cpu_overload").await, [0; 0]);
    assert_eq!(ids("?since=99999999999").await, [0; 0]);
    let wrong = serving.get("/healing/actions?verdict=good").await;
    assert_eq!(wrong.status, 422);
    assert_eq!(wrong.json()["detail"][0]["type"], "literal_error");
}

#[tokio::test]
async fn modes_are_switched_by_the_loop() {
    let serving = Serving::start().await;
    let reply = serving
        .post("/healing/mode?fault=memory_leak&rule=level&mode=canary%2010")
        .await;
    assert_eq!(reply.status, 200, "{reply:?}");
    assert!(
        serving.asked()[0].contains("Canary(10.0)") && serving.asked()[0].contains("memory-leak"),
        "{:?}",
        serving.asked()
    );
    for (query, place) in [
        ("fault=a&rule=b&mode=loud", "mode"),
        ("fault=a&rule=b&mode=canary%20101", "mode"),
        ("fault=a&rule=b", "mode"),
        ("fault=a&mode=shadow", "rule"),
    ] {
        let reply = serving.post(&format!("/healing/mode?{query}")).await;
        assert_eq!(reply.status, 422, "{query}");
        assert_eq!(reply.json()["detail"][0]["loc"], json!(["query", place]));
    }
}

#[tokio::test]
async fn wrong_samples_are_refused_whole_and_say_which_one() {
    let serving = Serving::start().await;
    let good = r#"{"metric": "good", "value": 1}"#;
    let long = "a".repeat(65);
    for (wrong, says) in [
        (r#"{"metric": "", "value": 1}"#.to_owned(), "samples[1]"),
        (
            r#"{"metric": "a b", "value": 1}"#.to_owned(),
            "\"a b\" is none",
        ),
        (r#"{"metric": "(a)", "value": 1}"#.to_owned(), "samples[1]"),
        (r#"{"metric": "1a", "value": 1}"#.to_owned(), "samples[1]"),
        (
            format!(r#"{{"metric": "{long}", "value": 1}}"#),
            "at most 64",
        ),
        (
            r#"{"metric": "a", "value": "1"}"#.to_owned(),
            "expected f64",
        ),
        (
            r#"{"metric": "a", "value": NaN}"#.to_owned(),
            "line 1 column",
        ),
        (
            r#"{"metric": "a", "value": 1e999}"#.to_owned(),
            "number out of range",
        ),
        (r#"{"metric": "a"}"#.to_owned(), "missing field `value`"),
        (
            r#"{"metric": "a", "value": 1, "unit": "s"}"#.to_owned(),
            "unknown field `unit`",
        ),
        (
            r#"{"metric": "a", "value": 1, "time": 5}"#.to_owned(),
            "samples[1]: time 5",
        ),
    ] {
        let body = format!(r#"{{"samples": [{good}, {wrong}]}}"#);
        let detail = serving.post_body("/ingest", &body).await.detail(400);
        assert!(detail.contains(says), "{wrong}: {detail}");
    }
    let many = format!(r#"{{"samples": [{}]}}"#, vec![good; 1001].join(","));
    let detail = serving.post_body("/ingest", &many).await.detail(400);
    assert!(detail.contains("at most 1000 samples"), "{detail}");
    assert_eq!(serving.asked(), [""; 0]);
}

#[tokio::test]
async fn what_the_loop_does_not_take_is_not_called_accepted() {
    let serving = Serving::start().await;
    let samples = r#"{"samples": [{"metric": "one-too-many", "value": 1}]}"#;
    let refused = serving.post_body("/ingest", samples).await;
    let detail = refused.detail(429);
    assert!(detail.contains("at most 256 metrics"), "{detail}");
    assert_eq!(refused.header("retry-after"), "1");
}

#[tokio::test]
async fn figures_are_told_to_prometheus() {
    let serving = Serving::start().await;
    for _ in 0..12 {
        serving.get("/live").await;
    }
    let reply = serving.get("/metrics").await;
    assert_eq!(
        reply.header("content-type"),
        "text/plain; version=0.0.4; charset=utf-8"
    );
    for line in [
        "chimera_sample{metric=\"memory-mb\"} 104",
        "chimera_threshold{metric=\"cpu-percent\"} 75",
        "chimera_fault_open{fault=\"memory-leak\"} 1",
        "chimera_healing_actions_total 2",
        "chimera_healing_actions_kept{fault=\"memory-leak\",verdict=\"verified\"} 1",
        "chimera_rules_valid 1",
        "chimera_ticks_total 5",
        "chimera_http_requests_total 12",
        "chimera_http_failures_total 0",
        "process_resident_memory_bytes 109051904",
    ] {
        assert!(
            reply.body.lines().any(|one| one == line),
            "{line} in\n{}",
            reply.body
        );
    }
    // Each sample follows the TYPE of its family, and its value is a number.
    let (mut family, mut kind) = ("", "");
    for line in reply.body.lines() {
        if let Some(declared) = line.strip_prefix("# TYPE ") {
            (family, kind) = declared.split_once(' ').unwrap();
        } else if !line.starts_with('#') {
            let name = line.split(['{', ' ']).next().unwrap();
            let parts = ["_bucket", "_sum", "_count"];
            let part = |part: &str| kind == "histogram" && name == format!("{family}{part}");
            assert!(
                name == family || parts.iter().any(|one| part(one)),
                "{line}"
            );
            line.rsplit(' ').next().unwrap().parse::<f64>().unwrap();
        }
    }
    assert!(
        reply
            .body
            .contains("chimera_http_latency_seconds{quantile=\"0.95\"}")
    );
}

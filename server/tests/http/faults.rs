//! The demonstrations against the upstream service, as the routes tell of them.

use chimera_server::work::Breaker;
use serde_json::json;

use crate::serving::Serving;

#[tokio::test]
async fn connections_are_opened_counted_and_closed() {
    let serving = Serving::start().await;
    let answer = serving
        .post("/demo/connection-issues?connection_count=12")
        .await
        .json();
    let held = serving.upstream.connections().reading();
    assert_eq!((&answer["total_connections"], held.size), (&json!(12), 12));
    // The service drops some on purpose; those count as failed, then or later.
    let count = |field: &str| answer[field].as_u64().unwrap();
    assert_eq!(
        count("active_connections") + count("failed_connections"),
        12
    );
    let status = serving.get("/demo/status").await.json()["demo_status"].clone();
    assert_eq!(status["fake_connections"]["total"], held.size);
    let list = serving.get("/demo").await.json();
    assert_eq!(list["current_status"]["fake_connections"], held.size);
    let reset = serving.post("/demo/reset").await.json();
    assert_eq!(reset["closed_connections"], held.size);
    assert_eq!(serving.upstream.connections().reading().size, 0);
}

#[tokio::test]
async fn a_rate_is_a_share() {
    let serving = Serving::start().await;
    for (rate, kind) in [
        ("-0.1", "greater_than_equal"),
        ("1.01", "less_than_equal"),
        ("7", "less_than_equal"),
        ("nan", "finite_number"),
        ("inf", "finite_number"),
        ("high", "float_parsing"),
        ("", "float_parsing"),
    ] {
        for path in ["/demo/request-failures", "/demo/request_failures"] {
            let reply = serving.post(&format!("{path}?failure_rate={rate}")).await;
            assert_eq!(reply.status, 422, "{rate}");
            assert_eq!(reply.json()["detail"][0]["type"], kind, "{rate}");
        }
    }
    for count in ["0", "-1", "1001", "many", "1000000"] {
        let path = format!("/demo/connection-issues?connection_count={count}");
        assert_eq!(serving.post(&path).await.status, 422, "{count}");
    }
    assert_eq!(serving.upstream.injector().rate(), 0.0);
    assert_eq!(serving.upstream.connections().reading().size, 0);
}

#[tokio::test]
async fn a_failing_upstream_is_a_failed_request_until_healing_stands_in() {
    let serving = Serving::start().await;
    let fine = serving
        .post("/demo/request-failures?failure_rate=0")
        .await
        .json();
    assert_eq!(
        (&fine["degraded"], &fine["failure_rate"]),
        (&json!(false), &json!(0.0))
    );
    let failing = "/demo/request-failures?failure_rate=1";
    let detail = serving.post(failing).await.detail(500);
    let kind = detail.split(": ").next().unwrap();
    assert!(
        [
            "timeout",
            "database_error",
            "validation_error",
            "resource_exhaustion",
            "external_service_failure"
        ]
        .contains(&kind),
        "{detail}"
    );
    assert_eq!(serving.front.reading().failures_total, 1);
    let breaker =
        &serving.get("/health").await.json()["system_info"]["circuit_breakers"]["upstream"];
    assert_eq!(
        (&breaker["failures"], &breaker["state"]),
        (&json!(1), &json!("closed"))
    );
    assert!(breaker["last_failure"].is_string());

    serving.upstream.layer().set_level(1);
    let degraded = serving.post(failing).await;
    assert_eq!(
        (degraded.status, &degraded.json()["degraded"]),
        (200, &json!(true))
    );
    assert!(degraded.header("warning").starts_with("110"));
    serving.upstream.layer().set_level(3);
    let refused = serving.post(failing).await;
    assert!(refused.detail(503).contains("try again"));
    assert_eq!(refused.header("retry-after"), "1");
    // Neither is a failure of the service.
    let front = serving.front.reading();
    assert_eq!((front.failures_total, front.refused), (1, 1));

    serving.upstream.layer().set_breaker(Breaker::Open);
    // What is prepared is shown for a tenth of a second.
    tokio::time::sleep(std::time::Duration::from_millis(150)).await;
    let health = serving.get("/health").await.json();
    assert_eq!(
        health["system_info"]["circuit_breakers"]["upstream"]["state"],
        "open"
    );
    assert_eq!(health["system_info"]["degradation_level"], 3);
    serving.post("/demo/reset").await;
    assert_eq!(serving.upstream.layer().level(), 0);
    assert_eq!(serving.upstream.injector().rate(), 0.0);
}

#[tokio::test]
async fn a_burst_is_real_and_asked_for_by_get_or_post_alone() {
    let serving = Serving::start().await;
    let path = "/demo/request-failures-immediate";
    for method in ["HEAD", "OPTIONS", "PUT"] {
        serving.ask(method, path, &[]).await;
    }
    let evil = [("sec-fetch-site", "cross-site")];
    assert_eq!(serving.ask("GET", path, &evil).await.status, 403);
    assert_eq!(serving.upstream.layer().reading().calls, 0);
    for method in ["GET", "POST"] {
        let reply = serving.ask(method, path, &[]).await;
        assert_eq!(reply.json()["incident_id"], reply.header("x-request-id"));
        assert_eq!(
            reply.detail(500),
            "CRITICAL: Unhandled request type - server cannot process this request pattern"
        );
    }
    let front = serving.front.reading();
    assert_eq!(serving.upstream.layer().reading().failures, 30);
    assert!(front.failures_total >= 30 && front.error_rate.unwrap() > 0.8);
}

#[tokio::test]
async fn one_stress_test_runs_at_a_time() {
    let serving = Serving::start().await;
    assert!(
        serving
            .get("/demo/stress-test/1")
            .await
            .detail(404)
            .contains("POST")
    );
    let started = serving.post("/demo/stress-test").await.json();
    assert_eq!(
        (&started["run_id"], &started["report_url"]),
        (&json!(1), &json!("/demo/stress-test/1"))
    );
    let refused = serving.post("/demo/stress-test").await.detail(409);
    assert!(refused.contains("/demo/stress-test/1"), "{refused}");
    let report = serving.get("/demo/stress-test/1").await.json();
    assert_eq!(report["status"], "running");
    let faults: Vec<_> = report["phases"]
        .as_array()
        .unwrap()
        .iter()
        .map(|phase| phase["fault"].as_str().unwrap())
        .collect();
    assert_eq!(
        faults,
        [
            "memory_leak",
            "cpu_overload",
            "connection_issues",
            "request_failures"
        ]
    );
    for id in ["2", "0", "x", "-1"] {
        assert_eq!(
            serving.get(&format!("/demo/stress-test/{id}")).await.status,
            404
        );
    }
}

#[tokio::test]
async fn a_reset_ends_the_stress_test_and_what_it_caused() {
    let serving = Serving::start().await;
    serving.post("/demo/memory-leak?size_mb=1&count=2").await;
    assert_eq!(serving.post("/demo/stress-test").await.status, 200);
    // Ending the test takes nothing away that the reset then does not count.
    let reset = serving.post("/demo/reset").await.json();
    let hogs = reset["cleared"]["memory_hogs"].as_u64().unwrap();
    assert!(hogs >= 2, "{reset}");
    let report = serving.get("/demo/stress-test/1").await.json();
    assert_eq!(report["status"], "cancelled");
    assert_eq!(report["phases"][1]["injected"], "");
    let held = serving.get("/demo/status").await.json();
    assert_eq!(held["demo_status"]["memory_hogs"]["count"], 0);
    // Another one may follow.
    let next = serving.post("/demo/stress-test").await.json();
    assert_eq!(next["run_id"], 2);
    assert_eq!(serving.post("/demo/reset").await.status, 200);
}

//! Faults are healed, for real, each time.

use serde_json::Value;

use crate::running::{Server, shipped_rules};

fn newest(server: &Server, fault: &str) -> Option<Value> {
    server
        .actions()
        .into_iter()
        .rev()
        .find(|action| action["error_type"] == fault)
}

#[test]
fn a_memory_leak_is_healed_the_first_second_and_third_time() {
    let server = Server::start(&shipped_rules(), &[]);
    let mut last = 0;
    for _round in 1..=3 {
        let before = server.rss_mib();
        let (status, answer) = server.post("/demo/memory-leak?size_mb=60&count=8");
        assert_eq!(status, 200, "{answer}");
        let increase = answer["memory_increase_mb"].as_f64().unwrap();
        assert!((470.0..510.0).contains(&increase), "{answer}");
        assert!(answer["memory_after_mb"].as_f64().unwrap() > before + 400.0);
        server.until("memory is under the threshold again", |server| {
            (server.rss_mib() < 400.0).then_some(())
        });
        let action = server.until("an action of this round is verified", |server| {
            server.actions().into_iter().find(|action| {
                action["error_type"] == "memory_leak"
                    && action["verdict"] == "verified"
                    && action["id"].as_u64() > Some(last)
            })
        });
        last = server.actions().last().unwrap()["id"].as_u64().unwrap();
        assert_eq!(action["success"], true);
        let evidence = &action["evidence"];
        let memory = |when: &str| evidence[when]["memory-mb"].as_f64().unwrap();
        assert!(memory("before") > memory("after") + 100.0, "{action}");
        assert!(memory("after") < 400.0, "{action}");
        // The metric that the reason names, the facts about it, and the rule that saw it.
        let because = action["because"].to_string();
        let metric = action["reason"].as_str().unwrap().split(' ').next();
        let fact = match metric {
            Some("memory-mb") => "(threshold memory-mb 400)",
            Some("cache-mb") => "(unused-limit cache-mb 100)",
            other => panic!("memory is told of by {other:?}: {action}"),
        };
        let means = format!("(means {} memory-leak)", metric.unwrap());
        for link in ["(present ", "healing.metta:", &means, fact] {
            assert!(because.contains(link), "{link} in {because}");
        }
        let url = action["decision_trace_url"].as_str().unwrap();
        assert_eq!(server.get(url).1["id"], action["id"]);
    }
    let shown = server.health()["recent_healing_actions"].clone();
    assert!(shown.as_array().unwrap().len() >= 3, "{shown}");
}

#[test]
fn a_cpu_overload_is_throttled_while_it_lasts_and_no_longer() {
    let server = Server::start(&shipped_rules(), &[]);
    let (status, answer) = server.post("/demo/cpu-overload?duration=25&num_threads=4");
    assert_eq!(status, 200, "{answer}");
    let tasks = |server: &Server| server.get("/demo/status").1["demo_status"]["cpu_tasks"].clone();
    server.until("the work is throttled", |server| {
        (tasks(server)["duty"].as_f64().unwrap() < 1.0).then_some(())
    });
    server.until("it uses less than 75 % of a core while it runs", |server| {
        assert_eq!(
            tasks(server)["active"],
            4,
            "the demo has not ended by itself"
        );
        (server.cpu_percent() < 75.0).then_some(())
    });
    // No lift while the work wants the CPU, and a lift once it is gone.
    server.until("the work has ended", |server| {
        let now = tasks(server);
        if now["active"].as_u64().unwrap() > 0 {
            assert!(now["duty"].as_f64().unwrap() < 1.0, "{now}");
            return None;
        }
        Some(())
    });
    server.until("the throttle is gone", |server| {
        (tasks(server)["duty"] == 1.0).then_some(())
    });
    // What was done is told a moment after it is in force.
    let strategy = |action: &Value| action["healing_strategy"].as_str().unwrap().to_owned();
    server.until("the lift is told", |server| {
        let mut actions = server.actions().into_iter();
        actions.find(|action| strategy(action).starts_with("(lift-throttle"))
    });
    let calls: Vec<String> = server.actions().iter().map(strategy).collect();
    let lifts = calls
        .iter()
        .filter(|call| call.starts_with("(lift-throttle"))
        .count();
    assert_eq!(lifts, 1, "{calls:?}");
    let mut actions = server.actions().into_iter();
    let action = actions
        .find(|action| strategy(action).starts_with("(duty-cycle"))
        .unwrap_or_else(|| panic!("{calls:?}"));
    assert_eq!(action["verdict"], "verified", "{action}");
    assert_eq!(action["error_type"], "cpu_overload");
}

#[test]
fn reset_frees_and_ends_everything_at_once() {
    // Without rules nothing heals, so what is freed here reset freed.
    let server = Server::start("", &[]);
    server.post("/demo/memory-leak?size_mb=50&count=4");
    server.post("/demo/cpu-overload?duration=300&num_threads=2");
    assert!(server.rss_mib() > 200.0);
    let (status, answer) = server.post("/demo/reset");
    assert_eq!(status, 200);
    assert_eq!(answer["cleared"]["memory_hogs"], 4, "{answer}");
    assert_eq!(answer["cancelled_cpu_tasks"], 2);
    assert_eq!(answer["rearmed"], true);
    assert!(
        answer["memory_impact"]["freed_mb"].as_f64().unwrap() > 190.0,
        "{answer}"
    );
    assert!(server.rss_mib() < 100.0);
    let now = server.get("/demo/status").1;
    assert_eq!(now["demo_status"]["cpu_tasks"]["active"], 0);
}

#[test]
fn samples_from_outside_are_decided_on_as_any_other() {
    let rules = "(sample-interval 0.1)\n(= (decide) (match &samples (latest queue-depth $n) (if (> $n 100) (act queue-full (alert \"the queue is full\") (because queue-depth is $n) (verdict-in 1)) (empty))))";
    let server = Server::start(rules, &[]);
    let ingest = |value: u32| {
        let body = format!(r#"{{"samples":[{{"metric":"queue-depth","value":{value}}}]}}"#);
        assert_eq!(server.post_body("/ingest", &body).0, 200);
    };
    ingest(12);
    server.wait_ticks(3);
    assert!(server.actions().is_empty());
    ingest(120);
    let action = server.until("it is decided on", |server| newest(server, "queue_full"));
    assert_eq!(action["reason"], "queue-depth is 120.0");
}

#[test]
fn idle_connections_are_closed_each_time() {
    let server = Server::start(&shipped_rules(), &[]);
    for round in 1..=3 {
        let (status, answer) = server.post("/demo/connection-issues?connection_count=90");
        assert_eq!(status, 200, "{answer}");
        assert!(server.connections() > 80, "{answer}");
        server.until("the kernel's table is under the threshold", |server| {
            (server.connections() <= 80).then_some(())
        });
        server.until("the action is verified", |server| {
            let verified = server
                .actions()
                .iter()
                .filter(|action| {
                    action["error_type"] == "connection_issues" && action["verdict"] == "verified"
                })
                .count();
            (verified >= round).then_some(())
        });
    }
}

#[test]
fn clients_are_served_while_the_upstream_service_fails() {
    let server = Server::start(&shipped_rules(), &[]);
    let ask = |server: &Server| server.post("/demo/request-failures?failure_rate=0.9");
    let mut failed = 0;
    server.until("requests are served degraded", |server| {
        let (status, answer) = ask(server);
        failed += u32::from(status == 500);
        if status == 500 {
            let detail = answer["detail"].as_str().unwrap();
            assert!(detail.contains(": "), "{detail}");
        }
        let level = &server.health()["system_info"]["throttle"]["degradation_level"];
        (level == 1).then_some(())
    });
    assert!(failed >= 5, "the failures were real");
    let classes = &server.get("/healing/status").1["events_by_class"];
    assert!(classes["request-failures"].as_u64().is_some(), "{classes}");
    let mut degraded = 0;
    for _ in 0..60 {
        let (status, answer) = ask(&server);
        assert_eq!(status, 200, "{answer}");
        degraded += u32::from(answer["degraded"] == true);
    }
    assert!(
        degraded > 30,
        "{degraded} of 60 while nine in ten still fail"
    );
    let action = server.until("the verdict is there", |server| {
        // Traffic goes on, so that the verdict has samples to go by.
        ask(server);
        newest(server, "request_failures").filter(|action| action["verdict"] != "pending")
    });
    assert_eq!(action["verdict"], "verified", "{action}");
    server.until("it is as usual again without traffic", |server| {
        let health = server.health();
        (health["system_info"]["throttle"]["degradation_level"] == 0
            && health["status"] == "healthy")
            .then_some(())
    });
}

#[test]
fn a_burst_of_failures_is_healed_each_time() {
    let server = Server::start(&shipped_rules(), &[]);
    let (status, answer) = server.get("/demo/request-failures-immediate");
    assert_eq!(status, 500);
    assert!(
        answer["detail"].as_str().unwrap().starts_with("CRITICAL"),
        "{answer}"
    );
    server.until("the same request is served", |server| {
        (server.get("/demo/request-failures-immediate").0 == 200).then_some(())
    });
}

#[test]
fn a_leak_is_healed_before_it_reaches_the_threshold() {
    let server = Server::start(&shipped_rules(), &[]);
    // The level must have been measured before it can grow.
    server.wait_ticks(5);
    let mut last = 0;
    for leak in ["size_mb=60&count=5", "", "size_mb=50&count=4"] {
        let before = server.rss_mib();
        let (status, answer) = server.post(&format!("/demo/memory-leak?{leak}"));
        assert_eq!(status, 200, "{answer}");
        server.until("memory is back where it was", |server| {
            (server.rss_mib() < before + 50.0).then_some(())
        });
        let actions = server.until("every verdict of this round is there", |server| {
            let mut actions = server.actions();
            actions.retain(|action| {
                action["error_type"] == "memory_leak" && action["id"].as_u64() > Some(last)
            });
            let open = actions.iter().any(|action| action["verdict"] == "pending");
            (!actions.is_empty() && !open).then_some(actions)
        });
        for action in &actions {
            assert_eq!(action["verdict"], "verified", "{leak}: {actions:?}");
            last = last.max(action["id"].as_u64().unwrap());
        }
    }
}

#[test]
fn the_stress_test_reports_that_each_fault_was_healed() {
    // A busy machine may take longer to be healed than an operator cares to wait.
    let (usual, patient) = ("(stress-patience 40)", "(stress-patience 80)");
    let rules = shipped_rules().replace(usual, patient);
    assert!(rules.contains(patient));
    let server = Server::start(&rules, &[]);
    server.wait_ticks(2);
    let (status, started) = server.post("/demo/stress-test");
    assert_eq!(status, 200, "{started}");
    assert_eq!(server.post("/demo/stress-test").0, 409);
    let url = started["report_url"].as_str().unwrap();
    let report = server.until("the run is finished", |server| {
        let report = server.get(url).1;
        (report["status"] == "finished").then_some(report)
    });
    let phases = report["phases"].as_array().unwrap();
    assert_eq!(phases.len(), 4);
    for phase in phases {
        assert_eq!(phase["verified"], true, "{report}");
        assert!(phase["detected_after_s"].as_f64() <= phase["healed_after_s"].as_f64());
    }
    assert_eq!(server.get("/demo/stress-test/77").0, 404);
}

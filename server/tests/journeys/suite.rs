//! The fault suite: each fault three times over with facts for speed, seen from outside,
//! with bystanders that must not be harmed.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use crate::running::{Server, shipped_rules};

/// The shipped rules with short samples, holds, waits, pauses and windows.
fn quick_rules() -> String {
    let quick = |line: &str| {
        let words: Vec<&str> = line.trim_matches(['(', ')']).split(' ').collect();
        let with_last = |last: &str| {
            let (head, _) = line.rsplit_once(' ').unwrap();
            format!("{head} {last})")
        };
        if !line.starts_with('(') || !line.ends_with(')') {
            return line.to_owned();
        }
        match words[0] {
            "sample-interval" => with_last("0.2"),
            "hold" | "leave-hold" => with_last("0.2"),
            "rung" if words[1] == "request-failures" => with_last("3"),
            "rung" => with_last("1.4"),
            "cooldown" => with_last("0.6"),
            "calm-seconds" => with_last("1"),
            "request-window" | "request-window-max" => with_last("2"),
            "unused-seconds" => with_last("4"),
            "growth-window" => with_last("2"),
            _ => line.to_owned(),
        }
    };
    shipped_rules()
        .lines()
        .map(quick)
        .collect::<Vec<_>>()
        .join("\n")
}

/// A client that asks all the time over one connection that it keeps, and must be
/// answered each time.
struct Bystander {
    ended: Arc<AtomicBool>,
    answered: Arc<AtomicU32>,
    thread: Option<std::thread::JoinHandle<()>>,
}

impl Bystander {
    fn watch(server: &Server) -> Bystander {
        let ended = Arc::new(AtomicBool::new(false));
        let answered = Arc::new(AtomicU32::new(0));
        let address = server.url.trim_start_matches("http://").to_owned();
        let (over, count) = (Arc::clone(&ended), Arc::clone(&answered));
        let thread = std::thread::spawn(move || {
            let mut stream = TcpStream::connect(&address).unwrap();
            stream
                .set_read_timeout(Some(Duration::from_secs(60)))
                .unwrap();
            let request = format!("GET /test HTTP/1.1\r\nHost: {address}\r\n\r\n");
            while !over.load(Ordering::Relaxed) {
                stream.write_all(request.as_bytes()).unwrap();
                let mut heard = Vec::new();
                // An answer ends with the brace of its JSON.
                while !heard.ends_with(b"}") {
                    let mut part = [0_u8; 1024];
                    let read = stream.read(&mut part).unwrap();
                    assert!(read > 0, "a bystander's connection was closed");
                    heard.extend_from_slice(&part[..read]);
                }
                assert!(
                    heard.starts_with(b"HTTP/1.1 200"),
                    "a bystander is answered"
                );
                count.fetch_add(1, Ordering::Relaxed);
                std::thread::sleep(Duration::from_millis(50));
            }
        });
        Bystander {
            ended,
            answered,
            thread: Some(thread),
        }
    }

    fn unharmed(mut self) {
        self.ended.store(true, Ordering::Relaxed);
        let thread = self.thread.take().unwrap();
        assert!(thread.join().is_ok(), "the bystander was harmed");
        assert!(self.answered.load(Ordering::Relaxed) > 5);
    }
}

fn verified(server: &Server, fault: &str) -> usize {
    server
        .actions()
        .iter()
        .filter(|action| {
            action["error_type"] == fault
                && action["verdict"] == "verified"
                && action["rung"].as_u64() > Some(0)
        })
        .count()
}

/// Does harm three times over on a server of its own, while a bystander must not notice.
fn three_times_over(harm_and_wait: impl Fn(&Server, usize)) {
    let server = Server::start(&quick_rules(), &[]);
    server.wait_ticks(5);
    let bystander = Bystander::watch(&server);
    for round in 1..=3 {
        harm_and_wait(&server, round);
    }
    bystander.unharmed();
}

#[test]
fn leaks_are_healed_three_times_over_and_bystanders_are_not_harmed() {
    three_times_over(|server, round| {
        let before = server.rss_mib();
        server.post("/demo/memory-leak?size_mb=60&count=8");
        server.until("memory is under the threshold", |server| {
            (server.rss_mib() < 400.0 && verified(server, "memory_leak") >= round).then_some(())
        });
        server.until("what nobody uses is gone too", |server| {
            (server.rss_mib() < before + 50.0).then_some(())
        });
    });
}

#[test]
fn connections_are_healed_three_times_over_and_bystanders_are_not_harmed() {
    three_times_over(|server, round| {
        server.post("/demo/connection-issues?connection_count=100");
        server.until("connections are under the threshold", |server| {
            (server.connections() <= 80 && verified(server, "connection_issues") >= round)
                .then_some(())
        });
    });
}

#[test]
fn overload_is_healed_three_times_over_and_bystanders_are_not_harmed() {
    three_times_over(|server, round| {
        let tasks =
            |server: &Server| server.get("/demo/status").1["demo_status"]["cpu_tasks"].clone();
        server.post("/demo/cpu-overload?duration=12&num_threads=4");
        server.until(
            "the CPU is under the threshold while the work runs",
            |server| {
                if tasks(server)["active"] == 0 {
                    // A busy machine may let it end before it was dealt with.
                    server.post("/demo/cpu-overload?duration=12&num_threads=4");
                }
                (server.cpu_percent() < 75.0 && verified(server, "cpu_overload") >= round)
                    .then_some(())
            },
        );
        server.until("the throttle is gone after it", |server| {
            (tasks(server)["active"] == 0 && tasks(server)["duty"] == 1.0).then_some(())
        });
    });
}

#[test]
fn failing_and_slow_requests_are_served_degraded_each_time() {
    let server = Server::start(&quick_rules(), &[]);
    for (round, ask) in [
        "/demo/request-failures?failure_rate=0.9",
        "/demo/request-failures?failure_rate=0.9",
        "/demo/request-failures?failure_rate=0&latency_ms=5000",
    ]
    .into_iter()
    .enumerate()
    {
        let slow = ask.contains("latency");
        // Several clients at once, as slow answers make few requests of one.
        let clients = if slow { 16 } else { 1 };
        let served = |server: &Server| {
            std::thread::scope(|scope| {
                let asking: Vec<_> = (0..clients)
                    .map(|_| scope.spawn(|| server.post(ask)))
                    .collect();
                asking
                    .into_iter()
                    .map(|one| one.join().unwrap())
                    .collect::<Vec<_>>()
            })
        };
        server.until("requests are served degraded", |server| {
            served(server);
            let level = &server.health()["system_info"]["degradation_level"];
            (level.as_u64() >= Some(1)).then_some(())
        });
        let rounds = if slow { 4 } else { 20 };
        let answers: Vec<_> = (0..rounds).flat_map(|_| served(&server)).collect();
        let ill: Vec<_> = answers
            .iter()
            .filter(|(status, _)| *status != 200)
            .collect();
        assert!(
            ill.is_empty(),
            "round {round}: {:?}\n{}",
            ill[0],
            server.log()
        );
        let degraded = answers
            .iter()
            .filter(|(_, answer)| answer["degraded"] == true)
            .count();
        assert!(degraded * 2 > answers.len(), "round {round}: {degraded}");
        if slow {
            let calls: Vec<String> = server
                .actions()
                .iter()
                .map(|action| action["healing_strategy"].as_str().unwrap().to_owned())
                .collect();
            assert!(
                calls.contains(&"(deadline upstream 750)".to_owned()),
                "{calls:?}"
            );
        }
        server.until("it is as usual again without traffic", |server| {
            let health = server.health();
            (health["system_info"]["degradation_level"] == 0 && health["status"] == "healthy")
                .then_some(())
        });
    }
}

#[test]
fn idle_clients_are_closed_when_there_are_too_many_and_busy_ones_are_not() {
    let server = Server::start(&quick_rules(), &[]);
    server.wait_ticks(3);
    let bystander = Bystander::watch(&server);
    let address = server.url.trim_start_matches("http://");
    let idle: Vec<TcpStream> = (0..130)
        .map(|_| {
            let mut stream = TcpStream::connect(address).unwrap();
            write!(stream, "GET /live HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
            stream
        })
        .collect();
    server.until("they are under the threshold", |server| {
        (server.connections() <= 80).then_some(())
    });
    // The clients see the end of theirs.
    let mut ended = 0;
    for mut stream in idle {
        stream
            .set_read_timeout(Some(Duration::from_millis(200)))
            .unwrap();
        let mut heard = Vec::new();
        ended += usize::from(stream.read_to_end(&mut heard).is_ok());
    }
    assert!(ended >= 50, "{ended}");
    bystander.unharmed();
}

#[test]
fn injected_faults_stay_as_they_are_without_rules() {
    let server = Server::start("", &[]);
    server.post("/demo/memory-leak?size_mb=60&count=8");
    server.post("/demo/cpu-overload?duration=60&num_threads=4");
    server.post("/demo/connection-issues?connection_count=100");
    let mut failed = 0;
    for _ in 0..20 {
        let (status, _) = server.post("/demo/request-failures?failure_rate=1");
        failed += u32::from(status == 500);
    }
    server.wait_ticks(5);
    assert_eq!(failed, 20);
    assert!(server.actions().is_empty());
    assert!(server.rss_mib() > 480.0);
    assert!(server.connections() > 150);
    let tasks = server.get("/demo/status").1["demo_status"]["cpu_tasks"].clone();
    assert_eq!((&tasks["active"], &tasks["duty"]), (&4.into(), &1.0.into()));
}

#[test]
fn a_rule_in_shadow_only_says_what_it_would_do_and_what_is_learned_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let learned = folder.path().join("learned.metta");
    let rules = quick_rules()
        .replace("(horizon memory-mb 10)", "")
        .replace("(unused-limit cache-mb 100)", "");
    let server = Server::start(&rules, &["--learned", learned.to_str().unwrap()]);
    let switch = |mode: &str| {
        let path = format!("/healing/mode?fault=memory-leak&rule=level&mode={mode}");
        let (status, answer) = server.post(&path);
        assert_eq!(status, 200, "{answer}");
    };
    switch("shadow");
    server.post("/demo/memory-leak?size_mb=60&count=8");
    let action = server.until("it says what it would do", |server| {
        let mut actions = server.actions().into_iter();
        actions.find(|action| action["error_type"] == "memory_leak")
    });
    assert_eq!(action["mode"], "shadow", "{action}");
    assert_eq!(action["applied"], false);
    server.wait_ticks(5);
    assert!(server.rss_mib() > 480.0);
    switch("enforce");
    server.until("it is done now", |server| {
        (server.rss_mib() < 400.0 && verified(server, "memory_leak") > 0).then_some(())
    });
    let text = server.until("what was learned is kept", |_| {
        let text = std::fs::read_to_string(&learned).ok()?;
        text.contains("(weight memory-leak fit 0.").then_some(text)
    });
    drop(server);
    let again = Server::start(&rules, &["--learned", learned.to_str().unwrap()]);
    let strategies = again.get("/healing/strategies").1["strategies"].clone();
    let fit = strategies
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["fault"] == "memory-leak" && one["strategy"] == "fit")
        .unwrap()
        .clone();
    assert_eq!(fit["learned"], true);
    let weight = format!("(weight memory-leak fit {} ", fit["mean"]);
    assert!(text.contains(&weight), "{weight} in {text}");
}

//! Rules are edited while the server runs.

use crate::running::{Server, shipped_rules};

#[test]
fn an_edited_threshold_counts_from_the_next_decision_on() {
    // Without the rules on growth and on what nobody uses: it is the level that is edited here.
    let rules = shipped_rules()
        .replace("(horizon memory-mb 10)", "")
        .replace("(means cache-mb memory-leak)", "");
    let server = Server::start(&rules, &[]);
    server.post("/demo/memory-leak?size_mb=60&count=5");
    server.wait_ticks(4);
    let leaks = |action: &serde_json::Value| action["error_type"] == "memory_leak";
    let actions = server.actions();
    assert!(
        !actions.iter().any(leaks),
        "300 MB is under 400: {actions:?}"
    );
    let edited = rules.replace("(threshold memory-mb 400)", "(threshold memory-mb 200)");
    server.save_rules(&edited);
    server.until("memory is under the new threshold", |server| {
        (server.rss_mib() < 200.0).then_some(())
    });
    assert_eq!(
        server.health()["system_info"]["thresholds"]["memory_mb"],
        200.0
    );
    assert_eq!(
        server.get("/demo/status").1["healing_triggers"]["memory_threshold_mb"],
        200.0
    );
}

#[test]
fn a_broken_file_leaves_the_last_good_rules_in_force() {
    let server = Server::start(&shipped_rules(), &[]);
    let good = server.health()["system_info"]["rules"]["generation"].clone();
    let broken = shipped_rules().replace("(hold memory-mb 1)", "(hold memory-mb 1))");
    server.save_rules(&broken);
    let rules = server.until("the error is shown", |server| {
        let rules = server.health()["system_info"]["rules"].clone();
        (!rules["error"].is_null()).then_some(rules)
    });
    assert_eq!(rules["generation"], good);
    let error = &rules["error"];
    let line = broken
        .lines()
        .position(|line| line.contains("1))"))
        .unwrap()
        + 1;
    assert_eq!(error["line"], line, "{error}");
    assert_eq!(error["column"], "(hold memory-mb 1))".len(), "{error}");
    assert_eq!(error["message"], "unexpected `)`");
    let drawn = error["source"].as_str().unwrap();
    assert!(
        drawn.contains("(hold memory-mb 1))") && drawn.contains('^'),
        "{drawn}"
    );
    assert!(
        server.log().contains(&format!("healing.metta:{line}:")),
        "{}",
        server.log()
    );
    assert_eq!(server.health()["status"], "degraded");
    let (status, answer) = server.post("/healing/reload");
    assert_eq!(status, 422, "{answer}");
    // The last good rules heal.
    server.post("/demo/memory-leak?size_mb=60&count=8");
    server.until("the leak is healed", |server| {
        (!server.actions().is_empty() && server.rss_mib() < 400.0).then_some(())
    });
    server.save_rules(&shipped_rules());
    server.until("the error is gone", |server| {
        server.health()["system_info"]["rules"]["error"]
            .is_null()
            .then_some(())
    });
}

#[test]
fn an_empty_file_means_no_action_whatever_the_load() {
    let server = Server::start(&shipped_rules(), &[]);
    server.save_rules("");
    server.until("the empty rules are in force", |server| {
        server.health()["system_info"]["thresholds"]["memory_mb"]
            .is_null()
            .then_some(())
    });
    server.post("/demo/memory-leak?size_mb=60&count=8");
    server.post("/demo/cpu-overload?duration=20&num_threads=2");
    server.wait_ticks(6);
    assert!(server.actions().is_empty());
    assert!(server.rss_mib() > 480.0);
    let status = server.get("/healing/status").1;
    assert_eq!(status["misshapen_decisions"], 0, "{status}");
    // A file that is gone is an empty one.
    server.save_rules(&shipped_rules());
    server.until("the leak is healed after all", |server| {
        (server.rss_mib() < 400.0).then_some(())
    });
    std::fs::remove_file(server.rules_file()).unwrap();
    server.until("the thresholds are gone", |server| {
        server.health()["system_info"]["thresholds"]["memory_mb"]
            .is_null()
            .then_some(())
    });
}

#[test]
fn what_is_no_action_is_counted_and_nothing_is_done() {
    let rules = "(sample-interval 0.1)\n(= (decide) (reboot now))\n(= (decide) (act f (evict-cache sessions 7) r (verdict-in 1)))";
    let server = Server::start(rules, &[]);
    server.until("it is counted", |server| {
        let status = server.get("/healing/status").1;
        (status["misshapen_decisions"].as_u64()? > 1).then_some(())
    });
    let action = server.until("the wrong call is refused", |server| {
        server.actions().first().cloned()
    });
    assert_eq!(action["applied"], false);
    assert_eq!(
        action["outcome"],
        "argument 2 of evict-cache must be a number from 0 to 1, not 7"
    );
    assert_eq!(action["verdict"], "inconclusive");
}

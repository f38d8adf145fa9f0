//! A fault goes in; the page shows what was done about it, why, and what came of it.

use crate::browser::Browser;
use crate::running::{Server, shipped_rules};

#[test]
#[ignore = "needs chromium; see main.rs"]
fn a_fault_is_seen_healed_with_its_verdict_and_its_reasons() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.until_text("#state", "healthy");
    assert!(
        browser
            .text("#no-actions")
            .contains("Nothing has been healed yet")
    );
    assert!(browser.text("#no-rates").starts_with("collecting"));
    browser.click("[data-post^='/demo/memory-leak']");
    browser.until_text("#answer", "Created 8 memory hogs of 60MB each");
    let row = "#actions tr[data-verdict='verified']";
    browser.until_text(row, "memory leak");
    let text = browser.text(row);
    assert!(
        text.contains("(evict-cache sessions") && text.contains('→') && text.contains("MiB"),
        "{text}"
    );
    browser.click(&format!("{row} button"));
    let why = browser.text("#actions tr.detail:not([hidden])");
    // Which of the shipped rules sees it first depends on when it is sampled.
    for word in [
        "Because ",
        "-mb ",
        "Wanted by the rule ",
        "(decide)",
        "rung ",
        "healing.metta:",
        "episode.metta:",
        "(latest ",
        "judged ",
        "decided on",
    ] {
        assert!(why.contains(word), "{word:?} in {why}");
    }
    // A rule opens to what is written where it stands.
    browser.until("the rules can be opened", |browser| {
        (browser.count("#actions details.rule") > 3).then_some(())
    });
    browser.click("#actions details.rule summary");
    assert!(
        browser
            .text("#actions details.rule pre")
            .starts_with("(= (")
    );
    // The marker of the action on the chart, in the colour of its verdict.
    let good = browser.color("--good");
    browser.until("the marker is drawn", |browser| {
        (browser.picture_of("#chart-memory canvas").count(&good) >= 20).then_some(())
    });
    browser.until_text("#rates", "evict-cache");
    browser.until_text("#no-episodes", "No fault is being dealt with");
    browser.check_clean(&server.url);
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn failing_requests_are_sent_and_dealt_with() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.until_text("#link", "live");
    browser.click("[data-post^='/demo/request-failures']");
    browser.until_text("#episodes", "request failures");
    browser.until("its rung and its countdown are shown", |browser| {
        let text = browser.text("#episodes");
        let now = browser.text("#episodes [aria-current='step']");
        (text.contains("rung 1") && text.contains("verdict in ") && now == "verifying")
            .then_some(())
    });
    browser.until_text("#routes", "/demo/request-failures");
    browser.until_text("#causes", "upstream-");
    browser.until_text("#breakers", "upstream");
    browser.until_text("#reclaimable", "sessions");
    browser.until_text("#actions tbody", "(degrade requests");
    browser.until_text("#events", "error: ");
    browser.until_text("#answer", "requests in 12 s");
    let answer = browser.text("#answer");
    assert!(!answer.contains(" 0 degraded"), "{answer}");
    browser.click("[data-post='/demo/reset']");
    browser.until_text("#held", "Nothing is held now");
    browser.check_clean_but(&server.url, Some("/demo/request-failures"));
}

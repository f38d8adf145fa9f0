//! The dashboard as a screen reader tells it: Chromium's own accessibility tree.

use crate::browser::{Browser, Heard};
use crate::running::{Server, shipped_rules};

/// What may not be without a name.
const NAMED: &[&str] = &[
    "button",
    "link",
    "combobox",
    "textbox",
    "searchbox",
    "table",
    "region",
    "group",
    "navigation",
    "DisclosureTriangle",
    "columnheader",
    "rowheader",
    "img",
    "image",
];

fn of_role<'h>(heard: &'h [Heard], role: &str) -> Vec<&'h Heard> {
    heard.iter().filter(|one| one.role == role).collect()
}

#[track_caller]
fn check_names(heard: &[Heard]) {
    let nameless: Vec<&Heard> = heard
        .iter()
        .filter(|one| NAMED.contains(&one.role.as_str()) && one.name.trim().is_empty())
        // What only holds a part that opens tells its name by that.
        .filter(|one| one.role != "group")
        .collect();
    assert!(nameless.is_empty(), "{nameless:#?}");
}

/// Headings begin at 1 and leave no level out on the way down.
#[track_caller]
fn check_headings(heard: &[Heard]) {
    let mut before = 0;
    for heading in of_role(heard, "heading") {
        let level = heading.property("level").as_u64().unwrap();
        assert!(level <= before + 1, "{level} after {before}: {heading:?}");
        before = level;
    }
    let first = of_role(heard, "heading")
        .into_iter()
        .filter(|heading| *heading.property("level") == 1);
    assert_eq!(first.count(), 1);
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn the_dashboard_can_be_listened_to() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open_on_a_healed_leak(&server);
    let heard = browser.heard();
    check_names(&heard);
    check_headings(&heard);
    for landmark in ["banner", "main", "navigation", "contentinfo"] {
        assert_eq!(of_role(&heard, landmark).len(), 1, "{landmark}");
    }
    let regions: Vec<&str> = of_role(&heard, "region")
        .iter()
        .map(|region| region.name.as_str())
        .collect();
    let expected = [
        "Now",
        "Open episodes",
        "Try it",
        "Charts",
        "Healing actions",
        "Rules",
        "Success rates",
        "Ask the atomspace",
    ];
    let told: Vec<&&str> = regions
        .iter()
        .filter(|name| expected.contains(name))
        .collect();
    assert_eq!(told, expected.iter().collect::<Vec<_>>(), "{regions:?}");
    // The first thing that Tab reaches leads past the head.
    let first = heard.iter().find(|one| one.role == "link").unwrap();
    assert_eq!(first.name, "Skip to the figures");

    let columns: Vec<&str> = of_role(&heard, "columnheader")
        .iter()
        .map(|column| column.name.as_str())
        .collect();
    for column in [
        "Time",
        "Fault",
        "Action",
        "Before → after",
        "Verdict",
        "Why",
    ] {
        assert!(columns.contains(&column), "{columns:?}");
    }
    for table in ["Healing actions, newest first", "Samples before and after"] {
        assert!(heard.iter().any(|one| one.is("table", table)), "{table}");
    }
    let opened = heard
        .iter()
        .find(|one| one.role == "button" && one.name.starts_with("why was action"))
        .unwrap();
    assert_eq!(*opened.property("expanded"), true, "{opened:?}");
    let charts: Vec<&Heard> = heard
        .iter()
        .filter(|one| *one.property("roledescription") == "chart")
        .collect();
    assert_eq!(charts.len(), 6);
    let memory = charts
        .iter()
        .find(|chart| chart.name.starts_with("Memory: resident now "))
        .unwrap();
    assert!(
        memory.name.contains("at most 4") || memory.name.contains("at most 5"),
        "{memory:?}"
    );
    // What changes by itself is told when it does, and does not interrupt.
    let state = of_role(&heard, "status");
    assert!(!state.is_empty());
    assert!(state.iter().all(|one| *one.property("live") == "polite"));
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn what_was_not_measured_is_not_told_as_what_is_now() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.until_text("#link", "live");
    let chart = |start: &str| {
        browser
            .heard()
            .into_iter()
            .find(|one| one.name.starts_with(start))
            .map(|one| one.name)
            .unwrap()
    };
    let before = chart("Error rate: ");
    assert!(
        before.ends_with("; of upstream calls: collecting"),
        "{before}"
    );
    for _ in 0..12 {
        server.post("/demo/request-failures?failure_rate=0");
    }
    browser.until("the error rate is told", |_| {
        chart("Error rate: ")
            .contains("of requests now 0 %")
            .then_some(())
    });
    // Once the calls are out of the window there is no rate, and no older one stands in.
    browser.until("no rate is told", |_| {
        chart("Error rate: ")
            .contains("of upstream calls not measured now, at most 0 %")
            .then_some(())
    });
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn wrong_rules_are_told_at_once_and_the_pages_beside_can_be_listened_to() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.until_text("#link", "live");
    server.save_rules(&(shipped_rules() + "\n(threshold memory-mb"));
    browser.until_text("#rules-error", "unclosed");
    let heard = browser.heard();
    let alerts = of_role(&heard, "alert");
    assert_eq!(alerts.len(), 1);
    assert_eq!(*alerts[0].property("live"), "assertive");
    for page in ["/docs", "/simple-dashboard"] {
        browser.go(&format!("{}{page}", server.url));
        let heard = browser.heard();
        check_names(&heard);
        check_headings(&heard);
        assert_eq!(of_role(&heard, "banner").len(), 1, "{page}");
        assert_eq!(of_role(&heard, "main").len(), 1, "{page}");
    }
}

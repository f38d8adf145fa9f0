//! What the page tells of the rules in force, and the modes that it switches.

use crate::browser::Browser;
use crate::running::{Server, shipped_rules};

#[test]
#[ignore = "needs chromium; see main.rs"]
fn modes_are_switched_and_rules_that_decided_are_counted() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.until("the modes are there", |browser| {
        (browser.count("#modes select") > 3).then_some(())
    });
    browser.click("#modes-part summary");
    for rule in ["growth", "unused"] {
        browser.click(&format!(
            "#modes select[data-fault='memory-leak'][data-rule='{rule}'] option[value='shadow']"
        ));
        browser.until_text(
            "#modes-answer",
            &format!("{rule} of memory-leak is switched"),
        );
    }
    let modes = server.get("/healing/mode").1["modes"].clone();
    let mode = |rule: &str| {
        let modes = modes.as_array().unwrap().iter();
        let mut own = modes.filter(|one| one["fault"] == "memory-leak" && one["rule"] == rule);
        own.next().unwrap()["mode"].clone()
    };
    assert_eq!(
        (mode("growth"), mode("level")),
        ("shadow".into(), "enforce".into())
    );
    browser.until_text("#modes", "switched live");
    // Now that no other rule acts on a leak, the level does; those in shadow mode are told.
    server.post("/demo/memory-leak?size_mb=60&count=8");
    browser.until_text("#actions tbody", "verified");
    // Every rule is listed, those that decided before the others.
    let rules = server.get("/healing/rules").1["rules"].clone();
    let rules = rules.as_array().unwrap();
    let decided = |rule: &&serde_json::Value| rule["decisions"].as_u64().unwrap() > 0;
    let led = rules.iter().filter(decided).count();
    assert!(led > 5 && led < rules.len(), "{led} of {}", rules.len());
    browser.click("#every-rule summary");
    browser.until_text("#every-rule-table", "(decide)");
    browser.until_text(
        "#rule-counts",
        &format!("{}, of which {led} led", rules.len()),
    );
    assert_eq!(
        browser.count("#every-rule-table tbody tr"),
        rules.len().min(200) as u64
    );
    browser.keys("#rule-filter", "seeing.metta shadow");
    browser.until("those of one file and mode are left", |browser| {
        let rows = browser.count("#every-rule-table tbody tr");
        (rows > 0 && rows < 10).then_some(())
    });
    assert!(browser.text("#every-rule-table").contains("seeing.metta"));
    browser.check_clean(&server.url);
}

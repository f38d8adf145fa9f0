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
    browser.click("#hits-part summary");
    browser.until_text("#hits", "(decide)");
    assert!(browser.text("#hits").contains("healing/"));
    browser.check_clean(&server.url);
}

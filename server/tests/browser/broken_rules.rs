//! Rules that cannot be loaded are shown where they are wrong.

use crate::browser::Browser;
use crate::running::{Server, shipped_rules};

#[test]
#[ignore = "needs chromium; see main.rs"]
fn a_broken_rule_is_shown_with_its_caret_until_it_is_mended() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.until_text("#rules", "good: what is on disk is in force");
    let generation = browser.text("#generation");
    let broken = shipped_rules().replace("(hold memory-mb 1)", "(hold memory-mb 1))");
    server.save_rules(&broken);
    browser.until_text("#rules-error-place", "unexpected `)`");
    let line = broken
        .lines()
        .position(|line| line.contains("1))"))
        .unwrap()
        + 1;
    let place = browser.text("#rules-error-place");
    assert!(
        place.contains(&format!("healing.metta:{line}:19")),
        "{place}"
    );
    let source = browser.text("#rules-error-source");
    let mut lines = source
        .lines()
        .skip_while(|line| !line.contains("(hold memory-mb 1))"));
    let (wrong, below) = (lines.next().unwrap(), lines.next().unwrap());
    assert_eq!(below.find('^'), wrong.rfind(')'), "{source}");
    assert_eq!(
        browser.text("#generation"),
        generation,
        "the last good rules stay"
    );
    assert!(browser.text("#state").contains("degraded"));
    assert!(browser.text("#rules").contains("refused: "));
    // Asked to reload, the server says the same in words.
    browser.click("[data-post='/healing/reload']");
    browser.until_text("#answer", "the last good rules stay in force");
    server.save_rules(
        &shipped_rules().replace("(threshold memory-mb 400)", "(threshold memory-mb 300)"),
    );
    browser.until_text("#rules", "good: what is on disk is in force");
    assert_eq!(browser.text("#rules-error"), "");
    assert_ne!(browser.text("#generation"), generation);
    browser.until_text("#card-memory-mb p.limit", "threshold 300 MiB");
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn texts_of_rules_stay_texts() {
    let server = Server::start(
        r#"(sample-interval 0.2)
(= (decide) (act memory-leak (alert "<img src=x onerror=document.title='taken'>\u{202e}live") (because <b>bold</b> "<script>document.title='taken'</script>") (verdict-in 1)))"#,
        &[],
    );
    let browser = Browser::open(&server.url);
    browser.until_text("#actions tbody", "<img src=x onerror=");
    // What would turn the text around is written out.
    let told = browser.text("#actions tbody");
    assert!(told.contains(r"\u{202e}live"), "{told}");
    browser.click("#actions tbody button");
    assert!(browser.text("#actions .why").contains("<b>bold</b>"));
    assert_eq!(browser.count("img[src='x'], #actions b, main script"), 0);
    assert_ne!(browser.run("return document.title"), "taken");
    assert!(browser.text("#no-thresholds").contains("no threshold"));
    browser.check_clean(&server.url);
}

//! The pages on other screens, and the pages beside the dashboard.

use serde_json::Value;

use crate::browser::Browser;
use crate::running::{Server, shipped_rules};

/// How far a page is wider than the screen.
fn overflow(browser: &Browser) -> i64 {
    browser
        .run("return document.documentElement.scrollWidth - innerWidth")
        .as_i64()
        .unwrap()
}

/// Tables whose head has more or fewer columns in sight than their rows.
fn tables_with_other_heads(browser: &Browser) -> Value {
    browser.run(
        "const columns = (row) => [...row.cells].filter((cell) => cell.checkVisibility())
           .reduce((sum, cell) => sum + cell.colSpan, 0);
         return [...document.querySelectorAll('table')]
           .filter((table) => table.checkVisibility() && table.tBodies[0]?.rows[0])
           .filter((table) => table.tHead && getComputedStyle(table.tHead).display === 'table-header-group')
           .filter((table) => columns(table.tHead.rows[0]) !== columns(table.tBodies[0].rows[0]))
           .map((table) => table.id || table.className)",
    )
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn a_phone_and_a_dark_room_are_served_too() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open_on_a_healed_leak(&server);
    for width in [360, 390, 768] {
        browser.resize(width, 844);
        assert!(overflow(&browser) <= 0, "at {width} pixels");
        assert_eq!(
            tables_with_other_heads(&browser),
            Value::Array(Vec::new()),
            "at {width} pixels"
        );
    }
    let light = browser.color("--paper");
    browser.prefer_dark();
    browser.until("the colours are others", |browser| {
        (browser.color("--paper") != light).then_some(())
    });
    let picture = browser.picture();
    let all = (picture.width * picture.height) as usize;
    assert!(picture.count(&light) < all / 100);
    assert!(picture.count(&browser.color("--card")) > all / 4);
    let line = browser.color("--plot-1");
    browser.until("the charts are drawn anew", |browser| {
        (browser.picture_of("#chart-memory canvas").count(&line) > 50).then_some(())
    });
    browser.check_clean(&server.url);
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn every_control_is_reached_by_keys_and_has_a_name() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.until_text("#link", "live");
    let nameless = browser.run(
        "return [...document.querySelectorAll('a, button, select, textarea, input, [tabindex]')]
           .filter((one) => one.checkVisibility())
           .filter((one) => !(one.innerText.trim() || one.getAttribute('aria-label') || one.labels?.length || one.title))
           .map((one) => one.outerHTML)",
    );
    assert_eq!(nameless, Value::Array(Vec::new()));
    let unlabelled = browser.run(
        "return [...document.querySelectorAll('main > section:not(:has(> details))')]
           .filter((one) => !document.getElementById(one.getAttribute('aria-labelledby'))).map((one) => one.outerHTML.slice(0, 80))",
    );
    assert_eq!(unlabelled, Value::Array(Vec::new()));
    // Tab goes through all of them, in their order, and is seen where it is.
    let wanted = browser.run("return [...document.querySelectorAll('#ranges button, #charts .frame, #query')].length").as_u64().unwrap();
    let mut reached = 0;
    for _ in 0..60 {
        browser.keys("body", "\u{e004}");
        let on = browser.run("const on = document.activeElement; return [on.matches('#ranges button, #charts .frame, #query'), getComputedStyle(on).outlineStyle]");
        if on[0] == true {
            assert_eq!(on[1], "solid");
            reached += 1;
        }
        if reached == wanted {
            return;
        }
    }
    panic!("{reached} of {wanted} were reached");
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn pages_beside_the_dashboard_are_whole_and_ask_nobody_else() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&format!("{}/simple-dashboard", server.url));
    assert!(browser.text("body").contains("memory-mb"));
    browser.resize(390, 844);
    assert!(overflow(&browser) <= 0);
    browser.click("form[action^='/demo/memory-leak'] button");
    browser.until("the answer is there", |browser| {
        browser.text("body").contains("memory hogs").then_some(())
    });
    browser.go(&format!("{}/docs", server.url));
    assert!(browser.text("h1").contains("Chimera"));
    assert!(browser.text("main").contains("/healing/actions/{id}"));
    assert!(overflow(&browser) <= 0);
    browser.click(".contents a[href='#post-atomspace-query']");
    assert_eq!(browser.count("#post-atomspace-query:target"), 1);
    browser.check_clean(&server.url);
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn the_dashboard_is_small_and_loads_once() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.until_text("#link", "live");
    let bytes = browser.run(
        "return [...performance.getEntriesByType('navigation'), ...performance.getEntriesByType('resource')]
           .filter((entry) => entry.name.includes('/assets/') || entry.entryType === 'navigation')
           .reduce((sum, entry) => sum + entry.encodedBodySize, 0)",
    );
    let bytes = bytes.as_u64().unwrap();
    assert!((20_000..100_000).contains(&bytes), "{bytes} bytes");
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn a_server_without_demos_offers_none() {
    let server = Server::start(&shipped_rules(), &["--demo", "off"]);
    let browser = Browser::open(&server.url);
    browser.until_text("#link", "live");
    assert!(browser.text("#demos").contains("switched off"));
    assert_eq!(browser.count("[data-post^='/demo/']"), 0);
    browser.go(&format!("{}/simple-dashboard", server.url));
    assert_eq!(browser.count("form"), 1);
    browser.check_clean(&server.url);
}

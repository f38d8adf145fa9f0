//! Charts and cards show what was measured.

use crate::browser::Browser;
use crate::running::{Server, shipped_rules};

/// More pixels than letters of a legend would colour.
const DRAWN: usize = 150;

#[test]
#[ignore = "needs chromium; see main.rs"]
fn lines_and_thresholds_are_drawn_and_grow() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.until_text("#link", "live");
    let (line, limit) = (browser.color("--plot-1"), browser.color("--limit"));
    for chart in ["memory", "cpu", "connections", "requests"] {
        let canvas = format!("#chart-{chart} canvas");
        browser.until(&format!("{chart} is drawn"), |browser| {
            if browser.count(&canvas) == 0 {
                return None;
            }
            let picture = browser.picture_of(&canvas);
            let limits = if chart == "requests" {
                DRAWN
            } else {
                picture.count(&limit)
            };
            (picture.count(&line) >= 10 && limits >= DRAWN).then_some(())
        });
    }
    let now = |browser: &Browser| browser.picture_of("#chart-memory canvas").count(&line);
    server.post("/demo/memory-leak?size_mb=30&count=10");
    browser.until("the line rises", |browser| {
        (now(browser) > DRAWN).then_some(())
    });
    browser.until("the card tells what /health tells", |browser| {
        let shown: f64 = browser.text("#card-memory-mb .value").parse().ok()?;
        let measured = server.health()["metrics"]["memory_usage_mb"].as_f64()?;
        ((shown - measured).abs() < 5.0).then_some(())
    });
    assert!(
        browser
            .text("#card-memory-mb p.limit")
            .contains("below the threshold 400 MiB")
    );
    assert!(
        browser
            .picture_of("#card-memory-mb .sparkline")
            .count(&line)
            > 20
    );
    browser.check_clean(&server.url);
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn the_range_of_time_is_chosen_zoomed_and_left() {
    let server = Server::start(
        &format!(
            "{}\n",
            shipped_rules().replace("(sample-interval 1)", "(sample-interval 0.2)")
        ),
        &[],
    );
    let browser = Browser::open(&server.url);
    browser.until("there are samples", |browser| {
        (browser.count("#chart-cpu canvas") == 1).then_some(())
    });
    server.wait_ticks(40);
    browser.click("#ranges [data-seconds='60']");
    assert_eq!(browser.text("#ranges [aria-pressed='true']"), "1 min");
    browser.drag("#chart-cpu .u-over", 20, 140);
    browser.until("the range is told", |browser| {
        browser.text("#zoomed").contains(" to ").then_some(())
    });
    assert_eq!(browser.count("#ranges [aria-pressed='true']"), 0);
    let zoomed = browser.text("#zoomed");
    server.wait_ticks(10);
    assert_eq!(
        browser.text("#zoomed"),
        zoomed,
        "it stays while samples come"
    );
    browser.click("#back-to-live");
    assert_eq!(browser.text("#zoomed"), "");
    // Hover: the legend tells the values at the cursor with their time.
    browser.point("#chart-cpu .u-over", 150);
    browser.until("the time under the cursor is told", |browser| {
        browser.text("#chart-cpu .when").contains(':').then_some(())
    });
    browser.check_clean(&server.url);
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn charts_are_read_with_keys() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.until("there are samples", |browser| {
        (browser.count("#chart-memory canvas") == 1).then_some(())
    });
    server.wait_ticks(3);
    let frame = "#chart-memory .frame";
    let label = browser.run(&format!(
        "return document.querySelector({frame:?}).getAttribute('aria-label')"
    ));
    assert!(
        label.as_str().unwrap().starts_with("Memory: resident now "),
        "{label}"
    );
    let (left, escape) = ("\u{e012}", "\u{e00c}");
    browser.keys(frame, left);
    browser.until("the sample is spoken", |browser| {
        let spoken = browser.run(&format!(
            "return document.querySelector('{frame} [aria-live]').textContent"
        ));
        spoken.as_str()?.contains("resident ").then_some(())
    });
    browser.keys(frame, "+");
    browser.until("it is zoomed", |browser| {
        browser.text("#zoomed").contains(" to ").then_some(())
    });
    browser.keys(frame, escape);
    assert_eq!(browser.text("#zoomed"), "");
}

/// The seconds that all charts show, of a zoomed range as the page tells it.
fn zoomed_seconds(browser: &Browser) -> Option<f64> {
    let told = browser.text("#zoomed");
    let (from, to) = told.split_once(" to ")?;
    let seconds = |time: &str| -> Option<f64> {
        let mut parts = time.split(':').map(|part| part.trim().parse::<f64>());
        parts.try_fold(0.0, |sum, part| Some(sum * 60.0 + part.ok()?))
    };
    Some((seconds(to)? - seconds(from)?).rem_euclid(86_400.0))
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn charts_are_stretched_moved_and_read_with_fingers() {
    let rules = shipped_rules().replace("(sample-interval 1)", "(sample-interval 0.1)");
    let server = Server::start(&rules, &[]);
    let browser = Browser::open(&server.url);
    browser.resize(390, 844);
    browser.until("there are samples", |browser| {
        (browser.count("#chart-cpu canvas") == 1).then_some(())
    });
    server.wait_ticks(250);
    browser.click("#ranges [data-seconds='60']");
    let over = "#chart-cpu .u-over";
    // Two fingers that part show less of the time, the same on each chart.
    browser.fingers(over, &[120.0, 160.0], &[40.0, 240.0]);
    let near = browser.until("it is zoomed", zoomed_seconds);
    assert!((5.0..40.0).contains(&near), "{near} s");
    let before = browser.text("#zoomed");
    // Towards what is newer: how much older there is depends on the machine.
    browser.fingers(over, &[160.0, 200.0], &[100.0, 140.0]);
    browser.until("it is moved", |browser| {
        (browser.text("#zoomed") != before).then_some(())
    });
    let moved = zoomed_seconds(&browser).unwrap();
    assert!((moved - near).abs() <= 1.0, "{moved} s after {near} s");
    // Fingers that come together show more again.
    browser.fingers(over, &[40.0, 240.0], &[100.0, 180.0]);
    browser.until("it is wider", |browser| {
        zoomed_seconds(browser).filter(|wide| *wide > near + 2.0)
    });
    // One finger reads, and leaves the range as it is.
    let before = browser.text("#zoomed");
    browser.fingers(over, &[60.0], &[150.0]);
    browser.until("the time under the finger is told", |browser| {
        browser.text("#chart-cpu .when").contains(':').then_some(())
    });
    assert_eq!(browser.text("#zoomed"), before);
    browser.check_clean(&server.url);
}

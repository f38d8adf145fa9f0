//! The picture in the README: what the page really shows after all four faults.

use std::path::PathBuf;
use std::{env, fs};

use crate::browser::Browser;
use crate::running::{Server, shipped_rules};

const FAULTS: [&str; 4] = [
    "memory_leak",
    "cpu_overload",
    "connection_issues",
    "request_failures",
];

/// Written where `CHIMERA_PICTURE` says (`docs/picture.sh` sets it), else only looked at.
#[test]
#[ignore = "needs chromium; see main.rs"]
fn the_picture_of_the_readme_shows_four_faults_healed() {
    let to = env::var_os("CHIMERA_PICTURE").map(PathBuf::from);
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.resize(1280, 1180);
    browser.until_text("#link", "live");
    server.wait_ticks(12);
    server.post("/demo/memory-leak?size_mb=60&count=8");
    server.wait_ticks(8);
    server.post("/demo/cpu-overload?duration=15&num_threads=4");
    server.wait_ticks(8);
    server.post("/demo/connection-issues?connection_count=90");
    server.wait_ticks(8);
    for _ in 0..60 {
        server.post("/demo/request-failures?failure_rate=0.9");
    }
    for fault in FAULTS {
        server.until(&format!("{fault} is healed"), |server| {
            server
                .actions()
                .into_iter()
                .find(|action| action["error_type"] == fault && action["verdict"] == "verified")
        });
    }
    browser.until("the page shows it", |browser| {
        let table = browser.text("#actions tbody");
        FAULTS
            .iter()
            .all(|fault| table.contains(&fault.replace('_', " ")))
            .then_some(())
    });
    let picture = browser.picture();
    assert_eq!((picture.width, picture.height), (1280, 1180));
    assert!(picture.count(&browser.color("--plot-1")) > 1000);
    if let Some(to) = to {
        fs::write(to, &picture.png).unwrap();
    }
}

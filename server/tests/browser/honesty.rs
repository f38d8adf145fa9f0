//! The page shows nothing that was not measured, and says when it knows nothing new.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::process::Command;

use crate::browser::Browser;
use crate::running::{Server, shipped_rules};

#[test]
#[ignore = "needs chromium; see main.rs"]
fn what_was_not_measured_is_not_drawn() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.until_text("#link", "live");
    // Nobody asks anything of the upstream service: no line of it is drawn.
    server.wait_ticks(3);
    let drawn = browser
        .picture_of("#chart-errors")
        .count(&browser.color("--plot-2"));
    // The key of the legend alone.
    assert!(drawn < 80, "{drawn} pixels");
    let errors = browser.text("#chart-errors");
    assert!(errors.contains("of upstream calls –"), "{errors}");
    // No more points are known than were sampled.
    let ticks = server.get("/healing/status").1["ticks"].as_u64().unwrap();
    let history = server.get("/metrics/history").1;
    let points = history["series"]["memory-mb"].as_array().unwrap().len() as u64;
    assert!(points <= ticks + 2, "{points} points of {ticks} samples");
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn empty_series_say_that_they_are_collecting() {
    // The first sample is the last for an hour, so there is never a line.
    let rules = shipped_rules().replace("(sample-interval 1)", "(sample-interval 60)");
    let server = Server::start(&rules, &[]);
    let browser = Browser::open(&server.url);
    browser.until_text("#card-request-latency-ms", "collecting");
    browser.until_text(
        "#chart-latency .collecting",
        "collecting: needs ten requests",
    );
    assert_eq!(browser.text("#card-request-latency-ms .value"), "–");
    assert!(
        browser
            .text("#card-memory-mb .sparkline")
            .contains("collecting")
    );
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn news_that_stay_away_are_told_until_they_come_again() {
    let server = Server::start(&shipped_rules(), &[]);
    let browser = Browser::open(&server.url);
    browser.until_text("#link", "live");
    let signal = |name: &str| {
        let status = Command::new("kill")
            .args([name, &server.id().to_string()])
            .status();
        assert!(status.unwrap().success());
    };
    signal("-STOP");
    browser.until_text("#link", "stale: no news for");
    assert_eq!(browser.count("body.stale"), 1);
    // Whether it is well is not known now, which the tab tells too.
    assert!(browser.text("#state").starts_with("? unknown, was "));
    let tab = browser.run("return [document.title, document.getElementById('icon').href]");
    assert_eq!(tab[0], "stale · Chimera");
    assert!(
        tab[1].as_str().unwrap().ends_with("/assets/icon-stale.svg"),
        "{tab}"
    );
    signal("-CONT");
    browser.until("it is live again", |browser| {
        (browser.text("#link") == "live").then_some(())
    });
    assert_eq!(browser.count("body.stale"), 0);
    assert!(!browser.text("#state").contains("unknown"));
}

#[test]
#[ignore = "needs chromium; see main.rs"]
fn a_server_without_a_stream_to_spare_is_polled() {
    let server = Server::start(&shipped_rules(), &[]);
    let streams = take_all_streams(&server);
    let browser = Browser::open(&server.url);
    browser.until_text("#link", "polling");
    browser.until_text("#state", "healthy");
    drop(streams);
    browser.until("there is a stream again", |browser| {
        (browser.text("#link") == "live").then_some(())
    });
}

/// Streams of events until the server has none left; they end when dropped.
fn take_all_streams(server: &Server) -> Vec<TcpStream> {
    let address = server.url.strip_prefix("http://").unwrap();
    let mut streams = Vec::new();
    loop {
        let mut stream = TcpStream::connect(address).unwrap();
        write!(stream, "GET /events HTTP/1.1\r\nHost: {address}\r\n\r\n").unwrap();
        let mut line = String::new();
        BufReader::new(stream.try_clone().unwrap())
            .read_line(&mut line)
            .unwrap();
        if !line.contains(" 200 ") {
            assert!(line.contains(" 503 "), "{line}");
            return streams;
        }
        streams.push(stream);
        assert!(streams.len() < 10_000, "streams are bounded");
    }
}

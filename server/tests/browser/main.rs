//! The dashboard in a real browser: a headless Chromium, driven by WebDriver, looks
//! at the real binary. What counts is what is seen: pixels, words, and that nothing
//! was asked of anybody else.
//!
//! Not part of a plain `cargo test`, since it needs `chromium` and `chromedriver`
//! (Debian: `chromium chromium-driver`): `cargo test -p chimera-server --test browser -- --ignored`.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

mod broken_rules;
mod browser;
mod charts;
mod healing;
mod honesty;
mod listening;
mod pages;
mod picture;
mod questions;
mod rules;
#[path = "../journeys/running.rs"]
#[allow(dead_code, reason = "the journeys use the rest")]
mod running;

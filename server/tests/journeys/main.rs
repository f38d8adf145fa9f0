//! Journeys: the real binary, driven over loopback as its users drive it.
//! Waiting is by polling; what is asserted is states and their order, no times.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

mod elsewhere;
mod healing;
mod http;
mod other;
mod reload;
mod repl;
mod running;
mod start;
mod suite;

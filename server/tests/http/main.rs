//! The HTTP shell over real connections, with a healing loop made by hand: what
//! is published is what the tests say, and what is asked of it is recorded.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

mod asking;
mod connections;
mod demos;
mod documents;
mod faults;
mod healing;
mod malformed;
mod methods;
mod observed;
mod pages;
mod queries;
mod schema;
mod serving;
mod sites;
mod streams;
mod tls;
mod travel;

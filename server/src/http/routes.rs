//! What each route answers, by topic.

pub(super) mod atomspace;
pub(super) mod body;
pub(super) mod demo;
pub(super) mod events;
pub(super) mod faults;
pub(super) mod healing;
pub(super) mod health;
pub(super) mod ingest;
pub(super) mod live;
pub(super) mod log;
mod mailbox;
pub(super) mod metrics;
pub(super) mod modes;
pub(super) mod pages;
pub(super) mod prometheus;
pub(super) mod simple;
pub(super) mod stress;
mod wire;

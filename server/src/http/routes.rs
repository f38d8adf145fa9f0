//! What each route answers, by topic.

pub(super) mod atomspace;
pub(super) mod demo;
pub(super) mod healing;
pub(super) mod health;
pub(super) mod live;
pub(super) mod metrics;
pub(super) mod pages;
mod wire;

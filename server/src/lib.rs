//! The HTTP shell round the engine: sampling, the healing loop, effectors, the
//! demo faults, routes and the dashboard. Every decision is taken by MeTTa rules;
//! what stands here measures, carries out and shows.

pub mod effect;
pub mod events;
mod exposition;
pub mod front;
pub mod heal;
pub mod http;
pub mod inbound;
pub mod logging;
pub mod outside;
pub mod reclaimable;
pub mod sample;
pub mod settings;
pub mod status;
pub mod stress;
pub mod work;

// What is measured of memory in tests is measured with the server's allocator.
#[cfg(all(test, feature = "jemalloc"))]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

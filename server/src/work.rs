//! The work that this server does beside answering requests, and that healing
//! can act on: a cache of sessions, a pool of background threads, and a service that
//! it depends on.

mod background;
mod sessions;
mod upstream;

pub use background::{BACKGROUND_THREAD, Background, StartError};
pub use sessions::{Evicted, FillError, Filled, Sessions};
pub use upstream::{
    Breaker, ConnectionFault, Connections, FailureKind, Injector, Layer, LayerReading, Opened,
    PoolReading, Served, Upstream,
};

/// A share in `0.0..=1.0`, never NaN.
#[derive(Clone, Copy, Debug, PartialEq, PartialOrd)]
pub struct Ratio(f64);

impl Ratio {
    /// All of it.
    pub const FULL: Ratio = Ratio(1.0);
    /// None of it.
    pub const NONE: Ratio = Ratio(0.0);

    /// Returns `None` for NaN and for anything outside `0.0..=1.0`.
    pub fn new(value: f64) -> Option<Ratio> {
        (0.0..=1.0).contains(&value).then_some(Ratio(value))
    }

    /// The share as a number.
    pub fn get(self) -> f64 {
        self.0
    }
}

//! A service that this server depends on, reached over real loopback connections
//! through a pool, with a layer before it that healing can steer: degradation,
//! a circuit breaker, a deadline. Faults are injected behind that layer.

mod layer;
mod pool;
mod sink;

use std::io;
use std::sync::Arc;

use crate::events::Events;

pub use layer::{Breaker, Layer, LayerReading, Served};
pub use pool::{Connections, Opened, PoolReading};
pub use sink::{ConnectionFault, FailureKind, Injector};

/// The service, its pool and its layer. Clones are the same.
#[derive(Clone)]
pub struct Upstream {
    injector: Injector,
    connections: Connections,
    layer: Arc<Layer>,
}

impl Upstream {
    /// Starts the service on a free loopback port; it ends with the runtime. Its
    /// failures are told as events.
    ///
    /// # Errors
    /// If no port can be had.
    pub async fn start(events: Events) -> io::Result<Upstream> {
        let injector = Injector::default();
        let site = sink::start(injector.clone()).await?;
        let connections = Connections::new(site, injector.clone());
        let layer = Arc::new(Layer::new(connections.clone(), events));
        Ok(Upstream {
            injector,
            connections,
            layer,
        })
    }

    /// What makes it fail.
    pub fn injector(&self) -> &Injector {
        &self.injector
    }

    /// The pool of connections to it.
    pub fn connections(&self) -> &Connections {
        &self.connections
    }

    /// What stands between requests and it.
    pub fn layer(&self) -> &Layer {
        &self.layer
    }
}

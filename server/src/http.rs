//! The HTTP shell: routes, their parameters and their answers.
//!
//! A request goes through `server` (connections and their limits), `service`
//! (one id each, deadlines, panics), `guard` (who may), the `table` (which
//! route, `parameters` checked) to one function of `routes`, which answers
//! from what the loop published last.

mod answer;
mod docs;
mod guard;
mod limits;
mod openapi;
mod parameters;
mod patience;
mod routes;
mod schema;
mod server;
mod service;
mod shapes;
mod table;

use crate::events::Events;
use crate::front::Front;
use crate::status::Loop;
use crate::stress::Stress;
use crate::work::{Background, Sessions, Upstream};

pub use limits::Limits;
pub use server::{run, run_within};

/// How the shell behaves.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// What changes state off loopback must carry as `Authorization: Bearer`.
    pub token: Option<String>,
    /// Also take GET where POST is meant, as the original did.
    pub compat_get: bool,
}

/// What the routes answer from and act on.
pub struct Shell {
    /// The healing loop.
    pub healing: Loop,
    /// The session cache, which the memory demo fills.
    pub sessions: Sessions,
    /// The background threads, which the CPU demo starts.
    pub background: Background,
    /// The service that requests depend on.
    pub upstream: Upstream,
    /// What counts the requests.
    pub front: Front,
    /// The runs of the stress test.
    pub stress: Stress,
    /// Where failed requests are told.
    pub events: Events,
    /// How the shell behaves.
    pub settings: Settings,
}

//! The HTTP shell: routes, their parameters and their answers.
//!
//! A request goes through `server` (connections and their limits), `service`
//! (one id each, deadlines, panics), `guard` (who may), the `table` (which
//! route, `parameters` checked) to one function of `routes`, which answers
//! from what the loop published last.

mod answer;
mod clients;
mod docs;
mod encoding;
mod guard;
mod limits;
mod measure;
mod openapi;
mod parameters;
mod patience;
mod refusal;
mod responses;
mod routes;
mod schema;
mod seldom;
mod server;
mod service;
mod shapes;
mod table;
mod tls;
mod token;

use crate::events::Events;
use crate::front::Front;
use crate::inbound::Inbound;
use crate::logging::LogLevel;
use crate::status::Loop;
use crate::stress::Stress;
use crate::work::{Background, Sessions, Upstream};

pub use limits::Limits;
pub use server::{run, run_within};
pub use tls::{Tls, TlsError};
pub use token::Token;

/// How the shell behaves.
#[derive(Clone, Debug)]
pub struct Settings {
    /// What changes state off loopback must carry as `Authorization: Bearer`.
    pub token: Option<Token>,
    /// What connections are made secret with, if they are.
    pub tls: Option<Tls>,
    /// Names that the server answers to besides `localhost` and addresses; `*`
    /// is every name.
    pub hosts: Vec<String>,
    /// Whether there are demo routes.
    pub demo: bool,
    /// Also take GET where POST is meant, as the original did.
    pub compat_get: bool,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            token: None,
            tls: None,
            hosts: Vec::new(),
            demo: true,
            compat_get: false,
        }
    }
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
    /// The clients' connections.
    pub inbound: Inbound,
    /// The runs of the stress test.
    pub stress: Stress,
    /// Where failed requests are told.
    pub events: Events,
    /// What is logged.
    pub log: LogLevel,
    /// How the shell behaves.
    pub settings: Settings,
}

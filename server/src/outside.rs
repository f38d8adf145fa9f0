//! Other programs: what is measured of them, and what may be done to them.
//!
//! A TOML file names both (`config`). Processes are looked at in each tick
//! (`processes`); probes and scrapes run beside the loop and leave their newest figures
//! (`probes`), by a client of our own (`client`). What rules may do to other programs is
//! granted there one by one, with its limits, and carried out by `doing`.

mod client;
mod config;
mod doing;
mod probes;
mod processes;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Instant;

pub use config::{
    Command, Config, ConfigError, LimitOf, Notice, Probe, Request, Scrape, Signal, Watch,
};
use probes::Newest;
use processes::Processes;

/// Everything that concerns other programs. Clones are the same.
#[derive(Clone)]
pub struct Outside {
    config: Arc<Config>,
    newest: Newest,
    processes: Arc<Mutex<Processes>>,
}

/// What rules ask to be done to another program.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Deed {
    /// Run the command of this name.
    Run(String),
    /// Send the watched process of this name this signal.
    Signal(String, String),
    /// Make the request of this name.
    Request(String),
    /// Tell the webhook of this name this text.
    Notify(String, String),
}

impl Default for Outside {
    /// No other programs.
    fn default() -> Outside {
        Outside::new(Config::default())
    }
}

impl Outside {
    /// Other programs as the configuration names them.
    pub fn new(config: Config) -> Outside {
        let config = Arc::new(config);
        Outside {
            newest: Newest::default(),
            processes: Arc::new(Mutex::new(Processes::new(config.watch.clone()))),
            config,
        }
    }

    /// What the configuration names.
    pub fn config(&self) -> &Config {
        &self.config
    }

    /// Starts the probes and scrapes on the present runtime; they end with it.
    pub fn start(&self) {
        probes::start(&self.config, &self.newest);
    }

    /// Sets for how many of its intervals the figure of a probe or a scrape counts.
    pub fn set_stale_intervals(&self, intervals: f64) {
        self.newest.set_stale_intervals(intervals);
    }

    fn processes(&self) -> MutexGuard<'_, Processes> {
        self.processes
            .lock()
            .expect("no panic while processes are looked at")
    }

    /// The figures of other programs as of `now`, by metric. What is too old is absent.
    pub fn read(&self, now: Instant) -> BTreeMap<String, f64> {
        let mut metrics = self.newest.read(now);
        self.processes().read(now, &mut metrics);
        metrics
    }

    /// Does what was granted; says what came of it.
    ///
    /// # Errors
    /// What went wrong, in words.
    pub async fn carry_out(&self, deed: Deed) -> Result<String, String> {
        match deed {
            Deed::Run(name) => doing::run(self.config.command_of(&name)?).await,
            Deed::Signal(name, signal) => {
                self.config.signal_of(&name, &signal)?;
                self.processes().signal(&name, &signal)
            }
            Deed::Request(name) => doing::request(self.config.request_of(&name)?).await,
            Deed::Notify(name, text) => doing::notify(self.config.notice_of(&name)?, &text).await,
        }
    }
}

//! The file that names other programs.

mod check;

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};

use serde::Deserialize;

use crate::effect::{Limit, SPECS};

/// What is watched and what may be done.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// Processes whose figures are taken.
    #[serde(default)]
    pub watch: Vec<Watch>,
    /// Addresses that are asked over HTTP.
    #[serde(default)]
    pub probe: Vec<Probe>,
    /// Prometheus text that is fetched.
    #[serde(default)]
    pub scrape: Vec<Scrape>,
    /// Commands that rules may run.
    #[serde(default)]
    pub command: Vec<Command>,
    /// Signals that rules may send.
    #[serde(default)]
    pub signal: Vec<Signal>,
    /// Requests that rules may make.
    #[serde(default)]
    pub request: Vec<Request>,
    /// Webhooks that rules may tell something.
    #[serde(default)]
    pub notify: Vec<Notice>,
    /// Limits of effectors by their name, where they are not to be the usual ones.
    #[serde(default)]
    pub limit: BTreeMap<String, LimitOf>,
}

/// How often an effector may be called, and with how large a share.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LimitOf {
    /// Calls in any 60 seconds.
    pub per_minute: Option<usize>,
    /// The largest share that it may be called with.
    pub share_max: Option<f64>,
}

/// A process to watch, by pid file or by name: metrics `<name>.down`, `<name>.memory-mb`,
/// `<name>.cpu-percent`, `<name>.threads`, `<name>.open-files`, `<name>.age-s`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Watch {
    /// What its metrics begin with.
    pub name: String,
    /// The file with its number.
    pub pid_file: Option<PathBuf>,
    /// The name of its executable as the kernel has it.
    pub process: Option<String>,
}

/// An address to ask: metrics `<name>.probe-failed`, `<name>.probe-latency-ms`,
/// `<name>.probe-status`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Probe {
    /// What its metrics begin with.
    pub name: String,
    /// Where; plain HTTP.
    pub url: String,
    /// How long an answer may take.
    #[serde(default = "two_seconds")]
    pub timeout_seconds: f64,
    /// From one asking to the next.
    #[serde(default = "one_second")]
    pub interval_seconds: f64,
}

/// Prometheus text to fetch: metrics `<name>.<metric>`, summed over labels.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scrape {
    /// What its metrics begin with.
    pub name: String,
    /// Where; plain HTTP.
    pub url: String,
    /// Which metrics are taken.
    pub metrics: Vec<String>,
    /// How long an answer may take.
    #[serde(default = "two_seconds")]
    pub timeout_seconds: f64,
    /// From one fetch to the next.
    #[serde(default = "five_seconds")]
    pub interval_seconds: f64,
}

/// A command that rules may run as `(run-command <name>)`; no shell reads it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Command {
    /// What rules call it.
    pub name: String,
    /// The program and its arguments.
    pub argv: Vec<String>,
    /// How long it may take; then it is killed.
    #[serde(default = "ten_seconds")]
    pub timeout_seconds: f64,
    /// How often it may be run.
    #[serde(default = "twice")]
    pub per_minute: usize,
}

/// Signals that rules may send as `(signal-process <watch> <signal>)`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Signal {
    /// The watched process.
    pub watch: String,
    /// Those of `TERM`, `KILL`, `INT`, `HUP`, `USR1`, `USR2`, `STOP`, `CONT`.
    pub signals: Vec<String>,
    /// How often one may be sent.
    #[serde(default = "twice")]
    pub per_minute: usize,
}

/// A request that rules may make as `(http-request <name>)`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// What rules call it.
    pub name: String,
    /// Where; plain HTTP.
    pub url: String,
    /// How.
    #[serde(default = "post")]
    pub method: String,
    /// What is sent.
    #[serde(default)]
    pub body: String,
    /// How long an answer may take.
    #[serde(default = "ten_seconds")]
    pub timeout_seconds: f64,
    /// How often it may be made.
    #[serde(default = "twice")]
    pub per_minute: usize,
}

/// A webhook that rules may tell something as `(notify <name> <text>)`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Notice {
    /// What rules call it.
    pub name: String,
    /// Where; plain HTTP.
    pub url: String,
    /// How long an answer may take.
    #[serde(default = "ten_seconds")]
    pub timeout_seconds: f64,
    /// How often it may be told something.
    #[serde(default = "twice")]
    pub per_minute: usize,
}

fn one_second() -> f64 {
    1.0
}

fn two_seconds() -> f64 {
    2.0
}

fn five_seconds() -> f64 {
    5.0
}

fn ten_seconds() -> f64 {
    10.0
}

fn twice() -> usize {
    2
}

fn post() -> String {
    "POST".to_owned()
}

/// Why the file cannot be used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ConfigError {
    /// It cannot be read.
    #[error("cannot read {path}: {error}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        error: std::io::Error,
    },
    /// It is no such file.
    #[error("{path}: {reason}")]
    Wrong {
        /// The file.
        path: String,
        /// What is wrong.
        reason: String,
    },
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// If it cannot be read, or says what cannot be.
    pub fn of_file(path: &Path) -> Result<Config, ConfigError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| ConfigError::Unreadable {
            path: name.clone(),
            error,
        })?;
        Config::of_text(&text).map_err(|reason| ConfigError::Wrong { path: name, reason })
    }

    /// The same from its text.
    ///
    /// # Errors
    /// What is wrong, in words.
    pub fn of_text(text: &str) -> Result<Config, String> {
        let config: Config =
            toml::from_str(text).map_err(|error| error.to_string().trim_end().to_owned())?;
        check::check(&config)?;
        Ok(config)
    }

    pub(super) fn command_of(&self, name: &str) -> Result<&Command, String> {
        let known = self.command.iter().find(|command| command.name == name);
        known.ok_or_else(|| not_granted("command", name))
    }

    pub(super) fn signal_of(&self, watch: &str, signal: &str) -> Result<&Signal, String> {
        self.signal
            .iter()
            .find(|grant| grant.watch == watch && grant.signals.iter().any(|one| one == signal))
            .ok_or_else(|| not_granted("signal", &format!("{watch} {signal}")))
    }

    pub(super) fn request_of(&self, name: &str) -> Result<&Request, String> {
        let known = self.request.iter().find(|request| request.name == name);
        known.ok_or_else(|| not_granted("request", name))
    }

    pub(super) fn notice_of(&self, name: &str) -> Result<&Notice, String> {
        let known = self.notify.iter().find(|notice| notice.name == name);
        known.ok_or_else(|| not_granted("notify", name))
    }

    /// The limits of all effectors: the usual ones, but for those that are set here.
    pub fn limits(&self) -> HashMap<&'static str, Limit> {
        SPECS
            .iter()
            .map(|spec| {
                let set = self.limit.get(spec.name);
                let limit = Limit {
                    per_minute: set
                        .and_then(|set| set.per_minute)
                        .unwrap_or(spec.per_minute),
                    share_max: set.and_then(|set| set.share_max).unwrap_or(1.0),
                };
                (spec.name, limit)
            })
            .collect()
    }

    /// What is granted: the effector, the name that rules call it by, and how often a
    /// minute.
    pub fn grants(&self) -> Vec<(&'static str, String, usize)> {
        let commands = self
            .command
            .iter()
            .map(|one| ("run-command", one.name.clone(), one.per_minute));
        let signals = self.signal.iter().flat_map(|one| {
            one.signals.iter().map(|name| {
                (
                    "signal-process",
                    format!("{} {name}", one.watch),
                    one.per_minute,
                )
            })
        });
        let requests = self
            .request
            .iter()
            .map(|one| ("http-request", one.name.clone(), one.per_minute));
        let notices = self
            .notify
            .iter()
            .map(|one| ("notify", one.name.clone(), one.per_minute));
        commands
            .chain(signals)
            .chain(requests)
            .chain(notices)
            .collect()
    }
}

fn not_granted(what: &str, name: &str) -> String {
    format!("no [[{what}]] of the configuration grants {name}")
}

#[cfg(test)]
mod tests {
    use super::Config;

    #[test]
    fn limits_are_the_usual_ones_but_for_those_that_are_set() {
        let config =
            Config::of_text("[limit.evict-cache]\nper_minute = 3\nshare_max = 0.5").unwrap();
        let limits = config.limits();
        let evict = limits["evict-cache"];
        assert_eq!((evict.per_minute, evict.share_max), (3, 0.5));
        let degrade = limits["degrade"];
        assert_eq!((degrade.per_minute, degrade.share_max), (30, 1.0));
    }

    #[test]
    fn grants_are_listed_as_rules_call_them() {
        let config = Config::of_text(
            "[[watch]]\nname = \"w\"\nprocess = \"w\"\n\
             [[signal]]\nwatch = \"w\"\nsignals = [\"TERM\", \"KILL\"]\nper_minute = 3\n\
             [[command]]\nname = \"c\"\nargv = [\"true\"]",
        )
        .unwrap();
        let expected = [
            ("run-command", "c".to_owned(), 2),
            ("signal-process", "w TERM".to_owned(), 3),
            ("signal-process", "w KILL".to_owned(), 3),
        ];
        assert_eq!(config.grants(), expected);
        assert!(config.signal_of("w", "HUP").is_err());
    }
}

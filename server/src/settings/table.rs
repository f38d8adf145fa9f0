//! Every setting. `docs/configuration.md` shows this table; a test holds them equal.

use super::value::Kind;
use crate::heal::{INTERVAL_MAX, INTERVAL_MIN};

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// Its name in a file; what stands before a dot is a section there.
    pub key: &'static str,
    /// Its value where nobody sets it, as it would be written.
    pub default: &'static str,
    /// What it takes.
    pub kind: Kind,
    /// What it is for.
    pub meaning: &'static str,
}

impl Setting {
    /// Its name in the environment.
    pub fn variable(&self) -> String {
        let name = self.key.to_uppercase().replace(['.', '-'], "_");
        format!("{}{name}", super::PREFIX)
    }
}

const fn setting(
    key: &'static str,
    default: &'static str,
    kind: Kind,
    meaning: &'static str,
) -> Setting {
    Setting {
        key,
        default,
        kind,
        meaning,
    }
}

const fn count(min: i64, max: i64) -> Kind {
    Kind::Integer { min, max }
}

const fn seconds(min: f64, max: f64) -> Kind {
    Kind::Seconds { min, max }
}

/// All of them, those of one section together.
pub static SETTINGS: &[Setting] = &[
    setting(
        "bind",
        "127.0.0.1",
        Kind::Address,
        "The address to listen on; off loopback a token is needed",
    ),
    setting(
        "port",
        "8000",
        count(0, 65_535),
        "The port to listen on; 0 takes a free one",
    ),
    setting(
        "hosts",
        "",
        Kind::List,
        "Names that requests may call this server, besides localhost and addresses; * is any",
    ),
    setting(
        "rules",
        "",
        Kind::Path,
        "The directory of rules; without it ./metta if that exists, else the rules that the binary carries",
    ),
    setting(
        "sample-interval",
        "",
        seconds(INTERVAL_MIN, INTERVAL_MAX),
        "Seconds between samples; without it what the rules say",
    ),
    setting(
        "learned",
        "",
        Kind::Path,
        "The file in which what healing learns is kept; without it nothing is kept",
    ),
    setting(
        "outside",
        "",
        Kind::Path,
        "The TOML file that names other programs: what is watched of them and what rules may do to them (docs/other-programs.md)",
    ),
    setting(
        "token-file",
        "",
        Kind::Path,
        "The file with the token that what changes state must carry off loopback, and what writes atoms everywhere; or CHIMERA_TOKEN holds it",
    ),
    setting(
        "demo",
        "auto",
        Kind::Word(&["auto", "on", "off"]),
        "Whether there are demo routes; auto is on loopback only",
    ),
    setting(
        "compat-get",
        "false",
        Kind::Boolean,
        "Whether demo routes take GET too, as the original's did",
    ),
    setting(
        "log.format",
        "text",
        Kind::Word(&["text", "json"]),
        "How log lines are written",
    ),
    setting(
        "log.level",
        "info",
        Kind::Text,
        "What is logged: error, warn, info, debug or trace, or by module as in info,chimera_server::http=debug",
    ),
    setting(
        "tls.certificate",
        "",
        Kind::Path,
        "The file with the certificate chain in PEM; with tls.key, the server speaks TLS only",
    ),
    setting(
        "tls.key",
        "",
        Kind::Path,
        "The file with the certificate's private key in PEM",
    ),
    setting(
        "limits.connections",
        "16384",
        count(1, 1_000_000),
        "Connections at once; beyond them the longest idle ones are closed",
    ),
    setting(
        "limits.client-connections",
        "0",
        count(0, 1_000_000),
        "Connections at once from one address; beyond them 429 and the end. 0 is any number, as behind a proxy all clients are one",
    ),
    setting(
        "limits.client-requests",
        "0",
        count(0, 1_000_000),
        "Requests a second from one address; beyond them 429, but for what must answer. 0 is any number",
    ),
    setting(
        "limits.requests",
        "1024",
        count(1, 1_000_000),
        "Requests at once; beyond them 503, but for what must answer",
    ),
    setting(
        "limits.head",
        "10",
        seconds(0.1, 3600.0),
        "Seconds that a connection may take to its first request, and for a head that it has begun",
    ),
    setting(
        "limits.idle",
        "75",
        seconds(0.1, 86_400.0),
        "Seconds that a connection may do nothing between requests",
    ),
    setting(
        "limits.head-bytes",
        "32768",
        count(1024, 1_048_576),
        "Bytes of a request's head; beyond them 431",
    ),
    setting(
        "limits.url-bytes",
        "8192",
        count(256, 65_000),
        "Bytes of a request's target; beyond them 414",
    ),
    setting(
        "limits.body",
        "10",
        seconds(0.1, 3600.0),
        "Seconds that a body may take; beyond them 408",
    ),
    setting(
        "limits.body-bytes",
        "1048576",
        count(0, 1_073_741_824),
        "Bytes of a body; beyond them 413",
    ),
    setting(
        "limits.answer",
        "60",
        seconds(0.1, 3600.0),
        "Seconds that an answer may take; beyond them 504",
    ),
    setting(
        "limits.ask",
        "10",
        seconds(0.1, 3600.0),
        "Seconds that the healing loop may take to answer a request; beyond them 503",
    ),
    setting(
        "limits.write",
        "20",
        seconds(0.1, 3600.0),
        "Seconds that a client may leave an answer unread",
    ),
    setting(
        "limits.query",
        "2",
        seconds(0.001, 60.0),
        "Seconds that a query of the atomspace may take",
    ),
    setting(
        "limits.query-reductions",
        "5000000",
        count(1, 1_000_000_000_000),
        "Reductions that a query of the atomspace may take",
    ),
    setting(
        "limits.queries",
        "4",
        count(1, 1024),
        "Queries of the atomspace at once",
    ),
    setting(
        "limits.streams",
        "64",
        count(0, 100_000),
        "Streams of events at once",
    ),
    setting(
        "limits.heartbeat",
        "10",
        seconds(0.1, 3600.0),
        "Seconds of silence on a stream of events before a sign of life",
    ),
    setting(
        "limits.drain",
        "0",
        seconds(0.0, 3600.0),
        "Seconds at the end in which requests are still taken while /ready says no",
    ),
    setting(
        "limits.shutdown",
        "5",
        seconds(0.0, 3600.0),
        "Seconds at the end in which requests under way may finish",
    ),
];

//! Open files of this process, and its TCP connections by state, from the kernel's tables.
//!
//! Those tables are the whole host's, so going through them takes milliseconds, which an
//! action should not have to wait for: they are read shortly before a sample is due.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::Process;

/// TCP connections by state.
#[derive(Clone, Copy, Default)]
struct States {
    established: u32,
    opening: u32,
    half_closed: u32,
}

/// The kernel's tables are read at least so often, whatever is known; and while there are
/// connections, whose states change by themselves.
const TABLES_EVERY: Duration = Duration::from_secs(30);
const STATES_EVERY: Duration = Duration::from_millis(900);
/// For so long what was read ahead of a sample holds, although sockets came and went since.
const AHEAD_HOLDS: Duration = Duration::from_millis(100);

/// What is known of the process's sockets.
#[derive(Default)]
pub(super) struct Sockets {
    /// Sockets that were no connection when the tables were read last and the time
    /// before: listeners, and other than TCP.
    not_connections: HashSet<u64>,
    /// Sockets that were in no table when they were read last. One that is only
    /// being made is in none either, so once is not enough.
    not_in_table: HashSet<u64>,
    tables_read: Option<Read>,
    looked_ahead: Option<Instant>,
}

/// What the kernel's tables said.
struct Read {
    at: Instant,
    /// The sockets that there were then.
    sockets: HashSet<u64>,
    states: States,
}

/// The files that are open, by what they are.
struct Files {
    open: u32,
    /// Numbers of the sockets among them.
    sockets: HashSet<u64>,
}

impl Files {
    fn now() -> Option<Files> {
        let mut files = Files {
            open: 0,
            sockets: HashSet::new(),
        };
        for file in std::fs::read_dir("/proc/self/fd").ok()?.flatten() {
            // One that was closed meanwhile is not open.
            let Ok(target) = std::fs::read_link(file.path()) else {
                continue;
            };
            files.open += 1;
            let socket = target.to_str().and_then(|target| {
                let number = target.strip_prefix("socket:[")?.strip_suffix(']')?;
                number.parse::<u64>().ok()
            });
            files.sockets.extend(socket);
        }
        // The folder was open only to be listed.
        files.open = files.open.saturating_sub(1);
        Some(files)
    }
}

impl Sockets {
    /// Reads what takes long and the sample that is due soon would have to read.
    pub(super) fn look_ahead(&mut self, own: &Process, now: Instant) {
        if let Some(files) = Files::now()
            && self.states(own, now, &files.sockets).is_some()
        {
            self.looked_ahead = Some(now);
        }
    }

    /// Open descriptors, and those of them that are TCP connections.
    pub(super) fn read(
        &mut self,
        own: &Process,
        now: Instant,
        put: &mut impl FnMut(&str, Option<f64>),
    ) {
        let Some(Files { open, sockets }) = Files::now() else {
            return;
        };
        put("open-files", Some(f64::from(open)));
        let ahead = self.looked_ahead.take();
        let ahead = ahead.is_some_and(|at| now.saturating_duration_since(at) < AHEAD_HOLDS);
        let states = match &self.tables_read {
            Some(read) if ahead => Some(read.states),
            _ => self.states(own, now, &sockets),
        };
        let count = |of: fn(States) -> u32| Some(f64::from(of(states?)));
        put("connection-count", count(|states| states.established));
        put("sockets.half-closed", count(|states| states.half_closed));
        put("sockets.opening", count(|states| states.opening));
    }

    /// What states those of `sockets` are in that are TCP connections. The tables are
    /// read only when sockets came or went, and now and then.
    fn states(&mut self, own: &Process, now: Instant, sockets: &HashSet<u64>) -> Option<States> {
        self.not_connections.retain(|inode| sockets.contains(inode));
        let none = self.not_connections.len() == sockets.len();
        let every = if none { TABLES_EVERY } else { STATES_EVERY };
        if let Some(read) = &mut self.tables_read
            && now.saturating_duration_since(read.at) < every
            && (none || read.sockets == *sockets)
        {
            if none {
                read.states = States::default();
            }
            return Some(read.states);
        }
        let mut states = States::default();
        let mut absent = sockets.clone();
        let mut listening = HashSet::new();
        let mut look_at = |entries: Vec<TcpNetEntry>| {
            for entry in entries {
                if !absent.remove(&entry.inode) {
                    continue;
                }
                match entry.state {
                    TcpState::Listen => {
                        listening.insert(entry.inode);
                    }
                    TcpState::Established => states.established += 1,
                    TcpState::SynSent | TcpState::SynRecv | TcpState::NewSynRecv => {
                        states.opening += 1;
                    }
                    // One side has ended it, and the other not yet.
                    _ => states.half_closed += 1,
                }
            }
            absent.is_subset(&self.not_connections)
        };
        if !look_at(own.tcp().ok()?) {
            // A host without IPv6 has no second table.
            look_at(own.tcp6().unwrap_or_default());
        }
        self.not_connections = absent.intersection(&self.not_in_table).copied().collect();
        self.not_connections.extend(listening);
        self.not_in_table = absent;
        self.tables_read = Some(Read {
            at: now,
            sockets: sockets.clone(),
            states,
        });
        Some(states)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::{TcpListener, TcpStream};
    use std::time::{Duration, Instant};

    use procfs::process::Process;

    use super::{AHEAD_HOLDS, STATES_EVERY, Sockets};

    fn read(sockets: &mut Sockets, now: Instant) -> BTreeMap<String, f64> {
        let mut metrics = BTreeMap::new();
        sockets.read(&Process::myself().unwrap(), now, &mut |name, value| {
            metrics.extend(value.map(|value| (name.to_owned(), value)));
        });
        metrics
    }

    #[test]
    fn both_ends_of_a_loopback_connection_are_counted() {
        let mut sockets = Sockets::default();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let before = read(&mut sockets, Instant::now())["connection-count"];
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = listener.accept().unwrap();
        let after = read(&mut sockets, Instant::now())["connection-count"];
        assert!(after >= before + 2.0, "{before} -> {after}");
        // Ended from one side only, it is neither established nor gone.
        drop(client);
        let later = Instant::now() + STATES_EVERY;
        let half = read(&mut sockets, later)["sockets.half-closed"];
        assert!(half >= 1.0, "{half}");
        drop(server);
    }

    #[test]
    fn what_was_read_ahead_holds_for_the_sample_that_follows_and_no_longer() {
        let mut sockets = Sockets::default();
        let own = Process::myself().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        // Other tests of this process open and close some too.
        let fifty = || -> Vec<_> {
            let connect = || (TcpStream::connect(address).unwrap(), listener.accept());
            (0..50).map(|_| connect()).collect()
        };
        let start = Instant::now();
        sockets.look_ahead(&own, start);
        let ahead = f64::from(sockets.tables_read.as_ref().unwrap().states.established);
        let connections = fifty();
        // Files are counted as of now, and connections as of a moment ago.
        let soon = read(&mut sockets, start + Duration::from_millis(1));
        assert!(soon["open-files"] >= 100.0, "{soon:?}");
        assert_eq!(soon["connection-count"], ahead);
        let next = read(&mut sockets, start + Duration::from_millis(2));
        assert!(next["connection-count"] > ahead + 50.0, "{ahead}: {next:?}");
        sockets.look_ahead(&own, start);
        drop(connections);
        let late = read(&mut sockets, start + AHEAD_HOLDS);
        assert!(late["connection-count"] < ahead + 50.0, "{ahead}: {late:?}");
    }
}

//! Figures of this process and its host, from the kernel.

use std::collections::{HashMap, HashSet};
use std::time::{Duration, Instant};

use super::quota::Quota;
use crate::work::BACKGROUND_THREAD;
use procfs::FromRead;
use procfs::net::{TcpNetEntry, TcpState};
use procfs::process::{FDTarget, Process};
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

/// The shortest time over which CPU use is averaged.
const CPU_WINDOW_MIN: Duration = Duration::from_millis(200);
const MIB: f64 = 1_048_576.0;

/// Why there is no reading.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SensorError {
    /// The system gives this process no figures about itself.
    #[error("this process cannot read its own figures: {0}")]
    Unreadable(String),
}

/// The resident memory of this process in MiB, read now.
pub fn rss_mb() -> Option<f64> {
    let pages = Process::myself().ok()?.statm().ok()?.resident;
    Some((pages * procfs::page_size()) as f64 / MIB)
}

/// CPU use of this process between two looks.
pub struct CpuMeter {
    at: Instant,
    used: Option<f64>,
}

/// CPU seconds that this process has used.
fn cpu_seconds() -> Option<f64> {
    let stat = Process::myself().ok()?.stat().ok()?;
    Some((stat.utime + stat.stime) as f64 / procfs::ticks_per_second() as f64)
}

impl CpuMeter {
    /// Measures from now on.
    pub fn start() -> CpuMeter {
        CpuMeter {
            at: Instant::now(),
            used: cpu_seconds(),
        }
    }

    /// Percent of one core since the start or the last call.
    pub fn percent(&mut self) -> Option<f64> {
        let before = std::mem::replace(self, CpuMeter::start());
        let elapsed = self.at.duration_since(before.at).as_secs_f64();
        Some((self.used? - before.used?) / elapsed * 100.0)
    }
}

/// TCP connections by state.
#[derive(Clone, Copy, Default)]
struct States {
    established: u32,
    opening: u32,
    half_closed: u32,
}

/// A thread that has been seen before.
struct Thread {
    /// Time that it has waited for a core, in nanoseconds.
    waited: u64,
    /// Whether it does background work, which may wait.
    background: bool,
}

pub(super) struct ProcessSensors {
    system: System,
    pid: Pid,
    cores: f64,
    /// The window that CPU use is averaged over: since when, and what was used before.
    cpu_since: Option<(Instant, u64)>,
    cpu_percent: Option<f64>,
    /// What is known of each thread, and as of when.
    threads: HashMap<i32, Thread>,
    delays_at: Option<Instant>,
    quota: Quota,
    /// Sockets that were no connection when the tables were read last and the time
    /// before: listeners, and other than TCP.
    not_connections: HashSet<u64>,
    /// Sockets that were in no table when they were read last. One that is only
    /// being made is in none either, so once is not enough.
    not_in_table: HashSet<u64>,
    tables_read: Option<Read>,
}

/// What the kernel's tables said.
struct Read {
    at: Instant,
    /// The sockets that there were then.
    sockets: HashSet<u64>,
    states: States,
}

/// The kernel's tables are read at least so often, whatever is known; and while there are
/// connections, whose states change by themselves.
const TABLES_EVERY: Duration = Duration::from_secs(30);
const STATES_EVERY: Duration = Duration::from_millis(900);

impl ProcessSensors {
    pub(super) fn new() -> Result<ProcessSensors, SensorError> {
        let pid = sysinfo::get_current_pid()
            .map_err(|error| SensorError::Unreadable(format!("{error:?}")))?;
        let system =
            System::new().map_err(|error| SensorError::Unreadable(format!("{error:?}")))?;
        Ok(ProcessSensors {
            system,
            pid,
            // What affinity and control group leave of the machine.
            cores: std::thread::available_parallelism().map_or(1.0, |n| n.get() as f64),
            cpu_since: None,
            cpu_percent: None,
            threads: HashMap::new(),
            quota: Quota::new(),
            delays_at: None,
            not_connections: HashSet::new(),
            not_in_table: HashSet::new(),
            tables_read: None,
        })
    }

    pub(super) fn read(
        &mut self,
        now: Instant,
        put: &mut impl FnMut(&str, Option<f64>),
    ) -> Result<(), SensorError> {
        self.system.refresh_processes_specifics(
            ProcessesToUpdate::Some(&[self.pid]),
            false,
            ProcessRefreshKind::nothing()
                .with_memory()
                .with_cpu()
                .without_tasks(),
        );
        let process = self
            .system
            .process(self.pid)
            .ok_or_else(|| SensorError::Unreadable("it is not in the process table".to_owned()))?;
        put("memory-mb", Some(process.memory() as f64 / MIB));
        let used_ms = process.accumulated_cpu_time();
        self.read_cpu(now, used_ms);
        put("cpu-percent", self.cpu_percent);
        put(
            "cpu-share",
            self.cpu_percent.map(|percent| percent / self.cores),
        );
        put(
            "allocated-mb",
            chimera_reclaim::allocated_bytes().map(|bytes| bytes as f64 / MIB),
        );
        put("throttled-percent", self.quota.percent(now));
        // What follows is evidence that some systems do not offer: absent there.
        if let Ok(own) = Process::myself() {
            self.read_files(&own, now, put);
            self.read_threads(&own, now, put);
        }
        put(
            "pressure-cpu",
            procfs::CpuPressure::from_file("/proc/pressure/cpu")
                .ok()
                .map(|pressure| f64::from(pressure.some.avg10)),
        );
        put(
            "pressure-memory",
            procfs::MemoryPressure::from_file("/proc/pressure/memory")
                .ok()
                .map(|pressure| f64::from(pressure.some.avg10)),
        );
        Ok(())
    }

    /// CPU use of the process in percent of one core since the last window.
    fn read_cpu(&mut self, now: Instant, used_ms: u64) {
        let Some((since, used_before)) = self.cpu_since else {
            self.cpu_since = Some((now, used_ms));
            return;
        };
        let elapsed = now.saturating_duration_since(since);
        if elapsed >= CPU_WINDOW_MIN {
            let used = used_ms.saturating_sub(used_before) as f64;
            self.cpu_percent = Some(used / (elapsed.as_secs_f64() * 1000.0) * 100.0);
            self.cpu_since = Some((now, used_ms));
        }
    }

    /// Open descriptors, and those of them that are established TCP connections.
    fn read_files(&mut self, own: &Process, now: Instant, put: &mut impl FnMut(&str, Option<f64>)) {
        let Ok(files) = own.fd() else { return };
        let mut open = 0_u32;
        let mut sockets = HashSet::new();
        for file in files.flatten() {
            open += 1;
            if let FDTarget::Socket(inode) = file.target {
                sockets.insert(inode);
            }
        }
        put("open-files", Some(f64::from(open)));
        let states = self.connections(own, now, &sockets);
        let count = |states: Option<States>, of: fn(States) -> u32| Some(f64::from(of(states?)));
        put(
            "connection-count",
            count(states, |states| states.established),
        );
        put(
            "sockets.half-closed",
            count(states, |states| states.half_closed),
        );
        put("sockets.opening", count(states, |states| states.opening));
    }

    /// What states those of `sockets` are in that are TCP connections. To read the kernel's
    /// tables it goes through all that the host may have, which takes milliseconds: they are
    /// read only when sockets came or went, and now and then.
    fn connections(
        &mut self,
        own: &Process,
        now: Instant,
        sockets: &HashSet<u64>,
    ) -> Option<States> {
        self.not_connections.retain(|inode| sockets.contains(inode));
        let none = self.not_connections.len() == sockets.len();
        let every = if none { TABLES_EVERY } else { STATES_EVERY };
        if let Some(read) = &self.tables_read
            && now.saturating_duration_since(read.at) < every
            && (none || read.sockets == *sockets)
        {
            return Some(if none { States::default() } else { read.states });
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

    /// Threads, the time that those which serve, and those which do background work,
    /// waited for a core by the time that passed; and what the process used of the CPU with what its
    /// background work would have used had it not to wait.
    fn read_threads(
        &mut self,
        own: &Process,
        now: Instant,
        put: &mut impl FnMut(&str, Option<f64>),
    ) {
        let Ok(tasks) = own.tasks() else { return };
        let mut threads = HashMap::with_capacity(self.threads.len());
        let (mut waited, mut background_waited) = (0_u64, 0_u64);
        for task in tasks.flatten() {
            let Ok(schedule) = task.schedstat() else {
                continue;
            };
            let known = self.threads.get(&task.tid);
            let background = match known {
                Some(known) => known.background,
                None => task.stat().is_ok_and(|stat| stat.comm == BACKGROUND_THREAD),
            };
            let before = known.map_or(0, |known| known.waited);
            let more = schedule.run_delay.saturating_sub(before);
            if background {
                background_waited += more;
            } else {
                waited += more;
            }
            let thread = Thread {
                waited: schedule.run_delay,
                background,
            };
            threads.insert(task.tid, thread);
        }
        put("threads", Some(threads.len() as f64));
        if let Some(at) = self.delays_at
            && !threads.is_empty()
        {
            let elapsed = now.saturating_duration_since(at).as_nanos() as f64;
            let percent = |nanos: u64| nanos as f64 / elapsed * 100.0;
            let (serving, background) = (percent(waited), percent(background_waited));
            put("scheduling-delay-percent", Some(serving));
            put("background-delay-percent", Some(background));
            put(
                "cpu-wanted-percent",
                self.cpu_percent.map(|used| used + background),
            );
        }
        self.threads = threads;
        self.delays_at = Some(now);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::net::{TcpListener, TcpStream};
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use super::{BACKGROUND_THREAD, ProcessSensors, STATES_EVERY};

    fn read(sensors: &mut ProcessSensors, now: Instant) -> BTreeMap<String, f64> {
        let mut metrics = BTreeMap::new();
        sensors
            .read(now, &mut |name, value| {
                if let Some(value) = value {
                    metrics.insert(name.to_owned(), value);
                }
            })
            .unwrap();
        metrics
    }

    #[test]
    fn touched_memory_is_seen() {
        let mut sensors = ProcessSensors::new().unwrap();
        let before = read(&mut sensors, Instant::now())["memory-mb"];
        let held = vec![1_u8; 64 << 20];
        let after = read(&mut sensors, Instant::now())["memory-mb"];
        assert!(after - before > 48.0, "{before} -> {after}");
        drop(held);
    }

    #[test]
    fn both_ends_of_a_loopback_connection_are_counted() {
        let mut sensors = ProcessSensors::new().unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let before = read(&mut sensors, Instant::now())["connection-count"];
        let client = TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let server = listener.accept().unwrap();
        let after = read(&mut sensors, Instant::now())["connection-count"];
        assert!(after >= before + 2.0, "{before} -> {after}");
        // Ended from one side only, it is neither established nor gone.
        drop(client);
        let later = Instant::now() + STATES_EVERY;
        let half = read(&mut sensors, later)["sockets.half-closed"];
        assert!(half >= 1.0, "{half}");
        drop(server);
    }

    #[test]
    fn cpu_that_is_waited_for_counts_as_wanted() {
        let mut sensors = ProcessSensors::new().unwrap();
        read(&mut sensors, Instant::now());
        // More threads than cores: what they do not get they wait for.
        let cores = std::thread::available_parallelism().unwrap().get();
        let asked = 200.0 * cores as f64;
        let ended = AtomicBool::new(false);
        let enough = std::thread::scope(|scope| {
            for _ in 0..2 * cores {
                let thread = std::thread::Builder::new().name(BACKGROUND_THREAD.to_owned());
                let work = || {
                    while !ended.load(Ordering::Relaxed) {
                        std::hint::black_box(0);
                    }
                };
                thread.spawn_scoped(scope, work).unwrap();
            }
            let enough = (0..60).any(|_| {
                std::thread::sleep(Duration::from_millis(500));
                let now = read(&mut sensors, Instant::now());
                now["cpu-percent"] <= 0.7 * asked && now["cpu-wanted-percent"] > 0.8 * asked
            });
            ended.store(true, Ordering::Relaxed);
            enough
        });
        assert!(enough, "they want {asked} %");
    }

    #[test]
    fn cpu_use_is_averaged_over_a_window() {
        let mut sensors = ProcessSensors::new().unwrap();
        let start = Instant::now();
        assert!(!read(&mut sensors, start).contains_key("cpu-percent"));
        let mut value = 1_u64;
        while start.elapsed() < Duration::from_millis(300) {
            value = std::hint::black_box(value.wrapping_mul(3));
        }
        let percent = read(&mut sensors, Instant::now())["cpu-percent"];
        assert!(percent > 5.0, "{percent}");
    }
}

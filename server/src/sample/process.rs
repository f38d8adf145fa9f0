//! Figures of this process and its host, from the kernel.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use super::quota::Quota;
use super::sockets::Sockets;
use crate::heal::Facts;
use crate::work::BACKGROUND_THREAD;
use procfs::FromRead;
use procfs::process::Process;
use sysinfo::{Pid, ProcessRefreshKind, ProcessesToUpdate, System};

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
    /// The shortest time over which it is averaged.
    cpu_window: Duration,
    /// What is known of each thread, and as of when.
    threads: HashMap<i32, Thread>,
    delays_at: Option<Instant>,
    quota: Quota,
    sockets: Sockets,
}

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
            cpu_window: Duration::from_secs_f64(Facts::default().get("cpu-window-ms") / 1000.0),
            threads: HashMap::new(),
            quota: Quota::new(),
            delays_at: None,
            sockets: Sockets::default(),
        })
    }

    /// Sets the shortest time over which CPU use is averaged.
    pub(super) fn set_cpu_window(&mut self, window: Duration) {
        self.cpu_window = window;
    }

    /// Reads what takes long, shortly before a sample is due.
    pub(super) fn look_ahead(&mut self, now: Instant) {
        if let Ok(own) = Process::myself() {
            self.sockets.look_ahead(&own, now);
        }
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
            self.sockets.read(&own, now, put);
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
        if elapsed >= self.cpu_window {
            let used = used_ms.saturating_sub(used_before) as f64;
            self.cpu_percent = Some(used / (elapsed.as_secs_f64() * 1000.0) * 100.0);
            self.cpu_since = Some((now, used_ms));
        }
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
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::time::{Duration, Instant};

    use super::{BACKGROUND_THREAD, ProcessSensors};

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

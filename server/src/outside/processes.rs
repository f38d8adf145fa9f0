//! Processes to watch: finding them, their figures, and signals to them.

use std::collections::BTreeMap;
use std::io::Read;
use std::path::Path;
use std::time::Instant;

use procfs::Current;
use procfs::process::Process;
use rustix::io::Errno;
use rustix::process::{Pid, PidfdFlags, Signal, pidfd_open, pidfd_send_signal};

use super::config::Watch;

const MIB: f64 = 1_048_576.0;

/// Bytes of a pid file that are read.
const PID_FILE_MAX: u64 = 64;

/// The watched processes.
pub(super) struct Processes {
    watched: Vec<Watched>,
}

struct Watched {
    watch: Watch,
    /// The process as it was found last: its number and when the kernel started it,
    /// which together name it for good.
    found: Option<(i32, u64)>,
    /// CPU seconds it had used, and when.
    used: Option<(Instant, f64)>,
}

/// A signal by its name in the configuration.
pub(super) fn signal_of(name: &str) -> Option<Signal> {
    Some(match name {
        "TERM" => Signal::TERM,
        "KILL" => Signal::KILL,
        "INT" => Signal::INT,
        "HUP" => Signal::HUP,
        "USR1" => Signal::USR1,
        "USR2" => Signal::USR2,
        "STOP" => Signal::STOP,
        "CONT" => Signal::CONT,
        _ => return None,
    })
}

impl Processes {
    pub(super) fn new(watches: Vec<Watch>) -> Processes {
        Processes {
            watched: watches
                .into_iter()
                .map(|watch| Watched {
                    watch,
                    found: None,
                    used: None,
                })
                .collect(),
        }
    }

    /// Puts the figures of each process into `metrics`.
    pub(super) fn read(&mut self, now: Instant, metrics: &mut BTreeMap<String, f64>) {
        for watched in &mut self.watched {
            watched.read(now, metrics);
        }
    }

    /// Sends a signal to the process that was looked at last under this name, and to no
    /// other that has got its number since.
    pub(super) fn signal(&self, name: &str, signal: &str) -> Result<String, String> {
        let number = signal_of(signal).ok_or_else(|| format!("there is no signal {signal}"))?;
        let found = self
            .watched
            .iter()
            .find(|watched| watched.watch.name == name)
            .and_then(|watched| watched.found);
        let Some((pid, started)) = found else {
            return Err(format!("{name} does not run"));
        };
        let gone = |error: &dyn std::fmt::Display| format!("{name} ({pid}) is gone: {error}");
        let handle = Pid::from_raw(pid)
            .ok_or_else(|| format!("{pid} is no process"))
            .and_then(|pid| pidfd_open(pid, PidfdFlags::empty()).map_err(|error| gone(&error)))?;
        // The handle holds on to one process; this says that it is the right one.
        let stat = Process::new(pid).and_then(|process| process.stat());
        match stat {
            Ok(stat) if stat.starttime == started => {}
            Ok(_) => return Err(gone(&"another process has its number")),
            Err(error) => return Err(gone(&error)),
        }
        pidfd_send_signal(handle, number).map_err(|error| match error {
            Errno::SRCH => gone(&error),
            _ => format!("{signal} cannot be sent to {name} ({pid}): {error}"),
        })?;
        Ok(format!("sent {signal} to {name} ({pid})"))
    }
}

impl Watched {
    fn read(&mut self, now: Instant, metrics: &mut BTreeMap<String, f64>) {
        let name = self.watch.name.clone();
        let mut put = |metric: &str, value: f64| {
            metrics.insert(format!("{name}.{metric}"), (value * 100.0).round() / 100.0);
        };
        let Some(process) = self.find() else {
            self.found = None;
            self.used = None;
            put("down", 1.0);
            return;
        };
        // It may end between finding and looking: then it is down.
        let (Ok(stat), Ok(memory)) = (process.stat(), process.statm()) else {
            self.found = None;
            put("down", 1.0);
            return;
        };
        if matches!(stat.state, 'Z' | 'X') {
            self.found = None;
            put("down", 1.0);
            return;
        }
        if self.found != Some((stat.pid, stat.starttime)) {
            self.found = Some((stat.pid, stat.starttime));
            self.used = None;
        }
        put("down", 0.0);
        put(
            "memory-mb",
            (memory.resident * procfs::page_size()) as f64 / MIB,
        );
        put("threads", stat.num_threads as f64);
        if let Ok(files) = process.fd_count() {
            put("open-files", files as f64);
        }
        let ticks = procfs::ticks_per_second() as f64;
        if let Ok(uptime) = procfs::Uptime::current() {
            put(
                "age-s",
                (uptime.uptime - stat.starttime as f64 / ticks).max(0.0),
            );
        }
        let used = (stat.utime + stat.stime) as f64 / ticks;
        match self.used {
            Some((at, before)) => {
                let elapsed = now.saturating_duration_since(at).as_secs_f64();
                if elapsed >= 0.2 {
                    put("cpu-percent", (used - before) / elapsed * 100.0);
                    self.used = Some((now, used));
                }
            }
            None => self.used = Some((now, used)),
        }
    }

    fn find(&self) -> Option<Process> {
        if let Some(path) = &self.watch.pid_file {
            return Process::new(pid_of(path)?).ok();
        }
        let wanted = self.watch.process.as_deref()?;
        // The one that was found last, as long as it lives.
        if let Some((pid, started)) = self.found
            && let Ok(process) = Process::new(pid)
            && process.stat().is_ok_and(|stat| stat.starttime == started)
        {
            return Some(process);
        }
        procfs::process::all_processes()
            .ok()?
            .flatten()
            .filter(|process| is_named(process, wanted))
            .min_by_key(|process| process.stat().map_or(u64::MAX, |stat| stat.starttime))
    }
}

/// The number in a pid file. What is no file would have the loop wait for its writer.
fn pid_of(path: &Path) -> Option<i32> {
    if !std::fs::metadata(path).ok()?.is_file() {
        return None;
    }
    let mut text = String::new();
    let file = std::fs::File::open(path).ok()?;
    file.take(PID_FILE_MAX).read_to_string(&mut text).ok()?;
    text.trim().parse().ok().filter(|pid| *pid > 0)
}

/// Whether the process is called so: by the kernel, which keeps 15 bytes, or by its
/// executable.
fn is_named(process: &Process, wanted: &str) -> bool {
    if process.stat().is_ok_and(|stat| stat.comm == wanted) {
        return true;
    }
    process
        .exe()
        .ok()
        .as_deref()
        .and_then(Path::file_name)
        .is_some_and(|name| name == wanted)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::process::Command;
    use std::time::Instant;

    use super::{Processes, Watch};

    #[test]
    fn who_has_got_the_number_of_another_is_sent_nothing() {
        let mut child = Command::new("sleep").arg("600").spawn().unwrap();
        let directory = tempfile::tempdir().unwrap();
        let pid_file = directory.path().join("pid");
        std::fs::write(&pid_file, child.id().to_string()).unwrap();
        let mut processes = Processes::new(vec![Watch {
            name: "service".to_owned(),
            pid_file: Some(pid_file),
            process: None,
        }]);
        processes.read(Instant::now(), &mut BTreeMap::new());
        // As if the one that was found had begun before, and ended since.
        let found = processes.watched[0].found.as_mut().unwrap();
        found.1 -= 1;
        let said = processes.signal("service", "KILL").unwrap_err();
        assert!(said.contains("another process has its number"), "{said}");
        assert!(child.try_wait().unwrap().is_none());
        processes.read(Instant::now(), &mut BTreeMap::new());
        processes.signal("service", "KILL").unwrap();
        child.wait().unwrap();
    }
}

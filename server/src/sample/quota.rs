//! What a control group's quota keeps this process from: a process that may not run is
//! overloaded, however little CPU it uses.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

const ROOT: &str = "/sys/fs/cgroup";

/// The control group's `cpu.stat`, if it has a quota's figures.
pub(super) struct Quota {
    file: Option<PathBuf>,
    before: Option<(Instant, Duration)>,
    percent: Option<f64>,
}

impl Quota {
    /// Finds the file of this process's control group, of either version.
    pub(super) fn new() -> Quota {
        let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
        let file = candidates(&groups).into_iter().find(|path| {
            std::fs::read_to_string(path).is_ok_and(|text| throttled(&text).is_some())
        });
        Quota {
            file,
            before: None,
            percent: None,
        }
    }

    /// The time for which the group's threads were kept from running by its quota, in
    /// percent of the time since the last look; over 100 if several were at once. `None`
    /// where there is no such figure.
    pub(super) fn percent(&mut self, now: Instant) -> Option<f64> {
        let text = std::fs::read_to_string(self.file.as_ref()?).ok()?;
        let total = throttled(&text)?;
        if let Some((at, before)) = self.before {
            let elapsed = now.saturating_duration_since(at).as_secs_f64();
            if elapsed > 0.0 {
                let kept = total.saturating_sub(before).as_secs_f64();
                self.percent = Some(kept / elapsed * 100.0);
            }
        }
        self.before = Some((now, total));
        self.percent
    }
}

/// Where the figures may be, by the lines of `/proc/self/cgroup`: in the group's own
/// folder, or at the root, where a container sees its own group.
fn candidates(groups: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for line in groups.lines() {
        let mut parts = line.splitn(3, ':').skip(1);
        let (Some(controllers), Some(path)) = (parts.next(), parts.next()) else {
            continue;
        };
        let mounts: &[&str] = if controllers.is_empty() {
            &["", "unified"]
        } else if controllers.split(',').any(|one| one == "cpu") {
            &["cpu", "cpu,cpuacct"]
        } else {
            continue;
        };
        for mount in mounts {
            let root = Path::new(ROOT).join(mount);
            found.push(root.join(path.trim_start_matches('/')).join("cpu.stat"));
            found.push(root.join("cpu.stat"));
        }
    }
    found
}

/// `throttled_usec` of version 2, `throttled_time` in nanoseconds of version 1.
fn throttled(text: &str) -> Option<Duration> {
    text.lines().find_map(|line| {
        let (name, value) = line.split_once(' ')?;
        let value: u64 = value.trim().parse().ok()?;
        match name {
            "throttled_usec" => Some(Duration::from_micros(value)),
            "throttled_time" => Some(Duration::from_nanos(value)),
            _ => None,
        }
    })
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{Quota, candidates, throttled};

    #[test]
    fn both_versions_are_read() {
        let second = "usage_usec 9\nnr_throttled 2\nthrottled_usec 1500\n";
        assert_eq!(throttled(second), Some(Duration::from_micros(1500)));
        let first = "nr_periods 3\nnr_throttled 1\nthrottled_time 2000000\n";
        assert_eq!(throttled(first), Some(Duration::from_millis(2)));
        assert_eq!(throttled("usage_usec 9\n"), None);
    }

    #[test]
    fn the_group_is_looked_for_where_it_may_be() {
        let found = candidates("5:cpu,cpuacct:/a/b\n4:memory:/m\n0::/a.slice\n");
        let found: Vec<String> = found.iter().map(|one| one.display().to_string()).collect();
        assert_eq!(
            found,
            [
                "/sys/fs/cgroup/cpu/a/b/cpu.stat",
                "/sys/fs/cgroup/cpu/cpu.stat",
                "/sys/fs/cgroup/cpu,cpuacct/a/b/cpu.stat",
                "/sys/fs/cgroup/cpu,cpuacct/cpu.stat",
                "/sys/fs/cgroup/a.slice/cpu.stat",
                "/sys/fs/cgroup/cpu.stat",
                "/sys/fs/cgroup/unified/a.slice/cpu.stat",
                "/sys/fs/cgroup/unified/cpu.stat",
            ]
        );
    }

    #[test]
    fn it_is_the_share_of_the_time_that_passed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("cpu.stat");
        let mut quota = Quota {
            file: Some(file.clone()),
            before: None,
            percent: None,
        };
        let start = Instant::now();
        std::fs::write(&file, "throttled_usec 1000000\n").unwrap();
        assert_eq!(quota.percent(start), None);
        std::fs::write(&file, "throttled_usec 1500000\n").unwrap();
        assert_eq!(quota.percent(start + Duration::from_secs(2)), Some(25.0));
    }
}

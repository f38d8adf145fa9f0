//! What the kernel's files say of memory, read as they are: a run that asks nothing else of a
//! process needs no more code for it resident.

use std::fs::read_to_string;

/// What the process holds, in bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Held {
    pub(super) resident: u64,
    pub(super) addresses: u64,
}

/// What the process holds now; `None` where `/proc` is not to be read.
pub(super) fn held() -> Option<Held> {
    let page = procfs::page_size();
    let (addresses, resident) = pages(&read_to_string("/proc/self/statm").ok()?)?;
    Some(Held {
        resident: resident * page,
        addresses: addresses * page,
    })
}

/// Bytes that may still be had, of the machine or of the group that the process is in, whose
/// figures stand at the root where a container sees its own. `u64::MAX` where nothing tells.
pub(super) fn available() -> u64 {
    let machine = read_to_string("/proc/meminfo").ok();
    let machine = machine.and_then(|text| available_of_machine(&text));
    let groups = [
        ("memory.max", "memory.current"),
        (
            "memory/memory.limit_in_bytes",
            "memory/memory.usage_in_bytes",
        ),
    ];
    let group = groups
        .into_iter()
        .find_map(|(limit, used)| Some(number(limit)?.saturating_sub(number(used)?)));
    match machine.unwrap_or(u64::MAX).min(group.unwrap_or(u64::MAX)) {
        0 => u64::MAX,
        bytes => bytes,
    }
}

/// The one number in a file of the group; `None` also for `max`, which bounds nothing.
fn number(file: &str) -> Option<u64> {
    let text = read_to_string(format!("/sys/fs/cgroup/{file}")).ok()?;
    text.trim().parse().ok()
}

/// Pages of addresses and pages resident, by `/proc/self/statm`.
fn pages(statm: &str) -> Option<(u64, u64)> {
    let mut numbers = statm.split_whitespace().map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
}

/// `MemAvailable` in bytes, by `/proc/meminfo`.
fn available_of_machine(meminfo: &str) -> Option<u64> {
    let mut lines = meminfo.lines();
    let value = lines.find_map(|line| line.strip_prefix("MemAvailable:"))?;
    let kib: u64 = value.trim().strip_suffix(" kB")?.parse().ok()?;
    Some(kib.saturating_mul(1024))
}

#[cfg(test)]
mod tests {
    use super::{available_of_machine, held, pages};

    #[test]
    fn the_kernels_figures_are_read() {
        let meminfo = "MemTotal:       24689660 kB\nMemAvailable:   2048 kB\nBuffers: 1 kB\n";
        assert_eq!(available_of_machine(meminfo), Some(2 << 20));
        assert_eq!(available_of_machine("MemTotal: 1 kB\n"), None);
        assert_eq!(pages("1500 700 300 1 0 90 0\n"), Some((1500, 700)));
        assert_eq!(pages("1500"), None);
    }

    #[test]
    fn a_process_holds_something() {
        let held = held().expect("there is /proc");
        assert!(
            0 < held.resident && held.resident <= held.addresses,
            "{held:?}"
        );
    }
}

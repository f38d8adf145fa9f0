//! How much memory a program may take: half of what the machine, its group and
//! `ulimit -v` have to give, so that endless growth ends with an error and not with the
//! process, or the machine.

use std::sync::Mutex;
use std::time::{Duration, Instant};

use chimera::Budget;
use procfs::process::Process;

/// Time between two looks at what the process holds. What grows in it is little beside
/// what is kept free.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a program may take, as seen when it began.
#[derive(Clone, Copy, Debug)]
pub(super) struct Room {
    /// Bytes for stacks, bindings and results.
    evaluation: usize,
    /// Bytes of pages in use, and of addresses in use, which the process stays below.
    resident_max: u64,
    addresses_max: u64,
}

impl Room {
    /// What there is now. Where nothing is known of memory, nothing is bounded.
    pub(super) fn now() -> Room {
        let address_space = rustix::process::getrlimit(rustix::process::Resource::As)
            .current
            .unwrap_or(u64::MAX);
        let available = available();
        let held = held().unwrap_or_default();
        // Stacks double where they grow, and are held twice while they do.
        let evaluation = (available / 2).min(address_space / 4);
        Room {
            evaluation: usize::try_from(evaluation).unwrap_or(usize::MAX),
            resident_max: held.resident.saturating_add(available / 2),
            addresses_max: address_space / 2,
        }
    }

    /// A budget that ends where the room does.
    pub(super) fn budget(self) -> Budget {
        let looked = Mutex::new(Looked {
            at: Instant::now(),
            full: self.is_full(),
        });
        Budget::default().bytes(self.evaluation).room(move || {
            let mut looked = looked.lock().expect("looking does not panic");
            if looked.at.elapsed() >= LOOK_EVERY {
                looked.full = self.is_full();
                looked.at = Instant::now();
            }
            !looked.full
        })
    }

    /// What is to be said of a program that took all of it.
    pub(super) fn help(self) -> String {
        let mib = |bytes: u64| bytes >> 20;
        if self.addresses_max < self.resident_max {
            format!(
                "a program may take half of the {} MiB of addresses that `ulimit -v` allows, \
                 {} MiB; raise that limit, or keep fewer atoms in spaces",
                mib(self.addresses_max.saturating_mul(2)),
                mib(self.addresses_max)
            )
        } else {
            format!(
                "a program may take half of the memory that was free when it began, up to {} MiB \
                 in all; free some, or keep fewer atoms in spaces",
                mib(self.resident_max)
            )
        }
    }

    fn is_full(self) -> bool {
        held().is_some_and(|held| {
            held.resident > self.resident_max || held.addresses > self.addresses_max
        })
    }
}

struct Looked {
    at: Instant,
    full: bool,
}

/// What the process holds, in bytes.
#[derive(Clone, Copy, Debug, Default)]
struct Held {
    resident: u64,
    addresses: u64,
}

fn held() -> Option<Held> {
    let pages = Process::myself().ok()?.statm().ok()?;
    let page = procfs::page_size();
    Some(Held {
        resident: pages.resident * page,
        addresses: pages.size * page,
    })
}

/// Bytes that may still be had, of the machine or of the group that the process is in.
fn available() -> u64 {
    let Ok(mut system) = sysinfo::System::new() else {
        return u64::MAX;
    };
    system.refresh_memory();
    let machine = system.available_memory();
    let group = system.cgroup_limits().map(|group| group.free_memory);
    match machine.min(group.unwrap_or(u64::MAX)) {
        0 => u64::MAX,
        bytes => bytes,
    }
}

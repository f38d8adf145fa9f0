//! How much memory a directive may take: half of what the machine, its group and
//! `ulimit -v` have to give, so that endless growth ends with an error and not with the
//! process, or the machine.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use chimera::Budget;
use procfs::process::Process;

/// Time between two looks at what the process holds. What grows in it is little beside
/// what is kept free.
const LOOK_EVERY: Duration = Duration::from_millis(2);

/// What a program may take.
pub(super) struct Room {
    /// Bytes for stacks, bindings and results.
    evaluation: usize,
    resident: Share,
    addresses: Share,
    looked: Arc<Mutex<Looked>>,
}

/// Something that there is so much of, in bytes.
#[derive(Clone, Copy, Debug)]
struct Share {
    /// All of it.
    limit: u64,
    /// What may always be taken.
    half: u64,
}

impl Share {
    /// What a directive may take it to that begins when so much is held.
    fn bound(self, held: u64) -> u64 {
        let left = self.limit.saturating_sub(held);
        self.half.max(held.saturating_add(left / 2))
    }
}

/// What was seen last.
struct Looked {
    at: Instant,
    full: bool,
    /// What was held when the directive began; `None` until it asks.
    began: Option<Held>,
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
            resident: Share {
                limit: held.resident.saturating_add(available),
                half: held.resident.saturating_add(available / 2),
            },
            addresses: Share {
                limit: address_space,
                half: address_space / 2,
            },
            looked: Arc::new(Mutex::new(Looked {
                at: Instant::now(),
                full: false,
                began: None,
            })),
        }
    }

    /// The budget, ending where the room does.
    pub(super) fn bound(&self, budget: Budget) -> Budget {
        let looked = Arc::clone(&self.looked);
        let (resident, addresses) = (self.resident, self.addresses);
        budget.bytes_at_most(self.evaluation).room(move || {
            let mut looked = looked.lock().expect("looking does not panic");
            if looked.began.is_none() || looked.at.elapsed() >= LOOK_EVERY {
                let Some(held) = held() else {
                    return true;
                };
                let began = *looked.began.get_or_insert(held);
                looked.full = held.resident > resident.bound(began.resident)
                    || held.addresses > addresses.bound(began.addresses);
                looked.at = Instant::now();
            }
            !looked.full
        })
    }

    /// Says that another directive begins next.
    pub(super) fn directive_done(&self) {
        let mut looked = self.looked.lock().expect("looking does not panic");
        looked.began = None;
    }

    /// Why reading a text of so many bytes into trees, for which `factor` times as many are
    /// taken, is not even begun; `None` if there is room.
    pub(super) fn lacks(&self, bytes: usize, factor: u64) -> Option<String> {
        let wanted = (bytes as u64).saturating_mul(factor);
        let held = held()?;
        let left = (self.addresses.limit.saturating_sub(held.addresses))
            .min(self.resident.limit.saturating_sub(held.resident));
        (wanted > left).then(|| {
            format!(
                "no room: a text of {} takes about {}, and {} are left; raise the limit, or cut \
                 the file into several",
                mib(bytes as u64),
                mib(wanted),
                mib(left)
            )
        })
    }

    /// What is to be said of a directive that took all of it.
    pub(super) fn help(&self) -> String {
        let held = held().unwrap_or_default();
        let (holds, of) = if self.addresses.limit < self.resident.limit {
            let limit = mib(self.addresses.limit);
            let of = format!("{limit} of addresses that `ulimit -v` allows");
            (held.addresses, of)
        } else {
            let limit = mib(self.resident.limit);
            (held.resident, format!("{limit} that it may have"))
        };
        format!(
            "the process holds {} of the {of}, and a directive or a text takes half of what is \
             left at most; raise the limit, or keep fewer atoms in spaces",
            mib(holds)
        )
    }
}

fn mib(bytes: u64) -> String {
    format!("{} MiB", bytes >> 20)
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

#[cfg(test)]
mod tests {
    use super::Share;

    #[test]
    fn a_directive_may_take_half_of_what_is_left_and_half_of_all_in_any_case() {
        let share = Share {
            limit: 1000,
            half: 500,
        };
        assert_eq!(share.bound(0), 500);
        assert_eq!(share.bound(100), 550);
        assert_eq!(share.bound(800), 900);
        assert_eq!(share.bound(2000), 2000);
    }
}

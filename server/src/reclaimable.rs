//! What holds memory that this process can do without: by name, with the bytes that it
//! holds, to be brought down to a level. Nothing is reclaimed but by an action.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, MutexGuard};

use crate::work::Ratio;

const MIB: f64 = 1_048_576.0;
/// Accounted and measured bytes may differ by so many MiB, or by this share.
const AGREE_MIB: f64 = 8.0;
const AGREE_SHARE: f64 = 0.25;

/// One such holder.
pub trait Reclaimable: Send + Sync {
    /// The name that rules call it by.
    fn name(&self) -> &'static str;

    /// Bytes that it holds now, as it accounts them.
    fn held_bytes(&self) -> usize;

    /// Waits until nothing is being added to it, and keeps that off as long as what is
    /// returned is kept; for a resource whose filling takes long.
    fn hold_still(&self) -> Option<MutexGuard<'_, ()>> {
        None
    }

    /// Gives back what it holds beyond `level` bytes, the least worth first; returns
    /// the bytes given back, as it accounts them. Blocks while memory is freed.
    ///
    /// # Errors
    /// What went wrong, in words.
    fn reclaim_to(&self, level: usize) -> Result<usize, String>;
}

/// All of them. Clones are the same.
#[derive(Clone, Default)]
pub struct Registry(Arc<Vec<Entry>>);

struct Entry {
    resource: Box<dyn Reclaimable>,
    calls: AtomicU64,
    reclaimed: AtomicU64,
}

/// What is known of one.
#[derive(Clone, Debug, PartialEq)]
pub struct Held {
    /// Its name.
    pub name: &'static str,
    /// Bytes that it holds now.
    pub held_bytes: usize,
    /// How often it was reclaimed from since the start.
    pub calls: u64,
    /// Bytes that it gave back since the start, as it accounted them.
    pub reclaimed_bytes: u64,
}

impl Registry {
    /// A registry of these.
    pub fn new(resources: Vec<Box<dyn Reclaimable>>) -> Registry {
        let entry = |resource| Entry {
            resource,
            calls: AtomicU64::new(0),
            reclaimed: AtomicU64::new(0),
        };
        Registry(Arc::new(resources.into_iter().map(entry).collect()))
    }

    /// What each holds now.
    pub fn readings(&self) -> Vec<Held> {
        self.0
            .iter()
            .map(|entry| Held {
                name: entry.resource.name(),
                held_bytes: entry.resource.held_bytes(),
                calls: entry.calls.load(Ordering::Relaxed),
                reclaimed_bytes: entry.reclaimed.load(Ordering::Relaxed),
            })
            .collect()
    }

    /// Has the one of this name give back the share of what it holds, returns the pages
    /// to the system, and says in words what that came to: bytes as accounted, and
    /// resident memory as measured.
    ///
    /// # Errors
    /// If there is none of this name, or what went wrong.
    pub fn reclaim(&self, name: &str, share: Ratio) -> Result<String, String> {
        let entry = self.0.iter().find(|entry| entry.resource.name() == name);
        let entry = entry.ok_or_else(|| {
            let known: Vec<&str> = self.0.iter().map(|one| one.resource.name()).collect();
            format!(
                "nothing reclaimable is called {name}; there are {}",
                known.join(", ")
            )
        })?;
        // What is told and given back is of what it holds once it can be reclaimed from.
        let _still = entry.resource.hold_still();
        let before = crate::sample::rss_mb();
        let held = entry.resource.held_bytes();
        let level = (held as f64 * (1.0 - share.get())).floor() as usize;
        let given = entry.resource.reclaim_to(level)?;
        chimera_reclaim::release_free_memory().map_err(|error| error.to_string())?;
        entry.calls.fetch_add(1, Ordering::Relaxed);
        entry.reclaimed.fetch_add(given as u64, Ordering::Relaxed);
        Ok(report(name, held, given, before, crate::sample::rss_mb()))
    }
}

fn report(
    name: &str,
    held: usize,
    given: usize,
    before: Option<f64>,
    after: Option<f64>,
) -> String {
    let accounted = given as f64 / MIB;
    let held = held as f64 / MIB;
    let said = format!("{name} gave back {accounted:.1} of {held:.1} MiB as accounted");
    let (Some(before), Some(after)) = (before, after) else {
        return format!("{said}; resident memory is not known");
    };
    let measured = before - after;
    let mut text = format!("{said}; resident memory went from {before:.1} to {after:.1} MiB");
    let apart = (accounted - measured).abs();
    if apart > AGREE_MIB.max(AGREE_SHARE * accounted.abs()) {
        text += &format!("; the two differ by {apart:.1} MiB");
    }
    text
}

/// Pages that the allocator keeps and that hold nothing live.
pub struct FreePages;

impl Reclaimable for FreePages {
    fn name(&self) -> &'static str {
        "allocator"
    }

    /// As of the last sample.
    fn held_bytes(&self) -> usize {
        let free = chimera_reclaim::free_bytes().unwrap_or(0);
        usize::try_from(free).unwrap_or(usize::MAX)
    }

    /// All of it: the allocator returns its pages as a whole.
    fn reclaim_to(&self, _: usize) -> Result<usize, String> {
        let now = || {
            // The allocator's figures are counted anew by this.
            chimera_reclaim::allocated_bytes();
            self.held_bytes()
        };
        let before = now();
        chimera_reclaim::release_free_memory().map_err(|error| error.to_string())?;
        Ok(before.saturating_sub(now()))
    }
}

#[cfg(test)]
mod tests {
    use std::sync::{Arc, Mutex, MutexGuard};

    use super::{MIB, Reclaimable, Registry, report};
    use crate::work::Ratio;

    #[derive(Clone)]
    struct Pile(Arc<Mutex<usize>>);

    impl Reclaimable for Pile {
        fn name(&self) -> &'static str {
            "pile"
        }

        fn held_bytes(&self) -> usize {
            *self.0.lock().unwrap()
        }

        fn reclaim_to(&self, level: usize) -> Result<usize, String> {
            let mut held = self.0.lock().unwrap();
            let given = held.saturating_sub(level);
            *held -= given;
            Ok(given)
        }
    }

    #[test]
    fn a_share_of_what_is_held_is_given_back_and_counted() {
        let pile = Pile(Arc::new(Mutex::new(1000)));
        let registry = Registry::new(vec![Box::new(pile.clone())]);
        registry.reclaim("pile", Ratio::new(0.25).unwrap()).unwrap();
        assert_eq!(pile.held_bytes(), 750);
        registry.reclaim("pile", Ratio::FULL).unwrap();
        let held = &registry.readings()[0];
        assert_eq!(
            (held.held_bytes, held.calls, held.reclaimed_bytes),
            (0, 2, 1000)
        );
        let unknown = registry.reclaim("heap", Ratio::FULL).unwrap_err();
        assert_eq!(
            unknown,
            "nothing reclaimable is called heap; there are pile"
        );
    }

    /// Holds more once nothing is being added to it.
    struct Filling(Pile, Mutex<()>);

    impl Reclaimable for Filling {
        fn name(&self) -> &'static str {
            "filling"
        }

        fn held_bytes(&self) -> usize {
            self.0.held_bytes()
        }

        fn hold_still(&self) -> Option<MutexGuard<'_, ()>> {
            *self.0.0.lock().unwrap() += 9000;
            Some(self.1.lock().unwrap())
        }

        fn reclaim_to(&self, level: usize) -> Result<usize, String> {
            self.0.reclaim_to(level)
        }
    }

    #[test]
    fn a_share_is_of_what_is_there_once_it_is_held_still() {
        let pile = Pile(Arc::new(Mutex::new(1000)));
        let filling = Filling(pile.clone(), Mutex::new(()));
        let registry = Registry::new(vec![Box::new(filling)]);
        registry
            .reclaim("filling", Ratio::new(0.25).unwrap())
            .unwrap();
        assert_eq!(pile.held_bytes(), 7500);
    }

    #[test]
    fn accounted_and_measured_bytes_are_both_told_and_compared() {
        let mib = MIB as usize;
        assert_eq!(
            report("pile", 200 * mib, 100 * mib, Some(300.0), Some(201.0)),
            "pile gave back 100.0 of 200.0 MiB as accounted; resident memory went from 300.0 to 201.0 MiB"
        );
        let apart = report("pile", 200 * mib, 100 * mib, Some(300.0), Some(290.0));
        assert!(apart.ends_with("the two differ by 90.0 MiB"), "{apart}");
    }
}

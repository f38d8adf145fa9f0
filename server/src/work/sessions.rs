//! The session cache: entries stay until somebody evicts them, which is the
//! commonest way in which a service leaks. The memory demo fills it.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, SystemTime};

use super::Ratio;
use crate::reclaimable::Reclaimable;

const MIB: usize = 1024 * 1024;

/// A cache of sessions that nothing evicts but healing and reset. Clones are
/// the same cache.
#[derive(Clone)]
pub struct Sessions {
    cache: Arc<Mutex<Cache>>,
    /// Held while sessions are filled or evicted: what a fill measures is its own.
    busy: Arc<Mutex<()>>,
    limit_bytes: usize,
}

/// What a fill took.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Filled {
    /// The process's resident MiB before it.
    pub before_mib: Option<f64>,
    /// The same when all pages were written and nothing had evicted them yet.
    pub after_mib: Option<f64>,
}

#[derive(Default)]
struct Cache {
    /// Oldest first.
    entries: VecDeque<Session>,
    /// Bytes of the entries, and of those that are being filled.
    reserved_bytes: usize,
    held_bytes: usize,
}

struct Session {
    payload: Vec<u8>,
    created: SystemTime,
}

/// Why the cache was not filled.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FillError {
    /// It would hold more than it may.
    #[error(
        "the cache holds {held_mib} MiB and may hold {limit_mib} MiB in all; {asked_mib} MiB more do not fit"
    )]
    OverLimit {
        /// What it holds now, fills under way included.
        held_mib: usize,
        /// What was asked for.
        asked_mib: usize,
        /// What it may hold.
        limit_mib: usize,
    },
    /// The system gave no memory.
    #[error("the system gave no memory for {asked_mib} MiB")]
    NoMemory {
        /// What was asked for.
        asked_mib: usize,
    },
}

/// What an eviction took out.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Evicted {
    /// Number of sessions.
    pub entries: usize,
    /// Their bytes.
    pub bytes: usize,
}

impl Sessions {
    /// An empty cache that may hold `limit_mib` MiB.
    pub fn new(limit_mib: usize) -> Sessions {
        Sessions {
            cache: Arc::default(),
            busy: Arc::default(),
            limit_bytes: limit_mib.saturating_mul(MIB),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Cache> {
        self.cache
            .lock()
            .expect("no panic while the cache is locked")
    }

    fn busy(&self) -> MutexGuard<'_, ()> {
        self.busy.lock().expect("no panic while sessions are made")
    }

    /// Adds `count` sessions of `mib_each` MiB, every page written to, on a
    /// thread for blocking work.
    ///
    /// # Errors
    /// If they do not fit, or the system has no memory; then none is added.
    pub async fn fill(&self, mib_each: usize, count: usize) -> Result<Filled, FillError> {
        let asked_mib = mib_each.saturating_mul(count);
        let asked = asked_mib.saturating_mul(MIB);
        {
            let mut cache = self.lock();
            if asked > self.limit_bytes.saturating_sub(cache.reserved_bytes) {
                return Err(FillError::OverLimit {
                    held_mib: cache.reserved_bytes / MIB,
                    asked_mib,
                    limit_mib: self.limit_bytes / MIB,
                });
            }
            cache.reserved_bytes += asked;
        }
        let sessions = self.clone();
        tokio::task::spawn_blocking(move || sessions.fill_reserved(mib_each, count, asked))
            .await
            .unwrap_or(Err(FillError::NoMemory { asked_mib }))
    }

    fn fill_reserved(
        &self,
        mib_each: usize,
        count: usize,
        reserved: usize,
    ) -> Result<Filled, FillError> {
        let _busy = self.busy();
        let before_mib = crate::sample::rss_mb();
        let mut fresh = VecDeque::with_capacity(count);
        for index in 0..count {
            let mut payload = Vec::new();
            if payload.try_reserve_exact(mib_each * MIB).is_err() {
                self.lock().reserved_bytes -= reserved;
                return Err(FillError::NoMemory {
                    asked_mib: mib_each * count,
                });
            }
            // A byte that differs from entry to entry: no two pages can be merged.
            payload.resize(mib_each * MIB, (index % 255 + 1) as u8);
            fresh.push_back(Session {
                payload,
                created: SystemTime::now(),
            });
        }
        let after_mib = crate::sample::rss_mb();
        let mut cache = self.lock();
        cache.held_bytes += reserved;
        cache.entries.append(&mut fresh);
        Ok(Filled {
            before_mib,
            after_mib,
        })
    }

    /// Bytes that the sessions hold.
    pub fn held_bytes(&self) -> usize {
        self.lock().held_bytes
    }

    /// Bytes of sessions that are being made and are not yet in the cache.
    pub fn filling_bytes(&self) -> usize {
        let cache = self.lock();
        cache.reserved_bytes.saturating_sub(cache.held_bytes)
    }

    /// Number of sessions.
    pub fn entries(&self) -> usize {
        self.lock().entries.len()
    }

    /// When the oldest session was made, as Unix time.
    pub fn oldest_created(&self) -> Option<Duration> {
        let cache = self.lock();
        let created = cache.entries.front()?.created;
        created.duration_since(SystemTime::UNIX_EPOCH).ok()
    }

    /// Takes out the oldest sessions until at least `share` of what is held is
    /// gone. Blocks while their memory is freed.
    pub fn evict(&self, share: Ratio) -> Evicted {
        let _busy = self.busy();
        self.evict_still(|held| (held as f64 * share.get()).ceil() as usize)
    }

    /// Takes out the oldest until what is `wanted` of the bytes held is gone, while nothing
    /// fills them.
    fn evict_still(&self, wanted: impl FnOnce(usize) -> usize) -> Evicted {
        let mut gone = Vec::new();
        let mut evicted = Evicted::default();
        {
            let mut cache = self.lock();
            let wanted = wanted(cache.held_bytes);
            while evicted.bytes < wanted
                && let Some(session) = cache.entries.pop_front()
            {
                evicted.entries += 1;
                evicted.bytes += session.payload.len();
                gone.push(session);
            }
            cache.held_bytes -= evicted.bytes;
            cache.reserved_bytes -= evicted.bytes;
        }
        drop(gone);
        evicted
    }
}

impl Reclaimable for Sessions {
    fn name(&self) -> &'static str {
        "sessions"
    }

    fn held_bytes(&self) -> usize {
        Sessions::held_bytes(self)
    }

    /// While held still nothing is filled, also until their pages have gone back to the
    /// system: what a fill measures is its own.
    fn hold_still(&self) -> Option<MutexGuard<'_, ()>> {
        Some(self.busy())
    }

    fn reclaim_to(&self, level: usize) -> Result<usize, String> {
        Ok(self.evict_still(|held| held.saturating_sub(level)).bytes)
    }
}

#[cfg(test)]
mod tests {
    use super::{FillError, MIB, Sessions};
    use crate::work::Ratio;

    #[tokio::test]
    async fn eviction_takes_the_oldest_until_the_share_is_gone() {
        let sessions = Sessions::new(16);
        sessions.fill(1, 5).await.unwrap();
        assert_eq!(sessions.held_bytes(), 5 * MIB);
        let half = sessions.evict(Ratio::new(0.5).unwrap());
        assert_eq!((half.entries, half.bytes), (3, 3 * MIB));
        assert_eq!(sessions.entries(), 2);
        sessions.evict(Ratio::FULL);
        assert_eq!(sessions.held_bytes(), 0);
        assert_eq!(sessions.oldest_created(), None);
    }

    #[tokio::test]
    async fn what_does_not_fit_changes_nothing() {
        let sessions = Sessions::new(3);
        sessions.fill(1, 2).await.unwrap();
        let refused = sessions.fill(2, 1).await;
        assert_eq!(
            refused,
            Err(FillError::OverLimit {
                held_mib: 2,
                asked_mib: 2,
                limit_mib: 3
            })
        );
        assert_eq!(sessions.entries(), 2);
        sessions.fill(1, 1).await.unwrap();
    }
}

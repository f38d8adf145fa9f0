//! Since when each of the requests under way is so: one that waits long says, before it is
//! answered, that at least so long is what it takes.
//!
//! Each has a place in a table, taken and left without a lock. Those for which there is none
//! within a few tries are not seen, which takes more requests at once than say all there is to say.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// How many are seen at once.
const PLACES: usize = 512;
const TRIES: usize = 4;

pub(super) struct Waiting {
    since: Instant,
    next: AtomicUsize,
    /// Microseconds from `since` to a request's beginning, and one; 0 for none.
    places: Box<[AtomicU64]>,
}

impl Waiting {
    pub(super) fn new() -> Waiting {
        Waiting {
            since: Instant::now(),
            next: AtomicUsize::new(0),
            places: (0..PLACES).map(|_| AtomicU64::new(0)).collect(),
        }
    }

    fn micros(&self, now: Instant) -> u64 {
        super::micros(now.saturating_duration_since(self.since))
    }

    /// A request begins; where it stands, if it is seen.
    pub(super) fn enter(&self, now: Instant) -> Option<usize> {
        let began = self.micros(now).saturating_add(1);
        (0..TRIES).find_map(|_| {
            let place = self.next.fetch_add(1, Ordering::Relaxed) % PLACES;
            self.places[place]
                .compare_exchange(0, began, Ordering::Relaxed, Ordering::Relaxed)
                .ok()
                .map(|_| place)
        })
    }

    /// The request that stands there has ended.
    pub(super) fn leave(&self, place: usize) {
        self.places[place].store(0, Ordering::Relaxed);
    }

    /// For how long each request has been under way at `now`.
    pub(super) fn ages(&self, now: Instant) -> impl Iterator<Item = Duration> + '_ {
        let now = self.micros(now);
        self.places.iter().filter_map(move |place| {
            let began = place.load(Ordering::Relaxed).checked_sub(1)?;
            Some(Duration::from_micros(now.saturating_sub(began)))
        })
    }
}

#[cfg(test)]
mod tests {
    use std::time::{Duration, Instant};

    use super::{PLACES, Waiting};

    #[test]
    fn ages_are_those_of_the_requests_under_way() {
        let waiting = Waiting::new();
        let began = Instant::now();
        let first = waiting.enter(began).unwrap();
        let second = waiting.enter(began + Duration::from_secs(1)).unwrap();
        let at = began + Duration::from_secs(3);
        let mut ages: Vec<u64> = waiting.ages(at).map(|age| age.as_secs()).collect();
        ages.sort_unstable();
        assert_eq!(ages, [2, 3]);
        waiting.leave(first);
        assert_eq!(waiting.ages(at).count(), 1);
        waiting.leave(second);
        assert_eq!(waiting.ages(at).count(), 0);
    }

    #[test]
    fn those_beyond_the_table_are_not_seen_and_its_places_are_free_again() {
        let waiting = Waiting::new();
        let now = Instant::now();
        let places: Vec<usize> = (0..PLACES).filter_map(|_| waiting.enter(now)).collect();
        assert_eq!(places.len(), PLACES);
        assert_eq!(waiting.enter(now), None);
        for place in places {
            waiting.leave(place);
        }
        assert!(waiting.enter(now).is_some());
    }
}

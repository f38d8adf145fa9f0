//! The gate before the front: lets every request in until an action says otherwise.

use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

use crate::work::Ratio;

/// Shares are counted in so many parts.
const PARTS: u64 = 1000;

/// How much a request matters when not all can be let in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Weight {
    /// Never turned away: what shows health, and what resets.
    Vital,
    /// Turned away when there is too much.
    Ordinary,
    /// The same, and while expensive requests are off.
    Expensive,
}

/// Why a request was turned away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refused {
    /// A share of all is: answer 503.
    Shed(Duration),
    /// As many run as may: answer 429.
    Limited(Duration),
    /// It costs much: answer 503.
    Expensive(Duration),
}

/// What actions have set. By itself it turns nobody away.
#[derive(Default)]
pub struct Gate {
    /// The share that is shed, in parts.
    shed: AtomicU64,
    /// Ordinary requests so far.
    asked: AtomicU64,
    /// Those of them that came while a share was shed.
    weighed: AtomicU64,
    /// Requests at once; 0 for any number.
    limit: AtomicUsize,
    expensive_off: AtomicBool,
    /// After how many seconds a request that was turned away may come again.
    retry_after: AtomicU64,
}

impl Gate {
    /// Turns this share of the ordinary requests away.
    pub fn shed(&self, share: Ratio) {
        let parts = (share.get() * PARTS as f64).round() as u64;
        self.shed.store(parts, Ordering::Relaxed);
    }

    /// The share that is turned away.
    pub fn shed_share(&self) -> f64 {
        self.shed.load(Ordering::Relaxed) as f64 / PARTS as f64
    }

    /// Lets at most `most` requests run at once; 0 is any number.
    pub fn limit(&self, most: usize) {
        self.limit.store(most, Ordering::Relaxed);
    }

    /// How many may run at once; 0 is any number.
    pub fn request_limit(&self) -> usize {
        self.limit.load(Ordering::Relaxed)
    }

    /// Sets after how long a request that was turned away may come again.
    pub fn set_retry_after(&self, after: Duration) {
        let seconds = after.as_secs_f64().ceil() as u64;
        self.retry_after.store(seconds, Ordering::Relaxed);
    }

    fn retry_after(&self) -> Duration {
        Duration::from_secs(self.retry_after.load(Ordering::Relaxed))
    }

    /// Requests so far that could have been turned away.
    pub fn asked(&self) -> u64 {
        self.asked.load(Ordering::Relaxed)
    }

    /// Turns expensive requests away, or no longer.
    pub fn switch_expensive(&self, on: bool) {
        self.expensive_off.store(!on, Ordering::Relaxed);
    }

    /// Lets a request in, or not. `active` counts the requests under way, it included.
    ///
    /// # Errors
    /// Why it is turned away.
    pub fn admit(&self, weight: Weight, active: usize) -> Result<(), Refused> {
        if weight == Weight::Vital {
            return Ok(());
        }
        self.asked.fetch_add(1, Ordering::Relaxed);
        if weight == Weight::Expensive && self.expensive_off.load(Ordering::Relaxed) {
            return Err(Refused::Expensive(self.retry_after()));
        }
        let limit = self.request_limit();
        if limit > 0 && active > limit {
            return Err(Refused::Limited(self.retry_after()));
        }
        let shed = self.shed.load(Ordering::Relaxed);
        if shed > 0 {
            // Spread evenly: each time the sum of shares passes a whole, one is shed.
            let number = self.weighed.fetch_add(1, Ordering::Relaxed);
            let before = number.wrapping_mul(shed) / PARTS;
            if number.wrapping_add(1).wrapping_mul(shed) / PARTS != before {
                return Err(Refused::Shed(self.retry_after()));
            }
        }
        Ok(())
    }

    /// Lets everything in.
    pub fn open(&self) {
        self.shed.store(0, Ordering::Relaxed);
        self.limit(0);
        self.switch_expensive(true);
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{Gate, Refused, Weight};
    use crate::work::Ratio;

    fn turned_away(gate: &Gate, weight: Weight) -> usize {
        (0..100).filter(|_| gate.admit(weight, 1).is_err()).count()
    }

    #[test]
    fn the_share_is_turned_away_and_never_what_is_vital() {
        let gate = Gate::default();
        assert_eq!(turned_away(&gate, Weight::Ordinary), 0);
        for percent in [30_u32, 50, 90, 100] {
            gate.shed(Ratio::new(f64::from(percent) / 100.0).unwrap());
            assert_eq!(turned_away(&gate, Weight::Ordinary), percent as usize);
            assert_eq!(turned_away(&gate, Weight::Vital), 0);
        }
        gate.open();
        assert_eq!(turned_away(&gate, Weight::Ordinary), 0);
    }

    #[test]
    fn expensive_requests_can_be_off_alone() {
        let gate = Gate::default();
        assert_eq!(turned_away(&gate, Weight::Expensive), 0);
        gate.switch_expensive(false);
        assert_eq!(turned_away(&gate, Weight::Expensive), 100);
        assert_eq!(turned_away(&gate, Weight::Ordinary), 0);
    }

    #[test]
    fn the_limit_is_of_requests_at_once() {
        let gate = Gate::default();
        gate.limit(3);
        assert!(gate.admit(Weight::Ordinary, 3).is_ok());
        gate.set_retry_after(Duration::from_secs(7));
        let refused = gate.admit(Weight::Ordinary, 4);
        assert_eq!(refused, Err(Refused::Limited(Duration::from_secs(7))));
        assert!(gate.admit(Weight::Vital, 4).is_ok());
    }
}

//! What was measured, kept for people and for rules that ask about the past.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use super::series::Series;
use crate::reclaimable::Reclaimable;
use crate::status::{Keeper, Kept, Reading};

/// The readings kept, and the series by metric. Clones are the same.
#[derive(Clone)]
pub(super) struct History {
    readings: Arc<Mutex<VecDeque<Arc<Kept>>>>,
    keeper: Arc<Mutex<Keeper>>,
    series: Series,
}

impl History {
    pub(super) fn new(series: Series) -> History {
        History {
            readings: Arc::default(),
            keeper: Arc::default(),
            series,
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Kept>>> {
        self.readings
            .lock()
            .expect("no panic while readings are locked")
    }

    /// Keeps a reading, and at most `most` of them; returns it as it is kept.
    pub(super) fn push(&self, reading: &Reading, most: usize) -> Arc<Kept> {
        for (metric, value) in &reading.metrics {
            self.series.push(metric, reading.seconds, *value);
        }
        let kept = {
            let keeper = self.keeper.lock();
            let mut keeper = keeper.expect("no panic while a reading is kept");
            Arc::new(keeper.keep(reading))
        };
        let mut readings = self.lock();
        while readings.len() >= most.max(1) {
            readings.pop_front();
        }
        readings.push_back(Arc::clone(&kept));
        kept
    }

    /// The readings kept, oldest first.
    pub(super) fn readings(&self) -> Vec<Arc<Kept>> {
        self.lock().iter().cloned().collect()
    }

    pub(super) fn len(&self) -> usize {
        self.lock().len()
    }
}

impl Reclaimable for History {
    fn name(&self) -> &'static str {
        "history"
    }

    fn held_bytes(&self) -> usize {
        let readings = self.lock();
        // All readings are of about the same metrics.
        let each = readings.back().map_or(0, |newest| newest.bytes());
        each * readings.len() + self.series.bytes()
    }

    fn reclaim_to(&self, level: usize) -> Result<usize, String> {
        let held = self.held_bytes();
        let share = if held == 0 {
            1.0
        } else {
            (level as f64 / held as f64).min(1.0)
        };
        self.series.trim(share);
        {
            let mut readings = self.lock();
            let keep = (readings.len() as f64 * share).floor() as usize;
            let gone = readings.len() - keep;
            readings.drain(..gone);
            readings.shrink_to_fit();
        }
        Ok(held.saturating_sub(self.held_bytes()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::{History, Series};
    use crate::reclaimable::Reclaimable;
    use crate::status::Reading;

    #[test]
    fn history_is_brought_down_to_a_level_the_oldest_first() {
        let history = History::new(Series::default());
        for second in 0..100 {
            let reading = Reading {
                seconds: f64::from(second),
                unix: f64::from(second),
                metrics: BTreeMap::from([("a".to_owned(), 1.0)]),
            };
            history.push(&reading, 80);
        }
        assert_eq!(history.len(), 80);
        let held = history.held_bytes();
        let given = history.reclaim_to(held / 4).unwrap();
        assert!(given >= held / 2, "{given} of {held}");
        assert_eq!(history.len(), 20);
        assert_eq!(history.readings()[0].seconds, 80.0);
    }
}

//! What was measured, kept for people and for rules that ask about the past.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard};

use super::series::Series;
use crate::reclaimable::Reclaimable;
use crate::status::Reading;

/// What a metric of a reading takes beside its name: the name's and the map's own parts.
const METRIC_BYTES: usize = 56;

/// The readings kept, and the series by metric. Clones are the same.
#[derive(Clone)]
pub(super) struct History {
    readings: Arc<Mutex<VecDeque<Arc<Reading>>>>,
    series: Series,
}

fn bytes(reading: &Reading) -> usize {
    let names: usize = reading.metrics.keys().map(String::len).sum();
    size_of::<Reading>() + names + METRIC_BYTES * reading.metrics.len()
}

impl History {
    pub(super) fn new(series: Series) -> History {
        History {
            readings: Arc::default(),
            series,
        }
    }

    fn lock(&self) -> MutexGuard<'_, VecDeque<Arc<Reading>>> {
        self.readings
            .lock()
            .expect("no panic while readings are locked")
    }

    /// Keeps a reading, and at most `most` of them.
    pub(super) fn push(&self, reading: &Reading, most: usize) {
        for (metric, value) in &reading.metrics {
            self.series.push(metric, reading.seconds, *value);
        }
        let mut readings = self.lock();
        while readings.len() >= most.max(1) {
            readings.pop_front();
        }
        readings.push_back(Arc::new(reading.clone()));
    }

    /// The readings kept, oldest first.
    pub(super) fn readings(&self) -> Vec<Arc<Reading>> {
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
        let each = readings.back().map_or(0, |newest| bytes(newest));
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

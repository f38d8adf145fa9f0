//! Readings that are kept. There are many of them, of about the same metrics: names stand once,
//! and a reading is little more than its values.

use std::collections::BTreeMap;
use std::sync::Arc;

use super::Reading;

/// A reading that is kept.
#[derive(Clone, Debug)]
pub struct Kept {
    /// Seconds since the server started.
    pub seconds: f64,
    /// Unix time of the reading, in seconds.
    pub unix: f64,
    /// In order; shared with readings of the same metrics.
    names: Arc<[Box<str>]>,
    /// One for each name; NaN where there is none.
    values: Box<[f64]>,
}

impl Kept {
    /// The value of a metric.
    pub fn get(&self, metric: &str) -> Option<f64> {
        let index = self.names.binary_search_by(|name| (**name).cmp(metric));
        let value = self.values[index.ok()?];
        (!value.is_nan()).then_some(value)
    }

    /// The metrics that have a value, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&str, f64)> {
        self.names
            .iter()
            .zip(&self.values)
            .filter(|(_, value)| !value.is_nan())
            .map(|(name, value)| (&**name, *value))
    }

    /// The same as a map.
    pub fn metrics(&self) -> BTreeMap<String, f64> {
        self.iter()
            .map(|(name, value)| (name.to_owned(), value))
            .collect()
    }

    /// What it takes beside its names.
    pub fn bytes(&self) -> usize {
        size_of::<Kept>() + size_of_val(&*self.values)
    }
}

/// Makes readings that share their names.
#[derive(Debug)]
pub struct Keeper {
    names: Arc<[Box<str>]>,
}

impl Default for Keeper {
    fn default() -> Keeper {
        Keeper {
            names: Arc::new([]),
        }
    }
}

impl Keeper {
    /// The reading as it is kept.
    pub fn keep(&mut self, reading: &Reading) -> Kept {
        let metrics = &reading.metrics;
        // Names of what is measured no more go once they are as many as the others.
        if self.names.len() > 2 * metrics.len() {
            self.names = metrics.keys().map(|name| name.as_str().into()).collect();
        }
        let values = self.values(metrics).unwrap_or_else(|| {
            let mut names: Vec<Box<str>> = self.names.to_vec();
            names.extend(metrics.keys().map(|name| name.as_str().into()));
            names.sort_unstable();
            names.dedup();
            self.names = names.into();
            self.values(metrics).expect("now every metric has a name")
        });
        Kept {
            seconds: reading.seconds,
            unix: reading.unix,
            names: Arc::clone(&self.names),
            values,
        }
    }

    /// A value for each name; `None` if a metric is none of them.
    fn values(&self, metrics: &BTreeMap<String, f64>) -> Option<Box<[f64]>> {
        let mut left = metrics.iter().peekable();
        let values = self
            .names
            .iter()
            .map(|name| {
                let value = left.next_if(|(metric, _)| ***metric == **name);
                value.map_or(f64::NAN, |(_, value)| *value)
            })
            .collect();
        left.peek().is_none().then_some(values)
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::super::Reading;
    use super::Keeper;

    fn reading(metrics: &[(&str, f64)]) -> Reading {
        Reading {
            metrics: metrics
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect(),
            ..Reading::default()
        }
    }

    #[test]
    fn a_reading_is_kept_as_it_was() {
        let mut keeper = Keeper::default();
        for metrics in [
            &[("b", 1.0), ("d", 2.0)][..],
            &[("a", 3.0), ("c", 4.0), ("e", 5.0)],
            &[("c", 6.0)],
            &[],
            &[("b", 7.0), ("f", 8.0)],
        ] {
            let reading = reading(metrics);
            let kept = keeper.keep(&reading);
            assert_eq!(kept.metrics(), reading.metrics);
            for name in ["a", "b", "c", "d", "e", "f", "g"] {
                assert_eq!(kept.get(name), reading.metrics.get(name).copied(), "{name}");
            }
        }
    }

    #[test]
    fn names_stand_once_also_where_some_metrics_come_and_go() {
        let mut keeper = Keeper::default();
        let first = keeper.keep(&reading(&[("a", 1.0), ("b", 2.0)]));
        let without = keeper.keep(&reading(&[("a", 1.0)]));
        let again = keeper.keep(&reading(&[("a", 1.0), ("b", 2.0)]));
        assert!(Arc::ptr_eq(&first.names, &without.names));
        assert!(Arc::ptr_eq(&first.names, &again.names));
    }

    #[test]
    fn names_of_what_is_gone_go() {
        let mut keeper = Keeper::default();
        for number in 0..1000 {
            let name = format!("posted-{number}");
            keeper.keep(&reading(&[("a", 1.0), ("b", 2.0), (&name, 3.0)]));
        }
        assert!(keeper.names.len() <= 8, "{}", keeper.names.len());
    }
}

//! The spaces of what is measured and told, `&samples` and `&events`, and those of
//! what is set: `&limits`, `&modes`, `&weights`. Only the loop writes to them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;

use chimera::{Atom, Space};

use super::atom;
use super::facts::Facts;
use crate::status::Kept;

/// What is known of a metric: its value, for how long it has had none, or that it never had.
#[derive(Clone, Copy, PartialEq)]
enum Known {
    Latest(f64),
    Stale(f64),
    Missing,
}

/// `(sample <metric> <value> <seconds>)` for each value of a reading.
fn samples_of(reading: &Kept) -> impl Iterator<Item = Atom> + '_ {
    reading.iter().map(|(metric, value)| {
        let words = vec![
            Atom::symbol(metric),
            Atom::float(value),
            Atom::float(reading.seconds),
        ];
        atom("sample", words)
    })
}

pub(super) struct Spaces {
    pub(super) samples: Space,
    pub(super) events: Space,
    pub(super) limits: Space,
    /// `(mode <fault> <rule> <mode>)` as switched live.
    pub(super) modes: Space,
    /// `(weight …)` and `(episodes …)`, as learned.
    pub(super) weights: Space,
    /// The readings whose samples are in `&samples`, oldest first.
    readings: VecDeque<Arc<Kept>>,
    /// What is known of each metric now, with the atom that says so.
    latest: BTreeMap<String, (Known, Atom)>,
    /// When each metric had a value last.
    seen: BTreeMap<String, f64>,
    /// Readings whose samples stay in `&samples`.
    keep_samples: usize,
    /// How long a metric without a value is called stale; then it is missing.
    stale_seconds: f64,
}

impl Spaces {
    /// Empty spaces, and `limits` which nothing can change any more.
    pub(super) fn new(limits: Vec<Atom>) -> Spaces {
        let space = Space::anonymous();
        for limit in limits {
            space.add(limit);
        }
        Spaces {
            samples: Space::anonymous(),
            events: Space::anonymous(),
            limits: space.snapshot(),
            modes: Space::anonymous(),
            weights: Space::anonymous(),
            readings: VecDeque::new(),
            latest: BTreeMap::new(),
            seen: BTreeMap::new(),
            keep_samples: 1,
            stale_seconds: 1.0,
        }
    }

    /// Sets how much stays, from now on.
    pub(super) fn keep(&mut self, facts: &Facts) {
        self.keep_samples = facts.count("keep-samples");
        self.stale_seconds = facts.get("stale-seconds");
    }

    /// The words that stand for the spaces in rules.
    pub(super) fn tokens(&self) -> Vec<(&'static str, Atom)> {
        vec![
            ("&samples", Atom::space(self.samples.clone())),
            ("&events", Atom::space(self.events.clone())),
            ("&limits", Atom::space(self.limits.clone())),
            ("&modes", Atom::space(self.modes.clone())),
            ("&weights", Atom::space(self.weights.clone())),
        ]
    }

    /// Asserts `(sample <metric> <value> <seconds>)` for each value of a new reading, and
    /// `(latest <metric> <value>)` for what is `current`. A metric that had a value
    /// once and has none now is `(stale <metric> <seconds since>)`; one of `expected`
    /// that never had any is `(missing <metric>)`.
    pub(super) fn assert_reading(
        &mut self,
        fresh: Arc<Kept>,
        current: &BTreeMap<String, f64>,
        expected: &BTreeMap<String, f64>,
    ) {
        while self.readings.len() >= self.keep_samples {
            let Some(old) = self.readings.pop_front() else {
                break;
            };
            for sample in samples_of(&old) {
                self.samples.remove(&sample);
            }
        }
        for sample in samples_of(&fresh) {
            self.samples.add(sample);
        }
        let seconds = fresh.seconds;
        self.readings.push_back(fresh);
        for (metric, value) in current {
            match self.seen.get_mut(metric) {
                Some(at) => *at = seconds,
                None => {
                    self.seen.insert(metric.clone(), seconds);
                }
            }
            self.know(metric, Known::Latest(*value));
        }
        let silent: Vec<(String, f64)> = self
            .seen
            .iter()
            .filter(|(metric, _)| !current.contains_key(*metric))
            .map(|(metric, at)| (metric.clone(), *at))
            .collect();
        for (metric, at) in silent {
            let age = ((seconds - at) * 1000.0).round() / 1000.0;
            self.know(&metric, Known::Stale(age));
        }
        for metric in expected.keys() {
            if !self.seen.contains_key(metric) {
                self.know(metric, Known::Missing);
            }
        }
        let Spaces {
            samples,
            latest,
            seen,
            ..
        } = self;
        latest.retain(|metric, (_, atom)| {
            let stays = seen.contains_key(metric) || expected.contains_key(metric);
            if !stays {
                samples.remove(atom);
            }
            stays
        });
        // What has been silent for long is forgotten.
        self.seen
            .retain(|_, at| seconds - *at <= self.stale_seconds);
    }

    /// Says what is known of a metric; what is known already is not said anew, since in
    /// most ticks most metrics are what they were.
    fn know(&mut self, metric: &str, known: Known) {
        let before = self.latest.get_mut(metric);
        if before.as_ref().is_some_and(|(before, _)| *before == known) {
            return;
        }
        let name = Atom::symbol(metric);
        let now = match known {
            Known::Latest(value) => atom("latest", vec![name, Atom::float(value)]),
            Known::Stale(age) => atom("stale", vec![name, Atom::float(age)]),
            Known::Missing => atom("missing", vec![name]),
        };
        self.samples.add(now.clone());
        match before {
            Some(before) => {
                self.samples.remove(&before.1);
                *before = (known, now);
            }
            None => {
                self.latest.insert(metric.to_owned(), (known, now));
            }
        }
    }
}

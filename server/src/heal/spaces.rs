//! The spaces of what is measured and told, `&samples` and `&events`, and those of
//! what is set: `&limits`, `&modes`, `&weights`. Only the loop writes to them.

use std::collections::{BTreeMap, VecDeque};

use chimera::{Atom, Space};

use super::atom;
use super::facts::Facts;

pub(super) struct Spaces {
    pub(super) samples: Space,
    pub(super) events: Space,
    pub(super) limits: Space,
    /// `(mode <fault> <rule> <mode>)` as switched live.
    pub(super) modes: Space,
    /// `(weight …)` and `(episodes …)`, as learned.
    pub(super) weights: Space,
    /// Sample atoms in `&samples`, by reading, oldest first.
    readings: VecDeque<Vec<Atom>>,
    /// The `(latest …)`, `(stale …)` or `(missing …)` atom of each metric.
    latest: BTreeMap<String, Atom>,
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

    /// Asserts `(sample <metric> <value> <seconds>)` for each new value, and
    /// `(latest <metric> <value>)` for what is `current`. A metric that had a value
    /// once and has none now is `(stale <metric> <seconds since>)`; one of `expected`
    /// that never had any is `(missing <metric>)`.
    pub(super) fn assert_reading(
        &mut self,
        seconds: f64,
        fresh: &BTreeMap<String, f64>,
        current: &BTreeMap<String, f64>,
        expected: impl Iterator<Item = String>,
    ) {
        while self.readings.len() >= self.keep_samples {
            for old in self.readings.pop_front().into_iter().flatten() {
                self.samples.remove(&old);
            }
        }
        let mut added = Vec::with_capacity(fresh.len());
        for (metric, value) in fresh {
            let sample = atom(
                "sample",
                vec![
                    Atom::symbol(metric),
                    Atom::float(*value),
                    Atom::float(seconds),
                ],
            );
            self.samples.add(sample.clone());
            added.push(sample);
        }
        self.readings.push_back(added);
        let before = std::mem::take(&mut self.latest);
        self.latest = current
            .iter()
            .map(|(metric, value)| {
                self.seen.insert(metric.clone(), seconds);
                let latest = atom("latest", vec![Atom::symbol(metric), Atom::float(*value)]);
                (metric.clone(), latest)
            })
            .collect();
        for (metric, at) in &self.seen {
            if !current.contains_key(metric) {
                let age = ((seconds - at) * 1000.0).round() / 1000.0;
                let stale = atom("stale", vec![Atom::symbol(metric), Atom::float(age)]);
                self.latest.insert(metric.clone(), stale);
            }
        }
        for metric in expected {
            self.latest
                .entry(metric)
                .or_insert_with_key(|metric| atom("missing", vec![Atom::symbol(metric)]));
        }
        // What is missing stays so without being said anew: there may be many thresholds.
        let stays = |old: &Atom, new: Option<&Atom>| new == Some(old) && is_missing(old);
        for (metric, old) in &before {
            if !stays(old, self.latest.get(metric)) {
                self.samples.remove(old);
            }
        }
        for (metric, new) in &self.latest {
            if !stays(new, before.get(metric)) {
                self.samples.add(new.clone());
            }
        }
        // What has been silent for long is forgotten.
        self.seen
            .retain(|_, at| seconds - *at <= self.stale_seconds);
    }
}

fn is_missing(atom: &Atom) -> bool {
    let head = atom.as_expression().and_then(<[Atom]>::first);
    head.is_some_and(|head| head.as_symbol() == Some("missing"))
}

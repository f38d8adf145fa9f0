//! The spaces that rules and people see: `&samples`, `&events`, `&episodes`,
//! `&limits`. Only the loop writes to them.

use std::collections::{BTreeMap, VecDeque};

use chimera::{Atom, Space};

use crate::status::{ActionRecord, Verdict};

/// Readings whose samples stay in `&samples`.
const READINGS_MAX: usize = 120;
/// Events that stay in `&events`.
const EVENTS_MAX: usize = 500;

pub(super) struct Spaces {
    pub(super) samples: Space,
    pub(super) events: Space,
    pub(super) episodes: Space,
    pub(super) limits: Space,
    /// Sample atoms in `&samples`, by reading, oldest first.
    readings: VecDeque<Vec<Atom>>,
    /// The `(latest …)` atom of each metric.
    latest: BTreeMap<String, Atom>,
    /// Event atoms in `&events`, oldest first.
    told: VecDeque<Atom>,
    /// By fault: the atoms that stand while its episode is open.
    episode_atoms: BTreeMap<String, Vec<Atom>>,
    /// By fault: the `(acted …)` atom.
    acted: BTreeMap<String, Atom>,
}

fn atom(head: &str, arguments: Vec<Atom>) -> Atom {
    let mut children = vec![Atom::symbol(head)];
    children.extend(arguments);
    Atom::expression(children)
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
            episodes: Space::anonymous(),
            limits: space.snapshot(),
            readings: VecDeque::new(),
            latest: BTreeMap::new(),
            told: VecDeque::new(),
            episode_atoms: BTreeMap::new(),
            acted: BTreeMap::new(),
        }
    }

    /// The words that stand for the spaces in rules.
    pub(super) fn tokens(&self) -> Vec<(&'static str, Atom)> {
        vec![
            ("&samples", Atom::space(self.samples.clone())),
            ("&events", Atom::space(self.events.clone())),
            ("&episodes", Atom::space(self.episodes.clone())),
            ("&limits", Atom::space(self.limits.clone())),
        ]
    }

    /// Asserts `(sample <metric> <value> <seconds>)` for each new value, and
    /// `(latest <metric> <value>)` for what is `current`.
    pub(super) fn assert_reading(
        &mut self,
        seconds: f64,
        fresh: &BTreeMap<String, f64>,
        current: &BTreeMap<String, f64>,
    ) {
        if self.readings.len() >= READINGS_MAX {
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
        for old in self.latest.values() {
            self.samples.remove(old);
        }
        self.latest = current
            .iter()
            .map(|(metric, value)| {
                let latest = atom("latest", vec![Atom::symbol(metric), Atom::float(*value)]);
                self.samples.add(latest.clone());
                (metric.clone(), latest)
            })
            .collect();
    }

    /// Asserts `(event <severity> <text> <seconds>)`.
    pub(super) fn assert_event(&mut self, severity: &str, text: &str, seconds: f64) {
        if self.told.len() >= EVENTS_MAX
            && let Some(old) = self.told.pop_front()
        {
            self.events.remove(&old);
        }
        let event = atom(
            "event",
            vec![
                Atom::symbol(severity),
                Atom::string(text),
                Atom::float(seconds),
            ],
        );
        self.events.add(event.clone());
        self.told.push_back(event);
    }

    /// Faults whose episode is open.
    pub(super) fn open_faults(&self) -> Vec<String> {
        self.episode_atoms.keys().cloned().collect()
    }

    fn episode_add(&mut self, fault: &str, atom: Atom) {
        self.episodes.add(atom.clone());
        self.episode_atoms
            .entry(fault.to_owned())
            .or_default()
            .push(atom);
    }

    /// An action was taken: `(episode <fault> <seconds>)` if it is the first,
    /// `(acted <fault> <seconds>)`, `(outcome <id> <fault> <call> <what> <text>)`,
    /// and `(verifying <fault> <id>)` while its verdict is open.
    pub(super) fn assert_action(&mut self, record: &ActionRecord, call: &Atom, seconds: f64) {
        let fault = Atom::symbol(&record.fault);
        let id = Atom::integer(record.id as i64);
        if !self.episode_atoms.contains_key(&record.fault) {
            self.episode_add(
                &record.fault,
                atom("episode", vec![fault.clone(), Atom::float(seconds)]),
            );
        }
        let acted = atom("acted", vec![fault.clone(), Atom::float(seconds)]);
        self.episodes.add(acted.clone());
        if let Some(before) = self.acted.insert(record.fault.clone(), acted) {
            self.episodes.remove(&before);
        }
        let (what, text) = match &record.outcome {
            Ok(done) => ("applied", done),
            Err(refused) => ("refused", refused),
        };
        self.episode_add(
            &record.fault,
            atom(
                "outcome",
                vec![
                    id.clone(),
                    fault.clone(),
                    call.clone(),
                    Atom::symbol(what),
                    Atom::string(text),
                ],
            ),
        );
        if record.verdict == Verdict::Pending {
            self.episode_add(&record.fault, atom("verifying", vec![fault, id]));
        } else {
            self.assert_verdict(record, call, seconds);
        }
    }

    /// The verdict of an action: `(verdict <id> <fault> <call> <verdict> <seconds>)`.
    pub(super) fn assert_verdict(&mut self, record: &ActionRecord, call: &Atom, seconds: f64) {
        let fault = Atom::symbol(&record.fault);
        let id = Atom::integer(record.id as i64);
        let verifying = atom("verifying", vec![fault.clone(), id.clone()]);
        if self.episodes.remove(&verifying)
            && let Some(atoms) = self.episode_atoms.get_mut(&record.fault)
        {
            atoms.retain(|atom| *atom != verifying);
        }
        let verdict = atom(
            "verdict",
            vec![
                id,
                fault,
                call.clone(),
                Atom::symbol(record.verdict.name()),
                Atom::float(seconds),
            ],
        );
        self.episode_add(&record.fault, verdict);
    }

    /// Ends the episode of `fault`: all its atoms go but `(acted …)`.
    pub(super) fn close_episode(&mut self, fault: &str) {
        for atom in self.episode_atoms.remove(fault).into_iter().flatten() {
            self.episodes.remove(&atom);
        }
    }

    /// Forgets all episodes and when was last acted.
    pub(super) fn reset_episodes(&mut self) {
        self.episode_atoms.clear();
        self.acted.clear();
        self.episodes.clear();
    }
}

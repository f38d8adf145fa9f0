//! `&episodes`: what is being dealt with, as atoms. Rules decide what happens to an
//! episode; here it is only written down.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use chimera::{Atom, Space};

use super::atom;
use super::facts::Facts;
use crate::status::{ActionRecord, EpisodeRecord, EpisodeState, Verdict};

/// One fault from seen to gone.
struct Episode {
    state: EpisodeState,
    since: f64,
    opened: f64,
    opened_unix: f64,
    strategy: String,
    reason: String,
    evidence: Vec<String>,
    rungs_failed: BTreeSet<u32>,
    /// The rung of the newest action; 0 before any.
    rung: u32,
    /// What takes back the first use of each effector.
    undo: BTreeMap<String, Atom>,
    verified: bool,
    tried: bool,
    /// Its atoms in the space.
    atoms: Vec<Atom>,
}

/// What an episode came to.
pub(super) struct Closed {
    pub(super) strategy: String,
    pub(super) seconds: f64,
    /// Whether an action was seen to help.
    pub(super) verified: bool,
    /// Whether anything was tried, and seen to help or not.
    pub(super) tried: bool,
}

/// Episodes of a fault that follow each other so closely that it was never really gone.
struct Case {
    /// When its last episode ended; `None` while that is open.
    ended: Option<f64>,
    /// `(case f t)`, with the time at which it began.
    atom: Atom,
}

/// All open episodes, and what outlives them.
pub(super) struct Episodes {
    space: Space,
    open: BTreeMap<String, Episode>,
    /// By fault: the `(acted …)` atom.
    acted: BTreeMap<String, Atom>,
    /// By fault: the case that its newest episode is of.
    cases: BTreeMap<String, Case>,
    /// An episode that begins within so many seconds of another's end is of the same case.
    case_seconds: f64,
    /// By fault: how often it was given up in a row, with its atom.
    gave_up: BTreeMap<String, (u32, Atom)>,
    spent: VecDeque<(f64, Atom)>,
    /// How long uses are remembered.
    keep_spent_seconds: f64,
    /// How many of them at most.
    keep_spent: usize,
    /// The atoms that stand while an action's verdict is open.
    verifying: BTreeMap<u64, Vec<Atom>>,
    /// Faults that what stands from an earlier episode keeps away.
    held: BTreeMap<String, Held>,
}

struct Held {
    reason: String,
    since: f64,
    since_unix: f64,
}

fn id_atom(id: u64) -> Atom {
    Atom::integer(i64::try_from(id).unwrap_or(i64::MAX))
}

impl Episodes {
    pub(super) fn new() -> Episodes {
        Episodes {
            space: Space::anonymous(),
            open: BTreeMap::new(),
            acted: BTreeMap::new(),
            cases: BTreeMap::new(),
            case_seconds: Facts::default().get("case-seconds"),
            gave_up: BTreeMap::new(),
            spent: VecDeque::new(),
            keep_spent_seconds: Facts::default().get("keep-spent-seconds"),
            keep_spent: Facts::default().count("keep-spent"),
            verifying: BTreeMap::new(),
            held: BTreeMap::new(),
        }
    }

    /// Takes over what facts say: how long uses of effectors are remembered, no longer than
    /// budgets look back; what counts as one case.
    pub(super) fn set_bounds(&mut self, facts: &Facts, budgets_seconds: f64) {
        self.keep_spent_seconds = facts.get("keep-spent-seconds").min(budgets_seconds);
        self.keep_spent = facts.count("keep-spent");
        self.case_seconds = facts.get("case-seconds");
    }

    pub(super) fn space(&self) -> &Space {
        &self.space
    }

    /// Faults whose episode is open.
    pub(super) fn faults(&self) -> Vec<String> {
        self.open.keys().cloned().collect()
    }

    fn add(&mut self, fault: &str, atom: Atom) {
        if let Some(episode) = self.open.get_mut(fault) {
            self.space.add(atom.clone());
            episode.atoms.push(atom);
        }
    }

    /// Takes out the episode's atoms with this head.
    fn remove_all(&mut self, fault: &str, head: &str) {
        let Some(episode) = self.open.get_mut(fault) else {
            return;
        };
        episode.atoms.retain(|atom| {
            let stays = atom
                .as_expression()
                .and_then(<[Atom]>::first)
                .and_then(Atom::as_symbol)
                != Some(head);
            if !stays {
                self.space.remove(atom);
            }
            stays
        });
    }

    fn set_state(&mut self, fault: &str, state: EpisodeState, seconds: f64) {
        self.remove_all(fault, "state");
        if let Some(episode) = self.open.get_mut(fault) {
            episode.state = state;
            episode.since = seconds;
        }
        let state = Atom::symbol(state.name());
        self.add(
            fault,
            atom(
                "state",
                vec![Atom::symbol(fault), state, Atom::float(seconds)],
            ),
        );
    }

    /// The fault was seen: a new episode, or a given-up one that begins again at its
    /// first rung.
    pub(super) fn enter_detected(
        &mut self,
        fault: &str,
        strategy: &str,
        evidence: Vec<String>,
        reason: String,
        seconds: f64,
        unix: f64,
    ) {
        let opened = match self.open.remove(fault) {
            Some(known) => {
                for atom in &known.atoms {
                    self.space.remove(atom);
                }
                (known.opened, known.opened_unix)
            }
            None => (seconds, unix),
        };
        self.enter_case(fault, seconds);
        self.open.insert(
            fault.to_owned(),
            Episode {
                state: EpisodeState::Detected,
                since: seconds,
                opened: opened.0,
                opened_unix: opened.1,
                strategy: strategy.to_owned(),
                reason,
                evidence: evidence.clone(),
                rungs_failed: BTreeSet::new(),
                rung: 0,
                undo: BTreeMap::new(),
                verified: false,
                tried: false,
                atoms: Vec::new(),
            },
        );
        let name = Atom::symbol(fault);
        self.add(
            fault,
            atom("using", vec![name.clone(), Atom::symbol(strategy)]),
        );
        for metric in evidence {
            self.add(
                fault,
                atom("evidence", vec![name.clone(), Atom::symbol(&metric)]),
            );
        }
        self.set_state(fault, EpisodeState::Detected, seconds);
    }

    /// An episode begins: of the case of the one before it, or of another.
    fn enter_case(&mut self, fault: &str, seconds: f64) {
        if let Some(case) = self.cases.get_mut(fault) {
            let same = |ended| seconds - ended <= self.case_seconds;
            if case.ended.take().is_none_or(same) {
                return;
            }
        }
        let began = vec![Atom::symbol(fault), Atom::float(seconds)];
        let case = Case {
            ended: None,
            atom: atom("case", began),
        };
        self.space.add(case.atom.clone());
        if let Some(before) = self.cases.insert(fault.to_owned(), case) {
            self.space.remove(&before.atom);
        }
    }

    /// No step is left. Returns what the ladder came to.
    pub(super) fn enter_given_up(&mut self, fault: &str, seconds: f64) -> Option<Closed> {
        let closed = self.closed(fault, seconds)?;
        self.set_state(fault, EpisodeState::GivenUp, seconds);
        let times = self.gave_up.get(fault).map_or(0, |(times, _)| *times) + 1;
        let now = atom(
            "gave-up",
            vec![Atom::symbol(fault), Atom::integer(i64::from(times))],
        );
        self.space.add(now.clone());
        if let Some((_, before)) = self.gave_up.insert(fault.to_owned(), (times, now)) {
            self.space.remove(&before);
        }
        Some(closed)
    }

    fn closed(&self, fault: &str, seconds: f64) -> Option<Closed> {
        let episode = self.open.get(fault)?;
        Some(Closed {
            strategy: episode.strategy.clone(),
            seconds: seconds - episode.opened,
            verified: episode.verified,
            tried: episode.tried,
        })
    }

    /// Whether what stands keeps the fault away.
    pub(super) fn is_held(&self, fault: &str) -> bool {
        self.held.contains_key(fault)
    }

    /// What stands keeps the fault away, and why one would see it without that.
    pub(super) fn hold(&mut self, fault: &str, reason: String, since: f64, since_unix: f64) {
        match self.held.get_mut(fault) {
            Some(held) => held.reason = reason,
            None => {
                let held = Held {
                    reason,
                    since,
                    since_unix,
                };
                self.held.insert(fault.to_owned(), held);
            }
        }
    }

    /// Of all other faults nothing has to be kept away any more.
    pub(super) fn let_go_all_but(&mut self, held: &BTreeSet<String>) {
        self.held.retain(|fault, _| held.contains(fault));
    }

    /// The fault is gone: all atoms of its episode go but `(acted …)` and `(case …)`.
    pub(super) fn close(&mut self, fault: &str, seconds: f64) -> Option<Closed> {
        let closed = self.closed(fault, seconds);
        if let Some(episode) = self.open.remove(fault) {
            for atom in &episode.atoms {
                self.space.remove(atom);
            }
        }
        if let Some((_, before)) = self.gave_up.remove(fault) {
            self.space.remove(&before);
        }
        if let Some(case) = self.cases.get_mut(fault) {
            case.ended = Some(seconds);
        }
        closed
    }

    /// Something was decided: `(acted …)`, and an episode if there is none and it is
    /// no taking back.
    pub(super) fn acted(&mut self, record: &ActionRecord, seconds: f64) {
        let fault = record.fault.as_str();
        if !self.open.contains_key(fault) && record.rule != "lift" {
            let reason = record.reason.clone();
            self.enter_detected(fault, "none", Vec::new(), reason, seconds, record.unix);
        }
        let acted = atom("acted", vec![Atom::symbol(fault), Atom::float(seconds)]);
        self.space.add(acted.clone());
        if let Some(before) = self.acted.insert(fault.to_owned(), acted) {
            self.space.remove(&before);
        }
    }

    /// An action is being carried out: `(verifying f id)`, `(doing id f effector target
    /// t)` until its verdict, `(spent effector target t)` for budgets.
    pub(super) fn begun(
        &mut self,
        record: &ActionRecord,
        effector: &str,
        target: &str,
        undo: Option<Atom>,
        seconds: f64,
    ) {
        let fault = Atom::symbol(&record.fault);
        let id = id_atom(record.id);
        let atoms = vec![
            atom("verifying", vec![fault.clone(), id.clone()]),
            atom(
                "doing",
                vec![
                    id,
                    fault,
                    Atom::symbol(effector),
                    Atom::symbol(target),
                    Atom::float(seconds),
                ],
            ),
        ];
        for atom in &atoms {
            self.space.add(atom.clone());
        }
        self.verifying.insert(record.id, atoms);
        let spent = atom(
            "spent",
            vec![
                Atom::symbol(effector),
                Atom::symbol(target),
                Atom::float(seconds),
            ],
        );
        self.space.add(spent.clone());
        self.spent.push_back((seconds, spent));
        while self.spent.len() > self.keep_spent
            || self
                .spent
                .front()
                .is_some_and(|(at, _)| seconds - at > self.keep_spent_seconds)
        {
            if let Some((_, old)) = self.spent.pop_front() {
                self.space.remove(&old);
            }
        }
        if let Some(episode) = self.open.get_mut(&record.fault)
            && record.rung > 0
        {
            episode.rung = record.rung;
        }
        if record.rule == "undo" {
            self.forget_undo(&record.fault, effector);
        } else if record.rung > 0
            && let Some(back) = undo
            && let Some(episode) = self.open.get_mut(&record.fault)
        {
            episode.undo.entry(effector.to_owned()).or_insert(back);
        }
        if self.is_at_work(&record.fault) {
            self.set_state(&record.fault, EpisodeState::Acting, seconds);
        }
    }

    /// Whether the fault has an episode that was not given up.
    fn is_at_work(&self, fault: &str) -> bool {
        self.open
            .get(fault)
            .is_some_and(|episode| episode.state != EpisodeState::GivenUp)
    }

    fn forget_undo(&mut self, fault: &str, effector: &str) {
        let Some(episode) = self.open.get_mut(fault) else {
            return;
        };
        episode.undo.remove(effector);
        episode.atoms.retain(|atom| {
            let undoes = matches!(
                atom.as_expression(),
                Some([head, _, _, back]) if head.as_symbol() == Some("undo")
                    && effector_of(back) == Some(effector)
            );
            if undoes {
                self.space.remove(atom);
            }
            !undoes
        });
    }

    /// What an effector said: `(outcome id f call applied|refused text)`.
    pub(super) fn outcome(&mut self, record: &ActionRecord, call: &Atom, seconds: f64) {
        let (what, text) = match &record.outcome {
            Ok(done) => ("applied", done),
            Err(refused) => ("refused", refused),
        };
        let outcome = atom(
            "outcome",
            vec![
                id_atom(record.id),
                Atom::symbol(&record.fault),
                call.clone(),
                Atom::symbol(what),
                Atom::string(text),
            ],
        );
        self.add(&record.fault, outcome);
        if record.verdict == Verdict::Pending && self.is_at_work(&record.fault) {
            self.set_state(&record.fault, EpisodeState::Verifying, seconds);
        }
    }

    /// The verdict of an action: `(verdict id f call verdict t)`, `(failed f rung)` and
    /// `(undo id f call)` if it failed.
    pub(super) fn verdict(&mut self, record: &ActionRecord, call: &Atom, seconds: f64) {
        for atom in self.verifying.remove(&record.id).into_iter().flatten() {
            self.space.remove(&atom);
        }
        let fault = Atom::symbol(&record.fault);
        let id = id_atom(record.id);
        self.add(
            &record.fault,
            atom(
                "verdict",
                vec![
                    id.clone(),
                    fault.clone(),
                    call.clone(),
                    Atom::symbol(record.verdict.name()),
                    Atom::float(seconds),
                ],
            ),
        );
        if let Some(episode) = self.open.get_mut(&record.fault) {
            let judged = matches!(record.verdict, Verdict::Failed | Verdict::Verified);
            episode.tried |= judged && record.rung > 0;
        }
        match record.verdict {
            Verdict::Failed => {
                self.fail_rung(&record.fault, record.rung);
                let back = effector_of(call).and_then(|effector| {
                    self.open
                        .get(&record.fault)
                        .and_then(|episode| episode.undo.get(effector))
                        .cloned()
                });
                if let Some(back) = back {
                    let undo = atom("undo", vec![id, fault, back]);
                    self.add(&record.fault, undo);
                }
            }
            Verdict::Verified => {
                if let Some(episode) = self.open.get_mut(&record.fault) {
                    episode.verified |= record.rung > 0;
                }
            }
            Verdict::Pending | Verdict::Inconclusive => {}
        }
        let pending = self.verifying.values().flatten().any(|atom| {
            matches!(atom.as_expression(), Some([head, of, _])
                if head.as_symbol() == Some("verifying") && of.as_symbol() == Some(&record.fault))
        });
        let working = self.open.get(&record.fault).is_some_and(|episode| {
            matches!(
                episode.state,
                EpisodeState::Acting | EpisodeState::Verifying
            )
        });
        if working && !pending {
            self.set_state(&record.fault, EpisodeState::Detected, seconds);
        }
    }

    /// Says `(failed f rung)`: the next step is of another rung.
    pub(super) fn fail_rung(&mut self, fault: &str, rung: u32) {
        let Some(episode) = self.open.get_mut(fault) else {
            return;
        };
        if rung > 0 && episode.rungs_failed.insert(rung) {
            let failed = atom(
                "failed",
                vec![Atom::symbol(fault), Atom::integer(i64::from(rung))],
            );
            self.add(fault, failed);
        }
    }

    /// Forgets everything.
    pub(super) fn reset(&mut self) {
        self.open.clear();
        self.acted.clear();
        self.cases.clear();
        self.gave_up.clear();
        self.spent.clear();
        self.verifying.clear();
        self.held.clear();
        self.space.clear();
    }

    /// The open episodes as people see them. `due` says until when a fault's verdict
    /// is waited for.
    pub(super) fn records(
        &self,
        seconds: f64,
        unix: f64,
        due: impl Fn(&str) -> Option<f64>,
    ) -> Vec<EpisodeRecord> {
        self.open
            .iter()
            .map(|(fault, episode)| EpisodeRecord {
                fault: fault.clone(),
                state: episode.state,
                since_unix: unix - (seconds - episode.since),
                opened_unix: episode.opened_unix,
                strategy: episode.strategy.clone(),
                rung: episode.rung,
                reason: episode.reason.clone(),
                metrics: episode.evidence.clone(),
                verdict_in: due(fault).map(|at| (at - seconds).max(0.0)),
                gave_up: self.gave_up.get(fault).map_or(0, |(times, _)| *times),
            })
            .chain(self.held.iter().map(|(fault, held)| EpisodeRecord {
                fault: fault.clone(),
                state: EpisodeState::Held,
                since_unix: unix - (seconds - held.since),
                opened_unix: held.since_unix,
                strategy: "none".to_owned(),
                rung: 0,
                reason: held.reason.clone(),
                metrics: Vec::new(),
                verdict_in: None,
                gave_up: 0,
            }))
            .collect()
    }
}

/// The name that a call begins with.
pub(super) fn effector_of(call: &Atom) -> Option<&str> {
    call.as_expression()?.first()?.as_symbol()
}

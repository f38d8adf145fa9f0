//! For tests: the core on a virtual clock, with a world that its actions change.

use std::collections::BTreeMap;

use chimera::Atom;

use super::core::Core;
use super::learned::Weights;
use super::rules::{RuleSource, RuleTexts};
use crate::effect::{Action, Envelope};
use crate::events::{Event, Severity};
use crate::status::{ActionRecord, Reading};

/// What is measured, and how actions change it.
pub(super) trait World {
    /// The metrics at `seconds`; called once a tick, in order.
    fn measure(&mut self, seconds: f64) -> BTreeMap<String, f64>;

    /// Events since the last tick.
    fn tell(&mut self) -> Vec<Event> {
        Vec::new()
    }

    /// Carries an action out.
    fn act(&mut self, action: &Action, seconds: f64) -> Result<String, String>;
}

/// The rules at work on a world.
pub(super) struct Run<W> {
    pub(super) core: Core,
    pub(super) world: W,
    pub(super) seconds: f64,
    pub(super) interval: f64,
    /// Every action with its time, also those that the status has forgotten.
    pub(super) log: Vec<(f64, String, String)>,
    seen: u64,
}

/// The rules that are shipped, with `edit` made to their facts.
pub(super) fn shipped_texts(edit: impl Fn(&str) -> String) -> RuleTexts {
    RuleSource::BuiltIn.read().unwrap().edited(edit)
}

impl<W: World> Run<W> {
    pub(super) fn new(texts: &RuleTexts, world: W) -> Run<W> {
        let core = Core::new(texts, Envelope::unlimited(), Weights::default(), 0.0)
            .unwrap_or_else(|error| panic!("{}\n{}", error.message, error.drawn));
        Run {
            core,
            world,
            seconds: 0.0,
            interval: 1.0,
            log: Vec::new(),
            seen: 0,
        }
    }

    /// One tick.
    pub(super) fn tick(&mut self) {
        self.seconds = ((self.seconds + self.interval) * 1000.0).round() / 1000.0;
        let seconds = self.seconds;
        let reading = Reading {
            seconds,
            unix: seconds,
            metrics: self.world.measure(seconds),
        };
        let events = self.world.tell();
        let orders = self.core.tick(reading, events, 0);
        for order in orders {
            let done = self.world.act(order.admitted.action(), seconds);
            self.core.carried_out(order.id, done, seconds);
        }
        assert_eq!(
            self.core.status.misshapen_decisions, 0,
            "{:?}",
            self.core.status.last_rule_error
        );
        for record in &self.core.status.actions {
            if record.id > self.seen {
                self.log
                    .push((seconds, record.fault.clone(), record.call.clone()));
                self.seen = record.id;
            }
        }
    }

    /// Ticks for so many seconds.
    pub(super) fn go(&mut self, seconds: f64) {
        let end = self.seconds + seconds;
        while self.seconds < end - 1e-9 {
            self.tick();
        }
    }

    pub(super) fn actions(&self) -> Vec<ActionRecord> {
        let actions = &self.core.status.actions;
        actions.iter().map(|record| (**record).clone()).collect()
    }

    /// The verdicts so far with their calls.
    pub(super) fn verdicts(&self) -> Vec<String> {
        self.actions()
            .iter()
            .map(|record| format!("{} {}", record.call, record.verdict.name()))
            .collect()
    }

    /// Adds an atom to `&episodes` as if it had been so.
    pub(super) fn remember(&mut self, text: &str) {
        let atom: Atom = self.core.engine().parse(text).unwrap();
        self.core.episodes.space().add(atom);
    }
}

/// A world whose metrics are what they are told to be, whatever is done.
#[derive(Default)]
pub(super) struct Fixed {
    pub(super) metrics: BTreeMap<String, f64>,
    pub(super) events: Vec<Event>,
}

impl Fixed {
    pub(super) fn new(metrics: &[(&str, f64)]) -> Fixed {
        Fixed {
            metrics: metrics
                .iter()
                .map(|(name, value)| ((*name).to_owned(), *value))
                .collect(),
            events: Vec::new(),
        }
    }

    pub(super) fn set(&mut self, metric: &str, value: f64) {
        self.metrics.insert(metric.to_owned(), value);
    }

    pub(super) fn error(&mut self, text: &str) {
        self.events.push(Event {
            severity: Severity::Error,
            text: text.to_owned(),
        });
    }
}

impl World for Fixed {
    fn measure(&mut self, _: f64) -> BTreeMap<String, f64> {
        self.metrics.clone()
    }

    fn tell(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    fn act(&mut self, _: &Action, _: f64) -> Result<String, String> {
        Ok("done".to_owned())
    }
}

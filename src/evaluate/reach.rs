//! What an evaluation can still reach: bindings of other variables are dropped.

use std::rc::Rc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::atom::{Atom, Variable};
use crate::evaluate::frame::{Done, Elements, FrameKind, Rest, WalkKind};
use crate::evaluate::machine::{Choice, Delta, Task};
use crate::unify::Bindings;

/// Finds the variables that an evaluation can still reach.
#[derive(Default)]
pub(crate) struct Reach {
    variables: HashMap<Variable, (), FixedState>,
    frames: HashSet<usize, FixedState>,
    pending: Vec<Variable>,
}

impl Reach {
    fn atom(&mut self, atom: &Atom) {
        let (variables, pending) = (&mut self.variables, &mut self.pending);
        atom.for_each_variable(|variable| {
            if variables.insert(variable.clone(), ()).is_none() {
                pending.push(variable.clone());
            }
        });
    }

    fn task(&mut self, task: &Task) {
        match task {
            Task::Metta { atom, expected, .. } => {
                self.atom(atom);
                self.atom(expected);
            }
            Task::Minimal { atom, .. } | Task::Eval { atom, .. } | Task::Return(atom) => {
                self.atom(atom)
            }
            Task::Function { body, call, .. } => {
                self.atom(body);
                call.iter().for_each(|call| self.atom(call));
            }
            Task::Stepped { atom, call, .. } => {
                self.atom(atom);
                self.atom(call);
            }
            Task::Elements(elements) => self.elements(elements),
            Task::Beside { call, .. } => self.atom(call),
            Task::Watched(entered) => {
                self.atom(&entered.call);
                self.task(&entered.body);
            }
        }
    }

    fn elements(&mut self, elements: &Elements) {
        self.atom(&Atom::Expression(elements.source.clone()));
        for expected in elements.expected.iter().flat_map(|types| types.iter()) {
            self.atom(expected);
        }
        self.done(&elements.done);
        self.atom(&elements.returns);
    }

    fn done(&mut self, done: &Done) {
        for atom in done.iter() {
            self.atom(atom);
        }
    }

    fn delta(&mut self, delta: &Delta) {
        for (_, value) in delta {
            self.atom(value);
        }
    }

    pub(crate) fn choice(&mut self, choice: &Choice) {
        match choice {
            Choice::Branch {
                task, rest, delta, ..
            } => {
                self.task(task);
                self.delta(delta);
                self.rest(rest);
            }
            Choice::Alternatives { rest, errors, .. } => {
                for (error, delta, _) in errors {
                    self.atom(error);
                    self.delta(delta);
                }
                self.rest(rest);
            }
            Choice::Gather { rest, items, .. } => {
                for (item, delta) in items {
                    self.atom(item);
                    self.delta(delta);
                }
                self.rest(rest);
            }
            Choice::Case { cases, rest, .. } => {
                self.atom(cases);
                self.rest(rest);
            }
            Choice::Limit { .. } => {}
            Choice::Solutions(more) => {
                self.atom(&more.call);
                self.rest(&more.rest);
            }
            Choice::Fill(tabled) | Choice::Answers { tabled, .. } => {
                self.atom(&tabled.call);
                self.atom(&tabled.returns);
                self.rest(&tabled.rest);
            }
        }
    }

    pub(crate) fn current(&mut self, task: &Task) {
        self.task(task);
    }

    pub(crate) fn rest(&mut self, rest: &Rest) {
        let mut next = rest.0.clone();
        while let Some(frame) = next {
            if !self.frames.insert(Rc::as_ptr(&frame) as usize) {
                return;
            }
            match &frame.kind {
                FrameKind::Alternatives { .. }
                | FrameKind::Gather { .. }
                | FrameKind::Limit { .. }
                | FrameKind::Watched(_)
                | FrameKind::Counted => {}
                FrameKind::Table { call, .. } => self.atom(call),
                FrameKind::Elements(elements) => self.elements(elements),
                FrameKind::Call { call, returns, .. } => {
                    self.atom(call);
                    self.atom(returns);
                }
                FrameKind::Chain { template, .. } => self.atom(template),
                FrameKind::Function { call, .. } => call.iter().for_each(|call| self.atom(call)),
                FrameKind::Case { cases, .. } => self.atom(cases),
                FrameKind::Walk(walk) => {
                    self.atom(&Atom::Expression(walk.list.clone()));
                    self.atom(&walk.template);
                    self.atom(&walk.call);
                    match &walk.kind {
                        WalkKind::Map { mapped, .. } => self.done(mapped),
                        WalkKind::Filter { kept, .. } => self.done(kept),
                        WalkKind::Fold { folded, .. } => self.atom(folded),
                    }
                }
            }
            next = frame.next.0.clone();
        }
    }

    /// Adds what the reached variables are bound to.
    pub(crate) fn close(mut self, bindings: &Bindings) -> Reached {
        while let Some(variable) = self.pending.pop() {
            if let Some(value) = bindings.value(&variable) {
                let value = value.clone();
                self.atom(&value);
            }
        }
        Reached(self.variables)
    }
}

/// The variables that an evaluation can still reach.
pub(crate) struct Reached(HashMap<Variable, (), FixedState>);

impl Reached {
    pub(crate) fn contains(&self, variable: &Variable) -> bool {
        self.0.contains_key(variable)
    }
}

//! The plain evaluator: one loop over tasks, frames and choices.
//!
//! A task is what to do now; the rest is what to do with its result; a choice
//! is another way to go on, taken when the present branch fails or has given
//! its result. Bindings are undone to where the choice was made.

mod deliver;
mod interpret;
mod reduce;

use std::sync::Arc;

use crate::atom::{Atom, State, Variable, known};
use crate::budget::{Budget, Exhausted, Meter};
use crate::engine::Host;
use crate::evaluate::control::{self, Control};
use crate::evaluate::cut::{self, MoreSolutions};
use crate::evaluate::frame::{Elements, FrameKind, Rest};
use crate::evaluate::minimal;
use crate::evaluate::proof::{Step, Steps};
use crate::evaluate::reach::Reach;
use crate::evaluate::tabling::{self, Tabled, Tables};
use crate::evaluate::watched::Entered;
use crate::evaluate::{Answer, Evaluation};
use crate::operation::Operation;
use crate::space::{Solution, Space};
use crate::types;
use crate::unify::{Bindings, Mark};

/// Variables with what they were bound to.
pub(crate) type Delta = Vec<(Variable, Atom)>;

/// What to do now.
pub(crate) enum Task {
    /// Evaluate to the end, as a value of the expected type.
    Metta {
        atom: Atom,
        expected: Atom,
        space: Space,
    },
    /// Execute a minimal instruction; anything else is its own result.
    Minimal { atom: Atom, space: Space },
    /// One step: call an operation, apply rules, or `NotReducible`.
    Eval { atom: Atom, space: Space },
    /// Evaluate the elements of an expression, then call it.
    Elements(Elements),
    /// Go on with what one step of `call` gave, once its variables are known.
    Stepped {
        atom: Atom,
        call: Atom,
        space: Space,
    },
    /// Run the body of a `function`: what one step of `call` gave, if it is not evaluated
    /// where it stands.
    Function {
        body: Atom,
        call: Option<Atom>,
        space: Space,
    },
    /// Call an operation beside the rules for its name: no result unless it has one.
    Beside {
        operation: Arc<Operation>,
        call: Atom,
        space: Space,
    },
    /// Tell whoever watches that a rule is entered, and go on with its body.
    Watched(Box<Entered>),
    /// Hand a result to the rest.
    Return(Atom),
}

impl Task {
    /// Evaluate to the end, as a value of any type.
    pub(crate) fn evaluate(atom: Atom, space: Space) -> Task {
        Task::Metta {
            atom,
            expected: types::undefined(),
            space,
        }
    }
}

pub(crate) enum Choice {
    Branch {
        task: Task,
        rest: Rest,
        mark: Mark,
        delta: Delta,
        steps: Steps,
    },
    /// Bottom of one evaluated expression's branches.
    Alternatives {
        rest: Rest,
        mark: Mark,
        succeeded: bool,
        errors: Vec<(Atom, Delta, Steps)>,
    },
    /// Bottom of the branches whose results are gathered.
    Gather {
        kind: Gather,
        rest: Rest,
        mark: Mark,
        items: Vec<(Atom, Delta)>,
        steps: Steps,
    },
    /// Bottom of the branches whose results `case` tells apart.
    Case {
        cases: Atom,
        space: Space,
        rest: Rest,
        mark: Mark,
        any: bool,
        steps: Steps,
    },
    /// Bottom of the branches whose results `once` or `limit` counts.
    Limit { left: u64, mark: Mark },
    /// Bottom of the branches that fill a table.
    Fill(Box<Tabled>),
    /// The solutions of a `match` that come after those that were tried.
    Solutions(Box<MoreSolutions>),
    /// The answers of a table, from a number on.
    Answers { tabled: Box<Tabled>, next: usize },
}

/// What becomes of gathered results.
#[derive(Clone, Copy)]
pub(crate) enum Gather {
    /// An expression of the results.
    Atoms,
    /// An expression of pairs of result and bindings.
    WithBindings,
    /// The results as they are: what they bound is forgotten.
    Alternatives,
}

/// One evaluation.
pub(crate) struct Machine<'h> {
    pub(crate) host: &'h mut Host,
    pub(crate) bindings: Bindings,
    pub(crate) choices: Vec<Choice>,
    pub(crate) steps: Steps,
    pub(crate) tables: Tables,
    proving: bool,
    pub(super) meter: Meter,
    pub(super) results: Vec<Answer>,
    /// What each result binds, where that is asked for.
    pub(super) bound: Option<Vec<Delta>>,
    /// Whether a bound ended the evaluation.
    pub(super) ended: bool,
    collect_at: usize,
    /// A bound that a query hit.
    exhausted: Option<Exhausted>,
    /// Types of parts of deep expressions.
    typings: types::Found,
    /// The most bytes that were in use.
    pub(super) peak_bytes: usize,
}

/// Rough size of a solution with what it binds.
const SOLUTION_BYTES: usize = 192;
const COLLECT_AT: usize = 1 << 16;
impl<'h> Machine<'h> {
    pub(super) fn new(host: &'h mut Host, budget: &Budget, proving: bool) -> Machine<'h> {
        Machine {
            host,
            bindings: Bindings::new(),
            choices: Vec::new(),
            steps: Steps::default(),
            tables: Tables::default(),
            proving,
            meter: Meter::start(budget),
            results: Vec::new(),
            bound: None,
            ended: false,
            collect_at: COLLECT_AT,
            exhausted: None,
            typings: types::Found::default(),
            peak_bytes: 0,
        }
    }

    /// Evaluates `atom` in `space`; all results, in order.
    pub(crate) fn run(
        host: &'h mut Host,
        space: &Space,
        atom: &Atom,
        budget: &Budget,
        proving: bool,
    ) -> Evaluation {
        let mut machine = Machine::new(host, budget, proving);
        let task = if machine.host.settings.bare_minimal {
            Task::Minimal {
                atom: atom.clone(),
                space: space.clone(),
            }
        } else {
            Task::evaluate(atom.clone(), space.clone())
        };
        let outer = machine.watch_begin();
        machine.drive(task);
        machine.watch_end(outer);
        Evaluation {
            results: std::mem::take(&mut machine.results),
            reductions: machine.meter.spent,
            peak_bytes: machine.peak_bytes,
        }
    }

    /// As [`Machine::run`], of what was evaluated before without a change of anything, within so many
    /// reductions: `None` if these are too few, or if something would be changed or told by it.
    pub(crate) fn look_again(
        host: &'h mut Host,
        space: &Space,
        atom: &Atom,
        budget: &Budget,
        proving: bool,
    ) -> (Option<Vec<Answer>>, u64) {
        let leave = (host.grants.write, host.write_refused);
        (host.grants.write, host.write_refused) = (false, false);
        (host.is_second, host.own_states) = (true, State::next_number());
        let mut machine = Machine::new(host, budget, proving);
        machine.drive(Task::evaluate(atom.clone(), space.clone()));
        let is_whole = !machine.ended && !machine.host.write_refused;
        let results = is_whole.then(|| std::mem::take(&mut machine.results));
        let spent = machine.meter.spent;
        host.is_second = false;
        (host.grants.write, host.write_refused) = leave;
        (results, spent)
    }

    fn drive(&mut self, task: Task) {
        self.drive_from(task, Rest::default());
    }

    pub(super) fn drive_from(&mut self, task: Task, rest: Rest) {
        let mut next = Some((task, rest));
        while let Some((task, rest)) = next {
            next = self.advance(task, rest).or_else(|| self.backtrack());
        }
    }

    /// Does one task. `None` if the branch ended.
    fn advance(&mut self, task: Task, rest: Rest) -> Option<(Task, Rest)> {
        let going_up = matches!(task, Task::Return(_));
        if let Err(exhausted) = self.check(&rest, going_up) {
            let subject = match &task {
                Task::Metta { atom, .. }
                | Task::Minimal { atom, .. }
                | Task::Eval { atom, .. }
                | Task::Stepped { atom, .. }
                | Task::Return(atom) => self.bindings.apply(atom),
                Task::Elements(elements) => Atom::Expression(elements.source.clone()),
                Task::Function { body, call, .. } => call.as_ref().unwrap_or(body).clone(),
                Task::Beside { call, .. } => call.clone(),
                Task::Watched(entered) => entered.call.clone(),
            };
            let error = Atom::error(subject, Atom::symbol(exhausted.symbol()));
            if exhausted == Exhausted::Depth {
                // The branch is too deep; others may still succeed.
                self.host.too_deep += 1;
                return Some((Task::Return(error), rest));
            }
            self.choices.clear();
            self.ended = true;
            if let Some(bound) = &mut self.bound {
                self.results.clear();
                *bound = vec![Delta::new()];
            }
            self.results.push(Answer {
                atom: error,
                proof: self.proving.then(|| self.steps.gather()),
            });
            return None;
        }
        if self.bindings.len() > self.collect_at {
            self.collect(&task, &rest);
        }
        match task {
            Task::Metta {
                atom,
                expected,
                space,
            } => self.metta(atom, expected, space, rest),
            Task::Minimal { atom, space } => minimal::minimal(self, atom, space, rest),
            Task::Eval { atom, space } => self.eval(atom, space, rest),
            Task::Elements(elements) => Some(self.elements(elements, rest)),
            Task::Stepped { atom, call, space } => {
                let mut atom = self.bindings.apply(&atom);
                // Beside an instruction it is no part of anything.
                if let Atom::Expression(result) = &atom {
                    atom = result.as_whole();
                }
                Some((Machine::result(atom, &call, &space), rest))
            }
            Task::Function { body, call, space } => {
                let rest = rest.push(FrameKind::Function {
                    call,
                    space: space.clone(),
                });
                Some((Task::Minimal { atom: body, space }, rest))
            }
            Task::Beside {
                operation,
                call,
                space,
            } => {
                let next = self.operate(&operation, &call, space, rest)?;
                match &next.0 {
                    Task::Return(atom)
                        if atom.is_symbol(&known().not_reducible)
                            && operation.control() != Some(Control::Inert) =>
                    {
                        None
                    }
                    _ => Some(next),
                }
            }
            Task::Watched(entered) => Some(self.enter(*entered, rest)),
            Task::Return(atom) => self.deliver(atom, rest),
        }
    }

    /// The solutions of a query, within the budget: each atom that is looked at
    /// counts as a reduction. A bound that was hit ends the evaluation next.
    pub(crate) fn query(&mut self, space: &Space, pattern: &Atom) -> Vec<Solution> {
        let Machine {
            bindings,
            meter,
            exhausted,
            proving,
            ..
        } = self;
        space.solutions(pattern, bindings, *proving, &mut |held| {
            let checked = meter
                .reduce()
                .and_then(|()| meter.check_bytes(held * SOLUTION_BYTES));
            *exhausted = checked.err();
            exhausted.is_none()
        })
    }

    /// As [`Machine::query`], for the first `most` solutions of a pattern that is no
    /// join; and whether there may be more.
    pub(crate) fn query_first(
        &mut self,
        space: &Space,
        pattern: &Atom,
        most: usize,
    ) -> (Vec<Solution>, bool) {
        let Machine {
            bindings,
            meter,
            exhausted,
            proving,
            ..
        } = self;
        space.first_solutions(pattern, bindings, *proving, most, &mut |held| {
            let checked = meter
                .reduce()
                .and_then(|()| meter.check_bytes(held * SOLUTION_BYTES));
            *exhausted = checked.err();
            exhausted.is_none()
        })
    }

    /// Whether a query hit a bound, which the next step reports.
    pub(crate) fn is_exhausted(&self) -> bool {
        self.exhausted.is_some()
    }

    fn check(&mut self, rest: &Rest, going_up: bool) -> Result<(), Exhausted> {
        if let Some(exhausted) = self.exhausted.take() {
            return Err(exhausted);
        }
        self.meter.reduce()?;
        let depth = rest.depth();
        if !going_up {
            if depth > self.host.settings.stack_depth_max {
                return Err(Exhausted::Depth);
            }
            self.meter.check_depth(depth)?;
        }
        // Rough sizes of a frame, a choice and a binding with what they hold.
        let bytes = depth * 192
            + self.choices.len() * 256
            + self.bindings.len() * 128
            + self.tables.len() * 256;
        self.peak_bytes = self.peak_bytes.max(bytes);
        self.meter.check_bytes(bytes)
    }

    /// Takes the newest choice that has something to do.
    fn backtrack(&mut self) -> Option<(Task, Rest)> {
        loop {
            match self.choices.pop()? {
                Choice::Branch {
                    task,
                    rest,
                    mark,
                    delta,
                    steps,
                } => {
                    self.resume(mark, delta);
                    self.steps = steps;
                    return Some((task, rest));
                }
                Choice::Alternatives {
                    rest,
                    mark,
                    succeeded,
                    errors,
                } => {
                    self.bindings.undo(mark);
                    if !succeeded {
                        for (error, delta, steps) in errors.into_iter().rev() {
                            let task = Task::Return(error);
                            self.choices.push(Choice::Branch {
                                task,
                                rest: rest.clone(),
                                mark,
                                delta,
                                steps,
                            });
                        }
                    }
                }
                Choice::Gather {
                    kind,
                    rest,
                    mark,
                    items,
                    steps,
                } => {
                    self.bindings.undo(mark);
                    self.steps = steps;
                    if let Some(next) = minimal::gathered(self, kind, items, rest) {
                        return Some(next);
                    }
                }
                Choice::Case {
                    cases,
                    space,
                    rest,
                    mark,
                    any,
                    steps,
                } => {
                    self.bindings.undo(mark);
                    if !any {
                        self.steps = steps;
                        let empty = Atom::Symbol(known().empty.clone());
                        if let Some(next) =
                            control::switch(self, Control::Case, &empty, &cases, &space, &rest)
                        {
                            return Some(next);
                        }
                    }
                }
                Choice::Limit { .. } => {}
                Choice::Fill(tabled) => {
                    if let Some(next) = tabling::pass_ended(self, *tabled) {
                        return Some(next);
                    }
                }
                Choice::Solutions(more) => {
                    if let Some(next) = cut::more_solutions(self, *more) {
                        return Some(next);
                    }
                }
                Choice::Answers { tabled, next } => {
                    if let Some(next) = tabling::next_answer(self, *tabled, next) {
                        return Some(next);
                    }
                }
            }
        }
    }

    fn resume(&mut self, mark: Mark, delta: Delta) {
        self.bindings.undo(mark);
        for (variable, value) in delta {
            self.bindings.bind(variable, value);
        }
    }

    /// Several ways to go on: the first now, the others as choices.
    pub(crate) fn branch(
        &mut self,
        ways: Vec<(Task, Delta, Steps)>,
        rest: &Rest,
    ) -> Option<(Task, Rest)> {
        let mark = self.bindings.mark();
        if ways.len() > 1 {
            self.watch_choice(&ways[0].0);
        }
        let mut ways = ways.into_iter();
        let (task, delta, steps) = ways.next()?;
        for (task, delta, steps) in ways.rev() {
            self.choices.push(Choice::Branch {
                task,
                rest: rest.clone(),
                mark,
                delta,
                steps,
            });
        }
        self.resume(mark, delta);
        self.steps = steps;
        Some((task, rest.clone()))
    }

    pub(crate) fn step(&self, step: impl FnOnce() -> Step) -> Steps {
        if self.proving {
            self.steps.with(step())
        } else {
            Steps::default()
        }
    }

    /// Opens a place where errors are set aside. Directly inside another one it
    /// would decide the same, so a tail call does not grow the rest.
    pub(super) fn alternatives(&mut self, rest: Rest) -> Rest {
        if let Some(frame) = &rest.0
            && matches!(frame.kind, FrameKind::Alternatives { .. })
        {
            return rest;
        }
        let choice = self.choices.len();
        self.choices.push(Choice::Alternatives {
            rest: rest.clone(),
            mark: self.bindings.mark(),
            succeeded: false,
            errors: Vec::new(),
        });
        rest.push(FrameKind::Alternatives { choice })
    }

    /// Drops bindings that nothing can reach any more.
    fn collect(&mut self, task: &Task, rest: &Rest) {
        let mut reach = Reach::default();
        reach.current(task);
        reach.rest(rest);
        for choice in &self.choices {
            reach.choice(choice);
        }
        let reached = reach.close(&self.bindings);
        let moved = self.bindings.compact(|variable| reached.contains(variable));
        for choice in &mut self.choices {
            let mark = match choice {
                Choice::Branch { mark, .. }
                | Choice::Alternatives { mark, .. }
                | Choice::Gather { mark, .. }
                | Choice::Case { mark, .. }
                | Choice::Limit { mark, .. } => mark,
                Choice::Fill(tabled) | Choice::Answers { tabled, .. } => &mut tabled.mark,
                Choice::Solutions(more) => &mut more.mark,
            };
            *mark = moved.mark(*mark);
        }
        self.collect_at = (self.bindings.len() * 2).max(COLLECT_AT);
    }

    pub(crate) fn is_proving(&self) -> bool {
        self.proving
    }
}

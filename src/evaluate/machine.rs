//! The plain evaluator: one loop over tasks, frames and choices.
//!
//! A task is what to do now; the rest is what to do with its result; a choice
//! is another way to go on, taken when the present branch fails or has given
//! its result. Bindings are undone to where the choice was made.

use std::sync::Arc;

use crate::atom::{Atom, Expression, Grounded, Variable, known};
use crate::budget::{Budget, Exhausted, Meter};
use crate::engine::{Context, Host};
use crate::evaluate::control::{self, Control};
use crate::evaluate::cut::{self, MoreSolutions};
use crate::evaluate::frame::{Done, Elements, FrameKind, Rest};
use crate::evaluate::lambda;
use crate::evaluate::proof::{Step, Steps};
use crate::evaluate::reach::Reach;
use crate::evaluate::tabling::{self, Tabled, Tables};
use crate::evaluate::watched::Entered;
use crate::evaluate::{Answer, Evaluation};
use crate::library::counts;
use crate::operation::Operation;
use crate::space::{Solution, Space};
use crate::types::{self, Mode, Typed, Way};
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
/// Operations whose results are not run if they are a `(function …)`: to the reference they are
/// rules, which return them.
const GIVES_PARTS: [&str; 4] = ["car-atom", "cdr-atom", "if-error", "atom-subst"];

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
            Task::Metta {
                atom: atom.clone(),
                expected: types::undefined(),
                space: space.clone(),
            }
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

    /// Why evaluating `atom` as a value of the type `expected` would be an error of
    /// types, whatever its arguments turn out to be; nothing if one of its types fits.
    pub(crate) fn ill_typed(
        host: &'h mut Host,
        space: &Space,
        atom: &Atom,
        expected: &Atom,
    ) -> Vec<Atom> {
        let mut machine = Machine::new(host, &Budget::default(), false);
        let call = match atom {
            Atom::Variable(_) => return Vec::new(),
            Atom::Expression(call) if !call.children().is_empty() => call,
            Atom::Symbol(_) | Atom::Grounded(_) | Atom::Expression(_) => {
                return machine
                    .cast(atom, expected, space)
                    .err()
                    .unwrap_or_default();
            }
        };
        let mut errors = Vec::new();
        for found in types::typed(space, &call.children()[0]) {
            if found.error().is_some() {
                continue;
            }
            if !types::is_function(&found.atom) {
                return Vec::new();
            }
            let mark = machine.bindings.mark();
            let checked = machine.applicable(call, &found.atom, expected, space);
            machine.bindings.undo(mark);
            match checked {
                Ok(_) => return Vec::new(),
                Err(more) => errors.extend(more),
            }
        }
        errors
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
            Task::Minimal { atom, space } => control::minimal(self, atom, space, rest),
            Task::Eval { atom, space } => self.eval(atom, space, rest),
            Task::Elements(elements) => Some(self.elements(elements, rest)),
            Task::Stepped { atom, call, space } => {
                let atom = self.bindings.apply(&atom);
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
                    if let Some(next) = control::gathered(self, kind, items, rest) {
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

    /// `metta(atom, expected, space)`: see the semantics, "Evaluating".
    fn metta(
        &mut self,
        atom: Atom,
        expected: Atom,
        space: Space,
        rest: Rest,
    ) -> Option<(Task, Rest)> {
        // What variables stand for is not looked at before the call is made: what
        // happened to an element's siblings tells nothing about its type.
        let known = known();
        let as_it_stands = match &atom {
            Atom::Variable(_) => true,
            Atom::Symbol(symbol) => *symbol == known.empty,
            Atom::Grounded(_) => false,
            Atom::Expression(expression) => expression.is_evaluated(),
        };
        // An error with too few or too many parts is an ill-typed call.
        let is_error =
            atom.is_error() && atom.as_expression().is_some_and(|parts| parts.len() == 3);
        // A type variable that stands for a meta-type keeps nothing unevaluated.
        if as_it_stands || types::matches_meta_type(&atom, &expected) {
            return Some((Task::Return(atom), rest));
        }
        match &atom {
            Atom::Expression(expression) if !expression.children().is_empty() && !is_error => {
                let rest = self.alternatives(rest);
                self.interpret(expression.clone(), expected, space, rest)
            }
            _ => match self.cast(&atom, &expected, &space) {
                Ok(()) => Some((Task::Return(atom), rest)),
                Err(errors) => self.branch(self.errors(errors), &rest),
            },
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

    /// Whether one of the types of `atom` is the expected one; else an error for each.
    fn cast(&mut self, atom: &Atom, expected: &Atom, space: &Space) -> Result<(), Vec<Atom>> {
        if types::is_undefined(expected) || expected.is_symbol(&known().atom) {
            return Ok(());
        }
        // A state's type is that of the value it was made with, which may be
        // narrower than the type of the atom that gave the value.
        if let (Atom::Grounded(Grounded::State(_)), Some([head, inner])) =
            (atom, expected.as_expression())
            && head.is_symbol(&known().state_monad)
            && types::is_undefined(inner)
        {
            return Ok(());
        }
        let mut actual = types::types_of(space, atom);
        for found in &actual {
            if types::match_types(expected, found, &mut self.bindings) {
                return Ok(());
            }
        }
        if actual.is_empty() {
            actual.push(types::undefined());
        }
        let wrong = |found: Atom| {
            let reason = Atom::expression([
                Atom::Symbol(known().bad_type.clone()),
                types::shown(&self.bindings.apply(expected)),
                found,
            ]);
            Atom::error(atom.clone(), reason)
        };
        Err(actual.into_iter().map(wrong).collect())
    }

    /// Errors as ways to go on.
    fn errors(&self, errors: Vec<Atom>) -> Vec<(Task, Delta, Steps)> {
        let way = |error| (Task::Return(error), Delta::new(), self.steps.clone());
        errors.into_iter().map(way).collect()
    }

    /// Evaluates a call or a tuple, as the types of its head say.
    fn interpret(
        &mut self,
        expression: Expression,
        expected: Atom,
        space: Space,
        rest: Rest,
    ) -> Option<(Task, Rest)> {
        let head = &expression.children()[0];
        let head_types = types::typed_once(&space, head, &mut self.typings);
        let mut errors = Vec::new();
        // A head that is right by one of its types is not wrong by the others.
        let is_right = head_types.iter().any(|found| found.error().is_none());
        for found in &head_types {
            if let Some(error) = found.error() {
                if !is_right {
                    errors.push(error.clone());
                }
                continue;
            }
            let function = &found.atom;
            if !types::is_function(function) {
                continue;
            }
            match self.applicable(&expression, function, &expected, &space) {
                Ok(returns) => {
                    let parts = function.as_expression().expect("a function type");
                    let mut elements = vec![function.clone()];
                    elements.extend_from_slice(&parts[1..parts.len() - 1]);
                    let elements = Elements {
                        source: expression,
                        expected: Some(elements.into()),
                        done: Done::default(),
                        count: 0,
                        unchanged: true,
                        returns,
                        space,
                    };
                    return Some(self.elements(elements, rest));
                }
                Err(more) => errors.extend(more),
            }
        }
        let mut ways = self.errors(errors);
        let is_value = |found: &Typed| found.error().is_none() && !types::is_function(&found.atom);
        if head_types.iter().any(is_value) {
            let elements = Elements {
                source: expression,
                expected: None,
                done: Done::default(),
                count: 0,
                unchanged: true,
                returns: expected,
                space,
            };
            if ways.is_empty() {
                return Some(self.elements(elements, rest));
            }
            let way = (Task::Elements(elements), Delta::new(), self.steps.clone());
            ways.insert(0, way);
        }
        self.branch(ways, &rest)
    }

    /// Checks a call against one function type; the type of its result, or an
    /// error for each type of an argument that does not fit.
    fn applicable(
        &mut self,
        call: &Expression,
        function: &Atom,
        expected: &Atom,
        space: &Space,
    ) -> Result<Atom, Vec<Atom>> {
        let call_atom = Atom::Expression(call.clone());
        let parts = function.as_expression().expect("a function type");
        let (returns, parameters) = parts[1..].split_last().expect("a function type returns");
        let arguments = &call.children()[1..];
        if parameters.len() != arguments.len() {
            let reason = Atom::Symbol(known().incorrect_number.clone());
            return Err(vec![Atom::error(call_atom, reason)]);
        }
        let mut errors = Vec::new();
        let mut fits = false;
        let Machine {
            bindings, typings, ..
        } = self;
        types::each_way(
            parameters,
            arguments,
            Mode::Call,
            &mut |position| types::typed_for_call(space, &arguments[position], typings),
            bindings,
            &mut |way, bindings| {
                match way {
                    Way::Typed => {
                        fits = types::match_types(returns, expected, bindings);
                        if !fits {
                            let reason = Atom::expression([
                                Atom::Symbol(known().bad_type.clone()),
                                types::shown(&bindings.apply(expected)),
                                types::shown(&bindings.apply(returns)),
                            ]);
                            errors.push(Atom::error(call_atom.clone(), reason));
                        }
                    }
                    Way::Mismatch { position, actual } => {
                        errors.push(actual.error().cloned().unwrap_or_else(|| {
                            let parameter = bindings.apply(&parameters[position]);
                            types::bad_argument(&call_atom, position, &parameter, &actual.atom)
                        }));
                    }
                }
                !fits
            },
        );
        if fits {
            Ok(returns.clone())
        } else {
            Err(errors)
        }
    }

    /// The type with which the next element is evaluated.
    ///
    /// A type variable that stands for a meta-type by now keeps its argument from
    /// being evaluated, as the meta-type itself would. As in the reference, the
    /// first parameter's variable does not where the result's type mentions it:
    /// so `(id (cdr-atom (a b)))` evaluates its argument.
    fn expected_of_element(&self, elements: &Elements) -> Atom {
        let Some(expected) = &elements.expected else {
            return types::undefined();
        };
        let expected = &expected[elements.count];
        if let Atom::Variable(variable) = expected {
            let mut mentioned = false;
            elements
                .returns
                .for_each_variable(|other| mentioned |= other == variable);
            if elements.count == 1 && mentioned {
                return expected.clone();
            }
        }
        self.bindings.apply(expected)
    }

    /// Evaluates the next element that needs it; calls the expression after the last.
    fn elements(&mut self, mut elements: Elements, rest: Rest) -> (Task, Rest) {
        let source = elements.source.clone();
        let children = source.children();
        while elements.count < children.len() {
            let child = &children[elements.count];
            // Evaluating one argument tells the types of those after it.
            let child = if elements.expected.is_some() && elements.count > 1 {
                self.bindings.apply_to_part(child)
            } else {
                child.clone()
            };
            let expected = self.expected_of_element(&elements);
            let plain = match &child {
                Atom::Variable(_) => true,
                Atom::Symbol(symbol) => {
                    *symbol != known().empty
                        && (elements.count == 0 || types::is_undefined(&expected))
                }
                Atom::Grounded(_) => elements.count == 0 || types::is_undefined(&expected),
                Atom::Expression(expression) => {
                    expected.is_symbol(&known().atom)
                        || (expression.is_evaluated() && expression.is_ground())
                }
            };
            if plain {
                elements.done = elements.done.with(child);
                elements.count += 1;
                continue;
            }
            let space = elements.space.clone();
            let rest = rest.push(FrameKind::Elements(elements));
            return (
                Task::Metta {
                    atom: child,
                    expected,
                    space,
                },
                rest,
            );
        }
        let call = Atom::expression(elements.done.collect(elements.count));
        let call = self.bindings.apply(&call);
        let returns = elements.returns;
        let space = elements.space;
        let rest = rest.push(FrameKind::Call {
            call: call.clone(),
            unchanged: elements.unchanged,
            returns,
            space: space.clone(),
        });
        (Task::Eval { atom: call, space }, rest)
    }

    /// One step of `atom`.
    fn eval(&mut self, atom: Atom, space: Space, rest: Rest) -> Option<(Task, Rest)> {
        let atom = self.bindings.apply(&atom);
        let not_reducible = || Task::Return(Atom::Symbol(known().not_reducible.clone()));
        let Some([head, ..]) = atom.as_expression() else {
            return Some((not_reducible(), rest));
        };
        match head {
            Atom::Grounded(Grounded::Operation(operation)) => {
                self.operate(operation, &atom, space, rest)
            }
            Atom::Symbol(symbol) if control::is_instruction(symbol) => {
                Some((Task::Minimal { atom, space }, rest))
            }
            Atom::Symbol(symbol) => {
                let function = self.host.functions.get(symbol);
                let function = function.filter(|_| space.sees(&self.host.corelib)).cloned();
                if !self.host.tabled.is_empty() {
                    let arity = atom.as_expression().map_or(0, |call| call.len() - 1);
                    if tabling::is_tabled(self.host, symbol, arity, &space) {
                        return tabling::call(self, atom, space, function, rest);
                    }
                }
                self.apply_rules(&atom, &space, rest, function)
            }
            Atom::Variable(_) => Some((not_reducible(), rest)),
            Atom::Expression(_) if lambda::is_lambda(head) => {
                lambda::apply(self, &atom, &space, rest)
            }
            Atom::Grounded(_) | Atom::Expression(_) => {
                if has_variable_head(head) {
                    return Some((not_reducible(), rest));
                }
                self.apply_rules(&atom, &space, rest, None)
            }
        }
    }

    /// Calls an operation.
    fn operate(
        &mut self,
        operation: &Operation,
        call: &Atom,
        space: Space,
        rest: Rest,
    ) -> Option<(Task, Rest)> {
        let arguments = &call.as_expression().expect("a call is an expression")[1..];
        let taken = counts::taken(operation, arguments);
        if let (Some(control), Ok(_)) = (operation.control(), &taken) {
            return control::call(self, control, call, space, rest);
        }
        self.watch_outside();
        let budget = self.meter.rest();
        let mut context = Context {
            host: self.host,
            space: &space,
            budget,
        };
        let answer = taken.and_then(|arguments| operation.call(arguments, &mut context));
        self.meter.spent += std::mem::take(&mut self.host.spent_inside);
        // Called it was, whatever it says.
        let steps = self.step(|| Step::Operation(operation.name().to_owned()));
        match answer {
            // One step that gives nothing gives `Empty`, which a chain may look at.
            Ok(results) if results.is_empty() => {
                self.steps = steps;
                Some((Task::Return(Atom::Symbol(known().empty.clone())), rest))
            }
            Ok(results) => {
                let ways = results
                    .into_iter()
                    .map(|result| {
                        let task = if GIVES_PARTS.contains(&operation.name()) {
                            Task::Return(result)
                        } else {
                            Machine::result(result, call, &space)
                        };
                        (task, Delta::new(), steps.clone())
                    })
                    .collect();
                self.branch(ways, &rest)
            }
            Err(error) => match error.into_atom(call) {
                Some(error) => {
                    self.steps = steps;
                    Some((Task::Return(error), rest))
                }
                None => {
                    self.steps = steps;
                    let not_reducible = Atom::Symbol(known().not_reducible.clone());
                    Some((Task::Return(not_reducible), rest))
                }
            },
        }
    }

    /// What to do with a result of one step: a `function` runs on.
    pub(crate) fn result(result: Atom, call: &Atom, space: &Space) -> Task {
        match result.as_expression() {
            Some([head, body @ Atom::Expression(_)]) if head.is_symbol(&known().function) => {
                Task::Function {
                    body: body.clone(),
                    call: Some(call.clone()),
                    space: space.clone(),
                }
            }
            _ => Task::Return(result),
        }
    }

    /// As [`Machine::result`], for a template whose variables are bound when the task is done.
    pub(crate) fn template_result(template: &Atom, call: &Atom, space: &Space) -> Task {
        let open = match template {
            Atom::Variable(_) => true,
            Atom::Expression(parts) => matches!(parts.children(), [Atom::Variable(_), _]),
            Atom::Symbol(_) | Atom::Grounded(_) => false,
        };
        if open {
            Task::Stepped {
                atom: template.clone(),
                call: call.clone(),
                space: space.clone(),
            }
        } else {
            Machine::result(template.clone(), call, space)
        }
    }

    fn rule_pattern(call: &Atom) -> (Variable, Atom) {
        let body = Variable::new("body").renamed();
        let pattern = Atom::expression([
            Atom::Symbol(known().equal.clone()),
            call.clone(),
            Atom::Variable(body.clone()),
        ]);
        (body, pattern)
    }

    /// Every rule whose head unifies with `call` gives a branch.
    /// The function of the standard library that the symbol names is one more rule.
    pub(crate) fn apply_rules(
        &mut self,
        call: &Atom,
        space: &Space,
        rest: Rest,
        function: Option<Arc<Operation>>,
    ) -> Option<(Task, Rest)> {
        let (body, pattern) = Machine::rule_pattern(call);
        let mut found: Vec<(Atom, Delta, Option<Step>)> = Vec::new();
        let mut rules = Vec::new();
        let (proving, watched) = (self.proving, self.host.watch.is_some());
        let mark = self.bindings.mark();
        space.each(&pattern, &mut self.bindings, |row, bindings| {
            let body_atom = Atom::Variable(body.clone());
            let result = bindings.apply(&body_atom);
            let mut delta = bindings.since(mark);
            delta.retain(|(variable, _)| *variable != body);
            let step = proving.then(|| Step::Rule {
                head: head_of(&row.atom()),
                origin: row.origin(),
            });
            if watched {
                rules.push((head_of(&row.atom()), row.origin()));
            }
            found.push((result, delta, step));
        });
        if found.is_empty() {
            if let Some(function) = function {
                return self.operate(&function, call, space.clone(), rest);
            }
            return Some((
                Task::Return(Atom::Symbol(known().not_reducible.clone())),
                rest,
            ));
        }
        let mut ways: Vec<(Task, Delta, Steps)> = found
            .into_iter()
            .map(|(result, delta, step)| {
                let steps = match step {
                    Some(step) => self.steps.with(step),
                    None => Steps::default(),
                };
                (Machine::result(result, call, space), delta, steps)
            })
            .collect();
        if let Some(operation) = function {
            let beside = Task::Beside {
                operation,
                call: call.clone(),
                space: space.clone(),
            };
            ways.push((beside, Delta::new(), self.steps.clone()));
        }
        self.watch_rules(call, rules, &mut ways);
        self.branch(ways, &rest)
    }

    /// Hands a result to the innermost frame.
    fn deliver(&mut self, atom: Atom, rest: Rest) -> Option<(Task, Rest)> {
        let Some(frame) = rest.0.clone() else {
            let atom = self.bindings.apply(&atom);
            let proof = self.proving.then(|| self.steps.gather());
            self.results.push(Answer { atom, proof });
            if let Some(bound) = &mut self.bound {
                bound.push(self.bindings.iter_raw());
            }
            return None;
        };
        let next = frame.next.clone();
        match &frame.kind {
            FrameKind::Alternatives { choice } => self.deliver_alternative(atom, *choice, next),
            FrameKind::Elements(elements) => {
                let atom = self.bindings.apply(&atom);
                let original = &elements.source.children()[elements.count];
                let changed = self.bindings.apply(original) != atom;
                // As written they may be arguments, not as results.
                if (atom.is_empty_symbol() || (atom.is_error() && !takes_errors(&elements.source)))
                    && (changed || elements.expected.is_none())
                {
                    return Some((Task::Return(atom), next));
                }
                let mut elements = elements.clone();
                elements.unchanged &= !changed;
                elements.done = elements.done.with(atom);
                elements.count += 1;
                Some((Task::Elements(elements), next))
            }
            FrameKind::Call {
                call,
                unchanged,
                returns,
                space,
            } => self.deliver_call(atom, call, *unchanged, returns, space, next),
            FrameKind::Chain {
                variable,
                template,
                space,
            } => {
                let atom = self.bindings.apply(&atom);
                let template = if control::contains(&atom, variable) {
                    template.clone()
                } else {
                    control::substitute(template, variable, &atom)
                };
                Some((
                    Task::Minimal {
                        atom: template,
                        space: space.clone(),
                    },
                    next,
                ))
            }
            FrameKind::Function { call, space } => {
                control::function_result(self, atom, call.as_ref(), space, rest, next)
            }
            FrameKind::Gather { choice } => {
                let atom = self.bindings.apply(&atom);
                if !atom.is_empty_symbol() {
                    let Some(Choice::Gather {
                        items, mark, steps, ..
                    }) = self.choices.get_mut(*choice)
                    else {
                        unreachable!("a gathering frame is inside its choice")
                    };
                    items.push((atom, self.bindings.since(*mark)));
                    if self.proving {
                        // What led to a gathered result led to what is made of them.
                        *steps = steps.with(Step::Gathered(self.steps.clone()));
                    }
                }
                None
            }
            FrameKind::Limit { choice } => {
                let atom = self.bindings.walk(&atom).clone();
                if atom.is_empty_symbol() {
                    return None;
                }
                cut::deliver(self, *choice);
                Some((Task::Return(atom), next))
            }
            FrameKind::Watched(applied) => {
                self.watch_result(*applied, &atom, &next);
                Some((Task::Return(atom), next))
            }
            FrameKind::Table { table, call } => {
                tabling::deliver(self, &atom, *table, call);
                None
            }
            FrameKind::Walk(walk) => {
                let atom = self.bindings.apply(&atom);
                control::walk_result(self, walk.clone(), atom, next)
            }
            FrameKind::Case {
                choice,
                cases,
                space,
            } => {
                let atom = self.bindings.apply(&atom);
                if atom.is_empty_symbol() {
                    return None;
                }
                if let Some(Choice::Case { any, .. }) = self.choices.get_mut(*choice) {
                    *any = true;
                }
                control::switch(self, Control::Case, &atom, cases, space, &next)
            }
        }
    }

    fn deliver_alternative(
        &mut self,
        atom: Atom,
        choice: usize,
        next: Rest,
    ) -> Option<(Task, Rest)> {
        let atom = match atom {
            Atom::Variable(_) => self.bindings.walk(&atom).clone(),
            other => other,
        };
        if atom.is_empty_symbol() {
            return None;
        }
        let last = self.choices.len() == choice + 1;
        let failed = atom.is_error();
        let Some(Choice::Alternatives {
            succeeded,
            errors,
            mark,
            ..
        }) = self.choices.get_mut(choice)
        else {
            unreachable!("a frame of alternatives is inside its choice")
        };
        if failed {
            if *succeeded {
                return None;
            }
            if !last || !errors.is_empty() {
                let delta = self.bindings.since(*mark);
                errors.push((self.bindings.apply(&atom), delta, self.steps.clone()));
                return None;
            }
        } else {
            *succeeded = true;
        }
        if last {
            self.choices.pop();
        }
        Some((Task::Return(atom), next))
    }

    fn deliver_call(
        &mut self,
        atom: Atom,
        call: &Atom,
        unchanged: bool,
        returns: &Atom,
        space: &Space,
        next: Rest,
    ) -> Option<(Task, Rest)> {
        let known = known();
        let atom = match atom {
            Atom::Variable(_) => self.bindings.walk(&atom).clone(),
            other => other,
        };
        if atom.is_symbol(&known.not_reducible) {
            // Where evaluating changed an argument, the whole may be looked at again.
            let call = match self.bindings.apply(call) {
                Atom::Expression(call) if unchanged => Atom::Expression(call.evaluated()),
                call => call,
            };
            return Some((Task::Return(call), next));
        }
        if atom.is_empty_symbol() {
            return None;
        }
        if atom.is_error() {
            return Some((Task::Return(self.bindings.apply(&atom)), next));
        }
        if returns.is_symbol(&known.atom) {
            return Some((Task::Return(atom), next));
        }
        let expected = if returns.is_symbol(&known.expression) {
            types::undefined()
        } else {
            returns.clone()
        };
        let head = call.as_expression().and_then(<[Atom]>::first);
        let atom = if head.is_some_and(|head| head.is_symbol(&known.chain)) {
            atom
        } else {
            self.bindings.apply(&atom)
        };
        Some((
            Task::Metta {
                atom,
                expected,
                space: space.clone(),
            },
            next,
        ))
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

/// The head of a rule.
fn head_of(rule: &Atom) -> Atom {
    rule.as_expression()
        .map_or_else(Atom::unit, |rule| rule[1].clone())
}

/// Whether an error is an argument like others for that call.
fn takes_errors(call: &Expression) -> bool {
    let operation = call.children().first().and_then(Atom::as_operation);
    operation.is_some_and(|operation| operation.control() == Some(Control::LetAny))
}

fn has_variable_head(atom: &Atom) -> bool {
    let mut atom = atom;
    loop {
        match atom {
            Atom::Variable(_) => return true,
            Atom::Expression(expression) => match expression.children().first() {
                Some(head) => atom = head,
                None => return false,
            },
            Atom::Symbol(_) | Atom::Grounded(_) => return false,
        }
    }
}

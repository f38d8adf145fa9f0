//! One step of a call: an operation, or the rules that its head has in the space.

use std::sync::Arc;

use crate::atom::{Atom, Grounded, Variable, known};
use crate::engine::Context;
use crate::evaluate::control;
use crate::evaluate::frame::Rest;
use crate::evaluate::lambda;
use crate::evaluate::machine::{Delta, Machine, Task};
use crate::evaluate::minimal;
use crate::evaluate::proof::{Step, Steps};
use crate::evaluate::tabling;
use crate::library::counts;
use crate::operation::Operation;
use crate::space::Space;

/// Operations whose results are not run if they are a `(function …)`: to the reference they are
/// rules, which return them.
const GIVES_PARTS: [&str; 4] = ["car-atom", "cdr-atom", "if-error", "atom-subst"];

impl Machine<'_> {
    /// One step of `atom`.
    pub(super) fn eval(&mut self, atom: Atom, space: Space, rest: Rest) -> Option<(Task, Rest)> {
        let atom = self.bindings.apply(&atom);
        let not_reducible = || Task::Return(Atom::Symbol(known().not_reducible.clone()));
        let Some([head, ..]) = atom.as_expression() else {
            return match atom {
                Atom::Variable(_) => Some((not_reducible(), rest)),
                // A rule may be for an atom that is no call.
                _ => self.apply_rules(&atom, &space, rest, None),
            };
        };
        match head {
            Atom::Grounded(Grounded::Operation(operation)) => {
                self.operate(operation, &atom, space, rest)
            }
            Atom::Symbol(symbol) if minimal::is_instruction(symbol) => {
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
    pub(super) fn operate(
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
        if !operation.is_repeatable() {
            if self.host.is_second {
                (self.ended, self.host.write_refused) = (true, true);
                self.choices.clear();
                return None;
            }
            self.host.has_changed = true;
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

    pub(super) fn rule_pattern(call: &Atom) -> (Variable, Atom) {
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
            // A variable by itself is no rule.
            if row.is_variable() {
                return;
            }
            let body_atom = Atom::Variable(body.clone());
            let result = bindings.apply_to_part(&body_atom);
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
}

/// The head of a rule.
fn head_of(rule: &Atom) -> Atom {
    rule.as_expression()
        .map_or_else(Atom::unit, |rule| rule[1].clone())
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

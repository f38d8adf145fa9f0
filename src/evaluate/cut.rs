//! `once` and `limit`: the first results of an evaluation, and no more of it.

use crate::atom::{Atom, known};
use crate::evaluate::control;
use crate::evaluate::frame::{FrameKind, Rest};
use crate::evaluate::machine::{Choice, Machine, Task};
use crate::evaluate::proof::Steps;
use crate::space::Space;
use crate::unify::Mark;

/// Evaluates `atom` for its first `count` results: what is left to try is
/// forgotten as soon as they are there.
pub(crate) fn limit(
    machine: &mut Machine<'_>,
    count: u64,
    atom: &Atom,
    space: Space,
    rest: Rest,
) -> Option<(Task, Rest)> {
    if count == 0 {
        return None;
    }
    let choice = machine.choices.len();
    machine.choices.push(Choice::Limit {
        left: count,
        mark: machine.bindings.mark(),
    });
    let task = Task::evaluate(atom.clone(), space);
    Some((task, rest.push(FrameKind::Limit { choice })))
}

/// A result of what is limited goes on; after the last, nothing else of it does.
pub(crate) fn deliver(machine: &mut Machine<'_>, choice: usize) {
    let Some(Choice::Limit { left, .. }) = machine.choices.get_mut(choice) else {
        unreachable!("a limiting frame is inside its choice")
    };
    *left -= 1;
    if *left == 0 {
        machine.choices.truncate(choice);
    }
}

/// How many solutions are looked for first where only the first results are wanted.
const FIRST: usize = 32;
/// How far from what is limited a `match` may stand to be asked for its first
/// solutions only.
const NEAR: usize = 16;

/// The solutions of a `match` that are still to be looked for.
pub(crate) struct MoreSolutions {
    /// The space as it was when the first ones were looked for.
    space: Space,
    pub(crate) call: Atom,
    /// Where the template is evaluated.
    context: Space,
    pub(crate) rest: Rest,
    pub(crate) mark: Mark,
    steps: Steps,
}

/// Whether what goes on here is cut off after some results.
pub(crate) fn is_limited(rest: &Rest) -> bool {
    let mut next = &rest.0;
    for _ in 0..NEAR {
        let Some(frame) = next else { return false };
        match frame.kind {
            FrameKind::Limit { .. } => return true,
            // All results are wanted there.
            FrameKind::Gather { .. } | FrameKind::Table { .. } => return false,
            _ => next = &frame.next.0,
        }
    }
    false
}

/// Whether a pattern is `(, p1 … pn)`.
pub(crate) fn is_join(pattern: &Atom) -> bool {
    let head = pattern.as_expression().and_then(<[Atom]>::first);
    head.is_some_and(|head| head.as_symbol() == Some(","))
}

/// The first solutions of `call`, a `match`, now; the others when these did not do.
pub(crate) fn first_solutions(
    machine: &mut Machine<'_>,
    asked: &Space,
    call: &Atom,
    context: Space,
    rest: Rest,
) -> Option<(Task, Rest)> {
    let [_, _, pattern, template, ..] = call.as_expression().expect("a call is an expression")
    else {
        unreachable!("the caller has looked at the arguments")
    };
    let space = asked.snapshot();
    let (found, more) = machine.query_first(&space, pattern, FIRST);
    if machine.is_exhausted() {
        return Some((Task::Return(call.clone()), rest));
    }
    if found.is_empty() {
        return Some((Task::Return(Atom::Symbol(known().empty.clone())), rest));
    }
    let task = || Machine::template_result(template, call, &context);
    let ways = control::ways(machine, found, task);
    if more {
        machine
            .choices
            .push(Choice::Solutions(Box::new(MoreSolutions {
                space,
                call: call.clone(),
                context: context.clone(),
                rest: rest.clone(),
                mark: machine.bindings.mark(),
                steps: machine.steps.clone(),
            })));
    }
    machine.branch(ways, &rest)
}

/// All solutions after the first ones.
pub(crate) fn more_solutions(
    machine: &mut Machine<'_>,
    more: MoreSolutions,
) -> Option<(Task, Rest)> {
    machine.bindings.undo(more.mark);
    machine.steps = more.steps;
    let [_, _, pattern, template, ..] = more.call.as_expression().expect("a call is an expression")
    else {
        unreachable!("the caller has looked at the arguments")
    };
    let mut found = machine.query(&more.space, pattern);
    if machine.is_exhausted() {
        return Some((Task::Return(more.call.clone()), more.rest));
    }
    let task = || Machine::template_result(template, &more.call, &more.context);
    let ways = control::ways(machine, found.split_off(FIRST.min(found.len())), task);
    machine.branch(ways, &more.rest)
}

//! `once` and `limit`: the first results of an evaluation, and no more of it.

use crate::atom::Atom;
use crate::evaluate::frame::{FrameKind, Rest};
use crate::evaluate::machine::{Choice, Machine, Task};
use crate::space::Space;
use crate::types;

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
    let task = Task::Metta {
        atom: atom.clone(),
        expected: types::undefined(),
        space,
    };
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

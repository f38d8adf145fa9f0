//! A second look, by the plain evaluator, at what compiled code was unsure of.
//!
//! What is evaluated once more, or is ill-typed only since something in it was evaluated or bound, the
//! plain evaluator follows step by step; compiled code decides much of it before it runs. Where
//! something came up that is a sign of that, an error, a call that no rule is for, a value that the
//! plain evaluator was asked, and the whole was short and changed nothing, it is evaluated once more by
//! the plain evaluator, whose results count. What is long is not, so that a directive costs at most
//! some thousand reductions more.

use crate::atom::Atom;
use crate::budget::Budget;
use crate::engine::Host;
use crate::evaluate::{Evaluation, Machine as Plain};
use crate::space::Space;

/// Evaluates once more what compiled code has evaluated, and takes the results if that is short too.
pub(super) fn look(
    host: &mut Host,
    space: &Space,
    atom: &Atom,
    budget: &Budget,
    proving: bool,
    evaluation: &mut Evaluation,
) {
    host.is_running = true;
    let watch = host.watch.take();
    let (results, spent) = Plain::look_again(host, space, atom, budget, proving);
    host.is_running = false;
    host.watch = watch;
    evaluation.reductions += spent;
    if let Some(results) = results {
        evaluation.results = results;
    }
}

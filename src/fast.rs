//! The fast evaluator: rules compiled to code for a machine with its own stacks.
//!
//! [`run`] compiles a directive and what it calls, and executes it; whatever the
//! compiler does not know is evaluated by the plain evaluator, in the midst of the
//! rest. Both give the same answers. What is compiled stays with the engine until
//! rules, types or imports change.

mod cell;
mod choice;
mod code;
mod collect;
mod compile;
mod heap;
mod machine;
mod program;
mod rows;
mod types;

use std::sync::{Arc, Mutex};

use crate::atom::Atom;
use crate::budget::Budget;
use crate::engine::Host;
use crate::evaluate::{Evaluation, Machine as Plain};
use crate::space::Space;

use machine::{Machine, Parts};

/// What was compiled for an engine and those that share it; taken out while an
/// evaluation runs.
#[derive(Clone, Default)]
pub(crate) struct Cache(Arc<Mutex<[Compiled; 2]>>);

#[derive(Default)]
enum Compiled {
    #[default]
    Nothing,
    Ready(Box<Parts>),
    InUse,
}

impl Cache {
    /// Code that records what it uses is kept apart.
    fn take(&self, proving: bool) -> Compiled {
        match self.0.lock() {
            Ok(mut places) => std::mem::replace(&mut places[usize::from(proving)], Compiled::InUse),
            Err(_) => Compiled::InUse,
        }
    }

    fn put(&self, parts: Box<Parts>) {
        if let Ok(mut places) = self.0.lock() {
            let proving = usize::from(parts.program.proving);
            places[proving] = Compiled::Ready(parts);
        }
    }
}

/// Code is made anew once there is more of it than this.
const CODE_MAX: usize = 4 << 20;

/// Evaluates `atom` in `space`; all results, in order.
pub(crate) fn run(
    host: &mut Host,
    space: &Space,
    atom: &Atom,
    budget: &Budget,
    proving: bool,
) -> Evaluation {
    let settings = host.settings;
    let is_call = matches!(atom, Atom::Expression(_));
    let plain = host.plain || !host.tabled.is_empty();
    if proving
        || !is_call
        || plain
        || settings.bare_minimal
        || settings.stack_depth_max != usize::MAX
    {
        return Plain::run(host, space, atom, budget, proving);
    }
    let cache = host.compiled.clone();
    let mut parts = match cache.take(proving) {
        // An operation evaluates something while an evaluation runs.
        Compiled::InUse => return Plain::run(host, space, atom, budget, proving),
        Compiled::Ready(mut parts)
            if parts.program.space.is_same(space)
                && parts.program.code.len() < CODE_MAX
                && !parts.program.value_types.is_full() =>
        {
            parts.program.refresh();
            parts
        }
        Compiled::Ready(_) | Compiled::Nothing => Box::new(Parts::new(host, space, proving)),
    };
    let Some(expression) = parts.compile(host, atom) else {
        cache.put(parts);
        return Plain::run(host, space, atom, budget, proving);
    };
    let mut machine = Machine::new(host, space, *parts, budget);
    machine.evaluate(expression, atom);
    let (parts, evaluation) = machine.into_parts();
    cache.put(Box::new(parts));
    evaluation
}

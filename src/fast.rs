//! The fast evaluator: rules compiled to code for a machine with its own stacks.
//!
//! [`run`] compiles a directive and what it calls, and executes it; whatever the
//! compiler does not know is evaluated by the plain evaluator, in the midst of the
//! rest. Both give the same answers. What is compiled stays with the engine until
//! rules, types or imports change.

mod any_head;
mod applied;
mod block;
mod cell;
mod choice;
mod code;
mod collect;
mod compile;
mod curried;
mod export;
mod flat;
mod function;
mod head;
mod heap;
mod import;
mod keyed;
mod listing;
mod looked;
mod machine;
mod met;
mod names;
mod open;
mod operations;
mod pattern;
mod program;
mod rows;
mod save;
mod second;
mod show;
mod site;
mod stack;
mod switch;
mod table;
mod tables;
mod template;
mod types;
mod unify;
mod value;

use std::sync::{Arc, Mutex};

use crate::atom::{Atom, State};
use crate::budget::Budget;
use crate::engine::Host;
use crate::evaluate::{Evaluation, Machine as Plain};
use crate::space::{Space, moment};
use crate::watch::Watch;

pub use listing::ListingError;

pub(crate) use listing::listing;
use machine::{Machine, Parts};

/// Code that is ready for an engine and those that share it: each is taken out while an
/// evaluation runs on it.
#[derive(Clone, Default)]
pub(crate) struct Cache(Arc<Mutex<Vec<Parts>>>);

/// How many evaluations at the same time find code that is ready.
const READY_MAX: usize = 8;

impl Cache {
    /// Code for a space, of the newest use. Code that records what it uses, or tells
    /// whoever watches, is kept apart.
    fn take(&self, space: &Space, kind: (bool, bool)) -> Option<Parts> {
        let mut ready = self.0.lock().ok()?;
        let place = ready.iter().rposition(|parts| {
            let program = &parts.program;
            (program.proving, program.watched) == kind && program.space.is_same(space)
        })?;
        Some(ready.remove(place))
    }

    fn put(&self, parts: Parts) {
        let mut surplus = None;
        if let Ok(mut ready) = self.0.lock() {
            if ready.len() == READY_MAX {
                surplus = Some(ready.remove(0));
            }
            ready.push(parts);
        }
        // Dropping code may drop spaces, which takes locks of its own.
        drop(surplus);
    }
}

/// Code is made anew once there is more of it than this.
const CODE_MAX: usize = 4 << 20;
/// The same, of expressions that were evaluated once: each keeps some 600 bytes.
const EXPRESSIONS_MAX: usize = 1 << 14;

/// Evaluates `atom` in `space`; all results, in order.
pub(crate) fn run(
    host: &mut Host,
    space: &Space,
    atom: &Atom,
    budget: &Budget,
    proving: bool,
) -> Evaluation {
    let _then = moment::enter(host.moment.as_ref());
    if !is_compiled(host, atom, proving) {
        return Plain::run(host, space, atom, budget, proving);
    }
    let watch = host.watch.clone().filter(|_| !proving);
    let cache = host.compiled.clone();
    let mut parts = parts(host, space, proving);
    let Some(expression) = parts.compile(host, atom) else {
        cache.put(parts);
        return Plain::run(host, space, atom, budget, proving);
    };
    let outer = watch.as_ref().map(Watch::begin);
    host.is_running = true;
    let had_changed = std::mem::take(&mut host.has_changed);
    host.own_states = State::next_number();
    let mut machine = Machine::new(host, space, parts, budget);
    machine.watch_begin();
    machine.evaluate(expression, atom);
    let within = machine.look_again_within();
    let (parts, mut evaluation) = machine.into_parts();
    host.is_running = false;
    if let (Some(watch), Some(outer)) = (watch, outer) {
        watch.end(&outer, evaluation.reductions);
    }
    cache.put(parts);
    if let Some(budget) = within {
        second::look(host, space, atom, &budget, proving, &mut evaluation);
    }
    host.has_changed |= had_changed;
    evaluation
}

/// Compiles what evaluating `atom` may call, so that evaluations find it ready.
pub(crate) fn prepare(host: &Host, space: &Space, atom: &Atom, proving: bool) {
    let _then = moment::enter(host.moment.as_ref());
    if is_compiled(host, atom, proving) {
        let mut parts = parts(host, space, proving);
        if parts.compile(host, atom).is_some() {
            parts.compile_called(host);
        }
        host.compiled.put(parts);
    }
}

/// Whether it is for this evaluator.
fn is_compiled(host: &Host, atom: &Atom, proving: bool) -> bool {
    let settings = host.settings;
    // An operation that evaluates something while an evaluation runs gets the plain one.
    let plain = host.plain || host.is_running;
    // Tables are not recorded, and nobody is told of them.
    let plain = plain || !host.tabled.is_empty() && (proving || keeps_frames(host, proving));
    let is_odd = settings.bare_minimal || proving && counts_frames(host);
    matches!(atom, Atom::Expression(_)) && !plain && !is_odd
}

/// Whether calls are bounded by how many wait for one another: each has a frame then.
fn counts_frames(host: &Host) -> bool {
    host.settings.stack_depth_max != usize::MAX
}

/// Whether code is made that has a frame for each call, and tells of it if somebody watches.
pub(crate) fn keeps_frames(host: &Host, proving: bool) -> bool {
    (host.watch.is_some() || counts_frames(host)) && !proving
}

/// Code that is ready for such an evaluation, or room for some.
fn parts(host: &Host, space: &Space, proving: bool) -> Parts {
    let watched = keeps_frames(host, proving);
    match host.compiled.take(space, (proving, watched)) {
        Some(mut parts)
            if parts.program.code.len() < CODE_MAX
                && parts.program.temporary.len() < EXPRESSIONS_MAX
                && !parts.program.value_types.is_full() =>
        {
            parts.program.go_to(host.moment.as_ref());
            parts.program.note_tabled(host);
            parts
        }
        _ => Parts::new(host, space, proving),
    }
}

//! `parallel`: alternatives evaluated at the same time.

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use crate::atom::Atom;
use crate::budget::Budget;
use crate::engine::Context;
use crate::fast;
use crate::operation::{Operation, OperationError, OperationResult};

/// Threads that help evaluations, of all engines of the process.
static HELPERS: AtomicUsize = AtomicUsize::new(0);

/// Alternatives beside each other, the same on every run.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(hyperpose (atom …))` | an expression, as written | the results of each, evaluated on several cores, in order of the atoms; bindings do not flow out | a change: `ReadOnly`; each has its share of the budget | what the atoms take, and a snapshot | MeTTaLog, PeTTa |
pub(super) fn operations() -> [Operation; 1] {
    [Operation::new(
        "hyperpose",
        "(-> Expression %Undefined%)",
        |arguments, context| match arguments {
            [Atom::Expression(alternatives)] => hyperpose(alternatives.children(), context),
            _ => Err(OperationError::message(
                "hyperpose expects an expression of alternatives",
            )),
        },
    )]
}

/// A place among the helping threads, free again when dropped.
struct Place;

impl Place {
    fn take(places: usize) -> Option<Place> {
        HELPERS
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |taken| {
                (taken < places).then_some(taken + 1)
            })
            .ok()
            .map(|_| Place)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        HELPERS.fetch_sub(1, Ordering::Relaxed);
    }
}

fn hyperpose(alternatives: &[Atom], context: &mut Context<'_>) -> OperationResult {
    if context.host.nested >= crate::engine::NESTED_MAX {
        return Err(OperationError::symbol("StackOverflow"));
    }
    let budget = share(&context.budget, alternatives.len());
    let next = AtomicUsize::new(0);
    let results = Mutex::new(vec![Vec::new(); alternatives.len()]);
    let refused = Mutex::new(false);
    let spent = AtomicU64::new(0);
    let mut host = context.host.snapshot();
    host.nested += 1;
    let space = context.space;
    let work = || {
        let mut host = host.clone();
        while let Some((place, alternative)) = {
            let place = next.fetch_add(1, Ordering::Relaxed);
            alternatives
                .get(place)
                .map(|alternative| (place, alternative))
        } {
            let found = fast::run(&mut host, space, alternative, &budget, false);
            spent.fetch_add(found.reductions, Ordering::Relaxed);
            results.lock().expect("no panic while it is locked")[place] = found.atoms();
        }
        if host.write_refused {
            *refused.lock().expect("no panic while it is locked") = true;
        }
    };
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let helpers = match context.host.watch {
            // Whoever watches is told one thing after the other.
            Some(_) => 0,
            None => alternatives.len().saturating_sub(1).min(cores - 1),
        };
        for _ in 0..helpers {
            // Where all cores are taken, this thread does the work.
            let Some(place) = Place::take(cores - 1) else {
                break;
            };
            let work = &work;
            scope.spawn(move || {
                work();
                drop(place);
            });
        }
        work();
    });
    if refused.into_inner().expect("no panic while it is locked") {
        context.host.write_refused = true;
    }
    context.host.spent_inside += spent.into_inner();
    let results = results.into_inner().expect("no panic while it is locked");
    Ok(results.into_iter().flatten().collect())
}

/// What each of `count` evaluations may spend, so that all together spend no more.
fn share(budget: &Budget, count: usize) -> Budget {
    let mut share = budget.clone();
    let count = count.max(1);
    share.reductions /= count as u64;
    share.bytes /= count;
    share
}

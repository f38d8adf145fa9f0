//! Tabling: the answers of a call are kept, so that the same call, up to the
//! names of variables, is evaluated once; and a call inside its own evaluation
//! takes the answers that there are, so that left recursion ends.
//!
//! A call whose evaluation met itself, or an older call that is still being
//! evaluated, may have missed answers. So the oldest call of such a knot, its
//! leader, is evaluated again until no answer came to the knot when a call had
//! already taken all that there were; only then are the knot's tables complete.
//! Tables last for one evaluation.
//!
//! Source: N.-F. Zhou, T. Sato, "Efficient Fixpoint Computation in Linear
//! Tabling", PPDP 2003; here without their early promotion of answers.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::atom::Atom;
use crate::engine::Host;
use crate::evaluate::frame::{FrameKind, Rest};
use crate::evaluate::machine::{Choice, Machine, Task};
use crate::evaluate::proof::{Step, Steps};
use crate::library::lists::{named_by_place, seal};
use crate::operation::Operation;
use crate::space::Space;
use crate::symbol::Symbol;
use crate::types;
use crate::unify::{Mark, unify};

/// The tables of one evaluation.
#[derive(Default)]
pub(crate) struct Tables {
    by_call: HashMap<Atom, usize, FixedState>,
    tables: Vec<Table>,
    /// Tables being filled, the oldest first.
    filling: Vec<Filling>,
    /// Tables that wait for their leader's next pass.
    partial: Vec<usize>,
    /// Counts passes of all leaders.
    pass: u64,
    answers: usize,
}

#[derive(Default)]
struct Table {
    /// `(call result)`, with what the answer bound in the call.
    answers: Vec<(Atom, Steps)>,
    seen: HashSet<Atom, FixedState>,
    state: State,
    /// The fewest answers that were all there were, to some call, in this pass of its leader.
    taken: Option<usize>,
}

#[derive(Clone, Copy, Default)]
enum State {
    /// Not evaluated, or to be evaluated again.
    #[default]
    Open,
    Filling {
        place: usize,
    },
    /// Evaluated in that pass of the leader at `leader`, among those being filled.
    Partial {
        pass: u64,
        leader: usize,
    },
    Complete,
}

struct Filling {
    table: usize,
    /// The oldest table being filled that this one's evaluation has met.
    leader: usize,
}

/// A call being tabled: what its table's filling needs.
#[derive(Clone)]
pub(crate) struct Tabled {
    pub(crate) table: usize,
    pub(crate) call: Atom,
    pub(crate) space: Space,
    pub(crate) function: Option<Arc<Operation>>,
    pub(crate) returns: Atom,
    /// What is done with each answer.
    pub(crate) rest: Rest,
    pub(crate) mark: Mark,
    pub(crate) steps: Steps,
}

impl Tables {
    /// How many answers are held.
    pub(crate) fn len(&self) -> usize {
        self.answers
    }

    /// Whether the leader at this place needs another pass: answers came to its knot when some call
    /// had taken all that there were. That begins then.
    fn begin_again(&mut self, leading: usize, place: usize) -> bool {
        let knot: Vec<usize> = self
            .partial
            .iter()
            .copied()
            .filter(|waiting| {
                matches!(self.tables[*waiting].state, State::Partial { leader, .. } if leader >= place)
            })
            .chain([leading])
            .collect();
        let is_behind =
            |table: &Table| table.taken.is_some_and(|taken| taken < table.answers.len());
        let again = knot.iter().any(|table| is_behind(&self.tables[*table]));
        if again {
            self.pass += 1;
            for table in knot {
                self.tables[table].taken = None;
            }
        }
        again
    }

    /// Whether the evaluation was ended in the midst of filling one.
    pub(crate) fn are_being_filled(&self) -> bool {
        !self.filling.is_empty()
    }
}

/// A number for which functions are tabled from now on, which was never given before.
pub(crate) fn tabled_version() -> u64 {
    static LAST: AtomicU64 = AtomicU64::new(0);
    LAST.fetch_add(1, Ordering::Relaxed) + 1
}

/// A function whose calls are tabled in `space` and where that is imported.
#[derive(Clone)]
pub(crate) struct TabledFunction {
    /// `None`: with any number of arguments.
    pub(crate) arity: Option<usize>,
    pub(crate) space: Space,
}

/// Whether calls of `symbol` with `arity` arguments are tabled in `space`.
pub(crate) fn is_tabled(host: &Host, symbol: &Symbol, arity: usize, space: &Space) -> bool {
    host.tabled.get(symbol).is_some_and(|functions| {
        functions.iter().any(|function| {
            function.arity.is_none_or(|own| own == arity) && space.sees(&function.space)
        })
    })
}

/// Takes the answers of `call` from its table, which is filled if it is not.
pub(crate) fn call(
    machine: &mut Machine<'_>,
    call: Atom,
    space: Space,
    function: Option<Arc<Operation>>,
    rest: Rest,
) -> Option<(Task, Rest)> {
    // Answers are evaluated to the end before they come into the table.
    let (returns, rest) = match &rest.0 {
        Some(frame) => match &frame.kind {
            FrameKind::Call {
                call: own, returns, ..
            } if head(own) == head(&call) => (returns.clone(), frame.next.clone()),
            // One step of a call, for an instruction.
            _ => (types::undefined(), rest),
        },
        None => (types::undefined(), rest),
    };
    let key = Atom::expression([Atom::space(space.clone()), named_by_place(&call)]);
    let tables = &mut machine.tables;
    let table = *tables.by_call.entry(key).or_insert_with(|| {
        tables.tables.push(Table::default());
        tables.tables.len() - 1
    });
    let tabled = Tabled {
        table,
        call,
        space,
        function,
        returns,
        rest,
        mark: machine.bindings.mark(),
        steps: machine.steps.clone(),
    };
    let met = match tables.tables[table].state {
        State::Complete => return next_answer(machine, tabled, 0),
        State::Filling { place } => Some(place),
        State::Partial { pass, leader } if pass == tables.pass => Some(leader),
        State::Partial { .. } | State::Open => None,
    };
    if let Some(met) = met {
        if let Some(newest) = tables.filling.last_mut() {
            newest.leader = newest.leader.min(met);
        }
        return next_answer(machine, tabled, 0);
    }
    let place = tables.filling.len();
    if let State::Partial { .. } = tables.tables[table].state {
        tables.partial.retain(|waiting| *waiting != table);
    }
    tables.tables[table].state = State::Filling { place };
    tables.filling.push(Filling {
        table,
        leader: place,
    });
    fill(machine, tabled)
}

fn head(call: &Atom) -> Option<&Atom> {
    call.as_expression().and_then(<[Atom]>::first)
}

/// One pass over the rules for the call.
fn fill(machine: &mut Machine<'_>, tabled: Tabled) -> Option<(Task, Rest)> {
    let rest = tabled
        .rest
        .push(FrameKind::Table {
            table: tabled.table,
            call: tabled.call.clone(),
        })
        .push(FrameKind::Call {
            call: tabled.call.clone(),
            unchanged: true,
            returns: tabled.returns.clone(),
            space: tabled.space.clone(),
        });
    let (call, space) = (tabled.call.clone(), tabled.space.clone());
    let function = tabled.function.clone();
    machine.choices.push(Choice::Fill(Box::new(tabled)));
    machine.apply_rules(&call, &space, rest, function)
}

/// An answer of the table being filled.
pub(crate) fn deliver(machine: &mut Machine<'_>, result: &Atom, table: usize, call: &Atom) {
    let result = machine.bindings.apply(result);
    if result.is_empty_symbol() {
        return;
    }
    let answer = Atom::expression([machine.bindings.apply(call), result]);
    let tables = &mut machine.tables;
    if tables.tables[table].seen.insert(named_by_place(&answer)) {
        tables.tables[table]
            .answers
            .push((answer, machine.steps.clone()));
        tables.answers += 1;
    }
}

/// A pass over the rules has ended: another one, or the answers.
pub(crate) fn pass_ended(machine: &mut Machine<'_>, tabled: Tabled) -> Option<(Task, Rest)> {
    machine.bindings.undo(tabled.mark);
    machine.steps = tabled.steps.clone();
    let tables = &mut machine.tables;
    let place = tables.filling.len() - 1;
    let newest = &tables.filling[place];
    debug_assert_eq!(newest.table, tabled.table, "tables are filled as a stack");
    let leader = newest.leader;
    if leader == place && tables.begin_again(tabled.table, place) {
        return fill(machine, tabled);
    }
    let filled = tables.filling.pop().expect("just seen");
    let mut waiting = std::mem::take(&mut tables.partial);
    if leader == place {
        tables.tables[filled.table].state = State::Complete;
        waiting.retain(|waiting| {
            let state = &mut tables.tables[*waiting].state;
            match *state {
                State::Partial { leader, pass } if leader >= place => {
                    // What the last pass did not come to is evaluated when asked for.
                    *state = if pass == tables.pass {
                        State::Complete
                    } else {
                        State::Open
                    };
                    false
                }
                _ => true,
            }
        });
    } else {
        let pass = tables.pass;
        for waiting in &waiting {
            if let State::Partial { leader: own, .. } = &mut tables.tables[*waiting].state
                && *own >= place
            {
                *own = leader;
            }
        }
        tables.tables[filled.table].state = State::Partial { pass, leader };
        waiting.push(filled.table);
        let outer = tables
            .filling
            .last_mut()
            .expect("the leader is still being filled");
        outer.leader = outer.leader.min(leader);
    }
    tables.partial = waiting;
    next_answer(machine, tabled, 0)
}

/// The answer with number `next`, and after it those that come later, also those
/// that are found meanwhile.
pub(crate) fn next_answer(
    machine: &mut Machine<'_>,
    tabled: Tabled,
    mut next: usize,
) -> Option<(Task, Rest)> {
    machine.bindings.undo(tabled.mark);
    while let Some((answer, steps)) = machine.tables.tables[tabled.table].answers.get(next) {
        next += 1;
        let steps = steps.clone();
        let fresh = seal(answer, &[]);
        let Some([instance, result]) = fresh.as_expression() else {
            unreachable!("answers are pairs")
        };
        // Variables of the call stay.
        if !unify(instance, &tabled.call, &mut machine.bindings) {
            machine.bindings.undo(tabled.mark);
            continue;
        }
        machine.steps = if machine.is_proving() {
            tabled.steps.with(Step::Gathered(steps))
        } else {
            tabled.steps.clone()
        };
        let way = (Task::Return(result.clone()), tabled.rest.clone());
        machine.choices.push(Choice::Answers {
            tabled: Box::new(tabled),
            next,
        });
        return Some(way);
    }
    let table = &mut machine.tables.tables[tabled.table];
    let count = table.answers.len();
    table.taken = Some(table.taken.map_or(count, |taken| taken.min(count)));
    None
}

//! Evaluating as part of another evaluation: each result comes with what it binds.

use crate::atom::{Atom, Variable, known};
use crate::budget::Budget;
use crate::engine::Host;
use crate::evaluate::Proof;
use crate::evaluate::frame::{FrameKind, Rest};
use crate::evaluate::machine::{Delta, Machine, Task};
use crate::evaluate::tabling::Tables;
use crate::space::Space;
use crate::unify::Bindings;

/// The results of an expression inside another evaluation.
pub(crate) struct Ways {
    /// Each result with what it binds.
    pub(crate) ways: Vec<(Atom, Delta, Option<Proof>)>,
    pub(crate) reductions: u64,
    /// About how many bytes were in use at most.
    pub(crate) peak_bytes: usize,
    /// Whether a bound ended it; then the only result says so.
    pub(crate) exhausted: bool,
}

/// The type that is expected of results.
pub(crate) enum Wanted {
    /// As it is written.
    Type(Atom),
    /// As what a type variable stands for, so that a meta-type is one like others.
    ByVariable(Atom),
}

impl Wanted {
    /// The expected type, and what its variable stands for.
    fn parts(self) -> (Atom, Option<(Variable, Atom)>) {
        match self {
            Wanted::Type(wanted) => (wanted, None),
            Wanted::ByVariable(wanted) => {
                let variable = Variable::new("type").renamed();
                (Atom::Variable(variable.clone()), Some((variable, wanted)))
            }
        }
    }
}

/// Whether a call that is not reducible is a result: one of a name, whose arguments are values that
/// evaluating leaves as they are, or without any. Of an operation it is not known whether they were evaluated
/// to something else, which it may not be defined for.
fn is_of_results(call: &Atom) -> bool {
    let Some([head, arguments @ ..]) = call.as_expression() else {
        return false;
    };
    let mut arguments = arguments.iter();
    let is_result = |argument: &Atom| match argument {
        Atom::Expression(argument) => argument.is_evaluated(),
        Atom::Symbol(_) | Atom::Variable(_) | Atom::Grounded(_) => true,
    };
    arguments.len() == 0 || matches!(head, Atom::Symbol(_)) && arguments.all(is_result)
}

/// What waits for the results of a call; `unchanged` says whether its arguments are as they were
/// written.
fn call_frame(
    space: &Space,
    call: &Atom,
    returns: Wanted,
    unchanged: bool,
) -> (FrameKind, Option<(Variable, Atom)>) {
    let (returns, bound) = returns.parts();
    let frame = FrameKind::Call {
        call: call.clone(),
        unchanged,
        returns,
        space: space.clone(),
    };
    (frame, bound)
}

impl<'h> Machine<'h> {
    /// Evaluates `atom` as a value of a type, as part of another evaluation: what
    /// its variables are bound to by each result is part of the result. `tables` are that
    /// evaluation's.
    pub(crate) fn run_ways(
        host: &'h mut Host,
        space: &Space,
        atom: &Atom,
        expected: Wanted,
        (budget, proving): (&Budget, bool),
        tables: &mut Tables,
    ) -> Ways {
        let (expected, bound) = expected.parts();
        let task = Task::Metta {
            atom: atom.clone(),
            expected,
            space: space.clone(),
        };
        Machine::ways(host, atom, (budget, proving), (task, None), bound, tables)
    }

    /// As [`Machine::run_ways`], of a call whose arguments are as its function wants them;
    /// its results are evaluated as values of a type. One that has changed, since its head was a
    /// call, is no result where no rule is for it.
    pub(crate) fn run_call(
        host: &'h mut Host,
        space: &Space,
        (call, changed): (&Atom, bool),
        returns: Wanted,
        (budget, proving): (&Budget, bool),
        tables: &mut Tables,
    ) -> Ways {
        let task = Task::Eval {
            atom: call.clone(),
            space: space.clone(),
        };
        let unchanged = !changed && is_of_results(call);
        let (frame, bound) = call_frame(space, call, returns, unchanged);
        Machine::ways(
            host,
            call,
            (budget, proving),
            (task, Some(frame)),
            bound,
            tables,
        )
    }

    /// As [`Machine::run_call`], of what a rule or an operation gave for a call.
    pub(crate) fn run_result(
        host: &'h mut Host,
        space: &Space,
        result: &Atom,
        returns: Wanted,
        (budget, proving): (&Budget, bool),
        tables: &mut Tables,
    ) -> Ways {
        let task = Machine::result(result.clone(), result, space);
        let (frame, bound) = call_frame(space, result, returns, true);
        Machine::ways(
            host,
            result,
            (budget, proving),
            (task, Some(frame)),
            bound,
            tables,
        )
    }

    /// As [`Machine::run_result`], of a pair: a call whose arguments are as its function wants them,
    /// and what one of its rules gave for it, or an instruction that this has become. If no type is
    /// wanted, results are what one step gives: as they are.
    pub(crate) fn run_rule(
        host: &'h mut Host,
        space: &Space,
        pair: &Atom,
        returns: Option<Wanted>,
        (budget, proving): (&Budget, bool),
        tables: &mut Tables,
    ) -> Ways {
        let Some([call, result]) = pair.as_expression() else {
            unreachable!("a pair")
        };
        let task = match result.as_expression() {
            Some([head, body]) if head.is_symbol(&known().function) => Task::Function {
                body: body.clone(),
                call: Some(call.clone()),
                space: space.clone(),
            },
            _ => Task::Minimal {
                atom: result.clone(),
                space: space.clone(),
            },
        };
        let (frame, bound) = match returns {
            Some(returns) => {
                let (frame, bound) = call_frame(space, call, returns, is_of_results(call));
                (Some(frame), bound)
            }
            None => (None, None),
        };
        Machine::ways(host, pair, (budget, proving), (task, frame), bound, tables)
    }

    fn ways(
        host: &'h mut Host,
        atom: &Atom,
        (budget, proving): (&Budget, bool),
        (task, frame): (Task, Option<FrameKind>),
        bound: Option<(Variable, Atom)>,
        tables: &mut Tables,
    ) -> Ways {
        let mut machine = Machine::new(host, budget, proving);
        machine.tables = std::mem::take(tables);
        if let Some((variable, of)) = bound {
            machine.bindings.bind(variable, of);
        }
        machine.bound = Some(Vec::new());
        let rest = match frame {
            Some(frame) => machine.alternatives(Rest::default()).push(frame),
            None => Rest::default(),
        };
        let outer = machine.watch_begin();
        machine.drive_from(task, rest);
        machine.watch_end(outer);
        let mut variables = Vec::new();
        atom.for_each_variable(|variable| {
            if !variables.contains(variable) {
                variables.push(variable.clone());
            }
        });
        let results = std::mem::take(&mut machine.results);
        let bound = machine.bound.take().unwrap_or_default();
        let exhausted = machine.ended;
        if !machine.tables.are_being_filled() {
            *tables = std::mem::take(&mut machine.tables);
        }
        let ways = results
            .into_iter()
            .zip(bound)
            .map(|(answer, delta)| {
                let mut bindings = Bindings::new();
                for (variable, value) in delta {
                    bindings.bind(variable, value);
                }
                let delta = variables
                    .iter()
                    .filter_map(|variable| Some((variable.clone(), bindings.resolve(variable)?)))
                    .collect();
                (answer.atom, delta, answer.proof)
            })
            .collect();
        Ways {
            ways,
            reductions: machine.meter.spent,
            peak_bytes: machine.peak_bytes,
            exhausted,
        }
    }
}

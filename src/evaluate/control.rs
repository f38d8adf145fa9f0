//! The forms that steer evaluation, carried out here: choices, `let`, `case`, `match`, walks over lists.

use crate::atom::{Atom, Grounded, Variable, known};
use crate::evaluate::cut;
use crate::evaluate::frame::{Done, FrameKind, Rest, Walk, WalkKind};
use crate::evaluate::machine::{Choice, Delta, Gather, Machine, Task};
use crate::evaluate::minimal::{asked, gather};
use crate::evaluate::proof::Step;
use crate::library::lists::seal;
use crate::space::{Solution, Space};
use crate::unify::{Replacement, rebuild, unify, unify_pattern};

/// What to do next; `None` ends the branch.
pub(super) type Next = Option<(Task, Rest)>;

/// The forms that the evaluator carries out itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Control {
    If,
    Let,
    /// As `let`; also an error is a value that is matched with the pattern.
    LetAny,
    LetStar,
    Case,
    Switch,
    Collapse,
    Match,
    Capture,
    Map,
    Filter,
    Fold,
    Once,
    Limit,
    Lambda,
    /// No call of it is reducible: its rule's result is `NotReducible`.
    Inert,
}

/// The reference's is written in MeTTa, so this text is a string there.
pub(super) const PAIRS_EXPECTED: &str =
    "List of (<pattern> <atom>) pairs is expected as a second argument";

/// One way per solution of `pattern` in `space`, each going on with `task`.
pub(super) fn solutions(
    machine: &mut Machine<'_>,
    space: &Space,
    pattern: &Atom,
    task: impl Fn() -> Task,
) -> Vec<(Task, Delta, crate::evaluate::proof::Steps)> {
    let found = machine.query(space, pattern);
    ways(machine, found, task)
}

/// One way per solution, each going on with `task`.
pub(crate) fn ways(
    machine: &Machine<'_>,
    found: Vec<Solution>,
    task: impl Fn() -> Task,
) -> Vec<(Task, Delta, crate::evaluate::proof::Steps)> {
    found
        .into_iter()
        .map(|(delta, facts)| {
            let mut steps = machine.steps.clone();
            if machine.is_proving() {
                for (atom, origin) in facts {
                    steps = steps.with(Step::Fact { atom, origin });
                }
            }
            (task(), delta, steps)
        })
        .collect()
}

/// Whether `variable` occurs in `atom`: then it cannot stand for it.
pub(crate) fn contains(atom: &Atom, variable: &Variable) -> bool {
    let mut found = false;
    if !atom.is_ground() {
        atom.for_each_variable(|other| found |= other == variable);
    }
    found
}

/// `template` with `variable` replaced by `value`.
pub(crate) fn substitute(template: &Atom, variable: &Variable, value: &Atom) -> Atom {
    if template.is_ground() {
        return template.clone();
    }
    rebuild(template, |found| {
        if found == variable {
            Replacement::Final(value.clone())
        } else {
            Replacement::Keep
        }
    })
}

/// The template of the first case whose pattern unifies; `Empty` where there is
/// none, or before it something that is no pair of pattern and template. Of equal variables
/// `case` keeps those of the value, `switch` those of the pattern.
pub(crate) fn switch(
    machine: &mut Machine<'_>,
    form: Control,
    atom: &Atom,
    cases: &Atom,
    space: &Space,
    rest: &Rest,
) -> Next {
    let cases = machine.bindings.apply(cases);
    let empty = Atom::Symbol(known().empty.clone());
    let mut chosen = &empty;
    for case in cases.as_expression().unwrap_or_default() {
        let Some([pattern, template]) = case.as_expression() else {
            break;
        };
        if let Some((asked, pattern)) = asked(&machine.bindings, atom, pattern) {
            let task = || Machine::template_result(template, &told_apart(template), space);
            let ways = solutions(machine, &asked, &pattern, task);
            if ways.is_empty() {
                continue;
            }
            return machine.branch(ways, rest);
        }
        let fits = match form {
            Control::Case => unify_pattern(pattern, atom, &mut machine.bindings),
            _ => unify_pattern(atom, pattern, &mut machine.bindings),
        };
        if fits {
            // To the library's rules `NotReducible` is no answer.
            if !machine
                .bindings
                .walk(template)
                .is_symbol(&known().not_reducible)
            {
                chosen = template;
            }
            break;
        }
    }
    let chosen = machine.bindings.apply_to_part(chosen);
    let task = Machine::result(chosen.clone(), &told_apart(&chosen), space);
    Some((task, rest.clone()))
}

/// The call that gives the template of a case: to the library's rules `NotReducible` is no answer.
fn told_apart(template: &Atom) -> Atom {
    Atom::expression([
        Atom::symbol("if-equal"),
        template.clone(),
        Atom::Symbol(known().not_reducible.clone()),
        Atom::Symbol(known().empty.clone()),
        template.clone(),
    ])
}

/// Carries out a form; `call` has its arguments as the signature wants them.
pub(crate) fn call(
    machine: &mut Machine<'_>,
    control: Control,
    call: &Atom,
    space: Space,
    rest: Rest,
) -> Next {
    let arguments = &call.as_expression().expect("a call is an expression")[1..];
    let not_reducible = || Task::Return(Atom::Symbol(known().not_reducible.clone()));
    let wrong = |text: &str| Task::Return(Atom::error(call.clone(), Atom::symbol(text)));
    match (control, arguments) {
        (Control::If, [condition, then, otherwise]) => {
            if_known(machine, call, condition, [then, otherwise], space, rest)
        }
        (Control::Let | Control::LetAny, [pattern, value, template]) => {
            let_matched(machine, pattern, value, template, rest)
        }
        (Control::LetStar, [Atom::Symbol(_) | Atom::Variable(_), template]) => {
            Some((Task::Return(template.clone()), rest))
        }
        (Control::LetStar, [Atom::Expression(pairs), template]) => {
            let form = first_let(machine, call, pairs.children(), template);
            Some((Task::Return(form), rest))
        }
        (Control::Case, [atom, cases]) => Some(case(machine, atom, cases, space, rest)),
        (Control::Switch, [atom, cases]) => switch(machine, control, atom, cases, &space, &rest),
        (Control::Collapse, [atom]) => {
            let task = Task::evaluate(atom.clone(), space);
            Some(gather(machine, Gather::Atoms, task, rest))
        }
        (
            Control::Match,
            [
                Atom::Grounded(Grounded::Space(asked)),
                pattern,
                template,
                ..,
            ],
        ) => {
            if cut::is_limited(&rest) && !cut::is_join(pattern) {
                return cut::first_solutions(machine, asked, call, space, rest);
            }
            let task = || Machine::template_result(template, call, &space);
            let ways = solutions(machine, asked, pattern, task);
            if machine.is_exhausted() {
                return Some((Task::Return(call.clone()), rest));
            }
            if ways.is_empty() {
                return Some((Task::Return(Atom::Symbol(known().empty.clone())), rest));
            }
            machine.branch(ways, &rest)
        }
        (Control::Match, [_, _, _, ..]) => {
            Some((wrong("match expects a space as the first argument"), rest))
        }
        (Control::Capture, [atom, ..]) => {
            let head = call.as_expression().and_then(|call| call.first());
            let operation = head.and_then(Atom::as_operation);
            let home = operation.and_then(|operation| operation.home());
            let task = Task::evaluate(atom.clone(), home.unwrap_or(space));
            Some(gather(machine, Gather::Alternatives, task, rest))
        }
        (Control::Once, [atom]) => cut::limit(machine, 1, atom, space, rest),
        (Control::Limit, [count, atom]) => match count.as_i64().map(u64::try_from) {
            Some(Ok(count)) => cut::limit(machine, count, atom, space, rest),
            _ => Some((
                wrong("limit expects a whole number, 0 or more, as the first argument"),
                rest,
            )),
        },
        (Control::Map | Control::Filter | Control::Fold, arguments) => {
            Some(walk_over(control, call, arguments, space, rest))
        }
        _ => Some((not_reducible(), rest)),
    }
}

/// The way that a condition which is evaluated takes; both where it is a variable.
fn if_known(
    machine: &mut Machine<'_>,
    call: &Atom,
    condition: &Atom,
    [then, otherwise]: [&Atom; 2],
    space: Space,
    rest: Rest,
) -> Next {
    if let Atom::Variable(variable) = condition {
        let way = |value: bool, result: &Atom, machine: &Machine<'_>| {
            let delta = vec![(variable.clone(), Atom::boolean(value))];
            let task = Machine::result(result.clone(), call, &space);
            (task, delta, machine.steps.clone())
        };
        let ways = vec![way(true, then, machine), way(false, otherwise, machine)];
        return machine.branch(ways, &rest);
    }
    let task = match condition.as_bool() {
        Some(true) => Machine::result(then.clone(), call, &space),
        Some(false) => Machine::result(otherwise.clone(), call, &space),
        None => Task::Return(Atom::Symbol(known().not_reducible.clone())),
    };
    Some((task, rest))
}

/// What `let` gives for a value that is evaluated: its template, where the value matches.
fn let_matched(
    machine: &mut Machine<'_>,
    pattern: &Atom,
    value: &Atom,
    template: &Atom,
    rest: Rest,
) -> Next {
    let empty = Atom::Symbol(known().empty.clone());
    if let Some((space, pattern)) = asked(&machine.bindings, value, pattern) {
        let ways = solutions(machine, &space, &pattern, || Task::Return(template.clone()));
        if ways.is_empty() {
            return Some((Task::Return(empty), rest));
        }
        return machine.branch(ways, &rest);
    }
    if !unify_pattern(pattern, value, &mut machine.bindings) {
        return Some((Task::Return(empty), rest));
    }
    let chosen = machine.bindings.walk(template);
    if !chosen.is_symbol(&known().not_reducible) {
        let template = match (template, chosen) {
            (Atom::Variable(_), Atom::Expression(result)) => result.as_whole(),
            _ => template.clone(),
        };
        return Some((Task::Return(template), rest));
    }
    // What is not reducible then is the instruction that `let` stands for.
    let unify = Atom::Symbol(known().unify.clone());
    let form = [unify, value.clone(), pattern.clone(), chosen.clone(), empty];
    let form = match machine.bindings.apply(&Atom::expression(form)) {
        Atom::Expression(form) => Atom::Expression(form.evaluated()),
        other => other,
    };
    Some((Task::Return(form), rest))
}

/// The `let` of the first pair of a `let*`, with the other pairs in its template.
fn first_let(machine: &mut Machine<'_>, call: &Atom, pairs: &[Atom], template: &Atom) -> Atom {
    let [pair, others @ ..] = pairs else {
        return template.clone();
    };
    let of_others = || {
        Atom::expression([
            Atom::symbol("let*"),
            Atom::expression(others.to_vec()),
            template.clone(),
        ])
    };
    if let Some([pattern, value]) = pair.as_expression() {
        // A template that is a result stays one inside of the form.
        let is_result = matches!(template, Atom::Expression(template) if template.is_evaluated());
        let is_open = is_result || matches!(template, Atom::Variable(_));
        let inner = if others.is_empty() && !is_open {
            template.clone()
        } else {
            of_others()
        };
        return Atom::expression([Atom::symbol("let"), pattern.clone(), value.clone(), inner]);
    }
    if !matches!(pair, Atom::Variable(_)) {
        return Atom::error(call.clone(), Atom::string(PAIRS_EXPECTED));
    }
    // A variable is a pair of what both its parts are then.
    let part = Atom::Variable(Variable::new("part").renamed());
    let both = Atom::expression([part.clone(), part]);
    unify(pair, &both, &mut machine.bindings);
    of_others()
}

/// The evaluation of what the cases are for, after which they are looked at, also where it
/// has no result.
fn case(
    machine: &mut Machine<'_>,
    atom: &Atom,
    cases: &Atom,
    space: Space,
    rest: Rest,
) -> (Task, Rest) {
    let choice = machine.choices.len();
    machine.choices.push(Choice::Case {
        cases: cases.clone(),
        space: space.clone(),
        rest: rest.clone(),
        mark: machine.bindings.mark(),
        any: false,
        steps: machine.steps.clone(),
    });
    let rest = rest.push(FrameKind::Case {
        choice,
        cases: cases.clone(),
        space: space.clone(),
    });
    (Task::evaluate(atom.clone(), space), rest)
}

/// The beginning of `map-atom`, `filter-atom` or `foldl-atom`; what rules for them would give
/// where the arguments are others, or not so many.
fn walk_over(
    control: Control,
    call: &Atom,
    arguments: &[Atom],
    space: Space,
    rest: Rest,
) -> (Task, Rest) {
    let no_return = |call: Atom| Task::Return(Atom::error(call, Atom::symbol("NoReturn")));
    let (list, template, kind) = match (control, arguments) {
        (Control::Map, [Atom::Expression(list), Atom::Variable(variable), template]) => {
            let kind = WalkKind::Map {
                variable: variable.clone(),
                mapped: Done::default(),
            };
            (list, template, kind)
        }
        (Control::Filter, [Atom::Expression(list), Atom::Variable(variable), template]) => {
            let kind = WalkKind::Filter {
                variable: variable.clone(),
                kept: Done::default(),
                kept_count: 0,
            };
            (list, template, kind)
        }
        (
            Control::Fold,
            [
                Atom::Expression(list),
                initial,
                Atom::Variable(so_far),
                Atom::Variable(item),
                template,
            ],
        ) => {
            let kind = WalkKind::Fold {
                folded: initial.clone(),
                so_far: so_far.clone(),
                item: item.clone(),
            };
            (list, template, kind)
        }
        // As `atom-subst` says, which wants a variable.
        (Control::Map, [Atom::Expression(list), variable, template]) => {
            let Some(first) = list.children().first() else {
                return (Task::Return(Atom::unit()), rest);
            };
            let substitution = [
                Atom::symbol("atom-subst"),
                first.clone(),
                variable.clone(),
                template.clone(),
            ];
            return (no_return(Atom::expression(substitution)), rest);
        }
        (Control::Filter, [Atom::Expression(_), _, _]) | (Control::Fold, [_, _, _, _, _]) => {
            return (no_return(call.clone()), rest);
        }
        // What is no expression has no members.
        (Control::Map | Control::Filter, [_, _, _]) => {
            return (Task::Return(Atom::unit()), rest);
        }
        _ => {
            return (
                Task::Return(Atom::Symbol(known().not_reducible.clone())),
                rest,
            );
        }
    };
    let walk = Walk {
        list: list.clone(),
        count: 0,
        template: template.clone(),
        space,
        call: call.clone(),
        kind,
    };
    walk_next(walk, rest)
}

/// Evaluates the template for the next element; after the last, the result. But for folding,
/// a variable does not stand for an element that contains it: it stays in the template.
fn walk_next(walk: Walk, rest: Rest) -> (Task, Rest) {
    let Some(element) = walk.list.children().get(walk.count) else {
        let result = match walk.kind {
            WalkKind::Map { mapped, .. } => Atom::expression(mapped.collect(walk.count)),
            WalkKind::Filter {
                kept, kept_count, ..
            } => Atom::expression(kept.collect(kept_count)),
            WalkKind::Fold { folded, .. } => folded,
        };
        return (Task::Return(result), rest);
    };
    let atom = match &walk.kind {
        WalkKind::Map { variable, .. } | WalkKind::Filter { variable, .. } => {
            let template = seal(&walk.template, std::slice::from_ref(variable));
            let atom = if contains(element, variable) {
                template
            } else {
                substitute(&template, variable, element)
            };
            match walk.kind {
                WalkKind::Filter { .. } => atom,
                _ => still_a_result(&walk.template, atom),
            }
        }
        WalkKind::Fold {
            folded,
            so_far,
            item,
        } => {
            let template = seal(&walk.template, &[so_far.clone(), item.clone()]);
            let atom = rebuild(&template, |found| {
                if found == so_far {
                    Replacement::Final(folded.clone())
                } else if found == item {
                    Replacement::Final(element.clone())
                } else {
                    Replacement::Keep
                }
            });
            still_a_result(&walk.template, atom)
        }
    };
    let space = walk.space.clone();
    let task = match walk.kind {
        // The list of templates is evaluated as a whole later; a `function` is run as what
        // renaming the variables of the template gives.
        WalkKind::Map { .. } => {
            let list = Atom::expression([element.clone()]);
            let sealed = Atom::expression([Atom::symbol("sealed"), list, atom.clone()]);
            match Machine::result(atom, &sealed, &space) {
                Task::Return(atom) => Task::Minimal { atom, space },
                function => function,
            }
        }
        WalkKind::Filter { .. } | WalkKind::Fold { .. } => Task::evaluate(atom, space),
    };
    (task, rest.push(FrameKind::Walk(walk)))
}

/// What became of a template: a result if that was one, as an argument is that was evaluated before.
fn still_a_result(template: &Atom, atom: Atom) -> Atom {
    match (template, atom) {
        (Atom::Expression(template), Atom::Expression(expression)) if template.is_evaluated() => {
            Atom::Expression(expression.evaluated())
        }
        (_, atom) => atom,
    }
}

/// A result of the template of a list being filtered or folded.
pub(crate) fn walk_result(
    machine: &mut Machine<'_>,
    mut walk: Walk,
    atom: Atom,
    rest: Rest,
) -> Next {
    if atom.is_empty_symbol() {
        return None;
    }
    if atom.is_error() && !matches!(walk.kind, WalkKind::Fold { .. }) {
        return Some((Task::Return(atom), rest));
    }
    let element = walk.list.children()[walk.count].clone();
    walk.count += 1;
    match &mut walk.kind {
        WalkKind::Filter {
            kept, kept_count, ..
        } => match atom.as_bool() {
            Some(true) => {
                *kept = kept.with(element);
                *kept_count += 1;
            }
            Some(false) => {}
            None => {
                let text =
                    format!("filter-atom expects a condition that is True or False, not {atom}");
                let error = Atom::error(walk.call.clone(), Atom::symbol(&text));
                return Some((Task::Return(error), rest));
            }
        },
        WalkKind::Map { mapped, .. } => *mapped = mapped.with(atom),
        WalkKind::Fold { folded, .. } => {
            *folded = atom;
            // An element may have bound variables that are in the template too.
            walk.template = machine.bindings.apply(&walk.template);
        }
    }
    Some(walk_next(walk, rest))
}

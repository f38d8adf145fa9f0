//! Instructions of minimal MeTTa, and the forms that steer evaluation.

use std::sync::Arc;

use crate::atom::{Atom, Grounded, Value, Variable, known};
use crate::evaluate::cut;
use crate::evaluate::frame::{Done, FrameKind, Rest, Walk, WalkKind};
use crate::evaluate::machine::{Choice, Delta, Gather, Machine, Task};
use crate::evaluate::proof::Step;
use crate::library::lists::seal;
use crate::space::{Solution, Space};
use crate::symbol::Symbol;
use crate::types;
use crate::unify::{Bindings, Replacement, rebuild, unify, unify_pattern};

/// What to do next; `None` ends the branch.
type Next = Option<(Task, Rest)>;

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

/// The instructions of minimal MeTTa.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(eval atom)` | as written | one step of it: what an operation gives, or each body of its rules; `NotReducible` if there is none | another number of arguments: `IncorrectNumberOfArguments` | the operation's or the query's | reference |
/// | `(evalc atom space)` | as written; a space | as `eval`, by the rules of that space | as `eval`; no space, in words | as `eval` | reference |
/// | `(chain atom $x template)` | as written; a variable; as written | the template with each result of the instruction for the variable | another form, in words | linear in the template | reference |
/// | `(unify atom pattern then else)` | as written | `then` for each way that both unify, or that the space has the pattern; else `else` | another form, in words | linear; for a space the query's | reference |
/// | `(cons-atom atom list)` | as written; an expression | the list with the atom before it | no expression, in words | constant where there is room, else linear | reference |
/// | `(decons-atom list)` | an expression | `(first rest)` | an empty one or none, in words | linear | reference |
/// | `(function body)` | an expression of instructions | what is within the `return` that it comes to | none: `NoReturn` | the body's | reference |
/// | `(collapse-bind atom)` | as written | all results with their bindings, in one expression | another form, in words | linear in the results | reference |
/// | `(superpose-bind list)` | what `collapse-bind` gives | each result, with its bindings | another form, in words | linear | reference |
/// | `(metta atom type space)` | as written; a type; a space | the atom evaluated to the end, of that type | `BadType`; another form, in words | the evaluation's | reference |
/// | `(context-space)` | none | the space that is evaluated in | another number of arguments | constant | reference |
///
/// Source: the reference's `docs/minimal-metta.md`, hyperon 0.2.10.
pub(crate) fn instructions() -> [&'static Symbol; 11] {
    let known = known();
    [
        &known.eval,
        &known.evalc,
        &known.chain,
        &known.unify,
        &known.cons_atom,
        &known.decons_atom,
        &known.function,
        &known.collapse_bind,
        &known.superpose_bind,
        &known.metta,
        &known.context_space,
    ]
}

/// Whether a symbol names an instruction of minimal MeTTa.
pub(crate) fn is_instruction(symbol: &Symbol) -> bool {
    instructions().contains(&symbol)
}

/// Executes a minimal instruction; any other atom is its own result.
pub(crate) fn minimal(machine: &mut Machine<'_>, atom: Atom, space: Space, rest: Rest) -> Next {
    let atom = machine.bindings.apply(&atom);
    let known = known();
    let Some([Atom::Symbol(head), arguments @ ..]) = atom.as_expression() else {
        return Some((Task::Return(atom), rest));
    };
    if !is_instruction(head) {
        return Some((Task::Return(atom), rest));
    }
    let form = if *head == known.eval {
        match arguments {
            [inner] => {
                if let Some(step) = written_step(machine, inner, &space) {
                    return Some((Task::Return(step), rest));
                }
                return Some((
                    Task::Eval {
                        atom: inner.clone(),
                        space,
                    },
                    rest,
                ));
            }
            _ => "(eval <atom>)",
        }
    } else if *head == known.evalc {
        match arguments {
            [inner, Atom::Grounded(Grounded::Space(other))] => {
                if let Some(step) = written_step(machine, inner, other) {
                    return Some((Task::Return(step), rest));
                }
                return Some((
                    Task::Eval {
                        atom: inner.clone(),
                        space: other.clone(),
                    },
                    rest,
                ));
            }
            _ => "(evalc <atom> <space>)",
        }
    } else if *head == known.chain {
        match arguments {
            [nested, Atom::Variable(variable), template] => {
                let rest = rest.push(FrameKind::Chain {
                    variable: variable.clone(),
                    template: template.clone(),
                    space: space.clone(),
                });
                return Some((
                    Task::Minimal {
                        atom: nested.clone(),
                        space,
                    },
                    rest,
                ));
            }
            _ => "(chain <nested> (: <var> Variable) <templ>)",
        }
    } else if *head == known.unify {
        match arguments {
            [left, right, then, otherwise] => {
                return unify_instruction(machine, left, right, then, otherwise, rest);
            }
            _ => "(unify <atom> <pattern> <then> <else>)",
        }
    } else if *head == known.cons_atom {
        match arguments {
            [first, Atom::Expression(tail)] => {
                let mut children = Vec::with_capacity(tail.children().len() + 1);
                children.push(first.clone());
                children.extend_from_slice(tail.children());
                return Some((Task::Return(Atom::expression(children)), rest));
            }
            _ => "(cons-atom <head> (: <tail> Expression))",
        }
    } else if *head == known.decons_atom {
        match arguments {
            [Atom::Expression(whole)] if !whole.children().is_empty() => {
                let (first, tail) = whole.children().split_first().expect("not empty");
                let pair = [first.clone(), Atom::expression(tail.to_vec())];
                return Some((Task::Return(Atom::expression(pair)), rest));
            }
            _ => "(decons-atom (: <expr> Expression))",
        }
    } else if *head == known.function {
        match arguments {
            [body @ Atom::Expression(_)] => {
                return Some((
                    Task::Function {
                        body: body.clone(),
                        call: None,
                        space,
                    },
                    rest,
                ));
            }
            _ => "(function (: <body> Expression))",
        }
    } else if *head == known.collapse_bind {
        match arguments {
            [inner] => {
                let task = Task::Minimal {
                    atom: inner.clone(),
                    space,
                };
                return Some(gather(machine, Gather::WithBindings, task, rest));
            }
            _ => "(collapse-bind <atom>)",
        }
    } else if *head == known.superpose_bind {
        match arguments {
            [Atom::Expression(pairs)] => {
                if let Some(next) = superpose_bind(machine, pairs.children(), &rest) {
                    return next;
                }
                "(superpose-bind ((<atom> <bindings>) …))"
            }
            _ => "(superpose-bind (: <collapsed> Expression))",
        }
    } else if *head == known.metta {
        match arguments {
            [inner, expected, Atom::Grounded(Grounded::Space(other))] => {
                let task = Task::Metta {
                    atom: inner.clone(),
                    expected: expected.clone(),
                    space: other.clone(),
                };
                return Some((task, rest));
            }
            _ => "(metta atom type space)",
        }
    } else {
        match arguments {
            [] => return Some((Task::Return(Atom::space(space)), rest)),
            _ => "(context-space)",
        }
    };
    let text = format!("expected: {form}, found: {atom}");
    Some((Task::Return(Atom::error(atom, Atom::symbol(&text))), rest))
}

/// What one step makes of a form that is defined by others: a chain of
/// instructions sees it, while elsewhere the form is carried out at once.
fn written_step(machine: &Machine<'_>, atom: &Atom, space: &Space) -> Option<Atom> {
    let [Atom::Symbol(head), arguments @ ..] = atom.as_expression()? else {
        return None;
    };
    let function = machine.host.functions.get(head)?;
    if !space.sees(&machine.host.corelib) {
        return None;
    }
    let word = Atom::symbol;
    let fresh = |name: &str| Atom::Variable(Variable::new(name).renamed());
    let pair = |left: &Atom, right: &Atom| Atom::expression([left.clone(), right.clone()]);
    let is_first = match function.name() {
        "car-atom" => Some(true),
        "cdr-atom" => Some(false),
        _ => None,
    };
    if let (Some(is_first), [list]) = (is_first, arguments) {
        let [parts, first, others] = ["parts", "first", "others"].map(fresh);
        let text = format!("{head} expects a non-empty expression as an argument");
        let taken = [
            word("unify"),
            pair(&first, &others),
            parts.clone(),
            if is_first { first } else { others },
            Atom::error(atom.clone(), Atom::string(&text)),
        ];
        return Some(Atom::expression([
            word("chain"),
            Atom::expression([word("decons-atom"), list.clone()]),
            parts,
            Atom::expression(taken),
        ]));
    }
    match (function.control()?, arguments) {
        (Control::Let, [pattern, value, template]) => Some(Atom::expression([
            word("unify"),
            value.clone(),
            pattern.clone(),
            template.clone(),
            Atom::Symbol(known().empty.clone()),
        ])),
        (Control::Switch, [value, cases]) if head.as_str() == "switch" => {
            let inner = [word("switch-minimal"), value.clone(), cases.clone()];
            Some(Atom::expression([word("id"), Atom::expression(inner)]))
        }
        (Control::LetStar, [pairs, template]) => {
            let [parts, first, others, pattern, value] =
                ["parts", "first", "others", "pattern", "value"].map(fresh);
            let inner = [word("let*"), others.clone(), template.clone()];
            let form = [
                word("let"),
                pattern.clone(),
                value.clone(),
                Atom::expression(inner),
            ];
            let one = [
                word("unify"),
                pair(&pattern, &value),
                first.clone(),
                Atom::expression(form),
                Atom::error(atom.clone(), Atom::string(PAIRS_EXPECTED)),
            ];
            let all = [
                word("unify"),
                pair(&first, &others),
                parts.clone(),
                Atom::expression(one),
                template.clone(),
            ];
            Some(Atom::expression([
                word("chain"),
                Atom::expression([word("decons-atom"), pairs.clone()]),
                parts,
                Atom::expression(all),
            ]))
        }
        _ => None,
    }
}

/// The reference's is written in MeTTa, so this text is a string there.
const PAIRS_EXPECTED: &str = "List of (<pattern> <atom>) pairs is expected as a second argument";

fn unify_instruction(
    machine: &mut Machine<'_>,
    left: &Atom,
    right: &Atom,
    then: &Atom,
    otherwise: &Atom,
    rest: Rest,
) -> Next {
    let chosen = match asked(&machine.bindings, left, right) {
        Some((space, pattern)) => {
            let ways = solutions(machine, &space, &pattern, || Task::Return(then.clone()));
            if !ways.is_empty() {
                return machine.branch(ways, &rest);
            }
            otherwise
        }
        None if unify_pattern(right, left, &mut machine.bindings) => then,
        None => otherwise,
    };
    // A chain hands it on as it stands, so what was bound is put in here.
    Some((Task::Return(machine.bindings.apply(chosen)), rest))
}

/// The space that is asked for the pattern when both are matched: a space stands for each atom
/// in it. Not for itself, nor where a variable takes it.
fn asked(bindings: &Bindings, left: &Atom, right: &Atom) -> Option<(Space, Atom)> {
    let (left, right) = (bindings.walk(left), bindings.walk(right));
    match (left, right) {
        (Atom::Variable(_), _) | (_, Atom::Variable(_)) => None,
        (Atom::Grounded(Grounded::Space(_)), _) if left == right => None,
        (Atom::Grounded(Grounded::Space(space)), pattern)
        | (pattern, Atom::Grounded(Grounded::Space(space))) => {
            Some((space.clone(), pattern.clone()))
        }
        _ => None,
    }
}

/// One way per solution of `pattern` in `space`, each going on with `task`.
fn solutions(
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

fn gather(machine: &mut Machine<'_>, kind: Gather, task: Task, rest: Rest) -> (Task, Rest) {
    let choice = machine.choices.len();
    machine.choices.push(Choice::Gather {
        kind,
        rest: rest.clone(),
        mark: machine.bindings.mark(),
        items: Vec::new(),
        steps: machine.steps.clone(),
    });
    (task, rest.push(FrameKind::Gather { choice }))
}

/// Goes on with what was gathered.
pub(crate) fn gathered(
    machine: &mut Machine<'_>,
    kind: Gather,
    items: Vec<(Atom, Delta)>,
    rest: Rest,
) -> Next {
    let with_bindings = |(atom, delta)| {
        let bindings = Grounded::Value(Arc::new(BindingsValue(delta)));
        Atom::expression([atom, Atom::Grounded(bindings)])
    };
    let atoms = items.into_iter();
    let result = match kind {
        Gather::Atoms => Atom::expression(atoms.map(|(atom, _)| atom).collect::<Vec<Atom>>()),
        Gather::WithBindings => Atom::expression(atoms.map(with_bindings).collect::<Vec<Atom>>()),
        Gather::Alternatives if atoms.len() == 0 => Atom::Symbol(known().empty.clone()),
        Gather::Alternatives => {
            let steps = machine.steps.clone();
            let ways = atoms.map(|(atom, _)| (Task::Return(atom), Delta::new(), steps.clone()));
            return machine.branch(ways.collect(), &rest);
        }
    };
    Some((Task::Return(result), rest))
}

/// Bindings as an atom, between `collapse-bind` and `superpose-bind`.
struct BindingsValue(Delta);

impl Value for BindingsValue {
    /// As the reference calls it: no operation takes it.
    fn type_atom(&self) -> Atom {
        Atom::symbol("hyperon_atom::matcher::Bindings")
    }

    fn print(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("{ ")?;
        for (index, (variable, value)) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str(", ")?;
            }
            write!(f, "{variable} <- {value}")?;
        }
        f.write_str(" }")
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// `None` if a member is no pair of an atom and bindings.
fn superpose_bind(machine: &mut Machine<'_>, pairs: &[Atom], rest: &Rest) -> Option<Next> {
    let mut ways = Vec::new();
    for pair in pairs {
        let Some([atom, Atom::Grounded(Grounded::Value(value))]) = pair.as_expression() else {
            return None;
        };
        let delta = &value.as_any().downcast_ref::<BindingsValue>()?.0;
        let mark = machine.bindings.mark();
        let merged = delta.iter().all(|(variable, bound)| {
            unify(
                &Atom::Variable(variable.clone()),
                bound,
                &mut machine.bindings,
            )
        });
        if merged {
            let delta = machine.bindings.since(mark);
            ways.push((Task::Return(atom.clone()), delta, machine.steps.clone()));
        }
        machine.bindings.undo(mark);
    }
    Some(machine.branch(ways, rest))
}

/// A result of the body of a `function`.
pub(crate) fn function_result(
    machine: &mut Machine<'_>,
    atom: Atom,
    call: Option<&Atom>,
    space: &Space,
    rest: Rest,
    next: Rest,
) -> Next {
    let atom = machine.bindings.apply(&atom);
    match atom.as_expression() {
        Some([head, result]) if head.is_symbol(&known().return_) => {
            Some((Task::Return(result.clone()), next))
        }
        Some([Atom::Symbol(head), ..]) if is_instruction(head) => Some((
            Task::Minimal {
                atom,
                space: space.clone(),
            },
            rest,
        )),
        // A limit ends all functions on the way out.
        Some([_, _, reason]) if atom.is_error() && reason.is_symbol(&known().stack_overflow) => {
            Some((Task::Return(atom), next))
        }
        _ => Some((
            Task::Return(never_returned(machine, atom, call, &next)),
            next,
        )),
    }
}

/// What a `function` gives whose body came to `atom`, which is no `return`: an error of the call
/// that one step of gave the function. One that is evaluated where it stands gives an error of
/// what it stands in; a `chain` cannot put that for its variable, which occurs in it, and goes on
/// with the variable.
fn never_returned(machine: &Machine<'_>, atom: Atom, call: Option<&Atom>, next: &Rest) -> Atom {
    let error = |call: Atom| Atom::error(call, Atom::symbol("NoReturn"));
    if let Some(call) = call {
        return error(machine.bindings.apply(call));
    }
    let Some(outer) = &next.0 else {
        return error(atom);
    };
    match &outer.kind {
        FrameKind::Chain { variable, .. } => Atom::Variable(variable.clone()),
        FrameKind::Function { .. } => error(Atom::expression([
            Atom::Symbol(known().function.clone()),
            Atom::symbol("%Nested%"),
        ])),
        FrameKind::Gather { .. } => {
            let bindings = Grounded::Value(Arc::new(BindingsValue(machine.bindings.iter_raw())));
            error(Atom::expression([
                Atom::Symbol(known().collapse_bind.clone()),
                Atom::unit(),
                Atom::Grounded(bindings),
            ]))
        }
        // Evaluating is a `chain` too, with a variable of its own.
        _ => Atom::Variable(Variable::new("result").renamed()),
    }
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
    let chosen = machine.bindings.apply(chosen);
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
        (Control::If, [condition, then, otherwise]) => match condition {
            Atom::Variable(variable) => {
                let way = |value: bool, result: &Atom, machine: &Machine<'_>| {
                    let delta = vec![(variable.clone(), Atom::boolean(value))];
                    let task = Machine::result(result.clone(), call, &space);
                    (task, delta, machine.steps.clone())
                };
                let ways = vec![way(true, then, machine), way(false, otherwise, machine)];
                machine.branch(ways, &rest)
            }
            _ => match condition.as_bool() {
                Some(true) => Some((Machine::result(then.clone(), call, &space), rest)),
                Some(false) => Some((Machine::result(otherwise.clone(), call, &space), rest)),
                None => Some((not_reducible(), rest)),
            },
        },
        (Control::Let | Control::LetAny, [pattern, value, template]) => {
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
                return Some((Task::Return(template.clone()), rest));
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
        (Control::LetStar, [Atom::Symbol(_) | Atom::Variable(_), template]) => {
            Some((Task::Return(template.clone()), rest))
        }
        (Control::LetStar, [Atom::Expression(pairs), template]) => match pairs.children() {
            [] => Some((Task::Return(template.clone()), rest)),
            [pair, others @ ..] => match pair.as_expression() {
                Some([pattern, value]) => {
                    // A template that is a result stays one inside of the form.
                    let is_result =
                        matches!(template, Atom::Expression(template) if template.is_evaluated());
                    let inner = if others.is_empty() && !is_result {
                        template.clone()
                    } else {
                        Atom::expression([
                            Atom::symbol("let*"),
                            Atom::expression(others.to_vec()),
                            template.clone(),
                        ])
                    };
                    let form = Atom::expression([
                        Atom::symbol("let"),
                        pattern.clone(),
                        value.clone(),
                        inner,
                    ]);
                    Some((Task::Return(form), rest))
                }
                // A variable is a pair of what both its parts are then.
                _ if matches!(pair, Atom::Variable(_)) => {
                    let part = Atom::Variable(Variable::new("part").renamed());
                    let both = Atom::expression([part.clone(), part]);
                    unify(pair, &both, &mut machine.bindings);
                    let form = [
                        Atom::symbol("let*"),
                        Atom::expression(others.to_vec()),
                        template.clone(),
                    ];
                    Some((Task::Return(Atom::expression(form)), rest))
                }
                _ => Some((
                    Task::Return(Atom::error(call.clone(), Atom::string(PAIRS_EXPECTED))),
                    rest,
                )),
            },
        },
        (Control::Case, [atom, cases]) => {
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
            Some((
                Task::Metta {
                    atom: atom.clone(),
                    expected: types::undefined(),
                    space,
                },
                rest,
            ))
        }
        (Control::Switch, [atom, cases]) => switch(machine, control, atom, cases, &space, &rest),
        (Control::Collapse, [atom]) => {
            let task = Task::Metta {
                atom: atom.clone(),
                expected: types::undefined(),
                space,
            };
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
            let task = Task::Metta {
                atom: atom.clone(),
                expected: types::undefined(),
                space: home.unwrap_or(space),
            };
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
        // What is no expression has no members.
        (
            Control::Map | Control::Filter,
            [
                Atom::Symbol(_) | Atom::Variable(_) | Atom::Grounded(_),
                _,
                _,
            ],
        ) => Some((Task::Return(Atom::unit()), rest)),
        (
            Control::Map | Control::Filter,
            [Atom::Expression(list), Atom::Variable(variable), template],
        ) => {
            let variable = variable.clone();
            let (kept, kept_count) = (Done::default(), 0);
            let kind = if control == Control::Map {
                WalkKind::Map {
                    variable,
                    mapped: kept,
                }
            } else {
                WalkKind::Filter {
                    variable,
                    kept,
                    kept_count,
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
            Some(walk_next(walk, rest))
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
            let walk = Walk {
                list: list.clone(),
                count: 0,
                template: template.clone(),
                space,
                call: call.clone(),
                kind,
            };
            Some(walk_next(walk, rest))
        }
        (Control::Map, [Atom::Expression(list), variable, template]) => {
            // As `atom-subst` says, which wants a variable.
            let Some(first) = list.children().first() else {
                return Some((Task::Return(Atom::unit()), rest));
            };
            let substitution = [
                Atom::symbol("atom-subst"),
                first.clone(),
                variable.clone(),
                template.clone(),
            ];
            let error = Atom::error(Atom::expression(substitution), Atom::symbol("NoReturn"));
            Some((Task::Return(error), rest))
        }
        // As rules for them would be, with so many arguments and no others.
        (Control::Filter, [_, _, _]) | (Control::Fold, [_, _, _, _, _]) => {
            let error = Atom::error(call.clone(), Atom::symbol("NoReturn"));
            Some((Task::Return(error), rest))
        }
        _ => Some((not_reducible(), rest)),
    }
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
            if contains(element, variable) {
                template
            } else {
                substitute(&template, variable, element)
            }
        }
        WalkKind::Fold {
            folded,
            so_far,
            item,
        } => {
            let template = seal(&walk.template, &[so_far.clone(), item.clone()]);
            rebuild(&template, |found| {
                if found == so_far {
                    Replacement::Final(folded.clone())
                } else if found == item {
                    Replacement::Final(element.clone())
                } else {
                    Replacement::Keep
                }
            })
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
        WalkKind::Filter { .. } | WalkKind::Fold { .. } => Task::Metta {
            atom,
            expected: types::undefined(),
            space,
        },
    };
    (task, rest.push(FrameKind::Walk(walk)))
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

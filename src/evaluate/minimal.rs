//! Instructions of minimal MeTTa.

use std::sync::Arc;

use crate::atom::{Atom, Grounded, Value, Variable, known};
use crate::evaluate::control::{Control, Next, PAIRS_EXPECTED, solutions};
use crate::evaluate::frame::{FrameKind, Rest};
use crate::evaluate::machine::{Choice, Delta, Gather, Machine, Task};
use crate::space::Space;
use crate::symbol::Symbol;
use crate::unify::{Bindings, unify, unify_pattern};

/// The instructions of minimal MeTTa.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(eval atom)` | as written | one step of it: what an operation gives, or each body of its rules, which any atom but a variable may have; `NotReducible` if there is none | another number of arguments: `IncorrectNumberOfArguments` | the operation's or the query's | reference |
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
    let known = known();
    let applied = machine.bindings.apply(&atom);
    let Some([Atom::Symbol(head), arguments @ ..]) = applied.as_expression() else {
        return Some((Task::Return(atom), rest));
    };
    if !is_instruction(head) {
        // Its types are looked at before what its variables stand for.
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
    let text = format!("expected: {form}, found: {applied}");
    Some((
        Task::Return(Atom::error(applied, Atom::symbol(&text))),
        rest,
    ))
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
pub(super) fn asked(bindings: &Bindings, left: &Atom, right: &Atom) -> Option<(Space, Atom)> {
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

pub(super) fn gather(
    machine: &mut Machine<'_>,
    kind: Gather,
    task: Task,
    rest: Rest,
) -> (Task, Rest) {
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

    /// Of the same variables to the same atoms, in whatever order.
    fn equals(&self, other: &dyn Value) -> bool {
        let Some(BindingsValue(other)) = other.as_any().downcast_ref() else {
            return false;
        };
        self.0.len() == other.len() && self.0.iter().all(|bound| other.contains(bound))
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

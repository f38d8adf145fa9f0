//! Expressions as lists.

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::atom::{Atom, Variable};
use crate::engine::Engine;
use crate::evaluate::Control;
use crate::number::Number;
use crate::operation::{Operation, OperationError, OperationResult};
use crate::unify::{Replacement, rebuild};

pub(super) fn install(engine: &mut Engine) {
    engine.register(Operation::new(
        "car-atom",
        "(-> Expression %Undefined%)",
        |arguments, _| match arguments {
            [Atom::Expression(list)] => match list.children() {
                [first, ..] => Ok(vec![first.clone()]),
                [] => Err(empty("car-atom")),
            },
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "cdr-atom",
        "(-> Expression Expression)",
        |arguments, _| match arguments {
            [Atom::Expression(list)] => match list.children() {
                [_, tail @ ..] => Ok(vec![Atom::expression(tail.to_vec())]),
                [] => Err(empty("cdr-atom")),
            },
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "size-atom",
        "(-> Expression Number)",
        |arguments, _| match arguments {
            [Atom::Expression(list)] => Ok(vec![Atom::integer(list.children().len() as i64)]),
            _ => Err(OperationError::message(
                "size-atom expects one argument: expression",
            )),
        },
    ));
    engine.register(Operation::new(
        "index-atom",
        "(-> Expression Number Atom)",
        |arguments, _| match arguments {
            [Atom::Expression(list), index] => match index.as_i64() {
                Some(index) => usize::try_from(index)
                    .ok()
                    .and_then(|index| list.children().get(index))
                    .map(|found| vec![found.clone()])
                    .ok_or_else(|| OperationError::message("Index is out of bounds")),
                None => Err(OperationError::message(
                    "index-atom expects two arguments: expression and integer",
                )),
            },
            _ => Err(OperationError::message(
                "index-atom expects two arguments: expression and integer",
            )),
        },
    ));
    extreme(engine, "min-atom", |new, best| new < best);
    extreme(engine, "max-atom", |new, best| new > best);
    engine.register(Operation::new(
        "unique-atom",
        "(-> Expression Expression)",
        |arguments, _| match arguments {
            [Atom::Expression(list)] => {
                let mut seen: HashMap<Atom, (), FixedState> = HashMap::default();
                let unique: Vec<Atom> = list
                    .children()
                    .iter()
                    .filter(|atom| seen.insert((*atom).clone(), ()).is_none())
                    .cloned()
                    .collect();
                Ok(vec![Atom::expression(unique)])
            }
            _ => Err(OperationError::message(
                "unique-atom expects single expression as an argument",
            )),
        },
    ));
    two_lists(engine, "union-atom", |left, right| {
        left.iter().chain(right).cloned().collect()
    });
    two_lists(engine, "intersection-atom", |left, right| {
        let mut counts = count(right);
        left.iter()
            .filter(|atom| take(&mut counts, atom))
            .cloned()
            .collect()
    });
    two_lists(engine, "subtraction-atom", |left, right| {
        let mut counts = count(right);
        left.iter()
            .filter(|atom| !take(&mut counts, atom))
            .cloned()
            .collect()
    });
    engine.register(Operation::new(
        "map-atom",
        "(-> Expression Variable Atom Expression)",
        map,
    ));
    engine.register(Operation::controlled(
        "filter-atom",
        "(-> Expression Variable Atom Expression)",
        Control::Filter,
    ));
    engine.register(Operation::controlled(
        "foldl-atom",
        "(-> Expression Atom Variable Variable Atom %Undefined%)",
        Control::Fold,
    ));
    engine.register(Operation::new(
        "atom-subst",
        "(-> Atom Variable Atom Atom)",
        |arguments, _| match arguments {
            [value, Atom::Variable(variable), template] => {
                Ok(vec![crate::evaluate::substitute(template, variable, value)])
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.register(Operation::new(
        "sealed",
        "(-> Expression Atom Atom)",
        |arguments, _| match arguments {
            [Atom::Expression(kept), atom] => {
                let kept: Vec<Variable> = kept
                    .children()
                    .iter()
                    .filter_map(|child| match child {
                        Atom::Variable(variable) => Some(variable.clone()),
                        _ => None,
                    })
                    .collect();
                Ok(vec![seal(atom, &kept)])
            }
            _ => Err(OperationError::message(
                "sealed expects two arguments: the variables to keep and an atom",
            )),
        },
    ));
}

fn empty(name: &str) -> OperationError {
    OperationError::message(format!(
        "{name} expects a non-empty expression as an argument"
    ))
}

fn extreme(engine: &mut Engine, name: &'static str, better: fn(f64, f64) -> bool) {
    engine.register(Operation::new(
        name,
        "(-> Expression Number)",
        move |arguments, _| {
            let [Atom::Expression(list)] = arguments else {
                return Err(OperationError::NotReducible);
            };
            let mut best: Option<f64> = None;
            for child in list.children() {
                let Some(value) = child.as_f64() else {
                    return Err(OperationError::message(
                        "Only numbers are allowed in expression",
                    ));
                };
                if best.is_none_or(|best| better(value, best)) {
                    best = Some(value);
                }
            }
            match best {
                Some(best) => Ok(vec![Atom::number(Number::Float(best))]),
                None => Err(OperationError::message("Empty expression")),
            }
        },
    ));
}

type Counts = HashMap<Atom, usize, FixedState>;

fn count(atoms: &[Atom]) -> Counts {
    let mut counts = Counts::default();
    for atom in atoms {
        *counts.entry(atom.clone()).or_insert(0) += 1;
    }
    counts
}

fn take(counts: &mut Counts, atom: &Atom) -> bool {
    match counts.get_mut(atom) {
        Some(count) if *count > 0 => {
            *count -= 1;
            true
        }
        _ => false,
    }
}

fn two_lists(engine: &mut Engine, name: &'static str, combine: fn(&[Atom], &[Atom]) -> Vec<Atom>) {
    engine.register(Operation::new(
        name,
        "(-> Expression Expression Expression)",
        move |arguments, _| match arguments {
            [Atom::Expression(left), Atom::Expression(right)] => Ok(vec![Atom::expression(
                combine(left.children(), right.children()),
            )]),
            _ => Err(OperationError::message(format!(
                "{name} expects two expressions as arguments"
            ))),
        },
    ));
}

/// The template once for each element; the evaluator then evaluates the list.
fn map(arguments: &[Atom], _: &mut crate::engine::Context<'_>) -> OperationResult {
    match arguments {
        [Atom::Expression(list), Atom::Variable(variable), template] => {
            let mapped: Vec<Atom> = list
                .children()
                .iter()
                .map(|child| {
                    crate::evaluate::substitute(
                        &seal(template, std::slice::from_ref(variable)),
                        variable,
                        child,
                    )
                })
                .collect();
            Ok(vec![Atom::expression(mapped)])
        }
        _ => Err(OperationError::NotReducible),
    }
}

/// `atom` with every variable but those of `kept` renamed apart.
pub(crate) fn seal(atom: &Atom, kept: &[Variable]) -> Atom {
    if atom.is_ground() {
        return atom.clone();
    }
    let mut names: HashMap<Variable, Atom, FixedState> = HashMap::default();
    rebuild(atom, |variable| {
        if kept.contains(variable) {
            return Replacement::Keep;
        }
        let fresh = names
            .entry(variable.clone())
            .or_insert_with(|| Atom::Variable(variable.renamed()));
        Replacement::Final(fresh.clone())
    })
}

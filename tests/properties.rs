//! Properties that hold for all atoms, spaces and programs. Cases are drawn from
//! a fixed seed, so that every run tests the same ones.

use chimera::{Atom, Bindings, Budget, Engine, Space, Variable, alpha_equal, unify};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

#[path = "generated/programs.rs"]
mod programs;

use programs::programs;

fn check<S: Strategy>(strategy: S, test: impl Fn(S::Value) -> Result<(), TestCaseError>) {
    let config = Config {
        cases: 256,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"chimera: the same cases each run");
    let run = TestRunner::new_with_rng(config, rng).run(&strategy, test);
    if let Err(error) = run {
        panic!("{error}");
    }
}

fn holds(condition: bool, what: impl FnOnce() -> String) -> Result<(), TestCaseError> {
    if condition {
        Ok(())
    } else {
        Err(TestCaseError::fail(what()))
    }
}

fn leaf(variables: &'static str) -> impl Strategy<Value = Atom> {
    let variable = variables.chars().map(|name| name.to_string());
    let variable: Vec<String> = variable.collect();
    prop_oneof![
        4 => "[a-c]".prop_map(|name| Atom::symbol(&name)),
        1 => "[a-zλ*/<>!?.-]{2,5}".prop_map(|name| Atom::symbol(&format!("s{name}"))),
        3 => proptest::sample::select(variable).prop_map(|name| Atom::variable(&name)),
        2 => (-3_i64..4).prop_map(Atom::integer),
        1 => any::<i64>().prop_map(Atom::integer),
        1 => proptest::num::f64::NORMAL.prop_map(Atom::float),
        1 => any::<String>().prop_map(|text| Atom::string(&text)),
        1 => any::<bool>().prop_map(Atom::boolean),
    ]
}

/// Atoms with these variables.
fn atoms(variables: &'static str) -> impl Strategy<Value = Atom> {
    leaf(variables).prop_recursive(4, 24, 4, |inner| {
        vec(inner, 0..4).prop_map(Atom::expression)
    })
}

/// Facts such as spaces hold: a functor and a few arguments.
fn facts(variables: &'static str) -> impl Strategy<Value = Atom> {
    let functor = prop_oneof![
        8 => "[pq]".prop_map(|name| Atom::symbol(&name)),
        1 => Just(Atom::variable(&variables[..1])),
        1 => Just(Atom::integer(1)),
    ];
    let short = leaf(variables)
        .prop_recursive(2, 6, 3, |inner| vec(inner, 1..3).prop_map(Atom::expression));
    let fact = (functor, vec(short, 0..4)).prop_map(|(functor, arguments)| {
        let mut children = vec![functor];
        children.extend(arguments);
        Atom::expression(children)
    });
    prop_oneof![8 => fact, 1 => leaf(variables)]
}

#[test]
fn what_is_printed_reads_back_equal() {
    let engine = Engine::builder().build();
    check(atoms("xyz"), |atom| {
        let text = atom.to_string();
        let read = engine.parse(&text);
        let read = read.map_err(|error| TestCaseError::fail(format!("{text}: {error}")))?;
        holds(read == atom && read.to_string() == text, || text)
    });
}

/// Instances of the pattern, one per solution, as sorted text up to names.
fn instances(pattern: &Atom, solutions: &[Bindings]) -> Vec<String> {
    let mut instances: Vec<String> = solutions
        .iter()
        .map(|solution| named_by_place(&solution.apply(pattern)))
        .collect();
    instances.sort();
    instances
}

/// As printed, with variables named by order of occurrence.
fn named_by_place(atom: &Atom) -> String {
    let mut names: Vec<Variable> = Vec::new();
    let mut bindings = Bindings::new();
    atom.for_each_variable(|variable| {
        if !names.contains(variable) {
            names.push(variable.clone());
        }
    });
    for (number, variable) in names.into_iter().enumerate() {
        bindings.bind(variable, Atom::symbol(&format!("${number}")));
    }
    bindings.apply(atom).to_string()
}

#[test]
fn an_indexed_query_finds_what_a_scan_finds() {
    check(
        (vec(facts("st"), 0..40), vec(facts("xy"), 1..6)),
        |(stored, patterns)| {
            let space = Space::anonymous();
            for atom in &stored {
                space.add(atom.clone());
            }
            for pattern in &patterns {
                let mut scanned = Vec::new();
                for atom in &stored {
                    let mut bindings = Bindings::new();
                    if unify(pattern, atom, &mut bindings) {
                        scanned.push(bindings);
                    }
                }
                let found = instances(pattern, &space.query(pattern));
                let wanted = instances(pattern, &scanned);
                holds(found == wanted, || {
                    format!("{pattern} in {stored:?}: {found:?}, by scan {wanted:?}")
                })?;
            }
            Ok(())
        },
    );
}

#[test]
fn unified_atoms_become_equal() {
    check((atoms("xyz"), atoms("yzw")), |(left, right)| {
        let mut bindings = Bindings::new();
        let unified = unify(&left, &right, &mut bindings);
        holds(
            !unified || bindings.apply(&left) == bindings.apply(&right),
            || format!("{left} and {right}"),
        )?;
        holds(unified || bindings.is_empty(), || {
            "bindings stay".to_owned()
        })?;
        let mut other_way = Bindings::new();
        holds(unified == unify(&right, &left, &mut other_way), || {
            format!("{left} and {right} one way only")
        })
    });
}

/// A change of a space.
#[derive(Clone, Debug)]
enum Change {
    Add(Atom),
    Remove(Atom),
}

fn changes() -> impl Strategy<Value = Vec<Change>> {
    let few = (0_i64..6).prop_map(|n| Atom::expression([Atom::symbol("f"), Atom::integer(n)]));
    let change = (any::<bool>(), few).prop_map(|(adds, atom)| {
        if adds {
            Change::Add(atom)
        } else {
            Change::Remove(atom)
        }
    });
    vec(change, 0..200)
}

/// Applies the changes to a space and to a plain list.
fn apply(changes: &[Change], space: &Space, model: &mut Vec<String>) -> Result<(), TestCaseError> {
    for change in changes {
        match change {
            Change::Add(atom) => {
                space.add(atom.clone());
                model.push(atom.to_string());
            }
            Change::Remove(atom) => {
                let place = model.iter().position(|other| *other == atom.to_string());
                holds(space.remove(atom) == place.is_some(), || {
                    format!("removing {atom}")
                })?;
                if let Some(place) = place {
                    model.swap_remove(place);
                }
            }
        }
    }
    model.sort();
    Ok(())
}

fn holds_exactly(space: &Space, model: &[String], what: &str) -> Result<(), TestCaseError> {
    let mut held: Vec<String> = space.atoms().iter().map(ToString::to_string).collect();
    held.sort();
    let pattern = Atom::expression([Atom::symbol("f"), Atom::variable("x")]);
    let found = instances(&pattern, &space.query(&pattern));
    holds(
        held == model && found == model && space.len() == model.len(),
        || format!("{what}: {held:?}, found {found:?}, expected {model:?}"),
    )
}

#[test]
fn a_snapshot_sees_no_later_change() {
    check(
        (changes(), changes(), changes()),
        |(before, between, after)| {
            let space = Space::anonymous();
            let mut model = Vec::new();
            apply(&before, &space, &mut model)?;
            let (first, first_model) = (space.snapshot(), model.clone());
            apply(&between, &space, &mut model)?;
            let (second, second_model) = (space.snapshot(), model.clone());
            apply(&after, &space, &mut model)?;
            holds_exactly(&first, &first_model, "the first snapshot")?;
            holds_exactly(&second, &second_model, "the second snapshot")?;
            drop(first);
            holds_exactly(&second, &second_model, "the second alone")?;
            drop(second);
            holds_exactly(&space, &model, "the space")
        },
    );
}

#[test]
fn forks_do_not_see_each_other() {
    check((changes(), changes(), changes(), changes()), |changes| {
        let (before, in_base, in_fork, in_child) = changes;
        let space = Space::anonymous();
        let mut model = Vec::new();
        apply(&before, &space, &mut model)?;
        let (fork, mut fork_model) = (space.fork(), model.clone());
        apply(&in_base, &space, &mut model)?;
        apply(&in_fork, &fork, &mut fork_model)?;
        let (child, mut child_model) = (fork.fork(), fork_model.clone());
        apply(&in_child, &child, &mut child_model)?;
        apply(&in_base, &fork, &mut fork_model)?;
        holds_exactly(&space, &model, "the base")?;
        holds_exactly(&fork, &fork_model, "the fork")?;
        holds_exactly(&child, &child_model, "the fork's fork")
    });
}

fn results(program: &str) -> Result<Vec<Vec<Atom>>, TestCaseError> {
    let mut engine = Engine::builder().build();
    let budget = Budget::default().reductions(3_000);
    let mut all = Vec::new();
    engine
        .run(program, "program", &budget, |directive| {
            all.push(directive.results);
            true
        })
        .map_err(|error| TestCaseError::fail(error.to_string()))?;
    Ok(all)
}

#[test]
fn names_of_variables_change_nothing() {
    check(programs(), |program| {
        // The names also change their order.
        let mut renamed = program.clone();
        for (old, new) in [("$x", "$q3"), ("$y", "$q2"), ("$z", "$q1"), ("$w", "$x")] {
            renamed = renamed.replace(old, new);
        }
        let (plain, other) = (results(&program)?, results(&renamed)?);
        let same = plain.len() == other.len()
            && plain.iter().zip(&other).all(|(a, b)| {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alpha_equal(a, b))
            });
        holds(same, || {
            format!("{program}\n{plain:?}\nrenamed\n{renamed}\n{other:?}")
        })
    });
}

#[test]
fn an_evaluation_repeats_itself() {
    check(programs(), |program| {
        let (first, second) = (results(&program)?, results(&program)?);
        let same = first.len() == second.len()
            && first.iter().zip(&second).all(|(a, b)| {
                a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alpha_equal(a, b))
            });
        holds(same, || format!("{program}\n{first:?}\n{second:?}"))
    });
}

//! Spaces held against plain lists: any order of changes, queries and snapshots answers as
//! a list that is gone through from its beginning. Cases are drawn from a fixed seed.

use chimera::{Atom, Bindings, Engine, Space, Variable, unify};
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, any, prop_oneof};
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

fn check<S: Strategy>(cases: u32, strategy: S, test: impl Fn(S::Value) -> Result<(), String>) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"chimera: the same cases each run");
    let run = TestRunner::new_with_rng(config, rng)
        .run(&strategy, |value| test(value).map_err(TestCaseError::fail));
    if let Err(error) = run {
        panic!("{error}");
    }
}

/// Leaves of few kinds, so that many are equal, some only by value.
fn leaf(variable: &'static str) -> impl Strategy<Value = Atom> {
    prop_oneof![
        6 => "[a-c]".prop_map(|name| Atom::symbol(&name)),
        2 => Just(Atom::variable(variable)),
        2 => (0_i64..3).prop_map(Atom::integer),
        2 => (0_i32..6).prop_map(|n| Atom::float(f64::from(n) / 2.0)),
        1 => (0_i64..3).prop_map(|n| Atom::integer(n << 40)),
        2 => "[a-b]".prop_map(|text| Atom::string(&text)),
        1 => any::<bool>().prop_map(Atom::boolean),
    ]
}

/// Facts, rules and types of few shapes, so that relations grow long.
fn stored(variable: &'static str) -> impl Strategy<Value = Atom> {
    let nested =
        leaf(variable).prop_recursive(2, 6, 3, |inner| vec(inner, 0..3).prop_map(Atom::expression));
    let two = (nested.clone(), nested.clone());
    let call = ("[fg]", leaf(variable))
        .prop_map(|(name, argument)| Atom::expression([Atom::symbol(&name), argument]));
    prop_oneof![
        6 => two.clone().prop_map(|(a, b)| Atom::expression([Atom::symbol("edge"), a, b])),
        3 => (call, nested).prop_map(|(head, body)| Atom::expression([Atom::symbol("="), head, body])),
        3 => two.prop_map(|(a, b)| Atom::expression([Atom::symbol(":"), a, b])),
        1 => (leaf(variable), leaf(variable)).prop_map(|(a, b)| Atom::expression([a, b, Atom::symbol("a")])),
        1 => leaf(variable),
    ]
}

#[derive(Clone, Debug)]
enum Step {
    Add(Atom),
    /// Remove one that is there, or else this one.
    Remove(usize, Atom),
    Query(Atom),
    Snapshot,
    Fork,
    Forget(usize),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let step = prop_oneof![
        60 => stored("s").prop_map(Step::Add),
        25 => (any::<usize>(), stored("s")).prop_map(|(which, atom)| Step::Remove(which, atom)),
        10 => stored("x").prop_map(Step::Query),
        2 => Just(Step::Snapshot),
        1 => Just(Step::Fork),
        2 => any::<usize>().prop_map(Step::Forget),
    ];
    vec(step, 0..400)
}

/// As printed, with variables named by order of occurrence.
fn named_by_place(atom: &Atom) -> String {
    let mut names: Vec<Variable> = Vec::new();
    atom.for_each_variable(|variable| {
        if !names.contains(variable) {
            names.push(variable.clone());
        }
    });
    let mut bindings = Bindings::new();
    for (number, variable) in names.into_iter().enumerate() {
        bindings.bind(variable, Atom::symbol(&format!("${number}")));
    }
    bindings.apply(atom).to_string()
}

/// A space and the list that it is held against.
struct Pair {
    space: Space,
    list: Vec<Atom>,
}

impl Pair {
    fn answers(&self, pattern: &Atom) -> Result<(), String> {
        let found = self.space.query(pattern);
        let found: Vec<String> = found
            .iter()
            .map(|bindings| named_by_place(&bindings.apply(pattern)))
            .collect();
        let expected: Vec<String> = self
            .list
            .iter()
            .filter_map(|atom| {
                let mut bindings = Bindings::new();
                unify(pattern, atom, &mut bindings)
                    .then(|| named_by_place(&bindings.apply(pattern)))
            })
            .collect();
        if found == expected {
            return Ok(());
        }
        Err(format!(
            "{pattern}: {found:?}, by list {expected:?} of {:?}",
            self.list
        ))
    }

    fn remove(&mut self, atom: &Atom) -> Result<(), String> {
        let place = self.list.iter().position(|held| held == atom);
        if let Some(place) = place {
            self.list.remove(place);
        }
        if self.space.remove(atom) == place.is_some() {
            return Ok(());
        }
        Err(format!("removing {atom}"))
    }

    fn is_equal(&self) -> Result<(), String> {
        let atoms = self.space.atoms();
        let counts = atoms.iter().all(|atom| {
            self.space.count(atom) == self.list.iter().filter(|held| *held == atom).count()
        });
        if atoms == self.list && self.space.len() == self.list.len() && counts {
            return Ok(());
        }
        Err(format!("{atoms:?}, by list {:?}", self.list))
    }
}

#[test]
fn a_space_answers_as_a_list_does() {
    check(96, steps(), |steps| {
        let mut live = Pair {
            space: Space::anonymous(),
            list: Vec::new(),
        };
        let mut views: Vec<Pair> = Vec::new();
        for step in &steps {
            match step {
                Step::Add(atom) => {
                    for pair in views.iter_mut().filter(|pair| pair.space.is_writable()) {
                        // What a fork adds comes after what its base has.
                        pair.space.add(Atom::expression([atom.clone()]));
                        pair.list.push(Atom::expression([atom.clone()]));
                    }
                    live.space.add(atom.clone());
                    live.list.push(atom.clone());
                }
                Step::Remove(which, absent) => {
                    let place = which.checked_rem(live.list.len());
                    let atom = place.map_or(absent, |place| &live.list[place]).clone();
                    live.remove(&atom)?;
                    for pair in views.iter_mut().filter(|pair| pair.space.is_writable()) {
                        pair.remove(absent)?;
                    }
                }
                Step::Query(pattern) => {
                    live.answers(pattern)?;
                    for pair in &views {
                        pair.answers(pattern)?;
                    }
                }
                Step::Snapshot => views.push(Pair {
                    space: live.space.snapshot(),
                    list: live.list.clone(),
                }),
                Step::Fork => views.push(Pair {
                    space: live.space.fork(),
                    list: live.list.clone(),
                }),
                Step::Forget(which) => {
                    if let Some(place) = which.checked_rem(views.len()) {
                        views.remove(place);
                    }
                }
            }
        }
        live.is_equal()?;
        views.iter().try_for_each(Pair::is_equal)?;
        views.clear();
        live.is_equal()?;
        live.space.clear();
        live.list.clear();
        live.is_equal()
    });
}

#[test]
fn what_is_read_from_a_text_is_what_is_added_one_by_one() {
    check(256, vec(stored("s"), 0..40), |atoms| {
        let text: String = atoms
            .iter()
            .map(|atom| format!("{atom} ; said\n"))
            .collect();
        let mut engine = Engine::builder().build();
        engine
            .load(&text, "facts.metta")
            .map_err(|error| error.to_string())?;
        let read = engine.self_space().atoms();
        if read == atoms {
            return Ok(());
        }
        Err(format!("{read:?} of {text}"))
    });
}

#[test]
fn words_mean_what_the_directives_above_them_say() {
    let mut engine = Engine::builder().build();
    let text = "(before word) !(bind! word 5) (after word) (+ 1 $x $y $x)\n\
                !(bind! other (a b)) (later other word) \"top\ntext\" (last)";
    engine.load(text, "facts.metta").expect("it is MeTTa");
    let held: Vec<String> = engine
        .self_space()
        .atoms()
        .iter()
        .map(ToString::to_string)
        .collect();
    assert_eq!(
        held,
        [
            "(before word)",
            "(after 5)",
            "(+ 1 $x $y $x)",
            "(later (a b) 5)",
            "\"top\\ntext\"",
            "(last)"
        ]
    );
    let sum = engine.parse("(+ $a $b $c $d)").expect("one atom");
    assert_eq!(
        engine.self_space().query(&sum).len(),
        1,
        "the operation, not a name"
    );
}

#[test]
fn a_text_with_an_error_at_its_end_adds_nothing() {
    let mut engine = Engine::builder().build();
    assert!(
        engine
            .load("(a 1)\n!(add-atom &self (b 2))\n(c 3))", "wrong.metta")
            .is_err()
    );
    assert!(engine.self_space().is_empty());
}

#[test]
fn a_form_of_a_million_elements_is_stored_and_found() {
    let mut engine = Engine::builder().build();
    let mut text = "(many".to_owned();
    for n in 0..1_000_000 {
        text.push_str(&format!(" n{n}"));
    }
    text.push_str(")\n(few n7)\n");
    engine.load(&text, "wide.metta").expect("it is MeTTa");
    let atoms = engine.self_space().atoms();
    assert_eq!(atoms[0].as_expression().map(<[Atom]>::len), Some(1_000_001));
    assert_eq!(atoms[1].to_string(), "(few n7)");
    assert!(engine.self_space().remove(&atoms[0]));
    assert_eq!(engine.self_space().len(), 1);
}

#[test]
fn readers_beside_a_writer_see_their_snapshot() {
    const WINDOW: i64 = 500;
    let space = Space::anonymous();
    let sample = |n: i64| {
        let text = Atom::string(&format!("text {n}"));
        Atom::expression([Atom::symbol("sample"), Atom::symbol(&format!("m{n}")), text])
    };
    for n in 0..WINDOW {
        space.add(sample(n));
    }
    let pattern = Atom::expression([
        Atom::symbol("sample"),
        Atom::variable("m"),
        Atom::variable("t"),
    ]);
    let writing = std::sync::atomic::AtomicBool::new(true);
    std::thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                let mut rounds = 0;
                while writing.load(std::sync::atomic::Ordering::Relaxed) || rounds == 0 {
                    let snapshot = space.snapshot();
                    let atoms = snapshot.atoms();
                    // The writer adds one before it removes one.
                    let count = atoms.len() as i64;
                    assert!(count == WINDOW || count == WINDOW + 1, "{count} seen");
                    assert_eq!(snapshot.query(&pattern).len() as i64, count);
                    assert_eq!(snapshot.count(&atoms[7]), 1);
                    rounds += 1;
                }
            });
        }
        for n in WINDOW..WINDOW + 5_000 {
            space.add(sample(n));
            assert!(space.remove(&sample(n - WINDOW)));
        }
        writing.store(false, std::sync::atomic::Ordering::Relaxed);
    });
    assert_eq!(space.len() as i64, WINDOW);
}

#[test]
fn what_a_query_found_no_atom_of_is_found_once_there_is_one() {
    let mut engine = Engine::builder().build();
    let program = "
        (= (ask) (collapse (match &self (late $x) $x)))
        (= (both) (collapse (match &self (, (late $x) (later $x)) $x)))
        !(bind! &other (new-space))
        (= (there) (collapse (match &other (late $x) $x)))
        !(let* (($a (ask)) ($b (both)) ($c (there))
                ($d (add-atom &self (late 1))) ($e (ask)) ($f (both))
                ($g (add-atom &self (later 1))) ($h (both))
                ($i (add-atom &other (late 2))) ($j (there))
                ($k (remove-atom &self (late 1))) ($l (ask)) ($m (add-atom &self (late 3))) ($n (ask)))
           ($a $b $c $e $f $h $j $l $n))";
    let directives = engine.load(program, "late.metta").unwrap();
    let results = &directives[1].results;
    assert_eq!(results.len(), 1, "{results:?}");
    assert_eq!(results[0].to_string(), "(() () () (1) () (1) (2) () (3))");
}

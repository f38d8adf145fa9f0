use std::ops::ControlFlow;

use crate::atom::{Atom, known};
use crate::reader::atom;
use crate::space::layers::{Layers, Row};
use crate::space::matching::Frame;
use crate::space::probe::Probe;
use crate::space::relation::Subject;
use crate::space::store::Store;
use crate::space::{Space, token};
use crate::symbol::Symbol;
use crate::unify::Bindings;

fn space(texts: &[&str]) -> Space {
    let space = Space::anonymous();
    for text in texts {
        space.add(atom(text));
    }
    space
}

#[track_caller]
fn check_query(space: &Space, pattern: &str, expected: &[&str]) {
    let pattern = atom(pattern);
    let found: Vec<String> = space
        .query(&pattern)
        .iter()
        .map(|bindings| bindings.apply(&pattern).to_string())
        .collect();
    assert_eq!(found, expected);
}

#[test]
fn a_query_answers_once_for_each_occurrence() {
    let space = space(&["(a 1)", "(a 2)", "(a 1)", "(b 1)"]);
    check_query(&space, "(a 1)", &["(a 1)", "(a 1)"]);
    check_query(&space, "(a $x)", &["(a 1)", "(a 2)", "(a 1)"]);
    assert!(space.remove(&atom("(a 1)")));
    check_query(&space, "(a $x)", &["(a 2)", "(a 1)"]);
    assert!(!space.remove(&atom("(c 1)")));
}

#[test]
fn stored_variables_unify_with_what_is_asked() {
    let space = space(&["(a $z)", "(f $x $x)", "$any", "(($h 1) 2)"]);
    check_query(&space, "(a 5)", &["(a 5)", "(a 5)"]);
    check_query(&space, "(f 1 2)", &["(f 1 2)"]);
    check_query(&space, "(f 1 $y)", &["(f 1 1)", "(f 1 $y)"]);
}

#[test]
fn a_conjunction_is_a_join() {
    let space = space(&["(edge a b)", "(edge b c)", "(edge b d)"]);
    check_query(
        &space,
        "(, (edge a $y) (edge $y $z))",
        &["(, (edge a b) (edge b c))", "(, (edge a b) (edge b d))"],
    );
    check_query(&space, "(,)", &["(,)"]);
}

#[test]
fn a_snapshot_sees_what_was_there_and_a_fork_keeps_its_changes() {
    let live = space(&["(a 1)", "(a 2)"]);
    let snapshot = live.snapshot();
    let fork = live.fork();
    live.remove(&atom("(a 1)"));
    live.add(atom("(a 3)"));
    fork.add(atom("(a 4)"));
    assert!(fork.remove(&atom("(a 2)")));
    assert!(!fork.remove(&atom("(a 2)")));
    check_query(&snapshot, "(a $x)", &["(a 1)", "(a 2)"]);
    check_query(&live, "(a $x)", &["(a 2)", "(a 3)"]);
    check_query(&fork, "(a $x)", &["(a 1)", "(a 4)"]);
    let second = fork.fork();
    second.remove(&atom("(a 4)"));
    check_query(&fork, "(a 4)", &["(a 4)"]);
    check_query(&second, "(a 4)", &[]);
}

#[test]
fn indexed_queries_answer_as_a_linear_scan_does() {
    let space = Space::anonymous();
    for n in 0..500 {
        space.add(atom(&format!("(edge n{} {} {})", n % 17, n % 5, n)));
        if n % 40 == 0 {
            space.add(atom(&format!("(edge $x {} {n})", n % 5)));
        }
        if n % 3 == 0 {
            space.remove(&atom(&format!(
                "(edge n{} {} {})",
                n / 2 % 17,
                n / 2 % 5,
                n / 2
            )));
        }
    }
    for pattern in [
        "(edge n3 $x $y)",
        "(edge $a 2 $y)",
        "(edge n3 3 $x)",
        "(edge n4 4.0 $x)",
        "($f n1 1 1)",
    ] {
        let pattern = atom(pattern);
        let scanned: Vec<String> = space
            .atoms()
            .into_iter()
            .filter_map(|stored| {
                let alone = Space::anonymous();
                alone.add(stored);
                alone
                    .query(&pattern)
                    .first()
                    .map(|found| found.apply(&pattern).to_string())
            })
            .collect();
        let found: Vec<String> = space
            .query(&pattern)
            .iter()
            .map(|found| found.apply(&pattern).to_string())
            .collect();
        assert_eq!(found, scanned, "{pattern}");
    }
}

#[test]
fn adding_and_removing_for_ever_keeps_few_rows() {
    let space = Space::anonymous();
    for n in 0..100_000_i64 {
        space.add(Atom::expression([Atom::symbol("sample"), Atom::integer(n)]));
        if n >= 100 {
            assert!(space.remove(&Atom::expression([
                Atom::symbol("sample"),
                Atom::integer(n - 100)
            ])));
        }
    }
    assert_eq!(space.len(), 100);
}

fn printed(layers: &Layers, rows: &[Row]) -> Vec<String> {
    let mut all = Vec::new();
    let _ = layers.each(rows, |found| {
        all.push(found.atom().to_string());
        ControlFlow::Continue(())
    });
    all
}

/// The atoms that unify with the pattern; few others were looked at.
fn answers(space: &Space, pattern: &str) -> Vec<String> {
    let layers = Layers::of(space);
    let mut rows = Vec::new();
    let pattern = atom(pattern);
    let mut bindings = Bindings::new();
    let probe = Probe::of(&pattern, &bindings);
    layers.candidates(&probe, &mut rows);
    assert!(layers.estimate(&probe) >= rows.len());
    let mut all = Vec::new();
    let _ = layers.each(&rows, |found| {
        let mark = bindings.mark();
        if found.unify(&pattern, &mut Frame::default(), &mut bindings) {
            all.push(found.atom().to_string());
        }
        bindings.undo(mark);
        ControlFlow::Continue(())
    });
    assert!(rows.len() <= all.len() + 3, "{} looked at", rows.len());
    all
}

#[test]
fn an_index_goes_into_nested_atoms_and_knows_numbers_by_value() {
    let space = Space::anonymous();
    for n in 0..100 {
        space.add(atom(&format!(
            "(= (decide (metric h{n} $v)) (act {n}.0 \"t{n}\" {n}00000000000))"
        )));
    }
    space.add(atom("(= (decide (metric $h 7)) any)"));
    space.add(atom("(= (decide other) 1)"));
    space.add(atom("(= (other h3) 1)"));
    space.add(atom("(= ($f (metric h3 7)) 1)"));
    let of_h3 = "(= (decide (metric h3 $v)) (act 3.0 \"t3\" 300000000000))";
    let of_any = "(= (decide (metric $h 7)) any)";
    assert_eq!(
        answers(&space, "(= (decide (metric h3 7)) $body)"),
        [of_h3, of_any, "(= ($f (metric h3 7)) 1)"]
    );
    assert_eq!(answers(&space, "(= $call (act 3 $b $c))"), [of_h3]);
    assert_eq!(answers(&space, "(= $call (act $a \"t3\" $c))"), [of_h3]);
    assert_eq!(
        answers(&space, "(= $call (act $a $b 3e11))"),
        [of_h3],
        "a long integer and an equal double"
    );
    assert_eq!(answers(&space, "(= $call ($act 4 $b))"), [""; 0]);
}

#[test]
fn versions_tell_whether_rules_of_a_subject_changed() {
    let (space, library) = (Space::anonymous(), Space::anonymous());
    space.import(library.clone());
    let layers = Layers::of(&space);
    let equal = token::symbol(known().equal.id());
    let name = Symbol::new("f");
    let subject = Subject::Call(token::symbol(name.id()), 2);
    let version = || layers.version(equal, subject);
    let rules = |mark: &[u32]| {
        let mut rows = Vec::new();
        layers.rows_about(equal, subject, mark, &mut rows);
        printed(&layers, &rows)
    };
    space.add(atom("(= (f 1) 2)"));
    library.add(atom("(= (f 2) 3)"));
    assert_eq!(rules(&[]), ["(= (f 1) 2)", "(= (f 2) 3)"]);
    let (first, mark) = (version(), layers.mark());
    space.add(atom("(= (g 1) 2)"));
    space.add(atom("(= (f 1 2) 2)"));
    space.add(atom("(f 1)"));
    assert_eq!(version(), first);
    space.add(atom("(= (f 3) 4)"));
    assert!(version().changed != first.changed && version().cut == first.cut);
    assert_eq!(rules(&mark), ["(= (f 3) 4)"]);
    let second = version();
    assert!(library.remove(&atom("(= (f 2) 3)")));
    assert!(version().changed != second.changed && version().cut != second.cut);
    assert_eq!(rules(&[]), ["(= (f 1) 2)", "(= (f 3) 4)"]);
    let third = version();
    library.add(atom("(= (f 2) 3)"));
    assert!(
        version().cut != third.cut,
        "an emptied relation begins anew"
    );
    let fourth = version();
    space.add(atom("(= ($any 2) 3)"));
    space.add(atom("($what 2 3)"));
    assert!(version().cut != fourth.cut);
    let mut rows = Vec::new();
    layers.rows_about(equal, Subject::Open, &[], &mut rows);
    layers.rows_of_any_head(&[], &mut rows);
    assert_eq!(printed(&layers, &rows), ["(= ($any 2) 3)", "($what 2 3)"]);
}

#[test]
fn rows_that_a_snapshot_sees_stay_until_it_ends() {
    let space = Space::anonymous();
    let sample = |n: i64| Atom::expression([Atom::symbol("sample"), Atom::integer(n)]);
    for n in 0..10 {
        space.add(sample(n));
    }
    let oldest = space.snapshot();
    let mut window = Vec::new();
    for n in 10..5_000 {
        space.add(sample(n));
        assert!(space.remove(&sample(n - 10)));
        if n % 7 == 0 {
            window.push((n, space.snapshot()));
        }
        if window.len() > 3 {
            window.remove(0);
        }
        for (n, snapshot) in &window {
            assert_eq!(snapshot.len(), 10);
            assert_eq!(snapshot.count(&sample(*n)), 1);
            assert_eq!(snapshot.count(&sample(*n - 10)), 0);
        }
    }
    assert_eq!(oldest.len(), 10);
    let held = |space: &Space| space.change(|store| store.rows_held()).expect("it is live");
    assert!(held(&space) < 60, "{} rows held", held(&space));
    drop((oldest, window));
    assert_eq!(held(&space), 10);
}

#[test]
fn a_space_may_hold_snapshots_of_itself() {
    let space = Space::anonymous();
    space.add(Atom::space(space.snapshot()));
    let held = space.atoms();
    assert!(space.remove(&held[0]));
    drop(held);
    assert!(space.is_empty());
}

#[test]
fn what_is_stored_comes_back_as_it_was() {
    let space = Space::anonymous();
    let texts = [
        "()",
        "(())",
        "sym",
        "\"text\"",
        "'c'",
        "True",
        "-0.5",
        "123456789012345678901234567890",
        "(a (b $x ($y \"s\" 1.0)) $x 5000000000 False)",
    ];
    for text in texts {
        space.add(atom(text));
    }
    let variable = Atom::Variable(crate::atom::Variable::new("x").renamed());
    let renamed = Atom::expression([variable.clone(), Atom::variable("x"), variable]);
    space.add(renamed.clone());
    let mut stored: Vec<Atom> = texts.iter().map(|text| atom(text)).collect();
    stored.push(renamed);
    assert_eq!(space.atoms(), stored);
    for atom in &stored {
        assert_eq!(space.count(atom), 1, "{atom}");
        assert!(space.remove(atom), "{atom}");
    }
    assert!(space.is_empty());
}

#[test]
fn wide_and_deep_atoms_are_stored_in_linear_time() {
    let space = Space::anonymous();
    let mut deep = Atom::symbol("z");
    for _ in 0..200_000 {
        deep = Atom::expression([Atom::symbol("s"), deep]);
    }
    let wide = Atom::expression((0..200_000).map(Atom::integer).collect::<Vec<_>>());
    for atom in [&deep, &wide] {
        space.add(atom.clone());
        assert_eq!(space.query(atom).len(), 1);
        assert!(space.remove(atom));
    }
    assert!(space.is_empty());
}

#[test]
fn rows_get_new_numbers_when_there_are_none_left() {
    let space = Space::anonymous();
    space.change(|store| *store = Store::with_numbers_left(100));
    let edge =
        |n: i64| Atom::expression([Atom::symbol("edge"), Atom::integer(n), Atom::string("s")]);
    for n in 0..90 {
        space.add(edge(n));
        if n >= 50 {
            assert!(space.remove(&edge(n - 50)));
        }
    }
    check_query(&space, "(edge 60 $s)", &["(edge 60 \"s\")"]);
    for n in 90..200 {
        space.add(edge(n));
        assert!(space.remove(&edge(n - 50)));
    }
    assert_eq!(space.atoms(), (150..200).map(edge).collect::<Vec<_>>());
    check_query(&space, "(edge 160 $s)", &["(edge 160 \"s\")"]);
    let next = space.change(|store| store.next_row());
    assert!(next.is_some_and(|next| next < 300), "{next:?}");
}

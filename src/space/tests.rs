use crate::atom::Atom;
use crate::reader::atom;
use crate::space::Space;

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

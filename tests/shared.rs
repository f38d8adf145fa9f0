//! Terms that share their parts: sixty doublings take sixty cells, and more room than
//! any machine has once each occurrence counts. Walks over them take what they hold.

mod both;

use chimera::Atom;

/// `$x60` and `$y60` are the same term, each sixty doublings of `leaf`, built apart.
fn doubled(leaf: &str, last: &str) -> String {
    let steps: String = (0..60)
        .map(|level| {
            let next = level + 1;
            format!(" ($x{next} ($x{level} $x{level})) ($y{next} ($y{level} $y{level}))")
        })
        .collect();
    format!("!(let* (($x0 {leaf}) ($y0 {leaf}){steps}) {last})")
}

#[track_caller]
fn check(last: &str, expected: &str) {
    for plain in [false, true] {
        let found = both::results(&doubled("a", last), plain, Atom::to_string);
        assert_eq!(found, [[expected]], "plain: {plain}, {last}");
    }
}

#[test]
fn they_are_compared_unified_and_matched() {
    check("(== $x60 $y60)", "True");
    check("(== $x60 ($y60 $y60))", "False");
    check("(unify $x60 $y60 yes no)", "yes");
    check("(unify $x60 ($y60 $p) $p no)", "no");
    check("(=alpha $x60 $y60)", "True");
    check("(case $x60 ((($p $p) (size-atom $p))))", "2");
}

#[test]
fn what_they_would_print_is_no_text() {
    for last in ["(repr $x60)", "(format-args \"{}\" ($x60))"] {
        for plain in [false, true] {
            let found = both::results(&doubled("a", last), plain, |result| {
                let parts = result.as_expression().expect("an error");
                parts[2].to_string()
            });
            assert_eq!(found, [["TextTooLarge"]], "plain: {plain}, {last}");
        }
    }
    check("$x60", "(…)");
}

/// Each occurrence of a variable in them would be one too many as well.
#[test]
fn variables_in_them_are_looked_for_once() {
    for (last, expected) in [
        ("(== $x60 $y60)", "True"),
        ("(== $x60 ($y60 $y60))", "False"),
        ("(unify $x60 $y60 yes no)", "yes"),
        ("(unify $v $x60 yes no)", "no"),
        (
            "(let $all (collapse (superpose ($x60 $y60))) (size-atom $all))",
            "2",
        ),
        ("(let $one (unique-atom ($x60 $y60)) (size-atom $one))", "1"),
        ("(let $sealed (sealed ($v) $x60) (size-atom $sealed))", "2"),
        ("(let $same $x60 (size-atom $same))", "2"),
        ("(atom-subst $x60 $same (size-atom $same))", "(…)"),
        (
            "(let $both (map-atom $x60 $half (quote $half)) (size-atom $both))",
            "2",
        ),
        ("(function (return $x60))", "(…)"),
        ("((|-> ($same) $same) $x60)", "(…)"),
        ("(case $y60 (($x60 found)))", "found"),
        ("$x60", "(…)"),
    ] {
        for plain in [false, true] {
            let program = doubled("(p $v $w)", last);
            let found = both::results(&program, plain, Atom::to_string);
            assert_eq!(found, [[expected]], "plain: {plain}, {last}");
        }
    }
}

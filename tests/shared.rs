//! Terms that share their parts: forty doublings take forty cells, and more room than
//! any machine has once each occurrence counts. Walks over them take what they hold.

mod both;

use chimera::Atom;

/// `$x40` and `$y40` are the same term, each forty doublings of `leaf`, built apart.
fn doubled(leaf: &str, last: &str) -> String {
    let steps: String = (0..40)
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
    check("(== $x40 $y40)", "True");
    check("(== $x40 ($y40 $y40))", "False");
    check("(unify $x40 $y40 yes no)", "yes");
    check("(unify $x40 ($y40 $p) $p no)", "no");
    check("(=alpha $x40 $y40)", "True");
    check("(case $x40 ((($p $p) (size-atom $p))))", "2");
}

#[test]
fn what_they_would_print_is_no_text() {
    for last in ["(repr $x40)", "(format-args \"{}\" ($x40))"] {
        for plain in [false, true] {
            let found = both::results(&doubled("a", last), plain, |result| {
                let parts = result.as_expression().expect("an error");
                parts[2].to_string()
            });
            assert_eq!(found, [["TextTooLarge"]], "plain: {plain}, {last}");
        }
    }
    check("$x40", "(…)");
}

/// Each occurrence of a variable in them would be one too many as well.
#[test]
fn variables_in_them_are_looked_for_once() {
    for (last, expected) in [
        ("(== $x40 $y40)", "True"),
        ("(== $x40 ($y40 $y40))", "False"),
        ("(unify $x40 $y40 yes no)", "yes"),
        ("(unify $v $x40 yes no)", "no"),
        (
            "(let $all (collapse (superpose ($x40 $y40))) (size-atom $all))",
            "2",
        ),
        ("(let $one (unique-atom ($x40 $y40)) (size-atom $one))", "1"),
        ("(let $sealed (sealed ($v) $x40) (size-atom $sealed))", "2"),
        ("(let $same $x40 (size-atom $same))", "2"),
        ("(atom-subst $x40 $same (size-atom $same))", "(…)"),
        (
            "(let $both (map-atom $x40 $half (quote $half)) (size-atom $both))",
            "2",
        ),
        ("(function (return $x40))", "(…)"),
        ("((|-> ($same) $same) $x40)", "(…)"),
        ("(case $y40 (($x40 found)))", "found"),
        ("$x40", "(…)"),
    ] {
        for plain in [false, true] {
            let program = doubled("(p $v $w)", last);
            let found = both::results(&program, plain, Atom::to_string);
            assert_eq!(found, [[expected]], "plain: {plain}, {last}");
        }
    }
}

/// Each of its steps is compiled, in time that the whole is as long as.
#[test]
fn many_names_one_after_the_other_are_bound() {
    let steps: String = (0..1500)
        .map(|step| format!(" ($x{} (+ 1 $x{step}))", step + 1))
        .collect();
    let program = format!("!(let* (($x0 0){steps}) $x1500)");
    for plain in [false, true] {
        assert_eq!(both::results(&program, plain, Atom::to_string), [["1500"]]);
    }
}

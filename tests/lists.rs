//! Lists gone through, taken apart and put together, and calls whose types only values
//! tell: the compiled evaluator gives what the plain one gives. Cases are drawn from a
//! fixed seed.

mod both;
#[path = "generated/cases.rs"]
mod cases;
#[path = "both/unnamed.rs"]
mod unnamed;

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};
use proptest::sample::select;
use unnamed::unnamed;

const RULES: &str = "
(: Nil (List $t))
(: Cons (-> $t (List $t) (List $t)))
(: len (-> (List $t) Number))
(= (len Nil) 0)
(= (len (Cons $x $rest)) (+ 1 (len $rest)))
(: each (-> (-> $a $b) (List $a) (List $b)))
(= (each $f Nil) Nil)
(= (each $f (Cons $x $rest)) (Cons ($f $x) (each $f $rest)))
(: first (-> (List $t) $t $t))
(= (first Nil $default) $default)
(= (first (Cons $x $rest) $default) $x)
(: inc (-> Number Number))
(= (inc $x) (+ $x 1))
(: is-big (-> Number Bool))
(= (is-big $x) (> $x 1))
(= (both $x) $x)
(= (both $x) (pair $x))
(= (odd 1) True)
(= (odd 2) False)
(= (bad 2) (Error 2 bad))
(= (bad 1) one)
(= (reversed $list $so-far)
   (if (== $list ())
       $so-far
       (let* (($x (car-atom $list)) ($rest (cdr-atom $list)))
         (reversed $rest (cons-atom $x $so-far)))))
(= (apply $f $list) (map-atom $list $x ($f $x)))
(= (keep $f $list) (filter-atom $list $x ($f $x)))
(= (fold $f $start $list) (foldl-atom $list $start $so-far $x ($f $so-far $x)))
";

const FUNCTIONS: &[&str] = &["inc", "is-big", "both", "odd", "bad", "unknown", "Nil"];

fn elements() -> impl Strategy<Value = String> {
    let leaf = select(
        &[
            "0",
            "1",
            "2",
            "a",
            "\"s\"",
            "True",
            "Empty",
            "(Error a b)",
            "$v",
        ][..],
    );
    prop_oneof![
        6 => leaf.prop_map(str::to_owned),
        1 => select(FUNCTIONS).prop_map(|f| format!("({f} 1)")),
    ]
}

fn lists() -> impl Strategy<Value = String> {
    vec(elements(), 0..12).prop_map(|elements| format!("({})", elements.join(" ")))
}

/// Lists of `Cons` and `Nil`, most of them of one type.
fn typed_lists() -> impl Strategy<Value = String> {
    let numbers = vec(select(&["0", "1", "2"][..]), 0..5);
    let mixed = vec(select(&["0", "\"s\"", "a", "Nil"][..]), 0..3);
    prop_oneof![4 => numbers, 1 => mixed].prop_map(|elements| {
        elements.iter().fold("Nil".to_owned(), |rest, element| {
            format!("(Cons {element} {rest})")
        })
    })
}

fn questions() -> impl Strategy<Value = String> {
    let walks = (select(&["apply", "keep"][..]), select(FUNCTIONS), lists())
        .prop_map(|(form, f, list)| format!("({form} {f} {list})"));
    let folds = (
        select(&["+", "both", "pair", "cons-atom"][..]),
        elements(),
        lists(),
    )
        .prop_map(|(f, start, list)| format!("(fold {f} {start} {list})"));
    let written = (
        select(&["(+ $x 1)", "(both $x)", "($x 1)", "$x", "(bad $x)"][..]),
        lists(),
    )
        .prop_map(|(template, list)| format!("(map-atom {list} $x {template})"));
    let reversed = lists().prop_map(|list| format!("(reversed {list} ())"));
    let typed =
        (select(FUNCTIONS), typed_lists()).prop_map(|(f, list)| format!("(each {f} {list})"));
    let asked = (select(&["len", "get-type", "each inc"][..]), typed_lists())
        .prop_map(|(asked, list)| format!("({asked} {list})"));
    let first =
        (typed_lists(), elements()).prop_map(|(list, default)| format!("(first {list} {default})"));
    prop_oneof![2 => walks, 2 => folds, 2 => written, 1 => reversed, 2 => typed, 1 => asked, 1 => first]
}

fn programs() -> impl Strategy<Value = String> {
    vec(questions(), 1..6).prop_map(|questions| {
        let asked: Vec<String> = questions.iter().map(|asked| format!("!{asked}")).collect();
        format!("{RULES}{}", asked.join("\n"))
    })
}

/// For each directive its results, without the names of variables.
fn results(program: &str, plain: bool) -> Vec<Vec<String>> {
    both::results(program, plain, unnamed)
}

#[test]
fn generated_lists_are_gone_through_as_by_the_plain_evaluator() {
    cases::try_all(
        programs(),
        300,
        b"chimera: the same lists each run",
        |program| {
            assert_eq!(results(program, false), results(program, true), "{program}");
            Ok(())
        },
    );
}

/// A list of a million elements goes through each form, and grows by one at a time.
#[test]
fn a_million_elements_are_gone_through() {
    let program = "
(= (up-to $n $list) (if (== $n 0) $list (up-to (- $n 1) (cons-atom $n $list))))
(= (work $list)
   (let* (($doubled (map-atom $list $x (* $x 2)))
          ($kept (filter-atom $doubled $x (== 0 (% $x 3)))))
     (foldl-atom $kept 0 $a $b (+ $a $b))))
!(work (up-to 1000000 ()))";
    assert_eq!(results(program, false), [["333333666666"]]);
}

/// What is deep inside of a type is shared by the types around it, also where nothing is
/// known of it.
#[test]
fn types_as_deep_as_their_terms_are_found_in_linear_time() {
    let depth = 20_000;
    for (declared, inner) in [
        ("(: F (-> $t (Box $t)))", "unknown"),
        ("(: F (-> $t (Box $t))) (: a A)", "a"),
        ("(: F (-> (Box $t) (Box (S $t))))", "unknown"),
    ] {
        let term = format!("{}{inner}{}", "(F ".repeat(depth), ")".repeat(depth));
        let program = format!("{declared}\n!(let $type (get-type {term}) (size-atom $type))");
        assert_eq!(results(&program, false), [["2"]], "{declared}");
    }
}

/// Names of a type below the one that is expected are typed by number, as others are.
#[test]
fn names_of_several_types_cost_no_more_than_others() {
    let program = "(:< Dog Animal) (: rex Dog) (: none Pack)
(: pack (-> Animal Pack Pack)) (: size (-> Pack Number Number))
(= (size none $n) $n)
(= (size (pack $x $rest) $n) (size $rest (+ 1 $n)))
(: packed (-> Number Pack Pack))
(= (packed $n $rest) (if (== $n 0) $rest (packed (- $n 1) (pack rex $rest))))
!(size (packed 100000 none) 0)";
    assert_eq!(results(program, false), [["100000"]]);
}

/// Each part of a deep term is typed once.
#[test]
fn deep_terms_are_typed_in_linear_time() {
    let rules = "(: Z Nat) (: S (-> Nat Nat))
(= (nat $n $x) (if (== $n 0) $x (nat (- $n 1) (S $x))))";
    let made = format!("{rules}\n!(let $term (nat 100000 Z) (get-type $term))");
    assert_eq!(results(&made, false), [["Nat"]]);
    let depth = 5000;
    let written = format!("{}1{}", "(+ 1 ".repeat(depth), ")".repeat(depth));
    assert_eq!(results(&format!("!{written}"), true), [["5001"]]);
}

//! Modules of operations on values: strings, lists, sets, maps, time.

use chimera::{Budget, Engine};

use crate::{answers, check};

#[test]
fn strings() {
    check(
        &["strings"],
        r#"
        !(string-length "Grüße") => 5
        !(concat "ab" "cd") => "abcd"
        !(upper "aß") => "ASS"
        !(lower "AB") => "ab"
        !(trim "  a b ") => "a b"
        !(contains "abc" "bc") => True
        !(starts-with "abc" "b") => False
        !(ends-with "abc" "bc") => True
        !(split "a,b,,c" ",") => ("a" "b" "" "c")
        !(split "aé" "") => ("a" "é")
        !(join ("a" "b") ", ") => "a, b"
        !(join () ", ") => ""
        !(join (split "a b c" " ") "-") => "a-b-c"
        !(substring "Grüße" 1 4) => "rüß"
        !(substring "abc" 3 3) => ""
        !(substring "abc" 2 1) => (Error (substring "abc" 2 1) substring expects places inside the text)
        !(substring "abc" 0 4) => (Error (substring "abc" 0 4) substring expects places inside the text)
        !(replace "banana" "an" "-") => "b--a"
        !(regex-match "(\\w+)=(\\d+)?" "a=1 b=") => ("a=1" "a" "1") | ("b=" "b" ())
        !(regex-match regex:"b+" "abba") => ("bb")
        !(regex-match "x" "abc") =>
        !(regex-match "(" "abc") => (Error (regex-match "(" "abc") "(" is no pattern: error: unclosed group)
        !(to-string (a "b" 1.0)) => "(a \"b\" 1.0)"
        !(to-string "text") => "text"
        !(to-string (+ 1 2)) => "3"
        !(to-number "-2.5") => -2.5
        !(to-number "two") =>
        !(concat "a" 5) => (Error (concat "a" 5) (BadArgType 2 String Number))
        !(concat "a" b) => (concat "a" b)
        !(join ("a" b) "") => (Error (join ("a" b) "") join expects strings only, found b)
        "#,
    );
}

#[test]
fn lists() {
    check(
        &["lists", "control"],
        r#"
        !(append (1 2) (3)) => (1 2 3)
        !(append (reverse (1 2)) (range 5 8)) => (2 1 5 6 7)
        !(reverse (1 (2 3) a)) => (a (2 3) 1)
        !(reverse (2 1 +)) => (+ 1 2)
        !(last (1 2 3)) => 3
        !(last ()) => (Error (last ()) last expects a list that is not empty)
        !(sort (c 2 "b" a 1.5 (z) True $x)) => (1.5 2 True "b" a c $x (z))
        !(sort-by (|-> ($n) (- 0 $n)) (1 3 2)) => (3 2 1)
        !(sort-by size-atom ((a b) (c) (d e))) => ((c) (a b) (d e))
        !(sort-by (3 1 2) size-atom) => (Error (sort-by (3 1 2) size-atom) sort-by expects an expression as a list, found size-atom)
        !(sort-by size-atom 5) => (Error (sort-by size-atom 5) sort-by expects an expression as a list, found 5)
        !(zip (a b c) (1 2)) => ((a 1) (b 2))
        !(range 0 3) => (0 1 2)
        !(range 3 0) => ()
        !(range 0 1.5) => (Error (range 0 1.5) range expects whole numbers of 64 bits)
        !(take 2 (a b c)) => (a b)
        !(take 9 (a b c)) => (a b c)
        !(drop 2 (a b c)) => (c)
        !(drop 9 (a b c)) => ()
        !(take -1 (a)) => (Error (take -1 (a)) take expects a whole number, 0 or more)
        !(sum (1 2.5)) => 3.5
        !(sum ()) => 0
        !(sum (9223372036854775807 1)) => 9223372036854775808
        !(sum (1 a)) => (Error (sum (1 a)) sum expects numbers only, found a)
        !(member 2 (1 2 3)) => True
        !(member (a 1.0) ((a 1))) => True
        !(member 5 (1 2 3)) => False
        !(append a (1)) => (Error (append a (1)) append expects an expression as a list, found a)
        "#,
    );
}

#[test]
fn a_list_or_text_beyond_the_budget_is_an_error() {
    let mut engine = Engine::builder().build();
    let program = "!(import! &self lists) !(import! &self strings)
        (= (grow $text) (grow (concat $text $text)))";
    engine.load(program, "grow").unwrap();
    for atom in ["(range 0 1000000000)", "(grow \"abcdefgh\")"] {
        let call = engine.parse(atom).unwrap();
        let found = engine
            .evaluate(&call, &Budget::default().bytes(1 << 20))
            .atoms();
        assert!(
            found[0].to_string().contains("MemoryLimit"),
            "{:.200}",
            found[0]
        );
    }
}

#[test]
fn sets() {
    check(
        &["sets"],
        "
        !(set-of (b a 2 1.0 1 a)) => (set-of (1 2 a b))
        !(let $s (set-of (1 2)) ((set-add $s 3) $s)) => ((set-of (1 2 3)) (set-of (1 2)))
        !(set-remove (set-of (1 2)) 1) => (set-of (2))
        !(set-has (set-of (1 (a b))) (a b)) => True
        !(set-has (set-of (1)) 2) => False
        !(set-size (set-of (1 1 2))) => 2
        !(set-items (set-of (c a b))) => (a b c)
        !(set-union (set-of (1 2)) (set-of (2 3))) => (set-of (1 2 3))
        !(set-intersection (set-of (1 2)) (set-of (2 3))) => (set-of (2))
        !(set-difference (set-of (1 2)) (set-of (2 3))) => (set-of (1))
        !(== (set-of (1 2)) (set-of (2 1))) => True
        !(get-type (set-of (1))) => Set
        !(set-add 5 1) => (Error (set-add 5 1) (BadArgType 1 Set Number))
        !(set-of 5) => (Error (set-of 5) set-of expects an expression of members)
        ",
    );
}

#[test]
fn maps() {
    check(
        &["maps"],
        "
        !(map-of ((b 1) (a 2) (b 3))) => (map-of ((a 2) (b 3)))
        !(map-get (map-of ((a 1))) a) => 1
        !(map-get (map-of ((a 1))) b) =>
        !(map-get-or (map-of ((a 1))) b 0) => 0
        !(map-has (map-of ((a 1))) a) => True
        !(let $m (map-of ((a 1))) ((map-put $m b 2) $m)) => ((map-of ((a 1) (b 2))) (map-of ((a 1))))
        !(map-remove (map-of ((a 1) (b 2))) a) => (map-of ((b 2)))
        !(map-size (map-of ((a 1) (b 2)))) => 2
        !(map-keys (map-of ((b 1) (a 2)))) => (a b)
        !(map-values (map-of ((b 1) (a 2)))) => (2 1)
        !(map-items (map-of ((b 1) (a 2)))) => ((a 2) (b 1))
        !(map-of (a)) => (Error (map-of (a)) map-of expects an expression of (key value) pairs)
        !(map-get (map-of ((1 one))) 1.0) => one
        ",
    );
}

#[test]
fn collections_nest_only_so_deep() {
    let mut engine = Engine::builder().build();
    let program = "!(import! &self sets)
        (= (nest $set $n) (if (== $n 0) $set (nest (set-of ((in $set))) (- $n 1))))
        !(set-size (nest (set-of ()) 60)) !(nest (set-of ()) 100000)";
    let found = engine.load(program, "nest").unwrap();
    assert_eq!(found[1].results[0].to_string(), "1");
    assert!(found[2].is_error());
}

#[test]
fn the_time_is_the_embedders() {
    let engine = Engine::builder().clock(|| 1_000.5).build();
    let program = r#"!(now) !(since 1000) !(minutes 2) !(format-duration (hours 1.5))
        !(parse-duration "1m 30s") !(parse-duration "soon") !(milliseconds 250)"#;
    let found = answers(engine, &["time"], program);
    let expected = [
        "1000.5",
        "0.5",
        "120",
        "\"1h 30m\"",
        "90.0",
        "(Error (parse-duration \"soon\") \"soon\" is no duration; one is \"1d 2h 3m 4.5s\" or \"250ms\")",
        "0.25",
    ];
    assert_eq!(found, expected.map(|text| vec![text.to_owned()]));
}

//! Queries of generated spaces: the compiled evaluator gives what the plain one gives, in
//! the same order. Cases are drawn from a fixed seed.

mod both;
#[path = "generated/cases.rs"]
mod cases;

use chimera::Atom;
use proptest::collection::vec;
use proptest::prelude::{Just, Strategy, prop_oneof};
use proptest::sample::select;

/// The text of an atom whose variables are named by when they occur first.
fn named_by_place(atom: &Atom) -> String {
    let text = atom.to_string();
    let mut names: Vec<&str> = Vec::new();
    let mut out = String::new();
    let mut rest = text.as_str();
    while let Some(at) = rest.find('$') {
        out.push_str(&rest[..at]);
        let name = &rest[at..];
        let end = name.find([' ', '(', ')']).unwrap_or(name.len());
        let place = names.iter().position(|known| *known == &name[..end]);
        let place = place.unwrap_or_else(|| {
            names.push(&name[..end]);
            names.len() - 1
        });
        out.push_str(&format!("${place}"));
        rest = &name[end..];
    }
    out + rest
}

/// For each directive its results.
fn results(program: &str, plain: bool) -> Vec<Vec<String>> {
    both::results(program, plain, named_by_place)
}

#[track_caller]
fn check(program: &str) {
    let (fast, plain) = (results(program, false), results(program, true));
    assert_eq!(fast, plain, "{program}");
}

fn terms(variables: &'static [&'static str]) -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => select(variables).prop_map(str::to_owned),
        3 => select(&["a", "b", "c"][..]).prop_map(str::to_owned),
        2 => (0..5_u8).prop_map(|n| n.to_string()),
        1 => select(&["\"s\"", "1.0", "2.5", "True", "()"][..]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(2, 6, 3, |inner| {
        (select(&["f", "g"][..]), vec(inner, 1..3))
            .prop_map(|(head, rest)| format!("({head} {})", rest.join(" ")))
    })
}

fn facts(variables: &'static [&'static str]) -> impl Strategy<Value = String> {
    prop_oneof![
        3 => vec(terms(variables), 2).prop_map(|parts| format!("(edge {})", parts.join(" "))),
        2 => terms(variables).prop_map(|part| format!("(is {part})")),
        1 => vec(terms(variables), 3).prop_map(|parts| format!("(q {})", parts.join(" "))),
    ]
}

const ASKED: &[&str] = &["$x", "$y", "$z"];

/// Patterns that any atom may match.
const WIDE: &[&str] = &["$x", "($z $x)", "(, (edge $x $y) $z)", "(,)"];

fn patterns() -> impl Strategy<Value = String> {
    prop_oneof![
        1 => facts(ASKED),
        3 => vec(facts(ASKED), 2..4).prop_map(|all| format!("(, {})", all.join(" "))),
    ]
}

fn templates() -> impl Strategy<Value = String> {
    prop_oneof![
        3 => terms(ASKED),
        1 => Just("(pick $x)".to_owned()),
        1 => Just("(let $k (pick $x) ($k $y))".to_owned()),
        1 => Just("(let (f $k) $x ($k $y))".to_owned()),
        1 => Just("(if (== $x $y) same ($x $y))".to_owned()),
        1 => Just("(+ $x 1)".to_owned()),
        1 => facts(ASKED).prop_map(|fact| format!("(remove-atom SPACE {fact})")),
        1 => Just("(add-atom SPACE (is (new $x)))".to_owned()),
        1 => facts(ASKED).prop_map(|fact| format!("(match SPACE {fact} ($x $y $z))")),
        1 => facts(ASKED).prop_map(|fact| format!("(collapse (match SPACE {fact} $y))")),
    ]
}

/// Queries that are asked at once.
const DIRECT: &[&str] = &[
    "!(match SPACE PATTERN TEMPLATE)",
    "!(collapse (match SPACE PATTERN TEMPLATE))",
    "!(ask SPACE PATTERN TEMPLATE)",
];

/// Queries in rules, of whose variables some are known, some are open and some the pattern's.
const IN_RULES: &[&str] = &[
    "(= (RULE) (match SPACE PATTERN TEMPLATE)) !(RULE)",
    "(= (RULE $x) (match SPACE PATTERN TEMPLATE)) !(RULE a) !(RULE (f a)) !(RULE $u)",
    "(= (RULE $y $z) (match SPACE PATTERN TEMPLATE)) !(RULE 1 $u) !(RULE (g $v) $v)",
];

/// Queries in rules that are asked again and again, also once facts have changed: the rules
/// are compiled with the facts.
const AGAIN: &[&str] = &[
    "(= (RULE $x) (match SPACE PATTERN TEMPLATE))
     !(RULE a) !(RULE (f a)) !(RULE $u) !(RULE (f $u)) !(RULE 1) !(RULE 1.0) !(RULE (g 1 a))
     !(add-atom SPACE (is ())) !(RULE b) !(add-atom SPACE (edge (f $k) $k)) !(RULE (f b))
     !(RULE (f b)) !(RULE $u) !(RULE ())",
    "(= (RULE $y $z) (pair (match SPACE PATTERN TEMPLATE) $z))
     !(RULE 1 $u) !(RULE (g $v) $v) !(RULE $u (f $u)) !(RULE a b) !(RULE $u $u)
     !(remove-atom SPACE (edge a a)) !(add-atom SPACE (q a b (f c))) !(RULE 1 $u) !(RULE a $u)
     !(RULE (f 1) (f c))",
    "(= (RULE) (match SPACE PATTERN TEMPLATE)) !(RULE) !(RULE) !(RULE)",
];

fn programs(forms: &'static [&'static str]) -> impl Strategy<Value = String> {
    // The program's own space has the library in it.
    let asked = prop_oneof![
        6 => (patterns(), select(&["&self", "&kb"][..])),
        1 => (select(WIDE).prop_map(str::to_owned), Just("&kb")),
    ];
    programs_of(forms, asked, 1)
}

/// Programs with such queries; one in so many and eight facts has variables.
fn programs_of(
    forms: &'static [&'static str],
    asked: impl Strategy<Value = (String, &'static str)>,
    open: u32,
) -> impl Strategy<Value = String> {
    let fact = prop_oneof![8 => facts(&["a", "d"]), open => facts(&["$v", "$w"])];
    let query =
        (select(forms), asked, templates()).prop_map(|(form, (pattern, space), template)| {
            form.replace("PATTERN", &pattern)
                .replace("TEMPLATE", &template)
                .replace("SPACE", space)
        });
    (vec(fact, 2..40), vec(query, 1..6)).prop_map(|(facts, queries)| {
        let mut program = String::from(
            "!(bind! &kb (new-space))
             (= (pick a) 1) (= (pick b) 2) (= (pick $x) (other $x))
             (= (ask $space $pattern $template) (match $space $pattern $template))\n",
        );
        for (place, fact) in facts.iter().enumerate() {
            if place % 2 == 0 {
                program.push_str(&format!("{fact}\n"));
            }
            program.push_str(&format!("!(add-atom &kb {fact})\n"));
        }
        for (number, query) in queries.iter().enumerate() {
            program.push_str(&query.replace("RULE", &format!("rule-{number}")));
            program.push('\n');
        }
        program
    })
}

#[track_caller]
fn check_generated(forms: &'static [&'static str], seed: &[u8; 32]) {
    cases::try_all(programs(forms), 200, seed, |program| {
        check(program);
        Ok(())
    });
}

#[test]
fn generated_queries_are_answered_as_by_the_plain_evaluator() {
    check_generated(DIRECT, b"chimera: the same queries always");
}

#[test]
fn generated_queries_in_rules_are_answered_as_by_the_plain_evaluator() {
    check_generated(IN_RULES, b"chimera: the same queries inside");
}

#[test]
fn queries_asked_again_and_again_are_answered_as_by_the_plain_evaluator() {
    let asked = (facts(ASKED), select(&["&self", "&kb"][..]));
    let seed = b"chimera: facts in rules that ask";
    cases::try_all(programs_of(AGAIN, asked, 4), 400, seed, |program| {
        check(program);
        Ok(())
    });
}

#[test]
fn facts_with_variables_meet_every_part_of_a_pattern() {
    check(
        "(p $a $a) (p $a (f $a)) (p (f $a) $b) (p $a 1) (q $a $a $a) (q $a (g $b) $b) (r $all)
         (= (twice) (match &self (p $x $x) ($x)))
         (= (deep) (match &self (p (f $x) (f $x)) ($x)))
         (= (cyclic) (match &self (p $x (f $x)) ($x)))
         (= (later $k) (match &self (q $x $k $x) ($x $k)))
         (= (mixed $k) (match &self (q (g $x) $y (g $k)) ($x $y $k)))
         (= (unused $k) (match &self (q $x $y (h $k 2 \"s\" True ())) ($k)))
         (= (whole $k) (match &self (r (s $k (t $x 1) $x)) ($k $x)))
         !(twice) !(deep) !(cyclic) !(later 1) !(later (g 2)) !(later $u) !(mixed 1) !(mixed $u)
         !(unused 1) !(unused $u) !(whole 7) !(whole $u)",
    );
}

#[test]
fn numbers_are_compared_by_value_in_compiled_patterns() {
    check(
        "(n 1 one) (n 1.0 real) (n 4611686018427387904 large) (n 1e300 vast) (n \"1\" text)
         (n True truth) (n () unit) (n 2 two) (n 3 three) (n 4 four) (n 5 five)
         (= (one) (match &self (n 1 $w) $w)) (= (real) (match &self (n 1.0 $w) $w))
         (= (large) (match &self (n 4611686018427387904 $w) $w))
         (= (vast) (match &self (n 1e300 $w) $w)) (= (text) (match &self (n \"1\" $w) $w))
         (= (truth) (match &self (n True $w) $w)) (= (unit) (match &self (n () $w) $w))
         (= (any $k) (match &self (n $k $w) $w))
         !(one) !(real) !(large) !(vast) !(text) !(truth) !(unit)
         !(any 1) !(any 1.0) !(any \"1\") !(any ()) !(any (+ 1 1))",
    );
}

#[test]
fn rows_removed_while_a_compiled_query_goes_on_still_count() {
    check(
        "!(bind! &kb (new-space)) !(add-atom &kb (k 1)) !(add-atom &kb (k 2)) !(add-atom &kb (k 3))
         (= (take) (match &kb (k $x) (let $u (remove-atom &kb (k $x)) (took $x))))
         (= (drop) (match &kb (k $x) (let $u (remove-atom &kb (k 2)) (saw $x))))
         !(drop) !(take) !(take) !(match &kb $x $x)",
    );
}

/// Five hundred of `big`, a handful of `small`: written in an order in which the large
/// relation comes first.
fn lopsided(queries: &str) -> String {
    let mut program = String::new();
    for n in 0..500 {
        program.push_str(&format!(
            "(big {n} (m {}))\n(mid (m {n}) {})\n",
            n / 2,
            n % 7
        ));
    }
    program.push_str("(small 3 x) (small 3 y) (small 300 z) (small $any w)\n");
    program + queries
}

#[test]
fn joins_that_begin_with_a_long_list_keep_their_order() {
    check(&lopsided(
        "!(match &self (, (big $n $m) (mid $m $k) (small $k $s)) ($n $s))
         !(match &self (, (big $a $m) (big $b $m) (small $b $s)) ($a $b $s))
         !(match &self (, (big $n $m) (mid $m 6)) $n)
         !(match &self (, (big $n $m) (small $n $s) (mid $m $k)) ($n $s $k))
         !(match &self (, (big $n $m) (small $other z) (none $n)) $n)",
    ));
}

#[test]
fn long_joins_find_what_short_ones_do() {
    let mut program = String::new();
    for n in 0..600 {
        program.push_str(&format!("(edge {n} {})\n", (n * 7 + 3) % 600));
        program.push_str(&format!(
            "(hub {} {n})\n(edge x{} {})\n",
            n % 3,
            n % 50,
            n % 7
        ));
    }
    program.push_str(
        "!(match &self (, (edge $x $y) (edge $y $z)) ($x $z))
         !(match &self (, (edge $x $y) (hub $y $z)) ($x $z))
         !(match &self (, (hub $h $x) (edge $x $y) (edge $y $z)) ($h $z))
         !(match &self (, (edge $x $x) (edge $x $z)) ($x $z))
         !(let () (match &self (, (edge $x $y) (edge $y $x)) (remove-atom &self (edge $x $y))) gone)
         !(match &self (, (edge $x $y) (edge $y $x)) ($x $y))
         !(match &self (, (edge $x $y) (edge $y 5)) (add-atom &self (edge $y $x)))
         (edge (f $any) 1)
         (edge $any 4)
         !(match &self (, (edge $x $y) (edge $y $z)) ($x $z))",
    );
    check(&program);
}

/// Facts of two relations, mostly of names and small numbers.
fn flat_facts() -> impl Strategy<Value = String> {
    let name = select(&["a", "b", "c", "True"][..]).prop_map(str::to_owned);
    let odd = select(
        &[
            "\"s\"",
            "1.0",
            "2.5",
            "$v",
            "$w",
            "(f 1)",
            "(f $v)",
            "7000000000",
        ][..],
    );
    let argument = move |odd_in: u32| {
        prop_oneof![
            odd_in => (0..30_u8).prop_map(|n| n.to_string()),
            odd_in / 4 => name.clone(),
            1 => odd.clone().prop_map(str::to_owned),
        ]
    };
    let fact = move |head: &'static str, odd_in: u32| {
        (argument(odd_in), argument(odd_in)).prop_map(move |(x, y)| format!("({head} {x} {y})\n"))
    };
    // In most programs nothing is odd, or hardly anything.
    prop_oneof![Just(20_000_u32), Just(400), Just(40)].prop_flat_map(move |odd_in| {
        let facts = (
            vec(fact("edge", odd_in), 64..160),
            vec(fact("q", odd_in), 2..90),
        );
        facts.prop_map(|(edges, rest)| edges.concat() + &rest.concat())
    })
}

#[test]
fn joins_of_many_rows_are_answered_as_by_the_plain_evaluator() {
    let terms = || {
        let leaf = select(
            &[
                "$x", "$y", "$z", "$u", "$_", "$x", "$y", "$z", "3", "a", "$k",
            ][..],
        );
        prop_oneof![12 => leaf.prop_map(str::to_owned), 1 => Just("(f $y)".to_owned())]
    };
    let pattern = (select(&["edge", "edge", "q"][..]), terms(), terms())
        .prop_map(|(head, one, other)| format!("({head} {one} {other})"));
    let query = (vec(pattern, 1..3), terms(), terms()).prop_map(|(rest, one, other)| {
        format!(
            "(match &self (, (edge $x $y) {}) ({one} {other} $y))",
            rest.join(" ")
        )
    });
    let programs = (flat_facts(), vec(query, 1..4)).prop_map(|(mut program, queries)| {
        for (number, query) in queries.iter().enumerate() {
            program.push_str(&format!(
                "!{query}\n(= (rule-{number} $k) {query})\n!(rule-{number} 4)\n!(rule-{number} $any)\n"
            ));
        }
        program
    });
    cases::try_all(
        programs,
        120,
        b"chimera: joins in blocks of rows",
        |program| {
            check(program);
            Ok(())
        },
    );
}

#[test]
fn joins_in_which_some_rows_have_very_many_solutions_keep_their_order() {
    let mut program = String::new();
    for n in 0..70 {
        program.push_str(&format!("(first {n} h{})\n(first n{n} {})\n", n % 3, n % 5));
        program.push_str(&format!(
            "(hub {} {n})\n(hub h{} {n})\n(hub {n} h1)\n",
            n % 5,
            n % 3
        ));
    }
    check(
        &(program
            + "!(match &self (, (first $x $y) (hub $y $z)) ($x $z))
               !(match &self (, (first $x $y) (hub $y $z) (hub $y $u)) ($x $z))
               !(size-atom (collapse (match &self (, (first $x $y) (hub $y $z) (hub $z $u)) ($x $u))))
               !(match &self (, (first 7 $y) (hub $y $z) (hub $z $u)) ($z $u))"),
    );
}

/// Of a hundred rows each has what is asked for at one place, and one or none at both.
#[test]
fn rows_are_told_by_two_places_together() {
    let mut program = String::from("!(bind! &kb (new-space))\n");
    for n in 0..10_000 {
        program.push_str(&format!("(at {} {} {})\n", n % 100, n / 100, n % 7));
    }
    program.push_str(
        "(= (has $x $y) (match &self (at $x $y $z) $z))
         (= (all $n) (if (== $n 0) () (let $rest (all (- $n 1))
            (let $here (collapse (has $n (% (* $n 37) 100))) (cons-atom $here $rest)))))
         !(all 60)
         !(remove-atom &self (at 5 85 2)) !(remove-atom &self (at 6 22 3)) !(add-atom &self (at 7 59 again))
         !(all 60)
         (at 8 $any of-eight) (at $one 33 of-33) (at $same $same same) (at 9.0 33 nine) (at 9 33.0 nine)
         !(all 60)
         !(match &self (at 9 33 $z) $z) !(match &self (at 33 33 $z) $z) !(match &self (at 8 $y of-eight) $y)
         !(match &self (, (at 9 $y of-33) (at $y $y $z)) ($y $z))
         !(match &self (, (at 9 33 $z) (at $z 33 $u)) ($z $u))
         !(let () (match &self (at 12 44 $z) (remove-atom &self (at 12 44 $z))) (has 12 44))
         !(let () (match &self (at 13 81 $z) (add-atom &self (at 13 81 new))) (has 13 81))",
    );
    check(&program);
}

#[test]
fn a_query_answers_from_what_was_there_when_it_began() {
    check(&lopsided(
        "!(match &self (, (small 3 $s) (mid (m 5) $k)) (remove-atom &self (mid (m 5) $k)))
         !(match &self (small $n $s) (let () (remove-atom &self (small 3 y)) ($n $s)))
         !(match &self (, (big $n $m) (mid $m 6)) (remove-atom &self (big $n $m)))
         !(match &self (, (big $n $m) (mid $m 6)) $n)
         !(match &self (small $n $s) (add-atom &self (small $s $n)))
         !(match &self (small $n $s) ($n $s))",
    ));
}

#[test]
fn chaining_builds_proofs() {
    check(
        "!(bind! &kb (new-space))
         !(add-atom &kb (: ab (-> A B)))
         !(add-atom &kb (: bc (-> B C)))
         !(add-atom &kb (: a A))
         !(add-atom &kb (: also (-> $t (Also $t))))
         (= (bc $kb $_ (: $proof $goal)) (match $kb (: $proof $goal) (: $proof $goal)))
         (= (bc $kb (S $k) (: ($rule $premise) $goal))
            (let* (((: $rule (-> $type $goal)) (bc $kb $k (: $rule (-> $type $goal))))
                   ((: $premise $type) (bc $kb $k (: $premise $type))))
              (: ($rule $premise) $goal)))
         !(bc &kb (S (S Z)) (: $proof C))
         !(bc &kb (S (S Z)) (: $proof (Also B)))
         !(bc &kb (S Z) (: $proof $anything))
         (parent a b) (parent b c) (parent c d)
         (rule (ancestor $x $y) (parent $x $y))
         (rule (ancestor $x $z) (both (parent $x $y) (ancestor $y $z)))
         (= (holds $goal) (match &self $goal (fact $goal)))
         (= (holds (both $one $two))
            (let $p (holds $one) (let $q (holds $two) (both $p $q))))
         (= (holds $goal) (match &self (rule $goal $body) (by $goal (holds $body))))
         !(holds (ancestor a $who))
         !(let $all (collapse (holds (ancestor $x d))) (size-atom $all))",
    );
}

#[test]
fn bodies_that_are_facts_are_evaluated_as_found() {
    check(
        "(rule (fact $n) (if (== $n 0) 1 (* $n (run (fact (- $n 1))))))
         (rule (grand $x $z) (both (run (parent $x $y)) (run (parent $y $z))))
         (rule (parent a b) yes) (rule (parent b c) yes) (rule (parent b d) yes)
         (rule (sum (pair $a $b) $t (list $c $d))
            (+ (+ $a $b) (case $t ((\"t\" (* 2 $d)) ($other 0)))))
         (rule (typed $x) (let (pair $p $q) $x (superpose ($p $q (+ $p 1.5) \"s\"))))
         (rule (twice $x) (pair (let $x 1 $x) (run (fact $x))))
         (= (run $goal) (match &self (rule $goal $body) $body))
         (= (loop $i $sum)
            (if (== $i 0)
                $sum
                (let $v (run (sum (pair $i 3) \"t\" (list a $i))) (loop (- $i 1) (+ $sum $v)))))
         !(run (fact 10))
         !(run (grand a $who))
         !(run (grand $x $y))
         !(loop 100 0)
         !(run (typed (pair 4 5)))
         !(run (typed (pair 4.5 5)))
         !(run (typed (pair \"a\" 5)))
         !(run (twice 1))
         !(run (twice 2))
         !(run (twice $x))",
    );
}

#[test]
fn names_that_come_and_go_leave_those_in_use_as_they_are() {
    let program = "
        (= (keep $i $name $kept) (if (< $i 3) (cons-atom $name $kept) $kept))
        (= (go $i $n $kept)
           (if (== $i $n)
               $kept
               (let* (($name (parse (format-args \"fresh-{}\" ($i))))
                      ($added (add-atom &self (event $i $name)))
                      ($gone (remove-atom &self (event (- $i 10) $name)))
                      ($more (keep $i $name $kept)))
                 (go (+ $i 1) $n $more))))
        !(go 0 40000 ())
        !(match &self (event 39999 $name) $name)
        !(let $all (collapse (match &self (event $i $name) $name)) (size-atom $all))";
    let expected = [["(fresh-2 fresh-1 fresh-0)"], ["fresh-39999"], ["40000"]];
    assert_eq!(results(program, false), expected);
}

#[test]
fn answers_are_those_of_the_rows_that_were_there_when_a_query_began() {
    let program = "
        (= (fill $n $what)
           (if (== $n 0) done (let $u (add-atom &self (thing $n $what)) (fill (- $n 1) $what))))
        (= (each $k) (match &self (thing $n $k) $n))
        (= (drop-next)
           (match &self (thing $n k)
              (let $gone (collapse (remove-atom &self (thing (- $n 1) k))) $n)))
        (= (move)
           (match &self (thing $n k)
              (let* (($added (add-atom &self (thing $n j)))
                     ($gone (collapse (remove-atom &self (thing $n k)))))
                 $n)))
        !(fill 1000 k)
        !(let $all (collapse (each k)) (size-atom $all))
        !(let $all (collapse (drop-next)) (size-atom $all))
        !(let $all (collapse (move)) (size-atom $all))
        !(fill 700 k)
        !(let $all (collapse (let $n (each $what) ($n $what))) (size-atom $all))
        (thing (f x) k)
        (thing 7 (g y))
        !(let $all (collapse (each k)) (size-atom $all))
        !(let $all (collapse (each $any)) (size-atom $all))";
    check(program);
}

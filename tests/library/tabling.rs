//! `tabling`: recursion that would not end, and work that is done once.

use std::fmt::Write;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use chimera::{Budget, Engine, Operation};

use crate::check;

#[test]
fn left_recursion_over_a_cyclic_graph_gives_each_answer_once() {
    check(
        &["tabling", "lists"],
        "
        (edge a b) (edge b c) (edge c a) (edge c d) (edge a c)
        !(table! (path 2)) => ()
        (= (path $x $y) (match &self (edge $x $y) True))
        (= (path $x $y) (let True (path $x $z) (match &self (edge $z $y) True)))
        !(let True (path a $y) $y) => a | b | c | d
        !(let True (path d $y) $y) =>
        !(path a d) => True
        !(let $all (collapse (let True (path $x $y) ($x $y))) (sort $all)) => ((a a) (a b) (a c) (a d) (b a) (b b) (b c) (b d) (c a) (c b) (c c) (c d))
        ",
    );
}

#[test]
fn a_setting_tables_too_where_the_module_is_imported() {
    let program = "
        (edge a b) (edge b a)
        !(pragma! table (path 2)) => ()
        (= (path $x $y) (match &self (edge $x $y) True))
        (= (path $x $y) (let True (path $x $z) (match &self (edge $z $y) True)))
        !(let True (path a $y) $y) => a | b
        !(pragma! table 1) => (Error (pragma! table 1) the function to table is expected as its name or as (name arity))
        ";
    check(&["tabling"], program);
    check(
        &[],
        "
        (= (coin) heads)
        (= (coin) heads)
        !(pragma! table (coin 0)) => ()
        !(coin) => heads | heads
        !(pragma! table 1) => ()
        ",
    );
}

#[test]
fn right_and_double_recursion_end_too() {
    check(
        &["tabling"],
        "
        (edge 1 2) (edge 2 3) (edge 3 1)
        !(table! reach) => ()
        (= (reach $x) (match &self (edge $x $y) $y))
        (= (reach $x) (reach (match &self (edge $x $y) $y)))
        !(reach 1) => 1 | 2 | 3
        !(table! near) => ()
        (= (near $x $y) (match &self (edge $x $y) yes))
        (= (near $x $y) (let yes (near $x $z) (near $z $y)))
        !(let yes (near 1 $y) $y) => 1 | 2 | 3
        ",
    );
}

#[test]
fn functions_that_call_each_other_are_complete_together() {
    // Two leaders, an inner knot that turns out to hang on the outer one.
    check(
        &["tabling"],
        "
        !(table! p) => ()
        !(table! q) => ()
        !(table! r) => ()
        (= (p) 1) (= (p) (q)) (= (p) (r))
        (= (q) (r)) (= (q) (+ 1 (limited (p))))
        (= (r) (q)) (= (r) (* 10 (small (p))))
        (= (limited $n) (if (< $n 4) $n (empty)))
        (= (small $n) (if (< $n 3) $n (empty)))
        !(p) => 1 | 10 | 2 | 20 | 3 | 4
        !(q) => 10 | 2 | 20 | 3 | 4
        !(r) => 10 | 2 | 20 | 3 | 4
        ",
    );
}

/// Every pair of nodes that a walk connects, by squaring the relation.
fn closure(edges: &[(usize, usize)], nodes: usize) -> Vec<(usize, usize)> {
    let mut reach = vec![vec![false; nodes]; nodes];
    for (from, to) in edges {
        reach[*from][*to] = true;
    }
    for middle in 0..nodes {
        for from in 0..nodes {
            for to in 0..nodes {
                reach[from][to] |= reach[from][middle] && reach[middle][to];
            }
        }
    }
    let all = (0..nodes).flat_map(|from| (0..nodes).map(move |to| (from, to)));
    all.filter(|(from, to)| reach[*from][*to]).collect()
}

#[test]
fn tabled_paths_are_the_transitive_closure_of_random_graphs() {
    let mut state = 7_u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (state >> 33) as usize % below
    };
    for round in 0..30 {
        let nodes = 2 + random(7);
        let mut edges: Vec<(usize, usize)> = (0..random(3 * nodes))
            .map(|_| (random(nodes), random(nodes)))
            .collect();
        edges.sort_unstable();
        edges.dedup();
        let mut program = String::from("!(import! &self tabling) !(table! path)\n");
        for (from, to) in &edges {
            writeln!(program, "(edge {from} {to})").unwrap();
        }
        program += match round % 3 {
            0 => "(= (path $x $y) (let True (path $x $z) (match &self (edge $z $y) True)))",
            1 => "(= (path $x $y) (match &self (edge $x $z) (path $z $y)))",
            _ => "(= (path $x $y) (let True (path $x $z) (path $z $y)))",
        };
        program += "(= (path $x $y) (match &self (edge $x $y) True))
            !(collapse (let True (path $x $y) ($x $y)))";
        let directives = Engine::builder().build().load(&program, "graph").unwrap();
        let answers = &directives.last().unwrap().results;
        let list = answers[0].as_expression().unwrap();
        let mut found: Vec<(usize, usize)> = list
            .iter()
            .map(|pair| {
                let [from, to] = pair.as_expression().unwrap() else {
                    panic!("{pair}")
                };
                (
                    from.as_i64().unwrap() as usize,
                    to.as_i64().unwrap() as usize,
                )
            })
            .collect();
        let count = found.len();
        found.sort_unstable();
        found.dedup();
        assert_eq!(found.len(), count, "each answer once: {program}");
        assert_eq!(found, closure(&edges, nodes), "{program}");
    }
}

/// A rule for one of several functions whose results are numbers below 7.
enum Rule {
    Result(usize),
    /// `3 x + 1`, of another function's results.
    Of(usize),
    /// The sum of two functions' results.
    Sum(usize, usize),
}

/// The results of every function: the least sets that the rules allow.
fn least(rules: &[Vec<Rule>]) -> Vec<[bool; 7]> {
    let mut sets = vec![[false; 7]; rules.len()];
    loop {
        let before = sets.clone();
        for (function, rules) in rules.iter().enumerate() {
            for rule in rules {
                match rule {
                    Rule::Result(value) => sets[function][*value] = true,
                    Rule::Of(other) => {
                        for value in (0..7).filter(|value| before[*other][*value]) {
                            sets[function][(3 * value + 1) % 7] = true;
                        }
                    }
                    Rule::Sum(left, right) => {
                        for a in (0..7).filter(|value| before[*left][*value]) {
                            for b in (0..7).filter(|value| before[*right][*value]) {
                                sets[function][(a + b) % 7] = true;
                            }
                        }
                    }
                }
            }
        }
        if sets == before {
            return sets;
        }
    }
}

#[test]
fn knots_of_random_functions_have_their_least_results() {
    let mut state = 11_u64;
    let mut random = |below: usize| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 33) as usize % below
    };
    for _ in 0..150 {
        let functions = 1 + random(6);
        let mut rules: Vec<Vec<Rule>> = Vec::new();
        let mut program = String::from("!(import! &self tabling)\n");
        for function in 0..functions {
            writeln!(program, "!(table! p{function})").unwrap();
            let mut own = Vec::new();
            for _ in 0..1 + random(3) {
                let rule = match random(4) {
                    0 => Rule::Result(random(7)),
                    1 | 2 => Rule::Of(random(functions)),
                    _ => Rule::Sum(random(functions), random(functions)),
                };
                match &rule {
                    Rule::Result(value) => writeln!(program, "(= (p{function}) {value})"),
                    Rule::Of(other) => {
                        writeln!(program, "(= (p{function}) (% (+ (* 3 (p{other})) 1) 7))")
                    }
                    Rule::Sum(left, right) => {
                        writeln!(program, "(= (p{function}) (% (+ (p{left}) (p{right})) 7))")
                    }
                }
                .unwrap();
                own.push(rule);
            }
            rules.push(own);
        }
        let expected = least(&rules);
        let mut engine = Engine::builder().build();
        engine.load(&program, "knot").unwrap();
        // Each by itself, and all in one directive, where tables are shared.
        let first = random(functions);
        let mut asked: Vec<String> = (0..functions).map(|f| format!("(p{f})")).collect();
        asked.rotate_left(first);
        let mut questions = asked.clone();
        questions.push(format!("(superpose ({}))", asked.join(" ")));
        for (place, question) in questions.iter().enumerate() {
            let atom = engine.parse(question).unwrap();
            let budget = Budget::default().reductions(5_000_000);
            let found = engine.evaluate(&atom, &budget).atoms();
            let mut found: Vec<String> = found.iter().map(ToString::to_string).collect();
            let of = |function: usize| {
                let set = &expected[function];
                let values = (0..7).filter(|value| set[*value]);
                values.map(|value| value.to_string()).collect::<Vec<_>>()
            };
            let mut wanted: Vec<String> = if place < functions {
                of((place + first) % functions)
            } else {
                (0..functions).flat_map(of).collect()
            };
            found.sort();
            wanted.sort();
            assert_eq!(found, wanted, "{question}\n{program}");
        }
    }
}

#[test]
fn a_call_is_evaluated_once() {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = Arc::clone(&count);
    let mut engine = Engine::builder().build();
    engine.register(Operation::new(
        "count",
        "(-> Number Number)",
        move |arguments, _| {
            counted.fetch_add(1, Ordering::Relaxed);
            Ok(vec![arguments[0].clone()])
        },
    ));
    let program = "!(import! &self tabling) !(table! fib)
        (: fib (-> Number Number))
        (= (fib $n) (let $m (count $n) (if (< $m 2) $m (+ (fib (- $m 1)) (fib (- $m 2))))))";
    engine.load(program, "fib").unwrap();
    let call = engine.parse("(fib 90)").unwrap();
    let budget = Budget::default().reductions(1_000_000);
    let found = engine.evaluate(&call, &budget).atoms();
    assert_eq!(found[0].to_string(), "2880067194370816120");
    assert_eq!(count.load(Ordering::Relaxed), 91);
}

#[test]
fn what_is_tabled_can_be_told_and_taken_back() {
    check(
        &["tabling"],
        "
        (= (f) 1) (= (f) 1) (= (f $x) $x) (= (f $x) $x)
        !(f) => 1 | 1
        !(table! (f 0)) => ()
        !(f) => 1
        !(f 5) => 5 | 5
        !(table! f) => ()
        !(f 5) => 5
        !(untable! f) => ()
        !(f) => 1 | 1
        !(table! 5) => (Error (table! 5) the function to table is expected as its name or as (name arity))
        !(table! (f -1)) => (Error (table! (f -1)) the function to table is expected as its name or as (name arity))
        ",
    );
}

#[test]
fn errors_and_bounds_pass_through() {
    check(
        &["tabling"],
        "
        !(table! f) => ()
        (= (f $x) (+ $x \"a\"))
        !(f 1) => (Error (+ 1 \"a\") (BadArgType 2 Number String))
        (= (g) (g))
        !(table! g) => ()
        !(g) =>
        ",
    );
    let mut engine = Engine::builder().build();
    let program = "!(import! &self tabling) !(table! up) (= (up $n) (up (+ $n 1)))";
    engine.load(program, "up").unwrap();
    let call = engine.parse("(up 0)").unwrap();
    let found = engine
        .evaluate(&call, &Budget::default().bytes(1 << 20))
        .atoms();
    assert!(found[0].to_string().contains("MemoryLimit"), "{found:?}");
}

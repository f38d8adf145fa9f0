//! Proofs: compiled code records the rules, facts and operations that the plain evaluator
//! does, for each result.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chimera::{Answer, Budget, Builder, DirectoryFiles, Engine, Grants, Proof};
use proptest::strategy::{Strategy, ValueTree};
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

#[path = "generated/programs.rs"]
mod programs;

/// What one directive may spend.
const REDUCTIONS: u64 = 100_000;

/// One evaluator over programs.
struct Prover(Engine);

/// What one directive gave: each result with what led to it, in order.
type Answers = Vec<(String, Vec<String>)>;

impl Prover {
    fn new(builder: Builder, files: &Path) -> Prover {
        let builder = builder.files(DirectoryFiles::below(files)).grants(Grants {
            read_files: true,
            ..Grants::default()
        });
        Prover(builder.build())
    }

    /// Adds the atoms of a text that is MeTTa, and evaluates its directives, up to the first
    /// that spends all it may.
    fn run(&mut self, text: &str, file: &str) -> Vec<Answers> {
        let parsed = chimera_grammar::parse(text);
        let budget = Budget::default()
            .deadline(Duration::from_secs(30))
            .reductions(REDUCTIONS);
        let mut all = Vec::new();
        for form in parsed.tree.forms() {
            let span = parsed.tree.nodes()[form.node as usize].span;
            let form_text = &text[span.start..span.end];
            if form.directive {
                let atom = self.0.parse(form_text).unwrap();
                let evaluation = self.0.evaluate_proving(&atom, &budget);
                if evaluation.reductions >= REDUCTIONS {
                    break;
                }
                all.push(evaluation.results.iter().map(answer).collect());
            } else {
                // At the line where it stands.
                let above = text[..span.start].matches('\n').count();
                let padded = format!("{}{form_text}", "\n".repeat(above));
                self.0.load(&padded, file).unwrap();
            }
        }
        all
    }
}

fn answer(answer: &Answer) -> (String, Vec<String>) {
    let proof = answer.proof.as_ref();
    (
        canonical(&answer.atom.to_string()),
        proof.map_or(vec!["no proof".to_owned()], told),
    )
}

/// Everything that a proof names, sorted.
fn told(proof: &Proof) -> Vec<String> {
    let place = |file: &Option<Arc<str>>, line: &Option<u32>| match (file, line) {
        (Some(file), Some(line)) => format!("{file}:{line}"),
        _ => "nowhere".to_owned(),
    };
    let rules = proof.rules().into_iter().map(|rule| {
        let place = place(&rule.file, &rule.line);
        format!("rule {} {place}", canonical(&rule.head.to_string()))
    });
    let facts = proof.facts().into_iter().map(|fact| {
        let place = place(&fact.file, &fact.line);
        format!("fact {} {place}", canonical(&fact.atom.to_string()))
    });
    let operations = proof
        .operations()
        .into_iter()
        .map(|name| format!("does {name}"));
    let mut told: Vec<String> = rules.chain(facts).chain(operations).collect();
    told.sort();
    told.dedup();
    told
}

/// The text without the numbers of variables and the addresses of spaces.
fn canonical(text: &str) -> String {
    let mut out = String::new();
    let mut rest = text;
    while let Some(at) = rest.find(['$', 'x']) {
        let (before, after) = rest.split_at(at);
        out += before;
        if after.starts_with('$') {
            let end = after
                .find(|c: char| c.is_whitespace() || c == '(' || c == ')')
                .unwrap_or(after.len());
            out.push('$');
            rest = &after[end..];
        } else {
            out.push('x');
            rest = &after[1..];
            if out.ends_with("GroundingSpace-0x") {
                rest = rest.trim_start_matches(|c: char| c.is_ascii_hexdigit());
            }
        }
    }
    out + rest
}

/// How the two evaluators differ on a program.
fn difference(text: &str, file: &str, files: &Path) -> Option<String> {
    if !chimera_grammar::parse(text).errors.is_empty() {
        return None;
    }
    let plain = Engine::builder().plain();
    let plain = Prover::new(plain, files).run(text, file);
    // What compiled code is unsure of is taken as it is, but where that is otherwise.
    let compiled = match files.ends_with("again") {
        true => Engine::builder(),
        false => Engine::builder().compiled(),
    };
    let compiled = Prover::new(compiled, files).run(text, file);
    let (number, (plain, compiled)) = plain
        .iter()
        .zip(&compiled)
        .enumerate()
        .find(|(_, (plain, compiled))| sorted(plain) != sorted(compiled))?;
    Some(format!(
        "{file}, directive {}:\n  plain    {plain:#?}\n  compiled {compiled:#?}",
        number + 1
    ))
}

fn sorted(answers: &Answers) -> Answers {
    let mut answers = answers.clone();
    answers.sort();
    answers
}

fn corpus(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_owned()];
    while let Some(folder) = open.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                open.push(path);
            } else if path
                .extension()
                .is_some_and(|extension| extension == "metta")
            {
                found.push(path);
            }
        }
    }
    found.sort();
    found
}

#[test]
fn programs_of_the_corpus_are_proved_alike() {
    let mut wrong = Vec::new();
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance");
    // They have other results.
    let pending = fs::read_to_string(folder.join("pending.txt")).unwrap();
    let programs = corpus(&folder);
    assert!(programs.len() > 200, "{}", programs.len());
    for path in programs {
        let text = fs::read_to_string(&path).unwrap();
        let case = path.strip_prefix(&folder).unwrap().with_extension("");
        if pending.lines().any(|line| Path::new(line) == case) {
            continue;
        }
        let name = path.file_name().unwrap().to_str().unwrap();
        wrong.extend(difference(&text, name, path.parent().unwrap()));
    }
    assert!(
        wrong.is_empty(),
        "{} programs:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

#[track_caller]
fn check(program: &str) {
    if let Some(difference) = difference(program, "program.metta", Path::new(".")) {
        panic!("{program}\n{difference}");
    }
}

#[test]
fn made_up_programs_are_proved_alike() {
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, b"chimera: the same cases each run");
    let mut runner = TestRunner::new_with_rng(Config::default(), rng);
    for _ in 0..400 {
        check(
            &programs::programs()
                .new_tree(&mut runner)
                .unwrap()
                .current(),
        );
    }
}

/// What compiled code does in ways of its own.
#[test]
fn each_way_of_going_on_is_proved_alike() {
    const RULES: &str = "
        (p 1) (p 2) (q 2 a) (q 2 b) (q 3 c)
        (: twice (-> Number Number))
        (= (twice $x) (* 2 $x))
        (= (down $n) (if (> $n 0) (down (- $n 1)) done))
        (= (joined) (match &self (, (p $x) (q $x $y)) ($x $y)))
        (= (asked $pattern $template) (match &self $pattern $template))
        (= (any) one) (= (any) (twice 4)) (= (any) (+ 1 a)) (= (any) (empty))
        (= (all) (collapse (any)))
        (= (first $n) (if (== $n 1) (any) (first (- $n 1))))";
    for directive in [
        "(joined)",
        "(asked (, (p $x) (q $x $y)) ($x $y))",
        "(asked (q 3 $y) $y)",
        "(let $pattern (, (p $x) (q $x $y)) (match &self $pattern $y))",
        "(down 20)",
        "(any)",
        "(all)",
        "(first 3)",
        "(case (any) ((one (twice 1)) ($other (got $other))))",
        "(case (match &self (p 9) found) ((found no) (Empty (twice 3))))",
        "(let* (($x (any)) ($y (twice 1))) ($x $y))",
        "(superpose ((twice 1) (any) (joined)))",
        "(let $all (all) (size-atom $all))",
        "(once (any))",
        "(map-atom (1 2 3) $x (twice $x))",
        "(foldl-atom (1 2 3) 0 $sum $x (+ $sum (twice $x)))",
        "(unify (p $x) (p 1) (twice $x) no)",
        "(chain (twice 2) $x (eval (twice $x)))",
        "(twice a)",
        "(twice (any))",
        "(let $f twice ($f 3))",
        "(if-error (twice a) (twice 1) (twice 2))",
        "(assertEqual (twice 2) 4)",
        "(capture (any))",
        "(sealed ($x) (twice 1))",
        "(unique (superpose (1 1 (twice 1))))",
        "(add-atom &self (p 3))",
        "(get-type (twice 1))",
        "(car-atom ((twice 1) 2))",
        "(min-atom ((twice 1) 2))",
        "(no such (thing (twice 1)))",
        "(if (and (> (twice 1) 1) (== a a)) yes (any))",
    ] {
        check(&format!("{RULES}\n!{directive}"));
    }
}

/// Facts that a rule asks for again are compiled into it.
#[test]
fn facts_asked_for_again_are_proved_alike() {
    check(
        "(p 1 a) (p 2 b) (p 2 c) (p (f $x) $x) (p $any whole)
         (= (ask $k) (match &self (p $k $v) (found $v)))
         (= (pair $k) (let (found $v) (ask $k) (match &self (p $w $v) (and-so $w))))
         !(ask 1) !(ask 2) !(ask 2) !(ask (f d)) !(ask $u) !(ask 3)
         !(pair 1) !(pair 2) !(pair (f e)) !(collapse (pair 2))
         !(add-atom &self (p 3 d)) !(ask 3) !(ask 3) !(pair 3)
         !(remove-atom &self (p 2 b)) !(ask 2) !(ask 2) !(collapse (pair 2))",
    );
}

/// Facts that queries at a moment ask for again have tables.
#[test]
fn facts_of_a_moment_are_proved_alike() {
    const PROGRAM: &str = "
        (e 1 2) (e 2 3) (e 2 4) (e 3 1) (e 4 a) (e a b) (e b b) (e c 1) (n 1 one) (n 2 \"two\") (n 3 three) (n a 1.5)
        (= (ask $k) (match &self (e $k $v) $v))
        (= (both $k) (match &self (, (e $k $v) (e $v $w)) ($v $w)))
        (= (named $k) (match &self (, (e $k $v) (n $v $name)) (is $name)))
        (= (far $k) (match &self (, (e $k $v) (e $v $w) (e $w $u)) (if (== $u $k) round $u)))
        (= (some $k) (if (> (size-atom (collapse (both $k))) 1) (ask $k) (named $k)))
        (= (any) (match &self (e $x $x) $x))";
    let questions = [
        "(ask 1)",
        "(ask 2)",
        "(ask 2)",
        "(ask $k)",
        "(both 1)",
        "(both 2)",
        "(both b)",
        "(both $k)",
        "(named 1)",
        "(named 3)",
        "(named 4)",
        "(far 1)",
        "(far c)",
        "(far $k)",
        "(some 1)",
        "(some 3)",
        "(any)",
        "(collapse (both 2))",
        "(once (far $k))",
        "(case (ask 9) ((Empty (ask 1)) ($x $x)))",
    ];
    let [plain, compiled] = [true, false].map(|plain| {
        let builder = match plain {
            true => Engine::builder().plain(),
            false => Engine::builder().compiled(),
        };
        let mut prover = Prover::new(builder, Path::new("."));
        prover.run(PROGRAM, "program.metta");
        let mut moment = Prover(prover.0.snapshot());
        // What was found out at one moment may hold at the next.
        let mut answers = ask(&mut moment, &questions);
        prover.run("(e 3 c) (n b bee)", "more.metta");
        answers.extend(ask(&mut moment, &questions));
        answers.extend(ask(&mut Prover(prover.0.snapshot()), &questions));
        answers
    });
    for (number, (plain, compiled)) in plain.iter().zip(&compiled).enumerate() {
        let question = questions[number % questions.len()];
        assert_eq!(sorted(plain), sorted(compiled), "{number}: {question}");
    }
}

fn ask(prover: &mut Prover, questions: &[&str]) -> Vec<Answers> {
    let directives = questions.iter().map(|question| format!("!{question}"));
    directives
        .flat_map(|directive| prover.run(&directive, "questions.metta"))
        .collect()
}

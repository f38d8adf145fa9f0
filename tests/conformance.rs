//! The conformance corpus: every program of `tests/conformance/` answers what
//! the reference engine answers, but where `divergences.md` says otherwise.
//!
//! Answers stand in the programs, recorded by `tests/conformance/record.py`,
//! which also tells how they are written. Results of a directive are compared as
//! a multiset, up to the names of variables.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

use std::collections::BTreeSet;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use chimera::{Budget, DirectoryFiles, Engine, Grants, Watch};

/// No program of the corpus needs more.
const DEADLINE: Duration = Duration::from_secs(20);

fn corpus() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/conformance")
}

/// The files right below `folder`, or the folders, in order of name.
fn entries(folder: &Path, want: fn(&Path) -> bool) -> Vec<PathBuf> {
    let mut found: Vec<PathBuf> = fs::read_dir(folder)
        .expect("the folder is readable")
        .map(|entry| entry.expect("its entries are readable").path())
        .filter(|path| want(path))
        .collect();
    found.sort();
    found
}

/// `<topic>/<case>.metta`, and `<topic>/<case>/main.metta` beside its modules.
fn cases() -> Vec<PathBuf> {
    let mut cases = Vec::new();
    for topic in entries(&corpus(), Path::is_dir) {
        cases.extend(entries(&topic, |path| {
            path.extension()
                .is_some_and(|extension| extension == "metta")
        }));
        for folder in entries(&topic, Path::is_dir) {
            let main = folder.join("main.metta");
            if main.is_file() {
                cases.push(main);
            }
        }
    }
    cases
}

/// `<topic>/<case>`.
fn name(case: &Path) -> String {
    let relative = case
        .strip_prefix(corpus())
        .expect("cases are in the corpus")
        .with_extension("");
    let name = relative.display().to_string();
    name.strip_suffix("/main").unwrap_or(&name).to_owned()
}

/// What one program should give.
#[derive(Default)]
struct Expected {
    /// Per directive.
    answers: Vec<Vec<String>>,
    output: Vec<String>,
}

/// Our own answer where there is one, else the reference's.
fn expected(text: &str) -> Expected {
    let mut expected = Expected::default();
    let (mut theirs, mut ours) = (Vec::new(), Vec::new());
    let (mut prints, mut ours_prints) = (Vec::new(), Vec::new());
    let mut inside = false;
    let mut finish = |theirs: &mut Vec<String>, ours: &mut Vec<String>| {
        let chosen = if ours.is_empty() {
            std::mem::take(theirs)
        } else {
            theirs.clear();
            std::mem::take(ours)
        };
        let mut answers: Vec<String> = chosen
            .into_iter()
            .filter(|answer| !answer.is_empty())
            .collect();
        answers.sort();
        expected.answers.push(answers);
    };
    for line in text.lines() {
        let answer = |mark: &str| {
            line.strip_prefix(mark)
                .map(|rest| rest.strip_prefix(' ').unwrap_or(rest).to_owned())
        };
        if let Some(answer) = answer("; =>") {
            theirs.push(answer);
            inside = true;
        } else if let Some(answer) = answer("; ours =>") {
            ours.push(answer);
            inside = true;
        } else {
            if inside {
                finish(&mut theirs, &mut ours);
                inside = false;
            }
            prints.extend(answer("; prints"));
            ours_prints.extend(answer("; ours prints"));
        }
    }
    if inside {
        finish(&mut theirs, &mut ours);
    }
    expected.output = if ours_prints.is_empty() {
        prints
    } else {
        ours_prints
    };
    expected
}

/// The text with variables named by order of occurrence, and addresses of
/// spaces left out.
fn canonical(text: &str) -> String {
    let mut names: Vec<&str> = Vec::new();
    let mut out = String::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let length = match first {
            '"' => {
                let mut escaped = false;
                rest[1..]
                    .find(|c| {
                        let ends = c == '"' && !escaped;
                        escaped = c == '\\' && !escaped;
                        ends
                    })
                    .map_or(rest.len(), |at| at + 2)
            }
            '$' => rest
                .find(|c: char| c.is_whitespace() || c == '(' || c == ')')
                .unwrap_or(rest.len()),
            _ => first.len_utf8(),
        };
        let (word, after) = rest.split_at(length);
        const SPACE: &str = "GroundingSpace-0x";
        if let Some(address) = rest.strip_prefix(SPACE) {
            out += SPACE;
            out.push('0');
            rest = address.trim_start_matches(|c: char| c.is_ascii_hexdigit());
            continue;
        }
        if first == '$' && word.len() > 1 {
            let number = names
                .iter()
                .position(|name| *name == word)
                .unwrap_or_else(|| {
                    names.push(word);
                    names.len() - 1
                });
            write!(out, "${number}").expect("strings take all writes");
        } else if first == '\n' {
            out += "\\n";
        } else {
            out += word;
        }
        rest = after;
    }
    out
}

fn lock(text: &Mutex<String>) -> std::sync::MutexGuard<'_, String> {
    text.lock().expect("nothing panics while it holds the text")
}

/// What is wrong with a case; nothing if it passes.
fn run(case: &Path, how: How) -> Option<String> {
    let text = fs::read_to_string(case).expect("cases are readable");
    let expected = expected(&text);
    let output = Arc::new(Mutex::new(String::new()));
    let sink = Arc::clone(&output);
    let builder = Engine::builder();
    let builder = match how {
        How::Compiled => builder.compiled(),
        How::AsUsual | How::Watched => builder,
    };
    let mut engine = builder
        .output(move |text| lock(&sink).push_str(text))
        .trace(|_| {})
        .files(DirectoryFiles::below(
            case.parent().expect("a case is in a directory"),
        ))
        .grants(Grants {
            read_files: true,
            ..Grants::default()
        })
        .build();
    engine.watch(matches!(how, How::Watched).then(|| Watch::trace(0, |_| {})));
    let budget = Budget::default().deadline(DEADLINE);
    // Printed at once: a state in a result may change later.
    let mut directives: Vec<(u32, Vec<String>)> = Vec::new();
    let loaded = engine.run(&text, &name(case), &budget, |directive| {
        let results = directive.results.iter();
        let mut found: Vec<String> = results.map(|atom| canonical(&atom.to_string())).collect();
        found.sort();
        directives.push((directive.line, found));
        true
    });
    let mut wrong = String::new();
    if let Err(error) = loaded {
        let found = format!("!raises {:?}", error.to_string());
        let is_expected = directives.is_empty() && expected.answers == [vec![found.clone()]];
        return (!is_expected).then(|| format!("  {found}\n"));
    }
    if directives.len() != expected.answers.len() {
        writeln!(
            wrong,
            "  {} directives, {} recorded answers",
            directives.len(),
            expected.answers.len()
        )
        .expect("strings take all writes");
    }
    for ((line, found), expected) in directives.iter().zip(&expected.answers) {
        if found != expected {
            let source = text.lines().nth(*line as usize - 1).unwrap_or_default();
            write!(
                wrong,
                "  line {line}: {source}\n    expected {expected:?}\n    found    {found:?}\n",
            )
            .expect("strings take all writes");
        }
    }
    let printed: Vec<String> = lock(&output).lines().map(canonical).collect();
    if printed != expected.output {
        write!(
            wrong,
            "  prints\n    expected {:?}\n    found    {printed:?}\n",
            expected.output
        )
        .expect("strings take all writes");
    }
    (!wrong.is_empty()).then_some(wrong)
}

/// How a program is run.
#[derive(Clone, Copy, PartialEq)]
enum How {
    AsUsual,
    /// What is told to a watch comes from other code, and from other frames.
    Watched,
    /// What compiled code is unsure of is taken as it is.
    Compiled,
}

/// The topic of cases that compiled code by itself answers otherwise: the plain evaluator looks at them again.
const LOOKED_AT_AGAIN: &str = "again";

#[test]
fn programs_answer_what_is_recorded() {
    check(How::AsUsual);
}

#[test]
fn watched_programs_answer_what_is_recorded() {
    check(How::Watched);
}

#[test]
fn compiled_programs_answer_what_is_recorded() {
    check(How::Compiled);
}

#[track_caller]
fn check(how: How) {
    let mut cases = cases();
    if how == How::Compiled {
        cases.retain(|case| !case.starts_with(corpus().join(LOOKED_AT_AGAIN)));
    }
    let listed = fs::read_to_string(corpus().join("pending.txt")).expect("the list is readable");
    let pending: BTreeSet<&str> = listed.lines().filter(|line| !line.is_empty()).collect();
    let next = AtomicUsize::new(0);
    let reports = Mutex::new(vec![None; cases.len()]);
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(case) = cases.get(next.fetch_add(1, Ordering::Relaxed)) {
                    let place = cases.iter().position(|other| other == case).unwrap();
                    let report = std::panic::catch_unwind(|| run(case, how))
                        .unwrap_or_else(|_| Some("  panicked\n".to_owned()));
                    reports.lock().unwrap()[place] = report;
                }
            });
        }
    });
    let mut wrong = String::new();
    let mut failures = 0;
    for (case, report) in cases.iter().zip(reports.into_inner().unwrap()) {
        let name = name(case);
        match (report, pending.contains(name.as_str())) {
            (Some(report), false) => {
                failures += 1;
                write!(wrong, "{name}\n{report}").unwrap();
            }
            (None, true) => {
                failures += 1;
                writeln!(wrong, "{name}\n  passes: take it out of pending.txt").unwrap();
            }
            (Some(_), true) | (None, false) => {}
        }
    }
    for name in &pending {
        if !cases.iter().any(|case| self::name(case) == *name) {
            failures += 1;
            writeln!(wrong, "{name}\n  is in pending.txt and is no case").unwrap();
        }
    }
    assert!(
        failures == 0,
        "{failures} of {} programs:\n{wrong}",
        cases.len()
    );
}

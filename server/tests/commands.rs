//! `chimera run` and `chimera check` on files, as at a shell.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use serde_json::Value;

/// Runs the binary where `files` stand.
fn chimera(arguments: &[&str], files: &[(&str, &str)]) -> Output {
    chimera_given("", arguments, files)
}

/// Runs the binary where `files` stand, with `stdin`.
fn chimera_given(stdin: &str, arguments: &[&str], files: &[(&str, &str)]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    let given = directory.path().join(".stdin");
    fs::write(&given, stdin).unwrap();
    Command::new(env!("CARGO_BIN_EXE_chimera"))
        .args(arguments)
        .current_dir(directory.path())
        .stdin(fs::File::open(given).unwrap())
        .output()
        .unwrap()
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

fn json_lines(output: &Output) -> Vec<Value> {
    text(&output.stdout)
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn check_tells_places_codes_and_help_and_its_status_tells_errors() {
    let wrong = "!(+ 1 \"a\")\n!(import! &self jsno)\n(= (f $x) 1)\n";
    let output = chimera(&["check", "a.metta"], &[("a.metta", wrong)]);
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(1), "{shown}");
    for part in [
        "error[E0102]",
        "a.metta:1:7",
        "1 | !(+ 1 \"a\")\n  |       ^^^",
        "help: give an argument of the expected type",
        "error[E0104]",
        "did you mean `json`?",
        "note[W0202]",
        "1 file checked: 2 errors, 0 warnings, 1 note",
    ] {
        assert!(shown.contains(part), "{part}: {shown}");
    }
    let fine = chimera(
        &["check", "a.metta"],
        &[("a.metta", "(= (f $_x) 1) !(f 2)")],
    );
    assert_eq!(fine.status.code(), Some(0));
    assert_eq!(
        text(&fine.stdout),
        "1 file checked: 0 errors, 0 warnings, 0 notes\n"
    );
    let missing = chimera(&["check", "none.metta"], &[]);
    assert_eq!(missing.status.code(), Some(2));
    assert!(text(&missing.stderr).contains("none.metta"));
}

#[test]
fn check_gives_json_lines_for_tools() {
    let files = [
        ("a.metta", "(a\n  b))\n"),
        (
            "b.metta",
            "(= (decide) (act f (reboot) why (verdict-in 5)))",
        ),
    ];
    let output = chimera(&["check", "--json", "a.metta", "b.metta"], &files);
    assert_eq!(output.status.code(), Some(1));
    let lines = json_lines(&output);
    assert_eq!(lines.len(), 2, "{lines:?}");
    assert_eq!(lines[0]["code"], "E0002");
    assert_eq!(lines[0]["severity"], "error");
    assert_eq!(
        (&lines[0]["line"], &lines[0]["column"]),
        (&2.into(), &5.into())
    );
    assert_eq!(lines[0]["span"], serde_json::json!([7, 8]));
    assert_eq!(lines[1]["file"], "b.metta");
    assert_eq!(lines[1]["code"], "E0105");
    assert!(
        lines[1]["help"]
            .as_str()
            .is_some_and(|help| !help.is_empty())
    );
}

const FAILING: &str = "(= (f $x) (+ $x 1))
(= (g $x) (f $x))
(= (h $x) (* 2 $x))
!(f 1)
! (g \"a\")
!(f 2)
";

#[test]
fn run_tells_where_an_error_came_up_and_stops_there() {
    let output = chimera(&["run", "a.metta"], &[("a.metta", FAILING)]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    let error = "(Error (+ \"a\" 1) (BadArgType 1 Number String))";
    assert_eq!(text(&output.stdout), format!("[2]\n[{error}]\n"));
    for part in [
        &format!(
            "error[E0100]: the directive gave {error}; it came up in the rule for (f $x) at a.metta:1"
        ),
        "a.metta:5:1",
        "5 | ! (g \"a\")\n  | ^^^^^^^^^",
        "`--keep-going`",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let output = chimera(&["run", "--keep-going", "a.metta"], &[("a.metta", FAILING)]);
    assert_eq!(output.status.code(), Some(1));
    assert_eq!(text(&output.stdout), format!("[2]\n[{error}]\n[3]\n"));
    let fine = chimera(&["run", "a.metta"], &[("a.metta", "!(empty) !(+ 1 2)")]);
    assert_eq!(fine.status.code(), Some(0));
    assert_eq!(text(&fine.stdout), "[]\n[3]\n");
    assert_eq!(text(&fine.stderr), "");
}

#[test]
fn run_says_what_to_do_about_an_error() {
    for (program, advice) in [
        ("!(import! &self nosuch)", "beside the file that imports it"),
        ("!(+ 1)", "`(get-type name)`"),
        ("!(+ 1 \"a\")", "what type it should have"),
        ("(: Z Nat)\n!(metta Z Kind &self)", "what type is expected"),
        ("(= (g) (function (eval (f))))\n!(g)", "`(return result)`"),
        (
            "!(pragma! max-stack-depth 50)\n(= (f $x) (S (f $x)))\n!(f 1)",
            "a recursion does not end",
        ),
        ("!(/ 1 0)", "help: what follows"),
    ] {
        let output = chimera(&["run", "a.metta"], &[("a.metta", program)]);
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(1), "{program}: {told}");
        assert!(told.contains(advice), "{program}: {told}");
        assert!(told.contains("`--keep-going`"), "{program}: {told}");
    }
}

#[test]
fn run_warns_of_branches_that_ran_too_deep_beside_those_that_answered() {
    let program = "!(pragma! max-stack-depth 500)
(= (fact 0) 1)
(= (fact $n) (* $n (fact (- $n 1))))
!(fact 5)
";
    let output = chimera(&["run", "a.metta"], &[("a.metta", program)]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(text(&output.stdout), "[()]\n[120]\n");
    for part in [
        "warning[W0100]: one branch ended in StackOverflow",
        "a.metta:4:1",
        "4 | !(fact 5)\n  | ^^^^^^^^^",
        "max-stack-depth",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let checked = chimera(&["check", "a.metta"], &[("a.metta", program)]);
    let told = text(&checked.stdout) + &text(&checked.stderr);
    assert!(told.contains("warning[W0205]"), "{told}");
}

#[test]
fn run_warns_of_a_refused_change_beside_alternatives_that_answered() {
    let program = "!(import! &self parallel)
!(hyperpose ((add-atom &self (a)) (+ 1 2)))
!(hyperpose ((+ 1 1) (+ 1 2)))
";
    let output = chimera(&["run", "a.metta"], &[("a.metta", program)]);
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(0), "{told}");
    assert_eq!(text(&output.stdout), "[()]\n[3]\n[2, 3]\n");
    for part in [
        "warning[W0101]: a change was refused",
        "a.metta:2:1",
        "`hyperpose`",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    assert_eq!(told.matches("W0101").count(), 1, "{told}");
}

#[test]
fn run_gives_json_lines_with_the_place_of_directive_and_rule() {
    let files = [
        (
            "a.metta",
            "!(import! &self lib)\n!(println! shown)\n  !(f \"a\")\n!(+ 1 \"b\")\n",
        ),
        (
            "lib.metta",
            "; a library\n(= (f $x)\n  (+ $x 1))\n!(+ 2 2)\n",
        ),
    ];
    let output = chimera(&["run", "--json", "--keep-going", "a.metta"], &files);
    assert_eq!(output.status.code(), Some(1));
    let lines = json_lines(&output);
    assert_eq!(lines.len(), 4, "directives of a module print no line");
    assert_eq!(lines[1]["results"], serde_json::json!(["()"]));
    assert!(text(&output.stderr).starts_with("shown\n"));
    assert_eq!(lines[0].get("rule"), None);
    assert_eq!(
        (&lines[2]["line"], &lines[2]["column"]),
        (&3.into(), &3.into())
    );
    assert_eq!(lines[2]["error"], true);
    let rule = serde_json::json!({"file": "lib.metta", "line": 2, "head": "(f $x)"});
    assert_eq!(lines[2]["rule"], rule);
    assert_eq!(lines[3]["rule"], Value::Null, "it came up in the directive");
}

#[test]
fn the_rule_that_failed_is_told_among_several_that_may_have() {
    let program = "(= (one $x) (+ $x 1))
(= (two $x) (+ $x 1))
(= (never) (+ never 1))
!(two \"a\")
";
    let output = chimera(&["run", "--json", "a.metta"], &[("a.metta", program)]);
    assert_eq!(json_lines(&output)[0]["rule"]["line"], 2);
    let written =
        "(= (f $x) (if (> $x 1) (Error (f $x) too-large) $x))\n(= (g $x) (f (+ 1 $x)))\n!(g 5)\n";
    let output = chimera(&["run", "--json", "a.metta"], &[("a.metta", written)]);
    let rule = &json_lines(&output)[0]["rule"];
    assert_eq!(rule["line"], 1, "it made the error: {rule}");
}

#[test]
fn run_ends_with_2_for_what_is_no_metta() {
    let output = chimera(&["run", "a.metta"], &[("a.metta", "!(+ 1 2)\n(a\n")]);
    assert_eq!(output.status.code(), Some(2));
    assert_eq!(text(&output.stdout), "", "nothing of it was run");
    assert!(text(&output.stderr).contains("a.metta:2:1"));
    assert_eq!(chimera(&["run", "none.metta"], &[]).status.code(), Some(2));
}

#[test]
fn a_dash_is_stdin() {
    let part = [("part.metta", "(= (f) 5)\n")];
    let program = "!(import! &self part)\n!(+ (f) \"x\")\n";
    let run = chimera_given(program, &["run", "-"], &part);
    assert_eq!(run.status.code(), Some(1));
    assert!(text(&run.stdout).starts_with("[()]\n[(Error (+ (f) \"x\") "));
    assert!(text(&run.stderr).contains("<stdin>:2:1"));
    let check = chimera_given("(= (f) (+ 1 2)\n", &["check", "-"], &[]);
    assert_eq!(check.status.code(), Some(1));
    assert!(text(&check.stdout).contains("<stdin>:1:1"));
    let laid_out = chimera_given("(a   b)\n", &["fmt", "-"], &[]);
    assert_eq!(text(&laid_out.stdout), "(a b)\n");
    let status = |stdin| chimera_given(stdin, &["fmt", "--check", "-"], &[]).status;
    assert_eq!(status("(a   b)\n").code(), Some(1));
    assert_eq!(status("(a b)\n").code(), Some(0));
}

#[test]
fn include_gives_the_last_result_of_the_file() {
    let files = [
        ("a.metta", "!(include part)\n!(f)\n"),
        ("part.metta", "(= (f) 5)\n!(+ 1 2)\n!(+ 3 4)\n"),
    ];
    let output = chimera(&["run", "a.metta"], &files);
    assert_eq!(text(&output.stdout), "[7]\n[5]\n");
}

#[test]
fn programs_that_are_run_have_files_clock_and_chance() {
    let program = r#"
!(import! &self fileio)
!(let $f (file-open! "out.txt" "rwc") (let $w (file-write! $f "text") (file-get-size! $f)))
!(import! &self time)
!(> (now) 1700000000)
!(import! &self random)
!(let $n (random-int &rng 0 1000000000000) (< -1 $n))
"#;
    let output = chimera(&["run", "a.metta"], &[("a.metta", program)]);
    let expected = "[()]\n[4]\n[()]\n[True]\n[()]\n[True]\n";
    assert_eq!(text(&output.stdout), expected, "{}", text(&output.stderr));
}

#[test]
fn the_shipped_rules_pass_the_check() {
    let rules = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../metta");
    let mut files = vec![rules.join("healing.metta")];
    for entry in fs::read_dir(rules.join("healing")).unwrap() {
        files.push(entry.unwrap().path());
    }
    files.retain(|file| {
        file.extension()
            .is_some_and(|extension| extension == "metta")
    });
    assert!(files.len() > 1);
    let output = Command::new(env!("CARGO_BIN_EXE_chimera"))
        .arg("check")
        .args(&files)
        .output()
        .unwrap();
    let shown = text(&output.stdout);
    assert_eq!(output.status.code(), Some(0), "{shown}");
    assert!(shown.contains("0 errors, 0 warnings"), "{shown}");
}

/// The `.metta` files below `folder`, but those of the conformance corpus, which
/// keeps programs as their authors lay them out.
fn metta_files(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            metta_files(&path, files);
        } else if path.extension().is_some_and(|ext| ext == "metta") {
            files.push(path);
        }
    }
}

#[test]
fn every_file_of_the_project_is_laid_out() {
    let project = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for folder in ["metta", "examples", "benches"] {
        metta_files(&project.join(folder), &mut files);
    }
    assert!(files.len() > 20);
    let output = Command::new(env!("CARGO_BIN_EXE_chimera"))
        .args(["fmt", "--check"])
        .args(&files)
        .output()
        .unwrap();
    assert_eq!(
        text(&output.stdout),
        "",
        "these would be laid out otherwise"
    );
    assert_eq!(output.status.code(), Some(0));
}

#[test]
fn run_tells_stats_profile_and_trace_on_stderr() {
    let program = "(= (f $x) (g $x))\n(= (g $x) (+ $x 1))\n!(f 1)\n!(g 5)\n";
    let files = [("a.metta", program)];
    let options = ["run", "--stats", "--profile", "--trace=3", "a.metta"];
    let output = chimera(&options, &files);
    let told = text(&output.stderr);
    assert_eq!(text(&output.stdout), "[2]\n[6]\n", "{told}");
    let trace = "(f 1)    a.metta:1\n  (g 1)    a.metta:2\n  = 2\n";
    assert!(told.starts_with(trace), "{told}");
    for part in [
        "3 more lines of the trace are not shown; `--trace=LINES` shows more\n",
        "profile of a.metta\n        ms     %   reductions        calls",
        "(g $x)  a.metta:2\n",
        "outside all rules\n",
        "stats of a.metta\ndirectives  2\nreductions  ",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
    let output = chimera(&["run", "--stats", "--json", "a.metta"], &files);
    let stats: Value = serde_json::from_str(text(&output.stderr).trim()).unwrap();
    assert_eq!(
        (&stats["directives"], &stats["atoms"]),
        (&2.into(), &2.into())
    );
    assert!(stats["reductions"].as_u64().unwrap() < 20, "{stats}");
    assert!(stats["seconds"].as_f64().unwrap() > 0.0, "{stats}");
}

#[test]
fn endless_growth_of_a_space_ends_with_an_error_within_a_limit_of_addresses() {
    let grow = "(= (grow $n) (let () (add-atom &self (fact $n (some (data $n)))) (grow (+ $n 1))))\n\
                !(grow 0)\n!(+ 1 2)\n";
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("grow.metta"), grow).unwrap();
    let output = within_addresses(1_000_000, "run grow.metta", directory.path());
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(text(&output.stdout), "[(Error (grow 0) MemoryLimit)]\n");
    for part in [
        "grow.metta:2:1",
        "MiB of the 976 MiB of addresses that `ulimit -v` allows",
        "raise the limit, or keep fewer atoms in spaces",
    ] {
        assert!(told.contains(part), "{part}: {told}");
    }
}

/// What `chimera` with these arguments does where `ulimit -v` allows so many KiB.
fn within_addresses(limit: u32, arguments: &str, directory: &Path) -> Output {
    Command::new("sh")
        .args([
            "-c",
            &format!("ulimit -v {limit} && exec \"$0\" {arguments}"),
        ])
        .arg(env!("CARGO_BIN_EXE_chimera"))
        .current_dir(directory)
        .output()
        .unwrap()
}

#[test]
fn a_text_too_large_for_the_limit_of_addresses_ends_with_an_error_that_says_so() {
    let mut facts = String::new();
    for number in 0..1_200_000 {
        facts += &format!("(fact node{number} (value {number} \"text {number}\"))\n");
    }
    let directory = tempfile::tempdir().unwrap();
    fs::write(directory.path().join("facts.metta"), facts).unwrap();
    let checked = |arguments: &str, parts: &[&str]| {
        let output = within_addresses(250_000, arguments, directory.path());
        let told = text(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{arguments}: {told}");
        for part in parts {
            assert!(told.contains(part), "{arguments}: {part}: {told}");
        }
    };
    checked(
        "run facts.metta",
        &[
            "error: facts.metta:",
            "no room for the atoms from here on",
            "raise the limit",
        ],
    );
    let refused = [
        "error: facts.metta: no room: a text of",
        "cut the file into several",
    ];
    checked("check facts.metta", &refused);
    checked("fmt --check facts.metta", &refused);
}

#[test]
fn a_session_goes_on_after_growth_that_met_the_limit_of_addresses() {
    let directory = tempfile::tempdir().unwrap();
    let typed = "!(bind! &new (new-space))\n\
                 (= (grow $n) (let () (add-atom &new (fact $n (some (data $n)))) (grow (+ $n 1))))\n\
                 !(grow 0)\n!(+ 1 2)\n";
    fs::write(directory.path().join("typed"), typed).unwrap();
    let output = within_addresses(600_000, "repl < typed", directory.path());
    let told = text(&output.stderr);
    assert_eq!(output.status.code(), Some(1), "{told}");
    assert_eq!(
        text(&output.stdout),
        "[()]\n[(Error (grow 0) MemoryLimit)]\n[3]\n"
    );
}

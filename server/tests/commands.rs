//! `chimera run` and `chimera check` on files, as at a shell.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

use std::fs;
use std::process::{Command, Output};

use serde_json::Value;

/// Runs the binary where `files` stand.
fn chimera(arguments: &[&str], files: &[(&str, &str)]) -> Output {
    let directory = tempfile::tempdir().unwrap();
    for (name, text) in files {
        let path = directory.path().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
    Command::new(env!("CARGO_BIN_EXE_chimera"))
        .args(arguments)
        .current_dir(directory.path())
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

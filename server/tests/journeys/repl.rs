//! What `chimera repl --connect` cannot do to a running server.

use std::io::Write;
use std::process::{Output, Stdio};

use crate::running::{Server, binary, shipped_rules};

fn repl(server: &Server, input: &str) -> Output {
    let mut child = binary()
        .args(["repl", "--connect", &server.url])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(input.as_bytes())
        .unwrap();
    child.wait_with_output().unwrap()
}

fn text(bytes: &[u8]) -> &str {
    std::str::from_utf8(bytes).unwrap()
}

#[test]
fn an_attached_repl_changes_nothing_and_says_so() {
    let server = Server::start("(threshold memory-mb 400)", &[]);
    let output = repl(
        &server,
        "(threshold memory-mb 1)\n!(add-atom &self (threshold memory-mb 1))\n!(match &self (threshold memory-mb $x) $x)\n",
    );
    assert_eq!(text(&output.stdout), "[400]\n");
    let said = text(&output.stderr);
    let lines: Vec<&str> = said.lines().collect();
    assert_eq!(lines.len(), 2, "{said}");
    assert!(lines[0].contains("<stdin>:1:1: `(threshold memory-mb 1)` would add an atom"));
    assert!(lines[1].contains("<stdin>:2:1: the server refuses"));
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn the_prompt_attaches_to_the_live_spaces() {
    let server = Server::start(&shipped_rules(), &[]);
    let output = repl(
        &server,
        "!(match &samples (sample memory-mb $v $t) $v)\n!(match &self (threshold $m $x) ($m $x))\n",
    );
    assert!(output.status.success());
    let lines: Vec<&str> = text(&output.stdout).lines().collect();
    let first = lines[0].trim_matches(['[', ']']).split(", ").next();
    assert!(first.unwrap().parse::<f64>().unwrap() > 1.0, "{lines:?}");
    assert!(lines[1].contains("(memory-mb 400)"), "{lines:?}");
}

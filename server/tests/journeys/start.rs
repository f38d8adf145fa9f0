//! Starting and ending the binary.

use std::net::TcpListener;

use crate::running::{Server, binary};

#[track_caller]
fn check_refuses(arguments: &[&str], text: &str) {
    let output = binary().arg("serve").args(arguments).output().unwrap();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success());
    assert!(said.contains(text), "{said}");
}

#[test]
fn what_cannot_be_served_is_said() {
    let taken = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port().to_string();
    check_refuses(&["--port", &port], "is taken by another program");
    check_refuses(
        &["--port", "0", "--rules", "/no/such/directory"],
        "does not exist",
    );
    check_refuses(&["--port", "0", "--bind", "0.0.0.0"], "set a token");
    check_refuses(&["--sample-interval", "0"], "must be from");
    let broken = tempfile::tempdir().unwrap();
    std::fs::write(broken.path().join("healing.metta"), "(a\n(b").unwrap();
    let rules = broken.path().to_str().unwrap();
    check_refuses(
        &["--port", "0", "--rules", rules],
        "healing.metta:2:1: unclosed `(`",
    );
}

#[test]
fn the_built_in_rules_are_used_where_there_is_no_directory() {
    let elsewhere = tempfile::tempdir().unwrap();
    let mut child = binary()
        .args(["serve", "--port", "0"])
        .current_dir(elsewhere.path())
        .stderr(std::process::Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = String::new();
    let mut lines = std::io::BufReader::new(child.stderr.take().unwrap());
    while !said.contains("serving on") {
        assert!(
            std::io::BufRead::read_line(&mut lines, &mut said).unwrap() > 0,
            "{said}"
        );
    }
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(said.contains("built-in"), "{said}");
}

#[test]
fn sigterm_ends_it_in_order_also_under_load() {
    let server = Server::start("", &[]);
    server.post("/demo/cpu-overload?duration=300&num_threads=2");
    assert!(server.terminate().success());
}

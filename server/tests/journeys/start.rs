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
        "healing.metta:1:1: unclosed `(`",
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

#[test]
fn settings_come_from_file_environment_and_flags_and_are_printed() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("chimera.toml");
    std::fs::write(&file, "port = 1\n[limits]\nidle = 300\nhead = 7").unwrap();
    let output = binary()
        .args([
            "serve",
            "--print-config",
            "--set",
            "limits.head=8",
            "--config",
        ])
        .arg(&file)
        .env("CHIMERA_PORT", "2")
        .env("CHIMERA_TOKEN", "a canary that sings")
        .output()
        .unwrap();
    assert!(output.status.success());
    let printed = String::from_utf8(output.stdout).unwrap();
    for line in [
        "(CHIMERA_PORT)\nport = 2\n",
        "(file, line 3)\nidle = 300\n",
        "(flag)\nhead = 8\n",
        "(default)\nbind = \"127.0.0.1\"\n",
    ] {
        assert!(printed.contains(line), "{line} in {printed}");
    }
    assert!(!printed.contains("canary"), "{printed}");
    std::fs::write(&file, "[limits]\nconections = 1").unwrap();
    check_refuses(
        &["--config", file.to_str().unwrap()],
        "chimera.toml:2: there is no setting limits.conections; did you mean limits.connections?",
    );
    check_refuses(&["--set", "prot=1"], "did you mean port?");
    check_refuses(&["--log-level", "loud"], "is no log level");
}

#[test]
fn a_second_signal_ends_it_at_once() {
    use std::io::Write;

    let server = Server::start("", &["--set", "limits.shutdown=600"]);
    // A request that never ends by itself.
    let address = server.url.strip_prefix("http://").unwrap();
    let mut stream = std::net::TcpStream::connect(address).unwrap();
    write!(
        stream,
        "POST /ingest HTTP/1.1\r\nhost: {address}\r\ncontent-length: 9\r\n\r\n"
    )
    .unwrap();
    server.until("the request is under way", |server| {
        (server.health()["metrics"]["active_requests"].as_u64()? > 1).then_some(())
    });
    server.signal();
    server.until("it is ending", |server| {
        server.log().contains("a second signal").then_some(())
    });
    let status = server.terminate();
    assert_eq!(status.code(), Some(130));
}

/// What an operator keeps secret is nowhere to be found.
#[test]
fn a_secret_is_in_no_log_page_or_atom() {
    const CANARY: &str = "canary-c4f1a7e0b2";
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("token");
    std::fs::write(&file, format!("{CANARY}\n")).unwrap();
    let server = Server::start(
        &crate::running::shipped_rules(),
        &[
            "--log-level",
            "trace",
            "--token-file",
            file.to_str().unwrap(),
        ],
    );
    let document = server.get("/openapi.json").1;
    for (path, operations) in document["paths"].as_object().unwrap() {
        if operations["get"].is_null() || path == "/events" {
            continue;
        }
        let path = path.replace("{id}", "1").replace("{name}", "app.js");
        let answer = server.get_as(&path, &format!("Bearer {CANARY}"));
        assert!(!answer.contains(CANARY), "{path}");
    }
    for space in ["&self", "&samples", "&events", "&episodes", "&limits"] {
        let (status, answer) = server.query(&format!("(match {space} $x (quote $x))"));
        assert_eq!(status, 200, "{space}");
        assert!(!answer.to_string().contains(CANARY), "{space}");
    }
    assert!(!server.log().contains(CANARY));
}

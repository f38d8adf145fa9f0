//! `chimera repl` with its input from a pipe, alone and attached to servers that
//! answer well, badly and not at all.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, Output, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::{Duration, Instant};

fn chimera(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chimera"));
    command
        .arg("repl")
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    command
}

fn repl(arguments: &[&str], input: &[u8]) -> Output {
    let mut child = chimera(arguments).spawn().unwrap();
    // A session that ends early does not read all.
    let _ = child.stdin.take().unwrap().write_all(input);
    child.wait_with_output().unwrap()
}

/// Runs `input` in an engine of its own.
#[track_caller]
fn check(input: &str, status: i32, out: &str, err: &str) {
    check_output(&repl(&[], input.as_bytes()), status, out, err);
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[track_caller]
fn check_output(output: &Output, status: i32, out: &str, err: &str) {
    let found_out = String::from_utf8_lossy(&output.stdout);
    let found_err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(found_out, out, "{found_err}");
    assert_eq!(found_err, err);
    assert_eq!(output.status.code(), Some(status));
}

#[test]
fn piped_directives_print_as_run_does() {
    let program =
        "(= (f $x) (+ $x 1))\n; a comment (\n!(f\n  41) !(superpose (1 \"(\"))\n!(empty)\n";
    check(program, 0, "[42]\n[1, \"(\"]\n[]\n", "");
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("program.metta");
    std::fs::write(&file, program).unwrap();
    let run = Command::new(env!("CARGO_BIN_EXE_chimera"))
        .arg("run")
        .arg(&file)
        .output()
        .unwrap();
    let piped = repl(&[], program.as_bytes());
    assert_eq!(run.stdout, piped.stdout);
}

#[test]
fn nothing_piped_is_nothing_wrong() {
    check("", 0, "", "");
    check("\u{feff}; nothing\r\n\r\n", 0, "", "");
}

#[test]
fn an_error_of_a_directive_is_the_status_and_not_the_end() {
    check(
        "!(/ 1 0)\n!(println! \"still here\")\n",
        1,
        "[(Error (/ 1 0) DivisionByZero)]\nstill here\n[()]\n",
        "; <stdin>:1:1: the directive gave an error\n",
    );
}

#[test]
fn a_syntax_error_is_placed_and_the_other_entries_are_evaluated() {
    check(
        "!(println! \"yes\")\n!(+ 1 2))\n(a \"\\q\")",
        2,
        "yes\n[()]\n",
        "error[E0002]: unexpected `)`\n --> <stdin>:2:9\n  |\n2 | !(+ 1 2))\n  |         ^\n  |\n  = help: remove it, or open an expression for it to close\n\
         error[E0004]: unknown escape `\\q` in string\n --> <stdin>:3:4\n  |\n3 | (a \"\\q\")\n  |    ^^^^\n  |\n  = help: strings take \\\" \\\\ \\n \\t \\r \\xNN and \\u{…}; write `\\\\` for a backslash\n",
    );
    check(
        "!(a)\n:time off\n\n!(b",
        2,
        "[(a)]\n",
        "error[E0001]: unclosed `(`\n --> <stdin>:4:2\n  |\n4 | !(b\n  |  ^\n  |\n  = help: add the `)` that is missing\n",
    );
    let output = repl(&[], b"!a\n\xff");
    check_output(
        &output,
        2,
        "[a]\n",
        "error: <stdin>: not UTF-8: byte 3 begins no character\n",
    );
}

#[test]
fn commands_may_be_piped_too() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("with space.metta");
    std::fs::write(
        &file,
        "(: double (-> Number Number))\n\
         (@doc double (@desc \"Twice it\") (@params ((@param \"a number\"))) (@return \"its double\"))\n\
         (= (double $x) (* 2 $x))\n!(double 4)\n",
    )
    .unwrap();
    let input = format!(
        ":load {}\n!(double 5)\n:type (double 1)\n:doc double\n:space 1\n:limit 2\n:settings\n\
         :reset\n!(double 6)\n:quit\n!(never)",
        file.display()
    );
    check(
        &input,
        0,
        "[8]\n[10]\nNumber\ndouble : (-> Number Number)\nTwice it\n  takes   a number\n  returns its double\n\
         (: double (-> Number Number))\ntime off\nbindings off\nlimit 2 s\n[(double 6)]\n",
        "; and 2 more; `:space &self 3` shows them\n; what was added is forgotten\n",
    );
}

#[test]
fn the_prompt_looks_into_its_engine() {
    let input = "(= (f $x) (g $x)) (= (g $x) (+ $x 1))\n:trace (f 1)\n:profile (f 2)\n:stats\n:code g\n:code none\n";
    let output = repl(&[], input.as_bytes());
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    let trace = "[2]\n(f 1)    <stdin>:1\n  (g 1)    <stdin>:1\n  = 2\n= 2\n[3]\n";
    assert!(out.starts_with(trace), "{out}{err}");
    for part in [
        "(g $x)  <stdin>:1\n",
        "\ndirectives  2\nreductions  ",
        "\natoms       2 in &self\n",
        "\ng/1: 1 rule, ",
        "(= (g $x) (+ $x 1))    <stdin>:1\n",
    ] {
        assert!(out.contains(part), "{part}: {out}{err}");
    }
    let missing = "error: no rule `(= (none …) …)` is in this space: calls of `none` are data\n";
    assert_eq!(err, missing);
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn commands_that_cannot_be_done_say_why() {
    check(
        ":frob\n!(+ 1 2)\n:time maybe\n",
        2,
        "[3]\n",
        "error: <stdin>:1: unknown command `:frob`; `:help` lists the commands\n\
         error: <stdin>:3: `:time` takes `on` or `off`, not `maybe`\n",
    );
    check(
        ":load /nowhere/at/all.metta\n!(+ 1 2)\n",
        2,
        "[3]\n",
        "error: cannot read /nowhere/at/all.metta: No such file or directory (os error 2)\n",
    );
    check(
        ":type a b\n:doc nobody\n:space 5\n:bindings on",
        2,
        "nobody : %Undefined%\n",
        "error: `:type` takes one expression, not 2\n; nobody has no `@doc`\n; no atoms\n\
         error: this session does not tell bindings; one with --connect does\n",
    );
    let output = repl(&[], b":space nobody");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(
        err.starts_with("error: (Error (get-atoms nobody) "),
        "{err}"
    );
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn a_limit_ends_what_is_endless_and_names_itself() {
    let output = repl(&["--limit", "0.2"], b"(= (on) (on)) !(on) !(+ 1 2)");
    let out = String::from_utf8_lossy(&output.stdout);
    assert!(out.ends_with("DeadlineExceeded)]\n[3]\n"), "{out}");
    let err = String::from_utf8_lossy(&output.stderr);
    assert!(err.contains("the limit of 0.2 s was reached"), "{err}");
    assert_eq!(output.status.code(), Some(1));
}

#[test]
fn lines_are_flushed_as_they_come() {
    let mut child = chimera(&["--limit", "20"]).spawn().unwrap();
    let mut input = child.stdin.take().unwrap();
    input.write_all(b"(= (on) (on)) !(+ 1 2) !(on)").unwrap();
    drop(input);
    let mut lines = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    let started = Instant::now();
    lines.read_line(&mut line).unwrap();
    assert_eq!(line, "[3]\n");
    assert!(started.elapsed() < Duration::from_secs(15));
    child.kill().unwrap();
    child.wait().unwrap();
}

/// A server that gives one prepared answer after the other, and what it was asked.
struct Server {
    url: String,
    asked: Receiver<String>,
}

impl Server {
    /// Answers each connection with the next of `answers`; then it is gone.
    fn start(answers: &[&str]) -> Server {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let answers: Vec<String> = answers.iter().map(|answer| (*answer).to_owned()).collect();
        let (sender, asked) = channel();
        thread::spawn(move || {
            for answer in answers {
                let (mut stream, _) = listener.accept().unwrap();
                let wait = Some(Duration::from_secs(10));
                stream.set_read_timeout(wait).unwrap();
                let _ = sender.send(read_request(&mut stream));
                let _ = stream.write_all(answer.as_bytes());
            }
        });
        Server { url, asked }
    }

    fn repl(&self, input: &str) -> Output {
        repl(&["--connect", &self.url], input.as_bytes())
    }
}

/// Reads one request with a `Content-Length`; returns its first words and body.
fn read_request(stream: &mut TcpStream) -> String {
    let mut reader = BufReader::new(stream);
    let mut first = String::new();
    reader.read_line(&mut first).unwrap();
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).unwrap();
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).unwrap();
    let first = first.trim_end().trim_end_matches(" HTTP/1.1");
    format!("{first} {}", String::from_utf8(body).unwrap())
}

fn http(status: &str, content_type: &str, body: &str) -> String {
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\nretry-after: 3\r\n\
         content-length: {length}\r\n\r\n{body}"
    )
}

fn json(status: &str, body: &str) -> String {
    http(status, "application/json", body)
}

fn good(results: &str) -> String {
    let rest = r#""bindings":[],"generation":"7","truncated":false,"error":null"#;
    json("200 OK", &format!(r#"{{"results":{results},{rest}}}"#))
}

/// The answer to the first question, which each session asks to see who is there.
fn hello() -> String {
    good("[]")
}

/// A session in which the server gives `answer` to one directive. `URL` in `err`
/// is the server's.
#[track_caller]
fn check_answer(answer: &str, status: i32, out: &str, err: &str) {
    let server = Server::start(&[&hello(), answer]);
    let output = server.repl("!(f)");
    check_output(&output, status, out, &err.replace("URL", &server.url));
}

#[test]
fn directives_are_sent_without_their_mark_and_answers_printed() {
    let answer = json(
        "200 OK",
        r#"{"results":["182.5","(Error (f \"ü\") no)"],"bindings":[{"$v":"182.5","$t":"3.0"},{}],
            "generation":"7","truncated":true,"error":null,"more":{"fields":1}}"#,
    );
    let server = Server::start(&[&hello(), &answer, &good(r#"["3"]"#)]);
    let output = server.repl(
        "\n:bindings on\n!(match &samples (sample memory-mb $v $t) $v)\n! (+ 1\n 2) ; twice\n",
    );
    check_output(
        &output,
        1,
        "[182.5, (Error (f \"ü\") no)]\n[3]\n",
        "; 182.5: $t = 3.0, $v = 182.5\n; there are more; these are the first 2\n\
         ; <stdin>:3:1: the directive gave an error\n",
    );
    let asked: Vec<String> = server.asked.iter().collect();
    assert_eq!(
        asked,
        [
            r#"POST /atomspace/query {"query":"(get-atoms &self)"}"#,
            r#"POST /atomspace/query {"query":"(match &samples (sample memory-mb $v $t) $v)"}"#,
            r#"POST /atomspace/query {"query":"(+ 1\n 2)"}"#,
        ]
    );
}

#[test]
fn a_bare_form_is_not_sent_and_the_way_to_query_is_told() {
    let server = Server::start(&[&hello(), &good(r#"["3"]"#)]);
    let output = server.repl("(threshold memory-mb 1)\n  !(+ 1 2)\n:load x\n:reset");
    check_output(
        &output,
        1,
        "[3]\n",
        "error: <stdin>:1:1: `(threshold memory-mb 1)` would add an atom, and a session with a server is read-only; \
         put `!` before an expression to evaluate it there, as in `!(match &self (threshold $metric $value) ($metric $value))`\n\
         error: this session is read-only and loads no files; `!(match …)` queries it, `chimera repl` without --connect loads\n\
         error: nothing was added: a session with a server is read-only\n",
    );
    assert_eq!(server.asked.iter().count(), 2);
}

#[test]
fn refusals_of_the_server_are_told_and_the_session_goes_on() {
    let server = Server::start(&[
        &hello(),
        &json("403 Forbidden", r#"{"detail":"add-atom would write"}"#),
        &json(
            "422 Unprocessable Entity",
            r#"{"detail":[{"loc":["body","query"],"msg":"unclosed `(`","type":"x"}]}"#,
        ),
        &json("400 Bad Request", r#"{"detail":"two atoms"}"#),
        &json("503 Service Unavailable", r#"{"detail":"shedding"}"#),
        &json("401 Unauthorized", ""),
        &good(r#"["ok"]"#),
    ]);
    let output = server.repl("!(a) !(b)\n!(c) !(d) !(e) !(f)");
    check_output(
        &output,
        1,
        "[ok]\n",
        "error: <stdin>:1:1: the server refuses: add-atom would write; a session with a server can query and change nothing\n\
         error: <stdin>:1:6: the server refuses (status 422): unclosed `(` (at body.query)\n\
         error: <stdin>:2:1: the server refuses (status 400): two atoms\n\
         error: <stdin>:2:6: the server is busy: shedding; try again in 3 s\n\
         error: <stdin>:2:11: the server refuses (status 401): it does not say why\n",
    );
}

#[test]
fn an_evaluation_that_did_not_end_well_is_an_error() {
    check_answer(
        &json("200 OK", r#"{"results":["1"],"error":"DeadlineExceeded"}"#),
        1,
        "[1]\n",
        "error: DeadlineExceeded\n; <stdin>:1:1: the directive gave an error\n",
    );
    let repeated = r#"{"results":["1","(Error a b)"],"error":"(Error a b)"}"#;
    check_answer(
        &json("200 OK", repeated),
        1,
        "[1, (Error a b)]\n",
        "; <stdin>:1:1: the directive gave an error\n",
    );
}

#[test]
fn answers_that_are_no_answers_are_told_apart() {
    check_answer(
        &http("200 OK", "text/html", "<html>\x1b[2J"),
        2,
        "",
        "error: the answer from URL is not the JSON of a Chimera server (expected value at line 1 column 1); \
         it is text/html and begins with \"<html>\\u{1b}[2J\"\n",
    );
    check_answer(
        &json("200 OK", r#"{"result":[]}"#),
        2,
        "",
        "error: the answer from URL is not the JSON of a Chimera server (missing field `results` at line 1 column 13); \
         it is application/json and begins with \"{\\\"result\\\":[]}\"\n",
    );
    check_answer(
        &json("404 Not Found", r#"{"detail":"Not Found"}"#),
        2,
        "",
        "error: URL has no /atomspace/query (status 404 Not Found); is it a Chimera server?\n",
    );
    check_answer(
        "HTTP/1.1 302 Found\r\nlocation: http://else/where\r\ncontent-length: 0\r\n\r\n",
        2,
        "",
        "error: URL redirects to http://else/where; connect there\n",
    );
    check_answer(
        &json("500 Internal Server Error", "oh no"),
        2,
        "",
        "error: URL failed with status 500 Internal Server Error: it says \"oh no\"\n",
    );
}

#[test]
fn what_does_not_speak_http_or_breaks_off_is_told() {
    for broken in [
        "SSH-2.0-OpenSSH_9.2\r\n",
        "",
        "HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\n{",
    ] {
        let server = Server::start(&[&hello(), broken]);
        let output = server.repl("!(f)");
        let err = String::from_utf8_lossy(&output.stderr);
        let expected = format!(
            "error: {} does not answer as an HTTP server does (is it a Chimera server?): ",
            server.url
        );
        assert!(err.starts_with(&expected), "{broken:?}: {err}");
        assert_eq!(output.status.code(), Some(2));
    }
}

#[test]
fn a_server_that_is_not_there_ends_the_session_at_its_beginning() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    check_output(
        &repl(&["--connect", &url], b"!(+ 1 2)"),
        2,
        "",
        &format!(
            "error: cannot connect to {url} (`chimera serve` starts a server): \
             Connection refused (os error 111)\n"
        ),
    );
}

/// A server that speaks TLS with a certificate made for this test.
struct Secret {
    child: std::process::Child,
    url: String,
    directory: tempfile::TempDir,
}

impl Secret {
    fn start() -> Secret {
        let directory = tempfile::tempdir().unwrap();
        let path = |name| directory.path().join(name);
        let made = rcgen::generate_simple_self_signed(vec!["localhost".to_owned()]).unwrap();
        std::fs::write(path("certificate.pem"), made.cert.pem()).unwrap();
        std::fs::write(path("key.pem"), made.signing_key.serialize_pem()).unwrap();
        let rules = path("rules");
        std::fs::create_dir(&rules).unwrap();
        std::fs::write(rules.join("healing.metta"), "(likes Ann tea)\n").unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_chimera"))
            .args(["serve", "--port", "0", "--rules"])
            .arg(&rules)
            .env("CHIMERA_TLS_CERTIFICATE", path("certificate.pem"))
            .env("CHIMERA_TLS_KEY", path("key.pem"))
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let log = BufReader::new(child.stderr.take().unwrap());
        let (sender, receiver) = channel();
        thread::spawn(move || {
            for line in log.lines().map_while(Result::ok) {
                if let Some((_, url)) = line.split_once("serving on ") {
                    let _ = sender.send(url.replace("127.0.0.1", "localhost"));
                }
            }
        });
        let url = receiver.recv_timeout(Duration::from_secs(60)).unwrap();
        Secret {
            child,
            url,
            directory,
        }
    }

    fn repl(&self, authorities: Option<&str>) -> Output {
        let mut arguments = vec!["--connect", self.url.as_str()];
        let file = authorities.map(|name| self.directory.path().join(name));
        if let Some(file) = &file {
            arguments.extend(["--ca", file.to_str().unwrap()]);
        }
        repl(&arguments, b"!(match &self (likes $who tea) $who)\n")
    }
}

impl Drop for Secret {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

#[test]
fn a_server_that_speaks_tls_is_asked_if_it_is_trusted() {
    let server = Secret::start();
    check_output(&server.repl(Some("certificate.pem")), 0, "[Ann]\n", "");
    // Nobody the system knows has signed it.
    let refused = server.repl(None);
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert_eq!(refused.status.code(), Some(2), "{said}");
    assert!(said.contains("--ca FILE"), "{said}");
    for (file, problem) in [("key.pem", "it has none"), ("nothing.pem", "nothing.pem")] {
        let refused = server.repl(Some(file));
        let said = String::from_utf8_lossy(&refused.stderr).into_owned();
        assert_eq!(refused.status.code(), Some(2), "{said}");
        assert!(said.contains(problem), "{said}");
    }
    // In the clear there is nothing to trust.
    let ca = server.directory.path().join("certificate.pem");
    let clear = server.url.replace("https", "http");
    let refused = repl(
        &["--connect", &clear, "--ca", ca.to_str().unwrap()],
        b"!(a)",
    );
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(said.contains("not asked by https"), "{said}");
}

#[test]
fn a_server_that_goes_away_ends_piped_input() {
    let server = Server::start(&[&hello(), &good(r#"["1"]"#)]);
    let output = server.repl("!(a)\n!(b)\n!(c)");
    assert_eq!(String::from_utf8_lossy(&output.stdout), "[1]\n");
    let err = String::from_utf8_lossy(&output.stderr);
    assert_eq!(err.lines().count(), 1, "{err}");
    // It may still take the connection while it goes.
    let gone = ["cannot connect to", "does not answer"];
    assert!(gone.iter().any(|text| err.contains(text)), "{err}");
    assert_eq!(output.status.code(), Some(2));
}

#[test]
fn a_server_that_does_not_answer_is_waited_for_as_long_as_said() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let started = Instant::now();
    let output = repl(&["--connect", &url, "--limit", "0.3"], b"!(+ 1 2)");
    assert!(started.elapsed() < Duration::from_secs(10));
    check_output(
        &output,
        2,
        "",
        &format!(
            "error: no answer from {url} within 0.3 s (--limit and `:limit` set how long to wait)\n"
        ),
    );
}

#[test]
fn control_characters_of_a_server_do_not_reach_the_terminal() {
    check_answer(
        &good(r#"["a\u001b]0;x\u0007"]"#),
        0,
        "[a\\u{1b}]0;x\\u{7}]\n",
        "",
    );
}

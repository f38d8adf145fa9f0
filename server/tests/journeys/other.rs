//! Another program is healed: the worked example, on a port and with files of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::running::{Server, shipped_rules};

const EXAMPLE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../examples/other-program");

/// The patient's program, built if it was not.
fn patient() -> PathBuf {
    let chimera = Path::new(env!("CARGO_BIN_EXE_chimera"));
    let path = chimera.with_file_name("chimera-patient");
    let mut build = Command::new(env!("CARGO"));
    build.args(["build", "--quiet", "-p", "chimera-patient"]);
    if chimera
        .parent()
        .is_some_and(|folder| folder.ends_with("release"))
    {
        build.arg("--release");
    }
    assert!(build.status().unwrap().success(), "the patient is built");
    path
}

/// A patient that runs; it ends with the test.
struct Patient {
    program: PathBuf,
    port: u16,
    folder: tempfile::TempDir,
    agent: ureq::Agent,
}

impl Patient {
    fn start() -> Patient {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        drop(listener);
        let config = ureq::Agent::config_builder()
            .timeout_global(Some(std::time::Duration::from_secs(5)))
            .build();
        let patient = Patient {
            program: patient(),
            port,
            folder: tempfile::tempdir().unwrap(),
            agent: config.into(),
        };
        let started = Command::new(&patient.program)
            .args(["restart", &port.to_string()])
            .arg(patient.pid_file())
            .stderr(Stdio::inherit())
            .status();
        assert!(started.unwrap().success());
        patient
    }

    fn pid_file(&self) -> PathBuf {
        self.folder.path().join("patient.pid")
    }

    fn pid(&self) -> Option<u32> {
        fs::read_to_string(self.pid_file()).ok()?.parse().ok()
    }

    fn is_well(&self) -> bool {
        let url = format!("http://127.0.0.1:{}/health", self.port);
        self.agent.get(url).call().is_ok()
    }

    /// Does it harm; a crash gives no answer.
    fn post(&self, path: &str) {
        let url = format!("http://127.0.0.1:{}{path}", self.port);
        let _ = self.agent.post(url).send_empty();
    }

    /// The example's configuration, about this patient.
    fn outside(&self) -> PathBuf {
        let text = fs::read_to_string(format!("{EXAMPLE}/outside.toml")).unwrap();
        let pid_file = self.pid_file();
        let text = text
            .replace("9077", &self.port.to_string())
            .replace("/tmp/chimera-patient.pid", pid_file.to_str().unwrap())
            .replace(
                "target/release/chimera-patient",
                self.program.to_str().unwrap(),
            );
        let path = self.folder.path().join("outside.toml");
        fs::write(&path, text).unwrap();
        path
    }
}

impl Drop for Patient {
    fn drop(&mut self) {
        if let Some(pid) = self.pid() {
            let _ = Command::new("kill").args(["-9", &pid.to_string()]).status();
        }
    }
}

fn verified(server: &Server, fault: &str) -> Option<Value> {
    server
        .actions()
        .into_iter()
        .find(|action| action["error_type"] == fault && action["verdict"] == "verified")
}

#[test]
fn a_leaking_hanging_crashing_program_is_healed() {
    let patient = Patient::start();
    let rules = fs::read_to_string(format!("{EXAMPLE}/patient.metta")).unwrap();
    let rules = format!("{}\n{rules}", shipped_rules());
    let outside = patient.outside();
    let outside = ["--outside", outside.to_str().unwrap()];
    let server = Server::start(&rules, &outside);
    let metric = |server: &Server, name: &str| server.health()["metrics"]["all"][name].as_f64();
    server.until("the patient is measured", |server| {
        (metric(server, "patient.down") == Some(0.0)
            && metric(server, "patient.probe-failed") == Some(0.0)
            && metric(server, "patient.patient_leaked_bytes") == Some(0.0))
        .then_some(())
    });
    assert!(server.actions().is_empty());

    let faults = [
        ("/crash", "patient_down", 1),
        ("/hang", "patient_hangs", 1),
        ("/leak", "patient_leaks", 3),
    ];
    for (harm, fault, times) in faults {
        let before = patient.pid();
        for _ in 0..times {
            patient.post(harm);
        }
        let action = server.until(fault, |server| verified(server, fault));
        assert_eq!(action["outcome"], "ran restart-patient", "{action}");
        assert!(patient.is_well(), "{fault}");
        assert_ne!(patient.pid(), before);
    }
    let trace = &verified(&server, "patient_leaks").unwrap();
    let before = trace["evidence"]["before"]["patient.memory-mb"].as_f64();
    let after = trace["evidence"]["after"]["patient.memory-mb"].as_f64();
    assert!(before > Some(150.0) && after < Some(50.0), "{trace}");
    assert!(
        trace["because"]
            .to_string()
            .contains("(threshold patient.memory-mb 150)"),
        "{trace}"
    );
}

/// A request with its body.
fn request_of(stream: &mut TcpStream) -> Option<String> {
    let mut said = String::new();
    let mut reader = BufReader::new(stream);
    let mut length = 0;
    while !said.ends_with("\r\n\r\n") {
        let from = said.len();
        if reader.read_line(&mut said).ok()? == 0 {
            return None;
        }
        let line = said[from..].to_ascii_lowercase();
        if let Some(written) = line.strip_prefix("content-length:") {
            length = written.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(said + &String::from_utf8_lossy(&body))
}

/// Answers every request with 200 and hands on what it said.
fn listener() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap().to_string();
    let (sender, heard) = mpsc::channel();
    std::thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            let Some(said) = request_of(&mut stream) else {
                continue;
            };
            let answer = b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\nconnection: close\r\n\r\nthanks";
            let _ = stream.write_all(answer);
            if sender.send(said).is_err() {
                break;
            }
        }
    });
    (address, heard)
}

#[test]
fn commands_signals_requests_and_notes_do_what_is_granted_and_say_what_failed() {
    let folder = tempfile::tempdir().unwrap();
    let path = |name: &str| folder.path().join(name).to_str().unwrap().to_owned();
    let (address, heard) = listener();
    let (nobody, _) = {
        let free = TcpListener::bind("127.0.0.1:0").unwrap();
        (free.local_addr().unwrap(), free)
    };
    let mut sleeper = Command::new("sleep").arg("300").spawn().unwrap();
    fs::write(path("sleeper.pid"), sleeper.id().to_string()).unwrap();
    let config = format!(
        "[[watch]]\nname = \"sleeper\"\npid_file = \"{}\"\n\
         [[signal]]\nwatch = \"sleeper\"\nsignals = [\"TERM\"]\n\
         [[command]]\nname = \"touch\"\nargv = [\"touch\", \"{}\"]\n\
         [[command]]\nname = \"long\"\nargv = [\"sleep\", \"300\"]\ntimeout_seconds = 0.3\n\
         [[request]]\nname = \"ping\"\nurl = \"http://{address}/ping\"\n\
         [[request]]\nname = \"nobody\"\nurl = \"http://{nobody}/\"\n\
         [[notify]]\nname = \"hook\"\nurl = \"http://{address}/hook\"\n",
        path("sleeper.pid"),
        path("touched"),
    );
    fs::write(path("outside.toml"), config).unwrap();
    let calls = [
        ("(run-command touch)", true, "ran touch".to_owned()),
        (
            "(signal-process sleeper TERM)",
            true,
            format!("sent TERM to sleeper ({})", sleeper.id()),
        ),
        (
            "(http-request ping)",
            true,
            format!("http://{address}/ping answered 200 OK thanks"),
        ),
        ("(notify hook \"it is so\")", true, "told hook".to_owned()),
        (
            "(run-command long)",
            false,
            "long did not end within 0.3 s and was killed".to_owned(),
        ),
        (
            "(http-request nobody)",
            false,
            format!("http://{nobody}/: no connection"),
        ),
        (
            "(signal-process sleeper KILL)",
            false,
            "granted are sleeper TERM".to_owned(),
        ),
        ("(notify nobody x)", false, "granted are hook".to_owned()),
    ];
    let rules: Vec<String> = calls
        .iter()
        .enumerate()
        .map(|(number, (call, ..))| {
            format!(
                "(= (decide) (match &samples (latest go {number}.0) \
                 (act x {call} (because of it) (verdict-in 0))))"
            )
        })
        .collect();
    let rules = format!("(sample-interval 0.1)\n{}", rules.join("\n"));
    let server = Server::start(&rules, &["--outside", &path("outside.toml")]);
    for (number, (call, applied, outcome)) in calls.iter().enumerate() {
        let body = format!(r#"{{"samples":[{{"metric":"go","value":{number}}}]}}"#);
        assert_eq!(server.post_body("/ingest", &body).0, 200);
        let action = server.until(call, |server| {
            let mut actions = server.actions().into_iter();
            actions.find(|action| {
                action["healing_strategy"] == *call && action["outcome"] != "under way"
            })
        });
        assert_eq!(action["applied"], *applied, "{action}");
        let said = action["outcome"].as_str().unwrap();
        assert!(said.contains(outcome.as_str()), "{said}: {outcome}");
    }
    assert!(!sleeper.wait().unwrap().success(), "TERM ended it");
    assert!(Path::new(&path("touched")).exists());
    let heard: Vec<String> = heard.try_iter().collect();
    assert!(
        heard.iter().any(|said| said.starts_with("POST /ping ")),
        "{heard:?}"
    );
    let note = r#"{"source":"chimera","text":"it is so"}"#;
    assert!(heard.iter().any(|said| said.ends_with(note)), "{heard:?}");
}

#[test]
fn whoever_posts_samples_does_not_wait_for_effectors_that_take_longer_than_a_sample() {
    let folder = tempfile::tempdir().unwrap();
    let outside = folder.path().join("outside.toml");
    let config = "[[command]]\nname = \"long\"\nargv = [\"sleep\", \"0.3\"]\nper_minute = 1000000\n\
                  [limit.run-command]\nper_minute = 1000000\n";
    fs::write(&outside, config).unwrap();
    // Each sample has three of them begin, one after the other, for a quarter of a second each.
    let rules = "(sample-interval 0.1)\n\
                 (= (decide) (let $of (superpose (a b c)) \
                 (act $of (run-command long) (because it is long) (verdict-in 0))))";
    let server = Server::start(rules, &["--outside", outside.to_str().unwrap()]);
    server.until("they take so long", |server| {
        let actions = server.actions();
        (actions.len() > 6 && actions.iter().any(|action| action["applied"] == true)).then_some(())
    });
    let body = r#"{"samples":[{"metric":"queue-depth","value":1}]}"#;
    for _ in 0..5 {
        let began = Instant::now();
        assert_eq!(server.post_body("/ingest", body).0, 200);
        let took = began.elapsed();
        assert!(took < Duration::from_secs(5), "{took:?}");
    }
}

#[test]
fn what_is_not_granted_is_not_done() {
    let rules = "(sample-interval 0.1)\n(= (decide) (match &samples (latest go $n) \
                 (act x (run-command rm-all) (because go is $n) (verdict-in 0))))";
    let server = Server::start(rules, &[]);
    let body = r#"{"samples":[{"metric":"go","value":1}]}"#;
    assert_eq!(server.post_body("/ingest", body).0, 200);
    let action = server.until("it is refused", |server| server.actions().pop());
    assert_eq!(action["applied"], false);
    assert_eq!(
        action["outcome"],
        "refused by the envelope: run-command rm-all is not granted by the configuration; \
         granted are none"
    );
}

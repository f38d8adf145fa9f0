//! A server under test: the real binary on a free port with its own rules.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

/// The longest that anything is waited for.
const PATIENCE: Duration = Duration::from_secs(90);

/// The rules that are shipped, beside `healing.metta`.
fn shipped_folder() -> PathBuf {
    PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../metta/healing"))
}

pub(crate) fn shipped_rules() -> String {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../metta/healing.metta");
    fs::read_to_string(path).expect("the shipped rules are there")
}

pub(crate) fn binary() -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_chimera"));
    // The caller's settings are not the test's.
    for (name, _) in std::env::vars() {
        if name.starts_with("CHIMERA_") || name == "RUST_LOG" {
            command.env_remove(name);
        }
    }
    command
}

/// Sends bytes as they are; returns all that comes back until the server closes.
pub(crate) fn exchange(address: &str, request: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).unwrap();
    String::from_utf8_lossy(&answer).into_owned()
}

pub(crate) struct Server {
    child: Child,
    pub(crate) url: String,
    rules: tempfile::TempDir,
    log: Arc<Mutex<String>>,
    agent: ureq::Agent,
}

impl Server {
    pub(crate) fn start(rules: &str, arguments: &[&str]) -> Server {
        let directory = tempfile::tempdir().expect("a temporary directory");
        fs::write(directory.path().join("healing.metta"), rules).expect("rules are written");
        // The machine of the shipped rules; without facts it does nothing.
        let folder = directory.path().join("healing");
        fs::create_dir(&folder).expect("the rules directory is ours");
        for entry in fs::read_dir(shipped_folder()).expect("the shipped rules are there") {
            let path = entry.expect("it can be listed").path();
            let name = path.file_name().expect("it is a file");
            fs::copy(&path, folder.join(name)).expect("rules are copied");
        }
        let mut child = binary()
            .args(["serve", "--port", "0", "--rules"])
            .arg(directory.path())
            .args(arguments)
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary starts");
        let log = Arc::new(Mutex::new(String::new()));
        let stderr = child.stderr.take().expect("stderr is piped");
        let kept = Arc::clone(&log);
        std::thread::spawn(move || {
            for line in BufReader::new(stderr).lines().map_while(Result::ok) {
                let mut kept = kept.lock().unwrap();
                kept.push_str(&line);
                kept.push('\n');
            }
        });
        let config = ureq::Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        let mut server = Server {
            child,
            url: String::new(),
            rules: directory,
            log,
            agent: config.into(),
        };
        server.url = server.until("the server says where it serves", |server| {
            let log = server.log();
            let (_, rest) = log.split_once("serving on ")?;
            Some(rest.lines().next()?.to_owned())
        });
        server.until("it is ready", |server| {
            (server.get("/ready").0 == 200).then_some(())
        });
        server
    }

    pub(crate) fn log(&self) -> String {
        self.log.lock().unwrap().clone()
    }

    pub(crate) fn rules_file(&self) -> PathBuf {
        self.rules.path().join("healing.metta")
    }

    /// Saves rules as many editors do: a new file in the place of the old one.
    pub(crate) fn save_rules(&self, text: &str) {
        let fresh = self.rules.path().join(".healing.metta.swp");
        fs::write(&fresh, text).unwrap();
        fs::rename(&fresh, self.rules_file()).unwrap();
    }

    pub(crate) fn get(&self, path: &str) -> (u16, Value) {
        let mut response = self
            .agent
            .get(format!("{}{path}", self.url))
            .call()
            .expect("the server answers");
        let text = response.body_mut().read_to_string().unwrap();
        (
            response.status().as_u16(),
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub(crate) fn post(&self, path: &str) -> (u16, Value) {
        let mut response = self
            .agent
            .post(format!("{}{path}", self.url))
            .send_empty()
            .expect("the server answers");
        let text = response.body_mut().read_to_string().unwrap();
        (
            response.status().as_u16(),
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub(crate) fn post_body(&self, path: &str, body: &str) -> (u16, Value) {
        let mut response = self
            .agent
            .post(format!("{}{path}", self.url))
            .send(body)
            .expect("the server answers");
        let text = response.body_mut().read_to_string().unwrap();
        (
            response.status().as_u16(),
            serde_json::from_str(&text).unwrap_or(Value::String(text)),
        )
    }

    pub(crate) fn query(&self, query: &str) -> (u16, Value) {
        self.post_body("/atomspace/query", &json!({ "query": query }).to_string())
    }

    pub(crate) fn health(&self) -> Value {
        let (status, health) = self.get("/health");
        assert_eq!(status, 200);
        health
    }

    pub(crate) fn actions(&self) -> Vec<Value> {
        self.get("/healing/actions").1["actions"]
            .as_array()
            .expect("a list of actions")
            .clone()
    }

    /// Polls until `ask` has an answer.
    #[track_caller]
    pub(crate) fn until<T>(&self, what: &str, mut ask: impl FnMut(&Server) -> Option<T>) -> T {
        let start = Instant::now();
        loop {
            if let Some(answer) = ask(self) {
                return answer;
            }
            assert!(
                start.elapsed() < PATIENCE,
                "waited in vain until {what}; the log:\n{}",
                self.log()
            );
            std::thread::sleep(Duration::from_millis(50));
        }
    }

    /// Waits until `count` more samples were taken.
    pub(crate) fn wait_ticks(&self, count: u64) {
        let ticks = |server: &Server| server.get("/healing/status").1["ticks"].as_u64().unwrap();
        let from = ticks(self);
        self.until("samples are taken", |server| {
            (ticks(server) >= from + count).then_some(())
        });
    }

    /// Its process id.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// Resident memory in MiB, as the kernel tells it to others.
    pub(crate) fn rss_mib(&self) -> f64 {
        let path = format!("/proc/{}/status", self.id());
        let text = fs::read_to_string(path).unwrap();
        let line = text
            .lines()
            .find(|line| line.starts_with("VmRSS:"))
            .unwrap();
        let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
        kib / 1024.0
    }

    /// CPU use over about two seconds in percent of one core, from outside.
    pub(crate) fn cpu_percent(&self) -> f64 {
        let used = || {
            let path = format!("/proc/{}/stat", self.id());
            let text = fs::read_to_string(path).unwrap();
            let fields: Vec<&str> = text
                .rsplit(')')
                .next()
                .unwrap()
                .split_whitespace()
                .collect();
            let ticks: f64 =
                fields[11].parse::<f64>().unwrap() + fields[12].parse::<f64>().unwrap();
            ticks / 100.0
        };
        let (start, before) = (Instant::now(), used());
        std::thread::sleep(Duration::from_secs(2));
        (used() - before) / start.elapsed().as_secs_f64() * 100.0
    }

    /// Established TCP connections of the process, by the kernel's own table.
    pub(crate) fn connections(&self) -> usize {
        let id = self.id();
        let sockets: Vec<String> = fs::read_dir(format!("/proc/{id}/fd"))
            .unwrap()
            .filter_map(|file| fs::read_link(file.ok()?.path()).ok())
            .filter_map(|target| {
                let target = target.to_str()?.strip_prefix("socket:[")?;
                Some(target.trim_end_matches(']').to_owned())
            })
            .collect();
        let table = fs::read_to_string(format!("/proc/{id}/net/tcp")).unwrap();
        table
            .lines()
            .skip(1)
            .filter(|line| {
                let fields: Vec<&str> = line.split_whitespace().collect();
                fields[3] == "01" && sockets.iter().any(|inode| inode == fields[9])
            })
            .count()
    }

    /// The text of an answer to a request with these credentials.
    pub(crate) fn get_as(&self, path: &str, authorization: &str) -> String {
        let response = self
            .agent
            .get(format!("{}{path}", self.url))
            .header("authorization", authorization)
            .call();
        let mut response = response.expect("the server answers");
        let bytes = response.body_mut().read_to_vec().unwrap();
        String::from_utf8_lossy(&bytes).into_owned()
    }

    /// Asks it to end, as an operator does.
    pub(crate) fn signal(&self) {
        Command::new("kill")
            .args(["-TERM", &self.id().to_string()])
            .status()
            .unwrap();
    }

    /// Ends it; returns its exit status.
    pub(crate) fn terminate(mut self) -> std::process::ExitStatus {
        self.signal();
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().unwrap() {
                return status;
            }
            assert!(start.elapsed() < PATIENCE, "the server ends");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It may have ended by itself.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

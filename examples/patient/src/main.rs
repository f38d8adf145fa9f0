//! A service to be healed: it leaks, hangs and crashes when asked to.
//!
//! `chimera-patient serve PORT PID_FILE` serves on loopback until it ends;
//! `chimera-patient restart PORT PID_FILE` ends the one that runs, starts another beside
//! itself, and returns when that one answers.

use std::io::{BufRead, BufReader, Error, ErrorKind, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::process::{Command, ExitCode, Stdio};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Bytes that one `POST /leak` takes.
const LEAK: usize = 64 << 20;
/// How long a restart may take.
const PATIENCE: Duration = Duration::from_secs(8);

static HANGING: AtomicBool = AtomicBool::new(false);
static LEAKED: Mutex<Vec<Vec<u8>>> = Mutex::new(Vec::new());

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match arguments[..] {
        ["serve", port, pid_file] => serve(port, pid_file),
        ["restart", port, pid_file] => restart(port, pid_file),
        _ => Err(Error::other(
            "write chimera-patient serve|restart PORT PID_FILE",
        )),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("chimera-patient: {error}");
            ExitCode::FAILURE
        }
    }
}

fn address(port: &str) -> String {
    format!("127.0.0.1:{port}")
}

fn serve(port: &str, pid_file: &str) -> Result<(), Error> {
    let listener = TcpListener::bind(address(port))?;
    std::fs::write(pid_file, std::process::id().to_string())?;
    for stream in listener.incoming().flatten() {
        std::thread::spawn(move || answer(stream));
    }
    Ok(())
}

/// One request a connection; what goes wrong with it is the client's affair.
fn answer(mut stream: TcpStream) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?.take(8192));
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut header = String::new();
    while reader.read_line(&mut header).ok()? > 2 {
        header.clear();
    }
    let mut words = line.split_whitespace();
    let body = match (words.next()?, words.next()?) {
        ("GET", "/health") => {
            while HANGING.load(Ordering::Relaxed) {
                std::thread::sleep(Duration::from_millis(50));
            }
            "well\n".to_owned()
        }
        ("GET", "/metrics") => {
            let bytes = LEAKED.lock().ok()?.iter().map(Vec::len).sum::<usize>();
            format!("# TYPE patient_leaked_bytes gauge\npatient_leaked_bytes {bytes}\n")
        }
        ("POST", "/leak") => {
            LEAKED.lock().ok()?.push(vec![1; LEAK]);
            "leaked\n".to_owned()
        }
        ("POST", "/hang") => {
            HANGING.store(true, Ordering::Relaxed);
            "hanging\n".to_owned()
        }
        ("POST", "/crash") => std::process::abort(),
        _ => {
            stream
                .write_all(
                    b"HTTP/1.1 404 Not Found\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
                )
                .ok()?;
            return None;
        }
    };
    let length = body.len();
    write!(
        stream,
        "HTTP/1.1 200 OK\r\ncontent-length: {length}\r\nconnection: close\r\n\r\n{body}"
    )
    .ok()
}

fn restart(port: &str, pid_file: &str) -> Result<(), Error> {
    if let Ok(pid) = std::fs::read_to_string(pid_file) {
        // It may have ended by itself.
        let _ = Command::new("kill").args(["-9", pid.trim()]).status();
        let _ = std::fs::remove_file(pid_file);
    }
    let until = Instant::now() + PATIENCE;
    while TcpStream::connect(address(port)).is_ok() {
        wait(until, "the old one still answers")?;
    }
    Command::new(std::env::current_exe()?)
        .args(["serve", port, pid_file])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()?;
    while TcpStream::connect(address(port)).is_err() {
        wait(until, "the new one does not answer")?;
    }
    Ok(())
}

fn wait(until: Instant, what: &str) -> Result<(), Error> {
    if Instant::now() >= until {
        return Err(Error::new(ErrorKind::TimedOut, what));
    }
    std::thread::sleep(Duration::from_millis(20));
    Ok(())
}

//! What is done to other programs, once it was granted.

use std::process::Stdio;
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process_group};
use serde_json::json;
use tokio::io::{AsyncRead, AsyncReadExt};
use tokio::process::Child;
use tokio::task::JoinHandle;

use super::client::{self, Answer};
use super::config::{Command, Notice, Request};

/// Bytes of a command's output that are kept.
const OUTPUT_MAX: usize = 4096;
/// Characters of an answer that are told.
const ANSWER_SHOWN: usize = 200;

/// How long output may still come once a command has ended.
const LINGERING: Duration = Duration::from_millis(200);

/// Runs a command: no shell, no input, its time bounded, the beginning of its output
/// kept. What it started is killed with it when its time is over; when it ends by itself, that
/// goes on.
pub(super) async fn run(command: &Command) -> Result<String, String> {
    let (program, arguments) = command
        .argv
        .split_first()
        .ok_or_else(|| format!("command {} has no argv", command.name))?;
    let mut child = tokio::process::Command::new(program)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{program} did not start: {error}"))?;
    let said = Output::of(child.stdout.take());
    let complained = Output::of(child.stderr.take());
    let timeout = Duration::from_secs_f64(command.timeout_seconds);
    let Ok(status) = tokio::time::timeout(timeout, child.wait()).await else {
        kill_all(&mut child);
        return Err(format!(
            "{} did not end within {} s and was killed",
            command.name, command.timeout_seconds
        ));
    };
    let status = status.map_err(|error| format!("{} was lost: {error}", command.name))?;
    let output = [said.beginning().await, complained.beginning().await];
    let output = output
        .iter()
        .map(|text| text.trim())
        .filter(|text| !text.is_empty())
        .collect::<Vec<_>>()
        .join(" | ");
    let told = if output.is_empty() {
        String::new()
    } else {
        format!(": {output}")
    };
    if status.success() {
        Ok(format!("ran {}{told}", command.name))
    } else {
        Err(format!("{} ended with {status}{told}", command.name))
    }
}

/// Kills a command that has not ended, with all that it started and that has not left its
/// group.
fn kill_all(child: &mut Child) {
    let group = child.id().and_then(|id| i32::try_from(id).ok());
    if let Some(group) = group.and_then(Pid::from_raw)
        && let Err(error) = kill_process_group(group, Signal::KILL)
    {
        tracing::warn!(%error, "a command's processes could not all be killed");
    }
    // It is waited for beside all else.
    if let Err(error) = child.start_kill() {
        tracing::warn!(%error, "a command could not be killed");
    }
}

/// What a command writes: its beginning is kept, the rest is read and dropped, so that nobody
/// waits for room, also not what the command started and left.
struct Output {
    kept: Arc<Mutex<Vec<u8>>>,
    reading: JoinHandle<()>,
}

impl Output {
    fn of(pipe: Option<impl AsyncRead + Unpin + Send + 'static>) -> Output {
        let kept = Arc::new(Mutex::new(Vec::new()));
        let keeping = Arc::clone(&kept);
        let reading = tokio::spawn(async move {
            let Some(mut pipe) = pipe else { return };
            let mut piece = [0; 4096];
            // What cannot be read any more has ended.
            while let Ok(count @ 1..) = pipe.read(&mut piece).await {
                let mut kept = lock(&keeping);
                let room = OUTPUT_MAX - kept.len();
                kept.extend_from_slice(&piece[..count.min(room)]);
            }
        });
        Output { kept, reading }
    }

    /// What was kept once all has come, or the command has ended a while ago.
    async fn beginning(mut self) -> String {
        // What is still written then is read on.
        let _ = tokio::time::timeout(LINGERING, &mut self.reading).await;
        String::from_utf8_lossy(&lock(&self.kept)).into_owned()
    }
}

fn lock(kept: &Mutex<Vec<u8>>) -> MutexGuard<'_, Vec<u8>> {
    kept.lock().expect("no panic while output is kept")
}

/// Makes a request; an answer that is no success is an error.
pub(super) async fn request(request: &Request) -> Result<String, String> {
    let timeout = Duration::from_secs_f64(request.timeout_seconds);
    let body = request.body.clone();
    let answer = client::ask(&request.method, &request.url, None, body, timeout).await?;
    let Answer { status, body, .. } = answer;
    let shown: String = String::from_utf8_lossy(&body)
        .trim()
        .chars()
        .take(ANSWER_SHOWN)
        .collect();
    let told = format!("{} answered {status} {shown}", request.url);
    if status.is_success() {
        Ok(told)
    } else {
        Err(told)
    }
}

/// Tells a webhook.
pub(super) async fn notify(notice: &Notice, text: &str) -> Result<String, String> {
    let timeout = Duration::from_secs_f64(notice.timeout_seconds);
    let body = json!({ "source": "chimera", "text": text }).to_string();
    let json = Some("application/json");
    let answer = client::ask("POST", &notice.url, json, body, timeout).await?;
    let status = answer.status;
    if status.is_success() {
        Ok(format!("told {}", notice.name))
    } else {
        Err(format!("{} answered with status {status}", notice.url))
    }
}

#[cfg(test)]
mod tests {
    use super::{Command, run};

    async fn ran(argv: &[&str], timeout_seconds: f64) -> Result<String, String> {
        let command = Command {
            name: "it".to_owned(),
            argv: argv.iter().map(|part| (*part).to_owned()).collect(),
            timeout_seconds,
            per_minute: 1,
        };
        run(&command).await
    }

    #[tokio::test]
    async fn commands_end_well_badly_late_or_not_at_all() {
        let done = ran(&["echo", "$HOME; done"], 10.0).await;
        // No shell has read it.
        assert_eq!(done, Ok("ran it: $HOME; done".to_owned()));
        let failed = ran(&["ls", "/no/such/file"], 10.0).await.unwrap_err();
        assert!(failed.contains("it ended with") && failed.contains("/no/such/file"));
        // What it leaves running does not make it late, and goes on.
        let left = ran(&["sh", "-c", "sleep 60 & echo $!"], 10.0).await;
        let pid = left.unwrap().trim_start_matches("ran it: ").to_owned();
        assert!(std::fs::metadata(format!("/proc/{pid}")).is_ok());
        ran(&["kill", &pid], 10.0).await.unwrap();
        let late = ran(&["sleep", "60"], 0.05).await.unwrap_err();
        assert!(late.contains("was killed"), "{late}");
        // With it ends what it has started: nobody has the fifo open any more.
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo").display().to_string();
        ran(&["mkfifo", &fifo], 10.0).await.unwrap();
        let reading = tokio::task::spawn_blocking({
            let fifo = fifo.clone();
            move || std::fs::read(fifo)
        });
        let tree = format!("sleep 60 > {fifo} & wait");
        let late = ran(&["sh", "-c", &tree], 3.0).await.unwrap_err();
        assert!(late.contains("was killed"), "{late}");
        let read = tokio::time::timeout(std::time::Duration::from_secs(20), reading);
        assert!(
            read.await.is_ok_and(|read| read.is_ok()),
            "what it started is gone"
        );
        let missing = ran(&["/no/such/program"], 1.0).await.unwrap_err();
        assert!(missing.contains("did not start"), "{missing}");
    }
}

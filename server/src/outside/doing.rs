//! What is done to other programs, once it was granted.

use std::process::Stdio;
use std::time::Duration;

use serde_json::json;
use tokio::io::AsyncReadExt;

use super::client;
use super::config::{Command, Notice, Request};

/// Bytes of a command's output that are kept.
const OUTPUT_MAX: u64 = 4096;
/// Characters of an answer that are told.
const ANSWER_SHOWN: usize = 200;

/// Runs a command: no shell, no input, its time bounded, the beginning of its output
/// kept.
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
        .kill_on_drop(true)
        .spawn()
        .map_err(|error| format!("{program} did not start: {error}"))?;
    let stdout = child.stdout.take();
    let stderr = child.stderr.take();
    let finished = async {
        let (said, complained, status) =
            tokio::join!(beginning(stdout), beginning(stderr), child.wait());
        (said, complained, status)
    };
    let timeout = Duration::from_secs_f64(command.timeout_seconds);
    let Ok((said, complained, status)) = tokio::time::timeout(timeout, finished).await else {
        return Err(format!(
            "{} did not end within {} s and was killed",
            command.name, command.timeout_seconds
        ));
    };
    let status = status.map_err(|error| format!("{} was lost: {error}", command.name))?;
    let output = [said, complained]
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

/// The beginning of what comes; the rest is read and dropped, so that nobody waits.
async fn beginning(pipe: Option<impl tokio::io::AsyncRead + Unpin>) -> String {
    let Some(mut pipe) = pipe else {
        return String::new();
    };
    let mut kept = Vec::new();
    // What cannot be read any more has ended.
    let _ = (&mut pipe).take(OUTPUT_MAX).read_to_end(&mut kept).await;
    let _ = tokio::io::copy(&mut pipe, &mut tokio::io::sink()).await;
    String::from_utf8_lossy(&kept).into_owned()
}

/// Makes a request; an answer that is no success is an error.
pub(super) async fn request(request: &Request) -> Result<String, String> {
    let timeout = Duration::from_secs_f64(request.timeout_seconds);
    let body = request.body.clone();
    let (status, answer) = client::ask(&request.method, &request.url, None, body, timeout).await?;
    let shown: String = String::from_utf8_lossy(&answer)
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
    let (status, _) = client::ask("POST", &notice.url, json, body, timeout).await?;
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
        let late = ran(&["sleep", "60"], 0.05).await.unwrap_err();
        assert!(late.contains("was killed"), "{late}");
        let missing = ran(&["/no/such/program"], 1.0).await.unwrap_err();
        assert!(missing.contains("did not start"), "{missing}");
    }
}

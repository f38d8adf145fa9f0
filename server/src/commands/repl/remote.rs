//! A session with a running server: its answers to `POST /atomspace/query`.

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use chimera::Engine;
use chimera_grammar::NodeKind;
use chimera_repl::{
    Access, Answer, Interrupts, Limits, Outcome, Reply, Results, Session, SessionError,
};
use chimera_server::heal::SPACES;
use hyper::StatusCode;
use serde::{Deserialize, Serialize};
use tokio::runtime::Runtime;
use tokio::sync::Notify;

use super::client::{self, ClientError, Endpoint, EndpointError};

const QUERY_PATH: &str = "/atomspace/query";
/// Names that are remembered for completion, at most.
const WORDS_MAX: usize = 50_000;
/// How much of an answer that is not understood is shown.
const EXCERPT_CHARS: usize = 80;

/// A session with a running server. It can query and change nothing.
pub(super) struct Remote {
    runtime: Runtime,
    endpoint: Endpoint,
    interrupts: Interrupts,
    limits: Limits,
    words: BTreeSet<String>,
}

/// Why a session with a server could not begin.
#[derive(Debug, thiserror::Error)]
pub(super) enum ConnectError {
    #[error(transparent)]
    Endpoint(#[from] EndpointError),
    #[error("no runtime for the connection")]
    Runtime(#[from] io::Error),
    #[error(transparent)]
    Session(#[from] SessionError),
}

/// Why an answer is none.
#[derive(Debug, thiserror::Error)]
enum AnswerError {
    #[error(transparent)]
    Client(#[from] ClientError),
    #[error("{server} has no {QUERY_PATH} (status {status}); is it a Chimera server?")]
    NoSuchRoute { server: String, status: StatusCode },
    #[error("{server} redirects to {location}; connect there")]
    Redirect { server: String, location: String },
    #[error("{server} failed with status {status}: {detail}")]
    Status {
        server: String,
        status: StatusCode,
        detail: String,
    },
    #[error(
        "the answer from {server} is not the JSON of a Chimera server ({problem}); it is {content_type} and begins with {excerpt}"
    )]
    NotJson {
        server: String,
        problem: String,
        content_type: String,
        excerpt: String,
    },
}

#[derive(Serialize)]
struct Query<'q> {
    query: &'q str,
}

#[derive(Deserialize)]
struct QueryAnswer {
    results: Vec<String>,
    #[serde(default)]
    bindings: Vec<BTreeMap<String, String>>,
    #[serde(default)]
    generation: Option<serde_json::Value>,
    #[serde(default)]
    truncated: bool,
    #[serde(default)]
    error: Option<serde_json::Value>,
}

#[derive(Deserialize)]
struct Detail {
    detail: serde_json::Value,
}

impl Remote {
    /// Asks the server at `url` for its atoms, which shows that it is there and
    /// gives names to complete.
    pub(super) fn connect(
        url: &str,
        authorities: Option<&Path>,
        interrupts: Interrupts,
        limits: Limits,
    ) -> Result<Remote, ConnectError> {
        let endpoint = Endpoint::new(url, QUERY_PATH, authorities)?;
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()?;
        let mut words: BTreeSet<String> = Engine::builder()
            .build()
            .words(usize::MAX)
            .into_iter()
            .collect();
        words.extend(SPACES.map(str::to_owned));
        let mut remote = Remote {
            runtime,
            endpoint,
            interrupts,
            limits,
            words,
        };
        // What it refuses or answers does not matter, that it answers does.
        remote.query("(get-atoms &self)")?;
        Ok(remote)
    }

    fn query(&mut self, query: &str) -> Result<Outcome, SessionError> {
        let json = serde_json::to_string(&Query { query }).expect("a text is JSON");
        let post = self.endpoint.post(json, self.limits.time);
        let interrupted = Arc::new(Notify::new());
        let notify = Arc::clone(&interrupted);
        let running = self.interrupts.during(move || notify.notify_one());
        let answer = self.runtime.block_on(async {
            tokio::select! {
                answer = post => Some(answer),
                () = interrupted.notified() => None,
            }
        });
        drop(running);
        let answer = answer.ok_or(SessionError::Interrupted)?;
        let outcome = answer
            .map_err(AnswerError::from)
            .and_then(|answer| self.understand(&answer))
            .map_err(|error| SessionError::Unreachable(Box::new(error)))?;
        if let Outcome::Results(results) = &outcome {
            self.learn(results);
        }
        Ok(outcome)
    }

    fn understand(&self, answer: &client::Answer) -> Result<Outcome, AnswerError> {
        let status = answer.status;
        let server = || self.endpoint.server();
        match status {
            StatusCode::OK => {}
            StatusCode::NOT_FOUND | StatusCode::METHOD_NOT_ALLOWED => {
                return Err(AnswerError::NoSuchRoute {
                    server: server(),
                    status,
                });
            }
            StatusCode::FORBIDDEN => {
                let detail = detail(answer);
                return Ok(Outcome::Refused(format!(
                    "the server refuses: {detail}; a session with a server can query and change nothing"
                )));
            }
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                let detail = detail(answer);
                let wait = match &answer.retry_after {
                    Some(seconds) => format!("try again in {} s", printable(seconds)),
                    None => "try again".to_owned(),
                };
                return Ok(Outcome::Refused(format!(
                    "the server is busy: {detail}; {wait}"
                )));
            }
            _ if status.is_client_error() => {
                let detail = detail(answer);
                return Ok(Outcome::Refused(format!(
                    "the server refuses (status {}): {detail}",
                    status.as_u16()
                )));
            }
            _ if status.is_redirection() && answer.location.is_some() => {
                return Err(AnswerError::Redirect {
                    server: server(),
                    location: printable(answer.location.as_deref().unwrap_or_default()),
                });
            }
            _ => {
                return Err(AnswerError::Status {
                    server: server(),
                    status,
                    detail: detail(answer),
                });
            }
        }
        let parsed: QueryAnswer =
            serde_json::from_slice(&answer.body).map_err(|error| AnswerError::NotJson {
                server: server(),
                problem: error.to_string(),
                content_type: answer
                    .content_type
                    .as_deref()
                    .map_or_else(|| "of no content type".to_owned(), printable),
                excerpt: excerpt(&answer.body),
            })?;
        Ok(Outcome::Results(results(parsed)))
    }

    /// Remembers the names in results.
    fn learn(&mut self, results: &Results) {
        for answer in &results.answers {
            let parsed = chimera_grammar::parse(&answer.text);
            for node in parsed.tree.nodes() {
                let word = &answer.text[node.span.start..node.span.end];
                if self.words.len() < WORDS_MAX
                    && node.kind == NodeKind::Word
                    && chimera::Number::parse(word).is_none()
                    && !self.words.contains(word)
                {
                    self.words.insert(word.to_owned());
                }
            }
        }
    }
}

impl Session for Remote {
    fn describe(&self) -> String {
        format!("attached to {}", self.endpoint.server())
    }

    fn access(&self) -> Access {
        Access::ReadOnly
    }

    fn evaluate(
        &mut self,
        source: &str,
        _name: &str,
        each: &mut dyn FnMut(Reply) -> ControlFlow<()>,
    ) -> Result<(), SessionError> {
        let parsed = chimera_grammar::parse(source);
        let mut lines = Lines::default();
        for form in parsed.tree.forms() {
            let (line, column) = lines.place(source, form.span.start);
            let span = parsed.tree.nodes()[form.node as usize].span;
            let text = &source[span.start..span.end];
            let started = Instant::now();
            let outcome = if form.directive {
                self.query(text)?
            } else {
                Outcome::Refused(format!(
                    "`{}` would add an atom, and a session with a server is read-only; \
                     put `!` before an expression to evaluate it there, \
                     as in `!(match &self (threshold $metric $value) ($metric $value))`",
                    shortened(text)
                ))
            };
            let reply = Reply {
                line,
                column,
                outcome,
                elapsed: started.elapsed(),
            };
            if each(reply).is_break() {
                break;
            }
        }
        Ok(())
    }

    fn tells_bindings(&self) -> bool {
        true
    }

    fn words(&mut self) -> Vec<String> {
        self.words.iter().cloned().collect()
    }

    fn reset(&mut self) -> Result<(), SessionError> {
        Err(SessionError::ReadOnly(
            "nothing was added: a session with a server is read-only".to_owned(),
        ))
    }

    fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

fn results(answer: QueryAnswer) -> Results {
    // A server repeats the first error among the results; here it stands once.
    let error = answer
        .error
        .filter(|error| !error.is_null())
        .filter(|error| !answer.results.iter().any(|text| error == text));
    let mut bindings = answer.bindings.into_iter();
    let answers = answer
        .results
        .into_iter()
        .map(|text| Answer {
            is_error: text == "(Error)" || text.starts_with("(Error "),
            text: printable(&text),
            bindings: bindings
                .next()
                .unwrap_or_default()
                .into_iter()
                .map(|(variable, value)| (printable(&variable), printable(&value)))
                .collect(),
        })
        .collect();
    Results {
        answers,
        truncated: answer.truncated,
        generation: answer.generation.as_ref().map(text_of),
        error: error.as_ref().map(text_of),
        failed_rule: None,
    }
}

/// What an error answer says: its `detail`, as a text or as a list of problems.
fn detail(answer: &client::Answer) -> String {
    match serde_json::from_slice::<Detail>(&answer.body) {
        Ok(Detail { detail }) => match detail.as_array() {
            Some(problems) => {
                let problems: Vec<String> = problems.iter().map(problem).collect();
                problems.join("; ")
            }
            None => text_of(&detail),
        },
        Err(_) if answer.body.is_empty() => "it does not say why".to_owned(),
        Err(_) => format!("it says {}", excerpt(&answer.body)),
    }
}

/// One problem with a parameter: `msg` at `loc`.
fn problem(problem: &serde_json::Value) -> String {
    let Some(message) = problem.get("msg") else {
        return text_of(problem);
    };
    let place: Vec<String> = problem
        .get("loc")
        .and_then(serde_json::Value::as_array)
        .map(|parts| parts.iter().map(text_of).collect())
        .unwrap_or_default();
    match place.as_slice() {
        [] => text_of(message),
        place => format!("{} (at {})", text_of(message), place.join(".")),
    }
}

/// A JSON text without its quotes, anything else as JSON.
fn text_of(value: &serde_json::Value) -> String {
    match value.as_str() {
        Some(text) => printable(text),
        None => printable(&value.to_string()),
    }
}

/// `text` with its control characters escaped: a server's text cannot steer the
/// terminal. Line ends and tabs stay.
fn printable(text: &str) -> String {
    let mut shown = String::with_capacity(text.len());
    for character in text.chars() {
        if character.is_control() && !matches!(character, '\n' | '\t') {
            shown.extend(character.escape_default());
        } else {
            shown.push(character);
        }
    }
    shown
}

fn excerpt(body: &[u8]) -> String {
    let text = String::from_utf8_lossy(body);
    let start: String = text.chars().take(EXCERPT_CHARS).collect();
    format!("{start:?}")
}

fn shortened(text: &str) -> String {
    let mut shown: String = text.chars().take(EXCERPT_CHARS).collect();
    if shown.len() < text.len() {
        shown.push('…');
    }
    shown.replace('\n', " ")
}

/// Counts lines on the way through a text.
#[derive(Default)]
struct Lines {
    line: u32,
    start: usize,
    counted: usize,
}

impl Lines {
    /// Line and column, from 1, of a byte of `source`, not before the last one.
    fn place(&mut self, source: &str, offset: usize) -> (u32, u32) {
        for (at, _) in source[self.counted..offset].match_indices('\n') {
            self.line += 1;
            self.start = self.counted + at + 1;
        }
        self.counted = offset;
        let column = source[self.start..offset].chars().count() + 1;
        (self.line + 1, u32::try_from(column).unwrap_or(u32::MAX))
    }
}

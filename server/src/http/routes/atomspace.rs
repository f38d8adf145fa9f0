//! `/atomspace/query`: questions to the spaces as they were after the newest tick, which
//! they cannot change; and `/atomspace/evaluate`, which can change the live ones if the
//! server's token is shown.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, Instant};

use chimera::{Atom, Bindings, Budget, CancelToken, Engine, LoadError, Variable};
use hyper::StatusCode;
use serde::{Deserialize, Serialize};

use super::{body, mailbox};
use crate::http::answer::{Answer, Failure};
use crate::http::limits::Limits;
use crate::http::service::Service;
use crate::http::table::Request;
use crate::status::Command;

pub(in crate::http) const EXAMPLE: &str = r#"{"query": "(match &self (threshold $m $x) ($m $x))"}"#;
pub(in crate::http) const EVALUATE_EXAMPLE: &str =
    r#"{"query": "(threshold memory-mb $x)", "write": false}"#;
/// What one query may spend besides its time and its reductions.
const DEPTH: usize = 100_000;
const BYTES: usize = 256 << 20;
/// What one answer may hold.
const RESULTS_MAX: usize = 1000;
const TEXT_MAX: usize = 4 << 20;
const QUERY_MAX: usize = 64 << 10;
/// How many times its deadline an evaluation is waited for.
const GRACE: u32 = 2;

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Query {
    query: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields, expecting = "an object")]
struct Evaluate {
    query: String,
    #[serde(default)]
    write: bool,
}

#[derive(Debug, Default, Serialize)]
struct Answered {
    results: Vec<String>,
    /// For a `match`: what each variable of its pattern is, by result.
    bindings: Vec<BTreeMap<String, String>>,
    generation: String,
    truncated: bool,
    /// The first error among the results.
    error: Option<String>,
}

/// Ends the evaluation when nobody waits for it any more.
struct CancelOnDrop(CancelToken);

impl Drop for CancelOnDrop {
    fn drop(&mut self) {
        self.0.cancel();
    }
}

pub(in crate::http) async fn query(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let Query { query } = body::json(&request.body, EXAMPLE)?;
    ask(service, query).await
}

/// As a query, unless it may write: then the loop, which alone writes, evaluates it.
pub(in crate::http) async fn evaluate(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let Evaluate { query, write } = body::json(&request.body, EVALUATE_EXAMPLE)?;
    if !write {
        return ask(service, query).await;
    }
    if !request.authorized {
        return Err(Failure::Unauthorized);
    }
    check_length(&query)?;
    let reader = service.shell.healing.engine.load().snapshot();
    let evaluator = Evaluator::new(reader, &service.limits, CancelToken::new());
    let atom = evaluator.parse(&query)?;
    tracing::info!(%atom, "evaluated with leave to write");
    let budget = evaluator.budget();
    let command = |answer| Command::Evaluate {
        atom: atom.clone(),
        budget,
        answer,
    };
    let results = mailbox::ask(&service, command).await?;
    let mut evaluator = evaluator;
    evaluator.take(results, None);
    let generation = service.shell.healing.status.load().rules.generation.clone();
    Ok(Answer::json(&Answered {
        generation,
        ..evaluator.answered
    }))
}

/// # Errors
/// 400 for what is too long to be looked at.
fn check_length(query: &str) -> Result<(), Failure> {
    if query.len() > QUERY_MAX {
        return Err(Failure::bad_request(format!(
            "a query may have at most {QUERY_MAX} bytes"
        )));
    }
    Ok(())
}

async fn ask(service: Arc<Service>, query: String) -> Result<Answer, Failure> {
    check_length(&query)?;
    let waiting = Arc::clone(&service.queries).acquire_owned();
    let Ok(permit) = tokio::time::timeout(service.limits.ask, waiting).await else {
        return Err(Failure::Busy(format!(
            "{} queries are being evaluated, as many as there may be; try again",
            service.limits.queries
        )));
    };
    let engine = service.shell.healing.engine.load().snapshot();
    let generation = service.shell.healing.status.load().rules.generation.clone();
    let cancel = CancelToken::new();
    let guard = CancelOnDrop(cancel.clone());
    let limits = service.limits;
    let deadline = limits.query;
    let evaluating = tokio::task::spawn_blocking(move || {
        // Held as long as the thread is busy, whether or not somebody waits.
        let _permit = permit.expect("the semaphore is never closed");
        Evaluator::new(engine, &limits, cancel).answer(&query)
    });
    // An evaluation looks at its deadline between reductions; one long
    // reduction must not keep the client waiting.
    let answered = match tokio::time::timeout(deadline * GRACE, evaluating).await {
        Ok(Ok(answered)) => answered?,
        Err(_) => {
            return Err(Failure::Other(
                StatusCode::GATEWAY_TIMEOUT,
                format!("the query did not end within {} s", deadline.as_secs_f64()),
            ));
        }
        Ok(Err(failed)) => match failed.try_into_panic() {
            // Told and logged as every panic of a request.
            Ok(panic) => std::panic::resume_unwind(panic),
            Err(_cancelled) => {
                return Err(Failure::Other(
                    StatusCode::INTERNAL_SERVER_ERROR,
                    "the server ends".to_owned(),
                ));
            }
        },
    };
    drop(guard);
    Ok(Answer::json(&Answered {
        generation,
        ..answered
    }))
}

/// Evaluates one query within one budget.
struct Evaluator {
    engine: Engine,
    deadline: Duration,
    cancel: CancelToken,
    started: Instant,
    reductions: u64,
    answered: Answered,
    text_bytes: usize,
}

impl Evaluator {
    fn new(engine: Engine, limits: &Limits, cancel: CancelToken) -> Evaluator {
        Evaluator {
            engine,
            deadline: limits.query,
            cancel,
            started: Instant::now(),
            reductions: limits.query_reductions,
            answered: Answered::default(),
            text_bytes: 0,
        }
    }

    fn answer(mut self, query: &str) -> Result<Answered, Failure> {
        let atom = self.parse(query)?;
        match self.solutions(&atom) {
            Some((solutions, template)) => {
                for solution in solutions {
                    let Some(values) = self.printed_values(&solution) else {
                        self.answered.truncated = true;
                        break;
                    };
                    let instance = instance(&template, &solution);
                    let results = self.evaluate(&instance);
                    if !self.take(results, Some(&values)) {
                        break;
                    }
                }
            }
            None => {
                let results = self.evaluate(&atom);
                self.take(results, None);
            }
        }
        if self.engine.write_refused() {
            return Err(Failure::Forbidden(
                "a query changes nothing: what it evaluates would add, remove or bind atoms"
                    .to_owned(),
            ));
        }
        Ok(self.answered)
    }

    /// The one atom that is asked for. A `!` before it is allowed for.
    fn parse(&self, query: &str) -> Result<Atom, Failure> {
        // A blank in its place keeps the columns that errors name.
        let text = if query.trim_start().starts_with('!') {
            query.replacen('!', " ", 1)
        } else {
            query.to_owned()
        };
        self.engine.parse(&text).map_err(|error| {
            Failure::bad_request(match error {
                LoadError::NotOneAtom(0) => "the query is empty".to_owned(),
                LoadError::NotOneAtom(count) => {
                    format!("the query has {count} atoms; send one at a time")
                }
                LoadError::Syntax { diagnostics, .. } => {
                    let first = &diagnostics[0];
                    let (line, column) = (first.position.line, first.position.column);
                    format!(
                        "the query is not MeTTa: {} at line {line}, column {column}\n{}",
                        first.message,
                        drawn(query, line, column)
                    )
                }
                other => format!("the query is not MeTTa: {other}"),
            })
        })
    }

    /// What is left of the budget.
    fn budget(&self) -> Budget {
        Budget::default()
            .deadline(self.deadline.saturating_sub(self.started.elapsed()))
            .reductions(self.reductions)
            .depth(DEPTH)
            .bytes(BYTES)
            .cancel(self.cancel.clone())
    }

    /// Evaluates within what is left of the budget.
    fn evaluate(&mut self, atom: &Atom) -> Vec<Atom> {
        let budget = self.budget();
        let evaluation = self.engine.evaluate(atom, &budget);
        self.reductions = self.reductions.saturating_sub(evaluation.reductions);
        evaluation.atoms()
    }

    /// What the variables of a `match` pattern are in each of its solutions, and
    /// its template. `None` if `atom` is no `match`, or one that goes wrong.
    fn solutions(&mut self, atom: &Atom) -> Option<(Vec<Solution>, Atom)> {
        let [word, space, pattern, template] = atom.as_expression()? else {
            return None;
        };
        if word.to_string() != "match" {
            return None;
        }
        let variables = variables(pattern);
        let values = variables.iter().cloned().map(Atom::Variable);
        let values = Atom::expression(values.collect::<Vec<_>>());
        let quoted = Atom::expression([Atom::symbol("quote"), values]);
        let question = Atom::expression([word.clone(), space.clone(), pattern.clone(), quoted]);
        let solutions = self
            .evaluate(&question)
            .iter()
            .map(|result| {
                let [_, values] = result.as_expression()? else {
                    return None;
                };
                let values = values.as_expression()?;
                (values.len() == variables.len()).then(|| {
                    variables
                        .iter()
                        .cloned()
                        .zip(values.iter().cloned())
                        .collect()
                })
            })
            .collect::<Option<Vec<Solution>>>()?;
        Some((solutions, template.clone()))
    }

    /// The values of a solution by their variables; `None` if there is no room for them.
    fn printed_values(&self, solution: &Solution) -> Option<BTreeMap<String, String>> {
        let mut room = TEXT_MAX.saturating_sub(self.text_bytes);
        solution
            .iter()
            .map(|(variable, value)| {
                let text = printed(value, room)?;
                room -= text.len();
                Some((format!("${}", variable.name()), text))
            })
            .collect()
    }

    /// Adds results to the answer; says whether there is room for more.
    fn take(&mut self, results: Vec<Atom>, values: Option<&BTreeMap<String, String>>) -> bool {
        for result in results {
            let bound: usize = values.map_or(0, |values| {
                values
                    .iter()
                    .map(|(name, value)| name.len() + value.len())
                    .sum()
            });
            let room = TEXT_MAX.checked_sub(self.text_bytes + bound);
            let text = room
                .filter(|_| self.answered.results.len() < RESULTS_MAX)
                .and_then(|room| printed(&result, room));
            let Some(text) = text else {
                self.answered.truncated = true;
                return false;
            };
            self.text_bytes += text.len() + bound;
            if result.is_error() && self.answered.error.is_none() {
                self.answered.error = Some(text.clone());
            }
            self.answered.results.push(text);
            self.answered.bindings.extend(values.cloned());
        }
        !self.engine.write_refused()
    }
}

type Solution = Vec<(Variable, Atom)>;

/// An atom's text; `None` if it has more bytes than `most`. Atoms share parts, so that a
/// small one can print as more than any memory holds.
fn printed(atom: &Atom, most: usize) -> Option<String> {
    struct Bounded {
        text: String,
        most: usize,
    }
    impl fmt::Write for Bounded {
        fn write_str(&mut self, more: &str) -> fmt::Result {
            if self.text.len() + more.len() > self.most {
                return Err(fmt::Error);
            }
            self.text.push_str(more);
            Ok(())
        }
    }
    if atom.size() as usize > most {
        return None;
    }
    let text = String::new();
    let mut bounded = Bounded { text, most };
    write!(bounded, "{atom}").ok()?;
    Some(bounded.text)
}

fn variables(pattern: &Atom) -> Vec<Variable> {
    let mut variables: Vec<Variable> = Vec::new();
    pattern.for_each_variable(|variable| {
        if !variables.contains(variable) {
            variables.push(variable.clone());
        }
    });
    variables
}

fn instance(template: &Atom, solution: &Solution) -> Atom {
    let mut bindings = Bindings::new();
    for (variable, value) in solution {
        // A variable that is still free stands for itself.
        if !matches!(value, Atom::Variable(own) if own == variable) {
            bindings.bind(variable.clone(), value.clone());
        }
    }
    bindings.apply(template)
}

/// The line with a caret below the column.
fn drawn(text: &str, line: u32, column: u32) -> String {
    let line = text
        .lines()
        .nth(line.saturating_sub(1) as usize)
        .unwrap_or("");
    format!("{line}\n{}^", " ".repeat(column.saturating_sub(1) as usize))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use chimera::{Atom, CancelToken, Engine};

    use super::{Answered, Evaluator, Failure, Limits, RESULTS_MAX};

    fn engine(more: &str) -> Engine {
        let mut engine = Engine::builder().build();
        let source = "(a 1) (a 2) (= (f $x) (* 2 $x)) (= (both) 1) (= (both) 2)";
        engine.load(source, "t").unwrap();
        engine.load(more, "more").unwrap();
        engine
    }

    fn ask(engine: &Engine, query: &str) -> Result<Answered, Failure> {
        ask_for(engine, query, Limits::default().query)
    }

    /// For what takes longer on a busy machine.
    const LONG: Duration = Duration::from_secs(60);

    fn ask_for(engine: &Engine, query: &str, time: Duration) -> Result<Answered, Failure> {
        let limits = Limits {
            query: time,
            ..Limits::default()
        };
        Evaluator::new(engine.snapshot(), &limits, CancelToken::new()).answer(query)
    }

    /// Results and bindings, as `result {$variable=value …}`.
    #[track_caller]
    fn check(query: &str, expected: &[&str]) {
        let answered = ask(&engine(""), query).unwrap();
        let found: Vec<String> = answered
            .results
            .iter()
            .enumerate()
            .map(|(index, result)| {
                let bindings = answered.bindings.get(index).map_or(String::new(), |bound| {
                    let bound: Vec<String> = bound
                        .iter()
                        .map(|(name, value)| format!("{name}={value}"))
                        .collect();
                    format!(" {{{}}}", bound.join(" "))
                });
                format!("{result}{bindings}")
            })
            .collect();
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn a_match_answers_with_the_bindings_of_each_result() {
        check("!(match &self (a $x) (f $x))", &["2 {$x=1}", "4 {$x=2}"]);
        check(
            "(match &self (, (a $x) (a $y)) ($y $x))",
            &[
                "(1 1) {$x=1 $y=1}",
                "(2 1) {$x=1 $y=2}",
                "(1 2) {$x=2 $y=1}",
                "(2 2) {$x=2 $y=2}",
            ],
        );
        check("(match &self (a 1) found)", &["found {}"]);
        check("(match &self (b $x) $x)", &[]);
    }

    #[test]
    fn bindings_stay_beside_their_results() {
        // Two results of one solution; one solution without; an error among them.
        check(
            "(match &self (a $x) (both))",
            &["1 {$x=1}", "2 {$x=1}", "1 {$x=2}", "2 {$x=2}"],
        );
        check(
            "(match &self (a $x) (if (== $x 1) (empty) $x))",
            &["2 {$x=2}"],
        );
        check(
            "(match &self (a $x) (Error $x bad))",
            &["(Error 1 bad) {$x=1}", "(Error 2 bad) {$x=2}"],
        );
    }

    #[test]
    fn what_is_no_match_has_no_bindings() {
        check("(f 4)", &["8"]);
        check("(both)", &["1", "2"]);
        check("match", &["match"]);
    }

    #[test]
    fn a_match_that_goes_wrong_tells_of_the_query_as_sent() {
        let answered = ask(&engine(""), "(match nowhere (a $x) $x)").unwrap();
        let error = answered.error.unwrap();
        assert!(error.contains("(match nowhere (a $x) $x)"), "{error}");
    }

    #[test]
    fn writing_is_refused_and_nothing_is_written() {
        let engine = engine("(= (grow) (add-atom &self b))");
        let before = engine.self_space().len();
        for query in [
            "(add-atom &self b)",
            "(grow)",
            "(match &self (a $x) (remove-atom &self (a $x)))",
            "(bind! &other (new-space))",
        ] {
            let refused = ask(&engine, query);
            assert!(matches!(refused, Err(Failure::Forbidden(_))), "{query}");
        }
        assert_eq!(engine.self_space().len(), before);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let text = |query: &str| match ask(&engine(""), query) {
            Err(Failure::Other(_, text)) => text,
            _ => String::new(),
        };
        assert_eq!(text(" "), "the query is empty");
        assert_eq!(text("a b"), "the query has 2 atoms; send one at a time");
        assert_eq!(
            text("\n!(a"),
            "the query is not MeTTa: unclosed `(` at line 2, column 2\n!(a\n ^"
        );
    }

    #[test]
    fn endless_queries_end() {
        let engine = engine("(= (loop) (loop))");
        let answered = ask(&engine, "(loop)").unwrap();
        assert!(answered.error.is_some(), "{:?}", answered.results);
        // The budget is one for all solutions.
        let started = std::time::Instant::now();
        let answered = ask(&engine, "(match &self (a $x) (loop))").unwrap();
        assert!(answered.error.is_some(), "{:?}", answered.results);
        assert!(started.elapsed() < std::time::Duration::from_secs(30));
        let cancelled = CancelToken::new();
        cancelled.cancel();
        let answered = Evaluator::new(engine.snapshot(), &Limits::default(), cancelled)
            .answer("(loop)")
            .unwrap();
        assert!(answered.error.unwrap().contains("Cancelled"));
    }

    #[test]
    fn what_shares_its_parts_is_cut_before_it_is_printed() {
        let doubled: String = (0..60)
            .map(|level| format!(" ($x{} ($x{level} $x{level}))", level + 1))
            .collect();
        let query = format!("(let* (($x0 a){doubled}) $x60)");
        let answered = ask_for(&engine(""), &query, LONG).unwrap();
        assert!(answered.truncated && answered.results.is_empty());
        let equal = query.replace("$x60)", "(== $x60 $x60))");
        assert_eq!(
            ask_for(&engine(""), &equal, LONG).unwrap().results,
            ["True"]
        );
        let text = query.replace("$x60)", "(repr $x60))");
        let error = ask_for(&engine(""), &text, LONG).unwrap();
        assert!(error.truncated || error.error.unwrap().contains("TextTooLarge"));
    }

    #[test]
    fn huge_answers_are_cut() {
        let engine = engine("");
        for number in 0..=RESULTS_MAX as i64 {
            engine
                .self_space()
                .add(Atom::expression([Atom::symbol("n"), Atom::integer(number)]));
        }
        let answered = ask_for(&engine, "(match &self (n $x) $x)", LONG).unwrap();
        assert!(answered.truncated);
        assert_eq!(answered.results.len(), RESULTS_MAX);
        assert_eq!(answered.bindings.len(), RESULTS_MAX);
        engine.self_space().add(Atom::expression([
            Atom::symbol("long"),
            Atom::string(&"x".repeat(1 << 20)),
        ]));
        let answered = ask_for(&engine, "(match &self (, (long $x) (n $y)) ok)", LONG).unwrap();
        assert!(answered.truncated && answered.results.len() < 5);
    }
}

//! `/atomspace/query`: questions to the live spaces, which they cannot change.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use chimera::{Atom, Budget, Engine, LoadError};
use hyper::StatusCode;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use crate::http::Shell;
use crate::http::answer::{Answer, Failure};
use crate::http::table::Request;

const DEADLINE: Duration = Duration::from_secs(2);
const REDUCTIONS: u64 = 5_000_000;
const DEPTH: usize = 100_000;
const BYTES: usize = 256 << 20;
const RESULTS_MAX: usize = 1000;
const QUERY_MAX: usize = 64 << 10;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Query {
    query: String,
}

#[derive(Serialize)]
struct Answered {
    results: Vec<String>,
    /// For a `match`: what each of its variables is, by result.
    bindings: Vec<BTreeMap<String, String>>,
    generation: String,
    truncated: bool,
    /// The first error among the results.
    error: Option<String>,
}

/// Reads a JSON body.
///
/// # Errors
/// 400 with what is wrong and an example.
pub(super) fn json_body<T: DeserializeOwned>(body: &[u8], example: &str) -> Result<T, Failure> {
    serde_json::from_slice(body).map_err(|error| {
        Failure::bad_request(format!(
            "the body is not what is taken here: {error}; send {example}"
        ))
    })
}

pub(in crate::http) async fn query(shell: Arc<Shell>, request: Request) -> Result<Answer, Failure> {
    let Query { query } = json_body(
        &request.body,
        r#"{"query": "(match &self (threshold $m $x) ($m $x))"}"#,
    )?;
    if query.len() > QUERY_MAX {
        return Err(Failure::bad_request(format!(
            "a query may have at most {QUERY_MAX} bytes"
        )));
    }
    let engine = shell.healing.engine.load().reader();
    let generation = shell.healing.status.load().rules.generation.clone();
    let answered = tokio::task::spawn_blocking(move || evaluate(engine, &query, generation))
        .await
        .map_err(|error| {
            Failure::Other(
                StatusCode::INTERNAL_SERVER_ERROR,
                format!("the query could not be evaluated: {error}"),
            )
        })??;
    Ok(Answer::json(&answered))
}

fn evaluate(mut engine: Engine, query: &str, generation: String) -> Result<Answered, Failure> {
    let text = query.trim();
    let text = text.strip_prefix('!').unwrap_or(text);
    let atom = engine.parse(text).map_err(|error| {
        Failure::bad_request(match error {
            LoadError::NotOneAtom(0) => "the query is empty".to_owned(),
            LoadError::NotOneAtom(count) => {
                format!("the query has {count} atoms; send one at a time")
            }
            other => format!("the query is not MeTTa: {other}"),
        })
    })?;
    let budget = Budget::default()
        .deadline(DEADLINE)
        .reductions(REDUCTIONS)
        .depth(DEPTH)
        .bytes(BYTES);
    let (question, variables) = with_bindings(&atom);
    let mut found = engine.evaluate(&question, &budget).atoms();
    if engine.write_refused() {
        return Err(Failure::Forbidden(
            "a query changes nothing: what it evaluates would add, remove or bind atoms".to_owned(),
        ));
    }
    let truncated = found.len() > RESULTS_MAX;
    found.truncate(RESULTS_MAX);
    let mut answered = Answered {
        results: Vec::with_capacity(found.len()),
        bindings: Vec::new(),
        generation,
        truncated,
        error: None,
    };
    for result in &found {
        let result = match (&variables, result.as_expression()) {
            (Some(variables), Some([values, result])) => {
                answered.bindings.push(bindings(variables, values));
                result
            }
            _ => result,
        };
        if result.is_error() && answered.error.is_none() {
            answered.error = Some(result.to_string());
        }
        answered.results.push(result.to_string());
    }
    Ok(answered)
}

/// A `match` is made to answer with its variables beside each result.
fn with_bindings(atom: &Atom) -> (Atom, Option<Vec<Atom>>) {
    let Some([word, space, pattern, template]) = atom.as_expression() else {
        return (atom.clone(), None);
    };
    if word.to_string() != "match" {
        return (atom.clone(), None);
    }
    let mut variables: Vec<Atom> = Vec::new();
    for part in [pattern, template] {
        part.for_each_variable(|variable| {
            let variable = Atom::Variable(variable.clone());
            if !variables.contains(&variable) {
                variables.push(variable);
            }
        });
    }
    let values = Atom::expression(vec![
        Atom::symbol("quote"),
        Atom::expression(variables.clone()),
    ]);
    let question = Atom::expression(vec![
        word.clone(),
        space.clone(),
        pattern.clone(),
        Atom::expression(vec![values, template.clone()]),
    ]);
    (question, Some(variables))
}

/// `values` is `(quote (<value> …))`.
fn bindings(variables: &[Atom], values: &Atom) -> BTreeMap<String, String> {
    let values = values
        .as_expression()
        .and_then(|quoted| quoted.get(1))
        .and_then(Atom::as_expression)
        .unwrap_or(&[]);
    variables
        .iter()
        .zip(values)
        .map(|(variable, value)| (variable.to_string(), value.to_string()))
        .collect()
}

#[cfg(test)]
mod tests {
    use chimera::Engine;

    use super::{Failure, RESULTS_MAX, evaluate};

    fn engine() -> Engine {
        let mut engine = Engine::builder().build();
        engine
            .load(
                "(a 1) (a 2) (= (f $x) (* 2 $x)) (= (loop) (loop)) (= (grow) (add-atom &self b))",
                "t",
            )
            .unwrap();
        engine
    }

    #[test]
    fn a_match_answers_with_its_bindings() {
        let answered = evaluate(
            engine().reader(),
            "!(match &self (a $x) (f $x))",
            String::new(),
        )
        .unwrap();
        assert_eq!(answered.results, ["2", "4"]);
        assert_eq!(answered.bindings[1]["$x"], "2");
        let answered = evaluate(engine().reader(), "(f 4)", String::new()).unwrap();
        assert_eq!(answered.results, ["8"]);
        assert!(answered.bindings.is_empty());
    }

    #[test]
    fn writing_is_refused_and_nothing_is_written() {
        let engine = engine();
        let before = engine.self_space().len();
        for query in [
            "(add-atom &self b)",
            "(grow)",
            "(match &self (a $x) (remove-atom &self (a $x)))",
        ] {
            let refused = evaluate(engine.reader(), query, String::new());
            assert!(matches!(refused, Err(Failure::Forbidden(_))), "{query}");
        }
        assert_eq!(engine.self_space().len(), before);
    }

    #[test]
    fn what_is_wrong_is_said() {
        let text = |query: &str| match evaluate(engine().reader(), query, String::new()) {
            Err(Failure::Other(_, text)) => text,
            _ => String::new(),
        };
        assert_eq!(text(" "), "the query is empty");
        assert_eq!(text("a b"), "the query has 2 atoms; send one at a time");
        assert!(text("(a").contains("unclosed `(`"));
    }

    #[test]
    fn endless_and_huge_queries_end() {
        let answered = evaluate(engine().reader(), "(loop)", String::new()).unwrap();
        assert!(answered.error.is_some(), "{:?}", answered.results);
        let many = Engine::builder().build();
        for number in 0..=RESULTS_MAX as i64 {
            many.self_space().add(chimera::Atom::integer(number));
        }
        let answered = evaluate(many.reader(), "(get-atoms &self)", String::new()).unwrap();
        assert!(answered.truncated);
        assert_eq!(answered.results.len(), RESULTS_MAX);
    }
}

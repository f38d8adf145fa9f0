//! How replies and failures look, and what they amount to.

use std::error::Error;
use std::io;
use std::time::Duration;

use chimera_grammar::{Diagnostic, LineTable, draw};

use crate::console::{Console, Paint};
use crate::session::{Answer, Limits, Outcome, Reply, Results};

/// The name of what is typed, in place of a file's.
pub(crate) const TYPED: &str = "<repl>";

/// The console with what is to be shown on it, and the worst that was.
pub(crate) struct Screen<'w> {
    pub(crate) console: Console<'w>,
    /// Whether to say how long each directive took.
    pub(crate) time: bool,
    /// Whether to show what variables are bound to.
    pub(crate) bindings: bool,
    pub(crate) worst: Worst,
}

/// The worst that has happened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Worst {
    /// Nothing bad.
    #[default]
    Good,
    /// A directive gave an error, or was refused.
    Failed,
    /// A text was not MeTTa, or a file or the session could not be reached.
    Unreadable,
}

impl<'w> Screen<'w> {
    pub(crate) fn new(console: Console<'w>) -> Screen<'w> {
        Screen {
            console,
            time: false,
            bindings: false,
            worst: Worst::Good,
        }
    }

    fn note_worst(&mut self, worst: Worst) {
        self.worst = self.worst.max(worst);
    }

    /// Reports an error with all its causes.
    pub(crate) fn fail(&mut self, worst: Worst, error: &dyn Error) {
        self.note_worst(worst);
        let mut text = error.to_string();
        let mut source = error.source();
        while let Some(cause) = source {
            text = format!("{text}: {cause}");
            source = cause.source();
        }
        self.console.error(text);
    }

    /// Reports every syntax error of `source`; returns whether there is none.
    pub(crate) fn check(&mut self, source: &str, name: &str, line_before: usize) -> bool {
        let parsed = chimera_grammar::parse(source);
        if parsed.errors.is_empty() {
            return true;
        }
        let lines = LineTable::new(source);
        let mut diagnostics: Vec<Diagnostic> = Vec::new();
        for error in &parsed.errors {
            let mut diagnostic = Diagnostic::of(error, source, &lines);
            diagnostic.position.line += u32::try_from(line_before).unwrap_or(u32::MAX);
            diagnostics.push(diagnostic);
        }
        let drawn = draw(&diagnostics, name, source, self.console.drawing());
        self.console.drawn(&drawn);
        self.note_worst(Worst::Unreadable);
        false
    }

    /// Prints what became of one form of the text called `name`.
    pub(crate) fn show(&mut self, reply: &Reply, name: &str, limits: Limits) -> io::Result<()> {
        match &reply.outcome {
            Outcome::Results(results) => {
                self.show_results(results, limits)?;
                if results.is_error() {
                    self.note_worst(Worst::Failed);
                    self.tell_where(reply, results, name);
                }
            }
            Outcome::Refused(reason) if name == TYPED => {
                self.note_worst(Worst::Failed);
                self.console.error(reason);
            }
            Outcome::Refused(reason) => {
                self.note_worst(Worst::Failed);
                let (line, column) = (reply.line, reply.column);
                self.console
                    .error(format_args!("{name}:{line}:{column}: {reason}"));
            }
        }
        if self.time {
            let elapsed = reply.elapsed;
            match generation(&reply.outcome) {
                Some(generation) => self
                    .console
                    .note(format_args!("{elapsed:.1?}, generation {generation}")),
                None => self.console.note(format_args!("{elapsed:.1?}")),
            }
        }
        Ok(())
    }

    /// Where an error came from: the directive, unless it was just typed, and the rule.
    fn tell_where(&mut self, reply: &Reply, results: &Results, name: &str) {
        let rule = results.failed_rule.as_deref();
        let came_up = rule.map(|rule| format!("it came up in {rule}"));
        let (line, column) = (reply.line, reply.column);
        match (name == TYPED, came_up) {
            (true, Some(came_up)) => self.console.note(came_up),
            (true, None) => {}
            (false, Some(came_up)) => self.console.note(format_args!(
                "{name}:{line}:{column}: the directive gave an error; {came_up}"
            )),
            (false, None) => self.console.note(format_args!(
                "{name}:{line}:{column}: the directive gave an error"
            )),
        }
    }

    fn show_results(&mut self, results: &Results, limits: Limits) -> io::Result<()> {
        let style = self.console.style;
        let mut line = String::from("[");
        for (index, answer) in results.answers.iter().enumerate() {
            if index > 0 {
                line.push_str(", ");
            }
            if answer.is_error {
                line.push_str(&style.paint(Paint::Error, &answer.text).to_string());
            } else {
                line.push_str(&answer.text);
            }
        }
        line.push(']');
        self.console.line(line)?;
        if self.bindings {
            let bound = |answer: &&Answer| !answer.bindings.is_empty();
            for answer in results.answers.iter().filter(bound) {
                self.show_bindings(answer);
            }
        }
        if results.truncated {
            let count = results.answers.len();
            self.console
                .note(format_args!("there are more; these are the first {count}"));
        }
        if let Some(error) = &results.error {
            self.console.error(error);
        }
        if let Some(limit) = limit_hit(results, limits) {
            self.console.note(limit);
        }
        Ok(())
    }

    fn show_bindings(&mut self, answer: &Answer) {
        let bound: Vec<String> = answer
            .bindings
            .iter()
            .map(|(variable, value)| format!("{variable} = {value}"))
            .collect();
        self.console
            .note(format_args!("{}: {}", answer.text, bound.join(", ")));
    }
}

fn generation(outcome: &Outcome) -> Option<&str> {
    match outcome {
        Outcome::Results(results) => results.generation.as_deref(),
        Outcome::Refused(_) => None,
    }
}

/// What to do about a limit that ended an evaluation, if one did.
fn limit_hit(results: &Results, limits: Limits) -> Option<String> {
    let hit = |symbol: &str| {
        results.answers.iter().any(|answer| {
            answer.is_error
                && answer
                    .text
                    .strip_suffix(')')
                    .and_then(|text| text.strip_suffix(symbol))
                    .is_some_and(|text| text.ends_with(' '))
        })
    };
    match limits {
        Limits {
            time: Some(time), ..
        } if hit("DeadlineExceeded") => Some(format!(
            "the limit of {} was reached; `:limit SECONDS` or `:limit off` changes it",
            seconds(time)
        )),
        Limits {
            bytes: Some(bytes), ..
        } if hit("MemoryLimit") => Some(format!(
            "the limit of {} MiB for one directive was reached",
            bytes >> 20
        )),
        Limits { .. } => None,
    }
}

/// A duration as people write it.
pub(crate) fn seconds(duration: Duration) -> String {
    format!("{} s", duration.as_secs_f64())
}

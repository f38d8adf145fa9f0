//! What a REPL talks to: something that evaluates MeTTa text.

use std::ops::ControlFlow;
use std::time::Duration;

/// Something that evaluates MeTTa text.
pub trait Session {
    /// What the session is attached to, in a few words for the greeting.
    fn describe(&self) -> String;

    /// What a text may change.
    fn access(&self) -> Access;

    /// Takes the forms of `source` in order and hands on one reply for each
    /// directive, and for each form that it refuses. A bare form that is added
    /// to the space gives no reply. Stops where `each` breaks.
    ///
    /// # Errors
    /// If the session cannot go on with `source`: interrupted, unreachable.
    fn evaluate(
        &mut self,
        source: &str,
        name: &str,
        each: &mut dyn FnMut(Reply) -> ControlFlow<()>,
    ) -> Result<(), SessionError>;

    /// Whether answers say what a query's variables are bound to.
    fn tells_bindings(&self) -> bool {
        false
    }

    /// Evaluates one expression as [`Session::evaluate`] does, and hands on what is to be
    /// known of how: lines to be shown as they are.
    ///
    /// # Errors
    /// If the session cannot be looked into, or cannot go on.
    fn look_into(
        &mut self,
        _insight: Insight<'_>,
        _each: &mut dyn FnMut(Reply) -> ControlFlow<()>,
    ) -> Result<String, SessionError> {
        Err(SessionError::ReadOnly(
            "this session does not see how its engine works; \
             `chimera repl` without --connect does"
                .to_owned(),
        ))
    }

    /// Names worth completing, sorted. Quick: called before each prompt.
    fn words(&mut self) -> Vec<String>;

    /// Forgets everything that was added since the start.
    ///
    /// # Errors
    /// If the session is read-only.
    fn reset(&mut self) -> Result<(), SessionError>;

    /// What each directive may spend from now on.
    fn set_limits(&mut self, limits: Limits);

    /// What each directive may spend.
    fn limits(&self) -> Limits;
}

/// What is to be known of how an engine works.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Insight<'t> {
    /// What evaluations took so far.
    Stats,
    /// Which rules an expression applies, how often, and what they take.
    Profile(&'t str),
    /// The applications of rules for an expression, in order.
    Trace(&'t str),
    /// What the rules of a name are compiled to.
    Code(&'t str),
}

/// What a text may change in a session.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Bare forms are added to the space.
    ReadWrite,
    /// Only queries are answered.
    ReadOnly,
}

/// What one directive may spend. `None` is no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Limits {
    /// Wall-clock time.
    pub time: Option<Duration>,
    /// About how many bytes of stacks, bindings and results.
    pub bytes: Option<usize>,
}

/// What became of one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Reply {
    /// The line of the form in its source, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// What it gave.
    pub outcome: Outcome,
    /// How long it took.
    pub elapsed: Duration,
}

/// What a form gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// It was evaluated.
    Results(Results),
    /// The session would not take it; says why and what to do.
    Refused(String),
}

/// The results of one directive.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Results {
    /// Every result, first rule first.
    pub answers: Vec<Answer>,
    /// Whether there were more than the session hands out.
    pub truncated: bool,
    /// Which state of the space answered, if the session tells.
    pub generation: Option<String>,
    /// Why the evaluation did not end well, if it is not among the results.
    pub error: Option<String>,
    /// The rule that an error among the results came up in, and where it stands, if the
    /// session tells.
    pub failed_rule: Option<String>,
}

/// One result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Answer {
    /// The atom as MeTTa text.
    pub text: String,
    /// Whether it is `(Error …)`.
    pub is_error: bool,
    /// What the query's variables are bound to, if the session tells.
    pub bindings: Vec<(String, String)>,
}

impl Results {
    /// Whether a result is an error, or the evaluation ended in one.
    pub fn is_error(&self) -> bool {
        self.error.is_some() || self.answers.iter().any(|answer| answer.is_error)
    }
}

/// Why a session cannot go on with a text.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SessionError {
    /// Ctrl-C.
    #[error("interrupted")]
    Interrupted,
    /// The session changes nothing.
    #[error("{0}")]
    ReadOnly(String),
    /// The text is not MeTTa.
    #[error(transparent)]
    Load(#[from] chimera::LoadError),
    /// There is no listing.
    #[error(transparent)]
    Listing(#[from] chimera::ListingError),
    /// What the session is attached to does not answer as it should.
    #[error(transparent)]
    Unreachable(Box<dyn std::error::Error + Send + Sync>),
}

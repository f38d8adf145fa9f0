//! Operations: functions of the host that MeTTa programs call.

use std::fmt;

use crate::atom::{Atom, Grounded};
use crate::engine::Context;
use crate::evaluate::Control;
use crate::reader;
use crate::space::{Space, WeakSpace};

/// What an operation answers.
pub type OperationResult = Result<Vec<Atom>, OperationError>;

type Function = dyn Fn(&[Atom], &mut Context<'_>) -> OperationResult + Send + Sync;

/// A function of the host, callable as `(name argument …)`.
pub struct Operation {
    name: String,
    type_atom: Atom,
    function: Box<Function>,
    control: Option<Control>,
    home: Option<WeakSpace>,
    /// Whether calling it once more changes nothing and tells nobody anything.
    repeatable: bool,
}

/// Why an operation has no result.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum OperationError {
    /// The operation is not defined for these arguments: the call is data.
    #[error("not reducible")]
    NotReducible,
    /// The call is wrong; becomes `(Error <call> <message>)` with the message as a
    /// symbol.
    #[error("{0}")]
    Message(String),
    /// The call is wrong; becomes `(Error <call> <reason>)`.
    #[error("{0}")]
    Reason(Atom),
    /// The result is this error atom itself.
    #[error("{0}")]
    Atom(Atom),
}

impl OperationError {
    /// An error with a text for people.
    pub fn message(text: impl Into<String>) -> OperationError {
        OperationError::Message(text.into())
    }

    /// An error whose reason is a symbol that programs can match.
    pub fn symbol(reason: &str) -> OperationError {
        OperationError::Reason(Atom::symbol(reason))
    }

    /// An error with a text for people, of a call that is not the operation's own: a rule's that
    /// makes it.
    pub(crate) fn of_call<const N: usize>(call: [Atom; N], text: &str) -> OperationError {
        OperationError::Atom(Atom::error(Atom::expression(call), Atom::symbol(text)))
    }

    /// The atom that stands for this error of `call`; `None` if it is no error.
    pub(crate) fn into_atom(self, call: &Atom) -> Option<Atom> {
        match self {
            OperationError::NotReducible => None,
            // Text, but a symbol: so the reference has it.
            OperationError::Message(text) => Some(Atom::error(call.clone(), Atom::symbol(&text))),
            OperationError::Reason(reason) => Some(Atom::error(call.clone(), reason)),
            OperationError::Atom(atom) => Some(atom),
        }
    }
}

impl Operation {
    /// An operation with its MeTTa signature, e.g. `"(-> Number Number Number)"`.
    ///
    /// Arguments arrive evaluated and checked as the signature says; an `Atom`
    /// argument arrives as written. Each result is evaluated further unless the
    /// signature returns `Atom`. No results prunes the branch.
    ///
    /// # Panics
    /// If the signature is not one MeTTa atom.
    pub fn new(
        name: &str,
        signature: &str,
        function: impl Fn(&[Atom], &mut Context<'_>) -> OperationResult + Send + Sync + 'static,
    ) -> Operation {
        Operation {
            name: name.to_owned(),
            type_atom: reader::atom(signature),
            function: Box::new(function),
            control: None,
            home: None,
            repeatable: false,
        }
    }

    /// An operation that the evaluator itself carries out.
    pub(crate) fn controlled(name: &str, signature: &str, control: Control) -> Operation {
        Operation {
            name: name.to_owned(),
            type_atom: reader::atom(signature),
            function: Box::new(|_, _| Err(OperationError::NotReducible)),
            control: Some(control),
            home: None,
            repeatable: true,
        }
    }

    /// The operation as the module of `home` has it: it evaluates there, whoever calls. It does not keep the space: a
    /// space may hold the operation, as its documentation does.
    pub(crate) fn at_home(mut self, home: &Space) -> Operation {
        self.home = Some(home.downgrade());
        self
    }

    /// Where it evaluates; `None` is where it is called.
    pub(crate) fn home(&self) -> Option<Space> {
        self.home.as_ref().and_then(WeakSpace::upgrade)
    }

    /// One of the standard library: those that change or tell something without asking for leave
    /// have names that say so.
    pub(crate) fn of_library(mut self) -> Operation {
        let tells = ["_print-doc", "_module-named"].contains(&self.name.as_str());
        let asks = self.name == "change-state!";
        self.repeatable |= asks || !tells && !self.name.ends_with('!');
        self
    }

    /// Whether calling it once more changes nothing and tells nobody anything, unless it asks for
    /// leave to.
    pub(crate) fn is_repeatable(&self) -> bool {
        self.repeatable
    }

    pub(crate) fn control(&self) -> Option<Control> {
        self.control
    }

    /// The name that calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Its signature.
    pub fn type_atom(&self) -> &Atom {
        &self.type_atom
    }

    /// Calls it.
    ///
    /// # Errors
    /// As the function does.
    pub fn call(&self, arguments: &[Atom], context: &mut Context<'_>) -> OperationResult {
        (self.function)(arguments, context)
    }
}

impl fmt::Debug for Operation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

impl From<Operation> for Atom {
    fn from(operation: Operation) -> Atom {
        Atom::Grounded(Grounded::Operation(std::sync::Arc::new(operation)))
    }
}

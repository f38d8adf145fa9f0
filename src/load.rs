//! Loading texts: atoms go into the space, directives are evaluated in order.

use std::sync::Arc;

use crate::atom::Atom;
use crate::budget::Budget;
use crate::engine::{Engine, Host};
use crate::evaluate::Machine;
use crate::persistent::Map;
use crate::reader;
use crate::space::{Origin, Space};
use crate::types;

/// One evaluated `!` directive; or an atom that was not added since
/// `(pragma! type-check auto)` holds and it is ill-typed, with the errors.
#[derive(Clone, Debug)]
pub struct Directive {
    /// The file it stands in.
    pub file: String,
    /// Its line, from 1.
    pub line: u32,
    /// Its column in characters, from 1.
    pub column: u32,
    /// All its results.
    pub results: Vec<Atom>,
}

impl Directive {
    /// Whether a result is an error.
    pub fn is_error(&self) -> bool {
        self.results.iter().any(Atom::is_error)
    }
}

/// Why a text could not be loaded.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The text is not MeTTa; the first error with its place.
    #[error("{file}:{line}:{column}: {error}")]
    Syntax {
        /// The file's name.
        file: String,
        /// The line of the error, from 1.
        line: u32,
        /// The column in characters, from 1.
        column: u32,
        /// The error itself.
        error: chimera_grammar::SyntaxError,
    },
    /// The text has another number of atoms than one.
    #[error("expected one atom, found {0}")]
    NotOneAtom(usize),
}

fn place(source: &str, offset: usize) -> (u32, u32) {
    let before = &source[..offset];
    let line = before.matches('\n').count() + 1;
    (
        u32::try_from(line).unwrap_or(u32::MAX),
        column(source, offset),
    )
}

fn column(source: &str, offset: usize) -> u32 {
    let before = source[..offset].rsplit('\n').next().unwrap_or_default();
    u32::try_from(before.chars().count() + 1).unwrap_or(u32::MAX)
}

fn check(parsed: &chimera_grammar::Parsed<'_>, file: &str) -> Result<(), LoadError> {
    match parsed.errors.first() {
        None => Ok(()),
        Some(error) => {
            let (line, column) = place(parsed.tree.source(), error.span().start);
            Err(LoadError::Syntax {
                file: file.to_owned(),
                line,
                column,
                error: error.clone(),
            })
        }
    }
}

/// Adds the atoms of a text to `space` and evaluates its directives there.
pub(crate) fn run(
    host: &mut Host,
    space: &Space,
    source: &str,
    file: &str,
    budget: &Budget,
    mut each: impl FnMut(Directive) -> bool,
) -> Result<(), LoadError> {
    let parsed = chimera_grammar::parse(source);
    check(&parsed, file)?;
    let name: Arc<str> = file.into();
    let (mut line, mut counted) = (1_u32, 0);
    for form in parsed.tree.forms() {
        line += source.as_bytes()[counted..form.span.start]
            .iter()
            .filter(|b| **b == b'\n')
            .count() as u32;
        counted = form.span.start;
        let atom = reader::read(&parsed.tree, form.node as usize, &|word| {
            host.tokens.get(word).cloned()
        });
        let results = if form.directive {
            Machine::run(host, space, &atom, budget, false).atoms()
        } else if host.settings.check_types && types::types_of(space, &atom).is_empty() {
            Machine::type_errors(host, space, &atom)
        } else {
            let file = Arc::clone(&name);
            space.add_from(atom, Some(Origin { file, line }));
            continue;
        };
        let directive = Directive {
            file: file.to_owned(),
            line,
            column: column(source, form.span.start),
            results,
        };
        if !each(directive) {
            break;
        }
    }
    Ok(())
}

pub(crate) fn parse_one(engine: &Engine, text: &str) -> Result<Atom, LoadError> {
    parse_text(&engine.host.tokens, text)
}

/// Reads the first atom of `text`.
pub(crate) fn parse_first(tokens: &Map<String, Atom>, text: &str) -> Result<Atom, LoadError> {
    let parsed = chimera_grammar::parse(text);
    check(&parsed, "<text>")?;
    match parsed.tree.forms() {
        [form, ..] => Ok(reader::read(&parsed.tree, form.node as usize, &|word| {
            tokens.get(word).cloned()
        })),
        [] => Err(LoadError::NotOneAtom(0)),
    }
}

/// Reads the one atom that `text` is.
pub(crate) fn parse_text(tokens: &Map<String, Atom>, text: &str) -> Result<Atom, LoadError> {
    let parsed = chimera_grammar::parse(text);
    check(&parsed, "<text>")?;
    match parsed.tree.forms() {
        [form] => Ok(reader::read(&parsed.tree, form.node as usize, &|word| {
            tokens.get(word).cloned()
        })),
        forms => Err(LoadError::NotOneAtom(forms.len())),
    }
}

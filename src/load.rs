//! Loading texts: atoms go into the space, directives are evaluated in order.

use std::io;
use std::sync::Arc;

use chimera_grammar::{Diagnostic, Lexer, LineTable, Span};

use crate::atom::Atom;
use crate::budget::Budget;
use crate::engine::{Engine, Host};
use crate::evaluate::{RuleUse, blame};
use crate::reader::{self, Intake, Stop, Words};
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
    /// How many reductions it took.
    pub reductions: u64,
    /// About how many bytes evaluating it used at most.
    pub peak_bytes: usize,
    /// How many branches ended in `StackOverflow`, nested deeper than the bounds allow.
    /// An error of one branch is no result where other branches have results.
    pub too_deep: u64,
    /// Whether something tried to change what it may not, as an alternative of `hyperpose` may
    /// change nothing. Where others have results, that error is no result either.
    pub write_refused: bool,
    /// If a result is an error, the rule in whose body it came up; `None` if that
    /// was the directive itself, or cannot be told.
    pub failed_rule: Option<RuleUse>,
}

impl Directive {
    /// Whether a result is an error.
    pub fn is_error(&self) -> bool {
        self.results.iter().any(Atom::is_error)
    }

    /// Writes its results as one line, `[1, (a b)]`.
    ///
    /// # Errors
    /// Those of writing.
    pub fn write_results(&self, out: &mut impl io::Write) -> io::Result<()> {
        out.write_all(b"[")?;
        for (place, result) in self.results.iter().enumerate() {
            if place > 0 {
                out.write_all(b", ")?;
            }
            write!(out, "{result}")?;
        }
        out.write_all(b"]\n")
    }
}

/// Why a text could not be loaded.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The text is not MeTTa: every error of it, at least one.
    #[error("{file}:{}:{}: {}", .diagnostics[0].position.line, .diagnostics[0].position.column, .diagnostics[0].message)]
    Syntax {
        /// The file's name.
        file: String,
        /// What is wrong, in the order of the text.
        diagnostics: Vec<Diagnostic>,
    },
    /// The text has another number of atoms than one.
    #[error("expected one atom, found {0}")]
    NotOneAtom(usize),
    /// There was no room for more atoms, as the budget's `room` says. What stands above
    /// the line has been applied.
    #[error("{file}:{line}: no room for the atoms from here on")]
    Memory {
        /// The file's name.
        file: String,
        /// The line that was read last.
        line: u32,
    },
    /// The engine is a snapshot, which takes no program.
    #[error("{file}: a snapshot takes no program; load it into the engine that it is of")]
    Snapshot {
        /// The file's name.
        file: String,
    },
}

fn check(parsed: &chimera_grammar::Parsed<'_>, file: &str) -> Result<(), LoadError> {
    if parsed.errors.is_empty() {
        return Ok(());
    }
    let source = parsed.tree.source();
    let lines = LineTable::new(source);
    Err(LoadError::Syntax {
        file: file.to_owned(),
        diagnostics: parsed
            .errors
            .iter()
            .map(|error| Diagnostic::of(error, source, &lines))
            .collect(),
    })
}

/// Adds the atoms of a text to `space` and evaluates its directives there.
///
/// All of the text is checked first. Then it is read once more, form by form, since
/// what a directive does may change what the words below it stand for.
pub(crate) fn run(
    host: &mut Host,
    space: &Space,
    source: &str,
    file: &str,
    budget: &Budget,
    mut each: impl FnMut(Directive) -> bool,
) -> Result<(), LoadError> {
    if host.moment.is_some() {
        return Err(LoadError::Snapshot {
            file: file.to_owned(),
        });
    }
    if !chimera_grammar::is_well_formed(source) {
        check(&chimera_grammar::parse(source), file)?;
    }
    let name: Arc<str> = file.into();
    let mut lexer = Lexer::new(source);
    let mut intake = Intake::new(&host.tokens);
    loop {
        if !host.settings.check_types {
            intake.set_words(&host.tokens);
            match intake.read(&mut lexer, space, &name, budget) {
                Stop::End => return Ok(()),
                Stop::Full(line) => {
                    let file = file.to_owned();
                    return Err(LoadError::Memory { file, line });
                }
                Stop::Form => {}
            }
        }
        let Some(form) = lexer.next_form() else {
            return Ok(());
        };
        let Span { start, end } = form.span;
        let parsed = chimera_grammar::parse(&source[start..end]);
        let node = parsed.tree.forms()[0].node as usize;
        let atom = reader::read(&parsed.tree, node, &|word| host.tokens.get(word).cloned());
        let mut failed_rule = None;
        let (mut reductions, mut peak_bytes, mut too_deep) = (0, 0, 0);
        let mut write_refused = false;
        let wrong = if host.settings.check_types {
            types::errors_of(space, &atom)
        } else {
            Vec::new()
        };
        let results = if !wrong.is_empty() {
            wrong
        } else if form.directive {
            host.too_deep = 0;
            let refused_before = std::mem::take(&mut host.write_refused);
            let evaluation = crate::fast::run(host, space, &atom, budget, false);
            too_deep = host.too_deep;
            write_refused = host.write_refused;
            host.write_refused |= refused_before;
            (reductions, peak_bytes) = (evaluation.reductions, evaluation.peak_bytes);
            let results = evaluation.atoms();
            if let Some(error) = results.iter().find(|result| result.is_error()) {
                failed_rule = blame::failed_rule(host, space, &atom, error);
            }
            results
        } else {
            let origin = Origin {
                file: Arc::clone(&name),
                line: form.line,
            };
            space.add_from(atom, Some(origin));
            continue;
        };
        let directive = Directive {
            file: file.to_owned(),
            line: form.line,
            column: column_of(source, start),
            results,
            reductions,
            peak_bytes,
            too_deep,
            write_refused,
            failed_rule,
        };
        if !each(directive) {
            return Ok(());
        }
    }
}

/// The column of a byte, in characters from 1.
fn column_of(source: &str, at: usize) -> u32 {
    let line_start = source[..at].rfind('\n').map_or(0, |at| at + 1);
    let before = source[line_start..at].chars().count();
    u32::try_from(before + 1).unwrap_or(u32::MAX)
}

pub(crate) fn parse_one(engine: &Engine, text: &str) -> Result<Atom, LoadError> {
    parse_text(&engine.host.tokens, text)
}

/// Reads the first atom of `text`.
pub(crate) fn parse_first(tokens: &Words, text: &str) -> Result<Atom, LoadError> {
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
pub(crate) fn parse_text(tokens: &Words, text: &str) -> Result<Atom, LoadError> {
    let parsed = chimera_grammar::parse(text);
    check(&parsed, "<text>")?;
    match parsed.tree.forms() {
        [form] => Ok(reader::read(&parsed.tree, form.node as usize, &|word| {
            tokens.get(word).cloned()
        })),
        forms => Err(LoadError::NotOneAtom(forms.len())),
    }
}

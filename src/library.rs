//! The standard operations, by topic; `metta/stdlib.metta` holds the rest.

mod assertions;
pub(crate) mod counts;
mod documentation;
pub(crate) mod lists;
mod modules;
mod numbers;
mod settings;
pub(crate) mod shipped;
mod spaces;
mod text;

use std::sync::Arc;

use crate::atom::{Atom, Grounded, Value, known};
use crate::engine::Engine;
use crate::evaluate::Control;
use crate::operation::{Operation, OperationError};
use crate::reader;
use crate::space::{Origin, Space};

pub(crate) use shipped::fixed_entropy;

/// A text pattern, written `regex:"…"`.
pub(crate) struct Pattern(regex::Regex);

impl Pattern {
    pub(crate) fn new(regex: regex::Regex) -> Pattern {
        Pattern(regex)
    }

    pub(crate) fn regex(&self) -> &regex::Regex {
        &self.0
    }
}

impl Value for Pattern {
    fn type_atom(&self) -> Atom {
        Atom::Symbol(known().string.clone())
    }

    /// As the reference does: a string of what was written.
    fn print(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", Atom::string(&format!("regex:\"{}\"", self.0)))
    }

    fn is_pattern(&self) -> bool {
        true
    }

    /// Strings and symbols that the pattern is found in.
    fn matches(&self, atom: &Atom) -> bool {
        match atom {
            Atom::Symbol(symbol) => self.0.is_match(symbol.as_str()),
            Atom::Grounded(Grounded::Text(text)) => self.0.is_match(text),
            Atom::Variable(_) | Atom::Expression(_) | Atom::Grounded(_) => false,
        }
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// The files of the standard library that are written in MeTTa.
const FILES: [(&str, &str); 2] = [
    ("stdlib.metta", include_str!("../metta/stdlib.metta")),
    (
        "stdlib-docs.metta",
        include_str!("../metta/stdlib-docs.metta"),
    ),
];

/// Registers every standard operation and loads the library written in MeTTa.
///
/// Of the operations that the evaluator carries out itself (`src/evaluate/control.rs`):
///
/// - `(if condition then else)`: the condition is evaluated first. An unbound variable as
///   condition is both, one after the other; what is no truth value leaves the call as it is.
/// - `(let pattern atom template)`, `(let* ((pattern atom) …) template)`: the atom is evaluated
///   first; no result where the pattern does not fit. Errors: what is no list of pairs.
/// - `(case atom ((pattern template) …))`: evaluates the atom; for each result the template
///   of the first pattern that fits; `Empty` fits where there is no result. `(switch atom
///   cases)`: the same for an atom as it stands.
/// - `(quote atom)`: itself, also beside what rules of a program make of it.
/// - `(collapse atom)`: all results as one expression. `(superpose (atom …))`: each atom as a
///   result. `(capture atom)`: evaluates in the space of the module that it was read in.
/// - `(match space pattern template)`: the template for each solution; `(, p q …)` is a
///   join. Costs what the index leaves to look at. Errors: no space.
///
/// Source of the forms: the reference's standard library; semantics are held against it by
/// `tests/conformance`.
pub(crate) fn install(engine: &mut Engine) {
    for (name, signature, control) in [
        ("if", "(-> Bool Atom Atom $t)", Control::If),
        (
            "let",
            "(-> Atom %Undefined% Atom %Undefined%)",
            Control::Let,
        ),
        ("let*", "(-> Expression Atom %Undefined%)", Control::LetStar),
        ("case", "(-> Atom Expression %Undefined%)", Control::Case),
        (
            "switch",
            "(-> %Undefined% Expression %Undefined%)",
            Control::Switch,
        ),
        (
            "switch-minimal",
            "(-> Atom Expression Atom)",
            Control::Switch,
        ),
        ("collapse", "(-> Atom Atom)", Control::Collapse),
        ("quote", "(-> Atom Atom)", Control::Inert),
    ] {
        engine.define(Operation::controlled(name, signature, control));
    }
    engine.define(Operation::new(
        "_is-error",
        "(-> Atom Bool)",
        |arguments, _| match arguments {
            [atom] => Ok(vec![Atom::boolean(atom.is_error())]),
            _ => Err(OperationError::NotReducible),
        },
    ));
    // The library's own `let`: no rule of a program is about it, not even one for
    // expressions of any head.
    engine.register(Operation::controlled(
        "_let",
        "(-> Atom %Undefined% Atom %Undefined%)",
        Control::Let,
    ));
    engine.register(Operation::controlled(
        "match",
        "(-> SpaceType Atom Atom %Undefined%)",
        Control::Match,
    ));
    engine.register(Operation::new(
        "superpose",
        "(-> Expression %Undefined%)",
        |arguments, _| match arguments {
            [Atom::Expression(expression)] => Ok(expression.children().to_vec()),
            _ => Err(OperationError::message(
                "superpose expects single expression as an argument",
            )),
        },
    ));
    numbers::install(engine);
    spaces::install(engine);
    lists::install(engine);
    text::install(engine);
    settings::install(engine);
    modules::install(engine);
    documentation::install(engine);
    assertions::install(engine);
    for (file, text) in FILES {
        read_in(engine, file, text);
    }
}

/// The words that mean something else in each module: `&self`, its space, and `capture`, which
/// evaluates in that space.
pub(crate) fn words_of(space: &Space) -> [(&'static str, Atom); 2] {
    let capture = Operation::controlled("capture", "(-> Atom Atom)", Control::Capture);
    [
        ("&self", Atom::space(space.clone())),
        ("capture", Atom::from(capture.at_home(space))),
    ]
}

/// Adds the atoms of one of the library's files.
fn read_in(engine: &mut Engine, file: &str, text: &str) {
    let parsed = chimera_grammar::parse(text);
    assert!(
        parsed.errors.is_empty(),
        "the shipped library is MeTTa: {:?}",
        parsed.errors
    );
    let file: Arc<str> = file.into();
    let tokens = engine.host.tokens.clone();
    // Lines are counted from form to form: the files are long.
    let (mut counted, mut line) = (0, 1);
    for form in parsed.tree.forms() {
        let atom = reader::read(&parsed.tree, form.node as usize, &|word| {
            tokens.get(word).cloned()
        });
        line += text[counted..form.span.start].matches('\n').count() as u32;
        counted = form.span.start;
        engine.host.corelib.add_from(
            atom,
            Some(Origin {
                file: Arc::clone(&file),
                line,
            }),
        );
    }
}

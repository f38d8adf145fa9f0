//! The standard operations, by topic; `metta/stdlib.metta` holds the rest.

mod assertions;
pub(crate) mod counts;
#[cfg(test)]
mod described;
mod documentation;
pub(crate) mod lists;
mod modules;
pub(crate) mod numbers;
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

/// A text pattern, written `regex:"…"`. A word has no blanks or parentheses: `~` is a blank
/// of the pattern, `[[` and `]]` are the parentheses of a group.
pub(crate) struct Pattern {
    regex: regex::Regex,
    written: Box<str>,
}

impl Pattern {
    /// `None` if what is written between the quotes is no pattern.
    pub(crate) fn new(written: &str) -> Option<Pattern> {
        let pattern = written
            .replace("[[", "(")
            .replace("]]", ")")
            .replace('~', " ");
        let regex = regex::RegexBuilder::new(&pattern)
            .case_insensitive(true)
            .build()
            .ok()?;
        Some(Pattern {
            regex,
            written: written.into(),
        })
    }

    pub(crate) fn regex(&self) -> &regex::Regex {
        &self.regex
    }

    /// Whether it is found in a text, in which blanks are one space each and none at the ends.
    fn is_in(&self, text: &str) -> bool {
        let words: Vec<&str> = text.split_whitespace().collect();
        self.regex.is_match(&words.join(" "))
    }
}

impl Value for Pattern {
    fn type_atom(&self) -> Atom {
        Atom::Symbol(known().string.clone())
    }

    /// As the reference does: a string of what was written.
    fn print(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{}",
            Atom::string(&format!("regex:\"{}\"", self.written))
        )
    }

    fn equals(&self, other: &dyn Value) -> bool {
        let other = other.as_any().downcast_ref::<Pattern>();
        other.is_some_and(|other| self.written == other.written)
    }

    fn is_pattern(&self) -> bool {
        true
    }

    /// Atoms in whose text the pattern is found; a string's is what is between its quotes.
    fn matches(&self, atom: &Atom) -> bool {
        match atom {
            Atom::Variable(_) => false,
            Atom::Symbol(symbol) => self.is_in(symbol.as_str()),
            Atom::Grounded(Grounded::Text(text)) if text.is_empty() => self.is_in("\"\""),
            Atom::Grounded(Grounded::Text(text)) => self.is_in(text),
            Atom::Expression(_) | Atom::Grounded(_) => self.is_in(&atom.to_string()),
        }
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// What operations in Rust mean, as rules that only queries see.
const MEANINGS: (&str, &str) = (
    "stdlib-meanings.metta",
    include_str!("../metta/stdlib-meanings.metta"),
);

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
/// Tables of operations say for each what it takes and gives, its errors and cost; the signature
/// is in the code below. Where a signature is not met the error is `BadArgType` or
/// `IncorrectNumberOfArguments`, and a call whose arguments are not what they may still become
/// stays as it is. Those of the evaluator itself (`src/evaluate/control.rs`):
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(_is-error atom)` | any, as written | whether it is an error atom | none | constant | own |
/// | `(if condition then else)` | a truth value; atoms as written | what the branch taken evaluates to; both for a variable as condition | a condition of another type: `BadArgType` | constant, beside condition and branch | reference |
/// | `(let pattern atom template)` | pattern and template as written; any | the template for each value that fits, evaluated; none where none fits | those of the atom | the sizes of value and pattern | reference |
/// | `(_let pattern atom template)` | as `let` | as `let`, whatever rules a program has for it, and also for an error, as results that begin with the symbol `Error` are | none | as `let` | own |
/// | `(let* ((pattern atom) …) template)` | an expression of pairs; as written | nested `let`s | what is no list of pairs, in words | as that many `let`s | reference |
/// | `(case atom ((pattern template) …))` | as written | per value of the atom the template of the first pattern that fits; `Empty` fits where there is no value | a branch that is no pair, in words | patterns looked at | reference |
/// | `(switch atom ((pattern template) …))` | any; branches as written | as `case`, for one value | a branch that is no pair, in words | patterns looked at | reference |
/// | `(switch-minimal atom ((pattern template) …))` | as written | as `switch`; the template as it stands | a branch that is no pair, in words | patterns looked at | reference |
/// | `(collapse atom)` | as written | all values in one expression | none: error values stand in it where there are no others | as many as there are | reference |
/// | `(capture atom)` | as written | what it evaluates to in the space of the module that it was read in | those of the atom | constant, beside the atom | reference |
/// | `(quote atom)` | as written | the call itself | none | constant | reference |
/// | `(match space pattern template)` | a space; as written | the template for each solution, evaluated; `(, p q …)` joins | what is no space, in words | what the index leaves to look at | reference |
/// | `(superpose (atom …))` | an expression | each member as a result | what is no expression, in words | linear | reference |
///
/// Source: the reference's standard library, hyperon 0.2.10; the semantics are held against it by
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
    engine.provide(Operation::controlled(
        "_let",
        "(-> Atom %Undefined% Atom %Undefined%)",
        Control::LetAny,
    ));
    engine.provide(Operation::controlled(
        "match",
        "(-> SpaceType Atom Atom %Undefined%)",
        Control::Match,
    ));
    engine.provide(Operation::new(
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
    let corelib = engine.host.corelib.clone();
    for (file, text) in FILES {
        read_in(engine, &corelib, file, text);
    }
    let meanings = Space::module("top:corelib");
    read_in(engine, &meanings, MEANINGS.0, MEANINGS.1);
    corelib.tell(meanings);
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

/// Adds the atoms of one of the library's files to a space.
fn read_in(engine: &Engine, space: &Space, file: &str, text: &str) {
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
        space.add_from(
            atom,
            Some(Origin {
                file: Arc::clone(&file),
                line,
            }),
        );
    }
}

//! From syntax trees to atoms: words become what the tokens of a module say.

use std::sync::Arc;

use chimera_grammar::{NodeKind, Tree};

mod intake;
mod words;

pub(crate) use intake::{Intake, Stop};
pub(crate) use words::Words;

use crate::atom::{Atom, Grounded};
use crate::number::Number;

/// Turns the node at `index` into an atom. `token` says what a word stands for;
/// where it says nothing, numbers, truth values and characters are read and any
/// other word is a symbol.
pub(crate) fn read(tree: &Tree<'_>, index: usize, token: &dyn Fn(&str) -> Option<Atom>) -> Atom {
    let nodes = tree.nodes();
    let mut open: Vec<(u32, Vec<Atom>)> = Vec::new();
    let mut next = index;
    loop {
        let node = nodes[next];
        let text = &tree.source()[node.span.start..node.span.end];
        let mut done = match node.kind {
            NodeKind::Expression { end } => {
                open.push((end, Vec::new()));
                None
            }
            NodeKind::Variable => Some(Atom::variable(&text[1..])),
            NodeKind::String => Some(Atom::string(
                &chimera_grammar::unescape(text).expect("the grammar has checked the escapes"),
            )),
            NodeKind::Word => Some(token(text).unwrap_or_else(|| word(text))),
        };
        next += 1;
        loop {
            if let Some(atom) = done.take() {
                match open.last_mut() {
                    None => return atom,
                    Some((_, children)) => children.push(atom),
                }
            }
            let (end, _) = open
                .last()
                .expect("an expression is open or the atom was returned");
            if next < *end as usize {
                break;
            }
            let (_, children) = open.pop().expect("just seen");
            done = Some(Atom::expression(children));
        }
    }
}

/// What a word stands for where no module says otherwise.
pub(crate) fn word(text: &str) -> Atom {
    value(text).map_or_else(|| Atom::symbol(text), Atom::Grounded)
}

/// The host value that a word stands for where no module says otherwise; other words
/// are symbols. Makes no symbols itself.
fn value(text: &str) -> Option<Grounded> {
    match text.as_bytes().first()? {
        b'0'..=b'9' | b'+' | b'-' => Number::parse(text).map(Grounded::Number),
        b'T' => (text == "True").then_some(Grounded::Bool(true)),
        b'F' => (text == "False").then_some(Grounded::Bool(false)),
        b'\'' => {
            let mut characters = text.chars().skip(1);
            match (characters.next(), characters.next(), characters.next()) {
                (Some(value), Some('\''), None) => Some(Grounded::Char(value)),
                _ => None,
            }
        }
        b'r' => {
            let pattern = text.strip_prefix("regex:\"")?.strip_suffix('"')?;
            if pattern.contains('"') {
                return None;
            }
            let pattern = crate::library::Pattern::new(pattern)?;
            Some(Grounded::Value(Arc::new(pattern)))
        }
        _ => None,
    }
}

/// One atom without tokens of a module; for signatures and tests.
///
/// # Panics
/// If the text is not exactly one atom.
pub(crate) fn atom(text: &str) -> Atom {
    let parsed = chimera_grammar::parse(text);
    assert!(
        parsed.errors.is_empty() && parsed.tree.forms().len() == 1,
        "not one atom: {text}"
    );
    let node = parsed.tree.forms()[0].node as usize;
    read(&parsed.tree, node, &|_| None)
}

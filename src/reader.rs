//! From syntax trees to atoms: words become what the tokens of a module say.

use std::sync::Arc;

use chimera_grammar::{NodeKind, Tree};

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
    if let Some(number) = Number::parse(text) {
        return Atom::number(number);
    }
    match text {
        "True" => return Atom::boolean(true),
        "False" => return Atom::boolean(false),
        _ => {}
    }
    let mut characters = text.chars();
    if let (Some('\''), Some(value), Some('\''), None) = (
        characters.next(),
        characters.next(),
        characters.next(),
        characters.next(),
    ) {
        return Atom::Grounded(Grounded::Char(value));
    }
    if let Some(pattern) = text
        .strip_prefix("regex:\"")
        .and_then(|rest| rest.strip_suffix('"'))
        && let Ok(regex) = regex::RegexBuilder::new(pattern)
            .case_insensitive(true)
            .build()
    {
        return Atom::Grounded(Grounded::Value(Arc::new(crate::library::Pattern::new(
            regex,
        ))));
    }
    Atom::symbol(text)
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

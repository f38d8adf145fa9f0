//! Texts of atoms whose variables' names do not count.

use chimera::Atom;

/// The text of an atom with `$` for each variable: which of those that stand for the same
/// thing is written is not told.
pub(crate) fn unnamed(atom: &Atom) -> String {
    let text = atom.to_string();
    let words = text.split_inclusive([' ', '(', ')']);
    words
        .map(|word| match word.strip_prefix('$') {
            Some(name) => format!("${}", name.trim_start_matches(|c| !" ()".contains(c))),
            None => word.to_owned(),
        })
        .collect()
}

//! What a Tab completes: commands, files, known names, variables of the entry.

use std::collections::BTreeSet;
use std::path::Path;

use chimera_grammar::{NodeKind, parse};

use crate::command::{self, COMMANDS, Line};
use crate::input::closed;

/// Where the completed word begins, and what it may become, sorted.
pub(crate) type Completions = (usize, Vec<String>);

/// The completions of what stands before `cursor` in `entry`. `words` are the
/// names that are known. None inside strings and comments, and none of nothing.
pub(crate) fn complete(entry: &str, cursor: usize, words: &[String]) -> Completions {
    let before = &entry[..cursor];
    if let Some(name) = before.trim_start().strip_prefix(':')
        && !name.contains(char::is_whitespace)
    {
        let names = COMMANDS.iter().map(|spec| spec.name);
        let found = names.filter(|known| known.starts_with(name));
        return (cursor - name.len(), found.map(str::to_owned).collect());
    }
    match command::of(before) {
        Some(line) if line.takes_file() => {
            let path = before
                .trim_start()
                .split_once(char::is_whitespace)
                .map_or("", |(_, path)| path.trim_start());
            (cursor - path.len(), files(path))
        }
        Some(line) => {
            let start = Line::argument_start(before, line.argument());
            let (at, found) = names(line.argument(), &entry[start..], words);
            (start + at, found)
        }
        None => names(before, entry, words),
    }
}

/// Completions of the last word of `before`, which begins `entry`.
fn names(before: &str, entry: &str, words: &[String]) -> Completions {
    let nothing = (before.len(), Vec::new());
    let closed = closed(before);
    let parsed = parse(&closed.source);
    let comments = parsed.tree.comments();
    if closed.in_string || comments.iter().any(|c| c.span.end >= before.len()) {
        return nothing;
    }
    let at_end = |node: &&chimera_grammar::Node| {
        node.span.end == before.len() && matches!(node.kind, NodeKind::Word | NodeKind::Variable)
    };
    let Some(word) = parsed.tree.nodes().iter().rev().find(at_end) else {
        return nothing;
    };
    let prefix = &before[word.span.start..];
    let found = match word.kind {
        NodeKind::Variable => variables(entry, prefix),
        NodeKind::Word | NodeKind::String | NodeKind::Expression { .. } => words
            .iter()
            .filter(|known| known.starts_with(prefix))
            .cloned()
            .collect(),
    };
    (word.span.start, found)
}

/// The other variables of `entry` that begin with `prefix`.
fn variables(entry: &str, prefix: &str) -> Vec<String> {
    let closed = closed(entry);
    let parsed = parse(&closed.source);
    let found: BTreeSet<&str> = parsed
        .tree
        .nodes()
        .iter()
        .filter(|node| node.kind == NodeKind::Variable)
        .map(|node| &closed.source[node.span.start..node.span.end])
        .filter(|name| name.starts_with(prefix) && *name != prefix)
        .collect();
    found.into_iter().map(str::to_owned).collect()
}

/// The files and directories whose path begins with `path`.
fn files(path: &str) -> Vec<String> {
    let (directory, prefix) = match path.rfind('/') {
        Some(slash) => path.split_at(slash + 1),
        None => ("", path),
    };
    let listed = Path::new(if directory.is_empty() { "." } else { directory });
    // A directory that cannot be read completes nothing.
    let Ok(entries) = listed.read_dir() else {
        return Vec::new();
    };
    let mut found: Vec<String> = entries
        .filter_map(Result::ok)
        .filter_map(|entry| {
            let name = entry.file_name().into_string().ok()?;
            let hidden = name.starts_with('.') && !prefix.starts_with('.');
            let slash = if entry.path().is_dir() { "/" } else { "" };
            (name.starts_with(prefix) && !hidden).then(|| format!("{directory}{name}{slash}"))
        })
        .collect();
    found.sort();
    found
}

#[cfg(test)]
mod tests {
    use super::complete;

    /// `|` is the cursor.
    #[track_caller]
    fn check(entry: &str, expected: (usize, &[&str])) {
        let cursor = entry.find('|').unwrap();
        let words = ["&self", "max-atom", "map-atom", "match"].map(str::to_owned);
        let (at, found) = complete(&entry.replace('|', ""), cursor, &words);
        let found: Vec<&str> = found.iter().map(String::as_str).collect();
        assert_eq!((at, found.as_slice()), expected);
    }

    #[test]
    fn names_are_completed_where_names_stand() {
        check("!(ma| &self)", (2, &["max-atom", "map-atom", "match"]));
        check("!mat|", (1, &["match"]));
        check("(match &s|", (7, &["&self"]));
        check("(a \"ma|", (6, &[]));
        check("(a \"x\" ma|", (7, &["max-atom", "map-atom", "match"]));
        check("; ma|", (4, &[]));
        check("(a |", (3, &[]));
        check("|", (0, &[]));
    }

    #[test]
    fn variables_of_the_entry_are_completed() {
        check("(= (f $list $other) (g $l|", (23, &["$list"]));
        check("(f $| $list $x)", (3, &["$list", "$x"]));
    }

    #[test]
    fn commands_and_their_arguments_are_completed() {
        check(":lo|", (1, &["load"]));
        check("  :s|", (3, &["space", "settings", "stats"]));
        check(":type (mat|", (7, &["match"]));
        check(":doc mat|", (5, &["match"]));
    }

    #[test]
    fn files_are_completed_after_load() {
        let directory = tempfile::tempdir().unwrap();
        for name in ["one.metta", "other file.metta", ".hidden"] {
            std::fs::write(directory.path().join(name), "").unwrap();
        }
        std::fs::create_dir(directory.path().join("old")).unwrap();
        let root = directory.path().to_str().unwrap();
        let entry = format!(":load {root}/o");
        let (at, found) = complete(&entry, entry.len(), &[]);
        assert_eq!(at, 6);
        let expected = ["old/", "one.metta", "other file.metta"];
        assert_eq!(found, expected.map(|name| format!("{root}/{name}")));
    }
}

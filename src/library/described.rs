//! Each operation is described in a table beside it: what it takes and gives, its errors,
//! its cost and where it is from.

use std::collections::BTreeMap;

use super::shipped::SHIPPED;
use crate::atom::{Atom, Grounded};
use crate::engine::Engine;
use crate::evaluate::instructions;

const SOURCES: [&str; 21] = [
    include_str!("../evaluate/minimal.rs"),
    include_str!("../library.rs"),
    include_str!("assertions.rs"),
    include_str!("documentation.rs"),
    include_str!("lists.rs"),
    include_str!("modules.rs"),
    include_str!("numbers.rs"),
    include_str!("settings.rs"),
    include_str!("shipped/catalog.rs"),
    include_str!("shipped/collections.rs"),
    include_str!("shipped/control.rs"),
    include_str!("shipped/fileio.rs"),
    include_str!("shipped/json.rs"),
    include_str!("shipped/lists.rs"),
    include_str!("shipped/parallel.rs"),
    include_str!("shipped/random.rs"),
    include_str!("shipped/strings.rs"),
    include_str!("shipped/tabling.rs"),
    include_str!("shipped/time.rs"),
    include_str!("spaces.rs"),
    include_str!("text.rs"),
];

/// The rows of all tables by the name of the operation: call, arguments, result, errors,
/// cost, source.
fn rows() -> BTreeMap<String, Vec<String>> {
    let mut rows = BTreeMap::new();
    for line in SOURCES.iter().flat_map(|source| source.lines()) {
        let Some(row) = line.strip_prefix("/// | `(") else {
            continue;
        };
        let row = row.replace("\\|", "\u{0}");
        let cells: Vec<String> = row
            .trim_end_matches('|')
            .split('|')
            .map(|cell| cell.trim().replace('\u{0}', "|"))
            .collect();
        let call = cells[0].trim_end_matches(['`', ')']);
        let name = call.split(' ').next().unwrap_or_default().to_owned();
        let old = rows.insert(name.clone(), cells);
        assert!(old.is_none(), "{name} is described twice");
    }
    rows
}

/// The names of all operations that there are, of the library, its modules and minimal MeTTa.
fn names() -> Vec<String> {
    let engine = Engine::builder().build();
    let host = &engine.host;
    let operations = |(word, atom): (&String, &Atom)| {
        matches!(atom, Atom::Grounded(Grounded::Operation(_))).then(|| word.clone())
    };
    let mut names: Vec<String> = host.tokens.iter().filter_map(operations).collect();
    names.extend(host.functions.keys().map(ToString::to_string));
    for shipped in &SHIPPED {
        let words = (shipped.words)(host);
        names.extend(
            words
                .iter()
                .map(|(word, atom)| (word, atom))
                .filter_map(operations),
        );
    }
    names.extend(instructions().map(ToString::to_string));
    names
}

#[test]
fn every_operation_is_described_beside_its_code() {
    let rows = rows();
    let names = names();
    assert!(names.len() > 150, "only {} operations", names.len());
    let missing: Vec<&String> = names
        .iter()
        .filter(|name| !rows.contains_key(*name))
        .collect();
    assert!(missing.is_empty(), "no row in a table tells of {missing:?}");
    for (name, cells) in &rows {
        assert_eq!(cells.len(), 6, "{name}: {cells:?}");
        assert!(
            cells.iter().all(|cell| !cell.is_empty()),
            "{name}: {cells:?}"
        );
        assert!(
            names.contains(name),
            "{name} is described and does not exist"
        );
    }
}

//! Modules that come with the engine and are seen only after `import!`.
//!
//! Each is a text in MeTTa with types, documentation and rules
//! (`metta/library/<name>.metta`), and operations of the host that importing
//! makes words of the importing module. Words that begin with `_` are for the
//! module's own text only.

mod catalog;
mod collections;
mod control;
mod fileio;
mod json;
mod lists;
mod parallel;
mod random;
mod strings;
pub(super) mod tabling;
mod time;

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::atom::Atom;
use crate::engine::Host;
use crate::operation::Operation;
use crate::reader;
use crate::space::{Origin, Space};

/// A module that comes with the engine.
pub(crate) struct Shipped {
    pub(crate) name: &'static str,
    /// Whether it is found before a file of that name. So are those of the
    /// reference; a program's own file goes before the others.
    pub(crate) before_files: bool,
    source: &'static str,
    pub(super) words: fn(&Host) -> Vec<(String, Atom)>,
}

macro_rules! shipped {
    ($name:literal, $before_files:literal, $words:expr) => {
        Shipped {
            name: $name,
            before_files: $before_files,
            source: include_str!(concat!("../../metta/library/", $name, ".metta")),
            words: $words,
        }
    };
}

/// All of them, in order of name.
pub(crate) static SHIPPED: [Shipped; 12] = [
    shipped!("catalog", true, |_| words(catalog::operations())),
    shipped!("control", false, |_| words(control::operations())),
    shipped!("fileio", true, |_| words(fileio::operations())),
    shipped!("json", true, |_| words(json::operations())),
    shipped!("lists", false, |_| words(lists::operations())),
    shipped!("maps", false, |_| words(collections::map_operations())),
    shipped!("parallel", false, |_| words(parallel::operations())),
    shipped!("random", true, random::words),
    shipped!("sets", false, |_| words(collections::set_operations())),
    shipped!("strings", false, |_| words(strings::operations())),
    shipped!("tabling", false, |_| words(tabling::operations())),
    shipped!("time", false, |_| words(time::operations())),
];

fn words(operations: impl IntoIterator<Item = Operation>) -> Vec<(String, Atom)> {
    operations
        .into_iter()
        .map(|operation| (operation.name().to_owned(), Atom::from(operation)))
        .collect()
}

/// The module called `name`.
pub(crate) fn find(name: &str) -> Option<&'static Shipped> {
    SHIPPED.iter().find(|shipped| shipped.name == name)
}

/// The words that importing gives, each with its module: the operations, and what the texts document.
pub(crate) fn words_of_modules(host: &Host) -> HashMap<String, &'static Shipped> {
    let mut found = HashMap::new();
    for shipped in &SHIPPED {
        let documented = (shipped.source.lines())
            .filter_map(|line| line.strip_prefix("(@doc ")?.split_whitespace().next());
        let operations = (shipped.words)(host).into_iter().map(|(word, _)| word);
        let operations = operations.filter(|word| !word.starts_with('_'));
        for word in documented.map(str::to_owned).chain(operations) {
            found.entry(word).or_insert(shipped);
        }
    }
    found
}

impl Shipped {
    /// Its atoms in a space of their own, and the words that importing it gives.
    pub(crate) fn load(&self, host: &Host) -> (Space, Arc<[(String, Atom)]>) {
        let space = Space::module(&format!("top:{}", self.name));
        space.import(host.corelib.clone());
        let mut words = (self.words)(host);
        let mut tokens = host.base_tokens.clone();
        for (word, atom) in &words {
            tokens.insert(word.clone(), atom.clone());
        }
        tokens.insert("&self".to_owned(), Atom::space(space.clone()));
        let parsed = chimera_grammar::parse(self.source);
        assert!(
            parsed.errors.is_empty(),
            "the shipped module {} is MeTTa: {:?}",
            self.name,
            parsed.errors
        );
        let file: Arc<str> = format!("library/{}.metta", self.name).into();
        let mut line = 1;
        let mut counted = 0;
        for form in parsed.tree.forms() {
            line += self.source[counted..form.span.start].matches('\n').count() as u32;
            counted = form.span.start;
            let atom = reader::read(&parsed.tree, form.node as usize, &|word| {
                tokens.get(word).cloned()
            });
            let file = Arc::clone(&file);
            space.add_from(atom, Some(Origin { file, line }));
        }
        words.retain(|(word, _)| !word.starts_with('_'));
        (space, words.into())
    }
}

/// What gives randomness where the embedder gave nothing: the same on each run.
pub(crate) fn fixed_entropy() -> Arc<dyn Fn() -> u64 + Send + Sync> {
    let generator = Mutex::new(StdRng::seed_from_u64(0));
    Arc::new(move || {
        generator
            .lock()
            .expect("no panic while the generator is locked")
            .random()
    })
}

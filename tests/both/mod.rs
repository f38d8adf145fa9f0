//! Programs run by either evaluator.

use chimera::{Atom, Budget, Engine};

/// For each directive of `program` its results, as `text` writes them; by the plain
/// evaluator or by compiled code.
pub(crate) fn results(program: &str, plain: bool, text: fn(&Atom) -> String) -> Vec<Vec<String>> {
    let builder = Engine::builder();
    let builder = if plain {
        builder.plain()
    } else {
        builder.compiled()
    };
    let mut all = Vec::new();
    builder
        .build()
        .run(program, "program", &Budget::default(), |directive| {
            all.push(directive.results.iter().map(text).collect());
            true
        })
        .expect("the program is MeTTa");
    all
}

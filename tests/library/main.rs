//! The modules that come with the engine, from outside.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

mod control;
mod help;
mod parallel;
mod reference;
mod tabling;
mod values;

use chimera::Engine;

/// What the directives after the `import!`s of the modules give, each sorted.
pub(crate) fn answers(mut engine: Engine, modules: &[&str], program: &str) -> Vec<Vec<String>> {
    for module in modules {
        let imported = engine.load(&format!("!(import! &self {module})"), "import");
        assert!(!imported.unwrap()[0].is_error(), "{module}");
    }
    let directives = engine.load(program, "test.metta").unwrap();
    directives
        .iter()
        .map(|directive| {
            let mut found: Vec<String> =
                directive.results.iter().map(ToString::to_string).collect();
            found.sort();
            found
        })
        .collect()
}

/// Holds each directive of `program`, one a line, against what stands behind `=>`.
#[track_caller]
pub(crate) fn check(modules: &[&str], program: &str) {
    let lines: Vec<(&str, Option<&str>)> = program
        .lines()
        .filter(|line| !line.trim().is_empty())
        .map(|line| match line.split_once("=>") {
            Some((directive, expected)) => (directive, Some(expected.trim())),
            None => (line, None),
        })
        .collect();
    let source: Vec<&str> = lines.iter().map(|(directive, _)| *directive).collect();
    let found = answers(Engine::builder().build(), modules, &source.join("\n"));
    let expected = lines
        .iter()
        .filter(|(line, _)| line.trim().starts_with('!'));
    assert_eq!(found.len(), expected.clone().count());
    for ((line, expected), found) in expected.zip(found) {
        let expected = expected.expect("each directive says what it gives");
        assert_eq!(found.join(" | "), expected, "{line}");
    }
}

#[test]
fn every_operation_of_every_module_has_a_type_and_documentation() {
    let listed = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let sink = std::sync::Arc::clone(&listed);
    let engine = Engine::builder()
        .output(move |text| sink.lock().unwrap().push_str(text))
        .build();
    answers(engine, &["catalog"], "!(catalog-list! all)");
    let names = listed.lock().unwrap().clone();
    assert!(names.lines().count() >= 12);
    for module in names.lines() {
        let before = Engine::builder().build().words(100_000);
        let mut engine = Engine::builder().build();
        let import = format!("!(import! &self {module}) !(import! &it {module})");
        engine.load(&import, "import").unwrap();
        let after = engine.words(0);
        let rules = engine
            .load("!(match &it (= ($name) $b) $name)", "rules")
            .unwrap();
        assert!(!rules[0].is_error());
        let typed = "!(let $s (module-space-no-deps &it) (match $s (: $name $type) $name))";
        let typed = engine.load(typed, "types").unwrap();
        let mut operations: Vec<String> =
            typed[0].results.iter().map(ToString::to_string).collect();
        operations.extend(
            after
                .into_iter()
                .filter(|word| !before.contains(word) && !word.starts_with('&')),
        );
        operations.retain(|name| !name.starts_with('_'));
        assert!(!operations.is_empty(), "{module}");
        for name in operations {
            let asked = format!("!(get-doc &self {name}) !(get-type {name})");
            let found = engine.load(&asked, "ask").unwrap();
            let formal = found[0].results.first().map(ToString::to_string);
            let formal = formal.unwrap_or_default();
            assert!(
                formal.starts_with("(@doc-formal"),
                "{module}: {name}: {formal}"
            );
            let type_atom = found[1].results[0].to_string();
            // `progn` takes any number of arguments, which no type says.
            let typed = type_atom != "%Undefined%" || name == "progn";
            assert!(typed, "{module}: {name}");
        }
    }
}

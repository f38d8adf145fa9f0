//! The modules that come with the engine, from outside.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop there"
)]

use chimera::{Builder, Engine, Grants, SystemFiles};

/// What the directives after the `import!`s of the modules give, each sorted.
fn answers(mut engine: Engine, modules: &[&str], program: &str) -> Vec<Vec<String>> {
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

fn with_files(builder: Builder, root: &std::path::Path, write_files: bool) -> Engine {
    let grants = Grants {
        read_files: true,
        write_files,
        ..Grants::default()
    };
    builder
        .grants(grants)
        .file_access(SystemFiles::from(root))
        .build()
}

#[test]
fn files_are_written_and_read_where_both_are_granted() {
    let root = tempfile::tempdir().unwrap();
    let engine = with_files(Engine::builder(), root.path(), true);
    let program = r#"
        !(bind! &out (file-open! "a.txt" "wc"))
        !(file-write! &out "one\ntwo é")
        !(file-get-size! &out)
        !(bind! &in (file-open! "a.txt" "r"))
        !(file-read-to-string! &in)
        !(file-read-to-string! &in)
        !(file-seek! &in 4)
        !(file-read-exact! &in 3)
        !(file-read-exact! &in 100)
        !(bind! &more (file-open! "a.txt" "ra"))
        !(file-write! &more "!")
        !(file-seek! &more 0)
        !(file-read-to-string! &more)
        !(get-type &more)
        !(let $empty (file-open! "a.txt" "wt") (file-get-size! $empty))
    "#;
    let found = answers(engine, &["fileio"], program);
    let expected = [
        "()",
        "()",
        "10",
        "()",
        r#""one\ntwo é""#,
        r#""""#,
        "()",
        r#""two""#,
        r#"" é""#,
        "()",
        "()",
        "()",
        r#""one\ntwo é!""#,
        "FileHandle",
        "0",
    ];
    assert_eq!(found, expected.map(|text| vec![text.to_owned()]));
}

#[test]
fn wrong_uses_of_files_are_error_atoms() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("bytes"), [0xff, 0xfe]).unwrap();
    let engine = with_files(Engine::builder(), root.path(), true);
    let program = r#"
        !(file-open! "none" "r")
        !(file-open! "bytes" "z")
        !(file-open! here "r")
        !(file-read-to-string! here)
        !(file-read-to-string! (file-open! "bytes" "r"))
        !(file-write! 5 "x")
        !(file-seek! (file-open! "bytes" "r") there)
    "#;
    let found = answers(engine, &["fileio"], program);
    for (found, part) in found.iter().zip([
        "Failed to open file with provided path=none and options=r",
        "Failed to open file with provided path=bytes and options=z",
        "file-open! expects filepath and options in form of string atoms",
        "file-read! expects filehandle as an argument",
        "Failed to read file contents",
        "(BadArgType 1 FileHandle Number)",
        "file-seek! expects filehandle and start byte (number)",
    ]) {
        assert!(
            found.len() == 1 && found[0].starts_with("(Error ") && found[0].contains(part),
            "{found:?}"
        );
    }
}

#[test]
fn files_are_not_opened_without_the_grant() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("a.txt"), "text").unwrap();
    let refused = |engine: Engine, program: &str| {
        let found = answers(engine, &["fileio"], program);
        assert!(
            found[0][0].contains("files is not granted to this program"),
            "{found:?}"
        );
    };
    let open = r#"!(file-open! "a.txt" "r")"#;
    let write = r#"!(file-open! "b.txt" "wc")"#;
    let nothing_granted = || {
        Engine::builder()
            .file_access(SystemFiles::from(root.path()))
            .build()
    };
    refused(nothing_granted(), open);
    refused(nothing_granted(), write);
    refused(with_files(Engine::builder(), root.path(), false), write);
    assert!(!root.path().join("b.txt").exists());
}

#[test]
fn chance_comes_from_the_embedder() {
    let flips = |seed: u64| {
        let engine = Engine::builder().entropy(move || seed).build();
        answers(engine, &["random"], "!(flip)")[0][0].clone()
    };
    assert_eq!(flips(0), "False");
    assert_eq!(flips(1), "True");
    let draw = || {
        let engine = Engine::builder().build();
        answers(engine, &["random"], "!(random-int &rng 0 1000000) !(flip)")
    };
    assert_eq!(
        draw(),
        draw(),
        "without an embedder's chance each run is the same"
    );
}

#[test]
fn a_module_of_the_reference_goes_before_a_file_of_its_name() {
    let root = tempfile::tempdir().unwrap();
    std::fs::write(root.path().join("json.metta"), "(= (hello) file)").unwrap();
    let engine = || {
        Engine::builder()
            .files(chimera::DirectoryFiles::below(root.path()))
            .grants(Grants {
                read_files: true,
                ..Grants::default()
            })
            .build()
    };
    let json = answers(engine(), &["json"], "!(hello) !(json-encode 1)");
    assert_eq!(json, [["(hello)"], [r#""1""#]]);
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
    assert!(names.lines().count() >= 4);
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
            assert_ne!(type_atom, "%Undefined%", "{module}: {name}");
        }
    }
}

//! The modules of the reference that touch the world: files and chance. What
//! they answer is also in the corpus (`tests/conformance`).

use chimera::{Builder, Engine, Grants, SystemFiles};

use crate::answers;

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
fn a_file_goes_before_modules_that_the_reference_lacks_only() {
    let root = tempfile::tempdir().unwrap();
    for name in ["json.metta", "lists.metta"] {
        std::fs::write(root.path().join(name), "(= (hello) file)").unwrap();
    }
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
    let lists = answers(engine(), &["lists"], "!(hello) !(reverse (1 2))");
    assert_eq!(lists, [["file"], ["(reverse (1 2))"]]);
}

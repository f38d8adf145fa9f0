//! The programs of `docs/language.md` answer what stands below their directives.

use std::collections::HashMap;
use std::io;
use std::sync::{Arc, Mutex};

use chimera::{Engine, Files, Grants};

/// One block of code.
struct Block {
    /// Its first line in the document, from 1.
    line: usize,
    /// The file that it is, if other blocks import it.
    file: Option<String>,
    text: String,
}

fn blocks(document: &str) -> Vec<Block> {
    let mut blocks: Vec<Block> = Vec::new();
    let mut inside = false;
    for (index, line) in document.lines().enumerate() {
        if let Some(kind) = line.strip_prefix("```") {
            inside = !inside && kind.starts_with("metta");
            if inside {
                blocks.push(Block {
                    line: index + 2,
                    file: kind.strip_prefix("metta file=").map(str::to_owned),
                    text: String::new(),
                });
            }
        } else if inside {
            let block = blocks.last_mut().expect("a block is open");
            block.text += line;
            block.text.push('\n');
        }
    }
    blocks
}

/// The files that earlier blocks are.
struct Earlier(HashMap<String, String>);

impl Files for Earlier {
    fn read(&self, path: &str) -> io::Result<String> {
        let text = self.0.get(path).cloned();
        text.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))
    }

    fn is_file(&self, path: &str) -> bool {
        self.0.contains_key(path)
    }

    fn is_directory(&self, _path: &str) -> bool {
        false
    }
}

/// What stands below each directive, sorted, and what is printed.
fn expected(text: &str) -> (Vec<Vec<String>>, Vec<String>) {
    let mut answers: Vec<Vec<String>> = Vec::new();
    let mut prints = Vec::new();
    let mut below = false;
    for line in text.lines() {
        if let Some(answer) = line.strip_prefix("; =>") {
            if !below {
                answers.push(Vec::new());
            }
            below = true;
            if !answer.trim().is_empty() {
                answers
                    .last_mut()
                    .expect("just pushed")
                    .push(answer.trim().to_owned());
            }
        } else {
            below = false;
            prints.extend(line.strip_prefix("; prints ").map(str::to_owned));
        }
    }
    for answers in &mut answers {
        answers.sort();
    }
    (answers, prints)
}

#[test]
fn programs_of_the_language_document_answer_what_it_says() {
    let document = include_str!("../docs/language.md");
    let blocks = blocks(document);
    assert!(blocks.len() > 20);
    let mut files = HashMap::new();
    for block in blocks {
        if let Some(file) = block.file {
            files.insert(file, block.text);
            continue;
        }
        let place = format!("docs/language.md:{}", block.line);
        let output = Arc::new(Mutex::new(String::new()));
        let sink = Arc::clone(&output);
        let mut engine = Engine::builder()
            .files(Earlier(files.clone()))
            .grants(Grants {
                read_files: true,
                ..Grants::default()
            })
            .output(move |text| sink.lock().expect("nothing panics").push_str(text))
            .build();
        let directives = engine.load(&block.text, &place).expect("it is MeTTa");
        let (answers, prints) = expected(&block.text);
        let found: Vec<Vec<String>> = directives
            .iter()
            .map(|directive| {
                let results = directive.results.iter();
                let mut found: Vec<String> = results.map(ToString::to_string).collect();
                found.sort();
                found
            })
            .collect();
        assert_eq!(found, answers, "{place}");
        let printed = output.lock().expect("nothing panics").clone();
        let printed: Vec<&str> = printed.lines().collect();
        assert_eq!(printed, prints, "{place}");
        let found: Vec<_> = engine
            .check(&block.text, &place)
            .into_iter()
            .filter(|finding| finding.severity == chimera_grammar::Severity::Warning)
            .collect();
        assert!(found.is_empty(), "{place}: {found:?}");
    }
}

/// The table of modules names each word of each module, and no others.
#[test]
fn the_table_of_modules_is_complete() {
    let document = include_str!("../docs/language.md");
    let rows = document.lines().filter_map(|line| {
        let (name, words) = line.strip_prefix("| `")?.split_once("` | `")?;
        Some((name, words.strip_suffix("` |")?.replace("\\|", "|")))
    });
    let mut modules = 0;
    for (module, words) in rows {
        let mut engine = Engine::builder().build();
        let before = engine.words(100_000);
        let import = format!("!(import! &self {module}) !(import! &it {module})");
        let imported = engine.load(&import, "import").expect("it is MeTTa");
        assert!(!imported[0].is_error(), "{module}");
        let documented = engine
            .load(
                "!(let $own (module-space-no-deps &it)
                    (superpose ((match $own (@doc $name $desc) $name) (match $own (@doc $name $d $p $r) $name))))",
                "ask",
            )
            .expect("it is MeTTa");
        let mut there: Vec<String> = documented[0]
            .results
            .iter()
            .map(ToString::to_string)
            .collect();
        there.extend(
            engine
                .words(0)
                .into_iter()
                .filter(|word| !before.contains(word) && word != "&it"),
        );
        // The types of the collections are no calls.
        there.retain(|word| word != "Set" && word != "Map");
        there.sort();
        there.dedup();
        let mut told: Vec<&str> = words.split(' ').collect();
        told.sort_unstable();
        assert_eq!(there, told, "{module}");
        modules += 1;
    }
    assert_eq!(modules, 12);
}

/// The table of operations names each that the standard library documents.
#[test]
fn the_table_of_operations_is_complete() {
    let document = include_str!("../docs/language.md");
    let (_, section) = document
        .split_once("\n## All operations\n")
        .expect("it is there");
    let (section, _) = section.split_once("\n## ").expect("others follow");
    let listed: Vec<&str> = section.split(['`', ' ', '\n']).collect();
    let documented = include_str!("../metta/stdlib-docs.metta")
        .lines()
        .filter_map(|line| {
            let name = line.strip_prefix("(@doc ")?.split(' ').next()?;
            (!name.starts_with('(')).then_some(name)
        });
    let mut operations = 0;
    for name in documented {
        assert!(listed.contains(&name), "{name} is not in the table");
        operations += 1;
    }
    assert!(operations > 150);
}

//! Runs MeTTa files on an embedded engine: `cargo run --example run -- [--plain] [--json] FILE…`.
//!
//! Prints one line of results for each directive. `--plain` leaves everything to the
//! plain evaluator, which the fast one is held against; `--json` prints lines as
//! `chimera run --json` does, for `tests/conformance/differential.py`.

use std::io::{self, BufWriter, Write};

fn main() -> std::process::ExitCode {
    let (mut plain, mut compiled, mut json) = (false, false, false);
    let mut files = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--plain" => plain = true,
            "--compiled" => compiled = true,
            "--json" => json = true,
            _ => files.push(argument),
        }
    }
    let mut out = BufWriter::new(std::io::stdout().lock());
    for file in files {
        let folder = std::path::Path::new(&file).parent();
        let mut builder = chimera::Engine::builder()
            .output(|text| eprint!("{text}"))
            .grants(chimera::Grants {
                read_files: true,
                ..chimera::Grants::default()
            })
            .files(chimera::DirectoryFiles::from(
                folder.unwrap_or(std::path::Path::new("")),
            ));
        if plain {
            builder = builder.plain();
        }
        if compiled {
            builder = builder.compiled();
        }
        let mut engine = builder.build();
        let source = match std::fs::read_to_string(&file) {
            Ok(source) => source,
            Err(error) => {
                eprintln!("{file}: {error}");
                return std::process::ExitCode::from(2);
            }
        };
        let budget = chimera::Budget::default();
        let done = engine.run(&source, &file, &budget, |directive| {
            print(&mut out, &directive, json).is_ok()
        });
        if let Err(error) = done {
            eprintln!("{error}");
            return std::process::ExitCode::from(2);
        }
    }
    std::process::ExitCode::SUCCESS
}

fn print(out: &mut impl Write, directive: &chimera::Directive, json: bool) -> io::Result<()> {
    if json {
        let results: Vec<String> = directive.results.iter().map(ToString::to_string).collect();
        let error = directive.is_error();
        let line =
            serde_json::json!({ "file": directive.file, "results": results, "error": error });
        writeln!(out, "{line}")?;
    } else {
        directive.write_results(out)?;
    }
    out.flush()
}

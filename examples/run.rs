//! Runs MeTTa files on an embedded engine: `cargo run --example run -- [--plain] FILE…`.
//!
//! Prints one line of results for each directive. `--plain` leaves everything to the
//! plain evaluator, which the fast one is held against.

use std::io::Write;

fn main() -> std::process::ExitCode {
    let mut plain = false;
    let mut files = Vec::new();
    for argument in std::env::args().skip(1) {
        match argument.as_str() {
            "--plain" => plain = true,
            _ => files.push(argument),
        }
    }
    let mut builder = chimera::Engine::builder().output(|text| eprint!("{text}"));
    if plain {
        builder = builder.plain();
    }
    let mut engine = builder.build();
    let mut out = std::io::stdout().lock();
    for file in files {
        let source = match std::fs::read_to_string(&file) {
            Ok(source) => source,
            Err(error) => {
                eprintln!("{file}: {error}");
                return std::process::ExitCode::from(2);
            }
        };
        let budget = chimera::Budget::default();
        let done = engine.run(&source, &file, &budget, |directive| {
            let results: Vec<String> = directive.results.iter().map(ToString::to_string).collect();
            writeln!(out, "[{}]", results.join(", ")).is_ok()
        });
        if let Err(error) = done {
            eprintln!("{error}");
            return std::process::ExitCode::from(2);
        }
    }
    std::process::ExitCode::SUCCESS
}

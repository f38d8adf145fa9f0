//! `chimera run FILE…`: evaluate the directives of files.

use std::io::{self, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use chimera::{Budget, Directive, DirectoryFiles, Engine, LoadError};
use chimera_grammar::{Diagnostic, Style, decode, draw};
use serde_json::json;

/// What `chimera run` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The files, run one after the other, each in an engine of its own.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// One JSON line per directive; the program's own output goes to stderr.
    #[arg(long)]
    json: bool,
    /// Go on after a directive that gave an error.
    #[arg(long)]
    keep_going: bool,
}

/// 0, 1 when a directive gave an error, 2 when a file could not be read or parsed.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut worst = 0;
    for file in &arguments.files {
        worst = worst.max(run_file(file, arguments));
    }
    ExitCode::from(worst)
}

fn run_file(file: &std::path::Path, arguments: &Arguments) -> u8 {
    let name = file.display().to_string();
    let bytes = match std::fs::read(file) {
        Ok(bytes) => bytes,
        Err(error) => {
            complain(&format!("error: {name}: {error}\n"));
            return 2;
        }
    };
    let source = match decode(&bytes) {
        Ok(source) => source,
        Err(error) => {
            complain(&draw(
                &[Diagnostic::of_encoding(&error)],
                &name,
                "",
                style_of_stderr(),
            ));
            return 2;
        }
    };
    let json = arguments.json;
    let directory = file.parent().unwrap_or(std::path::Path::new(""));
    let mut engine = super::world::open(Engine::builder())
        .files(DirectoryFiles::from(directory))
        .trace(|text| {
            let _ = io::stderr().write_all(text.as_bytes());
        })
        .output(move |text| {
            // A closed pipe ends the program's output, not the program.
            let _ = if json {
                io::stderr().write_all(text.as_bytes())
            } else {
                io::stdout().write_all(text.as_bytes())
            };
        })
        .build();
    let mut failed = false;
    let done = engine.run(source, &name, &Budget::default(), |directive| {
        failed |= directive.is_error();
        let printed = print(&directive, json).is_ok();
        printed && (arguments.keep_going || !directive.is_error())
    });
    match done {
        Ok(()) => u8::from(failed),
        Err(LoadError::Syntax { diagnostics, .. }) => {
            complain(&draw(&diagnostics, &name, source, style_of_stderr()));
            2
        }
        Err(error) => {
            complain(&format!("error: {name}: {error}\n"));
            2
        }
    }
}

fn print(directive: &Directive, json: bool) -> io::Result<()> {
    let results: Vec<String> = directive.results.iter().map(ToString::to_string).collect();
    let mut out = io::stdout().lock();
    if json {
        let line = json!({
            "file": directive.file,
            "line": directive.line,
            "column": directive.column,
            "results": results,
            "error": directive.is_error(),
        });
        writeln!(out, "{line}")?;
    } else {
        writeln!(out, "[{}]", results.join(", "))?;
    }
    out.flush()
}

pub(super) fn complain(text: &str) {
    // Nothing is left to tell if stderr is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Colours if stderr is a terminal that takes them.
pub(super) fn style_of_stderr() -> Style {
    match chimera_repl::Style::of_environment(io::stderr().is_terminal()) {
        chimera_repl::Style::Coloured => Style::Coloured,
        chimera_repl::Style::Plain => Style::Plain,
    }
}

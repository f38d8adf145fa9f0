//! `chimera check FILE…`: mistakes that can be seen before a file runs.

use std::io::{self, IsTerminal, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chimera::{Atom, DirectoryFiles, Engine, Space};
use chimera_grammar::{Diagnostic, LineTable, Position, Severity, Style, decode, draw};
use chimera_server::heal::SPACES;
use serde_json::json;

use super::room::Room;
use super::source::{self, Source};

mod effectors;

/// What `chimera check` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The files, each checked on its own; `-` is stdin.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// One JSON line per finding.
    #[arg(long)]
    json: bool,
}

/// 0, 1 when a finding is an error, 2 when a file could not be read.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut worst = 0;
    let mut found = Found::default();
    for file in &arguments.files {
        let checked = check_file(file, arguments, &mut found);
        // If whoever reads has gone, the status says what was found so far.
        worst = worst.max(checked.unwrap_or(worst));
    }
    if !arguments.json {
        // The status says it too.
        let _ = writeln!(io::stdout(), "{}", found.told());
    }
    ExitCode::from(worst)
}

/// How many files were read, and how many findings there were in them.
#[derive(Default)]
struct Found {
    files: usize,
    errors: usize,
    warnings: usize,
    notes: usize,
}

impl Found {
    fn count(&mut self, findings: &[Diagnostic]) {
        self.files += 1;
        for finding in findings {
            match finding.severity {
                Severity::Error => self.errors += 1,
                Severity::Warning => self.warnings += 1,
                Severity::Note => self.notes += 1,
            }
        }
    }

    fn told(&self) -> String {
        let count = |count: usize, word: &str| match count {
            1 => format!("1 {word}"),
            _ => format!("{count} {word}s"),
        };
        format!(
            "{} checked: {}, {}, {}",
            count(self.files, "file"),
            count(self.errors, "error"),
            count(self.warnings, "warning"),
            count(self.notes, "note"),
        )
    }
}

/// Bytes of addresses that checking a text takes at most, about, for each of its own.
const CHECK_FACTOR: u64 = 32;

fn check_file(file: &Path, arguments: &Arguments, found: &mut Found) -> io::Result<u8> {
    let Source { name, bytes, .. } = match source::read(file) {
        Ok(source) => source,
        Err(text) => {
            super::run::complain(&text);
            return Ok(2);
        }
    };
    if let Some(lacks) = Room::now().lacks(bytes.len(), CHECK_FACTOR) {
        super::run::complain(&format!("error: {name}: {lacks}\n"));
        return Ok(2);
    }
    let (source, findings) = match decode(&bytes) {
        Ok(source) => (source, findings(source, file, &name)),
        Err(error) => ("", vec![Diagnostic::of_encoding(&error)]),
    };
    found.count(&findings);
    let mut out = io::stdout().lock();
    if arguments.json {
        let lines = LineTable::new(source);
        for finding in &findings {
            writeln!(out, "{}", line(finding, &name, source, &lines))?;
        }
    } else {
        out.write_all(draw(&findings, &name, source, style()).as_bytes())?;
    }
    out.flush()?;
    let wrong = |finding: &Diagnostic| finding.severity == Severity::Error;
    Ok(u8::from(findings.iter().any(wrong)))
}

fn style() -> Style {
    match chimera_repl::Style::of_environment(io::stdout().is_terminal()) {
        chimera_repl::Style::Coloured => Style::Coloured,
        chimera_repl::Style::Plain => Style::Plain,
    }
}

fn findings(source: &str, file: &Path, name: &str) -> Vec<Diagnostic> {
    let directory = file.parent().unwrap_or(Path::new(""));
    let mut engine = super::world::open(Engine::builder())
        .files(DirectoryFiles::from(directory))
        .build();
    if effectors::is_of_rules(file) {
        // The server binds them before it reads its rules.
        for space in SPACES {
            engine.bind(space, Atom::space(Space::anonymous()));
        }
    }
    let mut findings = engine.check(source, name);
    findings.extend(effectors::check(source, &effectors::functions_beside(file)));
    findings.sort_by_key(|finding| finding.span.start);
    findings
}

fn line(finding: &Diagnostic, file: &str, source: &str, lines: &LineTable) -> serde_json::Value {
    let Position { line, column } = finding.position;
    let end = lines.position(source, finding.span.end.min(source.len()));
    json!({
        "file": file,
        "line": line,
        "column": column,
        "end_line": end.line,
        "end_column": end.column,
        "span": [finding.span.start, finding.span.end],
        "severity": finding.severity.name(),
        "code": finding.code,
        "message": finding.message,
        "help": finding.help,
    })
}

//! `chimera fmt FILE…`: lay MeTTa files out.

use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use chimera_grammar::{Diagnostic, LineTable, decode, draw, format};

use super::room::Room;
use super::run::{complain, style_of_stderr};
use super::source::{self, Source};

/// What `chimera fmt` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The files, laid out in place; `-` reads stdin and writes stdout.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// Only tell which files would change.
    #[arg(long)]
    check: bool,
}

/// 0, 1 if `--check` found a file that would change, 2 if a file could not be
/// read, written or parsed; such a file is left as it is.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut worst = 0;
    for file in &arguments.files {
        let formatted = format_one(file, arguments.check);
        worst = worst.max(formatted.unwrap_or_else(|text| {
            complain(&text);
            2
        }));
    }
    ExitCode::from(worst)
}

/// Bytes of addresses that laying out a text takes at most, about, for each of its own.
const FORMAT_FACTOR: u64 = 12;

/// The text laid out.
///
/// # Errors
/// What is wrong with it, drawn.
fn laid_out(bytes: &[u8], name: &str) -> Result<String, String> {
    if let Some(lacks) = Room::now().lacks(bytes.len(), FORMAT_FACTOR) {
        return Err(format!("error: {name}: {lacks}\n"));
    }
    let style = style_of_stderr();
    let source =
        decode(bytes).map_err(|error| draw(&[Diagnostic::of_encoding(&error)], name, "", style))?;
    format(source).map_err(|errors| {
        let lines = LineTable::new(source);
        let all: Vec<Diagnostic> = errors
            .iter()
            .map(|error| Diagnostic::of(error, source, &lines))
            .collect();
        draw(&all, name, source, style)
    })
}

fn format_one(file: &Path, check: bool) -> Result<u8, String> {
    let Source { name, bytes, .. } = source::read(file)?;
    let text = laid_out(&bytes, &name)?;
    let same = text.as_bytes() == bytes;
    if source::is_stdin(file) {
        if check {
            return Ok(u8::from(!same));
        }
        io::stdout()
            .write_all(text.as_bytes())
            .map_err(|error| format!("error: stdout: {error}\n"))?;
        return Ok(0);
    }
    if same {
        return Ok(0);
    }
    if !check {
        replace(file, &text).map_err(|error| format!("error: {name}: {error}\n"))?;
    }
    // A closed pipe does not undo what was done.
    let _ = writeln!(io::stdout(), "{name}");
    Ok(u8::from(check))
}

/// Writes beside the file and moves it into place, so that no reader sees half
/// a file; a link stays a link.
fn replace(file: &Path, text: &str) -> io::Result<()> {
    let file = fs::canonicalize(file)?;
    let mut name = file.file_name().unwrap_or_default().to_owned();
    name.push(format!(".{}.fmt", std::process::id()));
    let fresh = file.with_file_name(name);
    let written = fs::write(&fresh, text)
        .and_then(|()| fs::set_permissions(&fresh, fs::metadata(&file)?.permissions()))
        .and_then(|()| fs::rename(&fresh, &file));
    if written.is_err() {
        // What could not take the place is not left lying about.
        let _ = fs::remove_file(&fresh);
    }
    written
}

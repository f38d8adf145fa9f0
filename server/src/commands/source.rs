//! The texts that `run`, `check` and `fmt` are given: files, or stdin as `-`.

use std::io::{self, Read};
use std::path::Path;

/// A text, read and not yet looked at.
pub(super) struct Source<'a> {
    /// What messages call it.
    pub(super) name: String,
    /// Where the files that it names are looked for.
    pub(super) directory: &'a Path,
    pub(super) bytes: Vec<u8>,
}

/// Whether `file` stands for stdin.
pub(super) fn is_stdin(file: &Path) -> bool {
    file.as_os_str() == "-"
}

/// Reads `file`, or stdin to its end.
///
/// # Errors
/// The message for the user, a line, if it cannot be read.
pub(super) fn read(file: &Path) -> Result<Source<'_>, String> {
    let (name, bytes) = if is_stdin(file) {
        let mut bytes = Vec::new();
        let read = io::stdin().read_to_end(&mut bytes);
        ("<stdin>".to_owned(), read.map(|_| bytes))
    } else {
        (file.display().to_string(), std::fs::read(file))
    };
    Ok(Source {
        bytes: bytes.map_err(|error| format!("error: {name}: {error}\n"))?,
        directory: file.parent().unwrap_or(Path::new("")),
        name,
    })
}

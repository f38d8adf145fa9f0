//! `fileio`: files opened, read and written. Of the reference. Nothing is
//! opened that the engine's grants refuse, and only through what the embedder
//! gave ([`crate::FileAccess`]).

use std::fmt;
use std::io::{Read, Seek, SeekFrom, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use crate::atom::{Atom, Grounded, Value};
use crate::engine::Context;
use crate::file_access::{OpenFile, OpenOptions};
use crate::operation::{Operation, OperationError};

struct FileHandle {
    id: u64,
    file: Mutex<Box<dyn OpenFile>>,
}

static NEXT_HANDLE: AtomicU64 = AtomicU64::new(1);

impl Value for FileHandle {
    fn type_atom(&self) -> Atom {
        Atom::symbol("FileHandle")
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileHandle-0x{:x}", self.id)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// Files, as the grants of the engine allow.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(file-open! path options)` | strings; letters of `rwcat` | a handle | what is not granted, what the system refuses, in words | one system call | reference, `fileio` |
/// | `(file-read-to-string! handle)` | a handle | the text from where it stands to the end | not UTF-8, what the system refuses, in words; `MemoryLimit` | linear in what is read | reference, `fileio` |
/// | `(file-read-exact! handle count)` | a handle; a whole number from 0 | so many bytes as text, or what there is | as above; a count below 0 | linear in what is read | reference, `fileio` |
/// | `(file-write! handle text)` | a handle; a string | `()`; written where the handle stands | what the system refuses, in words; `ReadOnly` | linear in the text | reference, `fileio` |
/// | `(file-seek! handle place)` | a handle; a whole number from 0 | `()`; it stands at that byte | what the system refuses, in words | one system call | reference, `fileio` |
/// | `(file-get-size! handle)` | a handle | the file's size in bytes | what the system refuses, in words | one system call | reference, `fileio` |
///
/// Source: the reference's module `fileio`.
pub(super) fn operations() -> [Operation; 6] {
    [
        Operation::new(
            "file-open!",
            "(-> String String FileHandle)",
            |arguments, context| {
                let [path, options] = arguments else {
                    return Err(OperationError::NotReducible);
                };
                let (Some(path), Some(options)) = (path.as_text(), options.as_text()) else {
                    return Err(OperationError::message(
                        "file-open! expects filepath and options in form of string atoms as an argument",
                    ));
                };
                Ok(vec![open(path, options, context)?])
            },
        ),
        Operation::new(
            "file-read-to-string!",
            "(-> FileHandle String)",
            |arguments, context| {
                let mut file =
                    handle(arguments, 0, "file-read! expects filehandle as an argument")?;
                Ok(vec![read(&mut **file, u64::MAX, context)?])
            },
        ),
        Operation::new(
            "file-read-exact!",
            "(-> FileHandle Number String)",
            |arguments, context| {
                let expects = "file-read-exact! expects filehandle and number of bytes to read (number) as an arguments";
                let count = place(arguments, expects)?;
                if count < 0.0 {
                    return Err(OperationError::message(
                        "file-read-exact! expects a number of bytes that is not below 0",
                    ));
                }
                let mut file = handle(arguments, 0, expects)?;
                Ok(vec![read(&mut **file, count as u64, context)?])
            },
        ),
        Operation::new(
            "file-write!",
            "(-> FileHandle String ())",
            |arguments, context| {
                let expects =
                    "file-write! expects filehandle and content (string atom) as an arguments";
                if !context.host.grants.write_files {
                    return Err(not_granted("writing"));
                }
                let text = arguments.get(1).and_then(Atom::as_text);
                let text = text.ok_or_else(|| OperationError::message(expects))?;
                let mut file = handle(arguments, 0, expects)?;
                file.write_all(text.as_bytes()).map_err(|error| {
                    OperationError::message(format!("Failed to write content to file: {error}"))
                })?;
                Ok(vec![Atom::unit()])
            },
        ),
        Operation::new("file-seek!", "(-> FileHandle Number ())", |arguments, _| {
            let expects = "file-seek! expects filehandle and start byte (number) as an arguments";
            let place = place(arguments, expects)?;
            let mut file = handle(arguments, 0, expects)?;
            // Before the beginning is the beginning, as in the reference.
            file.seek(SeekFrom::Start(place as u64))
                .map_err(|error| OperationError::message(format!("Failed to seek: {error}")))?;
            Ok(vec![Atom::unit()])
        }),
        Operation::new(
            "file-get-size!",
            "(-> FileHandle Number)",
            |arguments, _| {
                let file = handle(
                    arguments,
                    0,
                    "file-get-size! expects filehandle as an argument",
                )?;
                let count = file.byte_count().map_err(|error| {
                    OperationError::message(format!("Failed to get the file's size: {error}"))
                })?;
                Ok(vec![Atom::integer(
                    i64::try_from(count).unwrap_or(i64::MAX),
                )])
            },
        ),
    ]
}

fn not_granted(what: &str) -> OperationError {
    OperationError::message(format!("{what} files is not granted to this program"))
}

fn open(path: &str, letters: &str, context: &mut Context<'_>) -> Result<Atom, OperationError> {
    let options = OpenOptions::parse(letters);
    let grants = context.host.grants;
    if options.changes() && !grants.write_files {
        return Err(not_granted("writing"));
    }
    if options.read && !grants.read_files {
        return Err(not_granted("reading"));
    }
    let access = context.host.file_access.clone().ok_or_else(|| {
        OperationError::message("the engine was given no files that programs may open")
    })?;
    let file = access.open(path, options).map_err(|_| {
        OperationError::message(format!(
            "Failed to open file with provided path={path} and options={letters}"
        ))
    })?;
    Ok(Atom::Grounded(Grounded::Value(Arc::new(FileHandle {
        id: NEXT_HANDLE.fetch_add(1, Ordering::Relaxed),
        file: Mutex::new(file),
    }))))
}

fn handle<'a>(
    arguments: &'a [Atom],
    position: usize,
    expects: &str,
) -> Result<MutexGuard<'a, Box<dyn OpenFile>>, OperationError> {
    let found = match arguments.get(position) {
        Some(Atom::Grounded(Grounded::Value(value))) => value.as_any().downcast_ref::<FileHandle>(),
        _ => None,
    };
    let handle = found.ok_or_else(|| OperationError::message(expects))?;
    Ok(handle.file.lock().expect("no panic while a file is locked"))
}

/// The number that is the second argument, without what follows the point.
fn place(arguments: &[Atom], expects: &str) -> Result<f64, OperationError> {
    arguments
        .get(1)
        .and_then(Atom::as_f64)
        .map(f64::trunc)
        .ok_or_else(|| OperationError::message(expects))
}

/// At most `count` bytes, all of them UTF-8.
fn read(
    file: &mut dyn OpenFile,
    count: u64,
    context: &Context<'_>,
) -> Result<Atom, OperationError> {
    let bytes_max = context.budget.bytes as u64;
    let mut bytes = Vec::new();
    let wanted = count.min(bytes_max.saturating_add(1));
    let done = file.take(wanted).read_to_end(&mut bytes);
    done.map_err(|error| {
        OperationError::message(format!("Failed to read file contents: {error}"))
    })?;
    if bytes.len() as u64 > bytes_max {
        return Err(OperationError::symbol("MemoryLimit"));
    }
    let text = std::str::from_utf8(&bytes).map_err(|error| {
        OperationError::message(format!("Failed to read file contents: {error}"))
    })?;
    Ok(Atom::string(text))
}

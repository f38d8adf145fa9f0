//! Opening files for reading and writing (module `fileio`): through a door that
//! the embedder opens. Modules are read through [`crate::Files`] instead.

use std::fs;
use std::io::{self, Read, Seek, Write};
use std::path::PathBuf;

/// How a file is to be opened.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct OpenOptions {
    /// To read from it.
    pub read: bool,
    /// To write to it.
    pub write: bool,
    /// To make it if there is none; takes `write` or `append`.
    pub create: bool,
    /// To write at its end only.
    pub append: bool,
    /// To empty it first; takes `write`.
    pub truncate: bool,
}

impl OpenOptions {
    /// Reads the letters that programs write: `r`, `w`, `c`, `a`, `t`. Other
    /// letters mean nothing, as in the reference.
    pub fn parse(letters: &str) -> OpenOptions {
        let has = |letter| letters.contains(letter);
        OpenOptions {
            read: has('r'),
            write: has('w'),
            create: has('c'),
            append: has('a'),
            truncate: has('t'),
        }
    }

    /// Whether a file so opened can be changed, or comes to be.
    pub fn changes(self) -> bool {
        self.write || self.create || self.append || self.truncate
    }
}

/// A file that was opened.
pub trait OpenFile: Read + Write + Seek + Send {
    /// How many bytes it has.
    ///
    /// # Errors
    /// As the file system says.
    fn byte_count(&self) -> io::Result<u64>;
}

impl OpenFile for fs::File {
    fn byte_count(&self) -> io::Result<u64> {
        Ok(self.metadata()?.len())
    }
}

/// The files that programs may open. What the engine's [`crate::Grants`] refuse
/// is not asked for.
pub trait FileAccess: Send + Sync {
    /// Opens the file at `path`.
    ///
    /// # Errors
    /// As the file system says.
    fn open(&self, path: &str, options: OpenOptions) -> io::Result<Box<dyn OpenFile>>;
}

/// The files of the system, with the rights of the process.
#[derive(Clone, Debug)]
pub struct SystemFiles {
    root: PathBuf,
}

impl SystemFiles {
    /// All files, named relative to `root` or absolutely.
    pub fn from(root: impl Into<PathBuf>) -> SystemFiles {
        SystemFiles { root: root.into() }
    }
}

impl FileAccess for SystemFiles {
    fn open(&self, path: &str, options: OpenOptions) -> io::Result<Box<dyn OpenFile>> {
        let file = fs::OpenOptions::new()
            .read(options.read)
            .write(options.write)
            .create(options.create)
            .append(options.append)
            .truncate(options.truncate)
            .open(self.root.join(path))?;
        Ok(Box::new(file))
    }
}

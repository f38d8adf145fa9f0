//! Files as programs see them: through a door that the embedder opens.

use std::io;
use std::path::{Component, Path, PathBuf};

/// The files that modules are read from. Paths are relative, with `/` between
/// names; `.` and `..` mean what they do everywhere.
pub trait Files: Send + Sync {
    /// The text of a file.
    ///
    /// # Errors
    /// As the file system says; `NotFound` if there is no such file, and
    /// `InvalidData` if it is not UTF-8.
    fn read(&self, path: &str) -> io::Result<String>;

    /// Whether there is a file at `path`.
    fn is_file(&self, path: &str) -> bool;

    /// Whether there is a directory at `path`.
    fn is_directory(&self, path: &str) -> bool;
}

/// The files below one directory.
#[derive(Clone, Debug)]
pub struct DirectoryFiles {
    root: PathBuf,
    confined: bool,
}

impl DirectoryFiles {
    /// The files below `root`, and none outside it.
    pub fn below(root: impl Into<PathBuf>) -> DirectoryFiles {
        DirectoryFiles {
            root: root.into(),
            confined: true,
        }
    }

    /// All files, named relative to `root` or absolutely.
    pub fn from(root: impl Into<PathBuf>) -> DirectoryFiles {
        DirectoryFiles {
            root: root.into(),
            confined: false,
        }
    }

    fn locate(&self, path: &str) -> io::Result<PathBuf> {
        let path = Path::new(path);
        let inside = path
            .components()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir));
        if self.confined && !inside {
            return Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "outside the directory that programs may read",
            ));
        }
        let located = self.root.join(path);
        if !self.confined {
            return Ok(located);
        }
        // A link may lead out.
        let (root, real) = (self.root.canonicalize()?, located.canonicalize()?);
        if real.starts_with(&root) {
            Ok(real)
        } else {
            Err(io::Error::new(
                io::ErrorKind::PermissionDenied,
                "a link out of the directory that programs may read",
            ))
        }
    }
}

impl Files for DirectoryFiles {
    fn read(&self, path: &str) -> io::Result<String> {
        std::fs::read_to_string(self.locate(path)?)
    }

    fn is_file(&self, path: &str) -> bool {
        self.locate(path).is_ok_and(|path| path.is_file())
    }

    fn is_directory(&self, path: &str) -> bool {
        self.locate(path).is_ok_and(|path| path.is_dir())
    }
}

/// `path` without `.`, and without `..` where what it undoes is known.
pub(crate) fn normalize(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." if parts.last().is_some_and(|last| *last != "..") => {
                parts.pop();
            }
            _ => parts.push(part),
        }
    }
    let joined = parts.join("/");
    if path.starts_with('/') {
        format!("/{joined}")
    } else {
        joined
    }
}

/// The directory of a path.
pub(crate) fn directory(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(directory, _)| directory)
}

/// `path` as seen from `directory`.
pub(crate) fn join(directory: &str, path: &str) -> String {
    if path.starts_with('/') || directory.is_empty() {
        normalize(path)
    } else {
        normalize(&format!("{directory}/{path}"))
    }
}

#[cfg(test)]
mod tests {
    use super::{DirectoryFiles, Files, join, normalize};

    #[test]
    fn paths_are_normalized() {
        assert_eq!(normalize("./a//b/../c"), "a/c");
        assert_eq!(normalize("../a"), "../a");
        assert_eq!(join("lib", "../x"), "x");
        assert_eq!(join("lib", "/x/y"), "/x/y");
        assert_eq!(join("", "x"), "x");
    }

    #[test]
    fn a_confined_directory_gives_nothing_outside_it() {
        let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
        let confined = DirectoryFiles::below(&root);
        assert!(confined.is_file("lib.rs"));
        assert!(!confined.is_file("../Cargo.toml"));
        let error = confined.read("../Cargo.toml").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::PermissionDenied);
        assert!(DirectoryFiles::from(&root).is_file("../Cargo.toml"));
    }

    use std::path::Path;
}

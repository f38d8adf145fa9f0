//! Rule files: reading them as one generation, all or nothing.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use chimera::{Atom, Budget, Directive, Engine, LoadError};
use chimera_grammar::{Diagnostic, EncodingError, LineTable, Span, Style, decode, draw};
use sha2::{Digest, Sha256};

use super::facts::Facts;
use crate::status::RulesError;

/// The rules that the binary carries: name and text, in the order of loading.
const BUILT_IN: [(&str, &str); 6] = [
    (
        "healing.metta",
        include_str!("../../../metta/healing.metta"),
    ),
    (
        "healing/episode.metta",
        include_str!("../../../metta/healing/episode.metta"),
    ),
    (
        "healing/learning.metta",
        include_str!("../../../metta/healing/learning.metta"),
    ),
    (
        "healing/permission.metta",
        include_str!("../../../metta/healing/permission.metta"),
    ),
    (
        "healing/seeing.metta",
        include_str!("../../../metta/healing/seeing.metta"),
    ),
    (
        "healing/verdict.metta",
        include_str!("../../../metta/healing/verdict.metta"),
    ),
];
/// The shipped file of facts.
pub(super) fn shipped_facts() -> &'static str {
    BUILT_IN[0].1
}

/// Where rules come from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum RuleSource {
    /// `healing.metta` and `healing/*.metta` of a directory.
    Directory(PathBuf),
    /// The copy that the binary carries.
    BuiltIn,
}

impl RuleSource {
    /// The directory that was named, or `./metta` if there is one, or the
    /// built-in copy.
    ///
    /// # Errors
    /// If a directory was named and is none.
    pub fn choose(named: Option<PathBuf>) -> Result<RuleSource, String> {
        match named {
            Some(directory) if directory.is_dir() => Ok(RuleSource::Directory(directory)),
            Some(directory) => Err(format!(
                "the rules directory {} does not exist; make it, or name another with --rules",
                directory.display()
            )),
            None if Path::new("metta").is_dir() => Ok(RuleSource::Directory("metta".into())),
            None => Ok(RuleSource::BuiltIn),
        }
    }

    /// What tells without reading whether files may have changed: paths, inodes, lengths
    /// and times of change. The built-in copy never does; `None` if that cannot be told.
    pub(super) fn stamp(&self) -> Option<Vec<Stamp>> {
        let RuleSource::Directory(directory) = self else {
            return Some(Vec::new());
        };
        files(directory).ok()?.into_iter().map(Stamp::of).collect()
    }

    /// The texts as they are now, in the order in which they are loaded. A
    /// missing `healing.metta` is an empty one.
    ///
    /// # Errors
    /// If a file cannot be read.
    pub(super) fn read(&self) -> Result<RuleTexts, RulesError> {
        let mut texts = Vec::new();
        match self {
            RuleSource::BuiltIn => texts.extend(
                BUILT_IN.map(|(name, text)| (format!("built-in/{name}"), text.as_bytes().to_vec())),
            ),
            RuleSource::Directory(directory) => {
                for path in files(directory)? {
                    let name = path.display().to_string();
                    match std::fs::read(&path) {
                        Ok(bytes) => texts.push((name, bytes)),
                        // Gone since it was listed, as in an atomic save: it is missing.
                        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                        Err(error) => return Err(unplaced(name, error.to_string())),
                    }
                }
            }
        }
        let mut hash = Sha256::new();
        for (name, bytes) in &texts {
            hash.update(name.as_bytes());
            hash.update([0]);
            hash.update((bytes.len() as u64).to_le_bytes());
            hash.update(bytes);
        }
        let digest = hash.finalize();
        let generation = digest[..6]
            .iter()
            .map(|byte| format!("{byte:02x}"))
            .collect();
        Ok(RuleTexts { texts, generation })
    }
}

/// What a file is like from outside.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Stamp {
    path: PathBuf,
    /// Inode, length, and the time of the last change of either content or name.
    seen: Option<(u64, u64, i64, i64)>,
}

impl Stamp {
    /// `None` if the file cannot be looked at; one that is missing can.
    fn of(path: PathBuf) -> Option<Stamp> {
        let seen = match std::fs::metadata(&path) {
            Ok(file) => Some((file.ino(), file.len(), file.ctime(), file.ctime_nsec())),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(_) => return None,
        };
        Some(Stamp { path, seen })
    }
}

fn files(directory: &Path) -> Result<Vec<PathBuf>, RulesError> {
    let listing_error = |path: &Path, error: std::io::Error| {
        unplaced(path.display().to_string(), error.to_string())
    };
    if !directory.is_dir() {
        return Err(unplaced(
            directory.display().to_string(),
            "the rules directory does not exist".to_owned(),
        ));
    }
    let mut paths = vec![directory.join("healing.metta")];
    let folder = directory.join("healing");
    if folder.is_dir() {
        let mut more = Vec::new();
        for entry in std::fs::read_dir(&folder).map_err(|error| listing_error(&folder, error))? {
            let path = entry.map_err(|error| listing_error(&folder, error))?.path();
            if path
                .extension()
                .is_some_and(|extension| extension == "metta")
            {
                more.push(path);
            }
        }
        more.sort();
        paths.append(&mut more);
    }
    Ok(paths)
}

/// The texts of all rule files at one time.
pub(super) struct RuleTexts {
    /// Name and bytes.
    texts: Vec<(String, Vec<u8>)>,
    /// A hash of all of it.
    pub(super) generation: String,
}

impl RuleTexts {
    pub(super) fn names(&self) -> Vec<String> {
        self.texts.iter().map(|(name, _)| name.clone()).collect()
    }

    /// Names and texts, of those that are text.
    pub(super) fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.texts
            .iter()
            .filter_map(|(name, bytes)| Some((name.as_str(), decode(bytes).ok()?)))
    }

    #[cfg(test)]
    pub(super) fn named(texts: &[(&str, &str)]) -> RuleTexts {
        RuleTexts {
            texts: texts
                .iter()
                .map(|(name, text)| ((*name).to_owned(), text.as_bytes().to_vec()))
                .collect(),
            generation: "named".to_owned(),
        }
    }

    /// The same with an edit made to each text.
    #[cfg(test)]
    pub(super) fn edited(mut self, edit: impl Fn(&str) -> String) -> RuleTexts {
        for (_, bytes) in &mut self.texts {
            *bytes = edit(std::str::from_utf8(bytes).expect("the rules are text")).into_bytes();
        }
        self
    }

    /// Loads all texts into `engine`, which should be new. What a directive of them may spend
    /// `facts` say: those in force before.
    ///
    /// # Errors
    /// The first error of a text or of a directive; then the engine is of no use.
    pub(super) fn load(&self, engine: &mut Engine, facts: &Facts) -> Result<(), RulesError> {
        let budget = Budget::default()
            .deadline(Duration::from_secs_f64(facts.get("loading-seconds")))
            .reductions(facts.count("loading-reductions") as u64);
        for (name, bytes) in &self.texts {
            let text = decode(bytes).map_err(|error| not_utf8(name, &error))?;
            let mut wrong: Option<Directive> = None;
            engine
                .run(text, name, &budget, |directive| {
                    if directive.is_error() {
                        wrong = Some(directive);
                        return false;
                    }
                    true
                })
                .map_err(|error| syntax_error(name, text, &error))?;
            if let Some(directive) = wrong {
                return Err(directive_error(text, &directive));
            }
        }
        Ok(())
    }
}

fn unplaced(file: String, message: String) -> RulesError {
    RulesError {
        file,
        line: 0,
        column: 0,
        drawn: String::new(),
        message,
    }
}

fn not_utf8(file: &str, error: &EncodingError) -> RulesError {
    let diagnostic = Diagnostic::of_encoding(error);
    RulesError {
        file: file.to_owned(),
        line: error.position.line,
        column: error.position.column,
        message: format!("{error}; {}", error.help()),
        drawn: draw(&[diagnostic], file, "", Style::Plain),
    }
}

fn syntax_error(file: &str, text: &str, error: &LoadError) -> RulesError {
    match error {
        LoadError::Syntax { diagnostics, .. } => {
            let first = &diagnostics[0];
            RulesError {
                file: file.to_owned(),
                line: first.position.line,
                column: first.position.column,
                message: first.message.clone(),
                drawn: draw(diagnostics, file, text, Style::Plain),
            }
        }
        other => unplaced(file.to_owned(), other.to_string()),
    }
}

fn directive_error(text: &str, directive: &Directive) -> RulesError {
    let error = directive
        .results
        .iter()
        .find(|result| result.is_error())
        .map(Atom::to_string)
        .unwrap_or_default();
    let message = format!("the directive gave {error}");
    let lines = LineTable::new(text);
    let start = lines.offset(text, directive.line, directive.column);
    let diagnostic = Diagnostic {
        severity: chimera_grammar::Severity::Error,
        code: "E0100",
        message: message.clone(),
        help: "rules are in force only if every directive of their files succeeds".into(),
        span: Span {
            start,
            end: start + 1,
        },
        position: lines.position(text, start),
    };
    RulesError {
        file: directive.file.clone(),
        line: directive.line,
        column: directive.column,
        drawn: draw(&[diagnostic], &directive.file, text, Style::Plain),
        message,
    }
}

/// What rules are loaded into: an engine with the server's tokens and operations.
pub(super) struct Workbench {
    /// Words that stand for the server's spaces.
    pub(super) tokens: Vec<(&'static str, Atom)>,
    /// The time of the tick, in seconds.
    pub(super) clock: Arc<dyn Fn() -> f64 + Send + Sync>,
    /// The operations on series.
    pub(super) series: super::series::Series,
}

impl Workbench {
    /// A new engine, without rules.
    pub(super) fn engine(&self) -> Engine {
        let clock = Arc::clone(&self.clock);
        let mut engine = Engine::builder()
            .clock(move || clock())
            .output(|text| tracing::info!(target: "rules", "{}", text.trim_end()))
            .build();
        for (token, atom) in &self.tokens {
            engine.bind(token, atom.clone());
        }
        self.series.install(&mut engine);
        engine
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use chimera::Engine;

    use super::super::facts::Facts;
    use super::RuleSource;

    fn directory(files: &[(&str, &str)]) -> (tempfile::TempDir, RuleSource) {
        let directory = tempfile::tempdir().unwrap();
        fs::create_dir(directory.path().join("healing")).unwrap();
        for (name, text) in files {
            fs::write(directory.path().join(name), text).unwrap();
        }
        let source = RuleSource::Directory(directory.path().to_owned());
        (directory, source)
    }

    #[test]
    fn a_stamp_changes_with_the_files_and_not_without() {
        let (folder, source) = directory(&[("healing.metta", "(a 1)")]);
        let before = source.stamp().unwrap();
        assert_eq!(source.stamp().unwrap(), before);
        // Times of change are as fine as the kernel's clock.
        std::thread::sleep(std::time::Duration::from_millis(30));
        fs::write(folder.path().join("healing.metta"), "(a 2)").unwrap();
        let changed = source.stamp().unwrap();
        assert_ne!(changed, before);
        fs::write(folder.path().join("healing/more.metta"), "(b 1)").unwrap();
        assert_ne!(source.stamp().unwrap(), changed);
        assert_eq!(RuleSource::BuiltIn.stamp(), RuleSource::BuiltIn.stamp());
        fs::remove_dir_all(folder.path()).unwrap();
        assert_eq!(source.stamp(), None);
    }

    #[test]
    fn files_are_loaded_in_name_order() {
        let (_keep, source) = directory(&[
            ("healing/b.metta", "(= (f) b)"),
            ("healing/a.metta", "(= (f) a)"),
            ("healing.metta", "(= (f) first)"),
            ("healing/notes.txt", "((("),
            ("stdlib.metta", "((("),
        ]);
        let mut engine = Engine::builder().build();
        source
            .read()
            .unwrap()
            .load(&mut engine, &Facts::default())
            .unwrap();
        let results = engine.load("!(f)", "t").unwrap();
        assert_eq!(format!("{:?}", results[0].results), "[first, a, b]");
    }

    #[test]
    fn a_missing_file_is_an_empty_one_and_a_missing_directory_an_error() {
        let (_keep, source) = directory(&[]);
        let texts = source.read().unwrap();
        assert!(texts.names().is_empty());
        assert!(RuleSource::choose(Some("/no/such/directory".into())).is_err());
    }

    #[test]
    fn errors_have_their_place_and_a_caret() {
        let (_keep, source) = directory(&[("healing.metta", "(a b)\n  (c (d)\n")]);
        let error = source
            .read()
            .unwrap()
            .load(&mut Engine::builder().build(), &Facts::default())
            .unwrap_err();
        assert_eq!((error.line, error.column), (2, 3));
        assert!(
            error.drawn.contains("2 |   (c (d)\n  |   ^\n"),
            "{}",
            error.drawn
        );
        let (_keep, source) = directory(&[("healing.metta", "(a b)\n !(+ 1 \"x\")")]);
        let error = source
            .read()
            .unwrap()
            .load(&mut Engine::builder().build(), &Facts::default())
            .unwrap_err();
        assert_eq!((error.line, error.column), (2, 2));
        assert!(error.message.contains("BadArgType"), "{}", error.message);
    }

    #[test]
    fn the_generation_is_the_content() {
        let (keep, source) = directory(&[("healing.metta", "(a 1)")]);
        let first = source.read().unwrap().generation;
        assert_eq!(first, source.read().unwrap().generation);
        fs::write(keep.path().join("healing.metta"), "(a 2)").unwrap();
        assert_ne!(first, source.read().unwrap().generation);
    }
}

//! What was learned: the weights of strategies, as atoms in `&weights` and as a
//! `.metta` file that a person can read, edit and compare.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use chimera::{Atom, Engine, Space};

use super::atom;

/// Weights of strategies: mean and evidence by fault and strategy.
#[derive(Default)]
pub(super) struct Weights {
    path: Option<PathBuf>,
    weights: BTreeMap<(String, String), (f64, f64)>,
}

/// Why there are no learned weights.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LearnedError {
    /// The file cannot be read or written.
    #[error("{path}: {error}")]
    File {
        /// The file.
        path: String,
        /// What is wrong.
        error: std::io::Error,
    },
    /// It would stand among the rules.
    #[error(
        "{path} is in the rules directory {rules}, which is for what people write; name a file elsewhere"
    )]
    AmongRules {
        /// The file.
        path: String,
        /// The directory.
        rules: String,
    },
    /// It holds something else than weights.
    #[error("{path}: {what}; each line is (weight <fault> <strategy> <mean> <evidence>)")]
    Content {
        /// The file.
        path: String,
        /// What is wrong.
        what: String,
    },
}

fn weight(fault: &str, strategy: &str, mean: f64, evidence: f64) -> Atom {
    atom(
        "weight",
        vec![
            Atom::symbol(fault),
            Atom::symbol(strategy),
            Atom::float(mean),
            Atom::float(evidence),
        ],
    )
}

/// # Errors
/// If a file is, or would be, in the directory of the rules; links lead where they lead.
pub(super) fn check_not_among(path: &Path, rules: &Path) -> Result<(), LearnedError> {
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let folder = folder.unwrap_or(Path::new("."));
    let places = [path.canonicalize(), folder.canonicalize()];
    // What is not there is told by whoever wants to read or write it.
    let is_among = rules.canonicalize().is_ok_and(|rules| {
        let mut places = places.iter().flatten();
        places.any(|place| place.starts_with(&rules))
    });
    if !is_among {
        return Ok(());
    }
    Err(LearnedError::AmongRules {
        path: path.display().to_string(),
        rules: rules.display().to_string(),
    })
}

impl Weights {
    /// The weights of the file `path`, and where they are saved from now on. A file
    /// that is not there is made when something is learned.
    ///
    /// # Errors
    /// If it cannot be read or holds something else.
    pub(super) fn of_file(path: &Path) -> Result<Weights, LearnedError> {
        let name = path.display().to_string();
        let mut found = Weights {
            path: Some(path.to_owned()),
            weights: BTreeMap::new(),
        };
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                // Better now than when there is something to be lost.
                found.save()?;
                return Ok(found);
            }
            Err(error) => return Err(LearnedError::File { path: name, error }),
        };
        let content = |what: String| LearnedError::Content {
            path: name.clone(),
            what,
        };
        let mut engine = Engine::builder().build();
        let directives = engine
            .load(&text, &name)
            .map_err(|error| content(error.to_string()))?;
        if !directives.is_empty() {
            return Err(content("a directive stands in it".to_owned()));
        }
        for fact in engine.self_space().atoms() {
            let wrong = || content(format!("{fact} is no weight"));
            let [word, fault, strategy, mean, evidence] = fact.as_expression().ok_or_else(wrong)?
            else {
                return Err(wrong());
            };
            let number = |atom: &Atom, range: std::ops::RangeInclusive<f64>| {
                atom.as_f64().filter(|number| range.contains(number))
            };
            match (
                word.as_symbol(),
                fault.as_symbol(),
                strategy.as_symbol(),
                number(mean, 0.0..=1.0),
                number(evidence, 0.0..=1e9),
            ) {
                (Some("weight"), Some(fault), Some(strategy), Some(mean), Some(evidence)) => {
                    found
                        .weights
                        .insert((fault.to_owned(), strategy.to_owned()), (mean, evidence));
                }
                _ => return Err(wrong()),
            }
        }
        Ok(found)
    }

    pub(super) fn assert(&self, space: &Space) {
        for ((fault, strategy), (mean, evidence)) in &self.weights {
            space.add(weight(fault, strategy, *mean, *evidence));
        }
    }

    pub(super) fn get(&self, fault: &str, strategy: &str) -> Option<(f64, f64)> {
        let key = (fault.to_owned(), strategy.to_owned());
        self.weights.get(&key).copied()
    }

    /// Sets one weight, here and in `space`.
    pub(super) fn set(
        &mut self,
        space: &Space,
        fault: &str,
        strategy: &str,
        mean: f64,
        evidence: f64,
    ) {
        let key = (fault.to_owned(), strategy.to_owned());
        if let Some((mean, evidence)) = self.weights.insert(key, (mean, evidence)) {
            space.remove(&weight(fault, strategy, mean, evidence));
        }
        space.add(weight(fault, strategy, mean, evidence));
    }

    /// The weights as the file has them.
    pub(super) fn text(&self) -> String {
        let mut text = String::from(
            "; What healing has learned: (weight <fault> <strategy> <mean reward> <evidence>).\n\
             ; Read at the start; edit it while the server is stopped.\n",
        );
        for ((fault, strategy), (mean, evidence)) in &self.weights {
            text.push_str(&weight(fault, strategy, *mean, *evidence).to_string());
            text.push('\n');
        }
        text
    }

    /// Writes the file, all or nothing; without a path there is nothing to write.
    ///
    /// # Errors
    /// If it cannot be written.
    pub(super) fn save(&self) -> Result<(), LearnedError> {
        let Some(path) = &self.path else {
            return Ok(());
        };
        let fresh = path.with_extension("metta.new");
        std::fs::write(&fresh, self.text())
            .and_then(|()| std::fs::rename(&fresh, path))
            .map_err(|error| LearnedError::File {
                path: path.display().to_string(),
                error,
            })
    }
}

#[cfg(test)]
mod tests {
    use chimera::Space;

    use super::{Weights, check_not_among};

    #[test]
    fn what_was_learned_is_read_again_as_it_was() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("learned.metta");
        let mut weights = Weights::of_file(&path).unwrap();
        let space = Space::anonymous();
        weights.set(&space, "f", "s", 0.25, 3.0);
        weights.set(&space, "f", "s", 0.5, 3.85);
        weights.save().unwrap();
        assert_eq!(space.len(), 1);
        let again = Weights::of_file(&path).unwrap();
        assert_eq!(again.get("f", "s"), Some((0.5, 3.85)));
        assert_eq!(again.text(), weights.text());
    }

    #[test]
    fn what_is_learned_stays_out_of_the_rules() {
        let directory = tempfile::tempdir().unwrap();
        let rules = directory.path().join("rules");
        std::fs::create_dir_all(rules.join("healing")).unwrap();
        std::os::unix::fs::symlink(&rules, directory.path().join("link")).unwrap();
        let check = |path: &str, may: bool| {
            let path = directory.path().join(path);
            let checked = check_not_among(&path, &rules);
            assert_eq!(checked.is_ok(), may, "{checked:?}");
        };
        check("learned.metta", true);
        check("rules.metta", true);
        check("rules/../learned.metta", true);
        check("rules/learned.metta", false);
        check("rules/healing/learned.metta", false);
        check("link/healing/learned.metta", false);
        std::os::unix::fs::symlink(rules.join("x"), directory.path().join("x")).unwrap();
        std::fs::write(rules.join("x"), "").unwrap();
        check("x", false);
    }

    #[track_caller]
    fn check_refused(text: &str, expected: &str) {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("learned.metta");
        std::fs::write(&path, text).unwrap();
        let error = Weights::of_file(&path).err().unwrap().to_string();
        assert!(error.contains(expected), "{error}");
    }

    #[test]
    fn a_file_of_something_else_is_refused() {
        check_refused("(weight f s 2 1)", "(weight f s 2 1) is no weight");
        check_refused("(wait f s 0.5 1)", "is no weight");
        check_refused("!(+ 1 2)", "a directive");
        check_refused("(weight f", "unclosed");
    }
}

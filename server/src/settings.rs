//! Settings of the server: defaults, then a TOML file, then the environment, then
//! flags; the later one counts. One table has all of them.
//!
//! What healing goes by is no setting: thresholds and their like are atoms.

mod table;
mod value;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::path::Path;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

pub use table::{SETTINGS, Setting};
pub use value::{Kind, Value};

/// The beginning of the variables in the environment.
const PREFIX: &str = "CHIMERA_";
/// Variables that are no settings: the secret itself, and where the file is.
const OTHER_VARIABLES: &[&str] = &["CHIMERA_TOKEN", "CHIMERA_CONFIG"];

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// Nobody set it.
    Default,
    /// The file, at this line.
    File(usize),
    /// This variable.
    Environment(String),
    /// A flag.
    Flag,
}

/// What is wrong with a setting.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum SettingsError {
    /// The file cannot be read.
    #[error("cannot read the settings in {path}: {reason}")]
    Unreadable {
        /// The file.
        path: String,
        /// Why.
        reason: String,
    },
    /// The file is no TOML.
    #[error("{path}: {reason}")]
    NoToml {
        /// The file.
        path: String,
        /// What is wrong, drawn.
        reason: String,
    },
    /// There is no such setting.
    #[error("{place}: there is no setting {key}{}", suggestion(.like))]
    Unknown {
        /// Where it stands.
        place: String,
        /// What was written.
        key: String,
        /// What may have been meant.
        like: Option<&'static str>,
    },
    /// The value is none that the setting takes.
    #[error("{place}: {key} {reason}")]
    Invalid {
        /// Where it stands.
        place: String,
        /// The setting.
        key: &'static str,
        /// What it takes.
        reason: String,
    },
    /// More than one thing is wrong, in the order of its lines.
    #[error("{}", lines(.0))]
    Several(Vec<SettingsError>),
}

fn lines(errors: &[SettingsError]) -> String {
    let lines: Vec<String> = errors.iter().map(ToString::to_string).collect();
    lines.join("\n")
}

fn suggestion(like: &Option<&'static str>) -> String {
    match like {
        Some(like) => format!("; did you mean {like}?"),
        None => "; chimera serve --print-config lists all of them".to_owned(),
    }
}

/// The value of every setting.
#[derive(Clone, Debug)]
pub struct Settings {
    values: BTreeMap<&'static str, (Value, Origin)>,
}

impl Default for Settings {
    fn default() -> Settings {
        let default = |setting: &'static Setting| {
            let value = setting
                .kind
                .parse(setting.default)
                .expect("the defaults in the table are values");
            (setting.key, (value, Origin::Default))
        };
        Settings {
            values: SETTINGS.iter().map(default).collect(),
        }
    }
}

fn find(key: &str) -> Option<&'static Setting> {
    SETTINGS.iter().find(|setting| setting.key == key)
}

/// The section that is written most like `key`, if any is.
fn section_like(key: &str) -> Option<&'static str> {
    let sections = SETTINGS.iter().filter_map(|setting| {
        let (section, _) = setting.key.rsplit_once('.')?;
        Some((strsim::jaro_winkler(section, key), section))
    });
    most(sections)
}

/// The likeliest, unless none is likely.
fn most(all: impl Iterator<Item = (f64, &'static str)>) -> Option<&'static str> {
    all.filter(|(likeness, _)| *likeness > 0.8)
        .max_by(|left, right| left.0.total_cmp(&right.0))
        .map(|(_, key)| key)
}

/// The setting that is written most like `key`, if any is.
fn most_like(key: &str) -> Option<&'static str> {
    let last = |key: &str| key.rsplit('.').next().unwrap_or("").to_owned();
    most(SETTINGS.iter().map(|setting| {
        let whole = strsim::jaro_winkler(setting.key, key);
        // The right word in the wrong section.
        let part = strsim::jaro_winkler(&last(setting.key), &last(key)) - 0.05;
        (whole.max(part), setting.key)
    }))
}

impl Settings {
    /// Takes over what a TOML file sets.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read_file(&mut self, path: &Path) -> Result<(), SettingsError> {
        let name = path.display().to_string();
        let text = std::fs::read_to_string(path).map_err(|error| SettingsError::Unreadable {
            path: name.clone(),
            reason: error.to_string(),
        })?;
        self.read_toml(&name, &text)
    }

    /// The same from its text; `name` is for errors.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn read_toml(&mut self, name: &str, text: &str) -> Result<(), SettingsError> {
        let table = DeTable::parse(text).map_err(|error| SettingsError::NoToml {
            path: name.to_owned(),
            reason: error.to_string().trim_end().to_owned(),
        })?;
        let mut wrong = Vec::new();
        self.take_table(name, text, "", table.get_ref(), &mut wrong);
        wrong.sort_by_key(|(line, _)| *line);
        let mut errors: Vec<_> = wrong.into_iter().map(|(_, error)| error).collect();
        match errors.len() {
            0 => Ok(()),
            1 => Err(errors.remove(0)),
            _ => Err(SettingsError::Several(errors)),
        }
    }

    /// Takes over what a table sets; adds what is `wrong` with it, by line.
    fn take_table(
        &mut self,
        name: &str,
        text: &str,
        section: &str,
        table: &DeTable<'_>,
        wrong: &mut Vec<(usize, SettingsError)>,
    ) {
        for (key, value) in table {
            let line = text[..key.span().start].matches('\n').count() + 1;
            let place = format!("{name}:{line}");
            let path = format!("{section}{}", key.get_ref());
            let inner = format!("{path}.");
            let is_section = SETTINGS
                .iter()
                .any(|setting| setting.key.starts_with(&inner));
            let is_table = matches!(value.get_ref(), DeValue::Table(_));
            if let (DeValue::Table(within), true) = (value.get_ref(), is_section) {
                self.take_table(name, text, &inner, within, wrong);
                continue;
            }
            let Some(setting) = find(&path) else {
                let like = if is_table { section_like(&path) } else { None };
                let error = SettingsError::Unknown {
                    place,
                    like: like.or_else(|| most_like(&path)),
                    key: path,
                };
                wrong.push((line, error));
                continue;
            };
            match written(value, setting.kind) {
                Ok(value) => {
                    self.values.insert(setting.key, (value, Origin::File(line)));
                }
                Err(reason) => {
                    let key = setting.key;
                    wrong.push((line, SettingsError::Invalid { place, key, reason }));
                }
            }
        }
    }

    /// Takes over what the environment sets. Returns variables that look like
    /// settings and are none, with what may have been meant: other programs may
    /// have put them there, so they are no errors.
    ///
    /// # Errors
    /// The first value that a setting does not take.
    pub fn read_environment(
        &mut self,
        variables: impl IntoIterator<Item = (String, String)>,
    ) -> Result<Vec<SettingsError>, SettingsError> {
        let mut unknown = Vec::new();
        for (name, text) in variables {
            if !name.starts_with(PREFIX) || OTHER_VARIABLES.contains(&name.as_str()) {
                continue;
            }
            match SETTINGS.iter().find(|setting| setting.variable() == name) {
                Some(setting) => {
                    let place = name.clone();
                    self.set(setting, &text, &place, Origin::Environment(name))?;
                }
                None => {
                    let key = name[PREFIX.len()..].to_lowercase().replace('_', "-");
                    unknown.push(SettingsError::Unknown {
                        like: most_like(&key),
                        place: "the environment".to_owned(),
                        key: name,
                    });
                }
            }
        }
        Ok(unknown)
    }

    /// Takes over a flag's value for the setting `key`.
    ///
    /// # Errors
    /// If there is no such setting, or it does not take the value.
    pub fn set_by_flag(&mut self, key: &str, text: &str) -> Result<(), SettingsError> {
        let place = "the command line".to_owned();
        match find(key) {
            Some(setting) => self.set(setting, text, &place, Origin::Flag),
            None => Err(SettingsError::Unknown {
                place,
                key: key.to_owned(),
                like: most_like(key),
            }),
        }
    }

    fn set(
        &mut self,
        setting: &'static Setting,
        text: &str,
        place: &str,
        origin: Origin,
    ) -> Result<(), SettingsError> {
        let value = setting
            .kind
            .parse(text)
            .map_err(|reason| SettingsError::Invalid {
                place: place.to_owned(),
                key: setting.key,
                reason,
            })?;
        self.values.insert(setting.key, (value, origin));
        Ok(())
    }

    /// The value of a setting that the table has.
    pub fn value(&self, key: &str) -> &Value {
        let (value, _) = self.values.get(key).expect("the table has this setting");
        value
    }

    /// Every setting as a TOML file that sets it so, with where it comes from.
    pub fn to_toml(&self) -> String {
        let mut text = String::new();
        let mut section = "";
        for setting in SETTINGS {
            let (value, origin) = &self.values[setting.key];
            let (within, name) = setting.key.rsplit_once('.').unwrap_or(("", setting.key));
            if within != section {
                writeln!(text, "[{within}]\n").expect("strings take all writes");
                section = within;
            }
            let from = match origin {
                Origin::Default => "default".to_owned(),
                Origin::File(line) => format!("file, line {line}"),
                Origin::Environment(variable) => variable.clone(),
                Origin::Flag => "flag".to_owned(),
            };
            writeln!(text, "# {} ({from})", setting.meaning).expect("strings take all writes");
            match value {
                Value::Unset => writeln!(text, "# {name} =\n"),
                value => writeln!(text, "{name} = {value}\n"),
            }
            .expect("strings take all writes");
        }
        text
    }
}

/// A value as TOML writes it.
fn written(value: &Spanned<DeValue<'_>>, kind: Kind) -> Result<Value, String> {
    match (value.get_ref(), kind) {
        (DeValue::String(text), kind) if kind.is_text() => kind.parse(text),
        (DeValue::Integer(integer), Kind::Integer { .. } | Kind::Seconds { .. }) => {
            kind.parse(integer.as_str())
        }
        (DeValue::Float(float), Kind::Seconds { .. }) => kind.parse(float.as_str()),
        (DeValue::Boolean(boolean), Kind::Boolean) => Ok(Value::Boolean(*boolean)),
        (DeValue::Array(items), Kind::List) => items
            .iter()
            .map(|item| match item.get_ref() {
                DeValue::String(text) => Ok(text.to_string()),
                _ => Err(kind.wanted()),
            })
            .collect::<Result<_, _>>()
            .map(Value::List),
        _ => Err(kind.wanted()),
    }
}

#[cfg(test)]
mod tests;

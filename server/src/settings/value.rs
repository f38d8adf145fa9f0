//! What a setting can be.

use std::fmt;
use std::time::Duration;

/// What values a setting takes.
#[derive(Clone, Copy, Debug)]
pub enum Kind {
    /// Any text.
    Text,
    /// A path; empty for none.
    Path,
    /// An IP address.
    Address,
    /// A whole number within bounds.
    Integer {
        /// The least.
        min: i64,
        /// The most.
        max: i64,
    },
    /// A time in seconds within bounds; empty for none.
    Seconds {
        /// The least.
        min: f64,
        /// The most.
        max: f64,
    },
    /// `true` or `false`.
    Boolean,
    /// One of these words.
    Word(&'static [&'static str]),
    /// Texts, separated by commas where they are not written in TOML.
    List,
}

/// The value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// None.
    Unset,
    /// A text, word, path or address.
    Text(String),
    /// A whole number.
    Integer(i64),
    /// Seconds.
    Seconds(f64),
    /// Whether.
    Boolean(bool),
    /// Texts.
    List(Vec<String>),
}

impl Kind {
    /// Whether its values are texts.
    pub(super) fn is_text(self) -> bool {
        matches!(
            self,
            Kind::Text | Kind::Path | Kind::Address | Kind::Word(_)
        )
    }

    /// Reads a value.
    ///
    /// # Errors
    /// What is wanted instead.
    pub(super) fn parse(self, text: &str) -> Result<Value, String> {
        let wanted = || self.wanted();
        match self {
            Kind::Text => Ok(Value::Text(text.to_owned())),
            Kind::Path | Kind::Seconds { .. } if text.is_empty() => Ok(Value::Unset),
            Kind::Path => Ok(Value::Text(text.to_owned())),
            Kind::Address => match text.parse::<std::net::IpAddr>() {
                Ok(_) => Ok(Value::Text(text.to_owned())),
                Err(_) => Err(wanted()),
            },
            Kind::Integer { min, max } => {
                let number = text.replace('_', "").parse().map_err(|_| wanted())?;
                if (min..=max).contains(&number) {
                    Ok(Value::Integer(number))
                } else {
                    Err(wanted())
                }
            }
            Kind::Seconds { min, max } => {
                let seconds = text.parse().map_err(|_| wanted())?;
                if (min..=max).contains(&seconds) {
                    Ok(Value::Seconds(seconds))
                } else {
                    Err(wanted())
                }
            }
            Kind::Boolean => match text.to_ascii_lowercase().as_str() {
                "true" | "1" | "yes" | "on" => Ok(Value::Boolean(true)),
                "false" | "0" | "no" | "off" => Ok(Value::Boolean(false)),
                _ => Err(wanted()),
            },
            Kind::Word(words) if words.contains(&text) => Ok(Value::Text(text.to_owned())),
            Kind::Word(_) => Err(wanted()),
            Kind::List => Ok(Value::List(
                text.split(',')
                    .map(str::trim)
                    .filter(|item| !item.is_empty())
                    .map(ToOwned::to_owned)
                    .collect(),
            )),
        }
    }

    /// What it takes, as the end of a sentence that begins with the key.
    pub(super) fn wanted(self) -> String {
        match self {
            Kind::Text => "must be a text".to_owned(),
            Kind::Path => "must be a path".to_owned(),
            Kind::Address => "must be an IP address such as 127.0.0.1".to_owned(),
            Kind::Integer { min, max } => format!("must be a whole number from {min} to {max}"),
            Kind::Seconds { min, max } => format!("must be from {min} to {max} seconds"),
            Kind::Boolean => "must be true or false".to_owned(),
            Kind::Word(words) => format!("must be one of {}", words.join(", ")),
            Kind::List => "must be a list of texts".to_owned(),
        }
    }
}

impl Value {
    /// The text, if there is one.
    pub fn text(&self) -> Option<&str> {
        match self {
            Value::Text(text) => Some(text),
            _ => None,
        }
    }

    /// The whole number as a count.
    ///
    /// # Panics
    /// If the setting is no count.
    pub fn count(&self) -> usize {
        match self {
            Value::Integer(number) => {
                usize::try_from(*number).expect("counts have a minimum that is not negative")
            }
            other => panic!("{other} is no count"),
        }
    }

    /// The seconds, if they are set.
    pub fn seconds(&self) -> Option<f64> {
        match self {
            Value::Seconds(seconds) => Some(*seconds),
            _ => None,
        }
    }

    /// The time that a setting which is always set says.
    ///
    /// # Panics
    /// If the setting is no time, or unset.
    pub fn duration(&self) -> Duration {
        Duration::from_secs_f64(self.seconds().expect("this time has a default"))
    }

    /// Whether it is `true`.
    pub fn is_true(&self) -> bool {
        *self == Value::Boolean(true)
    }

    /// The texts of a list.
    pub fn list(&self) -> &[String] {
        match self {
            Value::List(items) => items,
            _ => &[],
        }
    }
}

/// As TOML writes it.
impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let quoted = |text: &str| toml::Value::String(text.to_owned()).to_string();
        match self {
            Value::Unset => Ok(()),
            Value::Text(text) => f.write_str(&quoted(text)),
            Value::Integer(number) => write!(f, "{number}"),
            Value::Seconds(seconds) => write!(f, "{seconds}"),
            Value::Boolean(boolean) => write!(f, "{boolean}"),
            Value::List(items) => {
                let items: Vec<String> = items.iter().map(|item| quoted(item)).collect();
                write!(f, "[{}]", items.join(", "))
            }
        }
    }
}

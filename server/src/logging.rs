//! The log: its form, and its level, which can be changed while the server runs.

use std::io::IsTerminal;
use std::sync::{Arc, Mutex, PoisonError};

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::reload;
use tracing_subscriber::util::{SubscriberInitExt, TryInitError};

/// How log lines are written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// One JSON object a line.
    Json,
}

/// Why there is no log, or no other level of it.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LogError {
    /// The level is none.
    #[error(
        "{text:?} is no log level{reason}; write error, warn, info, debug, trace, or module=level, …"
    )]
    NoLevel {
        /// What was given.
        text: String,
        /// What is wrong with a part of it, after a colon.
        reason: String,
    },
    /// Another log is installed.
    #[error("the log could not be installed: {0}")]
    Installed(#[from] TryInitError),
    /// The log is gone.
    #[error("the log cannot be changed: {0}")]
    Gone(String),
}

/// What is logged. Clones are the same.
#[derive(Clone)]
pub struct LogLevel(Arc<Shared>);

type Apply = dyn Fn(EnvFilter) -> Result<(), String> + Send + Sync;

struct Shared {
    level: Mutex<String>,
    apply: Box<Apply>,
}

fn filter(level: &str) -> Result<EnvFilter, LogError> {
    let wrong = |reason: String| LogError::NoLevel {
        text: level.to_owned(),
        reason,
    };
    if level.trim().is_empty() {
        return Err(wrong(String::new()));
    }
    // A lone word that is no level would be taken for a module.
    for part in level.split(',').filter(|part| !part.contains(['=', '['])) {
        part.trim()
            .parse::<tracing::level_filters::LevelFilter>()
            .ok()
            // Numbers would do for the library, however many zeros they begin with.
            .filter(|_| part.trim().starts_with(|first: char| first.is_alphabetic()))
            .ok_or_else(|| {
                wrong(match part {
                    whole if whole == level => String::new(),
                    part => format!(": {part:?} is none"),
                })
            })?;
    }
    EnvFilter::try_new(level).map_err(|error| wrong(format!(": {error}")))
}

impl LogLevel {
    /// A level that `apply` puts in force.
    pub fn new(
        level: &str,
        apply: impl Fn(EnvFilter) -> Result<(), String> + Send + Sync + 'static,
    ) -> LogLevel {
        LogLevel(Arc::new(Shared {
            level: Mutex::new(level.to_owned()),
            apply: Box::new(apply),
        }))
    }

    /// The level in force.
    pub fn get(&self) -> String {
        let level = self.0.level.lock();
        level.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Puts another level in force.
    ///
    /// # Errors
    /// If it is none, or the log is gone.
    pub fn set(&self, level: &str) -> Result<(), LogError> {
        let filter = filter(level)?;
        let mut current = self.0.level.lock().unwrap_or_else(PoisonError::into_inner);
        (self.0.apply)(filter).map_err(LogError::Gone)?;
        level.clone_into(&mut current);
        Ok(())
    }
}

/// Installs the log of this process, to its standard error.
///
/// # Errors
/// If the level is none, or there is a log already.
pub fn install(format: LogFormat, level: &str) -> Result<LogLevel, LogError> {
    let (filter, handle) = reload::Layer::new(filter(level)?);
    let registry = tracing_subscriber::registry().with(filter);
    let lines = tracing_subscriber::fmt::layer().with_writer(std::io::stderr);
    match format {
        LogFormat::Text => registry
            .with(lines.with_ansi(std::io::stderr().is_terminal()))
            .try_init()?,
        LogFormat::Json => registry.with(lines.json()).try_init()?,
    }
    Ok(LogLevel::new(level, move |filter| {
        handle.reload(filter).map_err(|error| error.to_string())
    }))
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::LogLevel;

    #[test]
    fn only_levels_are_put_in_force() {
        let applied = Arc::new(AtomicUsize::new(0));
        let count = Arc::clone(&applied);
        let level = LogLevel::new("info", move |_| {
            count.fetch_add(1, Ordering::Relaxed);
            Ok(())
        });
        for good in ["debug", "warn,chimera_server::http=trace", "off"] {
            level.set(good).unwrap();
            assert_eq!(level.get(), good);
        }
        for bad in ["", "loud", "a=loud", "info,loud", "0000"] {
            let said = level.set(bad).unwrap_err().to_string();
            assert!(said.contains("is no log level"), "{said}");
        }
        assert_eq!(
            (level.get().as_str(), applied.load(Ordering::Relaxed)),
            ("off", 3)
        );
    }
}

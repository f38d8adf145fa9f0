//! The line editor before a REPL. The only door of `rustyline`.

use std::borrow::Cow;
use std::cell::Cell;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use rustyline::completion::Completer;
use rustyline::config::Configurer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::history::DefaultHistory;
use rustyline::validate::{ValidationContext, ValidationResult, Validator};
use rustyline::{Behavior, ColorMode, CompletionType, Config, Context, Editor, Helper, Hinter};

use crate::complete::complete;
use crate::console::Style;
use crate::highlight::highlight;
use crate::input::is_incomplete;
use crate::repl::{Flow, Repl};
use crate::session::Session;

const ENTRIES_MAX: usize = 10_000;

/// Why a terminal could not be read.
#[derive(Debug, thiserror::Error)]
#[error("the terminal cannot be read")]
pub struct InteractiveError(#[source] ReadlineError);

/// Reads entries from the terminal until it ends or one says to quit. Entries
/// are kept in the file `history`; that it cannot be used is said and no more.
///
/// # Errors
/// If the terminal cannot be read or written.
pub fn interactive<S: Session>(
    repl: &mut Repl<'_, S>,
    history: Option<PathBuf>,
) -> Result<(), InteractiveError> {
    let style = repl.screen.console.style;
    let mut editor = editor(style).map_err(InteractiveError)?;
    let mut history = History::load(history, &mut editor, repl);
    repl.greet();
    let mut interrupted = false;
    loop {
        if let Some(assistant) = editor.helper_mut() {
            assistant.words = repl.session.words();
        }
        match editor.readline("> ") {
            Ok(entry) => {
                interrupted = false;
                if entry.trim().is_empty() {
                    continue;
                }
                history.keep(&entry, &mut editor, repl);
                if repl.enter(&entry).map_err(written)? == Flow::Quit {
                    return Ok(());
                }
            }
            Err(ReadlineError::Interrupted) => {
                if interrupted {
                    repl.screen.console.note("Ctrl-D or :quit leaves");
                }
                interrupted = !interrupted;
            }
            Err(ReadlineError::Eof) => return Ok(()),
            Err(error) => return Err(InteractiveError(error)),
        }
    }
}

fn written(error: io::Error) -> InteractiveError {
    InteractiveError(ReadlineError::Io(error))
}

type LineEditor = Editor<Assistant, DefaultHistory>;

fn editor(style: Style) -> Result<LineEditor, ReadlineError> {
    let config = Config::builder()
        .max_history_size(ENTRIES_MAX)?
        .history_ignore_dups(true)?
        .completion_type(CompletionType::List)
        // Where results go to a file or a pipe, prompts stay on the terminal.
        .behavior(if io::stdout().is_terminal() {
            Behavior::Stdio
        } else {
            Behavior::PreferTerm
        })
        .build();
    let mut editor = LineEditor::with_config(config)?;
    editor.set_color_mode(match style {
        Style::Coloured => ColorMode::Enabled,
        Style::Plain => ColorMode::Disabled,
    });
    editor.set_helper(Some(Assistant {
        words: Vec::new(),
        style,
        is_final: Cell::new(false),
    }));
    Ok(editor)
}

/// The file with earlier entries, as long as it can be used.
struct History(Option<PathBuf>);

impl History {
    fn load<S: Session>(
        path: Option<PathBuf>,
        editor: &mut LineEditor,
        repl: &mut Repl<'_, S>,
    ) -> History {
        let Some(path) = path else {
            repl.screen
                .console
                .note("entries are not kept: neither XDG_STATE_HOME nor HOME is set");
            return History(None);
        };
        match prepare(&path).and_then(|()| match editor.load_history(&path) {
            Err(ReadlineError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(()),
            other => other,
        }) {
            Ok(()) => History(Some(path)),
            Err(error) => History::give_up(&path, &error, repl),
        }
    }

    fn give_up<S>(path: &Path, error: &ReadlineError, repl: &mut Repl<'_, S>) -> History {
        repl.screen.console.note(format_args!(
            "warning: entries are not kept: {}: {error}",
            path.display()
        ));
        History(None)
    }

    /// Written at once, so that nothing is lost however the session ends.
    fn keep<S>(&mut self, entry: &str, editor: &mut LineEditor, repl: &mut Repl<'_, S>) {
        // Only a history in a database can fail here.
        let _ = editor.add_history_entry(entry);
        if let Some(path) = self.0.take() {
            *self = match editor.append_history(&path) {
                Ok(()) => History(Some(path)),
                Err(error) => History::give_up(&path, &error, repl),
            };
        }
    }
}

fn prepare(path: &Path) -> Result<(), ReadlineError> {
    match path.parent() {
        Some(directory) => Ok(std::fs::create_dir_all(directory)?),
        None => Ok(()),
    }
}

/// What the editor asks while an entry is typed.
#[derive(Helper, Hinter)]
struct Assistant {
    /// The known names, sorted.
    words: Vec<String>,
    style: Style,
    /// Whether the entry is done, so that no bracket is at the cursor any more.
    is_final: Cell<bool>,
}

impl Validator for Assistant {
    fn validate(&self, context: &mut ValidationContext<'_>) -> rustyline::Result<ValidationResult> {
        Ok(if is_incomplete(context.input()) {
            ValidationResult::Incomplete
        } else {
            ValidationResult::Valid(None)
        })
    }
}

impl Completer for Assistant {
    type Candidate = String;

    fn complete(
        &self,
        line: &str,
        pos: usize,
        _context: &Context<'_>,
    ) -> rustyline::Result<(usize, Vec<String>)> {
        Ok(complete(line, pos, &self.words))
    }
}

impl Highlighter for Assistant {
    fn highlight<'l>(&self, line: &'l str, pos: usize) -> Cow<'l, str> {
        match self.style {
            Style::Plain => Cow::Borrowed(line),
            Style::Coloured => {
                let cursor = (!self.is_final.get()).then_some(pos);
                Cow::Owned(highlight(line, cursor, &self.words))
            }
        }
    }

    fn highlight_char(&self, _line: &str, _pos: usize, kind: CmdKind) -> bool {
        self.is_final.set(kind == CmdKind::ForcedRefresh);
        self.style == Style::Coloured
    }
}

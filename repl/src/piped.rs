//! A whole input without a terminal: no prompt, no colour, lines as `run` prints.

use std::io;

use crate::command;
use crate::input::{PartKind, parts};
use crate::repl::{Flow, Repl};
use crate::screen::Worst;
use crate::session::Session;

/// Takes all of `source`, called `name` in messages, and goes on after errors of
/// directives. Nothing is applied if a part is not MeTTa or no command.
///
/// Returns the exit status, as [`Repl::exit_status`].
///
/// # Errors
/// If results cannot be written.
pub fn piped<S: Session>(repl: &mut Repl<'_, S>, source: &str, name: &str) -> io::Result<u8> {
    let parts = parts(source);
    for part in &parts {
        match part.kind {
            PartKind::MeTTa(text) => {
                repl.screen.check(text, name, part.line_before);
            }
            PartKind::Command(text) => {
                let understood = command::of(text).map(|line| line.understand());
                if let Some(Err(error)) = understood {
                    let line = part.line_before + 1;
                    repl.screen.worst = Worst::Unreadable;
                    repl.screen
                        .console
                        .error(format_args!("{name}:{line}: {error}"));
                }
            }
        }
    }
    if repl.screen.worst == Worst::Unreadable {
        return Ok(repl.exit_status());
    }
    for part in parts {
        match part.kind {
            PartKind::MeTTa(text) => {
                if repl.evaluate(text, name, part.line_before)?.is_break() {
                    break;
                }
            }
            PartKind::Command(text) => {
                if repl.enter(text)? == Flow::Quit {
                    break;
                }
            }
        }
    }
    Ok(repl.exit_status())
}

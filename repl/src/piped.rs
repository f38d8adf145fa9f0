//! An input without a terminal: no prompt, no colour, lines as `run` prints.

use std::io::{self, BufRead};

use crate::command;
use crate::input::{Entries, PartKind, parts};
use crate::repl::{Flow, Repl};
use crate::session::Session;

/// Takes what comes in on `input`, called `name` in messages, and answers each entry,
/// the lines up to where nothing is open, as soon as it is there. Goes on after what is
/// not MeTTa, of which nothing is applied, after what is no command, and after errors
/// of directives.
///
/// Returns the exit status, as [`Repl::exit_status`].
///
/// # Errors
/// If results cannot be written.
pub fn piped<S: Session>(
    repl: &mut Repl<'_, S>,
    mut input: impl BufRead,
    name: &str,
) -> io::Result<u8> {
    let mut entries = Entries::default();
    loop {
        let ended = match input.fill_buf() {
            Ok(read) => {
                let length = read.len();
                entries.add(read);
                input.consume(length);
                length == 0
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => {
                repl.unreadable(format_args!("{name}: {error}"));
                return Ok(repl.exit_status());
            }
        };
        loop {
            let taken = match entries.whole(ended) {
                Ok(Some(taken)) => taken,
                Ok(None) => break,
                Err(error) => {
                    repl.unreadable(format_args!("{name}: {error}"));
                    return Ok(repl.exit_status());
                }
            };
            if take(repl, taken.text, name, taken.line_before)? == Flow::Quit {
                return Ok(repl.exit_status());
            }
            let length = taken.text.len();
            entries.drop(length);
        }
        if ended {
            return Ok(repl.exit_status());
        }
    }
}

/// Answers entries, before which `line_before` lines stand.
fn take<S: Session>(
    repl: &mut Repl<'_, S>,
    text: &str,
    name: &str,
    line_before: usize,
) -> io::Result<Flow> {
    for part in parts(text) {
        let line_before = line_before + part.line_before;
        match part.kind {
            PartKind::MeTTa(text) => {
                if repl.evaluate(text, name, line_before)?.is_break() {
                    return Ok(Flow::Quit);
                }
            }
            PartKind::Command(text) => {
                if let Some(Err(error)) = command::of(text).map(|line| line.understand()) {
                    let line = line_before + 1;
                    repl.unreadable(format_args!("{name}:{line}: {error}"));
                } else if repl.enter(text)? == Flow::Quit {
                    return Ok(Flow::Quit);
                }
            }
        }
    }
    Ok(Flow::Continue)
}

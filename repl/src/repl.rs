//! What happens to an entry: evaluate it, or do what its `:command` says.

use std::fmt;
use std::io;
use std::ops::ControlFlow;

use crate::command::{self, Command};
use crate::console::Console;
use crate::docs;
use crate::screen::{Screen, TYPED, Worst, seconds};
use crate::session::{Access, Answer, Insight, Limits, Outcome, Session, SessionError};

/// A session with a console: entries go in, lines come out. Knows no terminal.
pub struct Repl<'w, S> {
    pub(crate) session: S,
    pub(crate) screen: Screen<'w>,
}

/// Whether a REPL goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// It takes another entry.
    Continue,
    /// It was asked to end.
    Quit,
}

impl<'w, S: Session> Repl<'w, S> {
    /// A REPL over `session` that writes to `console`.
    pub fn new(session: S, console: Console<'w>) -> Repl<'w, S> {
        Repl {
            session,
            screen: Screen::new(console),
        }
    }

    /// Does what one entry says: a `:command`, or forms in any number.
    ///
    /// # Errors
    /// If results cannot be written.
    pub fn enter(&mut self, entry: &str) -> io::Result<Flow> {
        match command::of(entry) {
            Some(line) => self.command(line),
            None => {
                // A session that cannot be reached now may be there again later.
                let _ = self.evaluate(entry, TYPED, 0)?;
                Ok(Flow::Continue)
            }
        }
    }

    /// 0, 1 when a directive gave an error or was refused, 2 when something was
    /// not MeTTa or could not be read or reached.
    pub fn exit_status(&self) -> u8 {
        match self.screen.worst {
            Worst::Good => 0,
            Worst::Failed => 1,
            Worst::Unreadable => 2,
        }
    }

    /// What was typed or read makes no sense, or cannot be read on.
    pub(crate) fn unreadable(&mut self, reason: impl fmt::Display) {
        self.screen.worst = self.screen.worst.max(Worst::Unreadable);
        self.screen.console.error(reason);
    }

    /// The greeting of an interactive session.
    pub(crate) fn greet(&mut self) {
        let attached = self.session.describe();
        let access = match self.session.access() {
            Access::ReadWrite => "",
            Access::ReadOnly => ", read-only",
        };
        self.screen.console.note(format_args!(
            "Chimera {}, {attached}{access}; :help lists the commands, Ctrl-D leaves",
            env!("CARGO_PKG_VERSION")
        ));
    }

    /// Evaluates `source`, of which nothing is applied if it is not MeTTa.
    /// `line_before` lines stand before it in the text called `name`. Breaks if
    /// the session cannot go on with what comes after.
    pub(crate) fn evaluate(
        &mut self,
        source: &str,
        name: &str,
        line_before: usize,
    ) -> io::Result<ControlFlow<()>> {
        if !self.screen.check(source, name, line_before) {
            return Ok(ControlFlow::Continue(()));
        }
        // Empty lines, so that the session counts lines as the whole text does.
        let source = "\n".repeat(line_before) + source;
        let limits = self.session.limits();
        let mut written = Ok(());
        let ended = self.session.evaluate(&source, name, &mut |reply| {
            written = self.screen.show(&reply, name, limits);
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        written?;
        Ok(match ended {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                self.fail(&error);
                ControlFlow::Break(())
            }
        })
    }

    fn fail(&mut self, error: &SessionError) {
        if matches!(error, SessionError::Interrupted) {
            // The terminal has shown `^C` on the line.
            self.screen.console.break_line();
        }
        let worst = match error {
            SessionError::Interrupted | SessionError::ReadOnly(_) | SessionError::Listing(_) => {
                Worst::Failed
            }
            SessionError::Load(_) | SessionError::Unreachable(_) => Worst::Unreadable,
        };
        self.screen.fail(worst, error);
    }

    fn command(&mut self, line: command::Line<'_>) -> io::Result<Flow> {
        let command = match line.understand() {
            Ok(command) => command,
            Err(error) => {
                self.screen.fail(Worst::Unreadable, &error);
                return Ok(Flow::Continue);
            }
        };
        match command {
            Command::Quit => return Ok(Flow::Quit),
            Command::Help => self.screen.console.line(command::help())?,
            Command::Load(file) => self.load(file)?,
            Command::Type(expression) => self.types(expression)?,
            Command::Doc(name) => self.doc(name)?,
            Command::Space { space, atoms_max } => self.space(space, atoms_max)?,
            Command::Reset => match self.session.reset() {
                Ok(()) => self.screen.console.note("what was added is forgotten"),
                Err(error) => self.fail(&error),
            },
            Command::Time(on) => self.screen.time = on,
            Command::Bindings(true) if !self.session.tells_bindings() => {
                let error = "this session does not tell bindings; one with --connect does";
                self.refuse(error);
            }
            Command::Bindings(on) => self.screen.bindings = on,
            Command::Limit(time) => {
                let limits = self.session.limits();
                self.session.set_limits(Limits { time, ..limits });
            }
            Command::Settings => self.settings()?,
            Command::Stats => self.look_into(Insight::Stats)?,
            Command::Profile(expression) => {
                if let Some(expression) = self.one("profile", expression) {
                    self.look_into(Insight::Profile(expression))?;
                }
            }
            Command::Trace(expression) => {
                if let Some(expression) = self.one("trace", expression) {
                    self.look_into(Insight::Trace(expression))?;
                }
            }
            Command::Code(name) => {
                if let Some(name) = self.one("code", name) {
                    self.look_into(Insight::Code(name))?;
                }
            }
        }
        Ok(Flow::Continue)
    }

    fn look_into(&mut self, insight: Insight<'_>) -> io::Result<()> {
        let limits = self.session.limits();
        let mut written = Ok(());
        let told = self.session.look_into(insight, &mut |reply| {
            written = self.screen.show(&reply, TYPED, limits);
            match written {
                Ok(()) => ControlFlow::Continue(()),
                Err(_) => ControlFlow::Break(()),
            }
        });
        written?;
        match told {
            Ok(told) => self.screen.console.line(told.trim_end()),
            Err(error) => {
                self.fail(&error);
                Ok(())
            }
        }
    }

    fn refuse(&mut self, reason: &str) {
        self.fail(&SessionError::ReadOnly(reason.to_owned()));
    }

    fn settings(&mut self) -> io::Result<()> {
        let switch = |on| if on { "on" } else { "off" };
        let limits = self.session.limits();
        let limit = limits.time.map_or_else(|| "off".to_owned(), seconds);
        let (time, bindings) = (switch(self.screen.time), switch(self.screen.bindings));
        self.screen.console.line(format_args!(
            "time {time}\nbindings {bindings}\nlimit {limit}"
        ))
    }

    fn load(&mut self, file: &str) -> io::Result<()> {
        if self.session.access() == Access::ReadOnly {
            self.refuse(
                "this session is read-only and loads no files; \
                 `!(match …)` queries it, `chimera repl` without --connect loads",
            );
            return Ok(());
        }
        match read_source(file) {
            Ok(source) => {
                let _ = self.evaluate(&source, file, 0)?;
            }
            Err(error) => self.screen.fail(Worst::Unreadable, &error),
        }
        Ok(())
    }

    /// The one expression that a command's argument is, without its `!`.
    fn one<'t>(&mut self, command: &str, argument: &'t str) -> Option<&'t str> {
        if !self.screen.check(argument, TYPED, 0) {
            return None;
        }
        let parsed = chimera_grammar::parse(argument);
        let [form] = parsed.tree.forms() else {
            let count = parsed.tree.forms().len();
            self.unreadable(format_args!(
                "`:{command}` takes one expression, not {count}"
            ));
            return None;
        };
        let span = parsed.tree.nodes()[form.node as usize].span;
        Some(&argument[span.start..span.end])
    }

    fn types(&mut self, expression: &str) -> io::Result<()> {
        let Some(expression) = self.one("type", expression) else {
            return Ok(());
        };
        let Some(types) = self.ask(&format!("!(get-type {expression})")) else {
            return Ok(());
        };
        for answer in &types {
            self.screen.console.line(&answer.text)?;
        }
        if types.is_empty() {
            self.screen
                .console
                .note("no type fits: the arguments are not what the signature takes");
        }
        Ok(())
    }

    fn doc(&mut self, name: &str) -> io::Result<()> {
        let Some(name) = self.one("doc", name) else {
            return Ok(());
        };
        let Some(mut docs) = self.ask(&format!("!(get-doc &self {name})")) else {
            return Ok(());
        };
        if !docs.iter().any(|doc| docs::is_doc(&doc.text)) {
            let query =
                |shape| format!("!(match &self (@doc {name}{shape}) (quote (@doc {name}{shape})))");
            docs = Vec::new();
            for shape in [" $desc", " $desc $params $return"] {
                let Some(found) = self.ask(&query(shape)) else {
                    return Ok(());
                };
                docs.extend(found);
            }
        }
        let Some(types) = self.ask(&format!("!(get-type {name})")) else {
            return Ok(());
        };
        for answer in &types {
            self.screen
                .console
                .line(format_args!("{name} : {}", answer.text))?;
        }
        for doc in &docs {
            self.screen.console.line(docs::render(&doc.text))?;
        }
        if docs.is_empty() {
            self.screen
                .console
                .note(format_args!("{name} has no `@doc`"));
        }
        Ok(())
    }

    fn space(&mut self, space: &str, atoms_max: usize) -> io::Result<()> {
        let Some(space) = self.one("space", space) else {
            return Ok(());
        };
        let Some(atoms) = self.ask(&format!("!(get-atoms {space})")) else {
            return Ok(());
        };
        for atom in atoms.iter().take(atoms_max) {
            self.screen.console.line(&atom.text)?;
        }
        let more = atoms.len().saturating_sub(atoms_max);
        match atoms.len() {
            0 => self.screen.console.note("no atoms"),
            _ if more > 0 => self.screen.console.note(format_args!(
                "and {more} more; `:space {space} {}` shows them",
                atoms.len()
            )),
            _ => {}
        }
        Ok(())
    }

    /// The answers to one directive that a command needs; `None` after a failure
    /// that has been reported.
    fn ask(&mut self, directive: &str) -> Option<Vec<Answer>> {
        let mut given = None;
        let ended = self.session.evaluate(directive, TYPED, &mut |reply| {
            given = Some(reply.outcome);
            ControlFlow::Continue(())
        });
        if let Err(error) = ended {
            self.fail(&error);
            return None;
        }
        match given {
            Some(Outcome::Results(results)) if results.is_error() => {
                self.screen.worst = self.screen.worst.max(Worst::Failed);
                let wrong = results.answers.into_iter().filter(|answer| answer.is_error);
                for text in wrong.map(|answer| answer.text).chain(results.error) {
                    self.screen.console.error(text);
                }
                None
            }
            Some(Outcome::Results(results)) => {
                if results.truncated {
                    let count = results.answers.len();
                    self.screen
                        .console
                        .note(format_args!("there are more; only {count} are known here"));
                }
                Some(results.answers)
            }
            Some(Outcome::Refused(reason)) => {
                self.refuse(&reason);
                None
            }
            None => Some(Vec::new()),
        }
    }
}

/// Why a file has no text.
#[derive(Debug, thiserror::Error)]
enum ReadError {
    #[error("cannot read {file}")]
    File { file: String, source: io::Error },
    #[error("{file} is not UTF-8: byte {offset} begins no character")]
    NotUtf8 { file: String, offset: usize },
}

fn read_source(file: &str) -> Result<String, ReadError> {
    let bytes = std::fs::read(file).map_err(|source| ReadError::File {
        file: file.to_owned(),
        source,
    })?;
    String::from_utf8(bytes).map_err(|error| ReadError::NotUtf8 {
        file: file.to_owned(),
        offset: error.utf8_error().valid_up_to(),
    })
}

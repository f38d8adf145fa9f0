//! Where the REPL writes, and in which colours.

use std::fmt;
use std::io::{self, Write};

/// Whether text is coloured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Style {
    /// With ANSI colours.
    Coloured,
    /// Text alone.
    Plain,
}

/// What a piece of text is, for its colour.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Paint {
    Variable,
    String,
    Number,
    Known,
    Comment,
    Directive,
    Command,
    Match,
    Error,
    Note,
}

impl Paint {
    fn code(self) -> &'static str {
        match self {
            Paint::Variable => "33",
            Paint::String => "32",
            Paint::Number => "35",
            Paint::Known => "36",
            Paint::Comment | Paint::Note => "90",
            Paint::Directive => "1;34",
            Paint::Command => "1",
            Paint::Match => "1;7",
            Paint::Error => "31",
        }
    }
}

impl Style {
    /// Coloured where `is_terminal`, unless the variable `NO_COLOR` is set to
    /// something or the terminal says that it is dumb.
    ///
    /// Source: <https://no-color.org>.
    pub fn of_environment(is_terminal: bool) -> Style {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        let dumb = set("TERM").is_some_and(|term| term == "dumb");
        if is_terminal && !dumb && set("NO_COLOR").is_none() {
            Style::Coloured
        } else {
            Style::Plain
        }
    }

    /// `text` in its colour.
    pub(crate) fn paint<T: fmt::Display>(self, paint: Paint, text: T) -> Painted<T> {
        Painted {
            code: (self == Style::Coloured).then(|| paint.code()),
            text,
        }
    }
}

/// A text that prints in its colour.
pub(crate) struct Painted<T> {
    code: Option<&'static str>,
    text: T,
}

impl<T: fmt::Display> fmt::Display for Painted<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "\x1b[{code}m{}\x1b[0m", self.text),
            None => self.text.fmt(f),
        }
    }
}

/// Where a REPL writes: results to one place, complaints to another.
pub struct Console<'w> {
    pub(crate) out: Box<dyn Write + 'w>,
    pub(crate) err: Box<dyn Write + 'w>,
    pub(crate) style: Style,
}

impl<'w> Console<'w> {
    /// Results go to `out`, errors and notes to `err`.
    pub fn new(out: impl Write + 'w, err: impl Write + 'w, style: Style) -> Console<'w> {
        Console {
            out: Box::new(out),
            err: Box::new(err),
            style,
        }
    }

    /// One line to `out`, at once.
    pub(crate) fn line(&mut self, text: impl fmt::Display) -> io::Result<()> {
        writeln!(self.out, "{text}")?;
        self.out.flush()
    }

    /// An error, as `error: …`. If nobody reads errors any more, nobody is told.
    pub(crate) fn error(&mut self, text: impl fmt::Display) {
        let mark = self.style.paint(Paint::Error, "error");
        let _ = writeln!(self.err, "{mark}: {text}").and_then(|()| self.err.flush());
    }

    /// How diagnostics are drawn here.
    pub(crate) fn drawing(&self) -> chimera_grammar::Style {
        match self.style {
            Style::Coloured => chimera_grammar::Style::Coloured,
            Style::Plain => chimera_grammar::Style::Plain,
        }
    }

    /// A drawing of several lines, its line end included.
    pub(crate) fn drawn(&mut self, drawing: &str) {
        // If nobody reads errors any more, nobody is told.
        let _ = write!(self.err, "{drawing}").and_then(|()| self.err.flush());
    }

    /// Ends a line that someone else began.
    pub(crate) fn break_line(&mut self) {
        let _ = writeln!(self.err);
    }

    /// A remark that is neither result nor error.
    pub(crate) fn note(&mut self, text: impl fmt::Display) {
        let note = self
            .style
            .paint(Paint::Note, format_args!("; {text}"))
            .to_string();
        let _ = writeln!(self.err, "{note}").and_then(|()| self.err.flush());
    }
}

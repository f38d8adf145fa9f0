//! The REPL as a library: sessions, the commands over them, and the editor.
//!
//! A [`Session`] evaluates text somewhere: [`Local`] in an engine of its own,
//! others wherever their owner likes. [`Repl`] is all that happens to an entry,
//! without a terminal. [`interactive`] puts a line editor before it and
//! [`piped`] a whole input; both are thin.

mod command;
mod complete;
mod console;
mod docs;
mod editor;
mod highlight;
mod history;
mod input;
mod interrupt;
mod local;
mod piped;
mod repl;
mod screen;
mod session;
mod stats;

pub use console::{Console, Style};
pub use editor::{InteractiveError, interactive};
pub use history::history_path;
pub use interrupt::{Interruptible, Interruption, Interrupts};
pub use local::Local;
pub use piped::piped;
pub use repl::{Flow, Repl};
pub use session::{
    Access, Answer, Insight, Limits, Outcome, Reply, Results, Session, SessionError,
};
pub use stats::Stats;

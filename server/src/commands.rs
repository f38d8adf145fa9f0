//! The subcommands of the binary.

pub(crate) mod check;
pub(crate) mod fmt;
pub(crate) mod repl;
mod room;
pub(crate) mod run;
pub(crate) mod serve;
mod source;
mod world;

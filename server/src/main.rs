//! The `chimera` binary: one subcommand a module.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod commands;

#[cfg(feature = "jemalloc")]
#[global_allocator]
static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

/// A self-healing runtime in which MeTTa rules take every decision.
#[derive(Parser)]
#[command(name = "chimera", version)]
struct Arguments {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve: sample, heal by rules, answer over HTTP (what `chimera` alone does).
    Serve(Box<commands::serve::Arguments>),
    /// Run MeTTa files: one line of results per `!` directive.
    Run(commands::run::Arguments),
    /// Find mistakes in MeTTa files before they run.
    Check(commands::check::Arguments),
    /// Lay MeTTa files out.
    Fmt(commands::fmt::Arguments),
    /// Evaluate what is typed or piped in, here or in a running server.
    Repl(commands::repl::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Some(Command::Serve(arguments)) => commands::serve::run(&arguments),
        Some(Command::Run(arguments)) => commands::run::run(&arguments),
        Some(Command::Check(arguments)) => commands::check::run(&arguments),
        Some(Command::Fmt(arguments)) => commands::fmt::run(&arguments),
        Some(Command::Repl(arguments)) => commands::repl::run(&arguments),
        None => commands::serve::run(&commands::serve::Arguments::default()),
    }
}

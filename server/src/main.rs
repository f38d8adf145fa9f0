//! The `chimera` binary: one subcommand a module.

use std::process::ExitCode;

use clap::{Args, CommandFactory, FromArgMatches, Parser, Subcommand};

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
    Serve(commands::serve::Arguments),
    /// Run MeTTa files: one line of results per `!` directive.
    Run(commands::run::Arguments),
    /// Lay MeTTa files out.
    Fmt(commands::fmt::Arguments),
    /// Evaluate what is typed or piped in, here or in a running server.
    Repl(commands::repl::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Some(Command::Serve(arguments)) => commands::serve::run(arguments),
        Some(Command::Run(arguments)) => commands::run::run(&arguments),
        Some(Command::Fmt(arguments)) => commands::fmt::run(&arguments),
        Some(Command::Repl(arguments)) => commands::repl::run(&arguments),
        None => commands::serve::run(defaults()),
    }
}

/// What `chimera serve` without arguments takes, environment included.
fn defaults() -> commands::serve::Arguments {
    let command = commands::serve::Arguments::augment_args(Arguments::command());
    let matches = command.get_matches_from(["chimera"]);
    commands::serve::Arguments::from_arg_matches(&matches)
        .expect("every argument of serve has a default")
}

//! The `chimera` binary: one subcommand a module.

use std::process::ExitCode;

use clap::{Parser, Subcommand};

mod commands;

/// A self-healing runtime in which MeTTa rules take every decision.
#[derive(Parser)]
#[command(name = "chimera", version)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Run MeTTa files: one line of results per `!` directive.
    Run(commands::run::Arguments),
    /// Evaluate what is typed or piped in, here or in a running server.
    Repl(commands::repl::Arguments),
}

fn main() -> ExitCode {
    match Arguments::parse().command {
        Command::Run(arguments) => commands::run::run(&arguments),
        Command::Repl(arguments) => commands::repl::run(&arguments),
    }
}

//! `chimera repl`: evaluate what is typed or piped in, here or in a running server.

use std::error::Error;
use std::io::{self, BufReader, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::rc::Rc;
use std::time::Duration;

use chimera::{DirectoryFiles, Engine};
use chimera_repl::{
    Console, Interruption, Interrupts, Limits, Local, Repl, Session, Style, history_path,
    interactive, piped,
};

mod client;
mod remote;
mod trust;

use super::room::Room;
use remote::Remote;

/// What a directive may take unless `--limit` says otherwise, where someone waits.
const TIME_LIMIT: Duration = Duration::from_secs(30);
/// Ends a runaway recursion before it ends the process.
const BYTES_LIMIT: usize = 2 << 30;
/// After this long, a second Ctrl-C ends a process whose evaluation goes on.
const PATIENCE: Duration = Duration::from_secs(1);

/// How much of an input without a terminal is taken at once, if it is there.
const INPUT_BYTES: usize = 1 << 16;

/// What `chimera repl` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Query a running server, which changes nothing in it.
    #[arg(long, value_name = "URL")]
    connect: Option<String>,
    /// A PEM file with the certificates to trust, of authorities or the server's own,
    /// for an https URL; by default the system's.
    #[arg(long, value_name = "FILE", requires = "connect")]
    ca: Option<PathBuf>,
    /// How long one directive may take, or `off` [default: 30; off when piped
    /// into an engine of its own].
    #[arg(long, value_name = "SECONDS", value_parser = time_limit)]
    limit: Option<TimeLimit>,
}

#[derive(Clone, Copy)]
struct TimeLimit(Option<Duration>);

fn time_limit(text: &str) -> Result<TimeLimit, String> {
    if text == "off" {
        return Ok(TimeLimit(None));
    }
    text.parse()
        .ok()
        .and_then(|seconds| Duration::try_from_secs_f64(seconds).ok())
        .filter(|limit| !limit.is_zero())
        .map(|limit| TimeLimit(Some(limit)))
        .ok_or_else(|| "expected a number of seconds above 0, or `off`".to_owned())
}

/// At a terminal 0. Piped as `run`: 0, 1 when a directive gave an error, 2 when
/// something of the input is not MeTTa or the server cannot be reached.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let at_terminal = io::stdin().is_terminal();
    let interrupts = Interrupts::new();
    if at_terminal && let Err(error) = listen(interrupts.clone()) {
        complain(&format!("Ctrl-C will not stop evaluations: {error}"));
    }
    let default = (at_terminal || arguments.connect.is_some()).then_some(TIME_LIMIT);
    let limits = Limits {
        time: arguments.limit.map_or(default, |limit| limit.0),
        bytes: at_terminal.then_some(BYTES_LIMIT),
    };
    let Some(url) = &arguments.connect else {
        let room = Rc::new(Room::now());
        let told = Rc::clone(&room);
        let mut local = Local::new(engine, interrupts).within(
            move |budget| room.bound(budget),
            move || told.directive_done(),
        );
        local.set_limits(limits);
        return drive(local, at_terminal);
    };
    match Remote::connect(url, arguments.ca.as_deref(), interrupts, limits) {
        Ok(remote) => drive(remote, at_terminal),
        Err(error) => fail(&error),
    }
}

fn drive(session: impl Session, at_terminal: bool) -> ExitCode {
    if at_terminal {
        let style = Style::of_environment(io::stdout().is_terminal());
        let console = Console::new(io::stdout(), io::stderr(), style);
        return match interactive(&mut Repl::new(session, console), history_path()) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => fail(&error),
        };
    }
    let console = Console::new(io::stdout(), io::stderr(), Style::Plain);
    let mut repl = Repl::new(session, console);
    // A closed pipe ends the output, as in `run`; what was so far is the status.
    let input = BufReader::with_capacity(INPUT_BYTES, io::stdin().lock());
    let status = piped(&mut repl, input, "<stdin>").unwrap_or_else(|_| repl.exit_status());
    ExitCode::from(status)
}

fn engine() -> Engine {
    super::world::open(Engine::builder())
        .files(DirectoryFiles::from(""))
        .output(|text| {
            // A closed pipe ends the program's output, not the program.
            let mut out = io::stdout().lock();
            let _ = out.write_all(text.as_bytes()).and_then(|()| out.flush());
        })
        .build()
}

/// Sends each Ctrl-C to what is being evaluated.
fn listen(interrupts: Interrupts) -> io::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    let wait = async move {
        while tokio::signal::ctrl_c().await.is_ok() {
            match interrupts.interrupt() {
                Interruption::AskedAgain(ago) if ago > PATIENCE => {
                    complain("the evaluation does not stop; leaving");
                    std::process::exit(130);
                }
                Interruption::Idle | Interruption::Asked | Interruption::AskedAgain(_) => {}
            }
        }
    };
    std::thread::Builder::new()
        .name("ctrl-c".to_owned())
        .spawn(move || runtime.block_on(wait))?;
    Ok(())
}

fn fail(error: &dyn Error) -> ExitCode {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    complain(&text);
    ExitCode::from(2)
}

fn complain(text: &str) {
    // Nothing is left to tell if stderr is closed.
    let _ = writeln!(io::stderr(), "error: {text}");
}

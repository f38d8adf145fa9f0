//! `chimera run FILE…`: evaluate the directives of files.

use std::io::{self, BufWriter, IsTerminal, Write};
use std::path::PathBuf;
use std::process::ExitCode;
use std::time::Instant;

use chimera::{Atom, Budget, Directive, DirectoryFiles, Engine, LoadError, Watch};
use chimera_grammar::{Diagnostic, Lexer, LineTable, Severity, Span, Style, decode, draw};
use chimera_repl::Stats;
use serde_json::{Value, json};

use super::room::Room;
use super::source::{self, Source};

/// What `chimera run` takes.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The files, run one after the other, each in an engine of its own; `-` is stdin.
    #[arg(required = true)]
    files: Vec<PathBuf>,
    /// One JSON line per directive; the program's own output goes to stderr.
    #[arg(long)]
    json: bool,
    /// Go on after a directive that gave an error.
    #[arg(long)]
    keep_going: bool,
    /// Say on stderr how many reductions each file took, how much memory, how long.
    #[arg(long)]
    stats: bool,
    /// Say on stderr for each rule how often it was applied and what it took.
    #[arg(long)]
    profile: bool,
    /// Show each application of a rule on stderr, as many lines as are given for a file.
    #[arg(
        long,
        value_name = "LINES",
        num_args = 0..=1,
        require_equals = true,
        default_missing_value = "1000"
    )]
    trace: Option<usize>,
}

/// 0, 1 when a directive gave an error, 2 when a file could not be read or parsed.
pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut worst = 0;
    for (number, file) in arguments.files.iter().enumerate() {
        let last = number + 1 == arguments.files.len();
        worst = worst.max(run_file(file, last, arguments));
    }
    ExitCode::from(worst)
}

fn run_file(file: &std::path::Path, last: bool, arguments: &Arguments) -> u8 {
    let started = Instant::now();
    let Source {
        name,
        directory,
        bytes,
    } = match source::read(file) {
        Ok(source) => source,
        Err(text) => {
            complain(&text);
            return 2;
        }
    };
    let source = match decode(&bytes) {
        Ok(source) => source,
        Err(error) => {
            complain(&draw(
                &[Diagnostic::of_encoding(&error)],
                &name,
                "",
                style_of_stderr(),
            ));
            return 2;
        }
    };
    let json = arguments.json;
    let mut engine = super::world::open(Engine::builder())
        .files(DirectoryFiles::from(directory))
        .trace(|text| {
            let _ = io::stderr().write_all(text.as_bytes());
        })
        .output(move |text| {
            // A closed pipe ends the program's output, not the program.
            let _ = if json {
                io::stderr().write_all(text.as_bytes())
            } else {
                io::stdout().write_all(text.as_bytes())
            };
        })
        .build();
    let watch = watch(arguments);
    engine.watch(watch.clone());
    let mut stats = Stats::default();
    let mut failed = false;
    let room = Room::now();
    let done = engine.run(source, &name, &room.bound(Budget::default()), |directive| {
        failed |= directive.is_error();
        stats.add(&directive);
        let printed = print(&directive, json).is_ok();
        room.directive_done();
        if directive.is_error() {
            complain(&told(&directive, source, &room, arguments.keep_going));
        } else if directive.too_deep > 0 {
            complain(&told_too_deep(&directive, source));
        } else if directive.write_refused {
            complain(&told_refused(&directive, source));
        }
        printed && (arguments.keep_going || !directive.is_error())
    });
    stats.time = started.elapsed();
    stats.atoms = engine.self_space().len();
    tell(&name, arguments, watch.as_ref(), &stats);
    if last {
        // The process ends: giving back each atom of a large space would only take time.
        std::mem::forget(engine);
    }
    match done {
        Ok(()) => u8::from(failed),
        Err(LoadError::Syntax { diagnostics, .. }) => {
            complain(&draw(&diagnostics, &name, source, style_of_stderr()));
            2
        }
        Err(error @ LoadError::Memory { .. }) => {
            complain(&format!("error: {error}: {}\n", room.help()));
            2
        }
        Err(error) => {
            complain(&format!("error: {name}: {error}\n"));
            2
        }
    }
}

/// Who watches the evaluation of a file, if what is asked for needs that.
fn watch(arguments: &Arguments) -> Option<Watch> {
    match arguments.trace {
        Some(lines_max) => Some(Watch::trace(lines_max, |line| {
            complain(&format!("{line}\n"));
        })),
        None => arguments.profile.then(Watch::profile),
    }
}

/// Tells what was asked for about the evaluation of a file.
fn tell(name: &str, arguments: &Arguments, watch: Option<&Watch>, stats: &Stats) {
    if let Some(watch) = watch {
        if watch.skipped() > 0 {
            complain(&format!(
                "{} more lines of the trace are not shown; `--trace=LINES` shows more\n",
                watch.skipped()
            ));
        }
        if arguments.profile {
            complain(&format!("profile of {name}\n{}", watch.profiled()));
        }
    }
    if arguments.stats && arguments.json {
        let line = json!({
            "file": name,
            "directives": stats.directives,
            "reductions": stats.reductions,
            "peak_heap_bytes": stats.peak_heap_bytes,
            "atoms": stats.atoms,
            "seconds": stats.time.as_secs_f64(),
        });
        complain(&format!("{line}\n"));
    } else if arguments.stats {
        complain(&format!("stats of {name}\n{stats}\n"));
    }
}

/// Longest part of an error atom that is told; the whole is among the results.
const TOLD_MAX: usize = 2_000;

/// What a directive's error is, and where.
fn told(directive: &Directive, source: &str, room: &Room, keep_going: bool) -> String {
    let error = directive.results.iter().find(|result| result.is_error());
    let mut message = error.map_or_else(String::new, |error| {
        let text = error.to_string();
        match text.char_indices().nth(TOLD_MAX) {
            Some((end, _)) => format!("the directive gave {}…", &text[..end]),
            None => format!("the directive gave {text}"),
        }
    });
    if let Some(rule) = &directive.failed_rule
        && let (Some(file), Some(line)) = (&rule.file, rule.line)
    {
        message += &format!(
            "; it came up in the rule for {} at {file}:{line}",
            rule.head
        );
    }
    let goes_on = if keep_going {
        "what follows is run all the same, as `--keep-going` says"
    } else {
        "what follows in the file is not run; `--keep-going` runs it all the same"
    };
    let help = if error.is_some_and(is_out_of_memory) {
        format!("{}; {goes_on}", room.help())
    } else {
        match error.and_then(advice) {
            Some(advice) => format!("{advice}; {goes_on}"),
            None => goes_on.to_owned(),
        }
    };
    draw_under(
        directive,
        source,
        (Severity::Error, "E0100"),
        message,
        &help,
    )
}

/// That branches of a directive ran too deep of which no result tells: an error of one
/// branch is dropped where others have results.
fn told_too_deep(directive: &Directive, source: &str) -> String {
    let branches = match directive.too_deep {
        1 => "one branch".to_owned(),
        count => format!("{count} branches"),
    };
    draw_under(
        directive,
        source,
        (Severity::Warning, "W0100"),
        format!("{branches} ended in StackOverflow, of which no result tells"),
        "a recursion does not end in each way that its rules allow (all rules that match answer, not the first only); `(pragma! max-stack-depth N)` ends it sooner",
    )
}

/// That a directive tried to change what it may not, and no result tells so.
fn told_refused(directive: &Directive, source: &str) -> String {
    draw_under(
        directive,
        source,
        (Severity::Warning, "W0101"),
        "a change was refused, of which no result tells".to_owned(),
        "alternatives of `hyperpose` are evaluated beside each other and change nothing: make the change outside, with what it gives",
    )
}

/// A diagnostic drawn under the directive that it is about.
fn draw_under(
    directive: &Directive,
    source: &str,
    (severity, code): (Severity, &'static str),
    message: String,
    help: &str,
) -> String {
    let lines = LineTable::new(source);
    let start = lines.offset(source, directive.line, directive.column);
    let form = Lexer::new(&source[start..]).next_form();
    let end = form.map_or(source.len(), |form| start + form.span.end);
    let diagnostic = Diagnostic {
        severity,
        code,
        message,
        help: help.to_owned().into(),
        span: Span { start, end },
        position: lines.position(source, start),
    };
    draw(&[diagnostic], &directive.file, source, style_of_stderr())
}

/// What to do about an error of the language's own.
fn advice(error: &Atom) -> Option<&'static str> {
    let Atom::Expression(parts) = error else {
        return None;
    };
    let reason = parts.children().last()?;
    let name = match reason {
        Atom::Expression(reason) => reason.children().first()?.to_string(),
        _ => reason.to_string(),
    };
    match name.as_str() {
        "IncorrectNumberOfArguments" => {
            Some("`(get-type name)` tells how many arguments a function takes")
        }
        "BadArgType" => Some(
            "the reason says which argument it is, what type it should have, and what type it has",
        ),
        "BadType" => Some("the reason says what type is expected, and what type it has"),
        "NoReturn" => Some("the body of a `function` has to end in `(return result)`"),
        "StackOverflow" => Some(
            "a recursion does not end in each way that its rules allow (all rules that match answer, not the first only)",
        ),
        _ if name.starts_with("Failed to resolve module") => Some(
            "a module is a file name.metta, or a directory with a module.metta, beside the file that imports it, or one that comes with the engine",
        ),
        _ => None,
    }
}

/// Whether an error is the one that stands for memory that ran out.
fn is_out_of_memory(error: &Atom) -> bool {
    let Atom::Expression(parts) = error else {
        return false;
    };
    parts.children().last() == Some(&Atom::symbol("MemoryLimit"))
}

fn print(directive: &Directive, json: bool) -> io::Result<()> {
    let mut out = BufWriter::new(io::stdout().lock());
    if json {
        let results: Vec<String> = directive.results.iter().map(ToString::to_string).collect();
        let mut line = json!({
            "file": directive.file,
            "line": directive.line,
            "column": directive.column,
            "results": results,
            "error": directive.is_error(),
        });
        if directive.is_error() {
            line["rule"] = directive.failed_rule.as_ref().map_or(
                Value::Null,
                |rule| json!({"file": rule.file.as_deref(), "line": rule.line, "head": rule.head.to_string()}),
            );
        }
        writeln!(out, "{line}")?;
    } else {
        directive.write_results(&mut out)?;
    }
    out.flush()
}

pub(super) fn complain(text: &str) {
    // Nothing is left to tell if stderr is closed.
    let _ = io::stderr().write_all(text.as_bytes());
}

/// Colours if stderr is a terminal that takes them.
pub(super) fn style_of_stderr() -> Style {
    match chimera_repl::Style::of_environment(io::stderr().is_terminal()) {
        chimera_repl::Style::Coloured => Style::Coloured,
        chimera_repl::Style::Plain => Style::Plain,
    }
}

//! The `:commands`: their names, their arguments, their help.

use std::fmt::Write;
use std::time::Duration;

/// What is known about a command before it is understood.
pub(crate) struct Spec {
    kind: Kind,
    pub(crate) name: &'static str,
    alias: Option<&'static str>,
    arguments: &'static str,
    help: &'static str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Help,
    Quit,
    Load,
    Type,
    Doc,
    Space,
    Reset,
    Time,
    Bindings,
    Limit,
    Settings,
    Stats,
    Profile,
    Trace,
    Code,
}

/// Every command, in the order of the help.
pub(crate) const COMMANDS: [Spec; 15] = [
    Spec::new(Kind::Help, "help", Some("h"), "", "this list"),
    Spec::new(
        Kind::Quit,
        "quit",
        Some("q"),
        "",
        "leave; so does Ctrl-D on an empty line",
    ),
    Spec::new(
        Kind::Load,
        "load",
        Some("l"),
        "FILE",
        "add the atoms of a file and evaluate its directives",
    ),
    Spec::new(
        Kind::Type,
        "type",
        Some("t"),
        "EXPR",
        "the types of an expression, which is not evaluated",
    ),
    Spec::new(
        Kind::Doc,
        "doc",
        Some("d"),
        "NAME",
        "what its `@doc` says about a name",
    ),
    Spec::new(
        Kind::Space,
        "space",
        Some("s"),
        "[SPACE] [N]",
        "the first N atoms of a space (&self, 50)",
    ),
    Spec::new(
        Kind::Reset,
        "reset",
        None,
        "",
        "forget everything that was added",
    ),
    Spec::new(
        Kind::Time,
        "time",
        None,
        "on|off",
        "say how long each directive took",
    ),
    Spec::new(
        Kind::Bindings,
        "bindings",
        None,
        "on|off",
        "show what the variables of a query are bound to",
    ),
    Spec::new(
        Kind::Limit,
        "limit",
        None,
        "SECONDS|off",
        "how long a directive may take",
    ),
    Spec::new(
        Kind::Settings,
        "settings",
        None,
        "",
        "what time, bindings and limit are set to",
    ),
    Spec::new(
        Kind::Stats,
        "stats",
        None,
        "",
        "reductions, memory and time of what was evaluated",
    ),
    Spec::new(
        Kind::Profile,
        "profile",
        None,
        "EXPR",
        "evaluate, and say for each rule what it took",
    ),
    Spec::new(
        Kind::Trace,
        "trace",
        None,
        "EXPR",
        "evaluate, and show each application of a rule",
    ),
    Spec::new(
        Kind::Code,
        "code",
        None,
        "NAME",
        "what the rules of a name are compiled to",
    ),
];

/// A command that is understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Command<'t> {
    Help,
    Quit,
    Load(&'t str),
    Type(&'t str),
    Doc(&'t str),
    Space { space: &'t str, atoms_max: usize },
    Reset,
    Time(bool),
    Bindings(bool),
    Limit(Option<Duration>),
    Settings,
    Stats,
    Profile(&'t str),
    Trace(&'t str),
    Code(&'t str),
}

/// Why a command is not understood.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum CommandError {
    #[error("unknown command `:{0}`; `:help` lists the commands")]
    Unknown(String),
    #[error("`:{name}` takes {takes}, not `{found}`")]
    Argument {
        name: &'static str,
        takes: &'static str,
        found: String,
    },
    #[error("`:{name}` needs an argument: `:{name} {arguments}`")]
    Missing {
        name: &'static str,
        arguments: &'static str,
    },
}

/// A line that is a command, understood or not.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'t> {
    name: &'t str,
    argument: &'t str,
}

/// The command that `entry` is, if it begins with `:` and a letter.
pub(crate) fn of(entry: &str) -> Option<Line<'_>> {
    let text = entry.trim();
    let rest = text.strip_prefix(':')?;
    if !rest.starts_with(|c: char| c.is_alphabetic() || c == '?') {
        return None;
    }
    let (name, argument) = rest.split_once(char::is_whitespace).unwrap_or((rest, ""));
    Some(Line {
        name,
        argument: argument.trim(),
    })
}

impl Spec {
    const fn new(
        kind: Kind,
        name: &'static str,
        alias: Option<&'static str>,
        arguments: &'static str,
        help: &'static str,
    ) -> Spec {
        Spec {
            kind,
            name,
            alias,
            arguments,
            help,
        }
    }
}

impl<'t> Line<'t> {
    fn spec(&self) -> Option<&'static Spec> {
        let name = if self.name == "?" { "help" } else { self.name };
        COMMANDS
            .iter()
            .find(|spec| spec.name == name || spec.alias == Some(name))
    }

    /// What stands after the name.
    pub(crate) fn argument(&self) -> &'t str {
        self.argument
    }

    /// Where the argument begins in the entry that the line was made of.
    pub(crate) fn argument_start(entry: &str, argument: &str) -> usize {
        entry.trim_end().len() - argument.len()
    }

    /// The argument if the command takes MeTTa.
    pub(crate) fn expression(&self) -> Option<&'t str> {
        self.spec()
            .is_some_and(|spec| matches!(spec.kind, Kind::Type | Kind::Profile | Kind::Trace))
            .then_some(self.argument)
    }

    /// Whether the command takes the name of a file.
    pub(crate) fn takes_file(&self) -> bool {
        self.spec().is_some_and(|spec| spec.kind == Kind::Load)
    }

    /// The command with its arguments.
    pub(crate) fn understand(&self) -> Result<Command<'t>, CommandError> {
        let spec = self
            .spec()
            .ok_or_else(|| CommandError::Unknown(self.name.to_owned()))?;
        let wrong = |takes| CommandError::Argument {
            name: spec.name,
            takes,
            found: self.argument.to_owned(),
        };
        if self.argument.is_empty() && !matches!(spec.arguments, "" | "[SPACE] [N]") {
            return Err(CommandError::Missing {
                name: spec.name,
                arguments: spec.arguments,
            });
        }
        if !self.argument.is_empty() && spec.arguments.is_empty() {
            return Err(wrong("nothing"));
        }
        let switch = || match self.argument {
            "on" => Ok(true),
            "off" => Ok(false),
            _ => Err(wrong("`on` or `off`")),
        };
        Ok(match spec.kind {
            Kind::Help => Command::Help,
            Kind::Quit => Command::Quit,
            Kind::Load => Command::Load(self.argument),
            Kind::Type => Command::Type(self.argument),
            Kind::Doc | Kind::Code if self.argument.contains(char::is_whitespace) => {
                return Err(wrong("one name"));
            }
            Kind::Doc => Command::Doc(self.argument),
            Kind::Space => self.space().ok_or_else(|| wrong("a space and a number"))?,
            Kind::Reset => Command::Reset,
            Kind::Time => Command::Time(switch()?),
            Kind::Bindings => Command::Bindings(switch()?),
            Kind::Limit => Command::Limit(self.limit().ok_or_else(|| wrong("seconds or `off`"))?),
            Kind::Settings => Command::Settings,
            Kind::Stats => Command::Stats,
            Kind::Profile => Command::Profile(self.argument),
            Kind::Trace => Command::Trace(self.argument),
            Kind::Code => Command::Code(self.argument),
        })
    }

    fn space(&self) -> Option<Command<'t>> {
        let mut words = self.argument.split_whitespace();
        let (space, count) = match (words.next(), words.next(), words.next()) {
            (None, ..) => ("&self", None),
            (Some(word), None, _) if word.parse::<usize>().is_ok() => ("&self", Some(word)),
            (Some(space), count, None) => (space, count),
            (Some(_), _, Some(_)) => return None,
        };
        let atoms_max = match count {
            None => 50,
            Some(count) => count.parse().ok()?,
        };
        Some(Command::Space { space, atoms_max })
    }

    /// `Some(None)` is no limit.
    fn limit(&self) -> Option<Option<Duration>> {
        if self.argument == "off" {
            return Some(None);
        }
        let seconds: f64 = self.argument.parse().ok()?;
        let limit = Duration::try_from_secs_f64(seconds).ok()?;
        (!limit.is_zero()).then_some(Some(limit))
    }
}

/// What `:help` prints.
pub(crate) fn help() -> String {
    let mut text = String::from(
        "!(+ 1 2)          evaluate; all results stand in one [ ]\n\
         (= (f $x) $x)     add an atom or a rule to the space\n\
         An entry goes on over lines until its brackets and strings are closed.\n\
         Tab completes names, Ctrl-R searches the history, Ctrl-C stops an evaluation\n\
         or drops the entry, Ctrl-D leaves.\n\n",
    );
    for spec in &COMMANDS {
        let call = format!(":{} {}", spec.name, spec.arguments);
        let alias = spec
            .alias
            .map(|alias| format!(" (:{alias})"))
            .unwrap_or_default();
        writeln!(text, "{call:<20} {}{alias}", spec.help).expect("strings take all writes");
    }
    text.truncate(text.trim_end().len());
    text
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::{COMMANDS, Command, help, of};

    #[track_caller]
    fn check(entry: &str, expected: Result<Command<'_>, &str>) {
        let found = of(entry).expect("a command").understand();
        assert_eq!(
            found.map_err(|error| error.to_string()),
            expected.map_err(str::to_owned)
        );
    }

    #[test]
    fn commands_are_understood() {
        check(":q", Ok(Command::Quit));
        check(":? ", Ok(Command::Help));
        check(
            "  :load  my file.metta\n",
            Ok(Command::Load("my file.metta")),
        );
        check(":type (f\n  x)", Ok(Command::Type("(f\n  x)")));
        check(
            ":space",
            Ok(Command::Space {
                space: "&self",
                atoms_max: 50,
            }),
        );
        check(
            ":space 7",
            Ok(Command::Space {
                space: "&self",
                atoms_max: 7,
            }),
        );
        check(
            ":space &s 7",
            Ok(Command::Space {
                space: "&s",
                atoms_max: 7,
            }),
        );
        check(":limit off", Ok(Command::Limit(None)));
        check(
            ":limit 0.5",
            Ok(Command::Limit(Some(Duration::from_millis(500)))),
        );
        check(":time off", Ok(Command::Time(false)));
    }

    #[test]
    fn what_is_wrong_with_a_command_is_said() {
        check(
            ":frob",
            Err("unknown command `:frob`; `:help` lists the commands"),
        );
        check(":load", Err("`:load` needs an argument: `:load FILE`"));
        check(
            ":time maybe",
            Err("`:time` takes `on` or `off`, not `maybe`"),
        );
        for limit in [
            ":limit 0",
            ":limit -1",
            ":limit NaN",
            ":limit 1e300",
            ":limit soon",
        ] {
            assert!(of(limit).unwrap().understand().is_err(), "{limit}");
        }
        check(
            ":space a b c",
            Err("`:space` takes a space and a number, not `a b c`"),
        );
        check(":quit now", Err("`:quit` takes nothing, not `now`"));
    }

    #[test]
    fn metta_is_no_command() {
        for entry in ["(: a B)", ":", ": a B", ":= x", "!(f :x)", ""] {
            assert!(of(entry).is_none(), "{entry:?}");
        }
    }

    #[test]
    fn each_command_has_help_and_a_meaning() {
        let help = help();
        for spec in &COMMANDS {
            assert!(help.contains(&format!(":{} ", spec.name)), "{}", spec.name);
            let entry = format!(
                ":{} {}",
                spec.name,
                match spec.arguments {
                    "on|off" => "on",
                    "SECONDS|off" => "1",
                    "[SPACE] [N]" => "&self 1",
                    other => other,
                }
            );
            assert!(of(&entry).unwrap().understand().is_ok(), "{entry}");
        }
    }
}

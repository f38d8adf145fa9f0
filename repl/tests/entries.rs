//! What a REPL does with entries, over a session that says what it is told to
//! and remembers what it was asked.

#![expect(
    clippy::unwrap_used,
    reason = "what tests share may unwrap as tests do"
)]

use std::cell::RefCell;
use std::io::{self, Write};
use std::ops::ControlFlow;
use std::rc::Rc;
use std::time::Duration;

use chimera_repl::{
    Access, Answer, Console, Flow, Limits, Outcome, Repl, Reply, Results, Session, SessionError,
    Style, piped,
};

/// Gives each text the next of its outcomes.
struct Fake {
    access: Access,
    outcomes: Vec<Result<Outcome, SessionError>>,
    asked: Rc<RefCell<Vec<String>>>,
    limits: Limits,
}

impl Session for Fake {
    fn describe(&self) -> String {
        "a fake".to_owned()
    }

    fn access(&self) -> Access {
        self.access
    }

    fn evaluate(
        &mut self,
        source: &str,
        name: &str,
        each: &mut dyn FnMut(Reply) -> ControlFlow<()>,
    ) -> Result<(), SessionError> {
        self.asked.borrow_mut().push(format!("{name}: {source}"));
        let outcome = self.outcomes.remove(0)?;
        let _ = each(Reply {
            line: 3,
            column: 7,
            outcome,
            elapsed: Duration::from_millis(1500),
        });
        Ok(())
    }

    fn words(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn reset(&mut self) -> Result<(), SessionError> {
        Err(SessionError::ReadOnly("nothing to forget".to_owned()))
    }

    fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

/// A place to write that can be read meanwhile.
#[derive(Clone, Default)]
struct Page(Rc<RefCell<Vec<u8>>>);

impl Page {
    fn text(&self) -> String {
        String::from_utf8(self.0.borrow().clone()).unwrap()
    }
}

impl Write for Page {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.borrow_mut().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

struct Bench {
    repl: Repl<'static, Fake>,
    asked: Rc<RefCell<Vec<String>>>,
    out: Page,
    err: Page,
}

impl Bench {
    fn new(access: Access, style: Style, outcomes: Vec<Result<Outcome, SessionError>>) -> Bench {
        let asked = Rc::default();
        let (out, err) = (Page::default(), Page::default());
        let session = Fake {
            access,
            outcomes,
            asked: Rc::clone(&asked),
            limits: Limits::default(),
        };
        let console = Console::new(out.clone(), err.clone(), style);
        Bench {
            repl: Repl::new(session, console),
            asked,
            out,
            err,
        }
    }

    fn plain(outcomes: Vec<Result<Outcome, SessionError>>) -> Bench {
        Bench::new(Access::ReadWrite, Style::Plain, outcomes)
    }

    #[track_caller]
    fn check(&self, asked: &[&str], out: &str, err: &str, status: u8) {
        assert_eq!(self.out.text(), out, "{}", self.err.text());
        assert_eq!(self.err.text(), err);
        assert_eq!(*self.asked.borrow(), asked);
        assert_eq!(self.repl.exit_status(), status);
    }
}

fn results(texts: &[&str]) -> Result<Outcome, SessionError> {
    let answers = texts
        .iter()
        .map(|text| Answer {
            text: (*text).to_owned(),
            is_error: text.starts_with("(Error"),
            bindings: Vec::new(),
        })
        .collect();
    Ok(Outcome::Results(Results {
        answers,
        ..Results::default()
    }))
}

fn unreachable() -> Result<Outcome, SessionError> {
    let cause = io::Error::other("the line is cut");
    Err(SessionError::Unreachable(Box::new(cause)))
}

#[test]
fn what_is_no_metta_never_reaches_the_session() {
    let mut bench = Bench::plain(vec![]);
    bench.repl.enter("!(a))").unwrap();
    bench.repl.enter(":type )").unwrap();
    bench.repl.enter(":space (a").unwrap();
    bench.check(
        &[],
        "",
        "error[E0002]: unexpected `)`\n --> <repl>:1:5\n  |\n1 | !(a))\n  |     ^\n  |\n  = help: remove it, or open an expression for it to close\n\
         error[E0002]: unexpected `)`\n --> <repl>:1:1\n  |\n1 | )\n  | ^\n  |\n  = help: remove it, or open an expression for it to close\n\
         error[E0001]: unclosed `(`\n --> <repl>:1:1\n  |\n1 | (a\n  | ^\n  |\n  = help: add the `)` that is missing\n",
        2,
    );
}

#[test]
fn a_refusal_has_its_place_in_a_text_and_none_in_what_is_typed() {
    let refusal = || Ok(Outcome::Refused("no".to_owned()));
    let mut bench = Bench::plain(vec![refusal(), refusal()]);
    bench.repl.enter("(a)").unwrap();
    piped(&mut bench.repl, "\n\n      (a)".as_bytes(), "<stdin>").unwrap();
    bench.check(
        &["<repl>: (a)", "<stdin>: \n\n      (a)"],
        "",
        "error: no\nerror: <stdin>:3:7: no\n",
        1,
    );
}

#[test]
fn after_commands_the_session_still_counts_lines_as_the_input_does() {
    let mut bench = Bench::plain(vec![results(&["1"]), results(&["2"])]);
    piped(
        &mut bench.repl,
        "!(a)\n:time on\n!(b)".as_bytes(),
        "<stdin>",
    )
    .unwrap();
    bench.check(
        &["<stdin>: !(a)\n", "<stdin>: \n\n!(b)"],
        "[1]\n[2]\n",
        "; 1.5s\n",
        0,
    );
}

#[test]
fn of_piped_input_what_is_wrong_is_told_and_the_rest_is_answered() {
    let mut bench = Bench::plain(vec![results(&["1"]), results(&["2"])]);
    let input = "!(a)\n!(b))\n\n:nothing\n!(c\n  \"; )\" ; (\n)\n!\n(d)\n(e";
    piped(&mut bench.repl, input.as_bytes(), "<stdin>").unwrap();
    bench.check(
        &[
            "<stdin>: !(a)\n",
            "<stdin>: \n\n\n\n!(c\n  \"; )\" ; (\n)\n!\n(d)\n",
        ],
        "[1]\n[2]\n",
        "error[E0002]: unexpected `)`\n --> <stdin>:2:5\n  |\n2 | !(b))\n  |     ^\n  |\n  = help: remove it, or open an expression for it to close\n\
         error: <stdin>:4: unknown command `:nothing`; `:help` lists the commands\n\
         error[E0001]: unclosed `(`\n  --> <stdin>:10:1\n   |\n10 | (e\n   | ^\n   |\n   = help: add the `)` that is missing\n",
        2,
    );
}

/// Gives its pieces one after another, and says where each is asked for.
struct Pieces<'t> {
    pieces: Vec<&'t str>,
    given: Option<&'t str>,
    asked: Rc<RefCell<Vec<String>>>,
}

impl io::Read for Pieces<'_> {
    fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
        Err(io::ErrorKind::Unsupported.into())
    }
}

impl io::BufRead for Pieces<'_> {
    fn fill_buf(&mut self) -> io::Result<&[u8]> {
        if self.given.is_none() && !self.pieces.is_empty() {
            let piece = self.pieces.remove(0);
            self.asked.borrow_mut().push(format!("input: {piece}"));
            self.given = Some(piece);
        }
        Ok(self.given.unwrap_or_default().as_bytes())
    }

    fn consume(&mut self, _: usize) {
        self.given = None;
    }
}

#[test]
fn piped_entries_are_answered_as_soon_as_they_are_whole() {
    let mut bench = Bench::plain(vec![results(&["1"]), results(&["2"]), results(&["3"])]);
    let input = Pieces {
        pieces: vec!["!(a)\n!(b", ")\n!", "\n", "(c)"],
        given: None,
        asked: Rc::clone(&bench.asked),
    };
    piped(&mut bench.repl, input, "<stdin>").unwrap();
    bench.check(
        &[
            "input: !(a)\n!(b",
            "<stdin>: !(a)\n",
            "input: )\n!",
            "<stdin>: \n!(b)\n",
            "input: \n",
            "input: (c)",
            "<stdin>: \n\n!\n(c)",
        ],
        "[1]\n[2]\n[3]\n",
        "",
        0,
    );
}

#[test]
fn an_unreachable_session_ends_piped_input_and_not_what_is_typed() {
    let mut bench = Bench::plain(vec![unreachable(), results(&["1"])]);
    assert_eq!(bench.repl.enter("!(a)").unwrap(), Flow::Continue);
    assert_eq!(bench.repl.enter("!(a)").unwrap(), Flow::Continue);
    bench.check(
        &["<repl>: !(a)", "<repl>: !(a)"],
        "[1]\n",
        "error: the line is cut\n",
        2,
    );
    let mut bench = Bench::plain(vec![unreachable(), results(&["1"])]);
    piped(
        &mut bench.repl,
        "!(a)\n:time on\n!(b)".as_bytes(),
        "<stdin>",
    )
    .unwrap();
    bench.check(&["<stdin>: !(a)\n"], "", "error: the line is cut\n", 2);
}

#[test]
fn a_read_only_session_is_asked_for_no_file_and_no_reset() {
    let mut bench = Bench::new(Access::ReadOnly, Style::Plain, vec![]);
    bench.repl.enter(":load Cargo.toml").unwrap();
    bench.repl.enter(":reset").unwrap();
    bench.check(
        &[],
        "",
        "error: this session is read-only and loads no files; `!(match …)` queries it, \
         `chimera repl` without --connect loads\nerror: nothing to forget\n",
        1,
    );
}

#[test]
fn a_session_that_sees_nothing_of_its_engine_says_so() {
    let mut bench = Bench::plain(vec![]);
    for entry in [":stats", ":code f"] {
        bench.repl.enter(entry).unwrap();
    }
    let told = "error: this session does not see how its engine works; \
                `chimera repl` without --connect does\n";
    bench.check(&[], "", &told.repeat(2), 1);
}

#[test]
fn quit_ends_and_the_limit_reaches_the_session() {
    let mut bench = Bench::plain(vec![results(&["(Error (f) DeadlineExceeded)"])]);
    assert_eq!(bench.repl.enter(":limit 2.5").unwrap(), Flow::Continue);
    bench.repl.enter("!(f)").unwrap();
    assert_eq!(bench.repl.enter(":q").unwrap(), Flow::Quit);
    bench.check(
        &["<repl>: !(f)"],
        "[(Error (f) DeadlineExceeded)]\n",
        "; the limit of 2.5 s was reached; `:limit SECONDS` or `:limit off` changes it\n",
        1,
    );
}

#[test]
fn docs_come_from_get_doc_or_else_from_the_space() {
    let mut bench = Bench::plain(vec![
        results(&["(@doc-formal (@item f) (@kind atom) (@desc \"Formal\"))"]),
        results(&["Number"]),
        results(&["(get-doc &self f)"]),
        results(&["(quote (@doc f (@desc \"Informal\")))"]),
        results(&[]),
        results(&["Number"]),
    ]);
    bench.repl.enter(":doc f").unwrap();
    bench.repl.enter(":doc f").unwrap();
    let asked = bench.asked.borrow().clone();
    assert_eq!(asked[0], "<repl>: !(get-doc &self f)");
    assert_eq!(asked[1], "<repl>: !(get-type f)");
    assert_eq!(
        bench.out.text(),
        "f : Number\nFormal\nf : Number\nInformal\n"
    );
}

#[test]
fn errors_among_results_are_coloured_and_nothing_else() {
    let mut bench = Bench::new(
        Access::ReadWrite,
        Style::Coloured,
        vec![results(&["1", "(Error a b)", "\"x\""])],
    );
    bench.repl.enter("!(a)").unwrap();
    bench.check(
        &["<repl>: !(a)"],
        "[1, \x1b[31m(Error a b)\x1b[0m, \"x\"]\n",
        "",
        1,
    );
}

#[test]
fn an_output_that_is_closed_ends_the_repl() {
    struct Closed;
    impl Write for Closed {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            Err(io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let asked = Rc::default();
    let console = Console::new(Closed, io::sink(), Style::Plain);
    let session = Fake {
        access: Access::ReadWrite,
        outcomes: vec![results(&["1"]), results(&["2"])],
        asked: Rc::clone(&asked),
        limits: Limits::default(),
    };
    let ended = piped(
        &mut Repl::new(session, console),
        "!(a)\n:time on\n!(b)".as_bytes(),
        "<stdin>",
    );
    assert_eq!(ended.unwrap_err().kind(), io::ErrorKind::BrokenPipe);
    assert_eq!(asked.borrow().len(), 1);
}

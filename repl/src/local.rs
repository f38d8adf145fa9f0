//! A session with an engine of its own, in this process.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use chimera::{Budget, CancelToken, Directive, Engine, RuleUse, Watch};

use crate::interrupt::Interrupts;
use crate::screen::TYPED;
use crate::session::{
    Access, Answer, Insight, Limits, Outcome, Reply, Results, Session, SessionError,
};
use crate::stats::Stats;

/// How many atoms of a space are looked at for words to complete.
const WORD_ATOMS_MAX: usize = 20_000;

/// A session with an engine of its own.
pub struct Local {
    build: Box<dyn Fn() -> Engine>,
    engine: Engine,
    interrupts: Interrupts,
    limits: Limits,
    room: Option<Room>,
    stats: Stats,
}

/// What bounds evaluations beside their limits.
struct Room {
    bound: Box<dyn Fn(Budget) -> Budget>,
    done: Box<dyn Fn()>,
}

/// Lines of a trace that are shown.
const TRACE_LINES_MAX: usize = 1000;

impl Local {
    /// A session over the engine that `build` makes, now and at each reset.
    /// An interrupt cancels the evaluation.
    pub fn new(build: impl Fn() -> Engine + 'static, interrupts: Interrupts) -> Local {
        Local {
            engine: build(),
            build: Box::new(build),
            interrupts,
            limits: Limits::default(),
            room: None,
            stats: Stats::default(),
        }
    }

    /// The same session, in which `bound` makes the budget of what is evaluated; `done` is
    /// told of each directive that has been.
    pub fn within(
        mut self,
        bound: impl Fn(Budget) -> Budget + 'static,
        done: impl Fn() + 'static,
    ) -> Local {
        self.room = Some(Room {
            bound: Box::new(bound),
            done: Box::new(done),
        });
        self
    }

    /// Evaluates an expression while `watch` watches.
    fn watched(
        &mut self,
        watch: &Watch,
        expression: &str,
        each: &mut dyn FnMut(Reply) -> ControlFlow<()>,
    ) -> Result<(), SessionError> {
        self.engine.watch(Some(watch.clone()));
        let ended = self.evaluate(&format!("!{expression}"), TYPED, each);
        self.engine.watch(None);
        ended
    }
}

impl Session for Local {
    fn describe(&self) -> String {
        "an engine of its own".to_owned()
    }

    fn access(&self) -> Access {
        Access::ReadWrite
    }

    fn evaluate(
        &mut self,
        source: &str,
        name: &str,
        each: &mut dyn FnMut(Reply) -> ControlFlow<()>,
    ) -> Result<(), SessionError> {
        let token = CancelToken::new();
        let stopped = token.clone();
        let _running = self.interrupts.during(move || stopped.cancel());
        let mut budget = budget(self.limits).cancel(token.clone());
        if let Some(room) = &self.room {
            (room.done)();
            budget = (room.bound)(budget);
        }
        let begun = Instant::now();
        let mut started = begun;
        let stats = &mut self.stats;
        let ended = self.engine.run(source, name, &budget, |directive| {
            stats.add(&directive);
            if let Some(room) = &self.room {
                (room.done)();
            }
            if token.is_cancelled() {
                return false;
            }
            let flow = each(reply(&directive, started));
            started = Instant::now();
            flow.is_continue() && !token.is_cancelled()
        });
        self.stats.time += begun.elapsed();
        ended?;
        if token.is_cancelled() {
            return Err(SessionError::Interrupted);
        }
        Ok(())
    }

    fn look_into(
        &mut self,
        insight: Insight<'_>,
        each: &mut dyn FnMut(Reply) -> ControlFlow<()>,
    ) -> Result<String, SessionError> {
        match insight {
            Insight::Stats => {
                self.stats.atoms = self.engine.self_space().len();
                Ok(self.stats.to_string())
            }
            Insight::Profile(expression) => {
                let watch = Watch::profile();
                self.watched(&watch, expression, each)?;
                Ok(watch.profiled().to_string())
            }
            Insight::Trace(expression) => {
                let lines = Arc::new(Mutex::new(String::new()));
                let told = Arc::clone(&lines);
                let watch = Watch::trace(TRACE_LINES_MAX, move |line| {
                    let mut told = told.lock().expect("no panic while a line is added");
                    *told += line;
                    told.push('\n');
                });
                self.watched(&watch, expression, each)?;
                let mut lines = lines.lock().expect("no panic while a line is added");
                if watch.skipped() > 0 {
                    *lines += &format!("… and {} more lines", watch.skipped());
                }
                Ok(std::mem::take(&mut lines))
            }
            Insight::Code(name) => Ok(self.engine.listing(name)?),
        }
    }

    fn words(&mut self) -> Vec<String> {
        self.engine.words(WORD_ATOMS_MAX)
    }

    fn reset(&mut self) -> Result<(), SessionError> {
        self.engine = (self.build)();
        self.stats = Stats::default();
        Ok(())
    }

    fn set_limits(&mut self, limits: Limits) {
        self.limits = limits;
    }

    fn limits(&self) -> Limits {
        self.limits
    }
}

fn budget(limits: Limits) -> Budget {
    let mut budget = Budget::default();
    if let Some(time) = limits.time {
        budget = budget.deadline(time);
    }
    if let Some(bytes) = limits.bytes {
        budget = budget.bytes(bytes);
    }
    budget
}

fn reply(directive: &Directive, started: Instant) -> Reply {
    let elapsed = started.elapsed();
    let answers = directive
        .results
        .iter()
        .map(|atom| Answer {
            text: atom.to_string(),
            is_error: atom.is_error(),
            bindings: Vec::new(),
        })
        .collect();
    Reply {
        line: directive.line,
        column: directive.column,
        outcome: Outcome::Results(Results {
            answers,
            failed_rule: directive.failed_rule.as_ref().map(place_of),
            ..Results::default()
        }),
        elapsed,
    }
}

/// What a rule is for, and where it stands unless it was typed.
fn place_of(rule: &RuleUse) -> String {
    match (&rule.file, rule.line) {
        (Some(file), Some(line)) if **file != *TYPED => {
            format!("the rule for {} at {file}:{line}", rule.head)
        }
        _ => format!("the rule for {}", rule.head),
    }
}

#[cfg(test)]
mod tests {
    use std::ops::ControlFlow;
    use std::time::{Duration, Instant};

    use chimera::Engine;

    use super::Local;
    use crate::interrupt::{Interruption, Interrupts};
    use crate::session::{Limits, Outcome, Session, SessionError};

    fn local(interrupts: &Interrupts) -> Local {
        Local::new(|| Engine::builder().build(), interrupts.clone())
    }

    fn texts(session: &mut Local, source: &str) -> Result<Vec<Vec<String>>, SessionError> {
        let mut all = Vec::new();
        session.evaluate(source, "test", &mut |reply| {
            let Outcome::Results(results) = reply.outcome else {
                panic!("a local session refuses nothing");
            };
            all.push(results.answers.into_iter().map(|a| a.text).collect());
            ControlFlow::Continue(())
        })?;
        Ok(all)
    }

    #[test]
    fn what_was_added_stays_until_reset() {
        let mut session = local(&Interrupts::new());
        texts(&mut session, "(= (f) 1)").unwrap();
        assert_eq!(texts(&mut session, "!(f) !(f)").unwrap(), [["1"], ["1"]]);
        session.reset().unwrap();
        assert_eq!(texts(&mut session, "!(f)").unwrap(), [["(f)"]]);
    }

    #[test]
    fn an_error_tells_the_rule_it_came_up_in() {
        let mut session = local(&Interrupts::new());
        texts(&mut session, "(= (half $x) (/ $x 0))").unwrap();
        let mut failed = Vec::new();
        for name in ["<repl>", "typed.metta"] {
            let source = "\n(= (use $x) (+ 1 (half $x))) !(use 4)";
            let shown = &mut |reply: crate::session::Reply| {
                if let Outcome::Results(results) = reply.outcome {
                    failed.push((reply.line, results.failed_rule));
                }
                ControlFlow::Continue(())
            };
            session.evaluate(source, name, shown).unwrap();
        }
        let rule = "the rule for (half $x) at test:1".to_owned();
        assert_eq!(failed[0], (2, Some(rule)));
    }

    #[test]
    fn the_time_limit_ends_an_endless_directive_and_the_next_has_its_own() {
        let mut session = local(&Interrupts::new());
        session.set_limits(Limits {
            time: Some(Duration::from_millis(50)),
            bytes: None,
        });
        let all = texts(&mut session, "(= (on) (on)) !(on) !(+ 1 2)").unwrap();
        assert!(all[0][0].contains("DeadlineExceeded"), "{all:?}");
        assert_eq!(all[1], ["3"]);
    }

    #[test]
    fn the_bound_on_bytes_ends_a_runaway_recursion() {
        let mut session = local(&Interrupts::new());
        session.set_limits(Limits {
            time: Some(Duration::from_secs(60)),
            bytes: Some(4 << 20),
        });
        let all = texts(&mut session, "(= (grow $x) (cons $x (grow $x))) !(grow 1)").unwrap();
        assert!(all[0][0].contains("MemoryLimit"), "{:.200}", all[0][0]);
    }

    #[test]
    fn an_interrupt_ends_the_directive_and_those_after_it() {
        let interrupts = Interrupts::new();
        let mut session = local(&interrupts);
        let stopper = std::thread::spawn(move || {
            let started = Instant::now();
            while interrupts.interrupt() == Interruption::Idle {
                assert!(started.elapsed() < Duration::from_secs(30));
                std::thread::sleep(Duration::from_millis(5));
            }
        });
        let ended = texts(&mut session, "(= (on) (on)) !(on) !(+ 1 2)");
        stopper.join().unwrap();
        assert!(matches!(ended, Err(SessionError::Interrupted)), "{ended:?}");
        assert_eq!(texts(&mut session, "!(+ 1 2)").unwrap(), [["3"]]);
    }
}

//! Watching evaluations: which rules were applied, how often, and what they took.
//!
//! Both evaluators report to one [`Watch`]. While an engine has none, the code that it
//! compiles does not report, so that watching costs nothing when it is off.

use std::fmt::{self, Write};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::atom::Atom;
use crate::evaluate::RuleUse;

mod profile;

pub use profile::{Profile, RuleProfile};

/// Watches what an engine evaluates; see [`Engine::watch`](crate::Engine::watch). Clones
/// are the same watch.
///
/// ```
/// use chimera::{Engine, Watch};
///
/// let watch = Watch::profile();
/// let mut engine = Engine::builder().build();
/// engine.watch(Some(watch.clone()));
/// engine.load("(= (twice $x) (+ $x $x))\n!(twice (twice 1))", "twice.metta")?;
/// let rules = watch.profiled().rules;
/// assert_eq!((rules.len(), rules[0].calls, rules[0].exits), (1, 2, 2));
/// # Ok::<(), chimera::LoadError>(())
/// ```
#[derive(Clone)]
pub struct Watch(Arc<Mutex<Record>>);

/// A rule, by its number in a watch.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct RuleId(u32);

type Key = (Option<Arc<str>>, Option<u32>, Atom);

struct Record {
    rules: Vec<RuleProfile>,
    ids: HashMap<Key, RuleId, FixedState>,
    /// What was spent in no rule.
    outside: (u64, Duration),
    /// The rule whose body is being evaluated, and how deep it is in others.
    current: Option<RuleId>,
    depth: usize,
    /// As they were when the running evaluation began.
    base: (Option<RuleId>, usize),
    /// From when on time has not been charged to a rule.
    since: Instant,
    /// How many reductions of the running evaluation have been charged.
    charged: u64,
    trace: Option<Trace>,
}

struct Trace {
    sink: Box<dyn Fn(&str) + Send>,
    lines_left: usize,
    skipped: u64,
}

/// Where an evaluation goes on when one inside it has ended.
pub(crate) struct Outer {
    current: Option<RuleId>,
    depth: usize,
    charged: u64,
    base: (Option<RuleId>, usize),
}

/// A rule that is entered.
pub(crate) struct Entry {
    pub(crate) rule: RuleId,
    /// In how many rules it is.
    pub(crate) depth: usize,
    /// Whether another rule may be tried afterwards.
    pub(crate) leaves_choice: bool,
}

impl Watch {
    /// Counts, for [`Watch::profiled`].
    pub fn profile() -> Watch {
        Watch::new(None)
    }

    /// As [`Watch::profile`], and hands each application of a rule to `sink` as a line:
    /// the call, indented by how many rules it is in, with the rule's place; then what it
    /// gave. After `lines_max` lines there are no more.
    pub fn trace(lines_max: usize, sink: impl Fn(&str) + Send + 'static) -> Watch {
        Watch::new(Some(Trace {
            sink: Box::new(sink),
            lines_left: lines_max,
            skipped: 0,
        }))
    }

    fn new(trace: Option<Trace>) -> Watch {
        Watch(Arc::new(Mutex::new(Record {
            rules: Vec::new(),
            ids: HashMap::default(),
            outside: (0, Duration::ZERO),
            current: None,
            depth: 0,
            base: (None, 0),
            since: Instant::now(),
            charged: 0,
            trace,
        })))
    }

    /// What was counted so far.
    pub fn profiled(&self) -> Profile {
        let record = self.lock();
        Profile::new(record.rules.clone(), record.outside)
    }

    /// How many lines of the trace were too many.
    pub fn skipped(&self) -> u64 {
        self.lock().trace.as_ref().map_or(0, |trace| trace.skipped)
    }

    fn lock(&self) -> MutexGuard<'_, Record> {
        self.0.lock().expect("no panic while something is counted")
    }

    /// The number of a rule.
    pub(crate) fn rule(&self, rule: &RuleUse) -> RuleId {
        let mut record = self.lock();
        let key = (rule.file.clone(), rule.line, rule.head.clone());
        if let Some(known) = record.ids.get(&key) {
            return *known;
        }
        let id = RuleId(record.rules.len() as u32);
        record.rules.push(RuleProfile::new(rule.clone()));
        record.ids.insert(key, id);
        id
    }

    /// An evaluation begins, perhaps inside another one.
    pub(crate) fn begin(&self) -> Outer {
        let mut record = self.lock();
        let outer = Outer {
            current: record.current,
            depth: record.depth,
            charged: record.charged,
            base: record.base,
        };
        record.base = (record.current, record.depth);
        let now = Instant::now();
        if outer.current.is_some() {
            record.charge_time(now);
        }
        record.since = now;
        record.charged = 0;
        outer
    }

    /// An evaluation has ended, with so many reductions spent.
    pub(crate) fn end(&self, outer: &Outer, spent: u64) {
        let mut record = self.lock();
        record.charge(spent);
        record.current = outer.current;
        record.depth = outer.depth;
        record.base = outer.base;
        record.charged = outer.charged + spent;
    }

    /// In how many rules the present evaluation is.
    pub(crate) fn depth(&self) -> usize {
        self.lock().depth
    }

    /// The rule that the running evaluation began in, and in how many.
    pub(crate) fn base_rule(&self) -> Option<RuleId> {
        self.lock().base.0
    }

    /// In how many rules the running evaluation began.
    pub(crate) fn base_depth(&self) -> usize {
        self.lock().base.1
    }

    /// The rule in which the present evaluation is.
    pub(crate) fn current(&self) -> Option<RuleId> {
        self.lock().current
    }

    /// The head of a rule has matched a call.
    pub(crate) fn enter(&self, entry: Entry, spent: u64, call: impl FnOnce(&mut Brief)) {
        let mut record = self.lock();
        record.charge(spent);
        record.current = Some(entry.rule);
        record.depth = entry.depth + 1;
        let counts = &mut record.rules[entry.rule.0 as usize];
        counts.calls += 1;
        counts.choices += u64::from(entry.leaves_choice);
        let place = counts.place();
        record.tell(entry.depth, |line| {
            call(line);
            line.end(&place);
        });
    }

    /// The body of a rule has come to its end; it goes on in the rule around it.
    /// `result` is `None` where what the body gives is still to come.
    pub(crate) fn exit(
        &self,
        rule: RuleId,
        around: (Option<RuleId>, usize),
        spent: u64,
        result: Option<impl FnOnce(&mut Brief)>,
    ) {
        let mut record = self.lock();
        record.charge(spent);
        record.rules[rule.0 as usize].exits += 1;
        (record.current, record.depth) = around;
        if let Some(result) = result {
            record.tell(around.1, |line| {
                let _ = line.write_str("= ");
                result(line);
            });
        }
    }

    /// It goes on in the body of a rule.
    pub(crate) fn go(&self, (rule, depth): (Option<RuleId>, usize), spent: u64) {
        let mut record = self.lock();
        record.charge(spent);
        record.current = rule;
        record.depth = depth;
    }

    /// The present rule leaves something to come back to.
    pub(crate) fn choice(&self) {
        let mut record = self.lock();
        if let Some(rule) = record.current {
            record.rules[rule.0 as usize].choices += 1;
        }
    }
}

impl Record {
    fn charge_time(&mut self, now: Instant) {
        let time = now.saturating_duration_since(self.since);
        match self.current {
            Some(rule) => self.rules[rule.0 as usize].time += time,
            None => self.outside.1 += time,
        }
        self.since = now;
    }

    /// Charges what was spent since the last time to the present rule.
    fn charge(&mut self, spent: u64) {
        self.charge_time(Instant::now());
        let reductions = spent.saturating_sub(self.charged);
        match self.current {
            Some(rule) => self.rules[rule.0 as usize].reductions += reductions,
            None => self.outside.0 += reductions,
        }
        self.charged = spent;
    }

    fn tell(&mut self, depth: usize, write: impl FnOnce(&mut Brief)) {
        let Some(trace) = &mut self.trace else { return };
        if trace.lines_left == 0 {
            trace.skipped += 1;
            return;
        }
        trace.lines_left -= 1;
        let mut line = Brief::new(depth);
        write(&mut line);
        (trace.sink)(&line.0);
        // Telling takes time, which no rule has spent.
        self.since = Instant::now();
    }
}

/// A line of a trace: what does not fit in it is left out.
pub(crate) struct Brief(String, usize);

/// Characters of an atom that are shown.
const SHOWN: usize = 160;
/// How deep lines are indented; what is deeper has its depth before it.
const INDENTED: usize = 30;

impl Brief {
    fn new(depth: usize) -> Brief {
        let mut text = "  ".repeat(depth.min(INDENTED));
        if depth > INDENTED {
            let _ = write!(text, "[{depth}] ");
        }
        Brief(text, SHOWN)
    }

    /// Shows an atom, or the beginning of a long one.
    pub(crate) fn atom(&mut self, atom: &Atom) {
        let _ = write!(self, "{atom}");
    }

    fn end(&mut self, place: &str) {
        self.0.push_str("    ");
        self.0.push_str(place);
    }
}

impl Write for Brief {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        if self.1 == 0 {
            return Err(fmt::Error);
        }
        for character in text.chars() {
            self.0.push(character);
            self.1 -= 1;
            if self.1 == 0 {
                self.0.push('…');
                return Err(fmt::Error);
            }
        }
        Ok(())
    }
}

//! The embedding API: build an engine, register operations, load, evaluate.

use std::collections::BTreeSet;
use std::mem::MaybeUninit;
use std::sync::Arc;

use crate::areas::Areas;
use crate::atom::{Atom, State, known};
use crate::budget::Budget;
use crate::evaluate::{Evaluation, TabledFunction};
use crate::fast::ListingError;
use crate::file_access::FileAccess;
use crate::files::Files;
use crate::library;
use crate::load::{Directive, LoadError};
use crate::modules::Modules;
use crate::operation::{Operation, OperationError};
use crate::persistent::Map;
use crate::reader::Words;
use crate::space::{Moment, Space, moment};
use crate::symbol::Symbol;
use crate::watch::Watch;

/// Gives bits that nobody can foretell, or the same ones on each run.
type Entropy = Arc<dyn Fn() -> u64 + Send + Sync>;

/// Where a program's text goes.
type Sink = Arc<dyn Fn(&str) + Send + Sync>;

/// A MeTTa engine: a program's space, its tokens, and what the host grants.
pub struct Engine {
    pub(crate) host: Host,
    pub(crate) space: Space,
    /// What a snapshot sees of the program's space.
    seen: Option<Space>,
}

/// What an engine's programs may do beyond computing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Grants {
    /// Change spaces, states and tokens.
    pub write: bool,
    /// Read files: modules, and files through the `fileio` module.
    pub read_files: bool,
    /// Write files through the `fileio` module.
    pub write_files: bool,
}

impl Default for Grants {
    /// Writing to spaces, and no files.
    fn default() -> Grants {
        Grants {
            write: true,
            read_files: false,
            write_files: false,
        }
    }
}

/// What evaluations share: tokens, settings, and the doors to the outside.
#[derive(Clone)]
pub(crate) struct Host {
    pub(crate) grants: Grants,
    /// Set when a program tried to change something without the grant.
    pub(crate) write_refused: bool,
    /// Set when something was changed that was there before, or called that may change something.
    pub(crate) has_changed: bool,
    /// States with this number and greater ones are the evaluation's own.
    pub(crate) own_states: u64,
    /// Whether what is evaluated was evaluated before: nothing is to be changed by that.
    pub(crate) is_second: bool,
    pub(crate) tokens: Words,
    /// What every module's tokens begin with.
    pub(crate) base_tokens: Words,
    pub(crate) modules: Modules,
    /// How many operations are evaluating inside one another.
    pub(crate) nested: usize,
    /// Reductions of evaluations inside operations, to be counted by those around.
    pub(crate) spent_inside: u64,
    /// Branches that ended since they were nested too deeply.
    pub(crate) too_deep: u64,
    /// The program's own space.
    pub(crate) top: Space,
    /// Operations that a symbol calls, beside the rules for that symbol.
    pub(crate) functions: Map<Symbol, Arc<Operation>>,
    /// Functions whose calls are tabled (module `tabling`).
    pub(crate) tabled: Map<Symbol, Vec<TabledFunction>>,
    /// A number that tells which these are.
    pub(crate) tabled_version: u64,
    pub(crate) corelib: Space,
    pub(crate) settings: Settings,
    pub(crate) output: Sink,
    pub(crate) trace: Option<Sink>,
    pub(crate) watch: Option<Watch>,
    pub(crate) clock: Arc<dyn Fn() -> f64 + Send + Sync>,
    pub(crate) compiled: crate::fast::Cache,
    /// Whether compiled code runs, and has called what is evaluated with this.
    pub(crate) is_running: bool,
    /// Whether everything is left to the plain evaluator.
    pub(crate) plain: bool,
    /// Whether what compiled code is unsure of is looked at again.
    pub(crate) looks_again: bool,
    pub(crate) entropy: Entropy,
    /// What the module `fileio` opens files through.
    pub(crate) file_access: Option<Arc<dyn FileAccess>>,
    pub(crate) areas: Areas,
    /// When all spaces are seen; `None` is the present.
    pub(crate) moment: Option<Moment>,
}

impl Host {
    /// The same, at this moment and without leave to change anything; a host at a moment
    /// stays at that. What is evaluated with it sees no later change of any space.
    pub(crate) fn snapshot(&self) -> Host {
        let mut host = self.clone();
        host.grants.write = false;
        host.grants.write_files = false;
        host.write_refused = false;
        host.is_running = false;
        host.moment.get_or_insert_with(Moment::open);
        host
    }
}

/// Settings that `pragma!` changes.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// `interpreter bare-minimal`: directives are minimal instructions.
    pub(crate) bare_minimal: bool,
    /// `type-check auto`: ill-typed atoms of a file are errors.
    pub(crate) check_types: bool,
    /// `max-stack-depth`.
    pub(crate) stack_depth_max: usize,
}

/// How deep operations may evaluate inside one another.
pub(crate) const NESTED_MAX: usize = 32;

/// What an operation may use while it runs.
pub struct Context<'h> {
    pub(crate) host: &'h mut Host,
    pub(crate) space: &'h Space,
    pub(crate) budget: Budget,
}

impl Context<'_> {
    /// The space in which the call is evaluated.
    pub fn space(&self) -> &Space {
        self.space
    }

    /// Prints one line, or part of one, to the engine's output.
    pub fn print(&self, text: &str) {
        (self.host.output)(text);
    }

    /// Prints what is meant for whoever looks for a mistake.
    pub(crate) fn trace(&self, text: &str) {
        (self.host.trace.as_ref().unwrap_or(&self.host.output))(text);
    }

    /// Seconds by the engine's clock.
    pub fn now(&self) -> f64 {
        (self.host.clock)()
    }

    /// Allows a change to a space, state or token, or refuses it.
    ///
    /// # Errors
    /// `ReadOnly` if the embedder granted no writing.
    pub fn check_write(&mut self) -> Result<(), OperationError> {
        if self.host.grants.write {
            self.host.has_changed = true;
            return Ok(());
        }
        self.host.write_refused = true;
        Err(OperationError::symbol("ReadOnly"))
    }

    /// As [`Context::check_write`], of a change to a state.
    pub(crate) fn check_change(&mut self, state: &State) -> Result<(), OperationError> {
        let is_own = state.is_since(self.host.own_states);
        if is_own && (self.host.grants.write || self.host.is_second) {
            return Ok(());
        }
        self.check_write()
    }

    /// Evaluates `atom` in the space of the call, within what is left of the budget.
    /// Operations that evaluate inside one another more than 32 deep get
    /// `(Error <atom> StackOverflow)`: each level takes native stack.
    pub fn evaluate(&mut self, atom: &Atom) -> Vec<Atom> {
        if self.host.nested >= NESTED_MAX {
            let reason = Atom::symbol("StackOverflow");
            return vec![Atom::error(atom.clone(), reason)];
        }
        self.host.nested += 1;
        let evaluation = crate::fast::run(self.host, self.space, atom, &self.budget, false);
        self.host.nested -= 1;
        self.host.spent_inside += evaluation.reductions;
        evaluation.atoms()
    }
}

/// Builds an [`Engine`].
pub struct Builder {
    output: Sink,
    trace: Option<Sink>,
    clock: Arc<dyn Fn() -> f64 + Send + Sync>,
    grants: Grants,
    files: Option<Arc<dyn Files>>,
    plain: bool,
    looks_again: bool,
    entropy: Option<Entropy>,
    file_access: Option<Arc<dyn FileAccess>>,
    areas: Areas,
}

impl Builder {
    /// What programs may do. By default change spaces, and no files.
    #[must_use]
    pub fn grants(mut self, grants: Grants) -> Builder {
        self.grants = grants;
        self
    }

    /// Where modules are read from, if reading files is granted. By default there
    /// are no files.
    #[must_use]
    pub fn files(mut self, files: impl Files + 'static) -> Builder {
        self.files = Some(Arc::new(files));
        self
    }

    /// What the module `fileio` opens files through, as far as the grants allow.
    /// By default there are no files.
    #[must_use]
    pub fn file_access(mut self, access: impl FileAccess + 'static) -> Builder {
        self.file_access = Some(Arc::new(access));
        self
    }

    /// Is told of each large area of memory that an evaluation is likely to fill from its
    /// beginning on, before it is written to: a program can ask the system to back it by large
    /// pages, so that not each page of 4 KiB is asked for by its first write. The area is
    /// freed with the evaluation, or when it grows. By default nobody is told.
    #[must_use]
    pub fn large_areas(mut self, prepare: fn(&mut [MaybeUninit<u64>])) -> Builder {
        self.areas = Areas::told_to(prepare);
        self
    }

    /// What gives randomness: seeds for the generators of the module `random`,
    /// and coin flips. By default a sequence that is the same on each run.
    #[must_use]
    pub fn entropy(mut self, entropy: impl Fn() -> u64 + Send + Sync + 'static) -> Builder {
        self.entropy = Some(Arc::new(entropy));
        self
    }

    /// Where `println!` writes. By default nowhere.
    #[must_use]
    pub fn output(mut self, sink: impl Fn(&str) + Send + Sync + 'static) -> Builder {
        self.output = Arc::new(sink);
        self
    }

    /// Where `trace!` writes. By default where `println!` does.
    #[must_use]
    pub fn trace(mut self, sink: impl Fn(&str) + Send + Sync + 'static) -> Builder {
        self.trace = Some(Arc::new(sink));
        self
    }

    /// What tells the time, in seconds. By default it is always 0.
    #[must_use]
    pub fn clock(mut self, clock: impl Fn() -> f64 + Send + Sync + 'static) -> Builder {
        self.clock = Arc::new(clock);
        self
    }

    /// Evaluates by the plain evaluator only: slow, and the measure of the other.
    #[must_use]
    pub fn plain(mut self) -> Builder {
        self.plain = true;
        self
    }

    /// Takes what compiled code answers as it is, also where it is odd and short. By default the plain
    /// evaluator looks at that again: for whoever holds the one against the other.
    #[must_use]
    pub fn compiled(mut self) -> Builder {
        self.looks_again = false;
        self
    }

    /// The engine, with the standard library loaded.
    pub fn build(self) -> Engine {
        let corelib = Space::module("top:corelib");
        let space = Space::module("top");
        space.import(corelib.clone());
        let host = Host {
            grants: self.grants,
            write_refused: false,
            has_changed: false,
            own_states: 0,
            is_second: false,
            tokens: Words::new(),
            base_tokens: Words::new(),
            modules: Modules::new(self.files),
            nested: 0,
            spent_inside: 0,
            too_deep: 0,
            top: space.clone(),
            functions: Map::new(),
            tabled: Map::new(),
            tabled_version: 0,
            corelib,
            settings: Settings {
                bare_minimal: false,
                check_types: false,
                stack_depth_max: usize::MAX,
            },
            output: self.output,
            trace: self.trace,
            watch: None,
            clock: self.clock,
            compiled: crate::fast::Cache::default(),
            is_running: false,
            plain: self.plain,
            looks_again: self.looks_again,
            entropy: self.entropy.unwrap_or_else(library::fixed_entropy),
            file_access: self.file_access,
            areas: self.areas,
            moment: None,
        };
        let mut engine = Engine {
            host,
            space,
            seen: None,
        };
        for (word, atom) in library::words_of(&engine.space) {
            engine.bind(word, atom);
        }
        library::install(&mut engine);
        engine
    }
}

impl Engine {
    /// An engine to be configured.
    pub fn builder() -> Builder {
        Builder {
            output: Arc::new(|_| {}),
            trace: None,
            clock: Arc::new(|| 0.0),
            grants: Grants::default(),
            files: None,
            plain: false,
            looks_again: true,
            entropy: None,
            file_access: None,
            areas: Areas::default(),
        }
    }

    /// An engine over what all spaces hold now: those that the program has names for, and
    /// those that are atoms in others. It cannot change them, sees no change of them, and
    /// keeps nobody from changing them; so it answers several questions, or one that takes
    /// long, from one moment, also on another thread. Its clock stands still. A snapshot of a
    /// snapshot is of the same moment.
    ///
    /// O(1). While a snapshot is open, what it sees stays in memory. Values of states
    /// (`new-state`) are no part of it.
    ///
    /// ```
    /// use chimera::{Budget, Engine};
    ///
    /// let mut engine = Engine::builder().build();
    /// engine.load("(a 1) (a 2)", "facts.metta").expect("it is MeTTa");
    /// let mut before = engine.snapshot();
    /// engine.load("(a 3) !(remove-atom &self (a 1))", "more.metta").expect("it is MeTTa");
    /// let question = before.parse("(match &self (a $x) $x)").expect("it is one atom");
    /// let answer = before.evaluate(&question, &Budget::default()).atoms();
    /// assert_eq!(format!("{answer:?}"), "[1, 2]");
    /// ```
    #[must_use]
    pub fn snapshot(&self) -> Engine {
        let mut host = self.host.snapshot();
        if self.host.moment.is_none() {
            let now = (host.clock)();
            host.clock = Arc::new(move || now);
        }
        let seen = {
            let _then = moment::enter(host.moment.as_ref());
            self.space.snapshot()
        };
        Engine {
            host,
            space: self.space.clone(),
            seen: Some(seen),
        }
    }

    /// Tells `watch` what is evaluated from now on, or nobody. Watched evaluations take
    /// longer; others pay nothing for it.
    pub fn watch(&mut self, watch: Option<Watch>) {
        self.host.watch = watch;
    }

    /// Lists what the rules of `name` are compiled to, in words: for whoever wonders how a
    /// rule is run. The listing is for people and changes with the compiler.
    ///
    /// # Errors
    /// If `name` is not one atom, or no rule is about it.
    pub fn listing(&self, name: &str) -> Result<String, ListingError> {
        crate::fast::listing(&self.host, &self.space, &self.parse(name)?)
    }

    /// Whether an evaluation tried to change something without the grant.
    pub fn write_refused(&self) -> bool {
        self.host.write_refused
    }

    /// The program's own space, `&self`; for a snapshot, as it sees that space.
    pub fn self_space(&self) -> &Space {
        self.seen.as_ref().unwrap_or(&self.space)
    }

    /// Makes the word `token` stand for `atom` in everything read from now on,
    /// also in modules that are loaded from now on.
    pub fn bind(&mut self, token: &str, atom: Atom) {
        self.host.base_tokens.insert(token.to_owned(), atom.clone());
        self.host.tokens.insert(token.to_owned(), atom);
    }

    /// Makes an operation callable by its name.
    pub fn register(&mut self, operation: Operation) {
        let name = operation.name().to_owned();
        self.bind(&name, Atom::from(operation));
    }

    /// As [`Engine::register`], of an operation of the standard library.
    pub(crate) fn provide(&mut self, operation: Operation) {
        self.register(operation.of_library());
    }

    /// Makes an operation callable by a symbol: in every space that sees the
    /// standard library, beside whatever rules there are for that symbol.
    pub(crate) fn define(&mut self, operation: Operation) {
        let name = Symbol::new(operation.name());
        self.host.corelib.add(Atom::expression([
            Atom::Symbol(known().colon.clone()),
            Atom::Symbol(name.clone()),
            operation.type_atom().clone(),
        ]));
        let operation = Arc::new(operation.of_library());
        self.host.functions.insert(name, operation);
    }

    /// Adds the atoms of `source` to the program's space and evaluates its
    /// directives, in order. Runs all of it, also after a directive's error.
    ///
    /// # Errors
    /// If `source` is not MeTTa, or if this is a snapshot; then nothing of it has been
    /// applied.
    pub fn load(&mut self, source: &str, file: &str) -> Result<Vec<Directive>, LoadError> {
        let mut directives = Vec::new();
        self.run(source, file, &Budget::default(), |directive| {
            directives.push(directive);
            true
        })?;
        Ok(directives)
    }

    /// As [`Engine::load`], handing on each directive as it is done; stops
    /// where `each` says `false`. Each directive has the whole budget.
    ///
    /// # Errors
    /// If `source` is not MeTTa, or if this is a snapshot; then nothing of it has been
    /// applied.
    pub fn run(
        &mut self,
        source: &str,
        file: &str,
        budget: &Budget,
        each: impl FnMut(Directive) -> bool,
    ) -> Result<(), LoadError> {
        let space = self.space.clone();
        crate::load::run(&mut self.host, &space, source, file, budget, each)
    }

    /// The names a program can use: tokens, and the symbols in the first
    /// `atoms_max` atoms of each space that `&self` sees. Sorted; for completion.
    pub fn words(&self, atoms_max: usize) -> Vec<String> {
        let mut words: BTreeSet<String> = self.host.tokens.keys().cloned().collect();
        let _then = moment::enter(self.host.moment.as_ref());
        for space in self.space.closure() {
            let mut left = atoms_max;
            space.each_own(&mut |atom| {
                if left == 0 {
                    return;
                }
                left -= 1;
                let mut pending = vec![atom];
                while let Some(atom) = pending.pop() {
                    match atom {
                        Atom::Symbol(symbol) => {
                            if !words.contains(symbol.as_str()) {
                                words.insert(symbol.as_str().to_owned());
                            }
                        }
                        Atom::Expression(expression) => pending.extend(expression.children()),
                        Atom::Variable(_) | Atom::Grounded(_) => {}
                    }
                }
            });
        }
        words.into_iter().collect()
    }

    /// Reads one atom, with the tokens of the program.
    ///
    /// # Errors
    /// If `text` is not exactly one atom.
    pub fn parse(&self, text: &str) -> Result<Atom, LoadError> {
        crate::load::parse_one(self, text)
    }

    /// Evaluates `atom` in the program's space.
    ///
    /// Returns every result, first rule first, the same on every run; no results
    /// is empty. A bound that was hit is an `(Error …)` among them.
    pub fn evaluate(&mut self, atom: &Atom, budget: &Budget) -> Evaluation {
        crate::fast::run(&mut self.host, &self.space, atom, budget, false)
    }

    /// Compiles what evaluating `atom` may call, for evaluations with proofs or for those
    /// without, so that the first need not wait for that. It is compiled once for the engine
    /// and its snapshots, until rules or types change.
    pub fn prepare(&self, atom: &Atom, proving: bool) {
        crate::fast::prepare(&self.host, &self.space, atom, proving);
    }

    /// As [`Engine::evaluate`], with the rules, facts and operations that led
    /// to each result.
    pub fn evaluate_proving(&mut self, atom: &Atom, budget: &Budget) -> Evaluation {
        crate::fast::run(&mut self.host, &self.space, atom, budget, true)
    }
}

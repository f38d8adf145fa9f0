//! The compiler: rules of one function, or one expression, to code.
//!
//! What it does not know how to compile, it leaves to the plain evaluator, by an
//! instruction that evaluates the expression there: so code means what the plain
//! evaluator does, or asks it. Every expression is compiled for the type that its
//! value is expected to have.

mod apart;
mod apply;
mod body;
mod call;
mod cases;
mod choose;
mod condition;
mod control;
mod decide;
pub(in crate::fast) mod facts;
mod grow;
mod head;
mod inline;
mod inlined;
mod known;
mod lambda;
mod locals;
pub(in crate::fast) mod met;
mod minimal;
mod one_call;
mod pattern;
mod pending;
mod plain;
mod several;
mod siblings;
mod slow;
mod state;
mod switch;
mod table;
mod told;
mod tuple;
mod typing;
mod unchanged;
mod walk;
mod whether;

use pending::Pending;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use crate::atom::{Atom, Variable, known};
use crate::engine::Host;
use crate::evaluate::RuleUse;
use crate::evaluate::uses::Used;
use crate::fast::choice::Gathers;
use crate::fast::code::{
    FAIL, Gives, Instruction, Operand, Pc, SLOTS, STEP, Slot, TypeId, Watched,
};
use crate::fast::function::{Function, State};
use crate::fast::head::{Head, Signature};
use crate::fast::heap::Heap;
use crate::fast::program::{Program, Temporary, Written};
use crate::fast::switch::Key;
use crate::fast::table::{Rule, RuleIndex, RuleTable};
use crate::fast::types::Argument;
use crate::space::{Origin, Row};

/// Not compiled: left to the plain evaluator.
struct Leave;

type Compiled<T> = Result<T, Leave>;

/// Rules that are read at once.
const RULES_AT_ONCE: usize = 256;
/// Functions of more rules than this are indexed.
const LINEAR_MAX: usize = 8;
const SLOTS_MAX: usize = SLOTS - 96;
const TESTS_MAX: usize = 12;
/// What has more atoms is no program that somebody wrote; parts that it shares would be compiled each time.
const SIZE_MAX: u32 = 1 << 20;

/// Compiles the rules of a function, if it has any.
pub(super) fn function(host: &Host, heap: &mut Heap, program: &mut Program, id: u32) {
    let Function {
        symbol,
        arity,
        expected,
        ..
    } = program.functions[id as usize];
    let head = Atom::Symbol(heap.symbol_of(symbol));
    if program.open_rules || arity > SLOTS_MAX {
        program.functions[id as usize].state = State::Plain;
        return;
    }
    let kind = program.head(host, heap, &head);
    let signature = match &kind {
        // Whoever is watching is told by the plain evaluator.
        Head::Untyped | Head::Typed(_) if expected == STEP && !program.watched => None,
        _ if expected == STEP => {
            program.functions[id as usize].state = State::Plain;
            return;
        }
        Head::Untyped => None,
        Head::Typed(signature) => Some(signature.clone()),
        Head::Complex if program.signatures(host, heap, &head).is_some() => None,
        Head::Operation(..) | Head::Complex => {
            program.functions[id as usize].state = State::Plain;
            return;
        }
    };
    let version = program.rules_version(symbol, arity);
    let before = program.functions[id as usize].state;
    let same = program.looked_same(id);
    if matches!(before, State::CompiledBefore | State::DataBefore)
        && program.functions[id as usize].version == version
        && same
    {
        program.functions[id as usize].state = match before {
            State::CompiledBefore => State::Compiled,
            _ => State::Data,
        };
        return;
    }
    if before == State::CompiledBefore
        && same
        && table::update(host, heap, program, id, signature.as_deref(), version)
    {
        return;
    }
    program.functions[id as usize].version = version;
    program.looked.begin(Some(id));
    let rows = program.rule_rows(symbol, arity);
    if rows.is_empty() && program.curried.is_name(symbol) {
        program.functions[id as usize].state = State::Plain;
        return;
    }
    if rows.is_empty() {
        program.note_data(id, &kind);
        return;
    }
    let many = rows.len() > 1;
    let mut tests = Vec::with_capacity(rows.len());
    // Rules take much more room as atoms than where they are stored: a few at a time.
    for rows in rows.chunks(RULES_AT_ONCE) {
        for (rule, _) in program.rules_at(rows, &head) {
            if table::parts(&rule, &head).is_some() {
                tests.push(head::tests(heap, &rule));
            }
        }
        settle_after(rows);
    }
    if tests.len() < rows.len() {
        program.functions[id as usize].state = State::Plain;
        return;
    }
    let (tree, mut reached) = match many.then(|| switch::tree(&tests)).flatten() {
        Some((tree, reached)) => (Some(tree), reached),
        None => (None, Vec::new()),
    };
    // Where no head can fail, no rule has to know of those before it.
    let firm = rows
        .chunks(RULES_AT_ONCE)
        .zip(reached.chunks(RULES_AT_ONCE))
        .all(|(rows, reached)| {
            let rules = program.rules_at(rows, &head);
            let matches = reached.iter().zip(&rules).all(|(reached, (rule, _))| {
                reached
                    .known
                    .as_ref()
                    .is_none_or(|known| head::always_matches(rule, known))
            });
            drop(rules);
            settle_after(rows);
            matches
        });
    for reached in &mut reached {
        reached.notes = reached.among_others && !firm;
    }
    let mut compiled = Vec::with_capacity(rows.len());
    let mut entries = Vec::with_capacity(rows.len());
    let mut size = arity;
    let start = program.code.len();
    let mut tests = tests.into_iter();
    let may_meet = !(program.watched || program.proving || program.is_at_moment());
    let mut compile_rules = || {
        for rows in rows.chunks(RULES_AT_ONCE) {
            let found = program.rules_at(rows, &head);
            if found.len() < rows.len() {
                // Some went away since; the function is looked at again before its next call.
                return Err(Leave);
            }
            for ((rule, origin), tests) in found.into_iter().zip(tests.by_ref()) {
                let Some((pattern, body)) = table::parts(&rule, &head) else {
                    return Err(Leave);
                };
                program.code.push(Instruction::HeadFail { function: id });
                let pc = program.code.len() as Pc;
                let mut compiler = Compiler::new(host, heap, program, arity);
                compiler.function = id;
                compiler.meets = may_meet.then_some(0);
                compiler.facts = facts::Mode::of(compiler.program, id);
                let (reached, place) = (reached.get(compiled.len()), origin.clone());
                let entry = compiler.rule(
                    pattern,
                    body,
                    signature.as_deref(),
                    expected,
                    many,
                    reached,
                    origin,
                )?;
                size = size.max(compiler.slots);
                compiled.push(Rule { pc, gone: 0, tests });
                entries.push(entry);
                if let Some(listed) = &mut program.listed {
                    listed.rule(pc - 1..program.code.len() as Pc, &rule, place);
                }
            }
            settle_after(rows);
            if compiled.len() == RULES_AT_ONCE {
                // Growing step by step would leave as much memory behind again. What chooses a rule
                // comes behind them.
                let most = (program.code.len() - start).div_ceil(RULES_AT_ONCE);
                let rest = entries.capacity() - entries.len() + RULES_AT_ONCE;
                program.code.reserve(most * rest);
            }
        }
        Ok(())
    };
    if compile_rules().is_err() {
        program.code.truncate(start);
        program.functions[id as usize].state = State::Plain;
        program.looked.keep(id);
        return;
    }
    program.looked.keep(id);
    let mut pc = compiled[0].pc;
    let mut chosen = None;
    let mut select = pc;
    if many {
        pc = program.code.len() as Pc;
        select = pc;
        program.code.push(Instruction::Select { function: id });
        match &tree {
            Some(tree) => {
                program.code.push(Instruction::NoRule { function: id });
                let places = switch::Places {
                    function: Some(id),
                    rules: &entries,
                    open: pc,
                    none: pc + 1,
                };
                pc = switch::write(program, tree, &places);
            }
            None => chosen = index(&compiled),
        }
    }
    if program.watched {
        let to = pc;
        pc = program.code.len() as Pc;
        let watch = program.watch(Watched::Call);
        program.code.push(watch);
        program.code.push(Instruction::Jump { to });
    }
    if let Some(listed) = &mut program.listed {
        listed.choice = program.code.len() as Pc;
    }
    let function = &mut program.functions[id as usize];
    function.pc = pc;
    function.size = size as Slot;
    function.table = program.tables.len() as u32;
    function.state = State::Compiled;
    function.is_untyped = signature.is_none();
    let layer = rows[0].layer;
    let in_one = many && rows.iter().all(|row| row.layer == layer);
    program.tables.push(RuleTable {
        index: chosen,
        layer: in_one.then_some(layer),
        rows: if in_one {
            rows.iter().map(|row| row.row).collect()
        } else {
            Vec::new()
        },
        numbering: program.layers.numbering(),
        select,
        compiled: compiled.len(),
        rules: compiled,
        changes: 0,
        changed: 0,
        calls: 0,
    });
}

/// Where a function has many rules, gives back the room of the names in those looked at.
fn settle_after(rows: &[Row]) {
    if rows.len() == RULES_AT_ONCE {
        crate::symbol::settle();
    }
}

/// An index over the position that tells most rules apart.
fn index(rules: &[Rule]) -> Option<RuleIndex> {
    if rules.len() <= LINEAR_MAX {
        return None;
    }
    let mut keys: HashMap<&[u32], HashSet<Key, FixedState>, FixedState> = HashMap::default();
    for rule in rules {
        for test in &rule.tests {
            keys.entry(&test.path).or_default().insert(test.key);
        }
    }
    let (path, _) = keys
        .into_iter()
        .max_by_key(|(path, keys)| (keys.len(), usize::MAX - path.len()))?;
    let mut index = RuleIndex {
        path: path.into(),
        by_key: HashMap::default(),
        open: Vec::new(),
    };
    for (number, rule) in rules.iter().enumerate() {
        index.add(number as u32, &rule.tests);
    }
    Some(index)
}

/// Compiles an expression as the body of a function of its variables, which are `open` if
/// they stand for nothing. `None` if it is left to the plain evaluator.
pub(super) fn expression(
    host: &Host,
    heap: &mut Heap,
    program: &mut Program,
    atom: &Atom,
    expected: TypeId,
    open: bool,
) -> Option<u32> {
    let children = atom.as_expression().unwrap_or_default();
    let malformed = atom.is_error() && !is_whole_error(atom);
    let is_too_large = atom.size() > SIZE_MAX;
    if malformed || is_too_large || matches!(children.first(), None | Some(Atom::Variable(_))) {
        return None;
    }
    let key = Written::new(atom, expected, open);
    if let Some(id) = program.expressions.get(&key) {
        return *id;
    }
    let start = program.code.len();
    if program.watched {
        let watch = program.watch(Watched::Expression);
        program.code.push(watch);
    }
    let mut compiler = Compiler::new(host, heap, program, 0);
    compiler.count(atom);
    compiler.is_whole = open;
    let own = compiler.own_of_called(atom, open);
    let mut variables: Vec<Variable> = Vec::new();
    atom.for_each_variable(|variable| {
        if !variables.contains(variable) && !own.contains(variable) {
            variables.push(variable.clone());
        }
    });
    if open {
        // What a form binds is younger than what it binds it to, which stays.
        let late = bound_by_let(atom);
        let (late, first): (Vec<Variable>, Vec<Variable>) = variables
            .into_iter()
            .partition(|variable| late.contains(variable));
        variables = first;
        variables.extend(late);
    }
    compiler.slots = variables.len();
    if variables.len() > SLOTS_MAX {
        program.code.truncate(start);
        return None;
    }
    for (slot, variable) in variables.iter().enumerate() {
        if compiler.is_walked(variable) {
            compiler.written.insert(variable.clone(), slot as Slot);
            continue;
        }
        let is_new = open || compiler.heap.is_variable_part(variable);
        compiler.names.insert(
            variable.clone(),
            Name {
                slot: slot as Slot,
                fresh_in: is_new.then_some(compiler.scope),
            },
        );
    }
    compiler.define_first(variables.len());
    let done = compiler.body(atom, expected, Bound::Something);
    let size = compiler.slots as Slot;
    let left = compiler.left;
    let id = match done {
        Ok(()) if !left => {
            program.temporary.push(Temporary {
                pc: start as Pc,
                size,
                variables,
            });
            Some((program.temporary.len() - 1) as u32)
        }
        Ok(()) | Err(Leave) => {
            program.code.truncate(start);
            None
        }
    };
    program.expressions.insert(key, id);
    id
}

/// The variables in patterns of `let` and `let*`.
fn bound_by_let(atom: &Atom) -> Vec<Variable> {
    let mut found = Vec::new();
    let mut note =
        |pattern: &Atom| pattern.for_each_variable(|variable| found.push(variable.clone()));
    let mut pending = vec![atom];
    while let Some(atom) = pending.pop() {
        let parts = atom.as_expression().unwrap_or_default();
        match parts {
            [Atom::Symbol(head), pattern, _, _] if head.as_str() == "let" => note(pattern),
            [Atom::Symbol(head), pairs, _] if head.as_str() == "let*" => {
                for pair in pairs.as_expression().unwrap_or_default() {
                    if let Some([pattern, _]) = pair.as_expression() {
                        note(pattern);
                    }
                }
            }
            _ => {}
        }
        pending.extend(parts.iter().filter(|part| !part.is_ground()));
    }
    found
}

/// Whether it is more than code usually is.
fn is_large(atom: &Atom) -> bool {
    const ATOMS: usize = 500;
    let mut pending = vec![atom];
    let mut seen = 0;
    while let Some(atom) = pending.pop() {
        seen += 1;
        if seen > ATOMS {
            return true;
        }
        if let Atom::Expression(expression) = atom {
            if expression.children().len() > ATOMS {
                return true;
            }
            pending.extend(expression.children());
        }
    }
    false
}

/// Whether a call has no arguments that are evaluated to something else.
fn is_unchanged(children: &[Atom]) -> bool {
    children[1..].iter().all(|argument| match argument {
        Atom::Expression(expression) => expression.children().is_empty(),
        _ => true,
    })
}

/// Whether it is `(Error atom reason)`; with fewer or more parts it is an ill-typed call.
fn is_whole_error(atom: &Atom) -> bool {
    atom.is_error() && atom.as_expression().is_some_and(|error| error.len() == 3)
}

#[derive(Clone, Copy)]
struct Name {
    slot: Slot,
    /// The part of the body at whose beginning it stood for nothing yet.
    fresh_in: Option<u32>,
}

/// What a form's own matching may have bound in atoms that were there before.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Bound {
    Nothing,
    Something,
}

/// What to do with a value.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Want {
    /// Return it.
    Tail,
    /// Keep it. Its expression sets its own errors aside.
    Own,
    /// Keep it. The expression around it sets errors aside.
    Shared,
}

/// A value: where it is, as an operand.
type Value = Operand;

/// Where errors of parts go.
struct Handler {
    mark: Option<Slot>,
    outer: usize,
    /// Instructions that go here.
    uses: Vec<(usize, Place, Pending)>,
    kind: Catch,
}

#[derive(Clone, Copy)]
enum Catch {
    /// Returned from the function.
    Frame,
    /// On to the handler outside.
    Outer,
    /// Taken as a value into a slot; goes on there.
    Value { slot: Slot, resume: Pc },
}

/// Which of an instruction's places is to be filled in.
#[derive(Clone, Copy)]
enum Place {
    OnError,
    To,
    Odd,
    OnFail,
    Stuck,
    Done,
}

/// The static type of an argument.
enum Static {
    /// Nothing is known: it fits.
    Any,
    /// `Atom`: fits a parameter, but not a parameter of an argument.
    Atom,
    Known(Atom),
    /// The only type of a symbol, with type variables.
    Open(Atom),
    /// As the value in the slot.
    Slot(Slot),
    /// As that of the tree when it is looked at.
    Tree(u32),
}

/// What a value is one of, as an argument.
type Ways = SmallVec<[Argument; 2]>;

/// What has to hold of values before a typed call is made.
#[derive(PartialEq)]
enum Check {
    /// The value in the slot has the type.
    Type(Slot, Atom),
    /// The values in both slots have a type in common.
    Same(Slot, Slot),
    /// There is no variable in the value.
    Ground(Slot),
    /// The tree has a type, and that one.
    Tree(u32, Atom),
}

struct Compiler<'m> {
    host: &'m Host,
    heap: &'m mut Heap,
    program: &'m mut Program,
    names: HashMap<Variable, Name, FixedState>,
    /// How often each variable occurs in the whole rule.
    counts: HashMap<Variable, usize, FixedState>,
    /// How often in forms that put elements in its place.
    walked: HashMap<Variable, usize, FixedState>,
    /// Slots of variables of an expression that elements take the place of: only an
    /// expression as it stands has them.
    written: HashMap<Variable, Slot, FixedState>,
    /// Slots that hold settled values; numbers.
    settled: HashSet<Slot, FixedState>,
    /// Slots that may hold a call as it was written.
    calls: HashSet<Slot, FixedState>,
    numbers: HashSet<Slot, FixedState>,
    /// Slots that hold plain values of these types.
    typed: HashSet<(Slot, TypeId), FixedState>,
    defined: Vec<u64>,
    slots: usize,
    /// How many of them hold what the rule's head or the expression was given.
    given: usize,
    /// Numbers the parts of the body that are instantiated at once.
    scope: u32,
    scopes: u32,
    handlers: Vec<Handler>,
    handler: usize,
    /// Instructions that are told the frame's size at the end.
    sized: Vec<usize>,
    /// Where the slow ways begin, to be written after the main one.
    odd: Vec<Odd>,
    /// Whether the whole was left to the plain evaluator.
    left: bool,
    depth: usize,
    /// How many calls of names with several types this is in, whose types are looked at.
    within_several: usize,
    /// What values code is written for.
    mode: plain::Mode,
    /// Expressions that were taken apart so far.
    matched: Vec<plain::Matched>,
    /// Those that are data, in code for plain values.
    data: Vec<plain::Matched>,
    /// Slots of such values.
    plain: Vec<Slot>,
    /// The function of the rule.
    function: u32,
    /// Whether facts that the rule looks for are compiled into it, and not only may be.
    facts: facts::Mode,
    /// Whether it is a rule that tells whoever watches how it ends.
    watched: bool,
    /// In how many bodies code is for types that were met; `None` if it is not to be.
    meets: Option<usize>,
    /// What values of slots are, as they were met.
    met: HashMap<Slot, Ways, FixedState>,
    /// Whether that left open how something is typed.
    in_doubt: bool,
    /// What was used on the way here and is still to be recorded.
    pending: Pending,
    /// What has to be kept of the results that the `collapse` to be compiled next gathers.
    gathers: Gathers,
    /// Slots that may have stood for nothing as a part began, by its number, and the slots that tell.
    unbound: Vec<(Slot, u32, Option<Slot>)>,
    /// Whether its variables are nowhere else.
    is_whole: bool,
    /// Whether comparisons were tried all at once before.
    is_compared: bool,
}

/// A slow way: evaluate an expression by the plain evaluator and go on.
struct Odd {
    uses: Vec<(usize, Place)>,
    what: OddWhat,
    expected: TypeId,
    /// Where the value goes; `None` returns it.
    to: Option<Slot>,
    resume: Pc,
    handler: usize,
    defined: Vec<u64>,
    names: HashMap<Variable, Name, FixedState>,
    pending: Pending,
}

#[derive(Clone)]
enum OddWhat {
    /// An expression as written.
    Source(Atom),
    /// An expression as written, but that results some variables stand for are as they were
    /// before they were known to be results.
    SourceOf(Atom, Vec<Variable>),
    /// An expression as written, and the slot of the type that is expected of it.
    SourceAs(Atom, Slot),
    /// A call as written, whose arguments are as its function wants them.
    Call(Atom),
    /// A pair of a call and what one of its rules gives, or what that has become, with which is
    /// gone on.
    Rule(Atom, Gives),
    /// An expression as written, which is evaluated as a value, `true` as a part of another.
    Value(Atom, bool),
    /// As `Call`, if one of both slots holds a space; else a failure.
    Space([Slot; 2], Atom),
    /// A call of an operation, of evaluated operands.
    Operands(u32, Vec<Operand>, bool),
}

impl<'m> Compiler<'m> {
    fn new(
        host: &'m Host,
        heap: &'m mut Heap,
        program: &'m mut Program,
        arity: usize,
    ) -> Compiler<'m> {
        let mut compiler = Compiler {
            host,
            heap,
            program,
            names: HashMap::default(),
            counts: HashMap::default(),
            walked: HashMap::default(),
            written: HashMap::default(),
            settled: HashSet::default(),
            calls: HashSet::default(),
            numbers: HashSet::default(),
            typed: HashSet::default(),
            defined: Vec::new(),
            slots: arity,
            given: 0,
            scope: 0,
            scopes: 0,
            handlers: vec![Handler {
                mark: None,
                outer: 0,
                uses: Vec::new(),
                kind: Catch::Frame,
            }],
            handler: 0,
            sized: Vec::new(),
            odd: Vec::new(),
            left: false,
            depth: 0,
            within_several: 0,
            mode: plain::Mode::Plain(0),
            matched: Vec::new(),
            data: Vec::new(),
            plain: Vec::new(),
            function: 0,
            facts: facts::Mode::Never,
            watched: false,
            meets: None,
            met: HashMap::default(),
            in_doubt: false,
            pending: Pending::default(),
            gathers: Gathers::Results,
            unbound: Vec::new(),
            is_whole: true,
            is_compared: false,
        };
        compiler.define_first(arity);
        compiler
    }

    fn define_first(&mut self, count: usize) {
        for slot in 0..count {
            self.define(slot as Slot);
        }
    }

    fn define(&mut self, slot: Slot) {
        let word = usize::from(slot) / 64;
        if self.defined.len() <= word {
            self.defined.resize(word + 1, 0);
        }
        self.defined[word] |= 1 << (slot % 64);
    }

    fn slot(&mut self) -> Compiled<Slot> {
        if self.slots >= SLOTS_MAX {
            return Err(Leave);
        }
        self.slots += 1;
        Ok((self.slots - 1) as Slot)
    }

    /// A new slot that the next instruction fills.
    fn target(&mut self) -> Compiled<Slot> {
        let slot = self.slot()?;
        self.define(slot);
        Ok(slot)
    }

    /// Writes an instruction; before one that leaves the frame or may be gone back to, what
    /// was used is recorded.
    fn emit(&mut self, instruction: Instruction) -> usize {
        if pending::ends(&instruction) {
            self.record_pending();
        }
        self.program.code.push(instruction);
        self.program.code.len() - 1
    }

    fn here(&self) -> Pc {
        self.program.code.len() as Pc
    }

    /// Emits an instruction that may make a frame above this one; calls return to
    /// the instruction after it.
    fn emit_sized(&mut self, instruction: Instruction) -> usize {
        let at = self.emit(instruction);
        self.sized.push(at);
        self.program
            .live
            .insert(at as Pc + 1, self.defined.clone().into_boxed_slice());
        at
    }

    fn fill(&mut self, at: usize, place: Place, pc: Pc) {
        use Instruction as I;
        // What takes the truth value that a jump is for jumps by itself.
        if let (Place::To, [.., I::TakeTruth { no, .. }, I::JumpUnless { .. }]) =
            (place, &mut self.program.code[..=at])
        {
            *no = pc;
        }
        let instruction = &mut self.program.code[at];
        let field = match (place, instruction) {
            (
                Place::OnError,
                I::Take { on_error, .. }
                | I::TakeTruth { on_error, .. }
                | I::TakeElements { on_error, .. },
            ) => on_error,
            (
                Place::To,
                I::Jump { to }
                | I::JumpUnless { to, .. }
                | I::UnlessSpace { to, .. }
                | I::JumpUnlessCompare { to, .. }
                | I::JumpUnlessCompareSmall { to, .. }
                | I::JumpUnlessConstant { to, .. }
                | I::JumpUnlessInteger { to, .. }
                | I::JumpUnlessSum { to, .. }
                | I::JumpUnlessSame { to, .. }
                | I::TakeSettled { settled: to, .. }
                | I::Gather { done: to, .. }
                | I::CaseOpen { empty: to, .. }
                | I::Watch { to, .. },
            ) => to,
            (
                Place::OnFail,
                I::MatchConstant { on_fail, .. }
                | I::MatchExpression { on_fail, .. }
                | I::MatchCall { on_fail, .. }
                | I::Unify { on_fail, .. },
            ) => on_fail,
            (
                Place::Odd,
                I::AddSmall { odd, .. }
                | I::Add { odd, .. }
                | I::Subtract { odd, .. }
                | I::Compute { odd, .. }
                | I::ComputeSmall { odd, .. }
                | I::Compare { odd, .. }
                | I::JumpUnlessCompare { odd, .. }
                | I::JumpUnlessCompareSmall { odd, .. }
                | I::JumpUnlessConstant { odd, .. }
                | I::JumpUnlessInteger { odd, .. }
                | I::JumpUnlessSum { odd, .. }
                | I::IfPlain { odd, .. }
                | I::IfElements { odd, .. }
                | I::IfTyped { odd, .. }
                | I::JumpUnlessSame { odd, .. }
                | I::CheckSame { odd, .. }
                | I::Same { odd, .. }
                | I::Grow { odd, .. }
                | I::Logic { odd, .. }
                | I::Not { odd, .. }
                | I::JumpUnless { odd, .. }
                | I::UnlessSpace { odd, .. }
                | I::CheckType { odd, .. }
                | I::CheckKind { odd, .. }
                | I::Elements { odd, .. }
                | I::Match { odd, .. }
                | I::Query { odd, .. }
                | I::IfFacts { odd, .. }
                | I::IfRules { odd, .. }
                | I::ChangeSpace { odd, .. }
                | I::GetState { odd, .. }
                | I::ChangeState { odd, .. }
                | I::First { odd, .. }
                | I::Rest { odd, .. }
                | I::SizeAtom { odd, .. }
                | I::IndexAtom { odd, .. }
                | I::UnionAtom { odd, .. },
            ) => odd,
            (
                Place::Odd,
                I::CheckGround { odd, .. }
                | I::CheckTree { odd, .. }
                | I::Cons { odd, .. }
                | I::Decons { odd, .. }
                | I::CheckFirst { odd, .. }
                | I::CheckStepped { odd, .. }
                | I::IfMet { odd, .. }
                | I::Decide { odd, .. }
                | I::Applied { odd, .. }
                | I::TryApplyLast { odd, .. }
                | I::List { odd, .. }
                | I::Item { odd, .. },
            ) => odd,
            (Place::Stuck, I::Operate { stuck, .. }) => stuck,
            (Place::Done, I::Item { done, .. }) => done,
            (_, other) => unreachable!("{other:?} has no such place"),
        };
        *field = pc;
    }

    fn count(&mut self, atom: &Atom) {
        body::count(atom, &mut self.counts);
        let walked = &mut self.walked;
        walk::count_walked(atom, |variable| {
            *walked.entry(variable.clone()).or_insert(0) += 1;
        });
    }

    /// Compiles a rule. Returns where it begins for calls that were told apart.
    #[expect(clippy::too_many_arguments, reason = "all that is known of a rule")]
    fn rule(
        &mut self,
        pattern: &Atom,
        body: &Atom,
        signature: Option<&Signature>,
        expected: TypeId,
        many: bool,
        reached: Option<&switch::Reached>,
        origin: Option<Origin>,
    ) -> Compiled<Pc> {
        let arguments = &pattern.as_expression().expect("checked")[1..];
        self.count(pattern);
        self.count(body);
        let head_fail = self.here() - 1;
        let mut begin = self.here();
        for (slot, argument) in arguments.iter().enumerate() {
            self.pattern(argument, slot as Slot, head_fail)?;
        }
        self.note_calls(signature);
        if many {
            self.emit(Instruction::Neck);
        }
        if let Some(switch::Reached {
            known: Some(known),
            notes,
            ..
        }) = reached
            && (!known.is_empty() || !*notes)
        {
            // Once more, without what is known then; slots and names come out the same.
            let over = self.emit(Instruction::Jump { to: FAIL });
            let (slots, names) = (self.slots, self.names.len());
            self.slots = arguments.len();
            self.names.clear();
            begin = self.here();
            for (slot, argument) in arguments.iter().enumerate() {
                self.known_pattern(argument, slot as Slot, known, head_fail)?;
            }
            if *notes {
                self.emit(Instruction::Neck);
            }
            debug_assert_eq!((slots, names), (self.slots, self.names.len()));
            let here = self.here();
            self.fill(over, Place::To, here);
        }
        if self.program.proving {
            let rule = self.rule_use(pattern, origin);
            self.pending.add(Used::Rule(rule));
        } else if self.program.watched {
            let (rule, function) = (self.rule_use(pattern, origin), self.function);
            self.watch(Watched::Rule { rule, function });
            self.watched = true;
        }
        // The call itself is the result.
        if body.is_symbol(&known().not_reducible) {
            return Err(Leave);
        }
        if expected == STEP {
            self.step_of_rule(pattern, body)?;
            return Ok(begin);
        }
        if let Some([head, within]) = body.as_expression()
            && head.is_symbol(&known().function)
        {
            let returned = match signature.map(|signature| &signature.returns) {
                Some(returns) if returns.is_symbol(&known().atom) => None,
                Some(returns) if returns.is_ground() => Some(self.result_type(returns)),
                Some(_) | None => Some(expected),
            };
            let ends = match returned {
                Some(expected) => minimal::Ends::Value(expected),
                None => minimal::Ends::Atom,
            };
            let called = &pattern.as_expression().expect("checked")[0];
            self.function_body(within, called, arguments.len(), ends)?;
            return Ok(begin);
        }
        // Different variables as arguments bind nothing in what is handed over.
        let mut arguments_seen = arguments.iter().enumerate();
        let bound = if arguments_seen.all(|(place, argument)| {
            matches!(argument, Atom::Variable(_)) && !arguments[..place].contains(argument)
        }) {
            Bound::Nothing
        } else {
            Bound::Something
        };
        match signature.map(|signature| &signature.returns) {
            returns
                if body.is_error()
                    || returns.is_some_and(|returns| returns.is_symbol(&known().atom)) =>
            {
                self.introduce(body)?;
                let value = self.quoted(body)?;
                match body {
                    Atom::Variable(_) => {
                        let from = self.in_slot(value)?;
                        self.emit_sized(Instruction::OfferResult { from, size: 0 });
                        self.return_result();
                    }
                    _ => self.return_value(value),
                }
                self.finish()?;
            }
            // What it is expected to be says what type variables stand for.
            Some(returns) if !returns.is_ground() => self.body(body, expected, bound)?,
            None => self.body(body, expected, bound)?,
            Some(returns) => {
                let expected = self.result_type(returns);
                self.body(body, expected, bound)?;
            }
        }
        Ok(begin)
    }

    fn rule_use(&mut self, head: &Atom, origin: Option<Origin>) -> u32 {
        let rule = RuleUse::of(head.clone(), origin);
        self.program.uses.add_rule(rule)
    }

    fn watch(&mut self, what: Watched) -> usize {
        let watch = self.program.watch(what);
        self.emit(watch)
    }

    /// Gives a variable's slot its name.
    fn name(&mut self, variable: &Variable, name: Name) {
        if let Some(listed) = &mut self.program.listed {
            listed.name(name.slot, variable);
        }
        self.names.insert(variable.clone(), name);
    }
}

/// How the parts of an expression are compiled.
#[derive(Clone, Copy)]
struct Inner {
    /// How many choices there were when the expression began, if that was noted.
    mark: Option<Slot>,
    /// What is wanted of the part that gives the expression's value.
    want: Want,
}

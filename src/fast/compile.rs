//! The compiler: rules of one function, or one expression, to code.
//!
//! What it does not know how to compile, it leaves to the plain evaluator, by an
//! instruction that evaluates the expression there: so code means what the plain
//! evaluator does, or asks it. Every expression is compiled for the type that its
//! value is expected to have.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

use crate::atom::{Atom, Grounded, Variable, known};
use crate::engine::Host;
use crate::evaluate::{Control, RuleUse};
use crate::fast::cell::Cell;
use crate::fast::code::{
    ANY, Arithmetic, BOOL, Comparison, FAIL, Instruction, NUMBER, Operand, Pc, RETURN, Slot, TypeId,
};
use crate::fast::heap::Heap;
use crate::fast::program::{
    Function, Head, HeadTest, Inline, Key, Program, Rule, RuleIndex, Signature, State, Temporary,
};
use crate::operation::Operation;
use crate::space::Origin;
use crate::types;

/// Not compiled: left to the plain evaluator.
struct Leave;

type Compiled<T> = Result<T, Leave>;

/// Functions of more rules than this are indexed.
const LINEAR_MAX: usize = 8;
const SLOTS_MAX: usize = 4000;
const TESTS_MAX: usize = 12;

/// Compiles the rules of a function, if it has any.
pub(super) fn function(host: &Host, heap: &mut Heap, program: &mut Program, id: u32) {
    let Function {
        symbol,
        arity,
        expected,
        ..
    } = program.functions[id as usize];
    let head = Atom::Symbol(heap.symbol_of(symbol));
    if program.open_rules {
        program.functions[id as usize].state = State::Plain;
        return;
    }
    let kind = program.head(host, heap, &head);
    let signature = match &kind {
        Head::Untyped => None,
        Head::Typed(signature) => Some(signature.clone()),
        Head::Operation(..) | Head::Complex => {
            program.functions[id as usize].state = State::Plain;
            return;
        }
    };
    let version = program.rules_version(symbol, arity);
    let before = program.functions[id as usize].state;
    if matches!(before, State::CompiledBefore | State::DataBefore)
        && program.functions[id as usize].version == version
    {
        program.functions[id as usize].state = match before {
            State::CompiledBefore => State::Compiled,
            _ => State::Data,
        };
        return;
    }
    program.functions[id as usize].version = version;
    let found = program.rules(symbol, arity);
    if found.is_empty() {
        program.functions[id as usize].state = State::Data;
        return;
    }
    let many = found.len() > 1;
    let mut compiled = Vec::with_capacity(found.len());
    let mut size = arity;
    let start = program.code.len();
    for (row, origin) in found {
        let Some([equal, pattern, body]) = row.as_expression() else {
            program.functions[id as usize].state = State::Plain;
            return;
        };
        let usable = equal.is_symbol(&known().equal)
            && matches!(pattern.as_expression(), Some([first, ..]) if *first == head);
        if !usable {
            program.functions[id as usize].state = State::Plain;
            return;
        }
        program.code.push(Instruction::HeadFail { function: id });
        let pc = program.code.len() as Pc;
        let mut compiler = Compiler::new(host, heap, program, arity);
        let done = compiler.rule(pattern, body, signature.as_deref(), expected, many, origin);
        match done {
            Ok(tests) => {
                size = size.max(compiler.slots);
                compiled.push(Rule { pc, tests });
            }
            Err(Leave) => {
                program.code.truncate(start);
                program.functions[id as usize].state = State::Plain;
                return;
            }
        }
    }
    let pc = if many {
        program.code.push(Instruction::Select { function: id });
        program.code.len() as Pc - 1
    } else {
        compiled[0].pc
    };
    let index = index(&compiled);
    let function = &mut program.functions[id as usize];
    function.pc = pc;
    function.size = size as Slot;
    function.rules = compiled;
    function.index = index;
    function.state = State::Compiled;
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
    let path: smallvec::SmallVec<[u32; 4]> = path.into();
    let mut by_key: HashMap<Key, Vec<u32>, FixedState> = HashMap::default();
    let mut open = Vec::new();
    for (number, rule) in rules.iter().enumerate() {
        match rule.tests.iter().find(|test| test.path == path) {
            Some(test) => by_key.entry(test.key).or_default().push(number as u32),
            None => open.push(number as u32),
        }
    }
    Some(RuleIndex { path, by_key, open })
}

/// Compiles an expression as the body of a function of its variables.
/// `None` if it is left to the plain evaluator.
pub(super) fn expression(
    host: &Host,
    heap: &mut Heap,
    program: &mut Program,
    atom: &Atom,
    expected: TypeId,
) -> Option<u32> {
    let children = atom.as_expression().unwrap_or_default();
    let malformed = atom.is_error() && !is_whole_error(atom);
    if malformed || matches!(children.first(), None | Some(Atom::Variable(_))) {
        return None;
    }
    let key = (atom.clone(), expected);
    if let Some((known, id)) = program.expressions.get(&key)
        && exactly_equal(known, atom)
    {
        return *id;
    }
    let mut variables: Vec<Variable> = Vec::new();
    atom.for_each_variable(|variable| {
        if !variables.contains(variable) {
            variables.push(variable.clone());
        }
    });
    let start = program.code.len();
    let mut compiler = Compiler::new(host, heap, program, variables.len());
    for (slot, variable) in variables.iter().enumerate() {
        compiler.names.insert(
            variable.clone(),
            Name {
                slot: slot as Slot,
                fresh_in: None,
            },
        );
    }
    compiler.define_first(variables.len());
    compiler.count(atom);
    let done = compiler.body(atom, expected);
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
    program.expressions.insert(key, (atom.clone(), id));
    id
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

/// Whether equal atoms are also written the same: `1` is equal to `1.0`.
fn exactly_equal(left: &Atom, right: &Atom) -> bool {
    let mut pending = vec![(left, right)];
    while let Some((left, right)) = pending.pop() {
        match (left, right) {
            (Atom::Expression(a), Atom::Expression(b)) => {
                pending.extend(a.children().iter().zip(b.children()));
            }
            (Atom::Grounded(Grounded::Number(a)), Atom::Grounded(Grounded::Number(b)))
                if a.is_float() != b.is_float() =>
            {
                return false;
            }
            _ => {}
        }
    }
    true
}

#[derive(Clone, Copy)]
struct Name {
    slot: Slot,
    /// The part of the body at whose beginning it stood for nothing yet.
    fresh_in: Option<u32>,
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
    uses: Vec<(usize, Place)>,
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
}

/// The static type of an argument.
enum Static {
    /// Nothing is known: it fits.
    Any,
    /// `Atom`: fits a parameter, but not a parameter of an argument.
    Atom,
    Known(Atom),
    /// As the value in the slot.
    Slot(Slot),
}

/// What has to hold of values before a typed call is made.
#[derive(PartialEq)]
enum Check {
    /// The value in the slot has the type.
    Type(Slot, Atom),
    /// The values in both slots have a type in common.
    Same(Slot, Slot),
}

struct Compiler<'m> {
    host: &'m Host,
    heap: &'m mut Heap,
    program: &'m mut Program,
    names: HashMap<Variable, Name, FixedState>,
    /// How often each variable occurs in the whole rule.
    counts: HashMap<Variable, usize, FixedState>,
    /// Slots that hold settled values; numbers.
    settled: HashSet<Slot, FixedState>,
    numbers: HashSet<Slot, FixedState>,
    defined: Vec<u64>,
    slots: usize,
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
}

enum OddWhat {
    /// An expression as written.
    Source(Atom),
    /// A call as written, whose arguments are as its function wants them.
    Call(Atom),
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
            settled: HashSet::default(),
            numbers: HashSet::default(),
            defined: Vec::new(),
            slots: arity,
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

    fn emit(&mut self, instruction: Instruction) -> usize {
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
        let instruction = &mut self.program.code[at];
        let field = match (place, instruction) {
            (Place::OnError, I::Take { on_error, .. }) => on_error,
            (
                Place::To,
                I::Jump { to }
                | I::JumpUnless { to, .. }
                | I::JumpUnlessCompare { to, .. }
                | I::JumpUnlessCompareSmall { to, .. }
                | I::JumpUnlessConstant { to, .. }
                | I::Gather { done: to, .. }
                | I::CaseOpen { empty: to, .. },
            ) => to,
            (
                Place::OnFail,
                I::MatchConstant { on_fail, .. }
                | I::MatchExpression { on_fail, .. }
                | I::Unify { on_fail, .. },
            ) => on_fail,
            (
                Place::Odd,
                I::AddSmall { odd, .. }
                | I::Add { odd, .. }
                | I::Subtract { odd, .. }
                | I::Compute { odd, .. }
                | I::Compare { odd, .. }
                | I::JumpUnlessCompare { odd, .. }
                | I::JumpUnlessCompareSmall { odd, .. }
                | I::JumpUnlessConstant { odd, .. }
                | I::CheckSame { odd, .. }
                | I::Logic { odd, .. }
                | I::Not { odd, .. }
                | I::JumpUnless { odd, .. }
                | I::CheckType { odd, .. }
                | I::CheckExpression { odd, .. }
                | I::Elements { odd, .. }
                | I::Match { odd, .. }
                | I::Snapshot { odd, .. }
                | I::First { odd, .. }
                | I::Rest { odd, .. }
                | I::SizeAtom { odd, .. }
                | I::IndexAtom { odd, .. },
            ) => odd,
            (Place::Stuck, I::Operate { stuck, .. }) => stuck,
            (_, other) => unreachable!("{other:?} has no such place"),
        };
        *field = pc;
    }

    fn count(&mut self, atom: &Atom) {
        let counts = &mut self.counts;
        atom.for_each_variable(|variable| *counts.entry(variable.clone()).or_insert(0) += 1);
    }

    // ---- rules --------------------------------------------------------------

    fn rule(
        &mut self,
        pattern: &Atom,
        body: &Atom,
        signature: Option<&Signature>,
        expected: TypeId,
        many: bool,
        origin: Option<Origin>,
    ) -> Compiled<Box<[HeadTest]>> {
        let arguments = &pattern.as_expression().expect("checked")[1..];
        self.count(pattern);
        self.count(body);
        let mut tests = Vec::new();
        let head_fail = self.here() - 1;
        for (slot, argument) in arguments.iter().enumerate() {
            let mut path = vec![slot as u32];
            self.tests(argument, &mut path, &mut tests);
            self.pattern(argument, slot as Slot, head_fail)?;
        }
        if many {
            self.emit(Instruction::Neck);
        }
        if self.program.proving {
            let (file, line) = match origin {
                Some(origin) => (Some(origin.file.to_string()), Some(origin.line)),
                None => (None, None),
            };
            self.program.rule_uses.push(Arc::new(RuleUse {
                file,
                line,
                head: pattern.clone(),
            }));
            let rule = (self.program.rule_uses.len() - 1) as u32;
            self.emit(Instruction::RecordRule { rule });
        }
        // A `function` has to know the call that it is the result of.
        if matches!(body.as_expression(), Some([head, ..]) if head.is_symbol(&known().function)) {
            return Err(Leave);
        }
        match signature.map(|signature| &signature.returns) {
            returns
                if body.is_error()
                    || returns.is_some_and(|returns| returns.is_symbol(&known().atom)) =>
            {
                self.introduce(body)?;
                let value = self.quoted(body)?;
                self.return_value(value);
                self.finish()?;
            }
            Some(Atom::Variable(_)) => self.body(body, expected)?,
            Some(returns) => {
                let expected = self.result_type(returns);
                self.body(body, expected)?;
            }
            None => self.body(body, expected)?,
        }
        Ok(tests.into_boxed_slice())
    }

    /// The type that results of a function with this return type are evaluated with.
    fn result_type(&mut self, returns: &Atom) -> TypeId {
        match returns {
            Atom::Variable(_) => ANY,
            _ if returns.is_symbol(&known().expression) => ANY,
            _ => self.program.type_id(returns),
        }
    }

    fn tests(&mut self, pattern: &Atom, path: &mut Vec<u32>, tests: &mut Vec<HeadTest>) {
        if tests.len() >= TESTS_MAX {
            return;
        }
        let key = match pattern {
            Atom::Variable(_) => return,
            Atom::Symbol(symbol) => Key::Leaf(Cell::symbol(self.heap.symbol(symbol))),
            Atom::Grounded(Grounded::Bool(value)) => Key::Leaf(Cell::boolean(*value)),
            Atom::Grounded(Grounded::Number(crate::number::Number::Integer(value))) => {
                match Cell::int(*value) {
                    Some(cell) => Key::Leaf(cell),
                    None => return,
                }
            }
            Atom::Grounded(_) => return,
            Atom::Expression(expression) => {
                let children = expression.children();
                let head = match children.first() {
                    Some(Atom::Symbol(symbol)) => Some(Cell::symbol(self.heap.symbol(symbol))),
                    Some(Atom::Variable(_)) => None,
                    _ => None,
                };
                Key::Expression {
                    head,
                    arity: children.len(),
                }
            }
        };
        tests.push(HeadTest {
            path: path.as_slice().into(),
            key,
        });
        if let Atom::Expression(expression) = pattern
            && path.len() < 4
        {
            for (position, child) in expression.children().iter().enumerate() {
                if position == 0 && matches!(child, Atom::Symbol(_)) {
                    continue;
                }
                path.push(position as u32);
                self.tests(child, path, tests);
                path.pop();
            }
        }
    }

    /// Matches what a slot holds with a pattern.
    fn pattern(&mut self, pattern: &Atom, slot: Slot, on_fail: Pc) -> Compiled<()> {
        let mut uses = Vec::new();
        self.pattern_with(pattern, slot, &mut uses)?;
        for at in uses {
            self.fill(at, Place::OnFail, on_fail);
        }
        Ok(())
    }

    fn pattern_with(&mut self, pattern: &Atom, slot: Slot, uses: &mut Vec<usize>) -> Compiled<()> {
        self.deeper()?;
        match pattern {
            Atom::Variable(variable) => match self.names.get(variable) {
                None => {
                    self.names.insert(
                        variable.clone(),
                        Name {
                            slot,
                            fresh_in: None,
                        },
                    );
                }
                Some(name) => {
                    let left = name.slot;
                    uses.push(self.emit(Instruction::Unify {
                        left,
                        right: slot,
                        on_fail: FAIL,
                    }));
                }
            },
            ground if ground.is_ground() => {
                let index = self.constant(ground)?;
                uses.push(self.emit(Instruction::MatchConstant {
                    slot,
                    index,
                    on_fail: FAIL,
                }));
            }
            Atom::Expression(expression) => {
                let children = expression.children();
                if children.len() > 200 {
                    return Err(Leave);
                }
                let to = self.slots as Slot;
                for _ in children {
                    self.target()?;
                }
                uses.push(self.emit(Instruction::MatchExpression {
                    slot,
                    to,
                    arity: children.len() as u16,
                    on_fail: FAIL,
                }));
                for (position, child) in children.iter().enumerate() {
                    self.pattern_with(child, to + position as Slot, uses)?;
                }
            }
            // A text pattern: what it matches the plain evaluator knows.
            Atom::Symbol(_) | Atom::Grounded(_) => return Err(Leave),
        }
        self.depth -= 1;
        Ok(())
    }

    /// Bounds the native stack that compiling takes.
    fn deeper(&mut self) -> Compiled<()> {
        self.depth += 1;
        if self.depth > 200 { Err(Leave) } else { Ok(()) }
    }

    fn constant(&mut self, atom: &Atom) -> Compiled<u32> {
        let cell = self.heap.constant(atom).ok_or(Leave)?;
        Ok(self.program.constant(cell))
    }

    fn constant_value(&mut self, atom: &Atom) -> Compiled<Value> {
        Ok(Operand::constant(self.constant(atom)?))
    }

    // ---- bodies -------------------------------------------------------------

    /// A body: instantiated, evaluated and returned.
    fn body(&mut self, body: &Atom, expected: TypeId) -> Compiled<()> {
        self.introduce(body)?;
        self.evaluate(body, expected, Want::Tail)?;
        self.finish()
    }

    /// Makes variables of those that occur first in `atom`, but for those that a
    /// form inside binds itself.
    fn introduce(&mut self, atom: &Atom) -> Compiled<()> {
        let mut local = HashSet::<Variable, FixedState>::default();
        self.locals(atom, &mut local, 0);
        let mut fresh = Vec::new();
        atom.for_each_variable(|variable| {
            if !self.names.contains_key(variable)
                && !local.contains(variable)
                && !fresh.contains(variable)
            {
                fresh.push(variable.clone());
            }
        });
        for variable in fresh {
            self.fresh(&variable)?;
        }
        Ok(())
    }

    fn fresh(&mut self, variable: &Variable) -> Compiled<Slot> {
        let slot = self.target()?;
        self.emit(Instruction::Variable { to: slot });
        let fresh_in = Some(self.scope);
        self.names.insert(variable.clone(), Name { slot, fresh_in });
        Ok(slot)
    }

    /// Variables that occur in one binding form only, which introduces them.
    fn locals(&self, atom: &Atom, local: &mut HashSet<Variable, FixedState>, depth: usize) {
        if depth > 100 {
            return;
        }
        let Some(children) = atom.as_expression() else {
            return;
        };
        let all_within = |parts: &[&Atom], variable: &Variable| {
            let mut count = 0;
            for part in parts {
                part.for_each_variable(|other| count += usize::from(other == variable));
            }
            self.counts.get(variable) == Some(&count)
        };
        let mut take = |pattern: &Atom, parts: &[&Atom]| {
            pattern.for_each_variable(|variable| {
                if all_within(parts, variable) {
                    local.insert(variable.clone());
                }
            });
        };
        match children {
            [head, pattern, _, template] if head.as_symbol() == Some("let") => {
                take(pattern, &[pattern, template]);
            }
            [head, Atom::Expression(pairs), template] if head.as_symbol() == Some("let*") => {
                let pairs: Vec<&[Atom]> = pairs
                    .children()
                    .iter()
                    .filter_map(Atom::as_expression)
                    .collect();
                for (place, pair) in pairs.iter().enumerate() {
                    let [pattern, _] = pair else { continue };
                    let mut parts = vec![pattern];
                    for later in &pairs[place + 1..] {
                        parts.extend(later.iter());
                    }
                    parts.push(template);
                    take(pattern, &parts);
                }
            }
            [head, _, Atom::Expression(cases)]
                if matches!(head.as_symbol(), Some("case" | "switch")) =>
            {
                for case in cases.children() {
                    if let Some([pattern, template]) = case.as_expression() {
                        take(pattern, &[pattern, template]);
                    }
                }
            }
            [
                Atom::Grounded(Grounded::Operation(operation)),
                _,
                pattern,
                template,
            ] if operation.control() == Some(Control::Match) => {
                take(pattern, &[pattern, template]);
            }
            [head, left, right, then, _] if head.as_symbol() == Some("unify") => {
                take(left, &[left, right, then]);
                take(right, &[left, right, then]);
            }
            _ => {}
        }
        for child in children {
            self.locals(child, local, depth + 1);
        }
    }

    /// Writes what stands after the main way: slow ways, handlers; sizes.
    fn finish(&mut self) -> Compiled<()> {
        while let Some(odd) = self.odd.pop() {
            let here = self.here();
            for (at, place) in &odd.uses {
                self.fill(*at, *place, here);
            }
            self.defined = odd.defined;
            self.names = odd.names;
            match odd.what {
                OddWhat::Call(atom) => {
                    let from = self.quoted(&atom)?;
                    let from = self.in_slot(from)?;
                    self.emit_sized(Instruction::PlainCall { from, size: 0 });
                }
                OddWhat::Source(atom) => {
                    let from = self.quoted(&atom)?;
                    let from = self.in_slot(from)?;
                    self.emit_sized(Instruction::Plain {
                        from,
                        expected: odd.expected,
                        size: 0,
                    });
                }
                OddWhat::Operands(operation, operands, unchanged) => {
                    let operands = self.program.operands(&operands);
                    let at = self.emit_sized(Instruction::Operate {
                        operation,
                        operands,
                        size: 0,
                        stuck: FAIL,
                        unchanged,
                    });
                    let here = self.here();
                    self.fill(at, Place::Stuck, here);
                }
            }
            match odd.to {
                Some(to) => {
                    let at = self.emit(Instruction::Take { to, on_error: FAIL });
                    self.handlers[odd.handler].uses.push((at, Place::OnError));
                    self.emit(Instruction::Jump { to: odd.resume });
                }
                None => {
                    self.emit(Instruction::ReturnResult);
                }
            }
        }
        // Inner handlers lead to outer ones, which are written later.
        for number in (0..self.handlers.len()).rev() {
            if self.handlers[number].uses.is_empty() {
                continue;
            }
            let here = self.here();
            for (at, place) in std::mem::take(&mut self.handlers[number].uses) {
                self.fill(at, place, here);
            }
            if let Some(mark) = self.handlers[number].mark {
                self.emit(Instruction::ErrorAt { mark });
            }
            match self.handlers[number].kind {
                Catch::Frame => {
                    self.emit(Instruction::ReturnResult);
                }
                Catch::Outer => {
                    let at = self.emit(Instruction::Jump { to: FAIL });
                    let outer = self.handlers[number].outer;
                    self.handlers[outer].uses.push((at, Place::To));
                }
                Catch::Value { slot, resume } => {
                    self.emit(Instruction::TakeAny { to: slot });
                    self.emit(Instruction::Jump { to: resume });
                }
            }
        }
        let whole = self.slots as Slot;
        for at in std::mem::take(&mut self.sized) {
            use Instruction as I;
            match &mut self.program.code[at] {
                I::BuildOrCall { size, .. }
                | I::Evaluate { size, .. }
                | I::Plain { size, .. }
                | I::PlainCall { size, .. }
                | I::Call { size, .. }
                | I::CallMarked { size, .. }
                | I::Operate { size, .. }
                | I::Gather { size, .. }
                | I::CaseOpen { size, .. }
                | I::Alternatives { size, .. }
                | I::Elements { size, .. }
                | I::Match { size, .. } => *size = whole,
                other => unreachable!("{other:?} makes no frame"),
            }
        }
        Ok(())
    }

    fn return_value(&mut self, value: Value) {
        if value.is_constant() {
            self.emit(Instruction::ReturnConstant {
                index: value.index() as u32,
            });
        } else {
            self.emit(Instruction::Return {
                slot: value.index() as Slot,
            });
        }
    }

    fn in_slot(&mut self, value: Value) -> Compiled<Slot> {
        if value.is_constant() {
            let to = self.target()?;
            self.emit(Instruction::Constant {
                to,
                index: value.index() as u32,
            });
            Ok(to)
        } else {
            Ok(value.index() as Slot)
        }
    }

    /// Hands on a value that is there.
    fn give(&mut self, value: Value, want: Want) -> Value {
        if want == Want::Tail {
            self.return_value(value);
        }
        value
    }

    fn build(&mut self, operands: &[Operand]) -> Compiled<Value> {
        let to = self.target()?;
        let operands = self.program.operands(operands);
        self.emit(Instruction::Build { to, operands });
        Ok(Operand::slot(to))
    }

    /// `atom` as it stands, with its variables' values.
    fn quoted(&mut self, atom: &Atom) -> Compiled<Value> {
        self.deeper()?;
        let value = match atom {
            Atom::Variable(variable) => match self.names.get(variable) {
                Some(name) => Operand::slot(name.slot),
                None => Operand::slot(self.fresh(variable)?),
            },
            ground if ground.is_ground() => match self.constant_value(ground) {
                Ok(value) => value,
                Err(Leave) => {
                    let to = self.target()?;
                    self.program.atoms.push(ground.clone());
                    let index = (self.program.atoms.len() - 1) as u32;
                    self.emit(Instruction::Import { to, index });
                    Operand::slot(to)
                }
            },
            Atom::Expression(expression) => {
                let mut operands = Vec::with_capacity(expression.children().len());
                for child in expression.children() {
                    operands.push(self.quoted(child)?);
                }
                self.build(&operands)?
            }
            // A text pattern: what it matches the plain evaluator knows.
            Atom::Symbol(_) | Atom::Grounded(_) => return Err(Leave),
        };
        self.depth -= 1;
        Ok(value)
    }

    /// Evaluates `atom` with an expected type; leaves to the plain evaluator what
    /// cannot be compiled.
    fn evaluate(&mut self, atom: &Atom, expected: TypeId, want: Want) -> Compiled<Value> {
        let at = self.here() as usize;
        let saved = (
            self.names.clone(),
            self.settled.clone(),
            self.numbers.clone(),
            self.defined.clone(),
            self.slots,
            self.handlers.len(),
            self.handler,
            self.odd.len(),
            self.sized.len(),
            self.depth,
        );
        let uses: Vec<usize> = self
            .handlers
            .iter()
            .map(|handler| handler.uses.len())
            .collect();
        match self.compile(atom, expected, want) {
            Ok(value) => Ok(value),
            Err(Leave) => {
                if saved.9 > 150 {
                    return Err(Leave);
                }
                for pc in at..self.program.code.len() {
                    self.program.live.remove(&(pc as Pc + 1));
                }
                self.program.code.truncate(at);
                self.names = saved.0;
                self.settled = saved.1;
                self.numbers = saved.2;
                self.defined = saved.3;
                self.slots = saved.4;
                self.handlers.truncate(saved.5);
                self.handler = saved.6;
                for (handler, uses) in self.handlers.iter_mut().zip(uses) {
                    handler.uses.truncate(uses);
                }
                self.odd.truncate(saved.7);
                self.sized.truncate(saved.8);
                self.depth = saved.9;
                self.leave(atom, expected, want)
            }
        }
    }

    /// Evaluates an expression as it stands at run time.
    fn leave(&mut self, atom: &Atom, expected: TypeId, want: Want) -> Compiled<Value> {
        if self.depth == 0 && want == Want::Tail {
            self.left = true;
        }
        let from = self.quoted(atom)?;
        let from = self.in_slot(from)?;
        let dynamic = matches!(atom.as_expression(), Some([Atom::Variable(_), ..]));
        if dynamic {
            self.left = false;
            return self.settle(from, expected, want);
        }
        self.emit_sized(Instruction::Plain {
            from,
            expected,
            size: 0,
        });
        self.take(want)
    }

    /// Takes the result of what was called last.
    fn take(&mut self, want: Want) -> Compiled<Value> {
        if want == Want::Tail {
            self.emit(Instruction::ReturnResult);
            return Ok(Operand::slot(0));
        }
        let to = self.target()?;
        let at = self.emit(Instruction::Take { to, on_error: FAIL });
        let handler = self.handler;
        self.handlers[handler].uses.push((at, Place::OnError));
        Ok(Operand::slot(to))
    }

    /// Evaluates what a slot holds.
    fn settle(&mut self, from: Slot, expected: TypeId, want: Want) -> Compiled<Value> {
        if self.settled.contains(&from) && expected == ANY
            || self.numbers.contains(&from) && (expected == NUMBER || expected == ANY)
        {
            return Ok(self.give(Operand::slot(from), want));
        }
        let to = self.slot()?;
        self.emit_sized(Instruction::Evaluate {
            to,
            from,
            expected,
            part: want == Want::Own,
            size: 0,
        });
        self.define(to);
        let at = self.emit(Instruction::Take { to, on_error: FAIL });
        let handler = self.handler;
        self.handlers[handler].uses.push((at, Place::OnError));
        self.settled.insert(to);
        Ok(self.give(Operand::slot(to), want))
    }

    /// The known types of a symbol or host value as a constant; whether one fits.
    fn constant_fits(&mut self, atom: &Atom, expected: &Atom) -> Compiled<bool> {
        if types::is_undefined(expected) || expected.is_symbol(&known().atom) {
            return Ok(true);
        }
        if !expected.is_ground() {
            return Err(Leave);
        }
        let found = types::types_of(&self.program.space, atom);
        Ok(found.iter().any(|actual| {
            let mut bindings = crate::unify::Bindings::new();
            types::match_types(expected, actual, &mut bindings)
        }))
    }

    fn compile(&mut self, atom: &Atom, expected: TypeId, want: Want) -> Compiled<Value> {
        self.deeper()?;
        let value = match atom {
            Atom::Variable(variable) => match self.names.get(variable) {
                // It stood for nothing when this part was instantiated.
                Some(name) if name.fresh_in == Some(self.scope) => {
                    let value = Operand::slot(name.slot);
                    self.give(value, want)
                }
                Some(name) => {
                    let slot = name.slot;
                    self.settle(slot, expected, want)?
                }
                None => {
                    let slot = self.fresh(variable)?;
                    self.give(Operand::slot(slot), want)
                }
            },
            Atom::Symbol(symbol) if *symbol == known().not_reducible => return Err(Leave),
            Atom::Symbol(symbol) if *symbol == known().empty => {
                self.emit(Instruction::Fail);
                // Never reached, but a value all the same.
                self.constant_value(&Atom::unit())?
            }
            Atom::Symbol(_) | Atom::Grounded(_) => {
                let wanted = self.program.types[usize::from(expected)].clone();
                if !self.constant_fits(atom, &wanted)? {
                    return Err(Leave);
                }
                let value = self.constant_value(atom)?;
                self.give(value, want)
            }
            Atom::Expression(expression) => {
                if expression.children().is_empty() {
                    let value = self.constant_value(atom)?;
                    self.give(value, want)
                } else if self.depth > 1 && atom.is_ground() && is_large(atom) {
                    // Most likely data: looked at as it stands, and only then compiled.
                    let value = self.quoted(atom)?;
                    let slot = self.in_slot(value)?;
                    self.settle(slot, expected, want)?
                } else if expression.is_evaluated() || (is_whole_error(atom)) {
                    let value = self.quoted(atom)?;
                    if is_whole_error(atom) && want != Want::Tail {
                        // Its own error, which the expression around it reports.
                        let slot = self.in_slot(value)?;
                        let to = self.slot()?;
                        self.emit_sized(Instruction::Evaluate {
                            to,
                            from: slot,
                            expected: ANY,
                            part: true,
                            size: 0,
                        });
                        self.define(to);
                        let at = self.emit(Instruction::Take { to, on_error: FAIL });
                        let handler = self.handler;
                        self.handlers[handler].uses.push((at, Place::OnError));
                        Operand::slot(to)
                    } else {
                        self.give(value, want)
                    }
                } else {
                    self.call(atom, expression.children(), expected, want)?
                }
            }
        };
        self.depth -= 1;
        Ok(value)
    }

    fn record(&mut self, operation: u32) {
        if self.program.proving {
            self.emit(Instruction::RecordOperation { operation });
        }
    }

    /// Whether evaluating may leave choices behind.
    fn may_choose(&mut self, atom: &Atom) -> bool {
        self.may_choose_within(atom, 100)
    }

    fn may_choose_within(&mut self, atom: &Atom, depth: usize) -> bool {
        let Some(children) = atom.as_expression() else {
            return false;
        };
        let Some(head) = children.first() else {
            return false;
        };
        if let Atom::Grounded(Grounded::Operation(operation)) = head
            && matches!(
                self.program.inline(operation),
                Some(
                    Inline::Arithmetic(_)
                        | Inline::Comparison(_)
                        | Inline::Logic(_)
                        | Inline::Not
                        | Inline::Equal
                        | Inline::Size
                )
            )
        {
            return depth == 0
                || children[1..]
                    .iter()
                    .any(|child| self.may_choose_within(child, depth - 1));
        }
        true
    }

    /// Evaluates a part that something is done with afterwards: while choices of
    /// its elements are left, its errors are set aside.
    fn marked<T>(
        &mut self,
        elements: &[Atom],
        want: Want,
        inner: impl FnOnce(&mut Self, Inner) -> Compiled<T>,
    ) -> Compiled<(T, Option<Slot>)> {
        if want != Want::Own || !elements.iter().any(|element| self.may_choose(element)) {
            let mark = if want == Want::Shared {
                self.handlers[self.handler].mark
            } else {
                None
            };
            return Ok((inner(self, Inner { mark, want })?, None));
        }
        let mark = self.target()?;
        self.emit(Instruction::Mark { to: mark });
        let outer = self.handler;
        self.handlers.push(Handler {
            mark: Some(mark),
            outer,
            uses: Vec::new(),
            kind: Catch::Outer,
        });
        self.handler = self.handlers.len() - 1;
        let within = Inner {
            mark: Some(mark),
            want: Want::Shared,
        };
        let result = inner(self, within)?;
        self.handler = outer;
        Ok((result, Some(mark)))
    }

    fn call(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        let head = self.program.head(self.host, self.heap, &children[0]);
        match head {
            Head::Complex => match children {
                [Atom::Symbol(symbol), left, right, then, otherwise]
                    if *symbol == known().unify =>
                {
                    self.unify_form(atom, [left, right, then, otherwise], want)
                }
                _ => Err(Leave),
            },
            Head::Untyped => {
                let (value, mark) = self.marked(&children[1..], want, |this, inner| {
                    let mut operands = Vec::with_capacity(children.len());
                    for child in children {
                        operands.push(this.evaluate(child, ANY, Want::Own)?);
                    }
                    match &children[0] {
                        Atom::Symbol(symbol) => {
                            let symbol = this.heap.symbol(symbol);
                            this.call_symbol(
                                symbol,
                                operands,
                                expected,
                                want,
                                inner.mark,
                                Flags::Data,
                            )
                        }
                        _ => {
                            let to = this.target()?;
                            let operands = this.program.operands(&operands);
                            this.emit(Instruction::BuildData { to, operands });
                            Ok(this.give(Operand::slot(to), want))
                        }
                    }
                })?;
                self.exit(mark);
                Ok(value)
            }
            Head::Typed(signature) => self.typed(
                atom,
                children,
                &signature,
                expected,
                want,
                |this, operands, mark, flags, returned| {
                    let Atom::Symbol(symbol) = &children[0] else {
                        return Err(Leave);
                    };
                    let symbol = this.heap.symbol(symbol);
                    let returns = match &signature.returns {
                        Atom::Variable(_) => returned,
                        returns => this.result_type(returns),
                    };
                    this.call_symbol(symbol, operands, returns, want, mark, flags)
                },
            ),
            Head::Operation(operation, signature) => {
                if let Some(control) = operation.control() {
                    return self.control(control, atom, children, &signature, expected, want);
                }
                match self.program.inline(&operation) {
                    Some(Inline::Superpose) => self.superpose(atom, children, &signature, want),
                    Some(inline) => self.inlined(
                        inline, &operation, atom, children, &signature, expected, want,
                    ),
                    None => self.typed(
                        atom,
                        children,
                        &signature,
                        expected,
                        want,
                        |this, operands, _, _, _| {
                            this.operate(
                                &operation,
                                &signature,
                                &operands[1..],
                                is_unchanged(children),
                                want,
                            )
                        },
                    ),
                }
            }
        }
    }

    fn exit(&mut self, mark: Option<Slot>) {
        if let Some(mark) = mark {
            self.emit(Instruction::Exit { mark });
        }
    }

    /// A call of an operation of the host, as any.
    fn operate(
        &mut self,
        operation: &Arc<Operation>,
        signature: &Signature,
        operands: &[Operand],
        unchanged: bool,
        want: Want,
    ) -> Compiled<Value> {
        let returns = if signature.returns.is_symbol(&known().atom) {
            None
        } else {
            Some(self.result_type(&signature.returns))
        };
        self.program
            .operations
            .push((operation.clone(), returns.unwrap_or(TypeId::MAX)));
        let number = (self.program.operations.len() - 1) as u32;
        let operands = self.program.operands(operands);
        let at = self.emit_sized(Instruction::Operate {
            operation: number,
            operands,
            size: 0,
            stuck: RETURN,
            unchanged,
        });
        match returns {
            None => {
                if want != Want::Tail {
                    let here = self.here();
                    self.fill(at, Place::Stuck, here);
                }
                self.take(want)
            }
            Some(returns) => {
                // A result is evaluated further, but not a call that is data.
                let value = self.take(Want::Own)?;
                let from = value.index() as Slot;
                let to = self.slot()?;
                self.emit_sized(Instruction::Evaluate {
                    to,
                    from,
                    expected: returns,
                    part: false,
                    size: 0,
                });
                self.define(to);
                let here = self.here();
                if want != Want::Tail {
                    self.fill(at, Place::Stuck, here);
                }
                let take = self.emit(Instruction::Take { to, on_error: FAIL });
                let handler = self.handler;
                self.handlers[handler].uses.push((take, Place::OnError));
                Ok(self.give(Operand::slot(to), want))
            }
        }
    }

    /// Calls a function by its symbol, or makes data of it.
    fn call_symbol(
        &mut self,
        symbol: u32,
        mut operands: Vec<Operand>,
        expected: TypeId,
        want: Want,
        mark: Option<Slot>,
        flags: Flags,
    ) -> Compiled<Value> {
        let arity = operands.len() - 1;
        let function = self.program.function(symbol, arity, expected);
        if self.program.functions[function as usize].state == State::Unknown
            && !self.program.has_rules_of(symbol, arity)
        {
            let version = self.program.rules_version(symbol, arity);
            self.program.functions[function as usize].version = version;
            self.program.functions[function as usize].state = State::Data;
        }
        if matches!(
            self.program.functions[function as usize].state,
            State::Data | State::DataBefore
        ) {
            let to = self.slot()?;
            let list = self.program.operands(&operands);
            if flags == Flags::Unsettled {
                self.define(to);
                self.emit(Instruction::Build { to, operands: list });
                return Ok(self.give(Operand::slot(to), want));
            }
            self.emit_sized(Instruction::BuildOrCall {
                to,
                operands: list,
                function,
                size: 0,
            });
            self.define(to);
            let at = self.emit(Instruction::Take { to, on_error: FAIL });
            let handler = self.handler;
            self.handlers[handler].uses.push((at, Place::OnError));
            return Ok(self.give(Operand::slot(to), want));
        }
        operands.remove(0);
        let operands = self.program.operands(&operands);
        match (want, mark) {
            (Want::Tail, _) => {
                self.emit(Instruction::CallLast { function, operands });
                Ok(Operand::slot(0))
            }
            (_, Some(mark)) => {
                self.emit_sized(Instruction::CallMarked {
                    function,
                    operands,
                    size: 0,
                    mark,
                });
                self.take(want)
            }
            (_, None) => {
                self.emit_sized(Instruction::Call {
                    function,
                    operands,
                    size: 0,
                });
                self.take(want)
            }
        }
    }

    // ---- types --------------------------------------------------------------

    /// The static type of an argument. `checks` gathers the slots whose values have
    /// to be looked at, with the types that they must have.
    fn static_type(&mut self, atom: &Atom, checks: &mut Vec<Check>) -> Compiled<Static> {
        self.deeper()?;
        let found = match atom {
            Atom::Variable(variable) => match self.names.get(variable) {
                Some(name) if name.fresh_in == Some(self.scope) => Static::Any,
                Some(name) => Static::Slot(name.slot),
                None => Static::Any,
            },
            Atom::Symbol(_) => {
                let mut found = types::types_of(&self.program.space, atom);
                match found.pop() {
                    Some(only) if found.is_empty() && types::is_undefined(&only) => Static::Any,
                    Some(only) if found.is_empty() && only.is_ground() => Static::Known(only),
                    _ => return Err(Leave),
                }
            }
            Atom::Grounded(Grounded::Operation(_)) => return Err(Leave),
            Atom::Grounded(_) => match types::types_of(&self.program.space, atom).pop() {
                Some(only) if types::is_undefined(&only) => Static::Any,
                Some(only) if only.is_ground() => Static::Known(only),
                _ => return Err(Leave),
            },
            Atom::Expression(expression) if expression.children().is_empty() => Static::Any,
            Atom::Expression(expression) => {
                let children = expression.children();
                match self.program.head(self.host, self.heap, &children[0]) {
                    Head::Untyped => {
                        let head = &children[0];
                        let unknown = match head {
                            Atom::Symbol(symbol) => {
                                let id = self.heap.symbol(symbol);
                                self.program.types_of_symbol(self.heap, id).is_none()
                            }
                            _ => false,
                        };
                        if !unknown {
                            return Err(Leave);
                        }
                        Static::Any
                    }
                    Head::Typed(signature) | Head::Operation(_, signature) => {
                        self.application_type(children, &signature, true, checks)?
                    }
                    Head::Complex => return Err(Leave),
                }
            }
        };
        self.depth -= 1;
        Ok(found)
    }

    /// The type that a call has; leaves what is not well-typed for certain.
    fn application_type(
        &mut self,
        children: &[Atom],
        signature: &Signature,
        nested: bool,
        checks: &mut Vec<Check>,
    ) -> Compiled<Static> {
        let arguments = &children[1..];
        if signature.parameters.len() != arguments.len() {
            return Err(Leave);
        }
        // What type variables stand for: known, or the type of a slot's value.
        let mut bound: Vec<(Variable, Static)> = Vec::new();
        for (parameter, argument) in signature.parameters.iter().zip(arguments) {
            if types::matches_meta_type(argument, parameter) {
                continue;
            }
            if types::is_meta_type(parameter) {
                // A variable may stand for what the parameter takes.
                let slot = match self.static_type(argument, checks)? {
                    Static::Slot(slot) if parameter.is_symbol(&known().expression) => slot,
                    _ => return Err(Leave),
                };
                checks.push(Check::Type(slot, parameter.clone()));
                continue;
            }
            let actual = self.static_type(argument, checks)?;
            match (parameter, actual) {
                (_, Static::Any) => {}
                (_, Static::Atom) if nested => return Err(Leave),
                (_, Static::Atom) => {}
                (parameter, Static::Known(_) | Static::Slot(_))
                    if types::is_undefined(parameter) => {}
                (Atom::Variable(_), Static::Known(actual)) if types::is_meta_type(&actual) => {
                    return Err(Leave);
                }
                (Atom::Variable(variable), actual) => {
                    match bound.iter().find(|(known, _)| known == variable) {
                        None => bound.push((variable.clone(), actual)),
                        Some((_, before)) => match (before, &actual) {
                            (Static::Known(a), Static::Known(b)) if a == b => {}
                            (Static::Slot(slot), Static::Known(known))
                            | (Static::Known(known), Static::Slot(slot)) => {
                                checks.push(Check::Type(*slot, known.clone()));
                            }
                            (Static::Slot(a), Static::Slot(b)) => {
                                checks.push(Check::Same(*a, *b));
                            }
                            _ => return Err(Leave),
                        },
                    }
                }
                (parameter, _) if !parameter.is_ground() => return Err(Leave),
                (parameter, Static::Known(actual)) => {
                    let mut bindings = crate::unify::Bindings::new();
                    if !types::match_types(parameter, &actual, &mut bindings) {
                        return Err(Leave);
                    }
                }
                (parameter, Static::Slot(slot)) => {
                    checks.push(Check::Type(slot, parameter.clone()));
                }
            }
        }
        let returns = &signature.returns;
        Ok(match returns {
            _ if types::is_undefined(returns) => Static::Any,
            _ if returns.is_symbol(&known().atom) => Static::Atom,
            Atom::Variable(variable) => {
                match bound.into_iter().find(|(known, _)| known == variable) {
                    Some((_, found)) => found,
                    None => Static::Any,
                }
            }
            _ if returns.is_ground() => Static::Known(returns.clone()),
            _ => return Err(Leave),
        })
    }

    /// A call of something with one function type: types are checked, arguments
    /// are evaluated as it says.
    fn typed(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        signature: &Signature,
        expected: TypeId,
        want: Want,
        inner: impl FnOnce(&mut Self, Vec<Operand>, Option<Slot>, Flags, TypeId) -> Compiled<Value>,
    ) -> Compiled<Value> {
        let (guard, found) = self.check(atom, children, signature, expected)?;
        // What a type variable of the result stands for.
        let returned = match (&signature.returns, found) {
            (Atom::Variable(_), Static::Known(actual)) => self.program.type_id(&actual),
            (Atom::Variable(_), Static::Any) => expected,
            _ => ANY,
        };
        let mut settled = true;
        let evaluated: Vec<Atom> = children[1..]
            .iter()
            .zip(&signature.parameters)
            .filter(|(argument, parameter)| !types::matches_meta_type(argument, parameter))
            .map(|(argument, _)| argument.clone())
            .collect();
        let (value, mark) = self.marked(&evaluated, want, |this, within| {
            let mut operands = vec![this.constant_value(&children[0])?];
            for (argument, parameter) in children[1..].iter().zip(&signature.parameters) {
                let operand =
                    this.argument(argument, parameter, signature, returned, &mut settled)?;
                operands.push(operand);
            }
            let flags = if settled {
                Flags::Data
            } else {
                Flags::Unsettled
            };
            inner(this, operands, within.mark, flags, returned)
        })?;
        self.exit(mark);
        self.resume(guard, value, want)
    }

    fn argument(
        &mut self,
        argument: &Atom,
        parameter: &Atom,
        signature: &Signature,
        returned: TypeId,
        settled: &mut bool,
    ) -> Compiled<Operand> {
        // As they are written they are arguments, not results.
        if argument.is_empty_symbol() || is_whole_error(argument) {
            return self.quoted(argument);
        }
        if types::matches_meta_type(argument, parameter) {
            return self.quoted(argument);
        }
        if types::is_meta_type(parameter) {
            // A variable that was checked to stand for an expression.
            return self.quoted(argument);
        }
        let expected = match parameter {
            Atom::Variable(_) if returned != ANY && *parameter == signature.returns => returned,
            Atom::Variable(_) => {
                // Its type may be known from the arguments before.
                let mut checks = Vec::new();
                match self.static_type(argument, &mut checks)? {
                    Static::Known(actual) => self.program.type_id(&actual),
                    _ => {
                        let shared = signature
                            .parameters
                            .iter()
                            .filter(|other| *other == parameter)
                            .count();
                        if shared > 1 && argument.as_expression().is_some() {
                            return Err(Leave);
                        }
                        ANY
                    }
                }
            }
            _ if types::is_undefined(parameter) => ANY,
            _ => self.program.type_id(parameter),
        };
        if expected != ANY {
            // The value may turn out to be of another type than the argument was known to be of.
            let mut checks = Vec::new();
            let known = self.static_type(argument, &mut checks)?;
            if !matches!(known, Static::Known(_) | Static::Slot(_)) {
                *settled = false;
            }
        }
        self.evaluate(argument, expected, Want::Own)
    }

    /// Emits the checks that a typed call wants before anything of it is evaluated.
    fn check(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        signature: &Signature,
        expected: TypeId,
    ) -> Compiled<(Option<usize>, Static)> {
        let mut checks = Vec::new();
        let found = self.application_type(children, signature, false, &mut checks)?;
        self.result_fits(&found, &signature.returns, expected)?;
        Ok((self.guard(atom, checks, expected)?, found))
    }

    /// What the result is expected to be must fit what the signature says.
    fn result_fits(&mut self, found: &Static, returns: &Atom, expected: TypeId) -> Compiled<()> {
        if expected == ANY {
            return Ok(());
        }
        let expected = self.program.types[usize::from(expected)].clone();
        let returns = match (returns, found) {
            (Atom::Variable(_), Static::Known(actual)) => actual,
            (Atom::Variable(_), Static::Slot(_)) => return Err(Leave),
            _ => returns,
        };
        let mut bindings = crate::unify::Bindings::new();
        if types::match_types(returns, &expected, &mut bindings) {
            Ok(())
        } else {
            Err(Leave)
        }
    }

    /// Emits checks; if one fails, the expression is evaluated by the plain evaluator.
    fn guard(
        &mut self,
        atom: &Atom,
        mut checks: Vec<Check>,
        expected: TypeId,
    ) -> Compiled<Option<usize>> {
        checks.dedup_by(|a, b| a == b);
        let mut uses = Vec::new();
        for check in checks {
            let at = match check {
                Check::Type(slot, wanted) if wanted.is_symbol(&known().expression) => {
                    self.emit(Instruction::CheckExpression { slot, odd: FAIL })
                }
                Check::Type(slot, wanted) => {
                    let expected = self.program.type_id(&wanted);
                    if expected == NUMBER && self.numbers.contains(&slot) {
                        continue;
                    }
                    self.emit(Instruction::CheckType {
                        slot,
                        expected,
                        odd: FAIL,
                    })
                }
                Check::Same(left, right) => {
                    if self.numbers.contains(&left) && self.numbers.contains(&right) {
                        continue;
                    }
                    self.emit(Instruction::CheckSame {
                        left,
                        right,
                        odd: FAIL,
                    })
                }
            };
            uses.push((at, Place::Odd));
        }
        if uses.is_empty() {
            return Ok(None);
        }
        self.slow(uses, OddWhat::Source(atom.clone()), expected)
            .map(Some)
    }

    /// Opens a slow way whose value goes where the main way's does, to be told by
    /// [`Compiler::resume`].
    fn slow(
        &mut self,
        uses: Vec<(usize, Place)>,
        what: OddWhat,
        expected: TypeId,
    ) -> Compiled<usize> {
        self.odd.push(Odd {
            uses,
            what,
            expected,
            to: None,
            resume: FAIL,
            handler: self.handler,
            defined: self.defined.clone(),
            names: self.names.clone(),
        });
        Ok(self.odd.len() - 1)
    }

    /// The slow way goes on here, with its value where the main way's is.
    fn resume(&mut self, slow: Option<usize>, value: Value, want: Want) -> Compiled<Value> {
        let Some(slow) = slow else {
            return Ok(value);
        };
        if want == Want::Tail {
            return Ok(value);
        }
        // A slot that only these two fill.
        let to = self.target()?;
        if value.is_constant() {
            self.emit(Instruction::Constant {
                to,
                index: value.index() as u32,
            });
        } else {
            let from = value.index() as Slot;
            self.emit(Instruction::Move { to, from });
            if self.numbers.contains(&from) {
                self.settled.insert(to);
            }
        }
        self.odd[slow].to = Some(to);
        self.odd[slow].resume = self.here();
        Ok(Operand::slot(to))
    }

    // ---- operations with instructions of their own ----------------------------

    /// Emits an instruction with a slow way that evaluates the call of the operands.
    fn with_slow(
        &mut self,
        instruction: Instruction,
        to: Slot,
        (operation, operands, unchanged): (u32, Vec<Operand>, bool),
        want: Want,
    ) -> Compiled<Value> {
        let at = self.emit(instruction);
        let what = OddWhat::Operands(operation, operands, unchanged);
        let slow = self.slow(vec![(at, Place::Odd)], what, ANY)?;
        self.define(to);
        self.odd[slow].to = Some(to);
        self.odd[slow].resume = self.here();
        Ok(self.give(Operand::slot(to), want))
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one call")]
    fn inlined(
        &mut self,
        inline: Inline,
        operation: &Arc<Operation>,
        atom: &Atom,
        children: &[Atom],
        signature: &Signature,
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        self.program.operations.push((operation.clone(), ANY));
        let number = (self.program.operations.len() - 1) as u32;
        self.record(number);
        let unchanged = is_unchanged(children);
        if let Inline::Arithmetic(_) | Inline::Comparison(_) = inline
            && let Some(value) = self.raw(inline, atom, children, expected, want)?
        {
            return Ok(value);
        }
        if inline == Inline::Equal {
            return self.equality(atom, children, signature, expected, want);
        }
        self.typed(
            atom,
            children,
            signature,
            expected,
            want,
            |this, operands, _, _, _| {
                let to = this.slot()?;
                let whole = operands[1..].to_vec();
                match (inline, &operands[1..]) {
                    (Inline::Arithmetic(operation), [left, right]) => {
                        let instruction = this.arithmetic(operation, to, *left, *right)?;
                        let value =
                            this.with_slow(instruction, to, (number, whole, unchanged), want)?;
                        Ok(value)
                    }
                    (Inline::Comparison(operation), [left, right]) => {
                        let (left, right) = (this.in_slot(*left)?, this.in_slot(*right)?);
                        let instruction = Instruction::Compare {
                            operation,
                            to,
                            left,
                            right,
                            odd: FAIL,
                        };
                        this.with_slow(instruction, to, (number, whole, unchanged), want)
                    }
                    (Inline::Logic(operation), [left, right]) => {
                        let (left, right) = (this.in_slot(*left)?, this.in_slot(*right)?);
                        let instruction = Instruction::Logic {
                            operation,
                            to,
                            left,
                            right,
                            odd: FAIL,
                        };
                        this.with_slow(instruction, to, (number, whole, unchanged), want)
                    }
                    (Inline::Not, [from]) => {
                        let from = this.in_slot(*from)?;
                        let instruction = Instruction::Not {
                            to,
                            from,
                            odd: FAIL,
                        };
                        this.with_slow(instruction, to, (number, whole, unchanged), want)
                    }
                    (Inline::Size, [from]) => {
                        let from = this.in_slot(*from)?;
                        let instruction = Instruction::SizeAtom {
                            to,
                            from,
                            odd: FAIL,
                        };
                        this.with_slow(instruction, to, (number, whole, unchanged), want)
                    }
                    (Inline::Index, [from, index]) => {
                        let (from, index) = (this.in_slot(*from)?, this.in_slot(*index)?);
                        let instruction = Instruction::IndexAtom {
                            to,
                            from,
                            index,
                            odd: FAIL,
                        };
                        this.with_slow(instruction, to, (number, whole, unchanged), want)
                    }
                    (Inline::First, [from]) => {
                        let from = this.in_slot(*from)?;
                        let instruction = Instruction::First {
                            to,
                            from,
                            odd: FAIL,
                        };
                        this.with_slow(instruction, to, (number, whole, unchanged), Want::Own)?;
                        this.settle(to, ANY, want)
                    }
                    (Inline::Rest, [from]) => {
                        let from = this.in_slot(*from)?;
                        let instruction = Instruction::Rest {
                            to,
                            from,
                            odd: FAIL,
                        };
                        this.with_slow(instruction, to, (number, whole, unchanged), Want::Own)?;
                        this.settle(to, ANY, want)
                    }
                    _ => Err(Leave),
                }
            },
        )
        .inspect(|value| {
            let number = matches!(inline, Inline::Arithmetic(_) | Inline::Size);
            if number && want != Want::Tail && !value.is_constant() {
                self.settled.insert(value.index() as Slot);
            }
        })
    }

    /// An argument of whatever type; `Empty` and errors as they are written are values.
    fn element(&mut self, argument: &Atom) -> Compiled<Value> {
        if argument.is_empty_symbol() || is_whole_error(argument) {
            self.quoted(argument)
        } else {
            self.evaluate(argument, ANY, Want::Own)
        }
    }

    /// Arithmetic on variables and numbers: nothing else is evaluated before, so what is
    /// no number can be left to the plain evaluator as it is met.
    fn raw(
        &mut self,
        inline: Inline,
        atom: &Atom,
        children: &[Atom],
        expected: TypeId,
        want: Want,
    ) -> Compiled<Option<Value>> {
        let [_, left, right] = children else {
            return Ok(None);
        };
        let returns = match inline {
            Inline::Arithmetic(_) => NUMBER,
            _ => BOOL,
        };
        if expected != ANY && expected != returns {
            return Ok(None);
        }
        let mut operands = Vec::with_capacity(2);
        for argument in [left, right] {
            match argument {
                Atom::Variable(variable) => match self.names.get(variable) {
                    Some(name) if name.fresh_in != Some(self.scope) => {
                        operands.push(Operand::slot(name.slot));
                    }
                    _ => return Ok(None),
                },
                Atom::Grounded(Grounded::Number(_)) => {
                    operands.push(self.constant_value(argument)?);
                }
                _ => return Ok(None),
            }
        }
        let to = self.slot()?;
        let instruction = match inline {
            Inline::Arithmetic(operation) => {
                self.arithmetic(operation, to, operands[0], operands[1])?
            }
            Inline::Comparison(operation) => Instruction::Compare {
                operation,
                to,
                left: self.in_slot(operands[0])?,
                right: self.in_slot(operands[1])?,
                odd: FAIL,
            },
            _ => return Ok(None),
        };
        let at = self.emit(instruction);
        let what = OddWhat::Source(atom.clone());
        let slow = self.slow(vec![(at, Place::Odd)], what, expected)?;
        self.define(to);
        self.odd[slow].to = Some(to);
        self.odd[slow].resume = self.here();
        Ok(Some(self.give(Operand::slot(to), want)))
    }

    /// `==`: its arguments' types have to agree before anything is evaluated.
    fn equality(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        signature: &Signature,
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        let [_, left, right] = children else {
            return Err(Leave);
        };
        if expected != ANY && expected != BOOL {
            return Err(Leave);
        }
        let mut checks = Vec::new();
        self.application_type(children, signature, false, &mut checks)?;
        let guard = self.guard(atom, checks, expected)?;
        let (value, mark) = self.marked(&children[1..], want, |this, _| {
            let left = this.element(left)?;
            let right = this.element(right)?;
            let (left, right) = (this.in_slot(left)?, this.in_slot(right)?);
            let to = this.target()?;
            this.emit(Instruction::Equal { to, left, right });
            Ok(this.give(Operand::slot(to), want))
        })?;
        self.exit(mark);
        self.resume(guard, value, want)
    }

    fn arithmetic(
        &mut self,
        operation: Arithmetic,
        to: Slot,
        left: Operand,
        right: Operand,
    ) -> Compiled<Instruction> {
        let small = |this: &Self, operand: Operand| {
            operand
                .is_constant()
                .then(|| this.program.constants[operand.index()])
                .filter(|cell| cell.is_int())
                .and_then(|cell| i32::try_from(cell.as_int()).ok())
                .filter(|value| value.abs() < 1 << 27)
        };
        if let (Arithmetic::Add | Arithmetic::Subtract, Some(value)) =
            (operation, small(self, right))
        {
            let left = self.in_slot(left)?;
            let right = if operation == Arithmetic::Add {
                value
            } else {
                -value
            };
            return Ok(Instruction::AddSmall {
                to,
                left,
                right,
                odd: FAIL,
            });
        }
        let (left, right) = (self.in_slot(left)?, self.in_slot(right)?);
        Ok(match operation {
            Arithmetic::Add => Instruction::Add {
                to,
                left,
                right,
                odd: FAIL,
            },
            Arithmetic::Subtract => Instruction::Subtract {
                to,
                left,
                right,
                odd: FAIL,
            },
            _ => Instruction::Compute {
                operation,
                to,
                left,
                right,
                odd: FAIL,
            },
        })
    }

    // ---- forms ----------------------------------------------------------------

    /// Begins a part that is instantiated on its own, as the body of a `let`.
    fn part<T>(&mut self, inner: impl FnOnce(&mut Self) -> Compiled<T>) -> Compiled<T> {
        let outer = self.scope;
        self.scopes += 1;
        self.scope = self.scopes;
        let result = inner(self);
        self.scope = outer;
        result
    }

    fn control(
        &mut self,
        control: Control,
        atom: &Atom,
        children: &[Atom],
        signature: &Signature,
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        match (control, &children[1..]) {
            (Control::If, [condition, then, otherwise]) => self.if_form(
                atom, children, signature, condition, then, otherwise, expected, want,
            ),
            (Control::Let, [pattern, value, template]) => {
                self.form_fits(signature, expected)?;
                self.let_form(atom, pattern, value, want, expected, |this, want| {
                    this.part(|this| {
                        this.introduce(template)?;
                        this.evaluate(template, ANY, want)
                    })
                })
            }
            (Control::LetStar, [Atom::Expression(pairs), template]) => {
                self.form_fits(signature, expected)?;
                self.let_star(atom, pairs.children(), template, want, expected)
            }
            (Control::Case, [value, Atom::Expression(cases)]) => {
                self.form_fits(signature, expected)?;
                self.case_form(value, cases.children(), want)
            }
            (Control::Switch, [value, Atom::Expression(cases)])
                if children[0].as_symbol() == Some("switch") =>
            {
                self.form_fits(signature, expected)?;
                let mut checks = Vec::new();
                self.static_type(value, &mut checks)?;
                let guard = self.guard(atom, checks, expected)?;
                let (value, mark) =
                    self.marked(std::slice::from_ref(value), want, |this, inner| {
                        let value = this.evaluate(value, ANY, Want::Own)?;
                        let slot = this.in_slot(value)?;
                        this.cases(slot, cases.children(), inner.want)
                    })?;
                self.exit(mark);
                self.resume(guard, value, want)
            }
            (Control::Collapse, [inner]) => {
                let returned = known().expression.clone();
                let wanted = self.program.types[usize::from(expected)].clone();
                if expected != ANY && !wanted.is_symbol(&returned) {
                    self.form_fits(signature, expected)?;
                }
                self.collapse(inner, want)
            }
            (Control::Match, [space, pattern, template]) => {
                self.form_fits(signature, expected)?;
                self.match_form(atom, space, pattern, template, expected, want)
            }
            _ => Err(Leave),
        }
    }

    fn form_fits(&mut self, signature: &Signature, expected: TypeId) -> Compiled<()> {
        self.result_fits(&Static::Any, &signature.returns, expected)
    }

    /// Runs `inner` for a branch; what it knows of slots ends with it.
    fn branch<T>(&mut self, inner: impl FnOnce(&mut Self) -> Compiled<T>) -> Compiled<T> {
        let settled = self.settled.clone();
        let numbers = self.numbers.clone();
        let names = self.names.clone();
        let defined = self.defined.clone();
        let result = inner(self);
        self.settled = settled;
        self.numbers = numbers;
        self.names = names;
        self.defined = defined;
        result
    }

    /// Puts a branch's value where all branches of a form put theirs.
    fn join(&mut self, value: Value, to: Slot, want: Want) -> Option<usize> {
        if want == Want::Tail {
            return None;
        }
        if value.is_constant() {
            self.emit(Instruction::Constant {
                to,
                index: value.index() as u32,
            });
        } else {
            self.emit(Instruction::Move {
                to,
                from: value.index() as Slot,
            });
        }
        Some(self.emit(Instruction::Jump { to: FAIL }))
    }

    fn land(&mut self, jumps: impl IntoIterator<Item = Option<usize>>) {
        let here = self.here();
        for at in jumps.into_iter().flatten() {
            self.fill(at, Place::To, here);
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parts of one form")]
    fn if_form(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        signature: &Signature,
        condition: &Atom,
        then: &Atom,
        otherwise: &Atom,
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        let mut checks = Vec::new();
        let found = self.application_type(children, signature, false, &mut checks)?;
        self.result_fits(&found, &signature.returns, expected)?;
        let to = if want == Want::Tail { 0 } else { self.slot()? };
        let mut guard = None;
        let simple = self.simple_comparison(condition);
        if simple.is_none() {
            guard = self.guard(atom, checks, expected)?;
        }
        let (_, mark) = self.marked(std::slice::from_ref(condition), want, |this, inner| {
            let (jump, slow) = match simple {
                Some(comparison) => {
                    let at = this.emit(comparison);
                    let slow = this.slow(
                        vec![(at, Place::Odd)],
                        OddWhat::Source(atom.clone()),
                        expected,
                    )?;
                    if let Instruction::JumpUnlessCompare { left, right, .. } = comparison {
                        this.numbers.insert(left);
                        this.numbers.insert(right);
                    }
                    if let Instruction::JumpUnlessCompareSmall { left, .. } = comparison {
                        this.numbers.insert(left);
                    }
                    (at, slow)
                }
                None => {
                    let value = if condition.is_empty_symbol() || is_whole_error(condition) {
                        this.quoted(condition)?
                    } else {
                        this.evaluate(condition, BOOL, Want::Own)?
                    };
                    let slot = this.in_slot(value)?;
                    let at = this.emit(Instruction::JumpUnless {
                        slot,
                        to: FAIL,
                        odd: FAIL,
                    });
                    let source = this.with_value(&children[0], slot, then, otherwise);
                    let slow =
                        this.slow(vec![(at, Place::Odd)], OddWhat::Call(source), expected)?;
                    (at, slow)
                }
            };
            let inner = inner.want;
            let first = this.branch(|this| {
                this.part(|this| {
                    let value = this.evaluate(then, expected, inner)?;
                    Ok(this.join(value, to, want))
                })
            })?;
            let here = this.here();
            this.fill(jump, Place::To, here);
            let second = this.branch(|this| {
                this.part(|this| {
                    let value = this.evaluate(otherwise, expected, inner)?;
                    Ok(this.join(value, to, want))
                })
            })?;
            this.land([first, second]);
            if want != Want::Tail {
                this.odd[slow].to = Some(to);
                this.odd[slow].resume = this.here();
            }
            Ok(())
        })?;
        if want != Want::Tail {
            self.define(to);
            self.exit(mark);
        }
        self.resume(guard, Operand::slot(to), want)
    }

    /// `(if <value in slot> then otherwise)` with a variable that names the slot.
    fn with_value(&mut self, head: &Atom, slot: Slot, then: &Atom, otherwise: &Atom) -> Atom {
        let variable = Variable::new("condition").renamed();
        self.names.insert(
            variable.clone(),
            Name {
                slot,
                fresh_in: None,
            },
        );
        Atom::expression([
            head.clone(),
            Atom::Variable(variable),
            then.clone(),
            otherwise.clone(),
        ])
    }

    /// A jump for a comparison of variables and small constants, evaluated first of all.
    fn simple_comparison(&mut self, condition: &Atom) -> Option<Instruction> {
        if self.program.proving {
            return None;
        }
        let Some([Atom::Grounded(Grounded::Operation(operation)), left, right]) =
            condition.as_expression()
        else {
            return None;
        };
        let inline = self.program.inline(operation)?;
        if inline == Inline::Equal {
            return self.simple_equality(left, right);
        }
        let Inline::Comparison(operation) = inline else {
            return None;
        };
        let slot = |this: &Self, atom: &Atom| match atom {
            Atom::Variable(variable) => this.names.get(variable).map(|name| name.slot),
            _ => None,
        };
        let small = |atom: &Atom| {
            atom.as_number()
                .and_then(crate::number::Number::to_i64)
                .and_then(|value| i16::try_from(value).ok())
        };
        match (
            slot(self, left),
            slot(self, right),
            small(left),
            small(right),
        ) {
            (Some(left), Some(right), _, _) => Some(Instruction::JumpUnlessCompare {
                operation,
                left,
                right,
                to: FAIL,
                odd: FAIL,
            }),
            (Some(left), None, _, Some(right)) => Some(Instruction::JumpUnlessCompareSmall {
                operation,
                left,
                right,
                to: FAIL,
                odd: FAIL,
            }),
            (None, Some(left), Some(right), _) => Some(Instruction::JumpUnlessCompareSmall {
                operation: match operation {
                    Comparison::Less => Comparison::Greater,
                    Comparison::Greater => Comparison::Less,
                    Comparison::LessEqual => Comparison::GreaterEqual,
                    Comparison::GreaterEqual => Comparison::LessEqual,
                },
                left,
                right,
                to: FAIL,
                odd: FAIL,
            }),
            _ => None,
        }
    }

    /// A jump for a variable that is compared with a constant.
    fn simple_equality(&mut self, left: &Atom, right: &Atom) -> Option<Instruction> {
        let (variable, constant) = match (left, right) {
            (Atom::Variable(variable), constant) | (constant, Atom::Variable(variable)) => {
                (variable, constant)
            }
            _ => return None,
        };
        let slot = self.names.get(variable)?.slot;
        let plain = match constant {
            Atom::Symbol(symbol) => {
                let id = self.heap.symbol(symbol);
                *symbol != known().empty && self.program.types_of_symbol(self.heap, id).is_none()
            }
            Atom::Grounded(Grounded::Bool(_)) => true,
            Atom::Grounded(Grounded::Number(number)) => number.to_i64().is_some(),
            Atom::Expression(expression) => expression.children().is_empty(),
            Atom::Variable(_) | Atom::Grounded(_) => false,
        };
        if !plain {
            return None;
        }
        let index = self.constant(constant).ok()?;
        Some(Instruction::JumpUnlessConstant {
            slot,
            index,
            to: FAIL,
            odd: FAIL,
        })
    }

    /// `let`: evaluates a value, unifies it with the pattern, goes on.
    fn let_form(
        &mut self,
        atom: &Atom,
        pattern: &Atom,
        value: &Atom,
        want: Want,
        expected: TypeId,
        inner: impl FnOnce(&mut Self, Want) -> Compiled<Value>,
    ) -> Compiled<Value> {
        let mut guard = None;
        let as_written = is_whole_error(value) || value.is_empty_symbol();
        if !as_written {
            let mut checks = Vec::new();
            self.static_type(value, &mut checks)?;
            guard = self.guard(atom, checks, expected)?;
        }
        let (value, mark) = self.marked(std::slice::from_ref(value), want, |this, within| {
            let value = if as_written {
                this.quoted(value)?
            } else {
                this.evaluate(value, ANY, Want::Own)?
            };
            let slot = this.in_slot(value)?;
            this.pattern(pattern, slot, FAIL)?;
            inner(this, within.want)
        })?;
        self.exit(mark);
        self.resume(guard, value, want)
    }

    fn let_star(
        &mut self,
        atom: &Atom,
        pairs: &[Atom],
        template: &Atom,
        want: Want,
        expected: TypeId,
    ) -> Compiled<Value> {
        match pairs {
            [] => self.part(|this| {
                this.introduce(template)?;
                this.evaluate(template, ANY, want)
            }),
            [pair, others @ ..] => {
                let Some([pattern, value]) = pair.as_expression() else {
                    return Err(Leave);
                };
                let rest = Atom::expression([
                    Atom::symbol("let*"),
                    Atom::expression(others.to_vec()),
                    template.clone(),
                ]);
                self.let_form(atom, pattern, value, want, expected, |this, want| {
                    this.part(|this| {
                        this.introduce(&rest)?;
                        this.let_star(&rest, others, template, want, ANY)
                    })
                })
            }
        }
    }

    fn case_form(&mut self, value: &Atom, cases: &[Atom], want: Want) -> Compiled<Value> {
        // What cannot fail needs no way back for no result.
        let quick = matches!(value, Atom::Symbol(symbol) if *symbol != known().empty)
            || matches!(value, Atom::Grounded(_));
        let takes_empty = cases.iter().any(|case| match case.as_expression() {
            Some([pattern, _]) => matches!(pattern, Atom::Variable(_)) || pattern.is_empty_symbol(),
            _ => true,
        });
        let (result, mark) = self.marked(std::slice::from_ref(value), want, |this, inner| {
            let keep = this.target()?;
            let open = if quick || !takes_empty {
                None
            } else {
                Some(this.emit_sized(Instruction::CaseOpen {
                    keep,
                    empty: FAIL,
                    size: 0,
                }))
            };
            let slot = this.slot()?;
            this.define(slot);
            // An error is a value here.
            let inner_mark = this.target()?;
            this.emit(Instruction::Mark { to: inner_mark });
            let outer = this.handler;
            this.handlers.push(Handler {
                mark: Some(inner_mark),
                outer,
                uses: Vec::new(),
                kind: Catch::Value { slot, resume: FAIL },
            });
            let handler = this.handlers.len() - 1;
            this.handler = handler;
            let found = if is_whole_error(value) {
                this.quoted(value)?
            } else {
                this.evaluate(value, ANY, Want::Shared)?
            };
            this.handler = outer;
            this.emit(Instruction::Exit { mark: inner_mark });
            if found.is_constant() {
                this.emit(Instruction::Constant {
                    to: slot,
                    index: found.index() as u32,
                });
            } else {
                this.emit(Instruction::Move {
                    to: slot,
                    from: found.index() as Slot,
                });
            }
            let resume = this.here();
            this.handlers[handler].kind = Catch::Value { slot, resume };
            if open.is_some() {
                this.emit(Instruction::CaseAny { keep });
            }
            let Some(open) = open else {
                return this.cases(slot, cases, inner.want);
            };
            let to = this.slot()?;
            let first = this.branch(|this| {
                let value = this.cases(slot, cases, inner.want)?;
                Ok(this.join(value, to, want))
            })?;
            let here = this.here();
            this.fill(open, Place::To, here);
            this.program
                .live
                .insert(here, this.defined.clone().into_boxed_slice());
            let second = this.branch(|this| {
                let empty = this.constant_value(&Atom::Symbol(known().empty.clone()))?;
                let slot = this.in_slot(empty)?;
                let value = this.cases(slot, cases, inner.want)?;
                Ok(this.join(value, to, want))
            })?;
            this.land([first, second]);
            this.define(to);
            Ok(Operand::slot(to))
        })?;
        self.exit(mark);
        Ok(result)
    }

    /// The template of the first case whose pattern unifies with what a slot holds.
    fn cases(&mut self, slot: Slot, cases: &[Atom], want: Want) -> Compiled<Value> {
        let to = self.slot()?;
        let mut ends = Vec::new();
        for case in cases {
            let Some([pattern, template]) = case.as_expression() else {
                break;
            };
            if template.is_symbol(&known().not_reducible) {
                return Err(Leave);
            }
            let (end, uses, keep) = self.branch(|this| {
                let keep = this.target()?;
                this.emit(Instruction::Try { keep });
                let mut uses = Vec::new();
                this.pattern_with(pattern, slot, &mut uses)?;
                this.emit(Instruction::Keep);
                let end = this.part(|this| {
                    this.introduce(template)?;
                    let value = this.evaluate(template, ANY, want)?;
                    Ok(this.join(value, to, want))
                })?;
                Ok((end, uses, keep))
            })?;
            ends.push(end);
            let here = self.here();
            for at in &uses {
                self.fill(*at, Place::OnFail, here);
            }
            self.emit(Instruction::Undo { keep });
        }
        self.emit(Instruction::Fail);
        self.land(ends);
        self.define(to);
        Ok(Operand::slot(to))
    }

    /// The instruction `unify`: what follows depends on whether two terms unify.
    fn unify_form(&mut self, atom: &Atom, parts: [&Atom; 4], want: Want) -> Compiled<Value> {
        let [left, right, then, otherwise] = parts;
        // A space on the left is queried.
        if matches!(left, Atom::Grounded(Grounded::Space(_))) {
            return Err(Leave);
        }
        let _ = atom;
        let to = self.slot()?;
        let (_, mark) = self.marked(&[], want, |this, inner| {
            if let Atom::Variable(variable) = left
                && this.names.contains_key(variable)
            {
                // It may stand for a space.
                return Err(Leave);
            }
            let (end, uses, keep) = this.branch(|this| {
                let keep = this.target()?;
                let left = this.quoted(left)?;
                let left = this.in_slot(left)?;
                this.emit(Instruction::Try { keep });
                let mut uses = Vec::new();
                this.pattern_with(right, left, &mut uses)?;
                this.emit(Instruction::Keep);
                let end = this.part(|this| {
                    this.introduce(then)?;
                    let value = this.evaluate(then, ANY, inner.want)?;
                    Ok(this.join(value, to, want))
                })?;
                Ok((end, uses, keep))
            })?;
            let here = this.here();
            for at in &uses {
                this.fill(*at, Place::OnFail, here);
            }
            this.emit(Instruction::Undo { keep });
            let second = this.branch(|this| {
                this.part(|this| {
                    this.introduce(otherwise)?;
                    let value = this.evaluate(otherwise, ANY, inner.want)?;
                    Ok(this.join(value, to, want))
                })
            })?;
            this.land([end, second]);
            Ok(())
        })?;
        self.define(to);
        if want != Want::Tail {
            self.exit(mark);
        }
        Ok(Operand::slot(to))
    }

    fn collapse(&mut self, inner: &Atom, want: Want) -> Compiled<Value> {
        let to = self.slot()?;
        let open = self.emit_sized(Instruction::Gather {
            done: FAIL,
            size: 0,
        });
        self.branch(|this| {
            let slot = this.target()?;
            let mark = this.target()?;
            this.emit(Instruction::Mark { to: mark });
            let outer = this.handler;
            this.handlers.push(Handler {
                mark: Some(mark),
                outer,
                uses: Vec::new(),
                kind: Catch::Value { slot, resume: FAIL },
            });
            let handler = this.handlers.len() - 1;
            this.handler = handler;
            let found = if is_whole_error(inner) {
                this.quoted(inner)?
            } else {
                this.part(|this| {
                    this.introduce(inner)?;
                    this.evaluate(inner, ANY, Want::Shared)
                })?
            };
            this.handler = outer;
            this.emit(Instruction::Exit { mark });
            let found = this.in_slot(found)?;
            this.emit(Instruction::Move {
                to: slot,
                from: found,
            });
            let resume = this.here();
            this.handlers[handler].kind = Catch::Value { slot, resume };
            this.emit(Instruction::GatherAdd { slot });
            Ok(())
        })?;
        let here = self.here();
        self.fill(open, Place::To, here);
        self.program
            .live
            .insert(here, self.defined.clone().into_boxed_slice());
        self.define(to);
        self.emit(Instruction::TakeAny { to });
        Ok(self.give(Operand::slot(to), want))
    }

    fn superpose(
        &mut self,
        atom: &Atom,
        children: &[Atom],
        signature: &Signature,
        want: Want,
    ) -> Compiled<Value> {
        match &children[1..] {
            [Atom::Expression(list)] => {
                let items = list.children();
                if items.is_empty() {
                    self.emit(Instruction::Fail);
                    return self.constant_value(&Atom::unit());
                }
                if items.len() > 2000 {
                    return Err(Leave);
                }
                let to = self.slot()?;
                let (_, mark) = self.marked(std::slice::from_ref(atom), want, |this, inner| {
                    let at = this.program.operands.len();
                    let places = vec![Operand(0); items.len()];
                    let operands = this.program.operands(&places);
                    this.emit_sized(Instruction::Alternatives { operands, size: 0 });
                    let mut ends = Vec::new();
                    for (place, item) in items.iter().enumerate() {
                        let here = this.here();
                        this.program.operands[at + 1 + place] = Operand(here);
                        this.program
                            .live
                            .insert(here, this.defined.clone().into_boxed_slice());
                        let end = this.branch(|this| {
                            this.part(|this| {
                                let value = if is_whole_error(item) {
                                    // As it stands: an error of this expression.
                                    let value = this.quoted(item)?;
                                    let from = this.in_slot(value)?;
                                    this.settle(from, ANY, inner.want)?
                                } else {
                                    this.evaluate(item, ANY, inner.want)?
                                };
                                Ok(this.join(value, to, want))
                            })
                        })?;
                        ends.push(end);
                    }
                    this.land(ends);
                    Ok(())
                })?;
                self.define(to);
                if want != Want::Tail {
                    self.exit(mark);
                }
                Ok(Operand::slot(to))
            }
            [Atom::Variable(variable)] => {
                let Some(name) = self.names.get(variable).copied() else {
                    return Err(Leave);
                };
                let wanted = Atom::Symbol(known().expression.clone());
                let checks = vec![Check::Type(name.slot, wanted)];
                let _ = signature;
                let guard = self.guard(atom, checks, ANY)?;
                let (value, mark) =
                    self.marked(std::slice::from_ref(atom), want, |this, inner| {
                        let at = this.emit_sized(Instruction::Elements {
                            from: name.slot,
                            size: 0,
                            odd: FAIL,
                        });
                        this.fill(at, Place::Odd, FAIL);
                        let item = this.target()?;
                        this.emit(Instruction::TakeAny { to: item });
                        this.settle(item, ANY, inner.want)
                    })?;
                if want != Want::Tail {
                    self.exit(mark);
                }
                self.resume(guard, value, want)
            }
            _ => Err(Leave),
        }
    }

    fn match_form(
        &mut self,
        atom: &Atom,
        space: &Atom,
        pattern: &Atom,
        template: &Atom,
        expected: TypeId,
        want: Want,
    ) -> Compiled<Value> {
        match space {
            Atom::Grounded(Grounded::Space(_)) => {}
            Atom::Variable(variable) if self.names.contains_key(variable) => {}
            _ => return Err(Leave),
        }
        let (value, mark) = self.marked(std::slice::from_ref(atom), want, |this, inner| {
            let space_value = this.quoted(space)?;
            let space_slot = this.in_slot(space_value)?;
            let patterns = match pattern.as_expression() {
                Some([head, patterns @ ..]) if head.as_symbol() == Some(",") => patterns,
                _ => std::slice::from_ref(pattern),
            };
            // Without patterns there is one solution.
            let mut uses = Vec::new();
            let mut asked = space_slot;
            if patterns.len() > 1 {
                asked = this.target()?;
                let at = this.emit(Instruction::Snapshot {
                    to: asked,
                    space: space_slot,
                    odd: FAIL,
                });
                uses.push((at, Place::Odd));
            }
            for pattern in patterns {
                let pattern_value = this.quoted(pattern)?;
                let pattern_slot = this.in_slot(pattern_value)?;
                let at = this.emit_sized(Instruction::Match {
                    space: asked,
                    pattern: pattern_slot,
                    size: 0,
                    odd: FAIL,
                });
                if patterns.len() == 1 {
                    uses.push((at, Place::Odd));
                }
            }
            let slow = this.slow(uses, OddWhat::Source(atom.clone()), expected)?;
            let value = this.part(|this| {
                this.introduce(template)?;
                this.evaluate(template, ANY, inner.want)
            })?;
            let value = if want == Want::Tail {
                value
            } else {
                // The slow way needs a slot to put its value.
                let slot = this.in_slot(value)?;
                let to = this.target()?;
                this.emit(Instruction::Move { to, from: slot });
                this.odd[slow].to = Some(to);
                this.odd[slow].resume = this.here();
                Operand::slot(to)
            };
            Ok(value)
        })?;
        if want != Want::Tail {
            self.exit(mark);
        }
        Ok(value)
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

/// Whether a call that no rule is for is data that evaluates to itself.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Flags {
    Data,
    /// Its arguments' types have to be looked at again.
    Unsettled,
}

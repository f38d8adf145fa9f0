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
mod comparison;
mod condition;
mod constant;
mod control;
mod decide;
pub(in crate::fast) mod facts;
mod form;
mod function;
mod grow;
mod head;
mod inline;
mod inlined;
mod known;
mod lambda;
mod locals;
pub(in crate::fast) mod met;
mod minimal;
mod once;
mod one_call;
mod pattern;
mod pending;
mod plain;
mod retyped;
mod rule;
mod several;
mod siblings;
mod slow;
mod state;
mod switch;
mod table;
pub(super) mod tells;
mod told;
mod tuple;
mod typing;
mod unchanged;
mod walk;
mod way;
mod whether;

pub(super) use function::function;
use pending::Pending;
pub(super) use way::Names;
use way::Seen;

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};
use smallvec::SmallVec;

use crate::atom::{Atom, Variable};
use crate::engine::Host;
use crate::fast::choice::Gathers;
use crate::fast::code::{Gives, Instruction, Operand, Pc, SLOTS, Slot, TypeId, Watched};
use crate::fast::heap::Heap;
use crate::fast::program::{Program, Temporary, Written};
use crate::fast::types::Argument;
use crate::types;

/// Not compiled: left to the plain evaluator.
struct Leave;

type Compiled<T> = Result<T, Leave>;

const SLOTS_MAX: usize = SLOTS - 96;
const TESTS_MAX: usize = 12;
/// What has more atoms is no program that somebody wrote; parts that it shares would be compiled each time.
const SIZE_MAX: u32 = 1 << 20;

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
        // What stands for another part of a shape is no variable that elements take the place of.
        let is_new = open || compiler.heap.is_variable_part(variable);
        if is_new && compiler.is_walked(variable) {
            compiler.written.insert(variable.clone(), slot as Slot);
            continue;
        }
        compiler.names.insert(
            variable.clone(),
            Name {
                slot: slot as Slot,
                fresh_in: is_new.then_some(compiler.scope),
            },
        );
    }
    compiler.define_first(variables.len());
    let apart = compiler.with_own_names(atom, &own, None);
    let atom = apart.as_ref().unwrap_or(atom);
    compiler.itself = (!open).then(|| atom.clone());
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

/// Whether it is `(Error atom reason)`; with fewer or more parts it is an ill-typed call.
fn is_whole_error(atom: &Atom) -> bool {
    atom.is_error() && atom.as_expression().is_some_and(|error| error.len() == 3)
}

/// Where a variable's value is.
#[derive(Clone, Copy)]
pub(super) struct Name {
    pub(super) slot: Slot,
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
    /// The values in both slots have a type in common; whether one may leave open what the other
    /// says, as nothing else depends on that.
    Same(Slot, Slot, bool),
    /// There is no variable in the value.
    Ground(Slot),
    /// The tree has a type, and that one.
    Tree(u32, Atom),
    /// The tree has the type of the value in the slot; any if that has none.
    TreeOf(u32, Slot),
}

struct Compiler<'m> {
    host: &'m Host,
    heap: &'m mut Heap,
    program: &'m mut Program,
    names: Names,
    /// How often each variable occurs in the whole rule.
    counts: HashMap<Variable, usize, FixedState>,
    /// How often in forms that put elements in its place.
    walked: HashMap<Variable, usize, FixedState>,
    /// Slots of variables of an expression that elements take the place of: only an
    /// expression as it stands has them.
    written: HashMap<Variable, Slot, FixedState>,
    /// Slots that may hold a call as it was written.
    calls: HashSet<Slot, FixedState>,
    seen: Seen,
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
    /// A value that turned up, if it is one that this is the code of: the slow way of that is the plain
    /// evaluator, not this code again.
    itself: Option<Atom>,
    /// Whether comparisons were tried all at once before.
    is_compared: bool,
    /// How many cases around this are compiled twice.
    cases_twice: usize,
    /// Where expressions are that became templates, which keep them there.
    templates: HashSet<usize, FixedState>,
    /// Whether what was left last is only too deep.
    too_deep: bool,
    /// Types of parts of what is written.
    typings: types::Found,
    /// Whether an operation that was compiled before adds or removes a type: what is typed after it is
    /// only known then.
    types_change: bool,
    /// Whether types are told of what is inside of an argument.
    in_types: bool,
    /// Whether it is the way of making a constant anew, where its names have got rules.
    remakes: bool,
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
    names: Names,
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
    /// The same, of what is a call since its elements were evaluated.
    Changed(Atom),
    /// The call of evaluated arguments, of which the first is one that was a variable as the call was
    /// written where this tells so: bound by now, it changes the call.
    Bound(Atom, Value),
    /// A pair of a call and what one of its rules gives, or what that has become, with which is
    /// gone on.
    Rule(Atom, Gives),
    /// What is left of instructions, for the caller to go on with.
    Rest(Atom),
    /// An expression as written, which is evaluated as a value, `true` as a part of another.
    Value(Atom, bool),
    /// The same, with the slot of the type that is expected of it.
    ValueAs(Atom, bool, Slot),
    /// As `Call`, if one of both slots holds a space; else a failure.
    Space([Slot; 2], Atom),
    /// A call of an operation, of evaluated operands, and what these were as written.
    Operands(u32, Vec<Operand>, Option<Vec<Operand>>),
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
            names: Names::default(),
            counts: HashMap::default(),
            walked: HashMap::default(),
            written: HashMap::default(),
            calls: HashSet::default(),
            seen: Seen::default(),
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
            itself: None,
            is_compared: false,
            cases_twice: 0,
            templates: HashSet::default(),
            too_deep: false,
            typings: types::Found::default(),
            types_change: false,
            in_types: false,
            remakes: false,
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

    fn is_defined(&self, slot: Slot) -> bool {
        let word = self.defined.get(usize::from(slot) / 64);
        word.is_some_and(|word| word >> (slot % 64) & 1 != 0)
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
                | I::IfTypes { odd, .. }
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
                | I::CheckTreeOf { odd, .. }
                | I::Cons { odd, .. }
                | I::Decons { odd, .. }
                | I::CheckFirst { odd, .. }
                | I::CheckStepped { odd, .. }
                | I::IfMet { odd, .. }
                | I::IfFamilies { odd, .. }
                | I::Decide { odd, .. }
                | I::Applied { odd, .. }
                | I::AppliedAs { odd, .. }
                | I::IfUntold { odd, .. }
                | I::IfFurther { odd, .. }
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

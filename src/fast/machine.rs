//! The machine: one loop over instructions, with its own stacks.
//!
//! Frames lie on one stack; a frame is its return address and the frame below,
//! then how many choices there were when its expression began (with flags, and the
//! frame that began it), then slots. Frames that a choice may go back to are kept
//! below `protected`. Results are handed from call to caller in `result`.
//!
//! Source: D. H. D. Warren, "An Abstract Prolog Instruction Set", 1983, for frames,
//! choices, trail and last calls.

macro_rules! slot {
    ($machine:ident, $base:ident, $slot:expr) => {
        Cell($machine.stack[$base + 2 + $slot as usize])
    };
}

macro_rules! set {
    ($machine:ident, $base:ident, $slot:expr, $value:expr) => {{
        let value = $value;
        $machine.stack[$base + 2 + $slot as usize] = value.0;
    }};
}

mod ahead;
mod call;
mod choose;
mod data;
mod decide;
mod number;
mod operate;
mod pattern;
mod query;
mod record;
mod select;
mod settle;
mod typing;
mod walk;
mod watch;

use std::rc::Rc;

use pattern::Place;
pub(in crate::fast) use query::{Join, Tops};
use record::Recorded;
use settle::Ask;
use watch::Watching;

use crate::atom::Atom;
use crate::budget::{Budget, Exhausted, Meter};
use crate::engine::Host;
use crate::evaluate::{Answer, Evaluation};
use crate::fast::cell::{Cell, Header};
use crate::fast::choice::{Aside, Choice, Kind, Step};
use crate::fast::code::{
    ANY, Arithmetic, FINISH, Instruction, Logic, NUMBER, Operand, Pc, Slot, TypeId,
};
use crate::fast::compile::{self, ExpressionSource};
use crate::fast::heap::{CONSTANTS, Heap};
use crate::fast::program::{Program, State};
use crate::fast::rows::Frame;
use crate::space::flat::Flat;
use crate::space::probe::Probe;
use crate::space::{Changes, Layers, Row, Space};
use crate::symbol::{Pin, pin};

const MATCHED: u64 = 1 << 32;
const SUCCEEDED: u64 = 1 << 33;
const HEIGHT: u32 = 34;
/// In a mark's slot.
const MARK_SUCCEEDED: u64 = 1 << 63;

/// The most words of frames: two gigabytes.
const STACK_MAX: usize = 1 << 28;

/// Reductions between looks at the clock and the bounds.
const FUEL: u32 = 1024;

/// What the machine keeps from one evaluation to the next.
pub(super) struct Parts {
    pub(super) program: Program,
    pub(super) heap: Heap,
    stack: Vec<u64>,
    recorded: Recorded,
}

impl Parts {
    pub(super) fn new(host: &Host, space: &Space, proving: bool) -> Parts {
        Parts {
            program: Program::new(host, space, proving),
            heap: Heap::new(),
            stack: Vec::new(),
            recorded: Recorded::default(),
        }
    }
}

impl Parts {
    /// Compiles a directive; `None` if it is left to the plain evaluator.
    pub(super) fn compile(&mut self, host: &Host, atom: &Atom) -> Option<u32> {
        self.heap.reset();
        let source = ExpressionSource::Directive;
        compile::expression(host, &mut self.heap, &mut self.program, atom, ANY, source)
    }

    /// Compiles the rules of a function, to be listed.
    pub(super) fn compile_function(&mut self, host: &Host, function: u32) {
        self.heap.reset();
        compile::function(host, &mut self.heap, &mut self.program, function);
    }

    /// A constant of the code, as text.
    pub(super) fn shown(&self, constant: Cell) -> String {
        let mut text = String::new();
        let _ = self.heap.show(constant, &mut text);
        text
    }
}

pub(super) struct Machine<'h> {
    pub(super) host: &'h mut Host,
    pub(super) program: Program,
    pub(super) heap: Heap,
    pub(super) stack: Vec<u64>,
    pub(super) choices: Vec<Choice>,
    pub(super) asides: Vec<Aside>,
    pub(super) result: Cell,
    pub(super) protected: usize,
    pub(super) space: Space,
    meter: Meter,
    budget: Budget,
    pub(super) fuel: u32,
    results: Vec<Answer>,
    exhausted: Option<Exhausted>,
    pub(super) collect_at: usize,
    /// How long the trail was when the head that is being matched began.
    head_trail: usize,
    subject: Atom,
    /// A type that was seen to be one that was expected.
    fit: (u16, TypeId),
    /// Layers of the spaces asked for last, and what had changed then.
    layers: Vec<(Space, Rc<Layers>)>,
    layers_then: Changes,
    /// Kept from query to query.
    #[expect(clippy::vec_box, reason = "choices keep them in boxes")]
    pub(super) joins: Vec<Box<Join>>,
    pub(super) found: Vec<u32>,
    /// Rows of the query that begins.
    rows: Vec<Row>,
    /// From which choice on queries may be of rows that can still be removed.
    pub(super) held: usize,
    pub(super) probe: Probe,
    pub(super) flat: Flat,
    /// What was left out of the shape of the value that was compiled last.
    pub(super) parts: Vec<Cell>,
    /// How many shapes were compiled.
    pub(super) shapes: u32,
    pub(super) frame: Frame,
    comma: u32,
    /// Names that cells refer to by number stay in use.
    _pin: Pin,
    /// What led to where the evaluation is, if that is recorded.
    pub(super) log: Vec<Step>,
    recorded: Recorded,
    /// Bytes of results that are being gathered.
    gathering: usize,
    /// Whether somebody watches, and what is told to them.
    watched: bool,
    watching: Watching,
    /// The most bytes that were in use.
    peak_bytes: usize,
}

/// Where to go on.
pub(super) enum Next {
    At(Pc, usize),
    Fail,
}

/// What became of evaluating a value.
pub(super) enum Settled {
    /// It is this.
    Value(Cell),
    /// Something was called, which returns.
    Called(Pc, usize),
    /// The plain evaluator has several results, or none.
    Next(Next),
}

impl<'h> Machine<'h> {
    pub(super) fn new(
        host: &'h mut Host,
        space: &Space,
        parts: Parts,
        budget: &Budget,
    ) -> Machine<'h> {
        let Parts {
            program,
            mut heap,
            mut stack,
            recorded,
        } = parts;
        heap.reset();
        if stack.len() > 1 << 20 {
            stack.truncate(1 << 16);
            stack.shrink_to_fit();
        }
        if stack.len() < 4096 {
            stack.resize(4096, 0);
        }
        let watched = program.watched;
        Machine {
            host,
            program,
            heap,
            stack,
            choices: Vec::new(),
            asides: Vec::new(),
            result: Cell::FALSE,
            protected: 0,
            space: space.clone(),
            meter: Meter::start(budget),
            budget: budget.clone(),
            fuel: FUEL,
            results: Vec::new(),
            exhausted: None,
            collect_at: CONSTANTS + (1 << 18),
            head_trail: 0,
            subject: Atom::unit(),
            fit: (0, ANY),
            layers: Vec::new(),
            layers_then: Changes::default(),
            joins: Vec::new(),
            found: Vec::new(),
            rows: Vec::new(),
            held: 0,
            probe: Probe::default(),
            flat: Flat::default(),
            parts: Vec::new(),
            shapes: 0,
            frame: Frame::default(),
            comma: crate::symbol::Symbol::new(",").id(),
            _pin: pin(),
            log: Vec::new(),
            recorded,
            gathering: 0,
            watched,
            watching: Watching::default(),
            peak_bytes: 0,
        }
    }

    pub(super) fn into_parts(mut self) -> (Parts, Evaluation) {
        self.note_peak(0);
        let evaluation = Evaluation {
            results: self.results,
            reductions: self.meter.spent + u64::from(FUEL - self.fuel),
            peak_bytes: self.peak_bytes,
        };
        let parts = Parts {
            program: self.program,
            heap: self.heap,
            stack: self.stack,
            recorded: self.recorded,
        };
        (parts, evaluation)
    }

    /// Evaluates a compiled expression to the end.
    pub(super) fn evaluate(&mut self, expression: u32, subject: &Atom) {
        self.subject = subject.clone();
        let temporary = &self.program.temporary[expression as usize];
        let (pc, size) = (temporary.pc, temporary.size);
        let variables = temporary.variables.clone();
        self.reserve(8 + usize::from(size));
        self.head_trail = 0;
        self.stack[0] = u64::from(FINISH) << 32;
        self.stack[1] = 0;
        for (slot, variable) in variables.iter().enumerate() {
            let cell = self.heap.named_variable(variable);
            self.stack[2 + slot] = cell.0;
        }
        self.run(pc, 0);
    }

    #[inline(always)]
    fn reserve(&mut self, words: usize) {
        if self.stack.len() < words {
            self.grow(words);
        }
    }

    #[cold]
    fn grow(&mut self, words: usize) {
        const LARGE: usize = 1 << 20;
        if words < LARGE {
            self.stack.resize(2 * words, 0);
            return;
        }
        // A large stack grows by an eighth, in room that costs nothing until it is used:
        // moving it would need as much again.
        let size = words + words / 8;
        if self.stack.capacity() < size {
            let room = (8 * words).min(STACK_MAX).max(size) - self.stack.len();
            if self.stack.try_reserve_exact(room).is_err() {
                self.stack.reserve_exact(size - self.stack.len());
            }
        }
        self.stack.resize(size, 0);
    }

    #[inline(always)]
    fn operand(&self, base: usize, operand: Operand) -> Cell {
        if operand.is_constant() {
            self.program.constants[operand.index()]
        } else {
            Cell(self.stack[base + 2 + operand.index()])
        }
    }

    fn run(&mut self, mut pc: Pc, mut base: usize) {
        use Instruction as I;
        macro_rules! go {
            ($next:expr) => {
                match $next {
                    Next::At(to, frame) => {
                        pc = to;
                        base = frame;
                    }
                    Next::Fail => match self.fail() {
                        Some((to, frame)) => {
                            pc = to;
                            base = frame;
                        }
                        None => return,
                    },
                }
            };
        }
        // Hands a result that is no error to the caller.
        macro_rules! hand {
            ($value:expr) => {{
                let state = self.stack[base + 1];
                if self.choices.len() as u64 > state >> HEIGHT {
                    self.stack[(state & 0xffff_ffff) as usize + 1] |= SUCCEEDED;
                }
                let word = self.stack[base];
                pc = (word >> 32) as Pc;
                base = (word & 0xffff_ffff) as usize;
                // Most often the caller takes it.
                if let I::Take { to, .. } = self.program.code[pc as usize] {
                    pc += 1;
                    set!(self, base, to, $value);
                } else {
                    self.result = $value;
                }
            }};
        }
        // What was found, or on where it is odd.
        macro_rules! set_or_odd {
            ($to:ident, $found:expr, $odd:ident) => {
                match $found {
                    Some(value) => set!(self, base, $to, value),
                    None => pc = $odd,
                }
            };
        }
        macro_rules! jump_unless {
            ($holds:expr, $to:ident, $odd:ident) => {
                match $holds {
                    Some(true) => {}
                    Some(false) => pc = $to,
                    None => pc = $odd,
                }
            };
        }
        macro_rules! fuel {
            () => {
                self.fuel -= 1;
                if self.fuel == 0 && self.refuel(base) {
                    return;
                }
            };
        }
        loop {
            let at = pc as usize;
            pc += 1;
            match self.program.code[at] {
                I::Fail => go!(Next::Fail),
                I::HeadFail { function } => go!(self.head_fail(function, base)),
                I::Finish => {
                    let atom = self.heap.export(self.result);
                    let proof = self.program.proving.then(|| self.proof());
                    self.results.push(Answer { atom, proof });
                    go!(Next::Fail)
                }
                I::Select { function } => match self.select(function, base) {
                    Some(to) => pc = to,
                    None => go!(self.data(function, base)),
                },
                I::Switch { switch } => pc = self.switch(switch, base),
                I::NoRule { function } => go!(self.data(function, base)),
                I::Chain { rules } => {
                    let at = rules.0 as usize;
                    let function = self.program.operands[at].index();
                    let arity = self.program.functions[function].arity;
                    self.choose(Kind::Chain { rules, next: 1 }, base, base + 2 + arity);
                    pc = self.program.operands[at + 2].0;
                }
                I::Neck => self.stack[base + 1] |= MATCHED,

                I::Watch { what, to } => {
                    if self.watch(what, base) {
                        pc = to;
                    }
                }
                I::Record { used } => self.record(used),
                I::Move { to, from } => set!(self, base, to, slot!(self, base, from)),
                I::Constant { to, index } => {
                    set!(self, base, to, self.program.constants[index as usize])
                }
                I::Import { to, index } => {
                    let atom = self.program.atoms[index as usize].clone();
                    set!(self, base, to, self.heap.import(&atom));
                }
                I::Instantiate { to, template } => {
                    set!(self, base, to, self.instantiate(template, base));
                }
                I::Variable { to } => set!(self, base, to, self.heap.variable()),
                I::Build { to, operands } => {
                    set!(self, base, to, self.build(operands, base, 0));
                }
                I::BuildNoted {
                    to,
                    operands,
                    function,
                } => {
                    set!(self, base, to, self.build_noted(operands, base, function));
                }
                I::BuildResult { to, operands } => {
                    set!(self, base, to, self.build_result(operands, base));
                }
                I::BuildData { to, operands } => {
                    set!(self, base, to, self.build(operands, base, Header::DATA));
                }
                I::BuildOrCall {
                    to,
                    operands,
                    function,
                    size,
                } => {
                    fuel!();
                    let entry = &self.program.functions[function as usize];
                    if entry.state == State::Data {
                        let data_type = entry.data_type;
                        let built = self.build_data(operands, base);
                        self.heap.note_type_of_data(built, data_type);
                        set!(self, base, to, built);
                        pc += 1;
                    } else {
                        let above = self.above(base, size);
                        let count = self.program.operands[operands.0 as usize].0 as usize - 1;
                        self.reserve(above + 2 + count);
                        for i in 0..count {
                            let operand = self.program.operands[operands.0 as usize + 2 + i];
                            self.stack[above + 2 + i] = self.operand(base, operand).0;
                        }
                        let height = self.choices.len() as u64;
                        go!(self.enter(function, above, pc, base, height));
                    }
                }

                I::MatchConstant {
                    slot,
                    index,
                    on_fail,
                } => {
                    let constant = self.program.constants[index as usize];
                    let value = self.heap.deref(slot!(self, base, slot));
                    // An expression is no leaf, and leaves are as they look.
                    let plain = constant.is_immediate() && (value.is_immediate() || value.is_exp());
                    if value != constant && (plain || !self.unify_noted(value, constant)) {
                        pc = on_fail;
                    }
                }
                I::MatchExpression {
                    slot,
                    to,
                    arity,
                    on_fail,
                } => {
                    let value = self.heap.deref(slot!(self, base, slot));
                    if value.is_exp() {
                        let (first, count) = self.heap.elements(value.at());
                        if count == usize::from(arity) {
                            for i in 0..count {
                                self.stack[base + 2 + usize::from(to) + i] =
                                    self.heap.cells[first + i];
                            }
                        } else {
                            pc = on_fail;
                        }
                    } else if value.is_ref() {
                        self.match_variable(value, base, to, arity);
                    } else {
                        pc = on_fail;
                    }
                }
                I::MatchCall {
                    slot,
                    to,
                    arity,
                    head,
                    on_fail,
                } => {
                    let value = self.heap.deref(slot!(self, base, slot));
                    let head = self.program.constants[head as usize];
                    if value.is_exp() {
                        let (first, count) = self.heap.elements(value.at());
                        if count == usize::from(arity) {
                            let actual = self.heap.deref(self.heap.word(first));
                            if actual != head
                                && !(actual.is_ref() && self.unify_noted(actual, head))
                            {
                                pc = on_fail;
                            }
                            let to = base + 2 + usize::from(to);
                            for i in 0..count - 1 {
                                self.stack[to + i] = self.heap.cells[first + 1 + i];
                            }
                        } else {
                            pc = on_fail;
                        }
                    } else if value.is_ref() {
                        self.match_call(value, base, to, arity, head);
                    } else {
                        pc = on_fail;
                    }
                }
                I::Unpack { slot, to, skip } => {
                    let value = self.heap.deref(slot!(self, base, slot));
                    let (first, count) = self.heap.elements(value.at());
                    let (first, to) = (first + usize::from(skip), base + 2 + usize::from(to));
                    for i in 0..count - usize::from(skip) {
                        self.stack[to + i] = self.heap.cells[first + i];
                    }
                }
                I::Unify {
                    left,
                    right,
                    on_fail,
                } => {
                    let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                    if !self.unify_noted(left, right) {
                        pc = on_fail;
                    }
                }
                I::Try { keep } => {
                    set!(self, base, keep, Cell((self.heap.trail.len() as u64) << 3));
                    self.heap.old = usize::MAX;
                }
                I::Undo { keep } => {
                    let kept = slot!(self, base, keep);
                    self.heap.undo((kept.0 >> 3) as usize);
                    self.heap.old = self.old();
                }
                I::Keep => self.heap.old = self.old(),

                I::Evaluate {
                    to,
                    from,
                    expected,
                    part,
                    argument,
                    size,
                } => {
                    let value = self.heap.deref(slot!(self, base, from));
                    if self.is_plain(value, expected) {
                        set!(self, base, to, value);
                        pc += 1;
                    } else {
                        match self.settle(value, expected, part, pc, base, size) {
                            Settled::Value(value) => {
                                if argument {
                                    set!(self, base, to, value);
                                    pc += 1;
                                } else if value == self.heap.empty {
                                    go!(Next::Fail)
                                } else if value.is_exp() && self.heap.is_error(value) {
                                    self.result = value;
                                } else {
                                    set!(self, base, to, value);
                                    pc += 1;
                                }
                            }
                            Settled::Called(to, frame) => {
                                pc = to;
                                base = frame;
                            }
                            Settled::Next(next) => go!(next),
                        }
                    }
                }
                I::EvaluateLast {
                    from,
                    expected,
                    part,
                } => {
                    let value = self.heap.deref(slot!(self, base, from));
                    if self.is_plain(value, expected) {
                        hand!(value);
                    } else {
                        go!(self.settle_last(value, expected, part, base));
                    }
                }
                I::TakeSettled { to, from, settled } => {
                    let value = self.heap.deref(slot!(self, base, from));
                    if self.is_plain(value, ANY) {
                        set!(self, base, to, value);
                        pc = settled;
                    }
                }
                I::Plain {
                    from,
                    expected,
                    size,
                } => {
                    fuel!();
                    let value = slot!(self, base, from);
                    go!(self.plain(value, expected, pc, base, size));
                }
                I::PlainAs {
                    from,
                    expected,
                    size,
                } => {
                    fuel!();
                    let value = slot!(self, base, from);
                    let expected = slot!(self, base, expected).as_int() as TypeId;
                    go!(self.plain(value, expected, pc, base, size));
                }
                I::PlainCall {
                    from,
                    expected,
                    size,
                } => {
                    fuel!();
                    let value = slot!(self, base, from);
                    go!(self.ask_plain(Ask::Call, value, expected, pc, base, size));
                }
                I::Take { to, on_error } => {
                    let value = self.result;
                    set!(self, base, to, value);
                    if value.is_exp() && self.heap.is_error(value) {
                        pc = on_error;
                    }
                }
                I::Offer { from } => self.result = self.heap.deref(slot!(self, base, from)),
                I::TakeAny { to } => set!(self, base, to, self.result),
                I::CheckType {
                    slot,
                    expected,
                    odd,
                } => {
                    let value = self.heap.deref(slot!(self, base, slot));
                    let is_number = value.is_int() && expected == NUMBER;
                    if !is_number
                        && !self.is_known_fit(value, expected)
                        && !self.has_type(value, expected)
                    {
                        pc = odd;
                    }
                }
                I::CheckExpression { slot, odd } => {
                    if !self.heap.deref(slot!(self, base, slot)).is_exp() {
                        pc = odd;
                    }
                }
                I::CheckSame { left, right, odd } => {
                    let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                    if !left.are_ints(right) && !self.may_have_one_type(left, right) {
                        pc = odd;
                    }
                }

                I::AddSmall {
                    to,
                    left,
                    right,
                    odd,
                } => {
                    let value = slot!(self, base, left);
                    let sum = (value.0 as i64).checked_add(i64::from(right) << 3);
                    match sum {
                        Some(sum) if value.is_int() => set!(self, base, to, Cell(sum as u64)),
                        _ => set_or_odd!(
                            to,
                            self.compute(Arithmetic::Add, value, Cell::small(right)),
                            odd
                        ),
                    }
                }
                I::Add {
                    to,
                    left,
                    right,
                    odd,
                } => {
                    let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                    let sum = (left.0 as i64).checked_add(right.0 as i64);
                    match sum {
                        Some(sum) if left.are_ints(right) => set!(self, base, to, Cell(sum as u64)),
                        _ => set_or_odd!(to, self.compute(Arithmetic::Add, left, right), odd),
                    }
                }
                I::Subtract {
                    to,
                    left,
                    right,
                    odd,
                } => {
                    let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                    let difference = (left.0 as i64).checked_sub(right.0 as i64);
                    match difference {
                        Some(word) if left.are_ints(right) => {
                            set!(self, base, to, Cell(word as u64))
                        }
                        _ => set_or_odd!(to, self.compute(Arithmetic::Subtract, left, right), odd),
                    }
                }
                I::Compute {
                    operation,
                    to,
                    left,
                    right,
                    odd,
                } => {
                    let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                    let product = if operation == Arithmetic::Multiply && left.are_ints(right) {
                        left.as_int().checked_mul(right.0 as i64)
                    } else {
                        None
                    };
                    match product {
                        Some(word) => set!(self, base, to, Cell(word as u64)),
                        None => set_or_odd!(to, self.compute(operation, left, right), odd),
                    }
                }
                I::Compare {
                    operation,
                    to,
                    left,
                    right,
                    odd,
                } => {
                    let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                    set_or_odd!(
                        to,
                        self.compare(operation, left, right).map(Cell::boolean),
                        odd
                    )
                }
                I::JumpUnlessCompare {
                    operation,
                    left,
                    right,
                    to,
                    odd,
                } => {
                    let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                    jump_unless!(self.compare(operation, left, right), to, odd)
                }
                I::JumpUnlessCompareSmall {
                    operation,
                    left,
                    right,
                    to,
                    odd,
                } => {
                    let left = slot!(self, base, left);
                    if left.is_int() {
                        let right = i64::from(right) << 3;
                        if !operation.holds((left.0 as i64).cmp(&right)) {
                            pc = to;
                        }
                    } else {
                        jump_unless!(
                            self.compare(operation, left, Cell::small(i32::from(right))),
                            to,
                            odd
                        )
                    }
                }
                I::JumpUnlessConstant {
                    slot,
                    index,
                    to,
                    odd,
                } => {
                    let value = slot!(self, base, slot);
                    let constant = self.program.constants[index as usize];
                    if value.are_ints(constant) {
                        if value != constant {
                            pc = to;
                        }
                    } else {
                        jump_unless!(self.is_constant(value, constant), to, odd)
                    }
                }
                I::JumpUnlessSame {
                    left,
                    right,
                    to,
                    odd,
                } => {
                    let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                    if left.are_ints(right) {
                        if left != right {
                            pc = to;
                        }
                    } else {
                        jump_unless!(self.same_numbers(left, right), to, odd)
                    }
                }
                I::Equal { to, left, right } => {
                    let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                    set!(self, base, to, Cell::boolean(self.heap.equal(left, right)));
                }
                I::Logic {
                    operation,
                    to,
                    left,
                    right,
                    odd,
                } => {
                    let left = self.heap.deref(slot!(self, base, left));
                    let right = self.heap.deref(slot!(self, base, right));
                    if left.is_bool() && right.is_bool() {
                        let (a, b) = (left == Cell::TRUE, right == Cell::TRUE);
                        let value = match operation {
                            Logic::And => a && b,
                            Logic::Or => a || b,
                            Logic::Xor => a != b,
                        };
                        set!(self, base, to, Cell::boolean(value));
                    } else {
                        pc = odd;
                    }
                }
                I::Not { to, from, odd } => {
                    let value = self.heap.deref(slot!(self, base, from));
                    if value.is_bool() {
                        set!(self, base, to, Cell::boolean(value != Cell::TRUE));
                    } else {
                        pc = odd;
                    }
                }
                I::Jump { to } => pc = to,
                I::JumpUnless { slot, to, odd } => {
                    let value = self.heap.deref(slot!(self, base, slot));
                    if value == Cell::TRUE {
                    } else if value == Cell::FALSE {
                        pc = to;
                    } else {
                        pc = odd;
                    }
                }

                I::Call {
                    function,
                    operands,
                    size,
                } => {
                    fuel!();
                    if self.heap.cells.len() >= self.collect_at {
                        self.collect(base, Ok(pc));
                    }
                    let height = self.choices.len() as u64;
                    go!(self.call(function, operands, size, height, pc, base));
                }
                I::CallMarked {
                    function,
                    operands,
                    size,
                    mark,
                } => {
                    fuel!();
                    if self.heap.cells.len() >= self.collect_at {
                        self.collect(base, Ok(pc));
                    }
                    let height = (slot!(self, base, mark).0 & !MARK_SUCCEEDED) >> 3;
                    go!(self.call(function, operands, size, height, pc, base));
                }
                I::CallLast { function, operands } => {
                    fuel!();
                    go!(self.call_last(function, operands, base));
                }
                I::CallLastBare { function, operands } => {
                    fuel!();
                    if self.is_failing(function) {
                        go!(Next::Fail);
                    } else {
                        go!(self.call_last(function, operands, base));
                    }
                }
                I::Operate {
                    operation,
                    operands,
                    size,
                    stuck,
                    unchanged,
                } => {
                    fuel!();
                    go!(self.operate(operation, operands, pc, base, size, (stuck, unchanged)));
                }
                I::Return { slot } => {
                    let value = slot!(self, base, slot);
                    if value.is_ref()
                        || value == self.heap.empty
                        || value.is_exp() && self.heap.is_error(value)
                    {
                        go!(self.leave(value, base));
                    } else {
                        hand!(value);
                    }
                }
                I::ReturnConstant { index } => {
                    let value = self.program.constants[index as usize];
                    go!(self.leave(value, base));
                }
                I::ReturnResult => {
                    let value = self.result;
                    if value.is_int() {
                        hand!(value);
                    } else {
                        go!(self.leave(value, base));
                    }
                }

                I::Mark { to } => set!(self, base, to, Cell((self.choices.len() as u64) << 3)),
                I::Exit { mark } => {
                    let word = slot!(self, base, mark).0;
                    if self.choices.len() as u64 > (word & !MARK_SUCCEEDED) >> 3 {
                        set!(self, base, mark, Cell(word | MARK_SUCCEEDED));
                    }
                }
                I::ErrorAt { mark } => {
                    let word = slot!(self, base, mark).0;
                    let height = (word & !MARK_SUCCEEDED) >> 3;
                    if self.choices.len() as u64 > height || word & MARK_SUCCEEDED != 0 {
                        if word & MARK_SUCCEEDED == 0 {
                            let owner = base + 2 + usize::from(mark);
                            self.set_aside(height as usize, owner, pc, base);
                        }
                        go!(Next::Fail);
                    }
                }

                I::Gather { done, size } => {
                    let kind = Kind::Gather {
                        done,
                        gathered: Box::default(),
                    };
                    self.choose(kind, base, base + 2 + usize::from(size));
                }
                I::GatherAdd { slot } => {
                    let value = slot!(self, base, slot);
                    self.gather(value, base);
                    go!(Next::Fail);
                }
                I::CaseOpen { keep, empty, size } => {
                    set!(self, base, keep, Cell((self.choices.len() as u64) << 3));
                    let kind = Kind::Case { empty, any: false };
                    self.choose(kind, base, base + 2 + usize::from(size));
                }
                I::CaseAny { keep } => {
                    let number = (slot!(self, base, keep).0 >> 3) as usize;
                    if self.choices.len() == number + 1 && !self.choices[number].aside {
                        self.drop_choice();
                    } else if let Kind::Case { any, .. } = &mut self.choices[number].kind {
                        *any = true;
                    }
                }
                I::Alternatives { operands, size } => {
                    let count = self.program.operands[operands.0 as usize].0;
                    if count > 1 {
                        let kind = Kind::Places { operands, next: 1 };
                        self.choose(kind, base, base + 2 + usize::from(size));
                    }
                    pc = self.program.operands[operands.0 as usize + 1].0;
                }
                I::Elements { from, size, odd } => {
                    fuel!();
                    let list = self.heap.deref(slot!(self, base, from));
                    if list.is_exp() {
                        let (first, count) = self.heap.elements(list.at());
                        if count == 0 {
                            go!(Next::Fail);
                        } else {
                            self.result = self.heap.word(first);
                            if count > 1 {
                                let kind = Kind::Elements { list, next: 1, pc };
                                self.choose(kind, base, base + 2 + usize::from(size));
                            }
                        }
                    } else {
                        pc = odd;
                    }
                }
                I::Match {
                    space,
                    pattern,
                    size,
                    odd,
                } => {
                    fuel!();
                    let space = self.heap.deref(slot!(self, base, space));
                    let pattern = self.heap.deref(slot!(self, base, pattern));
                    match self.find(space, pattern, pc, base, size) {
                        Some(next) => go!(next),
                        None => pc = odd,
                    }
                }

                I::Query {
                    space,
                    pattern,
                    size,
                    odd,
                } => {
                    fuel!();
                    let space = self.heap.deref(slot!(self, base, space));
                    match self.query(space, Place { pattern, base }, pc, size) {
                        Some(next) => go!(next),
                        None => pc = odd,
                    }
                }

                I::CheckGround { slot, odd } => {
                    let value = self.heap.deref(slot!(self, base, slot));
                    if self.ends(value) || !self.heap.is_ground_now(value) {
                        pc = odd;
                    }
                }
                I::CheckTree {
                    tree,
                    expected,
                    odd,
                } => {
                    if !self.tree_has_type(tree, expected, base) {
                        pc = odd;
                    }
                }
                I::CheckFirst { tree, odd } => {
                    if self.is_first_item(base) && !self.tree_is_value(tree, base) {
                        pc = odd;
                    }
                }
                I::Decide { to, site, odd } => match self.decide(site, base) {
                    Some(function) => set!(self, base, to, Cell::small(function as i32)),
                    None => pc = odd,
                },
                I::CallDecided {
                    function,
                    operands,
                    size,
                    mark,
                } => {
                    fuel!();
                    if self.heap.cells.len() >= self.collect_at {
                        self.collect(base, Ok(pc));
                    }
                    let height = if mark == Slot::MAX {
                        self.choices.len() as u64
                    } else {
                        (slot!(self, base, mark).0 & !MARK_SUCCEEDED) >> 3
                    };
                    let function = slot!(self, base, function).as_int() as u32;
                    go!(self.call(function, operands, size, height, pc, base));
                }
                I::CallDecidedLast { function, operands } => {
                    fuel!();
                    let function = slot!(self, base, function).as_int() as u32;
                    go!(self.call_last(function, operands, base));
                }
                I::Walk {
                    to,
                    operands,
                    size,
                    frame,
                    mark,
                } => {
                    fuel!();
                    let height = if mark == Slot::MAX {
                        self.choices.len() as u64
                    } else {
                        (slot!(self, base, mark).0 & !MARK_SUCCEEDED) >> 3
                    };
                    let above = self.above(base, size);
                    self.begin_walk(operands, base, above, frame);
                    self.stack[above] = (u64::from(pc) << 32) | base as u64;
                    self.stack[above + 1] = (height << HEIGHT) | above as u64;
                    pc = to;
                    base = above;
                }
                I::Item {
                    to,
                    folding,
                    done,
                    odd,
                } => match self.item(base) {
                    Some((item, next)) => {
                        set!(self, base, to, item);
                        set!(self, base, to + 1, next);
                        if self.ends(item) || folding && self.ends(self.folded(base)) {
                            pc = odd;
                        }
                    }
                    None => pc = done,
                },
                I::Again {
                    to,
                    next,
                    so_far,
                    count,
                    frame,
                } => {
                    fuel!();
                    go!(self.again(to, base, (next, so_far), (count, frame)));
                }
                I::Push { to, so_far, value } => {
                    let (so_far, value) = (slot!(self, base, so_far), slot!(self, base, value));
                    set!(self, base, to, self.push(so_far, value));
                }
                I::List { to, from, odd } => {
                    let (list, is_data) = self.list(slot!(self, base, from));
                    set!(self, base, to, list);
                    if !is_data {
                        pc = odd;
                    }
                }
                I::NoTruth { call, value } => {
                    let (call, value) = (slot!(self, base, call), slot!(self, base, value));
                    self.result = self.no_truth(call, value);
                }

                I::Cons {
                    to,
                    first,
                    rest,
                    odd,
                } => {
                    let (first, rest) = (slot!(self, base, first), slot!(self, base, rest));
                    if self.heap.deref(first) == self.heap.error {
                        pc = odd;
                    } else {
                        set!(self, base, to, self.cons(first, rest));
                    }
                }
                I::Decons { to, from, odd } => {
                    let list = self.heap.deref(slot!(self, base, from));
                    match self.parts(list) {
                        Some((first, count)) if count > 0 => {
                            let first = self.heap.word(first);
                            let rest = self.rest(list);
                            set!(self, base, to, self.heap.build(&[first, rest]));
                        }
                        _ => pc = odd,
                    }
                }
                I::GetState { to, from, odd } => {
                    let found = self.get_state(slot!(self, base, from));
                    set_or_odd!(to, found, odd)
                }
                I::ChangeState {
                    to,
                    state,
                    value,
                    odd,
                } => {
                    let (state, value) = (slot!(self, base, state), slot!(self, base, value));
                    set_or_odd!(to, self.change_state(state, value), odd)
                }
                I::ChangeSpace {
                    change,
                    to,
                    space,
                    atom,
                    odd,
                } => {
                    fuel!();
                    let (space, atom) = (slot!(self, base, space), slot!(self, base, atom));
                    set_or_odd!(to, self.change_space(change, space, atom), odd)
                }

                I::First { to, from, odd } => {
                    let list = self.heap.deref(slot!(self, base, from));
                    match self.parts(list) {
                        Some((first, count)) if count > 0 => {
                            set!(self, base, to, self.heap.deref(self.heap.word(first)));
                        }
                        _ => pc = odd,
                    }
                }
                I::Rest { to, from, odd } => {
                    let list = self.heap.deref(slot!(self, base, from));
                    match self.parts(list) {
                        Some((_, count)) if count > 0 => {
                            let rest = self.rest(list);
                            set!(self, base, to, rest);
                        }
                        _ => pc = odd,
                    }
                }
                I::SizeAtom { to, from, odd } => {
                    let list = self.heap.deref(slot!(self, base, from));
                    match self.parts(list) {
                        Some((_, count)) => {
                            let size = self.heap.integer(count as i64);
                            set!(self, base, to, size);
                        }
                        None => pc = odd,
                    }
                }
                I::IndexAtom {
                    to,
                    from,
                    index,
                    odd,
                } => {
                    let list = self.heap.deref(slot!(self, base, from));
                    let index = self.heap.deref(slot!(self, base, index));
                    match self.parts(list) {
                        Some((first, count))
                            if index.is_int() && (0..count as i64).contains(&index.as_int()) =>
                        {
                            let found = self.heap.word(first + index.as_int() as usize);
                            set!(self, base, to, self.heap.deref(found));
                        }
                        _ => pc = odd,
                    }
                }
            }
        }
    }

    // ---- calls ----------------------------------------------------------------

    // ---- choices --------------------------------------------------------------

    // ---- values ---------------------------------------------------------------

    // ---- evaluating values ------------------------------------------------------

    // ---- others ---------------------------------------------------------------
}

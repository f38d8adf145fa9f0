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
        Cell($machine.stack.frame($base)[crate::fast::stack::place($slot)])
    };
}

macro_rules! set {
    ($machine:ident, $base:ident, $slot:expr, $value:expr) => {{
        let value = $value;
        $machine.stack.frame_mut($base)[crate::fast::stack::place($slot)] = value.0;
    }};
}

mod ahead;
mod apply;
mod call;
mod choose;
mod data;
mod decide;
pub(in crate::fast) mod grow;
mod number;
mod operate;
mod pattern;
mod query;
mod record;
mod seldom;
mod select;
mod settle;
mod typing;
mod walk;
mod watch;

use std::rc::Rc;

pub(in crate::fast) use query::{Join, Tops};
use record::Recorded;
use watch::Watching;

use crate::atom::Atom;
use crate::budget::{Budget, Exhausted, Meter};
use crate::engine::Host;
use crate::evaluate::{Answer, Evaluation};
use crate::fast::cell::{Cell, Header};
use crate::fast::choice::{Aside, Choice, Kind, Step};
use crate::fast::code::{
    ANY, Arithmetic, FINISH, IF_DATA, Instruction, Logic, NUMBER, Operand, Pc, TypeId,
};
use crate::fast::compile;
use crate::fast::heap::{CONSTANTS, Heap};
use crate::fast::program::{Program, State};
use crate::fast::rows::Frame;
use crate::fast::stack::{Stack, place};
use crate::space::flat::Flat;
use crate::space::probe::Probe;
use crate::space::{Changes, Layers, Row, Space};
use crate::symbol::{Pin, pin};

const MATCHED: u64 = 1 << 32;
const SUCCEEDED: u64 = 1 << 33;
const HEIGHT: u32 = 34;
/// In a mark's slot.
const MARK_SUCCEEDED: u64 = 1 << 63;

/// Reductions between looks at the clock and the bounds.
const FUEL: u32 = 1024;

/// What the machine keeps from one evaluation to the next.
pub(super) struct Parts {
    pub(super) program: Program,
    pub(super) heap: Heap,
    stack: Stack,
    recorded: Recorded,
}

impl Parts {
    pub(super) fn new(host: &Host, space: &Space, proving: bool) -> Parts {
        Parts {
            program: Program::new(host, space, proving),
            heap: Heap::new(),
            stack: Stack::new(),
            recorded: Recorded::default(),
        }
    }
}

impl Parts {
    /// Compiles a directive; `None` if it is left to the plain evaluator.
    pub(super) fn compile(&mut self, host: &Host, atom: &Atom) -> Option<u32> {
        self.heap.reset();
        self.program.drop_old_tables();
        compile::expression(host, &mut self.heap, &mut self.program, atom, ANY, true)
    }

    /// Compiles all functions that code calls, and those that they call.
    pub(super) fn compile_called(&mut self, host: &Host) {
        let mut next = 0;
        while let Some(function) = self.program.functions.get(next)
            && self.program.code.len() < super::CODE_MAX
        {
            if function.state.is_unsure() {
                compile::function(host, &mut self.heap, &mut self.program, next as u32);
            }
            next += 1;
        }
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
    pub(super) stack: Stack,
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
    /// How much `Grow` makes without a frame for each.
    growing_max: i64,
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
        stack.shrink();
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
            growing_max: grow::most(budget),
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
        self.stack.reserve(8 + usize::from(size));
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
                let frame = self.stack.frame(base);
                let (word, state) = (frame[0], frame[1]);
                if self.choices.len() as u64 > state >> HEIGHT {
                    self.stack[(state & 0xffff_ffff) as usize + 1] |= SUCCEEDED;
                }
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

                I::Record { used } => self.record(used),
                I::Move { to, from } => set!(self, base, to, slot!(self, base, from)),
                I::Constant { to, index } => {
                    set!(self, base, to, self.program.constants[index as usize])
                }
                I::Variable { to } => set!(self, base, to, self.heap.variable()),
                I::MakeNoted {
                    to,
                    function,
                    slots,
                    count,
                } => {
                    let frame = self.stack.frame(base);
                    let values = slots.map(|slot| Cell(frame[place(slot)]));
                    let made = self.make_noted_of(values, count, function);
                    set!(self, base, to, made);
                }
                I::ReturnNoted {
                    function,
                    slots,
                    count,
                    part,
                } => {
                    let frame = self.stack.frame(base);
                    let values = slots.map(|slot| Cell(frame[place(slot)]));
                    let made = self.make_noted_of(values, count, function);
                    if self.is_plain(made, ANY) {
                        hand!(made);
                    } else {
                        go!(self.settle_last(made, ANY, part, base));
                    }
                }
                I::TryMake {
                    to,
                    function,
                    arguments,
                    skip,
                } => {
                    let frame = self.stack.frame(base);
                    let entry = &self.program.functions[function as usize];
                    if entry.state == State::Data
                        && let Some(values) = self.quick(frame, arguments)
                    {
                        let made = self.make_call(function, values.map(Cell));
                        set!(self, base, to, made);
                        pc = (at + usize::from(skip)) as Pc;
                        fuel!();
                    }
                }
                I::MakeOrCall {
                    to,
                    function,
                    slots,
                    size,
                } => {
                    fuel!();
                    let frame = self.stack.frame(base);
                    let values = slots.map(|slot| Cell(frame[place(slot)]));
                    let entry = &self.program.functions[function as usize];
                    if entry.state == State::Data {
                        let made = self.make_call(function, values);
                        set!(self, base, to, made);
                        pc += 1;
                    } else {
                        let height = self.choices.len() as u64;
                        let above = self.above(base, size);
                        go!(self.call_slots(function, values, above, height, pc, base));
                    }
                }
                I::Grow {
                    function,
                    slots,
                    count,
                    size,
                    odd,
                } => {
                    let frame = self.stack.frame(base);
                    let values = slots.map(|slot| Cell(frame[place(slot)]));
                    match self.grow(function, values, count, size, base) {
                        Some(frame) => base = frame,
                        None => pc = odd,
                    }
                }
                I::Close => go!(self.close_chain(base)),
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
                        self.stack.reserve(above + 2 + count);
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
                    if value.is_ref() {
                        // A constant has no variable in it.
                        self.heap.trail.push(value.at() as u32);
                        self.heap.cells[value.at()] = constant.0;
                    } else if value != constant && (plain || !self.unify_noted(value, constant)) {
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
                            self.unpack(first, count, base, to);
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
                            self.unpack(first + 1, count - 1, base, to);
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
                    let skip = usize::from(skip);
                    self.unpack(first + skip, count - skip, base, to);
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
                        let role = (part, argument);
                        match self.settle(value, expected, role, pc, base, size) {
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
                I::IfPlain { slots, count, odd } => {
                    let frame = self.stack.frame(base);
                    for slot in slots.iter().take(usize::from(count)) {
                        let value = Cell(frame[place(*slot)]);
                        let is_plain = if *slot & IF_DATA == 0 {
                            self.is_its_own(value)
                        } else {
                            self.is_whole_data(value)
                        };
                        if !is_plain {
                            pc = odd;
                            break;
                        }
                    }
                }
                I::IfTyped {
                    slots,
                    types,
                    count,
                    odd,
                } => {
                    let frame = self.stack.frame(base);
                    let values = slots.map(|slot| Cell(frame[place(slot)]));
                    if !self.are_plainly(values, types, count) {
                        pc = odd;
                    }
                }
                I::TakeSettled { to, from, settled } => {
                    let value = self.heap.deref(slot!(self, base, from));
                    if self.is_plain(value, ANY) {
                        set!(self, base, to, value);
                        pc = settled;
                    }
                }
                I::Take { to, on_error } => {
                    let value = self.result;
                    set!(self, base, to, value);
                    if value.is_exp() && self.heap.is_error(value) {
                        pc = on_error;
                    }
                }
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
                I::JumpUnlessInteger {
                    slot,
                    value,
                    to,
                    odd,
                } => {
                    let (found, value) = (slot!(self, base, slot), Cell::small(value));
                    if found.is_int() {
                        if found != value {
                            pc = to;
                        }
                    } else {
                        jump_unless!(self.is_constant(found, value), to, odd)
                    }
                }
                I::JumpUnlessSum {
                    minus,
                    whole,
                    left,
                    right,
                    to,
                    odd,
                } => {
                    let frame = self.stack.frame(base);
                    let [whole, left, right] =
                        [whole, left, right].map(|slot| Cell(frame[place(slot)]));
                    let sum = if minus {
                        (left.0 as i64).checked_sub(right.0 as i64)
                    } else {
                        (left.0 as i64).checked_add(right.0 as i64)
                    };
                    match sum {
                        Some(sum) if left.are_ints(right) && whole.is_int() => {
                            if sum as u64 != whole.0 {
                                pc = to;
                            }
                        }
                        _ => jump_unless!(self.is_sum(minus, whole, left, right), to, odd),
                    }
                }
                I::TrySame {
                    left,
                    right,
                    same,
                    other,
                } => {
                    let frame = self.stack.frame(base);
                    let (left, right) = (Cell(frame[place(left)]), Cell(frame[place(right)]));
                    let found = if left.are_ints(right) {
                        Some(left == right)
                    } else {
                        self.are_same(left, right)
                    };
                    match found {
                        Some(true) => pc = same,
                        Some(false) => pc = other,
                        None => {}
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
                    let height = (slot!(self, base, mark).0 & !MARK_SUCCEEDED) >> 3;
                    go!(self.call(function, operands, size, height, pc, base));
                }
                I::TryCall {
                    function,
                    arguments,
                    size,
                    mark,
                    skip,
                } => {
                    let frame = self.stack.frame(base);
                    let entry = &self.program.functions[function as usize];
                    let above = self.above(base, size);
                    if entry.state == State::Compiled
                        && self.stack.holds(above)
                        && self.heap.cells.len() < self.collect_at
                        && let Some(values) = self.quick(frame, arguments)
                    {
                        let height = self.height(mark, base);
                        let back = at as u64 + u64::from(skip);
                        pc = entry.pc;
                        let frame = self.stack.frame_mut(above);
                        frame[0] = (back << 32) | base as u64;
                        frame[1] = (height << HEIGHT) | above as u64;
                        frame[2] = values[0];
                        frame[3] = values[1];
                        frame[4] = values[2];
                        self.head_trail = self.heap.trail.len();
                        base = above;
                        fuel!();
                    }
                }
                I::TryCallLast {
                    function,
                    arguments,
                } => {
                    let frame = self.stack.frame(base);
                    let entry = &self.program.functions[function as usize];
                    let target = base.max(self.protected);
                    if entry.state == State::Compiled
                        && self.stack.holds(target)
                        && self.heap.cells.len() < self.collect_at
                        && let Some(values) = self.quick(frame, arguments)
                    {
                        let (return_to, state) = (frame[0], frame[1]);
                        pc = entry.pc;
                        let frame = self.stack.frame_mut(target);
                        frame[0] = return_to;
                        frame[1] = state & !MATCHED;
                        frame[2] = values[0];
                        frame[3] = values[1];
                        frame[4] = values[2];
                        self.head_trail = self.heap.trail.len();
                        base = target;
                        fuel!();
                    }
                }
                I::TryApply {
                    head,
                    count,
                    expected,
                    arguments,
                    size,
                    mark,
                    skip,
                } => {
                    let back = (at + usize::from(skip)) as Pc;
                    let called = (head, count, expected);
                    if let Some((to, frame)) =
                        self.try_apply(called, arguments, (size, mark), back, base)
                    {
                        pc = to;
                        base = frame;
                        fuel!();
                    }
                }
                I::TryApplyLast {
                    head,
                    count,
                    expected,
                    arguments,
                    odd,
                } => {
                    let name = self.heap.deref(slot!(self, base, head));
                    let called = (name, count, expected);
                    if !name.is_symbol() {
                        pc = odd;
                    } else if let Some((to, frame)) = self.try_apply_last(called, arguments, base) {
                        pc = to;
                        base = frame;
                        fuel!();
                    }
                }
                I::Decide { to, site, odd } => {
                    let found = match self.decide_again(site, base) {
                        None => self.decide(site, base),
                        found => found,
                    };
                    match found {
                        Some(function) => set!(self, base, to, Cell::small(function as i32)),
                        None => pc = odd,
                    }
                }
                I::Applied {
                    to,
                    head,
                    count,
                    expected,
                    odd,
                } => match self.applied(slot!(self, base, head), count, expected) {
                    Some(function) => set!(self, base, to, Cell::small(function as i32)),
                    None => pc = odd,
                },
                I::CallApplied {
                    function,
                    slots,
                    size,
                    mark,
                    ..
                } => {
                    fuel!();
                    let above = self.above(base, size);
                    let frame = self.stack.frame(base);
                    let values = slots.map(|slot| Cell(frame[place(slot)]));
                    let function = Cell(frame[place(function)]).as_int() as u32;
                    let entry = &self.program.functions[function as usize];
                    if entry.state == State::Data && (1..=values.len()).contains(&entry.arity) {
                        self.result = self.make_call(function, values);
                    } else {
                        let height = self.height(mark, base);
                        go!(self.call_slots(function, values, above, height, pc, base));
                    }
                }
                I::CallAppliedLast {
                    function, slots, ..
                } => {
                    fuel!();
                    let frame = self.stack.frame(base);
                    let values = slots.map(|slot| Cell(frame[place(slot)]));
                    let function = Cell(frame[place(function)]).as_int() as u32;
                    go!(self.call_slots_last(function, values, base));
                }
                I::CallSlots {
                    function,
                    slots,
                    size,
                    mark,
                } => {
                    fuel!();
                    let above = self.above(base, size);
                    let frame = self.stack.frame(base);
                    let values = slots.map(|slot| Cell(frame[place(slot)]));
                    let height = self.height(mark, base);
                    let entry = &self.program.functions[function as usize];
                    if entry.state == State::Compiled
                        && self.stack.holds(above)
                        && self.heap.cells.len() < self.collect_at
                    {
                        let to = entry.pc;
                        let frame = self.stack.frame_mut(above);
                        frame[0] = (u64::from(pc) << 32) | base as u64;
                        frame[1] = (height << HEIGHT) | above as u64;
                        frame[2] = values[0].0;
                        frame[3] = values[1].0;
                        frame[4] = values[2].0;
                        self.head_trail = self.heap.trail.len();
                        pc = to;
                        base = above;
                    } else {
                        go!(self.call_slots(function, values, above, height, pc, base));
                    }
                }
                I::CallSlotsLast { function, slots } => {
                    fuel!();
                    let frame = self.stack.frame(base);
                    let values = slots.map(|slot| Cell(frame[place(slot)]));
                    let (return_to, state) = (frame[0], frame[1]);
                    let target = base.max(self.protected);
                    let entry = &self.program.functions[function as usize];
                    if entry.state == State::Compiled
                        && self.stack.holds(target)
                        && self.heap.cells.len() < self.collect_at
                    {
                        pc = entry.pc;
                        base = target;
                        let frame = self.stack.frame_mut(base);
                        frame[0] = return_to;
                        frame[1] = state & !MATCHED;
                        frame[2] = values[0].0;
                        frame[3] = values[1].0;
                        frame[4] = values[2].0;
                        self.head_trail = self.heap.trail.len();
                    } else {
                        go!(self.call_slots_last(function, values, base));
                    }
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
                I::Return { slot } => {
                    let value = slot!(self, base, slot);
                    if value.is_int() {
                        hand!(value);
                    } else if value.is_ref()
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
                I::Build { to, operands } => {
                    set!(self, base, to, self.build(operands, base, 0));
                }
                I::BuildBlock { to, block } => {
                    let built = self.build_block(block, base);
                    set!(self, base, to, built);
                }
                I::BuildResult { to, operands } => {
                    set!(self, base, to, self.build_result(operands, base));
                }
                I::BuildData { to, operands } => {
                    set!(self, base, to, self.build(operands, base, Header::DATA));
                }
                I::CheckKind { slot, kind, odd } => {
                    let value = self.heap.deref(slot!(self, base, slot));
                    if !self.is_of_kind(value, kind) {
                        pc = odd;
                    }
                }
                I::CheckSame { left, right, odd } => {
                    let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                    if !left.are_ints(right) && !self.may_have_one_type(left, right) {
                        pc = odd;
                    }
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
                I::IfFacts { facts, to, odd } => {
                    fuel!();
                    let at_moment = self.program.is_at_moment();
                    let holds = !at_moment && self.program.facts[facts as usize].holds();
                    pc = if holds { to } else { odd };
                }
                I::GatherAdd { slot } => {
                    let value = slot!(self, base, slot);
                    self.gather(value, base);
                    go!(Next::Fail);
                }
                I::Offer { from } => self.result = self.heap.deref(slot!(self, base, from)),
                seldom => match self.seldom(seldom, pc, base) {
                    Some(next) => go!(next),
                    None => return,
                },
            }
        }
    }
}

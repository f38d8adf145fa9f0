//! The machine: one loop over instructions, with its own stacks.
//!
//! Frames lie on one stack; a frame is its return address and the frame below,
//! then how many choices there were when its expression began (with flags, and the
//! frame that began it), then slots. Frames that a choice may go back to are kept
//! below `protected`. Results are handed from call to caller in `result`.
//!
//! Source: D. H. D. Warren, "An Abstract Prolog Instruction Set", 1983, for frames,
//! choices, trail and last calls.

use std::rc::Rc;

use crate::atom::Atom;
use crate::budget::{Budget, Exhausted, Meter};
use crate::engine::{Context, Host};
use crate::evaluate::{Answer, Evaluation, FactUse, Machine as Plain, Proof};
use crate::fast::cell::{Cell, Header, Kind as Term};
use crate::fast::choice::{Aside, Choice, Kind, Step, Way};
use crate::fast::code::{
    ANY, Arithmetic, BOOL, Comparison, FINISH, Instruction, Logic, NUMBER, Operand, Operands, Pc,
    Slot, TypeId,
};
use crate::fast::compile;
use crate::fast::heap::{CONSTANTS, Heap};
use crate::fast::program::{Head, Key, Program, State};
use crate::fast::rows::Frame;
use crate::space::probe::Probe;
use crate::space::{Changes, Layers, Row, Space, changes};
use crate::symbol::{Pin, pin};
use crate::types;

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
}

impl Parts {
    pub(super) fn new(host: &Host, space: &Space, proving: bool) -> Parts {
        Parts {
            program: Program::new(host, space, proving),
            heap: Heap::new(),
            stack: Vec::new(),
        }
    }
}

impl Parts {
    /// Compiles a directive; `None` if it is left to the plain evaluator.
    pub(super) fn compile(&mut self, host: &Host, atom: &Atom) -> Option<u32> {
        self.heap.reset();
        compile::expression(host, &mut self.heap, &mut self.program, atom, ANY)
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
    fuel: u32,
    results: Vec<Answer>,
    exhausted: Option<Exhausted>,
    pub(super) collect_at: usize,
    /// How long the trail was when the head that is being matched began.
    head_trail: usize,
    subject: Atom,
    layers: Option<(Space, Changes, Rc<Layers>)>,
    rows: Vec<Row>,
    frame: Frame,
    comma: u32,
    /// Names that cells refer to by number stay in use.
    _pin: Pin,
    /// What led to where the evaluation is, if that is recorded.
    log: Vec<Step>,
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
        } = parts;
        heap.reset();
        if stack.len() > 1 << 20 {
            stack.truncate(1 << 16);
            stack.shrink_to_fit();
        }
        if stack.len() < 4096 {
            stack.resize(4096, 0);
        }
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
            layers: None,
            rows: Vec::new(),
            frame: Frame::new(),
            comma: crate::symbol::Symbol::new(",").id(),
            _pin: pin(),
            log: Vec::new(),
        }
    }

    pub(super) fn into_parts(self) -> (Parts, Evaluation) {
        let evaluation = Evaluation {
            results: self.results,
            reductions: self.meter.spent + u64::from(FUEL - self.fuel),
        };
        let parts = Parts {
            program: self.program,
            heap: self.heap,
            stack: self.stack,
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

    fn reserve(&mut self, words: usize) {
        if self.stack.len() < words {
            // A large stack grows by a quarter.
            let more = if words < 1 << 20 { words } else { words / 4 };
            self.stack.resize(words + more, 0);
        }
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
        macro_rules! fuel {
            () => {
                self.fuel -= 1;
                if self.fuel == 0 && self.refuel(base) {
                    return;
                }
            };
        }
        loop {
            let instruction = self.program.code[pc as usize];
            pc += 1;
            match instruction {
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
                I::Neck => self.stack[base + 1] |= MATCHED,

                I::RecordRule { rule } => self.log.push(Step::Rule(rule)),
                I::RecordOperation { operation } => self.log.push(Step::Operation(operation)),
                I::Move { to, from } => set!(self, base, to, slot!(self, base, from)),
                I::Constant { to, index } => {
                    set!(self, base, to, self.program.constants[index as usize])
                }
                I::Import { to, index } => {
                    let atom = self.program.atoms[index as usize].clone();
                    set!(self, base, to, self.heap.import(&atom));
                }
                I::Variable { to } => set!(self, base, to, self.heap.variable()),
                I::Build { to, operands } => {
                    set!(self, base, to, self.build(operands, base, 0));
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
                    if self.program.functions[function as usize].state == State::Data {
                        set!(self, base, to, self.build(operands, base, Header::DATA));
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
                    if value != constant
                        && ((value.is_immediate() && constant.is_immediate())
                            || !self.unify_noted(value, constant))
                    {
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
                    size,
                } => {
                    let value = slot!(self, base, from);
                    if value.is_int() && (expected == ANY || expected == NUMBER) {
                        set!(self, base, to, value);
                        pc += 1;
                    } else {
                        match self.settle(value, expected, part, pc, base, size) {
                            Settled::Value(value) => {
                                if value == self.heap.empty {
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
                I::Plain {
                    from,
                    expected,
                    size,
                } => {
                    fuel!();
                    let value = slot!(self, base, from);
                    go!(self.plain(value, expected, pc, base, size));
                }
                I::PlainCall { from, size } => {
                    fuel!();
                    let value = slot!(self, base, from);
                    go!(self.ask_plain(Ask::Call, value, ANY, pc, base, size));
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
                    if !is_number && !self.has_type(value, expected) {
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
                        _ => match self.compute(Arithmetic::Add, value, Cell::small(right)) {
                            Some(sum) => set!(self, base, to, sum),
                            None => pc = odd,
                        },
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
                        _ => match self.compute(Arithmetic::Add, left, right) {
                            Some(sum) => set!(self, base, to, sum),
                            None => pc = odd,
                        },
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
                        _ => match self.compute(Arithmetic::Subtract, left, right) {
                            Some(value) => set!(self, base, to, value),
                            None => pc = odd,
                        },
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
                    match self.compute(operation, left, right) {
                        Some(value) => set!(self, base, to, value),
                        None => pc = odd,
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
                    match self.compare(operation, left, right) {
                        Some(value) => set!(self, base, to, Cell::boolean(value)),
                        None => pc = odd,
                    }
                }
                I::JumpUnlessCompare {
                    operation,
                    left,
                    right,
                    to,
                    odd,
                } => {
                    let (left, right) = (slot!(self, base, left), slot!(self, base, right));
                    match self.compare(operation, left, right) {
                        Some(true) => {}
                        Some(false) => pc = to,
                        None => pc = odd,
                    }
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
                        let left = left.0 as i64;
                        let holds = match operation {
                            Comparison::Less => left < right,
                            Comparison::Greater => left > right,
                            Comparison::LessEqual => left <= right,
                            Comparison::GreaterEqual => left >= right,
                        };
                        if !holds {
                            pc = to;
                        }
                    } else {
                        match self.compare(operation, left, Cell::small(i32::from(right))) {
                            Some(true) => {}
                            Some(false) => pc = to,
                            None => pc = odd,
                        }
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
                        match self.is_constant(value, constant) {
                            Some(true) => {}
                            Some(false) => pc = to,
                            None => pc = odd,
                        }
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
                    if value.is_int() && self.choices.len() as u64 == self.stack[base + 1] >> HEIGHT
                    {
                        self.result = value;
                        let word = self.stack[base];
                        pc = (word >> 32) as Pc;
                        base = (word & 0xffff_ffff) as usize;
                    } else {
                        go!(self.leave(value, base));
                    }
                }
                I::ReturnConstant { index } => {
                    let value = self.program.constants[index as usize];
                    go!(self.leave(value, base));
                }
                I::ReturnResult => go!(self.leave(self.result, base)),

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
                        items: Vec::new(),
                        log: Vec::new(),
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
                I::Snapshot { to, space, odd } => {
                    let space = self.heap.deref(slot!(self, base, space));
                    match self.space_of(space) {
                        Some(space) => {
                            let snapshot = self.heap.boxed(Atom::space(space.snapshot()));
                            set!(self, base, to, snapshot);
                        }
                        None => pc = odd,
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
                    if !self.is_conjunction(pattern)
                        && let Some(found) = self.space_of(space)
                    {
                        go!(self.find(&found, pattern, pc, base, size));
                        continue;
                    }
                    match self.query(space, pattern) {
                        Some(ways) => go!(self.ways(ways, pc, base, size)),
                        None if self.exhausted.is_some() => {
                            self.end(base);
                            return;
                        }
                        None => pc = odd,
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

    fn parts(&self, list: Cell) -> Option<(usize, usize)> {
        list.is_exp().then(|| self.heap.elements(list.at()))
    }

    /// The first word above the frame and above what choices keep.
    #[inline(always)]
    fn above(&self, base: usize, size: Slot) -> usize {
        (base + 2 + usize::from(size)).max(self.protected)
    }

    // ---- calls ----------------------------------------------------------------

    #[inline(always)]
    fn call(
        &mut self,
        function: u32,
        operands: Operands,
        size: Slot,
        height: u64,
        pc: Pc,
        base: usize,
    ) -> Next {
        let above = self.above(base, size);
        let count = self.program.operands[operands.0 as usize].0 as usize;
        let needed = above + 2 + count;
        if self.stack.len() < needed {
            self.reserve(needed);
        }
        for i in 0..count {
            let operand = self.program.operands[operands.0 as usize + 1 + i];
            self.stack[above + 2 + i] = self.operand(base, operand).0;
        }
        self.enter(function, above, pc, base, height)
    }

    /// Enters a function whose arguments stand in the frame `above`.
    #[inline(always)]
    fn enter(&mut self, function: u32, above: usize, pc: Pc, base: usize, height: u64) -> Next {
        self.stack[above] = (u64::from(pc) << 32) | base as u64;
        self.stack[above + 1] = (height << HEIGHT) | above as u64;
        self.head_trail = self.heap.trail.len();
        let entry = &self.program.functions[function as usize];
        if entry.state == State::Compiled {
            let needed = above + 2 + usize::from(entry.size);
            let to = entry.pc;
            if self.stack.len() < needed {
                match self.deepen(needed) {
                    Ok(()) => {}
                    Err(Exhausted::Depth) => return self.too_deep(function, above),
                    Err(bound) => {
                        self.exhausted = Some(bound);
                        self.end(base);
                        return Next::Fail;
                    }
                }
            }
            Next::At(to, above)
        } else {
            self.enter_other(function, above)
        }
    }

    /// Makes room for so many words of frames, if the bounds allow it.
    fn deepen(&mut self, needed: usize) -> Result<(), Exhausted> {
        // A frame of the plain evaluator is some sixteen words.
        if needed / 16 > self.budget.depth || needed > STACK_MAX {
            return Err(Exhausted::Depth);
        }
        let bytes = (needed + self.heap.cells.len() - CONSTANTS).saturating_mul(8);
        if bytes > self.budget.bytes {
            return Err(Exhausted::Bytes);
        }
        self.reserve(needed);
        Ok(())
    }

    fn too_deep(&mut self, function: u32, base: usize) -> Next {
        let call = self.call_term(function, base);
        let call = self.heap.export(call);
        let error = Atom::error(call, Atom::symbol(Exhausted::Depth.symbol()));
        let error = self.heap.import(&error);
        self.leave(error, base)
    }

    /// A function that is not compiled code: compiled now, data, or left to the
    /// plain evaluator.
    fn enter_other(&mut self, function: u32, base: usize) -> Next {
        if self.program.functions[function as usize].state.is_unsure() {
            compile::function(self.host, &mut self.heap, &mut self.program, function);
        }
        let entry = &self.program.functions[function as usize];
        match entry.state {
            State::Compiled => {
                let needed = base + 2 + usize::from(entry.size);
                let to = entry.pc;
                self.reserve(needed);
                Next::At(to, base)
            }
            State::Data => self.data(function, base),
            State::Plain | State::Unknown | State::CompiledBefore | State::DataBefore => {
                let expected = entry.expected;
                let size = entry.arity as Slot;
                let call = self.call_term(function, base);
                // Results are returned from this frame.
                let pc = super::code::RETURN;
                self.ask_plain(Ask::Call, call, expected, pc, base, size)
            }
        }
    }

    fn call_last(&mut self, function: u32, operands: Operands, base: usize) -> Next {
        let count = self.program.operands[operands.0 as usize].0 as usize;
        let at = operands.0 as usize + 1;
        let entry = &self.program.functions[function as usize];
        let target = if base >= self.protected {
            base
        } else {
            self.protected
        };
        let needed = target + 2 + count.max(usize::from(entry.size));
        if self.stack.len() < needed {
            self.reserve(needed);
        }
        // What is read may lie where it is written.
        const FEW: usize = 8;
        if count <= FEW {
            let mut values = [0u64; FEW];
            for (i, value) in values.iter_mut().enumerate().take(count) {
                *value = self.operand(base, self.program.operands[at + i]).0;
            }
            self.stack[target + 2..target + 2 + count].copy_from_slice(&values[..count]);
        } else {
            let values: Vec<u64> = (0..count)
                .map(|i| self.operand(base, self.program.operands[at + i]).0)
                .collect();
            self.stack[target + 2..target + 2 + count].copy_from_slice(&values);
        }
        let (return_to, state) = (self.stack[base], self.stack[base + 1]);
        self.stack[target] = return_to;
        self.stack[target + 1] = state & !MATCHED;
        self.head_trail = self.heap.trail.len();
        let entry = &self.program.functions[function as usize];
        if entry.state == State::Compiled {
            let to = entry.pc;
            if self.heap.cells.len() >= self.collect_at {
                self.collect(target, Err(count));
            }
            Next::At(to, target)
        } else {
            self.enter_other(function, target)
        }
    }

    /// The call that a frame is for, from its arguments.
    fn call_term(&mut self, function: u32, base: usize) -> Cell {
        let entry = &self.program.functions[function as usize];
        let (symbol, arity) = (entry.symbol, entry.arity);
        let at = self.heap.begin(arity + 1);
        self.heap.cells.push(Cell::symbol(symbol).0);
        for i in 0..arity {
            let value = self.heap.deref(Cell(self.stack[base + 2 + i]));
            self.heap.cells.push(value.0);
        }
        self.heap.finish(at, 0)
    }

    /// No rule is for the call: it is data.
    fn data(&mut self, function: u32, base: usize) -> Next {
        let call = self.call_term(function, base);
        let settled = {
            let (first, count) = self.heap.elements(call.at());
            (1..count).all(|i| self.is_settled(self.heap.word(first + i)))
        };
        if settled {
            let ground = self.heap.is_ground(call);
            self.heap.cells[call.at()] |= if ground {
                Header::DATA
            } else {
                Header::EVALUATED
            };
        }
        self.leave(call, base)
    }

    /// Hands a result to the caller.
    #[inline]
    fn leave(&mut self, value: Cell, base: usize) -> Next {
        let value = self.heap.deref(value);
        let state = self.stack[base + 1];
        let height = state >> HEIGHT;
        if value == self.heap.empty {
            return Next::Fail;
        }
        let pending = self.choices.len() as u64 > height;
        if value.is_exp() && self.heap.is_error(value) {
            let owner = (state & 0xffff_ffff) as usize + 1;
            if self.stack[owner] & SUCCEEDED != 0 {
                return Next::Fail;
            }
            if pending {
                self.result = value;
                let word = self.stack[base];
                let (pc, below) = ((word >> 32) as Pc, (word & 0xffff_ffff) as usize);
                self.set_aside(height as usize, owner, pc, below);
                return Next::Fail;
            }
        } else if pending {
            let owner = (state & 0xffff_ffff) as usize + 1;
            self.stack[owner] |= SUCCEEDED;
        }
        self.result = value;
        let word = self.stack[base];
        Next::At((word >> 32) as Pc, (word & 0xffff_ffff) as usize)
    }

    /// The first rule that may match; a choice for the next, if there is one.
    fn select(&mut self, function: u32, base: usize) -> Option<Pc> {
        let first = self.next_rule(function, base, 0)?;
        if let Some(next) = self.next_rule(function, base, first + 1) {
            let arity = self.program.functions[function as usize].arity;
            let kind = Kind::Rules { function, next };
            self.choose(kind, base, base + 2 + arity);
        }
        Some(self.program.functions[function as usize].rules[first as usize].pc)
    }

    /// The first rule from `from` on whose tests do not exclude the call.
    fn next_rule(&self, function: u32, base: usize, from: u32) -> Option<u32> {
        let entry = &self.program.functions[function as usize];
        if let Some(index) = &entry.index
            && let Some(key) = self.key_at(&index.path, base)
        {
            let listed = index.by_key.get(&key).map_or(&[][..], Vec::as_slice);
            let mut a = listed.partition_point(|number| *number < from);
            let mut b = index.open.partition_point(|number| *number < from);
            loop {
                let number = match (listed.get(a), index.open.get(b)) {
                    (Some(x), Some(y)) if x < y => {
                        a += 1;
                        *x
                    }
                    (_, Some(y)) => {
                        b += 1;
                        *y
                    }
                    (Some(x), None) => {
                        a += 1;
                        *x
                    }
                    (None, None) => return None,
                };
                if self.may_match(&entry.rules[number as usize].tests, base) {
                    return Some(number);
                }
            }
        }
        let rules = &entry.rules;
        (from as usize..rules.len())
            .find(|number| self.may_match(&rules[*number].tests, base))
            .map(|number| number as u32)
    }

    fn key_at(&self, path: &[u32], base: usize) -> Option<Key> {
        Program::key_of(&self.heap, self.at_path(path, base)?)
    }

    /// What stands at a position in the arguments; `None` behind a variable or
    /// where there is nothing.
    #[inline]
    fn at_path(&self, path: &[u32], base: usize) -> Option<Cell> {
        let mut cell = self
            .heap
            .deref(Cell(self.stack[base + 2 + path[0] as usize]));
        for position in &path[1..] {
            if !cell.is_exp() {
                return None;
            }
            let (first, count) = self.heap.elements(cell.at());
            if *position as usize >= count {
                return None;
            }
            cell = self.heap.deref(self.heap.word(first + *position as usize));
        }
        Some(cell)
    }

    fn may_match(&self, tests: &[super::program::HeadTest], base: usize) -> bool {
        tests.iter().all(|test| {
            let Some(cell) = self.at_path(&test.path, base) else {
                return true;
            };
            match test.key {
                Key::Leaf(leaf) => {
                    cell == leaf
                        || cell.is_ref()
                        || (leaf.is_int() && (cell.is_float() || cell.is_box()))
                        || (cell.is_box() && !leaf.is_symbol())
                }
                Key::Expression { head, arity } => {
                    if cell.is_ref() {
                        return true;
                    }
                    if !cell.is_exp() {
                        return false;
                    }
                    let (first, count) = self.heap.elements(cell.at());
                    if count != arity {
                        return false;
                    }
                    match head {
                        None => true,
                        Some(head) => {
                            let actual = self.heap.deref(self.heap.word(first));
                            actual == head || actual.is_ref()
                        }
                    }
                }
            }
        })
    }

    /// A rule's head did not match: where none has, the call is data.
    fn head_fail(&mut self, function: u32, base: usize) -> Next {
        if self.stack[base + 1] & MATCHED != 0 {
            return Next::Fail;
        }
        if let Some(Choice {
            kind: Kind::Rules { .. },
            base: own,
            ..
        }) = self.choices.last()
            && *own as usize == base
        {
            return Next::Fail;
        }
        self.heap.undo(self.head_trail);
        self.data(function, base)
    }

    /// As [`Heap::unify`]; notes every binding, so that it can be undone.
    fn unify_noted(&mut self, left: Cell, right: Cell) -> bool {
        let old = self.heap.old;
        self.heap.old = usize::MAX;
        let unified = self.heap.unify(left, right);
        self.heap.old = old;
        unified
    }

    /// Makes an expression of fresh variables of an unbound one.
    fn match_variable(&mut self, variable: Cell, base: usize, to: Slot, arity: u16) {
        let arity = usize::from(arity);
        let first = self.heap.cells.len();
        for i in 0..arity {
            let fresh = self.heap.variable();
            self.stack[base + 2 + usize::from(to) + i] = fresh.0;
        }
        let at = self.heap.begin(arity);
        for i in 0..arity {
            self.heap.cells.push(Cell::reference(first + i).0);
        }
        let made = self.heap.finish(at, 0);
        self.heap.trail.push(variable.at() as u32);
        self.heap.cells[variable.at()] = made.0;
    }

    // ---- choices --------------------------------------------------------------

    /// Variables below it have to be noted when they are bound.
    fn old(&self) -> usize {
        self.choices.last().map_or(0, |choice| choice.heap_top)
    }

    pub(super) fn choose(&mut self, kind: Kind, base: usize, stack_top: usize) {
        let stack_top = stack_top.max(self.protected);
        self.choices.push(Choice {
            kind,
            base: base as u32,
            stack_top: stack_top as u32,
            heap_top: self.heap.top(),
            box_top: self.heap.boxes.len() as u32,
            trail_top: self.heap.trail.len() as u32,
            log_top: self.log.len() as u32,
            aside: false,
        });
        self.protected = stack_top;
        self.heap.old = self.heap.top();
    }

    /// Forgets the newest choice.
    fn drop_choice(&mut self) {
        self.choices.pop();
        self.protected = self
            .choices
            .last()
            .map_or(0, |choice| choice.stack_top as usize);
        self.heap.old = self.old();
    }

    /// The last way of the newest choice is taken: it stays only if errors wait for it.
    fn exhaust(&mut self) {
        let choice = self.choices.last_mut().expect("a choice is being taken");
        if choice.aside {
            choice.kind = Kind::Aside;
        } else {
            self.drop_choice();
        }
    }

    /// Goes back to the newest choice. `None` once there is none.
    fn fail(&mut self) -> Option<(Pc, usize)> {
        loop {
            self.fuel -= 1;
            if self.fuel == 0 && self.refuel(self.protected) {
                return None;
            }
            let choice = self.choices.last_mut()?;
            let base = choice.base as usize;
            self.heap.undo(choice.trail_top as usize);
            self.heap.cut(choice.heap_top, choice.box_top as usize);
            self.heap.old = choice.heap_top;
            self.log.truncate(choice.log_top as usize);
            match &mut choice.kind {
                Kind::Rules { function, next } => {
                    let (function, rule) = (*function, *next);
                    self.head_trail = self.heap.trail.len();
                    match self.next_rule(function, base, rule + 1) {
                        Some(following) => {
                            if let Some(Choice {
                                kind: Kind::Rules { next, .. },
                                ..
                            }) = self.choices.last_mut()
                            {
                                *next = following;
                            }
                        }
                        None => self.exhaust(),
                    }
                    let entry = &self.program.functions[function as usize];
                    return Some((entry.rules[rule as usize].pc, base));
                }
                Kind::Places { operands, next } => {
                    let at = operands.0 as usize;
                    let count = self.program.operands[at].0;
                    let pc = self.program.operands[at + 1 + *next as usize].0;
                    *next += 1;
                    if *next == count {
                        self.exhaust();
                    }
                    return Some((pc, base));
                }
                Kind::Elements { list, next, pc } => {
                    let (list, pc) = (*list, *pc);
                    let (first, count) = self.heap.elements(list.at());
                    self.result = self.heap.word(first + *next as usize);
                    *next += 1;
                    if *next as usize == count {
                        self.exhaust();
                    }
                    return Some((pc, base));
                }
                Kind::Ways { ways, next, pc } => {
                    let (ways, pc, number) = (Rc::clone(ways), *pc, *next as usize);
                    *next += 1;
                    if number + 1 == ways.len() {
                        self.exhaust();
                    }
                    if self.take_way(&ways[number]) {
                        return Some((pc, base));
                    }
                }
                Kind::Rows {
                    layers,
                    rows,
                    next,
                    pattern,
                    pc,
                } => {
                    let (layers, rows) = (Rc::clone(layers), Rc::clone(rows));
                    let (pattern, pc, first) = (*pattern, *pc, *next as usize);
                    let (heap_top, trail_top) = (choice.heap_top, choice.trail_top as usize);
                    let box_top = choice.box_top as usize;
                    let mut place = first;
                    while place < rows.len() {
                        let last = place + 1 == rows.len();
                        self.fuel -= 1;
                        if self.fuel == 0 && self.refuel(self.protected) {
                            return None;
                        }
                        if last {
                            self.exhaust();
                        } else if let Some(Choice {
                            kind: Kind::Rows { next, .. },
                            ..
                        }) = self.choices.last_mut()
                        {
                            *next = place as u32 + 1;
                        }
                        if self.take_row(&layers, rows[place], pattern) {
                            return Some((pc, base));
                        }
                        if last {
                            break;
                        }
                        self.heap.undo(trail_top);
                        self.heap.cut(heap_top, box_top);
                        place += 1;
                    }
                }
                Kind::Gather { done, items, log } => {
                    let (done, items) = (*done, std::mem::take(items));
                    self.log.append(log);
                    let aside = choice.aside;
                    debug_assert!(!aside, "errors inside wait for choices above it");
                    self.drop_choice();
                    self.result = self.gathered(&items);
                    return Some((done, base));
                }
                Kind::Case { empty, any } => {
                    let (empty, any) = (*empty, *any);
                    self.exhaust();
                    if !any {
                        return Some((empty, base));
                    }
                }
                Kind::Aside => {
                    let number = self.choices.len() - 1;
                    if let Some(next) = self.bring_back(number as u32) {
                        return Some(next);
                    }
                }
            }
        }
    }

    /// An error waits until the choices above `height` are exhausted.
    fn set_aside(&mut self, height: usize, owner: usize, pc: Pc, base: usize) {
        let log_top = self.choices[height].log_top as usize;
        let (heap_top, box_top, trail_top) = {
            let choice = &mut self.choices[height];
            choice.aside = true;
            (
                choice.heap_top,
                choice.box_top as usize,
                choice.trail_top as usize,
            )
        };
        let variables: Vec<u32> = self.heap.trail[trail_top..]
            .iter()
            .copied()
            .filter(|at| (*at as usize) < heap_top)
            .collect();
        let mut parts = vec![self.result];
        parts.extend(variables.iter().map(|at| self.heap.word(*at as usize)));
        let whole = self.heap.build(&parts);
        let saved = self.heap.save(whole, heap_top, box_top);
        self.asides.push(Aside {
            choice: height as u32,
            owner: owner as u32,
            pc,
            base: base as u32,
            saved,
            variables,
            log: self.log[log_top..].to_vec(),
        });
    }

    /// The next error that waited for this choice, innermost expressions first;
    /// drops the choice with the last.
    fn bring_back(&mut self, number: u32) -> Option<(Pc, usize)> {
        let found = self
            .asides
            .iter()
            .enumerate()
            .filter(|(_, aside)| aside.choice == number)
            .max_by(|(i, a), (j, b)| a.owner.cmp(&b.owner).then(j.cmp(i)))
            .map(|(place, _)| place);
        let Some(place) = found else {
            self.drop_choice();
            return None;
        };
        let aside = self.asides.remove(place);
        if !self.asides.iter().any(|aside| aside.choice == number) {
            self.drop_choice();
        }
        let word = self.stack[aside.owner as usize];
        if word & (SUCCEEDED | MARK_SUCCEEDED) != 0 && self.owner_succeeded(&aside) {
            return self.fail();
        }
        let whole = self.heap.restore(&aside.saved);
        let (first, _) = self.heap.elements(whole.at());
        for (i, variable) in aside.variables.iter().enumerate() {
            let value = self.heap.word(first + 1 + i);
            let at = *variable as usize;
            if value != Cell::reference(at) {
                self.heap.bind(at, value);
            }
        }
        self.result = self.heap.word(first);
        self.log.extend(aside.log);
        Some((aside.pc, aside.base as usize))
    }

    fn owner_succeeded(&self, aside: &Aside) -> bool {
        // A frame's word holds the frame itself in its low half; a mark never does.
        let word = self.stack[aside.owner as usize];
        let frame = (word & 0xffff_ffff) as u32 + 1 == aside.owner;
        if frame {
            word & SUCCEEDED != 0
        } else {
            word & MARK_SUCCEEDED != 0
        }
    }

    /// Keeps a result for the innermost place where results are gathered.
    fn gather(&mut self, value: Cell, base: usize) {
        let value = self.heap.deref(value);
        if value == self.heap.empty {
            return;
        }
        let number = self
            .choices
            .iter()
            .rposition(|choice| {
                matches!(choice.kind, Kind::Gather { .. }) && choice.base as usize == base
            })
            .expect("results are gathered inside the choice for them");
        let (heap_top, box_top) = {
            let choice = &self.choices[number];
            (choice.heap_top, choice.box_top as usize)
        };
        let saved = self.heap.save(value, heap_top, box_top);
        let log_top = self.choices[number].log_top as usize;
        if let Kind::Gather { items, log, .. } = &mut self.choices[number].kind {
            items.push(saved);
            log.extend_from_slice(&self.log[log_top..]);
        }
    }

    fn gathered(&mut self, items: &[super::heap::Saved]) -> Cell {
        let cells: Vec<Cell> = items.iter().map(|item| self.heap.restore(item)).collect();
        let list = self.heap.build(&cells);
        self.note_data(list);
        list
    }

    /// Notes of an expression that was just made whether it evaluates to itself.
    fn note_data(&mut self, list: Cell) {
        let (first, count) = self.heap.elements(list.at());
        if !self.heap.is_ground(list)
            || !(0..count).all(|i| self.is_settled(self.heap.word(first + i)))
        {
            return;
        }
        let flags = if count == 0 || self.is_data_head(self.heap.word(first), count) {
            Header::DATA
        } else {
            Header::ELEMENTS
        };
        self.heap.cells[list.at()] |= flags;
    }

    /// Whether a value is no call and no error, and never evaluated again.
    fn is_settled(&self, cell: Cell) -> bool {
        let cell = self.heap.deref(cell);
        if cell.is_exp() {
            let header = self.heap.header(cell.at());
            header.has(Header::EVALUATED) && !header.has(Header::ERROR)
        } else {
            cell != self.heap.empty
        }
    }

    /// Whether expressions of `count` elements with this head are data, if their
    /// elements are.
    fn is_data_head(&mut self, head: Cell, count: usize) -> bool {
        match head.kind() {
            Term::Int(_) | Term::Flt(_) | Term::Bool(_) => !self.program.expression_rules,
            Term::Box(_) => {
                !self.program.expression_rules && self.heap.box_of(head).as_operation().is_none()
            }
            Term::Sym(id) => {
                head != self.heap.error && head != self.heap.empty && self.is_data_symbol(id, count)
            }
            Term::Exp(at) => {
                !self.program.expression_rules
                    && self.heap.header(at).has(Header::DATA)
                    && self.heap.header(at).arity() > 0
            }
            Term::Ref(_) => false,
        }
    }

    /// Whether no rule, type or operation is for calls of this symbol.
    fn is_data_symbol(&mut self, id: u32, count: usize) -> bool {
        let atom = Atom::Symbol(self.heap.symbol_of(id));
        if !matches!(
            self.program.head(self.host, &mut self.heap, &atom),
            Head::Untyped
        ) {
            return false;
        }
        let function = self.program.function(id, count - 1, ANY);
        if self.program.functions[function as usize].state.is_unsure() {
            compile::function(self.host, &mut self.heap, &mut self.program, function);
        }
        self.program.functions[function as usize].state == State::Data
    }

    // ---- values ---------------------------------------------------------------

    fn build(&mut self, operands: Operands, base: usize, flags: u64) -> Cell {
        let at = operands.0 as usize;
        let count = self.program.operands[at].0 as usize;
        let place = self.heap.begin(count);
        let mut settled = true;
        for i in 0..count {
            let operand = self.program.operands[at + 1 + i];
            let value = self.operand(base, operand);
            let value = self.heap.deref(value);
            if flags != 0 && value.is_exp() && i > 0 {
                settled &= self.heap.header(value.at()).has(Header::EVALUATED);
            }
            self.heap.cells.push(value.0);
        }
        self.heap.finish(place, if settled { flags } else { 0 })
    }

    /// The list without its first element.
    fn rest(&mut self, list: Cell) -> Cell {
        let rest = self.heap.tail(list.at(), 1);
        if self.heap.header(list.at()).has(Header::ELEMENTS) {
            let (first, count) = self.heap.elements(rest.at());
            if count == 0 || self.is_data_head(self.heap.deref(self.heap.word(first)), count) {
                self.heap.cells[rest.at()] |= Header::DATA;
            }
        }
        rest
    }

    /// Arithmetic beyond small integers; `None` for what is no number, and errors.
    fn compute(&mut self, operation: Arithmetic, left: Cell, right: Cell) -> Option<Cell> {
        let (left, right) = (self.heap.deref(left), self.heap.deref(right));
        if left.are_ints(right) {
            let (a, b) = (left.as_int(), right.as_int());
            let value = match operation {
                Arithmetic::Add => a.checked_add(b),
                Arithmetic::Subtract => a.checked_sub(b),
                Arithmetic::Multiply => a.checked_mul(b),
                Arithmetic::Divide => a.checked_div(b),
                Arithmetic::Remainder => a.checked_rem(b),
            };
            if let Some(value) = value {
                return Some(self.heap.integer(value));
            }
        }
        if left.is_float() && right.is_float() {
            let (a, b) = (self.heap.float_of(left), self.heap.float_of(right));
            let value = match operation {
                Arithmetic::Add => a + b,
                Arithmetic::Subtract => a - b,
                Arithmetic::Multiply => a * b,
                Arithmetic::Divide => a / b,
                Arithmetic::Remainder => a % b,
            };
            return Some(self.heap.float(value));
        }
        let (a, b) = (self.heap.number_of(left)?, self.heap.number_of(right)?);
        let value = match operation {
            Arithmetic::Add => a.add(&b),
            Arithmetic::Subtract => a.subtract(&b),
            Arithmetic::Multiply => a.multiply(&b),
            Arithmetic::Divide => a.divide(&b),
            Arithmetic::Remainder => a.remainder(&b),
        };
        value.ok().map(|value| self.heap.number(value))
    }

    #[inline(always)]
    fn compare(&self, operation: Comparison, left: Cell, right: Cell) -> Option<bool> {
        if left.are_ints(right) {
            let (a, b) = (left.0 as i64, right.0 as i64);
            return Some(match operation {
                Comparison::Less => a < b,
                Comparison::Greater => a > b,
                Comparison::LessEqual => a <= b,
                Comparison::GreaterEqual => a >= b,
            });
        }
        self.compare_numbers(operation, left, right)
    }

    fn compare_numbers(&self, operation: Comparison, left: Cell, right: Cell) -> Option<bool> {
        let (left, right) = (self.heap.deref(left), self.heap.deref(right));
        let (a, b) = (self.heap.number_of(left)?, self.heap.number_of(right)?);
        let order = a.compare(&b);
        Some(order.is_some_and(|order| match operation {
            Comparison::Less => order.is_lt(),
            Comparison::Greater => order.is_gt(),
            Comparison::LessEqual => order.is_le(),
            Comparison::GreaterEqual => order.is_ge(),
        }))
    }

    /// Whether a value, once evaluated, is the constant; `None` if it has to be
    /// evaluated first or the types do not agree.
    fn is_constant(&mut self, value: Cell, constant: Cell) -> Option<bool> {
        let value = self.heap.deref(value);
        if value.is_symbol() && constant.is_symbol() && value != self.heap.empty {
            return Some(value == constant);
        }
        let (a, b) = (self.type_class(value)?, self.type_class(constant)?);
        if a == Class::Unknown || b == Class::Unknown || a == b && a != Class::Typed {
            return Some(self.heap.equal(value, constant));
        }
        None
    }

    /// Whether it is plain to see that two values have a type in common.
    fn may_have_one_type(&mut self, left: Cell, right: Cell) -> bool {
        let (left, right) = (self.heap.deref(left), self.heap.deref(right));
        let (Some(a), Some(b)) = (self.type_class(left), self.type_class(right)) else {
            return false;
        };
        a == Class::Unknown || b == Class::Unknown || (a == b && a != Class::Typed)
    }

    /// What is quickly known of a value's type; `None` if it has to be evaluated first.
    fn type_class(&mut self, cell: Cell) -> Option<Class> {
        Some(match cell.kind() {
            Term::Int(_) | Term::Flt(_) => Class::Number,
            Term::Bool(_) => Class::Bool,
            Term::Ref(_) => Class::Unknown,
            Term::Sym(_) if cell == self.heap.empty => return None,
            Term::Sym(id) => {
                if self.program.types_of_symbol(&self.heap, id).is_none() {
                    Class::Unknown
                } else {
                    Class::Typed
                }
            }
            Term::Box(_) => match self.heap.box_of(cell) {
                Atom::Grounded(crate::atom::Grounded::Text(_)) => Class::Text,
                Atom::Grounded(crate::atom::Grounded::Number(_)) => Class::Number,
                _ => Class::Typed,
            },
            Term::Exp(at) => {
                let (first, count) = self.heap.elements(at);
                if count == 0 {
                    return Some(Class::Unknown);
                }
                if !self.heap.header(at).has(Header::EVALUATED)
                    || self.heap.header(at).has(Header::ERROR)
                {
                    return None;
                }
                match self.heap.deref(self.heap.word(first)).kind() {
                    Term::Sym(id) if self.program.types_of_symbol(&self.heap, id).is_none() => {
                        Class::Unknown
                    }
                    _ => Class::Typed,
                }
            }
        })
    }

    /// Whether the value may be used where this type is expected.
    fn has_type(&mut self, value: Cell, expected: TypeId) -> bool {
        if expected == ANY || value.is_ref() {
            return true;
        }
        if expected == NUMBER && self.heap.is_number(value) {
            return true;
        }
        if expected == BOOL && value.is_bool() {
            return true;
        }
        let wanted = self.program.types[usize::from(expected)].clone();
        if let Term::Sym(id) = value.kind() {
            return match self.program.types_of_symbol(&self.heap, id) {
                None => true,
                Some(found) => found.contains(&wanted),
            };
        }
        let atom = self.heap.export(value);
        types::types_of(&self.space, &atom).iter().any(|actual| {
            let mut bindings = crate::unify::Bindings::new();
            types::match_types(&wanted, actual, &mut bindings)
        })
    }

    /// What led to the result at hand, each once.
    fn proof(&self) -> Proof {
        let mut proof = Proof::default();
        for step in &self.log {
            match step {
                Step::Rule(rule) => proof.add_rule(&self.program.rule_uses[*rule as usize]),
                Step::Operation(number) => {
                    proof.add_operation(self.program.operations[*number as usize].0.name());
                }
                Step::Fact(fact) => proof.add_fact(fact),
                Step::Plain(other) => proof.add_all(other),
            }
        }
        proof
    }

    // ---- evaluating values ------------------------------------------------------

    /// Evaluates a value that may be a call.
    fn settle(
        &mut self,
        value: Cell,
        expected: TypeId,
        part: bool,
        pc: Pc,
        base: usize,
        size: Slot,
    ) -> Settled {
        let value = self.heap.deref(value);
        if value.is_ref() {
            return Settled::Value(value);
        }
        if !value.is_exp() {
            if self.has_type(value, expected) {
                return Settled::Value(value);
            }
            return Settled::Next(self.plain(value, expected, pc, base, size));
        }
        let header = self.heap.header(value.at());
        let stays = part || header.has(Header::GROUND);
        if header.has(Header::EVALUATED) && stays
            || header.has(Header::ERROR) && header.arity() == 3
            || header.arity() == 0
        {
            return Settled::Value(value);
        }
        if self.settles(value) {
            return Settled::Value(value);
        }
        self.fuel = self.fuel.saturating_sub(1).max(1);
        if let Some(next) = self.call_value(value, expected, pc, base, size) {
            return next;
        }
        let mut atom = self.heap.export(value);
        if let Atom::Expression(whole) = &atom
            && whole.is_evaluated()
        {
            // A result whose variables are bound by now is evaluated again.
            atom = Atom::expression(whole.children().to_vec());
        }
        let expression = compile::expression(
            self.host,
            &mut self.heap,
            &mut self.program,
            &atom,
            expected,
        );
        match expression {
            Some(expression) => self.enter_expression(expression, pc, base, size),
            None => Settled::Next(self.plain(value, expected, pc, base, size)),
        }
    }

    fn enter_expression(&mut self, expression: u32, pc: Pc, base: usize, size: Slot) -> Settled {
        let above = self.above(base, size);
        let temporary = &self.program.temporary[expression as usize];
        let (to, frame) = (temporary.pc, temporary.size);
        let variables = temporary.variables.clone();
        self.reserve(above + 2 + usize::from(frame));
        self.stack[above] = (u64::from(pc) << 32) | base as u64;
        self.stack[above + 1] = ((self.choices.len() as u64) << HEIGHT) | above as u64;
        for (slot, variable) in variables.iter().enumerate() {
            let cell = self.heap.named_variable(variable);
            self.stack[above + 2 + slot] = cell.0;
        }
        Settled::Called(to, above)
    }

    /// Calls a function that is untyped, with arguments that need no evaluating.
    fn call_value(
        &mut self,
        value: Cell,
        expected: TypeId,
        pc: Pc,
        base: usize,
        size: Slot,
    ) -> Option<Settled> {
        let (first, count) = self.heap.elements(value.at());
        let head = self.heap.deref(self.heap.word(first));
        let Term::Sym(id) = head.kind() else {
            return None;
        };
        let atom = Atom::Symbol(self.heap.symbol_of(id));
        if !matches!(
            self.program.head(self.host, &mut self.heap, &atom),
            Head::Untyped
        ) {
            return None;
        }
        for i in 1..count {
            let argument = self.heap.deref(self.heap.word(first + i));
            if !(argument.is_ref() || self.is_settled(argument)) {
                return None;
            }
        }
        let above = self.above(base, size);
        self.reserve(above + 2 + count);
        for i in 1..count {
            self.stack[above + 1 + i] = self.heap.word(first + i).0;
        }
        let function = self.program.function(id, count - 1, expected);
        let height = self.choices.len() as u64;
        Some(match self.enter(function, above, pc, base, height) {
            Next::At(pc, base) => Settled::Called(pc, base),
            Next::Fail => Settled::Next(Next::Fail),
        })
    }

    /// Whether a ground expression evaluates to itself for all that is known
    /// now; notes it of every part that does.
    fn settles(&mut self, value: Cell) -> bool {
        if !self.heap.is_ground(value) {
            return false;
        }
        let mut pending: Vec<(Cell, usize)> = vec![(value, 0)];
        while let Some((cell, next)) = pending.pop() {
            let at = cell.at();
            let (first, count) = self.heap.elements(at);
            if next == 0 && !self.is_data_head_shallow(self.heap.word(first), count) {
                return false;
            }
            let mut place = next;
            let mut below = None;
            while place < count {
                let child = self.heap.word(first + place);
                place += 1;
                if child.is_exp() {
                    let header = self.heap.header(child.at());
                    if header.has(Header::ERROR) {
                        return false;
                    }
                    if header.has(Header::EVALUATED) {
                        continue;
                    }
                    if header.arity() == 0 {
                        continue;
                    }
                    below = Some(child);
                    break;
                }
                if child == self.heap.empty {
                    return false;
                }
            }
            match below {
                Some(child) => {
                    pending.push((cell, place));
                    pending.push((child, 0));
                }
                None => self.heap.cells[at] |= Header::DATA,
            }
        }
        true
    }

    /// As [`Machine::is_data_head`], of an expression whose head is looked at next.
    fn is_data_head_shallow(&mut self, head: Cell, count: usize) -> bool {
        if head.is_exp() {
            return !self.program.expression_rules && self.heap.header(head.at()).arity() > 0;
        }
        self.is_data_head(head, count)
    }

    // ---- others ---------------------------------------------------------------

    /// Evaluates a term by the plain evaluator.
    fn plain(&mut self, value: Cell, expected: TypeId, pc: Pc, base: usize, size: Slot) -> Next {
        self.ask_plain(Ask::Value, value, expected, pc, base, size)
    }

    fn ask_plain(
        &mut self,
        ask: Ask,
        value: Cell,
        expected: TypeId,
        pc: Pc,
        base: usize,
        size: Slot,
    ) -> Next {
        let atom = self.heap.export(value);
        let wanted = self.program.types[usize::from(expected)].clone();
        self.meter.spent += u64::from(FUEL - self.fuel);
        self.fuel = FUEL;
        let budget = self.meter.rest();
        let proving = self.program.proving;
        let run = match ask {
            Ask::Value => Plain::run_ways(self.host, &self.space, &atom, &wanted, &budget, proving),
            Ask::Call => Plain::run_call(self.host, &self.space, &atom, &wanted, &budget, proving),
        };
        self.meter.spent += run.reductions;
        self.refresh();
        if run.exhausted {
            self.results.extend(run.ways.into_iter().map(|way| Answer {
                atom: way.0,
                proof: None,
            }));
            self.choices.clear();
            self.asides.clear();
            return Next::Fail;
        }
        let ways = run
            .ways
            .into_iter()
            .map(|(atom, bindings, proof)| Way {
                bindings,
                atom: Some(atom),
                step: proof.map(|proof| Step::Plain(Rc::new(proof))),
            })
            .collect();
        self.ways(ways, pc, base, size)
    }

    /// Goes on with each of these results.
    fn ways(&mut self, ways: Vec<Way>, pc: Pc, base: usize, size: Slot) -> Next {
        match ways.len() {
            0 => return Next::Fail,
            1 => {}
            _ => {
                let ways: Rc<[Way]> = ways.into();
                let kind = Kind::Ways {
                    ways: Rc::clone(&ways),
                    next: 1,
                    pc,
                };
                self.choose(kind, base, base + 2 + usize::from(size));
                return if self.take_way(&ways[0]) {
                    Next::At(pc, base)
                } else {
                    Next::Fail
                };
            }
        }
        if self.take_way(&ways[0]) {
            Next::At(pc, base)
        } else {
            Next::Fail
        }
    }

    fn take_way(&mut self, way: &Way) -> bool {
        for (variable, atom) in &way.bindings {
            let variable = self.heap.named_variable(variable);
            let value = self.heap.import(atom);
            if !self.heap.unify(variable, value) {
                return false;
            }
        }
        self.log.extend(way.step.clone());
        if let Some(atom) = &way.atom {
            self.result = self.heap.import(atom);
        }
        true
    }

    fn space_of(&self, cell: Cell) -> Option<Space> {
        cell.is_box()
            .then(|| self.heap.box_of(cell).as_space().cloned())?
    }

    /// Whether a pattern is `(, …)`.
    fn is_conjunction(&self, pattern: Cell) -> bool {
        pattern.is_exp() && {
            let (first, count) = self.heap.elements(pattern.at());
            count > 0 && {
                let head = self.heap.deref(self.heap.word(first));
                matches!(head.kind(), Term::Sym(id) if id == self.comma)
            }
        }
    }

    /// The layers of a space; those asked for last are kept.
    fn layers_of(&mut self, space: &Space) -> Rc<Layers> {
        let now = changes();
        if let Some((known, then, layers)) = &self.layers
            && *then == now
            && known.is_same(space)
        {
            return Rc::clone(layers);
        }
        let layers = Rc::new(Layers::of(space));
        self.layers = Some((space.clone(), now, Rc::clone(&layers)));
        layers
    }

    /// Goes on with each atom of a space that unifies with the pattern.
    fn find(&mut self, space: &Space, pattern: Cell, pc: Pc, base: usize, size: Slot) -> Next {
        let mut layers = self.layers_of(space);
        let keys = self.heap.keys(pattern);
        let mut rows = std::mem::take(&mut self.rows);
        rows.clear();
        layers.candidates(&Probe::of_keys(&keys), &mut rows);
        let next = match rows.len() {
            0 => Next::Fail,
            1 => {
                self.head_trail = self.heap.trail.len();
                if self.take_row(&layers, rows[0], pattern) {
                    Next::At(pc, base)
                } else {
                    // Nothing that was bound outlives this.
                    Next::Fail
                }
            }
            _ => {
                // What is found now counts, whatever is done with the first of it.
                if space.is_writable() {
                    layers = Rc::new(Layers::of(&space.snapshot()));
                }
                let kind = Kind::Rows {
                    layers,
                    rows: rows.as_slice().into(),
                    next: 0,
                    pattern,
                    pc,
                };
                self.choose(kind, base, base + 2 + usize::from(size));
                Next::Fail
            }
        };
        self.rows = rows;
        next
    }

    /// Unifies the pattern with a row.
    fn take_row(&mut self, layers: &Layers, row: Row, pattern: Cell) -> bool {
        let heap = &mut self.heap;
        let mut frame = std::mem::take(&mut self.frame);
        frame.clear();
        let proving = self.program.proving;
        let mut fact = None;
        let unified = layers
            .with_row(row, |found| {
                let unified = heap.unify_row(pattern, found.tokens(), found.values(), &mut frame);
                if unified && proving {
                    fact = Some(FactUse::of(found.atom(), found.origin()));
                }
                unified
            })
            .unwrap_or(false);
        self.log.extend(fact.map(|fact| Step::Fact(Rc::new(fact))));
        self.frame = frame;
        unified
    }

    /// The solutions of a query; `None` if what is queried is no space.
    fn query(&mut self, space: Cell, pattern: Cell) -> Option<Vec<Way>> {
        if !space.is_box() {
            return None;
        }
        let space = self.heap.box_of(space).as_space()?.clone();
        let pattern = self.heap.export(pattern);
        let mut bindings = crate::unify::Bindings::new();
        let (meter, exhausted) = (&mut self.meter, &mut self.exhausted);
        let solutions = space.solutions(&pattern, &mut bindings, false, &mut |held| {
            let checked = meter.reduce().and_then(|()| meter.check_bytes(held * 192));
            *exhausted = checked.err();
            exhausted.is_none()
        });
        if self.exhausted.is_some() {
            return None;
        }
        Some(
            solutions
                .into_iter()
                .map(|(bindings, _)| Way {
                    bindings,
                    atom: None,
                    step: None,
                })
                .collect(),
        )
    }

    /// Calls an operation of the host.
    fn operate(
        &mut self,
        number: u32,
        operands: Operands,
        pc: Pc,
        base: usize,
        size: Slot,
        (stuck, unchanged): (Pc, bool),
    ) -> Next {
        let (operation, _) = self.program.operations[number as usize].clone();
        let at = operands.0 as usize;
        let count = self.program.operands[at].0 as usize;
        let mut arguments = Vec::with_capacity(count);
        for i in 0..count {
            let operand = self.program.operands[at + 1 + i];
            let value = self.operand(base, operand);
            arguments.push(self.heap.export(value));
        }
        if self.program.proving {
            self.log.push(Step::Operation(number));
        }
        let budget = self.meter.rest();
        let space = self.space.clone();
        let mut context = Context {
            host: self.host,
            space: &space,
            budget,
        };
        let answer = operation.call(&arguments, &mut context);
        let inside = std::mem::take(&mut self.host.spent_inside);
        self.charge(inside);
        self.refresh();
        let head = if self
            .host
            .functions
            .contains_key(&crate::symbol::Symbol::new(operation.name()))
        {
            Atom::symbol(operation.name())
        } else {
            Atom::operation(operation)
        };
        let call = |arguments: Vec<Atom>| {
            Atom::expression(std::iter::once(head).chain(arguments).collect::<Vec<_>>())
        };
        match answer {
            Ok(mut results) if results.len() == 1 => {
                let result = results.pop().expect("one");
                self.result = self.heap.import(&result);
                Next::At(pc, base)
            }
            Ok(results) => {
                let ways = results
                    .into_iter()
                    .map(|atom| Way {
                        bindings: Vec::new(),
                        atom: Some(atom),
                        step: None,
                    })
                    .collect();
                self.ways(ways, pc, base, size)
            }
            Err(error) => {
                let call = call(arguments);
                match error.into_atom(&call) {
                    Some(error) => {
                        self.result = self.heap.import(&error);
                        Next::At(pc, base)
                    }
                    None => {
                        self.result = self.heap.import(&call);
                        if unchanged && self.result.is_exp() {
                            self.heap.cells[self.result.at()] |= Header::EVALUATED;
                        }
                        Next::At(stuck, base)
                    }
                }
            }
        }
    }

    /// Forgets code whose rules or types have changed.
    fn refresh(&mut self) {
        self.program.refresh();
    }

    /// Counts what evaluations inside an operation have spent, and looks at the
    /// bounds at the next reduction.
    fn charge(&mut self, inside: u64) {
        if inside == 0 {
            return;
        }
        let ahead = u64::from(FUEL - 1);
        self.meter.spent += inside + u64::from(FUEL - self.fuel);
        self.fuel = FUEL;
        if self.meter.spent >= ahead {
            // As if all fuel but the last had been used: its count comes with the look.
            self.meter.spent -= ahead;
            self.fuel = 1;
        }
    }

    /// Looks at the bounds. Whether one was hit, which ends the evaluation.
    #[cold]
    fn refuel(&mut self, base: usize) -> bool {
        self.fuel = FUEL;
        if self.choices.is_empty() {
            self.heap.trail.clear();
            self.head_trail = 0;
        }
        let bytes = (base + self.heap.cells.len() - CONSTANTS) * 8
            + self.heap.trail.len() * 4
            + self.results.len() * std::mem::size_of::<Answer>()
            + self.choices.len() * std::mem::size_of::<Choice>();
        let checked = self
            .meter
            .reduce_many(u64::from(FUEL))
            .and_then(|()| self.meter.check_bytes(bytes));
        match checked {
            Ok(()) => false,
            Err(exhausted) => {
                self.exhausted = Some(exhausted);
                self.end(base);
                true
            }
        }
    }

    /// Ends the evaluation with the bound that was hit.
    fn end(&mut self, _base: usize) {
        if let Some(exhausted) = self.exhausted.take() {
            let error = Atom::error(self.subject.clone(), Atom::symbol(exhausted.symbol()));
            self.results.push(Answer {
                atom: error,
                proof: None,
            });
        }
        self.choices.clear();
        self.asides.clear();
    }

    /// The heap was collected; `at` is where to do so again.
    pub(super) fn note_collected(&mut self, at: usize) {
        self.collect_at = at;
        self.head_trail = self.heap.trail.len();
    }
}

/// What the plain evaluator is asked.
#[derive(Clone, Copy)]
enum Ask {
    /// To evaluate a value.
    Value,
    /// To make a call whose arguments are as its function wants them.
    Call,
}

/// What is quickly known of a value's type.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Unknown,
    Number,
    Bool,
    Text,
    Typed,
}

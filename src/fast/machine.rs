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
mod along;
mod answers;
mod apply;
mod blocks;
mod call;
mod choose;
mod data;
mod decide;
pub(in crate::fast) mod elements;
pub(in crate::fast) mod grow;
mod keyed;
mod met;
mod number;
mod odd;
mod on_terms;
mod one_step;
mod operate;
mod pattern;
mod query;
mod record;
mod reorder;
mod run;
mod scratch;
mod seldom;
mod select;
mod settle;
mod shape;
mod step;
mod tabling;
mod typing;
mod walk;
mod watch;

use std::rc::Rc;

use decide::Lambdas;
pub(in crate::fast) use query::{Join, Tops};
use record::Recorded;
use scratch::Scratch;
use shape::Shapes;
use watch::Watching;

use crate::atom::Atom;
use crate::budget::{Budget, Exhausted, Meter};
use crate::engine::Host;
use crate::evaluate::{Answer, Evaluation, Tables as PlainTables};
use crate::fast::cell::Cell;
use crate::fast::choice::{Aside, Choice, Gathered, Step};
use crate::fast::code::{ANY, FINISH, Operand, Pc, TypeId};
use crate::fast::compile;
use crate::fast::heap::{CONSTANTS, Heap};
use crate::fast::keyed::Loops;
use crate::fast::program::Program;
use crate::fast::rows::Frame;
use crate::fast::stack::Stack;
use crate::fast::tables::Tables;
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
            heap: Heap::new(host.areas),
            stack: Stack::new(host.areas),
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
        self.program.prepares = true;
        while let Some(function) = self.program.functions.get(next)
            && self.program.code.len() < super::CODE_MAX
        {
            if function.state.is_unsure() {
                compile::function(host, &mut self.heap, &mut self.program, next as u32);
            }
            next += 1;
        }
        self.program.prepares = false;
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
    lambdas: Lambdas,
    /// Room for the places of a chain's expressions, while their types are looked at.
    chained: Vec<usize>,
    subject: Atom,
    /// A type that was seen to be one that was expected.
    fit: (u16, TypeId),
    /// A name that was seen to be of a type that was expected.
    name_fit: (Cell, TypeId),
    /// Layers of the spaces asked for last, and what had changed then.
    layers: Vec<(Space, Rc<Layers>)>,
    layers_then: Changes,
    /// Kept from query to query.
    #[expect(clippy::vec_box, reason = "choices keep them in boxes")]
    pub(super) joins: Vec<Box<Join>>,
    #[expect(clippy::vec_box, reason = "choices keep them in boxes")]
    loops: Vec<Box<Loops>>,
    pub(super) found: Vec<u32>,
    /// What the next results are gathered in.
    #[expect(clippy::vec_box, reason = "choices keep them in boxes")]
    to_gather: Vec<Box<Gathered>>,
    /// Rows of the query that begins.
    rows: Vec<Row>,
    /// From which choice on queries may be of rows that can still be removed.
    pub(super) held: usize,
    pub(super) probe: Probe,
    pub(super) flat: Flat,
    /// What was left out of the shape of the value that was compiled last.
    pub(super) parts: Vec<Cell>,
    /// The code for values that turned out to be calls.
    shapes: Shapes,
    pub(super) frame: Frame,
    comma: u32,
    /// Names that cells refer to by number stay in use.
    _pin: Pin,
    /// What led to where the evaluation is, if that is recorded.
    pub(super) log: Vec<Step>,
    recorded: Recorded,
    /// What tabled calls gave in this evaluation.
    pub(super) tables: Tables,
    /// The same of what the plain evaluator was asked.
    plain_tables: PlainTables,
    /// Bytes of results that are being gathered.
    gathering: usize,
    /// Whether somebody watches, and what is told to them.
    watched: bool,
    watching: Watching,
    /// `max-stack-depth`, and from which word of the stack on there may be so many frames.
    depth_max: usize,
    count_at: usize,
    /// The most bytes that were in use.
    peak_bytes: usize,
    /// Whether something came up that compiled code may see otherwise than the plain evaluator does.
    pub(super) is_odd: bool,
    /// Whether a bound ended the evaluation.
    has_ended: bool,
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
        let depth_max = host.settings.stack_depth_max;
        stack.count(depth_max != usize::MAX);
        let watched = program.watched;
        let scratch = Scratch::take();
        Machine {
            host,
            program,
            heap,
            stack,
            choices: scratch.choices,
            asides: scratch.asides,
            result: Cell::FALSE,
            protected: 0,
            space: space.clone(),
            meter: Meter::start(budget),
            budget: budget.clone(),
            fuel: FUEL,
            results: Vec::new(),
            exhausted: None,
            collect_at: CONSTANTS + (1 << 16),
            growing_max: grow::most(budget),
            head_trail: 0,
            chained: Vec::new(),
            lambdas: Lambdas::default(),
            subject: Atom::unit(),
            fit: (0, ANY),
            name_fit: (Cell::HOLE, ANY),
            layers: scratch.layers,
            layers_then: Changes::default(),
            joins: scratch.joins,
            loops: scratch.loops,
            found: scratch.found,
            to_gather: scratch.to_gather,
            rows: scratch.rows,
            held: 0,
            probe: scratch.probe,
            flat: Flat::default(),
            parts: Vec::new(),
            shapes: Shapes::default(),
            frame: scratch.frame,
            comma: crate::symbol::Symbol::new(",").id(),
            _pin: pin(),
            log: scratch.log,
            recorded,
            tables: Tables::default(),
            plain_tables: PlainTables::default(),
            gathering: 0,
            watched,
            watching: Watching::default(),
            depth_max,
            count_at: depth_max.saturating_mul(2),
            peak_bytes: 0,
            is_odd: false,
            has_ended: false,
        }
    }

    pub(super) fn into_parts(mut self) -> (Parts, Evaluation) {
        self.note_peak(0);
        let evaluation = Evaluation {
            results: self.results,
            reductions: self.meter.spent + u64::from(FUEL - self.fuel),
            peak_bytes: self.peak_bytes,
        };
        self.heap.spare = Vec::new();
        self.recorded.cut(&mut self.log, 0);
        let scratch = Scratch {
            choices: self.choices,
            asides: self.asides,
            layers: self.layers,
            joins: self.joins,
            loops: self.loops,
            found: self.found,
            to_gather: self.to_gather,
            rows: self.rows,
            probe: self.probe,
            frame: self.frame,
            log: self.log,
        };
        scratch.keep();
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
}

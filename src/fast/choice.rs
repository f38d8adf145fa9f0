//! Choices: other ways to go on, and where results are gathered.

use std::rc::Rc;

use smallvec::{SmallVec, smallvec};

use crate::atom::{Atom, Variable};
use crate::evaluate::{FactUse, Proof};
use crate::fast::cell::Cell;
use crate::fast::code::{Pc, Slot};
use crate::fast::keyed::Loops;
use crate::fast::machine::{Join, Tops};
use crate::fast::save::{Saved, Shared};
use crate::fast::table::Seen;
use crate::space::{Layers, Row};

/// A point to go back to, with what the machine was like there.
pub(super) struct Choice {
    pub(super) kind: Kind,
    /// The frame that goes on.
    pub(super) base: u32,
    /// Frames below are kept for it.
    pub(super) stack_top: u32,
    pub(super) heap_top: usize,
    pub(super) box_top: u32,
    pub(super) trail_top: u32,
    pub(super) log_top: u32,
    /// Whether errors wait for this to be exhausted.
    pub(super) aside: bool,
}

impl Choice {
    /// Goes back to what the machine was like then.
    pub(super) fn set_tops(&mut self, tops: Tops) {
        self.heap_top = tops.heap;
        self.box_top = tops.boxes;
        self.trail_top = tops.trail;
    }

    /// How long the trail was at each point that it goes back to, oldest first.
    pub(super) fn trail_tops(&self) -> SmallVec<[u32; 4]> {
        match &self.kind {
            Kind::Join(join) => join.trail_tops().collect(),
            Kind::Loops(loops) => loops.trail_tops().collect(),
            _ => smallvec![self.trail_top],
        }
    }

    /// Takes note of a collection: all that survived is older. `trails` are the new
    /// [`Choice::trail_tops`].
    pub(super) fn move_tops(
        &mut self,
        heap: usize,
        boxes: u32,
        trails: &mut impl Iterator<Item = u32>,
    ) {
        let mut tops = Tops {
            heap,
            boxes,
            trail: 0,
        };
        match &mut self.kind {
            Kind::Join(join) => {
                join.moved(heap, boxes, trails);
                tops = join.resumes_at();
            }
            Kind::Loops(loops) => {
                loops.moved(heap, boxes, trails);
                tops = loops.resumes_at();
            }
            _ => tops.trail = trails.next().expect("one for each"),
        }
        self.set_tops(tops);
    }

    /// What the machine was like before the first way of the choice was taken.
    pub(super) fn first_tops(&self) -> Tops {
        let own = Tops {
            heap: self.heap_top,
            boxes: self.box_top,
            trail: self.trail_top,
        };
        match &self.kind {
            Kind::Join(join) => join.tops().unwrap_or(own),
            Kind::Loops(loops) => loops.tops,
            _ => own,
        }
    }
}

pub(super) enum Kind {
    /// The next rule of a function that may match.
    Rules {
        function: u32,
        next: u32,
        seen: Seen,
    },
    /// Rules of a function that may match, which begin with so many slots: `left` of them,
    /// the next is where the operand of that number says.
    Chain { kept: Slot, next: u32, left: u32 },
    /// Places in the code: `left` of them, the next is the operand of that number.
    Places { next: u32, left: u32 },
    /// Elements of an expression; `pc` takes each.
    Elements { list: Cell, next: u32, pc: Pc },
    /// Results that are there already; `pc` takes each.
    Ways { ways: Rc<[Way]>, next: u32, pc: Pc },
    /// The other solutions of a query.
    Join(Box<Join>),
    /// The other solutions of a query of tables.
    Loops(Box<Loops>),
    /// Where results are gathered; `done` takes them all.
    Gather { done: Pc, gathered: Box<Gathered> },
    /// A `case` that has had no result unless `any`.
    Case { empty: Pc, any: bool },
    /// A tabled call that is being filled; so many slots of its frame are kept.
    Fill { function: u32, kept: Slot },
    /// The answers of a table after the one that was taken last.
    Answers { table: u32, last: u32, kept: Slot },
    /// Nothing but the errors that were set aside.
    Aside,
}

/// What is kept of results that are gathered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Gathers {
    Results,
    /// As `Results`, which may begin with the symbol `Error` and are no error for that.
    Any,
    HowMany,
    /// Nothing but whether there is one.
    Whether,
}

/// Results that were gathered so far.
#[derive(Default)]
pub(super) struct Gathered {
    pub(super) saved: Saved,
    /// Variables in them that are still on the heap.
    pub(super) shared: Shared,
    /// The least that the heap was cut to since then, as far as it was taken note of.
    pub(super) lowest: usize,
    /// What led to them.
    pub(super) log: Vec<Step>,
}

impl Gathered {
    /// Forgets all but the memory it has, if that is little. Whether it was.
    pub(super) fn clear(&mut self) -> bool {
        self.shared.clear();
        self.log.clear();
        self.lowest = 0;
        self.saved.clear() && self.shared.capacity() == 0
    }
}

/// A result of the plain evaluator or of a query: what it binds, and itself.
pub(super) struct Way {
    pub(super) bindings: Vec<(Variable, Atom)>,
    pub(super) atom: Option<Atom>,
    pub(super) step: Option<Step>,
}

/// An error that waits until nothing else can come of its expression.
pub(super) struct Aside {
    /// The number of the choice that it waits for.
    pub(super) choice: u32,
    /// The word on the stack that says whether its expression has succeeded:
    /// deeper expressions have higher ones.
    pub(super) owner: u32,
    /// The bit of that word which says so: a frame's, or a mark's.
    pub(super) succeeded: u64,
    pub(super) pc: Pc,
    pub(super) base: u32,
    /// The error, then values of `variables`.
    pub(super) saved: Saved,
    pub(super) variables: Vec<u32>,
    pub(super) log: Vec<Step>,
}

/// Something that led to a result.
#[derive(Clone)]
pub(super) enum Step {
    /// A rule and operations that code used, by their number in the program.
    Used(u32),
    Operation(u32),
    Fact(Rc<FactUse>),
    /// A fact that is looked up only if a proof is made of it: nothing changes meanwhile.
    Row(Rc<Layers>, Row),
    /// What the plain evaluator used.
    Plain(Rc<Proof>),
}

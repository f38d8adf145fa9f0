//! Memory that a thread keeps from one evaluation to the next: lists that are empty between
//! evaluations, and would grow anew in each.

use std::cell::Cell;
use std::rc::Rc;

use super::query::Join;
use crate::fast::choice::{Aside, Choice, Gathered, Step};
use crate::fast::keyed::Loops;
use crate::fast::rows::Frame;
use crate::space::probe::Probe;
use crate::space::{Layers, Row, Space};

/// No list is kept that has room for more than so many.
const KEPT_MAX: usize = 1 << 10;

#[derive(Default)]
pub(super) struct Scratch {
    pub(super) choices: Vec<Choice>,
    pub(super) asides: Vec<Aside>,
    pub(super) layers: Vec<(Space, Rc<Layers>)>,
    #[expect(clippy::vec_box, reason = "choices keep them in boxes")]
    pub(super) joins: Vec<Box<Join>>,
    #[expect(clippy::vec_box, reason = "choices keep them in boxes")]
    pub(super) loops: Vec<Box<Loops>>,
    pub(super) found: Vec<u32>,
    #[expect(clippy::vec_box, reason = "choices keep them in boxes")]
    pub(super) to_gather: Vec<Box<Gathered>>,
    pub(super) rows: Vec<Row>,
    pub(super) probe: Probe,
    pub(super) frame: Frame,
    pub(super) log: Vec<Step>,
}

thread_local! {
    static SCRATCH: Cell<Option<Box<Scratch>>> = const { Cell::new(None) };
}

impl Scratch {
    /// What the thread has. An evaluation in the midst of another has its own.
    pub(super) fn take() -> Scratch {
        SCRATCH.take().map_or_else(Scratch::default, |kept| *kept)
    }

    /// Keeps it for the thread's next evaluation, as far as it is little.
    pub(super) fn keep(mut self) {
        empty(&mut self.choices);
        empty(&mut self.asides);
        empty(&mut self.layers);
        empty(&mut self.found);
        empty(&mut self.rows);
        empty(&mut self.log);
        SCRATCH.set(Some(Box::new(self)));
    }
}

fn empty<T>(list: &mut Vec<T>) {
    list.clear();
    if list.capacity() > KEPT_MAX {
        *list = Vec::new();
    }
}

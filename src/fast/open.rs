//! Data with variables in it that evaluates to itself, without looking at all of it again.
//!
//! A value that was evaluated once may be something to evaluate by now if a variable in it was bound
//! to something that a rule is for. Data whose parts are data has no other reason: it is noted as
//! [`Header::OPEN`] when it is made. That counts for as long as no variable at all was bound to
//! what is not seen to be data as well, and no rule or type has changed since: then there are
//! doubts, for the rest of the evaluation, and values are looked at wherever they are handed on.
//!
//! What was bound is looked at when that is asked for the first time, or forgotten if it is gone by
//! then.

use smallvec::SmallVec;

use super::cell::{Cell, Header};
use super::heap::Heap;
use super::machine::Machine;

/// What variables were bound to that is not seen to be data.
pub(super) struct Doubts {
    /// What a header has to have for its expression to be known to stay as it is: more than any
    /// has while there are doubts.
    wanted: u64,
    /// What is still to be looked at; nothing if all was, and something was not data.
    bound: SmallVec<[Cell; 8]>,
}

const OPEN: u64 = Header::OPEN | Header::EVALUATED;
const NEVER: u64 = !0;

impl Default for Doubts {
    fn default() -> Doubts {
        Doubts {
            wanted: OPEN,
            bound: SmallVec::new(),
        }
    }
}

impl Doubts {
    /// Whether there are none about an expression with this header.
    #[inline(always)]
    pub(super) fn none(&self, header: u64) -> bool {
        header & self.wanted == self.wanted
    }

    /// Whether something is to be looked at.
    #[inline(always)]
    pub(super) fn are_some(&self) -> bool {
        self.wanted == NEVER && !self.bound.is_empty()
    }

    /// Notes that a variable is bound to an expression with this header.
    #[inline(always)]
    pub(super) fn consider(&mut self, header: u64, value: Cell) {
        const SEEN: u64 = Header::OPEN | Header::EVALUATED;
        if header & SEEN == 0 || header & Header::ERROR != 0 {
            self.add(value);
        }
    }

    #[cold]
    #[inline(never)]
    pub(super) fn add(&mut self, value: Cell) {
        if self.wanted == NEVER && self.bound.is_empty() {
            return;
        }
        self.wanted = NEVER;
        self.bound.push(value);
    }

    /// Has them for the rest of the evaluation.
    pub(super) fn give_up(&mut self) {
        self.wanted = NEVER;
        self.bound.clear();
    }

    /// The heap was cut: nothing is bound to what was above.
    #[inline(never)]
    pub(super) fn cut(&mut self, top: usize) {
        if self.are_some() {
            self.bound
                .retain(|value| !value.is_exp() || value.at() < top);
            if self.bound.is_empty() {
                self.wanted = OPEN;
            }
        }
    }
}

impl Heap {
    /// Whether an expression with variables is known to evaluate to itself.
    #[inline(always)]
    pub(super) fn is_open(&self, value: Cell) -> bool {
        value.is_exp() && self.doubts.none(self.cells[value.at()])
    }

    /// Notes that a variable is bound to a value.
    #[inline(always)]
    pub(super) fn doubt(&mut self, value: Cell) {
        if value.is_exp() {
            self.doubts.consider(self.cells[value.at()], value);
        } else if value == self.empty {
            self.doubts.add(value);
        }
    }

    /// Whether what was just made is data with variables in it; notes that it is a result then.
    pub(super) fn is_open_as_made(&mut self, made: Cell) -> bool {
        let is_open = self.header(made.at()).has(Header::OPEN);
        if is_open {
            self.cells[made.at()] |= Header::EVALUATED;
        }
        is_open
    }
}

impl Machine<'_> {
    /// Looks at what variables were bound to.
    #[inline(never)]
    pub(super) fn look_at_doubts(&mut self) {
        if !self.heap.doubts.are_some() {
            return;
        }
        let bound = std::mem::take(&mut self.heap.doubts.bound);
        if bound.into_iter().all(|value| self.is_data_now(value)) {
            self.heap.doubts.wanted = OPEN;
        } else {
            self.is_odd = true;
        }
    }

    /// Whether a term is data all through, whatever data its variables stand for; notes of its
    /// expressions that they are.
    fn is_data_now(&mut self, value: Cell) -> bool {
        // Expressions that are open, and how many of their elements were looked at.
        let mut pending: SmallVec<[(Cell, usize); 8]> = SmallVec::new();
        let mut current = Some(value);
        loop {
            if let Some(value) = current.take() {
                if !value.is_exp() {
                    if value == self.heap.empty {
                        return false;
                    }
                } else {
                    let header = self.heap.header(value.at());
                    let is_seen = header.has(Header::OPEN) || header.has(Header::EVALUATED);
                    if header.has(Header::ERROR) {
                        return false;
                    }
                    if !is_seen && header.arity() > 0 {
                        if header.has(Header::GROUND) {
                            if !self.settles(value) {
                                return false;
                            }
                        } else {
                            let (first, count) = self.heap.elements(value.at());
                            let head = self.heap.word(first);
                            // Others might be something else after going back.
                            if !head.is_symbol() || !self.is_data_head(head, count) {
                                return false;
                            }
                            pending.push((value, 1));
                        }
                    }
                }
            }
            let Some((open, place)) = pending.last_mut() else {
                return true;
            };
            let (first, count) = self.heap.elements(open.at());
            if *place == count {
                let at = open.at();
                self.heap.cells[at] |= Header::OPEN;
                pending.pop();
            } else {
                let element = self.heap.word(first + *place);
                *place += 1;
                // What variables stand for was looked at when they were bound.
                current = (!element.is_ref()).then_some(element);
            }
        }
    }
}

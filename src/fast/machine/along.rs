//! Data that is made of other data, element by element, at once.
//!
//! `(= (append (Cons $h $t) $l) (Cons $h (append $t $l)))` makes a list of another one. Once
//! `Grow` has made the first element, each turn takes the list's rest apart, sees that all is
//! plain, makes the next and calls itself: for as long as the rest is data of the same shape,
//! the turns are made here, without the instructions in between.

use super::{HEIGHT, Machine};
use crate::fast::cell::{Cell, Header};
use crate::fast::code::{CLOSE, Instruction, Pc, Slot};
use crate::fast::program::State;
use crate::fast::stack::place;

/// What data has to be noted to be for a turn.
const NOTED: u64 = Header::TAG | Header::GROUND | Header::DATA | Header::ERROR;
const WHOLE: u64 = Header::TAG | Header::GROUND | Header::DATA;
/// Words of what is made in a turn, at most.
const WORDS: usize = 5;

impl Machine<'_> {
    /// Makes the turns that follow `Grow` for as long as the slot `rest` holds data of the
    /// shape that the rule takes `argument` to be, and puts what is left of it there. Nothing
    /// where a turn would not be as the rule's code is for plain values.
    #[inline(never)]
    pub(super) fn grow_along(&mut self, pc: usize, base: usize) -> Option<()> {
        let code = &self.program.code[..];
        let Instruction::GrowAlong {
            called,
            argument,
            rest,
            back,
        } = code[pc]
        else {
            unreachable!("it was that instruction");
        };
        let Instruction::Grow {
            function,
            slots,
            count,
            ..
        } = code[pc - 1]
        else {
            unreachable!("it stands behind one");
        };
        let entry = &self.program.functions[called as usize];
        // A call with such an argument is for this rule alone, as far as it is made here.
        let Instruction::TakeCall {
            arity,
            slot,
            elements,
            name,
            to,
        } = code[entry.pc as usize]
        else {
            return None;
        };
        let arity = usize::from(arity);
        let shape = Header::new(arity, WHOLE);
        let head = Cell::symbol(name).0;
        let is_this_rule = entry.state == State::Compiled
            && slot == argument
            && to == pc as Pc - Pc::from(back)
            && rest >= elements
            && usize::from(rest - elements) + 1 < arity;
        let frame = self.stack.frame(base);
        let (return_to, state) = (frame[0], frame[1]);
        let may_grow = return_to >> 32 == u64::from(CLOSE)
            && base >= self.protected
            && state >> HEIGHT == self.choices.len() as u64;
        if !is_this_rule || !may_grow {
            return None;
        }
        for other in (0..entry.arity as Slot).filter(|other| *other != argument) {
            let value = Cell(frame[place(other)]);
            if value.is_ref() || !self.heap.is_its_own(value) {
                return None;
            }
        }
        // Where in what is taken apart an element of what is made is found; else its slot's.
        let within = slots.map(|slot| {
            let is_taken = slot >= elements && usize::from(slot - elements) + 1 < arity;
            is_taken.then(|| usize::from(slot - elements))
        });
        let kept = slots.map(|slot| Cell(frame[place(slot)]));
        let mut value = Cell(frame[place(rest)]);
        let chain = return_to as u32 as usize;
        let mut last = super::grow::last_of(self.stack.frame(chain));

        let room = self.collect_at.saturating_sub(self.heap.cells.len()) / WORDS;
        let longest = self.growing_max - last.length;
        let most = (room as i64).min(longest).min(i64::from(self.fuel) - 1);
        let made_of = &self.program.functions[function as usize];
        let mut turns = 0;
        while turns < most && value.is_exp() {
            let words = &self.heap.cells[value.at()..];
            let [header, found, taken @ ..] = words else {
                break;
            };
            if header & (NOTED | !0 << 24) != shape.0 || *found != head {
                break;
            }
            let mut values = kept;
            for (value, place) in values.iter_mut().zip(within) {
                if let Some(place) = place {
                    *value = Cell(taken[place]);
                }
            }
            value = Cell(taken[usize::from(rest - elements)]);
            self.heap.make_next(made_of, values, count, &mut last);
            turns += 1;
        }
        last.length += turns;
        self.fuel -= turns as u32;
        super::grow::set_last_of(self.stack.frame_mut(chain), last);
        self.stack.frame_mut(base)[place(rest)] = value.0;
        Some(())
    }
}

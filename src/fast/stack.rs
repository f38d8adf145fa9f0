//! The stack of frames, and frames as arrays of one length, so that slots need no
//! checks of their own.

use std::ops::{Deref, DerefMut};

use crate::areas::Areas;
use crate::fast::cell::Cell;
use crate::fast::code::{Operand, Slot};

/// Words of a frame as it is looked at: two of its own, then as many slots as there are
/// numbers for them, of which code has few: so none needs a check.
pub(super) const FRAME: usize = 2 + (1 << Slot::BITS);

/// Calls with so many arguments begin their frames at once.
const FEW: usize = 8;

/// The most words of frames: two gigabytes.
pub(super) const STACK_MAX: usize = 1 << 28;

/// Words, of which the last [`FRAME`] are there for the newest frame to be looked at whole.
pub(super) struct Stack {
    words: Vec<u64>,
    areas: Areas,
    /// Whether it has grown since that was asked last.
    grown: bool,
    /// Whether it grows by a few frames at a time, so that who asks counts them in time.
    is_counted: bool,
}

impl Stack {
    /// Words for frames at first.
    const FIRST: usize = 4096;
    /// Words that a counted one grows by.
    const STEP: usize = 256;

    pub(super) fn new(areas: Areas) -> Stack {
        // Zeroed pages cost nothing until they are used.
        Stack {
            words: vec![0; Stack::FIRST + FRAME],
            areas,
            grown: false,
            is_counted: false,
        }
    }

    /// Begins to grow by a few frames at a time, or as usual.
    pub(super) fn count(&mut self, is_counted: bool) {
        self.is_counted = is_counted;
        if is_counted {
            self.words.truncate(FRAME);
        }
    }

    /// Gives back what a deep evaluation took.
    pub(super) fn shrink(&mut self) {
        if self.words.len() > 1 << 20 {
            *self = Stack::new(self.areas);
        }
    }

    /// Whether there is room for a frame at `base`.
    #[inline(always)]
    pub(super) fn holds(&self, base: usize) -> bool {
        base as u32 as usize + FRAME <= self.words.len()
    }

    /// Whether it has grown, if that was not told before.
    #[inline(always)]
    pub(super) fn has_grown(&mut self) -> bool {
        std::mem::take(&mut self.grown)
    }

    /// Makes room for so many words of frames.
    #[inline(always)]
    pub(super) fn reserve(&mut self, words: usize) {
        if self.words.len() < words + FRAME {
            self.grow(words);
        }
    }

    #[cold]
    #[inline(never)]
    fn grow(&mut self, words: usize) {
        self.grown = true;
        if self.is_counted {
            self.words.resize(words + Stack::STEP + FRAME, 0);
            return;
        }
        const LARGE: usize = 1 << 18;
        /// Words there is room for from then on: what moves them writes to all.
        const ROOM: usize = 1 << 24;
        if words < LARGE {
            self.words.resize(2 * words + FRAME, 0);
            return;
        }
        // A large stack grows by an eighth, in room that costs nothing until it is used:
        // moving it would need as much again.
        let size = words + words / 8 + FRAME;
        if self.words.capacity() < size {
            let room = (8 * words).clamp(ROOM, STACK_MAX).max(size) - self.words.len();
            if self.words.try_reserve_exact(room).is_err() {
                self.words.reserve_exact(size - self.words.len());
            }
            self.areas.tell_of_room(&mut self.words);
        }
        self.words.resize(size, 0);
    }

    /// The frame at `base`. There is one: frames are made where the stack holds them.
    #[inline(always)]
    pub(super) fn frame(&self, base: usize) -> &[u64; FRAME] {
        let base = base as u32 as usize;
        let frame = &self.words[base..base + FRAME];
        frame.try_into().expect("it is that long")
    }

    /// A frame to be written at `base`, if there is room for one.
    #[inline(always)]
    pub(super) fn at_mut(&mut self, base: usize) -> Option<&mut [u64; FRAME]> {
        let base = base as u32 as usize;
        self.words.get_mut(base..base + FRAME)?.try_into().ok()
    }

    /// Begins a frame at `target`: its two words, then values of the frame at `base`, which it may
    /// take the place of if they are few. `None` if there is no room.
    #[inline(always)]
    pub(super) fn begin(
        &mut self,
        (base, target): (usize, usize),
        words: [u64; 2],
        operands: &[Operand],
        constants: &[Cell],
    ) -> Option<&mut [u64; FRAME]> {
        if operands.len() > FEW || !self.holds(target) {
            return None;
        }
        if operands.is_empty() {
            let called = self.frame_mut(target);
            called[..2].copy_from_slice(&words);
            return Some(called);
        }
        let mut values = [0; FEW];
        let frame = self.frame(base);
        for (value, operand) in values.iter_mut().zip(operands) {
            *value = if operand.is_constant() {
                constants[operand.index()].0
            } else {
                frame[place(operand.index() as Slot)]
            };
        }
        let called = self.frame_mut(target);
        called[..2].copy_from_slice(&words);
        called[2..2 + FEW].copy_from_slice(&values);
        Some(called)
    }

    /// As [`Stack::frame`], to be written.
    #[inline(always)]
    pub(super) fn frame_mut(&mut self, base: usize) -> &mut [u64; FRAME] {
        let base = base as u32 as usize;
        let frame = &mut self.words[base..base + FRAME];
        frame.try_into().expect("it is that long")
    }
}

/// Where a slot is in a frame.
#[inline(always)]
pub(super) fn place(slot: Slot) -> usize {
    2 + usize::from(slot)
}

impl Deref for Stack {
    type Target = [u64];

    #[inline(always)]
    fn deref(&self) -> &[u64] {
        &self.words
    }
}

impl DerefMut for Stack {
    #[inline(always)]
    fn deref_mut(&mut self) -> &mut [u64] {
        &mut self.words
    }
}

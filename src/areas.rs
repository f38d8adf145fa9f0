//! Large areas of memory, told of before they are written to.
//!
//! The first write to each page of 4 KiB costs about as much as the thousand words that go
//! into it. An embedder may know how to have an area backed by larger pages; the engine
//! knows which areas will be filled from their beginning on.

use std::mem::MaybeUninit;

/// Does what it likes with an area but write to it.
pub(crate) type Prepare = fn(&mut [MaybeUninit<u64>]);

/// Whom large areas are told to, if anyone.
#[derive(Clone, Copy, Default)]
pub(crate) struct Areas(Option<Prepare>);

impl Areas {
    /// Areas of fewer words are not told of: two large pages of most systems.
    const LARGE: usize = 1 << 19;

    pub(crate) fn told_to(prepare: Prepare) -> Areas {
        Areas(Some(prepare))
    }

    /// Tells of the room behind what is in use.
    pub(crate) fn tell_of_room(self, words: &mut Vec<u64>) {
        if let Some(prepare) = self.0 {
            let room = words.spare_capacity_mut();
            if room.len() >= Areas::LARGE {
                prepare(room);
            }
        }
    }
}

//! What a walk over terms has been through. Terms share parts, so a walk that
//! follows each occurrence can take exponentially longer than the term has room.

use foldhash::fast::FixedState;
use hashbrown::{HashMap, HashSet};

/// Steps that a walk takes before it begins to remember them: most end earlier.
const FREE_STEPS: u32 = 1024;

/// Remembers steps once there were many.
pub(crate) struct Seen {
    free: u32,
    known: Option<Box<HashSet<(u64, u64), FixedState>>>,
}

impl Seen {
    pub(crate) fn new() -> Seen {
        Seen {
            free: FREE_STEPS,
            known: None,
        }
    }

    /// Whether this step is known to have been taken; it need not be again.
    #[inline(always)]
    pub(crate) fn again(&mut self, left: u64, right: u64) -> bool {
        if self.free > 0 {
            self.free -= 1;
            return false;
        }
        !self.remember(left, right)
    }

    #[cold]
    fn remember(&mut self, left: u64, right: u64) -> bool {
        self.known.get_or_insert_default().insert((left, right))
    }
}

/// What came of parts of a walk, by where these are, once there were many.
pub(crate) struct Made<T> {
    free: u32,
    known: HashMap<usize, T, FixedState>,
}

impl<T: Clone> Made<T> {
    pub(crate) fn new() -> Made<T> {
        Made {
            free: FREE_STEPS,
            known: HashMap::default(),
        }
    }

    /// What came of the part there, if it is remembered.
    pub(crate) fn get(&self, at: usize) -> Option<&T> {
        if self.free > 0 {
            return None;
        }
        self.known.get(&at)
    }

    pub(crate) fn remember(&mut self, at: usize, made: impl FnOnce() -> T) {
        if self.free > 0 {
            self.free -= 1;
            return;
        }
        self.known.insert(at, made());
    }
}

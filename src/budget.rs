//! Budgets: what one evaluation may spend before it ends with an error atom.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Bounds on one evaluation. The default has no bounds but a depth that fits
/// memory; each method sets one.
#[derive(Clone, Debug)]
pub struct Budget {
    pub(crate) reductions: u64,
    pub(crate) depth: usize,
    pub(crate) bytes: usize,
    pub(crate) deadline: Option<Duration>,
    pub(crate) cancel: Option<CancelToken>,
    pub(crate) room: Option<Room>,
}

/// Says whether there is room for more.
#[derive(Clone)]
pub(crate) struct Room(Arc<dyn Fn() -> bool + Send + Sync>);

impl fmt::Debug for Room {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Room")
    }
}

/// Stops evaluations from outside, from any thread.
#[derive(Clone, Debug, Default)]
pub struct CancelToken(Arc<AtomicBool>);

impl CancelToken {
    /// A token that has not been cancelled.
    pub fn new() -> CancelToken {
        CancelToken::default()
    }

    /// Ends every evaluation that runs under this token.
    pub fn cancel(&self) {
        self.0.store(true, Ordering::Relaxed);
    }

    /// Whether it was cancelled.
    pub fn is_cancelled(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

impl Default for Budget {
    fn default() -> Budget {
        Budget {
            reductions: u64::MAX,
            depth: usize::MAX,
            bytes: usize::MAX,
            deadline: None,
            cancel: None,
            room: None,
        }
    }
}

impl Budget {
    /// At most `count` reductions.
    #[must_use]
    pub fn reductions(mut self, count: u64) -> Budget {
        self.reductions = count;
        self
    }

    /// At most `frames` nested evaluations.
    #[must_use]
    pub fn depth(mut self, frames: usize) -> Budget {
        self.depth = frames;
        self
    }

    /// About at most `count` bytes for stacks, bindings and results.
    #[must_use]
    pub fn bytes(mut self, count: usize) -> Budget {
        self.bytes = count;
        self
    }

    /// As [`Budget::bytes`], unless fewer are allowed already.
    pub fn bytes_at_most(self, bytes: usize) -> Budget {
        let bytes = bytes.min(self.bytes);
        self.bytes(bytes)
    }

    /// Whether there is room for more.
    pub(crate) fn has_room(&self) -> bool {
        match &self.room {
            Some(Room(there_is)) => there_is(),
            None => true,
        }
    }

    /// Ends with `MemoryLimit` once `there_is` says that there is no room for more.
    ///
    /// For what [`Budget::bytes`] does not count, as it outlives the evaluation: what is
    /// added to spaces. Asked every 64 to 4,096 reductions, so it should answer quickly.
    #[must_use]
    pub fn room(mut self, there_is: impl Fn() -> bool + Send + Sync + 'static) -> Budget {
        self.room = Some(Room(Arc::new(there_is)));
        self
    }

    /// At most `duration` of wall-clock time.
    #[must_use]
    pub fn deadline(mut self, duration: Duration) -> Budget {
        self.deadline = Some(duration);
        self
    }

    /// Ends when `token` is cancelled.
    #[must_use]
    pub fn cancel(mut self, token: CancelToken) -> Budget {
        self.cancel = Some(token);
        self
    }
}

/// A bound that was hit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exhausted {
    Reductions,
    Depth,
    Bytes,
    Deadline,
    Cancelled,
}

impl Exhausted {
    /// The symbol that names the bound in an error atom.
    pub(crate) fn symbol(self) -> &'static str {
        match self {
            Exhausted::Reductions => "ReductionLimit",
            Exhausted::Depth => "StackOverflow",
            Exhausted::Bytes => "MemoryLimit",
            Exhausted::Deadline => "DeadlineExceeded",
            Exhausted::Cancelled => "Cancelled",
        }
    }
}

/// What is left of a budget while an evaluation runs.
pub(crate) struct Meter {
    budget: Budget,
    started: Instant,
    pub(crate) spent: u64,
    /// When time and cancellation are looked at next.
    look_at: u64,
}

/// Reductions between two looks at time and cancellation. Few, as one reduction may go
/// through a large term.
const LOOK_EVERY: u64 = 64;

impl Meter {
    pub(crate) fn start(budget: &Budget) -> Meter {
        Meter {
            budget: budget.clone(),
            started: Instant::now(),
            spent: 0,
            look_at: LOOK_EVERY,
        }
    }

    /// Counts one reduction. Time and cancellation are looked at now and then,
    /// those of evaluations inside this one counted, and whether there is room.
    pub(crate) fn reduce(&mut self) -> Result<(), Exhausted> {
        self.spent += 1;
        if self.spent > self.budget.reductions {
            return Err(Exhausted::Reductions);
        }
        if self.spent >= self.look_at {
            self.look_at = self.spent + LOOK_EVERY;
            if self
                .budget
                .cancel
                .as_ref()
                .is_some_and(CancelToken::is_cancelled)
            {
                return Err(Exhausted::Cancelled);
            }
            if self
                .budget
                .deadline
                .is_some_and(|deadline| self.started.elapsed() > deadline)
            {
                return Err(Exhausted::Deadline);
            }
            return self.check_room();
        }
        Ok(())
    }

    /// Counts many reductions at once, and looks at time and cancellation.
    pub(crate) fn reduce_many(&mut self, count: u64) -> Result<(), Exhausted> {
        self.spent += count;
        if self.spent > self.budget.reductions {
            return Err(Exhausted::Reductions);
        }
        let cancel = self.budget.cancel.as_ref();
        if cancel.is_some_and(CancelToken::is_cancelled) {
            return Err(Exhausted::Cancelled);
        }
        let deadline = self.budget.deadline;
        if deadline.is_some_and(|deadline| self.started.elapsed() > deadline) {
            return Err(Exhausted::Deadline);
        }
        self.check_room()
    }

    fn check_room(&self) -> Result<(), Exhausted> {
        if self.budget.has_room() {
            Ok(())
        } else {
            Err(Exhausted::Bytes)
        }
    }

    pub(crate) fn check_depth(&self, depth: usize) -> Result<(), Exhausted> {
        if depth > self.budget.depth {
            Err(Exhausted::Depth)
        } else {
            Ok(())
        }
    }

    pub(crate) fn check_bytes(&self, bytes: usize) -> Result<(), Exhausted> {
        if bytes > self.budget.bytes {
            Err(Exhausted::Bytes)
        } else {
            Ok(())
        }
    }

    /// A budget of what is left, for an evaluation inside this one.
    pub(crate) fn rest(&self) -> Budget {
        let mut rest = self.budget.clone();
        rest.reductions = rest.reductions.saturating_sub(self.spent);
        rest.deadline = rest
            .deadline
            .map(|deadline| deadline.saturating_sub(self.started.elapsed()));
        rest
    }
}

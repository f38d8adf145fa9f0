//! Where a Ctrl-C lands: on whatever evaluates at that moment.
//!
//! The embedder listens for the signal and calls [`Interrupts::interrupt`]; the
//! sessions say what that does. Neither needs to know the other.

use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// The place where sessions leave what a Ctrl-C should do. Clones are the same place.
#[derive(Clone, Default)]
pub struct Interrupts(Arc<Mutex<Option<Running>>>);

struct Running {
    stop: Box<dyn Fn() + Send>,
    asked: Option<Instant>,
}

/// What an interrupt met.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    /// Nothing is being evaluated.
    Idle,
    /// The evaluation was asked to stop.
    Asked,
    /// The evaluation was asked this long ago and has not stopped yet.
    AskedAgain(Duration),
}

/// While it lives, an interrupt does what it was made with.
#[must_use]
pub struct Interruptible<'a>(&'a Interrupts);

impl Interrupts {
    /// A place where nothing runs.
    pub fn new() -> Interrupts {
        Interrupts::default()
    }

    /// Asks what runs to stop. Called by whoever listens for the signal.
    pub fn interrupt(&self) -> Interruption {
        match self.lock().as_mut() {
            None => Interruption::Idle,
            Some(running) => match running.asked {
                Some(asked) => Interruption::AskedAgain(asked.elapsed()),
                None => {
                    running.asked = Some(Instant::now());
                    (running.stop)();
                    Interruption::Asked
                }
            },
        }
    }

    /// Makes interrupts call `stop`, once, until the guard is dropped.
    pub fn during(&self, stop: impl Fn() + Send + 'static) -> Interruptible<'_> {
        *self.lock() = Some(Running {
            stop: Box::new(stop),
            asked: None,
        });
        Interruptible(self)
    }

    fn lock(&self) -> MutexGuard<'_, Option<Running>> {
        self.0
            .lock()
            .expect("asking an evaluation to stop does not panic")
    }
}

impl Drop for Interruptible<'_> {
    fn drop(&mut self) {
        *self.0.lock() = None;
    }
}

#[cfg(test)]
mod tests {
    use chimera::CancelToken;

    use super::{Interruption, Interrupts};

    #[test]
    fn an_interrupt_stops_what_runs_and_nothing_else() {
        let interrupts = Interrupts::new();
        assert_eq!(interrupts.interrupt(), Interruption::Idle);
        let token = CancelToken::new();
        {
            let stopped = token.clone();
            let _running = interrupts.during(move || stopped.cancel());
            assert!(!token.is_cancelled());
            assert_eq!(interrupts.interrupt(), Interruption::Asked);
            assert!(token.is_cancelled());
            assert!(matches!(
                interrupts.interrupt(),
                Interruption::AskedAgain(_)
            ));
        }
        assert_eq!(interrupts.interrupt(), Interruption::Idle);
    }
}

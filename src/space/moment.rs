//! Moments: all spaces as they were at one instant.
//!
//! Opening a moment costs the same however many spaces and atoms there are: it only gets a
//! number. A store that is about to change sees that moments were opened since its last
//! change, and takes a snapshot for them first ([`settle`]). A space that is read at a moment
//! and has no snapshot for it has not changed since, and gets one then. So a moment is one
//! instant of every space, those included that are known to programs only as atoms.
//!
//! An evaluation enters a moment on its thread; while it is in there, [`Space::seen`] says
//! what it sees of a space, and all that reads spaces goes by that.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, Weak};

use foldhash::fast::FixedState;

use crate::space::store::Store;
use crate::space::{Body, Kind, Space, write};

/// The number of the newest moment.
static NEWEST: AtomicU64 = AtomicU64::new(0);

/// The moments that are open, oldest first.
static OPEN: Mutex<Vec<(u64, Weak<Inner>)>> = Mutex::new(Vec::new());

thread_local! {
    static IS_ENTERED: Cell<bool> = const { Cell::new(false) };
    static ENTERED: RefCell<Option<Reading>> = const { RefCell::new(None) };
}

/// An instant of all spaces. Clones are the same instant; it is open until the last is gone.
#[derive(Clone)]
pub(crate) struct Moment(Arc<Inner>);

struct Inner {
    number: u64,
    /// What is seen of spaces, by where their bodies are: what is seen keeps them there.
    sights: Mutex<Sights>,
}

type Sights = HashMap<usize, Space, FixedState>;

/// The moment that a thread is in, and what it has looked at there.
struct Reading {
    moment: Moment,
    known: Vec<(usize, Space)>,
}

/// The thread is in a moment, or in the present, until this is dropped.
pub(crate) struct Entered {
    before: Option<Reading>,
    /// It belongs to its thread.
    _stays: PhantomData<*const ()>,
}

impl Moment {
    /// This instant.
    pub(crate) fn open() -> Moment {
        let mut open = lock(&OPEN);
        let number = NEWEST.load(Ordering::Relaxed) + 1;
        let inner = Arc::new(Inner {
            number,
            sights: Mutex::default(),
        });
        open.push((number, Arc::downgrade(&inner)));
        NEWEST.store(number, Ordering::Release);
        Moment(inner)
    }

    /// What tells moments apart.
    pub(crate) fn number(&self) -> u64 {
        self.0.number
    }

    /// What is seen of a space that can change.
    fn sight(&self, space: &Space) -> Space {
        let place = place_of(space);
        if let Some(known) = lock(&self.0.sights).get(&place) {
            return known.clone();
        }
        let store = match &space.0.kind {
            Kind::Live(store) | Kind::Fork { added: store, .. } => store,
            Kind::Snapshot { .. } | Kind::Alone { .. } => return space.clone(),
        };
        let mut locked = write(store);
        let held = settle(space, &mut locked);
        let known = lock(&self.0.sights).get(&place).cloned();
        // A space that is newer than the moment is seen as it is when first looked at.
        let sight = known.unwrap_or_else(|| {
            let sight = space.sight(&mut locked);
            lock(&self.0.sights).insert(place, sight.clone());
            sight
        });
        drop(locked);
        drop(held);
        sight
    }
}

impl Drop for Inner {
    fn drop(&mut self) {
        lock(&OPEN).retain(|(number, _)| *number != self.number);
    }
}

/// Goes to a moment, or to the present if there is none.
pub(crate) fn enter(moment: Option<&Moment>) -> Entered {
    let reading = moment.map(|moment| Reading {
        moment: moment.clone(),
        known: Vec::new(),
    });
    Entered {
        before: exchange(reading),
        _stays: PhantomData,
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        drop(exchange(self.before.take()));
    }
}

fn exchange(reading: Option<Reading>) -> Option<Reading> {
    IS_ENTERED.set(reading.is_some());
    ENTERED.replace(reading)
}

/// Whether the thread is in a moment.
pub(crate) fn is_entered() -> bool {
    IS_ENTERED.get()
}

/// What the thread sees of a space that can change, if it is in a moment.
pub(super) fn seen(space: &Space) -> Option<Space> {
    if !is_entered() {
        return None;
    }
    let place = place_of(space);
    let moment = ENTERED.with_borrow(|reading| {
        let reading = reading.as_ref()?;
        let known = reading.known.iter().find(|(known, _)| *known == place);
        Some(match known {
            Some((_, sight)) => Ok(sight.clone()),
            None => Err(reading.moment.clone()),
        })
    });
    match moment? {
        Ok(sight) => Some(sight),
        Err(moment) => {
            let sight = moment.sight(space);
            ENTERED.with_borrow_mut(|reading| {
                if let Some(reading) = reading {
                    reading.known.push((place, sight.clone()));
                }
            });
            Some(sight)
        }
    }
}

/// The number of the newest moment, for stores that begin now.
pub(super) fn newest() -> u64 {
    NEWEST.load(Ordering::Acquire)
}

/// Keeps what a store holds for the moments that were opened since it last changed; called
/// before it changes, with its lock. What it gives back is dropped once the lock is free.
#[must_use]
pub(super) fn settle(space: &Space, store: &mut Store) -> Option<Vec<Moment>> {
    if store.settled == newest() {
        return None;
    }
    Some(settle_now(space, store))
}

#[cold]
fn settle_now(space: &Space, store: &mut Store) -> Vec<Moment> {
    let open = lock(&OPEN);
    let since = store.settled;
    store.settled = NEWEST.load(Ordering::Relaxed);
    let moments: Vec<Moment> = open
        .iter()
        .rev()
        .take_while(|(number, _)| *number > since)
        .filter_map(|(_, inner)| inner.upgrade().map(Moment))
        .collect();
    drop(open);
    if !moments.is_empty() {
        let sight = space.sight(store);
        for moment in &moments {
            lock(&moment.0.sights).insert(place_of(space), sight.clone());
        }
    }
    moments
}

fn place_of(space: &Space) -> usize {
    let body: *const Body = Arc::as_ptr(&space.0);
    body.addr()
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().expect("no panic while moments are looked at")
}

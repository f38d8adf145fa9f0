//! The locks of a space.
//!
//! A store is read far more often than it is changed, at times by all cores at once.
//! Readers of one `RwLock` count themselves in one word, which the cores then take from
//! each other at each query: two threads get no more done than one. So readers of a store
//! count themselves in several places, by thread; who changes it holds all of them.

use std::sync::{RwLock, RwLockReadGuard, RwLockWriteGuard};

use crossbeam_utils::sync::{ShardedLock, ShardedLockReadGuard, ShardedLockWriteGuard};

use crate::space::store::Store;

/// The lock of a store.
pub(super) type StoreLock = ShardedLock<Store>;
/// A store that is locked for reading.
pub(super) type StoreRead<'s> = ShardedLockReadGuard<'s, Store>;

/// What is locked for readers or for one writer.
pub(super) trait Lock {
    type Read<'l>
    where
        Self: 'l;
    type Write<'l>
    where
        Self: 'l;

    fn lock_read(&self) -> Self::Read<'_>;
    fn lock_write(&self) -> Self::Write<'_>;
}

const NO_PANIC: &str = "no panic while a space is locked";

impl<T> Lock for RwLock<T> {
    type Read<'l>
        = RwLockReadGuard<'l, T>
    where
        T: 'l;
    type Write<'l>
        = RwLockWriteGuard<'l, T>
    where
        T: 'l;

    fn lock_read(&self) -> RwLockReadGuard<'_, T> {
        self.read().expect(NO_PANIC)
    }

    fn lock_write(&self) -> RwLockWriteGuard<'_, T> {
        self.write().expect(NO_PANIC)
    }
}

impl Lock for StoreLock {
    type Read<'l> = StoreRead<'l>;
    type Write<'l> = ShardedLockWriteGuard<'l, Store>;

    fn lock_read(&self) -> StoreRead<'_> {
        self.read().expect(NO_PANIC)
    }

    fn lock_write(&self) -> ShardedLockWriteGuard<'_, Store> {
        self.write().expect(NO_PANIC)
    }
}

pub(super) fn read<L: Lock>(lock: &L) -> L::Read<'_> {
    lock.lock_read()
}

pub(super) fn write<L: Lock>(lock: &L) -> L::Write<'_> {
    lock.lock_write()
}

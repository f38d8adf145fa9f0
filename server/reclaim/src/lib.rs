//! What only the allocator can do: give freed pages back to the system, and say
//! how many bytes are in use; and asking for large pages. The one crate of the workspace with `unsafe` in it.
//!
//! With the feature `jemalloc` the binary must use `tikv-jemallocator` as its
//! global allocator; without it the system's allocator is asked.

use std::fmt;
use std::mem::MaybeUninit;

/// The allocator refused, with its error number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ReleaseError(i32);

impl fmt::Display for ReleaseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "the allocator could not release free memory (error {})",
            self.0
        )
    }
}

impl std::error::Error for ReleaseError {}

/// Gives pages that hold nothing live back to the system. Takes about 0.3 ms a
/// MiB released, so call it off the asynchronous workers.
///
/// # Errors
/// With the allocator's error number.
#[cfg(feature = "jemalloc")]
pub fn release_free_memory() -> Result<(), ReleaseError> {
    // 4096 is MALLCTL_ARENAS_ALL: purge every arena.
    // SAFETY: the name is a C string; `purge` neither reads nor writes a value,
    // for which null pointers and length 0 are the documented arguments.
    let code = unsafe {
        tikv_jemalloc_sys::mallctl(
            c"arena.4096.purge".as_ptr(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            std::ptr::null_mut(),
            0,
        )
    };
    if code == 0 {
        Ok(())
    } else {
        Err(ReleaseError(code))
    }
}

/// Bytes in live allocations; `None` if the allocator does not say.
#[cfg(feature = "jemalloc")]
pub fn allocated_bytes() -> Option<u64> {
    tikv_jemalloc_ctl::epoch::advance().ok()?;
    let bytes = tikv_jemalloc_ctl::stats::allocated::read().ok()?;
    u64::try_from(bytes).ok()
}

/// Bytes of resident pages that hold nothing live, as of the last call of
/// [`allocated_bytes`], which is what takes the time; `None` if the allocator does not
/// say. What was allocated and never touched is not resident and does not count.
#[cfg(feature = "jemalloc")]
pub fn free_bytes() -> Option<u64> {
    // Pages of every arena that were used and freed, and those already offered to the system.
    let pages = |name: &'static [u8]| {
        // SAFETY: the name ends with a null byte, and both figures are documented as `size_t`.
        unsafe { tikv_jemalloc_ctl::raw::read::<usize>(name) }.ok()
    };
    let free = pages(b"stats.arenas.4096.pdirty\0")? + pages(b"stats.arenas.4096.pmuzzy\0")?;
    // SAFETY: as above.
    let size = unsafe { tikv_jemalloc_ctl::raw::read::<usize>(b"arenas.page\0") }.ok()?;
    u64::try_from(free * size).ok()
}

/// Bytes of resident pages that hold nothing live; the system's allocator does not say.
#[cfg(not(feature = "jemalloc"))]
pub fn free_bytes() -> Option<u64> {
    None
}

/// Gives pages that hold nothing live back to the system.
///
/// # Errors
/// None: a system whose allocator cannot be asked keeps its pages.
#[cfg(not(feature = "jemalloc"))]
pub fn release_free_memory() -> Result<(), ReleaseError> {
    #[cfg(all(target_os = "linux", target_env = "gnu"))]
    {
        unsafe extern "C" {
            fn malloc_trim(pad: usize) -> i32;
        }
        // SAFETY: glibc documents malloc_trim as callable at any time from any thread.
        unsafe {
            malloc_trim(0);
        }
    }
    Ok(())
}

/// Bytes in live allocations; the system's allocator does not say.
#[cfg(not(feature = "jemalloc"))]
pub fn allocated_bytes() -> Option<u64> {
    None
}

/// Asks the system to back an area by large pages, so that not each page of 4 KiB costs a
/// fault when it is first written to. For areas that will be filled from their beginning on:
/// what is never written to may come to take memory, up to a large page at either end. A
/// system that has none does nothing.
pub fn want_large_pages<T>(area: &mut [MaybeUninit<T>]) {
    #[cfg(target_os = "linux")]
    {
        use std::ffi::{c_int, c_void};

        /// Of most processors; where they are larger, less is asked for.
        const LARGE: usize = 1 << 21;
        const MADV_HUGEPAGE: c_int = 14;
        unsafe extern "C" {
            fn madvise(address: *mut c_void, length: usize, advice: c_int) -> c_int;
        }
        // From the large page on that it begins in, to the last that is all in it.
        let begin = area.as_mut_ptr().cast::<c_void>();
        let before = begin.addr() % LARGE;
        let length = (before + size_of_val(area)) / LARGE * LARGE;
        if size_of_val(area) >= LARGE {
            // SAFETY: the advice changes what pages are made of, not what they hold: memory
            // beside the area may be anyone's.
            let _ = unsafe { madvise(begin.wrapping_byte_sub(before), length, MADV_HUGEPAGE) };
        }
    }
    #[cfg(not(target_os = "linux"))]
    let _ = area;
}

#[cfg(test)]
mod tests {
    use std::mem::MaybeUninit;

    #[test]
    fn areas_hold_what_they_held() {
        let mut words: Vec<u64> = (0..1 << 20).collect();
        words.reserve(1 << 20);
        super::want_large_pages(words.spare_capacity_mut());
        let mut area: Vec<MaybeUninit<u64>> = words.iter().copied().map(MaybeUninit::new).collect();
        super::want_large_pages(&mut area);
        words.extend(0..1 << 20);
        // SAFETY: all were written.
        assert!(
            area.iter()
                .zip(0..)
                .all(|(word, number)| unsafe { word.assume_init() } == number)
        );
        assert!(words.iter().copied().eq((0..1 << 20).chain(0..1 << 20)));
    }

    #[test]
    fn small_areas_are_left_alone() {
        super::want_large_pages::<u64>(&mut []);
        super::want_large_pages(&mut [MaybeUninit::new(1_u8); 3]);
    }

    #[test]
    fn releasing_succeeds() {
        assert_eq!(super::release_free_memory(), Ok(()));
    }

    #[cfg(feature = "jemalloc")]
    #[global_allocator]
    static ALLOCATOR: tikv_jemallocator::Jemalloc = tikv_jemallocator::Jemalloc;

    #[cfg(feature = "jemalloc")]
    #[test]
    fn free_pages_are_those_that_were_touched_and_freed() {
        const MIB: u64 = 1 << 20;
        let free = || {
            super::allocated_bytes();
            super::free_bytes().unwrap()
        };
        super::release_free_memory().unwrap();
        let before = free();
        let untouched: Vec<u8> = Vec::with_capacity(64 << 20);
        assert!(free() <= before + MIB, "untouched memory is not resident");
        let touched: Vec<Vec<u8>> = (0..64).map(|_| vec![1; 1 << 20]).collect();
        drop(touched);
        assert!(free() > before + 32 * MIB, "freed pages stay resident");
        super::release_free_memory().unwrap();
        assert!(free() <= before + MIB, "released pages are gone");
        drop(untouched);
    }
}

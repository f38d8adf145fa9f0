//! Names that were applied lately, `($f $x)` with a name for `$f`: a call whose head is a
//! value costs little more than one whose head is written.

use crate::fast::cell::Cell;
use crate::fast::code::{ANY, TypeId};

/// What a name was applied as.
#[derive(Clone, Copy)]
pub(super) struct Callee {
    pub(super) function: u32,
    /// The types that its arguments have to be of.
    pub(super) types: [TypeId; 3],
    /// Whether it has types at all.
    pub(super) is_typed: bool,
}

impl Callee {
    pub(super) fn untyped(function: u32) -> Callee {
        Callee {
            function,
            types: [ANY; 3],
            is_typed: false,
        }
    }
}

/// The functions for names, by how many arguments they are applied to and for which type of
/// the result; each at a place by its bits.
pub(super) struct Applied {
    known: Box<[(u64, Callee); Applied::PLACES]>,
}

impl Applied {
    const PLACES: usize = 64;
    /// In the place of a number of arguments: that it is a name without types.
    pub(super) const UNTYPED: u8 = u8::MAX;
    /// With a number of arguments: that types were decided when the code was made.
    pub(super) const DECIDED: u8 = 0x40;

    /// With a number of arguments: what such calls of a name tell of types, in place of a function.
    pub(super) const TELLING: u8 = 0x80;

    /// The number of arguments alone.
    pub(super) fn count(count: u8) -> u8 {
        count & !Applied::DECIDED
    }

    pub(super) fn new() -> Applied {
        // No key is like this.
        Applied {
            known: Box::new([(u64::MAX, Callee::untyped(0)); Applied::PLACES]),
        }
    }

    fn key(head: Cell, count: u8, expected: TypeId) -> u64 {
        head.0 << 24 | u64::from(expected) << 8 | u64::from(count)
    }

    fn place(key: u64) -> usize {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        (key.wrapping_mul(ODD) >> 58) as usize
    }

    #[inline(always)]
    pub(super) fn find(&self, head: Cell, count: u8, expected: TypeId) -> Option<&Callee> {
        let key = Applied::key(head, count, expected);
        let (known, callee) = &self.known[Applied::place(key)];
        (*known == key && head.is_symbol()).then_some(callee)
    }

    /// Notes the function of a name.
    pub(super) fn note(&mut self, head: Cell, count: u8, expected: TypeId, callee: Callee) {
        let key = Applied::key(head, count, expected);
        self.known[Applied::place(key)] = (key, callee);
    }
}

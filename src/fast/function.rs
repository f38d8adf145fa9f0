//! The rules of one head and arity, as code has them.

use smallvec::SmallVec;

use crate::fast::cell::Header;
use crate::fast::code::{Pc, Slot, TypeId};
use crate::fast::types::ValueType;
use crate::space::Version;

/// The rules of one head and arity, for results expected to be of one type.
pub(super) struct Function {
    pub(super) symbol: u32,
    pub(super) arity: usize,
    pub(super) expected: TypeId,
    pub(super) state: State,
    /// The version of its rules.
    pub(super) version: Version,
    /// Whether its arguments may be of any type, once compiled.
    pub(super) is_untyped: bool,
    /// Where calls begin, once compiled.
    pub(super) pc: Pc,
    /// Words of a frame.
    pub(super) size: Slot,
    /// The type of calls that are data, if that is known; else 0.
    pub(super) data_type: u16,
    /// Whether that depends on the types of arguments.
    pub(super) types_elements: bool,
    /// The type of its name, if calls have none of their own and it is known; else 0.
    pub(super) head_type: u16,
    /// [`OPEN`](crate::fast::cell::Header::OPEN) if calls that are data are of no type, else nothing.
    pub(super) open: u64,
    /// What headers of calls have that are data without variables: that it is, and
    /// [`REMADE`](crate::fast::cell::Header::REMADE) if that holds of them.
    pub(super) whole: u64,
    /// Data that is made by code which knows its type: what of, by number; 0 for any other.
    pub(super) made: u32,
    /// Whether elements before the last of such data are still to be looked at.
    pub(super) looks_before_last: bool,
    /// The types that its first elements are to have; 0 for any.
    pub(super) parts: [u16; 3],
    /// The type that the last element of such data is to be of; 0 for any that it has.
    pub(super) last_type: u16,
    /// What is known of the elements of calls that no rule is for.
    pub(super) elements: Elements,
    /// Its rules, where they are tried one by one.
    pub(super) table: u32,
    /// How often it was compiled with facts that its rules look for.
    pub(super) with_facts: u8,
    /// How often some pattern was asked for by then.
    pub(super) asked: u32,
    /// Whether it is to have ways to facts for variables at places that tell them apart.
    pub(super) opens: bool,
}

impl Function {
    /// The number of no function.
    pub(super) const NONE: u32 = u32::MAX;

    /// Of which nothing is known yet.
    pub(super) fn new(symbol: u32, arity: usize, expected: TypeId) -> Function {
        Function {
            symbol,
            arity,
            expected,
            state: State::Unknown,
            version: Version::default(),
            is_untyped: false,
            pc: 0,
            size: 0,
            data_type: 0,
            types_elements: false,
            head_type: 0,
            open: 0,
            whole: Header::ELEMENTS,
            made: 0,
            looks_before_last: false,
            parts: [0; 3],
            last_type: 0,
            elements: Elements::Seen,
            table: u32::MAX,
            with_facts: 0,
            asked: 0,
            opens: false,
        }
    }
}

/// What code that makes a call knows of its elements, where no rule is for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Elements {
    /// They are of the types that they were seen to be of: if they were evaluated the call is data.
    Seen,
    /// They may be of others, so that it may be ill-typed by now: their types tell, if it was never one
    /// of a rule, else evaluating it again.
    Unsettled,
    /// As `Seen`, of a call that has a type, and some of them are evaluated to others.
    Remade,
    /// They are as they were given, and not all of them were evaluated: it is a result all the same.
    Kept,
}

/// Whether a function may make data that is ill-typed by what its elements are evaluated to: as of when, and whose rules
/// that depends on.
pub(super) struct Retyped {
    pub(super) epoch: u32,
    pub(super) may_be: bool,
    pub(super) asked: Vec<(u32, usize)>,
}

/// Rules that code of others has in itself.
#[derive(Clone, Copy)]
pub(super) struct Inlined {
    pub(super) symbol: u32,
    pub(super) arity: usize,
    /// Their version.
    pub(super) version: Version,
    /// When they were last seen to be of it.
    pub(super) epoch: u32,
    /// Whether there are none, and no types, so that calls are data.
    pub(super) is_data: bool,
}

/// Data whose type is known where code makes it.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub(super) struct Made {
    /// Its type, if its elements are of these.
    pub(super) found: ValueType,
    /// The types that elements are still to be seen to have; `None` for those that have it.
    pub(super) parts: SmallVec<[Option<ValueType>; 4]>,
    /// Whether some of them are evaluated to others.
    pub(super) is_remade: bool,
}

impl Made {
    /// Whether one of these elements is to be looked at.
    pub(super) fn looks_at(parts: &[Option<ValueType>]) -> bool {
        parts.iter().any(Option::is_some)
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum State {
    Unknown,
    /// Other rules have changed: these may be what they were.
    CompiledBefore,
    DataBefore,
    /// Rules, compiled.
    Compiled,
    /// No rule: calls are data.
    Data,
    /// Calls go to the plain evaluator.
    Plain,
}

impl State {
    /// Whether it has to be looked at again before the next call.
    pub(super) fn is_unsure(self) -> bool {
        matches!(
            self,
            State::Unknown | State::CompiledBefore | State::DataBefore
        )
    }
}

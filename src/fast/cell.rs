//! Cells: the terms of one evaluation, as 8-byte tagged words.
//!
//! A cell holds a small integer, a symbol, a truth value or a character inline; anything else
//! is an index into the heap or into the table of host values. Variables are
//! heap words of their own, never inside an expression, so that the collector
//! can move them.

/// One term, or a word of the heap.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct Cell(pub(super) u64);

const TAG: u64 = 7;
const INT: u64 = 0;
const REF: u64 = 1;
const SYM: u64 = 2;
const EXP: u64 = 3;
const FLT: u64 = 4;
const BOX: u64 = 5;
const BOOL: u64 = 6;
const HDR: u64 = 7;
/// Characters are told from truth values, and other words of their kind, by being at least this.
const FIRST_CHAR: u64 = 4;

/// From here on numbers of host values are those of operations.
pub(super) const OPERATIONS: u32 = 3 << 30;

/// What a cell is, for code that handles every kind.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Kind {
    /// A small integer.
    Int(i64),
    /// A variable: the heap word that holds what it stands for, or itself.
    Ref(usize),
    /// A symbol, by its number in the machine's table.
    Sym(u32),
    /// An expression: the heap index of its header.
    Exp(usize),
    /// A double: the heap index of its header; the bits are the next word.
    Flt(usize),
    /// Another host value, by its number in the table.
    Box(u32),
    /// A truth value.
    Bool(bool),
    /// A character.
    Char(char),
}

impl Cell {
    pub(super) const TRUE: Cell = Cell((1 << 3) | BOOL);
    pub(super) const FALSE: Cell = Cell(BOOL);

    /// A word that is no term, and points nowhere.
    pub(super) const fn spare() -> Cell {
        Cell((2 << 3) | BOOL)
    }

    /// In the place of the last element of an expression that is still to get it.
    pub(super) const HOLE: Cell = Cell((3 << 3) | BOOL);

    /// `None` if it takes more than 61 bits.
    pub(super) fn int(value: i64) -> Option<Cell> {
        let word = value << 3;
        (word >> 3 == value).then_some(Cell(word as u64))
    }

    /// A small constant.
    pub(super) fn small(value: i32) -> Cell {
        Cell((i64::from(value) << 3) as u64)
    }

    pub(super) fn reference(at: usize) -> Cell {
        Cell(((at as u64) << 3) | REF)
    }

    pub(super) fn symbol(id: u32) -> Cell {
        Cell((u64::from(id) << 3) | SYM)
    }

    pub(super) fn expression(at: usize) -> Cell {
        Cell(((at as u64) << 3) | EXP)
    }

    pub(super) fn float(at: usize) -> Cell {
        Cell(((at as u64) << 3) | FLT)
    }

    pub(super) fn boxed(id: u32) -> Cell {
        Cell((u64::from(id) << 3) | BOX)
    }

    /// An operation that has a cell of its own, by its number.
    pub(super) fn operation(number: u32) -> Cell {
        Cell::boxed(OPERATIONS + number)
    }

    pub(super) fn boolean(value: bool) -> Cell {
        if value { Cell::TRUE } else { Cell::FALSE }
    }

    pub(super) fn character(value: char) -> Cell {
        Cell(((u64::from(value) + FIRST_CHAR) << 3) | BOOL)
    }

    #[inline(always)]
    pub(super) fn is_ref(self) -> bool {
        self.0 & TAG == REF
    }

    #[inline(always)]
    pub(super) fn is_int(self) -> bool {
        self.0 & TAG == INT
    }

    #[inline(always)]
    pub(super) fn are_ints(self, other: Cell) -> bool {
        (self.0 | other.0) & TAG == INT
    }

    #[inline(always)]
    pub(super) fn is_exp(self) -> bool {
        self.0 & TAG == EXP
    }

    #[inline(always)]
    pub(super) fn is_float(self) -> bool {
        self.0 & TAG == FLT
    }

    #[inline(always)]
    pub(super) fn is_symbol(self) -> bool {
        self.0 & TAG == SYM
    }

    #[inline(always)]
    pub(super) fn is_box(self) -> bool {
        self.0 & TAG == BOX
    }

    #[inline(always)]
    pub(super) fn is_header(self) -> bool {
        self.0 & TAG == HDR
    }

    #[inline(always)]
    pub(super) fn is_bool(self) -> bool {
        self.0 & !(Cell::TRUE.0 ^ Cell::FALSE.0) == BOOL
    }

    #[inline(always)]
    pub(super) fn is_char(self) -> bool {
        self.0 & TAG == BOOL && self.0 >= FIRST_CHAR << 3
    }

    /// Whether it is an operation that has a cell of its own.
    #[inline(always)]
    pub(super) fn is_operation(self) -> bool {
        self.is_box() && self.0 >= Cell::boxed(OPERATIONS).0
    }

    /// Whether it is a symbol or such an operation: what tells calls and data apart that it
    /// heads.
    #[inline(always)]
    pub(super) fn is_name(self) -> bool {
        self.is_symbol() || self.is_operation()
    }

    /// Whether it points nowhere: equal words are equal terms.
    #[inline(always)]
    pub(super) fn is_immediate(self) -> bool {
        const IMMEDIATE: u64 = 1 << INT | 1 << SYM | 1 << BOOL;
        IMMEDIATE >> (self.0 & TAG) & 1 != 0
    }

    /// The index of a reference, expression, double or host value.
    #[inline(always)]
    pub(super) fn at(self) -> usize {
        (self.0 >> 3) as usize
    }

    /// The value of a small integer.
    #[inline(always)]
    pub(super) fn as_int(self) -> i64 {
        (self.0 as i64) >> 3
    }

    pub(super) fn kind(self) -> Kind {
        match self.0 & TAG {
            INT => Kind::Int(self.as_int()),
            REF => Kind::Ref(self.at()),
            SYM => Kind::Sym(self.at() as u32),
            EXP => Kind::Exp(self.at()),
            FLT => Kind::Flt(self.at()),
            BOX => Kind::Box(self.at() as u32),
            BOOL => match (self.0 >> 3).checked_sub(FIRST_CHAR) {
                Some(code) => Kind::Char(char::from_u32(code as u32).unwrap_or('\u{fffd}')),
                None => Kind::Bool(self == Cell::TRUE),
            },
            _ => unreachable!("a header is no term"),
        }
    }
}

/// The first word of an expression or double on the heap: flags, type, arity.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Header(pub(super) u64);

impl Header {
    /// What kind of word it is.
    pub(super) const TAG: u64 = TAG;
    /// No variable is in it.
    pub(super) const GROUND: u64 = 1 << 3;
    /// It is a result that evaluates to itself; where variables are in it, only as a
    /// part of another expression.
    pub(super) const EVALUATED: u64 = 1 << 4;
    /// It is `(Error …)`.
    pub(super) const ERROR: u64 = 1 << 5;
    /// The bits of a double follow.
    pub(super) const FLOAT: u64 = 1 << 6;
    /// A tail of another expression: that expression and an offset follow.
    pub(super) const SLICE: u64 = 1 << 7;
    /// Moved by the collector: the arity is the new index.
    pub(super) const MOVED: u64 = 1 << 8;
    /// Its elements evaluate to themselves. Only ever with `GROUND`.
    pub(super) const ELEMENTS: u64 = 1 << 9;
    /// It is data, as is all that it is made of, but for variables in it: it evaluates to
    /// itself for as long as these stand for such (see [`open`](super::open)). Never with
    /// `GROUND`, nor of what has a type.
    pub(super) const OPEN: u64 = 1 << 24;
    /// It is data of a type, some elements of which were evaluated to others when it was made: where a
    /// rule hands it on for the first time, it is typed again. Only with `GROUND` and `EVALUATED`, and
    /// not of elements of other data.
    pub(super) const REMADE: u64 = 1 << 25;
    /// Where the arity begins.
    pub(super) const ARITY: u32 = 26;
    /// It is data that evaluates to itself, as do its elements.
    pub(super) const DATA: u64 = Header::EVALUATED | Header::ELEMENTS;

    pub(super) fn new(arity: usize, flags: u64) -> Header {
        Header(((arity as u64) << Header::ARITY) | flags | HDR)
    }

    #[inline(always)]
    pub(super) fn arity(self) -> usize {
        (self.0 >> Header::ARITY) as usize
    }

    #[inline(always)]
    pub(super) fn has(self, flags: u64) -> bool {
        self.0 & flags == flags
    }
}

impl std::fmt::Debug for Cell {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if self.is_header() {
            return write!(f, "header/{}", Header(self.0).arity());
        }
        write!(f, "{:?}", self.kind())
    }
}

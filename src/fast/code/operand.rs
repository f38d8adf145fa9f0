//! What instructions are about: operands, and which of several things each does.

use super::{SLOTS, Slot};

/// Operands: where in the table of operands their number stands, and then they.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fast) struct Operands(pub(in crate::fast) u32);

/// One operand: a slot, or a constant.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fast) struct Operand(pub(in crate::fast) u32);

const CONSTANT: u32 = 1 << 31;

impl Operand {
    pub(in crate::fast) fn slot(slot: Slot) -> Operand {
        Operand(u32::from(slot))
    }

    pub(in crate::fast) fn constant(index: u32) -> Operand {
        Operand(index | CONSTANT)
    }

    /// Not an operand but a number among operands.
    pub(in crate::fast) fn number(number: u32) -> Operand {
        Operand(number)
    }

    #[inline(always)]
    pub(in crate::fast) fn is_constant(self) -> bool {
        self.0 & CONSTANT != 0
    }

    #[inline(always)]
    pub(in crate::fast) fn index(self) -> usize {
        (self.0 & !CONSTANT) as usize
    }
}

/// An argument of a call that is made at once if all its arguments are what they have
/// to be for that: a slot, and what has to hold of the value or is done with it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fast) struct Quick(u16);

/// What a [`Quick`] argument is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fast) enum QuickKind {
    AsIs,
    /// It has to evaluate to itself, as is plainly seen.
    Plain,
    /// A small integer that this is added to.
    Sum(i64),
    /// Not a slot: the constant of this number.
    Constant(u32),
}

impl Quick {
    const SHIFT: u32 = SLOTS.trailing_zeros();
    /// The code for adding nothing; less are for less.
    const ZERO: i64 = 9;
    const CONSTANT: u16 = 15;

    pub(in crate::fast) fn as_is(slot: Slot) -> Quick {
        Quick(slot)
    }

    pub(in crate::fast) fn plain(slot: Slot) -> Quick {
        Quick(slot | 1 << Quick::SHIFT)
    }

    /// `None` for one of the later constants.
    pub(in crate::fast) fn constant(index: u32) -> Option<Quick> {
        let index = u16::try_from(index).ok()?;
        (usize::from(index) < SLOTS).then_some(Quick(index | Quick::CONSTANT << Quick::SHIFT))
    }

    /// `None` for more than a few.
    pub(in crate::fast) fn sum(slot: Slot, added: i64) -> Option<Quick> {
        let code = added.checked_add(Quick::ZERO)?;
        (2..i64::from(Quick::CONSTANT))
            .contains(&code)
            .then_some(Quick(slot | (code as u16) << Quick::SHIFT))
    }

    #[inline(always)]
    pub(in crate::fast) fn slot(self) -> Slot {
        self.0 & (SLOTS as u16 - 1)
    }

    #[inline(always)]
    pub(in crate::fast) fn kind(self) -> QuickKind {
        match self.0 >> Quick::SHIFT {
            0 => QuickKind::AsIs,
            1 => QuickKind::Plain,
            Quick::CONSTANT => QuickKind::Constant(u32::from(self.slot())),
            code => QuickKind::Sum(i64::from(code) - Quick::ZERO),
        }
    }
}

/// Whether evaluating its elements changed a call that the plain evaluator makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fast) enum Changed {
    No,
    Yes,
    /// If a slot tells that its first argument was a variable that stood for nothing, and it is none
    /// any more.
    IfBound {
        open: Slot,
    },
}

/// What becomes of what a rule gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fast) enum Gives {
    /// It is evaluated.
    Value,
    /// It is the result of the call.
    Atom,
    /// It is what one step gives.
    Step,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fast) enum Arithmetic {
    Add,
    Subtract,
    Multiply,
    Divide,
    Remainder,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fast) enum Comparison {
    Less,
    Greater,
    LessEqual,
    GreaterEqual,
}

impl Comparison {
    /// Whether it holds of terms in this order.
    #[inline(always)]
    pub(in crate::fast) fn holds(self, order: std::cmp::Ordering) -> bool {
        // A bit for each order in which it holds: less, equal, greater.
        const HOLDS: [u8; 4] = [0b001, 0b100, 0b011, 0b110];
        HOLDS[self as usize] >> (order as i8 + 1) & 1 != 0
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fast) enum Logic {
    And,
    Or,
    Xor,
}

impl Logic {
    #[inline(always)]
    pub(in crate::fast) fn of(self, left: bool, right: bool) -> bool {
        match self {
            Logic::And => left && right,
            Logic::Or => left || right,
            Logic::Xor => left != right,
        }
    }
}

/// What is told to whoever watches.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fast) enum Watched {
    /// A function is called.
    Call,
    /// An expression that was compiled while running begins.
    Expression,
    /// The head of a rule has matched.
    Rule { rule: u32, function: u32 },
    /// The body of a rule gives this.
    Exit(Operand),
    /// It gives what was taken last.
    ExitResult,
    /// A last call comes, made as any other unless frames are too many: then it is made
    /// as one, at the place that goes with this.
    Last,
}

/// What a parameter of a meta-type takes as it is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::fast) enum AtomKind {
    Expression,
    Symbol,
    Grounded,
    /// What stands for nothing.
    Variable,
    /// What is no name and no call, so that a list of results which it heads is data: a value of the
    /// host that is no operation, or data.
    NoName,
    /// A function without a name.
    Lambda,
    /// A result that nothing is known of the type of, where calls of calls have rules: a list that it
    /// heads may be such a call.
    Called,
    /// What plainly evaluates to itself.
    Own,
    /// What an argument of any type is evaluated from: anything but calls of what returns a
    /// meta-type, which are arguments as they stand.
    Argument,
    /// The same, but what stands for nothing.
    BoundArgument,
}

/// A change of a space.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fast) enum Change {
    Add,
    Remove,
}

/// What a value is that is evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::fast) enum Of {
    /// An argument: `Empty` and errors that stand there are values.
    Argument,
    /// What a rule, a form or an operation gave: a `function` runs on.
    Result,
    /// A part of an expression.
    Element,
    /// A part of a list that an operation gave: an error is one however many parts it has.
    Part,
}

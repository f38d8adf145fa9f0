//! Calls whose types are decided when they are made: what of them is asked, and what was decided lately.

use std::sync::Arc;

use smallvec::SmallVec;

use crate::atom::Atom;
use crate::fast::cell::Cell;
use crate::fast::code::{Operand, Slot, TypeId};
use crate::fast::types::Arguments;

/// What the type of an expression depends on.
#[derive(Clone)]
pub(super) enum Tree {
    /// A constant, or the value in a slot.
    Value(Operand),
    /// The same, of which nothing is looked at if it is an expression.
    Expression(Operand),
    /// The value in a slot, which an argument was evaluated to; whether it was made for that,
    /// if it is an expression.
    Told(Slot, bool),
    /// The value in a slot, which an argument was evaluated to.
    Result(Slot),
    /// The value in a slot, which a call of what a variable stands for was evaluated to; as it was told of
    /// before, if that is no name without types.
    Named(Box<Tree>, Slot, Applied),
    /// A variable that stands for nothing.
    Unknown,
    /// An expression that is known to be of a type.
    Known(TypeId),
    /// An expression, its head first.
    Call(Vec<Tree>),
}

impl Tree {
    /// The slot of the head, if that is a value.
    pub(super) fn head_slot(&self) -> Option<Slot> {
        match self {
            Tree::Call(parts) => match parts.first() {
                Some(Tree::Value(head)) if !head.is_constant() => Some(head.index() as Slot),
                _ => None,
            },
            _ => None,
        }
    }
}

/// A call whose types are decided when it is made.
pub(super) struct Site {
    /// The constant that is its head.
    pub(super) head: Cell,
    /// The function types of that, if there are several: the first is meant that arguments fit.
    pub(super) several: Option<Arc<[Atom]>>,
    /// The type that its result is expected to be of.
    pub(super) expected: Expected,
    pub(super) arguments: Vec<SiteArgument>,
    /// Whether the type of the result is of any consequence.
    pub(super) evaluates_result: bool,
    /// The slots on whose values its types depend.
    pub(super) leaves: Vec<Leaf>,
}

/// What evaluating an argument tells of what type variables stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tells {
    /// That is not known before.
    Unclear,
    /// Nothing, whatever its value is.
    Nothing,
    /// This type, whatever its value is.
    Type(TypeId),
    /// The type of its value; if that is an expression nothing, or what its operation says.
    Value,
    /// The type of its value, which is no expression but one that was made then.
    Made,
    /// What the name tells that a variable stands for, of which it is a call.
    Named,
}

impl Tells {
    /// Whether it tells something, and it is known what.
    pub(super) fn is_clear(self) -> bool {
        matches!(
            self,
            Tells::Type(_) | Tells::Value | Tells::Made | Tells::Named
        )
    }
}

/// A slot that types depend on.
pub(super) struct Leaf {
    pub(super) slot: Slot,
    pub(super) place: LeafPlace,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum LeafPlace {
    /// An argument, evaluated before the call is made.
    Argument,
    /// A head inside of an argument.
    Head,
    /// What an argument was evaluated to, which tells no type if it is an expression.
    Told,
    /// The same, but of an expression that was made then the function of its head tells.
    Made,
    /// What an argument was evaluated to, as for [`Tells::Value`].
    Result,
    /// What calls of a name with so many arguments tell.
    Named(u8),
    /// What a call of such a name was evaluated to.
    ResultOf(Applied),
    /// Anything else.
    Part,
}

/// The head of a call of what a variable stands for, in a slot, and how many arguments that has.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Applied {
    pub(super) head: Slot,
    pub(super) count: u8,
}

/// A type that is expected: known, or told by the call around it, in a slot.
#[derive(Clone, Copy)]
pub(super) enum Expected {
    Known(TypeId),
    Told(Slot),
}

/// An argument of a call whose types are decided when it is made.
#[derive(Clone)]
pub(super) struct SiteArgument {
    pub(super) tree: Tree,
    /// Whether it is taken as written.
    pub(super) as_written: bool,
    pub(super) told: Told,
    /// What its value will have told of types once it was evaluated.
    pub(super) tells: Tells,
}

impl SiteArgument {
    /// Whether it is a call, evaluated before the call around it is made.
    pub(super) fn is_evaluated(&self) -> bool {
        !self.as_written && matches!(self.tree, Tree::Call(_) | Tree::Known(_))
    }
}

/// What an argument that is a call is told, in a slot, of the type that it is expected to be of.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Told {
    /// Nothing: its own type has to say as much.
    Nothing,
    /// Nothing, since what is expected makes no difference to it.
    Free,
    /// The type.
    Type(Slot),
    /// The function of this symbol and arity for that type.
    Function(Slot, u32, usize),
    /// The type, if it is a call of a name without types; with [`FURTHER`] if what it was evaluated to tells
    /// more.
    Applied(Slot, Applied),
}

/// Beside a type that an argument is told.
pub(super) const FURTHER: u32 = 1 << 16;

/// What calls of a name tell of what type variables stand for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Telling {
    /// It is no name without types.
    Other,
    /// They are data: what is expected of them makes no difference.
    Free,
    /// What their values tell.
    As(Tells),
}

impl Telling {
    /// So many types are told.
    const TYPES: u16 = 1 << 10;

    /// In less bits than an argument has for its type.
    pub(super) fn packed(self) -> u16 {
        match self {
            Telling::Other => 1,
            Telling::Free => 2,
            Telling::As(Tells::Nothing) => 3,
            Telling::As(Tells::Value) => 4,
            Telling::As(Tells::Made) => 5,
            Telling::As(Tells::Type(found)) if found < Telling::TYPES => 7 | found << 3,
            Telling::As(Tells::Type(_) | Tells::Unclear | Tells::Named) => 6,
        }
    }

    pub(super) fn of_packed(packed: u16) -> Telling {
        match packed & 7 {
            1 => Telling::Other,
            2 => Telling::Free,
            3 => Telling::As(Tells::Nothing),
            4 => Telling::As(Tells::Value),
            5 => Telling::As(Tells::Made),
            7 => Telling::As(Tells::Type(packed >> 3)),
            _ => Telling::As(Tells::Unclear),
        }
    }
}

/// What was decided for a site: by the types of its leaves, and what was expected of it,
/// the function, and what arguments are told.
pub(super) struct Decided {
    /// The types of its leaves as one word, if they are few.
    pub(super) packed: u128,
    pub(super) leaves: Arguments,
    pub(super) expected: TypeId,
    pub(super) function: u32,
    pub(super) told: SmallVec<[(Slot, u32); 2]>,
}

/// What was decided for a site lately.
#[derive(Default)]
pub(super) struct Lately {
    pub(super) known: Vec<Decided>,
    /// Which was found last: types that tell a length come one after the other.
    last: usize,
}

impl Lately {
    pub(super) fn clear(&mut self) {
        *self = Lately::default();
    }

    /// What was decided for leaves of these types.
    pub(super) fn find(&mut self, packed: u128, expected: TypeId) -> Option<&Decided> {
        let is_it = |known: &Decided| known.packed == packed && known.expected == expected;
        let (before, after) = self.known.split_at_checked(self.last)?;
        let place = match after.iter().position(is_it) {
            Some(place) => self.last + place,
            None => before.iter().position(is_it)?,
        };
        self.last = place;
        self.known.get(place)
    }
}

//! Relations: the rows that have one head and arity; rules and types also by what
//! they are about.

use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use smallvec::SmallVec;

use crate::atom::{Grounded, known};
use crate::space::column::RowList;
use crate::space::index::{Path, PathIndex, Paths, Posting};
use crate::space::probe::Probe;
use crate::space::token::{self, Payloads, Token, WILD};

/// Lists of rows up to this length are looked through before there is a choice of them.
pub(crate) const SHORT: usize = 8;

/// A list of so few rows is taken without looking for a shorter one, or making an index for it.
pub(super) const FEW: usize = 4;

/// With more rows than this that have what is asked for at each of several places, there is an index of two
/// places together.
const MANY: usize = 64;

/// A relation has no more such indexes.
const TOGETHER_MAX: usize = 4;

/// What tells relations apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum RelationKey {
    /// Atoms that unify with anything, or may equal it by rules of their own.
    Open,
    /// Symbols and host values.
    Leaves,
    /// Expressions of this arity whose head may be any: a variable, or a value that equals others by
    /// rules of its own.
    Headless(u32),
    /// Expressions of this arity whose head is an expression or a value, and the empty one.
    Otherwise(u32),
    /// Expressions by the token of their head symbol, and arity.
    Known(u32, u32),
    /// `(= …)` and `(: …)` of three elements, by the first of the three and what
    /// the second one is.
    About(u32, Subject),
    /// All rows of relations about subjects that have one head, once queries want them together.
    AllAbout(u32),
}

/// What a rule or a type is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(crate) enum Subject {
    /// An expression by the token of its head symbol, and arity.
    Call(u32, u32),
    /// A leaf by its key.
    Leaf(u32),
    /// A variable, or an expression without a head symbol.
    Open,
}

/// How many elements rules and types have.
pub(super) const SUBJECTS_ARITY: u32 = 3;

/// Whether three-element expressions with this head are told apart by subject.
pub(super) fn has_subjects(head: u32, arity: u32) -> bool {
    arity == SUBJECTS_ARITY
        && token::symbol_id(head)
            .is_some_and(|id| id == known().equal.id() || id == known().colon.id())
}

/// The relation of a stored atom.
pub(super) fn relation_of<P: Payloads + ?Sized>(tokens: &[u32], payloads: &P) -> RelationKey {
    let Some(arity) = token::arity_of(tokens[0]) else {
        return match Token::read(tokens, 0).0.key(payloads) {
            Some(_) => RelationKey::Leaves,
            None => RelationKey::Open,
        };
    };
    if arity == 0 {
        return RelationKey::Otherwise(arity);
    }
    if !token::is_symbol(tokens[1]) {
        return match Token::read(tokens, 1).0.key(payloads) {
            Some(_) => RelationKey::Otherwise(arity),
            None => RelationKey::Headless(arity),
        };
    }
    if !has_subjects(tokens[1], arity) {
        return RelationKey::Known(tokens[1], arity);
    }
    RelationKey::About(tokens[1], subject(&tokens[2..], payloads))
}

/// What the atom that begins the tokens is as a subject.
pub(super) fn subject<P: Payloads + ?Sized>(tokens: &[u32], payloads: &P) -> Subject {
    match token::arity_of(tokens[0]) {
        Some(arity) if arity > 0 && token::is_symbol(tokens[1]) => Subject::Call(tokens[1], arity),
        Some(_) => Subject::Open,
        None => match Token::read(tokens, 0).0.key(payloads) {
            Some(key) => Subject::Leaf(key),
            None => Subject::Open,
        },
    }
}

/// The token that heads types.
pub(super) fn colon() -> u32 {
    token::symbol(known().colon.id())
}

impl RelationKey {
    /// Whether its atoms may be what a pattern with a head symbol asks for, without having it.
    pub(super) fn is_headless(self) -> bool {
        matches!(self, RelationKey::Open | RelationKey::Headless(_))
    }

    /// By what relations are grouped for patterns without a known head.
    pub(super) fn group(self) -> Option<u32> {
        match self {
            RelationKey::Open | RelationKey::Leaves | RelationKey::AllAbout(_) => None,
            RelationKey::Headless(arity)
            | RelationKey::Otherwise(arity)
            | RelationKey::Known(_, arity) => Some(arity),
            RelationKey::About(..) => Some(SUBJECTS_ARITY),
        }
    }

    /// The token of the head symbol; `WILD` if it has none.
    pub(super) fn head(self) -> u32 {
        match self {
            RelationKey::Known(head, _)
            | RelationKey::About(head, _)
            | RelationKey::AllAbout(head) => head,
            RelationKey::Open
            | RelationKey::Leaves
            | RelationKey::Headless(_)
            | RelationKey::Otherwise(_) => WILD,
        }
    }

    /// The relation that has its rows, too, if there is one.
    pub(super) fn all(self) -> Option<RelationKey> {
        match self {
            RelationKey::About(head, _) => Some(RelationKey::AllAbout(head)),
            _ => None,
        }
    }

    /// Whether an index of that path would tell no rows of the relation apart.
    pub(super) fn implies(self, path: &[u32]) -> bool {
        match self {
            RelationKey::Open => true,
            RelationKey::Leaves => false,
            RelationKey::Headless(_) | RelationKey::Otherwise(_) => path.is_empty(),
            RelationKey::Known(..) | RelationKey::AllAbout(_) => matches!(path, [] | [0]),
            RelationKey::About(_, subject) => match subject {
                Subject::Open => matches!(path, [] | [0]),
                Subject::Leaf(_) | Subject::Call(..) => matches!(path, [] | [0] | [1] | [1, 0]),
            },
        }
    }
}

/// Tells whether rows changed: equal versions are of the same rows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Version {
    /// Differs after any change.
    pub(crate) changed: u64,
    /// Differs after any change but that rows were added at the end.
    pub(crate) cut: u64,
}

impl Version {
    /// The version of all that both are versions of.
    pub(crate) fn and(self, other: Version) -> Version {
        let mix = |one: u64, other: u64| {
            (one.rotate_left(25) ^ other).wrapping_mul(0xd6e8_feb8_6659_fd93)
        };
        Version {
            changed: mix(self.changed, other.changed),
            cut: mix(self.cut, other.cut),
        }
    }
}

pub(super) struct Relation {
    pub(super) key: RelationKey,
    /// Where it stands in its group.
    pub(super) place: u32,
    pub(super) rows: RowList,
    pub(super) version: Version,
    pub(super) paths: Vec<PathIndex>,
    /// How many rows of long lists queries had to look at since an index was made.
    pub(super) looked: AtomicUsize,
    /// Which expressions its rows may give types to.
    pub(super) typed: TypedHeads,
}

/// Which heads have the expressions that some rows may give types to, but for single names.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct TypedHeads {
    pub(crate) names: bool,
    pub(crate) expressions: bool,
    pub(crate) operations: bool,
    pub(crate) values: bool,
}

impl TypedHeads {
    const ALL: TypedHeads = TypedHeads {
        names: true,
        expressions: true,
        operations: true,
        values: true,
    };

    /// Those of what a row of a relation is about, if the row gives a type to something.
    pub(super) fn of_row<P: Payloads + ?Sized>(
        key: RelationKey,
        tokens: &[u32],
        payloads: &P,
    ) -> TypedHeads {
        let none = TypedHeads::default();
        match key {
            RelationKey::Open => TypedHeads::ALL,
            RelationKey::Headless(SUBJECTS_ARITY) => {
                let (_, head) = Token::read(tokens, 1);
                match subject(&tokens[head..], payloads) {
                    Subject::Call(..) => TypedHeads {
                        names: true,
                        ..none
                    },
                    Subject::Leaf(_) => none,
                    Subject::Open => TypedHeads::of_subject(&tokens[head..], payloads),
                }
            }
            RelationKey::About(head, Subject::Open) if head == colon() => {
                TypedHeads::of_subject(&tokens[2..], payloads)
            }
            _ => none,
        }
    }

    /// Those of a subject that is a variable, or an expression without a head symbol.
    fn of_subject<P: Payloads + ?Sized>(tokens: &[u32], payloads: &P) -> TypedHeads {
        let none = TypedHeads::default();
        match token::arity_of(tokens[0]) {
            None => TypedHeads::ALL,
            // The empty expression is of no type, whatever is told of it.
            Some(0) => none,
            Some(_) => match Token::read(tokens, 1).0 {
                Token::Expression(_) => TypedHeads {
                    expressions: true,
                    ..none
                },
                Token::Payload(place)
                    if matches!(payloads.payload(place), Grounded::Operation(_)) =>
                {
                    TypedHeads {
                        operations: true,
                        ..none
                    }
                }
                head if head.key(payloads).is_some() => TypedHeads {
                    values: true,
                    ..none
                },
                _ => TypedHeads::ALL,
            },
        }
    }

    pub(crate) fn add(&mut self, other: TypedHeads) {
        self.names |= other.names;
        self.expressions |= other.expressions;
        self.operations |= other.operations;
        self.values |= other.values;
    }
}

/// The rows of a relation that a probe has to look through.
pub(super) enum Choice<'a> {
    All(&'a RowList),
    Path(Posting<'a>, &'a RowList),
}

impl Choice<'_> {
    pub(super) fn len(&self) -> usize {
        match self {
            Choice::All(rows) => rows.len(),
            Choice::Path(posting, open) => posting.len() + open.len(),
        }
    }
}
impl Relation {
    /// The shortest list of rows that has all that the probe asks for.
    pub(super) fn choose(&self, probe: &Probe) -> Choice<'_> {
        let mut best = Choice::All(&self.rows);
        if self.paths.is_empty() || best.len() <= 2 {
            return best;
        }
        for index in &self.paths {
            let Some(key) = index.key_of(probe) else {
                continue;
            };
            let choice = Choice::Path(index.postings.get(key), &index.open);
            if choice.len() < best.len() {
                best = choice;
                if best.len() <= FEW {
                    break;
                }
            }
        }
        best
    }

    /// The few rows that an index has for what the probe asks for, if one has, and no others may
    /// be what is asked for. With all keys some of several may be told not to be.
    pub(super) fn few(&self, probe: &Probe) -> Option<(Posting<'_>, &RowList)> {
        let few = if probe.is_partial() { 1 } else { FEW };
        self.paths.iter().find_map(|index| {
            if index.open.len() > 0 {
                return None;
            }
            let posting = index.postings.get(index.key_of(probe)?);
            (posting.len() <= few).then_some((posting, &index.open))
        })
    }

    /// Takes out of `rows`, from `from` on, those that are not in the lists of all that the
    /// probe asks for, where looking into a list is cheaper than looking at rows. They are from the
    /// index that has `open`.
    pub(super) fn narrow(&self, probe: &Probe, open: &RowList, rows: &mut Vec<u32>, from: usize) {
        const LONGER: usize = 8;
        for index in &self.paths {
            let count = rows.len() - from;
            if count < 2 {
                return;
            }
            if std::ptr::eq(open, &index.open) {
                continue;
            }
            let Some(key) = index.key_of(probe).filter(|_| index.open.len() == 0) else {
                continue;
            };
            let posting = index.postings.get(key);
            if posting.len() <= LONGER * count {
                posting.retain_in(rows, from);
            }
        }
    }

    /// The first path whose index would perhaps shorten the choice; or two, if many rows have what is
    /// asked for at each.
    pub(super) fn wanted(&self, choice: &Choice<'_>, probe: &Probe) -> Option<Paths> {
        if choice.len() <= FEW {
            return None;
        }
        let mut places = probe.places().iter().map(|(path, _)| path);
        let path = places.find(|path| {
            !self.key.implies(path) && !self.paths.iter().any(|index| index.is_of(path))
        });
        match path {
            Some(path) => Some((path.clone(), None)),
            None if choice.len() > MANY => {
                // It is not made before they had to look at about as many rows as making it does.
                let before = self.looked.fetch_add(choice.len(), Relaxed);
                let is_worth = before >= self.rows.len() / 2;
                is_worth.then(|| self.wanted_together(probe))?
            }
            None => None,
        }
    }

    /// The two paths that tell most of what the probe asks for, unless there is an index of both.
    fn wanted_together(&self, probe: &Probe) -> Option<Paths> {
        let alone = self.paths.iter().filter(|index| index.and.is_none());
        let mut told: SmallVec<[(usize, &Path); 8]> = alone
            .filter_map(|index| {
                let rows = index.postings.get(index.key_of(probe)?);
                Some((rows.len() + index.open.len(), &index.path))
            })
            .collect();
        told.sort_by_key(|(rows, _)| *rows);
        let [(_, first), (_, second), ..] = *told.as_slice() else {
            return None;
        };
        let (first, second) = (first.min(second), first.max(second));
        let mut together = self.paths.iter().filter(|index| index.and.is_some());
        let is_there = together.clone().count() == TOGETHER_MAX
            || together.any(|index| index.path == *first && index.and.as_ref() == Some(second));
        (!is_there).then(|| (first.clone(), Some(second.clone())))
    }

    /// Adds an index. One of two paths is looked into first: it tells more.
    pub(super) fn add(&mut self, index: PathIndex) {
        let place = match index.and {
            Some(_) => 0,
            None => self.paths.len(),
        };
        self.paths.insert(place, index);
        self.looked = AtomicUsize::new(0);
    }
}

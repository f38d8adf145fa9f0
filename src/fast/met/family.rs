//! Types that differ only by what stands in them, as `(Vec (S Z) Number)` and `(Vec Z Number)`.
//!
//! A family is a type like its members with *open parts*, which are names that no program can write:
//! what can be told of the family, by unifying types, holds of all its members, whatever these parts
//! are. Nothing may be expected to be of such a type, as no value is. Families that were found
//! together have an open part in common where their members have what stands there in common.

use std::sync::LazyLock;

use smallvec::SmallVec;

use super::{MET, Met, Sort, Version};
use crate::atom::{Atom, known};
use crate::fast::cell::{Cell, Header};
use crate::fast::code::Slot;
use crate::fast::heap::{Heap, TYPE_BITS};
use crate::fast::stack::{FRAME, place};
use crate::fast::types::{Argument, ArgumentKind, ValueType, ValueTypes};
use crate::types;

/// So many parts are left open.
const OPEN_MAX: usize = 8;
/// Families are asked for by the types of so many values.
const FAMILIES_MAX: usize = 4;
/// For so many combinations of types it is remembered whether they are of their families.
const PLACES: usize = 256;
/// What differs is an open part at this depth at most.
pub(in crate::fast) const DEPTHS: [u8; 2] = [0, 1];

/// What open parts are.
static OPEN: LazyLock<[Atom; OPEN_MAX]> =
    LazyLock::new(|| std::array::from_fn(|number| Atom::symbol(&format!("open part {number}"))));

fn open_part(atom: &Atom) -> Option<usize> {
    let Atom::Symbol(_) = atom else {
        return None;
    };
    OPEN.iter().position(|open| open == atom)
}

/// Whether a type has open parts.
pub(in crate::fast) fn is_open(atom: &Atom) -> bool {
    any_leaf(atom, |leaf| open_part(leaf).is_some())
}

fn any_leaf(atom: &Atom, is_it: impl Fn(&Atom) -> bool) -> bool {
    let mut pending = vec![atom];
    while let Some(atom) = pending.pop() {
        match atom.as_expression() {
            Some(parts) => pending.extend(parts),
            None if is_it(atom) => return true,
            None => {}
        }
    }
    false
}

/// Whether all that a type is made of stands for itself only.
fn is_plain(found: &Atom) -> bool {
    let is_special = |leaf: &Atom| {
        types::is_undefined(leaf) || types::is_meta_type(leaf) || leaf.is_symbol(&known().arrow)
    };
    found.is_ground() && !any_leaf(found, is_special)
}

/// The type that is like both, with what they differ by left open; `open` has what was left open before.
fn like_both(one: &Atom, other: &Atom, depth: u8, open: &mut Vec<(Atom, Atom)>) -> Option<Atom> {
    let (parts, others) = (one.as_expression()?, other.as_expression()?);
    if parts.len() != others.len() || parts.first() != others.first() {
        return None;
    }
    let pairs = parts.iter().zip(others);
    let made: Option<Vec<Atom>> = pairs
        .map(|(part, other)| {
            if part == other {
                return Some(part.clone());
            }
            let deeper = depth.checked_sub(1);
            let like = deeper.and_then(|depth| like_both(part, other, depth, open));
            if like.is_some() {
                return like;
            }
            let pair = (part.clone(), other.clone());
            let number = open.iter().position(|known| *known == pair);
            let number = number.unwrap_or_else(|| {
                open.push(pair);
                open.len() - 1
            });
            OPEN.get(number).cloned()
        })
        .collect();
    made.map(Atom::expression)
}

/// What values of a family look like.
fn word() -> u64 {
    Header::new(0, Header::GROUND | Header::EVALUATED).0 & MET
}

/// What is as one of two versions, where variables may be of families that the types which they had are of.
pub(in crate::fast) fn of_both(
    one: &Version,
    other: &Version,
    depth: u8,
    types: &mut ValueTypes,
) -> Option<Version> {
    if one.len() != other.len() {
        return None;
    }
    let mut open = Vec::new();
    let made: Option<Version> = one
        .iter()
        .zip(other)
        .map(
            |(one, other)| match (one.sorts.as_slice(), other.sorts.as_slice()) {
                ([a], [b]) if one.number == other.number && a.argument != b.argument => {
                    let [a, b] = [a, b].map(|sort| {
                        let found = types.atom(sort.argument.found())?;
                        let is_member = Cell(sort.word).is_header() && is_plain(found);
                        is_member.then(|| found.clone())
                    });
                    let like = like_both(&a?, &b?, depth, &mut open)?;
                    let found = types.number_of(&like, false)?;
                    let argument = Argument::new(found, ArgumentKind::Expression);
                    let word = word();
                    Some(Met {
                        number: one.number,
                        sorts: [Sort { argument, word }].into_iter().collect(),
                        is_family: true,
                    })
                }
                _ => one.or(other, types),
            },
        )
        .collect();
    made.filter(|made| made.iter().any(|met| met.is_family))
}

/// Whether a version is one of another's families.
pub(in crate::fast) fn is_of(version: &Version, of: &Version, types: &ValueTypes) -> bool {
    let mut found: SmallVec<[Option<&Atom>; OPEN_MAX]> = SmallVec::new();
    found.resize(OPEN_MAX, None);
    version.len() == of.len()
        && version.iter().zip(of).all(|(met, of)| {
            match (met.sorts.as_slice(), of.sorts.as_slice()) {
                ([sort], [family]) if of.is_family && met.number == of.number => {
                    Cell(sort.word).is_header()
                        && is_member(
                            types,
                            sort.argument.found(),
                            family.argument.found(),
                            &mut found,
                        )
                }
                _ => met.is_within(of),
            }
        })
}

/// Whether a type is of a family, its open parts being what was found for them before.
fn is_member<'t>(
    types: &'t ValueTypes,
    found: ValueType,
    family: ValueType,
    open: &mut [Option<&'t Atom>],
) -> bool {
    match (types.atom(found), types.atom(family)) {
        (Some(found), Some(family)) => is_plain(found) && is_like(found, family, open),
        _ => false,
    }
}

/// As deep as the family has open parts.
fn is_like<'t>(found: &'t Atom, family: &Atom, open: &mut [Option<&'t Atom>]) -> bool {
    if let Some(number) = open_part(family) {
        return *open[number].get_or_insert(found) == found;
    }
    if found == family {
        return true;
    }
    match (found.as_expression(), family.as_expression()) {
        (Some(parts), Some(families)) if parts.len() == families.len() => parts
            .iter()
            .zip(families)
            .all(|(part, family)| is_like(part, family, open)),
        _ => false,
    }
}

/// The families that values of a frame are to be of, together.
#[derive(Default)]
pub(in crate::fast) struct Families {
    each: SmallVec<[(Slot, ValueType); FAMILIES_MAX]>,
    /// The types of which that was looked at, in one word, and whether they are; nothing without families.
    known: Vec<(u64, bool)>,
}

impl Families {
    /// `None` if they are too many.
    pub(super) fn new(each: impl Iterator<Item = (Slot, ValueType)>) -> Option<Families> {
        let each: SmallVec<_> = each.collect();
        let known = match each.len() {
            0 => Vec::new(),
            // No type has the number 0.
            1..=FAMILIES_MAX => vec![(0, false); PLACES],
            _ => return None,
        };
        Some(Families { each, known })
    }

    /// Whether the values in a frame, which are expressions, are of the families.
    #[inline(never)]
    pub(in crate::fast) fn take(
        &mut self,
        heap: &Heap,
        types: &ValueTypes,
        frame: &[u64; FRAME],
    ) -> bool {
        let packed = self.each.iter().fold(0, |packed, (slot, _)| {
            let at = Cell(frame[place(*slot)]).at();
            packed << 16 | (heap.cells[at] & TYPE_BITS) >> TYPE_BITS.trailing_zeros()
        });
        let (known, are_members) = self.known[Families::place(packed)];
        match known == packed {
            true => are_members,
            false => self.look(types, packed),
        }
    }

    fn place(packed: u64) -> usize {
        const ODD: u64 = 0x9e37_79b9_7f4a_7c15;
        (packed.wrapping_mul(ODD) >> (64 - PLACES.trailing_zeros())) as usize
    }

    #[inline(never)]
    fn look(&mut self, types: &ValueTypes, packed: u64) -> bool {
        let mut open: [Option<&Atom>; OPEN_MAX] = [None; OPEN_MAX];
        let mut of_each = self.each.iter().rev().enumerate();
        let are_members = of_each.all(|(place, (_, family))| {
            let noted = types.of_header((packed >> (16 * place)) as u16);
            match (noted, types.of_header(family.0)) {
                (Some(noted), Some(family)) => is_member(types, noted, family, &mut open),
                // Types have changed since.
                _ => false,
            }
        });
        self.known[Families::place(packed)] = (packed, are_members);
        are_members
    }
}

//! Probes: what a pattern tells about the atoms that it may unify with.

use std::cell::OnceCell;

use smallvec::SmallVec;

use crate::atom::{Atom, Grounded};
use crate::space::index::Path;
use crate::space::token::{self, Payloads, Token, WILD};
use crate::unify::Bindings;

/// The keys of a pattern in pre-order, [`WILD`] for what is unknown. Keys missing
/// at the end are unknown too, so a long pattern may be cut anywhere.
#[derive(Clone, Debug, Default)]
pub(crate) struct Probe {
    keys: Vec<u32>,
    /// Whether keys are missing that are known, since a short list needs none.
    partial: bool,
    /// Found when a long list makes them worth it.
    places: OnceCell<Box<Places>>,
}

/// Places with the keys that are wanted there.
pub(super) type Places = SmallVec<[(Path, u32); 4]>;

/// More of a pattern is not looked at.
pub(crate) const KEYS_MAX: usize = 48;
/// Keys that tell the relation of what a pattern asks for.
pub(crate) const HEAD_KEYS: usize = 4;
/// More places of a pattern are not looked up.
const PLACES_MAX: usize = 8;
/// Places deeper than this are not looked up.
const DEPTH_MAX: usize = 8;

impl Probe {
    /// The probe that everything answers.
    pub(crate) fn everything() -> Probe {
        Probe::default()
    }

    /// Makes it the probe of other keys; `fill` appends them, as many as it likes up
    /// to [`KEYS_MAX`].
    pub(crate) fn set(&mut self, fill: impl FnOnce(&mut Vec<u32>)) {
        self.places.take();
        self.keys.clear();
        self.partial = false;
        fill(&mut self.keys);
    }

    /// As [`Probe::set`], of the first keys only, at least [`HEAD_KEYS`]: enough to look into
    /// short lists, not to choose among long ones.
    pub(crate) fn set_head(&mut self, fill: impl FnOnce(&mut Vec<u32>)) {
        self.set(fill);
        self.partial = true;
    }

    /// Whether more keys are known than it was told.
    pub(crate) fn is_partial(&self) -> bool {
        self.partial
    }

    /// The probe of `pattern` under `bindings`.
    pub(crate) fn of(pattern: &Atom, bindings: &Bindings) -> Probe {
        let mut keys = Vec::with_capacity(16);
        let mut pending: SmallVec<[std::slice::Iter<'_, Atom>; 4]> = SmallVec::new();
        pending.push(std::slice::from_ref(pattern).iter());
        while let Some(children) = pending.last_mut() {
            if keys.len() == KEYS_MAX {
                break;
            }
            let Some(atom) = children.next() else {
                pending.pop();
                continue;
            };
            match bindings.walk(atom) {
                Atom::Variable(_) => keys.push(WILD),
                Atom::Symbol(symbol) => keys.push(token::symbol(symbol.id())),
                Atom::Grounded(value) => keys.push(key_of(value)),
                Atom::Expression(expression) => {
                    let children = expression.children();
                    keys.push(token::expression(children.len() as u32));
                    pending.push(children.iter());
                }
            }
        }
        Probe {
            keys,
            partial: false,
            places: OnceCell::new(),
        }
    }

    /// Whether a stored atom may unify with what is asked for, as far as keys at the same places tell.
    /// Linear in the keys.
    pub(crate) fn admits<P: Payloads + ?Sized>(&self, tokens: &[u32], payloads: &P) -> bool {
        let (mut at, mut index) = (0, 0);
        while let Some(&key) = self.keys.get(index) {
            let (token, next) = Token::read(tokens, at);
            match token.key(payloads) {
                Some(found) if token::is_variable(key) || found == key => {
                    at = match token::is_variable(key) {
                        true => token::skip(tokens, at),
                        false => next,
                    };
                    index += 1;
                }
                Some(_) => return false,
                None => {
                    at = token::skip(tokens, at);
                    index = self.after(index);
                }
            }
        }
        true
    }

    /// The key after what begins at `index`.
    fn after(&self, index: usize) -> usize {
        let (mut at, mut left) = (index, 1);
        while left > 0 && at < self.keys.len() {
            left = left - 1 + token::arity_of(self.keys[at]).unwrap_or(0) as usize;
            at += 1;
        }
        at
    }

    /// Whether it is that of a variable.
    pub(super) fn asks_for_everything(&self) -> bool {
        token::is_variable(self.key(0))
    }

    pub(super) fn key(&self, index: usize) -> u32 {
        self.keys.get(index).copied().unwrap_or(WILD)
    }

    /// The first two keys: an expression and its head.
    pub(crate) fn head(&self) -> [u32; 2] {
        [self.key(0), self.key(1)]
    }

    /// The keys from `index` on, at least the two that tell a subject.
    pub(super) fn subject_at(&self, index: usize) -> [u32; 2] {
        [self.key(index), self.key(index + 1)]
    }

    /// The key at a place; [`WILD`] if nothing is known of it.
    pub(super) fn key_at(&self, path: &[u32]) -> u32 {
        let mut at = 0;
        for &child in path {
            match token::arity_of(self.key(at)) {
                Some(arity) if child < arity => {}
                _ => return WILD,
            }
            at += 1;
            for _ in 0..child {
                at = self.after(at);
            }
        }
        self.key(at)
    }

    /// The places of known leaves, then those of expressions without a known head.
    pub(super) fn places(&self) -> &Places {
        self.places.get_or_init(|| Box::new(self.find_places()))
    }

    fn find_places(&self) -> Places {
        let mut leaves = Places::new();
        let mut expressions = Places::new();
        // For each open expression, how many children it has.
        let mut arities: SmallVec<[u32; 8]> = SmallVec::new();
        let mut path = Path::new();
        for (index, &key) in self.keys.iter().enumerate() {
            match token::arity_of(key) {
                Some(arity) => {
                    let head = if arity == 0 {
                        WILD
                    } else {
                        self.key(index + 1)
                    };
                    if path.len() <= DEPTH_MAX
                        && expressions.len() < PLACES_MAX
                        && token::is_variable(head)
                    {
                        expressions.push((path.clone(), key));
                    }
                    if arity > 0 {
                        arities.push(arity);
                        path.push(0);
                        continue;
                    }
                }
                None if token::is_variable(key) => {}
                None => {
                    if path.len() <= DEPTH_MAX && leaves.len() < PLACES_MAX {
                        leaves.push((path.clone(), key));
                    }
                }
            }
            while let Some(child) = path.last_mut() {
                *child += 1;
                if *child < arities[arities.len() - 1] {
                    break;
                }
                path.pop();
                arities.pop();
            }
        }
        leaves.extend(expressions);
        leaves
    }
}

/// The key of a host value; [`WILD`] if it may equal others by rules of its own.
fn key_of(value: &Grounded) -> u32 {
    token::payload_key(value).unwrap_or(WILD)
}

#[cfg(test)]
mod tests {
    use super::Probe;
    use crate::reader::atom;
    use crate::unify::Bindings;

    #[track_caller]
    fn check_places(pattern: &str, expected: &[&[u32]]) {
        let probe = Probe::of(&atom(pattern), &Bindings::new());
        let places: Vec<Vec<u32>> = probe
            .places()
            .iter()
            .map(|(path, _)| path.to_vec())
            .collect();
        assert_eq!(places, expected);
    }

    #[test]
    fn places_are_those_of_known_leaves_and_then_of_expressions() {
        check_places("$x", &[]);
        check_places("a", &[&[]]);
        check_places("($f (()) n2)", &[&[2], &[], &[1, 0]]);
        check_places("(edge $x n2)", &[&[0], &[2]]);
        check_places(
            "(= (decide (metric h1 $v)) ($b) 4)",
            &[&[0], &[1, 0], &[1, 1, 0], &[1, 1, 1], &[3], &[2]],
        );
    }
}

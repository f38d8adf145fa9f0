//! What code of an expression is found by: the expression as it is written.

use std::hash::{Hash, Hasher};

use crate::atom::{Atom, Grounded, State};
use crate::fast::code::TypeId;

/// An expression, what is expected of it, and whether its variables stand for nothing.
///
/// Two are the same if their code is: `1` and `1.0`, `0.0` and `-0.0`, and two states that hold the same for now, are
/// equal, but not written the same.
pub(in crate::fast) struct Written {
    atom: Atom,
    expected: TypeId,
    open: bool,
}

impl Written {
    pub(in crate::fast) fn new(atom: &Atom, expected: TypeId, open: bool) -> Written {
        Written {
            atom: atom.clone(),
            expected,
            open,
        }
    }
}

impl PartialEq for Written {
    fn eq(&self, other: &Written) -> bool {
        (self.expected, self.open) == (other.expected, other.open)
            && self.atom == other.atom
            && is_written_same(&self.atom, &other.atom)
    }
}

impl Eq for Written {}

impl Hash for Written {
    fn hash<H: Hasher>(&self, hasher: &mut H) {
        (self.atom.structural_hash(), self.expected, self.open).hash(hasher);
        // Of states the atom's own hash knows nothing, as what they hold changes.
        each_state(&self.atom, |state| hasher.write_usize(state.address()));
    }
}

fn each_state(atom: &Atom, mut see: impl FnMut(&State)) {
    let mut pending = vec![atom];
    while let Some(atom) = pending.pop() {
        match atom {
            Atom::Expression(expression) => pending.extend(expression.children()),
            Atom::Grounded(Grounded::State(state)) => see(state),
            _ => {}
        }
    }
}

/// Whether equal atoms are also written the same.
fn is_written_same(left: &Atom, right: &Atom) -> bool {
    let mut pending = vec![(left, right)];
    while let Some(pair) = pending.pop() {
        match pair {
            (Atom::Expression(a), Atom::Expression(b)) if !a.is_same(b) => {
                pending.extend(a.children().iter().zip(b.children()));
            }
            (Atom::Grounded(Grounded::Number(a)), Atom::Grounded(Grounded::Number(b)))
                if !a.is_written_as(b) =>
            {
                return false;
            }
            (Atom::Grounded(Grounded::State(a)), Atom::Grounded(Grounded::State(b)))
                if a.address() != b.address() =>
            {
                return false;
            }
            _ => {}
        }
    }
    true
}

#[cfg(test)]
mod tests {
    use std::hash::BuildHasher;

    use foldhash::fast::FixedState;

    use super::Written;
    use crate::atom::{Atom, Grounded, State};
    use crate::number::Number;
    use crate::space::Space;

    fn hash(written: &Written) -> u64 {
        FixedState::default().hash_one(written)
    }

    fn call_of(argument: Atom) -> Written {
        let call = Atom::expression([Atom::symbol("f"), argument]);
        Written::new(&call, 0, false)
    }

    #[test]
    fn calls_of_different_states_and_spaces_are_told_apart_by_their_hashes_already() {
        let state = || State::new(Atom::symbol("a"), Atom::symbol("T"));
        let (a, b) = (state(), state());
        let of = |state: &State| call_of(Atom::Grounded(Grounded::State(state.clone())));
        assert!(of(&a) == of(&a) && hash(&of(&a)) == hash(&of(&a)));
        assert!(of(&a) != of(&b) && hash(&of(&a)) != hash(&of(&b)));
        let (one, other) = (Space::anonymous(), Space::anonymous());
        let of = |space: &Space| call_of(Atom::space(space.clone()));
        assert!(of(&one) == of(&one) && hash(&of(&one)) == hash(&of(&one)));
        assert!(of(&one) != of(&other) && hash(&of(&one)) != hash(&of(&other)));
    }

    #[test]
    fn equal_numbers_of_different_kinds_are_not_written_the_same() {
        let (whole, float) = (Number::Integer(1), Number::Float(1.0));
        let (whole, float) = (Atom::number(whole), Atom::number(float));
        assert!(whole == float);
        assert!(call_of(whole) != call_of(float));
        let zero = |sign: f64| Atom::number(Number::Float(0.0_f64.copysign(sign)));
        assert!(zero(1.0) == zero(-1.0));
        assert!(call_of(zero(1.0)) != call_of(zero(-1.0)));
    }
}

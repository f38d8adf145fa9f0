//! An order of all atoms, for sorting and for sorted collections.

use std::cmp::Ordering;

use crate::atom::{Atom, Grounded};
use crate::seen::Seen;

/// Compares any two atoms: numbers by value come first (NaN before all), then
/// truth values, characters, strings and symbols by their text, variables,
/// expressions by their elements (a beginning before the whole), and other host
/// values as they print. Equal atoms are equal in this order too. Linear; no
/// native recursion.
pub(crate) fn compare(left: &Atom, right: &Atom) -> Ordering {
    let mut pending = vec![Piece::Atoms(left, right)];
    let mut seen = Seen::new();
    while let Some(piece) = pending.pop() {
        let order = match piece {
            Piece::Lengths(left, right) => left.cmp(&right),
            // What was compared before was equal, or there would be an order already.
            Piece::Atoms(Atom::Expression(a), Atom::Expression(b))
                if a.is_same(b) || seen.again(a.address() as u64, b.address() as u64) =>
            {
                Ordering::Equal
            }
            Piece::Atoms(Atom::Expression(a), Atom::Expression(b)) => {
                let (a, b) = (a.children(), b.children());
                // Looked at only if all that both have is equal.
                pending.push(Piece::Lengths(a.len(), b.len()));
                let shared = a.iter().zip(b).map(|(a, b)| Piece::Atoms(a, b));
                pending.extend(shared.rev());
                Ordering::Equal
            }
            Piece::Atoms(left, right) => leaf(left, right),
        };
        if order != Ordering::Equal {
            return order;
        }
    }
    Ordering::Equal
}

enum Piece<'a> {
    Atoms(&'a Atom, &'a Atom),
    Lengths(usize, usize),
}

fn rank(atom: &Atom) -> u8 {
    match atom {
        Atom::Grounded(Grounded::Number(_)) => 0,
        Atom::Grounded(Grounded::Bool(_)) => 1,
        Atom::Grounded(Grounded::Char(_)) => 2,
        Atom::Grounded(Grounded::Text(_)) => 3,
        Atom::Symbol(_) => 4,
        Atom::Variable(_) => 5,
        Atom::Expression(_) => 6,
        Atom::Grounded(
            Grounded::Space(_) | Grounded::State(_) | Grounded::Operation(_) | Grounded::Value(_),
        ) => 7,
    }
}

fn leaf(left: &Atom, right: &Atom) -> Ordering {
    match (left, right) {
        (Atom::Grounded(Grounded::Number(a)), Atom::Grounded(Grounded::Number(b))) => {
            a.compare(b).unwrap_or_else(|| {
                let nan = |atom: &Atom| atom.as_f64().is_some_and(f64::is_nan);
                nan(right).cmp(&nan(left))
            })
        }
        (Atom::Grounded(Grounded::Bool(a)), Atom::Grounded(Grounded::Bool(b))) => a.cmp(b),
        (Atom::Grounded(Grounded::Char(a)), Atom::Grounded(Grounded::Char(b))) => a.cmp(b),
        (Atom::Grounded(Grounded::Text(a)), Atom::Grounded(Grounded::Text(b))) => a.cmp(b),
        (Atom::Symbol(a), Atom::Symbol(b)) => a.as_str().cmp(b.as_str()),
        (Atom::Variable(a), Atom::Variable(b)) => (a.name(), a.id()).cmp(&(b.name(), b.id())),
        _ => rank(left).cmp(&rank(right)).then_with(|| {
            if left == right {
                Ordering::Equal
            } else {
                left.to_string().cmp(&right.to_string())
            }
        }),
    }
}

#[cfg(test)]
mod tests {
    use std::cmp::Ordering;

    use super::compare;
    use crate::reader::atom;

    #[test]
    fn each_atom_comes_before_those_after_it() {
        let ordered = [
            "-1.5",
            "0",
            "2",
            "2.5",
            "False",
            "True",
            "'a'",
            "\"a\"",
            "\"b\"",
            "a",
            "b",
            "$a",
            "()",
            "(1)",
            "(1 1)",
            "(1 2)",
            "(2)",
            "(a (b))",
            "(a (b c))",
            "(a (c))",
            "((a))",
        ];
        for (i, left) in ordered.iter().enumerate() {
            for (j, right) in ordered.iter().enumerate() {
                assert_eq!(
                    compare(&atom(left), &atom(right)),
                    i.cmp(&j),
                    "{left} {right}"
                );
            }
        }
        assert_eq!(compare(&atom("1"), &atom("1.0")), Ordering::Equal);
    }

    #[test]
    fn deep_atoms_take_no_native_stack() {
        let deep = |last: &str| {
            let mut deep = atom(last);
            for _ in 0..300_000 {
                deep = crate::Atom::expression([deep]);
            }
            deep
        };
        assert_eq!(compare(&deep("a"), &deep("b")), Ordering::Less);
    }

    #[test]
    fn what_shares_its_parts_is_compared_as_what_it_holds() {
        let doubled = |last: &str| {
            let mut doubled = atom(last);
            for _ in 0..60 {
                doubled = crate::Atom::expression([doubled.clone(), doubled]);
            }
            doubled
        };
        assert_eq!(compare(&doubled("a"), &doubled("b")), Ordering::Less);
        assert_eq!(compare(&doubled("$a"), &doubled("$a")), Ordering::Equal);
    }
}

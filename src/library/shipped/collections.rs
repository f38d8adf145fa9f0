//! `sets` and `maps`: sorted collections as values. An operation gives a new
//! collection and leaves the old one as it was; both share what they have in
//! common.

use std::cmp::Ordering;
use std::fmt;
use std::sync::Arc;

use crate::atom::{Atom, Grounded, Value, order};
use crate::operation::{Operation, OperationError, OperationResult};
use crate::persistent::SortedMap;

/// How deep collections may stand in collections: each level takes native stack
/// when it is printed, compared or dropped.
const NESTED_MAX: usize = 64;

/// An atom as a key, in the order of all atoms.
#[derive(Clone)]
struct Key(Atom);

impl PartialEq for Key {
    fn eq(&self, other: &Key) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Key {}

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Key) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Key) -> Ordering {
        order::compare(&self.0, &other.0)
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Kind {
    Set,
    Map,
}

/// A set, whose values are all `()`, or a map.
#[derive(Clone)]
struct Collection {
    kind: Kind,
    entries: SortedMap<Key, Atom>,
    /// 1 more than the deepest collection in it.
    depth: usize,
}

impl Collection {
    fn empty(kind: Kind) -> Collection {
        Collection {
            kind,
            entries: SortedMap::new(),
            depth: 1,
        }
    }

    fn insert(&mut self, key: Atom, value: Atom) -> Result<(), OperationError> {
        let inside = depth(&key).max(depth(&value));
        self.depth = self.depth.max(inside + 1);
        if self.depth > NESTED_MAX {
            return Err(OperationError::message(format!(
                "collections stand in collections {NESTED_MAX} deep at most"
            )));
        }
        self.entries.insert(Key(key), value);
        Ok(())
    }

    fn atom(self) -> OperationResult {
        Ok(vec![Atom::Grounded(Grounded::Value(Arc::new(self)))])
    }

    fn of(atom: &Atom, kind: Kind) -> Option<&Collection> {
        match atom {
            Atom::Grounded(Grounded::Value(value)) => value
                .as_any()
                .downcast_ref::<Collection>()
                .filter(|collection| collection.kind == kind),
            _ => None,
        }
    }

    fn keys(&self) -> Vec<Atom> {
        self.entries.keys().map(|key| key.0.clone()).collect()
    }

    fn pairs(&self) -> Vec<Atom> {
        self.entries
            .iter()
            .map(|(key, value)| Atom::expression([key.0.clone(), value.clone()]))
            .collect()
    }
}

/// How deep collections stand in an atom.
fn depth(atom: &Atom) -> usize {
    let mut deepest = 0;
    let mut pending = vec![atom];
    while let Some(atom) = pending.pop() {
        match atom {
            Atom::Expression(expression) => pending.extend(expression.children()),
            Atom::Grounded(Grounded::Value(value)) => {
                if let Some(inside) = value.as_any().downcast_ref::<Collection>() {
                    deepest = deepest.max(inside.depth);
                }
            }
            Atom::Symbol(_) | Atom::Variable(_) | Atom::Grounded(_) => {}
        }
    }
    deepest
}

/// Printed as the call that makes it.
impl Value for Collection {
    fn type_atom(&self) -> Atom {
        Atom::symbol(match self.kind {
            Kind::Set => "Set",
            Kind::Map => "Map",
        })
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind {
            Kind::Set => write!(f, "(set-of {})", Atom::expression(self.keys())),
            Kind::Map => write!(f, "(map-of {})", Atom::expression(self.pairs())),
        }
    }

    fn equals(&self, other: &dyn Value) -> bool {
        other
            .as_any()
            .downcast_ref::<Collection>()
            .is_some_and(|other| {
                let (own, others) = (self.entries.iter(), other.entries.iter());
                self.kind == other.kind
                    && self.entries.len() == other.entries.len()
                    && own.zip(others).all(|(own, other)| own == other)
            })
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

type Compute = fn(&Collection, &[Atom]) -> OperationResult;

/// An operation whose first argument is a collection.
fn on(kind: Kind, name: &str, signature: &str, compute: Compute) -> Operation {
    Operation::new(name, signature, move |arguments, _| match arguments {
        [first, others @ ..] => {
            // A symbol or an expression may still become a collection.
            let collection = Collection::of(first, kind).ok_or(OperationError::NotReducible)?;
            compute(collection, others)
        }
        [] => Err(OperationError::NotReducible),
    })
}

fn number(count: usize) -> OperationResult {
    Ok(vec![Atom::integer(count as i64)])
}

fn other(arguments: &[Atom], kind: Kind) -> Result<&Collection, OperationError> {
    let other = arguments
        .first()
        .and_then(|atom| Collection::of(atom, kind));
    other.ok_or(OperationError::NotReducible)
}

/// Sets. Another kind as the collection leaves the call as it is.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(set-of atoms)` | an expression | the set of its members | no expression, nested too deep, in words | n log n | Haskell `Data.Set` |
/// | `(set-add set atom)` | a set; any | the set with the atom | nested too deep, in words | log n | Haskell `Data.Set` |
/// | `(set-remove set atom)` | a set; any | the set without the atom | none | log n | Haskell `Data.Set` |
/// | `(set-has set atom)` | a set; any | whether it is a member | none | log n | Haskell `Data.Set` |
/// | `(set-size set)` | a set | how many members | none | constant | Haskell `Data.Set` |
/// | `(set-items set)` | a set | an expression of the members, in order | none | linear | Haskell `Data.Set` |
/// | `(set-union a b)` | sets | what is in one of them | nested too deep, in words | linear | Haskell `Data.Set` |
/// | `(set-intersection a b)` | sets | what is in both | none | linear | Haskell `Data.Set` |
/// | `(set-difference a b)` | sets | what is in the first alone | none | linear | Haskell `Data.Set` |
///
/// The trees are those of `imbl`.
pub(super) fn set_operations() -> Vec<Operation> {
    const SET: Kind = Kind::Set;
    vec![
        Operation::new("set-of", "(-> %Undefined% Set)", |arguments, _| {
            let members = arguments.first().and_then(Atom::as_expression);
            let members = members.ok_or_else(|| {
                OperationError::message("set-of expects an expression of members")
            })?;
            let mut set = Collection::empty(SET);
            for member in members {
                set.insert(member.clone(), Atom::unit())?;
            }
            set.atom()
        }),
        on(
            SET,
            "set-add",
            "(-> Set %Undefined% Set)",
            |set, arguments| {
                let mut set = set.clone();
                set.insert(arguments[0].clone(), Atom::unit())?;
                set.atom()
            },
        ),
        on(
            SET,
            "set-remove",
            "(-> Set %Undefined% Set)",
            |set, arguments| {
                let mut set = set.clone();
                set.entries.remove(&Key(arguments[0].clone()));
                set.atom()
            },
        ),
        on(
            SET,
            "set-has",
            "(-> Set %Undefined% Bool)",
            |set, arguments| {
                let key = Key(arguments[0].clone());
                Ok(vec![Atom::boolean(set.entries.contains_key(&key))])
            },
        ),
        on(SET, "set-size", "(-> Set Number)", |set, _| {
            number(set.entries.len())
        }),
        on(SET, "set-items", "(-> Set Atom)", |set, _| {
            Ok(vec![Atom::expression(set.keys())])
        }),
        on(SET, "set-union", "(-> Set Set Set)", |set, arguments| {
            let mut set = set.clone();
            for member in other(arguments, SET)?.keys() {
                set.insert(member, Atom::unit())?;
            }
            set.atom()
        }),
        on(
            SET,
            "set-intersection",
            "(-> Set Set Set)",
            |set, arguments| {
                let other = other(arguments, SET)?;
                let mut both = set.clone();
                for (key, _) in &set.entries {
                    if !other.entries.contains_key(key) {
                        both.entries.remove(key);
                    }
                }
                both.atom()
            },
        ),
        on(
            SET,
            "set-difference",
            "(-> Set Set Set)",
            |set, arguments| {
                let mut left = set.clone();
                for (key, _) in &other(arguments, SET)?.entries {
                    left.entries.remove(key);
                }
                left.atom()
            },
        ),
    ]
}

/// Maps. Another kind as the collection leaves the call as it is.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(map-of pairs)` | an expression of pairs | the map; of two pairs with one key the later counts | no pairs, nested too deep, in words | n log n | Haskell `Data.Map` |
/// | `(map-get map key)` | a map; any | the value; no result if there is none | none | log n | Haskell `Data.Map` |
/// | `(map-get-or map key value)` | a map; any; any | the value, or the one given | none | log n | Haskell `Data.Map` |
/// | `(map-has map key)` | a map; any | whether the key has a value | none | log n | Haskell `Data.Map` |
/// | `(map-put map key value)` | a map; any; any | the map with that value for the key | nested too deep, in words | log n | Haskell `Data.Map` |
/// | `(map-remove map key)` | a map; any | the map without the key | none | log n | Haskell `Data.Map` |
/// | `(map-size map)` | a map | how many keys | none | constant | Haskell `Data.Map` |
/// | `(map-keys map)` | a map | an expression of the keys, in order | none | linear | Haskell `Data.Map` |
/// | `(map-values map)` | a map | an expression of the values, in order of the keys | none | linear | Haskell `Data.Map` |
/// | `(map-items map)` | a map | an expression of pairs, in order of the keys | none | linear | Haskell `Data.Map` |
///
/// The trees are those of `imbl`.
pub(super) fn map_operations() -> Vec<Operation> {
    const MAP: Kind = Kind::Map;
    vec![
        Operation::new("map-of", "(-> %Undefined% Map)", |arguments, _| {
            let wrong =
                || OperationError::message("map-of expects an expression of (key value) pairs");
            let pairs = arguments.first().and_then(Atom::as_expression);
            let mut map = Collection::empty(MAP);
            for pair in pairs.ok_or_else(wrong)? {
                let Some([key, value]) = pair.as_expression() else {
                    return Err(wrong());
                };
                map.insert(key.clone(), value.clone())?;
            }
            map.atom()
        }),
        on(
            MAP,
            "map-get",
            "(-> Map %Undefined% %Undefined%)",
            |map, arguments| {
                let found = map.entries.get(&Key(arguments[0].clone()));
                Ok(found.cloned().into_iter().collect())
            },
        ),
        on(
            MAP,
            "map-get-or",
            "(-> Map %Undefined% %Undefined% %Undefined%)",
            |map, arguments| {
                let found = map.entries.get(&Key(arguments[0].clone()));
                Ok(vec![found.unwrap_or(&arguments[1]).clone()])
            },
        ),
        on(
            MAP,
            "map-has",
            "(-> Map %Undefined% Bool)",
            |map, arguments| {
                let key = Key(arguments[0].clone());
                Ok(vec![Atom::boolean(map.entries.contains_key(&key))])
            },
        ),
        on(
            MAP,
            "map-put",
            "(-> Map %Undefined% %Undefined% Map)",
            |map, arguments| {
                let mut map = map.clone();
                map.insert(arguments[0].clone(), arguments[1].clone())?;
                map.atom()
            },
        ),
        on(
            MAP,
            "map-remove",
            "(-> Map %Undefined% Map)",
            |map, arguments| {
                let mut map = map.clone();
                map.entries.remove(&Key(arguments[0].clone()));
                map.atom()
            },
        ),
        on(MAP, "map-size", "(-> Map Number)", |map, _| {
            number(map.entries.len())
        }),
        on(MAP, "map-keys", "(-> Map Atom)", |map, _| {
            Ok(vec![Atom::expression(map.keys())])
        }),
        on(MAP, "map-values", "(-> Map Atom)", |map, _| {
            let values: Vec<Atom> = map.entries.values().cloned().collect();
            Ok(vec![Atom::expression(values)])
        }),
        on(MAP, "map-items", "(-> Map Atom)", |map, _| {
            Ok(vec![Atom::expression(map.pairs())])
        }),
    ]
}

//! `random`: numbers by chance. Of the reference. Seeds come from the embedder
//! ([`crate::Builder::entropy`]); a generator with a given seed gives the
//! numbers that the reference's gives.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard};

use rand::rngs::StdRng;
use rand::{Rng, SeedableRng};

use crate::atom::{Atom, Grounded, Value};
use crate::engine::Host;
use crate::operation::{Operation, OperationError};

struct RandomGenerator {
    id: u64,
    generator: Mutex<StdRng>,
}

static NEXT_GENERATOR: AtomicU64 = AtomicU64::new(1);

impl RandomGenerator {
    fn atom(seed: u64) -> Atom {
        Atom::Grounded(Grounded::Value(Arc::new(RandomGenerator {
            id: NEXT_GENERATOR.fetch_add(1, Ordering::Relaxed),
            generator: Mutex::new(StdRng::seed_from_u64(seed)),
        })))
    }
}

impl Value for RandomGenerator {
    fn type_atom(&self) -> Atom {
        Atom::symbol("RandomGenerator")
    }

    fn print(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "RandomGenerator-0x{:x}", self.id)
    }

    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
}

/// The operations, and `&rng`: a generator that the embedder's entropy seeds.
pub(super) fn words(host: &Host) -> Vec<(String, Atom)> {
    let mut words = super::words(operations());
    words.push(("&rng".to_owned(), RandomGenerator::atom((host.entropy)())));
    words
}

/// Generators; one with a given seed gives the numbers that the reference's gives.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(random-int generator start end)` | a generator; numbers, their whole parts | a whole number from `start` up to but not `end` | `RangeIsEmpty`; another kind, in words | constant | reference, `random` |
/// | `(random-float generator start end)` | a generator; numbers | a float from `start` up to but not `end` | `RangeIsEmpty`; an infinite range, another kind, in words | constant | reference, `random` |
/// | `(set-random-seed generator seed)` | a generator; a number | `()`; the generator begins anew | another kind, in words; `ReadOnly` | constant | reference, `random` |
/// | `(new-random-generator seed)` | a number | a generator | no number, in words | constant | reference, `random` |
/// | `(reset-random-generator generator)` | a generator | `()`; the embedder's entropy seeds it | no generator, in words; `ReadOnly` | constant | reference, `random` |
/// | `(flip)` | none | `True` or `False`, by the embedder's entropy | none | constant | reference, `random` |
///
/// Source: the reference's module `random`.
fn operations() -> [Operation; 6] {
    [
        Operation::new(
            "random-int",
            "(-> RandomGenerator Number Number Number)",
            |arguments, _| {
                let expects = "random-int expects three arguments: random generator, number (start) and number (end)";
                let (start, end) = (
                    number(arguments, 1, expects)?,
                    number(arguments, 2, expects)?,
                );
                let (start, end) = (start as i64, end as i64);
                let mut generator = generator(
                    arguments,
                    "random-int expects a random generator as its argument",
                )?;
                if start >= end {
                    return Err(OperationError::symbol("RangeIsEmpty"));
                }
                Ok(vec![Atom::integer(generator.random_range(start..end))])
            },
        ),
        Operation::new(
            "random-float",
            "(-> RandomGenerator Number Number Number)",
            |arguments, _| {
                let expects = "random-float expects three arguments: random generator, number (start) and number (end)";
                let (start, end) = (
                    number(arguments, 1, expects)?,
                    number(arguments, 2, expects)?,
                );
                let mut generator = generator(
                    arguments,
                    "random-float expects a random generator as its argument",
                )?;
                if !(end - start).is_finite() {
                    return Err(OperationError::message(
                        "random-float expects a range of finite numbers",
                    ));
                }
                if start >= end {
                    return Err(OperationError::symbol("RangeIsEmpty"));
                }
                Ok(vec![Atom::float(generator.random_range(start..end))])
            },
        ),
        Operation::new(
            "set-random-seed",
            "(-> RandomGenerator Number (->))",
            |arguments, context| {
                let expects =
                    "set-random-seed expects two arguments: random generator and number (seed)";
                let seed = number(arguments, 1, expects)? as i64;
                context.check_write()?;
                *generator(arguments, expects)? = StdRng::seed_from_u64(seed as u64);
                Ok(vec![Atom::unit()])
            },
        ),
        Operation::new(
            "new-random-generator",
            "(-> Number RandomGenerator)",
            |arguments, _| {
                let expects = "new-random-generator expects one argument: number (seed)";
                let seed = number(arguments, 0, expects)? as i64;
                Ok(vec![RandomGenerator::atom(seed as u64)])
            },
        ),
        Operation::new(
            "reset-random-generator",
            "(-> RandomGenerator ())",
            |arguments, context| {
                context.check_write()?;
                let mut generator = generator(
                    arguments,
                    "reset-random-generator expects one argument: random generator",
                )?;
                *generator = StdRng::seed_from_u64((context.host.entropy)());
                Ok(vec![Atom::unit()])
            },
        ),
        Operation::new("flip", "(-> Bool)", |_, context| {
            Ok(vec![Atom::boolean((context.host.entropy)() & 1 == 1)])
        }),
    ]
}

fn generator<'a>(
    arguments: &'a [Atom],
    expects: &str,
) -> Result<MutexGuard<'a, StdRng>, OperationError> {
    let found = match arguments.first() {
        Some(Atom::Grounded(Grounded::Value(value))) => {
            value.as_any().downcast_ref::<RandomGenerator>()
        }
        _ => None,
    };
    let found = found.ok_or_else(|| OperationError::message(expects))?;
    Ok(found
        .generator
        .lock()
        .expect("no panic while a generator is locked"))
}

fn number(arguments: &[Atom], position: usize, expects: &str) -> Result<f64, OperationError> {
    arguments
        .get(position)
        .and_then(Atom::as_f64)
        .ok_or_else(|| OperationError::message(expects))
}

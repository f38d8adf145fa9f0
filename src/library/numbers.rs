//! Arithmetic, comparison and logic.

use std::cmp::Ordering;

use crate::atom::Atom;
use crate::engine::Engine;
use crate::number::{Number, NumberError};
use crate::operation::{Operation, OperationError, OperationResult};

impl From<NumberError> for OperationError {
    fn from(error: NumberError) -> OperationError {
        match error {
            NumberError::DivisionByZero => OperationError::symbol("DivisionByZero"),
            NumberError::TooLarge => OperationError::symbol("NumberTooLarge"),
        }
    }
}

fn arithmetic(
    engine: &mut Engine,
    name: &str,
    compute: impl Fn(&Number, &Number) -> Result<Number, NumberError> + Send + Sync + 'static,
) {
    engine.provide(Operation::new(
        name,
        "(-> Number Number Number)",
        move |arguments, _| {
            let (left, right) = two_numbers(arguments)?;
            Ok(vec![Atom::number(compute(left, right)?)])
        },
    ));
}

fn two_numbers(arguments: &[Atom]) -> Result<(&Number, &Number), OperationError> {
    match arguments {
        [left, right] => match (left.as_number(), right.as_number()) {
            (Some(left), Some(right)) => Ok((left, right)),
            _ => Err(OperationError::NotReducible),
        },
        _ => Err(OperationError::NotReducible),
    }
}

fn comparison(engine: &mut Engine, name: &str, accepts: fn(Ordering) -> bool) {
    engine.provide(Operation::new(
        name,
        "(-> Number Number Bool)",
        move |arguments, _| {
            let (left, right) = two_numbers(arguments)?;
            Ok(vec![Atom::boolean(
                left.compare(right).is_some_and(accepts),
            )])
        },
    ));
}

fn logic(engine: &mut Engine, name: &str, compute: fn(bool, bool) -> bool) {
    engine.provide(Operation::new(
        name,
        "(-> Bool Bool Bool)",
        move |arguments, _| match arguments {
            [left, right] => truth(
                left.as_bool()
                    .zip(right.as_bool())
                    .map(|(a, b)| compute(a, b)),
            ),
            _ => Err(OperationError::NotReducible),
        },
    ));
}

fn truth(value: Option<bool>) -> OperationResult {
    value
        .map(|value| vec![Atom::boolean(value)])
        .ok_or(OperationError::NotReducible)
}

/// Arithmetic, comparison and logic. Arguments that are no numbers, or no truth
/// values, leave the call as it is: a symbol may still become one. Numbers beyond 4 Mibit are
/// `NumberTooLarge`; floats are IEEE 754 binary64.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(+ a b)` | numbers | the sum: whole if both are, else a float | `NumberTooLarge` | constant for 64 bits, else linear in the digits | reference; IEEE 754-2019 |
/// | `(- a b)` | numbers | the difference, as `+` | `NumberTooLarge` | as `+` | reference; IEEE 754-2019 |
/// | `(* a b)` | numbers | the product, as `+` | `NumberTooLarge` | constant for 64 bits, else as `num-bigint` multiplies | reference; IEEE 754-2019 |
/// | `(/ a b)` | numbers | the quotient; of whole ones towards zero | `DivisionByZero` of whole ones; no numbers, in words | as `*` | reference; IEEE 754-2019 |
/// | `(% a b)` | numbers | the remainder, with the sign of the dividend | `DivisionByZero` of whole ones | as `*` | reference; IEEE 754-2019 |
/// | `(< a b)` | numbers | whether less, by exact value; false beside NaN | none | as `+` | reference |
/// | `(> a b)` | numbers | whether greater, as `<` | none | as `+` | reference |
/// | `(<= a b)` | numbers | whether at most, as `<` | none | as `+` | reference |
/// | `(>= a b)` | numbers | whether at least, as `<` | none | as `+` | reference |
/// | `(and a b)` | truth values, both evaluated | whether both are true | none | constant | reference |
/// | `(or a b)` | truth values, both evaluated | whether one is true | none | constant | reference |
/// | `(xor a b)` | truth values | whether one alone is true | none | constant | reference |
/// | `(not a)` | a truth value | the other one | none | constant | reference |
/// | `(== a b)` | two of one type | whether they are equal, numbers by value, variables as themselves | none | linear in the smaller | reference |
///
/// Source: the reference's standard library, hyperon 0.2.10; IEEE 754-2019.
pub(super) fn install(engine: &mut Engine) {
    arithmetic(engine, "+", Number::add);
    arithmetic(engine, "-", Number::subtract);
    arithmetic(engine, "*", Number::multiply);
    engine.provide(Operation::new(
        "/",
        "(-> Number Number Number)",
        |arguments, _| {
            let (left, right) = two_numbers(arguments).map_err(|_| {
                OperationError::message("Divide expects two numbers: dividend and divisor")
            })?;
            Ok(vec![Atom::number(left.divide(right)?)])
        },
    ));
    arithmetic(engine, "%", Number::remainder);
    comparison(engine, "<", Ordering::is_lt);
    comparison(engine, ">", Ordering::is_gt);
    comparison(engine, "<=", Ordering::is_le);
    comparison(engine, ">=", Ordering::is_ge);
    logic(engine, "and", |a, b| a && b);
    logic(engine, "or", |a, b| a || b);
    logic(engine, "xor", |a, b| a != b);
    engine.provide(Operation::new(
        "not",
        "(-> Bool Bool)",
        |arguments, _| match arguments {
            [value] => truth(value.as_bool().map(|value| !value)),
            _ => Err(OperationError::NotReducible),
        },
    ));
    engine.provide(Operation::new(
        "==",
        "(-> $t $t Bool)",
        |arguments, _| match arguments {
            [left, right] => Ok(vec![Atom::boolean(left == right)]),
            _ => Err(OperationError::NotReducible),
        },
    ));
    mathematics(engine);
}

fn one_number(name: &str) -> OperationError {
    let number = match name {
        "sqrt-math" | "abs-math" => "number",
        _ => "input number",
    };
    OperationError::message(format!("{name} expects one argument: {number}"))
}

pub(crate) type Function = fn(f64) -> f64;
pub(crate) type FunctionOfTwo = fn(&Number, &Number) -> f64;

/// Functions of a number, which answer a float.
pub(crate) const FUNCTIONS: [(&str, Function); 7] = [
    ("sqrt-math", f64::sqrt),
    ("sin-math", f64::sin),
    ("asin-math", f64::asin),
    ("cos-math", f64::cos),
    ("acos-math", f64::acos),
    ("tan-math", f64::tan),
    ("atan-math", f64::atan),
];

/// As [`FUNCTIONS`], but a whole number stays as it is.
pub(crate) const ROUNDINGS: [(&str, Function); 4] = [
    ("trunc-math", f64::trunc),
    ("ceil-math", f64::ceil),
    ("floor-math", f64::floor),
    ("round-math", f64::round),
];

/// Functions of two numbers, what their arguments are in words, and what they answer, a float.
pub(crate) const FUNCTIONS_OF_TWO: [(&str, &str, FunctionOfTwo); 2] = [
    ("pow-math", "number (base) and number (power)", power),
    (
        "log-math",
        "base (number) and input value (number)",
        logarithm,
    ),
];

fn math(engine: &mut Engine, name: &'static str, compute: Function) {
    engine.provide(Operation::new(
        name,
        "(-> Number Number)",
        move |arguments, _| match arguments {
            [value] => {
                let value = value.as_f64().ok_or_else(|| one_number(name))?;
                Ok(vec![Atom::float(compute(value))])
            }
            _ => Err(OperationError::NotReducible),
        },
    ));
}

fn rounding(engine: &mut Engine, name: &'static str, compute: Function) {
    engine.provide(Operation::new(
        name,
        "(-> Number Number)",
        move |arguments, _| match arguments.first().and_then(Atom::as_number) {
            Some(Number::Float(value)) => Ok(vec![Atom::float(compute(*value))]),
            Some(integer) => Ok(vec![Atom::number(integer.clone())]),
            None => Err(one_number(name)),
        },
    ));
}

/// `base` to the power of `exponent`. A whole one multiplies, as in the reference: that differs
/// in the last digit from what logarithms give.
fn power(base: &Number, exponent: &Number) -> f64 {
    let base = base.to_f64();
    let whole = match exponent {
        Number::Integer(whole) => i32::try_from(*whole).ok(),
        Number::Float(_) | Number::Big(_) => None,
    };
    whole.map_or_else(|| base.powf(exponent.to_f64()), |whole| base.powi(whole))
}

fn logarithm(base: &Number, value: &Number) -> f64 {
    value.to_f64().log(base.to_f64())
}

/// `PI`, `EXP` and functions of numbers. Most answer a float; a value outside of a
/// function's domain gives NaN, as IEEE 754 has it.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(sqrt-math x)` | a number | the root; NaN below 0 | no number, in words | constant | reference; IEEE 754-2019 |
/// | `(sin-math x)` | a number, in radians | the sine | no number, in words | constant | reference; IEEE 754-2019 |
/// | `(asin-math x)` | a number | the angle in radians; NaN outside of -1 to 1 | no number, in words | constant | reference; IEEE 754-2019 |
/// | `(cos-math x)` | a number, in radians | the cosine | no number, in words | constant | reference; IEEE 754-2019 |
/// | `(acos-math x)` | a number | the angle in radians; NaN outside of -1 to 1 | no number, in words | constant | reference; IEEE 754-2019 |
/// | `(tan-math x)` | a number, in radians | the tangent | no number, in words | constant | reference; IEEE 754-2019 |
/// | `(atan-math x)` | a number | the angle in radians | no number, in words | constant | reference; IEEE 754-2019 |
/// | `(trunc-math x)` | a number | its whole part; a whole number as it is | no number, in words | constant | reference; IEEE 754-2019 |
/// | `(ceil-math x)` | a number | the next whole value above; a whole number as it is | no number, in words | constant | reference; IEEE 754-2019 |
/// | `(floor-math x)` | a number | the next whole value below; a whole number as it is | no number, in words | constant | reference; IEEE 754-2019 |
/// | `(round-math x)` | a number | the nearest whole value, halves away from zero; a whole number as it is | no number, in words | constant | reference; IEEE 754-2019 |
/// | `(abs-math x)` | a number | without its sign, of its kind | no number, in words | linear in the digits | reference |
/// | `(pow-math base exponent)` | numbers | the power, a float; a whole exponent multiplies | no numbers, in words | constant | reference; IEEE 754-2019 |
/// | `(log-math base x)` | numbers | the logarithm, a float; NaN outside of its domain | no numbers, in words | constant | reference; IEEE 754-2019 |
/// | `(isnan-math x)` | a number | whether it is NaN | no number, in words | constant | reference; IEEE 754-2019 |
/// | `(isinf-math x)` | a number | whether it is infinite | no number, in words | constant | reference; IEEE 754-2019 |
///
/// Source: as above.
fn mathematics(engine: &mut Engine) {
    engine.bind("PI", Atom::float(std::f64::consts::PI));
    engine.bind("EXP", Atom::float(std::f64::consts::E));
    for (name, compute) in FUNCTIONS {
        math(engine, name, compute);
    }
    for (name, compute) in ROUNDINGS {
        rounding(engine, name, compute);
    }
    engine.provide(Operation::new(
        "abs-math",
        "(-> Number Number)",
        |arguments, _| {
            let value = arguments
                .first()
                .and_then(Atom::as_number)
                .ok_or_else(|| one_number("abs-math"))?;
            Ok(vec![Atom::number(value.abs())])
        },
    ));
    for (name, takes, compute) in FUNCTIONS_OF_TWO {
        engine.provide(Operation::new(
            name,
            "(-> Number Number Number)",
            move |arguments, _| {
                let (first, second) = two_numbers(arguments).map_err(|_| {
                    OperationError::message(format!("{name} expects two arguments: {takes}"))
                })?;
                Ok(vec![Atom::float(compute(first, second))])
            },
        ));
    }
    for (name, test) in [
        ("isnan-math", f64::is_nan as fn(f64) -> bool),
        ("isinf-math", f64::is_infinite),
    ] {
        engine.provide(Operation::new(
            name,
            "(-> Number Bool)",
            move |arguments, _| match arguments.first().and_then(Atom::as_f64) {
                Some(value) => Ok(vec![Atom::boolean(test(value))]),
                None => Err(one_number(name)),
            },
        ));
    }
}

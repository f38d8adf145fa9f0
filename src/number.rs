//! Numbers: integers of any size and IEEE doubles, compared by value.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use num_bigint::{BigInt, BigUint};
use num_traits::{FromPrimitive, Signed, ToPrimitive, Zero};

/// The most bits a big integer may have; beyond, arithmetic gives an error.
pub(crate) const BIG_BITS_MAX: u64 = 1 << 22;

/// A number. Integers that fit `i64` are always `Integer`.
#[derive(Clone, Debug)]
pub enum Number {
    /// An integer that fits 64 bits.
    Integer(i64),
    /// An integer that does not fit 64 bits.
    Big(Arc<BigInt>),
    /// An IEEE 754 double.
    Float(f64),
}

/// Why arithmetic has no result.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NumberError {
    /// An integer was divided by zero.
    DivisionByZero,
    /// The result would have more than four million bits.
    TooLarge,
}

impl Number {
    /// An integer, small if it fits.
    pub fn from_big(value: BigInt) -> Number {
        match value.to_i64() {
            Some(small) => Number::Integer(small),
            None => Number::Big(Arc::new(value)),
        }
    }

    /// Reads `[+-]?\d+`, `[+-]?\d+\.\d+` or `[+-]?\d+(\.\d+)?[eE][+-]?\d+`.
    pub fn parse(word: &str) -> Option<Number> {
        let digits = word.strip_prefix(['+', '-']).unwrap_or(word);
        let bytes = digits.as_bytes();
        let integer = bytes.iter().take_while(|b| b.is_ascii_digit()).count();
        if integer == 0 {
            return None;
        }
        if integer == bytes.len() {
            let unsigned = word.strip_prefix('+').unwrap_or(word);
            return match unsigned.parse::<i64>() {
                Ok(small) => Some(Number::Integer(small)),
                Err(_) => BigInt::parse_bytes(unsigned.as_bytes(), 10).map(Number::from_big),
            };
        }
        let mut rest = &bytes[integer..];
        if rest[0] == b'.' {
            let fraction = rest[1..].iter().take_while(|b| b.is_ascii_digit()).count();
            if fraction == 0 {
                return None;
            }
            rest = &rest[1 + fraction..];
        }
        if let Some(b'e' | b'E') = rest.first() {
            rest = &rest[1..];
            if let Some(b'+' | b'-') = rest.first() {
                rest = &rest[1..];
            }
            let exponent = rest.iter().take_while(|b| b.is_ascii_digit()).count();
            if exponent == 0 {
                return None;
            }
            rest = &rest[exponent..];
        }
        if !rest.is_empty() {
            return None;
        }
        word.parse::<f64>().ok().map(Number::Float)
    }

    /// The nearest double.
    pub fn to_f64(&self) -> f64 {
        match self {
            Number::Integer(value) => *value as f64,
            Number::Big(value) => value.to_f64().unwrap_or(f64::NAN),
            Number::Float(value) => *value,
        }
    }

    /// The value if it is an integer that fits 64 bits.
    pub fn to_i64(&self) -> Option<i64> {
        match self {
            Number::Integer(value) => Some(*value),
            Number::Big(_) | Number::Float(_) => None,
        }
    }

    /// Bytes that it holds elsewhere.
    pub(crate) fn bytes_beside(&self) -> usize {
        match self {
            Number::Big(value) => value.bits() as usize / 8,
            Number::Integer(_) | Number::Float(_) => 0,
        }
    }

    /// Whether it is a double.
    pub(crate) fn is_float(&self) -> bool {
        matches!(self, Number::Float(_))
    }

    /// Whether it is the same number as `other`, which it equals, in all that can be seen of it:
    /// `1` is not `1.0`, nor `0.0` `-0.0`.
    pub(crate) fn is_written_as(&self, other: &Number) -> bool {
        match (self, other) {
            (Number::Float(one), Number::Float(other)) => one.to_bits() == other.to_bits(),
            (one, other) => one.is_float() == other.is_float(),
        }
    }

    fn bits(&self) -> u64 {
        match self {
            Number::Integer(_) => 64,
            Number::Big(value) => value.bits(),
            Number::Float(_) => 0,
        }
    }

    /// What `small` gives for integers that fit, if its result does; `by_small` for a big one and
    /// one that fits, `big` for others, `float` if one is a double.
    fn combine(
        &self,
        other: &Number,
        small: fn(i64, i64) -> Option<i64>,
        by_small: fn(&BigInt, i64) -> BigInt,
        big: fn(&BigInt, &BigInt) -> BigInt,
        float: fn(f64, f64) -> f64,
    ) -> Number {
        match (self, other) {
            (Number::Integer(a), Number::Integer(b)) => match small(*a, *b) {
                Some(result) => Number::Integer(result),
                None => Number::from_big(by_small(&BigInt::from(*a), *b)),
            },
            (Number::Big(a), Number::Integer(b)) => Number::from_big(by_small(a, *b)),
            (Number::Integer(a), Number::Big(b)) => Number::from_big(big(&BigInt::from(*a), b)),
            (Number::Big(a), Number::Big(b)) => Number::from_big(big(a, b)),
            (Number::Float(_), _) | (_, Number::Float(_)) => {
                Number::Float(float(self.to_f64(), other.to_f64()))
            }
        }
    }

    /// The sum; exact for integers.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`].
    pub fn add(&self, other: &Number) -> Result<Number, NumberError> {
        fits(self.bits().max(other.bits()) + 1)?;
        let (first, second) = bigger_first(self, other);
        Ok(first.combine(
            second,
            i64::checked_add,
            |a, b| a + b,
            |a, b| a + b,
            |a, b| a + b,
        ))
    }

    /// The difference; exact for integers.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`].
    pub fn subtract(&self, other: &Number) -> Result<Number, NumberError> {
        fits(self.bits().max(other.bits()) + 1)?;
        Ok(self.combine(
            other,
            i64::checked_sub,
            |a, b| a - b,
            |a, b| a - b,
            |a, b| a - b,
        ))
    }

    /// The product; exact for integers.
    ///
    /// # Errors
    /// [`NumberError::TooLarge`].
    pub fn multiply(&self, other: &Number) -> Result<Number, NumberError> {
        fits(self.bits() + other.bits())?;
        let (first, second) = bigger_first(self, other);
        Ok(first.combine(
            second,
            i64::checked_mul,
            |a, b| a * b,
            |a, b| a * b,
            |a, b| a * b,
        ))
    }

    /// The quotient; integers truncate toward zero.
    ///
    /// # Errors
    /// [`NumberError::DivisionByZero`] for integers; doubles give an infinity or NaN.
    pub fn divide(&self, other: &Number) -> Result<Number, NumberError> {
        if other.is_integer_zero() && !matches!(self, Number::Float(_)) {
            return Err(NumberError::DivisionByZero);
        }
        Ok(self.combine(
            other,
            i64::checked_div,
            quotient,
            |a, b| a / b,
            |a, b| a / b,
        ))
    }

    /// The remainder with the sign of the dividend.
    ///
    /// # Errors
    /// [`NumberError::DivisionByZero`] for integers.
    pub fn remainder(&self, other: &Number) -> Result<Number, NumberError> {
        if other.is_integer_zero() && !matches!(self, Number::Float(_)) {
            return Err(NumberError::DivisionByZero);
        }
        Ok(self.combine(
            other,
            i64::checked_rem,
            remainder,
            |a, b| a % b,
            |a, b| a % b,
        ))
    }

    fn is_integer_zero(&self) -> bool {
        matches!(self, Number::Integer(0))
    }

    /// The absolute value.
    pub fn abs(&self) -> Number {
        match self {
            Number::Integer(value) => match value.checked_abs() {
                Some(result) => Number::Integer(result),
                None => Number::from_big(BigInt::from(*value).abs()),
            },
            Number::Big(value) => Number::from_big(value.abs()),
            Number::Float(value) => Number::Float(value.abs()),
        }
    }

    /// The order of the values; `None` if one is NaN.
    pub fn compare(&self, other: &Number) -> Option<Ordering> {
        match (self, other) {
            (Number::Integer(a), Number::Integer(b)) => Some(a.cmp(b)),
            (Number::Float(a), Number::Float(b)) => a.partial_cmp(b),
            (Number::Float(a), _) => compare_float(*a, other),
            (_, Number::Float(b)) => compare_float(*b, self).map(Ordering::reverse),
            (Number::Big(a), Number::Big(b)) => Some(a.cmp(b)),
            (Number::Big(a), Number::Integer(b)) => Some((**a).cmp(&BigInt::from(*b))),
            (Number::Integer(a), Number::Big(b)) => Some(BigInt::from(*a).cmp(b)),
        }
    }
}

/// Two numbers whose order tells nothing, a big one before one that fits 64 bits.
fn bigger_first<'a>(left: &'a Number, right: &'a Number) -> (&'a Number, &'a Number) {
    match (left, right) {
        (Number::Integer(_), Number::Big(_)) => (right, left),
        _ => (left, right),
    }
}

/// The quotient by what is not zero, toward zero; by a power of two without dividing.
fn quotient(dividend: &BigInt, divisor: i64) -> BigInt {
    let size = divisor.unsigned_abs();
    if !size.is_power_of_two() {
        return dividend / divisor;
    }
    let sign = match divisor < 0 {
        true => -dividend.sign(),
        false => dividend.sign(),
    };
    BigInt::from_biguint(sign, dividend.magnitude() >> size.trailing_zeros())
}

/// The remainder by what is not zero, with the dividend's sign; as [`quotient`].
fn remainder(dividend: &BigInt, divisor: i64) -> BigInt {
    let size = divisor.unsigned_abs();
    if !size.is_power_of_two() {
        return dividend % divisor;
    }
    let lowest = dividend.magnitude().iter_u64_digits().next().unwrap_or(0);
    BigInt::from_biguint(dividend.sign(), BigUint::from(lowest & (size - 1)))
}

/// Compares exactly, without rounding the integer to a double.
fn compare_float(float: f64, integer: &Number) -> Option<Ordering> {
    if float.is_nan() {
        return None;
    }
    if float.is_infinite() {
        return Some(if float > 0.0 {
            Ordering::Greater
        } else {
            Ordering::Less
        });
    }
    let whole = float.trunc();
    let order = match integer {
        Number::Big(integer) => BigInt::from_f64(whole)?.cmp(integer),
        Number::Integer(integer) => BigInt::from_f64(whole)?.cmp(&BigInt::from(*integer)),
        Number::Float(_) => return None,
    };
    Some(order.then_with(|| float.partial_cmp(&whole).unwrap_or(Ordering::Equal)))
}

fn fits(bits: u64) -> Result<(), NumberError> {
    if bits > BIG_BITS_MAX {
        Err(NumberError::TooLarge)
    } else {
        Ok(())
    }
}

impl PartialEq for Number {
    fn eq(&self, other: &Number) -> bool {
        self.compare(other) == Some(Ordering::Equal)
    }
}

impl Hash for Number {
    fn hash<H: Hasher>(&self, state: &mut H) {
        match self {
            Number::Integer(value) => state.write_i64(*value),
            Number::Big(value) => value.hash(state),
            Number::Float(value) => {
                // An integral double hashes as the integer that it equals.
                if value.fract() == 0.0 && value.is_finite() {
                    let big = BigInt::from_f64(*value).unwrap_or_else(BigInt::zero);
                    match big.to_i64() {
                        Some(small) => state.write_i64(small),
                        None => big.hash(state),
                    }
                } else {
                    state.write_u64(value.to_bits());
                }
            }
        }
    }
}

impl fmt::Display for Number {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Number::Integer(value) => f.write_str(itoa::Buffer::new().format(*value)),
            Number::Big(value) => write!(f, "{value}"),
            Number::Float(value) => write!(f, "{value:?}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use num_bigint::BigInt;

    use super::Number;

    #[track_caller]
    fn check_parse(word: &str, printed: Option<&str>) {
        assert_eq!(
            Number::parse(word).map(|n| n.to_string()).as_deref(),
            printed
        );
    }

    #[test]
    fn words_that_are_numbers_are_read_and_others_are_not() {
        check_parse("12", Some("12"));
        check_parse("+12", Some("12"));
        check_parse("-7", Some("-7"));
        check_parse("1.5", Some("1.5"));
        check_parse("1e3", Some("1000.0"));
        check_parse(
            "170141183460469231731687303715884105728",
            Some("170141183460469231731687303715884105728"),
        );
        for word in [
            "1.", ".5", "1_000", "-", "+", "e5", "1e", "1.5.2", "0x1", "inf",
        ] {
            check_parse(word, None);
        }
    }

    #[test]
    fn numbers_compare_by_value_across_kinds() {
        let big = Number::parse("9007199254740993").unwrap();
        assert_ne!(big, Number::Float(9007199254740992.0));
        assert_eq!(Number::Integer(1), Number::Float(1.0));
        assert_ne!(Number::Float(f64::NAN), Number::Float(f64::NAN));
    }

    #[test]
    fn integers_grow_instead_of_wrapping() {
        let max = Number::Integer(i64::MAX);
        assert_eq!(
            max.add(&Number::Integer(1)).unwrap().to_string(),
            "9223372036854775808"
        );
        assert_eq!(
            max.multiply(&max).unwrap().to_string(),
            "85070591730234615847396907784232501249"
        );
    }
    #[test]
    fn quotients_and_remainders_of_big_integers_are_those_of_small_ones() {
        let number = |n: i128| Number::from_big(BigInt::from(n));
        let large = 3 * i128::from(i64::MAX) + 11;
        for dividend in [large, -large, 1 << 64, -(1 << 64), i128::from(i64::MIN)] {
            for divisor in [
                1,
                -1,
                2,
                -2,
                7,
                -8,
                1 << 40,
                i128::from(i64::MIN),
                large,
                1 << 63,
            ] {
                let (a, b) = (number(dividend), number(divisor));
                assert_eq!(a.divide(&b).unwrap(), number(dividend / divisor));
                assert_eq!(a.remainder(&b).unwrap(), number(dividend % divisor));
                assert_eq!(a.compare(&b), Some(dividend.cmp(&divisor)));
                assert_eq!(b.subtract(&a).unwrap(), number(divisor - dividend));
                assert_eq!(b.add(&a).unwrap(), number(divisor + dividend));
            }
        }
        let product = number(large).multiply(&Number::Integer(3)).unwrap();
        assert_eq!(
            product,
            Number::Integer(3).multiply(&number(large)).unwrap()
        );
        assert_eq!(product, number(3 * large));
    }
}

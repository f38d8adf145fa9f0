//! Flat atoms: the tokens of an atom in pre-order, one `u32` each.
//!
//! The low three bits say what a token is, the rest is its value. Doubles and
//! integers of more than 29 bits are followed by two tokens of raw bits, low half
//! first. Strings and other host values stand in a table beside the tokens. An atom
//! with variables is followed by a table of their names: for each in order of its
//! number the name's id, shifted left by one; if the lowest bit is set, two tokens
//! follow with the number of the renaming.
//!
//! A *key* is a leaf or the head of an expression as one token, the same for all
//! leaves that are equal: numbers by value, what is long by a hash. Queries are asked
//! in keys, and what they find is verified by unification.

use std::hash::BuildHasher;

use foldhash::fast::FixedState;

use crate::atom::Grounded;
use crate::number::Number;

const TAG_BITS: u32 = 3;
const TAG_MASK: u32 = (1 << TAG_BITS) - 1;

const INTEGER: u32 = 0;
const SYMBOL: u32 = 1;
const VARIABLE: u32 = 2;
const EXPRESSION: u32 = 3;
const FLOAT: u32 = 4;
const LONG: u32 = 5;
const PAYLOAD: u32 = 6;
const OTHER: u32 = 7;

const OTHER_BITS: u32 = TAG_BITS + 2;
const BOOL: u32 = OTHER;
const CHAR: u32 = OTHER | 1 << TAG_BITS;
const HASHED: u32 = OTHER | 2 << TAG_BITS;

/// The key that matches every atom.
pub(crate) const WILD: u32 = VARIABLE;

/// What stands at one place of a flat atom.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Token {
    /// An integer.
    Integer(i64),
    /// A name by its id.
    Symbol(u32),
    /// A variable by its number within the atom, from 0 in order of occurrence.
    Variable(u32),
    /// An expression of so many children, which follow.
    Expression(u32),
    /// A double.
    Float(f64),
    /// A value by its place in the table of payloads.
    Payload(u32),
    /// A truth value.
    Bool(bool),
    /// A character.
    Char(char),
    /// Only in keys: the hash of something long.
    Hashed(u32),
}

impl Token {
    /// The token at `at`, and where the next one stands.
    pub(crate) fn read(tokens: &[u32], at: usize) -> (Token, usize) {
        let raw = tokens[at];
        let value = raw >> TAG_BITS;
        let token = match raw & TAG_MASK {
            INTEGER => Token::Integer(i64::from(raw as i32 >> TAG_BITS)),
            SYMBOL => Token::Symbol(value),
            VARIABLE => Token::Variable(value),
            EXPRESSION => Token::Expression(value),
            FLOAT => return (Token::Float(f64::from_bits(bits(tokens, at))), at + 3),
            LONG => return (Token::Integer(bits(tokens, at).cast_signed()), at + 3),
            PAYLOAD => Token::Payload(value),
            _ => match raw & ((1 << OTHER_BITS) - 1) {
                BOOL => Token::Bool(raw >> OTHER_BITS != 0),
                CHAR => Token::Char(char::from_u32(raw >> OTHER_BITS).unwrap_or('\u{fffd}')),
                _ => Token::Hashed(raw >> OTHER_BITS),
            },
        };
        (token, at + 1)
    }

    /// Appends the token.
    pub(crate) fn write(self, tokens: &mut Vec<u32>) {
        match self {
            Token::Integer(value) => match small(value) {
                Some(token) => tokens.push(token),
                None => wide(tokens, LONG, value.cast_unsigned()),
            },
            Token::Symbol(id) => tokens.push(symbol(id)),
            Token::Variable(number) => tokens.push(tagged(VARIABLE, number)),
            Token::Expression(arity) => tokens.push(expression(arity)),
            Token::Float(value) => wide(tokens, FLOAT, value.to_bits()),
            Token::Payload(place) => tokens.push(tagged(PAYLOAD, place)),
            Token::Bool(value) => tokens.push(truth(value)),
            Token::Char(value) => tokens.push(u32::from(value) << OTHER_BITS | CHAR),
            Token::Hashed(hash) => tokens.push(hash << OTHER_BITS | HASHED),
        }
    }

    /// The key of what stands here; `None` if it may equal things of other keys.
    pub(crate) fn key<P: Payloads + ?Sized>(self, payloads: &P) -> Option<u32> {
        match self {
            Token::Integer(value) => Some(integer_key(value)),
            Token::Float(value) => Some(float_key(value)),
            Token::Symbol(id) => Some(symbol(id)),
            Token::Expression(arity) => Some(expression(arity)),
            Token::Payload(place) => payload_key(payloads.payload(place)),
            Token::Bool(_) | Token::Char(_) | Token::Hashed(_) => {
                let mut one = Vec::with_capacity(1);
                self.write(&mut one);
                Some(one[0])
            }
            Token::Variable(_) => None,
        }
    }
}

/// Where the values stand that tokens refer to.
pub(crate) trait Payloads {
    /// The value at `place`.
    fn payload(&self, place: u32) -> &Grounded;
}

impl Payloads for [Grounded] {
    fn payload(&self, place: u32) -> &Grounded {
        &self[place as usize]
    }
}

/// For tokens that refer to no value.
pub(crate) const NO_VALUES: &[Grounded] = &[];

fn bits(tokens: &[u32], at: usize) -> u64 {
    u64::from(tokens[at + 1]) | u64::from(tokens[at + 2]) << 32
}

fn wide(tokens: &mut Vec<u32>, tag: u32, bits: u64) {
    tokens.extend([tag, bits as u32, (bits >> 32) as u32]);
}

fn tagged(tag: u32, value: u32) -> u32 {
    assert!(
        value < 1 << (32 - TAG_BITS),
        "more than 2^29 names, values, variables or elements"
    );
    value << TAG_BITS | tag
}

/// The token of an integer that one token is enough for.
pub(crate) fn small(value: i64) -> Option<u32> {
    let token = (value as i32) << TAG_BITS;
    (i64::from(token >> TAG_BITS) == value).then_some(token.cast_unsigned())
}

/// The token and key of a name.
pub(crate) fn symbol(id: u32) -> u32 {
    tagged(SYMBOL, id)
}

/// The token and key of an expression of `arity` children.
pub(crate) fn expression(arity: u32) -> u32 {
    tagged(EXPRESSION, arity)
}

/// The arity if the token begins an expression.
pub(crate) fn arity_of(token: u32) -> Option<u32> {
    (token & TAG_MASK == EXPRESSION).then_some(token >> TAG_BITS)
}

/// Whether the token is a name.
pub(crate) fn is_symbol(token: u32) -> bool {
    token & TAG_MASK == SYMBOL
}

/// Whether the token is a variable, or the key that matches everything.
pub(crate) fn is_variable(token: u32) -> bool {
    token & TAG_MASK == VARIABLE
}

/// Whether the token is a variable, or a value of the host, that may match other atoms.
pub(crate) fn may_be_taken(token: u32) -> bool {
    is_variable(token) || token & TAG_MASK == PAYLOAD
}

/// The number of the token that is a variable.
pub(crate) fn number_of(variable: u32) -> u32 {
    variable >> TAG_BITS
}

/// The integer that one token is.
#[inline(always)]
pub(crate) fn small_of(token: u32) -> Option<i32> {
    (token & TAG_MASK == INTEGER).then_some(token as i32 >> TAG_BITS)
}

/// Whether the token is a name, a small integer, a truth value, a character or begins an
/// expression: then it equals no other token.
#[inline(always)]
pub(crate) fn is_plain(token: u32) -> bool {
    const PLAIN: u32 = 1 << INTEGER | 1 << SYMBOL | 1 << EXPRESSION | 1 << OTHER;
    PLAIN >> (token & TAG_MASK) & 1 != 0 && token & ((1 << OTHER_BITS) - 1) != HASHED
}

/// The token of a truth value.
pub(crate) fn truth(value: bool) -> u32 {
    u32::from(value) << OTHER_BITS | BOOL
}

/// The truth value that the token is.
pub(crate) fn bool_of(token: u32) -> Option<bool> {
    (token & ((1 << OTHER_BITS) - 1) == BOOL).then_some(token >> OTHER_BITS != 0)
}

/// The id if the token is a name.
pub(crate) fn symbol_id(token: u32) -> Option<u32> {
    is_symbol(token).then_some(token >> TAG_BITS)
}

/// The place if the token is a payload.
pub(crate) fn payload_place(token: u32) -> Option<u32> {
    (token & TAG_MASK == PAYLOAD).then_some(token >> TAG_BITS)
}

/// The token of the payload at `place`.
pub(crate) fn payload(place: u32) -> u32 {
    tagged(PAYLOAD, place)
}

/// How many `u32` the token takes.
pub(crate) fn width(token: u32) -> usize {
    if matches!(token & TAG_MASK, FLOAT | LONG) {
        3
    } else {
        1
    }
}

fn hashed(hash: u64) -> u32 {
    ((hash >> (32 + OTHER_BITS)) as u32) << OTHER_BITS | HASHED
}

static HASH: FixedState = FixedState::with_seed(0xf1a7);

/// The key of an integer.
pub(crate) fn integer_key(value: i64) -> u32 {
    small(value).unwrap_or_else(|| hashed(HASH.hash_one(Number::Integer(value))))
}

/// A key for two keys together.
pub(crate) fn together(first: u32, second: u32) -> u32 {
    hashed(HASH.hash_one((first, second)))
}

/// The key of a double; of an integral one that of the integer.
pub(crate) fn float_key(value: f64) -> u32 {
    if value.fract() == 0.0 && value.abs() < 9e18 {
        integer_key(value as i64)
    } else {
        hashed(HASH.hash_one(Number::Float(value)))
    }
}

/// The key of a host value; `None` if it may equal others by rules of its own.
pub(crate) fn payload_key(value: &Grounded) -> Option<u32> {
    match value {
        Grounded::Number(Number::Integer(value)) => Some(integer_key(*value)),
        Grounded::Number(Number::Float(value)) => Some(float_key(*value)),
        Grounded::Number(number @ Number::Big(_)) => Some(hashed(HASH.hash_one(number))),
        Grounded::Bool(value) => Token::Bool(*value).key(NO_VALUES),
        Grounded::Char(value) => Token::Char(*value).key(NO_VALUES),
        Grounded::Text(text) => Some(hashed(HASH.hash_one(&**text))),
        Grounded::Operation(operation) => {
            Some(hashed(HASH.hash_one((operation.name(), "operation"))))
        }
        Grounded::Space(_) => Some(HASHED),
        Grounded::State(_) | Grounded::Value(_) => None,
    }
}

/// Where the atom that begins at `at` ends.
pub(crate) fn skip(tokens: &[u32], at: usize) -> usize {
    let mut at = at;
    let mut left = 1_usize;
    while left > 0 {
        let token = tokens[at];
        left = left - 1 + arity_of(token).unwrap_or(0) as usize;
        at += width(token);
    }
    at
}

#[cfg(test)]
mod tests {
    use super::{Token, float_key, integer_key, skip};

    #[test]
    fn tokens_come_back_as_they_were_written() {
        let all = [
            Token::Expression(9),
            Token::Integer(-1),
            Token::Integer((1 << 28) - 1),
            Token::Integer(1 << 28),
            Token::Integer(i64::MIN),
            Token::Float(182.3),
            Token::Symbol((1 << 29) - 1),
            Token::Variable(3),
            Token::Bool(true),
            Token::Char('\u{10ffff}'),
        ];
        let mut tokens = Vec::new();
        for token in all {
            token.write(&mut tokens);
        }
        let mut at = 0;
        for token in all {
            let (read, next) = Token::read(&tokens, at);
            assert_eq!(read, token);
            at = next;
        }
        assert_eq!(at, tokens.len());
        assert_eq!(skip(&tokens, 0), tokens.len());
    }

    #[test]
    fn equal_numbers_have_one_key() {
        assert_eq!(integer_key(1), float_key(1.0));
        assert_eq!(integer_key(0), float_key(-0.0));
        assert_eq!(integer_key(1 << 40), float_key((1_i64 << 40) as f64));
        assert_ne!(integer_key(1), float_key(1.5));
    }
}

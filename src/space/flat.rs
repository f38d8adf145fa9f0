//! Between atoms and their tokens.

use std::sync::Arc;

use foldhash::fast::FixedState;
use hashbrown::HashMap;
use smallvec::SmallVec;

use crate::atom::{Atom, Expression, Grounded, Variable};
use crate::number::Number;
use crate::space::token::{self, Payloads, Token};
use crate::symbol::{Names, Symbol, names};

/// An atom as tokens, with the values they refer to. Names are not counted: the
/// atom that it was made from holds them.
#[derive(Default)]
pub(crate) struct Flat {
    pub(crate) tokens: Vec<u32>,
    pub(crate) payloads: Vec<Grounded>,
}

impl Flat {
    /// The tokens of `atom`. Linear.
    pub(crate) fn of(atom: &Atom) -> Flat {
        let mut flat = Flat {
            // Enough for most.
            tokens: Vec::with_capacity(16),
            payloads: Vec::new(),
        };
        let mut variables = Numbering::default();
        let mut pending: SmallVec<[std::slice::Iter<'_, Atom>; 8]> = SmallVec::new();
        pending.push(std::slice::from_ref(atom).iter());
        while let Some(children) = pending.last_mut() {
            let Some(atom) = children.next() else {
                pending.pop();
                continue;
            };
            match atom {
                Atom::Symbol(symbol) => flat.tokens.push(token::symbol(symbol.id())),
                Atom::Variable(variable) => {
                    Token::Variable(variables.number(variable)).write(&mut flat.tokens);
                }
                Atom::Grounded(value) => flat.leaf(value),
                Atom::Expression(expression) => {
                    let children = expression.children();
                    let arity = u32::try_from(children.len()).unwrap_or(u32::MAX);
                    flat.tokens.push(token::expression(arity));
                    pending.push(children.iter());
                }
            }
        }
        variables.append_names(&mut flat.tokens);
        flat
    }

    fn leaf(&mut self, value: &Grounded) {
        let payloads = &mut self.payloads;
        push_value(value, &mut self.tokens, |value| {
            payloads.push(value);
            payloads.len() - 1
        });
    }
}

/// Appends the token of a host value; `keep` puts aside what tokens have no room for,
/// and says where.
pub(crate) fn push_value(
    value: &Grounded,
    tokens: &mut Vec<u32>,
    keep: impl FnOnce(Grounded) -> usize,
) {
    let token = match value {
        Grounded::Number(Number::Integer(value)) => Token::Integer(*value),
        Grounded::Number(Number::Float(value)) => Token::Float(*value),
        Grounded::Bool(value) => Token::Bool(*value),
        Grounded::Char(value) => Token::Char(*value),
        Grounded::Number(Number::Big(_))
        | Grounded::Text(_)
        | Grounded::Space(_)
        | Grounded::State(_)
        | Grounded::Operation(_)
        | Grounded::Value(_) => Token::Payload(keep(value.clone()) as u32),
    };
    token.write(tokens);
}

/// The variables of one atom, numbered.
#[derive(Default)]
struct Numbering {
    order: Vec<Variable>,
    /// Used once there are many.
    numbers: HashMap<Variable, u32, FixedState>,
}

impl Numbering {
    const FEW: usize = 16;

    fn number(&mut self, variable: &Variable) -> u32 {
        if self.numbers.is_empty() {
            if let Some(place) = self.order.iter().position(|known| known == variable) {
                return place as u32;
            }
        } else if let Some(number) = self.numbers.get(variable) {
            return *number;
        }
        self.order.push(variable.clone());
        if !self.numbers.is_empty() {
            self.numbers
                .insert(variable.clone(), self.order.len() as u32 - 1);
        } else if self.order.len() > Numbering::FEW {
            self.numbers.extend(self.order.iter().cloned().zip(0..));
        }
        self.order.len() as u32 - 1
    }

    fn append_names(&self, tokens: &mut Vec<u32>) {
        for variable in &self.order {
            let name = variable.symbol().id() << 1;
            match variable.id() {
                0 => tokens.push(name),
                id => tokens.extend([name | 1, id as u32, (id >> 32) as u32]),
            }
        }
    }
}

/// The entry of a table of variables for one that is not renamed.
pub(crate) fn named(name: u32) -> u32 {
    name << 1
}

/// The name id and the number of the renaming at `at` of a table of variables,
/// and where the next one stands.
pub(crate) fn variable_at(tokens: &[u32], at: usize) -> (u32, u64, usize) {
    let name = tokens[at];
    if name & 1 == 0 {
        return (name >> 1, 0, at + 1);
    }
    let id = u64::from(tokens[at + 1]) | u64::from(tokens[at + 2]) << 32;
    (name >> 1, id, at + 3)
}

/// Calls `visit` with each name that the tokens of a whole atom use.
pub(crate) fn each_name(tokens: &[u32], mut visit: impl FnMut(u32)) {
    let mut at = 0;
    let mut left = 1_usize;
    while left > 0 {
        let token = tokens[at];
        if let Some(id) = token::symbol_id(token) {
            visit(id);
        }
        left = left - 1 + token::arity_of(token).unwrap_or(0) as usize;
        at += token::width(token);
    }
    while at < tokens.len() {
        let (name, _, next) = variable_at(tokens, at);
        visit(name);
        at = next;
    }
}

/// Calls `visit` with each place among payloads that the tokens of a whole atom name.
pub(crate) fn each_payload(tokens: &mut [u32], mut visit: impl FnMut(&mut u32)) {
    let mut at = 0;
    let mut left = 1_usize;
    while left > 0 {
        let token = tokens[at];
        if token::payload_place(token).is_some() {
            visit(&mut tokens[at]);
        }
        left = left - 1 + token::arity_of(token).unwrap_or(0) as usize;
        at += token::width(token);
    }
}

/// The atom that a leaf token is; `None` for variables and expressions.
pub(crate) fn leaf<P: Payloads + ?Sized>(
    token: Token,
    payloads: &P,
    symbol: &mut dyn FnMut(u32) -> Symbol,
) -> Option<Atom> {
    Some(match token {
        Token::Integer(value) => Atom::integer(value),
        Token::Float(value) => Atom::float(value),
        Token::Bool(value) => Atom::boolean(value),
        Token::Char(value) => Atom::Grounded(Grounded::Char(value)),
        Token::Symbol(id) => Atom::Symbol(symbol(id)),
        Token::Payload(place) => Atom::Grounded(payloads.payload(place).clone()),
        Token::Variable(_) | Token::Expression(_) | Token::Hashed(_) => return None,
    })
}

/// Builds the atom that begins at `at`; `variable` says what each variable is.
/// Linear; the stack is explicit.
pub(crate) fn build<P: Payloads + ?Sized>(
    tokens: &[u32],
    at: usize,
    payloads: &P,
    mut variable: impl FnMut(u32, &mut Names) -> Atom,
) -> Atom {
    let mut table: Option<Names> = None;
    let mut open: SmallVec<[(usize, Vec<Atom>); 8]> = SmallVec::new();
    let mut at = at;
    loop {
        let (token, next) = Token::read(tokens, at);
        at = next;
        let mut done = match token {
            Token::Expression(arity) => {
                let arity = arity as usize;
                // What is stored has that many children, so this is no more than it holds.
                open.push((arity, Vec::with_capacity(arity)));
                None
            }
            Token::Variable(number) => Some(variable(number, table.get_or_insert_with(names))),
            Token::Symbol(id) => {
                let table = table.get_or_insert_with(names);
                Some(Atom::Symbol(table.symbol(id)))
            }
            other => leaf(other, payloads, &mut |_| unreachable!("handled above")),
        };
        loop {
            if let Some(atom) = done.take() {
                match open.last_mut() {
                    None => return atom,
                    Some((_, children)) => children.push(atom),
                }
            }
            let (arity, children) = open.last().expect("an expression is open");
            if children.len() < *arity {
                break;
            }
            let (_, children) = open.pop().expect("just seen");
            done = Some(Atom::Expression(Expression::new(children)));
        }
    }
}

/// The whole atom as it was stored, its variables with the names they had.
pub(crate) fn decode<P: Payloads + ?Sized>(tokens: &[u32], payloads: &P) -> Atom {
    let mut variables: Option<Vec<Atom>> = None;
    build(tokens, 0, payloads, |number, names| {
        let variables = variables.get_or_insert_with(|| {
            let mut variables = Vec::new();
            let mut at = token::skip(tokens, 0);
            while at < tokens.len() {
                let (name, id, next) = variable_at(tokens, at);
                variables.push(Atom::Variable(Variable::of(names.symbol(name), id)));
                at = next;
            }
            variables
        });
        variables[number as usize].clone()
    })
}

/// A hash of a whole atom: equal atoms have equal hashes.
pub(crate) fn hash<P: Payloads + ?Sized>(tokens: &[u32], payloads: &P) -> u32 {
    let mut hash = 0x9e37_79b9_7f4a_7c15_u64;
    let mut mix = |value: u32| {
        hash = (hash.rotate_left(23) ^ u64::from(value)).wrapping_mul(0xd6e8_feb8_6659_fd93);
    };
    let mut at = 0;
    let mut left = 1_usize;
    while left > 0 {
        let (token, next) = Token::read(tokens, at);
        match token {
            Token::Expression(arity) => {
                left += arity as usize;
                mix(tokens[at]);
            }
            Token::Variable(_) | Token::Symbol(_) => mix(tokens[at]),
            other => mix(other.key(payloads).unwrap_or(token::WILD)),
        }
        left -= 1;
        at = next;
    }
    (hash ^ hash >> 32) as u32
}

/// Whether two whole atoms are equal; numbers by value, variables by name.
pub(crate) fn equal<P: Payloads + ?Sized, Q: Payloads + ?Sized>(
    left: (&[u32], &P),
    right: (&[u32], &Q),
) -> bool {
    let (mut a, mut b) = (0, 0);
    let mut open = 1_usize;
    while open > 0 {
        let (one, next_a) = Token::read(left.0, a);
        let (other, next_b) = Token::read(right.0, b);
        match (one, other) {
            (Token::Payload(one), Token::Payload(other)) => {
                if left.1.payload(one) != right.1.payload(other) {
                    return false;
                }
            }
            (Token::Expression(one), Token::Expression(other)) => {
                if one != other {
                    return false;
                }
                open += one as usize;
            }
            (one, other) => {
                let same_bits = left.0[a..next_a] == right.0[b..next_b];
                if !same_bits && !equal_leaves(one, left.1, other, right.1) {
                    return false;
                }
            }
        }
        open -= 1;
        (a, b) = (next_a, next_b);
    }
    left.0[a..] == right.0[b..]
}

fn equal_leaves<P: Payloads + ?Sized, Q: Payloads + ?Sized>(
    one: Token,
    payloads: &P,
    other: Token,
    other_payloads: &Q,
) -> bool {
    match (number(one, payloads), number(other, other_payloads)) {
        (Some(one), Some(other)) => one == other,
        _ => false,
    }
}

/// The number that a token is, if it is one.
pub(crate) fn number<P: Payloads + ?Sized>(token: Token, payloads: &P) -> Option<Number> {
    match token {
        Token::Integer(value) => Some(Number::Integer(value)),
        Token::Float(value) => Some(Number::Float(value)),
        Token::Payload(place) => match payloads.payload(place) {
            Grounded::Number(number) => Some(number.clone()),
            _ => None,
        },
        _ => None,
    }
}

/// Whether a leaf token equals a host value.
pub(crate) fn equals_value<P: Payloads + ?Sized>(
    token: Token,
    payloads: &P,
    value: &Grounded,
) -> bool {
    match (token, value) {
        (Token::Integer(own), Grounded::Number(Number::Integer(value))) => own == *value,
        (Token::Bool(own), Grounded::Bool(value)) => own == *value,
        (Token::Char(own), Grounded::Char(value)) => own == *value,
        (Token::Payload(place), value) => payloads.payload(place) == value,
        (token, Grounded::Number(value)) => {
            number(token, payloads).is_some_and(|number| number == *value)
        }
        _ => false,
    }
}

/// Where an atom was written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Origin {
    pub(crate) file: Arc<str>,
    pub(crate) line: u32,
}

//! Unifying the atom of an evaluation with the tokens of a stored one.

use smallvec::SmallVec;

use crate::atom::{Atom, Expression, Grounded, Variable};
use crate::space::flat;
use crate::space::token::{self, Payloads, Token};
use crate::symbol::Names;
use crate::unify::{Bindings, takes, unify};

/// The variables of one stored atom at one use: each stands for an atom of the
/// evaluation, so that nothing is renamed, or built, before it is matched.
#[derive(Default)]
pub(crate) struct Frame {
    values: SmallVec<[Option<Atom>; 8]>,
    /// Name ids of the stored variables; read when one is to become fresh.
    names: Vec<u32>,
    /// The variables that were made fresh.
    fresh: SmallVec<[u32; 4]>,
}

impl Frame {
    pub(crate) fn clear(&mut self) {
        self.values.clear();
        self.names.clear();
        self.fresh.clear();
    }

    fn get(&self, number: u32) -> Option<&Atom> {
        self.values.get(number as usize)?.as_ref()
    }

    fn set(&mut self, number: u32, value: Atom) {
        let number = number as usize;
        if self.values.len() <= number {
            self.values.resize(number + 1, None);
        }
        self.values[number] = Some(value);
    }

    /// What the variable stands for; a fresh variable if nothing yet.
    fn get_or_fresh(&mut self, number: u32, tokens: &[u32], names: &mut Names) -> Atom {
        if let Some(value) = self.get(number) {
            return value.clone();
        }
        if self.names.is_empty() {
            let mut at = token::skip(tokens, 0);
            while at < tokens.len() {
                let (name, _, next) = flat::variable_at(tokens, at);
                self.names.push(name);
                at = next;
            }
        }
        let name = names.symbol(self.names[number as usize]);
        let fresh = Atom::Variable(Variable::of(name, 0).renamed());
        self.set(number, fresh.clone());
        self.fresh.push(number);
        fresh
    }
}

/// Unifies `query` with the stored atom of `tokens`, whose variables live in
/// `frame`. Bindings made on failure stay, so the caller undoes them.
///
/// As [`unify`] with the stored atom renamed.
pub(crate) fn unify_row<P: Payloads + ?Sized>(
    query: &Atom,
    tokens: &[u32],
    payloads: &P,
    frame: &mut Frame,
    bindings: &mut Bindings,
) -> bool {
    // Expressions of the query that are open, with the child that comes next.
    let mut open: SmallVec<[(Expression, usize); 8]> = SmallVec::new();
    let mut at = 0;
    let mut current = query.clone();
    loop {
        if let Atom::Variable(_) = current {
            current = bindings.walk(&current).clone();
        }
        let begin = at;
        let (token, next) = Token::read(tokens, at);
        at = next;
        let unified = match (&current, token) {
            (_, Token::Variable(number)) => match frame.get(number) {
                Some(value) => {
                    let value = value.clone();
                    if frame.fresh.contains(&number) && *bindings.walk(&value) == value {
                        // Of two variables that of the query stays.
                        unify(&value, &current, bindings)
                    } else {
                        unify(&current, &value, bindings)
                    }
                }
                None => {
                    frame.set(number, current.clone());
                    true
                }
            },
            (Atom::Variable(variable), _) => {
                let value = flat::build(tokens, begin, payloads, |number, names| {
                    frame.get_or_fresh(number, tokens, names)
                });
                at = token::skip(tokens, begin);
                bindings.bind_checked(variable, value)
            }
            (Atom::Expression(expression), Token::Expression(arity)) => {
                if expression.children().len() != arity as usize {
                    false
                } else {
                    if arity > 0 {
                        open.push((expression.clone(), 0));
                    }
                    true
                }
            }
            (Atom::Symbol(symbol), Token::Symbol(id)) => symbol.id() == id,
            (Atom::Grounded(Grounded::Value(pattern)), _) if pattern.is_pattern() => {
                let stored = flat::build(tokens, begin, payloads, |number, names| {
                    frame.get_or_fresh(number, tokens, names)
                });
                at = token::skip(tokens, begin);
                pattern.matches(&bindings.apply(&stored))
            }
            (_, Token::Payload(place)) if payloads.payload(place).is_pattern() => {
                let stored = Atom::Grounded(payloads.payload(place).clone());
                current == stored || takes(&stored, &bindings.apply(&current))
            }
            (Atom::Grounded(value), token) => flat::equals_value(token, payloads, value),
            _ => false,
        };
        if !unified {
            return false;
        }
        // On to the next child; a name that a name is compared with is not even cloned.
        loop {
            let Some((expression, child)) = open.last_mut() else {
                return true;
            };
            let children = expression.children();
            if *child == children.len() {
                open.pop();
                continue;
            }
            let atom = &children[*child];
            *child += 1;
            if let Atom::Symbol(symbol) = atom
                && !token::may_be_taken(tokens[at])
            {
                if tokens[at] != token::symbol(symbol.id()) {
                    return false;
                }
                at += 1;
                continue;
            }
            current = atom.clone();
            break;
        }
    }
}

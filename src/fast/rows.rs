//! Between terms and the flat atoms that are stored.

use smallvec::SmallVec;

use crate::atom::Grounded;
use crate::fast::cell::{Cell, Kind};
use crate::fast::heap::Heap;
use crate::number::Number;
use crate::space::Values;
use crate::space::flat;
use crate::space::probe::KEYS_MAX;
use crate::space::token::{self, Token, WILD};

/// The variables of one stored atom at one use.
pub(super) type Frame = SmallVec<[Option<Cell>; 8]>;

impl Heap {
    /// Appends the keys of a term in pre-order, for a query.
    pub(super) fn keys(&self, pattern: Cell, keys: &mut SmallVec<[u32; 12]>) {
        // The next element, and how many are left.
        let mut open: SmallVec<[(usize, usize); 8]> = SmallVec::new();
        let mut current = pattern;
        loop {
            if keys.len() == KEYS_MAX {
                return;
            }
            let cell = self.deref(current);
            match cell.kind() {
                Kind::Exp(at) => {
                    let (first, count) = self.elements(at);
                    keys.push(token::expression(count as u32));
                    open.push((first, count));
                }
                _ => keys.push(self.key(cell)),
            }
            loop {
                let Some((next, left)) = open.last_mut() else {
                    return;
                };
                if *left == 0 {
                    open.pop();
                    continue;
                }
                current = self.word(*next);
                *next += 1;
                *left -= 1;
                break;
            }
        }
    }

    fn key(&self, cell: Cell) -> u32 {
        match cell.kind() {
            Kind::Int(value) => token::integer_key(value),
            Kind::Sym(id) => token::symbol(id),
            Kind::Flt(_) => token::float_key(self.float_of(cell)),
            Kind::Bool(value) => token::payload_key(&Grounded::Bool(value)).unwrap_or(WILD),
            Kind::Box(_) => match self.box_of(cell) {
                crate::atom::Atom::Grounded(value) => token::payload_key(value).unwrap_or(WILD),
                _ => WILD,
            },
            Kind::Ref(_) | Kind::Exp(_) => WILD,
        }
    }

    /// Unifies a term with the stored atom of `tokens`, whose variables live in
    /// `frame`. Bindings made on failure stay: the caller goes back.
    pub(super) fn unify_row(
        &mut self,
        query: Cell,
        tokens: &[u32],
        values: &Values,
        frame: &mut Frame,
    ) -> bool {
        let query = self.deref(query);
        let arity = token::arity_of(tokens[0]);
        let (true, Some(arity)) = (query.is_exp(), arity) else {
            return self.unify_at(query, tokens, 0, values, frame).is_some();
        };
        let (first, count) = self.elements(query.at());
        if count != arity as usize {
            return false;
        }
        let mut at = 1;
        for place in first..first + count {
            let cell = self.word(place);
            if cell.is_symbol() && token::is_symbol(tokens[at]) {
                if tokens[at] != token::symbol(cell.at() as u32) {
                    return false;
                }
                at += 1;
                continue;
            }
            match self.unify_at(cell, tokens, at, values, frame) {
                Some(next) => at = next,
                None => return false,
            }
        }
        true
    }

    /// Unifies a term with the stored atom that begins at `at`; where the next one begins.
    fn unify_at(
        &mut self,
        query: Cell,
        tokens: &[u32],
        mut at: usize,
        values: &Values,
        frame: &mut Frame,
    ) -> Option<usize> {
        let mut open: SmallVec<[(usize, usize); 8]> = SmallVec::new();
        let mut current = query;
        loop {
            let cell = self.deref(current);
            let (token, next) = Token::read(tokens, at);
            let begin = at;
            at = next;
            let unified = match (cell.kind(), token) {
                (_, Token::Variable(number)) => {
                    let number = number as usize;
                    if frame.len() <= number {
                        frame.resize(number + 1, None);
                    }
                    match frame[number] {
                        None => {
                            frame[number] = Some(cell);
                            true
                        }
                        Some(value) => self.unify(cell, value),
                    }
                }
                (Kind::Ref(variable), Token::Integer(_) | Token::Symbol(_)) => {
                    let value = self.import_leaf(token, values, frame);
                    self.bind(variable, value);
                    true
                }
                (Kind::Ref(_), _) => {
                    let (value, next) = self.import_row(tokens, begin, values, frame);
                    at = next;
                    self.bind_checked(cell, value)
                }
                (Kind::Sym(id), Token::Symbol(other)) => id == other,
                (Kind::Exp(place), Token::Expression(arity)) => {
                    let (first, count) = self.elements(place);
                    if count == arity as usize {
                        open.push((first, count));
                        true
                    } else {
                        false
                    }
                }
                (Kind::Sym(_), _) | (Kind::Exp(_), _) => false,
                (Kind::Int(value), Token::Integer(other)) => value == other,
                (Kind::Bool(value), Token::Bool(other)) => value == other,
                (_, token) => self.equals_token(cell, token, values),
            };
            if !unified {
                return None;
            }
            loop {
                let Some((next, left)) = open.last_mut() else {
                    return Some(at);
                };
                if *left == 0 {
                    open.pop();
                    continue;
                }
                current = self.word(*next);
                *next += 1;
                *left -= 1;
                break;
            }
        }
    }

    fn equals_token(&self, cell: Cell, token: Token, values: &Values) -> bool {
        let value = match cell.kind() {
            Kind::Int(value) => Grounded::Number(Number::Integer(value)),
            Kind::Flt(_) => Grounded::Number(Number::Float(self.float_of(cell))),
            Kind::Bool(value) => Grounded::Bool(value),
            Kind::Box(_) => match self.box_of(cell) {
                crate::atom::Atom::Grounded(value) => value.clone(),
                _ => return false,
            },
            Kind::Sym(_) | Kind::Exp(_) | Kind::Ref(_) => return false,
        };
        flat::equals_value(token, values, &value)
    }

    /// Puts the stored atom that begins at `at` on the heap; where the next one begins.
    pub(super) fn import_row(
        &mut self,
        tokens: &[u32],
        at: usize,
        values: &Values,
        frame: &mut Frame,
    ) -> (Cell, usize) {
        let (token, mut at) = Token::read(tokens, at);
        let Token::Expression(arity) = token else {
            return (self.import_leaf(token, values, frame), at);
        };
        // Headers of open expressions, the place of the next element, and the end.
        let mut open: SmallVec<[(usize, usize, usize); 8]> = SmallVec::new();
        let begin = |heap: &mut Heap, arity: u32| {
            let header = heap.begin(arity as usize);
            let first = heap.cells.len();
            heap.cells.resize(first + arity as usize, 0);
            (header, first, first + arity as usize)
        };
        open.push(begin(self, arity));
        loop {
            let (header, next, end) = *open.last().expect("one is open");
            if next == end {
                open.pop();
                let done = self.finish(header, 0);
                match open.last_mut() {
                    None => return (done, at),
                    Some((_, next, _)) => {
                        self.cells[*next] = done.0;
                        *next += 1;
                    }
                }
                continue;
            }
            let (token, after) = Token::read(tokens, at);
            at = after;
            if let Token::Expression(arity) = token {
                let inner = begin(self, arity);
                open.push(inner);
            } else {
                let leaf = self.import_leaf(token, values, frame);
                self.cells[next] = leaf.0;
                open.last_mut().expect("one is open").1 += 1;
            }
        }
    }

    fn import_leaf(&mut self, token: Token, values: &Values, frame: &mut Frame) -> Cell {
        use crate::space::token::Payloads;
        match token {
            Token::Integer(value) => self.integer(value),
            Token::Symbol(id) => Cell::symbol(id),
            Token::Float(value) => self.float(value),
            Token::Bool(value) => Cell::boolean(value),
            Token::Char(value) => self.boxed(crate::atom::Atom::Grounded(Grounded::Char(value))),
            Token::Payload(place) => {
                let value = values.payload(place).clone();
                self.boxed(crate::atom::Atom::Grounded(value))
            }
            Token::Variable(number) => {
                let number = number as usize;
                if frame.len() <= number {
                    frame.resize(number + 1, None);
                }
                match frame[number] {
                    Some(value) => value,
                    None => {
                        let fresh = self.variable();
                        frame[number] = Some(fresh);
                        fresh
                    }
                }
            }
            Token::Expression(_) | Token::Hashed(_) => unreachable!("no leaf"),
        }
    }
}

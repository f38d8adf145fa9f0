//! Between terms and the flat atoms that are stored.

use smallvec::SmallVec;

use crate::atom::{Atom, Grounded};
use crate::fast::cell::{Cell, Header, Kind};
use crate::fast::heap::Heap;
use crate::number::Number;
use crate::space::Values;
use crate::space::flat::{self, Flat};
use crate::space::probe::KEYS_MAX;
use crate::space::token::{self, Payloads, Token, WILD};
use crate::unify::takes;

/// The variables of one stored atom at one use.
#[derive(Default)]
pub(super) struct Frame(Vec<Cell>);

/// The host value at a token if it is one that matches more than its equals.
fn pattern_at(token: u32, values: &Values) -> Option<&Grounded> {
    let value = values.payload(token::payload_place(token)?);
    value.is_pattern().then_some(value)
}

/// Whether a token is a variable, or a host value that matches more than its equals.
pub(super) fn matches_others(token: u32, values: &Values) -> bool {
    token::is_variable(token) || pattern_at(token, values).is_some()
}

/// Stands for a variable that stands for nothing yet; no term.
const NOTHING: Cell = Cell(u64::MAX);

impl Frame {
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    #[inline(always)]
    pub(super) fn get(&self, number: u32) -> Option<Cell> {
        self.0
            .get(number as usize)
            .copied()
            .filter(|cell| *cell != NOTHING)
    }

    #[inline(always)]
    pub(super) fn set(&mut self, number: u32, value: Cell) {
        let number = number as usize;
        if self.0.len() <= number {
            self.0.resize(number + 1, NOTHING);
        }
        self.0[number] = value;
    }
}

/// What is left to do of the expressions around: the next element of each, and how many
/// are left.
type Around = SmallVec<[(usize, usize); 8]>;

impl Heap {
    /// Appends the keys of a term in pre-order, for a query.
    pub(super) fn keys(&self, pattern: Cell, keys: &mut Vec<u32>) {
        let mut around = Around::new();
        let (mut next, mut left) = (0, 0);
        let mut current = pattern;
        loop {
            let cell = self.deref(current);
            if cell.is_exp() {
                if left > 0 {
                    around.push((next, left));
                }
                (next, left) = self.elements(cell.at());
                keys.push(token::expression(left as u32));
            } else {
                keys.push(self.key(cell));
            }
            while left == 0 {
                match around.pop() {
                    Some(outer) => (next, left) = outer,
                    None => return,
                }
            }
            if keys.len() == KEYS_MAX {
                return;
            }
            current = self.word(next);
            next += 1;
            left -= 1;
        }
    }

    /// The key of a term that is no expression.
    pub(super) fn key(&self, cell: Cell) -> u32 {
        match cell.kind() {
            Kind::Int(value) => token::integer_key(value),
            Kind::Sym(id) => token::symbol(id),
            Kind::Flt(_) => token::float_key(self.float_of(cell)),
            Kind::Bool(value) => token::payload_key(&Grounded::Bool(value)).unwrap_or(WILD),
            Kind::Char(value) => token::payload_key(&Grounded::Char(value)).unwrap_or(WILD),
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
        self.unify_at(query, tokens, 0, values, frame).is_some()
    }

    /// As [`Heap::unify_row`], with what begins at `at`; where the next atom begins.
    pub(super) fn unify_at(
        &mut self,
        query: Cell,
        tokens: &[u32],
        mut at: usize,
        values: &Values,
        frame: &mut Frame,
    ) -> Option<usize> {
        let mut around = Around::new();
        let (mut next, mut left) = (0, 0);
        let mut current = query;
        loop {
            let cell = self.deref(current);
            let raw = tokens[at];
            let unified = if token::is_variable(raw) {
                at += 1;
                let number = token::number_of(raw);
                match frame.get(number) {
                    None => {
                        frame.set(number, cell);
                        true
                    }
                    Some(value) => self.unify(cell, value),
                }
            } else if let Some(pattern) = pattern_at(raw, values).filter(|_| !cell.is_ref()) {
                at += 1;
                let pattern = Atom::Grounded(pattern.clone());
                let atom = self.export(cell);
                atom == pattern || takes(&pattern, &atom)
            } else {
                match cell.kind() {
                    Kind::Sym(id) => {
                        at += 1;
                        raw == token::symbol(id)
                    }
                    Kind::Exp(place) => {
                        at += 1;
                        let elements = self.elements(place);
                        let same = raw == token::expression(elements.1 as u32);
                        if same {
                            if left > 0 {
                                around.push((next, left));
                            }
                            (next, left) = elements;
                        }
                        same
                    }
                    Kind::Ref(_) => {
                        let value;
                        (value, at) = self.import_row(tokens, at, values, frame);
                        self.bind_checked(cell, value)
                    }
                    Kind::Int(_) | Kind::Flt(_) | Kind::Bool(_) | Kind::Char(_) | Kind::Box(_) => {
                        let same;
                        (same, at) = self.leaf_is(cell, tokens, at, values);
                        same
                    }
                }
            };
            if !unified {
                return None;
            }
            while left == 0 {
                match around.pop() {
                    Some(outer) => (next, left) = outer,
                    None => return Some(at),
                }
            }
            current = self.word(next);
            next += 1;
            left -= 1;
        }
    }

    /// Whether a host value is what stands at `at`, and where the next atom begins.
    pub(super) fn leaf_is(
        &self,
        cell: Cell,
        tokens: &[u32],
        at: usize,
        values: &Values,
    ) -> (bool, usize) {
        let (token, after) = Token::read(tokens, at);
        let same = match (cell.kind(), token) {
            (Kind::Int(value), Token::Integer(other)) => value == other,
            _ => self.equals_token(cell, token, values),
        };
        (same, after)
    }

    /// Makes a ground term a flat atom. Its names are in use as long as the heap's are.
    pub(super) fn flatten(&self, term: Cell, flat: &mut Flat) {
        flat.tokens.clear();
        flat.payloads.clear();
        let mut around = Around::new();
        let (mut next, mut left) = (0, 0);
        let mut current = term;
        loop {
            let cell = self.deref(current);
            match cell.kind() {
                Kind::Exp(at) => {
                    if left > 0 {
                        around.push((next, left));
                    }
                    (next, left) = self.elements(at);
                    flat.tokens.push(token::expression(left as u32));
                }
                Kind::Sym(id) => flat.tokens.push(token::symbol(id)),
                Kind::Int(value) => Token::Integer(value).write(&mut flat.tokens),
                Kind::Flt(_) => Token::Float(self.float_of(cell)).write(&mut flat.tokens),
                Kind::Bool(value) => Token::Bool(value).write(&mut flat.tokens),
                Kind::Char(value) => Token::Char(value).write(&mut flat.tokens),
                Kind::Box(_) => match self.box_of(cell) {
                    crate::atom::Atom::Grounded(value) => {
                        let payloads = &mut flat.payloads;
                        flat::push_value(value, &mut flat.tokens, |value| {
                            payloads.push(value);
                            payloads.len() - 1
                        });
                    }
                    other => unreachable!("{other} is no host value"),
                },
                Kind::Ref(_) => unreachable!("the term is ground"),
            }
            while left == 0 {
                match around.pop() {
                    Some(outer) => (next, left) = outer,
                    None => return,
                }
            }
            current = self.word(next);
            next += 1;
            left -= 1;
        }
    }

    fn equals_token(&self, cell: Cell, token: Token, values: &Values) -> bool {
        let value = match cell.kind() {
            Kind::Int(value) => Grounded::Number(Number::Integer(value)),
            Kind::Flt(_) => Grounded::Number(Number::Float(self.float_of(cell))),
            Kind::Bool(value) => Grounded::Bool(value),
            Kind::Char(value) => Grounded::Char(value),
            Kind::Box(_) => match self.box_of(cell) {
                crate::atom::Atom::Grounded(value) => value.clone(),
                _ => return false,
            },
            Kind::Sym(_) | Kind::Exp(_) | Kind::Ref(_) => return false,
        };
        flat::equals_value(token, values, &value)
    }

    /// Puts the stored atom that begins at `at` on the heap; where the next one begins.
    ///
    /// While an expression inside another is being put, the place that it will have there
    /// holds where the outer one begins, and its own header what was left to do of that.
    pub(super) fn import_row(
        &mut self,
        tokens: &[u32],
        mut at: usize,
        values: &Values,
        frame: &mut Frame,
    ) -> (Cell, usize) {
        const IS_GROUND: u64 = 1 << 31;
        let Some(arity) = token::arity_of(tokens[at]) else {
            let (token, after) = Token::read(tokens, at);
            return (self.import_leaf(token, values, frame), after);
        };
        at += 1;
        let root = self.cells.len();
        let (mut header, mut next, mut left) = (root, root + 1, arity);
        let mut top = next + arity as usize;
        self.room_to(top);
        let mut ground = IS_GROUND;
        loop {
            while left > 0 {
                let raw = tokens[at];
                let cell = if let Some(id) = token::symbol_id(raw) {
                    at += 1;
                    Cell::symbol(id)
                } else if let Some(value) = token::small_of(raw) {
                    at += 1;
                    Cell::small(value)
                } else if let Some(arity) = token::arity_of(raw) {
                    at += 1;
                    let inner = top;
                    top += 1 + arity as usize;
                    self.room_to(top);
                    self.cells[next] = header as u64;
                    self.cells[inner] = ((next - root) as u64) << 32 | ground | u64::from(left);
                    (header, next, left) = (inner, inner + 1, arity);
                    ground = IS_GROUND;
                    continue;
                } else if token::is_variable(raw) {
                    at += 1;
                    let number = token::number_of(raw);
                    let cell = match frame.get(number) {
                        Some(cell) => cell,
                        None => {
                            let fresh = Cell::reference(top);
                            top += 1;
                            self.room_to(top);
                            self.cells[top - 1] = fresh.0;
                            frame.set(number, fresh);
                            fresh
                        }
                    };
                    if !self.is_ground(cell) {
                        ground = 0;
                    }
                    cell
                } else {
                    let (token, after) = Token::read(tokens, at);
                    at = after;
                    match token {
                        Token::Integer(value) => self.integer(value),
                        Token::Float(value) => {
                            let place = top;
                            top += 2;
                            self.room_to(top);
                            self.cells[place] = Header::new(1, Header::FLOAT | Header::GROUND).0;
                            self.cells[place + 1] = value.to_bits();
                            Cell::float(place)
                        }
                        token => self.import_leaf(token, values, frame),
                    }
                };
                self.cells[next] = cell.0;
                next += 1;
                left -= 1;
            }
            let mut flags = if ground == 0 { 0 } else { Header::GROUND };
            let arity = next - header - 1;
            if arity > 0 && self.cells[header + 1] == self.error.0 {
                flags |= Header::ERROR;
            }
            let waiting = self.cells[header];
            self.cells[header] = Header::new(arity, flags).0;
            if header == root {
                self.cells.truncate(top);
                return (Cell::expression(root), at);
            }
            next = root + (waiting >> 32) as usize;
            left = (waiting & (IS_GROUND - 1)) as u32 - 1;
            ground &= waiting;
            let done = Cell::expression(header);
            header = self.cells[next] as usize;
            self.cells[next] = done.0;
            next += 1;
        }
    }

    /// Makes words up to `top`, and some more, which are given back.
    #[inline(always)]
    fn room_to(&mut self, top: usize) {
        const MORE: usize = 32;
        if self.cells.len() < top {
            self.cells.resize(top + MORE, 0);
        }
    }

    fn import_leaf(&mut self, token: Token, values: &Values, frame: &mut Frame) -> Cell {
        use crate::space::token::Payloads;
        match token {
            Token::Integer(value) => self.integer(value),
            Token::Symbol(id) => Cell::symbol(id),
            Token::Float(value) => self.float(value),
            Token::Bool(value) => Cell::boolean(value),
            Token::Char(value) => Cell::character(value),
            Token::Payload(place) => {
                let value = values.payload(place).clone();
                self.host_value(crate::atom::Atom::Grounded(value))
            }
            Token::Variable(number) => frame.get(number).unwrap_or_else(|| {
                let fresh = self.variable();
                frame.set(number, fresh);
                fresh
            }),
            Token::Expression(_) | Token::Hashed(_) => unreachable!("no leaf"),
        }
    }
}

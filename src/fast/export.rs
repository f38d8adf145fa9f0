//! Terms as atoms: whole, or as the shape of a call.

use smallvec::SmallVec;

use crate::atom::{Atom, Expression, Grounded, Variable};
use crate::evaluate::Control;
use crate::fast::cell::{Cell, Header, Kind};
use crate::fast::heap::Heap;
use crate::seen::Made;

impl Heap {
    /// The atom that a term is now.
    pub(super) fn export(&mut self, cell: Cell) -> Atom {
        self.export_with(cell, None)
    }

    /// A call as an atom of which variables, numbers, texts and data are left out: variables
    /// stand for them, the first for the first of `parts`. Calls that differ in these alone
    /// have one shape.
    pub(super) fn shape(&mut self, cell: Cell, parts: &mut Vec<Cell>) -> Atom {
        self.export_with(cell, Some(parts))
    }

    /// Whether it is left out of a shape, where it is no head.
    pub(super) fn is_part(&self, cell: Cell) -> bool {
        match cell.kind() {
            Kind::Int(_) | Kind::Flt(_) => true,
            Kind::Box(_) => matches!(
                self.box_of(cell),
                Atom::Grounded(Grounded::Text(_) | Grounded::Number(_))
            ),
            Kind::Exp(at) => {
                let header = self.header(at);
                header.has(Header::GROUND | Header::EVALUATED)
                    && !header.has(Header::ERROR)
                    && header.arity() > 0
            }
            Kind::Ref(_) | Kind::Sym(_) | Kind::Bool(_) | Kind::Char(_) => false,
        }
    }

    /// The variable that stands for the part of this number in shapes: another one for a variable.
    fn part_variable(&mut self, number: usize, is_variable: bool) -> Atom {
        let parts = if is_variable {
            &mut self.variable_parts
        } else {
            &mut self.parts
        };
        while parts.len() <= number {
            let name = Variable::new(&parts.len().to_string());
            parts.push(if is_variable { name.renamed() } else { name });
        }
        Atom::Variable(parts[number].clone())
    }

    /// Whether a variable of a shape stands for one of the call.
    pub(super) fn is_variable_part(&self, variable: &Variable) -> bool {
        self.variable_parts.contains(variable)
    }

    /// Whether it is a function without a name.
    pub(super) fn is_lambda(&self, at: usize) -> bool {
        let (first, count) = self.elements(at);
        if count != 3 {
            return false;
        }
        let head = self.deref(self.word(first));
        head.is_box()
            && self.deref(self.word(first + 1)).is_exp()
            && matches!(self.box_of(head), Atom::Grounded(Grounded::Operation(operation))
                if operation.control() == Some(Control::Lambda))
    }

    /// Whether a variable of a shape is of the function that the shape calls.
    pub(super) fn is_of_lambda(&self, variable: &Variable) -> bool {
        self.of_lambdas.contains(variable)
    }

    fn lambda_variable(&mut self, number: usize) -> Atom {
        while self.of_lambdas.len() <= number {
            let name = self.of_lambdas.len().to_string();
            self.of_lambdas.push(Variable::new(&name).renamed());
        }
        Atom::Variable(self.of_lambdas[number].clone())
    }

    fn export_with(&mut self, cell: Cell, mut shape: Option<&mut Vec<Cell>>) -> Atom {
        // Of long calls the rest stays as it is.
        const PARTS: usize = 64;
        struct Level {
            at: usize,
            first: usize,
            arity: usize,
            evaluated: bool,
            /// Parts that had been left out when it was begun.
            parts: usize,
            done: Vec<Atom>,
        }
        let mut made = Made::new();
        let mut levels: SmallVec<[Level; 4]> = SmallVec::new();
        let mut current = self.deref(cell);
        // Within a function that the shape is a call of: its variables are its own.
        let mut in_lambda = false;
        let mut of_lambda: SmallVec<[Cell; 4]> = SmallVec::new();
        loop {
            let is_head = levels.last().is_none_or(|level| level.done.is_empty());
            if levels.len() == 1 {
                in_lambda = is_head && current.is_exp() && self.is_lambda(current.at());
            }
            let part = shape.as_mut().and_then(|parts| {
                let known = parts.iter().position(|part| *part == current);
                let known = known.filter(|_| current.is_ref() && !in_lambda);
                let is_new = current.is_ref() && !in_lambda
                    || !is_head && parts.len() < PARTS && self.is_part(current);
                known.or_else(|| {
                    is_new.then(|| {
                        parts.push(current);
                        parts.len() - 1
                    })
                })
            });
            let mut done = match current.kind() {
                _ if part.is_some() => {
                    part.map(|number| self.part_variable(number, current.is_ref()))
                }
                Kind::Ref(_) if in_lambda && shape.is_some() => {
                    let known = of_lambda.iter().position(|known| *known == current);
                    let number = known.unwrap_or(of_lambda.len());
                    if known.is_none() {
                        of_lambda.push(current);
                    }
                    Some(self.lambda_variable(number))
                }
                Kind::Ref(at) => Some(Atom::Variable(self.name_of(at))),
                Kind::Exp(at) => made.get(at).cloned().or_else(|| {
                    let (first, arity) = self.elements(at);
                    levels.push(Level {
                        at,
                        first,
                        arity,
                        evaluated: self.header(at).has(Header::EVALUATED),
                        parts: shape.as_ref().map_or(0, |parts| parts.len()),
                        done: Vec::with_capacity(arity),
                    });
                    None
                }),
                _ => Some(self.leaf(current)),
            };
            loop {
                if let Some(atom) = done.take() {
                    match levels.last_mut() {
                        None => return atom,
                        Some(level) => level.done.push(atom),
                    }
                }
                let level = levels
                    .last()
                    .expect("a level is open or the result returned");
                if level.done.len() < level.arity {
                    current = self.deref(self.word(level.first + level.done.len()));
                    break;
                }
                let level = levels.pop().expect("just seen");
                let atom = Atom::Expression(Expression::with(level.done, level.evaluated));
                // Within a function variables are called otherwise than outside of it.
                if !in_lambda && level.parts == shape.as_ref().map_or(0, |parts| parts.len()) {
                    made.remember(level.at, || atom.clone());
                }
                done = Some(atom);
            }
        }
    }
}

//! Terms of the heap as text, written as far as the reader takes it.

use std::fmt::{self, Write};

use crate::atom::Atom;
use crate::fast::cell::{Cell, Kind};
use crate::fast::heap::{CONSTANTS, Heap};

/// The elements of an expression that are still to be shown: the first, and how many.
type Open = Vec<(usize, usize)>;

impl Heap {
    /// Writes a term; ends early where `text` takes no more.
    pub(super) fn show(&self, cell: Cell, text: &mut impl Write) -> fmt::Result {
        let mut open = Open::new();
        self.show_one(cell, text, &mut open)?;
        while let Some((next, left)) = open.last_mut() {
            if *left == 0 {
                open.pop();
                text.write_char(')')?;
            } else {
                let cell = self.word(*next);
                *next += 1;
                *left -= 1;
                let before = open.len();
                self.show_one(cell, text, &mut open)?;
                if open.len() > before {
                    continue;
                }
            }
            if open.last().is_some_and(|(_, left)| *left > 0) {
                text.write_char(' ')?;
            }
        }
        Ok(())
    }

    /// Writes what is no expression; opens what is.
    fn show_one(&self, cell: Cell, text: &mut impl Write, open: &mut Open) -> fmt::Result {
        let cell = self.deref(cell);
        match cell.kind() {
            Kind::Exp(at) => {
                open.push(self.elements(at));
                text.write_char('(')
            }
            Kind::Int(value) => write!(text, "{value}"),
            Kind::Bool(value) => write!(text, "{}", Atom::boolean(value)),
            Kind::Char(_) => write!(text, "{}", self.leaf(cell)),
            Kind::Flt(_) => write!(text, "{}", Atom::float(self.float_of(cell))),
            Kind::Sym(id) => write!(text, "{}", self.symbol_of(id)),
            Kind::Box(_) => write!(text, "{}", self.box_of(cell)),
            Kind::Ref(at) => match self.known_name(at) {
                Some(name) => write!(text, "{}", Atom::Variable(name.clone())),
                None => write!(text, "$_{}", at - CONSTANTS),
            },
        }
    }
}

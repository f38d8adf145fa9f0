//! Printing atoms as MeTTa text that reads back equal.

use std::cell::RefCell;
use std::fmt;
use std::sync::Arc;

use smallvec::{SmallVec, smallvec};

use crate::atom::{Atom, Grounded, State, Variable};

/// Expressions of more atoms are printed as `(…)`: their text would fit no memory. What
/// shares its parts comes to that with little memory of its own.
const SIZE_MAX: u32 = 1 << 28;

impl fmt::Display for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut pending: SmallVec<[Piece<'_>; 24]> = smallvec![Piece::Atom(self)];
        while let Some(piece) = pending.pop() {
            match piece {
                Piece::Space => f.write_str(" ")?,
                Piece::Close => f.write_str(")")?,
                Piece::Atom(Atom::Symbol(symbol)) => f.write_str(symbol.as_str())?,
                Piece::Atom(Atom::Variable(variable)) => fmt::Display::fmt(variable, f)?,
                Piece::Atom(Atom::Grounded(grounded)) => fmt::Display::fmt(grounded, f)?,
                Piece::Atom(Atom::Expression(expression)) if expression.size() > SIZE_MAX => {
                    f.write_str("(…)")?;
                }
                Piece::Atom(Atom::Expression(expression)) => {
                    f.write_str("(")?;
                    pending.push(Piece::Close);
                    let children = expression.children();
                    for (index, child) in children.iter().enumerate().rev() {
                        pending.push(Piece::Atom(child));
                        if index > 0 {
                            pending.push(Piece::Space);
                        }
                    }
                }
            }
        }
        Ok(())
    }
}

enum Piece<'a> {
    Atom(&'a Atom),
    Space,
    Close,
}

impl fmt::Display for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.id() == 0 {
            write!(f, "${}", self.name())
        } else {
            write!(f, "${}#{}", self.name(), self.id())
        }
    }
}

/// So many states are written inside of each other.
const STATES_MAX: usize = 64;

thread_local! {
    /// The states that are being written, from the outermost inwards.
    static WRITTEN: RefCell<Vec<State>> = const { RefCell::new(Vec::new()) };
}

/// A state with what it holds; `(State …)` for one that holds itself, where it is met again, and
/// for those in many others.
fn write_state(state: &State, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let is_met = WRITTEN.with_borrow(|states| {
        states.len() >= STATES_MAX
            || states
                .iter()
                .any(|written| Arc::ptr_eq(&written.0, &state.0))
    });
    if is_met {
        return f.write_str("(State …)");
    }
    WRITTEN.with_borrow_mut(|states| states.push(state.clone()));
    let written = write!(f, "(State {})", state.get());
    WRITTEN.with_borrow_mut(Vec::pop);
    written
}

impl fmt::Display for Grounded {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Grounded::Number(number) => fmt::Display::fmt(number, f),
            Grounded::Bool(true) => f.write_str("True"),
            Grounded::Bool(false) => f.write_str("False"),
            Grounded::Text(text) => chimera_grammar::write_quoted(text, f),
            Grounded::Char(value) => write!(f, "'{value}'"),
            Grounded::Space(space) => write!(f, "{space}"),
            Grounded::State(state) => write_state(state, f),
            Grounded::Operation(operation) => f.write_str(operation.name()),
            Grounded::Value(value) => value.print(f),
        }
    }
}

impl fmt::Debug for Atom {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

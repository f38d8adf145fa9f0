//! Frames: what remains to be done with a result. Branches share their frames.

use std::rc::Rc;

use crate::atom::{Atom, Expression, Variable};
use crate::space::Space;
use crate::watch::RuleId;

/// The rest of a computation, innermost frame first.
#[derive(Clone, Default)]
pub(crate) struct Rest(pub(crate) Option<Rc<Frame>>);

pub(crate) struct Frame {
    pub(crate) kind: FrameKind,
    pub(crate) next: Rest,
    pub(crate) depth: usize,
}

pub(crate) enum FrameKind {
    /// Around one evaluated expression: sets errors aside while branches of it
    /// may still succeed. The number is a place in the stack of choices.
    Alternatives { choice: usize },
    /// Elements of an expression without function type, evaluated in turn.
    Elements(Elements),
    /// A call whose result is evaluated further with the declared return type.
    Call {
        call: Atom,
        /// Whether the call is as it was before its arguments were evaluated.
        unchanged: bool,
        returns: Atom,
        space: Space,
    },
    /// `(chain … $variable template)`.
    Chain {
        variable: Variable,
        template: Atom,
        space: Space,
    },
    /// `(function …)`, with the call that one step of gave it.
    Function { call: Option<Atom>, space: Space },
    /// `collapse`, `collapse-bind` and the like: gathers results.
    Gather { choice: usize },
    /// `filter-atom` and `foldl-atom`: one element after the other.
    Walk(Walk),
    /// `case`: picks a branch for each result.
    Case {
        choice: usize,
        cases: Atom,
        space: Space,
    },
    /// `once` and `limit`: counts results.
    Limit { choice: usize },
    /// Takes the answers of a tabled call into its table.
    Table { table: usize, call: Atom },
    /// Tells whoever watches that a rule's body has a result.
    Watched(Applied),
    /// Around what a call became, where `max-stack-depth` bounds how often calls become others.
    Counted,
}

/// A rule that is being applied, and how many rules it is in.
#[derive(Clone, Copy)]
pub(crate) struct Applied {
    pub(crate) rule: RuleId,
    pub(crate) depth: usize,
}

/// The elements of an expression, some of them evaluated.
#[derive(Clone)]
pub(crate) struct Elements {
    pub(crate) source: Expression,
    /// Expected type of each element; `None` is `%Undefined%` for all.
    pub(crate) expected: Option<Rc<[Atom]>>,
    pub(crate) done: Done,
    /// How many elements are done.
    pub(crate) count: usize,
    /// Whether each is what it was before.
    pub(crate) unchanged: bool,
    /// The type that the call's result is evaluated with.
    pub(crate) returns: Atom,
    pub(crate) space: Space,
}

/// A list being mapped, filtered or folded.
#[derive(Clone)]
pub(crate) struct Walk {
    pub(crate) list: Expression,
    /// How many elements are done.
    pub(crate) count: usize,
    pub(crate) template: Atom,
    pub(crate) space: Space,
    pub(crate) call: Atom,
    pub(crate) kind: WalkKind,
}

#[derive(Clone)]
pub(crate) enum WalkKind {
    /// The template's results, with each element for the variable.
    Map { variable: Variable, mapped: Done },
    /// The elements for which the template, with the element for the variable, is true.
    Filter {
        variable: Variable,
        kept: Done,
        kept_count: usize,
    },
    /// The template with what is folded so far and the next element.
    Fold {
        folded: Atom,
        so_far: Variable,
        item: Variable,
    },
}

/// Evaluated elements, newest first, shared between branches.
#[derive(Clone, Default)]
pub(crate) struct Done(Option<Rc<(Atom, Done)>>);

impl Done {
    pub(crate) fn with(&self, atom: Atom) -> Done {
        Done(Some(Rc::new((atom, self.clone()))))
    }

    /// The elements, newest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &Atom> {
        std::iter::successors(self.0.as_deref(), |entry| entry.1.0.as_deref()).map(|(atom, _)| atom)
    }

    /// The elements, oldest first; there are `count`.
    pub(crate) fn collect(&self, count: usize) -> Vec<Atom> {
        let mut atoms = Vec::with_capacity(count);
        atoms.extend(self.iter().cloned());
        atoms.reverse();
        atoms
    }
}

impl Drop for Done {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(entry) = next {
            match Rc::try_unwrap(entry) {
                Ok(mut entry) => next = entry.1.0.take(),
                Err(_) => break,
            }
        }
    }
}

impl Rest {
    pub(crate) fn push(&self, kind: FrameKind) -> Rest {
        Rest(Some(Rc::new(Frame {
            kind,
            next: self.clone(),
            depth: self.depth() + 1,
        })))
    }

    pub(crate) fn depth(&self) -> usize {
        self.0.as_ref().map_or(0, |frame| frame.depth)
    }
}

/// A long list of frames is freed in a loop, not by native recursion.
impl Drop for Rest {
    fn drop(&mut self) {
        let mut next = self.0.take();
        while let Some(frame) = next {
            match Rc::try_unwrap(frame) {
                Ok(mut frame) => next = frame.next.0.take(),
                Err(_) => break,
            }
        }
    }
}

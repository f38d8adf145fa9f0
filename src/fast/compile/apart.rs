//! Variables that branches have for themselves.
//!
//! Of the branches of a form one is taken, and what another has bound is bound no more. So a
//! variable that occurs in branches of one form only, however many they are, is one of its own
//! in each: a pattern there takes what it stands for from where that is found. Not so what no
//! pattern there binds: where several branches are taken one after the other, all give that one.

use std::cell::OnceCell;

use super::body::{Counts, counts_of, is_let};
use super::lambda::lambda_of;
use super::walk::template_of;
use super::{Compiled, Compiler};
use crate::atom::{Atom, Grounded, Variable};
use crate::evaluate::{Control, contains};

/// How deep forms are looked into for what binds a variable.
pub(super) const DEPTH_MAX: usize = 100;

/// The branches of one form, and how often variables occur in all of them, once that was asked.
pub(super) struct Branches<'a> {
    all: &'a [&'a Atom],
    counts: OnceCell<Counts>,
}

impl<'a> Branches<'a> {
    pub(super) fn new(all: &'a [&'a Atom]) -> Branches<'a> {
        Branches {
            all,
            counts: OnceCell::new(),
        }
    }

    fn counts(&self) -> &Counts {
        self.counts.get_or_init(|| counts_of(self.all))
    }
}

/// A branch, behind the pattern that it is for if there is one.
pub(super) type Branch<'a> = (Option<&'a Atom>, &'a Atom);

/// The branches of `case` and `switch`.
pub(super) fn branches_of(cases: &[Atom]) -> Vec<Branch<'_>> {
    let branch = |case| match Atom::as_expression(case) {
        Some([pattern, body]) => (Some(pattern), body),
        _ => (None, case),
    };
    cases.iter().map(branch).collect()
}

/// Whether a variable stands in a branch outside of what binds it.
pub(super) fn is_free_in(branch: &Branch<'_>, variable: &Variable) -> bool {
    is_free_in_branch(branch, variable, DEPTH_MAX)
}

fn is_free_in_branch((pattern, body): &Branch<'_>, variable: &Variable, depth: usize) -> bool {
    !pattern.is_some_and(|pattern| contains(pattern, variable)) && is_free(body, variable, depth)
}

/// Whether the variable stands in an atom outside of what binds it.
fn is_free(atom: &Atom, variable: &Variable, depth: usize) -> bool {
    let mentions = |atom: &Atom| contains(atom, variable);
    let children = match atom {
        Atom::Variable(other) => return other == variable,
        Atom::Expression(parts) if depth > 0 => parts.children(),
        _ => return false,
    };
    let is_free = |atom: &Atom| is_free(atom, variable, depth - 1);
    match children {
        [head, pattern, value, template] if is_let(head) => {
            is_free(value) || !mentions(pattern) && is_free(template)
        }
        [head, Atom::Expression(pairs), template] if head.as_symbol() == Some("let*") => {
            for pair in pairs.children() {
                match pair.as_expression() {
                    Some([_, value]) if is_free(value) => return true,
                    Some([pattern, _]) if mentions(pattern) => return false,
                    _ => {}
                }
            }
            is_free(template)
        }
        [head, subject, Atom::Expression(cases)]
            if matches!(head.as_symbol(), Some("case" | "switch")) =>
        {
            let mut branches = branches_of(cases.children()).into_iter();
            is_free(subject)
                || branches.any(|branch| is_free_in_branch(&branch, variable, depth - 1))
        }
        [
            Atom::Grounded(Grounded::Operation(operation)),
            space,
            pattern,
            template,
        ] if operation.control() == Some(Control::Match) => {
            is_free(space) || !mentions(pattern) && is_free(template)
        }
        [head, left, right, then, otherwise] if head.as_symbol() == Some("unify") => {
            is_free(otherwise) || !mentions(left) && !mentions(right) && is_free(then)
        }
        [head, value, Atom::Variable(taken), template] if head.as_symbol() == Some("chain") => {
            is_free(value) || taken != variable && is_free(template)
        }
        [head, ..] if lambda_of(head).is_some_and(|_| mentions(head)) => false,
        _ => match template_of(children) {
            Some((_, variables)) if variables.contains(&variable) => false,
            _ => children.iter().any(is_free),
        },
    }
}

/// How often a variable occurs in the rule, and how often in forms that put elements in its
/// place.
type Counted = (Variable, usize, Option<usize>);

impl Compiler<'_> {
    /// As [`Compiler::branch`], of one branch of a form, which `parts` are: variables that
    /// occur in `all` branches only are its own.
    pub(super) fn own_branch<T>(
        &mut self,
        parts: &[&Atom],
        all: &Branches<'_>,
        inner: impl FnOnce(&mut Self) -> Compiled<T>,
    ) -> Compiled<T> {
        let before = self.set_apart(parts, all);
        let result = self.branch(inner);
        for (variable, count, walked) in before {
            if let Some(walked) = walked {
                self.walked.insert(variable.clone(), walked);
            }
            self.counts.insert(variable, count);
        }
        result
    }

    /// Counts variables that occur in branches only as those of one; what they were counted as.
    fn set_apart(&mut self, parts: &[&Atom], all: &Branches<'_>) -> Vec<Counted> {
        let mut within = counts_of(parts);
        within.retain(|variable, count| {
            !self.names.contains_key(variable) && self.counts.get(variable) != Some(count)
        });
        if within.is_empty() {
            return Vec::new();
        }
        let within_all = all.counts();
        within.retain(|variable, _| self.counts.get(variable) == within_all.get(variable));
        let mut before = Vec::with_capacity(within.len());
        for (variable, count) in within {
            let mut in_walks = 0;
            for part in parts {
                super::walk::count_walked(part, |other| {
                    in_walks += usize::from(*other == variable);
                });
            }
            let was = self.counts.insert(variable.clone(), count);
            let walked = self.walked.get(&variable).copied();
            if walked.is_some() {
                self.walked.insert(variable.clone(), in_walks);
            }
            before.push((variable, was.expect("it occurs"), walked));
        }
        before
    }
}

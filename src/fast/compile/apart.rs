//! Variables that branches have for themselves.
//!
//! Of the branches of a form one is taken, and what another has bound is bound no more. So a
//! variable that occurs in branches of one form only, however many they are, is one of its own
//! in each: a pattern there takes what it stands for from where that is found.

use super::body::counts_of;
use super::{Compiled, Compiler};
use crate::atom::{Atom, Variable};

/// How often a variable occurs in the rule, and how often in forms that put elements in its
/// place.
type Counted = (Variable, usize, Option<usize>);

impl Compiler<'_> {
    /// As [`Compiler::branch`], of one branch of a form, which `parts` are: variables that
    /// occur in `all` branches only are its own.
    pub(super) fn own_branch<T>(
        &mut self,
        parts: &[&Atom],
        all: &[&Atom],
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
    fn set_apart(&mut self, parts: &[&Atom], all: &[&Atom]) -> Vec<Counted> {
        let mut within = counts_of(parts);
        within.retain(|variable, count| {
            !self.names.contains_key(variable) && self.counts.get(variable) != Some(count)
        });
        if within.is_empty() {
            return Vec::new();
        }
        let within_all = counts_of(all);
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

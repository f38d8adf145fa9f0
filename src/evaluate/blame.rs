//! Which rule an error comes from, found after it happened: evaluations that
//! succeed pay nothing for it.
//!
//! An error atom holds the call that failed, with its arguments evaluated. The
//! rule that failed is one in whose body that call stands. If there are several,
//! the directive is evaluated once more, without effects and output and within a
//! small budget, to see which of them it came through last.

use std::sync::Arc;

use crate::atom::{Atom, known};
use crate::budget::Budget;
use crate::engine::Host;
use crate::evaluate::{Machine, RuleUse};
use crate::library::lists::seal;
use crate::space::Space;
use crate::types;
use crate::unify::{Bindings, alpha_equal, unify};

/// What looking again may cost.
const REDUCTIONS_MAX: u64 = 200_000;
/// Rules that are looked at.
const RULES_MAX: usize = 200_000;

/// The rule of a file in whose body `error`, a result of the directive `atom`, came
/// up; `None` if it came up in the directive itself or that cannot be told.
pub(crate) fn failed_rule(
    host: &Host,
    space: &Space,
    atom: &Atom,
    error: &Atom,
) -> Option<RuleUse> {
    let [_, subject, reason] = error.as_expression()? else {
        return None;
    };
    if contains(atom, subject) {
        return None;
    }
    let candidates = candidates(space, subject);
    if let [only] = &candidates[..] {
        return Some(only.clone());
    }
    // To look again after a bound was hit is to hit it again.
    if [
        "ReductionLimit",
        "StackOverflow",
        "MemoryLimit",
        "DeadlineExceeded",
        "Cancelled",
    ]
    .iter()
    .any(|bound| reason.as_symbol() == Some(bound))
    {
        return None;
    }
    let mut host = host.clone();
    host.grants.write = false;
    host.grants.write_files = false;
    host.output = Arc::new(|_| {});
    host.trace = None;
    host.watch = None;
    let budget = Budget::default().reductions(REDUCTIONS_MAX);
    let again = Machine::run(&mut host, space, atom, &budget, true);
    let same = again
        .results
        .into_iter()
        .find(|answer| alpha_equal(&answer.atom, error))?;
    let applied = same.proof?.rules();
    let of_a_file = |rule: &&RuleUse| is_of_program(rule.file.as_deref());
    let last = applied.iter().rev().find(|rule| candidates.contains(rule));
    last.or_else(|| applied.iter().rev().find(of_a_file))
        .cloned()
}

/// Whether a rule was written by whoever wrote the program.
fn is_of_program(file: Option<&str>) -> bool {
    file.is_some_and(|file| file != "stdlib.metta" && !file.starts_with("library/"))
}

/// The rules of files in whose bodies `subject` may have stood.
fn candidates(space: &Space, subject: &Atom) -> Vec<RuleUse> {
    let mut found = Vec::new();
    let rule = Atom::expression([
        Atom::Symbol(known().equal.clone()),
        Atom::variable("head"),
        Atom::variable("body"),
    ]);
    let mut looked_at = 0;
    space.each(&rule, &mut Bindings::new(), |row, _| {
        looked_at += 1;
        let origin = row
            .origin()
            .filter(|origin| is_of_program(Some(&origin.file)));
        let Some(origin) = origin.filter(|_| looked_at <= RULES_MAX) else {
            return;
        };
        let rule = row.atom();
        let Some([_, head, body]) = rule.as_expression() else {
            return;
        };
        if contains(body, subject) {
            found.push(RuleUse {
                file: Some(origin.file),
                line: Some(origin.line),
                head: head.clone(),
            });
        }
    });
    found
}

/// Whether a part of `code` may have become `subject` when it was evaluated.
fn contains(code: &Atom, subject: &Atom) -> bool {
    let subject = types::renamed(subject);
    let mut pending = vec![code];
    while let Some(part) = pending.pop() {
        let may_be = match (part, &subject) {
            (Atom::Expression(part), Atom::Expression(call)) => {
                part.children().len() == call.children().len()
                    && may_become(part.children(), call.children())
            }
            // A leaf is blamed where it is the whole of a body.
            _ => std::ptr::eq(part, code) && part == &subject,
        };
        if may_be {
            return true;
        }
        if let Atom::Expression(part) = part {
            pending.extend(part.children());
        }
    }
    false
}

/// Whether the elements of a call in code may have been evaluated to these: the
/// head is the same, leaves are, and calls may have become anything.
fn may_become(code: &[Atom], evaluated: &[Atom]) -> bool {
    let mut bindings = Bindings::new();
    let Some((head, arguments)) = code.split_first() else {
        return true;
    };
    let heads =
        !matches!(head, Atom::Variable(_)) && unify(&seal(head, &[]), &evaluated[0], &mut bindings);
    heads
        && arguments
            .iter()
            .zip(&evaluated[1..])
            .all(|(code, value)| match code {
                Atom::Expression(_) | Atom::Variable(_) => true,
                Atom::Symbol(_) | Atom::Grounded(_) => code == value,
            })
}

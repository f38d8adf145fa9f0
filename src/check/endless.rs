//! Recursions that count past their base case: `(= (f 0) 1)` beside
//! `(= (f $n) … (f (- $n 1)) …)`. Both rules answer `(f 0)`, so that the second one
//! goes on at -1. Written for an engine in which the first rule that matches wins, and
//! the most frequent mistake of those who come from one.

use chimera_grammar::Severity;
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::check::evaluated::Evaluated;
use crate::check::shadows::covers;
use crate::check::{Form, Text};

const HELP: &str = "all rules that match answer, not the first only: let one rule decide, as in `(if (== $n 0) base step)`, or guard the step by `(if (> $n 0) step (empty))`";

/// Base cases of one function that its rules are held against.
const BASES_MAX: usize = 64;

pub(super) fn check(text: &mut Text<'_>, forms: &[Form]) {
    let rules = forms.iter().filter(|form| !form.directive);
    let rules: Vec<(usize, &[Evaluated])> = rules
        .filter_map(|form| {
            text.rule(form.node)
                .map(|(head, _)| (head, &form.values[..]))
        })
        .collect();
    let mut bases: HashMap<String, Vec<usize>, FixedState> = HashMap::default();
    for (head, _) in &rules {
        let mut arguments = text.children(*head).into_iter().skip(1);
        let counted = arguments.any(|argument| text.atom(argument).as_number().is_some());
        if let Some(name) = text.head_word(*head).filter(|_| counted) {
            let known = bases.entry(name.to_owned()).or_default();
            if known.len() < BASES_MAX {
                known.push(*head);
            }
        }
    }
    for (head, values) in &rules {
        let same_function = text.head_word(*head).and_then(|name| bases.get(name));
        let base = same_function
            .into_iter()
            .flatten()
            .copied()
            .find(|base| base != head && covers(text.atom(*head), text.atom(*base)));
        let Some(base) = base else { continue };
        let steps = counted_places(text, *head, base);
        let mut always = values.iter().filter(|found| found.always);
        if let Some(call) = always.find(|found| goes_on(text, *head, found.node, &steps)) {
            let message = format!(
                "this call is made for `{}` too, which the rule on line {} answers: the recursion has no end",
                text.source(base),
                text.line(base)
            );
            text.report(Severity::Warning, "W0205", call.node, message, HELP);
        }
    }
}

/// The places at which the base case has a number and the rule a variable.
fn counted_places(text: &Text<'_>, head: usize, base: usize) -> Vec<usize> {
    let pairs = text.children(head).into_iter().zip(text.children(base));
    pairs
        .enumerate()
        .filter(|(_, (variable, number))| {
            text.is_variable(*variable) && text.atom(*number).as_number().is_some()
        })
        .map(|(place, _)| place)
        .collect()
}

/// Whether a call is one of the rule's own function, and its base case's numbers are
/// counted on from where they stand: `(- $n 1)` or `(+ $n 1)`.
fn goes_on(text: &Text<'_>, head: usize, call: usize, places: &[usize]) -> bool {
    let (parameters, arguments) = (text.children(head), text.children(call));
    arguments.len() == parameters.len()
        && text.head_word(call) == text.head_word(head)
        && !places.is_empty()
        && places.iter().all(|place| {
            let [step, counted, by] = text.children(arguments[*place])[..] else {
                return false;
            };
            ["-", "+"].iter().any(|sign| text.word(step) == Some(*sign))
                && text.source(counted) == text.source(parameters[*place])
                && text.atom(by).as_number().is_some()
        })
}

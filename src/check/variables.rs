//! Variables that occur once in a rule or a directive: what they are bound to is never
//! asked, or nothing ever binds them. Those in patterns say that anything fits. A name that begins with `_` says that it is meant.

use std::collections::HashMap;

use chimera_grammar::Severity;

use crate::check::evaluated::Evaluated;
use crate::check::{Form, Text};

const HELP: &str = "mend the name, or begin it with `_` if it is meant to occur once";

/// Variables of a head that each of its body may be meant for.
const ALIKE_MAX: usize = 64;

pub(super) fn check(text: &mut Text<'_>, forms: &[Form]) {
    let rules = forms.iter().filter(|form| !form.directive);
    let rules: Vec<(usize, usize, &[Evaluated])> = rules
        .filter_map(|form| {
            text.rule(form.node)
                .map(|(head, body)| (head, body, &form.values[..]))
        })
        .collect();
    let mut rules_of: HashMap<(String, usize), usize> = HashMap::new();
    for (head, ..) in &rules {
        *rules_of.entry(function(text, *head)).or_default() += 1;
    }
    for (head, body, values) in rules {
        let once = once(text, head, body);
        if once.is_empty() {
            continue;
        }
        let values: HashMap<usize, &Evaluated> =
            values.iter().map(|value| (value.node, value)).collect();
        for node in &once {
            let name = text.source(*node).to_owned();
            if *node < body {
                // Other rules of the function tell why the argument is there.
                if rules_of.get(&function(text, head)) == Some(&1) {
                    let message = format!("`{name}` occurs only here: the argument is not used");
                    text.report(Severity::Note, "W0202", *node, message, HELP);
                }
                continue;
            }
            let Some(value) = values.get(node) else {
                continue;
            };
            let near = once
                .iter()
                .take(ALIKE_MAX)
                .find(|other| **other < body && alike(&name, text.source(**other)));
            if let Some(near) = near {
                let near = text.source(*near);
                let message =
                    format!("`{name}` occurs only here, and so does `{near}`; are they the same?");
                text.report(Severity::Warning, "W0202", *node, message, HELP);
            } else if value.operand {
                let hint = match near_in(text, head..text.end(body), &name) {
                    Some(near) => format!("; did you mean `{near}`?"),
                    None => String::new(),
                };
                let message = format!("`{name}` occurs only here: nothing gives it a value{hint}");
                text.report(Severity::Warning, "W0202", *node, message, HELP);
            } else if !value.asserted {
                unbound(text, *node);
            }
        }
    }
    for form in forms.iter().filter(|form| form.directive) {
        let once = once(text, form.node, form.node);
        if once.is_empty() {
            continue;
        }
        // A variable of a call asks; that of a template or an operand is there for its value.
        let values = form.values.iter();
        for value in values.filter(|value| value.steered || value.operand) {
            if once.binary_search(&value.node).is_ok() && !value.asserted {
                unbound(text, value.node);
            }
        }
    }
}

fn unbound(text: &mut Text<'_>, node: usize) {
    let name = text.source(node);
    let message = format!("`{name}` occurs only here: nothing else gives it a value");
    text.report(Severity::Note, "W0202", node, message, HELP);
}

fn function(text: &Text<'_>, head: usize) -> (String, usize) {
    let name = text.head_word(head).unwrap_or_default().to_owned();
    (name, text.children(head).len())
}

/// The variables that occur once from the head to the end of the body.
fn once(text: &Text<'_>, head: usize, body: usize) -> Vec<usize> {
    let mut places: HashMap<&str, Vec<usize>> = HashMap::new();
    for node in head..text.end(body) {
        if text.is_variable(node) {
            places.entry(text.source(node)).or_default().push(node);
        }
    }
    let mut once: Vec<usize> = places
        .into_iter()
        .filter(|(name, places)| places.len() == 1 && name.len() > 1 && !name.starts_with("$_"))
        .map(|(_, places)| places[0])
        .collect();
    once.sort_unstable();
    once
}

/// Another variable of a rule, whose name is near this one.
fn near_in(text: &Text<'_>, rule: std::ops::Range<usize>, name: &str) -> Option<String> {
    let mut others: Vec<&str> = rule
        .filter(|node| text.is_variable(*node))
        .map(|node| text.source(node))
        .filter(|other| *other != name)
        .collect();
    others.sort_unstable();
    others.dedup();
    super::names::nearest(name, &others).map(str::to_owned)
}

/// Whether one name may be meant where the other stands.
fn alike(left: &str, right: &str) -> bool {
    let (left, right) = (left.to_lowercase(), right.to_lowercase());
    left == right
        || left.trim_end_matches('s') == right.trim_end_matches('s')
        || super::names::nearest(&left, &[&right]).is_some()
}

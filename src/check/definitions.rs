//! Definitions that define nothing: `=` and `:` with a wrong number of parts, rules that the types of
//! what they are for keep calls from, and rules for what an operation answers. And pairs of `let*` that are none.

use std::collections::HashSet;

use chimera_grammar::{NodeKind, Severity};

use crate::atom::{Atom, Grounded, known};
use crate::check::{Form, Text, counted, worded};
use crate::engine::Host;
use crate::evaluate::{self, Machine};
use crate::space::Space;
use crate::types;

/// Larger heads are not typed.
const NODES_MAX: usize = 5_000;

const HELP_PARTS: &str = "a rule is `(= (name argument …) body)`, a type `(: name type)`; anything else is stored as data";
const HELP_TYPES: &str = "mend the rule's head, or declare another type with `(: name type)`";
const HELP_HIDDEN: &str = "what an operation is called for is never looked up among rules: give the function another name";
const HELP_PAIRS: &str =
    "write each as `(pattern value)`, as in `(let* (($x 1) ($y (+ $x 1))) $y)`";

pub(super) fn check(text: &mut Text<'_>, host: &mut Host, space: &Space, forms: &[Form]) {
    let asked = asked(text, forms);
    let rules_asked = asked.contains(&("=".to_owned(), 3));
    for form in forms {
        pairs(text, form);
        if form.directive {
            continue;
        }
        parts(text, form.node, &asked);
        if let Some((head, _)) = text.rule(form.node)
            && !rules_asked
            && !is_hidden(text, head)
            && !host.settings.bare_minimal
        {
            types_of_head(text, host, space, head);
        }
    }
}

/// The patterns and other expressions inside of forms that begin with `=` or `:`, with
/// how many elements they have: what is written like them may be meant as a fact.
fn asked(text: &Text<'_>, forms: &[Form]) -> HashSet<(String, usize)> {
    let mut asked = HashSet::new();
    for form in forms {
        for node in form.node + usize::from(!form.directive)..text.end(form.node) {
            if let Some(word @ ("=" | ":")) = text.head_word(node) {
                asked.insert((word.to_owned(), text.children(node).len()));
            }
        }
    }
    asked
}

/// Tells of a `=` or a `:` with a wrong number of parts.
fn parts(text: &mut Text<'_>, node: usize, asked: &HashSet<(String, usize)>) {
    let Some(word @ ("=" | ":")) = text.head_word(node) else {
        return;
    };
    let (word, count) = (word.to_owned(), text.children(node).len());
    if count == 3 || asked.contains(&(word.clone(), count)) {
        return;
    }
    let given = counted(count - 1, "part");
    let wanted = match word.as_str() {
        "=" => "a head and a body",
        _ => "a name and a type",
    };
    let message = format!("`{word}` with {given} defines nothing: it takes {wanted}");
    text.report(Severity::Warning, "W0211", node, message, HELP_PARTS);
}

/// Tells of a rule for what an operation answers, whatever rules there are.
/// Returns whether it is one.
fn is_hidden(text: &mut Text<'_>, head: usize) -> bool {
    let Some(name) = text.head_word(head).map(str::to_owned) else {
        return false;
    };
    let is_operation = match text.atom(head + 1) {
        Atom::Grounded(Grounded::Operation(_)) => true,
        Atom::Symbol(symbol) => evaluate::is_instruction(symbol),
        Atom::Grounded(_) | Atom::Variable(_) | Atom::Expression(_) => false,
    };
    if is_operation {
        let message = format!("no call comes to this rule: `{name}` is an operation");
        text.report(Severity::Warning, "W0213", head, message, HELP_HIDDEN);
    }
    is_operation
}

/// Tells of a rule's head that no type of its name takes, as calls like it are errors.
fn types_of_head(text: &mut Text<'_>, host: &mut Host, space: &Space, head: usize) {
    let Some(name) = text.head_word(head).map(str::to_owned) else {
        return;
    };
    if text.end(head) - head > NODES_MAX {
        return;
    }
    let atom = text.atom(head).clone();
    let errors = Machine::ill_typed(host, space, &atom, &types::undefined());
    let mut reasons = errors
        .iter()
        .filter_map(|error| match error.as_expression() {
            Some([_, subject, reason]) if *subject == atom => Some(reason),
            _ => None,
        });
    let Some(reason) = reasons.next() else {
        return;
    };
    let (severity, message) = match reason.as_expression() {
        _ if reason.is_symbol(&known().incorrect_number) => {
            let given = counted(text.children(head).len() - 1, "argument");
            let message = format!(
                "this rule is for {given}, which no type of `{name}` takes: such a call is an error"
            );
            (Severity::Warning, message)
        }
        Some([kind, position, expected, actual]) if kind.is_symbol(&known().bad_arg_type) => {
            let (actual, expected) = (worded(actual), worded(expected));
            // A call with a variable there may come to it all the same.
            let message = format!(
                "argument {position} of `{name}` is a {actual} here, expected is a {expected}: such a call is an error"
            );
            (Severity::Note, message)
        }
        _ => return,
    };
    text.report(severity, "W0212", head, message, HELP_TYPES);
}

/// Tells of elements of the list of a `let*` that are no pairs.
fn pairs(text: &mut Text<'_>, form: &Form) {
    for found in &form.values {
        let ("let*", [_, list, _]) = (
            text.head_word(found.node).unwrap_or_default(),
            &text.children(found.node)[..],
        ) else {
            continue;
        };
        let severity = if found.asserted {
            Severity::Note
        } else {
            Severity::Error
        };
        for pair in text.children(*list) {
            let is_expression = matches!(text.tree.nodes()[pair].kind, NodeKind::Expression { .. });
            if is_expression && text.children(pair).len() != 2 {
                let message = format!(
                    "`{}` is no pair of a pattern and a value",
                    text.source(pair)
                );
                text.report(severity, "E0106", pair, message, HELP_PAIRS);
            }
        }
    }
}

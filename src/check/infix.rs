//! Operations between their operands, `(if ($depth > $max) …)`: MeTTa has them first, so that this is data, which no `if`
//! takes for a condition. Told of where a condition is wanted and of whole directives: elsewhere such data may be meant.

use std::collections::HashSet;

use chimera_grammar::Severity;

use crate::atom::{Atom, Grounded};
use crate::check::{Form, Text};

/// Operations that give truth values.
const COMPARISONS: [&str; 5] = ["==", "<", ">", "<=", ">="];
const LOGIC: [&str; 3] = ["and", "or", "xor"];
const ARITHMETIC: [&str; 5] = ["+", "-", "*", "/", "%"];

const HELP: &str = "an operation comes first, as in `(> $depth 3)`; what has it second is data, unless a rule is for it";

pub(super) fn check(text: &mut Text<'_>, forms: &[Form]) {
    let ruled: HashSet<String> = forms.iter().filter_map(|form| ruled(text, form)).collect();
    let is_told_of = |text: &Text<'_>, node: usize, wanted: &[&[&str]]| -> Option<usize> {
        let [left, operation, _] = text.children(node)[..] else {
            return None;
        };
        let word = text.word(operation)?;
        let is_wanted = wanted.iter().any(|words| words.contains(&word));
        let is_operand = !matches!(
            text.atom(left),
            Atom::Symbol(_) | Atom::Grounded(Grounded::Operation(_))
        );
        (is_wanted && is_operand && !ruled.contains(word)).then_some(operation)
    };
    for form in forms {
        let mut found = Vec::new();
        if form.directive
            && let [left, ..] = text.children(form.node)[..]
            && matches!(text.atom(left), Atom::Grounded(Grounded::Number(_)))
        {
            found.extend(is_told_of(
                text,
                form.node,
                &[&COMPARISONS, &LOGIC, &ARITHMETIC],
            ));
        }
        for value in &form.values {
            let conditions = match (text.head_word(value.node), text.children(value.node)) {
                (Some("if"), parts) if parts.len() > 1 => vec![parts[1]],
                (Some("and" | "or" | "xor" | "not"), parts) => parts[1..].to_vec(),
                (Some("filter-atom"), parts) if parts.len() == 4 => vec![parts[3]],
                _ => continue,
            };
            for condition in conditions {
                found.extend(is_told_of(text, condition, &[&COMPARISONS, &LOGIC]));
            }
        }
        for operation in found {
            let message = format!(
                "`{}` stands between its operands: it is not carried out",
                text.source(operation)
            );
            text.report(Severity::Warning, "W0215", operation, message, HELP);
        }
    }
}

/// The word that stands second in a rule's head, which so is an operation between its operands.
fn ruled(text: &Text<'_>, form: &Form) -> Option<String> {
    let (head, _) = text.rule(form.node)?;
    let [_, operation, _] = text.children(head)[..] else {
        return None;
    };
    text.word(operation).map(str::to_owned)
}

//! Symbols where something else is meant. `(= limit 5)` is a rule for a symbol: only expressions are
//! looked up, so that `limit` stays what it is. And in `(= (half x) (/ x 2))`, as in `(let x 5 (+ x 1))`,
//! no `$` stands before the `x`, which is a symbol too.

use std::collections::{HashMap, HashSet};

use chimera_grammar::Severity;

use crate::check::evaluated::Evaluated;
use crate::check::{Form, Text};
use crate::space::Space;
use crate::types;

const HELP_RULE: &str =
    "make it a call of no arguments: `(= (limit) 5)`, asked by `(limit)`; or `!(bind! limit 5)`";
const HELP_VARIABLE: &str =
    "a variable begins with `$`; what does not is a symbol, equal to itself only";

pub(super) fn check(text: &mut Text<'_>, space: &Space, forms: &[Form]) {
    let mut values: HashSet<String> = HashSet::new();
    for form in forms {
        let words = form.values.iter().filter_map(|found| text.word(found.node));
        values.extend(words.map(str::to_owned));
        let mut bound: HashMap<String, &str> = HashMap::new();
        if !form.directive
            && let Some((head, _)) = text.rule(form.node)
        {
            let arguments = text.children(head).into_iter().skip(1);
            bound.extend(arguments.filter_map(|node| Some((text.word(node)?.to_owned(), "head"))));
        }
        add_bound(text, form.node, &mut bound);
        check_operands(text, space, &bound, &form.values);
    }
    if asks_for_rules(text, forms) {
        return;
    }
    for form in forms.iter().filter(|form| !form.directive) {
        let Some((head, _)) = text.rule(form.node) else {
            continue;
        };
        let is_symbol = text.atom(head).as_symbol().is_some();
        if let Some(name) = text
            .word(head)
            .filter(|name| is_symbol && values.contains(*name))
        {
            let message = format!("this rule is for the symbol `{name}`, which is never looked up");
            text.report(Severity::Warning, "W0209", form.node, message, HELP_RULE);
        }
    }
}

/// Whether there is a pattern for rules: what is written as one may be meant as a fact.
fn asks_for_rules(text: &Text<'_>, forms: &[Form]) -> bool {
    let patterns = |form: &Form| form.node + usize::from(!form.directive)..text.end(form.node);
    let mut nodes = forms.iter().flat_map(patterns);
    nodes.any(|node| text.head_word(node) == Some("="))
}

/// Adds words that stand where `let` and `let*` bind variables.
fn add_bound(text: &Text<'_>, form: usize, bound: &mut HashMap<String, &str>) {
    for node in form..text.end(form) {
        let patterns = match (text.head_word(node), text.children(node).as_slice()) {
            (Some("let"), [_, pattern, _, _]) => vec![*pattern],
            (Some("let*"), [_, pairs, _]) => {
                let pairs = text.children(*pairs).into_iter();
                pairs
                    .filter_map(|pair| text.children(pair).first().copied())
                    .collect()
            }
            _ => continue,
        };
        for word in patterns.into_iter().filter_map(|node| text.word(node)) {
            bound.entry(word.to_owned()).or_insert("`let`");
        }
    }
}

/// Tells of what stands in a rule's head as an argument, or where `let` binds, and again where a number, a
/// text or a truth value is wanted, and is a symbol of which nothing is known.
fn check_operands(
    text: &mut Text<'_>,
    space: &Space,
    bound: &HashMap<String, &str>,
    values: &[Evaluated],
) {
    if bound.is_empty() {
        return;
    }
    for value in values.iter().filter(|value| value.operand) {
        let Some(name) = text.word(value.node) else {
            continue;
        };
        let Some(place) = bound.get(name) else {
            continue;
        };
        let atom = text.atom(value.node);
        if atom.as_symbol().is_some()
            && types::types_of(space, atom).iter().all(types::is_undefined)
        {
            let bare = name.trim_start_matches(['&', '?', '@', '%']);
            let message =
                format!("`{name}` is a symbol here, as in the {place}; is `${bare}` meant?");
            text.report(
                Severity::Warning,
                "W0210",
                value.node,
                message,
                HELP_VARIABLE,
            );
        }
    }
}

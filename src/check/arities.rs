//! Calls with a number of arguments that no rule of their function has: they stay as they are.

use std::collections::{BTreeSet, HashMap, HashSet};

use chimera_grammar::Severity;

use crate::check::{Form, Text, counted};
use crate::space::Space;
use crate::types;

const HELP: &str = "give it as many arguments as its rules have, or add a rule; if data is meant, another name tells the two apart";

pub(super) fn check(text: &mut Text<'_>, space: &Space, forms: &[Form]) {
    let mut arities: HashMap<String, BTreeSet<usize>> = HashMap::new();
    for form in forms.iter().filter(|form| !form.directive) {
        let Some((head, _)) = text.rule(form.node) else {
            continue;
        };
        let count = text.children(head).len();
        match text.head_word(head) {
            Some(name) => {
                arities
                    .entry(name.to_owned())
                    .or_default()
                    .insert(count - 1);
            }
            // It may be for any call.
            None if count > 0 && text.is_variable(head + 1) => return,
            None => {}
        }
    }
    let evaluated: HashSet<usize> = forms
        .iter()
        .flat_map(|form| form.values.iter().map(|value| value.node))
        .collect();
    // Where such an expression is stored, matched or told apart, it is data.
    let mut data: HashSet<(String, usize)> = HashSet::new();
    let mut calls = Vec::new();
    // A name and how many arguments it has.
    let mut named: HashSet<usize> = HashSet::new();
    for form in forms {
        for node in form.node..text.end(form.node) {
            let Some(name) = text.head_word(node) else {
                continue;
            };
            if ["pragma!", "table!"].contains(&name) {
                named.extend(text.children(node));
            }
            if named.contains(&node) {
                continue;
            }
            let Some(known) = arities.get(name) else {
                continue;
            };
            let count = text.children(node).len() - 1;
            if known.contains(&count) {
                continue;
            }
            match evaluated.contains(&node) {
                true => calls.push((node, name.to_owned(), count)),
                false => {
                    data.insert((name.to_owned(), count));
                }
            }
        }
    }
    for (node, name, count) in calls {
        let has_type =
            !(types::types_of(space, text.atom(node + 1)).iter()).all(types::is_undefined);
        if has_type || data.contains(&(name.clone(), count)) {
            continue;
        }
        let known: Vec<String> = arities[&name].iter().map(usize::to_string).collect();
        let message = format!(
            "`{name}` is called with {}, its rules have {}: the call stays as it is",
            counted(count, "argument"),
            known.join(" or ")
        );
        text.report(Severity::Note, "W0217", node, message, HELP);
    }
}

//! Rules that an earlier rule covers, and cases that are never chosen.
//!
//! Every rule that matches answers, so a rule that is covered is not dead; but
//! whoever expects the first match only will wonder.

use chimera_grammar::{NodeKind, Severity};
use foldhash::fast::FixedState;
use hashbrown::HashMap;

use crate::atom::Atom;
use crate::check::{Form, Text};
use crate::library::lists::{named_by_place, seal};
use crate::unify::{Bindings, Replacement, alpha_equal, rebuild, unify};

/// Rules of one function that later ones are held against.
const GENERAL_MAX: usize = 64;

pub(super) fn check(text: &mut Text<'_>, forms: &[Form]) {
    rules(text, forms);
    for form in forms {
        for found in &form.values {
            if let ("case" | "switch", [_, _, cases]) = (
                text.head_word(found.node).unwrap_or_default(),
                &text.children(found.node)[..],
            ) {
                self::cases(text, form.node, *cases);
            }
        }
    }
}

/// Whether everything that `specific` matches is matched by `general` too.
pub(super) fn covers(general: &Atom, specific: &Atom) -> bool {
    // Variables of the specific one stand for anything: symbols of their own.
    let fixed = rebuild(specific, |variable| {
        Replacement::Final(Atom::symbol(&format!("\u{0}{variable}")))
    });
    unify(&seal(general, &[]), &fixed, &mut Bindings::new())
}

fn rules(text: &mut Text<'_>, forms: &[Form]) {
    let mut general: HashMap<(String, usize), Vec<usize>, FixedState> = HashMap::default();
    let mut whole: HashMap<Atom, usize, FixedState> = HashMap::default();
    for form in forms.iter().filter(|form| !form.directive) {
        let Some((head, _)) = text.rule(form.node) else {
            continue;
        };
        let Some(name) = text.head_word(head).map(str::to_owned) else {
            continue;
        };
        let key = named_by_place(text.atom(form.node));
        if let Some(earlier) = whole.get(&key) {
            let line = text.line(*earlier);
            let message = format!("the same rule stands on line {line}: its results come twice");
            let help = "take one of them out";
            text.report(Severity::Warning, "W0203", form.node, message, help);
            continue;
        }
        whole.insert(key, form.node);
        let known = general
            .entry((name, text.children(head).len()))
            .or_default();
        let atom = text.atom(head);
        let earlier = known.iter().find(|earlier| {
            let earlier = text.atom(**earlier);
            covers(earlier, atom) && !alpha_equal(earlier, atom)
        });
        if let Some(earlier) = earlier {
            let line = text.line(*earlier);
            let message =
                format!("the rule on line {line} answers every call that this one answers");
            let help = "all rules that match answer, not the first only: if one answer is meant, make the heads differ, or use `case` or `if`";
            text.report(Severity::Note, "W0203", head, message, help);
        } else if !atom.is_ground() && known.len() < GENERAL_MAX {
            known.push(head);
        }
    }
}

fn cases(text: &mut Text<'_>, form: usize, list: usize) {
    let mut earlier: Vec<usize> = Vec::new();
    for case in text.children(list) {
        let [pattern, _] = text.children(case)[..] else {
            continue;
        };
        let before = earlier
            .iter()
            .find(|before| covers(text.atom(**before), text.atom(pattern)));
        if let Some(before) = before {
            let line = text.line(*before);
            let message = format!("the case on line {line} is chosen wherever this one fits");
            let help = "the first case that fits is chosen: put the special ones first";
            text.report(Severity::Warning, "W0204", pattern, message, help);
        } else if earlier.len() < GENERAL_MAX && has_own_variables(text, form, case, pattern) {
            earlier.push(pattern);
        }
    }
}

/// Whether the variables of a pattern occur in its case only: then nothing has
/// given them a value before.
fn has_own_variables(text: &Text<'_>, form: usize, case: usize, pattern: usize) -> bool {
    let variables = |from: usize, to: usize| {
        (from..to).filter(|node| matches!(text.tree.nodes()[*node].kind, NodeKind::Variable))
    };
    variables(pattern, text.end(pattern)).all(|variable| {
        let name = text.source(variable);
        let outside = variables(form, case).chain(variables(text.end(case), text.end(form)));
        !outside.into_iter().any(|node| text.source(node) == name)
    })
}

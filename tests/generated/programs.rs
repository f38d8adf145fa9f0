//! Programs made up by chance.

use proptest::collection::vec;
use proptest::prelude::{Strategy, prop_oneof};

/// Programs: a few overlapping rules and facts, then directives.
pub(crate) fn programs() -> impl Strategy<Value = String> {
    let word = proptest::sample::select(vec!["a", "b", "1", "2", "$x", "$y", "$z"]);
    let term = word
        .prop_map(str::to_owned)
        .prop_recursive(3, 12, 3, |inner| {
            prop_oneof![
                (
                    proptest::sample::select(vec!["f", "g", "c"]),
                    vec(inner.clone(), 1..3)
                )
                    .prop_map(|(head, rest)| format!("({head} {})", rest.join(" "))),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(+ {a} {b})")),
                (inner.clone(), inner.clone(), inner.clone())
                    .prop_map(|(a, b, c)| format!("(if (== {a} {b}) {b} {c})")),
                (inner.clone(), inner.clone(), inner.clone())
                    .prop_map(|(a, b, c)| format!("(let {a} {b} {c})")),
                (inner.clone(), inner.clone())
                    .prop_map(|(a, b)| format!("(match &self (fact {a} $w) ({b} $w))")),
                (inner.clone(), inner.clone()).prop_map(|(a, b)| format!("(superpose ({a} {b}))")),
                inner.clone().prop_map(|a| format!("(collapse {a})")),
                (inner.clone(), inner.clone(), inner)
                    .prop_map(|(a, b, c)| format!("(case {a} (({b} $v) ($u {c})))")),
            ]
        });
    let form = prop_oneof![
        4 => (proptest::sample::select(vec!["f", "g"]), vec(term.clone(), 1..3), term.clone())
            .prop_map(|(head, rest, body)| format!("(= ({head} {}) {body})", rest.join(" "))),
        2 => (term.clone(), term.clone()).prop_map(|(a, b)| format!("(fact {a} {b})")),
        3 => term.prop_map(|term| format!("! {term}")),
    ];
    vec(form, 2..10).prop_map(|forms| forms.join("\n"))
}

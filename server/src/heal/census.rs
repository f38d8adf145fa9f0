//! Every rule of the generation in force, and how many decisions each led to.

use std::collections::HashMap;
use std::sync::Arc;

use chimera_grammar::{LineTable, Node, NodeKind, Tree, parse};

use super::rules::RuleTexts;
use crate::status::{Because, ModeRecord, RuleRecord};

/// The rules that stand in the files, counted.
#[derive(Default)]
pub(super) struct Census {
    rules: Arc<[RuleRecord]>,
    /// Decisions of each rule since start, in the same order.
    decisions: Arc<Vec<u64>>,
    /// What each rule is, to know it again in the next generation: file and text.
    texts: Vec<(String, String)>,
    /// Rules by the place where they begin; several may stand on a line.
    places: HashMap<String, Vec<usize>>,
}

impl Census {
    /// Counts the rules of `texts` on: one that stands unchanged in the same file,
    /// wherever, keeps its count. `modes` are those of the rules that have a name.
    pub(super) fn followed_by(&self, texts: &RuleTexts, modes: &[ModeRecord]) -> Census {
        let mut known: HashMap<&(String, String), Vec<u64>> = HashMap::new();
        for (text, count) in self.texts.iter().zip(self.decisions.iter()).rev() {
            known.entry(text).or_default().push(*count);
        }
        let mut next = Census::default();
        let (mut rules, mut decisions) = (Vec::new(), Vec::new());
        for (file, text) in texts.iter() {
            let parsed = parse(text);
            let lines = LineTable::new(text);
            for definition in definitions(&parsed.tree) {
                let span = definition.nodes[0].span;
                let place = format!("{file}:{}", lines.position(text, span.start).line);
                let whole = &text[span.start..span.end];
                let written = (file.to_owned(), whole.to_owned());
                let count = known.get_mut(&written).and_then(Vec::pop);
                next.places
                    .entry(place.clone())
                    .or_default()
                    .push(rules.len());
                rules.push(RuleRecord {
                    rule: definition.printed(text),
                    place,
                    named: definition.named(text, modes),
                });
                decisions.push(count.unwrap_or(0));
                next.texts.push(written);
            }
        }
        next.rules = rules.into();
        next.decisions = Arc::new(decisions);
        next
    }

    /// Counts a decision for each rule that it came from.
    pub(super) fn count(&mut self, because: &[Because]) {
        let decisions = Arc::make_mut(&mut self.decisions);
        for link in because.iter().filter(|link| link.kind == "rule") {
            let place = link.place.as_deref().unwrap_or("");
            let Some(there) = self.places.get(place) else {
                continue;
            };
            let exact = there.iter().find(|at| self.rules[**at].rule == link.text);
            if let Some(at) = exact.or(there.first()) {
                decisions[*at] += 1;
            }
        }
    }

    /// The rules, in the order in which they stand in the files.
    pub(super) fn rules(&self) -> Arc<[RuleRecord]> {
        Arc::clone(&self.rules)
    }

    /// How many decisions each of them led to since start.
    pub(super) fn decisions(&self) -> Arc<Vec<u64>> {
        Arc::clone(&self.decisions)
    }
}

/// A top-level `(= head body)`.
struct Definition<'t> {
    /// Its nodes.
    nodes: &'t [Node],
    /// Those of its head.
    head: &'t [Node],
    /// The number of the head's first node in the tree, as ends are numbered.
    base: usize,
}

fn definitions<'t>(tree: &'t Tree<'_>) -> impl Iterator<Item = Definition<'t>> {
    let end_of = |at: usize| match tree.nodes()[at].kind {
        NodeKind::Expression { end } => end as usize,
        _ => at + 1,
    };
    tree.forms().iter().filter_map(move |form| {
        let first = form.node as usize;
        let end = end_of(first);
        let nodes = &tree.nodes()[first..end];
        let equals = nodes.get(1)?.span;
        if form.directive || nodes.len() < 4 || &tree.source()[equals.start..equals.end] != "=" {
            return None;
        }
        let base = first + 2;
        Some(Definition {
            nodes,
            head: &tree.nodes()[base..end_of(base)],
            base,
        })
    })
}

impl Definition<'_> {
    /// The named rules that it has part in: those whose name it says, of the faults
    /// that it says, or of all faults if it says none.
    fn named(&self, text: &str, modes: &[ModeRecord]) -> Vec<(String, String)> {
        let says = |word: &str| {
            self.nodes.iter().any(|node| {
                node.kind == NodeKind::Word && &text[node.span.start..node.span.end] == word
            })
        };
        let of_a_fault = modes.iter().any(|mode| says(&mode.fault));
        modes
            .iter()
            .filter(|mode| says(&mode.rule) && (!of_a_fault || says(&mode.fault)))
            .map(|mode| (mode.fault.clone(), mode.rule.clone()))
            .collect()
    }

    /// Its head as the engine prints it: on one line, with single spaces.
    fn printed(&self, text: &str) -> String {
        let mut printed = String::new();
        // Where the expressions that are open end.
        let mut ends: Vec<usize> = Vec::new();
        for (at, node) in (self.base..).zip(self.head) {
            while ends.pop_if(|end| *end == at).is_some() {
                printed.push(')');
            }
            if !printed.is_empty() && !printed.ends_with('(') {
                printed.push(' ');
            }
            match node.kind {
                NodeKind::Expression { end } => {
                    printed.push('(');
                    ends.push(end as usize);
                }
                _ => printed.push_str(&text[node.span.start..node.span.end]),
            }
        }
        printed.extend(ends.iter().map(|_| ')'));
        printed
    }
}

#[cfg(test)]
mod tests {
    use super::Census;
    use crate::heal::rules::RuleTexts;
    use crate::status::{Because, Mode, ModeRecord};

    fn because(place: &str, head: &str) -> Because {
        Because {
            kind: "rule",
            text: head.to_owned(),
            place: Some(place.to_owned()),
            source: None,
        }
    }

    fn mode(fault: &str, rule: &str) -> ModeRecord {
        ModeRecord {
            fault: fault.to_owned(),
            rule: rule.to_owned(),
            mode: Mode::Enforce,
            live: false,
        }
    }

    #[track_caller]
    fn check(census: &Census, expected: &[(&str, &str, u64)]) {
        let rules = census.rules();
        let decisions = census.decisions();
        let found: Vec<(&str, &str, u64)> = rules
            .iter()
            .zip(decisions.iter())
            .map(|(rule, count)| (rule.rule.as_str(), rule.place.as_str(), *count))
            .collect();
        assert_eq!(found, expected);
    }

    #[test]
    fn every_rule_is_listed_whether_it_decided_or_not() {
        let texts = RuleTexts::named(&[(
            "a.metta",
            "(fact 1)\n(= (f\n    (a $x ()) \"b  c\") 1) (= (g) 2)\n!(= (f 1) 2)\n(: f (-> A B))\n(= (h) 3)",
        )]);
        let mut census = Census::default().followed_by(&texts, &[]);
        census.count(&[because("a.metta:2", "(g)"), because("a.metta:9", "(g)")]);
        census.count(&[
            because("a.metta:2", "(f (a $x ()) \"b  c\")"),
            because("a.metta:3", "(g)"),
        ]);
        check(
            &census,
            &[
                ("(f (a $x ()) \"b  c\")", "a.metta:2", 2),
                ("(g)", "a.metta:3", 1),
                ("(h)", "a.metta:6", 0),
            ],
        );
    }

    #[test]
    fn counts_follow_rules_that_stand_elsewhere_and_leave_those_that_changed() {
        let before = "(= (f) 1)\n(= (g) 2)\n(= (f) 1)";
        let texts = RuleTexts::named(&[("a.metta", before)]);
        let mut census = Census::default().followed_by(&texts, &[]);
        for line in [1, 1, 2, 3] {
            census.count(&[because(&format!("a.metta:{line}"), "(f)")]);
        }
        let after = "(= (new) 0)\n(= (f) 1)\n(= (g) 3)\n(= (f) 1)";
        let texts = RuleTexts::named(&[("a.metta", after), ("b.metta", "(= (g) 2)")]);
        check(
            &census.followed_by(&texts, &[]),
            &[
                ("(new)", "a.metta:1", 0),
                ("(f)", "a.metta:2", 2),
                ("(g)", "a.metta:3", 0),
                ("(f)", "a.metta:4", 1),
                ("(g)", "b.metta:1", 0),
            ],
        );
    }

    #[test]
    fn rules_have_part_in_the_named_rules_that_they_say() {
        let modes = [
            mode("leak", "level"),
            mode("leak", "growth"),
            mode("load", "level"),
        ];
        let texts = RuleTexts::named(&[(
            "a.metta",
            "(= (see $f) (seen level $f))\n(= (see leak) (seen growth leak))\n(= (see load) (seen level load))\n(= (other $level) leak)",
        )]);
        let census = Census::default().followed_by(&texts, &modes);
        let named: Vec<Vec<String>> = census
            .rules()
            .iter()
            .map(|rule| {
                let names = rule.named.iter();
                names
                    .map(|(fault, name)| format!("{fault} {name}"))
                    .collect()
            })
            .collect();
        assert_eq!(
            named,
            [
                vec!["leak level", "load level"],
                vec!["leak growth"],
                vec!["load level"],
                vec![]
            ]
        );
    }
}

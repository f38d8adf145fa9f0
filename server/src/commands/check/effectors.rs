//! Effectors that healing rules name and that there are not: code `E0105`.

use chimera_grammar::{Diagnostic, LineTable, NodeKind, Parsed, Severity, Span};
use chimera_server::effect::{SPECS, Spec};

/// Looks at every `(act fault (effector argument …) reason (verdict-in seconds) …)`
/// written out in a text that is MeTTa, and at the calls in `(rung …)` facts that
/// are near an effector's name.
pub(super) fn check(source: &str) -> Vec<Diagnostic> {
    let parsed = chimera_grammar::parse(source);
    if !parsed.errors.is_empty() {
        return Vec::new();
    }
    let lines = LineTable::new(source);
    let text = Text { parsed: &parsed };
    let mut findings = Vec::new();
    for node in 0..parsed.tree.nodes().len() {
        let children = text.children(node);
        let words = |child: &usize| text.word(*child);
        let calls: Vec<usize> = match (children.first().and_then(words), &children[..]) {
            (Some("act"), [_, _, call, _, verdict, ..])
                if text.head(*verdict) == Some("verdict-in") =>
            {
                vec![*call]
            }
            (Some("rung"), [_, others @ ..]) => {
                let calls = others.iter().copied();
                calls.filter(|call| text.is_misspelt(*call)).collect()
            }
            _ => continue,
        };
        for call in calls {
            let (Some(name), count) = (text.head(call), text.children(call).len()) else {
                continue;
            };
            let known = SPECS.iter().find(|spec| spec.name == name);
            let Some(message) = message(name, count - 1, known) else {
                continue;
            };
            let span = text.span(call + 1);
            findings.push(Diagnostic {
                severity: Severity::Error,
                code: "E0105",
                message,
                help: "the effectors and their parameters stand in `GET /healing/rules` of a running server",
                span,
                position: lines.position(source, span.start),
            });
        }
    }
    findings
}

/// What is wrong with a call of an effector.
fn message(name: &str, count: usize, known: Option<&Spec>) -> Option<String> {
    match known {
        None => {
            let mut names: Vec<&str> = SPECS.iter().map(|spec| spec.name).collect();
            names.sort_unstable();
            Some(format!(
                "there is no effector `{name}`; there are {}",
                names.join(", ")
            ))
        }
        Some(spec) if spec.parameters.len() != count => Some(format!(
            "the effector `{name}` takes {} arguments, not {count}",
            spec.parameters.len()
        )),
        Some(_) => None,
    }
}

struct Text<'p, 's> {
    parsed: &'p Parsed<'s>,
}

impl Text<'_, '_> {
    fn end(&self, node: usize) -> usize {
        match self.parsed.tree.nodes()[node].kind {
            NodeKind::Expression { end } => end as usize,
            NodeKind::Variable | NodeKind::Word | NodeKind::String => node + 1,
        }
    }

    fn children(&self, node: usize) -> Vec<usize> {
        let mut children = Vec::new();
        let mut next = node + 1;
        while next < self.end(node) {
            children.push(next);
            next = self.end(next);
        }
        children
    }

    fn span(&self, node: usize) -> Span {
        self.parsed.tree.nodes()[node].span
    }

    fn word(&self, node: usize) -> Option<&str> {
        let found = self.parsed.tree.nodes()[node];
        let text = &self.parsed.tree.source()[found.span.start..found.span.end];
        matches!(found.kind, NodeKind::Word).then_some(text)
    }

    /// The word that a call begins with.
    fn head(&self, node: usize) -> Option<&str> {
        (self.end(node) > node + 1).then(|| self.word(node + 1))?
    }

    /// Whether it is a call of what there is not, one or two letters from an effector.
    fn is_misspelt(&self, node: usize) -> bool {
        self.head(node).is_some_and(|name| {
            let names: Vec<&str> = SPECS.iter().map(|spec| spec.name).collect();
            !names.contains(&name) && chimera::nearest_name(name, &names).is_some()
        })
    }
}

#[cfg(test)]
mod tests {
    use super::check;

    #[track_caller]
    fn check_one(source: &str, message: &str) {
        let found = check(source);
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.contains(message), "{found:?}");
    }

    #[test]
    fn unknown_effectors_are_found_and_known_ones_are_not() {
        check_one(
            "(= (decide) (act cpu-overload (reboot) because (verdict-in 5)))",
            "no effector `reboot`",
        );
        check_one(
            "(= (decide) (act cpu-overload (cancel) because (verdict-in 5) (by me)))",
            "takes 1 arguments, not 0",
        );
        check_one(
            "(rung memory-leak fit 1 (evict-cahce sessions 1.0) 3)",
            "evict-cahce",
        );
        let fine = "(= (decide) (act f (cancel background) because (verdict-in 5)))
            (= (decide) (act $f $call $reason (verdict-in $wait)))
            (rung memory-leak fit 1 (tighten-deadline) 12)
            (act of god) (act f (reboot) because)";
        assert_eq!(check(fine), []);
    }
}

//! Effectors that healing rules name and that there are not: code `E0105`.

use std::collections::HashSet;
use std::path::Path;

use chimera_grammar::{Diagnostic, LineTable, NodeKind, Parsed, Severity, Span};
use chimera_server::effect::{SPECS, Spec};

/// Shorter names are near effectors by chance.
const LENGTH_MIN: usize = 6;

/// Looks at every call of an effector in a text that is MeTTa: in `(act fault (effector
/// argument …) reason (verdict-in seconds) …)` written out, in `(rung fault strategy step
/// (call argument …) seconds)`, whose call may also be one of the rules' functions, and in
/// the rules of such a text what is a letter or two from an effector's name; and at the names in
/// `(tokens effector name most seconds)` and, in a text that heals, `(touches name what)`.
///
/// `functions` are those that the files beside it define.
pub(super) fn check(source: &str, functions: &HashSet<String>) -> Vec<Diagnostic> {
    let parsed = chimera_grammar::parse(source);
    if !parsed.errors.is_empty() {
        return Vec::new();
    }
    let lines = LineTable::new(source);
    let text = Text { parsed: &parsed };
    let mut functions = functions.clone();
    functions.extend(text.functions());
    let mut misspelt = Vec::new();
    let mut calls = Vec::new();
    let mut named = Vec::new();
    let mut heals = false;
    for node in 0..parsed.tree.nodes().len() {
        let children = text.children(node);
        let words = |child: &usize| text.word(*child);
        match (children.first().and_then(words), &children[..]) {
            (Some("act"), [_, _, call, _, verdict, ..])
                if text.head(*verdict) == Some("verdict-in") =>
            {
                heals = true;
                calls.push(*call);
            }
            (Some("rung"), [_, _, _, _, call, _]) => {
                heals = true;
                if text
                    .head(*call)
                    .is_some_and(|name| !functions.contains(name))
                {
                    calls.push(*call);
                }
            }
            (Some("tokens"), [_, kind, name, _, _]) if text.word(*kind) == Some("effector") => {
                heals = true;
                named.push(*name);
            }
            (Some("touches"), [_, name, _]) => named.push(*name),
            (Some(name), _) if name.len() >= LENGTH_MIN && !functions.contains(name) => {
                misspelt.push(node);
            }
            _ => {}
        }
    }
    misspelt.retain(|call| heals && text.is_misspelt(*call));
    calls.extend(misspelt);
    calls.sort_unstable();
    calls.dedup();
    let known = |name: &str| SPECS.iter().find(|spec| spec.name == name);
    let calls = calls.into_iter().filter_map(|call| {
        let (name, count) = (text.head(call)?, text.children(call).len());
        Some((call + 1, message(name, count - 1, known(name))?))
    });
    let named = named.into_iter().filter(|_| heals).filter_map(|node| {
        let name = text.word(node)?;
        let message = known(name).is_none().then(|| message(name, 0, None))??;
        Some((node, message))
    });
    calls
        .chain(named)
        .map(|(node, message)| {
            let span = text.span(node);
            Diagnostic {
                severity: Severity::Error,
                code: "E0105",
                message,
                help: "the effectors and their parameters stand in `GET /healing/rules` of a running server".into(),
                span,
                position: lines.position(source, span.start),
            }
        })
        .collect()
}

/// Whether a file is one of the server's rules: `healing.metta`, or in a directory `healing`.
pub(super) fn is_of_rules(file: &Path) -> bool {
    let directory = file.parent().and_then(Path::file_name);
    file.file_name().is_some_and(|name| name == "healing.metta")
        || directory.is_some_and(|name| name == "healing")
}

/// The functions that the rule files beside `file` define, which are one generation
/// with it: `DIR/healing.metta` and `DIR/healing/*.metta`.
pub(super) fn functions_beside(file: &Path) -> HashSet<String> {
    let directory = file.parent().unwrap_or(Path::new(""));
    let top = if directory.file_name().is_some_and(|name| name == "healing") {
        directory.parent().unwrap_or(Path::new(""))
    } else {
        directory
    };
    let mut files = vec![top.join("healing.metta")];
    if let Ok(entries) = std::fs::read_dir(top.join("healing")) {
        files.extend(entries.flatten().map(|entry| entry.path()));
    }
    let mut functions = HashSet::new();
    for file in files {
        if file
            .extension()
            .is_some_and(|extension| extension == "metta")
            && let Ok(source) = std::fs::read_to_string(&file)
        {
            let parsed = chimera_grammar::parse(&source);
            functions.extend(Text { parsed: &parsed }.functions());
        }
    }
    functions
}

/// What is wrong with a call of an effector.
fn message(name: &str, count: usize, known: Option<&Spec>) -> Option<String> {
    match known {
        None => {
            let mut names: Vec<&str> = SPECS.iter().map(|spec| spec.name).collect();
            names.sort_unstable();
            let hint = match chimera::nearest_name(name, &names) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("there are {}", names.join(", ")),
            };
            Some(format!("there is no effector `{name}`; {hint}"))
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
    /// The names of all functions that have a rule.
    fn functions(&self) -> HashSet<String> {
        let forms = self.parsed.tree.forms().iter();
        forms
            .filter_map(|form| match self.children(form.node as usize)[..] {
                [equal, head, _] if self.word(equal) == Some("=") => self.head(head),
                _ => None,
            })
            .map(str::to_owned)
            .collect()
    }

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
    use std::collections::HashSet;

    use super::check;

    #[track_caller]
    fn check_one(source: &str, message: &str) {
        let found = check(source, &HashSet::new());
        assert_eq!(found.len(), 1, "{found:?}");
        assert!(found[0].message.contains(message), "{found:?}");
    }

    #[test]
    fn unknown_effectors_are_found() {
        check_one(
            "(= (decide) (act cpu-overload (reboot) because (verdict-in 5)))",
            "no effector `reboot`",
        );
        check_one(
            "(= (decide) (act cpu-overload (cancel background) because (verdict-in 5) (by me)))",
            "takes 2 arguments, not 1",
        );
        check_one("(rung memory-leak fit 1 (reboot now) 3)", "`reboot`");
        check_one(
            "(rung memory-leak fit 1 (drop) 3) (= (drop) (evict-cahce sessions 1.0))",
            "no effector `evict-cahce`; did you mean `evict-cache`?",
        );
        check_one(
            "(tokens effector evict-cachez 10 60)",
            "no effector `evict-cachez`; did you mean `evict-cache`?",
        );
        check_one(
            "(tokens effector evict-cache 10 60) (touches evict-cachez memory)",
            "no effector `evict-cachez`",
        );
    }

    #[test]
    fn known_ones_functions_and_other_data_are_not() {
        let fine = "(= (decide) (act f (cancel background 1.0) because (verdict-in 5)))
            (= (decide) (act $f $call $reason (verdict-in $wait)))
            (rung memory-leak fit 1 (tighten-deadline) 12)
            (rung memory-leak fit 2 (elsewhere 5) 12)
            (= (tighten-deadline) (deadline upstream 500))
            (act of god) (act f (reboot) because) (rung of a ladder)
            (tokens effector evict-cache 10 60) (touches evict-cache memory) (tokens client 5 60)";
        let elsewhere = HashSet::from(["elsewhere".to_owned()]);
        assert_eq!(check(fine, &elsewhere), []);
        assert_eq!(check("(evict-cahce is near a name)", &HashSet::new()), []);
        assert_eq!(check("(touches finger nose)", &HashSet::new()), []);
    }
}

//! `@doc` atoms as text for people.

use std::fmt::Write;

use chimera_grammar::{NodeKind, parse, unescape};

/// Whether a text holds a `@doc` or `@doc-formal` expression with a description.
pub(crate) fn is_doc(atom: &str) -> bool {
    let parsed = parse(atom);
    parsed
        .tree
        .nodes()
        .iter()
        .any(|node| node.kind == NodeKind::Word && &atom[node.span.start..node.span.end] == "@desc")
}

/// The description, a line for each parameter and one for the result, in the
/// order of the texts in `atom`, a `@doc` or a `@doc-formal`.
pub(crate) fn render(atom: &str) -> String {
    let parsed = parse(atom);
    let mut label = "";
    let mut lines = String::new();
    for node in parsed.tree.nodes() {
        let text = &atom[node.span.start..node.span.end];
        match node.kind {
            NodeKind::Word => match text {
                "@params" => label = "  takes   ",
                "@return" => label = "  returns ",
                _ => {}
            },
            NodeKind::String => {
                let text = unescape(text).expect("an atom that was parsed has right escapes");
                writeln!(lines, "{label}{text}").expect("strings take all writes");
            }
            NodeKind::Expression { .. } | NodeKind::Variable => {}
        }
    }
    lines.truncate(lines.trim_end().len());
    lines
}

#[cfg(test)]
mod tests {
    use super::{is_doc, render};

    #[test]
    fn informal_and_formal_docs_read_alike() {
        let expected = "Doubles \"it\"\n  takes   a number\n  returns twice it";
        for atom in [
            r#"(quote (@doc f (@desc "Doubles \"it\"") (@params ((@param "a number"))) (@return "twice it")))"#,
            r#"(@doc-formal (@item f) (@kind function) (@type (-> Number Number)) (@desc "Doubles \"it\"")
               (@params ((@param (@type Number) (@desc "a number")))) (@return (@type Number) (@desc "twice it")))"#,
        ] {
            assert!(is_doc(atom));
            assert_eq!(render(atom), expected);
        }
        assert!(!is_doc("(get-doc f)"));
    }
}

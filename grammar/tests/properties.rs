//! What holds for every text.

use chimera_grammar::{LineTable, decode, format, parse, print};
use proptest::collection::vec;
use proptest::prelude::{
    Just, ProptestConfig, Strategy, any, prop_assert, prop_assert_eq, prop_oneof, proptest,
};

/// Texts with much structure and all the characters that matter.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        6 => Just("(".to_owned()),
        6 => Just(")".to_owned()),
        4 => Just(" ".to_owned()),
        2 => Just("\n".to_owned()),
        1 => Just("\r\n".to_owned()),
        1 => Just("\t".to_owned()),
        2 => Just("!".to_owned()),
        2 => Just("\"".to_owned()),
        1 => Just("\\".to_owned()),
        2 => Just(";".to_owned()),
        2 => Just("$x".to_owned()),
        4 => "[a-z=+'#&é🙂0-9.]{1,6}",
        1 => "(let|match|if|=|:)",
        1 => "\"[a-z ]{0,5}\"",
    ];
    vec(piece, 0..60).prop_map(|pieces| pieces.concat())
}

/// Texts that are MeTTa: what is left of any text once it is closed.
fn right_texts() -> impl Strategy<Value = String> {
    fn atom() -> impl Strategy<Value = String> {
        let leaf = prop_oneof![
            "[a-zA-Z=+*/<>é-]{1,12}",
            "\\$[a-z]{1,3}",
            "-?[0-9]{1,4}",
            "\"[a-z\\n ]{0,8}\""
        ];
        let gap = prop_oneof![4 => Just(" ".to_owned()), 1 => Just("\n ".to_owned()), 1 => Just("\n\n\n".to_owned()), 1 => Just(" ; c\n".to_owned()), 1 => Just("\n; own\n".to_owned())];
        leaf.prop_recursive(5, 60, 6, move |inner| {
            vec((inner, gap.clone()), 0..6).prop_map(|children| {
                let inside: String = children
                    .into_iter()
                    .map(|(child, gap)| child + &gap)
                    .collect();
                format!("({inside})")
            })
        })
    }
    vec(
        (
            any::<bool>(),
            atom(),
            prop_oneof![
                Just(" "),
                Just("\n"),
                Just("\n\n; note\n"),
                Just(" ; beside\n")
            ],
        ),
        0..6,
    )
    .prop_map(|forms| {
        forms
            .into_iter()
            .map(|(directive, atom, gap)| {
                format!("{}{atom}{gap}", if directive { "!" } else { "" })
            })
            .collect()
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 400, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn no_bytes_are_too_bad(bytes in vec(any::<u8>(), 0..200)) {
        if let Ok(text) = decode(&bytes) {
            let _ = parse(text);
        }
    }

    #[test]
    fn spans_are_in_the_text_and_in_order(text in texts()) {
        let parsed = parse(&text);
        let lines = LineTable::new(&text);
        let mut before = 0;
        for node in parsed.tree.nodes() {
            prop_assert!(before <= node.span.start && node.span.start < node.span.end);
            prop_assert!(text.get(node.span.start..node.span.end).is_some());
            before = node.span.start;
        }
        for error in &parsed.errors {
            prop_assert!(error.span().end <= text.len());
            let position = lines.position(&text, error.span().start);
            prop_assert_eq!(lines.offset(&text, position.line, position.column), error.span().start);
        }
    }

    #[test]
    fn a_text_with_errors_cannot_be_laid_out_and_one_without_can(text in texts()) {
        prop_assert_eq!(format(&text).is_ok(), parse(&text).errors.is_empty());
    }

    #[test]
    fn what_is_printed_reads_back_equal(text in right_texts()) {
        let printed = print(&parse(&text).tree);
        let again = parse(&printed);
        prop_assert!(again.errors.is_empty());
        prop_assert_eq!(print(&again.tree), printed.clone());
        prop_assert_eq!(again.tree.nodes().len(), parse(&text).tree.nodes().len());
    }

    #[test]
    fn laying_out_keeps_atoms_and_comments_and_is_done_once(text in right_texts()) {
        let formatted = format(&text).expect("the text is MeTTa");
        let (before, after) = (parse(&text), parse(&formatted));
        prop_assert_eq!(print(&before.tree), print(&after.tree));
        let comments = |parsed: &chimera_grammar::Parsed<'_>| -> Vec<String> {
            parsed.tree.comments().iter()
                .map(|comment| parsed.tree.source()[comment.span.start..comment.span.end].trim_end().to_owned())
                .collect()
        };
        prop_assert_eq!(comments(&before), comments(&after));
        prop_assert_eq!(format(&formatted).expect("still MeTTa"), formatted);
    }
}

/// A hundred times the text takes about a hundred times the work: nothing of it
/// is quadratic, or this would not end. Run by hand with `--ignored`.
#[test]
#[ignore = "takes 100 MB; run by hand"]
fn a_hundred_megabytes_are_read() {
    let form = "(= (rule $x 12.5 \"text\") (if (> $x 3) (then $x) (otherwise)))\n";
    let text = form.repeat(100_000_000 / form.len());
    let parsed = parse(&text);
    assert!(parsed.errors.is_empty());
    assert_eq!(parsed.tree.forms().len(), text.len() / form.len());
    let line = "(a)".repeat(10_000_000);
    assert_eq!(parse(&line).tree.forms().len(), 10_000_000);
}

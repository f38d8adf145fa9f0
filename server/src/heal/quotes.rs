//! Rules as they stood in their files when they decided, for those who ask why.

use std::collections::HashMap;
use std::sync::Arc;

use chimera_grammar::{LineTable, Span, parse};

use super::rules::RuleTexts;
use crate::status::Because;

/// Longer rules are cut here, in bytes.
const QUOTE_MAX: usize = 4000;

/// One generation's texts, to quote from.
#[derive(Default)]
pub(super) struct Quotes {
    files: HashMap<String, File>,
    /// What was quoted, by `file:line`: actions share it.
    quoted: HashMap<String, Arc<str>>,
}

struct File {
    text: String,
    /// Where each top-level atom stands, by the line of its beginning.
    forms: HashMap<u32, Span>,
}

impl Quotes {
    pub(super) fn of(texts: &RuleTexts) -> Quotes {
        let file = |(name, text): (&str, &str)| {
            let lines = LineTable::new(text);
            let mut forms = HashMap::new();
            for form in parse(text).tree.forms() {
                let line = lines.position(text, form.span.start).line;
                forms.entry(line).or_insert(form.span);
            }
            let text = text.to_owned();
            (name.to_owned(), File { text, forms })
        };
        Quotes {
            files: texts.iter().map(file).collect(),
            quoted: HashMap::new(),
        }
    }

    /// Gives each rule of an explanation its text.
    pub(super) fn add_to(&mut self, because: &mut [Because]) {
        for link in because.iter_mut().filter(|link| link.kind == "rule") {
            link.source = link.place.as_deref().and_then(|place| self.quote(place));
        }
    }

    fn quote(&mut self, place: &str) -> Option<Arc<str>> {
        if let Some(known) = self.quoted.get(place) {
            return Some(Arc::clone(known));
        }
        let (file, line) = place.rsplit_once(':')?;
        let file = self.files.get(file)?;
        let span = file.forms.get(&line.parse().ok()?)?;
        let text = &file.text[span.start..span.end];
        let quote: Arc<str> = match text.char_indices().find(|(at, _)| *at >= QUOTE_MAX) {
            Some((end, _)) => format!("{}\n…", &text[..end]).into(),
            None => text.into(),
        };
        self.quoted.insert(place.to_owned(), Arc::clone(&quote));
        Some(quote)
    }
}

#[cfg(test)]
mod tests {
    use super::{QUOTE_MAX, Quotes};
    use crate::heal::rules::RuleTexts;
    use crate::status::Because;

    #[track_caller]
    fn check(text: &str, place: &str, expected: Option<&str>) {
        let texts = RuleTexts::named(&[("a.metta", text), ("b:c.metta", "(= (g) 1)")]);
        let mut because = vec![Because {
            kind: "rule",
            text: "(f)".to_owned(),
            place: Some(place.to_owned()),
            source: None,
        }];
        let mut quotes = Quotes::of(&texts);
        for _again in 0..2 {
            quotes.add_to(&mut because);
            assert_eq!(because[0].source.as_deref(), expected, "{place}");
        }
    }

    #[test]
    fn rules_are_quoted_as_they_are_written() {
        let text = "; first\n(fact 1)\n(= (f $x)\n  ; why\n  (if $x 1\n    2))\n";
        let rule = "(= (f $x)\n  ; why\n  (if $x 1\n    2))";
        check(text, "a.metta:3", Some(rule));
        check(text, "b:c.metta:1", Some("(= (g) 1)"));
        for place in ["a.metta:4", "a.metta:x", "a.metta", "none.metta:3"] {
            check(text, place, None);
        }
    }

    #[test]
    fn long_rules_are_cut_between_characters() {
        let rule = format!("(= (f) \"{}\")", "ä".repeat(QUOTE_MAX));
        let texts = RuleTexts::named(&[("a.metta", &rule)]);
        let quote = Quotes::of(&texts).quote("a.metta:1").unwrap();
        assert!(quote.ends_with("ä\n…"), "{quote}");
        assert!(quote.len() < QUOTE_MAX + 10);
    }
}

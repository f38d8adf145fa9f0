//! Settings that there are not, and values that a setting does not take.

use chimera_grammar::Severity;

use crate::check::{Form, Text, names};
use crate::engine::Host;

const SETTINGS: [&str; 4] = ["interpreter", "type-check", "max-stack-depth", "table"];

const HELP: &str = "the settings are `interpreter bare-minimal`, `type-check auto`, `max-stack-depth number` and, with the module `tabling`, `table (name arity)`; any other changes nothing";

const TABLING: &str = "`!(import! &self tabling)` before it makes it one";

pub(super) fn check(text: &mut Text<'_>, host: &Host, forms: &[Form]) {
    let has_tables = host.tokens.get("table!").is_some();
    for form in forms {
        for found in &form.values {
            let ("pragma!", [_, key, value, ..]) = (
                text.head_word(found.node).unwrap_or_default(),
                &text.children(found.node)[..],
            ) else {
                continue;
            };
            let (key, value) = (*key, *value);
            let Some(name) = text.word(key).map(str::to_owned) else {
                continue;
            };
            let taken = match name.as_str() {
                "interpreter" => "bare-minimal",
                "type-check" => "auto",
                "table" if !has_tables && text.end(value) > value + 1 => {
                    let message = "`table` is a setting of the module `tabling`, which is not imported: this changes nothing".to_owned();
                    text.report(Severity::Warning, "W0216", key, message, TABLING);
                    continue;
                }
                name if SETTINGS.contains(&name) => continue,
                name => {
                    // What is near none may be a setting of another engine.
                    if let Some(near) = names::nearest(name, &SETTINGS) {
                        let message =
                            format!("there is no setting `{name}`; did you mean `{near}`?");
                        text.report(Severity::Warning, "W0214", key, message, HELP);
                    }
                    continue;
                }
            };
            let given = text.word(value).map(str::to_owned);
            if let Some(given) = given
                && let Some(near) = names::nearest(&given, &[taken])
            {
                let message = format!("`{name}` takes no `{given}`; did you mean `{near}`?");
                text.report(Severity::Warning, "W0214", value, message, HELP);
            }
        }
    }
}

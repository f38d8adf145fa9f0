//! Query parameters: declared in the route table, checked before a route runs.

use std::collections::HashMap;

use serde_json::{Value, json};

use super::answer::{Failure, Invalid};

/// One declared parameter.
#[derive(Clone, Copy, Debug)]
pub(super) struct Parameter {
    pub(super) name: &'static str,
    pub(super) kind: Kind,
    /// Whether it must be given; only texts can be so.
    pub(super) required: bool,
    pub(super) description: &'static str,
}

/// What values a parameter takes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Kind {
    /// A whole number within bounds.
    Integer { default: i64, min: i64, max: i64 },
    /// A finite number within bounds; absent without a default.
    Number {
        default: Option<f64>,
        min: f64,
        max: f64,
    },
    /// `true` or `false`, in the words that pydantic takes.
    Boolean { default: bool },
    /// Any text that is not too long; absent where it is not given.
    Text { bytes_max: usize },
    /// One of these; absent where it is not given.
    Word(&'static [&'static str]),
}

/// The checked values of one request.
#[derive(Debug, Default)]
pub(super) struct Values {
    integers: HashMap<&'static str, i64>,
    numbers: HashMap<&'static str, f64>,
    booleans: HashMap<&'static str, bool>,
    texts: HashMap<&'static str, String>,
}

impl Values {
    /// The value of a declared integer parameter.
    pub(super) fn integer(&self, name: &str) -> i64 {
        *self
            .integers
            .get(name)
            .expect("the route declares this integer parameter")
    }

    /// The same as a size or count; declared with a minimum of 0 or more.
    pub(super) fn count(&self, name: &str) -> usize {
        usize::try_from(self.integer(name)).expect("its minimum is not negative")
    }

    /// The value of a declared number parameter, if there is one.
    pub(super) fn number(&self, name: &str) -> Option<f64> {
        self.numbers.get(name).copied()
    }

    /// The value of a declared text or word, if it was given.
    pub(super) fn text(&self, name: &str) -> Option<&str> {
        self.texts.get(name).map(String::as_str)
    }

    /// The value of a declared boolean parameter.
    pub(super) fn boolean(&self, name: &str) -> bool {
        *self
            .booleans
            .get(name)
            .expect("the route declares this boolean parameter")
    }
}

/// Checks a query string against what is declared. Unknown names are ignored;
/// of a repeated name the last value counts.
///
/// # Errors
/// Every invalid value.
pub(super) fn check(declared: &[Parameter], query: &str) -> Result<Values, Failure> {
    let given: HashMap<String, String> = if declared.is_empty() {
        HashMap::new()
    } else {
        form_urlencoded::parse(query.as_bytes())
            .into_owned()
            .collect()
    };
    let mut values = Values::default();
    let mut invalid = Vec::new();
    for parameter in declared {
        let text = given.get(parameter.name).map(String::as_str);
        let name = parameter.name;
        let wrong = match parameter.kind {
            Kind::Integer { default, min, max } => {
                match text.map_or(Ok(default), |text| integer(name, text, min, max)) {
                    Ok(value) => {
                        values.integers.insert(name, value);
                        continue;
                    }
                    Err(wrong) => wrong,
                }
            }
            Kind::Number { default, min, max } => {
                match text.map_or(Ok(default), |text| number(name, text, min, max).map(Some)) {
                    Ok(value) => {
                        values.numbers.extend(value.map(|value| (name, value)));
                        continue;
                    }
                    Err(wrong) => wrong,
                }
            }
            Kind::Boolean { default } => {
                match text.map_or(Ok(default), |text| boolean(name, text)) {
                    Ok(value) => {
                        values.booleans.insert(name, value);
                        continue;
                    }
                    Err(wrong) => wrong,
                }
            }
            Kind::Text { .. } | Kind::Word(_) => match text {
                None if parameter.required => missing(name),
                None => continue,
                Some(text) => match words(name, text, parameter.kind) {
                    Ok(()) => {
                        values.texts.insert(name, text.to_owned());
                        continue;
                    }
                    Err(wrong) => wrong,
                },
            },
        };
        invalid.push(*wrong);
    }
    if invalid.is_empty() {
        Ok(values)
    } else {
        Err(Failure::Invalid(invalid))
    }
}

fn missing(name: &'static str) -> Box<Invalid> {
    Box::new(Invalid {
        kind: "missing",
        loc: vec!["query", name],
        msg: "Field required".to_owned(),
        input: Value::Null,
        ctx: None,
    })
}

fn words(name: &'static str, text: &str, kind: Kind) -> Result<(), Box<Invalid>> {
    match kind {
        Kind::Text { bytes_max } if text.len() > bytes_max => {
            let msg = format!("String should have at most {bytes_max} bytes");
            let ctx = Some(json!({ "max_length": bytes_max }));
            Err(wrong(name, "string_too_long", msg, text, ctx))
        }
        Kind::Word(words) if !words.contains(&text) => {
            let words: Vec<String> = words.iter().map(|word| format!("'{word}'")).collect();
            let expected = match words.split_last() {
                Some((last, [])) => last.clone(),
                Some((last, before)) => format!("{} or {last}", before.join(", ")),
                None => String::new(),
            };
            let msg = format!("Input should be {expected}");
            let ctx = Some(json!({ "expected": expected }));
            Err(wrong(name, "literal_error", msg, text, ctx))
        }
        _ => Ok(()),
    }
}

fn wrong(
    name: &'static str,
    kind: &'static str,
    msg: String,
    text: &str,
    ctx: Option<Value>,
) -> Box<Invalid> {
    Box::new(Invalid {
        kind,
        loc: vec!["query", name],
        msg,
        input: json!(text),
        ctx,
    })
}

fn integer(name: &'static str, text: &str, min: i64, max: i64) -> Result<i64, Box<Invalid>> {
    let trimmed = text.trim();
    let digits = trimmed.strip_prefix(['+', '-']).unwrap_or(trimmed);
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        let msg = "Input should be a valid integer, unable to parse string as an integer";
        return Err(wrong(name, "int_parsing", msg.to_owned(), text, None));
    }
    // Digits that fit no i64 are far outside any bound.
    let value = trimmed
        .parse::<i64>()
        .unwrap_or(if trimmed.starts_with('-') {
            i64::MIN
        } else {
            i64::MAX
        });
    within(name, text, value, min, max)
}

fn number(name: &'static str, text: &str, min: f64, max: f64) -> Result<f64, Box<Invalid>> {
    let Ok(value) = text.trim().parse::<f64>() else {
        let msg = "Input should be a valid number, unable to parse string as a number";
        return Err(wrong(name, "float_parsing", msg.to_owned(), text, None));
    };
    if !value.is_finite() {
        let msg = "Input should be a finite number";
        return Err(wrong(name, "finite_number", msg.to_owned(), text, None));
    }
    within(name, text, value, min, max)
}

fn within<T: PartialOrd + serde::Serialize + std::fmt::Display>(
    name: &'static str,
    text: &str,
    value: T,
    min: T,
    max: T,
) -> Result<T, Box<Invalid>> {
    if value < min {
        let msg = format!("Input should be greater than or equal to {min}");
        let ctx = Some(json!({ "ge": min }));
        return Err(wrong(name, "greater_than_equal", msg, text, ctx));
    }
    if value > max {
        let msg = format!("Input should be less than or equal to {max}");
        let ctx = Some(json!({ "le": max }));
        return Err(wrong(name, "less_than_equal", msg, text, ctx));
    }
    Ok(value)
}

fn boolean(name: &'static str, text: &str) -> Result<bool, Box<Invalid>> {
    match text.to_ascii_lowercase().as_str() {
        "1" | "true" | "t" | "yes" | "y" | "on" => Ok(true),
        "0" | "false" | "f" | "no" | "n" | "off" => Ok(false),
        _ => {
            let msg = "Input should be a valid boolean, unable to interpret input";
            Err(wrong(name, "bool_parsing", msg.to_owned(), text, None))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Failure, Kind, Parameter, check};

    const DECLARED: &[Parameter] = &[
        Parameter {
            name: "size_mb",
            kind: Kind::Integer {
                default: 75,
                min: 1,
                max: 1024,
            },
            required: false,
            description: "",
        },
        Parameter {
            name: "rate",
            kind: Kind::Number {
                default: Some(0.7),
                min: 0.0,
                max: 1.0,
            },
            required: false,
            description: "",
        },
        Parameter {
            name: "verdict",
            kind: Kind::Word(&["verified", "failed", "pending"]),
            required: false,
            description: "",
        },
        Parameter {
            name: "level",
            kind: Kind::Text { bytes_max: 8 },
            required: false,
            description: "",
        },
    ];

    #[track_caller]
    fn check_wrong(query: &str, expected: &[(&str, &str)]) {
        let Err(Failure::Invalid(found)) = check(DECLARED, query) else {
            panic!("{query} is taken");
        };
        let found: Vec<(&str, &str)> = found.iter().map(|one| (one.loc[1], one.kind)).collect();
        assert_eq!(found, expected, "{query}");
    }

    #[test]
    fn values_are_checked_and_defaults_stand_in() {
        let values = check(DECLARED, "size_mb=1&other=x&size_mb=%208&rate=1e-1").unwrap();
        assert_eq!(values.integer("size_mb"), 8);
        assert_eq!(values.number("rate"), Some(0.1));
        let values = check(DECLARED, "").unwrap();
        assert_eq!(values.integer("size_mb"), 75);
    }

    #[test]
    fn texts_and_words_are_taken_or_told() {
        let values = check(DECLARED, "verdict=failed&level=a%20b").unwrap();
        assert_eq!(values.text("verdict"), Some("failed"));
        assert_eq!(values.text("level"), Some("a b"));
        assert_eq!(check(DECLARED, "").unwrap().text("level"), None);
        let Err(Failure::Invalid(found)) = check(DECLARED, "verdict=good") else {
            panic!("it is taken");
        };
        assert_eq!(
            found[0].msg,
            "Input should be 'verified', 'failed' or 'pending'"
        );
        check_wrong("level=123456789", &[("level", "string_too_long")]);
        let must = [Parameter {
            required: true,
            ..DECLARED[3]
        }];
        let Err(Failure::Invalid(found)) = check(&must, "") else {
            panic!("nothing is taken");
        };
        assert_eq!(found[0].kind, "missing");
    }

    #[test]
    fn every_invalid_value_is_reported() {
        check_wrong(
            "size_mb=abc&rate=x",
            &[("size_mb", "int_parsing"), ("rate", "float_parsing")],
        );
        check_wrong("size_mb=", &[("size_mb", "int_parsing")]);
        check_wrong("size_mb=1.5", &[("size_mb", "int_parsing")]);
        check_wrong("size_mb=0", &[("size_mb", "greater_than_equal")]);
        check_wrong(
            "size_mb=-99999999999999999999",
            &[("size_mb", "greater_than_equal")],
        );
        check_wrong(
            "size_mb=99999999999999999999",
            &[("size_mb", "less_than_equal")],
        );
        check_wrong("rate=nan", &[("rate", "finite_number")]);
        check_wrong("rate=1.01", &[("rate", "less_than_equal")]);
    }
}

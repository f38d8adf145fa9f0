//! Prometheus' text of metrics (exposition format 0.0.4), line by line:
//! `name{label="value"} number [time]`. What is made of a line that is no sample is up to
//! whoever reads: what is posted is refused, what is scraped is passed over.

/// A sample as it stands in a line.
#[derive(Debug, PartialEq)]
pub(crate) struct Line<'a> {
    pub(crate) name: &'a str,
    pub(crate) labels: Vec<(String, String)>,
    pub(crate) value: f64,
    /// When it was measured, in milliseconds of Unix time.
    pub(crate) millis: Option<f64>,
}

/// Whether a line, without space around it, says nothing.
pub(crate) fn is_silent(line: &str) -> bool {
    line.is_empty() || line.starts_with('#')
}

/// The name that a line begins with.
pub(crate) fn name_of(line: &str) -> &str {
    let end = line.find(|c: char| c == '{' || c.is_whitespace());
    &line[..end.unwrap_or(line.len())]
}

/// The sample that a line is; `None` if it is none.
pub(crate) fn read(line: &str) -> Option<Line<'_>> {
    let name = name_of(line);
    let mut rest = &line[name.len()..];
    let mut labels = Vec::new();
    if let Some(inside) = rest.strip_prefix('{') {
        (labels, rest) = read_labels(inside)?;
    }
    // An example of what was counted may follow the value.
    let rest = rest.split_once(" # ").map_or(rest, |(rest, _)| rest);
    let mut words = rest.split_whitespace();
    let value = match words.next()? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        number => number.parse().ok()?,
    };
    let millis = match words.next() {
        Some(millis) => Some(millis.parse().ok()?),
        None => None,
    };
    words.next().is_none().then_some(Line {
        name,
        labels,
        value,
        millis,
    })
}

/// The labels up to `}`, and what stands after it.
fn read_labels(text: &str) -> Option<(Vec<(String, String)>, &str)> {
    let mut labels = Vec::new();
    let mut rest = text.trim_start();
    loop {
        if let Some(after) = rest.strip_prefix('}') {
            return Some((labels, after));
        }
        let (name, after) = rest.split_once('=')?;
        let quoted = after.trim_start().strip_prefix('"')?;
        let mut value = String::new();
        let mut characters = quoted.char_indices();
        let end = loop {
            match characters.next()? {
                (at, '"') => break at,
                (_, '\\') => match characters.next()?.1 {
                    'n' => value.push('\n'),
                    other => value.push(other),
                },
                (_, other) => value.push(other),
            }
        };
        labels.push((name.trim().to_owned(), value));
        rest = quoted[end + 1..].trim_start();
        rest = rest.strip_prefix(',').unwrap_or(rest).trim_start();
    }
}

#[cfg(test)]
mod tests {
    use super::{Line, read};

    #[track_caller]
    fn check(line: &str, labels: &[(&str, &str)], value: f64, millis: Option<f64>) {
        let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
        let expected = Line {
            name: "a",
            labels: labels.iter().map(owned).collect(),
            value,
            millis,
        };
        assert_eq!(read(line), Some(expected), "{line}");
    }

    #[test]
    fn a_line_has_a_name_labels_a_value_and_perhaps_a_time() {
        check("a 1", &[], 1.0, None);
        check("a{} -2.5e1 17", &[], -25.0, Some(17.0));
        check("a{ b = \"c\", } +Inf", &[("b", "c")], f64::INFINITY, None);
        check(
            "a{x=\"}\",y=\"2 3\"} 1.5",
            &[("x", "}"), ("y", "2 3")],
            1.5,
            None,
        );
    }

    #[test]
    fn what_is_escaped_or_follows_the_value_ends_nothing() {
        check("a{x=\"\\\"} 5\\n\"} 1", &[("x", "\"} 5\n")], 1.0, None);
        check(
            "a{le=\"1\"} 7 # {trace_id=\"b}c\"} 0.5 17",
            &[("le", "1")],
            7.0,
            None,
        );
    }

    #[test]
    fn what_is_no_sample_is_none() {
        for line in [
            "a",
            "a b",
            "a{b=c} 1",
            "a{b=\"c\" 1",
            "a 1 2 3",
            "a{b=\"c} 1",
            "a{",
        ] {
            assert_eq!(read(line), None, "{line}");
        }
    }
}

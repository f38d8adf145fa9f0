//! Samples as Prometheus writes metrics: `name{label="value"} number [time]`. The
//! values of labels, in the order of their names, become part of the metric's name:
//! `http_requests{code="200"}` is `http_requests/200`.

use super::{Sample, Told};
use crate::http::answer::Failure;

/// # Errors
/// 400, with the line that is wrong.
pub(super) fn read(text: &str) -> Result<Told, Failure> {
    let mut told = Told::default();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        match sample(line) {
            Some(sample) if sample.value.is_finite() => told.samples.push(sample),
            // A quantile of nothing is written NaN, and says nothing.
            Some(_) => {}
            None => {
                return Err(Failure::bad_request(format!(
                    "line {}: {line:?} is no sample such as name{{label=\"value\"}} 12",
                    index + 1
                )));
            }
        }
    }
    Ok(told)
}

fn sample(line: &str) -> Option<Sample> {
    let end = line.find(|c: char| c == '{' || c.is_whitespace())?;
    let mut metric = line[..end].to_owned();
    let mut rest = &line[end..];
    if let Some(labels) = rest.strip_prefix('{') {
        let (mut values, after) = read_labels(labels)?;
        values.sort();
        for (_, value) in values {
            metric.push('/');
            let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
            metric.extend(value.chars().map(|c| if plain(c) { c } else { '_' }));
        }
        rest = after;
    }
    // An example of what was counted may follow the value.
    let rest = rest.split_once(" # ").map_or(rest, |(rest, _)| rest);
    let mut words = rest.split_whitespace();
    let value = match words.next()? {
        "+Inf" => f64::INFINITY,
        "-Inf" => f64::NEG_INFINITY,
        number => number.parse().ok()?,
    };
    let time = match words.next() {
        Some(millis) => Some(millis.parse::<f64>().ok()? / 1000.0),
        None => None,
    };
    words.next().is_none().then_some(Sample {
        metric,
        value,
        time,
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
        let mut value = String::new();
        let mut characters = after.trim_start().strip_prefix('"')?.char_indices();
        let quoted = after.trim_start().strip_prefix('"')?;
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
    use super::read;

    #[test]
    fn lines_become_samples() {
        let text = "# TYPE a counter\na 1\n\nb_total{code=\"200\", app=\"x y\\\"\"} 2.5 1700000000500\nc{} NaN\nd{le=\"1\"} 7 # {trace=\"x\"} 0.5 1700000000\n";
        let found: Vec<_> = read(text)
            .unwrap()
            .samples
            .into_iter()
            .map(|sample| (sample.metric, sample.value, sample.time))
            .collect();
        assert_eq!(
            found,
            [
                ("a".to_owned(), 1.0, None),
                ("b_total/x_y_/200".to_owned(), 2.5, Some(1_700_000_000.5)),
                ("d/1".to_owned(), 7.0, None),
            ]
        );
    }

    #[test]
    fn what_is_no_sample_is_told_with_its_line() {
        for line in [
            "a",
            "a b",
            "a{b=c} 1",
            "a{b=\"c\" 1",
            "a 1 2 3",
            "a{b=\"c} 1",
        ] {
            let said = read(&format!("ok 1\n{line}")).unwrap_err().to_string();
            assert!(said.contains("line 2: "), "{line}: {said}");
        }
    }
}

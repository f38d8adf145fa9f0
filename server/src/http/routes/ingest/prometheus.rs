//! Samples as Prometheus writes metrics: `name{label="value"} number [time]`. The
//! values of labels, in the order of their names, become part of the metric's name:
//! `http_requests{code="200"}` is `http_requests/200`.

use super::{Sample, Told};
use crate::exposition::{self, Line};
use crate::http::answer::Failure;

/// # Errors
/// 400, with the line that is wrong.
pub(super) fn read(text: &str) -> Result<Told, Failure> {
    let mut told = Told::default();
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if exposition::is_silent(line) {
            continue;
        }
        match exposition::read(line) {
            Some(read) if read.value.is_finite() => told.samples.push(sample(read)),
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

fn sample(line: Line<'_>) -> Sample {
    let mut metric = line.name.to_owned();
    let mut labels = line.labels;
    labels.sort();
    for (_, value) in labels {
        metric.push('/');
        let plain = |c: char| c.is_ascii_alphanumeric() || "-_.:".contains(c);
        metric.extend(value.chars().map(|c| if plain(c) { c } else { '_' }));
    }
    Sample {
        metric,
        value: line.value,
        time: line.millis.map(|millis| millis / 1000.0),
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
        let said = read("ok 1\na{b=\"c\" 1").unwrap_err().to_string();
        assert!(said.contains("line 2: "), "{said}");
    }
}

//! `time`: the embedder's clock, and durations. Both are in seconds.

use crate::atom::Atom;
use crate::operation::{Operation, OperationError};

const UNITS: [(&str, f64); 4] = [("d", 86_400.0), ("h", 3_600.0), ("m", 60.0), ("s", 1.0)];

/// What is `(minutes 5)` and the like stands in MeTTa.
///
/// | call | arguments | result | errors | cost | source |
/// |---|---|---|---|---|---|
/// | `(now)` | none | seconds by the embedder's clock, since 1970 where it is the system's | none | constant | own |
/// | `(format-duration seconds)` | a number | a text like `"1h 2m 3.5s"` | none | constant | own |
/// | `(parse-duration text)` | a string | the seconds of such a text, also with `ms` | no duration, in words | linear | own |
pub(super) fn operations() -> [Operation; 3] {
    [
        Operation::new("now", "(-> Number)", |_, context| {
            Ok(vec![Atom::float(context.now())])
        }),
        Operation::new("format-duration", "(-> Number String)", |arguments, _| {
            let seconds = arguments.first().and_then(Atom::as_f64);
            let seconds = seconds.ok_or(OperationError::NotReducible)?;
            Ok(vec![Atom::string(&format(seconds))])
        }),
        Operation::new("parse-duration", "(-> String Number)", |arguments, _| {
            let text = arguments.first().and_then(Atom::as_text);
            let text = text.ok_or(OperationError::NotReducible)?;
            let seconds = parse(text).ok_or_else(|| {
                OperationError::message(format!(
                    "{text:?} is no duration; one is \"1d 2h 3m 4.5s\" or \"250ms\""
                ))
            })?;
            Ok(vec![Atom::float(seconds)])
        }),
    ]
}

fn format(seconds: f64) -> String {
    if !seconds.is_finite() {
        return format!("{seconds}s");
    }
    let mut parts = Vec::new();
    // Thousandths, so that no part rounds up to a whole unit of the next.
    let mut left = (seconds.abs() * 1000.0).round();
    for (unit, size) in &UNITS[..3] {
        let count = (left / (size * 1000.0)).trunc();
        if count > 0.0 {
            parts.push(format!("{count}{unit}"));
            left -= count * size * 1000.0;
        }
    }
    if left > 0.0 || parts.is_empty() {
        parts.push(format!("{}s", left / 1000.0));
    }
    let sign = if seconds < 0.0 { "-" } else { "" };
    format!("{sign}{}", parts.join(" "))
}

fn parse(text: &str) -> Option<f64> {
    let (sign, mut rest) = match text.trim().strip_prefix('-') {
        Some(rest) => (-1.0, rest),
        None => (1.0, text.trim()),
    };
    if rest.is_empty() {
        return None;
    }
    let mut seconds = 0.0;
    while !rest.is_empty() {
        let end = rest.find(|c: char| !c.is_ascii_digit() && c != '.')?;
        let count: f64 = rest[..end].parse().ok()?;
        let unit_end = rest[end..]
            .find(|c: char| !c.is_ascii_alphabetic())
            .map_or(rest.len(), |length| end + length);
        let size = match &rest[end..unit_end] {
            "ms" => 0.001,
            unit => UNITS.iter().find(|(name, _)| *name == unit)?.1,
        };
        seconds += count * size;
        rest = rest[unit_end..].trim_start();
    }
    Some(sign * seconds)
}

#[cfg(test)]
mod tests {
    use super::{format, parse};

    #[test]
    fn durations_are_printed_and_read_back() {
        for (seconds, text) in [
            (0.0, "0s"),
            (0.25, "0.25s"),
            (59.9996, "1m"),
            (90.0, "1m 30s"),
            (3_723.5, "1h 2m 3.5s"),
            (-86_400.0, "-1d"),
        ] {
            assert_eq!(format(seconds), text);
        }
        assert_eq!(parse("1h 2m 3.5s"), Some(3_723.5));
        assert_eq!(parse("1h2m"), Some(3_720.0));
        assert_eq!(parse("250ms"), Some(0.25));
        for wrong in ["", "5", "s", "5x", "1h 2", "1..5s", "5 s x"] {
            assert_eq!(parse(wrong), None, "{wrong}");
        }
    }
}

//! Series of values by metric, and the arithmetic on them that rules can ask for.

use std::collections::{BTreeMap, VecDeque, vec_deque};
use std::sync::{Arc, RwLock, RwLockReadGuard, RwLockWriteGuard};

use chimera::{Atom, Context, Engine, Operation, OperationError, OperationResult};
use sha2::{Digest, Sha256};

use super::facts::Facts;

/// Points that a forecast goes by at most.
const FORECAST_POINTS_MAX: usize = 60;

/// What was measured, oldest first, by metric. Clones are the same series.
#[derive(Clone, Default)]
pub(super) struct Series(Arc<RwLock<All>>);

#[derive(Default)]
struct All {
    points: BTreeMap<String, VecDeque<Point>>,
    /// How old a value may become.
    keep_seconds: f64,
    /// Values kept per metric at most, however long they are to be kept.
    points_max: usize,
}

#[derive(Clone, Copy)]
struct Point {
    seconds: f64,
    value: f64,
}

impl Series {
    /// Sets how much is kept, from now on.
    pub(super) fn keep(&self, facts: &Facts) {
        let mut all = self.write();
        all.keep_seconds = facts.get("keep-series-seconds");
        all.points_max = facts.count("keep-series-points");
    }

    fn write(&self) -> RwLockWriteGuard<'_, All> {
        self.0.write().expect("no panic while series are locked")
    }

    fn read(&self) -> RwLockReadGuard<'_, All> {
        self.0.read().expect("no panic while series are locked")
    }

    pub(super) fn push(&self, metric: &str, seconds: f64, value: f64) {
        let mut all = self.write();
        let oldest = seconds - all.keep_seconds;
        let most = all.points_max;
        let points = match all.points.get_mut(metric) {
            Some(points) => points,
            None => all.points.entry(metric.to_owned()).or_default(),
        };
        points.push_back(Point { seconds, value });
        while points.len() > most || points.front().is_some_and(|point| point.seconds < oldest) {
            points.pop_front();
        }
    }

    /// What was measured up to an instant, if anything was: so the answer at a moment does
    /// not change with what is measured while it is looked for.
    fn until<T>(
        &self,
        metric: &str,
        now: f64,
        ask: impl FnOnce(vec_deque::Iter<'_, Point>) -> T,
    ) -> Option<T> {
        let all = self.read();
        let points = all.points.get(metric)?;
        // Mostly all of them: only a question about a moment that is past looks for its place.
        let end = match points.back() {
            Some(newest) if newest.seconds <= now => points.len(),
            _ => points.partition_point(|point| point.seconds <= now),
        };
        (end > 0).then(|| ask(points.range(..end)))
    }

    /// How long every value up to the newest has been on one side of a line.
    fn held(&self, metric: &str, now: f64, beyond: impl Fn(f64) -> bool) -> f64 {
        self.until(metric, now, |points| {
            let newest = points.clone().next_back();
            let first = points.rev().take_while(|point| beyond(point.value)).last();
            match (first, newest) {
                (Some(first), Some(last)) => last.seconds - first.seconds,
                _ => 0.0,
            }
        })
        .unwrap_or(0.0)
    }

    /// Drops the oldest values of each metric until the share of them is left.
    pub(super) fn trim(&self, share: f64) {
        let mut all = self.write();
        for points in all.points.values_mut() {
            let keep = (points.len() as f64 * share).floor() as usize;
            let gone = points.len() - keep;
            points.drain(..gone);
            points.shrink_to_fit();
        }
        all.points.retain(|_, points| !points.is_empty());
    }

    /// Bytes that the values take.
    pub(super) fn bytes(&self) -> usize {
        let all = self.read();
        let values: usize = all.points.values().map(VecDeque::capacity).sum();
        values * size_of::<Point>()
    }

    /// Points of the `window` seconds that ended at `at`.
    fn before(&self, metric: &str, now: f64, at: f64, window: f64) -> Vec<Point> {
        self.until(metric, now.min(at), |points| {
            points
                .filter(|point| point.seconds >= at - window)
                .copied()
                .collect()
        })
        .unwrap_or_default()
    }

    /// Points not older than `seconds` before the newest.
    fn recent(&self, metric: &str, now: f64, seconds: f64) -> Vec<Point> {
        self.until(metric, now, |points| {
            let newest = points.clone().next_back();
            let since = newest.map_or(0.0, |last| last.seconds - seconds);
            let mut recent: Vec<Point> = points
                .rev()
                .take_while(|point| point.seconds >= since)
                .copied()
                .collect();
            recent.reverse();
            recent
        })
        .unwrap_or_default()
    }

    /// Registers the operations on series.
    pub(super) fn install(&self, engine: &mut Engine) {
        self.register(
            engine,
            "held-above",
            "(-> Atom Number Number)",
            |series, call| {
                let limit = call.number(1)?;
                Ok(vec![rounded(series.held(
                    call.metric()?,
                    call.now,
                    |value| value > limit,
                ))])
            },
        );
        self.register(
            engine,
            "held-below",
            "(-> Atom Number Number)",
            |series, call| {
                let limit = call.number(1)?;
                Ok(vec![rounded(series.held(
                    call.metric()?,
                    call.now,
                    |value| value < limit,
                ))])
            },
        );
        self.register(
            engine,
            "held-at-most",
            "(-> Atom Number Number)",
            |series, call| {
                let limit = call.number(1)?;
                Ok(vec![rounded(series.held(
                    call.metric()?,
                    call.now,
                    |value| value <= limit,
                ))])
            },
        );
        // What a metric would be so long after an instant, going by the window before
        // it: (forecast <metric> <at> <window> <ahead>).
        self.register(
            engine,
            "forecast",
            "(-> Atom Number Number Number Number)",
            |series, call| {
                let (at, window, ahead) = (call.number(1)?, call.number(2)?, call.number(3)?);
                let points = series.before(call.metric()?, call.now, at, window);
                Ok(forecast(&points, ahead).map(rounded).into_iter().collect())
            },
        );
        self.register(
            engine,
            "window",
            "(-> Atom Number Expression)",
            |series, call| {
                let points = series.recent(call.metric()?, call.now, call.number(1)?);
                let values = points.iter().map(|point| Atom::float(point.value));
                Ok(vec![Atom::expression(values.collect::<Vec<_>>())])
            },
        );
        self.register(engine, "mean", "(-> Atom Number Number)", |series, call| {
            let points = series.recent(call.metric()?, call.now, call.number(1)?);
            let sum: f64 = points.iter().map(|point| point.value).sum();
            Ok(one(&points, || sum / points.len() as f64))
        });
        self.register(
            engine,
            "slope",
            "(-> Atom Number Number)",
            |series, call| {
                Ok(
                    slope(&series.recent(call.metric()?, call.now, call.number(1)?))
                        .map(rounded)
                        .into_iter()
                        .collect(),
                )
            },
        );
        self.register(
            engine,
            "quantile",
            "(-> Atom Number Number Number)",
            |series, call| {
                let share = call.number(1)?;
                if !(0.0..=1.0).contains(&share) {
                    return Err(OperationError::message(
                        "quantile expects a share from 0 to 1 as its second argument",
                    ));
                }
                let points = series.recent(call.metric()?, call.now, call.number(2)?);
                let mut values: Vec<f64> = points.iter().map(|point| point.value).collect();
                values.sort_by(f64::total_cmp);
                Ok(one(&points, || {
                    values[((values.len() - 1) as f64 * share).round() as usize]
                }))
            },
        );
        engine.register(Operation::new(
            "text-contains",
            "(-> String String Bool)",
            |arguments, _| match (arguments[0].as_text(), arguments[1].as_text()) {
                (Some(text), Some(part)) => Ok(vec![Atom::boolean(
                    text.to_lowercase().contains(&part.to_lowercase()),
                )]),
                _ => Err(OperationError::message(
                    "text-contains expects a text and a part of it",
                )),
            },
        ));
        // Chance that is the same on every run: a share from 0 to 1 by its arguments.
        engine.register(Operation::new(
            "draw",
            "(-> %Undefined% %Undefined% %Undefined% Number)",
            |arguments, _| {
                let mut hash = Sha256::new();
                for argument in arguments {
                    hash.update(argument.to_string());
                    hash.update([0]);
                }
                let digest = hash.finalize();
                let bits = digest[..6]
                    .iter()
                    .fold(0_u64, |bits, byte| bits << 8 | u64::from(*byte));
                Ok(vec![Atom::float(bits as f64 / (1_u64 << 48) as f64)])
            },
        ));
        engine.register(Operation::new("now", "(-> Number)", |_, context| {
            Ok(vec![Atom::float(context.now())])
        }));
    }

    fn register(
        &self,
        engine: &mut Engine,
        name: &'static str,
        signature: &str,
        answer: impl Fn(&Series, &Call<'_>) -> OperationResult + Send + Sync + 'static,
    ) {
        let series = self.clone();
        engine.register(Operation::new(
            name,
            signature,
            move |arguments: &[Atom], context: &mut Context<'_>| {
                let now = context.now();
                let call = Call {
                    name,
                    arguments,
                    now,
                };
                answer(&series, &call)
            },
        ));
    }
}

/// The arguments of one call, checked as they are taken.
struct Call<'a> {
    name: &'static str,
    arguments: &'a [Atom],
    /// When it is asked for.
    now: f64,
}

impl Call<'_> {
    fn metric(&self) -> Result<&str, OperationError> {
        self.arguments
            .first()
            .and_then(Atom::as_symbol)
            .ok_or_else(|| {
                OperationError::message(format!(
                    "{} expects the name of a metric as its first argument",
                    self.name
                ))
            })
    }

    fn number(&self, index: usize) -> Result<f64, OperationError> {
        self.arguments
            .get(index)
            .and_then(Atom::as_f64)
            .ok_or_else(|| {
                OperationError::message(format!(
                    "{} expects a number as argument {}",
                    self.name,
                    index + 1
                ))
            })
    }
}

fn rounded(value: f64) -> Atom {
    Atom::float((value * 1000.0).round() / 1000.0)
}

/// The value, or no result for a series without points.
fn one(points: &[Point], value: impl FnOnce() -> f64) -> Vec<Atom> {
    if points.is_empty() {
        Vec::new()
    } else {
        vec![rounded(value())]
    }
}

/// Change per second by least squares; `None` for fewer than two instants.
fn slope(points: &[Point]) -> Option<f64> {
    let n = points.len() as f64;
    let mean_t = points.iter().map(|p| p.seconds).sum::<f64>() / n;
    let mean_v = points.iter().map(|p| p.value).sum::<f64>() / n;
    let spread: f64 = points.iter().map(|p| (p.seconds - mean_t).powi(2)).sum();
    let together: f64 = points
        .iter()
        .map(|p| (p.seconds - mean_t) * (p.value - mean_v))
        .sum();
    (spread > 0.0).then(|| together / spread)
}

/// Where a series would be `ahead` seconds after its last point if nothing were done:
/// on a line through the last point. Readings are few and noisy, so a series counts as
/// falling only if at least three in four pairs of its points fall, and fewer than four
/// points have no trend at all. Source: P. K. Sen, "Estimates of the Regression
/// Coefficient Based on Kendall's Tau", JASA 63, 1968; with the upper quartile in the
/// place of the median.
fn forecast(points: &[Point], ahead: f64) -> Option<f64> {
    let last = points.last()?;
    if points.len() < 4 {
        return Some(last.value);
    }
    // The newest are enough: pairs grow with the square.
    let newest = &points[points.len().saturating_sub(FORECAST_POINTS_MAX)..];
    let mut slopes: Vec<f64> = newest
        .iter()
        .enumerate()
        .flat_map(|(index, right)| newest[..index].iter().map(move |left| (left, right)))
        .filter(|(left, right)| right.seconds > left.seconds)
        .map(|(left, right)| (right.value - left.value) / (right.seconds - left.seconds))
        .collect();
    if slopes.is_empty() {
        return Some(last.value);
    }
    slopes.sort_by(f64::total_cmp);
    let slope = slopes[(slopes.len() - 1) * 3 / 4];
    Some(last.value + slope * ahead)
}

#[cfg(test)]
mod tests {
    use chimera::{Budget, Engine};

    use super::{Facts, Series};

    #[track_caller]
    fn check(values: &[f64], call: &str, expected: &str) {
        let series = Series::default();
        series.keep(&Facts::default());
        for (second, value) in values.iter().enumerate() {
            series.push("m", second as f64, *value);
        }
        let mut engine = Engine::builder().clock(|| 7.5).build();
        series.install(&mut engine);
        let call = engine.parse(call).unwrap();
        let found: Vec<String> = engine
            .evaluate(&call, &Budget::default())
            .atoms()
            .iter()
            .map(ToString::to_string)
            .collect();
        assert_eq!(found.join(" "), expected);
    }

    #[test]
    fn a_series_is_held_since_it_last_was_elsewhere() {
        check(&[9.0, 1.0, 5.0, 6.0, 7.0], "(held-above m 4)", "2.0");
        check(&[9.0, 1.0, 5.0, 6.0, 7.0], "(held-above m 6.5)", "0.0");
        check(&[9.0, 1.0, 5.0, 6.0, 3.0], "(held-above m 4)", "0.0");
        check(&[9.0, 1.0, 2.0], "(held-below m 4)", "1.0");
        check(&[], "(held-above m 4)", "0.0");
    }

    #[test]
    fn arithmetic_is_over_the_newest_seconds() {
        check(&[9.0, 1.0, 3.0, 5.0], "(window m 2)", "(1.0 3.0 5.0)");
        check(&[9.0, 1.0, 3.0, 5.0], "(mean m 2)", "3.0");
        check(&[9.0, 1.0, 3.0, 5.0], "(slope m 2)", "2.0");
        check(&[9.0, 1.0, 3.0, 5.0], "(quantile m 0.5 2)", "3.0");
        check(&[9.0, 1.0, 2.0], "(held-at-most m 2)", "1.0");
        check(&[4.0], "(slope m 9)", "");
        check(&[], "(mean m 9)", "");
        check(&[], "(now)", "7.5");
        check(&[], "(text-contains \"Heap EXHAUSTION\" \"heap\")", "True");
    }

    #[test]
    fn a_forecast_falls_only_with_a_clear_trend() {
        check(&[9.0, 8.0, 7.0, 6.0], "(forecast m 3 9 3)", "3.0");
        check(&[1.0, 2.0, 3.0, 4.0], "(forecast m 3 9 3)", "7.0");
        // What came after the instant does not count, nor a fall that is but noise.
        check(&[1.0, 2.0, 3.0, 4.0, 0.0], "(forecast m 3 9 3)", "7.0");
        check(&[1.0, 1.0, 1.0, 9.0, 8.0], "(forecast m 4 9 1)", "10.667");
        check(&[5.0], "(forecast m 3 9 3)", "5.0");
        check(&[], "(forecast m 3 9 3)", "");
    }

    #[test]
    fn chance_is_the_same_on_every_run() {
        check(&[], "(draw 1 memory-leak 2)", "0.18336906327895974");
        check(&[], "(draw 1 memory-leak (+ 1 1))", "0.18336906327895974");
    }

    #[test]
    fn wrong_arguments_are_named() {
        check(
            &[],
            "(mean 3 4)",
            "(Error (mean 3 4) mean expects the name of a metric as its first argument)",
        );
        check(
            &[],
            "(quantile m 2 4)",
            "(Error (quantile m 2 4) quantile expects a share from 0 to 1 as its second argument)",
        );
    }
}

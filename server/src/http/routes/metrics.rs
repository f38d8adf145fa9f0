//! `/metrics/history`: series of metrics.

use std::collections::BTreeMap;
use std::sync::Arc;

use serde::Serialize;

use crate::http::answer::{Answer, Failure};
use crate::http::service::Service;
use crate::http::table::Request;

#[derive(Serialize)]
struct History<'s> {
    interval_s: f64,
    /// `[unix, value]` by metric, oldest first.
    series: BTreeMap<&'s str, Vec<[f64; 2]>>,
}

pub(in crate::http) async fn history(
    service: Arc<Service>,
    request: Request,
) -> Result<Answer, Failure> {
    let status = service.shell.healing.status.load();
    let since = request.values.number("since").unwrap_or(0.0);
    let step = request.values.number("step").unwrap_or(0.0);
    let wanted = request.values.text("metric");
    let mut series: BTreeMap<&str, Vec<[f64; 2]>> = BTreeMap::new();
    let mut next = f64::NEG_INFINITY;
    for reading in &status.history {
        if reading.unix < since || reading.unix < next {
            continue;
        }
        next = reading.unix + step;
        let metrics = reading.iter();
        for (metric, value) in metrics.filter(|(name, _)| wanted.is_none_or(|one| one == *name)) {
            series
                .entry(metric)
                .or_default()
                .push([(reading.unix * 1000.0).round() / 1000.0, value]);
        }
    }
    Ok(Answer::json(&History {
        interval_s: status.interval,
        series,
    }))
}

//! The dashboard and the alerts that are shipped ask for metrics that there are.

use std::collections::BTreeSet;

use crate::serving::{Serving, status};
use chimera_server::status::{EpisodeRecord, EpisodeState};

/// Every word that begins as our metrics do.
fn metrics(text: &str) -> BTreeSet<&str> {
    text.split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| word.starts_with("chimera_") || word.starts_with("process_"))
        .collect()
}

#[tokio::test]
async fn what_is_shipped_for_prometheus_asks_for_what_there_is() {
    let serving = Serving::start().await;
    serving.publish(|published| {
        let mut full = status();
        let key = ("memory-leak".to_owned(), "verified");
        full.verdict_counts.insert(key, 1);
        full.event_counts.insert("unknown".to_owned(), 1);
        full.episodes.push(EpisodeRecord {
            fault: "memory-leak".to_owned(),
            state: EpisodeState::GivenUp,
            since_unix: 1.0,
            opened_unix: 1.0,
            strategy: "none".to_owned(),
            rung: 1,
            reason: "memory-mb".to_owned(),
            metrics: Vec::new(),
            verdict_in: None,
            gave_up: 1,
        });
        *published = full;
    });
    serving.get("/live").await;
    let answer = serving.get("/metrics").await.body;
    let there = metrics(&answer);
    for file in ["grafana-dashboard.json", "alerts.yml"] {
        let path = format!("{}/../docs/{file}", env!("CARGO_MANIFEST_DIR"));
        let text = std::fs::read_to_string(path).unwrap();
        let wanted = metrics(&text);
        assert!(wanted.len() > 5, "{file}");
        for metric in wanted {
            assert!(there.contains(metric), "{file} asks for {metric}");
        }
    }
    let text = include_str!("../../../docs/alerts.yml");
    let state = "state=\"given-up\"";
    assert!(text.contains(state) && answer.contains(state), "{answer}");
}

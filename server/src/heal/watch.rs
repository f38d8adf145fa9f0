//! Noticing that rule files changed, also when an editor replaces them.
//!
//! Changes are only hinted at here; whether the content differs is for the loop
//! to see, which also looks now and then in case a hint was lost.

use std::path::Path;
use std::time::Duration;

use notify_debouncer_full::notify::{self, RecommendedWatcher, RecursiveMode};
use notify_debouncer_full::{DebounceEventResult, Debouncer, RecommendedCache, new_debouncer};
use tokio::sync::mpsc;

/// How long the files must be quiet.
const QUIET: Duration = Duration::from_millis(150);

/// Keeps the watch alive.
pub(super) struct Watch(#[expect(dead_code)] Debouncer<RecommendedWatcher, RecommendedCache>);

/// Sends a hint for each change below `directory`.
///
/// # Errors
/// If the system does not watch it.
pub(super) fn watch(directory: &Path) -> Result<(Watch, mpsc::Receiver<()>), notify::Error> {
    let (sender, receiver) = mpsc::channel(1);
    let mut debouncer = new_debouncer(QUIET, None, move |result: DebounceEventResult| {
        // Our own reading is an access too, and no change.
        let changed = result.map_or(true, |events| {
            events.iter().any(|event| !event.kind.is_access())
        });
        if changed {
            // One hint waiting is enough.
            let _ = sender.try_send(());
        }
    })?;
    debouncer.watch(directory, RecursiveMode::Recursive)?;
    Ok((Watch(debouncer), receiver))
}

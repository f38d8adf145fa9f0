//! Noticing that rule files changed, also when an editor replaces them.
//!
//! Changes are only hinted at here; whether the content differs is for the loop
//! to see, which also looks now and then in case a hint was lost.

use std::path::Path;
use std::time::Duration;

use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};
use tokio::sync::mpsc;

/// How long the files must be quiet before they are read.
pub(super) const QUIET: Duration = Duration::from_millis(150);

/// Keeps the watch alive.
pub(super) struct Watch(#[expect(dead_code)] RecommendedWatcher);

/// Sends a hint for each change below `directory`.
///
/// # Errors
/// If the system does not watch it.
pub(super) fn watch(directory: &Path) -> Result<(Watch, mpsc::Receiver<()>), notify::Error> {
    let (sender, receiver) = mpsc::channel(1);
    let mut watcher = notify::recommended_watcher(move |seen: notify::Result<Event>| {
        // Our own reading is an access too, and no change.
        if seen.map_or(true, |event| !event.kind.is_access()) {
            // One hint waiting is enough.
            let _ = sender.try_send(());
        }
    })?;
    watcher.watch(directory, RecursiveMode::Recursive)?;
    Ok((Watch(watcher), receiver))
}

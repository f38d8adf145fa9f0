//! What must hold for very long: a week of healing in the same memory. It takes minutes, so
//! it is run by hand: `cargo test --release -p chimera-server --lib week -- --ignored`.

use super::scenarios::{Server, harm};
use super::virtual_time::{Run, shipped_texts};
use crate::sample::rss_mb;

const HOUR: f64 = 3600.0;
/// By so many MiB resident memory may differ between the first day's end and the last's.
const FLAT_MIB: f64 = 1.0;
/// In the first day faults come so much closer together: what is kept of actions, each with the
/// metrics before and after, is as much as it may become when that day ends.
const FIRST_DAY: usize = 6;

/// MiB that are resident and, with the allocator that the server has, those in live allocations.
fn held() -> (f64, f64) {
    chimera_reclaim::release_free_memory().unwrap();
    let live = chimera_reclaim::allocated_bytes().unwrap_or(0);
    (rss_mb().unwrap(), live as f64 / 1_048_576.0)
}

#[test]
#[ignore = "takes minutes; run by hand, optimised"]
fn a_week_of_virtual_time_leaves_memory_flat() {
    let mut run = Run::new(&shipped_texts(str::to_owned), Server::new(7));
    let mut by_day = Vec::new();
    for hour in 0..7 * 24 {
        let times = if hour < 24 { FIRST_DAY } else { 1 };
        for time in 0..times {
            // Each fault six times a day, with events that are always new.
            let now = run.seconds;
            harm(&mut run.world, (hour + time) % 4, now);
            run.world
                .tell_of(&format!("pool exhausted by caller {hour} at {now}"));
            run.go(HOUR / times as f64);
        }
        let faults = &run.core.status.open_faults;
        assert!(faults.is_empty(), "hour {hour}: {faults:?} {:?}", run.log);
        // The log of the test itself is not the server's.
        run.log.clear();
        if hour % 24 == 23 {
            by_day.push(held());
        }
    }
    eprintln!("MiB resident and live at the end of each day: {by_day:.2?}");
    let (first, last) = (by_day[0].0, by_day[6].0);
    assert!(last - first <= FLAT_MIB, "{by_day:?}");
}

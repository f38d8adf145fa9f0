//! Percentiles of latencies, also of few: of those it is said what they are at least.

use super::window::{BUCKETS, longest};

/// From how many latencies on a percentile is what the ranks say, and how sure one must be of
/// what fewer say.
#[derive(Clone, Copy)]
pub(super) struct Volume {
    pub(super) least: u64,
    pub(super) confidence: f64,
}

/// The rank, from 1, of the latency that this share of `count` did not exceed. Of fewer than a
/// minimum volume it is the highest that is exceeded by the true percentile with the confidence
/// asked for: that of `count` latencies at least as many as the rank are below the percentile is a
/// matter of the binomial distribution. `None` if they are too few to say anything.
fn rank(count: u64, share: f64, volume: Volume) -> Option<u64> {
    if count >= volume.least {
        return Some(((count as f64 * share).ceil() as u64).max(1));
    }
    // The probability that exactly `below` are below, from all of them downwards.
    let mut exactly = share.powf(count as f64);
    let mut at_least = 0.0;
    for below in (1..=count).rev() {
        at_least += exactly;
        if at_least >= volume.confidence {
            return Some(below);
        }
        exactly *= below as f64 / (count - below + 1) as f64 * (1.0 - share) / share;
    }
    None
}

/// Latencies by bucket.
pub(super) struct Latencies {
    counts: Vec<u64>,
    pub(super) count: u64,
}

impl Latencies {
    pub(super) fn new() -> Latencies {
        Latencies {
            counts: vec![0; BUCKETS],
            count: 0,
        }
    }

    pub(super) fn add(&mut self, bucket: usize, count: u64) {
        self.counts[bucket] += count;
        self.count += count;
    }

    /// The latency that this share did not exceed, in microseconds.
    pub(super) fn quantile(&self, share: f64, volume: Volume) -> Option<u64> {
        let rank = rank(self.count, share, volume)?;
        let mut below = 0;
        let at = self.counts.iter().position(|count| {
            below += count;
            below >= rank
        });
        Some(longest(at.unwrap_or(BUCKETS - 1)))
    }
}

#[cfg(test)]
mod tests {
    use super::{Volume, rank};

    #[test]
    fn few_latencies_say_what_the_percentile_is_at_least() {
        let volume = Volume {
            least: 10,
            confidence: 0.999,
        };
        let ranks: Vec<Option<u64>> = (0..=10).map(|count| rank(count, 0.95, volume)).collect();
        let expected = [0, 0, 0, 1, 2, 2, 3, 4, 5, 6, 10];
        let expected = expected.map(|rank| (rank > 0).then_some(rank));
        assert_eq!(ranks, expected);
        // The median of so few may be less than any of them.
        assert_eq!(rank(9, 0.5, volume), None);
    }

    #[test]
    fn of_enough_the_ranks_say_it() {
        let volume = Volume {
            least: 10,
            confidence: 0.999,
        };
        let ranks = [0.5, 0.95, 0.99, 1.0].map(|share| rank(100, share, volume));
        assert_eq!(ranks, [50, 95, 99, 100].map(Some));
    }
}

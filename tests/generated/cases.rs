//! Cases drawn from a fixed seed, so that each run has the same.

use proptest::prelude::Strategy;
use proptest::test_runner::{Config, RngAlgorithm, TestCaseError, TestRng, TestRunner};

/// Tries `test` on as many `programs`, and panics with the smallest that fails.
#[track_caller]
pub(crate) fn try_all(
    programs: impl Strategy<Value = String>,
    cases: u32,
    seed: &[u8; 32],
    test: impl Fn(&str) -> Result<(), TestCaseError>,
) {
    let config = Config {
        cases,
        failure_persistence: None,
        ..Config::default()
    };
    let rng = TestRng::from_seed(RngAlgorithm::ChaCha, seed);
    let run = TestRunner::new_with_rng(config, rng).run(&programs, |program| test(&program));
    if let Err(error) = run {
        panic!("{error}");
    }
}

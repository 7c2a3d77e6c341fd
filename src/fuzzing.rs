//! Looks for inputs that break what takes text from strangers, for as long as it is given.
//!
//! Inputs are pieces of the grammar in any order, and good inputs with something cut out or put in. Each round begins with
//! a seed of its own, which a failure names together with the smallest input that fails.

use crate::clock::monotonic;
use proptest::prelude::*;
use proptest::sample::select;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};
use std::time::Duration;

/// How many tests call [`explore`]: they share the time.
const TARGETS: u32 = 8;
/// Inputs of one round.
const ROUND: u32 = 100;

fn setting(name: &str) -> Option<u64> {
    let text = crate::config::variable(name)?;
    Some(text.parse().unwrap_or_else(|_| panic!("{name} must be a whole number, not {text:?}")))
}

/// Lets `check` see inputs until the time is up: `TENANTRY_FUZZ_SECONDS` over all targets, else a moment.
/// `TENANTRY_FUZZ_SEED` runs the one round of that seed again.
pub(crate) fn explore<S: Strategy>(target: &str, inputs: &S, check: impl Fn(S::Value)) {
    let again = setting("TENANTRY_FUZZ_SEED");
    let seconds = setting("TENANTRY_FUZZ_SECONDS").map(Duration::from_secs);
    let time = seconds.map_or(Duration::from_millis(200), |all| all / TARGETS);
    let begun = monotonic();
    loop {
        let seed = again.unwrap_or_else(|| u64::from_le_bytes(crate::random::bytes()));
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let config = Config { cases: ROUND, failure_persistence: None, ..Config::default() };
        let mut runner = TestRunner::new_with_rng(config, TestRng::from_seed(RngAlgorithm::ChaCha, &bytes));
        let tried = runner.run(inputs, |input| {
            check(input);
            Ok(())
        });
        if let Err(failure) = tried {
            panic!("{failure}\nAgain: TENANTRY_FUZZ_SEED={seed} cargo test --lib {target}");
        }
        if again.is_some() || begun.elapsed() >= time {
            return;
        }
    }
}

/// Pieces of a grammar in any order, and now and then any character.
pub(crate) fn pieces(tokens: &'static [&'static str], most: usize) -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        12 => select(tokens).prop_map(str::to_owned),
        1 => "[ -~]",
        1 => any::<char>().prop_map(String::from),
    ];
    proptest::collection::vec(piece, 0..most).prop_map(|pieces| pieces.concat())
}

/// Pieces of a grammar, or one of the `good` inputs with a few places changed.
pub(crate) fn hostile(
    good: &'static [&'static str],
    tokens: &'static [&'static str],
) -> impl Strategy<Value = String> {
    let change = (any::<proptest::sample::Index>(), 0..6_usize, pieces(tokens, 3));
    let changed = (select(good), proptest::collection::vec(change, 1..4)).prop_map(|(text, changes)| {
        let mut text: Vec<char> = text.chars().collect();
        for (at, cut, put) in changes {
            let at = at.index(text.len() + 1);
            let end = text.len().min(at + cut);
            text.splice(at..end, put.chars());
        }
        text.into_iter().collect()
    });
    prop_oneof![1 => pieces(tokens, 16), 2 => changed, 1 => select(good).prop_map(str::to_owned)]
}

#[test]
#[should_panic(expected = "TENANTRY_FUZZ_SEED=")]
fn what_breaks_is_found_and_told_with_its_seed() {
    explore("x", &hostile(&["a.eq.1"], &["gt"]), |text| assert!(!text.contains("gt"), "{text}"));
}

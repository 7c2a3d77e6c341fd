//! The scheduler where files take their time to answer, and ends come in bursts.

use super::{Brought, Fair, Share, Turn};
use std::collections::BTreeMap;
use std::ops::RangeInclusive;

/// A server under more work than it can do. Times are in steps.
struct Scene {
    slots: usize,
    weights: Vec<usize>,
    concurrency: usize,
    /// How long a file takes to answer.
    answers: RangeInclusive<u64>,
    /// How long a job takes.
    takes: u64,
    /// Ends are told every so many steps, all that came meanwhile at once.
    burst: u64,
    /// How many jobs each tenant has.
    queued: usize,
}

impl Default for Scene {
    fn default() -> Scene {
        Scene {
            slots: 64,
            weights: vec![1, 2, 4],
            concurrency: 48,
            answers: 1..=1,
            takes: 100,
            burst: 1,
            queued: usize::MAX,
        }
    }
}

/// What came of it.
struct Told {
    begun: Vec<usize>,
    /// Of all places over all steps, how many neither did a job nor were promised to one.
    idle: f64,
}

impl Scene {
    /// Plays it until `total` jobs were begun.
    #[expect(clippy::cast_precision_loss, reason = "some thousands")]
    fn play(&self, total: usize) -> Told {
        let mut fair: Fair<usize> = Fair::new(self.slots, BTreeMap::new());
        let mut left = vec![self.queued; self.weights.len()];
        let mut begun = vec![0; self.weights.len()];
        let mut asked: Vec<(u64, Turn<usize>)> = Vec::new();
        let mut running: Vec<(u64, usize)> = Vec::new();
        (0..self.weights.len()).for_each(|tenant| assert!(fair.wake(tenant)));
        let (mut dice, mut idle, mut now) = (7_u64, 0, 0_u64);
        while begun.iter().sum::<usize>() < total {
            now += 1;
            assert!(now < 1_000_000, "it stands still at {begun:?}");
            if now.is_multiple_of(self.burst) {
                for (_, tenant) in running.extract_if(.., |(until, _)| *until <= now) {
                    fair.ended(tenant, "job");
                }
            }
            for (_, turn) in asked.extract_if(.., |(until, _)| *until <= now) {
                let tenant = turn.tenant;
                let count = turn.most.min(left[tenant]);
                left[tenant] -= count;
                begun[tenant] += count;
                running.extend(std::iter::repeat_n((now + self.takes, tenant), count));
                let (weight, concurrency) = (self.weights[tenant], self.concurrency);
                fair.set_share(tenant, Share { weight, concurrency });
                let taken = vec!["job".to_owned(); count];
                fair.brought(tenant, &Brought { taken, more: left[tenant] > 0, blocked: Vec::new() });
            }
            while let Some(turn) = fair.next_turn() {
                dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
                let span = self.answers.end() - self.answers.start() + 1;
                asked.push((now + self.answers.start() + (dice >> 33) % span, turn));
            }
            assert!(running.len() + asked.iter().map(|(_, turn)| turn.most).sum::<usize>() <= self.slots);
            assert!(fair.free == 0 || fair.ring.is_empty(), "a place is free and somebody waits");
            idle += fair.free;
        }
        Told { begun, idle: idle as f64 / (now * self.slots as u64) as f64 }
    }
}

/// By how much the share is off that is furthest from what its weight gives, in percent.
#[expect(clippy::cast_precision_loss, reason = "some thousands")]
fn furthest(begun: &[usize], weights: &[usize]) -> f64 {
    let (sum, all): (usize, usize) = (begun.iter().sum(), weights.iter().sum());
    let off = begun.iter().zip(weights).map(|(begun, weight)| {
        let due = (sum * weight) as f64 / all as f64;
        100.0 * (*begun as f64 - due).abs() / due
    });
    off.fold(0.0, f64::max)
}

#[test]
fn weights_are_shares_within_five_percent_however_long_files_take_to_answer() {
    for takes in [20, 100, 400] {
        for answers in [1..=1, 1..=5, 10..=10, 5..=20, 1..=40, 40..=40] {
            for burst in [1, 7, 30] {
                let scene = Scene { takes, burst, answers: answers.clone(), ..Scene::default() };
                let told = scene.play(2_800);
                let what = format!("{takes} {answers:?} {burst}: {:?}, {:.3} idle", told.begun, told.idle);
                assert!(furthest(&told.begun, &scene.weights) <= 5.0, "{what}");
                assert!(told.idle < 0.05, "{what}");
            }
        }
    }
}

#[test]
fn a_hundred_tenants_of_one_weight_have_done_the_same_half_way() {
    for (takes, answers, burst) in [(1, 1..=3, 1), (1, 5..=9, 3), (20, 1..=5, 1), (20, 5..=20, 7)] {
        let weights = vec![1; 100];
        let scene = Scene { takes, burst, answers, weights, queued: 200, ..Scene::default() };
        let begun = scene.play(10_000).begun;
        let (sum, squares): (usize, usize) = (begun.iter().sum(), begun.iter().map(|one| one * one).sum());
        assert!(sum * sum * 1_000 >= 995 * squares * begun.len(), "{takes} {burst}: {begun:?}");
        // Nothing is left over, and nobody waits for what nobody has.
        assert_eq!(scene.play(20_000).begun, [200; 100]);
    }
}

#[test]
fn what_is_set_aside_for_one_that_has_no_more_goes_to_the_others() {
    let mut fair: Fair<&str> = Fair::new(2, BTreeMap::new());
    let share = Share { weight: 1, concurrency: 48 };
    let brought =
        |count: usize, more| Brought { taken: vec!["job".to_owned(); count], more, blocked: Vec::new() };
    for tenant in ["a", "b"] {
        fair.set_share(tenant, share);
        assert!(fair.wake(tenant));
    }
    assert_eq!(fair.next_turn().map(|turn| (turn.tenant, turn.most)), Some(("a", 2)));
    fair.brought("a", &brought(2, true));
    fair.ended("a", "job");
    assert_eq!(fair.next_turn().map(|turn| (turn.tenant, turn.most)), Some(("a", 1)));
    fair.ended("a", "job");
    assert_eq!(fair.next_turn(), None, "that place is set aside");
    fair.brought("a", &brought(1, false));
    assert_eq!(fair.next_turn().map(|turn| (turn.tenant, turn.most)), Some(("b", 1)));
}

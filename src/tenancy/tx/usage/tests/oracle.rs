//! Any order, any batching, duplicates, corrections: what comes out is what a naive count says.

use super::*;
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};

/// One event of a history: its number is its key.
#[derive(Clone, Debug)]
struct Told {
    meter: usize,
    quantity: i64,
    step: i64,
    user: u8,
    sent: usize,
    is_voided: bool,
}

const NAMES: [&str; 6] = ["tokens", "bytes", "calls", "peak", "users", "level"];

fn histories() -> impl Strategy<Value = (Vec<Told>, Vec<usize>)> {
    let told = (0..NAMES.len(), 0..50_i64, 0..40_i64, 0..4_u8, 1..4_usize, proptest::bool::weighted(0.2));
    let told = told.prop_map(|(meter, quantity, step, user, sent, is_voided)| Told {
        meter,
        quantity,
        step,
        user,
        sent,
        is_voided,
    });
    (prop::collection::vec(told, 1..30), prop::collection::vec(1..7_usize, 60))
}

fn sent(house: &House, number: usize, told: &Told) -> NewUsageEvent {
    let (name, key) = (NAMES[told.meter], number.to_string());
    let moment = NOW - told.step * STEP;
    match name {
        "users" => NewUsageEvent { occurred_at: Some(moment), ..house.user(&told.user.to_string(), &key) },
        "calls" => house.at(name, 1, &key, moment),
        _ => house.at(name, told.quantity, &key, moment),
    }
}

/// What a meter comes to between two moments, counted by hand. `order` is that in which events were accepted.
fn expected(history: &[Told], order: &[usize], meter: usize, period: Period) -> i64 {
    let counted: Vec<&Told> = order
        .iter()
        .map(|number| &history[*number])
        .filter(|told| told.meter == meter && !told.is_voided)
        .filter(|told| (period.from..period.to).contains(&(NOW - told.step * STEP)))
        .collect();
    match NAMES[meter] {
        "calls" => i64::try_from(counted.len()).unwrap(),
        "peak" => counted.iter().map(|told| told.quantity).max().unwrap_or(0),
        "users" => {
            i64::try_from(counted.iter().map(|told| told.user).collect::<BTreeSet<_>>().len()).unwrap()
        }
        "level" => {
            // The last by time; of several at one time the one that came last.
            let mut latest: Option<&Told> = None;
            for told in counted {
                if latest.is_none_or(|before| told.step <= before.step) {
                    latest = Some(told);
                }
            }
            latest.map_or(0, |told| told.quantity)
        }
        _ => counted.iter().map(|told| told.quantity).sum(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_comes_out_is_what_a_naive_count_says((history, batches) in histories()) {
        let house = House::new();
        // Each as often as it is sent, interleaved by a fixed stride, in batches of any size.
        let mut queue: Vec<usize> = Vec::new();
        for round in 0..3 {
            queue.extend((0..history.len()).filter(|number| history[*number].sent > round));
        }
        let (mut seqs, mut order) = (BTreeMap::new(), Vec::new());
        let mut batches = batches.into_iter().cycle();
        let mut rest = queue.as_slice();
        while !rest.is_empty() {
            let (batch, after) = rest.split_at(batches.next().unwrap().min(rest.len()));
            rest = after;
            let events: Vec<NewUsageEvent> =
                batch.iter().map(|number| sent(&house, *number, &history[*number])).collect();
            for (number, outcome) in batch.iter().zip(house.take(&events).0) {
                match outcome {
                    Outcome::Accepted(seq) => {
                        prop_assert!(seqs.insert(*number, seq).is_none());
                        order.push(*number);
                    }
                    Outcome::Duplicate(seq) => prop_assert_eq!(seqs.get(number), Some(&seq)),
                    Outcome::Refused(refusal) => panic!("{refusal:?}"),
                }
            }
        }
        for (number, seq) in &seqs {
            if history[*number].is_voided {
                house.void(*seq).unwrap();
            }
        }
        let watermark = house.read(|tx| tx.usage_head()).0;
        for (meter, name) in NAMES.iter().enumerate() {
            // On quarters, and not on any.
            for period in [
                always(),
                Period { from: quarter(NOW - 9 * STEP), to: quarter(NOW) },
                Period { from: NOW - 30 * STEP + 7, to: NOW - 3 * STEP + 1 },
            ] {
                let by_hand = expected(&history, &order, meter, period);
                let meter = Arc::clone(house.meters.get(name).unwrap());
                if quarter(period.from) == period.from && quarter(period.to) == period.to {
                    prop_assert_eq!(house.total(name, period).0, by_hand, "{} {:?}", name, period);
                }
                prop_assert_eq!(house.read(|tx| tx.usage_within(&meter, period)), by_hand, "{} {:?}", name, period);
                let taken = house.read(|tx| tx.take_usage(&meter, period, watermark));
                prop_assert_eq!(taken.quantity, by_hand, "{} {:?}", name, period);
            }
        }
        let before = house.derived();
        house.rebuild();
        prop_assert_eq!(house.derived(), before);
        let meters = Arc::clone(&house.meters);
        prop_assert_eq!(house.read(|tx| tx.verify_usage(&meters)).1, None);
    }
}

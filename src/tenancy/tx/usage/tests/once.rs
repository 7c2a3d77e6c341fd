//! Limits under threads, and notices, whatever comes in which order.

use super::*;
use proptest::prelude::*;
use std::collections::BTreeSet;

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, failure_persistence: None, ..ProptestConfig::default() })]

    /// Threads that send at once never pass a hard limit by even one, and what none of them had room for would not fit.
    #[test]
    fn threads_never_pass_a_hard_limit(
        hard in 0_i64..300,
        sent in proptest::collection::vec(proptest::collection::vec(0_i64..40, 1..20), 2..6),
    ) {
        let house = House::new();
        house.plan(&format!("[limits]\ntokens = {{ hard = {hard} }}"), None);
        let tasks: Vec<_> = sent.into_iter().enumerate().map(|(thread, quantities)| {
            let (database, meters) = (Arc::clone(&house.database), Arc::clone(&house.meters));
            let (terms, meter) = (Arc::clone(&house.terms), house.event("tokens", 0, ""));
            house.runtime.spawn(async move {
                let (mut taken, mut refused) = (0, Vec::new());
                for (number, quantity) in quantities.into_iter().enumerate() {
                    let event = NewUsageEvent { quantity, key: format!("{thread} {number}"), ..meter.clone() };
                    let (meters, terms) = (Arc::clone(&meters), Arc::clone(&terms));
                    let outcome = database.write("test", move |tx| {
                        let mut intake =
                            Intake::begin(TenantTx::new(tx), &meters, Some(&terms), Actor::System)?;
                        let outcome = intake.take(&event)?;
                        intake.finish()?;
                        Ok(outcome)
                    });
                    match outcome.await.unwrap() {
                        Outcome::Accepted(_) => taken += quantity,
                        _ => refused.push(quantity),
                    }
                }
                (taken, refused)
            })
        }).collect();
        let ended: Vec<(i64, Vec<i64>)> =
            tasks.into_iter().map(|task| house.runtime.block_on(task).unwrap()).collect();
        let taken: i64 = ended.iter().map(|(taken, _)| taken).sum();
        prop_assert!(taken <= hard);
        prop_assert_eq!(house.total("tokens", always()).0, taken);
        for refused in ended.iter().flat_map(|(_, refused)| refused) {
            prop_assert!(taken + refused > hard);
        }
    }

    /// Each threshold of each window is told once, whatever is taken back, made anew or sent again; and never one that was
    /// not reached.
    #[test]
    fn notices_fire_once(
        steps in proptest::collection::vec((0_u8..10, 0_i64..8, 0_i64..3), 1..60),
    ) {
        let house = House::new();
        house.plan("[limits]\ntokens = { soft = 20, window = \"day\" }", None);
        let mut reached = BTreeSet::new();
        for (number, (kind, quantity, days)) in steps.into_iter().enumerate() {
            match kind {
                0 => drop(house.void(quantity + 1)),
                1 => house.rebuild(),
                _ => {
                    let moment = NOW - days * DAY;
                    house.take(&[house.at("tokens", quantity, &number.to_string(), moment)]);
                    let day = house.terms_of().window(Window::Day, moment).unwrap();
                    let used = house.total("tokens", day).0;
                    for (threshold, at) in [(80, 16), (100, 20)] {
                        if used >= at && quantity > 0 {
                            reached.insert((day.from, threshold));
                        }
                    }
                }
            }
        }
        let told = house.read(|tx| tx.list_untold_notices(1_000));
        let told: Vec<(i64, i64)> = told.iter().map(|told| (told.notice.starts_at, told.notice.threshold)).collect();
        let once: BTreeSet<(i64, i64)> = told.iter().copied().collect();
        prop_assert_eq!(told.len(), once.len(), "{:?}", told);
        prop_assert_eq!(once, reached);
    }
}

impl House {
    fn terms_of(&self) -> Arc<UsageTerms> {
        self.read(|tx| Ok(self.terms.terms(tx, &self.meters)?.unwrap()))
    }
}

//! Windows that are kept in memory, against what the events come to.

use super::*;
use proptest::prelude::*;

const PLAN: &str = "[limits]\ntokens = { hard = 500, window = \"day\" }\ncalls = { hard = 40 }\n\
                    [[prices]]\nmeter = \"tokens\"\nmodel = \"per_unit\"\nunit_cents = 1\n\
                    [[prices]]\nmeter = \"users\"\nmodel = \"per_unit\"\nunit_cents = 3\n\
                    [[prices]]\nmeter = \"level\"\nmodel = \"per_unit\"\nunit_cents = 1";

#[derive(Clone, Debug)]
enum Step {
    Take(Vec<(u8, i64, i64)>),
    /// Taken in a transaction that is rolled back.
    Lose(Vec<(u8, i64, i64)>),
    Void(i64),
    Rebuild,
    Wait(i64),
    /// Another program looks: nothing is in memory.
    Forget,
}

fn step() -> impl Strategy<Value = Step> {
    let events = || proptest::collection::vec((0_u8..4, 0_i64..60, 0_i64..30), 1..8);
    prop_oneof![
        8 => events().prop_map(Step::Take),
        2 => events().prop_map(Step::Lose),
        2 => (1_i64..60).prop_map(Step::Void),
        1 => Just(Step::Rebuild),
        1 => (0_i64..30).prop_map(Step::Wait),
        1 => Just(Step::Forget),
    ]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever is kept, rolled back, voided or made anew: a hard limit and the spend cap are never passed, and what is
    /// said to be used is what the events come to.
    #[test]
    fn what_is_kept_is_what_the_events_come_to(steps in proptest::collection::vec(step(), 1..40)) {
        let mut house = House::new();
        house.plan(PLAN, Some(700));
        let (mut number, mut before) = (0, 0);
        for step in steps {
            let mut event = |house: &House, (meter, quantity, back): &(u8, i64, i64)| {
                number += 1;
                let key = number.to_string();
                let moment = house.clock_now() - back * HOUR;
                match meter {
                    0 => house.at("tokens", *quantity, &key, moment),
                    1 => NewUsageEvent { quantity: 1, ..house.at("calls", 1, &key, moment) },
                    2 => NewUsageEvent { occurred_at: Some(moment), ..house.user(&quantity.to_string(), &key) },
                    _ => house.at("level", *quantity, &key, moment),
                }
            };
            match &step {
                Step::Take(events) => {
                    let events: Vec<_> = events.iter().map(|one| event(&house, one)).collect();
                    house.take(&events);
                }
                Step::Lose(events) => {
                    let events: Vec<_> = events.iter().map(|one| event(&house, one)).collect();
                    house.lose(&events);
                }
                Step::Void(seq) => drop(house.void(*seq)),
                Step::Rebuild => house.rebuild(),
                Step::Wait(hours) => house.clock.advance(hours * HOUR),
                Step::Forget => house.terms = Arc::default(),
            }
            let meters = Arc::clone(&house.meters);
            let (uses, spent, terms) = house.read(|tx| {
                let terms = house.terms.terms(tx, &meters)?.unwrap();
                Ok((tx.limit_uses(&terms, &meters)?, tx.spent(&terms, &meters)?, terms))
            });
            for line in uses {
                let window = terms.window(line.limit.window, house.clock_now()).unwrap();
                let within = Period { from: window.from.max(NOW - 400 * DAY), to: window.to.min(NOW + 400 * DAY) };
                prop_assert_eq!(line.used, house.total(&line.meter.name, within).0, "{}", line.meter.name);
                prop_assert!(line.used <= line.limit.hard.unwrap());
            }
            let mut due = 0;
            for (meter, price) in [("tokens", 1), ("users", 3), ("level", 1)] {
                let within = house.read(|tx| tx.usage_within(house.meters.get(meter).unwrap(), terms.period));
                due += within * price;
            }
            prop_assert_eq!(spent, due * 1_000_000);
            // What is taken never makes it cost more than the cap; what is taken back may, of a meter whose last event counts.
            if matches!(step, Step::Take(_)) {
                prop_assert!(spent <= before.max(700_000_000), "{} after {}", spent, before);
            }
            before = spent;
        }
    }
}

impl House {
    fn clock_now(&self) -> i64 {
        use crate::clock::Clock as _;
        self.clock.now().0
    }

    /// Takes events, and loses them.
    fn lose(&self, events: &[NewUsageEvent]) {
        let (events, meters, terms) = (events.to_vec(), Arc::clone(&self.meters), Arc::clone(&self.terms));
        let lost: Result<()> = self.write(move |tx| {
            let mut intake = Intake::begin(tx, &meters, Some(&terms), Actor::System)?;
            events.iter().try_for_each(|event| intake.take(event).map(drop))?;
            intake.finish()?;
            Err(crate::error::Error::internal("lost"))
        });
        assert!(lost.is_err());
    }
}

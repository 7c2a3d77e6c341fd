//! Hard limits, the spend cap, notices.

use super::*;

const TOKENS: &str = "[limits]\ntokens = { hard = 10, window = \"day\" }";

#[track_caller]
fn used(outcome: &Outcome) -> (&str, &str) {
    match outcome {
        Outcome::Refused(UsageRefusal::LimitReached { used, hard, .. }) => (used, hard),
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_hard_limit_is_never_passed_by_even_one() {
    let house = House::new();
    house.plan(TOKENS, None);
    house.take(&[house.event("tokens", 7, "a")]);
    let outcomes = house.take(&[house.event("tokens", 4, "b"), house.event("tokens", 3, "c")]).0;
    assert_eq!(used(&outcomes[0]), ("7", "10"));
    assert_eq!(outcomes[1], Outcome::Accepted(2));
    // What counted before is still told so, and nothing costs nothing.
    assert_eq!(house.take(&[house.event("tokens", 7, "a")]).0, [Outcome::Duplicate(1)]);
    assert_eq!(house.take(&[house.event("tokens", 0, "d")]).0, [Outcome::Accepted(3)]);
    used(&house.take(&[house.event("tokens", 1, "e")]).0[0]);
    // Taken back there is room again; and the next day.
    house.void(2).unwrap();
    assert_eq!(house.take(&[house.event("tokens", 3, "f")]).0, [Outcome::Accepted(5)]);
    house.clock.advance(DAY);
    assert_eq!(house.take(&[house.event("tokens", 10, "g")]).0, [Outcome::Accepted(6)]);
    // An event counts in the window it occurred in.
    used(&house.take(&[house.at("tokens", 1, "h", NOW)]).0[0]);
    assert_eq!(house.take(&[house.at("tokens", 10, "i", NOW - DAY)]).0, [Outcome::Accepted(7)]);
}

#[test]
fn many_at_once_use_a_limit_up_exactly() {
    let house = House::new();
    house.plan("[limits]\ntokens = { hard = 100 }", None);
    let tasks: Vec<_> = (0..8)
        .map(|thread| {
            let (database, meters) = (Arc::clone(&house.database), Arc::clone(&house.meters));
            let (terms, meter) = (Arc::clone(&house.terms), house.event("tokens", 3, ""));
            house.runtime.spawn(async move {
                let mut taken = 0;
                for number in 0..20 {
                    let event = NewUsageEvent { key: format!("{thread} {number}"), ..meter.clone() };
                    let (meters, terms) = (Arc::clone(&meters), Arc::clone(&terms));
                    let outcome = database.write("test", move |tx| {
                        let tx = TenantTx::new(tx);
                        let mut intake = Intake::begin(tx, &meters, Some(&terms), Actor::System)?;
                        let outcome = intake.take(&event)?;
                        intake.finish()?;
                        Ok(outcome)
                    });
                    taken += i64::from(matches!(outcome.await.unwrap(), Outcome::Accepted(_)));
                }
                taken
            })
        })
        .collect();
    let taken: i64 = tasks.into_iter().map(|task| house.runtime.block_on(task).unwrap()).sum();
    assert_eq!(taken, 33);
    assert_eq!(house.total("tokens", always()).0, 99);
}

#[test]
fn notices_are_due_once_at_80_and_100_percent_of_each_window() {
    let house = House::new();
    house.plan(
        "[limits]\ntokens = { soft = 10, window = \"day\" }\nusers = { soft = 2, window = \"day\" }",
        None,
    );
    assert!(house.take(&[house.event("tokens", 7, "a")]).1.warnings.is_empty());
    let taken = house.take(&[house.event("tokens", 1, "b")]).1;
    let warning = &taken.warnings[0].0;
    assert_eq!((warning.used.as_str(), warning.limit.as_str(), warning.percent), ("8", "10", 80));
    assert!(taken.has_notices);
    let taken = house.take(&[house.event("tokens", 1, "c")]).1;
    assert!(!taken.has_notices && taken.warnings[0].0.percent == 90);
    house.take(&[house.event("tokens", 3, "d")]);
    // Taken back and used again, and after the sums were made anew: told once.
    house.void(4).unwrap();
    house.take(&[house.event("tokens", 3, "e")]);
    house.rebuild();
    house.take(&[house.event("tokens", 1, "f")]);
    let told = [("tokens", 80, "8"), ("tokens", 100, "12")];
    let told = told.map(|(meter, threshold, used)| (meter.to_owned(), threshold, used.to_owned()));
    assert_eq!(house.notices(), told);
    house.write(|tx| tx.told_notices(2)).unwrap();
    house.take(&[house.user("ann", "g"), house.user("ann", "h")]);
    assert!(house.notices().is_empty());
    house.take(&[house.user("ben", "i")]);
    assert_eq!(house.notices().iter().map(|notice| notice.1).collect::<Vec<_>>(), [80, 100]);
    house.clock.advance(DAY);
    house.take(&[house.event("tokens", 10, "j")]);
    assert_eq!(house.notices().len(), 4);
}

#[test]
fn what_is_nearly_used_is_known_without_another_use_of_soft_limits_and_hard_ones() {
    let house = House::new();
    house.plan(
        "[limits]\ntokens = { soft = 100, hard = 200, window = \"day\" }\nusers = { soft = 5, window = \"day\" }",
        None,
    );
    let standing = || {
        let meters = Arc::clone(&house.meters);
        let found = house.read(|tx| {
            let terms = house.terms.terms(tx, &meters)?.unwrap();
            tx.standing_warnings(&terms, &meters)
        });
        found
            .into_iter()
            .map(|(warning, _)| (warning.meter, warning.used, warning.percent))
            .collect::<Vec<_>>()
    };
    house.take(&[house.event("tokens", 79, "a")]);
    assert_eq!(standing(), []);
    house.take(&[house.event("tokens", 2, "b")]);
    let soft = ("tokens".to_owned(), "81".to_owned(), 81);
    assert_eq!(standing(), [soft], "of the soft limit, not of the hard one");
    house.plan("[limits]\ntokens = { hard = 95, window = \"day\" }", None);
    assert_eq!(standing(), [("tokens".to_owned(), "81".to_owned(), 85)]);
    house.clock.advance(DAY);
    assert_eq!(standing(), []);
}

#[test]
fn a_limit_that_comes_later_counts_what_was_used_before() {
    let house = House::new();
    house.take(&[house.event("tokens", 9, "a")]);
    house.plan(TOKENS, None);
    used(&house.take(&[house.event("tokens", 2, "b")]).0[0]);
    house.plan("", None);
    assert_eq!(house.take(&[house.event("tokens", 5, "c")]).0, [Outcome::Accepted(2)]);
    house.plan(TOKENS, None);
    assert_eq!(used(&house.take(&[house.event("tokens", 1, "d")]).0[0]), ("14", "10"));
}

const PRICED: &str = "[[prices]]\nmeter = \"tokens\"\nmodel = \"graduated\"\nincluded = 5\n\
                      tiers = [{ up_to = 10, unit_cents = 2 }, { unit_cents = \"0.5\" }]\n\
                      [[prices]]\nmeter = \"bytes\"\nmodel = \"per_unit\"\nunit_cents = 1";

#[test]
fn the_spend_cap_is_held_over_all_priced_meters_and_can_be_raised() {
    let house = House::new();
    house.plan(PRICED, Some(25));
    let spent = || {
        let meters = Arc::clone(&house.meters);
        house.read(|tx| tx.spent(&house.terms.terms(tx, &meters)?.unwrap(), &meters))
    };
    // Five are included, ten cost 2 each.
    house.take(&[house.event("tokens", 15, "a")]);
    assert_eq!(spent(), 20_000_000);
    assert_eq!(house.notices(), [(String::new(), 80, "0.20 USD".to_owned())]);
    // 4.5 for 4500 thousandths; then half a unit less than there is room for.
    let outcomes = house.take(&[house.event("bytes", 4_500, "b"), house.event("bytes", 501, "c")]).0;
    assert_eq!(outcomes[0], Outcome::Accepted(2));
    assert!(
        matches!(&outcomes[1], Outcome::Refused(UsageRefusal::SpendCapReached { cap, .. }) if cap == "0.25 USD")
    );
    assert_eq!(house.take(&[house.event("tokens", 1, "d")]).0, [Outcome::Accepted(3)]);
    assert_eq!(spent(), 25_000_000);
    assert_eq!(house.notices().last().unwrap().1, 100);
    // A duplicate is one also when the cap is reached; a meter without a price goes on.
    assert_eq!(house.take(&[house.event("bytes", 4_500, "b")]).0, [Outcome::Duplicate(2)]);
    assert_eq!(house.take(&[house.event("calls", 1, "e")]).0, [Outcome::Accepted(4)]);
    house.plan(PRICED, Some(26));
    assert_eq!(house.take(&[house.event("bytes", 501, "c")]).0, [Outcome::Accepted(5)]);
    // Late usage of the period before is not of this one.
    assert_eq!(house.take(&[house.at("bytes", 9_000, "f", NOW - 20 * DAY)]).0, [Outcome::Accepted(6)]);
}

const VALUES: &str = "[[prices]]\nmeter = \"users\"\nmodel = \"per_unit\"\nunit_cents = 2\n\
                      [[prices]]\nmeter = \"level\"\nmodel = \"per_unit\"\nunit_cents = 1";

#[track_caller]
fn is_capped(outcome: &Outcome) {
    assert!(matches!(outcome, Outcome::Refused(UsageRefusal::SpendCapReached { .. })), "{outcome:?}");
}

#[test]
fn the_spend_cap_refuses_a_value_that_is_new_and_takes_one_that_is_known() {
    let house = House::new();
    house.plan(VALUES, Some(5));
    let outcomes = house
        .take(&[
            house.user("ann", "a"),
            house.user("ann", "b"),
            house.user("ben", "c"),
            house.user("cid", "d"),
        ])
        .0;
    assert_eq!(accepted(&outcomes[..3]), [1, 2, 3]);
    is_capped(&outcomes[3]);
    // Known also from another transaction and another quarter; taken back, there is room.
    house.clock.advance(DAY);
    assert_eq!(house.take(&[house.user("ben", "e")]).0, [Outcome::Accepted(4)]);
    is_capped(&house.take(&[house.user("cid", "f")]).0[0]);
    house.void(1).unwrap();
    is_capped(&house.take(&[house.user("cid", "f")]).0[0]);
    house.void(2).unwrap();
    assert_eq!(house.take(&[house.user("cid", "f")]).0, [Outcome::Accepted(7)]);
    // What came in the first quarter before the period began is not known in it, what came after is.
    let edge = NOW - 10 * DAY;
    house.plan(VALUES, Some(100));
    house.write(|tx| Ok(tx.forget_windows(None)?)).unwrap();
    let at = |user: &str, key: &str, moment: i64| NewUsageEvent {
        occurred_at: Some(moment),
        ..house.user(user, key)
    };
    house.take(&[at("dan", "g", edge - 1), at("eve", "h", edge + 1)]);
    let spent = || {
        let meters = Arc::clone(&house.meters);
        house.read(|tx| tx.spent(&house.terms.terms(tx, &meters)?.unwrap(), &meters))
    };
    let before = spent();
    house.take(&[house.user("eve", "i")]);
    assert_eq!(spent(), before);
    house.take(&[house.user("dan", "j")]);
    assert_eq!(spent(), before + 2_000_000);
}

#[test]
fn an_older_event_does_not_lower_what_the_last_one_says() {
    let house = House::new();
    house.plan(&format!("{VALUES}\n[limits]\nlevel = {{ soft = 100, window = \"month\" }}"), Some(50));
    let outcomes = house
        .take(&[
            house.at("level", 40, "a", NOW - HOUR),
            house.at("level", 1, "b", NOW - 2 * HOUR),
            house.at("level", 51, "c", NOW),
        ])
        .0;
    assert_eq!(accepted(&outcomes[..2]), [1, 2]);
    is_capped(&outcomes[2]);
    let used = || {
        let meters = Arc::clone(&house.meters);
        house.read(|tx| {
            let terms = house.terms.terms(tx, &meters)?.unwrap();
            Ok((tx.limit_uses(&terms, &meters)?[0].used, tx.spent(&terms, &meters)?))
        })
    };
    assert_eq!(used(), (40, 40_000_000));
    // Neither does one of another transaction; a later one does.
    house.take(&[house.at("level", 3, "d", NOW - 3 * HOUR)]);
    assert_eq!(used(), (40, 40_000_000));
    house.take(&[house.at("level", 7, "e", NOW)]);
    assert_eq!(used(), (7, 7_000_000));
}

#[test]
fn what_is_counted_without_events_is_spent_too() {
    let house = House::new();
    let prices = "[[prices]]\nmeter = \"tokens\"\nmodel = \"per_unit\"\nunit_cents = 1\n\
                  [[prices]]\nmeter = \"storage.bytes\"\nmodel = \"per_unit\"\nunit_cents = 1";
    house.plan(prices, Some(100));
    let meters = Arc::clone(&house.meters);
    let terms = house.read(|tx| Ok(house.terms.terms(tx, &meters)?.unwrap()));
    let level = |level: i64| {
        let (meters, terms) = (Arc::clone(&meters), Arc::clone(&terms));
        house.write(move |tx| tx.spend_on_level(&terms, &meters, "storage.bytes", level)).unwrap()
    };
    assert_eq!(level(60), None);
    // The most that there was is what is paid for: less costs no less.
    assert_eq!(level(10), None);
    house.take(&[house.event("tokens", 40, "a")]);
    is_capped(&house.take(&[house.event("tokens", 1, "b")]).0[0]);
    assert!(matches!(level(61), Some(UsageRefusal::SpendCapReached { .. })));
    assert_eq!(level(60), None);
    // A plan that changes forgets what events came to, and not this.
    house.plan(prices, Some(101));
    assert!(house.take(&[house.event("tokens", 1, "b")]).0[0] == Outcome::Accepted(2));
    is_capped(&house.take(&[house.event("tokens", 1, "c")]).0[0]);
    let counted = [("storage.bytes".to_owned(), 70), ("nothing".to_owned(), 1)];
    let noted = Arc::clone(&terms);
    let known = Arc::clone(&meters);
    house.write(move |tx| tx.note_counted(&noted, &known, &counted)).unwrap();
    let reached = house.read(|tx| tx.cap_is_reached(&house.terms.terms(tx, &meters)?.unwrap(), &meters));
    assert!(reached.is_some());
}

#[test]
fn what_was_counted_since_the_last_event_is_known_to_the_next() {
    let house = House::new();
    let prices = "[[prices]]\nmeter = \"tokens\"\nmodel = \"per_unit\"\nunit_cents = 1\n\
                  [[prices]]\nmeter = \"api.requests\"\nmodel = \"per_unit\"\nunit_cents = 1";
    house.plan(prices, Some(100));
    let meters = Arc::clone(&house.meters);
    let terms = house.read(|tx| Ok(house.terms.terms(tx, &meters)?.unwrap()));
    let count = |requests: i64| {
        let (meters, terms) = (Arc::clone(&meters), Arc::clone(&terms));
        let counted = [("api.requests".to_owned(), requests)];
        house.write(move |tx| tx.note_counted(&terms, &meters, &counted)).unwrap();
    };
    count(1);
    assert_eq!(house.take(&[house.event("tokens", 5, "a")]).0, [Outcome::Accepted(1)]);
    count(90);
    is_capped(&house.take(&[house.event("tokens", 6, "b")]).0[0]);
    assert_eq!(house.take(&[house.event("tokens", 5, "c")]).0, [Outcome::Accepted(2)]);
    is_capped(&house.take(&[house.event("tokens", 1, "d")]).0[0]);
}

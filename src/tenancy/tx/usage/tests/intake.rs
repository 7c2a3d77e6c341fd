//! Keys, times, corrections.

use super::*;
use crate::error::Kind;
use crate::model::usage::{FUTURE, OLDEST};

#[test]
fn the_same_key_counts_once_and_another_payload_changes_nothing() {
    let house = House::new();
    let event = house.event("tokens", 5, "a");
    assert_eq!(house.take(std::slice::from_ref(&event)).0, [Outcome::Accepted(1)]);
    assert_eq!(house.take(&[event.clone(), event.clone()]).0, [Outcome::Duplicate(1), Outcome::Duplicate(1)]);
    let reused = Outcome::Refused(UsageRefusal::KeyReused);
    for other in [
        house.event("tokens", 6, "a"),
        house.event("calls", 5, "a"),
        house.at("tokens", 5, "a", NOW),
        NewUsageEvent { cost: Amount(1), ..event.clone() },
        NewUsageEvent { properties: Some("{}".to_owned()), ..event.clone() },
    ] {
        assert_eq!(house.take(&[other]).0, std::slice::from_ref(&reused));
    }
    assert_eq!(house.total("tokens", always()), (5, 5));
    // Within one transaction too, and the others of it count.
    let both = [house.event("tokens", 1, "b"), house.event("tokens", 2, "b"), house.event("tokens", 3, "c")];
    assert_eq!(house.take(&both).0, [Outcome::Accepted(2), reused, Outcome::Accepted(3)]);
    assert_eq!(house.total("tokens", always()).0, 9);
}

#[test]
fn an_event_without_a_time_is_the_same_whenever_it_is_sent_again() {
    let house = House::new();
    house.take(&[house.event("tokens", 5, "a"), house.at("tokens", 5, "b", NOW - OLDEST)]);
    house.clock.advance(3 * DAY);
    assert_eq!(house.take(&[house.event("tokens", 5, "a")]).0, [Outcome::Duplicate(1)]);
    // What counted is told so, though it would be too old by now.
    assert_eq!(house.take(&[house.at("tokens", 5, "b", NOW - OLDEST)]).0, [Outcome::Duplicate(2)]);
}

#[test]
fn events_are_taken_for_35_days_and_5_minutes_ahead() {
    let house = House::new();
    let outcome =
        |moment: i64| house.take(&[house.at("tokens", 1, &format!("{moment}"), moment)]).0.remove(0);
    assert_eq!(outcome(NOW - OLDEST), Outcome::Accepted(1));
    assert_eq!(outcome(NOW - OLDEST - 1), Outcome::Refused(UsageRefusal::TooOld));
    assert_eq!(outcome(NOW + FUTURE), Outcome::Accepted(2));
    assert_eq!(outcome(NOW + FUTURE + 1), Outcome::Refused(UsageRefusal::Future));
    for moment in [i64::MIN, i64::MAX] {
        assert!(matches!(outcome(moment), Outcome::Refused(_)));
    }
}

#[test]
fn what_was_taken_back_counts_like_what_was_never_sent() {
    let (house, other) = (House::new(), House::new());
    for (meter, quantity) in [("tokens", 5), ("calls", 1), ("peak", 9), ("level", 3)] {
        for house in [&house, &other] {
            house.take(&[house.event(meter, quantity, &format!("{meter} a"))]);
        }
        let seq = accepted(&house.take(&[house.event(meter, 7, &format!("{meter} b"))]).0)[0];
        house.void(seq).unwrap();
        assert_eq!(house.total(meter, always()), other.total(meter, always()), "{meter}");
    }
    house.take(&[house.user("ann", "u1"), house.user("ben", "u2")]);
    let again = accepted(&house.take(&[house.user("ben", "u3")]).0)[0];
    house.void(again).unwrap();
    assert_eq!(house.total("users", always()).0, 2);
    house.void(again - 1).unwrap();
    assert_eq!(house.total("users", always()).0, 1);
    let before = house.derived();
    house.rebuild();
    assert_eq!(house.derived(), before);
}

#[test]
fn an_event_is_taken_back_once_and_what_takes_it_back_stays() {
    let house = House::new();
    let seq = accepted(&house.take(&[house.event("tokens", 5, "a")]).0)[0];
    let by = house.void(seq).unwrap();
    assert_eq!(house.void(seq).unwrap_err().code(), "already_voided");
    assert_eq!(house.void(by).unwrap_err().code(), "not_voidable");
    assert_eq!(house.void(99).unwrap_err().kind(), Kind::NotFound);
    assert_eq!(house.total("tokens", always()), (0, 0));
    // Its key stays taken.
    assert_eq!(house.take(&[house.event("tokens", 5, "a")]).0, [Outcome::Duplicate(seq)]);
}

#[test]
fn events_are_neither_changed_nor_removed_and_whoever_does_is_found_out() {
    let house = House::new();
    house.take(&[house.event("tokens", 5, "a"), house.event("tokens", 6, "b")]);
    for sql in ["UPDATE _usage_events SET quantity = 1", "DELETE FROM _usage_events"] {
        assert!(house.write(move |tx| Ok(tx.tx.execute(sql, &[])?)).is_err(), "{sql}");
    }
    let meters = Arc::clone(&house.meters);
    assert_eq!(house.read(|tx| tx.verify_usage(&meters)), (2, None));
    house
        .write(|tx| {
            tx.tx.execute("DROP TRIGGER _usage_events_are_immutable", &[])?;
            Ok(tx.tx.execute("UPDATE _usage_events SET quantity = 7 WHERE seq = 2", &[])?)
        })
        .unwrap();
    let fault = house.read(|tx| tx.verify_usage(&meters)).1.unwrap();
    assert!(fault.contains("event 2"), "{fault}");
}

#[test]
fn sums_that_are_wrong_are_found_and_made_anew() {
    let house = House::new();
    house.take(&[house.event("tokens", 5, "a"), house.user("ann", "b")]);
    let (before, meters) = (house.derived(), Arc::clone(&house.meters));
    for sql in [
        "UPDATE _usage_sums SET quantity = 4 WHERE meter = 'tokens'",
        "DELETE FROM _usage_sums",
        "INSERT INTO _usage_sums VALUES ('calls', 0, 1, 0, 0, 1, 1, 1)",
    ] {
        house.write(move |tx| Ok(tx.tx.execute(sql, &[])?)).unwrap();
        assert!(house.read(|tx| tx.verify_usage(&meters)).1.is_some(), "{sql}");
        house.rebuild();
        assert_eq!(house.derived(), before);
        assert_eq!(house.read(|tx| tx.verify_usage(&meters)), (2, None));
    }
}

#[test]
fn more_than_can_be_counted_is_refused_and_loses_nothing() {
    let house = House::new();
    house.take(&[house.event("tokens", i64::MAX - 1, "a")]);
    assert_eq!(house.try_take(&[house.event("tokens", 2, "b")]).unwrap_err().kind(), Kind::Invalid);
    let two = [house.event("calls", i64::MAX, "c"), house.event("calls", 1, "d")];
    assert_eq!(house.try_take(&two).unwrap_err().kind(), Kind::Invalid);
    assert_eq!(house.total("tokens", always()).0, i64::MAX - 1);
    house.take(&[house.event("tokens", 1, "b")]);
}

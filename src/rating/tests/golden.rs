//! Figures that were worked out by hand, at the edges.

use super::{at, cents, minor, number, price, tier, whole};
use crate::model::money::{Amount, Currency};
use crate::model::plan::Decimal;
use crate::model::plan::{Interval, Price, PriceModel};
use crate::rating::{Calendar, Overflow, Period, RatedPartKind, Share, rate, split, tax};

#[track_caller]
fn assert_costs(price: &Price, cases: &[(i64, i64)]) {
    for (quantity, due) in cases {
        assert_eq!(minor(price, *quantity), *due, "{quantity} units of {price:?}");
    }
}

#[test]
fn a_flat_price_is_due_as_soon_as_there_is_usage_beyond_what_is_included() {
    let flat = Price { included: number("10"), ..price(PriceModel::Flat(cents("500"))) };
    assert_costs(&flat, &[(0, 0), (10, 0), (11, 500), (1_000_000, 500)]);
}

#[test]
fn units_are_rounded_once_and_not_one_by_one() {
    // 0.3 cents each: one by one they would cost nothing, or three times as much.
    assert_costs(&price(PriceModel::PerUnit(cents("0.3"))), &[(0, 0), (1, 0), (2, 1), (5, 2), (1_000, 300)]);
    // Halves go up.
    assert_costs(&price(PriceModel::PerUnit(cents("0.5"))), &[(1, 1), (2, 1), (3, 2), (5, 3)]);
    assert_costs(&price(PriceModel::PerUnit(cents("0.499999"))), &[(1, 0), (2, 1)]);
}

#[test]
fn a_graduated_price_changes_after_the_last_unit_of_a_tier() {
    let tiers = vec![tier(Some("100"), "2", "0"), tier(Some("200"), "1", "50"), tier(None, "0.5", "0")];
    let graduated = price(PriceModel::Graduated(tiers));
    assert_costs(
        &graduated,
        &[(0, 0), (99, 198), (100, 200), (101, 251), (200, 350), (201, 351), (202, 351), (203, 352)],
    );
    let parts = rate(&graduated, 0, 250, &whole()).unwrap().parts;
    let told: Vec<_> = parts.iter().map(|part| (part.kind, part.quantity, part.minor)).collect();
    assert_eq!(
        told,
        [
            (RatedPartKind::Tier(0), 100, 200),
            (RatedPartKind::Tier(1), 100, 100),
            (RatedPartKind::TierFlat(1), 1, 50),
            (RatedPartKind::Tier(2), 50, 25),
        ]
    );
}

#[test]
fn the_example_of_the_app_costs_what_its_prices_say() {
    let tiers = vec![tier(Some("10000000"), "0.002", "0"), tier(None, "0.001", "0")];
    let tokens = Price { included: number("1000000"), ..price(PriceModel::Graduated(tiers)) };
    assert_costs(
        &tokens,
        &[
            (1_000_000, 0),
            (1_000_249, 0),
            (1_000_250, 1),
            (11_000_000, 20_000),
            (11_000_500, 20_001),
            (21_000_000, 30_000),
        ],
    );
    let pages = price(PriceModel::Package { size: number("1000"), amount: cents("500") });
    assert_costs(&pages, &[(0, 0), (1, 500), (1_000, 500), (1_001, 1_000), (2_000, 1_000)]);
}

#[test]
fn a_volume_price_is_that_of_the_tier_that_all_reaches() {
    let tiers = vec![tier(Some("100"), "2", "0"), tier(Some("200"), "1", "10"), tier(None, "0", "99")];
    let volume = price(PriceModel::Volume(tiers));
    assert_costs(&volume, &[(0, 0), (1, 2), (100, 200), (101, 111), (200, 210), (201, 99), (9_999, 99)]);
}

#[test]
fn a_minimum_is_due_without_usage_and_told_as_a_line_of_its_own() {
    let least = Price { minimum: 1_000, ..price(PriceModel::PerUnit(cents("1"))) };
    assert_costs(&least, &[(0, 1_000), (999, 1_000), (1_000, 1_000), (1_001, 1_001)]);
    let parts = rate(&least, 0, 400, &whole()).unwrap().parts;
    assert_eq!(parts.iter().map(|part| part.minor).collect::<Vec<_>>(), [400, 600]);
    assert_eq!(parts[1].kind, RatedPartKind::Minimum);
}

#[test]
fn fractions_of_a_unit_are_rated_exactly() {
    let gigabytes = price(PriceModel::PerUnit(cents("2.5")));
    // 0.2 GB at 2.5 are 0.5: one; a billionth less is none.
    assert_eq!(rate(&gigabytes, 9, 200_000_000, &whole()).unwrap().minor, 1);
    assert_eq!(rate(&gigabytes, 9, 199_999_999, &whole()).unwrap().minor, 0);
    let packages = price(PriceModel::Package { size: number("0.5"), amount: cents("7") });
    assert_eq!(rate(&packages, 1, 5, &whole()).unwrap().minor, 7);
    assert_eq!(rate(&packages, 1, 6, &whole()).unwrap().minor, 14);
}

#[test]
fn less_than_nothing_costs_nothing_and_too_much_is_an_error() {
    let unit = price(PriceModel::PerUnit(Amount::MOST));
    assert_eq!(minor(&unit, -5), 0);
    assert_eq!(rate(&unit, 0, i64::MAX, &whole()), Err(Overflow));
    assert!(rate(&unit, 9, i64::MAX, &whole()).is_ok());
    // More digits than the meter keeps: nothing that a plan is let through with.
    let odd = Price { included: number("0.5"), ..price(PriceModel::PerUnit(cents("1"))) };
    assert_eq!(rate(&odd, 0, 1, &whole()), Err(Overflow));
}

#[test]
fn yen_and_dinars_are_counted_in_their_own_minor_units() {
    let tokens = price(PriceModel::PerUnit(cents("0.4")));
    for (code, text) in [("JPY", "2 JPY"), ("KWD", "0.002 KWD"), ("USD", "0.02 USD")] {
        assert_eq!(Currency::parse(code).unwrap().write(minor(&tokens, 4)), text);
    }
}

#[test]
fn a_fee_is_shared_by_the_time_that_there_really_was() {
    let share = |from, to, zone: &str, anchor| {
        let period = Calendar::new(at(anchor), zone, Interval::Month).unwrap().period(0).unwrap();
        Share::of_part(Period { from: at(from), to: at(to) }, period)
    };
    // Half of February, half of a leap February: 14 of 28 days, 14 of 29.
    let half = share("2026-02-01T00:00:00Z", "2026-02-15T00:00:00Z", "UTC", "2026-02-01T00:00:00Z");
    assert_eq!(half.of(4_900), 2_450);
    let leap = share("2028-02-01T00:00:00Z", "2028-02-15T00:00:00Z", "UTC", "2028-02-01T00:00:00Z");
    assert_eq!(leap.of(4_900), 2_366);
    // March in Berlin has an hour less, October one more; each counts as long as it is.
    let march =
        share("2026-02-28T23:00:00Z", "2026-03-15T23:00:00Z", "Europe/Berlin", "2026-02-28T23:00:00Z");
    assert_eq!(march.of(743_000), 15 * 24 * 1_000);
    let october =
        share("2026-09-30T22:00:00Z", "2026-10-15T22:00:00Z", "Europe/Berlin", "2026-09-30T22:00:00Z");
    assert_eq!(october.of(745_000), 15 * 24 * 1_000);
    assert_eq!(Share::whole(Period { from: 5, to: 5 }).of(7), 7);
}

#[test]
fn included_units_and_minimums_are_shared_like_a_fee() {
    let tokens = Price { included: number("100"), minimum: 90, ..price(PriceModel::PerUnit(cents("1"))) };
    let all = Period { from: 0, to: 3 };
    let part = |from, to| rate(&tokens, 0, 50, &Share::of_part(Period { from, to }, all)).unwrap();
    let parts = [part(0, 1), part(1, 2), part(2, 3)];
    assert_eq!(parts.each_ref().map(|rated| rated.included), [33, 34, 33]);
    // 17, 16 and 17 at one cent, and at least a third of the minimum.
    assert_eq!(parts.each_ref().map(|rated| rated.minor), [30, 30, 30]);
}

#[test]
fn three_parts_of_ten_are_four_three_and_three() {
    assert_eq!(split(10, &[1, 1, 1]), [4, 3, 3]);
    assert_eq!(split(-10, &[1, 1, 1]), [-4, -3, -3]);
    assert_eq!(split(100, &[0, 2, 1]), [0, 67, 33]);
    assert_eq!(split(5, &[0, 0]), [5, 0]);
    assert_eq!(split(5, &[]), Vec::<i64>::new());
    // 81 lines of a third each: 27, and not 0 or 81.
    assert_eq!(split(27, &[1; 81]).iter().sum::<i64>(), 27);
}

#[test]
fn tax_is_one_line_on_the_net() {
    // The sum of the taxes of three lines of 33 would be 18.
    assert_eq!(tax(99, number("19")), 19);
    assert_eq!(tax(50, number("19")), 10);
    assert_eq!(tax(-50, number("19")), -10);
    assert_eq!(tax(1_000, number("8.875")), 89);
    assert_eq!(tax(1_000, Decimal::ZERO), 0);
}
